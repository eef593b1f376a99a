//! System calls, one function each; in tests each can be answered by a fake.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

#[cfg(test)]
use fake::{Call, Reply};

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Opens an event. `attr` must begin with the encoded structure; on `E2BIG` the kernel writes the size it knows
/// into bytes 4 to 8.
pub(crate) fn perf_event_open(
    attr: &mut [u8],
    pid: i32,
    cpu: i32,
    group: Option<BorrowedFd<'_>>,
    flags: u64,
) -> io::Result<OwnedFd> {
    let group_fd = group.map_or(-1, |fd| fd.as_raw_fd());
    #[cfg(test)]
    if let Some(reply) = fake::answer(Call::Open {
        attr: attr.to_vec(),
        pid,
        cpu,
        group: group_fd,
        flags,
    }) {
        reply?;
        return nix::sys::eventfd::EventFd::from_flags(nix::sys::eventfd::EfdFlags::EFD_NONBLOCK)
            .map(OwnedFd::from)
            .map_err(io::Error::from);
    }
    // The kernel reads as many bytes as the size field says.
    let stated = attr
        .get(4..8)
        .and_then(|b| b.try_into().ok())
        .map_or(0, u32::from_ne_bytes);
    if stated as usize > attr.len() || attr.len() < 64 {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: `attr` is writable memory of at least the size its own size field states (checked above; a size of 0
    // means the 64 bytes of the first version); the other arguments are plain numbers.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            attr.as_mut_ptr(),
            pid,
            cpu,
            group_fd,
            flags,
        )
    };
    let fd = RawFd::try_from(check(fd)?).map_err(io::Error::other)?;
    Ok(adopt(fd))
}

/// Takes a descriptor that the kernel has just handed to us.
pub(crate) fn adopt(fd: RawFd) -> OwnedFd {
    // SAFETY: the callers pass a descriptor that a system call returned (perf_event_open, recvmsg) or that the
    // service manager left for us at a number nobody else in the process owns; it is adopted once.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Borrows a descriptor by number that was seen to be open, such as one that the service manager passed to this process.
pub(crate) fn borrow<'a>(fd: RawFd) -> BorrowedFd<'a> {
    // SAFETY: the caller has looked that the number is open, and uses the value before it adopts or closes it.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// An ioctl whose argument is a number (or a descriptor).
pub(crate) fn ioctl_value(fd: BorrowedFd<'_>, request: u64, value: i64) -> io::Result<()> {
    #[cfg(test)]
    if let Some(reply) = fake::answer(Call::Ioctl {
        request,
        value: value.cast_unsigned(),
        text: None,
    }) {
        return reply.map(drop);
    }
    // SAFETY: the requests used with this function (ENABLE, DISABLE, RESET, REFRESH, SET_OUTPUT) take no pointer.
    let done = unsafe { libc::ioctl(fd.as_raw_fd(), request, value) };
    check(done.into()).map(drop)
}

/// An ioctl whose 32-bit argument is passed by value (PAUSE_OUTPUT).
pub(crate) fn ioctl_u32(fd: BorrowedFd<'_>, request: u64, value: u32) -> io::Result<()> {
    ioctl_value(fd, request, value.into())
}

/// An ioctl that reads a `u64` from us (PERIOD).
pub(crate) fn ioctl_u64(fd: BorrowedFd<'_>, request: u64, value: u64) -> io::Result<()> {
    #[cfg(test)]
    if let Some(reply) = fake::answer(Call::Ioctl {
        request,
        value,
        text: None,
    }) {
        return reply.map(drop);
    }
    // SAFETY: the kernel reads eight bytes from the pointer, which outlives the call.
    let done = unsafe { libc::ioctl(fd.as_raw_fd(), request, &raw const value) };
    check(done.into()).map(drop)
}

/// An ioctl that writes a `u64` to us (ID).
pub(crate) fn ioctl_id(fd: BorrowedFd<'_>, request: u64) -> io::Result<u64> {
    #[cfg(test)]
    if let Some(reply) = fake::answer(Call::Ioctl {
        request,
        value: 0,
        text: None,
    }) {
        return reply.map(|reply| if let Reply::Value(id) = reply { id } else { 0 });
    }
    let mut id = 0u64;
    // SAFETY: the kernel writes eight bytes to the pointer, which outlives the call.
    let done = unsafe { libc::ioctl(fd.as_raw_fd(), request, &raw mut id) };
    check(done.into())?;
    Ok(id)
}

/// An ioctl that reads a C string from us (SET_FILTER).
pub(crate) fn ioctl_str(fd: BorrowedFd<'_>, request: u64, text: &CStr) -> io::Result<()> {
    #[cfg(test)]
    if let Some(reply) = fake::answer(Call::Ioctl {
        request,
        value: 0,
        text: Some(text.to_owned()),
    }) {
        return reply.map(drop);
    }
    // SAFETY: the kernel reads a NUL-terminated string from the pointer, which outlives the call.
    let done = unsafe { libc::ioctl(fd.as_raw_fd(), request, text.as_ptr()) };
    check(done.into()).map(drop)
}

/// Reads counter values.
pub(crate) fn read(fd: BorrowedFd<'_>, into: &mut [u8]) -> io::Result<usize> {
    #[cfg(test)]
    if let Some(reply) = fake::answer(Call::Read) {
        let Reply::Bytes(bytes) = reply? else {
            return Ok(0);
        };
        for (to, from) in into.iter_mut().zip(&bytes) {
            *to = *from;
        }
        return Ok(bytes.len().min(into.len()));
    }
    nix::unistd::read(fd, into).map_err(io::Error::from)
}

/// Returns once every record that some CPU had begun to write before the call is written and published.
///
/// The kernel writes a record inside an RCU read-side section, from `perf_output_begin` to `perf_output_end`; a
/// global membarrier waits for all of those. Kernels with `nohz_full` refuse it.
pub(crate) fn wait_for_writers() -> io::Result<()> {
    #[cfg(test)]
    if let Some(reply) = fake::answer(Call::Membarrier) {
        return reply.map(drop);
    }
    // SAFETY: takes three plain numbers and no pointer.
    let done = unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_GLOBAL, 0, 0) };
    check(done).map(drop)
}

/// An anonymous file, for what the service manager is to keep.
pub(crate) fn memfd(name: &CStr) -> io::Result<OwnedFd> {
    // SAFETY: the kernel reads a NUL-terminated string from the pointer, which outlives the call.
    let fd = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
    check(fd.into())?;
    Ok(adopt(fd))
}

/// Now, by a clock, nanoseconds.
pub(crate) fn clock_ns(clock: i32) -> io::Result<u64> {
    let now = nix::time::clock_gettime(nix::time::ClockId::from_raw(clock))?;
    let (s, ns) = (
        now.tv_sec().max(0).cast_unsigned(),
        now.tv_nsec().max(0).cast_unsigned(),
    );
    Ok(s.saturating_mul(1_000_000_000).saturating_add(ns))
}

/// The kernel of the tests: a closure that sees every call and answers it.
#[cfg(test)]
pub(crate) mod fake {
    use std::cell::RefCell;
    use std::ffi::CString;
    use std::io;

    /// A system call with its arguments.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum Call {
        Open {
            attr: Vec<u8>,
            pid: i32,
            cpu: i32,
            group: i32,
            flags: u64,
        },
        Ioctl {
            request: u64,
            value: u64,
            text: Option<CString>,
        },
        Read,
        Map {
            len: usize,
            writable: bool,
        },
        Membarrier,
    }

    /// What a call gives back.
    #[derive(Clone, Debug)]
    pub(crate) enum Reply {
        Done,
        Value(u64),
        Bytes(Vec<u8>),
    }

    type Kernel = Box<dyn FnMut(Call) -> io::Result<Reply>>;

    thread_local! {
        static KERNEL: RefCell<Option<Kernel>> = const { RefCell::new(None) };
    }

    /// Answers this thread's calls with `kernel` until the guard goes.
    pub(crate) fn install(kernel: impl FnMut(Call) -> io::Result<Reply> + 'static) -> Guard {
        KERNEL.set(Some(Box::new(kernel)));
        Guard
    }

    #[derive(Debug)]
    pub(crate) struct Guard;

    impl Drop for Guard {
        fn drop(&mut self) {
            KERNEL.set(None);
        }
    }

    pub(crate) fn answer(call: Call) -> Option<io::Result<Reply>> {
        KERNEL.with_borrow_mut(|kernel| kernel.as_mut().map(|kernel| kernel(call)))
    }
}
