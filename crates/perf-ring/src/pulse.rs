//! Whether a CPU's events are still alive.
//!
//! A CPU that goes offline takes its events with it for good: they neither count nor hang up when it is back, and
//! enabling them again does nothing (seen on 6.1 and 6.12). If it was back before anyone looked, the list of online CPUs
//! tells nothing either. An event that nobody else can disable tells: while it lives its enabled time grows.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use crate::abi::ReadFormat;
use crate::{Builder, Error, Event, Software, Target};

/// An event on a CPU that only serves to be alive.
#[derive(Debug)]
pub(crate) struct Pulse {
    event: Event,
    enabled: u64,
}

fn builder() -> Builder {
    Builder::software(Software::DUMMY).read_format(ReadFormat::TOTAL_TIME_ENABLED)
}

impl Pulse {
    pub(crate) fn open(cpu: u32) -> Result<Self, Error> {
        Ok(Pulse {
            event: builder().open(Target::Cpu(cpu))?,
            enabled: 0,
        })
    }

    /// One that was opened by an earlier process.
    pub(crate) fn from_fd(fd: OwnedFd) -> Self {
        Pulse {
            event: Event::from_fd(fd, *builder().attr()),
            enabled: 0,
        }
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// Whether time has passed for the CPU's events since the last call.
    pub(crate) fn beats(&mut self) -> Result<bool, Error> {
        let enabled = self.event.count()?.time_enabled.unwrap_or(0);
        let grown = enabled > self.enabled;
        self.enabled = enabled;
        Ok(grown)
    }
}
