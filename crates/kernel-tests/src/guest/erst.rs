//! What the cases about a fatal error and the firmware's store (ACPI ERST) share.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use mcekit::wire::{Mce, Wire};
use nix::mount::{MsFlags, mount};

use super::{Guest, Injected};
use crate::case::{Cpu, Failure, Outcome, ensure, same};
use crate::host::Transcript;

/// The error.
pub const FATAL: Injected = Injected {
    broadcast: false,
    cpu: 0,
    bank: 4,
    status: 0xbe00_0000_0010_0135,
    mcg_status: 5,
    addr: 0x700_0000,
    misc: 0x8c,
};

/// Where the store shows.
pub const PSTORE: &str = "/sys/fs/pstore";

/// Dies of a fatal error.
///
/// # Errors
///
/// Where the kernel lives on.
pub fn dies(guest: &Guest) -> Outcome {
    ensure(
        records()?.is_empty(),
        "the store is not empty to begin with",
    )?;
    let broadcast = guest.machine().cpu == Cpu::Intel;
    guest.inject(&Injected { broadcast, ..FATAL });
    sleep(Duration::from_secs(20));
    Err(Failure::new("still alive"))
}

/// `mcekit-logs` finds the error on the console of that boot.
///
/// # Errors
///
/// With what it does not say.
pub fn console_tells(transcript: &Transcript) -> Outcome {
    let panics = transcript.console_has("Kernel panic - not syncing: Fatal");
    ensure(panics, "the console does not say why it panicked")?;
    let console = transcript.console();
    let record = mcekit_logs::records(console.as_bytes())
        .map(|found| found.record)
        .find(|record| record.status().0 == FATAL.status)
        .ok_or_else(|| Failure::new("mcekit-logs finds no such record on the console"))?;
    same("cpu", record.cpu(), Some(FATAL.cpu))?;
    same("bank", record.bank(), Some(FATAL.bank))?;
    same("addr", record.addr().map(|r| r.0), Some(FATAL.addr))?;
    same("misc", record.misc().map(|r| r.0), Some(FATAL.misc))?;
    same(
        "mcgstatus",
        record.mcgstatus().map(|r| r.0),
        Some(FATAL.mcg_status),
    )
}

/// The machine checks that pstore shows, each as it is.
///
/// # Errors
///
/// Where pstore cannot be mounted or read.
pub fn records() -> Result<Vec<Vec<u8>>, Failure> {
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

/// The error is among these, as the kernel left it.
///
/// # Errors
///
/// Where it is not, or is changed.
pub fn has_fatal(guest: &Guest, records: &[Vec<u8>]) -> Outcome {
    // An Intel-like guest may have left the other CPU's record beside it.
    let found = records.iter().find_map(|bytes| {
        let wire = Wire::read(bytes).ok()?;
        (wire.mce.status == FATAL.status).then_some((bytes, wire))
    });
    let (bytes, wire) = found.ok_or_else(|| {
        Failure::new(format!(
            "the store has {} machine checks, not this one",
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
    Ok(())
}
