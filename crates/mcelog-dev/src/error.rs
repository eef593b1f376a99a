//! What can go wrong, by what one can do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::inject::Raise;

/// Why the device, its injector or a knob did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such file (`ENOENT`): the kernel was built without `CONFIG_X86_MCELOG_LEGACY`. Read the
    /// `mce:mce_record` trace event instead.
    #[error("no {path}: this kernel has no mcelog device", path = path.display())]
    NoDevice {
        /// The path that was opened.
        path: PathBuf,
    },
    /// The node is there and no driver behind it (`ENXIO`, `ENODEV`): a leftover node, or a kernel without the
    /// device.
    #[error("{path} has no driver behind it", path = path.display())]
    NoDriver {
        /// The path that was opened.
        path: PathBuf,
    },
    /// Someone else has the device open, and they or we ask for it alone (`EBUSY`). Stop the other reader (mcelog,
    /// most often), or open without [`OpenOptions::exclusive`](crate::OpenOptions::exclusive) if it is ours that
    /// asks.
    #[error("{path} is held by another reader", path = path.display())]
    Busy {
        /// The path that was opened.
        path: PathBuf,
    },
    /// The file's permissions are against us (`EACCES`): the device and the knobs are root's.
    #[error("permission denied: {path}", path = path.display())]
    Access {
        /// The path of the device, a knob or an injector's file.
        path: PathBuf,
    },
    /// The kernel asks for `CAP_SYS_ADMIN` (`EPERM`). Reading a descriptor that was passed to us works without;
    /// see [`Device::from_fd_with`](crate::Device::from_fd_with).
    #[error("{call} needs CAP_SYS_ADMIN")]
    NotPermitted {
        /// What was being done.
        call: &'static str,
    },
    /// The file answers none of the device's ioctls (`ENOTTY`, `EINVAL`): it is something else.
    #[error("not an mcelog device: {call} is not known to it")]
    NotMcelog {
        /// The ioctl.
        call: &'static str,
    },
    /// A signal came before anything else did (`EINTR`): nothing is lost, call again.
    #[error("interrupted by a signal")]
    Interrupted,
    /// The device says its records are of a length that no kernel's are.
    #[error("the device's records are said to have {len} bytes")]
    RecordLength {
        /// What it says, in bytes.
        len: i32,
    },
    /// The device says its log is of a length that no kernel's is.
    #[error("the device's log is said to have {len} entries")]
    LogLength {
        /// What it says, in records.
        len: i32,
    },
    /// A read ended in the middle of a record. The records before it were handed out; what is left of this one is
    /// gone from the kernel.
    #[error("the last record of a read has {got} of {want} bytes")]
    PartialRecord {
        /// Bytes of the record that came.
        got: usize,
        /// Bytes of a record.
        want: usize,
    },
    /// A read claims more bytes than there was room for: the driver is broken, and nothing of it can be believed.
    #[error("a read into {room} bytes claims {got}")]
    ReadTooLong {
        /// Bytes that were claimed.
        got: usize,
        /// Bytes that there was room for.
        room: usize,
    },
    /// The descriptor is in error (`POLLERR`, `POLLHUP` or `POLLNVAL`): it will never wake anyone again.
    #[error("the descriptor is in error")]
    Dead,
    /// The kernel's log has more room than the lengths that the device was made with (`EINVAL`); nothing was taken
    /// out of it.
    #[error("the kernel refuses to read into {room} bytes: its log is longer")]
    LogIsLonger {
        /// Bytes of room.
        room: usize,
    },

    /// The record does not say on which CPU or in which bank it is to be injected.
    #[error("the record to inject names no {part}")]
    Incomplete {
        /// What is missing.
        part: &'static str,
    },
    /// That CPU is offline or absent, or this process may not run on it (`EINVAL`): the writer must run on it.
    #[error("cpu {cpu} is not online, or not open to this process")]
    CpuOffline {
        /// The CPU, as the kernel counts.
        cpu: u32,
    },
    /// That CPU has not so many banks (`EINVAL`).
    #[error("cpu {cpu} has no bank {bank}")]
    NoBank {
        /// The CPU, as the kernel counts.
        cpu: u32,
        /// The bank.
        bank: u8,
    },
    /// `mce-inject` is neither loaded nor built in: what is written would be thrown away in silence. Load it.
    #[error("the kernel's mce-inject is not loaded")]
    NoInjector,
    /// A status of zero injects nothing: the kernel looks at banks whose VAL bit is set.
    #[error("status {status:#x} is not valid: the kernel would find nothing")]
    StatusNotValid {
        /// `MCi_STATUS`.
        status: u64,
    },
    /// This injector cannot raise an error in this way.
    #[error("{injector} cannot raise {raise}")]
    CannotRaise {
        /// The injector.
        injector: &'static str,
        /// The way.
        raise: Raise,
    },
    /// The record has parts that the kernel's record, or this injector, has no place for.
    #[error("{injector} has no place for {parts}")]
    CannotCarry {
        /// The injector.
        injector: &'static str,
        /// The parts.
        parts: String,
    },
    /// The kernel took fewer bytes than the record has.
    #[error("the kernel took {took} of {want} bytes of the record")]
    ShortWrite {
        /// Bytes taken.
        took: usize,
        /// Bytes of the record.
        want: usize,
    },

    /// This kernel has no such knob: it was removed (`tolerant`), is newer, or hangs on an option of the kernel
    /// (`trigger`) or on the CPU (`bankN`).
    #[error("not on this kernel: {path}", path = path.display())]
    NoKnob {
        /// The knob.
        path: PathBuf,
    },
    /// A value outside of what the knob can mean. It was not written.
    #[error("{value} is out of range for {knob} ({range})")]
    OutOfRange {
        /// The knob.
        knob: &'static str,
        /// The value.
        value: String,
        /// What is in range.
        range: &'static str,
    },
    /// The kernel refuses the value (`EINVAL`, `ENODEV`).
    #[error("{path} refuses {value}", path = path.display())]
    Refused {
        /// The knob or the injector's file.
        path: PathBuf,
        /// The value.
        value: String,
    },
    /// A knob reads as something that it cannot be.
    #[error("{path} reads as {text:?}", path = path.display())]
    Unreadable {
        /// The knob.
        path: PathBuf,
        /// Its text, cut off where it is long.
        text: String,
    },

    /// Anything else the system says.
    #[error("{call} failed")]
    Io {
        /// What was being done.
        call: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// The error of opening the device.
    pub(crate) fn open(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.raw_os_error() {
            Some(libc::ENOENT) => Self::NoDevice { path },
            Some(libc::ENXIO | libc::ENODEV) => Self::NoDriver { path },
            Some(libc::EBUSY) => Self::Busy { path },
            Some(libc::EACCES | libc::EPERM) => Self::Access { path },
            Some(libc::EINTR) => Self::Interrupted,
            _ => Self::Io {
                call: "open",
                source,
            },
        }
    }

    /// The error of a call on the open device.
    pub(crate) fn call(call: &'static str, source: io::Error) -> Self {
        match source.raw_os_error() {
            Some(libc::EPERM) => Self::NotPermitted { call },
            Some(libc::EINTR) => Self::Interrupted,
            Some(libc::ENOTTY) => Self::NotMcelog { call },
            _ => Self::Io { call, source },
        }
    }

    /// The error of a file in sysfs or debugfs, where `value` is what was to be written.
    pub(crate) fn file(path: &Path, value: Option<&str>, source: io::Error) -> Self {
        let path = path.to_owned();
        match (source.raw_os_error(), value) {
            (Some(libc::ENOENT), _) => Self::NoKnob { path },
            (Some(libc::EACCES | libc::EPERM), _) => Self::Access { path },
            (Some(libc::EINTR), _) => Self::Interrupted,
            (Some(libc::EINVAL | libc::ENODEV), Some(value)) => Self::Refused {
                path,
                value: value.trim_end().to_owned(),
            },
            (_, Some(_)) => Self::Io {
                call: "write",
                source,
            },
            (_, None) => Self::Io {
                call: "read",
                source,
            },
        }
    }
}
