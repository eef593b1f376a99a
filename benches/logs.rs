//! Reading logs: an ordinary one, where nothing is a machine check, and one where every line belongs to one.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcekit_logs::{Reader, generate};

/// The number of records in a text.
fn count(text: &[u8]) -> u64 {
    let mut count = 0;
    let mut reader = Reader::new();
    reader.push(text, &mut |found| {
        black_box(&found.record);
        count += 1;
    });
    reader.finish(&mut |_| count += 1);
    count
}

fn logs(c: &mut Criterion) {
    let ordinary = generate::ordinary(1, 64 << 20);
    assert_eq!(count(ordinary.as_bytes()), 0);
    let mut group = c.benchmark_group("logs/ordinary 64 MiB");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(ordinary.len() as u64));
    group.bench_function("scan", |b| b.iter(|| count(black_box(ordinary.as_bytes()))));
    // What the memory gives: the same bytes summed up.
    group.bench_function("read", |b| {
        b.iter(|| {
            let words = black_box(ordinary.as_bytes()).chunks_exact(8);
            words.fold(0_u64, |sum, word| {
                sum.wrapping_add(word.try_into().map_or(0, u64::from_le_bytes))
            })
        });
    });
    group.finish();

    let records = 20_000;
    let raw = generate::all_machine_checks(2, records);
    assert_eq!(count(raw.as_bytes()), records as u64);
    let decoded = generate::all_decoded(3, records);
    assert_eq!(count(decoded.as_bytes()), records as u64);
    let mut group = c.benchmark_group("logs/all machine checks");
    group.sample_size(20);
    group.throughput(Throughput::Elements(records as u64));
    group.bench_function("raw", |b| b.iter(|| count(black_box(raw.as_bytes()))));
    group.bench_function("edac_mce_amd", |b| {
        b.iter(|| count(black_box(decoded.as_bytes())))
    });
    group.finish();
}

criterion_group!(benches, logs);
criterion_main!(benches);
