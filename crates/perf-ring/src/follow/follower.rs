//! One ring that is followed: what came, and how many are missing.

use std::fmt;

use super::{Counting, Loss, Place};
use crate::cursor::Start;
use crate::keeper::wire::{NewRing, RingId};
use crate::merge::Entry;
use crate::numbering::Round;
use crate::{Error, Layout, Numbering, Order, ReadOnly, abi::RecordType};

/// Reads the event's count.
pub(crate) struct Counter(Box<dyn FnMut() -> Result<u64, Error> + Send>);

impl Counter {
    pub(crate) fn new(read: impl FnMut() -> Result<u64, Error> + Send + 'static) -> Self {
        Counter(Box::new(read))
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counter")
    }
}

/// One ring being followed.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) ring: RingId,
    pub(super) reader: ReadOnly,
    counter: Option<Counter>,
    numbering: Numbering,
    /// Records up to this number were read before; without numbers: so many samples are still to be passed over.
    skip: Option<u64>,
    /// The highest number handed out; without numbers: how many events are accounted for.
    pub(super) handed: Option<u64>,
    /// It is no longer written.
    pub(super) gone: bool,
    /// A reading found that it was overtaken, and nothing else: how far, is still to be told.
    lapped: bool,
    /// Samples since the counter was last taken into account.
    uncounted: u64,
    /// Whether the counter is to be looked at when nothing comes.
    doubtful: bool,
    /// The latest time seen.
    latest: u64,
}

/// Tries to read the counter between two looks at the writer's position that agree.
pub(super) const TRIES: usize = 8;

impl Follower {
    /// Begins where `start` says; `position` is what its cursor knows of this ring.
    pub(super) fn begin(
        new: NewRing,
        mut reader: ReadOnly,
        mut counter: Option<Counter>,
        counting: Counting,
        layout: &Layout,
        (start, position): (&Start, Option<u64>),
    ) -> Result<Self, Error> {
        if !counting.every {
            counter = None;
        }
        // By numbers, or by counting.
        let accounts = counting.numbered || counter.is_some();
        let mut numbering = Numbering::new();
        let mut skip = None;
        let mut doubtful = false;
        let overtaken = reader.overtaken();
        match (start, position) {
            (Start::Now, _) => {
                if let Some(counter) = &mut counter {
                    numbering = Numbering::after(count_now(counter, &mut reader)?);
                } else if counting.numbered {
                    let kept = reader.read()?;
                    let newest = kept
                        .iter(Order::NewestFirst)
                        .find_map(|r| layout.number(&r));
                    numbering = Numbering::after(newest.unwrap_or(new.base));
                } else {
                    reader.skip_to_now();
                }
            }
            (Start::After(_), Some(last)) if counting.numbered => {
                numbering = Numbering::after(last);
                skip = Some(last);
            }
            (Start::After(_), Some(last)) if counter.is_some() => {
                numbering = Numbering::after(last);
                // The samples that were read are the first there are. Once those are overwritten, there is no telling
                // which of the others were read: they are counted.
                if overtaken {
                    reader.skip_to_now();
                } else {
                    skip = Some(last.saturating_sub(new.base));
                }
                doubtful = true;
            }
            _ => {}
        }
        // While nothing is overwritten, the oldest record is the first that was ever in the ring: from there on
        // everything is to be had or counted. Else it is whatever is the oldest when it is read; of a ring that is
        // written forward that is nothing at all, and the counter says of how many.
        if accounts && numbering.last().is_none() && (!overtaken || counter.is_some()) {
            numbering = Numbering::after(new.base);
            doubtful = counter.is_some();
        }
        // Of a ring that nothing was read from, the cursor is its beginning.
        let handed = accounts.then(|| numbering.last().unwrap_or(new.base));
        Ok(Follower {
            ring: new.ring,
            lapped: doubtful && overtaken,
            reader,
            counter,
            numbering,
            skip,
            handed,
            gone: false,
            uncounted: 0,
            doubtful,
            latest: 0,
        })
    }

    /// Copies what came, and lists it behind what the order has, under its place among the rings: a loss before the records
    /// that it precedes. A time after `latest` is none.
    pub(super) fn take(
        &mut self,
        (place, latest): (u32, u64),
        layout: &Layout,
        counting: Counting,
        order: &mut Vec<Entry>,
        places: &mut Vec<Place>,
    ) {
        let loss_at = order.len();
        let mut put = |time, what| {
            let at = places.len() as u64;
            places.push(what);
            order.push(Entry {
                time,
                ring: place,
                at,
            });
        };
        if self.reader.is_empty() {
            if let Some(loss) = self.settle(counting) {
                put(self.latest, Place::Lost(loss));
            }
            return;
        }
        let Ok(kept) = self.reader.read() else {
            // What was there is given up; a counter still says how many it was.
            self.skip = None;
            let loss = if self.counter.is_some() {
                self.lapped = true;
                self.by_count()
            } else {
                Some(Loss::Unknown)
            };
            if let Some(loss) = loss {
                put(self.latest, Place::Lost(loss));
            }
            return;
        };
        // Before the records stands what is missing, which only they tell.
        put(0, Place::Lost(Loss::Unknown));
        let mut round: Option<Round> = None;
        let mut earliest = u64::MAX;
        let mut time = self.latest;
        let resumed = self.skip.is_some();
        for (at, record) in kept.iter(Order::OldestFirst).enumerate() {
            if counting.numbered {
                if let Some(number) = layout.number(&record) {
                    if self.skip.is_some_and(|skip| number <= skip) {
                        continue;
                    }
                    let known = round.get_or_insert(Round {
                        lowest: number,
                        highest: number,
                        records: 0,
                        lapped: false,
                    });
                    known.lowest = known.lowest.min(number);
                    known.highest = known.highest.max(number);
                    known.records += 1;
                }
            } else if record.header.kind == RecordType::SAMPLE {
                if let Some(skip) = self.skip.as_mut().filter(|skip| **skip > 0) {
                    *skip -= 1;
                    continue;
                }
                self.uncounted += 1;
            }
            time = layout
                .time(&record)
                .filter(|time| *time <= latest)
                .unwrap_or(time);
            earliest = earliest.min(time);
            self.latest = self.latest.max(time);
            put(time, Place::Kept(at));
        }
        if counting.numbered || kept.lapped() {
            self.skip = None;
        }
        let lapped = kept.lapped() || std::mem::take(&mut self.lapped);
        let loss = match round {
            Some(round) => {
                // A cursor's gap is no matter of waiting: the ring is as it is.
                let lost = self.numbering.read(Round {
                    lapped: lapped || resumed,
                    ..round
                });
                exactly(lost)
            }
            None if counting.numbered || self.counter.is_some() => {
                self.lapped = lapped;
                self.doubtful = self.counter.is_some();
                if lapped { self.by_count() } else { None }
            }
            None => lapped.then_some(Loss::Unknown),
        };
        match (loss, order.get_mut(loss_at)) {
            (Some(loss), Some(entry)) => {
                entry.time = earliest.min(self.latest);
                if let Some(place) = usize::try_from(entry.at)
                    .ok()
                    .and_then(|at| places.get_mut(at))
                {
                    *place = Place::Lost(loss);
                }
            }
            (_, Some(_)) => drop(order.remove(loss_at)),
            _ => {}
        }
    }

    /// Nothing came: what is still missing will not come. Returns how many.
    fn settle(&mut self, counting: Counting) -> Option<Loss> {
        if counting.numbered && !self.lapped {
            exactly(self.numbering.settle())
        } else if self.doubtful || self.lapped {
            self.by_count()
        } else {
            None
        }
    }

    /// What the event's counter says is missing of what came before now. Nothing while the ring is being written: the
    /// count and what was read must be of the same moment; a later call tells it then.
    fn by_count(&mut self) -> Option<Loss> {
        let counter = self.counter.as_mut()?;
        let count = (counter.0)().ok()?;
        if !self.reader.is_empty() {
            return None;
        }
        // What is counted and not there may be under way. That costs some milliseconds, and only where something seems
        // to be missing and the ring is quiet.
        let missing = self.numbering.misses(count, self.uncounted);
        let certain = missing && self.reader.wait_for_writers();
        if certain && !self.reader.is_empty() {
            return None;
        }
        let records = std::mem::take(&mut self.uncounted);
        let lost = self.numbering.count(count, records, certain);
        self.lapped = false;
        self.doubtful = self.numbering.uncertain();
        exactly(lost)
    }
}

fn exactly(lost: u64) -> Option<Loss> {
    (lost > 0).then_some(Loss::Exact(lost))
}

/// The count at the place where the reader begins, which is the writer's.
fn count_now(counter: &mut Counter, reader: &mut ReadOnly) -> Result<u64, Error> {
    let mut count = 0;
    for _ in 0..TRIES {
        reader.skip_to_now();
        count = (counter.0)()?;
        // Nor may a record be under way that is counted.
        if reader.is_empty() && (!reader.wait_for_writers() || reader.is_empty()) {
            break;
        }
    }
    Ok(count)
}
