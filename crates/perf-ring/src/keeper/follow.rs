//! Reading several shared rings as one stream, with numbers and loss.

use std::collections::VecDeque;

use crate::abi::{AttrFlags, EventAttr, ReadFormat, RecordType, SampleType};
use crate::keeper::cursor::{Cursor, Start};
use crate::keeper::wire::{NewRing, RingId};
use crate::merge::{Entry, due};
use crate::numbering::Round;
use crate::{Backward, Error, Layout, Numbering, Record};

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

/// One ring being followed.
#[derive(Debug)]
struct Follower {
    ring: RingId,
    reader: Backward,
    numbering: Numbering,
    /// Records up to this number were read before.
    skip: Option<u64>,
    /// The highest number handed out.
    handed: Option<u64>,
    /// It is no longer written.
    gone: bool,
    /// A reading found that it was overtaken, and nothing else: how far, the next one tells.
    lapped: bool,
}

/// Whether the samples of an event are numbered: its own count, one for each event.
pub(crate) fn numbered(attr: &EventAttr) -> bool {
    attr.sample_type.contains(SampleType::READ)
        && !attr.read_format.contains(ReadFormat::GROUP)
        && attr.sample_period == 1
        && !attr.flags.contains(AttrFlags::FREQ)
}

/// Several rings as one stream. Each reading takes all that came since the last, in the order of time.
#[derive(Debug)]
pub(crate) struct Rings {
    layout: Layout,
    numbered: bool,
    boot: [u8; 16],
    followers: Vec<Follower>,
    order: Vec<Entry>,
    next: usize,
    news: VecDeque<Shared<'static>>,
}

impl Rings {
    pub(crate) fn new(attr: &EventAttr, boot: [u8; 16]) -> Result<Self, Error> {
        Ok(Rings {
            layout: Layout::of(attr)?,
            numbered: numbered(attr),
            boot,
            followers: Vec::new(),
            order: Vec::new(),
            next: 0,
            news: VecDeque::new(),
        })
    }

    /// Follows one more ring.
    pub(crate) fn add(
        &mut self,
        new: NewRing,
        mut reader: Backward,
        start: &Start,
    ) -> Result<(), Error> {
        let ring = new.ring;
        let mut numbering = Numbering::new();
        let mut skip = None;
        if self.followers.iter().any(|f| f.ring.cpu == ring.cpu) {
            self.news.push_back(Shared::NewEpoch(ring));
        }
        match start {
            Start::Oldest => {}
            Start::Now => {
                let newest = reader
                    .read()?
                    .iter(crate::Order::NewestFirst)
                    .find_map(|r| self.layout.number(&r));
                if self.numbered {
                    numbering = Numbering::after(newest.unwrap_or(new.base));
                }
            }
            Start::After(cursor) => match cursor.position(self.boot, ring) {
                Some(last) if self.numbered => {
                    numbering = Numbering::after(last);
                    skip = Some(last);
                }
                _ => {
                    if cursor.knows_cpu(ring.cpu) {
                        self.news.push_back(Shared::NewEpoch(ring));
                    }
                }
            },
        }
        // While nothing is overwritten, the oldest record is the first that was ever in the ring: from there on
        // everything is to be had or counted. Else it is whatever is the oldest when it is read.
        if self.numbered && numbering.last().is_none() && !reader.overtaken() {
            numbering = Numbering::after(new.base);
        }
        // Of a ring that nothing was read from, the cursor is its beginning.
        let handed = if self.numbered {
            numbering.last().or(Some(new.base))
        } else {
            None
        };
        self.followers.push(Follower {
            ring,
            reader,
            numbering,
            skip,
            handed,
            gone: false,
            lapped: false,
        });
        Ok(())
    }

    /// Stops following a ring once it is empty.
    pub(crate) fn remove(&mut self, ring: RingId) {
        for follower in self.followers.iter_mut().filter(|f| f.ring == ring) {
            follower.gone = true;
        }
    }

    /// Whether everything that was copied has been handed out.
    pub(crate) fn exhausted(&self) -> bool {
        self.next >= self.order.len() && self.news.is_empty()
    }

    /// Copies what came; says whether anything did. Only once everything before has been handed out.
    pub(crate) fn read(&mut self) -> bool {
        if !self.exhausted() {
            return true;
        }
        self.order.clear();
        self.next = 0;
        self.followers.retain(|f| !(f.gone && f.reader.is_empty()));
        for (i, follower) in self.followers.iter_mut().enumerate() {
            if follower.reader.is_empty() {
                let lost = follower.numbering.settle();
                if lost > 0 {
                    self.news.push_back(Shared::Lost {
                        ring: follower.ring,
                        loss: Loss::Exact(lost),
                    });
                }
                continue;
            }
            let loss = match follower.take(i as u32, &self.layout, self.numbered, &mut self.order) {
                Ok(loss) => loss,
                Err(_) => Some(Loss::Unknown),
            };
            if let Some(loss) = loss {
                self.news.push_back(Shared::Lost {
                    ring: follower.ring,
                    loss,
                });
            }
        }
        due(&mut self.order, u64::MAX);
        !self.exhausted()
    }

    /// The next item of the reading: losses first, they are before its records.
    pub(crate) fn next(&mut self) -> Option<Shared<'_>> {
        if let Some(news) = self.news.pop_front() {
            return Some(news);
        }
        let entry = *self.order.get(self.next)?;
        self.next += 1;
        let follower = self.followers.get_mut(entry.ring as usize)?;
        let record = follower
            .reader
            .kept()
            .get(usize::try_from(entry.at).ok()?)?;
        let number = if self.numbered {
            self.layout.number(&record)
        } else {
            None
        };
        follower.handed = follower.handed.max(number);
        Some(Shared::Record {
            ring: follower.ring,
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

impl Follower {
    fn take(
        &mut self,
        place: u32,
        layout: &Layout,
        numbered: bool,
        order: &mut Vec<Entry>,
    ) -> Result<Option<Loss>, Error> {
        let kept = self.reader.read()?;
        let mut round: Option<Round> = None;
        let mut last = 0;
        for (at, record) in kept.iter(crate::Order::OldestFirst).enumerate() {
            let number = if numbered {
                layout.number(&record)
            } else {
                None
            };
            if let Some(number) = number {
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
            let time = layout.time(&record).unwrap_or(last);
            last = time;
            order.push(Entry {
                time,
                ring: place,
                at: at as u64,
            });
        }
        let lapped = kept.lapped() || std::mem::take(&mut self.lapped);
        // A cursor's gap is no matter of waiting: the ring is as it is.
        let resumed = self.skip.take().is_some();
        Ok(match round {
            Some(round) => {
                let lost = self.numbering.read(Round {
                    lapped: lapped || resumed,
                    ..round
                });
                (lost > 0).then_some(Loss::Exact(lost))
            }
            None if lapped && !numbered => Some(Loss::Unknown),
            None => {
                self.lapped = lapped;
                None
            }
        })
    }
}

impl Layout {
    /// A record's time stamp; `None` when it has none.
    pub(crate) fn time(&self, record: &Record<'_>) -> Option<u64> {
        if record.header.kind == RecordType::SAMPLE {
            record.word(self.fixed_at(SampleType::TIME)?)
        } else {
            let body = record.first.len() + record.second.len();
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
