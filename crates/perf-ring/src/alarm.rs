//! A timer among the descriptors that are waited for.

use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::Error;

/// Wakes whoever waits, for records that are held back: the kernel will not wake anyone for those again.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: TimerFd,
    on: bool,
}

impl Alarm {
    /// One that is off, watched by `epoll` under a token.
    pub(crate) fn new(epoll: &Epoll, token: u64) -> Result<Self, Error> {
        let timer = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK,
        )
        .map_err(Error::nix("timerfd_create"))?;
        epoll
            .add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, token))
            .map_err(Error::nix("epoll_ctl"))?;
        Ok(Alarm { timer, on: false })
    }

    /// Wakes once after this time.
    pub(crate) fn set(&mut self, after: Duration) -> Result<(), Error> {
        // A time of 0 would turn it off.
        let after = TimeSpec::from_duration(after.max(Duration::from_micros(50)));
        self.on = true;
        self.timer
            .set(Expiration::OneShot(after), TimerSetTimeFlags::empty())
            .map_err(Error::nix("timerfd_settime"))
    }

    /// Whether it was set and not cleared since.
    pub(crate) const fn is_on(&self) -> bool {
        self.on
    }

    /// Off, and no longer ready.
    pub(crate) fn clear(&mut self) -> Result<(), Error> {
        if !std::mem::take(&mut self.on) {
            return Ok(());
        }
        self.timer.unset().map_err(Error::nix("timerfd_settime"))
    }
}
