//! Integers as the kernel's `number()` prints them.

use super::conversion::{LEFT, MARK, PLUS, SPACE, SPECIAL, UPPER, ZERO};
use super::out::Out;

/// How a number is to look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) base: u8,
    pub(super) signed: bool,
    pub(super) flags: u8,
    /// Below 1 for none.
    pub(super) width: i32,
    /// Negative for none.
    pub(super) precision: i32,
}

impl Look {
    pub(super) const fn plain(base: u8) -> Self {
        Self {
            base,
            signed: false,
            flags: 0,
            width: -1,
            precision: -1,
        }
    }

    /// `%0*x`.
    pub(super) const fn hex_padded(width: i32) -> Self {
        Self {
            base: 16,
            signed: false,
            flags: ZERO,
            width,
            precision: -1,
        }
    }
}

/// Two decimal digits at a time.
const PAIRS: [u8; 200] = {
    let mut pairs = [0; 200];
    let mut at = 0;
    while at < 100 {
        pairs[2 * at] = b'0' + (at / 10) as u8;
        pairs[2 * at + 1] = b'0' + (at % 10) as u8;
        at += 1;
    }
    pairs
};

/// 2^64 - 1 in octal.
const DIGITS: usize = 22;
/// Digits that are written at once, as one number.
pub(super) const WORD: usize = 16;
/// The first number that has more decimal digits than that.
const WORD_LIMIT: u64 = 10_000_000_000_000_000;

/// Eight hexadecimal digits at once: nibbles are spread over bytes, and each is moved to its
/// digit or letter.
const fn hex_word(value: u32, letter: u64) -> u64 {
    let mut spread = (value as u64 & 0xffff_0000) << 16 | (value as u64 & 0xffff);
    spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff;
    spread = (spread | spread << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = (spread + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    spread + 0x3030_3030_3030_3030 + letters * letter
}

/// All sixteen digits of a number in base 16, the first in the highest byte; how many count.
fn hex_digits(value: u64, upper: bool) -> (u128, usize) {
    let letter = if upper { 7 } else { 39 };
    let high = hex_word((value >> 32) as u32, letter);
    let low = hex_word(value as u32, letter);
    let len = (67 - value.leading_zeros() as usize) / 4;
    (u128::from(high) << 64 | u128::from(low), len.max(1))
}

/// Sixteen digits of a number below 10^16, the first in the highest byte; how many count.
fn decimal_digits(value: u64) -> (u128, usize) {
    let mut bytes = [b'0'; WORD];
    let mut rest = value;
    let mut at = WORD;
    while rest >= 10 && at >= 2 {
        let pair = (rest % 100) as usize * 2;
        rest /= 100;
        at -= 2;
        if let (Some(place), Some(pair)) = (bytes.get_mut(at..at + 2), PAIRS.get(pair..pair + 2)) {
            place.copy_from_slice(pair);
        }
    }
    if (rest > 0 || at == WORD) && at > 0 {
        at -= 1;
        if let Some(place) = bytes.get_mut(at) {
            *place = b'0' + rest as u8;
        }
    }
    let mut len = WORD - at;
    // The last pair may have begun with a zero.
    if len > 1 && bytes.get(at) == Some(&b'0') {
        len -= 1;
    }
    (u128::from_be_bytes(bytes), len)
}

/// Prints a number. `value` is carried to 64 bits by its sign where `look.signed`.
#[inline]
pub(super) fn number(out: &mut Out<'_>, value: u64, mut look: Look) {
    if look.flags & MARK != 0 {
        look.flags = if value < 10 { 0 } else { SPECIAL };
    }
    let negative = look.signed && (value as i64) < 0;
    let plain = look.flags & (SPECIAL | PLUS | SPACE | LEFT) == 0 && look.precision < 0;
    let word = match look.base {
        16 => Some(hex_digits(value, look.flags & UPPER != 0)),
        10 if !negative && value < WORD_LIMIT => Some(decimal_digits(value)),
        _ => None,
    };
    if plain
        && !negative
        && let Some((digits, len)) = word
    {
        let width = look.width.max(0) as usize;
        if width <= len {
            return out.put_word(digits, len);
        }
        if look.flags & ZERO != 0 && width <= WORD {
            return out.put_word(digits, width);
        }
    }
    if plain && look.base == 10 && look.width <= 1 {
        if negative {
            out.byte(b'-');
        }
        let magnitude = if negative {
            value.wrapping_neg()
        } else {
            value
        };
        let high = magnitude / WORD_LIMIT;
        let (digits, len) = decimal_digits(magnitude % WORD_LIMIT);
        if high > 0 {
            let (high, len) = decimal_digits(high);
            out.put_word(high, len);
            return out.put_word(digits, WORD);
        }
        return out.put_word(digits, len);
    }
    slow(out, value, negative, look);
}

/// The number's digits, at the end of `digits`; how many there are.
fn digits(digits: &mut [u8; DIGITS], value: u64, look: Look) -> usize {
    let mut rest = value;
    let mut len = 0;
    let letter = if look.flags & UPPER == 0 { b'a' } else { b'A' } - 10;
    let base = u64::from(look.base.max(2));
    for place in digits.iter_mut().rev() {
        let digit = (rest % base) as u8;
        *place = if digit < 10 { b'0' } else { letter } + digit;
        len += 1;
        rest /= base;
        if rest == 0 {
            break;
        }
    }
    len
}

/// A number with all that it can have around it.
fn slow(out: &mut Out<'_>, value: u64, negative: bool, look: Look) {
    let (sign, magnitude) = match (negative, look.signed) {
        (true, _) => (b'-', value.wrapping_neg()),
        (_, true) if look.flags & PLUS != 0 => (b'+', value),
        (_, true) if look.flags & SPACE != 0 => (b' ', value),
        _ => (0, value),
    };
    let mut buffer = [b'0'; DIGITS];
    let len = digits(&mut buffer, magnitude, look);
    let text = buffer.get(DIGITS - len..).unwrap_or_default();
    full(out, text, sign, value == 0, look);
}

/// All that a number can have around its digits.
fn full(out: &mut Out<'_>, text: &[u8], sign: u8, is_zero: bool, look: Look) {
    let prefix: &[u8] = match (look.flags & SPECIAL != 0, look.base) {
        (true, 16) if look.flags & UPPER != 0 => b"0X",
        (true, 16) => b"0x",
        (true, 8) if !is_zero => b"0",
        _ => b"",
    };
    let zeros = (look.precision.max(0) as usize).saturating_sub(text.len());
    let body = usize::from(sign != 0) + prefix.len() + zeros + text.len();
    let pad = (look.width.max(0) as usize).saturating_sub(body);
    if look.flags & (ZERO | LEFT) == 0 {
        out.pad(b' ', pad);
    }
    if sign != 0 {
        out.byte(sign);
    }
    out.put(prefix);
    if look.flags & (ZERO | LEFT) == ZERO {
        out.pad(b'0', pad);
    }
    out.pad(b'0', zeros);
    out.put(text);
    if look.flags & LEFT != 0 {
        out.pad(b' ', pad);
    }
}
