//! What the cases of `/dev/mcelog` share.

use std::time::Duration;

use mcekit::wire::Wire;
use mcekit::{Addr, Misc, Record, Status};
use mcelog_dev::{Device, Event, OpenOptions, Origin};

use super::{Guest, Injected};
use crate::case::{Cpu, Failure, Outcome, ensure, same};

/// A corrected error's status: valid, enabled, with address and misc.
pub const CORRECTED: u64 = 0x9c00_4000_0001_0091;

/// The device, for reading and injecting, with an empty log.
///
/// # Errors
///
/// Where it cannot be opened or read.
pub fn empty_device() -> Result<Device, Failure> {
    let mut device = OpenOptions::new().write(true).open()?;
    while device.next_event()?.is_some() {}
    Ok(device)
}

/// A corrected error for the injectors of the kernel.
#[must_use]
pub fn corrected(cpu: u32, bank: u8, addr: u64) -> Record {
    Record::new(bank, Status(CORRECTED))
        .with_cpu(cpu)
        .with_addr(Addr(addr))
        .with_misc(Misc(0x8c))
}

/// The next record, within some seconds.
///
/// # Errors
///
/// Where none comes, or something else does.
pub fn next_record(device: &mut Device) -> Result<Wire, Failure> {
    match device.next_within(Some(Duration::from_secs(8)))? {
        Some(Event::Record(entry)) if entry.origin() == Origin::ThisBoot => Ok(entry.wire()),
        Some(Event::Record(entry)) => Err(Failure::new(format!("of an earlier boot: {entry:x?}"))),
        Some(Event::Overflow(how)) => Err(Failure::new(format!("overflow ({how:?})"))),
        None => Err(Failure::new("no record came")),
    }
}

/// Whether the kernel has nothing more.
///
/// # Errors
///
/// Where it has.
pub fn nothing_more(device: &mut Device) -> Outcome {
    match device.next_within(Some(Duration::from_millis(200)))? {
        None => Ok(()),
        Some(event) => Err(Failure::new(format!("one more: {event:x?}"))),
    }
}

/// Whether a record is what was injected, field by field, and what the kernel adds is this
/// machine's.
///
/// # Errors
///
/// With the field that differs.
pub fn is_injected(guest: &Guest, wire: &Wire, injected: &Injected) -> Outcome {
    let mce = &wire.mce;
    same("length", wire.len, 128)?;
    same("surplus", wire.surplus, 0)?;
    same("status", mce.status, injected.status)?;
    same("misc", mce.misc, injected.misc)?;
    same("addr", mce.addr, injected.addr)?;
    same("mcgstatus", mce.mcgstatus, injected.mcg_status)?;
    same("bank", mce.bank, injected.bank)?;
    same("extcpu", mce.extcpu, injected.cpu)?;
    same("cpu", u32::from(mce.cpu), injected.cpu)?;
    same("apicid", mce.apicid, injected.cpu)?;
    same("socketid", mce.socketid, 0)?;
    same("finished", mce.finished, 1)?;
    same("inject_flags", mce.inject_flags, 0)?;
    same("kflags", mce.kflags, 0)?;
    let (vendor, signature) = match guest.machine().cpu {
        Cpu::Intel => (0, 0x50654),
        Cpu::Amd => (2, 0x60_0f20),
    };
    same("cpuvendor", mce.cpuvendor, vendor)?;
    same("cpuid", mce.cpuid, signature)?;
    ensure(mce.mcgcap & 0xff == 10, format!("mcgcap {:#x}", mce.mcgcap))?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let age = now.as_secs().abs_diff(mce.time);
    ensure(age < 60, format!("time {} is {age} s off", mce.time))
}
