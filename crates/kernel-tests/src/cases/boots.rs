//! The machine is the one that the other cases believe it is.

use std::fs;

use crate::case::{Case, Cpu, How, Kernel, Outcome, ensure};
use crate::guest::Guest;

pub(super) const CASE: Case = Case {
    name: "boots",
    about: "the kernel, its processor's vendor and its injector are those of the machine's name",
    kernels: Kernel::ALL,
    cpus: Cpu::ALL,
    how: How::Shared(run),
};

fn run(guest: &Guest) -> Outcome {
    let machine = guest.machine();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let known = match machine.kernel {
        Kernel::Mcelog61 | Kernel::Stock61 => release.starts_with("6.1."),
        Kernel::Stock612 => release.starts_with("6.12."),
        Kernel::StockNew => newer_than(&release, (6, 14)),
    };
    ensure(known, format!("release {release}"))?;
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let vendor = match machine.cpu {
        Cpu::Intel => "GenuineIntel",
        Cpu::Amd => "AuthenticAMD",
    };
    ensure(
        cpus.contains(vendor),
        format!("no {vendor} in /proc/cpuinfo"),
    )?;
    for there in [
        "/sys/devices/system/machinecheck/machinecheck1",
        "/sys/kernel/debug/mce-inject",
    ] {
        ensure(fs::exists(there)?, format!("no {there}"))?;
    }
    let device = fs::exists("/dev/mcelog")?;
    let wanted = Kernel::MCELOG.contains(&machine.kernel);
    ensure(device == wanted, format!("/dev/mcelog there: {device}"))
}

/// Whether a release such as `7.3.4+deb13-amd64` is of a later series than this.
fn newer_than(release: &str, series: (u32, u32)) -> bool {
    let mut numbers = release.split('.').map_while(|part| part.parse().ok());
    let found = numbers.next().zip(numbers.next());
    found.is_some_and(|found| found > series)
}
