//! An open event: its controls, its counter, its ring.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::abi::{self, EventAttr, ReadFormat};
use crate::read::{Count, ReadValues};
use crate::ring::{Backward, Overwrite, Reader};
use crate::sample::Layout;
use crate::sys::{self, Mapping};
use crate::{Error, abi::AttrFlags};

/// An open event. It counts until the last descriptor and the last mapping of it are gone.
///
/// Whoever has the descriptor has the controls, too: there is no read-only one.
#[derive(Debug)]
pub struct Event {
    fd: OwnedFd,
    attr: EventAttr,
    /// The mapping of the one read-write reader, while it lives.
    reader: Mutex<Weak<Mapping>>,
}

/// Says why a mapping failed, as far as the error number tells.
fn map_hint(errno: Option<i32>) -> &'static str {
    match errno {
        Some(libc::EINVAL) => {
            "every mapping of a ring has the first one's size and starts at 0; an inherited event of no CPU has no ring"
        }
        Some(libc::EPERM) => {
            "beyond kernel.perf_event_mlock_kb for each CPU and RLIMIT_MEMLOCK: fewer pages, a higher limit, or CAP_IPC_LOCK"
        }
        Some(libc::EBUSY) => "the event's output goes to another event's ring: map that one",
        Some(libc::EACCES) => {
            "the descriptor does not allow this mapping, or a security module does not"
        }
        Some(libc::ENOMEM) => "no memory for the ring, or too many mappings",
        Some(libc::ENODEV) => "the event's task or CPU is gone",
        _ => "an error that mapping a ring does not document",
    }
}

impl Event {
    /// Takes an event that is open already: inherited, received over a socket, or kept by a service manager. The attr
    /// is what it was opened with.
    #[must_use]
    pub const fn from_fd(fd: OwnedFd, attr: EventAttr) -> Self {
        Event {
            fd,
            attr,
            reader: Mutex::new(Weak::new()),
        }
    }

    /// What it was opened with.
    #[must_use]
    pub const fn attr(&self) -> &EventAttr {
        &self.attr
    }

    /// How its records are laid out.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSampleType`].
    pub fn layout(&self) -> Result<Layout, Error> {
        Layout::of(&self.attr)
    }

    fn value(&self, request: &'static str, number: u64, value: i64) -> Result<(), Error> {
        sys::ioctl_value(self.as_fd(), number, value)
            .map_err(|source| Error::Request { request, source })
    }

    /// Starts counting and sampling.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn enable(&self) -> Result<(), Error> {
        self.value("PERF_EVENT_IOC_ENABLE", abi::ENABLE, 0)
    }

    /// Stops counting and sampling.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn disable(&self) -> Result<(), Error> {
        self.value("PERF_EVENT_IOC_DISABLE", abi::DISABLE, 0)
    }

    /// Starts the whole group.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn enable_group(&self) -> Result<(), Error> {
        self.value(
            "PERF_EVENT_IOC_ENABLE",
            abi::ENABLE,
            abi::IOC_FLAG_GROUP.into(),
        )
    }

    /// Stops the whole group.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn disable_group(&self) -> Result<(), Error> {
        self.value(
            "PERF_EVENT_IOC_DISABLE",
            abi::DISABLE,
            abi::IOC_FLAG_GROUP.into(),
        )
    }

    /// Sets the count to 0; the times go on.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn reset(&self) -> Result<(), Error> {
        self.value("PERF_EVENT_IOC_RESET", abi::RESET, 0)
    }

    /// Enables for so many overflows, then disables and hangs up.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn refresh(&self, overflows: u32) -> Result<(), Error> {
        self.value("PERF_EVENT_IOC_REFRESH", abi::REFRESH, overflows.into())
    }

    /// Changes the sample period.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn set_period(&self, period: u64) -> Result<(), Error> {
        sys::ioctl_u64(self.as_fd(), abi::PERIOD, period).map_err(|source| Error::Request {
            request: "PERF_EVENT_IOC_PERIOD",
            source,
        })
    }

    /// Sends the records to another event's ring. Both must be of the same CPU or task, clock and direction, and this
    /// one not be mapped.
    ///
    /// # Errors
    ///
    /// [`Error::Request`], with `EINVAL` when they differ.
    pub fn set_output(&self, ring: &Event) -> Result<(), Error> {
        self.value(
            "PERF_EVENT_IOC_SET_OUTPUT",
            abi::SET_OUTPUT,
            ring.fd.as_raw_fd().into(),
        )
    }

    /// Takes the records back from another event's ring.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn unset_output(&self) -> Result<(), Error> {
        self.value("PERF_EVENT_IOC_SET_OUTPUT", abi::SET_OUTPUT, -1)
    }

    /// Sets a tracepoint's filter. It works once in an event's life.
    ///
    /// # Errors
    ///
    /// [`Error::Filter`] when the kernel does not understand it, [`Error::FilterSet`] when there is one already,
    /// [`Error::Request`] otherwise.
    pub fn set_filter(&self, expression: &str) -> Result<(), Error> {
        let filter = expression.to_owned();
        let Ok(text) = CString::new(expression) else {
            return Err(Error::Filter { filter });
        };
        sys::ioctl_str(self.as_fd(), abi::SET_FILTER, &text).map_err(|source| {
            match source.raw_os_error() {
                Some(libc::EINVAL) => Error::Filter { filter },
                Some(libc::EEXIST) => Error::FilterSet { filter },
                _ => Error::Request {
                    request: "PERF_EVENT_IOC_SET_FILTER",
                    source,
                },
            }
        })
    }

    /// The event's id, unique while the machine is up: what IDENTIFIER, ID and STREAM_ID fields hold.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn id(&self) -> Result<u64, Error> {
        sys::ioctl_id(self.as_fd(), abi::ID).map_err(|source| Error::Request {
            request: "PERF_EVENT_IOC_ID",
            source,
        })
    }

    /// Freezes the ring until the value returned is gone. What occurs meanwhile is not recorded, but counted.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn pause(&self) -> Result<Pause<'_>, Error> {
        self.pause_output(1)?;
        Ok(Pause {
            event: self,
            resumed: false,
        })
    }

    fn pause_output(&self, pause: u32) -> Result<(), Error> {
        sys::ioctl_u32(self.as_fd(), abi::PAUSE_OUTPUT, pause).map_err(|source| Error::Request {
            request: "PERF_EVENT_IOC_PAUSE_OUTPUT",
            source,
        })
    }

    /// The counter of this event, of a group its leader's.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn count(&self) -> Result<Count, Error> {
        if self.attr.read_format.contains(ReadFormat::GROUP) {
            return Ok(self.counts()?.first().copied().unwrap_or_default());
        }
        let failed = |source| Error::Request {
            request: "read",
            source,
        };
        // One event's values are at most five words; nothing is allocated for them.
        let mut bytes = [0; 64];
        let n = sys::read(self.as_fd(), &mut bytes).map_err(failed)?;
        let (values, _) = ReadValues::parse(self.attr.read_format, bytes.get(..n).unwrap_or(&[]))
            .ok_or_else(|| failed(std::io::ErrorKind::UnexpectedEof.into()))?;
        Ok(values.counts().next().unwrap_or_default())
    }

    /// The counters of this event and, with `ReadFormat::GROUP`, of its group.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn counts(&self) -> Result<Vec<Count>, Error> {
        let failed = |source| Error::Request {
            request: "read",
            source,
        };
        let mut room = if self.attr.read_format.contains(ReadFormat::GROUP) {
            1024
        } else {
            64
        };
        loop {
            let mut bytes = vec![0; room];
            match sys::read(self.as_fd(), &mut bytes) {
                Ok(n) => {
                    let read = bytes.get(..n).unwrap_or_default();
                    let ended = || failed(std::io::ErrorKind::UnexpectedEof.into());
                    let (values, _) =
                        ReadValues::parse(self.attr.read_format, read).ok_or_else(ended)?;
                    return Ok(values.counts().collect());
                }
                // The group is larger than that; no group can exceed a record's size.
                Err(e) if e.raw_os_error() == Some(libc::ENOSPC) && room < 1 << 16 => room *= 4,
                Err(e) => return Err(failed(e)),
            }
        }
    }

    fn mapping(&self, pages: usize, writable: bool) -> Result<Arc<Mapping>, Error> {
        let data = pages
            .checked_mul(sys::page_size())
            .filter(|_| pages.is_power_of_two());
        let Some(data) = data else {
            return Err(Error::Pages { pages });
        };
        let map = Mapping::map(self.as_fd(), data, writable).map_err(|source| {
            let hint = map_hint(source.raw_os_error());
            Error::Map {
                pages,
                source,
                hint,
            }
        })?;
        // 0 before 4.1, and whatever a stranger wrote into a writable page: our own size counts either way.
        debug_assert!(
            map.stated_data_size() == 0 || map.stated_data_size() == data as u64 || cfg!(test)
        );
        Ok(Arc::new(map))
    }

    /// Maps the ring read-write, with `pages` data pages (a power of two). There is one such reader for an event.
    ///
    /// The first mapping of an event decides for all others: its size, and that nothing is overwritten.
    ///
    /// # Errors
    ///
    /// [`Error::Pages`]; [`Error::Map`], with `EBUSY` when a reader lives already, in this process.
    pub fn map(&self, pages: usize) -> Result<Reader, Error> {
        // Two readers would give back each other's borrowed records.
        let mut living = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if living.strong_count() > 0 {
            let source = std::io::Error::from_raw_os_error(libc::EBUSY);
            let hint = "the event has its one read-write reader already";
            return Err(Error::Map {
                pages,
                source,
                hint,
            });
        }
        let map = self.mapping(pages, true)?;
        *living = Arc::downgrade(&map);
        Ok(Reader::new(map))
    }

    /// Maps the ring read-only: the oldest records are overwritten, for whoever maps it. See [`Overwrite`].
    ///
    /// # Errors
    ///
    /// [`Error::Pages`]; [`Error::Map`].
    pub fn map_overwrite(&self, pages: usize) -> Result<Overwrite, Error> {
        if self.attr.flags.contains(AttrFlags::WRITE_BACKWARD) {
            return Err(Error::Disagree {
                what: "the event is written backward",
            });
        }
        Ok(Overwrite::new(self.mapping(pages, false)?))
    }

    /// Maps the ring of an event that was opened with [`Builder::backward`](crate::Builder::backward) read-only.
    ///
    /// # Errors
    ///
    /// [`Error::Pages`]; [`Error::Map`]; [`Error::Disagree`] for an event that is not written backward.
    pub fn map_backward(&self, pages: usize) -> Result<Backward, Error> {
        if !self.attr.flags.contains(AttrFlags::WRITE_BACKWARD) {
            return Err(Error::Disagree {
                what: "the event is not written backward",
            });
        }
        Ok(Backward::new(self.mapping(pages, false)?))
    }

    /// A second descriptor of the same event.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn try_clone_fd(&self) -> Result<OwnedFd, Error> {
        self.fd
            .try_clone()
            .map_err(Error::io("duplicating an event's descriptor"))
    }
}

impl AsFd for Event {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A ring that is paused; it goes on when this goes out of scope.
#[derive(Debug)]
pub struct Pause<'a> {
    event: &'a Event,
    resumed: bool,
}

impl Pause<'_> {
    /// Goes on, and says whether that worked.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn resume(mut self) -> Result<(), Error> {
        self.resumed = true;
        self.event.pause_output(0)
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        if !self.resumed {
            // Nobody is left to tell; a closed event has no ring to resume.
            let _ = self.event.pause_output(0);
        }
    }
}
