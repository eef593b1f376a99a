//! Looking for a byte, eight at a time.

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

#[cfg(test)]
mod tests {
    use super::either;
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
