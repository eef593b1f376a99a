//! Tables of names, hashed while compiling.

use crate::scan;

/// Rows by name: an open hash table whose slots say which row.
pub(crate) struct Names<V: 'static, const SLOTS: usize> {
    rows: &'static [(&'static str, V)],
    /// Index of a row and 1, or 0 for an empty slot.
    slots: [u16; SLOTS],
}

impl<V: Copy, const SLOTS: usize> Names<V, SLOTS> {
    /// The table of `rows`. `SLOTS` is a power of two.
    ///
    /// # Panics
    /// In a constant, which is where it is used: the build fails if the slots are too few.
    pub(crate) const fn new(rows: &'static [(&'static str, V)]) -> Self {
        assert!(SLOTS.is_power_of_two() && rows.len() < SLOTS && rows.len() < 0xffff);
        let mut slots = [0; SLOTS];
        let mut row = 0;
        while row < rows.len() {
            let mut slot = hash(rows[row].0.as_bytes()) as usize & (SLOTS - 1);
            while slots[slot] != 0 {
                slot = (slot + 1) & (SLOTS - 1);
            }
            row += 1;
            slots[slot] = row as u16;
        }
        Self { rows, slots }
    }

    /// The value beside a name.
    pub(crate) fn get(&self, name: &str) -> Option<V> {
        let mut slot = hash(name.as_bytes()) as usize & (SLOTS - 1);
        // An empty slot comes before the table's end is reached again: there are more than rows.
        loop {
            let row = usize::from(*self.slots.get(slot)?).checked_sub(1)?;
            let (known, value) = self.rows.get(row)?;
            if scan::same(known.as_bytes(), name.as_bytes()) {
                return Some(*value);
            }
            slot = (slot + 1) & (SLOTS - 1);
        }
    }
}

/// Eight bytes at a time, multiplied and folded; the last ones may overlap those before.
#[inline]
const fn hash(name: &[u8]) -> u64 {
    let mut hash = name.len() as u64;
    let mut rest = name;
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        hash = fold(hash, u64::from_le_bytes(*word));
        rest = after;
    }
    let last = match (name, name.first_chunk::<4>(), name.last_chunk::<4>()) {
        (_, Some(first), Some(last)) => match name.last_chunk::<8>() {
            Some(word) => u64::from_le_bytes(*word),
            None => u32::from_le_bytes(*first) as u64 | (u32::from_le_bytes(*last) as u64) << 32,
        },
        ([a, b, c], ..) => *a as u64 | (*b as u64) << 8 | (*c as u64) << 16,
        ([a, b], ..) => *a as u64 | (*b as u64) << 8,
        ([a], ..) => *a as u64,
        _ => 0,
    };
    fold(hash, last)
}

const fn fold(hash: u64, word: u64) -> u64 {
    let product = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ product >> 32
}

#[cfg(test)]
mod tests {
    use super::Names;

    static ROWS: [(&str, u8); 7] = [
        ("", 0),
        ("a", 1),
        ("b", 2),
        ("eight_by", 3),
        ("eight_byt", 4),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", 5),
        ("aaaaaaaaaaaaaaaa", 6),
    ];
    // All slots but one are taken: every search runs over others.
    static NAMES: Names<u8, 8> = Names::new(&ROWS);

    #[test]
    fn every_row_is_found_and_nothing_else() {
        for (name, value) in ROWS {
            assert_eq!(NAMES.get(name), Some(value), "{name}");
        }
        for name in ["c", "aa", "eight_b", "eight_byte", "aaaaaaaa", "ab"] {
            assert_eq!(NAMES.get(name), None, "{name}");
        }
    }
}
