//! What everything behind the spool sees.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

pub(crate) use mcekit_store::Delivered;

/// Whoever does something with events once they are safe: policy, outputs, metrics, the control socket.
///
/// The main loop calls it, so nothing here may block. Each event comes once in the life of the process, in the order of
/// its number.
pub(crate) trait Consumer {
    /// An event is on disk.
    fn deliver(&mut self, what: &Delivered);

    /// All events that were at hand are delivered: what was gathered can go out.
    fn flush(&mut self) {}

    /// Time has passed. Returns after how long to call again at the latest; `None`: only when there is something.
    fn tick(&mut self, now: Instant) -> Option<Duration>;

    /// A descriptor that the main loop shall wait for (one of several can be an epoll's own), the same for ever.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// The descriptor is readable.
    fn ready(&mut self) {}

    /// What happened before the start has been delivered, as far as it is known; from now on it is what happens.
    fn live(&mut self) {}

    /// SIGHUP or SIGUSR1: open log files anew.
    fn reopen(&mut self) {}
}
