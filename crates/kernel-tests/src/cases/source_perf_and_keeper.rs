//! `mcekit_source::Perf` and `mcekit_source::Keeper`.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mcekit_source::{Keeper, Perf, TraceOptions};
use perf_ring::Builder;
use perf_ring::abi::SampleType;
use tracefs::fs::Tracefs;

use crate::case::{Case, Cpu, Failure, How, Kernel, Outcome, same};
use crate::guest::Guest;
use crate::guest::source::{Disk, each_once, numbered};
use crate::guest::tracing::MCE_RECORD;

pub(super) const CASE: Case = Case {
    name: "source_perf_and_keeper",
    about: "an own perf ring gives each error once while it is open; a keeper's rings outlive their readers",
    kernels: Kernel::ALL,
    cpus: Cpu::ALL,
    how: How::Shared(run),
};

fn run(guest: &Guest) -> Outcome {
    let tracefs = Tracefs::find()?;
    guest.poll_banks_often()?;
    own(guest, &tracefs)?;
    kept(guest, &tracefs)
}

fn own(guest: &Guest, tracefs: &Tracefs) -> Outcome {
    let failed = |e: mcekit_source::Error| Failure::new(e.to_string());
    let mut options = TraceOptions::ras();
    // The kernel sorts out bank 6.
    options.filter = Some("bank == 5".parse()?);
    let mut perf = Perf::open(tracefs, &options, 4).map_err(failed)?;
    let mut disk = Disk::default();
    for n in [0, 1, 2, 4] {
        guest.inject(&numbered(n));
        if n % 2 == 0 {
            let known = disk.errors.len();
            disk.wait(&mut perf, known + 1)?;
        }
    }
    let wanted = [0, 2, 4].map(|n| numbered(n).addr).to_vec();
    same("the errors of bank 5", &disk.errors, &wanted)?;
    same("counted", perf.counted().map_err(failed)?, 3)
}

fn kept(guest: &Guest, tracefs: &Tracefs) -> Outcome {
    let failed = |e: perf_ring::Error| Failure::new(e.to_string());
    let socket = Path::new("/tmp/mce-keeper");
    let format = tracefs.top().event(&MCE_RECORD.parse()?)?.format_text()?;
    let event = Builder::tracepoint(tracefs.root(), "mce", "mce_record")
        .map_err(failed)?
        .sample(SampleType::CPU | SampleType::RAW);
    let mut keeper = perf_ring::Keeper::open(&event, 4, MCE_RECORD, &format).map_err(failed)?;
    keeper.listen(socket).map_err(failed)?;
    let stop = AtomicBool::new(false);
    // Counted by events of their own, as the keeper is in another thread's hands.
    let count = perf_ring::AllCpus::open(std::slice::from_ref(&event), 4).map_err(failed)?;
    let recorded = || {
        let counts = count.counts().map_err(failed)?;
        Ok(counts.iter().map(|count| count.value).sum())
    };
    std::thread::scope(|scope| {
        let turning = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                keeper.turn(Some(Duration::from_millis(50)))?;
            }
            Ok::<(), perf_ring::Error>(())
        });
        let outcome = each_once(guest, recorded, || Keeper::connect(socket));
        stop.store(true, Ordering::Relaxed);
        match turning.join() {
            Ok(turned) => turned.map_err(failed).and(outcome),
            Err(_) => Err(Failure::new("the keeper panicked")),
        }
    })
}
