//! The record and its architectural decoding.
//!
//! Limits: a `struct mce` is two cache lines, and a decoding reads about as much; both are in L1 here.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcekit::wire::{Mce, Raw};
use mcekit::{
    Addr, Context, CpuSignature, Grade, Ipid, McgCap, McgStatus, Misc, Record, Status, Synd, Vendor,
};

fn intel() -> Record {
    Record::new(13, Status(0x8c00_0040_0101_0090))
        .with_vendor(Vendor::INTEL)
        .with_cpuid(CpuSignature(0x50654))
        .with_mcgcap(McgCap(0x0f00_0c14))
        .with_mcgstatus(McgStatus(0))
        .with_addr(Addr(0x1_2345_6000))
        .with_misc(Misc(0x0004_0040_0000_008c))
        .with_cpu(3)
        .with_time(1_710_305_753)
}

fn amd() -> Record {
    Record::new(18, Status(0x9c20_4000_0000_011b))
        .with_vendor(Vendor::AMD)
        .with_cpuid(CpuSignature(0xa00f11))
        .with_mcgstatus(McgStatus(0))
        .with_addr(Addr(0x1_2345_6000))
        .with_misc(Misc(0xd012_0ffe_0000_0000))
        .with_ipid(Ipid(0x0000_0096_0025_0f00))
        .with_synd(Synd(0x0a80_0d08_0a80_0503))
        .with_cpu(64)
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("record");
    group.throughput(Throughput::Elements(1));
    for (name, record) in [("intel", intel()), ("amd", amd())] {
        let bytes = Mce::from(&record).to_bytes();
        group.bench_function(format!("from struct mce, {name}"), |b| {
            b.iter(|| Raw::new(black_box(&bytes)).map(|raw| _ = black_box(&raw.record())));
        });
        group.bench_function(format!("decode, {name}"), |b| {
            b.iter(|| _ = black_box(&black_box(&record).decode()));
        });
        group.bench_function(format!("grade, {name}"), |b| {
            b.iter(|| Grade::of(black_box(&record), Context::Kernel));
        });
    }
    group.finish();
}

criterion_group!(record, benches);
criterion_main!(record);
