//! Injection through the files of `mce-inject`, and its record in the kernel log.

use std::fs;
use std::time::Duration;

use mcekit::{Record, Status};
use mcelog_dev::{Debugfs, Error, Injection, Injector, Raise};

use crate::case::{Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;
use crate::guest::mcelog::{CORRECTED, corrected, empty_device, next_record};

pub(super) const CASE: Case = Case {
    name: "debugfs_injects",
    about: "debugfs injects log entries and, on AMD, real exceptions; what cannot be is refused",
    kernels: Kernel::ALL,
    cpus: Cpu::ALL,
    how: How::Shared(run),
};

fn run(guest: &Guest) -> Outcome {
    let mut debugfs = Debugfs::new();
    ensure(debugfs.is_there(), "no mce-inject")?;
    let has_device = Kernel::MCELOG.contains(&guest.machine().kernel);
    let mut device = if has_device {
        Some(empty_device()?)
    } else {
        None
    };
    for (cpu, bank) in [(0, 1), (1, 3)] {
        let status = CORRECTED | u64::from(bank) << 32;
        let record = corrected(cpu, bank, 0x77_0000).with_status(Status(status));
        debugfs.inject(&Injection::new(record).with_raise(Raise::Log))?;
        if let Some(device) = &mut device {
            let mce = next_record(device)?.mce;
            same("cpu and bank", (mce.extcpu, mce.bank), (cpu, bank))?;
            same("status", mce.status, status)?;
            same("addr and misc", (mce.addr, mce.misc), (0x77_0000, 0x8c))?;
        } else {
            in_kernel_log(guest, &record)?;
        }
    }
    let mut refused =
        |record: Record| match debugfs.inject(&Injection::new(record).with_raise(Raise::Log)) {
            Err(error) => Ok(error),
            Ok(()) => Err(Failure::new(format!("taken: {record:?}"))),
        };
    let error = refused(corrected(7, 1, 0))?;
    ensure(
        matches!(error, Error::CpuOffline { cpu: 7 }),
        format!("cpu 7: {error}"),
    )?;
    let error = refused(corrected(0, 32, 0))?;
    ensure(
        matches!(error, Error::NoBank { bank: 32, .. }),
        format!("bank 32: {error}"),
    )?;
    // Neither guest has scalable MCA, where alone the kernel keeps an IPID.
    let error = refused(corrected(0, 1, 0).with_ipid(mcekit::Ipid(1)))?;
    ensure(
        matches!(error, Error::CannotCarry { .. }),
        format!("ipid: {error}"),
    )?;
    exception(guest, &mut debugfs)
}

/// A fatal exception through the real bank registers, which is how AMD processors do it. It ends in a panic, but for
/// `fake_panic`.
fn exception(guest: &Guest, debugfs: &mut Debugfs) -> Outcome {
    if guest.machine().cpu != Cpu::Amd {
        return Ok(());
    }
    // Left on: the handler runs on after the write, and comes to its panic more than once.
    fs::write("/sys/kernel/debug/mce/fake_panic", "1\n")?;
    let status = Status::VAL | Status::UC | Status::EN | Status::PCC | Status::ADDRV | 0x135;
    let record = corrected(0, 2, 0x600_0000).with_status(Status(status));
    debugfs.inject(&Injection::new(record).with_raise(Raise::Exception))?;
    // The kernel sets MISCV itself, as there is a MISC.
    let line = format!("Bank 2: {:016x}", status | Status::MISCV);
    guest.wait_for(
        &format!("{line:?} in the kernel log"),
        Duration::from_secs(5),
        || {
            let log = guest.kernel_log()?;
            let there = log
                .lines()
                .any(|l| l.contains("Machine Check Exception") && l.contains(&line));
            Ok(there.then_some(()))
        },
    )
}

/// The status, as the kernel prints it for this vendor.
fn in_kernel_log(guest: &Guest, record: &Record) -> Outcome {
    let status = format!("{:016x}", record.status().0);
    guest.wait_for(
        &format!("{status} in the kernel log"),
        Duration::from_secs(5),
        || Ok(guest.kernel_log()?.contains(&status).then_some(())),
    )
}
