//! Opening events.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::Path;

use crate::abi::{AttrFlags, EventAttr, EventType, OpenFlags, ReadFormat, SampleType};
use crate::event::Event;
use crate::explain::{Place, Rights, explain};
use crate::pmu::read_text;
use crate::{Error, sys};

/// Events that the kernel counts in software.
#[doc(alias = "perf_sw_ids")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Software(pub u64);

impl Software {
    /// Nanoseconds of CPU time, per CPU, by a high-resolution timer.
    pub const CPU_CLOCK: Self = Self(0);
    /// Nanoseconds of a task.
    pub const TASK_CLOCK: Self = Self(1);
    /// Page faults.
    pub const PAGE_FAULTS: Self = Self(2);
    /// Context switches.
    pub const CONTEXT_SWITCHES: Self = Self(3);
    /// Moves to another CPU.
    pub const CPU_MIGRATIONS: Self = Self(4);
    /// Page faults without I/O.
    pub const PAGE_FAULTS_MIN: Self = Self(5);
    /// Page faults with I/O.
    pub const PAGE_FAULTS_MAJ: Self = Self(6);
    /// Unaligned accesses that the kernel had to handle.
    pub const ALIGNMENT_FAULTS: Self = Self(7);
    /// Instructions that the kernel had to emulate.
    pub const EMULATION_FAULTS: Self = Self(8);
    /// Counts nothing: for the records about tasks and mappings.
    pub const DUMMY: Self = Self(9);
    /// Output of BPF programs.
    pub const BPF_OUTPUT: Self = Self(10);
    /// Context switches between cgroups.
    pub const CGROUP_SWITCHES: Self = Self(11);
}

/// Generalized hardware events.
#[doc(alias = "perf_hw_id")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hardware(pub u64);

impl Hardware {
    /// Cycles at the CPU's current speed.
    pub const CPU_CYCLES: Self = Self(0);
    /// Instructions retired.
    pub const INSTRUCTIONS: Self = Self(1);
    /// Cache accesses, mostly of the last level.
    pub const CACHE_REFERENCES: Self = Self(2);
    /// Cache misses, mostly of the last level.
    pub const CACHE_MISSES: Self = Self(3);
    /// Branches retired.
    pub const BRANCH_INSTRUCTIONS: Self = Self(4);
    /// Branches mispredicted.
    pub const BRANCH_MISSES: Self = Self(5);
    /// Bus cycles.
    pub const BUS_CYCLES: Self = Self(6);
    /// Cycles in which nothing was issued.
    pub const STALLED_CYCLES_FRONTEND: Self = Self(7);
    /// Cycles in which nothing was retired.
    pub const STALLED_CYCLES_BACKEND: Self = Self(8);
    /// Cycles at a constant speed.
    pub const REF_CPU_CYCLES: Self = Self(9);
}

/// A clock that can stamp records: those that can be read in an NMI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Clock {
    /// `CLOCK_MONOTONIC`.
    Monotonic,
    /// `CLOCK_MONOTONIC_RAW`.
    MonotonicRaw,
    /// `CLOCK_REALTIME`.
    Realtime,
    /// `CLOCK_BOOTTIME`.
    Boottime,
    /// `CLOCK_TAI`.
    Tai,
}

impl Clock {
    /// The number in `attr.clockid`.
    #[must_use]
    pub const fn id(self) -> i32 {
        match self {
            Clock::Monotonic => libc::CLOCK_MONOTONIC,
            Clock::MonotonicRaw => libc::CLOCK_MONOTONIC_RAW,
            Clock::Realtime => libc::CLOCK_REALTIME,
            Clock::Boottime => libc::CLOCK_BOOTTIME,
            Clock::Tai => libc::CLOCK_TAI,
        }
    }
}

/// When the ring's descriptor becomes readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wakeup {
    /// After so many samples; other records do not count. 0 is the kernel's default: half the ring.
    Events(u32),
    /// After so many bytes of any records.
    Bytes(u32),
}

/// Whose events.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// Everybody's, on one CPU.
    Cpu(u32),
    /// One task's (0: the calling thread), on any CPU. Such an event cannot be mapped while it is inherited.
    Task(i32),
    /// One task's, while it runs on one CPU.
    TaskOnCpu(i32, u32),
    /// A cgroup's (a descriptor of its directory in cgroup v2, or of the perf_event hierarchy), on one CPU.
    Cgroup(BorrowedFd<'a>, u32),
}

impl Target<'_> {
    fn place(self) -> Place {
        let cpu = |cpu| i32::try_from(cpu).unwrap_or(i32::MAX);
        let flags = OpenFlags::FD_CLOEXEC;
        let (pid, cpu, flags) = match self {
            Target::Cpu(n) => (-1, cpu(n), flags),
            Target::Task(pid) => (pid, -1, flags),
            Target::TaskOnCpu(pid, n) => (pid, cpu(n), flags),
            Target::Cgroup(fd, n) => (fd.as_raw_fd(), cpu(n), flags | OpenFlags::PID_CGROUP),
        };
        Place {
            pid,
            cpu,
            flags,
            member: false,
        }
    }
}

/// Says what to open; one builder serves for any number of CPUs and tasks.
///
/// ```no_run
/// # let tracefs_root = "";
/// use perf_ring::abi::SampleType;
/// use perf_ring::{Builder, Clock, Target, Wakeup};
///
/// let event = Builder::tracepoint(tracefs_root.as_ref(), "sched", "sched_switch")?
///     .sample(SampleType::TIME | SampleType::CPU | SampleType::RAW)
///     .clock(Clock::Monotonic)
///     .wakeup(Wakeup::Events(1))
///     .open(Target::Cpu(0))?;
/// let mut ring = event.map(16)?;
/// # Ok::<(), perf_ring::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    attr: EventAttr,
    filter: Option<String>,
}

impl Builder {
    /// From an attr, as it stands but for its size field.
    #[must_use]
    pub const fn from_attr(attr: EventAttr) -> Self {
        Builder { attr, filter: None }
    }

    fn new(kind: EventType, config: u64) -> Self {
        Self::from_attr(EventAttr {
            kind,
            config,
            flags: AttrFlags::SAMPLE_ID_ALL,
            ..EventAttr::default()
        })
    }

    /// A tracepoint by the id in its tracefs directory. Ids change with every boot.
    #[must_use]
    pub fn tracepoint_id(id: u64) -> Self {
        Self::new(EventType::TRACEPOINT, id)
    }

    /// A tracepoint by name, through a given tracefs (`/sys/kernel/tracing`, which only root may read).
    ///
    /// # Errors
    ///
    /// [`Error::File`] when there is no such event, or tracefs cannot be read; [`Error::Text`] when its id is no number.
    pub fn tracepoint(tracefs: &Path, system: &str, name: &str) -> Result<Self, Error> {
        let path = tracefs.join("events").join(system).join(name).join("id");
        let text = read_text(&path)?;
        match text.parse() {
            Ok(id) => Ok(Self::tracepoint_id(id)),
            Err(_) => Err(Error::Text {
                path,
                text,
                expected: "an event's id",
            }),
        }
    }

    /// A software event.
    #[must_use]
    pub fn software(event: Software) -> Self {
        Self::new(EventType::SOFTWARE, event.0)
    }

    /// A hardware event.
    #[must_use]
    pub fn hardware(event: Hardware) -> Self {
        Self::new(EventType::HARDWARE, event.0)
    }

    /// The attr as it stands.
    #[must_use]
    pub const fn attr(&self) -> &EventAttr {
        &self.attr
    }

    /// Changes the attr directly.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut EventAttr)) -> Self {
        change(&mut self.attr);
        self
    }

    /// Samples with these fields; every event makes one unless a period or frequency is set.
    #[must_use]
    pub fn sample(mut self, fields: SampleType) -> Self {
        self.attr.sample_type = fields;
        if self.attr.sample_period == 0 {
            self.attr.sample_period = 1;
        }
        self
    }

    /// A sample every so many events.
    #[must_use]
    pub fn period(mut self, events: u64) -> Self {
        self.attr.sample_period = events;
        self.attr.flags.remove(AttrFlags::FREQ);
        self
    }

    /// So many samples a second; the kernel adapts the period.
    #[must_use]
    pub fn frequency(mut self, per_second: u64) -> Self {
        self.attr.sample_period = per_second;
        self.attr.flags.insert(AttrFlags::FREQ);
        self
    }

    /// What reading the counter gives.
    #[must_use]
    pub fn read_format(mut self, format: ReadFormat) -> Self {
        self.attr.read_format = format;
        self
    }

    /// Sets flags of the attr, such as COMM, TASK, DISABLED or EXCLUDE_KERNEL.
    #[must_use]
    pub fn flags(mut self, flags: AttrFlags) -> Self {
        self.attr.flags.insert(flags);
        self
    }

    /// The clock of all times. Without one the kernel's own is taken, which is not comparable to any that user space
    /// can read.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.attr.flags.insert(AttrFlags::USE_CLOCKID);
        self.attr.clockid = clock.id();
        self
    }

    /// When the descriptor becomes readable.
    #[must_use]
    pub fn wakeup(mut self, wakeup: Wakeup) -> Self {
        let (n, bytes) = match wakeup {
            Wakeup::Events(n) => (n, false),
            Wakeup::Bytes(n) => (n, true),
        };
        self.attr.wakeup = n;
        self.attr.flags.set(AttrFlags::WATERMARK, bytes);
        self
    }

    /// The ring is written from its end towards its start: for a read-only ring that late readers can read.
    #[must_use]
    pub fn backward(self) -> Self {
        self.flags(AttrFlags::WRITE_BACKWARD)
    }

    /// A filter expression over a tracepoint's fields, set while opening, before anything is counted.
    #[must_use]
    pub fn filter(mut self, expression: &str) -> Self {
        self.filter = Some(expression.to_owned());
        self
    }

    /// Opens the event.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] with an explanation; [`Error::Filter`]; [`Error::AttrSize`] never but for an attr of unknown size.
    pub fn open(&self, target: Target<'_>) -> Result<Event, Error> {
        self.open_with(target, None)
    }

    /// Opens the event as a member of another one's group: they are counted together or not at all.
    ///
    /// # Errors
    ///
    /// As [`Builder::open`].
    pub fn open_in_group(&self, target: Target<'_>, leader: &Event) -> Result<Event, Error> {
        self.open_with(target, Some(leader.as_fd()))
    }

    fn open_with(&self, target: Target<'_>, group: Option<BorrowedFd<'_>>) -> Result<Event, Error> {
        let size = self.attr.least_size();
        // With a filter the event starts only once that is set: nothing unfiltered may slip in.
        let late = self.filter.is_some() && !self.attr.flags.contains(AttrFlags::DISABLED);
        let mut attr = EventAttr {
            size: size.0,
            ..self.attr
        };
        let mut first = attr;
        first.flags.set(
            AttrFlags::DISABLED,
            late || attr.flags.contains(AttrFlags::DISABLED),
        );
        let mut bytes = first.to_bytes(size)?;
        let place = Place {
            member: group.is_some(),
            ..target.place()
        };
        let opened =
            sys::perf_event_open(&mut bytes, place.pid, place.cpu, group, place.flags.bits());
        let fd = opened.map_err(|source| {
            // On E2BIG the kernel leaves the size that it knows.
            attr.size = bytes
                .get(4..8)
                .and_then(|b| b.try_into().ok())
                .map_or(0, u32::from_ne_bytes);
            let errno = source.raw_os_error().unwrap_or(0);
            let explanation = Box::new(explain(errno, &attr, place, Rights::current()));
            Error::Open {
                source,
                explanation,
            }
        })?;
        let event = Event::from_fd(fd, attr);
        if let Some(filter) = &self.filter {
            event.set_filter(filter)?;
            if late {
                event.enable()?;
            }
        }
        Ok(event)
    }
}
