//! The ring of one CPU, sub-buffer by sub-buffer: by read, by splice, or mapped.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::vec::Vec;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, splice};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;

use super::ledger::Ledger;
use super::{Instance, file};
use crate::map::MappedRing;
use crate::page::{Layout, Loss, SubBuffer};
use crate::{Error, Result};

/// How sub-buffers get from the kernel to us. All three give the same records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// `read()`, one sub-buffer a call: the fastest where the records are wanted in memory.
    #[default]
    Read,
    /// `splice()` into a pipe, which moves whole sub-buffers without a copy, and `read()` for the
    /// one that is still being written. For who passes them on to a file or socket.
    Splice,
    /// The memory-mapped ring (Linux 6.10 and later).
    Map,
}

/// The ring of one CPU.
///
/// What was lost is exact: where a sub-buffer only says that something was, the kernel's counters tell
/// how much (see [`Loss`]).
#[derive(Debug)]
pub struct CpuPages {
    cpu: u32,
    way: Way,
    ledger: Ledger,
}

#[derive(Debug)]
enum Way {
    Read(Reading),
    Splice(Splicing),
    Map(MappedRing),
}

/// Opens a CPU's `trace_pipe_raw`.
fn open_raw(path: &Path, cpu: u32) -> Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)
        .map_err(|e| file::error("open", path, e))?;
    // The file is there for every CPU that is possible. `ring_buffer_poll_wait()` says of one that has no
    // ring yet that polling it is an error; reading says ENODEV, mapping EINVAL.
    let mut fds = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    let polled = poll(&mut fds, PollTimeout::ZERO);
    let [fd] = fds;
    let absent = fd
        .revents()
        .is_some_and(|events| events.contains(PollFlags::POLLERR));
    match polled {
        Ok(_) if absent => Err(Error::NoRing { cpu }),
        // A signal is no reason to think of it as absent.
        _ => Ok(file),
    }
}

impl CpuPages {
    pub(super) fn open(instance: &Instance, cpu: u32, method: Method) -> Result<Self> {
        let stats = instance.cpu_file(cpu, "stats");
        Self::with_ledger(instance, cpu, method, || Ledger::open(stats))
    }

    /// Opens the ring of a CPU that was not there before: what was lost since is lost to this reader.
    pub(super) fn open_new(instance: &Instance, cpu: u32, method: Method) -> Result<Self> {
        let stats = instance.cpu_file(cpu, "stats");
        Self::with_ledger(instance, cpu, method, || Ok(Ledger::whole(stats)))
    }

    /// Whether a CPU has a ring.
    pub(super) fn is_there(instance: &Instance, cpu: u32) -> bool {
        open_raw(&instance.cpu_file(cpu, "trace_pipe_raw"), cpu).is_ok()
    }

    fn with_ledger(
        instance: &Instance,
        cpu: u32,
        method: Method,
        ledger: impl FnOnce() -> Result<Ledger>,
    ) -> Result<Self> {
        let layout = instance.layout()?;
        let path = instance.cpu_file(cpu, "trace_pipe_raw");
        let file = open_raw(&path, cpu)?;
        let ledger = ledger()?;
        let way = match method {
            Method::Read => Way::Read(Reading::new(file, path, layout)),
            Method::Splice => Way::Splice(Splicing::new(file, path, layout)?),
            Method::Map => Way::Map(MappedRing::new(file, &path, layout)?),
        };
        Ok(Self { cpu, way, ledger })
    }

    /// The CPU whose ring this is.
    #[must_use]
    pub const fn cpu(&self) -> u32 {
        self.cpu
    }

    /// Takes the next sub-buffer out of the ring. `None`: nothing now, go and poll.
    ///
    /// # Errors
    ///
    /// [`Error::Page`], [`Error::Ring`] for what cannot be; [`Error::Io`]. Reading may go on after them.
    pub fn next_page(&mut self) -> Result<Option<SubBuffer<'_>>> {
        let page = match &mut self.way {
            Way::Read(way) => way.next_page()?,
            Way::Splice(way) => way.next_page()?,
            Way::Map(way) => way.next_page()?,
        };
        let Some(page) = page else {
            return Ok(None);
        };
        let lost = self.ledger.page(page.lost())?;
        Ok(Some(page.with_lost(lost)))
    }

    /// Records that a full ring refused since this was asked last; only a ring that keeps the oldest
    /// (option `overwrite` off) does, and its pages do not tell.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::Io`].
    pub fn dropped(&mut self) -> Result<Option<Loss>> {
        self.ledger.dropped()
    }

    /// Records that were overwritten and that no sub-buffer has told of; to be asked at the end, when
    /// recording has stopped and the ring is empty.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::Io`].
    pub fn untold(&mut self) -> Result<Option<Loss>> {
        self.ledger.rest()
    }
}

impl AsFd for CpuPages {
    /// The file to poll for input.
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.way {
            Way::Read(way) => way.file.as_fd(),
            Way::Splice(way) => way.reading.file.as_fd(),
            Way::Map(way) => way.as_fd(),
        }
    }
}

/// By `read()`.
#[derive(Debug)]
struct Reading {
    file: File,
    path: PathBuf,
    layout: Layout,
    page: Vec<u8>,
}

impl Reading {
    fn new(file: File, path: PathBuf, layout: Layout) -> Self {
        Self {
            file,
            path,
            layout,
            page: vec_of(layout.size()),
        }
    }

    fn next_page(&mut self) -> Result<Option<SubBuffer<'_>>> {
        // A shorter read would get a sub-buffer in pieces, so it is always asked for whole.
        let len = read_some(&mut self.file, &mut self.page, &self.path)?;
        parse(&self.page, len, &self.layout)
    }
}

/// By `splice()` into a pipe of our own, and read from there.
#[derive(Debug)]
struct Splicing {
    reading: Reading,
    pipe_in: OwnedFd,
    pipe_out: File,
    /// Sub-buffers that are in the pipe.
    piped: usize,
}

/// Sub-buffers asked for in one splice.
const SPLICED: usize = 16;

impl Splicing {
    fn new(file: File, path: PathBuf, layout: Layout) -> Result<Self> {
        let (pipe_out, pipe_in) =
            pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).map_err(|e| Error::Io {
                what: "make a pipe for",
                path: path.clone(),
                source: e.into(),
            })?;
        // A splice is cut to the pipe's size, and into one that is smaller than a sub-buffer there is none
        // at all. Without privilege a pipe ends at /proc/sys/fs/pipe-max-size.
        let enlarge = |size: usize| {
            let size = i32::try_from(size).map_err(|_| Errno::EINVAL)?;
            fcntl(&pipe_in, FcntlArg::F_SETPIPE_SZ(size))
        };
        enlarge(SPLICED * layout.size())
            .or_else(|_| enlarge(layout.size()))
            .map_err(|e| Error::Io {
                what: "make a pipe large enough for",
                path: path.clone(),
                source: e.into(),
            })?;
        Ok(Self {
            reading: Reading::new(file, path, layout),
            pipe_in,
            pipe_out: pipe_out.into(),
            piped: 0,
        })
    }

    fn next_page(&mut self) -> Result<Option<SubBuffer<'_>>> {
        let size = self.reading.layout.size();
        if self.piped == 0 {
            self.piped = self.splice(SPLICED * size)?.div_ceil(size);
        }
        if self.piped == 0 {
            // Only whole sub-buffers can be moved; what is in the unfinished one is read.
            return self.reading.next_page();
        }
        self.piped -= 1;
        let Reading {
            page, path, layout, ..
        } = &mut self.reading;
        let mut len = 0;
        while let Some(rest) = page.get_mut(len..).filter(|rest| !rest.is_empty()) {
            match read_some(&mut self.pipe_out, rest, path)? {
                0 => break,
                n => len += n,
            }
        }
        parse(page, len, layout)
    }

    /// Moves whole sub-buffers into the pipe; how many bytes of them.
    fn splice(&self, len: usize) -> Result<usize> {
        match splice(
            &self.reading.file,
            None,
            &self.pipe_in,
            None,
            len,
            SpliceFFlags::SPLICE_F_NONBLOCK | SpliceFFlags::SPLICE_F_MOVE,
        ) {
            Ok(n) => Ok(n),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(0),
            Err(e) => Err(file::error("splice from", &self.reading.path, e.into())),
        }
    }
}

/// Reads what is there; 0 if nothing is.
fn read_some(file: &mut File, into: &mut [u8], path: &Path) -> Result<usize> {
    match file.read(into) {
        Ok(n) => Ok(n),
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
        Err(e) => Err(file::error("read", path, e)),
    }
}

fn parse<'a>(page: &'a [u8], len: usize, layout: &Layout) -> Result<Option<SubBuffer<'a>>> {
    match page.get(..len) {
        Some(page) if !page.is_empty() => SubBuffer::parse(page, layout).map(Some),
        _ => Ok(None),
    }
}

fn vec_of(len: usize) -> Vec<u8> {
    std::vec![0; len]
}
