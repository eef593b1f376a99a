//! The daemon on `/dev/mcelog`, which forgets what is read.

use std::thread::sleep;

use crate::case::{Boot, Case, Cpu, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;
use crate::guest::rasd::{Daemon, Errors, KILLED_AFTER};

pub(super) const CASE: Case = Case {
    name: "rasd_reads_mcelog",
    about: "each error of /dev/mcelog is in the database once, or a loss is told; so is a full log",
    kernels: Kernel::MCELOG,
    cpus: Cpu::ALL,
    how: How::Boots(&[Boot::new(run).with_rasd()]),
};

/// What the log holds.
const LOG: usize = 32;

fn run(guest: &Guest) -> Outcome {
    let mut errors = Errors::default();
    let mut daemon = Daemon::new(&guest.mount_disk()?.join("rasd"), &["--source", "mcelog"]);
    errors.inject(5)?;
    daemon.start()?;
    daemon.until_last(guest, &errors)?.is(&errors.all)?;
    errors.inject(4)?;
    daemon.until_last(guest, &errors)?.is(&errors.all)?;

    let mut safe = errors.all.clone();
    // What the daemon may have taken, and not yet on its disk, when it was killed.
    let mut in_flight = Vec::new();
    for pause in KILLED_AFTER {
        in_flight.extend(errors.inject(3)?);
        sleep(pause);
        daemon.kill()?;
        safe.extend(errors.inject(3)?);
        daemon.start()?;
        daemon.until_last(guest, &errors)?;
    }
    let history = daemon.until_last(guest, &errors)?;
    history.has(&safe, &in_flight)?;
    let missing = safe.len() + in_flight.len() - history.checks.len();
    let told = history.lost_unknown.len();
    guest.figure("taken-and-lost", missing as f64, "errors");
    guest.figure("losses-told", told as f64, "losses");
    ensure(
        missing == 0 || told > 0,
        format!("{missing} are missing, and nobody says so"),
    )?;
    same(
        "losses with a number",
        (history.lost, history.lost_at_least),
        (0, 0),
    )?;

    // More than the log holds, while nobody reads it: the next daemon asks before it gives up the right to ask
    // (CAP_SYS_ADMIN).
    daemon.kill()?;
    let many = errors.inject(LOG + 8)?;
    safe.extend(many.into_iter().take(LOG));
    daemon.start()?;
    let history = daemon.until(guest, "the overflow in the history", |history| {
        history.lost_at_least > 0
    })?;
    history.has(&safe, &in_flight)?;
    same("lost at least", history.lost_at_least, 1)?;
    same("losses told", history.lost_unknown.len(), told)?;

    // While it runs it only sees that the log is full.
    daemon.halt()?;
    let many = errors.inject(LOG + 8)?;
    safe.extend(many.into_iter().take(LOG));
    daemon.go_on()?;
    let full = "the kernel's log was full; whether it dropped";
    let history = daemon.until(guest, "the full log in the history", |history| {
        history.says(full) > 0
    })?;
    history.has(&safe, &in_flight)?;
    daemon.stop()?;
    let again = daemon.history()?;
    again.has(&safe, &in_flight)?;
    let losses = (
        again.lost_at_least,
        again.says(full),
        again.lost_unknown.len(),
    );
    same("losses told", losses, (1, 1, told + 1))
}
