//! Exact loss from numbered records.

/// Counts what is missing from the numbers that records carry.
///
/// An event that is sampled with a period of 1 and the READ field writes its own count into every sample: the n-th
/// event's sample says n. What was lost is what is missing, whether a ring overwrote it, a pause left it out, or no ring
/// was there to hold it.
///
/// An event that interrupts the writing of another one's sample is counted before that sample reads the count, so that
/// both say the same number and the one before is missing. Hence the sums are compared, not neighbours; a difference
/// that is not yet certain is carried over and settled by what comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbering {
    last: Option<u64>,
    carry: i64,
}

/// What one reading of a ring found, as far as the numbering is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// The lowest number.
    pub lowest: u64,
    /// The highest.
    pub highest: u64,
    /// How many records had one.
    pub records: u64,
    /// Whether the reader knows that it was overtaken.
    pub lapped: bool,
}

impl Numbering {
    /// Nothing is known yet: the first records read are the first there are.
    #[must_use]
    pub const fn new() -> Self {
        Numbering {
            last: None,
            carry: 0,
        }
    }

    /// Everything up to and with this number has been accounted for.
    #[must_use]
    pub const fn after(last: u64) -> Self {
        Numbering {
            last: Some(last),
            carry: 0,
        }
    }

    /// The highest number accounted for.
    #[must_use]
    pub const fn last(&self) -> Option<u64> {
        self.last
    }

    /// Takes a reading into account; returns how many records are missing, before those of this reading.
    pub fn read(&mut self, round: Round) -> u64 {
        let before = match self.last {
            Some(last) => last,
            None => round.lowest.saturating_sub(1),
        };
        let highest = round.highest.max(before);
        // Numbers from a ring may be any: the differences saturate.
        let passed = i64::try_from(highest - before).unwrap_or(i64::MAX);
        let records = i64::try_from(round.records).unwrap_or(i64::MAX);
        let old = self.carry;
        self.carry = old.saturating_add(passed).saturating_sub(records);
        self.last = Some(highest);
        // Certain is what a lap explains, and what the next reading did not put right.
        let certain = if round.lapped {
            self.carry
        } else {
            self.carry.min(old)
        };
        if certain <= 0 {
            return 0;
        }
        self.carry -= certain;
        certain.unsigned_abs()
    }

    /// Takes the event's count into account instead of numbers: `records` came since the last time, and the ring is
    /// empty. Returns how many are missing.
    ///
    /// An event is counted before its record is written. `lapped` says that none is under way: what is missing is lost.
    /// Otherwise it is lost if it is still missing the next time.
    pub fn count(&mut self, count: u64, records: u64, lapped: bool) -> u64 {
        self.read(Round {
            lowest: count,
            highest: count,
            records,
            lapped,
        })
    }

    /// Whether something is missing when the event's count is this and `records` came since the last time.
    pub(crate) fn misses(&self, count: u64, records: u64) -> bool {
        let mut then = *self;
        then.count(count, records, true) > 0
    }

    /// Whether something is missing that the next look will make certain.
    pub(crate) const fn uncertain(&self) -> bool {
        self.carry > 0
    }

    /// Nothing came, and what is still missing will not come: returns how many.
    pub fn settle(&mut self) -> u64 {
        let missing = self.carry.max(0).unsigned_abs();
        self.carry = self.carry.min(0);
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(lowest: u64, highest: u64, records: u64, lapped: bool) -> Round {
        Round {
            lowest,
            highest,
            records,
            lapped,
        }
    }

    #[test]
    fn a_lap_is_told_exactly_and_at_once() {
        let mut n = Numbering::new();
        assert_eq!(
            n.read(round(5, 9, 5, true)),
            0,
            "what was before the first is not ours"
        );
        assert_eq!(n.read(round(10, 12, 3, false)), 0);
        assert_eq!(n.read(round(101, 110, 10, true)), 88);
        assert_eq!(n.last(), Some(110));
    }

    #[test]
    fn two_that_share_a_number_are_no_loss() {
        let mut n = Numbering::after(4);
        // The interrupt's sample is read in one reading, the interrupted one's in the next, both saying 6.
        assert_eq!(n.read(round(6, 6, 1, false)), 0);
        assert_eq!(n.read(round(6, 7, 2, false)), 0);
        assert_eq!(n.settle(), 0);
    }

    #[test]
    fn what_stays_missing_is_told() {
        let mut n = Numbering::after(4);
        assert_eq!(
            n.read(round(8, 8, 1, false)),
            0,
            "5, 6 and 7 could still come"
        );
        assert_eq!(n.read(round(9, 9, 1, false)), 3);
        assert_eq!(n.read(round(12, 12, 1, false)), 0);
        assert_eq!(n.settle(), 2);
        assert_eq!(n.settle(), 0);
    }

    #[test]
    fn what_was_told_too_early_is_taken_off_the_next_loss() {
        let mut n = Numbering::after(0);
        assert_eq!(n.read(round(6, 6, 1, true)), 5);
        // One of the five was only under way.
        assert_eq!(n.read(round(6, 6, 1, false)), 0);
        assert_eq!(
            n.read(round(16, 16, 1, true)),
            8,
            "nine are missing, one was told before"
        );
    }

    #[test]
    fn a_count_serves_as_well_as_numbers() {
        let mut n = Numbering::after(10);
        assert_eq!(n.count(14, 4, false), 0);
        assert_eq!(n.count(114, 0, true), 100);
        // One is counted, and its record not yet there: that is no loss.
        assert_eq!(n.count(120, 5, false), 0);
        assert!(n.uncertain());
        assert_eq!(n.count(121, 2, false), 0);
        assert!(!n.uncertain());
        // It stays away.
        assert_eq!(n.count(122, 0, false), 0);
        assert_eq!(n.count(122, 0, false), 1);
        assert!(!n.uncertain());
    }

    #[test]
    fn numbers_that_cannot_be_are_survived() {
        let mut n = Numbering::after(u64::MAX);
        assert_eq!(n.read(round(0, 0, 1, true)), 0);
        let mut n = Numbering::new();
        n.read(round(0, u64::MAX, 1, true));
        n.read(round(0, u64::MAX, u64::MAX, true));
    }
}
