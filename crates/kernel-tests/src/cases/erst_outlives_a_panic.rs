//! A fatal machine check, the panic, the reboot, and what the firmware's store kept.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use mcekit::wire::{Mce, Wire};
use mcelog_dev::{Device, Event, Origin};
use nix::mount::{MsFlags, mount};

use crate::case::{Boot, Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::{Guest, Injected};
use crate::host::Transcript;

pub(super) const CASE: Case = Case {
    name: "erst_outlives_a_panic",
    about: "pstore and the device give a fatal error after the reboot; reading the device erases it",
    kernels: Kernel::ALL,
    cpus: Cpu::ALL,
    how: How::Boots(&[
        Boot::new(dies).panics().checked(console_tells),
        Boot::new(finds),
        Boot::new(finds_no_more),
    ]),
};

const FATAL: Injected = Injected {
    broadcast: false,
    cpu: 0,
    bank: 4,
    status: 0xbe00_0000_0010_0135,
    mcg_status: 5,
    addr: 0x700_0000,
    misc: 0x8c,
};

const PSTORE: &str = "/sys/fs/pstore";

fn dies(guest: &Guest) -> Outcome {
    ensure(
        records()?.is_empty(),
        "the store is not empty to begin with",
    )?;
    let broadcast = guest.machine().cpu == Cpu::Intel;
    guest.inject(&Injected { broadcast, ..FATAL });
    sleep(Duration::from_secs(20));
    Err(Failure::new("still alive"))
}

fn console_tells(transcript: &Transcript) -> Outcome {
    for text in [
        "CPU 0: Machine Check Exception: 5 Bank 4: be00000000100135",
        "ADDR 7000000 MISC 8c",
        "Kernel panic - not syncing: Fatal",
    ] {
        ensure(
            transcript.console_has(text),
            format!("the console does not say {text:?}"),
        )?;
    }
    Ok(())
}

/// The machine checks that pstore shows, each as it is.
fn records() -> Result<Vec<Vec<u8>>, Failure> {
    let target = Path::new(PSTORE);
    match mount(
        Some("pstore"),
        target,
        Some("pstore"),
        MsFlags::empty(),
        None::<&str>,
    ) {
        Ok(()) | Err(nix::errno::Errno::EBUSY) => {}
        Err(e) => return Err(Failure::new(format!("pstore: {e}"))),
    }
    let mut records = Vec::new();
    for entry in fs::read_dir(target)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("mce-erst-") {
            records.push(fs::read(entry.path())?);
        }
    }
    Ok(records)
}

fn is_fatal(mce: &Mce) -> Outcome {
    same("status", mce.status, FATAL.status)?;
    same(
        "addr and misc",
        (mce.addr, mce.misc),
        (FATAL.addr, FATAL.misc),
    )?;
    same("mcgstatus", mce.mcgstatus, FATAL.mcg_status)?;
    same(
        "cpu and bank",
        (mce.extcpu, mce.bank),
        (FATAL.cpu, FATAL.bank),
    )?;
    same("finished", mce.finished, 0)
}

fn finds(guest: &Guest) -> Outcome {
    let records = records()?;
    // An Intel-like guest may have left the other CPU's record beside it.
    let found = records.iter().find_map(|bytes| {
        let wire = Wire::read(bytes).ok()?;
        (wire.mce.status == FATAL.status).then_some((bytes, wire))
    });
    let (bytes, wire) = found.ok_or_else(|| {
        Failure::new(format!(
            "pstore has {} machine checks, not this one",
            records.len()
        ))
    })?;
    same(
        "length",
        (bytes.len(), wire.len, wire.surplus),
        (128, 128, 0),
    )?;
    is_fatal(&wire.mce)?;
    guest.keep("mce-erst.bin", bytes);
    if !Kernel::MCELOG.contains(&guest.machine().kernel) {
        for entry in fs::read_dir(PSTORE)? {
            fs::remove_file(entry?.path())?;
        }
        return Ok(());
    }
    let mut device = Device::open()?;
    ensure(
        device.wait(Some(Duration::ZERO))?,
        "the device is silent about the store",
    )?;
    let mut from_device = Vec::new();
    while let Some(event) = device.next_event()? {
        match event {
            Event::Record(entry) => {
                ensure(
                    entry.origin() == Origin::EarlierBoot,
                    "not marked as of an earlier boot",
                )?;
                from_device.push(entry.bytes().to_vec());
            }
            Event::Overflow(how) => return Err(Failure::new(format!("overflow ({how:?})"))),
        }
    }
    ensure(
        from_device == records,
        "the device's records are not pstore's",
    )?;
    ensure(
        !device.wait(Some(Duration::ZERO))?,
        "the device goes on waking",
    )
}

fn finds_no_more(guest: &Guest) -> Outcome {
    ensure(records()?.is_empty(), "pstore still has it")?;
    if Kernel::MCELOG.contains(&guest.machine().kernel) {
        let mut device = Device::open()?;
        ensure(device.next_event()?.is_none(), "the device has it again")?;
    }
    Ok(())
}
