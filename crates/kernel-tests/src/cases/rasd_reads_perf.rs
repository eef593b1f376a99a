//! The daemon on perf rings of its own, which end with it.

use std::thread::sleep;

use crate::case::{Boot, Case, Cpu, How, Kernel, Outcome, same};
use crate::guest::Guest;
use crate::guest::rasd::{Daemon, Errors, History, KILLED_AFTER, LATE};

pub(super) const CASE: Case = Case {
    name: "rasd_reads_perf",
    about: "what happens while the daemon has its perf rings is in the database once, and each time without them is told",
    kernels: Kernel::OLDER,
    cpus: Cpu::ALL,
    how: How::Boots(&[Boot::new(run).with_rasd()]),
};

fn run(guest: &Guest) -> Outcome {
    let mut errors = Errors::default();
    let mut daemon = Daemon::new(&guest.mount_disk()?.join("rasd"), &["--source", "perf"]);
    // Nobody records these, and that is told.
    errors.inject(3)?;
    daemon.start_and_wait(guest)?;
    let mut safe = errors.inject(5)?;
    let history = daemon.until_last(guest, &errors)?;
    history.has(&safe, &[])?;
    tells(&history, 0)?;

    // In the ring, in the daemon, or on disk, when it was killed.
    let mut in_flight = Vec::new();
    for (number, pause) in KILLED_AFTER.into_iter().enumerate().skip(2) {
        in_flight.extend(errors.inject(3)?);
        sleep(pause);
        daemon.kill()?;
        errors.inject(3)?;
        daemon.start_and_wait(guest)?;
        safe.extend(errors.inject(2)?);
        let history = daemon.until_last(guest, &errors)?;
        history.has(&safe, &in_flight)?;
        tells(&history, number - 1)?;
    }
    // An orderly end leaves the same gap.
    let told = daemon.history()?.lost_unknown.len() - 1;
    daemon.stop()?;
    errors.inject(2)?;
    daemon.start_and_wait(guest)?;
    safe.extend(errors.inject(2)?);
    let history = daemon.until_last(guest, &errors)?;
    history.has(&safe, &in_flight)?;
    tells(&history, told + 1)?;
    daemon.stop()
}

/// The time before the first daemon, and each between two, is a loss, and nothing else is.
fn tells(history: &History, times: usize) -> Outcome {
    same(
        "losses with a number",
        (history.lost, history.lost_at_least),
        (0, 0),
    )?;
    let between = "perf:own records only for the process that reads it";
    let told = (history.says(LATE), history.says(between));
    same("times without a reader", told, (1, times))?;
    same("losses", history.lost_unknown.len(), 1 + times)
}
