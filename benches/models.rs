//! Finding a processor's generation, and explaining a record with its tables: records that say much, and for every file of
//! models the slowest of its golden cases.
//!
//! Peers, on one core of the machine that these numbers were first taken on: mcelog decodes a record in 75 ns and formats
//! it in memory in 374 to 452 ns; rasdaemon decodes in 524 to 854 ns, with text in 3,000 ns. They cannot be linked here.

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcekit::table::Model;
use mcekit::{
    Addr, CpuSignature, Ipid, McgCap, McgStatus, Misc, Record, Status, Synd, Synd1, Synd2, Vendor,
    write_json,
};
use mcekit_models::{Explained, decode, decode_as, find, models};

use case::Case;

#[path = "../crates/mcekit-models/tests/tables/case.rs"]
mod case;

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
            "MI300 UMC",
            amd((0x19, 0x90, 0), 0x9c20_4000_0000_011b).with_addr(Addr(0x06a3_f2d4)),
        ),
        (
            "kh50000",
            record(Vendor::ZHAOXIN, (7, 0x7b, 0), 8, 0x9c00_0040_0001_0e0b),
        ),
    ]
}

/// A golden case: a record, and the model that explains it where its processor does not say.
type Golden = (Record, Option<&'static Model>);

/// The golden cases of every file with models, each as it is and with every register given.
fn golden() -> BTreeMap<String, Vec<Golden>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/mcekit-models/cases");
    let (mut files, mut dirs) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("cases") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("cases");
            let lines = text.lines().filter(|line| !line.starts_with([' ', '#']));
            let cases = lines.filter(|line| !line.is_empty()).flat_map(|line| {
                let case = Case::parse(line).expect("a case");
                let model = case.explain().model().filter(|_| case.model.is_some());
                [(case.record, model), (full(&case.record), model)]
            });
            let name = path.strip_prefix(&root).expect("below").with_extension("");
            files.insert(name.display().to_string(), cases.collect());
        }
    }
    files
}

/// The record with every register that its processor has.
fn full(record: &Record) -> Record {
    let mut valid = Status::VAL | Status::MISCV | Status::ADDRV;
    let mut given = Record::empty()
        .with_misc(Misc(0xd655_8a1f_37c9_a28c))
        .with_addr(Addr(0x0016_a3f2_d400))
        .with_mcgstatus(McgStatus(McgStatus::RIPV | McgStatus::MCIP))
        .with_mcgcap(McgCap(0x0f00_0c14))
        .with_socket(1)
        .with_apicid(4);
    if record.is_amd_like() {
        valid |= Status::ERR_CORE_ID_VAL;
    }
    if record.is_smca() {
        valid |= Status::SYNDV;
        given = given
            .with_synd(Synd(0x0a80_0d08_0a80_e573))
            .with_synd1(Synd1(0x12_3456_7890))
            .with_synd2(Synd2(0x99_8877_6655));
    }
    record
        .with_status(Status(record.status().0 | valid))
        .or(&given)
}

fn explain(case: &Golden) -> Explained<'_> {
    let record = black_box(&case.0);
    match case.1 {
        Some(model) => decode_as(record, model),
        None => decode(record),
    }
}

fn values(explained: &Explained<'_>) {
    explained.values().for_each(|value| _ = black_box(value));
}

fn json(out: &mut String, explained: &Explained<'_>) -> usize {
    out.clear();
    _ = write_json(out, explained);
    out.len()
}

/// The case that takes longest: by the best of several short runs, taken in turns, so that a disturbance hits all.
fn slowest(cases: &[Golden], mut run: impl FnMut(&Golden)) -> &Golden {
    let mut best = vec![Duration::MAX; cases.len()];
    for _ in 0..8 {
        for (best, case) in best.iter_mut().zip(cases) {
            let begin = Instant::now();
            for _ in 0..40 {
                run(case);
            }
            *best = begin.elapsed().min(*best);
        }
    }
    let (slowest, _) = cases
        .iter()
        .zip(best)
        .max_by_key(|(_, best)| *best)
        .expect("a file has cases");
    slowest
}

fn any_model(c: &mut Criterion) {
    let mut group = c.benchmark_group("slowest case");
    group
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    for (name, cases) in golden() {
        let case = slowest(&cases, |case| values(&explain(case)));
        group.bench_function(format!("values, {name}"), |b| {
            b.iter(|| values(&explain(case)));
        });
        let mut out = String::with_capacity(4096);
        let case = slowest(&cases, |case| _ = json(&mut out, &explain(case)));
        group.bench_function(format!("JSON, {name}"), |b| {
            b.iter(|| json(&mut out, &explain(case)));
        });
    }
    group.finish();
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
            b.iter(|| values(&decode(black_box(&record))));
        });
    }
    for (name, record) in records() {
        let mut out = String::with_capacity(4096);
        group.bench_function(format!("JSON, {name}"), |b| {
            b.iter(|| json(&mut out, &decode(black_box(&record))));
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

criterion_group!(tables, benches, any_model);
criterion_main!(tables);
