//! Read-only rings of this process, or of whoever made them, as one stream.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use super::follower::TRIES;
use super::{Counter, Rings, Shared};
use crate::abi::{AttrFlags, EventAttr, RecordType};
use crate::alarm::Alarm;
use crate::cursor::{Cursor, Start};
use crate::keeper::wire::{NewRing, RingId};
use crate::sleep::sleep;
use crate::{Error, Event, Layout, Order, ReadOnly, boot};

/// The epoll token of the timer.
const ALARM: u64 = u64::MAX;

/// How often rings are looked at: each wake-up of a ring with several readers reaches one of them.
const LOOK: Duration = Duration::from_millis(100);

/// Reads any number of read-only rings of events with one attr as one stream, in the order of time, with exact loss.
///
/// The rings may be written forward or backward. Each reader has its own place: any number of them read the same rings.
///
/// What is missing is [`Shared::Lost`], where every event makes a sample (a period of 1). The samples' numbers tell it at
/// its place (`SampleType::READ`); or else the event's counter: the count less what was delivered, told at the first
/// moment at which nothing is being written. To be sure of that costs a membarrier of some milliseconds where something
/// is missing, so a ring that is overtaken all the time had better be numbered, or larger.
///
/// ```
/// use perf_ring::abi::{EventAttr, RecordType, SampleType};
/// use perf_ring::fake::{FakeRing, Mode};
/// use perf_ring::keeper::wire::{NewRing, RingId};
/// use perf_ring::{Loss, Shared, SharedRings, Start};
///
/// let attr = EventAttr { sample_type: SampleType::IP, sample_period: 1, ..EventAttr::default() };
/// let mut kernel = FakeRing::new(4096, Mode::Overwrite);
/// let mut rings = SharedRings::new(&attr)?;
/// let ring = NewRing { ring: RingId { cpu: 0, id: 1 }, base: 0 };
/// rings.add_reader(ring, kernel.overwrite(), Some(kernel.counter()), &Start::Oldest)?;
/// // Once and a half around the ring:
/// for ip in 0..384u64 {
///     kernel.emit(RecordType::SAMPLE, &ip.to_ne_bytes());
/// }
/// assert!(matches!(rings.next()?, Some(Shared::Lost { loss: Loss::Exact(384), .. })));
/// kernel.emit(RecordType::SAMPLE, &[0; 8]);
/// assert!(matches!(rings.next()?, Some(Shared::Record { .. })));
/// assert!(rings.next()?.is_none());
/// # Ok::<(), perf_ring::Error>(())
/// ```
#[derive(Debug)]
pub struct SharedRings {
    rings: Rings,
    epoll: Epoll,
    alarm: Alarm,
}

impl SharedRings {
    /// No rings yet, of events that were opened with this attr.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSampleType`]; [`Error::Io`]; [`Error::File`] when the boot id cannot be read.
    pub fn new(attr: &EventAttr) -> Result<Self, Error> {
        let epoll =
            Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(Error::nix("epoll_create"))?;
        let alarm = Alarm::new(&epoll, ALARM)?;
        Ok(SharedRings {
            rings: Rings::new(attr, boot::id()?)?,
            epoll,
            alarm,
        })
    }

    /// How long a record is held back so that earlier ones of other CPUs can overtake it; 1 ms by default.
    ///
    /// Nothing is held back where the samples have no TIME, or one of the kernel's own clock.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.rings.set_delay(delay);
        self
    }

    /// Maps an event's ring read-only, with `pages` data pages, and follows it. By the event's attr it is written
    /// backward or forward.
    ///
    /// # Errors
    ///
    /// Those of [`Event::map_overwrite`]; [`Error::Request`] when the event has no count or id.
    pub fn add(
        &mut self,
        cpu: u32,
        event: Event,
        pages: usize,
        start: &Start,
    ) -> Result<(), Error> {
        // Counted before it is mapped: whatever comes between is missing, and is told.
        let before = event.count()?.value;
        let probe = map(&event, pages)?;
        let new = NewRing {
            ring: RingId {
                cpu,
                id: event.id()?,
            },
            base: base(&event, probe, before)?,
        };
        self.add_event(new, event, pages, start)
    }

    /// The same for a ring that is named and counted already.
    pub(crate) fn add_event(
        &mut self,
        new: NewRing,
        event: Event,
        pages: usize,
        start: &Start,
    ) -> Result<(), Error> {
        let reader = map(&event, pages)?;
        // The edge: what is left unread on purpose must not wake for ever.
        let events = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        self.epoll
            .add(&event, EpollEvent::new(events, new.ring.cpu.into()))
            .map_err(Error::nix("epoll_ctl"))?;
        let event = Arc::new(event);
        let counter = Counter::new(move || event.count().map(|count| count.value));
        self.rings.add(new, reader, Some(counter), start)
    }

    /// Follows a ring that is mapped already, with a way to read its event's count, if there is one. Nobody wakes
    /// [`SharedRings::wait`] for it, which looks ten times a second.
    ///
    /// # Errors
    ///
    /// What `counter` returns; [`Error::RecordSize`] and [`Error::RingPositions`] for contents that cannot be.
    pub fn add_reader(
        &mut self,
        ring: NewRing,
        reader: impl Into<ReadOnly>,
        counter: Option<impl FnMut() -> Result<u64, Error> + Send + 'static>,
        start: &Start,
    ) -> Result<(), Error> {
        let counter = counter.map(Counter::new);
        self.rings.add(ring, reader.into(), counter, start)
    }

    /// Stops following a ring once it is empty, as that of a CPU that went away.
    pub fn remove(&mut self, ring: RingId) {
        self.rings.remove(ring);
    }

    /// Whether a CPU's ring is followed.
    #[must_use]
    pub fn follows(&self, cpu: u32) -> bool {
        self.rings.follows(cpu)
    }

    /// How the records are laid out.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        self.rings.layout()
    }

    /// The next item; `None` when nothing is due now.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the timer fails.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Result<Option<Shared<'_>>, Error> {
        if self.rings.exhausted() {
            self.alarm.clear()?;
            if !self.rings.read() && self.rings.holds_back() {
                self.alarm.set(self.rings.delay())?;
            }
        }
        Ok(self.rings.next())
    }

    /// The next item with nothing held back; `None` when nothing is there: for the end.
    pub fn flush(&mut self) -> Option<Shared<'_>> {
        if self.rings.exhausted() {
            self.rings.flush();
        }
        self.rings.next()
    }

    /// Sleeps until there is something to read, or the timeout is over; says which.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool, Error> {
        let deadline = timeout.map(|t| Instant::now() + t);
        loop {
            if self.rings.read() {
                return Ok(true);
            }
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(false);
            }
            let longest = if self.rings.holds_back() {
                self.rings.delay().min(LOOK)
            } else {
                LOOK
            };
            let nap = left.map_or(longest, |left| left.min(longest));
            let mut ready = [EpollEvent::empty(); 16];
            sleep(&self.epoll, nap, &mut ready)?;
            self.alarm.clear()?;
        }
    }

    /// How far everything handed out so far reaches: store it, and begin [`Start::After`] it another time.
    ///
    /// Into a ring that is written forward a cursor finds its way only until the ring is overwritten for the first time;
    /// after that what came since the cursor is counted and not read.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.rings.cursor()
    }
}

fn map(event: &Event, pages: usize) -> Result<ReadOnly, Error> {
    if event.attr().flags.contains(AttrFlags::WRITE_BACKWARD) {
        event.map_backward(pages).map(ReadOnly::from)
    } else {
        event.map_overwrite(pages).map(ReadOnly::from)
    }
}

/// The count at which a ring's contents begin: `before`, as it was before we mapped it, unless somebody else had mapped
/// it already, so that it holds records from before that.
fn base(event: &Event, mut ring: ReadOnly, before: u64) -> Result<u64, Error> {
    let (mut there, mut count) = (0, before);
    for _ in 0..TRIES {
        let kept = ring.read()?;
        let samples = kept.iter(Order::OldestFirst);
        there += samples
            .filter(|record| record.header.kind == RecordType::SAMPLE)
            .count() as u64;
        count = event.count()?.value;
        if ring.is_empty() {
            break;
        }
    }
    Ok(if there <= count.saturating_sub(before) {
        before
    } else {
        count.saturating_sub(there)
    })
}

impl AsFd for SharedRings {
    /// Readable when a ring has something, or something held back is due. A wake-up of a ring with several readers
    /// reaches one of them: look every now and then as well.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}
