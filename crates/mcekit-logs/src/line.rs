//! One line of interest, and a cursor over it. Every format reads through these; none looks at a byte
//! by index.

use crate::found::TextKind;
use crate::slots::Slot;

/// A line (or what is left of one) in which an anchor was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// What stood before the line: at most [`crate::reader::BEFORE`] bytes.
    pub before: &'a [u8],
    /// The line without its end.
    pub text: &'a [u8],
    /// Where in `text` the anchor begins.
    pub at: usize,
    /// Where `text` begins in the input.
    pub start: u64,
    /// The line's number, from 1.
    pub number: u64,
    /// The line cannot be continued: what is missing now stays missing.
    pub last: bool,
}

/// How far behind an anchor the fields of one record can begin, in bytes.
const NEAR: usize = 1024;

/// The same in a line that goes on for longer than any that a person or a kernel wrote.
const NEAR_IN_LONG: usize = 256;

impl<'a> Line<'a> {
    /// A cursor at the anchor.
    pub(crate) fn cursor(&self) -> Cursor<'a> {
        Cursor {
            bytes: self.text,
            pos: self.at.min(self.text.len()),
        }
    }

    /// The text, or of a very long line what stands around the anchor, from word to word. Formats that read every word
    /// of a line would else read it again for each string of interest in it.
    pub(crate) fn around(&self) -> &'a [u8] {
        let near = self.near();
        if self.text.len() <= near {
            return self.text;
        }
        let inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let from = self.at.saturating_sub(near / 4);
        let before = self.text.get(from..self.at).unwrap_or_default();
        let cut = before.iter().take_while(|byte| inner(byte)).count();
        let from = if from == 0 { 0 } else { from + cut };
        let to = self.text.len().min(self.at + near);
        let behind = self.text.get(to..).unwrap_or_default();
        let to = to + behind.iter().take_while(|byte| inner(byte)).count();
        self.text.get(from..to).unwrap_or_default()
    }

    /// How far behind the anchor fields are looked for, in bytes.
    pub(crate) fn near(&self) -> usize {
        if self.text.len().saturating_sub(self.at) < 3 * NEAR {
            NEAR
        } else {
            NEAR_IN_LONG
        }
    }

    /// What stands before the anchor.
    pub(crate) fn prefix(&self) -> &'a [u8] {
        self.text.get(..self.at).unwrap_or(self.text)
    }

    /// Where the line ends in the input.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.text.len() as u64
    }

    /// The lines before this one, nearest first, as far as they are kept.
    pub(crate) fn lines_before(&self) -> impl Iterator<Item = &'a [u8]> {
        self.before
            .trim_ascii_end()
            .rsplit(|&b| b == b'\n')
            .map(<[u8]>::trim_ascii)
    }

    /// Who printed the line, as far as its prefix says.
    pub(crate) fn printer(&self) -> Printer {
        Printer::of(self.prefix())
    }
}

/// Who printed a line: the task or CPU that printk names, and the host that syslog names. Lines of one record
/// agree in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Printer {
    caller: u32,
    host: u32,
    controller: u32,
}

impl Printer {
    fn of(prefix: &[u8]) -> Self {
        let mut printer = Self::default();
        // CONFIG_PRINTK_CALLER: `[   T10]`, `[    C3]`.
        let mut rest = prefix;
        while let Some(open) = memchr::memchr(b'[', rest) {
            let inner = rest.get(open + 1..).unwrap_or_default();
            let close = memchr::memchr(b']', inner).unwrap_or(inner.len());
            if let [b'T' | b'C', digits @ ..] = inner.get(..close).unwrap_or_default().trim_ascii()
                && !digits.is_empty()
                && digits.iter().all(u8::is_ascii_digit)
            {
                printer.caller = hash(inner.get(..close).unwrap_or_default().trim_ascii());
            }
            rest = inner.get(close..).unwrap_or_default();
        }
        // `host kernel:`, and not the time before it.
        if let Some(kernel) = memchr::memmem::find(prefix, b" kernel:") {
            let host = prefix
                .get(..kernel)
                .unwrap_or_default()
                .trim_ascii_end()
                .rsplit(u8::is_ascii_whitespace)
                .next()
                .unwrap_or_default();
            if host.iter().any(u8::is_ascii_alphabetic) {
                printer.host = hash(host);
            }
        }
        // `EDAC skx MC2:`.
        if let Some(edac) = memchr::memmem::find(prefix, b"EDAC ") {
            let words = prefix.get(edac..).unwrap_or_default();
            if let Some(mc) = memchr::memmem::find(words, b"MC") {
                let words = words.get(mc..).unwrap_or_default();
                let end = words.iter().position(|&b| b == b':').unwrap_or(words.len());
                printer.controller = hash(words.get(..end).unwrap_or_default());
            }
        }
        printer
    }

    /// Whether one can be the other: what both name is the same.
    pub(crate) fn agrees(self, other: Self) -> bool {
        let same = |a: u32, b: u32| a == 0 || b == 0 || a == b;
        same(self.caller, other.caller)
            && same(self.host, other.host)
            && same(self.controller, other.controller)
    }
}

/// FNV-1a, never zero.
fn hash(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0x811c_9dc5_u32, |h, &b| {
            (h ^ u32::from(b)).wrapping_mul(0x0100_0193)
        })
        .max(1)
}

/// A number as a text gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    pub value: u64,
    /// How many digits it was written with.
    pub digits: usize,
    /// It stood at the end of the line.
    pub at_end: bool,
}

/// A place in a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub pos: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, pos: 0 }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.pos..).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    pub(crate) fn at_end(&self) -> bool {
        self.rest().trim_ascii().is_empty()
    }

    pub(crate) fn blanks(&mut self) -> &mut Self {
        while matches!(self.peek(), Some(b' ' | b'\t' | 0)) {
            self.pos += 1;
        }
        self
    }

    /// Steps over `word` if it stands here.
    pub(crate) fn eat(&mut self, word: &[u8]) -> bool {
        let here = self.rest().starts_with(word);
        if here {
            self.pos += word.len();
        }
        here
    }

    /// Steps over `word` if it stands here in any case.
    pub(crate) fn eat_any_case(&mut self, word: &[u8]) -> bool {
        let here = self
            .rest()
            .get(..word.len())
            .is_some_and(|b| b.eq_ignore_ascii_case(word));
        if here {
            self.pos += word.len();
        }
        here
    }

    /// Steps over blanks and at most one of `:`, `=`, `,` and a quote between a name and its value.
    pub(crate) fn separator(&mut self) -> &mut Self {
        self.blanks();
        while matches!(
            self.peek(),
            Some(b':' | b'=' | b'"' | b'\'' | b' ' | b'\t' | b'|')
        ) {
            self.pos += 1;
        }
        self
    }

    /// The cursor behind the next `word`, if there is one.
    pub(crate) fn find(&mut self, word: &[u8]) -> bool {
        match memchr::memmem::find(self.rest(), word) {
            Some(at) => {
                self.pos += at + word.len();
                true
            }
            None => false,
        }
    }

    /// A hexadecimal number, with or without `0x`, of at most 16 digits, not glued to further letters.
    ///
    /// Debuggers and management controllers part the halves: `0xbe000000`00800400`.
    #[inline]
    pub(crate) fn hex(&mut self) -> Option<Number> {
        let mut at = self.pos;
        if let Some([b'0', b'x' | b'X']) = self.bytes.get(at..at + 2) {
            at += 2;
        }
        let (mut value, mut digits) = (0_u64, 0_usize);
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let (more, run) = hex_digits(rest, 16 - digits);
            value = if run < 16 {
                value << (4 * run) | more
            } else {
                more
            };
            digits += run;
            at += run;
            match self.bytes.get(at) {
                Some(b'\'' | b'`') if digits == 8 && halves(self.bytes.get(at + 1..)) => at += 1,
                // The next field's name glued to a full register: `…0813ADDR`.
                Some(byte) if digits == 16 && byte.is_ascii_hexdigit() => {
                    if self.bytes.get(at..at + 5) == Some(b"ADDR ") {
                        break;
                    }
                    return None;
                }
                _ => break,
            }
        }
        let next = self.bytes.get(at).copied();
        let glued = next.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        if digits == 0 || (glued && digits != 16) {
            return None;
        }
        self.pos = at;
        Some(Number {
            value,
            digits,
            at_end: next.is_none(),
        })
    }

    /// A hexadecimal number; a status that was printed or wrapped as two halves of eight digits, with one blank
    /// between them, is one number.
    pub(crate) fn status(&mut self) -> Option<Number> {
        let high = self.hex()?;
        if high.digits != 8 || self.peek() != Some(b' ') {
            return Some(high);
        }
        let mut ahead = *self;
        ahead.pos += 1;
        let bare = halves(Some(ahead.rest()));
        match ahead.hex() {
            Some(low) if bare && low.digits == 8 => {
                *self = ahead;
                Some(Number {
                    value: high.value << 32 | low.value,
                    digits: 16,
                    at_end: low.at_end,
                })
            }
            _ => Some(high),
        }
    }

    /// A decimal number that fits, not glued to letters.
    pub(crate) fn dec(&mut self) -> Option<Number> {
        let start = self.pos;
        let mut at = start;
        let mut value = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(at).copied() {
            value = value
                .checked_mul(10)?
                .checked_add(u64::from(digit - b'0'))?;
            at += 1;
        }
        let next = self.bytes.get(at).copied();
        if at == start || next.is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') {
            return None;
        }
        self.pos = at;
        Some(Number {
            value,
            digits: at - start,
            at_end: next.is_none(),
        })
    }

    /// Hexadecimal where `0x` says so, else decimal.
    pub(crate) fn number(&mut self) -> Option<Number> {
        if self.rest().starts_with(b"0x") || self.rest().starts_with(b"0X") {
            self.hex()
        } else {
            self.dec()
        }
    }

    /// A word of letters, digits and `_`; may be empty.
    pub(crate) fn word(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let len = rest
            .iter()
            .position(|b| !b.is_ascii_alphanumeric() && *b != b'_')
            .unwrap_or(rest.len());
        self.pos += len;
        rest.get(..len).unwrap_or_default()
    }

    /// Everything up to `end`, and the cursor behind it; up to the end of the line where there is none.
    pub(crate) fn until(&mut self, end: u8) -> &'a [u8] {
        let rest = self.rest();
        match memchr::memchr(end, rest) {
            Some(at) => {
                self.pos += at + 1;
                rest.get(..at).unwrap_or_default()
            }
            None => {
                self.pos = self.bytes.len();
                rest
            }
        }
    }
}

/// The value of the hexadecimal digits that `text` begins with, at most `limit` of them, and how many there are.
#[inline]
pub(crate) fn hex_digits(text: &[u8], limit: usize) -> (u64, usize) {
    let mut rest = text.get(..limit).unwrap_or(text);
    let (mut value, mut run) = (0_u64, 0_usize);
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        let (word, digits) = eight_digits(u64::from_le_bytes(*eight));
        value = if digits == 8 {
            value << 32 | word
        } else {
            value << (4 * digits) | word
        };
        run += digits as usize;
        if digits < 8 {
            return (value, run);
        }
        rest = after;
    }
    // The end of the line is near: the missing bytes are no digits.
    let mut eight = [0; 8];
    for (to, from) in eight.iter_mut().zip(rest) {
        *to = *from;
    }
    let (word, digits) = eight_digits(u64::from_le_bytes(eight));
    value = value << (4 * digits) | word;
    run += digits as usize;
    (value, run)
}

/// The same for eight bytes in a word, the first one lowest, all at once.
#[inline]
fn eight_digits(bytes: u64) -> (u64, u32) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    // The high bit of each byte says whether the byte lies between two ASCII values.
    let between = |bytes: u64, low: u8, high: u8| {
        let above = (bytes | HIGH).wrapping_sub(ONES * u64::from(low));
        let below = ((ONES * u64::from(high)) | HIGH).wrapping_sub(bytes & !HIGH);
        above & below & !bytes & HIGH
    };
    let letters = between(bytes | (0x20 * ONES), b'a', b'f');
    let good = between(bytes, b'0', b'9') | letters;
    let digits = (!good & HIGH).trailing_zeros() / 8;
    let mut word = (bytes & (0x0f * ONES)) + (letters >> 7) * 9;
    if digits < 8 {
        word &= !(u64::MAX << (8 * digits));
    }
    word = (word << 4 | word >> 8) & 0x00ff_00ff_00ff_00ff;
    word = (word << 8 | word >> 16) & 0x0000_ffff_0000_ffff;
    word = (word << 16 | word >> 32) & 0xffff_ffff;
    (word >> (4 * (8 - digits)), digits)
}

/// Whether eight further digits follow, and no ninth.
fn halves(rest: Option<&[u8]>) -> bool {
    rest.is_some_and(|rest| {
        rest.iter()
            .take(9)
            .take_while(|b| b.is_ascii_hexdigit())
            .count()
            == 8
    })
}

/// Where `word` first stands in a short text, for which a searcher costs more to make than to do without.
#[inline]
pub(crate) fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    let mut places = memchr::memchr_iter(*word.first()?, text);
    places.find(|&at| text.get(at..).is_some_and(|rest| rest.starts_with(word)))
}

/// The number at the end of `text`, with what stands before it.
pub(crate) fn trailing_dec(text: &[u8]) -> Option<(&[u8], u64)> {
    let digits = text.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (head, tail) = text.split_at_checked(text.len() - digits)?;
    let value = Cursor::new(tail).dec()?.value;
    Some((head, value))
}

/// Takes a text into a slot, without the quotes and commas that frame it.
pub(crate) fn keep(slot: &mut Slot, kind: TextKind, text: &[u8]) {
    let trimmed = text.trim_ascii();
    let trimmed = trimmed
        .strip_prefix(b", ".as_slice())
        .unwrap_or(trimmed)
        .trim_ascii();
    slot.texts.add(kind, trimmed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &[u8]) -> Option<(u64, usize, usize)> {
        let mut cursor = Cursor::new(text);
        cursor.hex().map(|n| (n.value, n.digits, cursor.pos))
    }

    #[test]
    fn eight_bytes_at_once_are_the_same_as_one_by_one() {
        let one_by_one = |text: &[u8]| {
            let run = text.iter().take_while(|b| b.is_ascii_hexdigit()).count();
            let digits = std::str::from_utf8(&text[..run]).unwrap();
            (u64::from_str_radix(digits, 16).unwrap_or(0), run)
        };
        for place in 0..8 {
            for byte in 0..=255 {
                let mut text = *b"9aF0c7E3";
                text[place] = byte;
                let (value, digits) = eight_digits(u64::from_le_bytes(text));
                assert_eq!((value, digits as usize), one_by_one(&text), "{text:?}");
            }
        }
    }

    #[test]
    fn a_number_is_hexadecimal_whole_and_of_sixteen_digits_at_most() {
        assert_eq!(
            hex(b"bea0000000000108"),
            Some((0xbea0_0000_0000_0108, 16, 16))
        );
        assert_eq!(hex(b"0x1F,"), Some((0x1f, 2, 4)));
        assert_eq!(
            hex(b"be000000`00800400"),
            Some((0xbe00_0000_0080_0400, 16, 17))
        );
        assert_eq!(hex(b"f600200137080813TSC 1").map(|n| n.1), Some(16));
        assert_eq!(hex(b"f600200137080813ADDR 1").map(|n| n.1), Some(16));
        for no in [
            &b""[..],
            b"x",
            b"12g",
            b"calibration",
            b"bea00000000001080",
            b"0x",
        ] {
            assert_eq!(hex(no), None, "{no:?}");
        }
    }
}
