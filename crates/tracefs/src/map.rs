//! The memory-mapped ring of Linux 6.10 and later: `mmap` of `trace_pipe_raw`.
//!
//! The mapping begins with a meta page (`struct trace_buffer_meta`, `include/uapi/linux/trace_mmap.h`);
//! behind it lie all sub-buffers. `TRACE_MMAP_IOCTL_GET_READER` takes the oldest one out of the ring
//! and says which it is. The kernel may go on writing into it behind what it called read, and another
//! process that reads the same ring gives it back to the kernel while we look: so no reference is ever
//! made into the mapping. Words are read one by one, volatile, and the sub-buffer is copied.
//!
//! `read()` of whole sub-buffers is faster (the ioctl walks the sub-buffer with interrupts off); this
//! is for who wants the ring to keep its memory, and `overrun` without opening a file.
//! While a ring is mapped it can be neither resized nor removed.
//!
//! This is the one module with unsafe code.
#![expect(unsafe_code, reason = "the kernel writes into the mapped memory")]

use core::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::vec::Vec;

use memmap2::{MmapOptions, MmapRaw};

use crate::page::{Layout, SubBuffer};
use crate::{Error, Result};

mod ioctl {
    // `_IO('R', 0x20)`, include/uapi/linux/trace_mmap.h.
    nix::ioctl_none!(get_reader, b'R', 0x20);
}

/// Byte of each member of `struct trace_buffer_meta`.
mod meta {
    pub(super) const META_PAGE_SIZE: usize = 0;
    pub(super) const SUBBUF_SIZE: usize = 8;
    pub(super) const NR_SUBBUFS: usize = 12;
    pub(super) const READER_ID: usize = 24;
    pub(super) const READER_READ: usize = 28;
    pub(super) const ENTRIES: usize = 40;
    pub(super) const OVERRUN: usize = 48;
    pub(super) const READ: usize = 56;
    /// Bytes up to and with the last member that is read here.
    pub(super) const LEN: usize = 64;
}

/// More sub-buffers than this (512 GiB of the largest) are no kernel's.
const MAX_SUBBUFS: u32 = 1 << 20;

/// What a mapped ring is to the code that reads it; the seam at which a test stands in for the kernel.
trait Memory {
    /// Takes the next sub-buffer, or more of the same, out of the ring.
    fn get_reader(&self) -> io::Result<()>;
    /// Bytes mapped.
    fn len(&self) -> usize;
    /// Four bytes at a multiple of 4; `None` beyond the end.
    fn load(&self, at: usize) -> Option<u32>;
    /// Copies the bytes from a multiple of 8 on; `None` beyond the end.
    fn copy(&self, at: usize, into: &mut [u8]) -> Option<()>;
}

/// The kernel's ring.
struct Kernel {
    file: File,
    map: MmapRaw,
}

impl Memory for Kernel {
    fn get_reader(&self) -> io::Result<()> {
        // SAFETY: the request takes no argument, so the kernel writes nothing through one; the
        // descriptor is open as long as `file` lives.
        unsafe { ioctl::get_reader(self.file.as_raw_fd()) }?;
        Ok(())
    }

    fn len(&self) -> usize {
        self.map.len()
    }

    fn load(&self, at: usize) -> Option<u32> {
        if !at.is_multiple_of(4) || at.checked_add(4)? > self.map.len() {
            return None;
        }
        let place = self.map.as_ptr().wrapping_add(at).cast::<u32>();
        // SAFETY: the place is inside the mapping and aligned, as was checked; the mapping lives as long
        // as `map`, and its pages stay while it does (the kernel refuses to resize or remove the ring).
        // Volatile: the kernel may write here, and any bits are a valid u32.
        Some(unsafe { place.read_volatile() })
    }

    fn copy(&self, at: usize, into: &mut [u8]) -> Option<()> {
        // Whole words only: the last may reach over the end of what is wanted, not of the mapping.
        let end = at.checked_add(into.len().next_multiple_of(8))?;
        if !at.is_multiple_of(8) || end > self.map.len() {
            return None;
        }
        let first = self.map.as_ptr().wrapping_add(at).cast::<u64>();
        for (index, chunk) in into.chunks_mut(8).enumerate() {
            // SAFETY: the word lies between `at` and `end`, which were checked against the mapping's
            // length and are aligned, as the mapping is; it lives as long as `map`, and its pages stay
            // while it does. Volatile, and any bits are a valid u64, as above.
            let word = unsafe { first.wrapping_add(index).read_volatile() }.to_ne_bytes();
            match <&mut [u8; 8]>::try_from(&mut *chunk) {
                Ok(chunk) => *chunk = word,
                Err(_) => chunk.iter_mut().zip(word).for_each(|(to, from)| *to = from),
            }
        }
        Some(())
    }
}

/// The memory-mapped ring of one CPU.
pub struct MappedRing {
    reader: Reader<Kernel>,
}

impl fmt::Debug for MappedRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappedRing")
            .field("path", &self.reader.path)
            .field("sub-buffers", &self.reader.subbufs)
            .finish_non_exhaustive()
    }
}

impl AsFd for MappedRing {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.memory.file.as_fd()
    }
}

impl MappedRing {
    /// Maps the ring behind an open `trace_pipe_raw`. `path` is for errors; `layout` is the instance's.
    ///
    /// The file should be open for non-blocking reads: otherwise [`MappedRing::next_page`] waits.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] before Linux 6.10; [`Error::Ring`] if the meta page contradicts itself or
    /// the layout; [`Error::Forbidden`], [`Error::Io`].
    pub fn new(file: File, path: &Path, layout: Layout) -> Result<Self> {
        // The meta page first: it says how much there is.
        let head = map(&file, path, layout.size())?;
        let head = Kernel { file, map: head };
        let len = Shape::read(&head, &layout)?.len()?;
        let Kernel { file, .. } = head;
        let map = map(&file, path, len)?;
        let reader = Reader::new(Kernel { file, map }, path, layout)?;
        Ok(Self { reader })
    }

    /// Takes what is new: the next sub-buffer, or what was added to the one taken last. `None` if
    /// there is nothing now.
    ///
    /// # Errors
    ///
    /// [`Error::Ring`] if the meta page contradicts itself, or somebody else read this ring meanwhile;
    /// [`Error::Page`]; [`Error::Io`].
    pub fn next_page(&mut self) -> Result<Option<SubBuffer<'_>>> {
        self.reader.next_page()
    }

    /// What was taken last, again: the part of the reader's sub-buffer that the kernel calls read, by whomever. `None` if
    /// that is nothing.
    ///
    /// It stays in the mapping, and in the ring after its reader has gone, until a sub-buffer is taken after it. So a
    /// reader that must not lose what it took before it died finds it here.
    ///
    /// # Errors
    ///
    /// As [`MappedRing::next_page`].
    pub fn taken(&mut self) -> Result<Option<SubBuffer<'_>>> {
        self.reader.taken()
    }

    /// Records in the ring, overwritten before they were read, and read: what the kernel counted when
    /// the last sub-buffer was taken.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.reader.counts()
    }
}

/// The counters of the meta page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records in the ring.
    pub entries: u64,
    /// Records overwritten before they were read.
    pub overrun: u64,
    /// Records read.
    pub read: u64,
}

fn map(file: &File, path: &Path, len: usize) -> Result<MmapRaw> {
    MmapOptions::new()
        .len(len)
        .map_raw_read_only(file)
        .map_err(|source| {
            let path = path.to_path_buf();
            match source.raw_os_error() {
                // No `mmap` in the file's operations.
                Some(libc_errno::ENODEV) => Error::Unsupported { path },
                Some(libc_errno::EBUSY) => Error::Busy { path, source },
                Some(libc_errno::EACCES | libc_errno::EPERM) => Error::Forbidden { path, source },
                _ => Error::Io {
                    what: "map the ring",
                    path,
                    source,
                },
            }
        })
}

/// The few error numbers that mean something here.
mod libc_errno {
    use nix::errno::Errno;
    pub(super) const ENODEV: i32 = Errno::ENODEV as i32;
    pub(super) const EBUSY: i32 = Errno::EBUSY as i32;
    pub(super) const EACCES: i32 = Errno::EACCES as i32;
    pub(super) const EPERM: i32 = Errno::EPERM as i32;
}

/// The sizes in the meta page, once they are known to make sense.
#[derive(Clone, Copy)]
struct Shape {
    meta: usize,
    subbuf: usize,
    count: u32,
}

impl Shape {
    fn read(memory: &impl Memory, layout: &Layout) -> Result<Self> {
        let word = |at, what| memory.load(at).ok_or(Error::Ring { what, value: 0 });
        let meta = word(meta::META_PAGE_SIZE, "meta_page_size")?;
        let subbuf = word(meta::SUBBUF_SIZE, "subbuf_size")?;
        let count = word(meta::NR_SUBBUFS, "nr_subbufs")?;
        let wrong = |what, value: u32| Error::Ring {
            what,
            value: value.into(),
        };
        if (meta as usize) < meta::LEN || !meta.is_multiple_of(8) {
            return Err(wrong("meta_page_size", meta));
        }
        if subbuf as usize != layout.size() || !subbuf.is_multiple_of(8) {
            return Err(wrong("subbuf_size", subbuf));
        }
        if count == 0 || count > MAX_SUBBUFS {
            return Err(wrong("nr_subbufs", count));
        }
        Ok(Self {
            meta: meta as usize,
            subbuf: subbuf as usize,
            count,
        })
    }

    fn len(self) -> Result<usize> {
        (self.count as usize)
            .checked_mul(self.subbuf)
            .and_then(|len| len.checked_add(self.meta))
            .ok_or(Error::Ring {
                what: "nr_subbufs",
                value: self.count.into(),
            })
    }
}

/// Reading a mapped ring, whoever maps it.
struct Reader<M> {
    memory: M,
    path: PathBuf,
    layout: Layout,
    meta: usize,
    subbufs: u32,
    /// The sub-buffer taken last, and how much of its data was delivered.
    id: u32,
    done: usize,
    page: Vec<u8>,
}

impl<M: Memory> Reader<M> {
    fn new(memory: M, path: &Path, layout: Layout) -> Result<Self> {
        let shape = Shape::read(&memory, &layout)?;
        if memory.len() < shape.len()? {
            return Err(Error::Ring {
                what: "nr_subbufs",
                value: shape.count.into(),
            });
        }
        let mut reader = Self {
            memory,
            path: path.to_path_buf(),
            layout,
            meta: shape.meta,
            subbufs: shape.count,
            id: 0,
            done: 0,
            page: Vec::new(),
        };
        // What was read by others before, by read() for example, is not delivered again.
        (reader.id, reader.done) = reader.position()?;
        Ok(reader)
    }

    fn word(&self, at: usize, what: &'static str) -> Result<u32> {
        self.memory.load(at).ok_or(Error::Ring { what, value: 0 })
    }

    /// Which sub-buffer is the reader's, and how much of its data the kernel calls read.
    fn position(&self) -> Result<(u32, usize)> {
        let id = self.word(meta::READER_ID, "reader.id")?;
        let read = self.word(meta::READER_READ, "reader.read")?;
        if id >= self.subbufs {
            return Err(Error::Ring {
                what: "reader.id",
                value: id.into(),
            });
        }
        if read as usize > self.layout.data_size() {
            return Err(Error::Ring {
                what: "reader.read",
                value: read.into(),
            });
        }
        Ok((id, read as usize))
    }

    fn next_page(&mut self) -> Result<Option<SubBuffer<'_>>> {
        match self.memory.get_reader() {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(None),
            Err(source) => {
                return Err(Error::Io {
                    what: "take a sub-buffer of the mapped ring",
                    path: self.path.clone(),
                    source,
                });
            }
        }
        let (id, read) = self.position()?;
        let from = if id == self.id { self.done } else { 0 };
        if read < from {
            // The kernel never goes back: it is the same number of another turn.
            return Err(Error::Ring {
                what: "reader.read",
                value: read as u64,
            });
        }
        if read == from {
            return Ok(None);
        }
        self.copy(id, read)?;
        // The bytes are what was asked for only if the sub-buffer was ours until here.
        if self.position()?.0 != id {
            return Err(Error::Ring {
                what: "reader.id, which somebody else moved on,",
                value: id.into(),
            });
        }
        (self.id, self.done) = (id, read);
        let sub = SubBuffer::parse_up_to(&self.page, &self.layout, read)?;
        let lost = sub.lost().filter(|_| from == 0);
        Ok(Some(sub.after(from).with_lost(lost)))
    }

    fn taken(&mut self) -> Result<Option<SubBuffer<'_>>> {
        let (id, read) = self.position()?;
        if read == 0 {
            return Ok(None);
        }
        self.copy(id, read)?;
        SubBuffer::parse_up_to(&self.page, &self.layout, read).map(Some)
    }

    /// Copies a sub-buffer's header and what the kernel called read, and a loss's count behind that: it may
    /// still be writing what follows.
    fn copy(&mut self, id: u32, read: usize) -> Result<()> {
        let begin = self.meta + id as usize * self.layout.size();
        let len = (self.layout.data_offset() + read + size_of::<u64>()).min(self.layout.size());
        // Grows to a sub-buffer's size once; what was there is written over.
        self.page.resize(len, 0);
        self.memory.copy(begin, &mut self.page).ok_or(Error::Ring {
            what: "nr_subbufs",
            value: self.subbufs.into(),
        })
    }

    fn counts(&self) -> Counts {
        // Two halves: the kernel writes these only within our own ioctl.
        let long = |at: usize| -> Option<u64> {
            let halves = [self.memory.load(at)?, self.memory.load(at + 4)?];
            let [a, b] = halves.map(u32::to_ne_bytes);
            let mut bytes = [0; 8];
            for (to, from) in bytes.iter_mut().zip(a.iter().chain(&b)) {
                *to = *from;
            }
            Some(u64::from_ne_bytes(bytes))
        };
        Counts {
            entries: long(meta::ENTRIES).unwrap_or(0),
            overrun: long(meta::OVERRUN).unwrap_or(0),
            read: long(meta::READ).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests;
