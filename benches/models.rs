//! Finding a processor's generation, and explaining a record with its tables.
//!
//! Peers, on one core of the machine that these numbers were first taken on: mcelog decodes a record in 75 ns and formats
//! it in memory in 374 to 452 ns; rasdaemon decodes in 524 to 854 ns, with text in 3,000 ns. They cannot be linked here.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcekit::{CpuSignature, Ipid, McgCap, Misc, Record, Status, Synd, Vendor, write_json};
use mcekit_models::{decode, find, models};

/// A record of a family, model and stepping.
fn record(vendor: Vendor, cpu: (u16, u8, u8), bank: u8, status: u64) -> Record {
    Record::new(bank, Status(status))
        .with_vendor(vendor)
        .with_cpuid(CpuSignature::new(cpu.0, cpu.1, cpu.2))
        .with_mcgcap(McgCap(0x0f00_0c14))
        .with_misc(Misc(0x0655_8a1f_37c9_a28c))
        .with_socket(1)
        .with_apicid(4)
}

/// Records that say much, one for each kind of table.
fn records() -> Vec<(&'static str, Record)> {
    let memory = 0x9c00_0042_0080_0090;
    let intel = |cpu, bank, status| record(Vendor::INTEL, cpu, bank, status);
    let amd = |cpu, status| {
        record(Vendor::AMD, cpu, 18, status)
            .with_ipid(Ipid(0x0000_0096_0025_0f00))
            .with_synd(Synd(0x0a80_0d08_0a80_0503))
    };
    vec![
        ("core2", intel((6, 0x17, 6), 0, 0x9000_4450_6a12_0e0f)),
        ("tulsa", intel((15, 6, 8), 0, 0x9c1f_f0ff_0b1e_0e0f)),
        ("nehalem", intel((6, 0x1a, 5), 8, memory)),
        ("sandy_bridge_ep", intel((6, 0x2d, 7), 8, memory)),
        ("skylake_server", intel((6, 0x55, 4), 13, memory)),
        ("icelake_server", intel((6, 0x6a, 6), 13, memory)),
        ("sapphire_rapids", intel((6, 0x8f, 8), 31, memory)),
        ("granite_rapids", intel((6, 0xad, 1), 19, memory)),
        ("diamond_rapids", intel((19, 1, 0), 19, memory)),
        ("alderlake", intel((6, 0x97, 2), 1, 0x9c00_0040_0001_0134)),
        (
            "amd_fam15h",
            record(Vendor::AMD, (0x15, 1, 0), 4, 0x9c40_4001_0008_0833),
        ),
        ("zen3 UMC", amd((0x19, 1, 1), 0x9c20_4000_0000_011b)),
        ("zen5 UMC", amd((0x1a, 2, 1), 0x9c20_4000_0000_011b)),
        (
            "kh50000",
            record(Vendor::ZHAOXIN, (7, 0x7b, 0), 8, 0x9c00_0040_0001_0e0b),
        ),
    ]
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("models");
    group.throughput(Throughput::Elements(1));
    let processors: Vec<_> = models()
        .flat_map(|model| {
            model.cpus.iter().map(|cpu| {
                (
                    model.vendor,
                    CpuSignature::new(cpu.family, cpu.last_model, cpu.last_stepping),
                )
            })
        })
        .collect();
    let mut next = 0;
    group.bench_function("find, any processor", |b| {
        b.iter(|| {
            next = (next + 1) % processors.len();
            let (vendor, signature) = processors[next];
            find(black_box(vendor), black_box(signature)).is_some()
        });
    });
    for (name, record) in records() {
        assert!(
            decode(&record).values().next().is_some(),
            "{name} says something"
        );
        group.bench_function(format!("values, {name}"), |b| {
            b.iter(|| {
                decode(black_box(&record))
                    .values()
                    .for_each(|value| _ = black_box(value));
            });
        });
    }
    for (name, record) in records() {
        let mut out = String::with_capacity(4096);
        group.bench_function(format!("JSON, {name}"), |b| {
            b.iter(|| {
                out.clear();
                _ = write_json(&mut out, &decode(black_box(&record)));
                out.len()
            });
        });
        let mut out = Vec::with_capacity(4096);
        group.bench_function(format!("JSON by serde_json, {name}"), |b| {
            b.iter(|| {
                out.clear();
                _ = serde_json::to_writer(&mut out, &decode(black_box(&record)));
                out.len()
            });
        });
    }
    group.finish();
}

criterion_group!(tables, benches);
criterion_main!(tables);
