//! The device: opening, waiting, reading.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fmt, io};

use mcekit::wire;

use crate::error::Error;
use crate::event::{Entry, Event, Overflow};
use crate::sys::{DEVICE, Driver, Kernel, KernelNode, Mode, Node, Request};

/// The longest record that is believed, in bytes: eight times the longest of today.
const MAX_RECORD: usize = 8 * wire::MAX_LEN;

/// The longest log that is believed, in records: the kernel has one for each CPU, and 32 at least.
const MAX_LOG: usize = 8192;

/// How to open the device.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    path: PathBuf,
    mode: Mode,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl OpenOptions {
    /// `/dev/mcelog`, for reading, beside others.
    #[must_use]
    pub fn new() -> Self {
        Self {
            path: DEVICE.into(),
            mode: Mode {
                write: false,
                exclusive: false,
            },
        }
    }

    /// Another path.
    #[must_use]
    pub fn path(mut self, path: impl AsRef<Path>) -> Self {
        path.as_ref().clone_into(&mut self.path);
        self
    }

    /// Alone (`O_EXCL`). Readers share one log, and each record goes to one of them: only who is alone sees all.
    /// Fails while anyone has it open; while it is open, and until its last duplicate is closed, everyone else fails.
    #[must_use]
    pub fn exclusive(mut self, exclusive: bool) -> Self {
        self.mode.exclusive = exclusive;
        self
    }

    /// For injecting, too.
    #[must_use]
    pub fn write(mut self, write: bool) -> Self {
        self.mode.write = write;
        self
    }

    /// Opens the kernel's device, and asks it for its lengths.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`], [`Error::NoDriver`], [`Error::Busy`], [`Error::Access`]; [`Error::NotPermitted`],
    /// [`Error::NotMcelog`], [`Error::RecordLength`] and [`Error::LogLength`] from asking.
    pub fn open(&self) -> Result<Device, Error> {
        self.open_with(&Kernel)
    }

    /// Opens a device of this driver: the kernel's, or a fake.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_with<D: Driver>(&self, driver: &D) -> Result<Device<D::Node>, Error> {
        let node = driver
            .open(&self.path, self.mode)
            .map_err(|e| Error::open(&self.path, e))?;
        Device::from_node(node)
    }
}

/// How long the device's records and its log are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    record: usize,
    log: usize,
}

impl Lengths {
    /// Those of Linux 5.8 and later on a machine with up to 32 CPUs.
    pub const TODAY: Self = Self {
        record: wire::MAX_LEN,
        log: 32,
    };

    /// Lengths as the device tells them: bytes of a record, records of the log.
    ///
    /// # Errors
    ///
    /// [`Error::RecordLength`] and [`Error::LogLength`] where no kernel's can be like that.
    pub fn new(record: i32, log: i32) -> Result<Self, Error> {
        let within = |n: i32, min, max| usize::try_from(n).ok().filter(|n| (min..=max).contains(n));
        Ok(Self {
            record: within(record, wire::MIN_LEN, MAX_RECORD)
                // A struct of 32-bit and 64-bit words: no compiler gives it another length.
                .filter(|len| len.is_multiple_of(4))
                .ok_or(Error::RecordLength { len: record })?,
            log: within(log, 1, MAX_LOG).ok_or(Error::LogLength { len: log })?,
        })
    }

    /// Bytes of a record.
    #[must_use]
    pub const fn record(&self) -> usize {
        self.record
    }

    /// Records that the log has room for.
    #[must_use]
    pub const fn log(&self) -> usize {
        self.log
    }

    /// Bytes that a read needs room for.
    const fn room(&self) -> usize {
        self.record * self.log
    }
}

/// `/dev/mcelog`, open.
///
/// The kernel's log is shared by all readers; a read takes out everything that is in it. [`Device::next_event`] hands it
/// out one by one and makes a system call only when it has nothing left.
///
/// ```
/// use mcelog_dev::fake::Fake;
/// use mcelog_dev::{Event, OpenOptions};
/// use mcekit::{Record, Status};
///
/// let fake = Fake::new();
/// let mut device = OpenOptions::new().exclusive(true).open_with(&fake)?;
/// fake.log(&Record::new(4, Status(0x9c00_4000_0001_0091)).with_cpu(1));
/// while let Some(event) = device.next_event()? {
///     match event {
///         Event::Record(entry) => println!("{:?}: {}", entry.origin(), entry.record().decode()),
///         Event::Overflow(how) => eprintln!("the kernel dropped records here ({how:?})"),
///     }
/// }
/// // Nothing now: go and poll.
/// # Ok::<(), mcelog_dev::Error>(())
/// ```
pub struct Device<N = KernelNode> {
    node: N,
    lengths: Lengths,
    /// What one read fills, allocated once.
    buffer: Vec<u8>,
    /// How far it is filled, and how far handed out.
    filled: usize,
    at: usize,
    /// Due after the records that are in the buffer.
    overflow: Option<Overflow>,
    /// Whether the kernel's flag is still to be asked for after the last read, and whether that read found the log
    /// full.
    ask: Option<bool>,
    flags: FlagsAsked,
    /// The flag was set when [`Device::note_overflow`] asked for it.
    noted: bool,
}

/// What is known of the kernel's overflow flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FlagsAsked {
    Never,
    Yes,
    NotPermitted,
}

impl Device {
    /// Opens `/dev/mcelog` for reading, beside others.
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`].
    pub fn open() -> Result<Self, Error> {
        OpenOptions::new().open()
    }

    /// Takes a descriptor that someone else opened, and asks it for its lengths.
    ///
    /// # Errors
    ///
    /// [`Error::NotPermitted`] without `CAP_SYS_ADMIN` (then see [`Device::from_fd_with`]); the others of asking, as
    /// in [`OpenOptions::open`].
    pub fn from_fd(fd: OwnedFd) -> Result<Self, Error> {
        Self::from_node(fd.into())
    }

    /// Takes a descriptor that someone else opened, whose lengths are known: the way for a process without
    /// `CAP_SYS_ADMIN` to read what a privileged one passed on, together with its [`Device::lengths`].
    ///
    /// Such a process cannot see the kernel's overflow flag: it gets [`Overflow::Possible`] after a full log.
    #[must_use]
    pub fn from_fd_with(fd: OwnedFd, lengths: Lengths) -> Self {
        Self::from_node_with(fd.into(), lengths)
    }
}

impl<N: Node> Device<N> {
    /// Takes an open device, and asks it for its lengths.
    ///
    /// # Errors
    ///
    /// As [`Device::from_fd`].
    pub fn from_node(node: N) -> Result<Self, Error> {
        let ask = |request: Request| {
            node.ioctl(request).map_err(|e| match e.raw_os_error() {
                // A file that has ioctls of its own, and not these.
                Some(libc::EINVAL) => Error::NotMcelog {
                    call: request.name(),
                },
                _ => Error::call(request.name(), e),
            })
        };
        let lengths = Lengths::new(ask(Request::RecordLen)?, ask(Request::LogLen)?)?;
        Ok(Self::from_node_with(node, lengths))
    }

    /// Takes an open device whose lengths are known, as [`Device::from_fd_with`].
    #[must_use]
    pub fn from_node_with(node: N, lengths: Lengths) -> Self {
        Self {
            node,
            lengths,
            buffer: vec![0; lengths.room()],
            filled: 0,
            at: 0,
            overflow: None,
            ask: None,
            flags: FlagsAsked::Never,
            noted: false,
        }
    }

    /// The device's lengths.
    #[must_use]
    pub const fn lengths(&self) -> Lengths {
        self.lengths
    }

    /// The open device itself. Records that were read and not handed out are lost.
    #[must_use]
    pub fn into_node(self) -> N {
        self.node
    }

    pub(crate) const fn node(&self) -> &N {
        &self.node
    }

    /// The next event, or `None` where there is nothing now: then wait, by [`Device::wait`] or by an event loop of
    /// your own on the descriptor ([`AsFd`]). Never blocks.
    ///
    /// Overflow comes in its place, after the records that were in the full log. The kernel's flag is cleared by
    /// reading it: where several processes read the device, one of them is told.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`]: call again. [`Error::PartialRecord`] after the whole records of a read that ended in
    /// the middle of one; the next call goes on. [`Error::ReadTooLong`], [`Error::LogIsLonger`], [`Error::Io`].
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        let next = self.advance()?;
        Ok(next.map(|next| self.lend(next)))
    }

    #[inline]
    fn advance(&mut self) -> Result<Option<Next>, Error> {
        let at = self.at;
        // As often as there are records: nothing to ask the kernel, and one more in the buffer.
        if self.ask.is_none() && self.filled - at >= self.lengths.record {
            self.at = at + self.lengths.record;
            return Ok(Some(Next::Record(at)));
        }
        self.advance_slowly()
    }

    /// What else there may be to hand out, in its order: a record of a read whose flag is still to be asked for, what
    /// is left of a record, an overflow, and all of that again from another read.
    #[cold]
    fn advance_slowly(&mut self) -> Result<Option<Next>, Error> {
        loop {
            if let Some(full) = self.ask {
                self.overflow = self.ask_overflow(full)?;
                self.ask = None;
            }
            let left = self.filled - self.at;
            let want = self.lengths.record;
            if left >= want {
                return self.advance();
            }
            if left > 0 {
                self.at = self.filled;
                return Err(Error::PartialRecord { got: left, want });
            }
            if let Some(overflow) = self.overflow.take() {
                return Ok(Some(Next::Overflow(overflow)));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    #[inline]
    fn lend(&self, next: Next) -> Event<'_> {
        match next {
            // In bounds: `advance` has seen to it.
            Next::Record(at) => Event::Record(Entry::new(
                self.buffer
                    .get(at..at + self.lengths.record)
                    .unwrap_or_default(),
            )),
            Next::Overflow(overflow) => Event::Overflow(overflow),
        }
    }

    /// One read. Whether there is something to look at after it.
    fn fill(&mut self) -> Result<bool, Error> {
        (self.filled, self.at) = (0, 0);
        let room = self.buffer.len();
        let got = self
            .node
            .read(&mut self.buffer)
            .map_err(|e| match e.raw_os_error() {
                Some(libc::EINVAL) => Error::LogIsLonger { room },
                _ => Error::call("read", e),
            })?;
        if got > room {
            return Err(Error::ReadTooLong { got, room });
        }
        self.filled = got;
        // The log overflows only while it is full, and a read empties it: the flag, asked for after the read, speaks
        // of what came after these records. At first it may also be left over from before this process.
        let ask = got > 0 || self.flags == FlagsAsked::Never;
        self.ask = ask.then_some(got == room);
        Ok(ask)
    }

    /// Asks for the kernel's overflow flag now, which needs `CAP_SYS_ADMIN`, and tells what it said behind the records of the
    /// next read: for a process that gives up its rights before it reads. Without the right nothing happens.
    ///
    /// Asking clears the flag: a process that ends before that read takes it along, and leaves a full log.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`], [`Error::Io`]: it can be called again.
    pub fn note_overflow(&mut self) -> Result<(), Error> {
        self.noted |= self.take_flag()? == Some(true);
        Ok(())
    }

    /// The kernel's overflow flag, which is clear after that. `None`: it is not for this process.
    fn take_flag(&mut self) -> Result<Option<bool>, Error> {
        let asked = self.node.ioctl(Request::GetClearFlags);
        match asked.map_err(|e| Error::call(Request::GetClearFlags.name(), e)) {
            Ok(flags) => Ok(Some(flags & OVERFLOW != 0)),
            Err(Error::NotPermitted { .. }) => {
                self.flags = FlagsAsked::NotPermitted;
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    fn ask_overflow(&mut self, full: bool) -> Result<Option<Overflow>, Error> {
        let mut flag = None;
        if self.flags != FlagsAsked::NotPermitted {
            flag = self.take_flag()?;
        }
        if flag.is_some() {
            self.flags = FlagsAsked::Yes;
        }
        let noted = std::mem::take(&mut self.noted);
        Ok(if noted || flag == Some(true) {
            Some(Overflow::Flagged)
        } else {
            (full && flag.is_none()).then_some(Overflow::Possible)
        })
    }

    /// Waits for something to read: true, or for the limit: false. Without a limit, for ever.
    ///
    /// True is a hint: another reader may have been faster, and after a record of an earlier boot the kernel says so
    /// once too often. [`Device::next_event`] knows.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] on a signal; [`Error::Dead`]; [`Error::Io`].
    pub fn wait(&self, limit: Option<Duration>) -> Result<bool, Error> {
        self.node.wait(limit).map_err(|e| match e.raw_os_error() {
            Some(libc::EIO) => Error::Dead,
            _ => Error::call("poll", e),
        })
    }

    /// The next event, waiting for it: `None` only when the limit is over.
    ///
    /// # Errors
    ///
    /// Those of [`Device::next_event`] and [`Device::wait`].
    pub fn next_within(&mut self, limit: Option<Duration>) -> Result<Option<Event<'_>>, Error> {
        // A limit beyond the clock's end is none.
        let end = limit.and_then(|limit| Instant::now().checked_add(limit));
        loop {
            if let Some(next) = self.advance()? {
                return Ok(Some(self.lend(next)));
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if !self.wait(left)? {
                return Ok(None);
            }
        }
    }
}

/// What comes next: a record at this place in the buffer, or what is lost.
#[derive(Clone, Copy)]
enum Next {
    Record(usize),
    Overflow(Overflow),
}

/// Bit 0 of the log's flags (`MCE_OVERFLOW`, `arch/x86/kernel/cpu/mce/dev-mcelog.c`).
pub(crate) const OVERFLOW: i32 = 1;

impl<N: AsFd> AsFd for Device<N> {
    /// Readable while there is something to read: for `poll`, `epoll`, mio's `SourceFd`, tokio's `AsyncFd`. The device
    /// never blocks in a read, so the descriptor needs no `O_NONBLOCK`. Before waiting, call [`Device::next_event`] until it
    /// returns `None`: it may hold records that the kernel no longer has.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.node.as_fd()
    }
}

impl<N> fmt::Debug for Device<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("lengths", &self.lengths)
            .field("not_handed_out", &(self.filled - self.at))
            .finish_non_exhaustive()
    }
}

/// `EIO` as [`Node::wait`] uses it.
pub(crate) fn dead() -> io::Error {
    io::Error::from_raw_os_error(libc::EIO)
}
