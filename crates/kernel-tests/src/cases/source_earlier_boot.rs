//! A fatal machine check and the reboot: `mcekit-source` drains pstore, exactly once, and erases what is safe.

use std::path::Path;

use mcekit::wire::Wire;
use mcekit_source::{Cursor, Erase, Event, Mcelog, Observed, Pstore, Source, Texts};

use crate::case::{Boot, Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;
use crate::guest::erst::{FATAL, PSTORE, console_tells, dies, records};

pub(super) const CASE: Case = Case {
    name: "source_earlier_boot",
    about: "the fatal error comes once, from pstore's struct and not again from the kernel's last words or /dev/mcelog",
    kernels: Kernel::OLDER,
    cpus: Cpu::ALL,
    how: How::Boots(&[
        Boot::new(dies).panics().checked(console_tells),
        Boot::new(drains),
        Boot::new(has_no_more),
    ]),
};

fn open() -> Result<Pstore, Failure> {
    Ok(Pstore::of([(PSTORE, Erase::OnCommit)])?
        .texts(Texts::Read)
        .once())
}

fn drain(source: &mut dyn Source) -> Result<Vec<Observed>, Failure> {
    let mut seen = Vec::new();
    while let Some(event) = source.next()? {
        match event {
            Event::Record(one) => seen.push(one),
            other => return Err(Failure::new(format!("{other:?}"))),
        }
    }
    Ok(seen)
}

fn drains(guest: &Guest) -> Outcome {
    let stored = records()?;
    let mut source = open()?;
    let seen = drain(&mut source)?;
    ensure(source.ended(), "the backlog does not end")?;
    ensure(
        seen.iter().all(|one| one.earlier_boot),
        "not marked as of an earlier boot",
    )?;
    for bytes in &stored {
        let record = Wire::read(bytes)?.record();
        let times = seen.iter().filter(|one| one.record == record).count();
        same("times that a stored record came", times, 1)?;
    }
    let fatal = seen.iter().filter(|one| {
        let record = &one.record;
        record.status().0 == FATAL.status
            && record.cpu() == Some(FATAL.cpu)
            && record.addr().map(|addr| addr.0) == Some(FATAL.addr)
    });
    same("times that the fatal error came", fatal.count(), 1)?;
    let cursor = source.cursor().ok_or_else(|| Failure::new("no cursor"))?;
    guest.keep("cursor", cursor.to_string().as_bytes());
    // Killed between the disk and the unlinking.
    drop(source);
    same("files", records()?.len(), stored.len())?;
    let cursor: Cursor = cursor.to_string().parse()?;
    let mut again = open()?;
    again.seek(&cursor)?;
    again.commit(&cursor)?;
    same("records after it", drain(&mut again)?.len(), 0)?;
    ensure(records()?.is_empty(), "pstore still has it")?;
    device_has_none()
}

fn has_no_more(_: &Guest) -> Outcome {
    ensure(records()?.is_empty(), "the firmware's store still has it")?;
    device_has_none()
}

/// The device reads the firmware's store: what was erased through pstore is not there.
fn device_has_none() -> Outcome {
    if !Path::new("/dev/mcelog").exists() {
        return Ok(());
    }
    let seen = drain(&mut Mcelog::open(true)?)?;
    same("records of /dev/mcelog", seen.len(), 0)
}
