//! Where JSON text is put together before it is handed on.
//!
//! Most of it is keys and short texts. Handing on each of them costs more than writing them, so they are gathered in a
//! buffer of fixed size, with stores of fixed size.

use core::fmt::{self, Write};

/// A power of two; as much as one record's explanation needs once or twice.
const SIZE: usize = 512;

/// As long as the keys that records and decodings have.
const SHORT_KEY: usize = 28;

/// Text on its way to `out`.
pub(super) struct Stage<W> {
    out: W,
    /// Whole texts only, so that what is handed on is text.
    bytes: [u8; SIZE],
    /// Below [`SIZE`].
    len: usize,
}

impl<W: Write> Stage<W> {
    pub(super) const fn new(out: W) -> Self {
        Self {
            out,
            bytes: [0; SIZE],
            len: 0,
        }
    }

    /// Hands on what was gathered.
    ///
    /// # Errors
    ///
    /// Those of what the text goes to.
    #[inline(never)]
    pub(super) fn flush(&mut self) -> fmt::Result {
        let gathered = self.bytes.get(..self.len).unwrap_or_default();
        self.len = 0;
        self.out
            .write_str(core::str::from_utf8(gathered).map_err(|_| fmt::Error)?)
    }

    /// Room for `N` bytes, of which the first `used` are then part of the text.
    #[inline(always)]
    fn room<const N: usize>(&mut self, used: usize) -> Result<&mut [u8; N], fmt::Error> {
        // The remainder tells the compiler what always holds.
        let mut at = self.len % SIZE;
        if at + N >= SIZE {
            self.flush()?;
            at = 0;
        }
        self.len = at + used;
        let room = self.bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut);
        room.ok_or(fmt::Error)
    }

    /// Text that needs no escapes: signs of JSON, and short.
    #[inline(always)]
    pub(super) fn sign<const N: usize>(&mut self, text: &[u8; N]) -> fmt::Result {
        *self.room::<N>(N)? = *text;
        Ok(())
    }

    /// Text as it is.
    pub(super) fn text(&mut self, text: &str) -> fmt::Result {
        let mut at = self.len % SIZE;
        if text.len() >= SIZE - at {
            self.flush()?;
            at = 0;
            if text.len() >= SIZE {
                return self.out.write_str(text);
            }
        }
        if let Some(room) = self.bytes.get_mut(at..at + text.len()) {
            room.copy_from_slice(text.as_bytes());
            self.len = at + text.len();
        }
        Ok(())
    }

    /// A number in decimal.
    #[inline]
    pub(super) fn number(&mut self, value: u64) -> fmt::Result {
        if value < 10 {
            *self.room::<1>(1)? = [b'0' + value as u8];
            return Ok(());
        }
        let len = value.ilog10() as usize + 1;
        let room = self.room::<20>(len)?;
        let mut rest = value;
        for digit in room.iter_mut().take(len).rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        Ok(())
    }

    /// A key, behind what stands before it. Of a key that is known while compiling, little is left to do.
    #[inline(always)]
    pub(super) fn key(&mut self, before: u8, key: &str) -> fmt::Result {
        let (bytes, len) = (key.as_bytes(), key.len());
        if len <= SHORT_KEY && bytes.iter().fold(true, |all, &byte| all & plain(byte)) {
            let room = self.room::<{ SHORT_KEY + 4 }>(len + 4)?;
            room[0] = before;
            room[1] = b'"';
            room[2..len + 2].copy_from_slice(bytes);
            room[len + 2] = b'"';
            room[len + 3] = b':';
            return Ok(());
        }
        self.long_key(before, key)
    }

    #[cold]
    #[inline(never)]
    fn long_key(&mut self, before: u8, key: &str) -> fmt::Result {
        self.sign(&[before])?;
        self.quoted(key)?;
        self.sign(b":")
    }

    /// Text in quotes, with escapes where it needs some.
    #[inline(never)]
    pub(super) fn quoted(&mut self, text: &str) -> fmt::Result {
        let (bytes, len) = (text.as_bytes(), text.len());
        // Two stores, which overlap unless the text is as long as both.
        macro_rules! short {
            ($n:literal, $plain:expr) => {
                if let (Some(first), Some(last)) =
                    (bytes.first_chunk::<$n>(), bytes.last_chunk::<$n>())
                    && len <= 2 * $n
                    && $plain(first, last)
                {
                    let room = self.room::<{ 2 * $n + 2 }>(len + 2)?;
                    let end = 1 + len - $n;
                    room[0] = b'"';
                    room[1..1 + $n].copy_from_slice(first);
                    room[end..end + $n].copy_from_slice(last);
                    room[end + $n] = b'"';
                    return Ok(());
                }
            };
        }
        if len >= 32 {
            short!(32, are_plain);
        } else if len >= 16 {
            short!(16, are_plain);
        } else if len >= 8 {
            short!(8, are_plain);
        } else if len >= 4 {
            short!(4, |first: &[u8; 4], last: &[u8; 4]| word_is_plain(
                u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
            ));
        } else {
            short!(2, |first: &[u8; 2], last: &[u8; 2]| word_is_plain(
                0x2020_2020_0000_0000
                    | u64::from(u16::from_le_bytes(*first)) << 16
                    | u64::from(u16::from_le_bytes(*last))
            ));
        }
        self.long(text)
    }

    /// The same for text of any kind and length.
    #[inline(never)]
    fn long(&mut self, text: &str) -> fmt::Result {
        self.sign(b"\"")?;
        self.escaped(text)?;
        self.sign(b"\"")
    }

    /// Text with escapes where it needs some.
    fn escaped(&mut self, text: &str) -> fmt::Result {
        let (chunks, rest) = text.as_bytes().as_chunks::<16>();
        if chunks.iter().all(|chunk| are_plain(chunk, chunk)) && rest.iter().copied().all(plain) {
            return self.text(text);
        }
        for c in text.chars() {
            match c {
                '"' => self.sign(b"\\\"")?,
                '\\' => self.sign(b"\\\\")?,
                '\n' => self.sign(b"\\n")?,
                '\r' => self.sign(b"\\r")?,
                '\t' => self.sign(b"\\t")?,
                '\u{8}' => self.sign(b"\\b")?,
                '\u{c}' => self.sign(b"\\f")?,
                '\0'..' ' => write!(self, "\\u{:04x}", u32::from(c))?,
                _ => self.text(c.encode_utf8(&mut [0; 4]))?,
            }
        }
        Ok(())
    }

    /// What a value says of itself, in quotes.
    pub(super) fn shown(&mut self, value: &(impl fmt::Display + ?Sized)) -> fmt::Result {
        self.sign(b"\"")?;
        write!(Escaped(self), "{value}")?;
        self.sign(b"\"")
    }
}

impl<W: Write> Write for Stage<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text)
    }
}

/// Escapes whatever is written through it.
struct Escaped<'s, W>(&'s mut Stage<W>);

impl<W: Write> Write for Escaped<'_, W> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.escaped(text)
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
    const EACH: u64 = 0x0101_0101_0101_0101;
    const fn below(word: u64, limit: u8) -> u64 {
        word.wrapping_sub(EACH * limit as u64) & !word
    }
    let quote = word ^ (EACH * b'"' as u64);
    let backslash = word ^ (EACH * b'\\' as u64);
    (below(word, b' ') | below(quote, 1) | below(backslash, 1)) & (EACH << 7) == 0
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
                    stage.text(&before).unwrap();
                    stage.quoted(&text).unwrap();
                    stage.flush().unwrap();
                    let expected = before + &serde_json::to_string(&text).unwrap();
                    assert_eq!(out, expected, "{byte} at {at} of {len}");
                }
            }
        }
    }

    #[test]
    fn texts_of_every_length_in_a_row() {
        let (mut out, mut expected) = (String::new(), String::new());
        let mut stage = Stage::new(&mut out);
        for len in (0..2 * SIZE).step_by(7) {
            let text = "é".repeat(len / 2);
            stage.text(&text).unwrap();
            stage.number(len as u64).unwrap();
            expected += &std::format!("{text}{len}");
        }
        stage.flush().unwrap();
        assert_eq!(out, expected);
    }

    #[test]
    fn numbers_of_every_length() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                let mut out = String::new();
                let mut stage = Stage::new(&mut out);
                stage.number(value).unwrap();
                stage.flush().unwrap();
                assert_eq!(out, std::format!("{value}"));
            }
        }
    }
}
