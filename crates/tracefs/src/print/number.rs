//! Integers as the kernel's `number()` prints them.

use super::conversion::{LEFT, PLUS, SPACE, SPECIAL, UPPER, ZERO};
use super::out::Out;

/// How a number is to look.
#[derive(Clone, Copy)]
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

/// The number's digits, at the end of `digits`; how many there are.
fn digits(digits: &mut [u8; DIGITS], mut value: u64, look: Look) -> usize {
    let mut at = DIGITS;
    let mut put = |byte: u8, at: &mut usize| {
        *at = at.saturating_sub(1);
        if let Some(place) = digits.get_mut(*at) {
            *place = byte;
        }
    };
    match look.base {
        10 => {
            while value >= 100 {
                let pair = (value % 100) as usize * 2;
                value /= 100;
                put(PAIRS.get(pair + 1).copied().unwrap_or(b'0'), &mut at);
                put(PAIRS.get(pair).copied().unwrap_or(b'0'), &mut at);
            }
            if value >= 10 {
                let pair = value as usize * 2;
                put(PAIRS.get(pair + 1).copied().unwrap_or(b'0'), &mut at);
                put(PAIRS.get(pair).copied().unwrap_or(b'0'), &mut at);
            } else {
                put(b'0' + value as u8, &mut at);
            }
        }
        16 => {
            let letter = if look.flags & UPPER == 0 { b'a' } else { b'A' } - 10;
            loop {
                let digit = (value & 15) as u8;
                put(if digit < 10 { b'0' } else { letter } + digit, &mut at);
                value >>= 4;
                if value == 0 {
                    break;
                }
            }
        }
        _ => loop {
            put(b'0' + (value & 7) as u8, &mut at);
            value >>= 3;
            if value == 0 {
                break;
            }
        },
    }
    DIGITS - at
}

/// Prints a number. `value` is carried to 64 bits by its sign where `look.signed`.
pub(super) fn number(out: &mut Out<'_>, value: u64, look: Look) {
    let mut sign = 0;
    let mut magnitude = value;
    if look.signed {
        if (value as i64) < 0 {
            sign = b'-';
            magnitude = value.wrapping_neg();
        } else if look.flags & PLUS != 0 {
            sign = b'+';
        } else if look.flags & SPACE != 0 {
            sign = b' ';
        }
    }
    let mut buffer = [b'0'; DIGITS];
    let len = digits(&mut buffer, magnitude, look);
    let text = buffer.get(DIGITS - len..).unwrap_or_default();
    if sign == 0 && look.flags & SPECIAL == 0 && look.precision <= len as i32 {
        // Most numbers.
        let pad = (look.width.max(0) as usize).saturating_sub(len);
        if pad == 0 {
            return out.put(text);
        }
        if look.flags & (ZERO | LEFT) == ZERO && pad <= DIGITS - len {
            // The buffer is full of zeros already.
            return out.put(buffer.get(DIGITS - len - pad..).unwrap_or_default());
        }
    }
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
