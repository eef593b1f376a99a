//! When the next event of a replay is due.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// How fast a replay goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Pace {
    /// As fast as it is taken.
    #[default]
    Fast,
    /// So many events a second. After a pause in which nobody took any, those that are due come at once.
    PerSecond(NonZeroU32),
    /// As the errors happened, by the time of each record, so many times as fast. Records without a time, or with one
    /// before that of the last record, come at once.
    Recorded(NonZeroU32),
}

/// Counts what was given.
#[derive(Debug)]
pub(super) struct Pacer {
    pace: Pace,
    began: Option<Instant>,
    given: u64,
    /// The first record's time, and the last one's: seconds since 1970.
    first: Option<u64>,
    last: u64,
}

impl Pacer {
    pub(super) const fn new(pace: Pace) -> Self {
        Self {
            pace,
            began: None,
            given: 0,
            first: None,
            last: 0,
        }
    }

    /// How long it is until an event of this time is due; nothing if it is.
    #[inline]
    pub(super) fn wait(
        &mut self,
        time: Option<u64>,
        now: impl FnOnce() -> Instant,
    ) -> Option<Duration> {
        let since_first = match self.pace {
            Pace::Fast => return None,
            Pace::PerSecond(rate) => {
                let nanoseconds = u128::from(self.given) * 1_000_000_000 / u128::from(rate.get());
                Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
            }
            Pace::Recorded(faster) => {
                let first = *self.first.get_or_insert(time?);
                self.last = self.last.max(time?);
                Duration::from_secs(self.last.saturating_sub(first)) / faster.get()
            }
        };
        let now = now();
        let began = *self.began.get_or_insert(now);
        let left = began
            .checked_add(since_first)?
            .saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// An event was given.
    #[inline]
    pub(super) const fn gave(&mut self) {
        self.given += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate() {
        let mut pacer = Pacer::new(Pace::PerSecond(NonZeroU32::new(10).unwrap()));
        let start = Instant::now();
        let at = |milliseconds| move || start + Duration::from_millis(milliseconds);
        assert_eq!(pacer.wait(None, at(0)), None);
        pacer.gave();
        assert_eq!(pacer.wait(None, at(40)), Some(Duration::from_millis(60)));
        assert_eq!(pacer.wait(None, at(100)), None);
        pacer.gave();
        // Nobody came for a second.
        for _ in 0..8 {
            assert_eq!(pacer.wait(None, at(1000)), None);
            pacer.gave();
        }
        pacer.gave();
        assert_eq!(pacer.wait(None, at(1000)), Some(Duration::from_millis(100)));
    }

    #[test]
    fn the_records_own_times() {
        let mut pacer = Pacer::new(Pace::Recorded(NonZeroU32::new(60).unwrap()));
        let start = Instant::now();
        let at = |seconds| move || start + Duration::from_secs(seconds);
        assert_eq!(pacer.wait(Some(1000), at(0)), None);
        assert_eq!(pacer.wait(Some(1120), at(1)), Some(Duration::from_secs(1)));
        assert_eq!(pacer.wait(Some(1120), at(2)), None);
        assert_eq!(pacer.wait(None, at(2)), None);
        // A clock that was put back.
        assert_eq!(pacer.wait(Some(900), at(2)), None);
        assert_eq!(
            pacer.wait(Some(u64::MAX), at(2)),
            pacer.wait(Some(u64::MAX), at(2))
        );
    }
}
