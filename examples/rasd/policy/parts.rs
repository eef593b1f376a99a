//! Counters of parts, in memory that does not grow: the part that was quiet the longest makes room.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// A map that holds a fixed number of keys.
#[derive(Debug)]
pub(crate) struct Parts<K, V> {
    most: usize,
    /// With the number of its last use.
    values: HashMap<K, (u64, V)>,
    by_use: BTreeMap<u64, K>,
    uses: u64,
    evicted: u64,
}

impl<K: Clone + Eq + Hash, V: Default> Parts<K, V> {
    /// Holds at most so many keys, and one at least.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            values: HashMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
            evicted: 0,
        }
    }

    /// The value of a key, which is new if it was not there.
    pub(crate) fn get(&mut self, key: &K) -> &mut V {
        self.uses += 1;
        let now = self.uses;
        match self.values.get(key) {
            Some((last, _)) => {
                self.by_use.remove(last);
            }
            None => {
                if self.values.len() >= self.most
                    && let Some((_, oldest)) = self.by_use.pop_first()
                {
                    self.values.remove(&oldest);
                    self.evicted += 1;
                }
            }
        }
        self.by_use.insert(now, key.clone());
        let entry = self.values.entry(key.clone()).or_default();
        entry.0 = now;
        &mut entry.1
    }

    /// How many keys there are, and how many made room for others.
    pub(crate) fn size(&self) -> (usize, u64) {
        (self.values.len(), self.evicted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quietest_makes_room() {
        let mut parts = Parts::<u32, u32>::new(2);
        *parts.get(&1) += 10;
        *parts.get(&2) += 20;
        *parts.get(&1) += 1;
        *parts.get(&3) += 30;
        assert_eq!(parts.size(), (2, 1));
        assert_eq!(*parts.get(&1), 11);
        assert_eq!(*parts.get(&2), 0);
    }

    #[test]
    fn memory_stays_bounded() {
        let mut parts = Parts::<u64, u8>::new(100);
        for key in 0..100_000 {
            parts.get(&(key * 7919 % 50_021));
            assert!(parts.size().0 <= 100);
            assert_eq!(parts.size().0, parts.by_use.len());
        }
        assert!(parts.size().1 > 90_000);
    }
}
