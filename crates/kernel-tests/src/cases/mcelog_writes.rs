//! Injection by writing to `/dev/mcelog`.

use std::fs;

use mcekit::{McgStatus, Status};
use mcelog_dev::scenario::{Player, parse};
use mcelog_dev::{Context, Device, Error, Injection, Injector, OpenOptions};

use crate::case::{Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::mcelog::{
    CORRECTED, corrected, empty_device, is_injected, next_record, nothing_more,
};
use crate::guest::{Guest, Injected};

pub(super) const CASE: Case = Case {
    name: "mcelog_writes",
    about: "a record written is raised on its CPU, polled or as an exception; what cannot be is refused",
    kernels: Kernel::MCELOG,
    cpus: Cpu::ALL,
    how: How::Shared(run),
};

fn run(guest: &Guest) -> Outcome {
    let mut device = empty_device()?;
    for (cpu, bank, context) in [
        (0, 1, Context::Process),
        (1, 2, Context::Irq),
        (1, 9, Context::Process),
    ] {
        let record = corrected(cpu, bank, 0x1000 * u64::from(bank));
        device.inject(&Injection::new(record).with_context(context))?;
        let want = Injected {
            cpu,
            bank,
            status: CORRECTED,
            addr: 0x1000 * u64::from(bank),
            misc: 0x8c,
            ..Injected::default()
        };
        is_injected(guest, &next_record(&mut device)?, &want)?;
    }
    nothing_more(&mut device)?;
    refused(&mut device)?;
    exception(guest, &mut device)
}

fn refused(device: &mut Device) -> Outcome {
    let mut attempt = |record| match device.inject(&Injection::new(record)) {
        Err(error) => Ok(error),
        Ok(()) => Err(Failure::new(format!("taken: {record:?}"))),
    };
    let record = corrected(0, 1, 0x1000);
    let error = attempt(record.with_cpu(99))?;
    ensure(
        matches!(error, Error::CpuOffline { cpu: 99 }),
        format!("cpu 99: {error}"),
    )?;
    let error = attempt(record.with_bank(10))?;
    ensure(
        matches!(error, Error::NoBank { bank: 10, .. }),
        format!("bank 10: {error}"),
    )?;
    let error = attempt(record.with_status(Status(0x91)))?;
    ensure(
        matches!(error, Error::StatusNotValid { .. }),
        format!("not valid: {error}"),
    )?;
    nothing_more(device)?;

    let mut read_only = OpenOptions::new().open()?;
    let error = read_only.inject(&Injection::new(record)).err();
    let told = matches!(error, Some(Error::Io { call: "write", .. }));
    ensure(told, format!("a read-only descriptor: {error:?}"))
}

/// A recoverable error on one CPU while the other one takes part, from a scenario's text. The
/// AMD-like guest cannot recover: there the kernel would panic, but for `fake_panic`.
fn exception(guest: &Guest, device: &mut Device) -> Outcome {
    let fake_panic = "/sys/kernel/debug/mce/fake_panic";
    fs::write(fake_panic, "1\n")?;
    let text = "CPU 1 BANK 3\n\
                STATUS uncorrected SRAO 0xc0 ADDR 0x5000000 MISC 0x8c\n\
                MCGSTATUS RIPV MCIP RIP 0x10:0xffffffff81000000";
    let mut player = Player::new();
    for step in parse(text.as_bytes())? {
        let cpus: &[u32] = match guest.machine().cpu {
            Cpu::Intel => &[0, 1],
            Cpu::Amd => &[1],
        };
        for injection in player.play(&step, cpus) {
            device.inject(&injection)?;
        }
    }
    let panics = guest.machine().cpu == Cpu::Amd;
    if panics {
        // A fatal error goes to the console only, not to the device.
        fs::write(fake_panic, "0\n")?;
        let log = guest.kernel_log()?;
        let line = "CPU 1: Machine Check Exception: 5 Bank 3: bd000000000000c0";
        return ensure(
            log.contains(line),
            format!("the kernel log has no {line:?}"),
        );
    }
    let wire = next_record(device)?;
    let want = Injected {
        cpu: 1,
        bank: 3,
        status: 0xbd00_0000_0000_00c0,
        mcg_status: (McgStatus::RIPV | McgStatus::MCIP),
        addr: 0x500_0000,
        misc: 0x8c,
        broadcast: false,
    };
    is_injected(guest, &wire, &want)?;
    same("severity", wire.mce.severity, 4)?;
    same("cs", wire.mce.cs, 0x10)?;
    ensure(
        wire.record().tsc().is_some(),
        "an exception without a time stamp counter",
    )?;
    fs::write(fake_panic, "0\n")?;
    nothing_more(device)
}
