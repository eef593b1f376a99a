//! Where JSON text is put together before it is handed on.
//!
//! Most of it is keys and short texts. Handing on each of them costs more than writing them, so they are gathered in a
//! buffer of fixed size, with stores of fixed size.

use core::fmt::{self, Write};

use crate::hex::{eight_hex_digits, hex_digits};

/// As much as one record's explanation needs once or twice.
const SIZE: usize = 1024;

/// As long as the keys that records and decodings have.
const SHORT_KEY: usize = 28;

/// As long as most texts.
const SHORT: usize = 64;

/// One in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

/// Where the text ends now.
pub(super) type Written = Result<usize, fmt::Error>;

/// Text on its way to `out`.
///
/// Where it ends is not kept here: it goes from call to call in a register. Through memory, each piece would wait for
/// the one before it.
pub(super) struct Stage<W> {
    out: W,
    /// Whole texts only, so that what is handed on is text.
    bytes: [u8; SIZE],
}

impl<W: Write> Stage<W> {
    pub(super) const fn new(out: W) -> Self {
        Self {
            out,
            bytes: [0; SIZE],
        }
    }

    /// Hands on what was gathered, the first `end` bytes.
    ///
    /// # Errors
    ///
    /// Those of what the text goes to.
    #[inline(never)]
    pub(super) fn flush(&mut self, end: usize) -> fmt::Result {
        let gathered = self.bytes.get(..end).unwrap_or_default();
        self.out
            .write_str(core::str::from_utf8(gathered).map_err(|_| fmt::Error)?)
    }

    /// Room for `N` bytes at `at`, or where it begins anew, which is given back.
    #[inline(always)]
    fn room<const N: usize>(&mut self, at: usize) -> Result<(usize, &mut [u8; N]), fmt::Error> {
        let at = if at <= const { SIZE - N } {
            at
        } else {
            self.flush(at)?;
            0
        };
        let room = self.bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut);
        room.map(|room| (at, room)).ok_or(fmt::Error)
    }

    /// Text that needs no escapes: signs of JSON, and short.
    #[inline(always)]
    pub(super) fn sign<const N: usize>(&mut self, at: usize, text: &[u8; N]) -> Written {
        let (at, room) = self.room(at)?;
        *room = *text;
        Ok(at + N)
    }

    /// Text as it is.
    pub(super) fn text(&mut self, mut at: usize, text: &str) -> Written {
        if text.len() > SIZE - at.min(SIZE) {
            self.flush(at)?;
            at = 0;
            if text.len() > SIZE {
                self.out.write_str(text)?;
                return Ok(0);
            }
        }
        let end = at + text.len();
        if let Some(room) = self.bytes.get_mut(at..end) {
            room.copy_from_slice(text.as_bytes());
        }
        Ok(end)
    }

    /// A number in decimal.
    #[inline]
    pub(super) fn number(&mut self, at: usize, value: u64) -> Written {
        if value < 10 {
            return self.sign(at, &[b'0' + value as u8]);
        }
        self.long_number(at, value)
    }

    #[inline(never)]
    fn long_number(&mut self, at: usize, value: u64) -> Written {
        const EIGHT: u64 = 100_000_000;
        const ZEROS: u64 = EACH * b'0' as u64;
        if value >= EIGHT {
            let at = self.long_number(at, value / EIGHT)?;
            let digits = decimals(value % EIGHT) | ZEROS;
            return self.sign(at, &digits.to_le_bytes());
        }
        let digits = decimals(value);
        // Zero has a digit too.
        let zeros = (digits.trailing_zeros() / 8).min(7);
        let (at, room) = self.room(at)?;
        *room = ((digits >> (8 * zeros)) | ZEROS).to_le_bytes();
        Ok(at + 8 - zeros as usize)
    }

    /// A number in hex, with as many quotes on either side.
    #[inline]
    pub(super) fn hex<const QUOTES: usize>(&mut self, at: usize, value: u64) -> Written {
        if value > u32::MAX.into() {
            return self.long_hex::<QUOTES>(at, value);
        }
        if let Some(&digit) = b"0123456789abcdef".get(value as usize) {
            return self.digits::<QUOTES, 1, 5>(at, &[digit], 1);
        }
        let zeros = (value as u32).leading_zeros() / 4;
        let digits = eight_hex_digits(value << (4 * zeros));
        self.digits::<QUOTES, 8, 12>(at, &digits, 8 - zeros as usize)
    }

    #[inline(never)]
    fn long_hex<const QUOTES: usize>(&mut self, at: usize, value: u64) -> Written {
        let (digits, len) = hex_digits(value);
        self.digits::<QUOTES, 16, 20>(at, &digits, len)
    }

    /// The first `len` of `N` hex digits, with what belongs around them: `ROOM` is four more.
    #[inline(always)]
    fn digits<const QUOTES: usize, const N: usize, const ROOM: usize>(
        &mut self,
        at: usize,
        digits: &[u8; N],
        len: usize,
    ) -> Written {
        let (at, room) = self.room::<ROOM>(at)?;
        if QUOTES == 1 {
            room[0] = b'"';
        }
        room[QUOTES..QUOTES + 2].copy_from_slice(b"0x");
        room[QUOTES + 2..QUOTES + 2 + N].copy_from_slice(digits);
        let end = QUOTES + 2 + len.min(N);
        if QUOTES == 1 {
            room[end] = b'"';
        }
        Ok(at + end + QUOTES)
    }

    /// A key, behind what stands before it. Of a key that is known while compiling, little is left to do.
    #[inline(always)]
    pub(super) fn key(&mut self, at: usize, before: u8, key: &str) -> Written {
        let (bytes, len) = (key.as_bytes(), key.len());
        if len <= SHORT_KEY && bytes.iter().fold(true, |all, &byte| all & plain(byte)) {
            let (at, room) = self.room::<{ SHORT_KEY + 4 }>(at)?;
            room[0] = before;
            room[1] = b'"';
            room[2..len + 2].copy_from_slice(bytes);
            room[len + 2] = b'"';
            room[len + 3] = b':';
            return Ok(at + len + 4);
        }
        self.long_key(at, before, key)
    }

    #[cold]
    #[inline(never)]
    fn long_key(&mut self, at: usize, before: u8, key: &str) -> Written {
        let at = self.sign(at, &[before])?;
        let at = self.quoted::<false>(at, key)?;
        self.sign(at, b":")
    }

    /// Text in quotes, with escapes where it needs some; `PLAIN` text is known to need none.
    #[inline(never)]
    pub(super) fn quoted<const PLAIN: bool>(&mut self, at: usize, text: &str) -> Written {
        debug_assert!(!PLAIN || text.bytes().all(plain), "{text}");
        match self.short::<1, PLAIN>(at, text) {
            Some(end) => Ok(end),
            None => self.long(at, text),
        }
    }

    /// Text with as many quotes on either side, if it is short, needs no escapes, and there is room.
    #[inline(always)]
    fn short<const QUOTES: usize, const PLAIN: bool>(
        &mut self,
        at: usize,
        text: &str,
    ) -> Option<usize> {
        let (bytes, len) = (text.as_bytes(), text.len());
        let room = self.bytes.get_mut(at..)?;
        let room = room.first_chunk_mut::<{ SHORT + 2 }>()?;
        // Two stores, which overlap unless the text is as long as both.
        macro_rules! twice {
            ($n:literal, $plain:expr) => {{
                let (first, last) = (bytes.first_chunk::<$n>()?, bytes.last_chunk::<$n>()?);
                if len > 2 * $n || !(PLAIN || $plain(first, last)) {
                    return None;
                }
                let end = QUOTES + len - $n;
                room[QUOTES..QUOTES + $n].copy_from_slice(first);
                room[end..end + $n].copy_from_slice(last);
            }};
        }
        if QUOTES == 1 {
            room[0] = b'"';
        }
        if len >= 32 {
            twice!(32, are_plain);
        } else if len >= 16 {
            twice!(16, are_plain);
        } else if len >= 8 {
            twice!(8, are_plain);
        } else if len >= 4 {
            twice!(4, |first: &[u8; 4], last: &[u8; 4]| word_is_plain(
                u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
            ));
        } else if len >= 2 {
            twice!(2, |first: &[u8; 2], last: &[u8; 2]| word_is_plain(
                0x2020_2020_0000_0000
                    | u64::from(u16::from_le_bytes(*first)) << 16
                    | u64::from(u16::from_le_bytes(*last))
            ));
        } else {
            twice!(1, |first: &[u8; 1], _| plain(first[0]));
        }
        if QUOTES == 1 {
            room[1 + len] = b'"';
        }
        Some(at + len + 2 * QUOTES)
    }

    /// Text in quotes, of any kind and length.
    #[inline(never)]
    fn long(&mut self, mut at: usize, text: &str) -> Written {
        if at > SIZE - SHORT - 2 {
            self.flush(at)?;
            at = 0;
        }
        let at = self.sign(at, b"\"")?;
        let at = self.escaped(at, text)?;
        self.sign(at, b"\"")
    }

    /// Text with escapes where it needs some.
    fn escaped(&mut self, mut at: usize, text: &str) -> Written {
        if let Some(end) = self.short::<0, false>(at, text) {
            return Ok(end);
        }
        let (chunks, rest) = text.as_bytes().as_chunks::<16>();
        if chunks.iter().all(|chunk| are_plain(chunk, chunk)) && rest.iter().copied().all(plain) {
            return self.text(at, text);
        }
        for c in text.chars() {
            at = match c {
                '"' => self.sign(at, b"\\\"")?,
                '\\' => self.sign(at, b"\\\\")?,
                '\n' => self.sign(at, b"\\n")?,
                '\r' => self.sign(at, b"\\r")?,
                '\t' => self.sign(at, b"\\t")?,
                '\u{8}' => self.sign(at, b"\\b")?,
                '\u{c}' => self.sign(at, b"\\f")?,
                '\0'..' ' => {
                    let [.., high, low] = eight_hex_digits(c.into());
                    self.sign(at, &[b'\\', b'u', b'0', b'0', high, low])?
                }
                _ => self.text(at, c.encode_utf8(&mut [0; 4]))?,
            }
        }
        Ok(at)
    }

    /// What a value says of itself, with escapes where it needs some.
    pub(super) fn shown(&mut self, at: usize, value: impl fmt::Display) -> Written {
        let mut shown = Shown { stage: self, at };
        write!(shown, "{value}")?;
        Ok(shown.at)
    }
}

/// Escapes whatever is written through it.
struct Shown<'s, W> {
    stage: &'s mut Stage<W>,
    at: usize,
}

impl<W: Write> Write for Shown<'_, W> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.at = self.stage.escaped(self.at, text)?;
        Ok(())
    }
}

/// Whether a byte stands for itself in JSON text: no quote, no backslash, no control character.
#[inline(always)]
const fn plain(byte: u8) -> bool {
    byte >= b' ' && byte != b'"' && byte != b'\\'
}

/// The same for all of some bytes, without a branch, so that they are compared at once.
#[inline(always)]
fn are_plain<const N: usize>(first: &[u8; N], last: &[u8; N]) -> bool {
    // Zero for a byte that is not plain.
    let rest = |byte: u8| {
        let sign = (byte ^ b'"').min(byte ^ b'\\');
        sign.min(byte.saturating_sub(b' ' - 1))
    };
    let rests = first.iter().zip(last).map(|(&a, &b)| rest(a).min(rest(b)));
    rests.fold(true, |all, rest| all & (rest != 0))
}

/// The same for eight bytes in one word: a subtraction borrows into the highest bit of each byte that was too small.
#[inline(always)]
const fn word_is_plain(word: u64) -> bool {
    const fn below(word: u64, limit: u8) -> u64 {
        word.wrapping_sub(EACH * limit as u64) & !word
    }
    let quote = word ^ (EACH * b'"' as u64);
    let backslash = word ^ (EACH * b'\\' as u64);
    (below(word, b' ') | below(quote, 1) | below(backslash, 1)) & (EACH << 7) == 0
}

/// The eight decimal digits of a number below 100,000,000, the first in the lowest byte.
const fn decimals(value: u64) -> u64 {
    // Halves of four digits, then of two, then of one; what is divided is so small that a multiplication does it.
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let upper = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = upper | ((fours - 100 * upper) << 16);
    let upper = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    upper | ((twos - 10 * upper) << 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    #[test]
    fn every_byte_wherever_it_stands_and_wherever_the_buffer_ends() {
        for len in 0..70 {
            for at in 0..len.max(1) {
                for byte in [b'x', b'"', b'\\', 0, 0x1f, b' ', 0x7f] {
                    let mut text = std::vec![b'a'; len];
                    if let Some(place) = text.get_mut(at) {
                        *place = byte;
                    }
                    let text = String::from_utf8(text).unwrap();
                    let (mut out, before) = (String::new(), "-".repeat(SIZE - at - 1));
                    let mut stage = Stage::new(&mut out);
                    let end = stage.text(0, &before).unwrap();
                    let end = stage.quoted::<false>(end, &text).unwrap();
                    stage.flush(end).unwrap();
                    let expected = before + &serde_json::to_string(&text).unwrap();
                    assert_eq!(out, expected, "{byte} at {at} of {len}");
                }
            }
        }
    }

    #[test]
    fn texts_of_every_length_in_a_row() {
        let (mut out, mut expected) = (String::new(), String::new());
        let (mut stage, mut end) = (Stage::new(&mut out), 0);
        for len in (0..2 * SIZE).step_by(7) {
            let text = "é".repeat(len / 2);
            end = stage.text(end, &text).unwrap();
            end = stage.number(end, len as u64).unwrap();
            expected += &std::format!("{text}{len}");
        }
        stage.flush(end).unwrap();
        assert_eq!(out, expected);
    }

    #[test]
    fn numbers_of_every_length() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                let mut out = String::new();
                let mut stage = Stage::new(&mut out);
                let end = stage.number(0, value).unwrap();
                stage.flush(end).unwrap();
                assert_eq!(out, std::format!("{value}"));
            }
        }
    }
}
