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
    let series = match machine.kernel {
        Kernel::Mcelog61 | Kernel::Stock61 => "6.1.",
        Kernel::Stock612 => "6.12.",
    };
    ensure(release.starts_with(series), format!("release {release}"))?;
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
