//! Pieces of text that were written before.
//!
//! In a storm of errors most of what is said repeats: the same code, flags, grade and processor. A piece is made once,
//! and copied while its key comes again. Memory is bounded: each slot holds one piece, a new key takes its slot over.

use super::out::Out;

/// Slots of a memo; a power of two.
const SLOTS: usize = 64;

/// Pieces of text by what they depend on.
#[derive(Debug)]
pub(crate) struct Memo<K> {
    slots: Vec<Option<(K, Vec<u8>)>>,
}

impl<K: Copy + Eq> Memo<K> {
    pub(crate) fn new() -> Self {
        Self {
            slots: (0..SLOTS).map(|_| None).collect(),
        }
    }

    /// Writes the piece for `key`, which `make` writes if it is not there. `mix` spreads the keys over the slots.
    #[inline]
    pub(crate) fn write(&mut self, key: K, mix: u64, out: &mut Out, make: impl FnOnce(&mut Out)) {
        let spread = mix.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58;
        let Some(slot) = self.slots.get_mut(spread as usize % SLOTS) else {
            return make(out);
        };
        if let Some((known, piece)) = slot
            && *known == key
        {
            out.bytes(piece);
            return;
        }
        let start = out.len();
        make(out);
        let piece = out.written_since(start);
        match slot {
            Some((known, kept)) => {
                *known = key;
                kept.clear();
                kept.extend_from_slice(piece);
            }
            None => *slot = Some((key, piece.to_vec())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_made_once_and_is_the_same_again() {
        let (mut memo, mut out, mut made) = (Memo::new(), Out::memory(), 0);
        for key in [1, 2, 1, 1, 2] {
            memo.write(key, key, &mut out, |out| {
                made += 1;
                out.dec(key).str(" ");
            });
        }
        assert_eq!(out.text(), "1 2 1 1 2 ");
        assert_eq!(made, 2);
    }

    #[test]
    fn keys_that_share_a_slot_do_not_mix() {
        let (mut memo, mut out) = (Memo::new(), Out::memory());
        for key in 0..1000_u64 {
            memo.write(key, 7, &mut out, |out| _ = out.dec(key));
            memo.write(key, 7, &mut out, |_| panic!("{key} was there"));
        }
    }
}
