//! The daemon on a ring in memory that outlives a warm reboot, and a panic.

use crate::case::{Boot, Case, Cpu, How, Kernel, Outcome};
use crate::guest::Guest;
use crate::guest::rasd::{Check, Daemon, Errors};
use crate::guest::restart::{KEPT, panic, restart, restarts_so_far};

pub(super) const CASE: Case = Case {
    name: "rasd_after_restart",
    about: "what a dead daemon left in reserved memory is in the database once, after a reboot and after a panic",
    kernels: Kernel::BOOT_INSTANCES,
    cpus: Cpu::INTEL,
    how: How::Boots(&[Boot::new(run).append(KEPT).restarts(2).with_rasd()]),
};

/// What the daemon writes down in a boot, and what it is dead for.
const SEEN: usize = 6;
const LEFT: usize = 4;

fn run(guest: &Guest) -> Outcome {
    let (disk, so_far) = restarts_so_far(guest)?;
    let mut daemon = Daemon::new(&disk.join("rasd"), &["--source", "trace"]);
    let mut errors = Errors::default();
    let mut wanted: Vec<Check> = Vec::new();
    for _ in 0..so_far {
        wanted.extend(errors.skip(SEEN));
        let left = errors.skip(LEFT);
        wanted.extend(left.into_iter().map(|check| Check {
            earlier_boot: true,
            ..check
        }));
    }
    if so_far > 0 {
        // Killed while it reads what the boot before left, or writes it down.
        for touches in 1..=2 {
            daemon.start_and_kill(touches)?;
        }
    }
    daemon.start_and_wait(guest)?;
    let last = wanted.clone();
    daemon.until(guest, "what the boot before left", |history| {
        history.checks.len() >= last.len()
    })?;
    wanted.extend(errors.inject(SEEN)?);
    daemon.until_last(guest, &errors)?.is(&wanted)?;
    if so_far == 2 {
        daemon.stop()?;
        daemon.start_and_wait(guest)?;
        daemon.stop()?;
        return daemon.history()?.is(&wanted);
    }
    daemon.kill()?;
    errors.inject(LEFT)?;
    std::thread::sleep(std::time::Duration::from_millis(300));
    match so_far {
        0 => restart(),
        _ => panic(),
    }
}
