//! Trace events through perf rings of one's own, which are gone with the process.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use perf_ring::abi::{RecordType, SampleType};
use perf_ring::{AllCpus, Body, Builder, Clock, Item, Wakeup};
use tracefs::fs::Tracefs;

use crate::fields::{Catalogue, Known};
use crate::trace::{MCE_RECORD, TraceOptions};
use crate::{
    Caps, Channel, Cursor, Event, Guarantees, Keeps, Loss, LossKnown, Lost, Observed, Result, Seek,
    Source, boot, own,
};

/// How often the list of CPUs is looked at.
const SCAN: Duration = Duration::from_secs(1);

/// What rings of one's own guarantee.
pub(crate) const CAPS: Caps = Caps {
    guarantees: Guarantees::MANY_READERS
        .union(Guarantees::WAKES_ALL)
        .union(Guarantees::KERNEL_FILTER)
        .union(Guarantees::READING_DESTROYS)
        .union(Guarantees::REGISTERS),
    keeps: Keeps::Oldest,
    loss: LossKnown::Exact,
};

/// Trace events of all CPUs through perf events of this process.
///
/// Nothing before it and nothing after it: it neither repeats nor resumes. What finds no room is told in the stream.
#[derive(Debug)]
pub struct Perf {
    all: AllCpus,
    catalogue: Catalogue,
    queue: VecDeque<Event>,
    scratch: Vec<u8>,
    scanned: Instant,
}

impl Perf {
    /// Opens the events on every CPU, with rings of `pages` data pages (a power of two) each. The options' filter is
    /// that of machine checks; their size is not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::Tracefs`](crate::Error::Tracefs), [`Error::Missing`](crate::Error::Missing) for events that are not there;
    /// [`Error::Perf`](crate::Error::Perf) with what is missing on this machine to open them.
    pub fn open(tracefs: &Tracefs, options: &TraceOptions, pages: usize) -> Result<Self> {
        let mut catalogue = Catalogue::default();
        let mut builders = Vec::new();
        let top = tracefs.top();
        for name in options.existing(tracefs)? {
            catalogue.add(name.system(), top.event(&name)?.format()?)?;
            let mut builder = Builder::tracepoint(tracefs.root(), name.system(), name.event())?
                .sample(SampleType::CPU | SampleType::RAW)
                .clock(Clock::Monotonic)
                .wakeup(Wakeup::Events(1));
            if name.to_string() == MCE_RECORD
                && let Some(filter) = &options.filter
            {
                builder = builder.filter(&filter.to_string());
            }
            builders.push(builder);
        }
        Ok(Self {
            all: AllCpus::open(&builders, pages)?,
            catalogue,
            queue: VecDeque::new(),
            scratch: Vec::new(),
            scanned: Instant::now(),
        })
    }

    /// How many events happened, those that were lost included, since this was opened.
    ///
    /// # Errors
    ///
    /// [`Error::Perf`](crate::Error::Perf).
    pub fn counted(&self) -> Result<u64> {
        Ok(self.all.counts()?.iter().map(|count| count.value).sum())
    }

    fn drain(&mut self) -> Result<()> {
        if self.scanned.elapsed() >= SCAN {
            self.scanned = Instant::now();
            self.all.rescan()?;
        }
        // Empties the timer and notices rings that hung up.
        self.all.wait(Some(Duration::ZERO))?;
        let mut merge = self.all.drain()?;
        while let Some(item) = merge.next() {
            let event = match item {
                Item::Record {
                    cpu,
                    layout,
                    record,
                    ..
                } => {
                    let known = record.header.kind == RecordType::SAMPLE
                        || record.header.kind == RecordType::LOST;
                    if !known {
                        continue;
                    }
                    match layout.parse(&record, &mut self.scratch)?.body {
                        Body::Sample(sample) => {
                            let time = sample.time().and_then(boot::of_monotonic);
                            let data = sample.raw().unwrap_or_default();
                            match self.catalogue.read(Channel::Perf, cpu, time, data) {
                                Some(known) => event_of(known, Channel::Perf),
                                None => continue,
                            }
                        }
                        Body::Lost { lost, .. } => {
                            self::lost(cpu, Loss::Exact(lost), "no room in the perf ring")
                        }
                        _ => continue,
                    }
                }
                Item::Damaged { cpu, .. } => self::lost(cpu, Loss::Unknown, "the ring was damaged"),
                Item::Came(cpu) => {
                    self::lost(cpu, Loss::Unknown, "came online; before, nobody listened")
                }
                Item::Went(_) => continue,
            };
            self.queue.push_back(event);
        }
        Ok(())
    }
}

fn lost(cpu: u32, loss: Loss, why: &str) -> Event {
    Event::Lost(Lost {
        channel: Channel::Perf,
        loss,
        why: format!("CPU {cpu}: {why}"),
    })
}

/// An event of this boot.
pub(crate) fn event_of(known: Known, channel: Channel) -> Event {
    match known {
        Known::Mce(record) => Event::Record(Observed {
            record,
            channel,
            earlier_boot: false,
        }),
        Known::Generic(generic) => Event::Generic(generic),
    }
}

impl AsFd for Perf {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.all.as_fd()
    }
}

impl Source for Perf {
    fn channel(&self) -> Channel {
        Channel::Perf
    }

    fn name(&self) -> &str {
        "own"
    }

    fn caps(&self) -> Caps {
        CAPS
    }

    fn next(&mut self) -> Result<Option<Event>> {
        if self.queue.is_empty() {
            self.drain()?;
        }
        Ok(self.queue.pop_front())
    }

    fn cursor(&self) -> Option<Cursor> {
        None
    }

    fn seek(&mut self, cursor: &Cursor) -> Result<Seek> {
        own::check(cursor, Channel::Perf, self.name())?;
        // It never made one.
        Err(own::bad_position(cursor))
    }

    fn commit(&mut self, _cursor: &Cursor) -> Result<()> {
        Ok(())
    }
}
