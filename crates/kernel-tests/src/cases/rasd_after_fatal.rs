//! A fatal machine check under the daemon, and its start after the reboot.

use std::time::Duration;

use mcekit::wire::Wire;

use crate::case::{Boot, Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;
use crate::guest::erst::{FATAL, console_tells, dies, records};
use crate::guest::rasd::{Check, Daemon, Errors};

pub(super) const CASE: Case = Case {
    name: "rasd_after_fatal",
    about: "errors before a panic, and after the reboot the fatal one, are in the database once, whatever the daemon's start",
    kernels: Kernel::ALL,
    cpus: Cpu::ALL,
    how: How::Boots(&[
        Boot::new(before)
            .panics()
            .checked(console_tells)
            .with_rasd(),
        Boot::new(after).with_rasd(),
    ]),
};

/// Errors of the first boot.
const BEFORE: usize = 6;

fn daemon(guest: &Guest) -> Result<Daemon, Failure> {
    let arguments: &[&str] = match guest.machine().kernel {
        // It reads the firmware's store, too.
        Kernel::Mcelog61 => &["--source", "mcelog"],
        Kernel::Stock61 | Kernel::Stock612 | Kernel::StockNew => &["--source", "trace"],
    };
    Ok(Daemon::new(&guest.mount_disk()?.join("rasd"), arguments))
}

fn before(guest: &Guest) -> Outcome {
    let mut daemon = daemon(guest)?;
    let mut errors = Errors::default();
    daemon.start_and_wait(guest)?;
    errors.inject(BEFORE)?;
    daemon.until_last(guest, &errors)?.is(&errors.all)?;
    dies(guest)
}

fn after(guest: &Guest) -> Outcome {
    let mut all: Vec<Check> = records()?
        .iter()
        .map(|bytes| Ok(Check::of(&Wire::read(bytes)?.record(), true)))
        .collect::<Result<_, Failure>>()?;
    let fatal = Check {
        cpu: Some(FATAL.cpu),
        bank: Some(FATAL.bank),
        status: FATAL.status,
        addr: Some(FATAL.addr),
        misc: Some(FATAL.misc),
        earlier_boot: true,
    };
    ensure(all.contains(&fatal), format!("the store has {all:x?}"))?;
    let mut daemon = daemon(guest)?;
    // Killed while it reads the store, writes down what that has, or erases it.
    daemon.start()?;
    daemon.kill()?;
    for touches in 1..=4 {
        daemon.start_and_kill(touches)?;
    }
    daemon.start_and_wait(guest)?;
    daemon.until(guest, "the fatal error", |history| {
        history.times(&fatal) > 0
    })?;
    guest.wait_for("an empty store", Duration::from_secs(10), || {
        Ok(records()?.is_empty().then_some(()))
    })?;
    // What the first boot had, and what comes now, which differs.
    let mut errors = Errors::default();
    all.extend(errors.skip(BEFORE));
    all.extend(errors.inject(3)?);
    daemon.until_last(guest, &errors)?;
    daemon.stop()?;
    daemon.start_and_wait(guest)?;
    daemon.stop()?;
    let history = daemon.history()?;
    history.has(&all, &[])?;
    same("lost", (history.lost, history.lost_at_least), (0, 0))
}
