//! What tasks do, as they do it: names, beginnings and ends, and the switches that the scheduler makes.
//!
//! `cargo run --example twatch [SECONDS] [--switches]`, as root or with CAP_PERFMON. Ends after so many seconds, else
//! with ^C.

use std::time::{Duration, Instant};

use perf_ring::abi::{AttrFlags, SampleType};
use perf_ring::{AllCpus, Body, Builder, Error, Item, Software, Wakeup};

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let seconds = args
        .iter()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(u64::MAX >> 1);
    let mut wanted = AttrFlags::TASK | AttrFlags::COMM | AttrFlags::COMM_EXEC;
    wanted.set(
        AttrFlags::CONTEXT_SWITCH,
        args.iter().any(|arg| arg == "--switches"),
    );
    let tasks = Builder::software(Software::DUMMY)
        .sample(SampleType::TID | SampleType::CPU)
        .flags(wanted)
        .wakeup(Wakeup::Bytes(1));
    let moves = Builder::software(Software::CPU_MIGRATIONS)
        .sample(SampleType::TID | SampleType::CPU)
        .wakeup(Wakeup::Events(1));

    let mut all = AllCpus::open(&[tasks, moves], 64)?;
    let end = Instant::now().checked_add(Duration::from_secs(seconds));
    let mut scratch = Vec::new();
    while end.is_none_or(|end| Instant::now() < end) {
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
            let time = parsed.id.time.unwrap_or(0) as f64 / 1e9;
            let tid = parsed.id.tid.unwrap_or_default().tid;
            print!("{time:.6} cpu {cpu} tid {tid}: ");
            match parsed.body {
                Body::Comm { comm, exec, .. } => {
                    println!(
                        "{} {}",
                        if exec { "exec" } else { "comm" },
                        comm.escape_ascii()
                    );
                }
                Body::Fork(new) => println!("fork {}/{}", new.task.pid, new.task.tid),
                Body::Exit(old) => println!("exit {}/{}", old.task.pid, old.task.tid),
                Body::Switch {
                    out,
                    preempted,
                    other,
                } => {
                    let other = other.unwrap_or_default().tid;
                    println!(
                        "switch {} {other}{}",
                        if out { "to" } else { "from" },
                        if preempted { ", preempted" } else { "" }
                    );
                }
                Body::Sample(_) => println!("moved to another CPU"),
                Body::Lost { lost, .. } => println!("lost {lost}"),
                other => println!("{other:?}"),
            }
        }
    }
    Ok(())
}
