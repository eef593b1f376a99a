//! What crosses the border of the program: records and decodings as JSON and as text.
//!
//! Limits: a decoding's JSON is about a kilobyte, so writing it costs what copying and escaping a kilobyte costs.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcekit::{Addr, CpuSignature, Ipid, McgCap, McgStatus, Misc, Record, Status, Synd, Vendor};

fn records() -> [(&'static str, Record); 2] {
    let intel = Record::new(13, Status(0x8c00_0042_0080_0090))
        .with_vendor(Vendor::INTEL)
        .with_cpuid(CpuSignature(0x606a6))
        .with_mcgcap(McgCap(0x0f00_0c1c))
        .with_mcgstatus(McgStatus(0))
        .with_addr(Addr(0x1ef_a4c7_cc40))
        .with_misc(Misc(0x0d03_451d_e481_9486))
        .with_cpu(32)
        .with_time(1_685_541_979);
    let amd = Record::new(18, Status(0x9c20_4000_0000_011b))
        .with_vendor(Vendor::AMD)
        .with_cpuid(CpuSignature(0xa0_0f11))
        .with_mcgstatus(McgStatus(0))
        .with_addr(Addr(0x1_2345_6000))
        .with_misc(Misc(0xd012_0ffe_0000_0000))
        .with_ipid(Ipid(0x0000_0096_0025_0f00))
        .with_synd(Synd(0x0a80_0d08_0a80_0503))
        .with_cpu(64);
    [("intel", intel), ("amd", amd)]
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("output");
    group.throughput(Throughput::Elements(1));
    let mut json = Vec::with_capacity(8192);
    for (name, record) in records() {
        group.bench_function(format!("record as JSON, {name}"), |b| {
            b.iter(|| {
                json.clear();
                serde_json::to_writer(&mut json, black_box(&record)).map(|()| json.len())
            });
        });
        let line = serde_json::to_vec(&record).unwrap_or_default();
        group.bench_function(format!("record from JSON, {name}"), |b| {
            b.iter(|| serde_json::from_slice::<Record>(black_box(&line)).map(|r| r.bank()));
        });
        group.bench_function(format!("decoding as JSON, {name}"), |b| {
            b.iter(|| {
                json.clear();
                serde_json::to_writer(&mut json, &black_box(&record).decode()).map(|()| json.len())
            });
        });
        let mut text = String::with_capacity(8192);
        group.bench_function(format!("decoding as JSON by write_json, {name}"), |b| {
            b.iter(|| {
                text.clear();
                mcekit::write_json(&mut text, &black_box(&record).decode()).map(|()| text.len())
            });
        });
        group.bench_function(format!("decoding as text, {name}"), |b| {
            b.iter(|| {
                use std::io::Write;
                json.clear();
                write!(json, "{}", black_box(&record).decode()).map(|()| json.len())
            });
        });
    }
    group.finish();
}

criterion_group!(decode, benches);
criterion_main!(decode);
