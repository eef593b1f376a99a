//! Walking a sub-buffer: from the committed bytes to each record's time and bytes.
//!
//! Limit: the bare loop beside it, which reads each entry's header word and nothing else, unchecked by
//! anything but the slice's bounds. Real pages of Linux 6.18, from the crate's fixtures.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tracefs::Abi;
use tracefs::page::{Layout, SubBuffer};

fn fixture(name: &str) -> Vec<u8> {
    let pages =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/tracefs/tests/fixtures/pages");
    std::fs::read(pages.join(name)).expect("a fixture of the tracefs crate")
}

/// Header word by header word: what any walk has to read.
fn bare(data: &[u8], mut time: u64) -> (u64, u64) {
    let mut records = 0;
    let mut at = 0;
    while let Some(word) = data.get(at..).and_then(|d| d.first_chunk()) {
        let word = u32::from_le_bytes(*word);
        let (kind, delta) = (word & 31, u64::from(word >> 5));
        time += delta;
        match kind {
            1..=28 => {
                at += 4 + kind as usize * 4;
                records += 1;
            }
            30 | 31 => at += 8,
            _ => {
                let Some(len) = data.get(at + 4..).and_then(|d| d.first_chunk()) else {
                    break;
                };
                at += 4 + u32::from_le_bytes(*len) as usize;
                records += 1;
            }
        }
    }
    (records, time)
}

fn walk(c: &mut Criterion) {
    let mut group = c.benchmark_group("walk a sub-buffer");
    for (what, file, size) in [
        ("syscalls 64 KiB", "syscalls-6.18-64k/full.page", 64 << 10),
        ("sched 4 KiB", "sched-6.18/first.page", 4 << 10),
    ] {
        let page = fixture(file);
        let layout = Layout::new(Abi::LE64, size).expect("a size that kernels have");
        let sub = SubBuffer::parse(&page, &layout).expect("a page of a kernel");
        group.throughput(Throughput::Elements(sub.records().count() as u64));
        group.bench_function(format!("{what}/tracefs"), |b| {
            b.iter(|| {
                let sub = SubBuffer::parse(black_box(&page), &layout).expect("parsed before");
                let mut sum = 0u64;
                for record in sub.records() {
                    let record = record.expect("walked before");
                    let id = record.event_id(sub.endian()).unwrap_or(0);
                    sum = sum.wrapping_add(record.timestamp ^ u64::from(id));
                }
                sum
            });
        });
        group.bench_function(format!("{what}/bare loop"), |b| {
            b.iter(|| bare(black_box(sub.data()), sub.timestamp()));
        });
    }
    group.finish();
}

criterion_group!(benches, walk);
criterion_main!(benches);
