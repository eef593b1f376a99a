//! The daemon on a small ring that is overwritten while it is dead.

use mcekit_source::{Trace, TraceOptions};
use tracefs::fs::Tracefs;

use crate::case::{Boot, Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;
use crate::guest::rasd::{Daemon, Errors, LATE};

pub(super) const CASE: Case = Case {
    name: "rasd_counts_loss",
    about: "what the database has of a ring that was overwritten, and what it calls lost, are together all that was injected",
    kernels: &[Kernel::Mcelog61, Kernel::Stock612],
    cpus: Cpu::ALL,
    how: How::Boots(&[Boot::new(run).with_rasd()]),
};

/// The instance that the daemon keeps by default.
const INSTANCE: &str = "mcekit";

/// Several times what the rings hold.
const MANY: usize = 300;

fn run(guest: &Guest) -> Outcome {
    let options = TraceOptions {
        buffer_kb: 8,
        ..TraceOptions::ras()
    };
    let kept = Trace::keep(&Tracefs::find()?, INSTANCE, &options);
    drop(kept.map_err(|e| Failure::new(e.to_string()))?);

    let mut errors = Errors::default();
    let mut daemon = Daemon::new(&guest.mount_disk()?.join("rasd"), &["--source", "trace"]);
    errors.inject(5)?;
    daemon.start()?;
    daemon.until_last(guest, &errors)?.has(&errors.all, &[])?;
    daemon.kill()?;

    let known = errors.all.clone();
    let perhaps = errors.inject(MANY)?;
    // Killed again while it reads what is left.
    for touches in 1..=4 {
        daemon.start_and_kill(touches)?;
    }
    daemon.start()?;
    let last = errors.inject(2)?;
    let all = errors.all.len() as u64;
    daemon.until(guest, "what was injected, or its loss", |history| {
        history.checks.len() as u64 + history.lost >= all
    })?;
    daemon.stop()?;
    let history = daemon.history()?;
    history.has(&[known, last].concat(), &perhaps)?;
    ensure(history.lost > 0, "nothing was overwritten")?;
    guest.figure("overwritten", history.lost as f64, "errors");
    same(
        "in the history, and lost",
        history.checks.len() as u64 + history.lost,
        all,
    )?;
    // What was before the instance nobody knows, and it is said once.
    same(
        "losses without an exact number",
        (
            history.lost_at_least,
            history.says(LATE),
            history.lost_unknown.len(),
        ),
        (0, 1, 1),
    )
}
