//! What the cases of mcekit-source share.

use std::os::fd::AsFd as _;
use std::time::Duration;

use mcekit_source::{Cursor, Event, Loss, Source};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Guest, Injected};
use crate::case::{Failure, Outcome, ensure, same};

/// The n-th error of a case: no two are equal.
#[must_use]
pub fn numbered(n: u8) -> Injected {
    Injected {
        // Bank 4 of AMD is only one CPU's.
        cpu: u32::from(n % 2),
        bank: 5 + n % 2,
        status: 0x8c00_0040_0001_0090 | u64::from(n) << 18,
        addr: 0xab_cdef_0000 + u64::from(n) * 0x40,
        misc: 0x86,
        ..Injected::default()
    }
}

/// What a reader took and, with a cursor, put on disk; and what it was told is missing.
#[derive(Debug, Default)]
pub struct Disk {
    /// The errors, by address.
    pub errors: Vec<u64>,
    /// How many are missing.
    pub lost: u64,
    /// Where to go on.
    pub cursor: Option<Cursor>,
}

impl Disk {
    /// Takes the next event. Whether there was one.
    ///
    /// # Errors
    ///
    /// What the source gives; a loss without a number; a record without the injected registers.
    pub fn take(&mut self, source: &mut dyn Source) -> Result<bool, Failure> {
        let event = source.next().map_err(|e| Failure::new(e.to_string()))?;
        match &event {
            None => return Ok(false),
            Some(Event::Record(observed)) => {
                let record = &observed.record;
                let addr = record.addr().map_or(0, |addr| addr.0);
                let n = addr.wrapping_sub(0xab_cdef_0000) / 0x40;
                let error = numbered(n as u8);
                same("status", record.status().0, error.status)?;
                same("misc", record.misc().map(|misc| misc.0), Some(error.misc))?;
                same("bank", record.bank(), Some(error.bank))?;
                same("cpu", record.cpu(), Some(error.cpu))?;
                ensure(
                    record.time().is_some_and(|time| time > 1_700_000_000),
                    "no time of day",
                )?;
                ensure(!observed.earlier_boot, "it is of this boot")?;
                self.errors.push(addr);
            }
            Some(Event::Lost(lost)) => match lost.loss {
                Loss::Exact(n) => self.lost += n,
                other => return Err(Failure::new(format!("lost {other}: {}", lost.why))),
            },
            Some(other) => return Err(Failure::new(format!("{other:?}"))),
        }
        self.cursor = source.cursor();
        Ok(true)
    }

    /// Takes what comes until there are so many errors, as a daemon does: all that there is, then commit, then sleep on the
    /// source's descriptor.
    ///
    /// # Errors
    ///
    /// As [`Disk::take`]; if they do not come, or the descriptor does not wake.
    pub fn wait(&mut self, source: &mut dyn Source, errors: usize) -> Outcome {
        while self.errors.len() < errors {
            if self.take(source)? {
                continue;
            }
            self.commit(source)?;
            if self.take(source)? {
                continue;
            }
            let timeout = PollTimeout::from(10_000u16);
            let ready = poll(
                &mut [PollFd::new(source.as_fd(), PollFlags::POLLIN)],
                timeout,
            )?;
            ensure(
                ready > 0,
                format!("nobody woke us: {} of {errors}", self.errors.len()),
            )?;
        }
        Ok(())
    }

    /// Tells the source that all this is on disk.
    ///
    /// # Errors
    ///
    /// What the source gives.
    pub fn commit(&self, source: &mut dyn Source) -> Outcome {
        let cursor = self.cursor.as_ref();
        cursor
            .map_or(Ok(()), |cursor| source.commit(cursor))
            .map_err(|e| Failure::new(e.to_string()))
    }

    /// What is on disk is these, each once and in order, and nothing is missing.
    ///
    /// # Errors
    ///
    /// Where it is not so.
    pub fn has(&self, numbers: std::ops::Range<u8>) -> Outcome {
        let wanted: Vec<u64> = numbers.map(|n| numbered(n).addr).collect();
        same("the errors on disk", &self.errors, &wanted)?;
        same("lost", self.lost, 0)
    }
}

/// Errors before the reader, while it runs, while it is dead; a reader that dies between taking and committing, and one
/// that dies between its disk and committing. Each comes once.
///
/// A reader's death leaves nothing of it but closed descriptors, which is what dropping it does.
///
/// # Errors
///
/// With what is not so.
pub fn each_once<S: Source>(
    guest: &Guest,
    recorded: impl Fn() -> Result<u64, Failure>,
    open: impl Fn() -> mcekit_source::Result<S>,
) -> Outcome {
    let open = || open().map_err(|e| Failure::new(e.to_string()));
    let failed = |e: mcekit_source::Error| Failure::new(e.to_string());
    guest.poll_banks_often()?;
    let inject = |numbers: std::ops::Range<u8>| -> Outcome {
        for n in numbers {
            let before = recorded()?;
            guest.inject(&numbered(n));
            guest.wait_for("a record in the ring", Duration::from_secs(10), || {
                Ok((recorded()? > before).then_some(()))
            })?;
        }
        Ok(())
    };

    // Before any reader. The first one takes all that it gets, has one on disk, and dies.
    inject(0..3)?;
    let mut disk = Disk::default();
    let mut source = open()?;
    ensure(disk.take(&mut source)?, "nothing from before the reader")?;
    while source.next().map_err(failed)?.is_some() {}
    drop(source);
    disk.has(0..1)?;

    // One more while nobody reads. The second reader has what it gets on disk, and dies before it commits.
    inject(3..4)?;
    let mut source = open()?;
    if let Some(cursor) = &disk.cursor {
        source.seek(cursor).map_err(failed)?;
    }
    while disk.take(&mut source)? {}
    drop(source);

    // The third one finds what is left, commits, and follows live.
    let mut source = open()?;
    if let Some(cursor) = &disk.cursor {
        source.seek(cursor).map_err(failed)?;
    }
    disk.wait(&mut source, 4)?;
    disk.has(0..4)?;
    for n in 4..7 {
        disk.commit(&mut source)?;
        ensure(!disk.take(&mut source)?, "there is more than was injected")?;
        guest.inject(&numbered(n));
        disk.wait(&mut source, usize::from(n) + 1)?;
    }
    disk.has(0..7)?;
    disk.commit(&mut source)?;
    drop(source);

    // All is done: a fourth one has nothing to do.
    let mut source = open()?;
    if let Some(cursor) = &disk.cursor {
        source.seek(cursor).map_err(failed)?;
    }
    ensure(!disk.take(&mut source)?, "something came twice")
}
