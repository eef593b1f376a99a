//! Waiting.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollTimeout};

use crate::Error;

/// Waits until something is ready or the time is over; returns how many of `ready` were filled in. An interrupting
/// signal ends the nap early.
pub(crate) fn sleep(
    epoll: &Epoll,
    nap: Duration,
    ready: &mut [EpollEvent],
) -> Result<usize, Error> {
    // Rounded up: a nap of a part of a millisecond must not become a busy loop.
    let ms = u16::try_from(nap.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
    match epoll.wait(ready, EpollTimeout::from(ms)) {
        Ok(n) => Ok(n),
        Err(Errno::EINTR) => Ok(0),
        Err(e) => Err(Error::nix("epoll_wait")(e)),
    }
}
