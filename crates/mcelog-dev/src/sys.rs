//! The one seam to the system: what the rest of the crate asks of a driver and of an open device. The kernel's
//! is here, with the crate's only `unsafe`; `fake` has another one.
#![expect(
    unsafe_code,
    reason = "an ioctl writes through a pointer, which no safe wrapper of the standard library does"
)]

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::time::TimeSpec;
use nix::unistd::Pid;

use crate::device::dead;
use crate::knobs::Knobs;

/// Where the device is.
pub const DEVICE: &str = "/dev/mcelog";

/// What an ioctl of the device asks for. All of them give an `int`.
#[doc(alias = "MCE_GET_RECORD_LEN")]
#[doc(alias = "MCE_GET_LOG_LEN")]
#[doc(alias = "MCE_GETCLEAR_FLAGS")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Bytes of a record (`MCE_GET_RECORD_LEN`).
    RecordLen,
    /// Records that the log has room for (`MCE_GET_LOG_LEN`).
    LogLen,
    /// The log's flags, which become zero by it (`MCE_GETCLEAR_FLAGS`).
    GetClearFlags,
}

impl Request {
    /// The number (`arch/x86/include/uapi/asm/mce.h`).
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::RecordLen => ior(b'M', 1, size_of::<i32>()),
            Self::LogLen => ior(b'M', 2, size_of::<i32>()),
            Self::GetClearFlags => ior(b'M', 3, size_of::<i32>()),
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RecordLen => "ioctl MCE_GET_RECORD_LEN",
            Self::LogLen => "ioctl MCE_GET_LOG_LEN",
            Self::GetClearFlags => "ioctl MCE_GETCLEAR_FLAGS",
        }
    }
}

/// `_IOR`: direction 2 (the kernel writes), size, type, number (`include/uapi/asm-generic/ioctl.h`).
const fn ior(kind: u8, number: u8, size: usize) -> u32 {
    (2 << 30) | ((size as u32) << 16) | ((kind as u32) << 8) | number as u32
}

// As a running kernel answers them; a change to any of the above does not compile.
const _: () = assert!(Request::RecordLen.number() == 0x8004_4d01);
const _: () = assert!(Request::LogLen.number() == 0x8004_4d02);
const _: () = assert!(Request::GetClearFlags.number() == 0x8004_4d03);

/// How the device is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mode {
    /// For injecting too.
    pub write: bool,
    /// With `O_EXCL`: nobody else, before and as long as it is open.
    pub exclusive: bool,
}

/// Opens devices.
pub trait Driver {
    /// What it opens.
    type Node: Node;

    /// Opens the device.
    ///
    /// # Errors
    ///
    /// Those of `open(2)`, with the kernel's `errno` in `raw_os_error`.
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Self::Node>;
}

/// An open device. Each method is one system call, and its errors carry the kernel's `errno`.
pub trait Node: AsFd {
    /// One of the ioctls.
    ///
    /// # Errors
    ///
    /// Those of `ioctl(2)`.
    fn ioctl(&self, request: Request) -> io::Result<i32>;

    /// Reads records. The kernel takes them out of its log even where it cannot hand them over, and refuses a
    /// buffer with less room than its whole log.
    ///
    /// # Errors
    ///
    /// Those of `read(2)`.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Waits for records: true where there are some, false where the time is over.
    ///
    /// # Errors
    ///
    /// Those of `ppoll(2)`; `EIO` stands for a descriptor that is itself in error.
    fn wait(&self, limit: Option<Duration>) -> io::Result<bool>;

    /// Writes one record, by a thread that runs on this CPU meanwhile.
    ///
    /// # Errors
    ///
    /// Those of `sched_setaffinity(2)` and `write(2)`.
    fn write_on(&self, cpu: u32, record: &[u8]) -> io::Result<usize>;

    /// Whether the kernel has someone to take what is written; `None` where it cannot be told.
    fn injector(&self) -> Option<bool>;

    /// How many banks this CPU has, where that can be told.
    fn banks(&self, cpu: u32) -> Option<u32>;
}

/// The kernel's driver.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kernel;

impl Driver for Kernel {
    type Node = KernelNode;

    fn open(&self, path: &Path, mode: Mode) -> io::Result<KernelNode> {
        let flags = if mode.exclusive { libc::O_EXCL } else { 0 };
        let file = File::options()
            .read(true)
            .write(mode.write)
            .custom_flags(flags)
            .open(path)?;
        Ok(KernelNode { file })
    }
}

/// The kernel's device, open.
#[derive(Debug)]
pub struct KernelNode {
    file: File,
}

impl From<OwnedFd> for KernelNode {
    fn from(fd: OwnedFd) -> Self {
        Self {
            file: File::from(fd),
        }
    }
}

impl From<KernelNode> for OwnedFd {
    fn from(node: KernelNode) -> Self {
        node.file.into()
    }
}

impl AsFd for KernelNode {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Node for KernelNode {
    fn ioctl(&self, request: Request) -> io::Result<i32> {
        let mut value: libc::c_int = 0;
        // SAFETY: the descriptor is open as long as `self.file` is; each of the three requests writes one int, as
        // its number says, and `value` is an int of ours that outlives the call.
        let result = unsafe {
            libc::ioctl(
                self.file.as_raw_fd(),
                libc::Ioctl::from(request.number()),
                &raw mut value,
            )
        };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(value)
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.file).read(buffer)
    }

    fn wait(&self, limit: Option<Duration>) -> io::Result<bool> {
        wait_readable(self.as_fd(), limit)
    }

    fn write_on(&self, cpu: u32, record: &[u8]) -> io::Result<usize> {
        let _pinned = Pinned::to(cpu)?;
        (&self.file).write(record)
    }

    fn injector(&self) -> Option<bool> {
        if Path::new("/sys/module/mce_inject").exists() {
            return Some(true);
        }
        // Built in, it shows only in debugfs; without a debugfs to look into, nothing is known.
        let debugfs = Path::new("/sys/kernel/debug");
        debugfs
            .join("mce")
            .try_exists()
            .ok()
            .filter(|mounted| *mounted)
            .map(|_| debugfs.join("mce-inject").exists())
    }

    fn banks(&self, cpu: u32) -> Option<u32> {
        Knobs::new().cpu(cpu).bank_count().ok()
    }
}

/// Longer than any machine is up.
const LONGEST_WAIT: Duration = Duration::from_secs(i32::MAX as u64);

/// Waits until a descriptor can be read: true, or the time is over: false.
pub(crate) fn wait_readable(fd: BorrowedFd<'_>, limit: Option<Duration>) -> io::Result<bool> {
    // The kernel refuses seconds that a signed number does not hold.
    let limit = limit.map(|limit| limit.min(LONGEST_WAIT));
    let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
    let ready = ppoll(&mut fds, limit.map(TimeSpec::from_duration), None)?;
    if ready == 0 {
        return Ok(false);
    }
    let [polled] = fds;
    let events = polled.revents().unwrap_or(PollFlags::empty());
    if events.contains(PollFlags::POLLIN) {
        return Ok(true);
    }
    // POLLERR, POLLHUP or POLLNVAL alone: it would be readable forever, with nothing to read.
    Err(dead())
}

/// The calling thread, kept on one CPU until this is dropped.
struct Pinned {
    before: CpuSet,
}

impl Pinned {
    fn to(cpu: u32) -> io::Result<Self> {
        let thread = Pid::from_raw(0);
        let before = sched_getaffinity(thread)?;
        let mut only = CpuSet::new();
        only.set(usize::try_from(cpu).unwrap_or(usize::MAX))?;
        sched_setaffinity(thread, &only)?;
        Ok(Self { before })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // The CPUs were allowed a moment ago. Should they be gone, the kernel has moved the thread already.
        let _ = sched_setaffinity(Pid::from_raw(0), &self.before);
    }
}
