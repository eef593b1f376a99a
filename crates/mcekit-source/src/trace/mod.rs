//! Trace events in the rings of a trace instance.
//!
//! Reading `trace_pipe_raw` destroys what it reads. So this source gives events while they are still in the ring,
//! and lets the ring forget them in [`Source::commit`]: a kill at any moment neither loses nor repeats one.
//!
//! | ring | how it is looked at | what lets it forget |
//! |---|---|---|
//! | Linux 6.10 and later | mapped: what is taken stays in the reader's sub-buffer | taking the next sub-buffer |
//! | older, or in reserved memory | `trace`, which is text | `trace_pipe`, event by event |
//!
//! On a mapped ring at most one sub-buffer of each CPU is given between two commits: when there is nothing more, commit,
//! and ask again before sleeping. Whoever never commits gets no more than that. In text, the fields of events other than
//! `mce_record` are only those that the text names.
//!
//! The kernel counts what was read, overwritten and refused, so every loss is exact. In text there is one gap: if the ring is
//! overwritten once around in the moment between a look at its counters and the next event's being consumed, the
//! event that is consumed then may not have been given before; it is given, but a kill before it is safe loses it,
//! counted.
//!
//! Without a cursor everything comes that is still there, what was taken and is in the reader's sub-buffer included.
//!
//! In memory that outlives a reboot there are events of an earlier boot, too: each comes once, across boots, and is marked. See
//! [`Trace::earlier_boot`].

mod kept;
mod line;
mod mapped;
mod options;
mod position;
mod stats;
mod text;

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use tracefs::fs::{EventName, Instance, Stats, Tracefs};

use self::mapped::Mapped;
pub(crate) use self::options::MCE_RECORD;
pub use self::options::{RAS_EVENTS, TraceOptions};
use self::position::{Mark, Position, Positions};
use self::stats::Moment;
use self::text::TextRing;
use crate::fields::{Catalogue, Known};
use crate::{
    Caps, Channel, Cursor, Error, Event, Guarantees, Keeps, Loss, LossKnown, Lost, Observed,
    Result, Seek, Source, boot, own,
};

/// How often the list of CPUs and the counters of refused events are looked at.
const SCAN: Duration = Duration::from_secs(1);

/// How often one call looks into the rings for what is earlier than what it has.
const MOST_ROUNDS: u32 = 16;

/// The events of one trace instance.
#[derive(Debug)]
pub struct Trace {
    name: String,
    epoch: String,
    caps: Caps,
    rings: Vec<(u32, Ring)>,
    epoll: Epoll,
    catalogue: Catalogue,
    formats: Vec<(EventName, Vec<u8>)>,
    queue: VecDeque<Gathered>,
    /// What is later may not be given yet: an earlier event may come from another CPU.
    horizon: u64,
    /// A ring that has more, and does not give it before a commit, has come up to here.
    blocked: u64,
    positions: Positions,
    /// Of an earlier process; for CPUs whose rings appear later, too.
    resumed: Positions,
    /// The last events that were given in an earlier boot.
    marks: BTreeMap<u32, Vec<Mark>>,
    begun: bool,
    /// When the rings were looked into.
    now: Moment,
    map: bool,
    scanned: Instant,
    /// The ring may hold events from before this boot, which began then (seconds since 1970).
    booted: Option<u64>,
    /// This is a copy, which ends.
    copy: bool,
    /// The instance whose copy this is, or this one's copy.
    relative: Option<String>,
    /// This one's copy, while it is there.
    beside: Option<Instance>,
    /// Nothing more will come.
    ended: bool,
    /// Last, so that its rings are closed when it is removed.
    instance: Instance,
}

#[derive(Debug)]
enum Ring {
    Mapped(Box<Mapped>),
    Text(Box<TextRing>),
}

/// One item of a ring, and where the ring's reader is behind it.
#[derive(Debug)]
struct Gathered {
    cpu: u32,
    /// Nanoseconds of the instance's clock; of a loss 0.
    stamp: u64,
    what: What,
    position: Position,
}

#[derive(Debug)]
enum What {
    Event(Known),
    /// An event that nobody asked for.
    Unknown,
    Lost(Loss, &'static str),
}

impl Gathered {
    fn lost(
        cpu: u32,
        stamp: u64,
        count: Option<u64>,
        why: &'static str,
        position: Position,
    ) -> Self {
        let loss = count.map_or(Loss::Unknown, Loss::Exact);
        Self {
            cpu,
            stamp,
            what: What::Lost(loss, why),
            position,
        }
    }
}

/// What a trace instance guarantees; `overwrites` is its option of that name.
pub(crate) fn caps(from_boot: bool, overwrites: bool) -> Caps {
    let mut guarantees = Guarantees::WITHOUT_READER
        | Guarantees::SURVIVES_EXIT
        | Guarantees::MANY_READERS
        | Guarantees::WAKES_ALL
        | Guarantees::KERNEL_FILTER
        | Guarantees::REPEATS
        | Guarantees::REGISTERS;
    guarantees.set(Guarantees::FROM_BOOT, from_boot);
    Caps {
        guarantees,
        keeps: if overwrites {
            Keeps::Newest
        } else {
            Keeps::Oldest
        },
        loss: LossKnown::Exact,
    }
}

/// Opens a file of a ring to be read without waiting.
fn open_raw(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)
        .map_err(|source| Error::io(path, source))
}

impl Trace {
    /// The instance of that name, which is there already: one that the kernel made while it booted
    /// (`trace_instance=NAME,mce:mce_record`), or one that was kept.
    ///
    /// Events that it does not record yet are switched on; its clock, its size and its filters stay as they are. In memory that
    /// outlives a reboot, a kernel may empty the ring when the first event is switched on (7.3).
    ///
    /// # Errors
    ///
    /// [`Error::Tracefs`]: there is no such instance, or it is not to be read; [`Error::Missing`] if the kernel has
    /// none of the events.
    pub fn open(tracefs: &Tracefs, name: &str, options: &TraceOptions) -> Result<Self> {
        let instance = tracefs.open_instance(name)?;
        let list = tracefs.boot_instances().unwrap_or_default();
        let from_boot = list.iter().any(|boot| boot.name == name);
        options.enable(tracefs, &instance)?;
        let mut trace = Self::of(tracefs, instance, options, from_boot, None)?;
        trace.has_copies(tracefs, &list)?;
        Ok(trace)
    }

    /// The instance of that name, which is made if it is not there, and outlives this process.
    ///
    /// # Errors
    ///
    /// As [`Trace::open`]; [`Error::Tracefs`] where none can be made.
    pub fn keep(tracefs: &Tracefs, name: &str, options: &TraceOptions) -> Result<Self> {
        match tracefs.create_instance(name) {
            Err(tracefs::Error::InstanceExists { .. }) => Self::open(tracefs, name, options),
            Err(other) => Err(other.into()),
            Ok(instance) => {
                // Removed again should anything fail.
                options.prepare(tracefs, &instance)?;
                Self::of(tracefs, instance.keep(), options, false, None)
            }
        }
    }

    /// An instance that is made now and removed with this value.
    ///
    /// # Errors
    ///
    /// [`Error::Tracefs`] if there is one of that name, or none can be made.
    pub fn own(tracefs: &Tracefs, name: &str, options: &TraceOptions) -> Result<Self> {
        let instance = tracefs.create_instance(name)?;
        options.prepare(tracefs, &instance)?;
        let mut trace = Self::of(tracefs, instance, options, false, None)?;
        trace
            .caps
            .guarantees
            .remove(Guarantees::SURVIVES_EXIT | Guarantees::WITHOUT_READER | Guarantees::REPEATS);
        Ok(trace)
    }

    /// The top-level instance, which all programs share: for kernels before 6.3, with `trace_event=mce:mce_record` on
    /// the command line. Whatever else is recorded in it is consumed, too.
    ///
    /// # Errors
    ///
    /// As [`Trace::open`].
    pub fn top(tracefs: &Tracefs, options: &TraceOptions) -> Result<Self> {
        let instance = tracefs.top();
        options.enable(tracefs, &instance)?;
        let from_boot = boot::parameter("trace_event").is_some();
        let mut trace = Self::of(tracefs, instance, options, from_boot, None)?;
        trace.caps.guarantees.remove(Guarantees::MANY_READERS);
        Ok(trace)
    }

    fn of(
        tracefs: &Tracefs,
        instance: Instance,
        options: &TraceOptions,
        from_boot: bool,
        copy_of: Option<String>,
    ) -> Result<Self> {
        // A kernel without it wakes for every event; one that refuses is polled by whoever looks now and then.
        let _ = instance.set_buffer_percent(0);
        let mut catalogue = Catalogue::default();
        let mut formats = Vec::new();
        for name in options.existing(tracefs)? {
            let event = instance.event(&name)?;
            catalogue.add(name.system(), event.format()?)?;
            formats.push((name, event.format_text()?));
        }
        let identity = match instance.name() {
            None => "top".into(),
            Some(_) => std::fs::metadata(instance.root())
                .map_err(|source| Error::io(instance.root(), source))?
                .ino()
                .to_string(),
        };
        let boot = own::boot_id(Path::new(own::BOOT_ID))?;
        let cpus = instance.cpus()?;
        let last_boot = instance.last_boot_info()?.is_some();
        // No ring can be mapped on older kernels. Of a mapped ring's place nothing is left after a reboot.
        let mappable = |cpu: &u32| Mapped::open(&instance, *cpu).is_ok();
        let map = options.map && !last_boot && cpus.iter().any(mappable);
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)
            .map_err(|e| Error::system("epoll_create", e))?;
        let mut caps = caps(from_boot, instance.option("overwrite").unwrap_or(true));
        caps.guarantees.set(Guarantees::SURVIVES_REBOOT, last_boot);
        let mut trace = Self {
            name: instance.name().unwrap_or("top").into(),
            // What is a place in the one is none in the other.
            epoch: format!("{boot}/{identity}/{}", if map { "mapped" } else { "text" }),
            caps,
            rings: Vec::new(),
            epoll,
            catalogue,
            formats,
            queue: VecDeque::new(),
            horizon: u64::MAX,
            blocked: u64::MAX,
            positions: Positions::default(),
            resumed: Positions::default(),
            marks: BTreeMap::new(),
            begun: false,
            now: Moment::now(None),
            map,
            scanned: Instant::now(),
            booted: match copy_of {
                // All of it is of an earlier boot.
                Some(_) => Some(u64::MAX),
                None => last_boot.then(boot::time).flatten(),
            },
            copy: copy_of.is_some(),
            relative: copy_of,
            beside: None,
            ended: false,
            instance,
        };
        trace.rescan()?;
        Ok(trace)
    }

    /// The `format` texts of this boot. Kept beside a recording, they make it readable once the machine runs another
    /// kernel.
    #[must_use]
    pub fn formats(&self) -> &[(EventName, Vec<u8>)] {
        &self.formats
    }

    /// The instance.
    #[must_use]
    pub const fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Opens the rings that are new: a CPU's appears with the CPU, and stays.
    fn rescan(&mut self) -> Result<()> {
        self.scanned = Instant::now();
        for cpu in self.instance.cpus()? {
            if self.rings.iter().any(|(known, _)| *known == cpu) {
                continue;
            }
            if let Some(ring) = self.open_ring(cpu)? {
                self.rings.push((cpu, ring));
            }
        }
        Ok(())
    }

    /// Opens a ring, to go on where an earlier process was. `None`: there is nothing to map yet.
    fn open_ring(&self, cpu: u32) -> Result<Option<Ring>> {
        let mut ring = if self.map {
            match Mapped::open(&self.instance, cpu) {
                Ok(ring) => Ring::Mapped(Box::new(ring)),
                // A CPU that was never there has a directory, and no ring.
                Err(_) if self.instance.stats(cpu)? == Stats::default() => return Ok(None),
                Err(error) => return Err(error),
            }
        } else {
            Ring::Text(Box::new(TextRing::open(
                &self.instance,
                cpu,
                // Nothing writes into a copy.
                self.booted.filter(|_| !self.copy),
            )?))
        };
        ring.resume(self.resumed.0.get(&cpu));
        if let (Ring::Text(ring), Some(marks)) = (&mut ring, self.marks.get(&cpu)) {
            marks.iter().for_each(|mark| ring.given_before(*mark));
        }
        let mut flags = EpollFlags::EPOLLIN;
        // What stays in there of an earlier boot would wake again and again.
        flags.set(EpollFlags::EPOLLET, self.booted.is_some());
        let event = EpollEvent::new(flags, cpu.into());
        self.epoll
            .add(ring.fd(), event)
            .map_err(|e| Error::system("epoll_ctl", e))?;
        Ok(Some(ring))
    }

    /// Looks into every ring.
    fn gather(&mut self) -> Result<()> {
        let due = self.scanned.elapsed() >= SCAN || !self.begun;
        if due && self.begun {
            self.rescan()?;
        }
        self.begun = true;
        if self.booted.is_some() {
            // Before the look: what comes from now on wakes anew.
            let mut told = vec![EpollEvent::empty(); self.rings.len().max(1)];
            self.epoll
                .wait(&mut told, EpollTimeout::ZERO)
                .map_err(|e| Error::system("epoll_wait", e))?;
        }
        // What was written before this will be found.
        let now = self
            .rings
            .first()
            .map(|(_, ring)| stats::read(ring.stats()));
        let clock = now.transpose()?.and_then(|now| now.clock);
        self.now = Moment::now(clock);
        self.horizon = clock.unwrap_or(u64::MAX);
        let mut found = Vec::new();
        let positions = &mut self.positions.0;
        let result = self.rings.iter_mut().try_for_each(|(cpu, ring)| {
            let before = found.len();
            ring.gather(&self.catalogue, &mut found)?;
            if let Ring::Text(ring) = &mut *ring
                && let Some(mark) = ring.found_before()
            {
                positions.insert(*cpu, Position::Before(mark));
            }
            if due || found.len() > before {
                ring.refused(&mut found)?;
            }
            Ok(())
        });
        self.enqueue(found)?;
        result
    }

    /// Sorts what was found on all CPUs by time. Each CPU's order stays: a loss stands before what follows it there.
    fn enqueue(&mut self, mut found: Vec<Gathered>) -> Result<()> {
        let mut newest: BTreeMap<u32, u64> = BTreeMap::new();
        for item in self.queue.iter().chain(&found) {
            let stamp = newest.entry(item.cpu).or_default();
            *stamp = item.stamp.max(*stamp);
        }
        let mut next = newest;
        for item in found.iter_mut().rev() {
            let stamp = next.entry(item.cpu).or_default();
            match item.what {
                What::Lost(..) => item.stamp = *stamp,
                _ => *stamp = item.stamp,
            }
        }
        self.queue.extend(found);
        // The clock began anew with a boot: what stands before is earlier all the same.
        let mut next: BTreeMap<u32, u64> = BTreeMap::new();
        for item in self.queue.iter_mut().rev() {
            let stamp = next.entry(item.cpu).or_insert(u64::MAX);
            item.stamp = item.stamp.min(*stamp);
            *stamp = item.stamp;
        }
        self.queue.make_contiguous().sort_by_key(|item| item.stamp);
        self.blocked = u64::MAX;
        for (_, ring) in &self.rings {
            if let Some(reached) = ring.reached()? {
                self.blocked = self.blocked.min(reached);
            }
        }
        self.horizon = self.horizon.min(self.blocked);
        Ok(())
    }

    fn event(&self, item: Gathered) -> Option<Event> {
        Some(match item.what {
            What::Unknown => return None,
            What::Lost(loss, why) => Event::Lost(Lost {
                channel: Channel::Trace,
                loss,
                why: format!("CPU {}: {why}", item.cpu),
            }),
            What::Event(Known::Mce(record)) => {
                let earlier_boot = self
                    .booted
                    .zip(record.time())
                    .is_some_and(|(booted, time)| time < booted);
                Event::Record(Observed {
                    record,
                    channel: Channel::Trace,
                    earlier_boot,
                })
            }
            What::Event(Known::Generic(mut generic)) => {
                generic.time = self.now.time_of_day(item.stamp);
                Event::Generic(generic)
            }
        })
    }

    fn positions_of(&self, cursor: &Cursor) -> Result<Positions> {
        own::check(cursor, Channel::Trace, &self.name)?;
        Positions::parse(cursor.position()).ok_or_else(|| own::bad_position(cursor))
    }
}

impl Ring {
    fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Mapped(ring) => ring.fd(),
            Self::Text(ring) => ring.fd(),
        }
    }

    fn stats(&self) -> &Path {
        match self {
            Self::Mapped(ring) => ring.stats(),
            Self::Text(ring) => ring.stats(),
        }
    }

    /// Where it stopped, if it has more that it does not give before a commit.
    fn reached(&self) -> Result<Option<u64>> {
        match self {
            Self::Mapped(ring) => ring.reached(),
            Self::Text(_) => Ok(None),
        }
    }

    fn resume(&mut self, position: Option<&Position>) {
        match self {
            Self::Mapped(ring) => ring.resume(position),
            Self::Text(ring) => ring.resume(position),
        }
    }

    fn gather(&mut self, known: &Catalogue, out: &mut Vec<Gathered>) -> Result<()> {
        match self {
            Self::Mapped(ring) => ring.gather(known, out),
            Self::Text(ring) => ring.gather(known, out),
        }
    }

    fn refused(&mut self, out: &mut Vec<Gathered>) -> Result<()> {
        match self {
            Self::Mapped(ring) => ring.refused(out),
            Self::Text(ring) => ring.refused(out),
        }
    }
}

impl AsFd for Trace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

impl Source for Trace {
    fn channel(&self) -> Channel {
        Channel::Trace
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn caps(&self) -> Caps {
        self.caps
    }

    fn next(&mut self) -> Result<Option<Event>> {
        if self.ended {
            return Ok(None);
        }
        for round in 0.. {
            if round == MOST_ROUNDS {
                // A clock that is ahead of itself.
                self.horizon = self.blocked;
            }
            let horizon = self.horizon;
            while let Some(item) = self.queue.pop_front_if(|item| item.stamp <= horizon) {
                self.positions.0.insert(item.cpu, item.position);
                if let Some(event) = self.event(item) {
                    return Ok(Some(event));
                }
            }
            if round == MOST_ROUNDS {
                break;
            }
            self.gather()?;
            match self.queue.front() {
                None => break,
                Some(first) if first.stamp > self.blocked => break,
                // Found just now: another look shows what is earlier.
                Some(_) => {}
            }
        }
        self.ended = self.copy;
        Ok(None)
    }

    fn cursor(&self) -> Option<Cursor> {
        let position = self.positions.to_string();
        Some(own::cursor(
            Channel::Trace,
            &self.name,
            &self.epoch,
            &position,
        ))
    }

    /// What became of the events behind the cursor stands in the stream: it is never [`Seek::Lapped`].
    ///
    /// In memory that outlives a reboot, what was given by a cursor of an earlier boot or of the [relative](Source::relative) is not
    /// given again; one's own and the relative's can be tried, in this order. One of an earlier boot is [`Seek::Resumed`]
    /// if the last events that were given are still there, and with them all that came after, and else [`Seek::NewEpoch`].
    fn seek(&mut self, cursor: &Cursor) -> Result<Seek> {
        let of_relative = self.relative().is_some_and(|name| name == cursor.source());
        let positions = match of_relative {
            true => Positions::parse(cursor.position()).ok_or_else(|| own::bad_position(cursor))?,
            false => self.positions_of(cursor)?,
        };
        if of_relative || self.is_of_earlier_boot(cursor) {
            self.given_before(&positions);
            return Ok(match !of_relative && self.has_all(&positions)? {
                true => Seek::Resumed,
                false => Seek::NewEpoch,
            });
        }
        if cursor.epoch() != self.epoch {
            return Ok(Seek::NewEpoch);
        }
        self.positions = positions.clone();
        self.resumed = positions;
        for (cpu, ring) in &mut self.rings {
            ring.resume(self.resumed.0.get(cpu));
        }
        Ok(Seek::Resumed)
    }

    fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        let positions = self.positions_of(cursor)?;
        if cursor.epoch() != self.epoch {
            return Ok(());
        }
        if self.copy && !self.instance.root().exists() {
            // The kernel removed it: it was read through.
            return Ok(());
        }
        let mut found = Vec::new();
        let result = self.rings.iter_mut().try_for_each(|(cpu, ring)| {
            let Some(position) = positions.0.get(cpu) else {
                return Ok(());
            };
            match ring {
                Ring::Mapped(ring) => ring.commit(position),
                Ring::Text(ring) => ring.commit(position, &self.catalogue, &mut found)?,
            }
            Ok(())
        });
        self.enqueue(found)?;
        result
    }

    fn ended(&self) -> bool {
        self.ended
    }

    fn relative(&self) -> Option<String> {
        let name = self.relative.as_deref()?;
        let cursor = own::cursor(Channel::Trace, name, "", "");
        Some(cursor.source().to_owned())
    }
}
