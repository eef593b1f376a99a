//! One reader over the rings of every CPU.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use crate::abi::{AttrFlags, RecordHeader, RecordType, SampleType};
use crate::alarm::Alarm;
use crate::merge::{Entry, Room, due, latest_at};
use crate::pulse::Pulse;
use crate::ring::{Memory as _, record_at};
use crate::sleep::sleep;
use crate::{Builder, Clock, Count, Error, Event, Layout, Reader, Record, Target, cpus, sys};

/// The epoll token of the timer; rings have their CPU's number.
const TIMER: u64 = u64::MAX;

/// How often the list of CPUs is looked at while waiting.
const SCAN: Duration = Duration::from_secs(1);

/// The ring of one CPU and the events that write into it.
struct CpuRing {
    cpu: u32,
    events: Vec<Event>,
    reader: Reader,
    pulse: Pulse,
    /// The kernel has hung up: the CPU went away, even if it is back by now.
    dead: bool,
}

/// What a merge hands out.
#[derive(Debug)]
pub enum Item<'a> {
    /// A record.
    Record {
        /// The CPU whose ring it was in.
        cpu: u32,
        /// Which of the builders its event was opened from.
        event: usize,
        /// How it is laid out.
        layout: &'a Layout,
        /// The record.
        record: Record<'a>,
    },
    /// A ring's contents could not be read; everything in it was given up.
    Damaged {
        /// The CPU whose ring it is.
        cpu: u32,
        /// What was wrong.
        error: Error,
    },
    /// A CPU came online: from here on its events are read, those before were not.
    Came(u32),
    /// A CPU went offline, and its last records have been handed out.
    Went(u32),
}

/// Reads one ring per online CPU as one stream in the order of time.
///
/// Several builders share each CPU's ring. The order is right for records that were written within `delay` of their
/// time stamp; a record is held back that long.
///
/// CPUs come and go: [`AllCpus::wait`] looks once a second, [`AllCpus::rescan`] at once.
pub struct AllCpus {
    builders: Vec<Builder>,
    layouts: Vec<Layout>,
    /// Event ids with their builder's number, sorted.
    ids: Vec<(u64, usize)>,
    pages: usize,
    sysfs: PathBuf,
    clock: i32,
    delay: Duration,
    rings: Vec<CpuRing>,
    epoll: Epoll,
    alarm: Alarm,
    /// What the counters of CPUs that went away had reached.
    departed: Vec<Count>,
    news: Vec<Item<'static>>,
    entries: Vec<Entry>,
    room: Room,
    pending: bool,
    scanned: Instant,
}

impl fmt::Debug for AllCpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllCpus")
            .field("cpus", &self.cpus().collect::<Vec<_>>())
            .field("events", &self.builders.len())
            .field("pages", &self.pages)
            .finish_non_exhaustive()
    }
}

impl AllCpus {
    /// Opens the events on every online CPU, with a ring of `pages` data pages each.
    ///
    /// Every event gets TIME and a trailer on every record, several events IDENTIFIER as well. Without a clock they
    /// get the monotonic one.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::open`] and [`Event::map`]; [`Error::Disagree`] for no builder at all, different clocks, or
    /// events that are written backward; [`Error::NoCpus`].
    pub fn open(builders: &[Builder], pages: usize) -> Result<Self, Error> {
        Self::open_in(Path::new("/sys"), builders, pages)
    }

    /// The same with another sysfs, whose `devices/system/cpu/online` says which CPUs to open.
    ///
    /// # Errors
    ///
    /// As [`AllCpus::open`].
    pub fn open_in(sysfs: &Path, builders: &[Builder], pages: usize) -> Result<Self, Error> {
        let several = builders.len() > 1;
        let complete = |builder: &Builder| {
            let clocked = builder.attr().flags.contains(AttrFlags::USE_CLOCKID);
            let builder = if clocked {
                builder.clone()
            } else {
                builder.clone().clock(Clock::Monotonic)
            };
            builder.flags(AttrFlags::SAMPLE_ID_ALL).with(|attr| {
                attr.sample_type.insert(SampleType::TIME);
                attr.sample_type.set(
                    SampleType::IDENTIFIER,
                    several || attr.sample_type.contains(SampleType::IDENTIFIER),
                );
            })
        };
        let builders: Vec<Builder> = builders.iter().map(complete).collect();
        let Some(clock) = builders.first().map(|b| b.attr().clockid) else {
            return Err(Error::Disagree {
                what: "there is no event",
            });
        };
        if builders.iter().any(|b| b.attr().clockid != clock) {
            return Err(Error::Disagree {
                what: "their clocks",
            });
        }
        if builders
            .iter()
            .any(|b| b.attr().flags.contains(AttrFlags::WRITE_BACKWARD))
        {
            return Err(Error::Disagree {
                what: "one is written backward",
            });
        }
        let layouts = builders
            .iter()
            .map(|b| Layout::of(b.attr()))
            .collect::<Result<_, _>>()?;
        let epoll =
            Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(Error::nix("epoll_create"))?;
        let alarm = Alarm::new(&epoll, TIMER)?;
        let departed = vec![Count::default(); builders.len()];
        let mut all = AllCpus {
            builders,
            layouts,
            ids: Vec::new(),
            pages,
            sysfs: sysfs.to_owned(),
            clock,
            delay: Duration::from_millis(1),
            rings: Vec::new(),
            epoll,
            alarm,
            departed,
            news: Vec::new(),
            entries: Vec::new(),
            room: Room::default(),
            pending: false,
            scanned: Instant::now(),
        };
        for cpu in cpus::online(sysfs)? {
            all.add(cpu)?;
        }
        Ok(all)
    }

    /// How long a record is held back so that earlier ones of other CPUs can overtake it; 1 ms by default.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The CPUs that are read.
    pub fn cpus(&self) -> impl Iterator<Item = u32> {
        self.rings.iter().map(|ring| ring.cpu)
    }

    fn add(&mut self, cpu: u32) -> Result<(), Error> {
        let mut events: Vec<Event> = Vec::with_capacity(self.builders.len());
        let mut reader = None;
        for builder in &self.builders {
            let event = builder.open(Target::Cpu(cpu))?;
            match events.first() {
                None => reader = Some(event.map(self.pages)?),
                Some(first) => event.set_output(first)?,
            }
            events.push(event);
        }
        let Some(reader) = reader else { return Ok(()) };
        if self.builders.len() > 1 {
            for (i, event) in events.iter().enumerate() {
                let id = event.id()?;
                let place = self.ids.partition_point(|(other, _)| *other < id);
                self.ids.insert(place, (id, i));
            }
        }
        // One poll wakes for all that write into the ring: the wake-up belongs to the ring, so every event's own
        // descriptor tells of it; the first stands for them.
        if let Some(first) = events.first() {
            self.epoll
                .add(first, EpollEvent::new(EpollFlags::EPOLLIN, cpu.into()))
                .map_err(Error::nix("epoll_ctl"))?;
        }
        self.rings.push(CpuRing {
            cpu,
            events,
            reader,
            pulse: Pulse::open(cpu)?,
            dead: false,
        });
        Ok(())
    }

    /// Looks which CPUs are online: opens the events on those that came, closes them on those that went. Both are told
    /// in the stream.
    ///
    /// # Errors
    ///
    /// As [`AllCpus::open`]. A CPU that could not be opened because it went away at that moment is none.
    pub fn rescan(&mut self) -> Result<(), Error> {
        self.scanned = Instant::now();
        let online = cpus::online(&self.sysfs)?;
        for ring in &mut self.rings {
            ring.dead |= !ring.pulse.beats()?;
        }
        let mut i = 0;
        while let Some(ring) = self.rings.get(i) {
            let gone = ring.dead || !online.contains(&ring.cpu);
            // A ring is let go once it is empty: what the CPU wrote last is still to be read.
            if gone && ring.reader.is_empty() {
                let ring = self.rings.remove(i);
                self.depart(&ring)?;
            } else {
                self.pending |= gone;
                i += 1;
            }
        }
        for cpu in online {
            if self.rings.iter().all(|ring| ring.cpu != cpu) {
                match self.add(cpu) {
                    Ok(()) => self.news.push(Item::Came(cpu)),
                    Err(Error::Open { source, .. })
                        if source.raw_os_error() == Some(libc::ENODEV) => {}
                    Err(e) => return Err(e),
                }
            }
        }
        Ok(())
    }

    fn depart(&mut self, ring: &CpuRing) -> Result<(), Error> {
        for (total, event) in self.departed.iter_mut().zip(&ring.events) {
            add_count(total, event.count()?);
        }
        if let Some(first) = ring.events.first() {
            self.epoll
                .delete(first)
                .or_else(|e| {
                    if e == nix::errno::Errno::ENOENT {
                        Ok(())
                    } else {
                        Err(e)
                    }
                })
                .map_err(Error::nix("epoll_ctl"))?;
        }
        self.news.push(Item::Went(ring.cpu));
        Ok(())
    }

    /// Sleeps until there is something to drain, or the timeout is over; says which.
    ///
    /// Whoever waits in a loop of his own waits for [`AsFd`], calls this with a timeout of 0, drains until nothing
    /// comes, and calls [`AllCpus::rescan`] now and then: the kernel wakes once for what it has written, not for what
    /// was left unread.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], and those of [`AllCpus::rescan`].
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool, Error> {
        let deadline = timeout.map(|t| Instant::now() + t);
        loop {
            if self.scanned.elapsed() >= SCAN {
                self.rescan()?;
            }
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            let nap = left.map_or(SCAN, |left| left.min(SCAN));
            let mut ready = [EpollEvent::empty(); 64];
            let n = sleep(&self.epoll, nap, &mut ready)?;
            for event in ready.iter().take(n) {
                self.woken(*event)?;
            }
            if n > 0 || !self.news.is_empty() {
                return Ok(true);
            }
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(false);
            }
        }
    }

    fn woken(&mut self, event: EpollEvent) -> Result<(), Error> {
        if event.data() == TIMER {
            // Expired or not: it only had to wake us.
            return self.alarm.clear();
        }
        let hung_up = event
            .events()
            .intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR);
        let Some(ring) = self
            .rings
            .iter_mut()
            .find(|ring| u64::from(ring.cpu) == event.data())
        else {
            return Ok(());
        };
        if hung_up && !ring.dead {
            // It would be ready for ever. Its records are drained, then it is reopened or dropped.
            ring.dead = true;
            if let Some(first) = ring.events.first() {
                self.epoll.delete(first).map_err(Error::nix("epoll_ctl"))?;
            }
            self.scanned -= SCAN.min(self.scanned.elapsed().saturating_add(SCAN));
        }
        Ok(())
    }

    /// What is due now, in the order of time. The rings get their room back when it goes out of scope.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the clock or the timer fails.
    pub fn drain(&mut self) -> Result<Merge<'_>, Error> {
        // Read before the heads: what is not yet published then is younger than this, but for the delay.
        let now = sys::clock_ns(self.clock).map_err(Error::io("clock_gettime"))?;
        let delay = u64::try_from(self.delay.as_nanos()).unwrap_or(u64::MAX);
        self.merge(now.saturating_sub(delay), latest_at(now))
    }

    /// Everything that is there, sorted, nothing held back: for the end.
    ///
    /// # Errors
    ///
    /// As [`AllCpus::drain`].
    pub fn flush(&mut self) -> Result<Merge<'_>, Error> {
        self.merge(u64::MAX, u64::MAX)
    }

    fn merge(&mut self, horizon: u64, latest: u64) -> Result<Merge<'_>, Error> {
        self.entries.clear();
        for (i, ring) in self.rings.iter_mut().enumerate() {
            let gather = gather(
                i as u32,
                &ring.reader,
                &self.layouts,
                &self.ids,
                latest,
                &mut self.entries,
            );
            if let Err(error) = gather {
                // What was found before the damage is given up with the rest.
                self.entries.retain(|entry| entry.ring != i as u32);
                let head = ring.reader.map().head() & !7;
                ring.reader.advance(head);
                self.news.push(Item::Damaged {
                    cpu: ring.cpu,
                    error,
                });
            }
        }
        let due = due(&mut self.entries, horizon, &mut self.room);
        self.pending = due < self.entries.len();
        if self.pending {
            // The kernel will not wake anyone for these again.
            self.alarm.set(self.delay)?;
        }
        Ok(Merge {
            next: 0,
            due,
            all: self,
        })
    }

    /// The counters, one for each builder, summed over all CPUs that are and were there.
    ///
    /// Times are summed, too, so that [`Count::scaled`] of the sum weighs every CPU by its time.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn counts(&self) -> Result<Vec<Count>, Error> {
        let mut sums = self.departed.clone();
        for ring in &self.rings {
            for (sum, event) in sums.iter_mut().zip(&ring.events) {
                add_count(sum, event.count()?);
            }
        }
        Ok(sums)
    }

    /// Calls `f` with every event that is open: to enable, disable or filter them all.
    ///
    /// # Errors
    ///
    /// The first that `f` returns.
    pub fn for_each_event(
        &self,
        mut f: impl FnMut(u32, &Event) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.rings
            .iter()
            .try_for_each(|ring| ring.events.iter().try_for_each(|event| f(ring.cpu, event)))
    }
}

fn add_count(sum: &mut Count, count: Count) {
    let add = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (a, b) => a.or(b),
    };
    sum.value = sum.value.saturating_add(count.value);
    sum.time_enabled = add(sum.time_enabled, count.time_enabled);
    sum.time_running = add(sum.time_running, count.time_running);
    sum.lost = add(sum.lost, count.lost);
}

/// Which builder's event wrote a record: by its id where there are several.
fn event_of(record: &Record<'_>, ids: &[(u64, usize)]) -> usize {
    let id = if ids.is_empty() {
        None
    } else if record.header.kind == RecordType::SAMPLE {
        record.word(0)
    } else {
        usize::from(record.header.size)
            .checked_sub(RecordHeader::SIZE + 8)
            .and_then(|at| record.word(at))
    };
    let found = id.and_then(|id| ids.binary_search_by_key(&id, |(id, _)| *id).ok());
    found
        .and_then(|i| ids.get(i))
        .map_or(0, |(_, event)| *event)
}

/// Lists a ring's records. One without a time has that of the record before it.
fn gather(
    ring: u32,
    reader: &Reader,
    layouts: &[Layout],
    ids: &[(u64, usize)],
    latest: u64,
    entries: &mut Vec<Entry>,
) -> Result<(), Error> {
    let mut cursor = reader.cursor()?;
    let mut last = 0;
    while let Some((at, header)) = cursor.next(reader.map())? {
        let record = record_at(reader.map(), at, header);
        let layout = layouts.get(event_of(&record, ids));
        let time = layout
            .and_then(|layout| layout.time(&record))
            .filter(|time| *time <= latest)
            .unwrap_or(last);
        last = time;
        entries.push(Entry { time, ring, at });
    }
    Ok(())
}

impl AsFd for AllCpus {
    /// The one descriptor to wait for: readable when a ring has something, or something held back is due.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

/// Records of all CPUs in the order of time.
#[derive(Debug)]
pub struct Merge<'a> {
    next: usize,
    due: usize,
    all: &'a mut AllCpus,
}

impl Merge<'_> {
    /// The next item; `None` when nothing more is due.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Option<Item<'_>> {
        if self.next >= self.due || self.next >= self.all.entries.len() {
            // News of the rings themselves come after what those had held.
            let waiting = !self.all.news.is_empty();
            return waiting.then(|| self.all.news.remove(0));
        }
        let entry = self.all.entries.get(self.next)?;
        let ring = self.all.rings.get(entry.ring as usize)?;
        self.next += 1;
        let map = ring.reader.map();
        // The size was checked while gathering; read again, it is checked again.
        let mut cursor = ring.reader.cursor().ok()?;
        cursor.pos = entry.at;
        let (at, header) = cursor.next(map).ok()??;
        let record = record_at(map, at, header);
        let event = event_of(&record, &self.all.ids);
        let layout = self.all.layouts.get(event)?;
        Some(Item::Record {
            cpu: ring.cpu,
            event,
            layout,
            record,
        })
    }
}

impl Drop for Merge<'_> {
    fn drop(&mut self) {
        // A ring's room is given back up to its first record that was not handed out. Where an inversion was cut
        // through by leaving early, the later of the two is handed out again.
        let all = &mut *self.all;
        let rest = all.entries.get(self.next..).unwrap_or_default();
        for (i, ring) in all.rings.iter_mut().enumerate() {
            let of_ring = |entry: &&Entry| entry.ring == i as u32;
            let origin = ring.reader.position();
            let first_left = rest
                .iter()
                .filter(of_ring)
                .map(|entry| entry.at.wrapping_sub(origin))
                .min();
            if let Some(left) = first_left {
                ring.reader.advance(origin.wrapping_add(left));
            } else if let Some(last) = all
                .entries
                .iter()
                .filter(of_ring)
                .map(|e| e.at.wrapping_sub(origin))
                .max()
            {
                let at = origin.wrapping_add(last);
                let size = RecordHeader::from_bytes(ring.reader.map().word(at).to_ne_bytes()).size;
                ring.reader.advance(at.wrapping_add(size.into()));
            }
        }
        all.entries.clear();
    }
}
