//! What the service manager is told: that what is over has been read, that the main loop still turns, and how it goes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use crate::delivered::{Consumer, Delivered};
use crate::stats::Stats;

/// How often the manager's line about the daemon is made anew.
const STATUS_EVERY: Duration = Duration::from_secs(10);

/// Tells systemd, where it asks to be told (`NOTIFY_SOCKET`).
pub(crate) struct Service {
    stats: Arc<Stats>,
    /// Half of the time after which the manager takes a silent daemon for a hanging one.
    alive_every: Option<Duration>,
    alive: Option<Instant>,
    said: Option<(Instant, String)>,
}

impl Service {
    /// `None` where nobody wants to be told.
    pub(crate) fn from_env(stats: Arc<Stats>) -> Option<Self> {
        std::env::var_os("NOTIFY_SOCKET")?;
        Some(Self {
            stats,
            alive_every: sd_notify::watchdog_enabled().map(|limit| limit / 2),
            alive: None,
            said: None,
        })
    }

    /// In one line what `rasd status` says at length.
    fn line(&self) -> String {
        let of = &self.stats;
        format!(
            "{} machine checks, {} other events, {} lost; {} waiting for the history",
            of.records.get(),
            of.generic.get(),
            of.lost.get(),
            of.stored.get().saturating_sub(of.applied.get()),
        )
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
    }
}

impl Consumer for Service {
    fn deliver(&mut self, _: &Delivered) {}

    fn live(&mut self) {
        // A manager that does not listen any more is no reason to stop reading errors; so everywhere here.
        let _ = sd_notify::notify(&[NotifyState::Ready]);
    }

    fn tick(&mut self, now: Instant) -> Option<Duration> {
        if let Some(every) = self.alive_every
            && self
                .alive
                .is_none_or(|at| now.saturating_duration_since(at) >= every)
        {
            self.alive = Some(now);
            let _ = sd_notify::notify(&[NotifyState::Watchdog]);
        }
        let due = self
            .said
            .as_ref()
            .is_none_or(|(at, _)| now.saturating_duration_since(*at) >= STATUS_EVERY);
        if due {
            let line = self.line();
            if self.said.as_ref().is_none_or(|(_, said)| *said != line) {
                let _ = sd_notify::notify(&[NotifyState::Status(&line)]);
            }
            self.said = Some((now, line));
        }
        self.alive_every
            .zip(self.alive)
            .map(|(every, at)| (at + every).saturating_duration_since(now))
    }
}
