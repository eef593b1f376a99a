//! Looking at bytes, eight at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The highest bit of every byte that is 0, and of some above the first one.
#[inline]
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

/// Where the first byte is that is `a` or `b`.
#[inline]
pub(crate) fn either(bytes: &[u8], a: u8, b: u8) -> Option<usize> {
    let (wide_a, wide_b) = (ONES * u64::from(a), ONES * u64::from(b));
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ wide_a) | zeros(word ^ wide_b);
        if found != 0 {
            return Some(at * 8 + (found.trailing_zeros() / 8) as usize);
        }
    }
    rest.iter()
        .position(|&byte| byte == a || byte == b)
        .map(|at| words.len() * 8 + at)
}

/// Whether two texts are the same, without a call for the short ones that names are.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (a_words, a_rest) = a.as_chunks::<8>();
    let (b_words, b_rest) = b.as_chunks::<8>();
    for (a, b) in a_words.iter().zip(b_words) {
        if u64::from_ne_bytes(*a) != u64::from_ne_bytes(*b) {
            return false;
        }
    }
    match (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        (Some(a), Some(b)) => a == b,
        _ => a_rest.iter().zip(b_rest).all(|(a, b)| a == b),
    }
}

/// The highest bit of every byte that is from `low` to `high`; all bytes are below 128.
#[inline]
const fn between(word: u64, low: u8, high: u8) -> u64 {
    (word + ONES * (0x80 - low as u64)) & !(word + ONES * (0x7f - high as u64)) & HIGHS
}

/// The highest bit of every byte that is no part of a C identifier.
#[inline]
const fn no_ident(word: u64) -> u64 {
    let low = word & !HIGHS;
    let ident = between(low | (ONES * 0x20), b'a', b'z')
        | between(low, b'0', b'9')
        | between(low, b'_', b'_');
    !(ident & !word) & HIGHS
}

/// A byte of a C identifier.
pub(crate) fn is_ident(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// How many bytes of an identifier stand in front.
#[inline]
pub(crate) fn ident(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let found = no_ident(u64::from_le_bytes(*word));
        if found != 0 {
            return at * 8 + (found.trailing_zeros() / 8) as usize;
        }
    }
    words.len() * 8 + rest.iter().take_while(|&&byte| is_ident(byte)).count()
}

/// How many bytes of an identifier stand at the end.
#[inline]
pub(crate) fn ident_at_end(bytes: &[u8]) -> usize {
    let (rest, words) = bytes.as_rchunks::<8>();
    for (at, word) in words.iter().rev().enumerate() {
        let found = no_ident(u64::from_le_bytes(*word));
        if found != 0 {
            return at * 8 + (found.leading_zeros() / 8) as usize;
        }
    }
    words.len() * 8
        + rest
            .iter()
            .rev()
            .take_while(|&&byte| is_ident(byte))
            .count()
}

#[cfg(test)]
mod tests {
    use super::{either, ident, ident_at_end, is_ident, same};

    #[test]
    fn same_is_what_a_comparison_says() {
        let text = b"abcdefghijklmnopqrstuvwxyz";
        for len in 0..text.len() {
            for other in 0..text.len() {
                assert_eq!(same(&text[..len], &text[..other]), len == other);
            }
            for at in 0..len {
                let mut changed = *text;
                changed[at] ^= 1;
                assert!(!same(&text[..len], &changed[..len]), "{len} {at}");
            }
        }
    }

    #[test]
    fn identifiers_end_where_they_do_byte_by_byte() {
        for byte in 0..=255u8 {
            for len in 0..20 {
                for place in 0..len {
                    let mut bytes = alloc::vec![b'a' + len as u8; len];
                    bytes[place] = byte;
                    let front = bytes.iter().take_while(|&&byte| is_ident(byte)).count();
                    let end = bytes
                        .iter()
                        .rev()
                        .take_while(|&&byte| is_ident(byte))
                        .count();
                    assert_eq!(
                        (ident(&bytes), ident_at_end(&bytes)),
                        (front, end),
                        "{bytes:x?}"
                    );
                }
            }
        }
    }
    use alloc::vec::Vec;

    #[test]
    fn is_what_a_search_byte_by_byte_finds() {
        for len in 0..40 {
            for first in 0..=len {
                for second in [first, first + 1, first + 7, first + 8] {
                    let mut bytes: Vec<u8> = (0..len).map(|at| 0x22 + at as u8).collect();
                    for (at, byte) in [(first, b'"' ^ 1), (second, b'\\'), (first, b'"')] {
                        if let Some(place) = bytes.get_mut(at) {
                            *place = byte;
                        }
                    }
                    for (a, b) in [(b'"', b'\\'), (b'\\', b'\\'), (0, 0xff), (0x23, 0x2a)] {
                        assert_eq!(
                            either(&bytes, a, b),
                            bytes.iter().position(|&byte| byte == a || byte == b),
                            "{bytes:x?}"
                        );
                    }
                }
            }
        }
    }
}
