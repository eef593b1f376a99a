//! Whether the daemon is to end, for those who wait elsewhere than in the main loop.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::error::Error;

/// How often whoever waits asks.
pub(crate) const ASK_EVERY: Duration = Duration::from_millis(50);

/// Asks for SIGTERM and SIGINT without taking them from the main loop; whoever took one [says so](Self::set).
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    taken: Arc<AtomicBool>,
    signals: Option<Arc<SignalFd>>,
}

impl Stop {
    /// Call it when the signals are blocked.
    ///
    /// # Errors
    ///
    /// Those of making a descriptor.
    pub(crate) fn watch() -> Result<Self, Error> {
        let set = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let signals = SignalFd::with_flags(&set, flags).map_err(Error::system("signalfd"))?;
        Ok(Self {
            taken: Arc::default(),
            signals: Some(Arc::new(signals)),
        })
    }

    /// The signal was taken.
    pub(crate) fn set(&self) {
        self.taken.store(true, Ordering::Release);
    }

    /// Whether to end.
    pub(crate) fn asked(&self) -> bool {
        self.taken.load(Ordering::Acquire)
            || self.signals.as_ref().is_some_and(|signals| {
                let mut fds = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
                matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1..))
            })
    }
}

/// Until when the end of the daemon waits for something.
#[derive(Debug)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    /// Whoever wants to stop waits so long at most.
    hurry: Option<(Stop, Duration)>,
}

impl Deadline {
    /// After so long.
    pub(crate) fn after(longest: Duration) -> Self {
        Self {
            at: Some(Instant::now() + longest),
            hurry: None,
        }
    }

    /// After so long, if there is a limit; but when the daemon is asked to end, soon.
    pub(crate) fn patient(longest: Option<Duration>, stop: &Stop, soon: Duration) -> Self {
        Self {
            at: longest.map(|longest| Instant::now() + longest),
            hurry: Some((stop.clone(), soon)),
        }
    }

    /// As it is now: it can come nearer, and never goes away.
    pub(crate) fn at(&mut self) -> Option<Instant> {
        if let Some((_, soon)) = self.hurry.take_if(|(stop, _)| stop.asked()) {
            let soon = Instant::now() + soon;
            self.at = Some(self.at.map_or(soon, |at| at.min(soon)));
        }
        self.at
    }

    /// Whether it is over.
    pub(crate) fn is_over(&mut self) -> bool {
        self.at().is_some_and(|at| Instant::now() >= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_patient_hurries_when_the_daemon_is_to_end() {
        let stop = Stop::default();
        let mut never = Deadline::patient(None, &stop, Duration::ZERO);
        let mut later = Deadline::patient(
            Some(Duration::from_secs(60)),
            &stop,
            Duration::from_secs(600),
        );
        let first = later.at();
        assert!(never.at().is_none() && !later.is_over());
        stop.set();
        assert!(never.is_over());
        assert_eq!(later.at(), first);
        assert!(Deadline::after(Duration::ZERO).is_over());
    }
}
