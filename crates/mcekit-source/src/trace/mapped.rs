//! A ring of Linux 6.10 and later, mapped.
//!
//! What the kernel takes out of a mapped ring it puts into the reader's sub-buffer, and there it stays until the next
//! one is taken. So nothing is taken while something that was given before is not yet safe, and a new process
//! begins with what the reader's sub-buffer still holds. `read events` numbers the events: the kernel counts each once.

use std::path::{Path, PathBuf};

use tracefs::fs::Instance;
use tracefs::map::MappedRing;

use super::position::{MappedPosition, Position};
use super::{Gathered, What, stats};
use crate::fields::Catalogue;
use crate::{Channel, Result};

/// Why events are missing that the kernel calls read.
const TAKEN: &str = "taken by another reader, or damaged";

/// The ring of one CPU.
#[derive(Debug)]
pub(super) struct Mapped {
    cpu: u32,
    stats: PathBuf,
    ring: MappedRing,
    /// Where to go on; taken by the first look.
    start: Option<Option<MappedPosition>>,
    /// Number of the last event taken.
    end: u64,
    /// Number of the last event that was given to somebody, or will be.
    given: u64,
    /// Up to here it is safe.
    safe: u64,
    /// Time of the last event taken.
    stamp: u64,
    overrun: u64,
    dropped: u64,
}

/// What a sub-buffer gave.
struct Page {
    items: Vec<(u64, What)>,
}

impl Mapped {
    pub(super) fn open(instance: &Instance, cpu: u32) -> Result<Self> {
        let dir = instance.root().join("per_cpu").join(format!("cpu{cpu}"));
        let path = dir.join("trace_pipe_raw");
        let file = super::open_raw(&path)?;
        let ring = MappedRing::new(file, &path, instance.layout()?)?;
        Ok(Self {
            cpu,
            stats: dir.join("stats"),
            ring,
            start: Some(None),
            end: 0,
            given: 0,
            safe: 0,
            stamp: 0,
            overrun: 0,
            dropped: 0,
        })
    }

    pub(super) fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(&self.ring)
    }

    pub(super) fn stats(&self) -> &Path {
        &self.stats
    }

    /// Time of the last event taken, if there are more that have to wait until it is safe.
    pub(super) fn reached(&self) -> Result<Option<u64>> {
        if self.safe >= self.given {
            return Ok(None);
        }
        // Asked now, after all rings were looked into: what comes later is later than what was found.
        let more = stats::read(&self.stats)?.stats.entries > 0;
        Ok(more.then_some(self.stamp))
    }

    pub(super) fn resume(&mut self, position: Option<&Position>) {
        self.start = Some(match position {
            Some(Position::Mapped(position)) => Some(*position),
            Some(Position::Text(_) | Position::Before(_)) | None => None,
        });
    }

    /// Takes what can be taken without giving up what is not safe yet.
    pub(super) fn gather(&mut self, known: &Catalogue, out: &mut Vec<Gathered>) -> Result<()> {
        if let Some(start) = self.start.take() {
            self.begin(start, known, out)?;
        }
        if self.safe < self.given {
            return Ok(());
        }
        while let Some(sub) = self.ring.next_page()? {
            let page = read(known, self.cpu, &sub);
            let count = page.items.len() as u64;
            let counts = self.ring.counts();
            let first = counts.read.saturating_sub(count);
            let stolen = first.saturating_sub(self.end);
            self.lose(stolen, TAKEN, out);
            self.lost_so_far(counts.overrun, out);
            self.put(first, page, out);
            if self.safe < self.given {
                break;
            }
        }
        Ok(())
    }

    /// The reader's sub-buffer as an earlier process left it.
    fn begin(
        &mut self,
        start: Option<MappedPosition>,
        known: &Catalogue,
        out: &mut Vec<Gathered>,
    ) -> Result<()> {
        let counts = self.ring.counts();
        let page = match self.ring.taken()? {
            Some(sub) => read(known, self.cpu, &sub),
            None => Page { items: Vec::new() },
        };
        let held = page.items.len() as u64;
        let first = counts.read.saturating_sub(held);
        let reset =
            |start: &MappedPosition| start.next > counts.read || start.overrun > counts.overrun;
        if let Some(start) = start.filter(|start| !reset(start)) {
            (self.overrun, self.dropped) = (start.overrun, start.dropped);
            self.end = start.next;
            self.safe = start.next;
            self.given = start.next;
            self.lose(first.saturating_sub(start.next), TAKEN, out);
            let skip = usize::try_from(start.next.saturating_sub(first)).unwrap_or(usize::MAX);
            let items = page.items.into_iter().skip(skip).collect();
            self.put(first.max(start.next), Page { items }, out);
        } else {
            if start.is_some() {
                out.push(Gathered::lost(
                    self.cpu,
                    0,
                    None,
                    "the ring was cleared",
                    self.position(),
                ));
            }
            self.end = first;
            self.safe = first;
            self.given = first;
            self.put(first, page, out);
        }
        self.lost_so_far(counts.overrun, out);
        Ok(())
    }

    /// Events from number `first` + 1 on.
    fn put(&mut self, first: u64, page: Page, out: &mut Vec<Gathered>) {
        self.end = first;
        for (stamp, what) in page.items {
            self.end += 1;
            self.stamp = stamp;
            if !matches!(what, What::Unknown) {
                self.given = self.end;
            }
            out.push(Gathered {
                cpu: self.cpu,
                stamp,
                what,
                position: self.position(),
            });
        }
    }

    fn position(&self) -> Position {
        Position::Mapped(MappedPosition {
            next: self.end,
            overrun: self.overrun,
            dropped: self.dropped,
        })
    }

    fn lost_so_far(&mut self, overrun: u64, out: &mut Vec<Gathered>) {
        let new = overrun.saturating_sub(self.overrun);
        self.overrun = overrun;
        self.lose(new, "overwritten in the trace ring", out);
    }

    fn lose(&mut self, count: u64, why: &'static str, out: &mut Vec<Gathered>) {
        if count > 0 {
            out.push(Gathered::lost(
                self.cpu,
                0,
                Some(count),
                why,
                self.position(),
            ));
        }
    }

    /// Events that a full ring refused.
    pub(super) fn refused(&mut self, out: &mut Vec<Gathered>) -> Result<()> {
        let dropped = stats::read(&self.stats)?.stats.dropped_events;
        let new = dropped.saturating_sub(self.dropped);
        self.dropped = dropped;
        self.lose(new, "refused by a full trace ring", out);
        Ok(())
    }

    pub(super) fn commit(&mut self, position: &Position) {
        if let Position::Mapped(position) = position {
            self.safe = self.safe.max(position.next);
        }
    }
}

fn read(known: &Catalogue, cpu: u32, sub: &tracefs::page::SubBuffer<'_>) -> Page {
    let items = sub
        .records()
        // Behind damage there is nothing more in a sub-buffer.
        .map_while(Result::ok)
        .map(|record| {
            let what = match known.read(Channel::Trace, cpu, None, record.data) {
                Some(known) => What::Event(known),
                None => What::Unknown,
            };
            (record.timestamp, what)
        })
        .collect();
    Page { items }
}
