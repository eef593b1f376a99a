//! Output: one large buffer in front of a file descriptor, and numbers without the formatting machinery.
//!
//! A log may hold millions of records and each becomes a page of text, so the pieces go into the buffer directly:
//! no lock, no line buffering, no allocation for a record.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};

/// Written out when the buffer holds this much.
const FULL: usize = 256 << 10;

/// A buffered output that remembers its first error.
#[derive(Debug)]
pub(crate) struct Out {
    buffer: Vec<u8>,
    file: Option<File>,
}

impl Out {
    /// An output in front of a file.
    pub(crate) fn new(file: File) -> Self {
        Self {
            buffer: Vec::with_capacity(FULL + (16 << 10)),
            file: Some(file),
        }
    }

    /// An output that keeps everything; see [`Self::text`].
    pub(crate) const fn memory() -> Self {
        Self {
            buffer: Vec::new(),
            file: None,
        }
    }

    /// What was written and has not left yet, as text.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.buffer)
    }

    /// Drops what has not left yet.
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Writes a piece of text. Inlined, so that a piece of known length is a few stores.
    #[inline(always)]
    pub(crate) fn str(&mut self, text: &str) -> &mut Self {
        self.buffer.extend_from_slice(text.as_bytes());
        self
    }

    /// Writes bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.buffer.extend_from_slice(bytes);
        self
    }

    /// What was written behind the first `start` bytes that have not left yet.
    pub(crate) fn written_since(&self, start: usize) -> &[u8] {
        self.buffer.get(start..).unwrap_or_default()
    }

    /// A part of what was written and has not left yet.
    #[inline]
    pub(crate) fn written(&self, part: std::ops::Range<usize>) -> &[u8] {
        self.buffer.get(part).unwrap_or_default()
    }

    /// Writes `text` and then spaces, `width` bytes in all at least.
    pub(crate) fn pad(&mut self, text: &str, width: usize) -> &mut Self {
        self.str(text);
        self.spaces(width.saturating_sub(text.len()))
    }

    /// Writes spaces.
    pub(crate) fn spaces(&mut self, n: usize) -> &mut Self {
        self.buffer.resize(self.buffer.len() + n, b' ');
        self
    }

    /// Writes a number in decimal.
    #[inline]
    pub(crate) fn dec(&mut self, value: u64) -> &mut Self {
        if value < 10 {
            self.buffer.push(b'0' + value as u8);
            return self;
        }
        match u32::try_from(value) {
            Ok(value) if value < EIGHT_DIGITS => self.eight(value),
            _ => self.long(value),
        }
    }

    /// Writes a number of at most eight digits, without the zeros before it.
    #[inline]
    fn eight(&mut self, value: u32) -> &mut Self {
        let digits = u64::from_le_bytes(decimal(value));
        let zeros = (digits ^ ZEROS).trailing_zeros() / 8;
        // All bytes, of which the last are then taken back: a copy of known length is one store.
        self.buffer
            .extend_from_slice(&(digits >> (8 * zeros)).to_le_bytes());
        self.buffer.truncate(self.buffer.len() - zeros as usize);
        self
    }

    /// Writes a number of more than eight digits.
    #[cold]
    fn long(&mut self, value: u64) -> &mut Self {
        let (head, tail) = (
            value / u64::from(EIGHT_DIGITS),
            value % u64::from(EIGHT_DIGITS),
        );
        self.dec(head);
        self.buffer.extend_from_slice(&decimal(tail as u32));
        self
    }

    /// Writes a number below 100 in two digits.
    #[inline(always)]
    pub(crate) fn two(&mut self, value: u64) -> &mut Self {
        let digits = [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8];
        self.buffer.extend_from_slice(&digits);
        self
    }

    /// Writes a time of day as ` hh:mm:ss UTC`.
    #[inline]
    pub(crate) fn clock(&mut self, seconds: u32) -> &mut Self {
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let [_, _, h1, h2, m1, m2, s1, s2] = decimal(hour * 10_000 + minute * 100 + second);
        self.buffer.extend_from_slice(&[
            b' ', h1, h2, b':', m1, m2, b':', s1, s2, b' ', b'U', b'T', b'C',
        ]);
        self
    }

    /// Writes a number as `0x` and as few digits as it needs.
    pub(crate) fn hex(&mut self, value: u64) -> &mut Self {
        let zeros = value.leading_zeros().min(63) / 4;
        self.register(value << (4 * zeros));
        self.buffer.truncate(self.buffer.len() - zeros as usize);
        self
    }

    /// Writes a register as `0x` and all of its 16 digits.
    #[inline]
    pub(crate) fn register(&mut self, value: u64) -> &mut Self {
        let mut piece = *b"0x0123456789abcdef";
        if let Some((_, digits)) = piece.split_first_chunk_mut::<2>() {
            digits.copy_from_slice(&hex_digits(value));
        }
        self.buffer.extend_from_slice(&piece);
        self
    }

    /// Writes text in upper case.
    pub(crate) fn upper(&mut self, text: &str) -> &mut Self {
        let start = self.buffer.len();
        self.str(text);
        self.buffer[start..].make_ascii_uppercase();
        self
    }

    /// Writes anything that shows itself.
    pub(crate) fn show(&mut self, value: impl fmt::Display) -> &mut Self {
        // Writing into memory cannot fail.
        let _ = fmt::Write::write_fmt(self, format_args!("{value}"));
        self
    }

    /// How much has not left yet.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Sends the buffer on if it is full: called between records.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub(crate) fn flush_full(&mut self) -> io::Result<()> {
        if self.buffer.len() >= FULL {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Sends the buffer on.
    ///
    /// # Errors
    ///
    /// Those of the file; what was to be written is gone then.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let result = file.write_all(&self.buffer);
        self.buffer.clear();
        result
    }
}

/// One more than the largest number of eight digits.
const EIGHT_DIGITS: u32 = 100_000_000;

/// Eight times the digit 0.
const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// The eight digits of a number below [`EIGHT_DIGITS`], all at once: it is parted in the middle, its halves again, and
/// theirs again, each time in all parts of the word. Division is by multiplying with the reciprocal.
#[inline]
const fn decimal(value: u32) -> [u8; 8] {
    let fours = (value / 10_000) as u64 | ((value % 10_000) as u64) << 32;
    let high = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = high | (fours - 100 * high) << 16;
    let high = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = high | (twos - 10 * high) << 8;
    (ones | ZEROS).to_le_bytes()
}

/// The 16 hex digits of a number.
#[inline]
fn hex_digits(value: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    let (high, low) = digits.split_at_mut(8);
    high.copy_from_slice(&hex_word((value >> 32) as u32));
    low.copy_from_slice(&hex_word(value as u32));
    digits
}

/// The 8 hex digits of a number, all at once: each nibble goes to a byte of its own, those above 9 are found by the carry
/// of an addition of 6, and moved up to the letters.
#[inline]
const fn hex_word(value: u32) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut v = value as u64;
    v = (v | v << 16) & 0x0000_ffff_0000_ffff;
    v = (v | v << 8) & 0x00ff_00ff_00ff_00ff;
    v = (v | v << 4) & (0x0f * EACH);
    let letters = (v + 6 * EACH) >> 4 & EACH;
    let digits = v + b'0' as u64 * EACH + letters * (b'a' - b'0' - 10) as u64;
    digits.to_be_bytes()
}

impl fmt::Write for Out {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.str(text);
        Ok(())
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::flush(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_the_formatting_machinery_writes_them() {
        let around = |n: u64| [n - 1, n, n + 1];
        let powers = (0..64)
            .map(|bits| 1 << bits)
            .chain((0..20).map(|n| 10_u64.pow(n)));
        let values = powers
            .flat_map(around)
            .chain([u64::MAX, 1_700_000_000, 12_345_678]);
        for value in values {
            let mut out = Out::memory();
            out.dec(value).str(" ").hex(value).str(" ").register(value);
            assert_eq!(out.text(), format!("{value} {value:#x} {value:#018x}"));
        }
        for value in 0..EIGHT_DIGITS / 1000 {
            let value = value * 1000 + value % 1000;
            assert_eq!(decimal(value), *format!("{value:08}").as_bytes());
        }
        let mut out = Out::memory();
        out.two(7).two(12).pad("ab", 4).pad("abcde", 4);
        assert_eq!(out.text(), "0712ab  abcde");
    }
}
