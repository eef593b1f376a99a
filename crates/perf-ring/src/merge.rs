//! Putting the records of several rings in the order of time.

/// A record of some ring, before it is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its time stamp, nanoseconds.
    pub(crate) time: u64,
    /// Which ring.
    pub(crate) ring: u32,
    /// Where in that ring.
    pub(crate) at: u64,
}

/// The latest time that a record can have when it is read at `now`: a second later. A later one is damage, and must not
/// hold back everything behind it for ever: the record counts as one without a time.
pub(crate) const fn latest_at(now: u64) -> u64 {
    now.saturating_add(1_000_000_000)
}

/// Sorts `entries`, which are grouped by ring and in each ring's order, and cuts off what is not yet due: returns how
/// many may be handed out.
///
/// Handed out is what is not later than `horizon`, as far as every ring can give its records back in one piece from the
/// front. An interrupt can write its record before the one that it interrupted, which has the earlier time: where such
/// an inversion lies across the horizon, the horizon moves before it, for all rings, so that nothing is handed out ahead
/// of it. Equal times keep their ring's order.
pub(crate) fn due(entries: &mut Vec<Entry>, horizon: u64, room: &mut Room) -> usize {
    let mut limit = Some(horizon);
    while let Some(now) = limit {
        let mut earliest_behind: Option<u64> = None;
        let mut ring = None;
        let mut stopped = false;
        for entry in entries.iter() {
            if ring != Some(entry.ring) {
                ring = Some(entry.ring);
                stopped = false;
            }
            stopped |= entry.time > now;
            if stopped && entry.time <= now {
                earliest_behind = Some(earliest_behind.map_or(entry.time, |t| t.min(entry.time)));
            }
        }
        match earliest_behind {
            None => break,
            Some(time) => limit = time.checked_sub(1),
        }
    }
    room.sort(entries);
    limit.map_or(0, |limit| {
        entries.partition_point(|entry| entry.time <= limit)
    })
}

/// What sorting needs, kept for the next time: the standard library's stable sort allocates in each call.
#[derive(Debug, Default)]
pub(crate) struct Room {
    runs: Vec<usize>,
    entries: Vec<Entry>,
}

impl Room {
    /// Sorts by time; equal times stay in their order. What comes is a few runs, one for each ring, nearly sorted each:
    /// they are merged in pairs.
    fn sort(&mut self, entries: &mut Vec<Entry>) {
        self.runs.clear();
        self.runs.push(0);
        let mut before = 0;
        for (i, entry) in entries.iter().enumerate() {
            if entry.time < before {
                self.runs.push(i);
            }
            before = entry.time;
        }
        while self.runs.len() > 1 {
            let (merged, runs) = (&mut self.entries, &mut self.runs);
            merged.clear();
            // Where the runs of the next round begin is written over those of this one that are done.
            let (mut read, mut write) = (0, 0);
            while let Some(&a) = runs.get(read) {
                let b = runs.get(read + 1).copied().unwrap_or(entries.len());
                let c = runs.get(read + 2).copied().unwrap_or(entries.len());
                let run = |from, to| entries.get(from..to).unwrap_or_default();
                merge_two(run(a, b), run(b, c), merged);
                if let Some(begin) = runs.get_mut(write) {
                    *begin = a;
                }
                (read, write) = (read + 2, write + 1);
            }
            runs.truncate(write);
            std::mem::swap(entries, merged);
        }
    }
}

/// Both of them, sorted, behind `out`.
fn merge_two(mut a: &[Entry], mut b: &[Entry], out: &mut Vec<Entry>) {
    while let ([first, rest_a @ ..], [second, rest_b @ ..]) = (a, b) {
        if second.time < first.time {
            out.push(*second);
            b = rest_b;
        } else {
            out.push(*first);
            a = rest_a;
        }
    }
    out.extend_from_slice(a);
    out.extend_from_slice(b);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn due(entries: &mut Vec<Entry>, horizon: u64) -> usize {
        super::due(entries, horizon, &mut Room::default())
    }

    fn entries(rings: &[&[u64]]) -> Vec<Entry> {
        let ring = |(r, times): (usize, &&[u64])| {
            let at = |(i, time): (usize, &u64)| Entry {
                time: *time,
                ring: r as u32,
                at: i as u64,
            };
            times.iter().enumerate().map(at).collect::<Vec<_>>()
        };
        rings.iter().enumerate().flat_map(ring).collect()
    }

    fn times(entries: &[Entry]) -> Vec<u64> {
        entries.iter().map(|e| e.time).collect()
    }

    #[test]
    fn rings_are_merged_up_to_the_horizon() {
        let mut all = entries(&[&[1, 4, 9], &[2, 3, 8]]);
        let n = due(&mut all, 4);
        assert_eq!(times(&all[..n]), [1, 2, 3, 4]);
    }

    #[test]
    fn an_inversion_across_the_horizon_holds_everything_behind_it_back() {
        let mut all = entries(&[&[1, 11, 9], &[5, 10]]);
        let n = due(&mut all, 10);
        assert_eq!(times(&all[..n]), [1, 5]);
        let n = due(&mut entries(&[&[1, 11, 9], &[5, 10]]), 11);
        assert_eq!(n, 5, "within the horizon it is put right");
        assert_eq!(due(&mut entries(&[&[5, 0]]), 4), 0);
    }

    #[test]
    fn equal_times_keep_their_rings_order() {
        let mut all = entries(&[&[7, 7, 7], &[7]]);
        let n = due(&mut all, 7);
        let order: Vec<_> = all[..n].iter().map(|e| (e.ring, e.at)).collect();
        assert_eq!(order, [(0, 0), (0, 1), (0, 2), (1, 0)]);
    }

    proptest! {
        /// As the standard library does it, equal times included.
        #[test]
        fn sorting_is_stable(times in prop::collection::vec(0u64..20, 0..200)) {
            let mut all = entries(&[&times]);
            let mut want = all.clone();
            want.sort_by_key(|entry| entry.time);
            Room::default().sort(&mut all);
            prop_assert_eq!(all, want);
        }

        /// Sorted; each ring's share is a prefix of that ring; and nothing left behind is earlier than what went out.
        #[test]
        fn what_goes_out_is_sorted_whole_and_ahead_of_the_rest(
            rings in prop::collection::vec(prop::collection::vec(0u64..40, 0..12), 1..5),
            horizon in 0u64..45,
        ) {
            let slices: Vec<&[u64]> = rings.iter().map(Vec::as_slice).collect();
            let mut all = entries(&slices);
            let n = due(&mut all, horizon);
            let (out, kept) = all.split_at(n);
            prop_assert!(out.is_sorted_by_key(|e| e.time));
            prop_assert!(out.iter().all(|e| e.time <= horizon));
            for e in kept {
                prop_assert!(out.iter().all(|o| o.time <= e.time));
                prop_assert!(!out.iter().any(|o| o.ring == e.ring && o.at > e.at));
            }
        }
    }
}
