//! Per-CPU streams merged in time order.
//!
//! Each CPU has a ring of its own, and a reader that goes round finds newer records in the first than
//! in the last. [`Merge`] holds records back until no earlier one can come: all rings are emptied in
//! *rounds*, and a record that is no later than the latest one of the round before is due, because
//! every ring has been emptied since that one was written.
//!
//! ```
//! use tracefs::merge::Merge;
//!
//! let mut merge = Merge::new();
//! merge.push(20, "cpu 0, round 1");
//! merge.push(15, "cpu 1, round 1");
//! merge.end_round();
//! assert_eq!(merge.pop(), None); // cpu 0 may have had a record at 18, after we had looked
//! merge.push(18, "cpu 0, round 2");
//! merge.push(30, "cpu 0, round 2");
//! merge.end_round();
//! assert_eq!(merge.pop(), Some((15, "cpu 1, round 1")));
//! assert_eq!(merge.pop(), Some((18, "cpu 0, round 2")));
//! assert_eq!(merge.pop(), Some((20, "cpu 0, round 1")));
//! assert_eq!(merge.pop(), None);
//! merge.flush();
//! assert_eq!(merge.pop(), Some((30, "cpu 0, round 2")));
//! ```

use alloc::collections::BinaryHeap;
use alloc::collections::binary_heap::PeekMut;
use core::cmp::{Ordering, Reverse};

/// Holds items until it is known that no earlier one can come.
///
/// Items with equal times come out in the order in which they were put in, so those of one ring keep
/// its order. It holds as many as two rounds bring.
#[derive(Debug)]
pub struct Merge<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    sequence: u64,
    /// Latest time so far.
    latest: Option<u64>,
    /// Latest time up to the end of the round before.
    before: Option<u64>,
    /// Items up to this time are due.
    due: Option<u64>,
    /// Time of the item that came out last.
    last: Option<u64>,
    late: u64,
}

#[derive(Debug)]
struct Entry<T> {
    time: u64,
    sequence: u64,
    item: T,
}

impl<T> Entry<T> {
    const fn key(&self) -> (u64, u64) {
        (self.time, self.sequence)
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl<T> Default for Merge<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Merge<T> {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            sequence: 0,
            latest: None,
            before: None,
            due: None,
            last: None,
            late: 0,
        }
    }

    /// Puts an item in, with its time in the units that all of them share.
    pub fn push(&mut self, time: u64, item: T) {
        if self.last.is_some_and(|last| time < last) {
            self.late += 1;
        }
        self.latest = self.latest.max(Some(time));
        self.heap.push(Reverse(Entry {
            time,
            sequence: self.sequence,
            item,
        }));
        self.sequence += 1;
    }

    /// Says that every ring has been emptied once more: what was put in by the end of the last round is
    /// now due.
    pub const fn end_round(&mut self) {
        self.due = self.before;
        self.before = self.latest;
    }

    /// As [`Merge::end_round`], where some rings were left with records in them: `reached` is the earliest of
    /// the times up to which those were read.
    ///
    /// So a ring that is written faster than it is read holds up the others only as far as it lags.
    pub fn end_partial_round(&mut self, reached: u64) {
        self.end_round();
        self.due = self.due.map(|due| due.min(reached));
    }

    /// Says that nothing more comes: all that is held is due.
    pub const fn flush(&mut self) {
        self.due = Some(u64::MAX);
    }

    /// The earliest item, with its time, if it is due.
    pub fn pop(&mut self) -> Option<(u64, T)> {
        let due = self.due?;
        let first = self.heap.peek_mut().filter(|first| first.0.time <= due)?;
        let Reverse(first) = PeekMut::pop(first);
        self.last = Some(first.time);
        Some((first.time, first.item))
    }

    /// Items held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Items that came after a later one had gone out: written by a CPU that was interrupted between
    /// taking the time and finishing the record, for longer than a round.
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.late
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_times_keep_their_order() {
        let mut merge = Merge::new();
        for item in ["a", "b", "c"] {
            merge.push(7, item);
        }
        merge.flush();
        let out: Vec<_> = core::iter::from_fn(|| merge.pop()).collect();
        assert_eq!(out, [(7, "a"), (7, "b"), (7, "c")]);
        assert!(merge.is_empty());
    }

    #[test]
    fn a_ring_that_is_never_empty_lets_pass_what_it_has_passed() {
        let mut merge = Merge::new();
        for round in 0..10u64 {
            // One ring is at 10 a round and has more; the other was emptied, and is far ahead.
            merge.push(round * 10, "slow");
            merge.push(1000 + round, "fast");
            merge.end_partial_round(round * 10);
            let out: Vec<_> = core::iter::from_fn(|| merge.pop()).collect();
            match round {
                0 => assert_eq!(out, []),
                1 => assert_eq!(out, [(0, "slow"), (10, "slow")]),
                _ => assert_eq!(out, [(round * 10, "slow")]),
            }
        }
        assert_eq!(merge.len(), 10, "the fast one waits");
    }

    #[test]
    fn what_comes_too_late_comes_out_all_the_same_and_is_counted() {
        let mut merge = Merge::new();
        merge.push(10, 'x');
        merge.end_round();
        merge.end_round();
        assert_eq!(merge.pop(), Some((10, 'x')));
        merge.push(9, 'y');
        assert_eq!((merge.late(), merge.len()), (1, 1));
        merge.flush();
        assert_eq!(merge.pop(), Some((9, 'y')));
    }

    proptest! {
        /// Rings that are emptied in turn, while all are being written, come out in time order, whole,
        /// and at most a round later than they could.
        #[test]
        fn rings_come_out_in_time_order(
            writes in prop::collection::vec((0..4usize, 0..3u64), 1..200),
            visits in prop::collection::vec(1..20usize, 1..200),
            turn in 1..30usize,
        ) {
            let mut rings = vec![Vec::new(); 4];
            let mut merge = Merge::new();
            let mut out = Vec::new();
            let (mut time, mut written) = (0, 0);
            let mut visits = visits.into_iter().cycle();
            while written < writes.len() {
                let mut reached = u64::MAX;
                for ring in 0..4 {
                    // Records are written, on all CPUs, between one ring's visit and the next one's.
                    for &(cpu, step) in writes.iter().skip(written).take(visits.next().unwrap()) {
                        time += step;
                        rings[cpu].push((time, written));
                        written += 1;
                    }
                    let taken = turn.min(rings[ring].len());
                    let left = rings[ring].split_off(taken);
                    let taken = core::mem::replace(&mut rings[ring], left);
                    if let (Some(&(last, _)), false) = (taken.last(), rings[ring].is_empty()) {
                        reached = reached.min(last);
                    }
                    for (time, item) in taken {
                        merge.push(time, item);
                    }
                }
                match reached {
                    u64::MAX => merge.end_round(),
                    reached => merge.end_partial_round(reached),
                }
                while let Some((time, item)) = merge.pop() {
                    out.push((time, item));
                }
            }
            for ring in &mut rings {
                for (time, item) in ring.drain(..) {
                    merge.push(time, item);
                }
            }
            merge.flush();
            while let Some(item) = merge.pop() {
                out.push(item);
            }
            prop_assert_eq!(merge.late(), 0);
            prop_assert_eq!(out.len(), writes.len());
            prop_assert!(out.is_sorted_by_key(|(time, _)| *time));
        }
    }
}
