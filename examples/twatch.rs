//! What tasks do, as they do it: names, beginnings, ends and, with `--switches`, who runs.
//!
//! `cargo run --example twatch [SECONDS] [--switches]`, as root or with CAP_PERFMON.

use std::time::{Duration, Instant};

use perf_ring::abi::{AttrFlags, SampleType};
use perf_ring::{AllCpus, Body, Builder, Error, Item, Software, Wakeup};

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().collect();
    let seconds = args.iter().find_map(|arg| arg.parse().ok());
    let mut records = AttrFlags::TASK | AttrFlags::COMM | AttrFlags::COMM_EXEC;
    if args.iter().any(|arg| arg == "--switches") {
        records |= AttrFlags::CONTEXT_SWITCH;
    }
    let tasks = Builder::software(Software::DUMMY)
        .sample(SampleType::TID | SampleType::CPU)
        .flags(records)
        .wakeup(Wakeup::Bytes(1));
    let mut all = AllCpus::open(&[tasks], 64)?;

    let begun = Instant::now();
    let mut scratch = Vec::new();
    while seconds.is_none_or(|s| begun.elapsed() < Duration::from_secs(s)) {
        all.wait(Some(Duration::from_millis(500)))?;
        let mut merge = all.drain()?;
        while let Some(item) = merge.next() {
            let (cpu, parsed) = match &item {
                Item::Record {
                    cpu,
                    layout,
                    record,
                    ..
                } => (cpu, layout.parse(record, &mut scratch)?),
                other => {
                    println!("{other:?}");
                    continue;
                }
            };
            let tid = parsed.id.tid.unwrap_or_default().tid;
            let time = parsed.id.time.unwrap_or(0) as f64 / 1e9;
            print!("{time:.6} cpu {cpu} tid {tid} ");
            match parsed.body {
                Body::Comm { comm, .. } => println!("is {}", comm.escape_ascii()),
                Body::Fork(new) => println!("begins {}", new.task.tid),
                Body::Exit(_) => println!("ends"),
                Body::Switch { out: true, .. } => println!("stops"),
                Body::Switch { .. } => println!("runs"),
                other => println!("{other:?}"),
            }
        }
    }
    Ok(())
}
