//! Reading several read-only rings as one stream: in the order of time, with what is missing as an item at its place.

mod follower;
mod shared;

use std::collections::VecDeque;
use std::time::Duration;

use follower::{Counter, Follower};
pub use shared::SharedRings;

use crate::abi::{AttrFlags, EventAttr, ReadFormat, RecordHeader, RecordType, SampleType};
use crate::cursor::{Cursor, Start};
use crate::keeper::wire::{NewRing, RingId};
use crate::merge::{Entry, Room, due, latest_at};
use crate::{Error, Layout, ReadOnly, Record, sys};

/// How many records are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// So many.
    Exact(u64),
    /// Nobody knows: the records have no numbers, or the ring's contents were damaged.
    Unknown,
}

/// What the stream of shared rings consists of.
#[derive(Clone, Copy, Debug)]
pub enum Shared<'a> {
    /// A record.
    Record {
        /// Out of which ring.
        ring: RingId,
        /// The event's number; `None` for records other than samples.
        number: Option<u64>,
        /// The record.
        record: Record<'a>,
    },
    /// Records are missing here. LOST records, too, are handed out as they are; what they count is counted here.
    Lost {
        /// Of which ring.
        ring: RingId,
        /// How many.
        loss: Loss,
    },
    /// A CPU's events come from a new event: another boot, another keeper, or a CPU that was gone. What was between is
    /// unknown.
    NewEpoch(RingId),
    /// The keeper has ended. The rings go on while this client keeps them, without anyone to wake it but themselves.
    KeeperGone,
}

/// How long a record is held back by default so that earlier ones of other CPUs can overtake it.
pub(crate) const DELAY: Duration = Duration::from_millis(1);

/// What an event's attr says of its count.
#[derive(Clone, Copy, Debug)]
struct Counting {
    /// Every event makes one sample, so that the event's own count tells how many there should be.
    every: bool,
    /// Every sample has that count in it.
    numbered: bool,
}

impl Counting {
    fn of(attr: &EventAttr) -> Self {
        let every = attr.sample_period == 1
            && !attr.flags.contains(AttrFlags::FREQ)
            && !attr.read_format.contains(ReadFormat::GROUP);
        Counting {
            every,
            numbered: every && attr.sample_type.contains(SampleType::READ),
        }
    }
}

/// Where an item of a reading is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In the copy that the ring's reader has just made, counted from the oldest.
    Kept(usize),
    /// Among the records held back from earlier readings, in bytes.
    Held(usize),
    /// Nowhere: it is a loss.
    Lost(Loss),
}

/// The clock of an event's time stamps, where user space can read it.
fn clock_of(attr: &EventAttr) -> Option<i32> {
    let timed =
        attr.sample_type.contains(SampleType::TIME) && attr.flags.contains(AttrFlags::USE_CLOCKID);
    timed.then_some(attr.clockid)
}

/// Several rings as one stream.
///
/// Each reading copies all that came since the last, and hands out what is older than the delay. The rest is held back,
/// in memory of its own: the rings go on.
#[derive(Debug)]
pub(crate) struct Rings {
    layout: Layout,
    counting: Counting,
    boot: [u8; 16],
    clock: Option<i32>,
    delay: Duration,
    followers: Vec<Follower>,
    /// The reading, sorted; `at` is an index of `places`.
    order: Vec<Entry>,
    places: Vec<Place>,
    /// How many of them may be handed out.
    due: usize,
    next: usize,
    /// Records of earlier readings that are held back.
    held: Vec<u8>,
    /// Room for building the next of `held`, `places` and what is left of `order`.
    scratch: (Vec<u8>, Vec<Place>, Vec<Entry>),
    room: Room,
    news: VecDeque<Shared<'static>>,
}

impl Rings {
    pub(crate) fn new(attr: &EventAttr, boot: [u8; 16]) -> Result<Self, Error> {
        Ok(Rings {
            layout: Layout::of(attr)?,
            counting: Counting::of(attr),
            boot,
            clock: clock_of(attr),
            delay: DELAY,
            followers: Vec::new(),
            order: Vec::new(),
            places: Vec::new(),
            due: 0,
            next: 0,
            held: Vec::new(),
            scratch: Default::default(),
            room: Room::default(),
            news: VecDeque::new(),
        })
    }

    /// Sets how long a record is held back.
    pub(crate) fn set_delay(&mut self, delay: Duration) {
        self.delay = delay;
    }

    pub(crate) const fn delay(&self) -> Duration {
        self.delay
    }

    pub(crate) const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Follows one more ring. `counter` reads the event's count, for samples that have no numbers.
    pub(crate) fn add(
        &mut self,
        new: NewRing,
        reader: ReadOnly,
        counter: Option<Counter>,
        start: &Start,
    ) -> Result<(), Error> {
        let cpu = new.ring.cpu;
        let known = self.followers.iter().any(|f| f.ring.cpu == cpu);
        let position = match start {
            Start::After(cursor) => cursor.position(self.boot, new.ring),
            _ => None,
        };
        let (counting, layout) = (self.counting, &self.layout);
        let begin = (start, position);
        let follower = Follower::begin(new, reader, counter, counting, layout, begin)?;
        let elsewhere = matches!(start, Start::After(cursor) if cursor.knows_cpu(cpu))
            && (position.is_none() || follower.handed.is_none());
        if known || elsewhere {
            self.news.push_back(Shared::NewEpoch(new.ring));
        }
        self.followers.push(follower);
        Ok(())
    }

    /// Stops following a ring once it is empty.
    pub(crate) fn remove(&mut self, ring: RingId) {
        for follower in self.followers.iter_mut().filter(|f| f.ring == ring) {
            follower.gone = true;
        }
    }

    /// Whether a CPU's ring is followed.
    pub(crate) fn follows(&self, cpu: u32) -> bool {
        self.followers.iter().any(|f| f.ring.cpu == cpu && !f.gone)
    }

    /// Whether everything that is due has been handed out.
    pub(crate) fn exhausted(&self) -> bool {
        self.next >= self.due && self.news.is_empty()
    }

    /// Whether there is something that is not yet due.
    pub(crate) fn holds_back(&self) -> bool {
        self.due < self.order.len()
    }

    /// Copies what came; says whether there is anything to hand out. Only once everything before has been.
    pub(crate) fn read(&mut self) -> bool {
        // The clock is read before the heads: what is not yet published then is younger than this, but for the delay.
        let now = self.clock.and_then(|clock| sys::clock_ns(clock).ok());
        let delay = u64::try_from(self.delay.as_nanos()).unwrap_or(u64::MAX);
        // Without a clock nothing is held back: there is no telling how old a record is.
        self.read_up_to(
            now.map_or(u64::MAX, |now| now.saturating_sub(delay)),
            now.map_or(u64::MAX, latest_at),
        )
    }

    /// The same, holding nothing back.
    pub(crate) fn flush(&mut self) -> bool {
        self.read_up_to(u64::MAX, u64::MAX)
    }

    fn read_up_to(&mut self, horizon: u64, latest: u64) -> bool {
        if !self.exhausted() {
            return true;
        }
        self.hold();
        self.order.clear();
        self.next = 0;
        let left = &self.scratch.2;
        let mut rest = left.as_slice();
        for (i, follower) in self.followers.iter_mut().enumerate() {
            let ring = i as u32;
            let n = rest.partition_point(|entry| entry.ring <= ring);
            let (of_ring, others) = rest.split_at_checked(n).unwrap_or((rest, &[]));
            rest = others;
            self.order.extend_from_slice(of_ring);
            follower.take(
                (ring, latest),
                &self.layout,
                self.counting,
                &mut self.order,
                &mut self.places,
            );
        }
        self.due = due(&mut self.order, horizon, &mut self.room);
        !self.exhausted()
    }

    /// Moves what was not yet due out of the readers' copies, and drops rings that are over.
    fn hold(&mut self) {
        let (bytes, places, left) = &mut self.scratch;
        bytes.clear();
        places.clear();
        left.clear();
        left.extend_from_slice(self.order.get(self.next..).unwrap_or_default());
        // Back into each ring's own order.
        left.sort_unstable_by_key(|entry| (entry.ring, entry.at));
        for entry in left.iter_mut() {
            let place = usize::try_from(entry.at)
                .ok()
                .and_then(|at| self.places.get(at));
            let now = match place.copied() {
                Some(Place::Lost(loss)) => Place::Lost(loss),
                Some(old) => {
                    let at = bytes.len();
                    let reader = self.followers.get(entry.ring as usize).map(|f| &f.reader);
                    if let Some(record) = reader.and_then(|r| record_of(old, r, &self.held)) {
                        record.copy_to(bytes);
                    }
                    Place::Held(at)
                }
                None => continue,
            };
            entry.at = places.len() as u64;
            places.push(now);
        }
        std::mem::swap(&mut self.held, bytes);
        std::mem::swap(&mut self.places, places);
        let mut i = 0;
        while let Some(follower) = self.followers.get(i) {
            let ring = i as u32;
            let over = follower.gone
                && follower.reader.is_empty()
                && left.iter().all(|entry| entry.ring != ring);
            if !over {
                i += 1;
                continue;
            }
            self.followers.remove(i);
            for entry in left.iter_mut().filter(|entry| entry.ring > ring) {
                entry.ring -= 1;
            }
        }
    }

    /// The next item of the reading.
    pub(crate) fn next(&mut self) -> Option<Shared<'_>> {
        if let Some(news) = self.news.pop_front() {
            return Some(news);
        }
        if self.next >= self.due {
            return None;
        }
        let entry = *self.order.get(self.next)?;
        self.next += 1;
        let place = *self.places.get(usize::try_from(entry.at).ok()?)?;
        let Follower {
            ring,
            reader,
            handed,
            ..
        } = self.followers.get_mut(entry.ring as usize)?;
        let ring = *ring;
        if let Place::Lost(loss) = place {
            if let (Loss::Exact(n), Some(handed), false) = (loss, handed, self.counting.numbered) {
                *handed = handed.saturating_add(n);
            }
            return Some(Shared::Lost { ring, loss });
        }
        let record = record_of(place, reader, &self.held)?;
        let number = if self.counting.numbered {
            self.layout.number(&record)
        } else {
            None
        };
        if self.counting.numbered {
            *handed = (*handed).max(number);
        } else if let (Some(handed), RecordType::SAMPLE) = (handed, record.header.kind) {
            *handed = handed.saturating_add(1);
        }
        Some(Shared::Record {
            ring,
            number,
            record,
        })
    }

    /// How far everything handed out reaches.
    pub(crate) fn cursor(&self) -> Cursor {
        let read = self
            .followers
            .iter()
            .filter_map(|f| Some(((f.ring.cpu, f.ring.id), f.handed?)));
        Cursor {
            boot: self.boot,
            read: read.collect(),
        }
    }
}

fn record_of<'a>(place: Place, reader: &'a ReadOnly, held: &'a [u8]) -> Option<Record<'a>> {
    match place {
        Place::Kept(at) => reader.kept().get(at),
        Place::Held(at) => Record::from_bytes(held.get(at..)?).ok(),
        Place::Lost(_) => None,
    }
}

impl Layout {
    /// A record's time stamp; `None` when it has none.
    pub(crate) fn time(&self, record: &Record<'_>) -> Option<u64> {
        if record.header.kind == RecordType::SAMPLE {
            record.word(self.fixed_at(SampleType::TIME)?)
        } else {
            let body = usize::from(record.header.size).checked_sub(RecordHeader::SIZE)?;
            record.word(body.checked_sub(self.trailer_back(SampleType::TIME)?)?)
        }
    }

    /// A sample's count, which stands behind the fixed fields.
    pub(crate) fn number(&self, record: &Record<'_>) -> Option<u64> {
        let numbered = record.header.kind == RecordType::SAMPLE
            && self.sample_type().contains(SampleType::READ);
        if numbered {
            record.word(self.fixed_len())
        } else {
            None
        }
    }
}
