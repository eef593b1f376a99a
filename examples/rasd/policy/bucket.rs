//! A leaky bucket: errors fill it, time empties it, and it tells when it is full.

use crate::config::Again;
use crate::config::values::Rate;

/// The errors of one part.
///
/// Times are milliseconds since 1970. No time is later than the present that comes with it: a clock that was set back takes
/// what was counted along, instead of stopping the leak until the old time comes again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// What is in it: errors times the milliseconds of the period, so that leaking is exact.
    level: u128,
    /// When it was so.
    stamp: u64,
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
        let period = u64::try_from(rate.per.get().as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        let capacity = u128::from(rate.count) * u128::from(period);
        self.stamp = self.stamp.min(now);
        let at = at.min(now);
        let leaked = |ms: u64| u128::from(ms) * u128::from(rate.count);
        let added = u128::from(n) * u128::from(period);
        if at >= self.stamp {
            self.level = self.level.saturating_sub(leaked(at - self.stamp)) + added;
            self.stamp = at;
        } else {
            // It comes late, and part of it would have leaked by now.
            self.level += added.saturating_sub(leaked(self.stamp - at));
        }
        if let Some(window) = &mut self.window {
            window.start = window.start.min(now);
            if at < window.start.saturating_add(period) {
                window.count = window.count.saturating_add(n);
                self.level = self.level.min(capacity);
                return (again == Again::Doubling && window.count >= window.next).then(|| {
                    while window.next <= window.count {
                        window.next = window.next.saturating_mul(2).max(1);
                        if window.next == u64::MAX {
                            break;
                        }
                    }
                    window.count
                });
            }
            self.window = None;
        }
        if self.level < capacity {
            return None;
        }
        // Rounded up: what leaked a moment ago was an error too.
        let count = u64::try_from(self.level.div_ceil(u128::from(period))).unwrap_or(u64::MAX);
        // A flood is over a period after its end, however large it was.
        self.level = capacity;
        self.window = Some(Window {
            start: at,
            count,
            next: count.saturating_mul(2).max(1),
        });
        Some(count)
    }

    /// How many errors are in it, rounded up.
    #[cfg(test)]
    fn count(&self, rate: Rate) -> u64 {
        let period = rate.per.get().as_millis().max(1);
        u64::try_from(self.level.div_ceil(period)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::values::Time;

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
    }

    #[test]
    fn a_few_more_than_that_are_told_in_time() {
        // Twenty a day: the bucket gains ten a day, so it is full after a day.
        let times = (0..40).map(|i| i * 72 * 60_000);
        let first = told(TEN_A_DAY, times).iter().position(Option::is_some);
        assert_eq!(first, Some(18));
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
        assert_eq!(bucket.count(TEN_A_DAY), 9);
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nothing() {
        let year = 365 * 24 * HOUR;
        let mut bucket = Bucket::default();
        for _ in 0..9 {
            assert_eq!(
                bucket.add(TEN_A_DAY, Again::Doubling, 1, 2 * year, 2 * year),
                None
            );
        }
        // A year back; two days later the nine have leaked away all the same.
        assert_eq!(bucket.add(TEN_A_DAY, Again::Doubling, 0, year, year), None);
        let later = year + 48 * HOUR;
        assert_eq!(
            bucket.add(TEN_A_DAY, Again::Doubling, 1, later, later),
            None
        );
        assert_eq!(bucket.count(TEN_A_DAY), 1);
        // And what comes then is told, although a time far ahead was told before.
        assert_eq!(
            bucket.add(TEN_A_DAY, Again::Doubling, 9, later, later),
            Some(10)
        );
    }

    #[test]
    fn what_comes_late_counts_for_what_would_be_left_of_it() {
        let mut bucket = Bucket::default();
        let now = 240 * HOUR;
        bucket.add(TEN_A_DAY, Again::Doubling, 1, now, now);
        // From a boot long ago.
        bucket.add(TEN_A_DAY, Again::Doubling, 8, HOUR, now);
        assert_eq!(bucket.count(TEN_A_DAY), 1);
        // From half a day ago: five of eight have leaked.
        bucket.add(TEN_A_DAY, Again::Doubling, 8, now - 12 * HOUR, now);
        assert_eq!(bucket.count(TEN_A_DAY), 4);
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
                prop_assert!(bucket.count(rate) <= u64::from(count).max(u64::from(n) + u64::from(count)));
            }
            prop_assert!(told <= periods * 64);
        }
    }
}
