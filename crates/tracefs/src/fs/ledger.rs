//! Counting what was lost on one CPU, exactly.
//!
//! The kernel stores the number of overwritten records behind a sub-buffer's data. If the data leaves no
//! room for it there is only a flag, and a ring that keeps the oldest records (`overwrite` off) says
//! nothing in its pages at all. The counters of `per_cpu/cpuN/stats` know both sums, so what the pages
//! did not tell is made up from there.

use std::path::PathBuf;

use super::stats::Stats;
use crate::Result;
use crate::page::Loss;

/// What was lost on one CPU, and how much of it has been reported.
#[derive(Debug)]
pub(super) struct Ledger {
    stats: PathBuf,
    /// `overrun` when the ring was opened.
    at_open: u64,
    /// `overrun` up to which another reader, before us, was told; unknown until it can be told.
    base: Option<u64>,
    /// Overwritten records reported since.
    reported: u64,
    /// A page said "some": from then on its counts are not added, but taken from the counters.
    uncounted: bool,
    /// `dropped events` reported.
    dropped: u64,
}

impl Ledger {
    /// The ledger of a ring whose losses are all to be reported: that of a CPU that was not there when
    /// the others were opened.
    pub(super) fn whole(stats: PathBuf) -> Self {
        Self {
            stats,
            at_open: 0,
            base: Some(0),
            reported: 0,
            uncounted: false,
            dropped: 0,
        }
    }

    pub(super) fn open(stats: PathBuf) -> Result<Self> {
        let now = Stats::read(&stats)?;
        Ok(Self {
            stats,
            at_open: now.overrun,
            base: (now.overrun == 0).then_some(0),
            reported: 0,
            uncounted: false,
            dropped: now.dropped_events,
        })
    }

    /// What is to be reported before a page that says `lost`.
    pub(super) fn page(&mut self, lost: Option<Loss>) -> Result<Option<Loss>> {
        match lost {
            None => Ok(None),
            Some(Loss::Exact(n)) if !self.uncounted => {
                if self.base.is_none() {
                    let overrun = Stats::read(&self.stats)?.overrun;
                    // Nothing was lost since the opening: so the page's count ends at this number.
                    self.base = (overrun == self.at_open).then(|| overrun.saturating_sub(n));
                }
                self.reported = self.reported.saturating_add(n);
                Ok(Some(Loss::Exact(n)))
            }
            Some(_) => {
                self.uncounted = true;
                self.settle(true)
            }
        }
    }

    /// Overwritten records that no page has told of yet. To be asked when the ring has been emptied for
    /// the last time: a page that comes later would tell of the same ones again.
    pub(super) fn rest(&mut self) -> Result<Option<Loss>> {
        self.uncounted = true;
        self.settle(false)
    }

    /// Records refused by a full ring since this was asked last.
    pub(super) fn dropped(&mut self) -> Result<Option<Loss>> {
        let dropped = Stats::read(&self.stats)?.dropped_events;
        let new = dropped.saturating_sub(self.dropped);
        self.dropped = dropped;
        Ok((new > 0).then_some(Loss::Exact(new)))
    }

    /// Reports up to what the counters say now; `some` if a page said that there is something.
    fn settle(&mut self, some: bool) -> Result<Option<Loss>> {
        let overrun = Stats::read(&self.stats)?.overrun;
        let Some(base) = self.base else {
            // Another reader was told of some of these; from here on it is known.
            self.base = Some(overrun.saturating_sub(self.reported));
            return Ok(some.then_some(Loss::AtLeast(1)));
        };
        // `clear` sets the counter back.
        let new = overrun.saturating_sub(base).saturating_sub(self.reported);
        self.reported = overrun.saturating_sub(base);
        Ok((new > 0).then_some(Loss::Exact(new)))
    }
}
