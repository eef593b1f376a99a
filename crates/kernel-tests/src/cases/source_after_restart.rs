//! `mcekit_source::Trace` on a ring in memory that outlives a warm reboot, and a panic.

use std::fs;
use std::path::Path;

use mcekit_source::{Cursor, Event, Seek, Source, Trace, TraceOptions};
use tracefs::fs::Tracefs;

use crate::case::{Boot, Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;
use crate::guest::rasd::{Check, Errors};
use crate::guest::restart::{KEPT, panic, restart, restarts_so_far};

pub(super) const CASE: Case = Case {
    name: "source_after_restart",
    about: "of a ring in reserved memory each error comes once, across a reboot and a panic, marked as of which boot it is",
    kernels: Kernel::BOOT_INSTANCES,
    cpus: Cpu::INTEL,
    how: How::Boots(&[Boot::new(run).append(KEPT).restarts(2)]),
};

/// Of each boot's errors so many are on disk and consumed, so many only on disk, and so many nobody took.
const CONSUMED: usize = 4;
const TAKEN: usize = 2;
const LEFT: usize = 3;

fn run(guest: &Guest) -> Outcome {
    let failed = |e: mcekit_source::Error| Failure::new(e.to_string());
    let (disk, so_far) = restarts_so_far(guest)?;
    let tracefs = Tracefs::find()?;
    let options = TraceOptions::default();
    let mut reader = Reader::new(disk)?;

    let mut errors = Errors::default();
    let mut wanted = Vec::new();
    if so_far > 0 {
        errors.skip((so_far - 1) * (CONSUMED + TAKEN + LEFT) + CONSUMED + TAKEN);
        let left = errors.skip(LEFT).into_iter();
        wanted.extend(left.map(|check| Check {
            earlier_boot: true,
            ..check
        }));
    }
    // A kernel that makes no copies has an ordinary instance of another name.
    let copy = Trace::earlier_boot(&tracefs, "before", &options).ok();
    let mut live = Trace::open(&tracefs, "mce", &options).map_err(failed)?;
    let sought = reader.goes_on(&mut live)?;
    // What was given last is still there: nothing is missing.
    let wanted_seek = (so_far > 0).then_some(Seek::Resumed);
    same("the seek", sought, wanted_seek)?;
    if let Some(mut copy) = copy {
        reader.goes_on(&mut copy)?;
        reader.takes(&mut copy, usize::MAX)?;
        ensure(copy.ended(), "the backlog does not end")?;
        reader.commits(&mut copy)?;
    }
    reader.takes(&mut live, usize::MAX)?;
    same("what the boot before left", &reader.sorted(), &wanted)?;
    reader.commits(&mut live)?;

    // A second look, with the cursors that are on disk.
    drop(live);
    let mut again = Reader::new(disk)?;
    if let Ok(mut copy) = Trace::earlier_boot(&tracefs, "before", &options) {
        again.goes_on(&mut copy)?;
        again.takes(&mut copy, usize::MAX)?;
    }
    let mut live = Trace::open(&tracefs, "mce", &options).map_err(failed)?;
    again.goes_on(&mut live)?;
    again.takes(&mut live, usize::MAX)?;
    same("twice", again.sorted().len(), 0)?;
    if so_far == 2 {
        return Ok(());
    }

    let first = errors.inject(CONSUMED)?;
    waits_for(guest, &mut again, &mut live, CONSUMED)?;
    again.commits(&mut live)?;
    same("of this boot", &again.sorted(), &first)?;
    let more = errors.inject(TAKEN)?;
    waits_for(guest, &mut again, &mut live, CONSUMED + TAKEN)?;
    same("of this boot", &again.sorted(), &[first, more].concat())?;
    drop(live);
    errors.inject(LEFT)?;
    std::thread::sleep(std::time::Duration::from_millis(300));
    match so_far {
        0 => restart(),
        _ => panic(),
    }
}

fn waits_for(guest: &Guest, reader: &mut Reader, live: &mut Trace, count: usize) -> Outcome {
    guest.wait_for("the errors", std::time::Duration::from_secs(10), || {
        reader.takes(live, count)?;
        Ok((reader.seen.len() >= count).then_some(()))
    })
}

/// A reader, with its cursors on disk.
struct Reader {
    disk: &'static Path,
    seen: Vec<Check>,
}

impl Reader {
    fn new(disk: &'static Path) -> Result<Self, Failure> {
        fs::create_dir_all(disk.join("cursors"))?;
        Ok(Self {
            disk,
            seen: Vec::new(),
        })
    }

    fn cursor(&self, source: &str) -> Result<Option<Cursor>, Failure> {
        let path = self.disk.join("cursors").join(source);
        match fs::read_to_string(path) {
            Ok(text) => Ok(Some(text.parse()?)),
            Err(_) => Ok(None),
        }
    }

    /// Goes to where earlier readers had come: those of this source, and of the one that has events of it.
    fn goes_on(&self, source: &mut Trace) -> Result<Option<Seek>, Failure> {
        let mut sought = None;
        let own = format!("trace:{}", source.name());
        for key in [Some(own), source.relative()].into_iter().flatten() {
            if let Some(cursor) = self.cursor(&key)? {
                sought.get_or_insert(source.seek(&cursor)?);
            }
        }
        Ok(sought)
    }

    /// Takes what there is, until there were so many, and puts it on disk.
    fn takes(&mut self, source: &mut Trace, most: usize) -> Outcome {
        while self.seen.len() < most
            && let Some(event) = source.next()?
        {
            match event {
                Event::Record(one) => self.seen.push(Check::of(&one.record, one.earlier_boot)),
                other => return Err(Failure::new(format!("{other:?}"))),
            }
            if let Some(cursor) = source.cursor() {
                let path = self.disk.join("cursors").join(cursor.source());
                fs::write(path, cursor.to_string())?;
            }
        }
        Ok(())
    }

    /// Lets the ring forget what is on disk.
    fn commits(&self, source: &mut Trace) -> Outcome {
        match source.cursor() {
            Some(cursor) => Ok(source.commit(&cursor)?),
            None => Ok(()),
        }
    }

    /// What was taken, by address: the order in which the errors were injected.
    fn sorted(&self) -> Vec<Check> {
        let mut seen = self.seen.clone();
        seen.sort_by_key(|check| check.addr);
        seen
    }
}
