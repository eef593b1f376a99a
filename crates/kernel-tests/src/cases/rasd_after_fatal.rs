//! A fatal machine check under the daemon, its start after that, and an orderly reboot behind it.

use std::time::Duration;

use mcekit::wire::Wire;
use nix::unistd::sync;

use crate::case::{Boot, Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;
use crate::guest::erst::{FATAL, console_tells, dies, records};
use crate::guest::rasd::{Check, Daemon, Errors, FELL, History, LATE, TAKEN};

pub(super) const CASE: Case = Case {
    name: "rasd_after_fatal",
    about: "errors before a panic and the fatal one are in the database once, those that the daemon had not read are told as lost, \
            and an orderly reboot loses nothing",
    kernels: Kernel::ALL,
    cpus: Cpu::ALL,
    how: How::Boots(&[
        Boot::new(before)
            .panics()
            .checked(console_tells)
            .with_rasd(),
        Boot::new(after).with_rasd(),
        Boot::new(reboots).with_rasd(),
    ]),
};

/// Errors of the first boot that the daemon reads.
const BEFORE: usize = 6;

/// And those that it does not come to read.
const UNREAD: usize = 3;

/// Errors of the second boot.
const AFTER: usize = 3;

fn daemon(guest: &Guest) -> Result<Daemon, Failure> {
    let arguments: &[&str] = match guest.machine().kernel {
        // It reads the firmware's store, too.
        Kernel::Mcelog61 => &["--source", "mcelog"],
        Kernel::Stock61 | Kernel::Stock612 | Kernel::StockNew => &["--source", "trace"],
    };
    Ok(Daemon::new(&guest.mount_disk()?.join("rasd"), arguments))
}

/// How many losses each boot's begin is, because the channel is made by the daemon.
fn late(guest: &Guest) -> usize {
    match guest.machine().kernel {
        Kernel::Mcelog61 => 0,
        Kernel::Stock61 | Kernel::Stock612 | Kernel::StockNew => 1,
    }
}

/// What the history calls lost, after so many boots and falls.
fn tells(guest: &Guest, history: &History, boots: usize, falls: usize) -> Outcome {
    let losses = (history.says(FELL), history.says(LATE));
    same("falls and begins", losses, (falls, boots * late(guest)))?;
    // Of /dev/mcelog: a kill between reading and writing.
    let taken = history.says(TAKEN);
    let others = history.lost_unknown.len() - losses.0 - losses.1 - taken;
    same("other losses", others, 0)?;
    same(
        "losses with a number",
        (history.lost, history.lost_at_least),
        (0, 0),
    )
}

fn before(guest: &Guest) -> Outcome {
    let mut daemon = daemon(guest)?;
    let mut errors = Errors::default();
    daemon.start_and_wait(guest)?;
    errors.inject(BEFORE)?;
    let history = daemon.until_last(guest, &errors)?;
    history.has(&errors.all, &[])?;
    tells(guest, &history, 1, 0)?;
    daemon.halt()?;
    errors.inject(UNREAD)?;
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
    // Killed while it tells the loss, reads the store, writes down what that has, or erases it.
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
    errors.skip(UNREAD);
    all.extend(errors.inject(AFTER)?);
    daemon.until_last(guest, &errors)?;
    daemon.stop()?;
    daemon.start_and_wait(guest)?;
    // Read while the daemon ends, and before it says that it ended in order.
    daemon.halt()?;
    all.extend(errors.inject(AFTER)?);
    daemon.go_on()?;
    daemon.stop()?;
    let history = daemon.history()?;
    // What the daemon could not have is missing, and that is told once.
    history.has(&all, &[])?;
    tells(guest, &history, 2, 1)?;
    sync();
    Ok(())
}

fn reboots(guest: &Guest) -> Outcome {
    let mut daemon = daemon(guest)?;
    let before = daemon.history()?;
    daemon.start()?;
    daemon.kill()?;
    daemon.start_and_wait(guest)?;
    let mut errors = Errors::default();
    errors.skip(BEFORE + UNREAD + 2 * AFTER);
    let new = errors.inject(AFTER)?;
    let history = daemon.until_last(guest, &errors)?;
    history.has(&[before.checks, new].concat(), &[])?;
    tells(guest, &history, 3, 1)
}
