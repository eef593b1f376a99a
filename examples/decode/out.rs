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

    /// Writes a piece of text.
    pub(crate) fn str(&mut self, text: &str) -> &mut Self {
        self.buffer.extend_from_slice(text.as_bytes());
        self
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
    pub(crate) fn dec(&mut self, mut value: u64) -> &mut Self {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.buffer.extend_from_slice(&digits[at..]);
        self
    }

    /// Writes a number in decimal, of at least two digits.
    pub(crate) fn two(&mut self, value: u64) -> &mut Self {
        if value < 10 {
            self.str("0");
        }
        self.dec(value)
    }

    /// Writes a number as `0x` and as few digits as it needs.
    pub(crate) fn hex(&mut self, value: u64) -> &mut Self {
        let digits = (16 - value.leading_zeros() as usize / 4).max(1);
        self.hex_digits(value, digits)
    }

    /// Writes a register as `0x` and all of its 16 digits.
    pub(crate) fn register(&mut self, value: u64) -> &mut Self {
        self.hex_digits(value, 16)
    }

    /// Writes `0x` and the lowest `n` hex digits.
    pub(crate) fn hex_digits(&mut self, value: u64, n: usize) -> &mut Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'0'; 18];
        text[1] = b'x';
        for (i, digit) in text[2..2 + n.min(16)].iter_mut().enumerate() {
            *digit = DIGITS[(value >> (4 * (n - 1 - i)) & 15) as usize];
        }
        self.buffer.extend_from_slice(&text[..2 + n.min(16)]);
        self
    }

    /// Writes text in upper case.
    pub(crate) fn upper(&mut self, text: &str) -> &mut Self {
        let start = self.buffer.len();
        self.str(text);
        self.buffer[start..].make_ascii_uppercase();
        self
    }

    /// Takes back everything but the first `len` bytes that have not left yet.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.buffer.truncate(len);
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

impl fmt::Write for Out {
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
        for value in [0, 1, 9, 10, 15, 16, 99, 100, 255, 256, u64::MAX, 1 << 63] {
            let mut out = Out::memory();
            out.dec(value).str(" ").hex(value).str(" ").register(value);
            assert_eq!(out.text(), format!("{value} {value:#x} {value:#018x}"));
        }
        let mut out = Out::memory();
        out.two(7)
            .two(12)
            .pad("ab", 4)
            .pad("abcde", 4)
            .hex_digits(0x1234, 4);
        assert_eq!(out.text(), "0712ab  abcde0x1234");
    }
}
