//! Records a second that a replay gives: what measuring a daemon with it can show at most.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use mcekit::wire::Mce;
use mcekit_logs::generate::{Random, all_machine_checks, record};
use mcekit_source::{Replay, Source};

/// How many of each.
const RECORDS: usize = 20_000;

fn formats() -> [(&'static str, Vec<u8>); 3] {
    let mut random = Random::new(1);
    let records: Vec<_> = (0..RECORDS).map(|_| record(&mut random)).collect();
    let structs = records
        .iter()
        .flat_map(|record| Mce::from(record).to_bytes())
        .collect();
    let lines = records
        .iter()
        .flat_map(|record| {
            let mut line = serde_json::to_vec(record).expect("a record is JSON");
            line.push(b'\n');
            line
        })
        .collect();
    let text = all_machine_checks(1, RECORDS).into_bytes();
    [("structs", structs), ("json", lines), ("text", text)]
}

fn replay(c: &mut Criterion) {
    let mut group = c.benchmark_group("replay");
    group.throughput(Throughput::Elements(RECORDS as u64));
    for (name, bytes) in formats() {
        group.bench_function(name, |b| {
            b.iter_batched(
                || Replay::of_bytes(name, bytes.clone()).expect("a replay"),
                |mut source| {
                    let mut records = 0;
                    while let Some(event) = source.next().expect("whole records") {
                        black_box(event);
                        records += 1;
                    }
                    assert_eq!(records, RECORDS);
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, replay);
criterion_main!(benches);
