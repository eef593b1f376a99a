//! The spool and the history: how soon a record is on disk, and how many get into SQLite.
//!
//! Both on the file system of the temporary directory (`TMPDIR`): on a tmpfs a flush costs nothing, so choose a disk.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use mcekit::{Addr, CpuSignature, McgStatus, Misc, Record, Status, Vendor};
use mcekit_source::{Channel, Event, Identity, Observed};
use mcekit_store::Batch;
use mcekit_store::db::History;
use mcekit_store::spool::{Options, Spool};
use tempfile::TempDir;

/// Events of a batch, as the daemon takes them at most.
const BATCH: u64 = 4096;
/// Records of a storm.
const STORM: u64 = 25 * BATCH;

/// The n-th record of a storm: a memory error with its own address, channel, count and time.
fn record(n: u64) -> Record {
    Record::new(
        13,
        Status(0x8c00_0000_0008_00c0 | (n % 7 + 1) << 38 | (n % 3)),
    )
    .with_vendor(Vendor::INTEL)
    .with_cpuid(CpuSignature(0x50654))
    .with_mcgstatus(McgStatus(0))
    .with_addr(Addr(n << 12))
    .with_misc(Misc(0x0002_0000_0000_008c | n << 20))
    .with_tsc(n)
    .with_time(1_795_349_361 + n / 100_000)
    .with_cpu((n % 64) as u32)
    .with_socket((n % 2) as u32)
    .with_apicid((n % 64) as u32)
    .with_microcode(0x0200_0065)
}

fn put(batch: &mut Batch, n: u64) {
    let record = record(n);
    let observed = Observed {
        record,
        channel: Channel::Trace,
        earlier_boot: false,
    };
    let identity = Identity::of(&record);
    batch.event(
        (1_795_349_361, 0),
        Some(identity),
        0,
        Event::Record(observed),
    );
}

fn spool() -> (TempDir, Spool) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (spool, _) =
        Spool::open(&dir.path().join("spool"), Options::default(), |_, _| {}).expect("a new spool");
    (dir, spool)
}

/// One write and one flush: of a single record, and of a full batch.
fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("store/append");
    for count in [1, BATCH] {
        let (_dir, mut spool) = spool();
        let mut tail = spool.tail(0);
        let mut batch = Batch::new();
        let mut n = 0;
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("{count}"), |b| {
            b.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                for _ in 0..iterations {
                    let begin = Instant::now();
                    batch.clear();
                    (n..n + count).for_each(|n| put(&mut batch, n));
                    n += count;
                    spool.append(&mut batch).expect("room");
                    spent += begin.elapsed();
                    // Old segments go, as they do behind a history; that is not the writer's time.
                    while let Ok(Some(frame)) = tail.next_frame() {
                        let _ = tail.applied(frame.sequence);
                    }
                }
                spent
            });
        });
    }
    group.finish();
}

/// A storm out of the spool into SQLite: decoded, with all columns and texts, committed and flushed.
fn history(c: &mut Criterion) {
    let mut group = c.benchmark_group("store/history");
    group.throughput(Throughput::Elements(STORM));
    group.sample_size(10);
    let fill = || {
        let (dir, mut spool) = spool();
        let mut batch = Batch::new();
        for first in (0..STORM).step_by(BATCH as usize) {
            batch.clear();
            (first..first + BATCH).for_each(|n| put(&mut batch, n));
            spool.append(&mut batch).expect("room");
        }
        let (history, _) =
            History::open(&dir.path().join("history.db"), Duration::ZERO).expect("a new history");
        (dir, spool, history)
    };
    group.bench_function("storm", |b| {
        b.iter_batched(
            fill,
            |(dir, spool, mut history)| {
                let mut tail = spool.tail(0);
                while let Some(count) = history.catch_up(&mut tail).expect("it is written") {
                    black_box(count);
                }
                assert_eq!(history.applied().1, STORM);
                (dir, spool, history)
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, append, history);
criterion_main!(benches);
