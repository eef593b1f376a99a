//! What the main loop sleeps on: one epoll with the sources, the consumers, the signals and a timer.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};

use crate::error::Error;

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The source of this index may have something.
    Source(usize),
    /// The consumer of this index may have something.
    Consumer(usize),
    /// A signal came.
    Signals,
    /// The time is over.
    Timer,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Stop,
    Reopen,
}

#[derive(Debug)]
pub(crate) struct Wait {
    epoll: Epoll,
    signals: SignalFd,
    timer: TimerFd,
}

const SIGNALS: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;
/// From here on consumers count; below, sources.
const CONSUMERS: u64 = 1 << 32;

impl Wait {
    /// Call it before any thread starts: the signals are blocked, and threads inherit that.
    pub(crate) fn new() -> Result<Self, Error> {
        let mut set = SigSet::empty();
        for signal in [
            Signal::SIGTERM,
            Signal::SIGINT,
            Signal::SIGHUP,
            Signal::SIGUSR1,
        ] {
            set.add(signal);
        }
        // A file that may not grow is an error of the write, not the end of the process.
        let mut blocked = set;
        blocked.add(Signal::SIGXFSZ);
        blocked
            .thread_block()
            .map_err(Error::system("sigprocmask"))?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let signals = SignalFd::with_flags(&set, flags).map_err(Error::system("signalfd"))?;
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)
            .map_err(Error::system("timerfd_create"))?;
        let epoll =
            Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(Error::system("epoll_create1"))?;
        let wait = Self {
            epoll,
            signals,
            timer,
        };
        wait.add(wait.signals.as_fd(), SIGNALS)?;
        wait.add(wait.timer.as_fd(), TIMER)?;
        Ok(wait)
    }

    pub(crate) fn add_source(&self, fd: BorrowedFd<'_>, index: usize) -> Result<(), Error> {
        self.add(fd, index as u64)
    }

    pub(crate) fn add_consumer(&self, fd: BorrowedFd<'_>, index: usize) -> Result<(), Error> {
        self.add(fd, CONSUMERS + index as u64)
    }

    fn add(&self, fd: BorrowedFd<'_>, data: u64) -> Result<(), Error> {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, data);
        match self.epoll.add(fd, event) {
            // An ordinary file is always readable; whoever hands one out tells with `ended` when there is nothing more.
            Ok(()) | Err(nix::Error::EPERM) => Ok(()),
            Err(errno) => Err(Error::system("epoll_ctl")(errno)),
        }
    }

    /// Listens to a source, or no longer.
    pub(crate) fn listen(
        &self,
        fd: BorrowedFd<'_>,
        index: usize,
        listen: bool,
    ) -> Result<(), Error> {
        let flags = match listen {
            true => EpollFlags::EPOLLIN,
            false => EpollFlags::empty(),
        };
        let mut event = EpollEvent::new(flags, index as u64);
        match self.epoll.modify(fd, &mut event) {
            Ok(()) | Err(nix::Error::ENOENT | nix::Error::EPERM) => Ok(()),
            Err(errno) => Err(Error::system("epoll_ctl")(errno)),
        }
    }

    /// No longer waits for a source.
    pub(crate) fn remove(&self, fd: BorrowedFd<'_>) {
        // A file that could not be added is not there.
        let _ = self.epoll.delete(fd);
    }

    /// Sleeps until there is something to do, at most for `limit`; not at all where it is zero.
    pub(crate) fn wait(&self, limit: Duration, woken: &mut Vec<Woken>) -> Result<(), Error> {
        woken.clear();
        let timeout = if limit.is_zero() {
            EpollTimeout::ZERO
        } else {
            let expiration = Expiration::OneShot(limit.into());
            self.timer
                .set(expiration, TimerSetTimeFlags::empty())
                .map_err(Error::system("timerfd_settime"))?;
            EpollTimeout::NONE
        };
        let mut events = [EpollEvent::empty(); 64];
        let count = match self.epoll.wait(&mut events, timeout) {
            Ok(count) => count,
            Err(nix::Error::EINTR) => 0,
            Err(errno) => return Err(Error::system("epoll_wait")(errno)),
        };
        for event in events.iter().take(count) {
            woken.push(match event.data() {
                SIGNALS => Woken::Signals,
                TIMER => {
                    // Not blocking, and it has just expired.
                    let _ = self.timer.wait();
                    Woken::Timer
                }
                // Indexes that were given as such.
                data if data >= CONSUMERS => Woken::Consumer((data - CONSUMERS) as usize),
                data => Woken::Source(data as usize),
            });
        }
        Ok(())
    }

    /// What the signals that came ask for.
    pub(crate) fn asked(&mut self) -> Option<Asked> {
        let info = self.signals.read_signal().ok()??;
        let signal = i32::try_from(info.ssi_signo).ok()?;
        Some(match Signal::try_from(signal).ok()? {
            Signal::SIGTERM | Signal::SIGINT => Asked::Stop,
            _ => Asked::Reopen,
        })
    }
}
