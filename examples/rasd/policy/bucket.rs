//! A leaky bucket: errors fill it, time empties it, and it tells when it is full.

use crate::config::Again;
use crate::config::amounts::Rate;

/// It leaks in so many drops a period.
const DROPS: usize = 16;

/// The errors of one part in the last period.
///
/// An error leaves the bucket when a sixteenth of the period at most is left of the period since it came. So "10 / 24h" is
/// told only where ten errors came within 24 hours, and always where they came within 22 and a half. (A bucket that
/// leaks all the time would tell of ten errors at once, and never of ten that came one every two hours.)
///
/// Times are milliseconds since 1970. No time is later than the present that comes with it: a clock that was set back takes
/// what was counted along, instead of keeping it until the old time comes again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// Errors by when they came, in sixteenths of the period: the newest first.
    drops: [u32; DROPS],
    /// The number of the newest sixteenth, counted from 1970.
    newest: u64,
    /// Since it was full.
    window: Option<Window>,
}

/// A period that began when the bucket was full: what is counted in it is told with restraint.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    start: u64,
    count: u64,
    /// At which count it is told next.
    next: u64,
}

impl Bucket {
    /// Counts `n` errors of the time `at`; the present is `now`. Gives how many there were in the period, where that is
    /// to be told.
    pub(crate) fn add(
        &mut self,
        rate: Rate,
        again: Again,
        n: u64,
        at: u64,
        now: u64,
    ) -> Option<u64> {
        let period = u64::try_from(rate.per.get().as_millis()).unwrap_or(u64::MAX);
        let width = (period / DROPS as u64).max(1);
        let at = at.min(now);
        self.newest = self.newest.min(now / width);
        let drop = at / width;
        if let Some(passed) = drop.checked_sub(self.newest) {
            let passed = usize::try_from(passed).map_or(DROPS, |passed| passed.min(DROPS));
            self.drops.copy_within(..DROPS - passed, passed);
            self.drops.iter_mut().take(passed).for_each(|old| *old = 0);
            self.newest = drop;
        }
        // What comes so late that it would have left by now counts no more.
        let age = usize::try_from(self.newest - drop).unwrap_or(usize::MAX);
        let counted = self.drops.get_mut(age)?;
        *counted = counted.saturating_add(u32::try_from(n).unwrap_or(u32::MAX));
        if let Some(window) = &mut self.window {
            window.start = window.start.min(now);
            if at < window.start.saturating_add(period) {
                window.count = window.count.saturating_add(n);
                return window.tell(again);
            }
            self.window = None;
        }
        let count = self.count();
        if count < u64::from(rate.count) {
            return None;
        }
        self.window = Some(Window {
            start: at,
            count,
            next: count.saturating_mul(2),
        });
        Some(count)
    }

    /// How many errors are in it.
    fn count(&self) -> u64 {
        self.drops.iter().copied().map(u64::from).sum()
    }
}

impl Window {
    /// The count, if it is to be told: usually, where it has doubled since the last time.
    fn tell(&mut self, again: Again) -> Option<u64> {
        match again {
            Again::Once => return None,
            Again::Doubling if self.count < self.next => return None,
            Again::Doubling | Again::Each => {}
        }
        self.next = self.count.saturating_mul(2);
        Some(self.count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::amounts::Time;

    const HOUR: u64 = 3_600_000;
    const TEN_A_DAY: Rate = Rate::new(10, Time::hours(24));

    /// What one error each of these times gives.
    fn told(rate: Rate, times: impl IntoIterator<Item = u64>) -> Vec<Option<u64>> {
        let mut bucket = Bucket::default();
        times
            .into_iter()
            .map(|at| bucket.add(rate, Again::Doubling, 1, at, at))
            .collect()
    }

    #[test]
    fn ten_at_once_are_told_and_nine_are_not() {
        let told = told(TEN_A_DAY, [HOUR; 10]);
        assert_eq!(told[..9], [None; 9]);
        assert_eq!(told[9], Some(10));
    }

    #[test]
    fn few_enough_are_never_told() {
        // Nine a day for a year: one every 160 minutes.
        let times = (0..9 * 365).map(|i| i * 160 * 60_000);
        assert!(told(TEN_A_DAY, times).iter().all(Option::is_none));
        // And nine at once every day, a bit more than a day apart.
        let times = (0..365).flat_map(|day| [day * 25 * HOUR; 9]);
        assert!(told(TEN_A_DAY, times).iter().all(Option::is_none));
    }

    #[test]
    fn ten_are_told_however_they_lie_in_the_day() {
        // One every two hours and a half: the tenth comes within 22 hours and a half of the first.
        for start in 0..48 {
            let times = (0..10).map(|i| start * HOUR / 2 + i * 149 * 60_000);
            assert_eq!(told(TEN_A_DAY, times)[9], Some(10), "{start}");
        }
        // Five late on one day and five early on the next.
        let times = [23 * HOUR; 5].into_iter().chain([26 * HOUR; 5]);
        assert_eq!(told(TEN_A_DAY, times)[9], Some(10));
    }

    #[test]
    fn a_flood_is_told_at_every_doubling() {
        let counts: Vec<_> = told(TEN_A_DAY, vec![HOUR; 100])
            .into_iter()
            .flatten()
            .collect();
        assert_eq!(counts, [10, 20, 40, 80]);
    }

    #[test]
    fn or_once_a_period() {
        let mut bucket = Bucket::default();
        let mut told = 0;
        // A hundred an hour for three days.
        for i in 0..7200_u64 {
            let at = i * HOUR / 100;
            told += u32::from(bucket.add(TEN_A_DAY, Again::Once, 1, at, at).is_some());
        }
        assert_eq!(told, 3);
    }

    #[test]
    fn one_record_can_stand_for_many_errors() {
        let mut bucket = Bucket::default();
        assert_eq!(
            bucket.add(TEN_A_DAY, Again::Doubling, 32767, 0, 0),
            Some(32767)
        );
        assert_eq!(bucket.add(TEN_A_DAY, Again::Doubling, 1, 0, 0), None);
        // Two days later it is empty again.
        let later = 48 * HOUR;
        assert_eq!(
            bucket.add(TEN_A_DAY, Again::Doubling, 9, later, later),
            None
        );
        assert_eq!(bucket.count(), 9);
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nothing() {
        let year = 365 * 24 * HOUR;
        let mut bucket = Bucket::default();
        let mut add = |n, at: u64| bucket.add(TEN_A_DAY, Again::Doubling, n, at, at);
        assert_eq!(add(9, 2 * year), None);
        // A year back: they came a moment ago all the same.
        assert_eq!(add(0, year), None);
        // Two days later they have left.
        let later = year + 48 * HOUR;
        assert_eq!(add(1, later), None);
        // And what comes then is told, although a time far ahead was counted before.
        assert_eq!(add(9, later), Some(10));
        // So is what comes a year before that, once the period of the first telling is over.
        assert_eq!(add(9, later - year), None);
        assert_eq!(add(12, later - year + 24 * HOUR), Some(12));
    }

    #[test]
    fn what_comes_late_counts_where_it_belongs() {
        let mut bucket = Bucket::default();
        let now = 240 * HOUR;
        let mut add = |n, at| bucket.add(TEN_A_DAY, Again::Doubling, n, at, now);
        assert_eq!(add(1, now), None);
        // From a boot long ago.
        assert_eq!(add(100, HOUR), None);
        // From half a day ago.
        assert_eq!(add(8, now - 12 * HOUR), None);
        assert_eq!(add(1, now), Some(10));
    }

    proptest! {
        /// Whatever the clock does, the number of tellings stays small, and nothing overflows.
        #[test]
        fn floods_are_told_logarithmically(
            steps in proptest::collection::vec((0_u64..1000, any::<u32>(), any::<bool>()), 1..200),
            count in 1_u32..1000,
        ) {
            let rate = Rate::new(count, Time::hours(1));
            let mut bucket = Bucket::default();
            let mut now = 1 << 40;
            let (mut told, mut periods) = (0_u32, 1_u32);
            for (step, n, back) in steps {
                now = if back { now - step } else { now + step };
                told += u32::from(bucket.add(rate, Again::Doubling, n.into(), now, now).is_some());
                if back {
                    periods += 1;
                }
            }
            prop_assert!(told <= periods * 64);
        }
    }
}
