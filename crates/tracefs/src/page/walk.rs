//! Walking the entries of a sub-buffer.

use super::read_u32;
use crate::{Endian, Error, Result};

/// Largest type that is a length in 4-byte words.
const DATA_MAX: u32 = 28;
/// Padding, or an entry that was discarded after it had been reserved.
const PADDING: u32 = 29;
/// A difference of time too long for 27 bits.
const TIME_EXTEND: u32 = 30;
/// An absolute time of 59 bits.
const TIME_STAMP: u32 = 31;
/// Bits of the difference of time in an entry header.
const DELTA_BITS: u32 = 27;
/// Bits that an absolute stamp cannot hold; they are those of the time before it.
const STAMP_TOP: u64 = 0xf8 << 56;

/// One record as it lies in the ring: its time and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawRecord<'a> {
    /// Time in units of the instance's `trace_clock` (nanoseconds for most of them).
    pub timestamp: u64,
    /// The record, from `common_type` on; the length is rounded up to whole words.
    pub data: &'a [u8],
    /// Byte of [`SubBuffer::data`](super::SubBuffer::data) at which `data` begins.
    pub offset: usize,
}

impl RawRecord<'_> {
    /// The event's id, `common_type`: the first two bytes. `None` if the record is too short for it.
    #[must_use]
    #[inline]
    pub fn event_id(&self, endian: Endian) -> Option<u16> {
        let bytes = *self.data.first_chunk()?;
        Some(match endian {
            Endian::Little => u16::from_le_bytes(bytes),
            Endian::Big => u16::from_be_bytes(bytes),
        })
    }
}

/// Iterator over the records of a sub-buffer.
///
/// Time extends and absolute stamps are applied to the record that follows them; padding ends the
/// walk; discarded entries are passed over and counted. Each step goes forward, and after an error
/// there is nothing more.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    /// What is still to be walked: the end of `len` bytes.
    rest: &'a [u8],
    len: usize,
    time: u64,
    discarded: u64,
    endian: Endian,
}

impl<'a> Records<'a> {
    #[inline]
    pub(super) const fn new(data: &'a [u8], time: u64, endian: Endian) -> Self {
        Self {
            rest: data,
            len: data.len(),
            time,
            discarded: 0,
            endian,
        }
    }

    /// Walks over the entries that end at or before byte `from`.
    pub(super) fn skip_to(mut self, from: usize) -> Self {
        while self.offset() < from {
            let before = self.clone();
            if !matches!(self.next(), Some(Ok(_)) if self.offset() <= from) {
                // What comes next, a record or an error, is the caller's.
                return before;
            }
        }
        self
    }

    /// Byte of the sub-buffer's data that comes next; after the walk, where it ended.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.len - self.rest.len()
    }

    /// Time of the entry walked last.
    #[must_use]
    pub const fn timestamp(&self) -> u64 {
        self.time
    }

    /// Entries so far that were reserved and then given up, by a filter for example.
    #[must_use]
    pub const fn discarded(&self) -> u64 {
        self.discarded
    }

    /// Ends the walk at an entry that cannot be.
    #[cold]
    fn fail(&mut self, why: &'static str) -> Error {
        let at = self.offset();
        self.rest = &[];
        Error::Page { at, why }
    }

    /// Entries that are not plain data of up to 28 words; `rest` is what follows the header word. `None`:
    /// passed over, go on.
    #[inline(never)]
    fn special(
        &mut self,
        type_len: u32,
        delta: u64,
        rest: &'a [u8],
    ) -> Option<Result<RawRecord<'a>>> {
        if type_len == PADDING && delta == 0 {
            self.rest = &[];
            return None;
        }
        let (Some(word), Some(body)) = (read_u32(rest, self.endian), rest.get(4..)) else {
            return Some(Err(self.fail("an entry cut off after its header")));
        };
        match type_len {
            TIME_EXTEND => {
                let high = u64::from(word) << DELTA_BITS;
                self.time = self.time.wrapping_add(high | delta);
                self.rest = body;
                return None;
            }
            TIME_STAMP => {
                self.time = absolute(u64::from(word) << DELTA_BITS | delta, self.time);
                self.rest = body;
                return None;
            }
            _ => {}
        }
        // Both a long record and a discarded entry: the word is the length, itself included.
        let Some(len) = (word as usize).checked_sub(4) else {
            return Some(Err(self.fail("an entry shorter than its own length word")));
        };
        let Some((data, after)) = body.split_at_checked(len) else {
            return Some(Err(self.fail("an entry longer than what was committed")));
        };
        self.rest = after;
        if type_len == PADDING {
            self.discarded += 1;
            // The kernel writes 1 where the difference was 0, to tell the entry from padding.
            if delta != 1 {
                self.time = self.time.wrapping_add(delta);
            }
            return None;
        }
        self.time = self.time.wrapping_add(delta);
        Some(Ok(RawRecord {
            timestamp: self.time,
            data,
            offset: self.offset() - len,
        }))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<RawRecord<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((word, rest)) = self.rest.split_first_chunk::<4>() else {
                if self.rest.is_empty() {
                    return None;
                }
                return Some(Err(self.fail("an entry header cut off")));
            };
            // A C bit-field: the first member has the low bits, or on big-endian machines the high.
            let (type_len, delta) = match self.endian {
                Endian::Little => {
                    let word = u32::from_le_bytes(*word);
                    (word & 31, word >> 5)
                }
                Endian::Big => {
                    let word = u32::from_be_bytes(*word);
                    (word >> DELTA_BITS, word & 0x7ff_ffff)
                }
            };
            let delta = u64::from(delta);
            if type_len == 0 || type_len > DATA_MAX {
                match self.special(type_len, delta, rest) {
                    Some(item) => return Some(item),
                    None => continue,
                }
            }
            let Some((data, after)) = rest.split_at_checked(type_len as usize * 4) else {
                return Some(Err(self.fail("an entry longer than what was committed")));
            };
            let offset = self.len - rest.len();
            self.rest = after;
            self.time = self.time.wrapping_add(delta);
            return Some(Ok(RawRecord {
                timestamp: self.time,
                data,
                offset,
            }));
        }
    }
}

impl core::iter::FusedIterator for Records<'_> {}

/// The whole time of an absolute stamp, of which the entry holds 59 bits.
///
/// The other five are those of the time before it, and if that gives an earlier time they have
/// moved on meanwhile (`rb_fix_abs_ts` in the kernel).
const fn absolute(stamp: u64, before: u64) -> u64 {
    let top = before & STAMP_TOP;
    if top == 0 {
        return stamp;
    }
    let whole = stamp | top;
    if whole < before {
        whole.wrapping_add(1 << 59)
    } else {
        whole
    }
}
