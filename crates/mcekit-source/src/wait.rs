//! Descriptors to sleep on.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::{Error, Result};

/// Several descriptors as one, whose `POLLIN` says that one of them is ready.
#[derive(Debug)]
pub(crate) struct Group {
    epoll: Epoll,
}

impl Group {
    pub(crate) fn new() -> Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)
            .map_err(|errno| Error::system("epoll_create1", errno))?;
        Ok(Self { epoll })
    }

    /// Adds a descriptor. False: its kind cannot be waited for.
    pub(crate) fn add(&self, fd: impl AsFd, flags: EpollFlags, token: u64) -> Result<bool> {
        match self.epoll.add(fd, EpollEvent::new(flags, token)) {
            Ok(()) => Ok(true),
            Err(Errno::EPERM) => Ok(false),
            Err(errno) => Err(Error::system("epoll_ctl", errno)),
        }
    }

    /// Takes a descriptor out again.
    pub(crate) fn remove(&self, fd: impl AsFd) -> Result<()> {
        self.epoll
            .delete(fd)
            .map_err(|errno| Error::system("epoll_ctl", errno))
    }

    /// The tokens of those that are ready now, and their flags; at most 32 at a time.
    pub(crate) fn ready(&self) -> Result<Vec<(u64, EpollFlags)>> {
        let mut events = [EpollEvent::empty(); 32];
        match self.epoll.wait(&mut events, EpollTimeout::ZERO) {
            Ok(n) => Ok(events
                .iter()
                .take(n)
                .map(|event| (event.data(), event.events()))
                .collect()),
            Err(Errno::EINTR) => Ok(Vec::new()),
            Err(errno) => Err(Error::system("epoll_wait", errno)),
        }
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

/// A descriptor that becomes readable after a time.
#[derive(Debug)]
pub(crate) struct Timer {
    fd: TimerFd,
}

impl Timer {
    pub(crate) fn new() -> Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let fd = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)
            .map_err(|errno| Error::system("timerfd_create", errno))?;
        Ok(Self { fd })
    }

    /// Not readable until then, and from then on readable.
    pub(crate) fn after(&self, time: Duration) -> Result<()> {
        self.set(Expiration::OneShot(spec(time)))
    }

    /// Readable again and again.
    pub(crate) fn every(&self, time: Duration) -> Result<()> {
        self.set(Expiration::Interval(spec(time)))
    }

    fn set(&self, expiration: Expiration) -> Result<()> {
        self.fd
            .set(expiration, TimerSetTimeFlags::empty())
            .map_err(|errno| Error::system("timerfd_settime", errno))
    }

    /// Not readable.
    pub(crate) fn stop(&self) -> Result<()> {
        self.fd
            .unset()
            .map_err(|errno| Error::system("timerfd_settime", errno))
    }

    /// Whether a time was over since the last look.
    pub(crate) fn rang(&self) -> Result<bool> {
        match self.fd.wait() {
            Ok(()) => Ok(true),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(false),
            Err(errno) => Err(Error::system("read of a timer", errno)),
        }
    }
}

/// No time at all would stop the timer; more than the kernel takes is for ever anyway.
fn spec(time: Duration) -> TimeSpec {
    TimeSpec::from_duration(time.clamp(
        Duration::from_nanos(1),
        Duration::from_secs(i32::MAX as u64),
    ))
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Waits until a log was silent for a while.
#[derive(Debug)]
pub(crate) struct Silence {
    timer: Timer,
    /// How long.
    pub(crate) settle: Duration,
    /// When it was, if nothing comes.
    at: Option<Instant>,
}

impl Silence {
    /// For how long a log must be silent for an error to be complete that another line could still belong to.
    const SETTLE: Duration = Duration::from_millis(500);

    /// One that wakes a group.
    pub(crate) fn new(group: &Group, token: u64) -> Result<Self> {
        let timer = Timer::new()?;
        group.add(&timer, EpollFlags::EPOLLIN, token)?;
        Ok(Self {
            timer,
            settle: Self::SETTLE,
            at: None,
        })
    }

    /// Something was said.
    pub(crate) const fn broken(&mut self) {
        self.at = None;
    }

    /// Nothing is said now. True: for long enough. `open`: something waits for that.
    pub(crate) fn goes_on(&mut self, open: bool) -> Result<bool> {
        let now = Instant::now();
        match self.at {
            None if open => {
                self.at = now.checked_add(self.settle);
                self.timer.after(self.settle)?;
            }
            Some(at) if at <= now => {
                self.timer.stop()?;
                self.at = None;
                return Ok(true);
            }
            Some(at) => self.timer.after(at - now)?,
            None => self.timer.stop()?,
        }
        Ok(false)
    }
}

/// A descriptor that is readable until it is told not to be.
#[derive(Debug)]
pub(crate) struct Always {
    fd: EventFd,
}

impl Always {
    pub(crate) fn new() -> Result<Self> {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let fd = EventFd::from_value_and_flags(1, flags)
            .map_err(|errno| Error::system("eventfd", errno))?;
        Ok(Self { fd })
    }

    pub(crate) fn stop(&self) {
        // It fails where it was read before, and is as it should be.
        let _ = self.fd.read();
    }
}

impl AsFd for Always {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;

    /// Whether a descriptor is readable within this many milliseconds.
    pub(crate) fn readable(fd: impl AsFd, milliseconds: u16) -> bool {
        let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(milliseconds)).unwrap() == 1
            && fds[0].revents().unwrap().contains(PollFlags::POLLIN)
    }

    #[test]
    fn a_group_tells_who_is_ready() {
        let (group, always, timer) = (
            Group::new().unwrap(),
            Always::new().unwrap(),
            Timer::new().unwrap(),
        );
        assert!(group.add(&always, EpollFlags::EPOLLIN, 7).unwrap());
        assert!(group.add(&timer, EpollFlags::EPOLLIN, 8).unwrap());
        assert_eq!(group.ready().unwrap(), [(7, EpollFlags::EPOLLIN)]);
        always.stop();
        assert!(!readable(&group, 0));
        timer.after(Duration::ZERO).unwrap();
        assert!(readable(&group, 1000));
        assert_eq!(group.ready().unwrap(), [(8, EpollFlags::EPOLLIN)]);
        assert!(timer.rang().unwrap() && !timer.rang().unwrap());
        timer.every(Duration::from_millis(1)).unwrap();
        assert!(readable(&group, 1000));
        timer.stop().unwrap();
        assert!(!readable(&group, 0));
        group.remove(&timer).unwrap();
        let file = tempfile::tempfile().unwrap();
        assert!(!group.add(&file, EpollFlags::EPOLLIN, 9).unwrap());
    }
}
