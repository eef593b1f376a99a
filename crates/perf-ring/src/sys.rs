//! The one place that talks to the kernel and touches mapped memory: all of the crate's `unsafe`.
//!
//! System calls come first, one function each; in tests each can be answered by a fake. Then a ring's memory: the header
//! page and the data, mapped from an event or made in memory for tests.
#![expect(
    unsafe_code,
    reason = "system calls, and memory that the kernel writes while we read it"
)]

#[cfg(test)]
pub(crate) mod fake;

use std::ffi::CStr;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};

use crate::abi::MmapPage;
use crate::ring::Memory;
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
fn wait_for_writers() -> io::Result<()> {
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

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the ring's positions are read as atomic 64-bit words: a 64-bit machine is needed");

/// Keeps the memory alive.
#[expect(dead_code, reason = "the fields are held, not read")]
enum Owner {
    Kernel(MmapRaw),
    Heap(Arc<[AtomicU64]>),
}

/// One header page and a power of two of data bytes.
pub(crate) struct Mapping {
    base: NonNull<u8>,
    data: NonNull<u8>,
    mask: usize,
    writable: bool,
    owner: Owner,
}

// SAFETY: the memory stays mapped for as long as the value lives and is only read and written through atomics,
// except for bytes lent by `lend`, whose contract speaks of the record protocol and not of threads.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps an event's ring: one page and `data_len` bytes, which must be a power of two of pages.
    pub(crate) fn map(fd: BorrowedFd<'_>, data_len: usize, writable: bool) -> io::Result<Self> {
        let page = page_size();
        if !data_len.is_power_of_two() || data_len < page {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let len = data_len
            .checked_add(page)
            .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
        #[cfg(test)]
        if let Some(reply) = fake::answer(fake::Call::Map { len, writable }) {
            return reply.map(|reply| match reply {
                Reply::Ring(ring) => ring.mapped_again(writable),
                _ => Self::in_memory(data_len),
            });
        }
        let mut options = MmapOptions::new();
        options.len(len);
        let raw = fd.as_raw_fd();
        let map = if writable {
            options.map_raw(raw)?
        } else {
            options.map_raw_read_only(raw)?
        };
        let base = NonNull::new(map.as_mut_ptr())
            .ok_or_else(|| io::Error::from_raw_os_error(libc::EFAULT))?;
        Ok(Self::over(
            base,
            page,
            data_len,
            writable,
            Owner::Kernel(map),
        ))
    }

    /// A ring in memory, for tests and benches. `data_len` is rounded up to a power of two, at least 8.
    pub(crate) fn in_memory(data_len: usize) -> Self {
        let data_len = data_len.max(8).next_power_of_two();
        let page = 4096;
        let words: Arc<[AtomicU64]> = (0..(page + data_len) / 8)
            .map(|_| AtomicU64::new(0))
            .collect();
        // Never empty: there is a page.
        let base = NonNull::from(&*words).cast();
        Self::over(base, page, data_len, true, Owner::Heap(words))
    }

    /// Returns once every record that was begun before the call is written and published. A ring in memory has no writer
    /// of its own.
    pub(crate) fn wait_for_writers(&self) -> io::Result<()> {
        match self.owner {
            Owner::Kernel(_) => wait_for_writers(),
            // Unless a test plays the kernel.
            Owner::Heap(_) if cfg!(test) => wait_for_writers(),
            Owner::Heap(_) => Ok(()),
        }
    }

    /// A second mapping of a ring in memory.
    #[cfg(test)]
    fn mapped_again(&self, writable: bool) -> Self {
        let Owner::Heap(words) = &self.owner else {
            panic!("the kernel maps its own rings")
        };
        let base = NonNull::from(&**words).cast();
        Self::over(
            base,
            4096,
            self.data_len(),
            writable,
            Owner::Heap(Arc::clone(words)),
        )
    }

    fn over(base: NonNull<u8>, page: usize, data_len: usize, writable: bool, owner: Owner) -> Self {
        // SAFETY: both makers allocate `page + data_len` bytes at `base`.
        let data = unsafe { base.add(page) };
        Mapping {
            base,
            data,
            mask: data_len - 1,
            writable,
            owner,
        }
    }

    /// Size of the data, bytes.
    pub(crate) const fn data_len(&self) -> usize {
        self.mask + 1
    }

    /// A word of the header page.
    fn field(&self, offset: usize) -> &AtomicU64 {
        debug_assert!(offset.is_multiple_of(8) && offset + 8 <= size_of::<MmapPage>());
        // SAFETY: the callers pass offsets of `MmapPage` fields, which are within the first page.
        let at = unsafe { self.base.add(offset) }.cast::<u64>();
        // SAFETY: the address is aligned, valid while `self` is borrowed, and written by others only as whole words.
        unsafe { AtomicU64::from_ptr(at.as_ptr()) }
    }

    /// A word of the data; the position is taken modulo the size and rounded down to a word.
    #[inline]
    fn cell(&self, pos: u64) -> &AtomicU64 {
        let offset = pos as usize & self.mask & !7;
        // SAFETY: the offset is below the data's size, which is a multiple of 8.
        let at = unsafe { self.data.add(offset) }.cast::<u64>();
        // SAFETY: aligned, because the data begin on a page and the offset is a multiple of 8; valid while `self` is
        // borrowed. The kernel writes the bytes while they may be read: an atomic load is what that allows.
        unsafe { AtomicU64::from_ptr(at.as_ptr()) }
    }

    /// The reader's position as the header page has it.
    pub(crate) fn tail(&self) -> u64 {
        self.field(std::mem::offset_of!(MmapPage, data_tail))
            .load(Ordering::Relaxed)
    }

    /// The size of the data as the kernel states it; 0 before 4.1.
    pub(crate) fn stated_data_size(&self) -> u64 {
        self.field(std::mem::offset_of!(MmapPage, data_size))
            .load(Ordering::Relaxed)
    }

    /// Lends `len` bytes from `pos` on, in two parts where they wrap.
    ///
    /// The bytes must lie between the published tail and the head of a *writable* mapping: those the kernel leaves
    /// alone until the tail is moved past them, which the borrow of the batch prevents. A longer `len` than the
    /// data's is cut.
    #[inline]
    pub(crate) fn lend(&self, pos: u64, len: usize) -> (&[u8], &[u8]) {
        debug_assert!(
            self.writable,
            "bytes of an overwrite ring are never borrowed"
        );
        let start = pos as usize & self.mask;
        let len = len.min(self.mask + 1);
        let first = len.min(self.mask + 1 - start);
        // SAFETY: `start` is below the data's size.
        let at = unsafe { self.data.add(start) };
        // SAFETY: `start + first` is at most the data's size; nobody writes the bytes (see above).
        let a = unsafe { std::slice::from_raw_parts(at.as_ptr(), first) };
        // SAFETY: `len - first` is at most the data's size; nobody writes the bytes (see above).
        let b = unsafe { std::slice::from_raw_parts(self.data.as_ptr(), len - first) };
        (a, b)
    }

    /// Stores a word of a ring in memory, as the kernel would.
    pub(crate) fn store_word(&self, pos: u64, word: u64) {
        if matches!(self.owner, Owner::Heap(_)) {
            self.cell(pos).store(word, Ordering::Relaxed);
        }
    }

    /// Publishes the head of a ring in memory, as the kernel would.
    pub(crate) fn store_head(&self, head: u64) {
        if matches!(self.owner, Owner::Heap(_)) {
            self.field(std::mem::offset_of!(MmapPage, data_head))
                .store(head, Ordering::Release);
        }
    }
}

impl Memory for Mapping {
    #[inline]
    fn size(&self) -> u64 {
        self.mask as u64 + 1
    }

    #[inline]
    fn head(&self) -> u64 {
        // Acquire: pairs with the smp_wmb() before the store of data_head in perf_output_put_handle()
        // (kernel/events/ring_buffer.c), so that the records up to the head are seen whole.
        self.field(std::mem::offset_of!(MmapPage, data_head))
            .load(Ordering::Acquire)
    }

    #[inline]
    fn publish(&self, tail: u64) {
        if self.writable {
            // Release: every read of the bytes given back happens before; pairs with the control dependency on
            // data_tail in __perf_output_begin() (kernel/events/ring_buffer.c).
            self.field(std::mem::offset_of!(MmapPage, data_tail))
                .store(tail, Ordering::Release);
        }
    }

    #[inline]
    fn word(&self, pos: u64) -> u64 {
        self.cell(pos).load(Ordering::Relaxed)
    }

    #[inline]
    fn fence(&self) {
        // Orders the copies before the next load of the head.
        std::sync::atomic::fence(Ordering::Acquire);
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if matches!(self.owner, Owner::Heap(_)) {
            "memory"
        } else {
            "kernel"
        };
        f.debug_struct("Mapping")
            .field("of", &kind)
            .field("data_len", &self.data_len())
            .field("writable", &self.writable)
            .finish_non_exhaustive()
    }
}

/// The machine's page size, bytes.
pub(crate) fn page_size() -> usize {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .and_then(|n| usize::try_from(n).ok())
        .filter(|n| n.is_power_of_two())
        .unwrap_or(4096)
}
