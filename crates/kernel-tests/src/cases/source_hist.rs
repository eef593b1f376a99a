//! `mcekit_source::Hist`: the counts of a `hist` trigger, and what wakes their reader.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use mcekit_source::{Event, FieldValue, Generic, Hist, Seek, Source};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tracefs::fs::Tracefs;

use crate::case::{Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;
use crate::guest::rasd::{Check, Errors};
use crate::guest::tracing::MCE_RECORD;

pub(super) const CASE: Case = Case {
    name: "source_hist",
    about: "an event's histogram counts what was injected, and a hit wakes its reader where the kernel can (6.14)",
    kernels: Kernel::STOCK,
    cpus: Cpu::ALL,
    how: How::Shared(run),
};

fn run(guest: &Guest) -> Outcome {
    let tracefs = Tracefs::find()?;
    let instance = tracefs.create_instance("counted")?;
    let event = instance.event(&MCE_RECORD.parse()?)?;
    event.add_trigger("hist:keys=bank,cpu")?;
    let path = instance.root().join("events/mce/mce_record/hist");
    let tells = guest.machine().kernel == Kernel::StockNew;
    let mut errors = Errors::default();

    let mut hist = Hist::open(&path)?;
    same("an event at first", hist.next()?.is_some(), false)?;
    if tells {
        // A kernel that tells needs no looking at now and then.
        same(
            "ready",
            waits(&hist, PollFlags::POLLIN, 2_500)?,
            PollFlags::empty(),
        )?;
        flags(&path, &mut errors)?;
    }
    for burst in [1, 3, 5] {
        errors.inject(burst)?;
        let woken = waits(&hist, PollFlags::POLLIN, 5_000)?;
        same("woken by a hit", woken, PollFlags::POLLIN)?;
        until(guest, &mut hist, &errors.all)?;
    }

    // A reader that goes on, and one that begins.
    let cursor = hist.cursor().ok_or_else(|| Failure::new("no cursor"))?;
    drop(hist);
    let mut again = Hist::open(&path)?;
    same("the seek", again.seek(&cursor)?, Seek::Resumed)?;
    same("an event, without a hit", again.next()?.is_some(), false)?;
    errors.inject(2)?;
    until(guest, &mut again, &errors.all)?;
    let mut fresh = Hist::open(&path)?;
    until(guest, &mut fresh, &errors.all)?;
    drop((again, fresh));
    instance.remove()?;
    Ok(())
}

/// What the flags of the file itself do.
fn flags(path: &Path, errors: &mut Errors) -> Outcome {
    let file = File::open(path)?;
    let both = PollFlags::POLLIN | PollFlags::POLLPRI;
    let first = waits(&file, PollFlags::POLLPRI, 0)?;
    same("POLLPRI without a hit", first, PollFlags::empty())?;
    errors.inject(1)?;
    same(
        "POLLPRI",
        waits(&file, PollFlags::POLLPRI, 5_000)?,
        PollFlags::POLLPRI,
    )?;
    // Looking took that away; the other stays until the file is read.
    same(
        "both, looked at again",
        waits(&file, both, 0)?,
        PollFlags::POLLIN,
    )?;
    std::io::read_to_string(&file)?;
    same(
        "both, after reading",
        waits(&file, both, 0)?,
        PollFlags::empty(),
    )
}

/// The flags that come within a time.
fn waits(what: &impl AsFd, flags: PollFlags, milliseconds: u16) -> Result<PollFlags, Failure> {
    let mut fds = [PollFd::new(what.as_fd(), flags)];
    poll(&mut fds, PollTimeout::from(milliseconds))?;
    Ok(fds[0].revents().unwrap_or(PollFlags::empty()))
}

/// Waits until the counts are those of the errors: each CPU's and bank's, and their sum.
fn until(guest: &Guest, hist: &mut Hist, errors: &[Check]) -> Outcome {
    let mut last = None;
    let so = guest.wait_for("all hits", Duration::from_secs(10), || {
        if let Some(Event::Generic(event)) = hist.next()? {
            let hits = number(&event, "hits");
            last = Some(event);
            return Ok((hits >= Some(errors.len() as u64)).then_some(()));
        }
        Ok(None)
    });
    if let Err(Failure(why)) = so {
        return Err(Failure(format!("{why}: {last:?}")));
    }
    let Some(event) = last else {
        return Err(Failure::new("no event"));
    };
    same("hits", number(&event, "hits"), Some(errors.len() as u64))?;
    same("dropped", number(&event, "dropped"), Some(0))?;
    let mut wanted: BTreeMap<String, u64> = BTreeMap::new();
    for error in errors {
        let (bank, cpu) = (error.bank.unwrap_or(0), error.cpu.unwrap_or(0));
        *wanted
            .entry(format!("bank: {bank}, cpu: {cpu}"))
            .or_default() += 1;
    }
    same(
        "entries",
        number(&event, "entries"),
        Some(wanted.len() as u64),
    )?;
    for (row, count) in wanted {
        let text = FieldValue::Text(format!("hitcount: {count}"));
        ensure(
            event.fields.contains(&(row.clone(), text)),
            format!("{row} is to have {count}: {:?}", event.fields),
        )?;
    }
    Ok(())
}

fn number(event: &Generic, name: &str) -> Option<u64> {
    event.fields.iter().find_map(|(field, value)| match value {
        FieldValue::Unsigned(number) if field == name => Some(*number),
        _ => None,
    })
}
