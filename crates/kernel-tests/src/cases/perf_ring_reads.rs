//! `mce:mce_record` through a perf ring of every CPU: what is injected is what is read.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use perf_ring::abi::SampleType;
use perf_ring::{AllCpus, Builder, Item, Wakeup};

use crate::case::{Case, Cpu, Failure, How, Kernel, Outcome, same};
use crate::guest::{Guest, Injected};

pub(super) const CASE: Case = Case {
    name: "perf_ring_reads",
    about: "mce:mce_record arrives through perf rings: each injected error once, and counted",
    kernels: Kernel::ALL,
    cpus: Cpu::ALL,
    how: How::Shared(run),
};

/// Valid, corrected, enabled, without an address: no decoder of the kernel keeps such a one to itself.
const STATUS: u64 = 0x9000_0000_0000_0136;

fn run(guest: &Guest) -> Outcome {
    let failed = |error: perf_ring::Error| Failure::new(error.to_string());
    let event = Builder::tracepoint(Path::new("/sys/kernel/tracing"), "mce", "mce_record")
        .map_err(failed)?
        .sample(SampleType::CPU | SampleType::RAW)
        .wakeup(Wakeup::Events(1));
    let mut all = AllCpus::open(&[event], 4).map_err(failed)?;
    guest.poll_banks_often()?;
    let mut wanted = BTreeSet::new();
    let mut read = BTreeSet::new();
    let mut scratch = Vec::new();
    for n in 1..=6u64 {
        // One at a time: a bank holds one error until the kernel polls it. Not bank 4, which on AMD only one CPU of a
        // node has.
        let status = STATUS | n << 16;
        wanted.insert(status);
        guest.inject(&Injected {
            cpu: (n % 2) as u32,
            bank: 1,
            status,
            ..Injected::default()
        });
        guest.wait_for("the record in a ring", Duration::from_secs(10), || {
            all.wait(Some(Duration::from_millis(200))).map_err(failed)?;
            let mut merge = all.drain().map_err(failed)?;
            while let Some(item) = merge.next() {
                let Item::Record { layout, record, .. } = item else {
                    return Err(Failure::new(format!("{item:?}")));
                };
                let sample = layout.sample(record.body(&mut scratch)).map_err(failed)?;
                let words = sample.raw().unwrap_or_default().chunks_exact(8);
                read.extend(
                    words
                        .filter_map(|word| word.try_into().ok().map(u64::from_ne_bytes))
                        .filter(|word| word & !0xff_0000 == STATUS),
                );
            }
            Ok(read.contains(&status).then_some(()))
        })?;
    }
    same("the statuses read", &read, &wanted)?;
    let counts = all.counts().map_err(failed)?;
    same("events counted", counts.first().map(|c| c.value), Some(6))
}
