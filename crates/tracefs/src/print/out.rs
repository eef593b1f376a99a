//! Where rendered text goes: a small buffer on the stack in front of the caller's writer.

use core::fmt;

use super::number::WORD;

/// Longest line that is rendered, in bytes; the kernel's own limit is 8 KiB.
pub const MAX_LINE: usize = 1 << 16;

const BUFFER: usize = 512;

/// Collects bytes and hands them on as text.
pub(super) struct Out<'w> {
    writer: &'w mut dyn fmt::Write,
    buffer: [u8; BUFFER],
    len: usize,
    /// Bytes that the line may still have.
    left: usize,
    /// Bytes that the string in hand may still have; `None` outside of strings.
    quota: Option<usize>,
    /// Only count, write nothing.
    counting: bool,
    /// Bytes of the string in hand so far.
    written: usize,
    pub(super) failed: bool,
    pub(super) cut: bool,
}

/// What [`Out::begin`] put aside.
pub(super) struct Outer {
    quota: Option<usize>,
    counting: bool,
    written: usize,
}

impl<'w> Out<'w> {
    pub(super) fn new(writer: &'w mut dyn fmt::Write) -> Self {
        Self {
            writer,
            buffer: [0; BUFFER],
            len: 0,
            left: MAX_LINE,
            quota: None,
            counting: false,
            written: 0,
            failed: false,
            cut: false,
        }
    }

    /// Whether writing on is of no use.
    pub(super) fn is_done(&self) -> bool {
        self.failed || self.cut
    }

    /// Begins a string of at most `limit` bytes, which a NUL ends.
    pub(super) fn begin(&mut self, limit: usize, counting: bool) -> Outer {
        let outer = Outer {
            quota: self.quota,
            counting: self.counting,
            written: self.written,
        };
        self.quota = Some(self.quota.map_or(limit, |quota| quota.min(limit)));
        self.counting |= counting;
        self.written = 0;
        outer
    }

    /// Ends it, and says how long it was.
    pub(super) fn end(&mut self, outer: &Outer) -> usize {
        let len = self.written;
        self.quota = match outer.quota {
            Some(quota) if !self.counting || outer.counting => Some(quota.saturating_sub(len)),
            quota => quota,
        };
        self.written = if self.counting && !outer.counting {
            outer.written
        } else {
            outer.written + len
        };
        self.counting = outer.counting;
        len
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    pub(super) fn pad(&mut self, byte: u8, count: usize) {
        let mut left = count.min(MAX_LINE + 1);
        let chunk = [byte; 32];
        while left > 0 && !self.is_done() {
            let part = left.min(chunk.len());
            self.put(chunk.get(..part).unwrap_or_default());
            left -= part;
        }
    }

    /// The last `len` of sixteen bytes, the first in the highest byte.
    #[inline]
    pub(super) fn put_word(&mut self, word: u128, len: usize) {
        let word = word << ((WORD - len.min(WORD)) * 8);
        if self.quota.is_none()
            && self.left >= len
            && let Some(room) = self.buffer.get_mut(self.len..self.len + WORD)
            && let Some((high, low)) = room.split_first_chunk_mut()
            && let Some(low) = low.first_chunk_mut()
        {
            // All sixteen; the next text goes over what is too much. As two stores: as one it would
            // wait for the two that put it together.
            *high = ((word >> 64) as u64).to_be_bytes();
            *low = (word as u64).to_be_bytes();
            self.len += len;
            self.left -= len;
        } else {
            let bytes = word.to_be_bytes();
            self.put(bytes.get(..len).unwrap_or(&bytes));
        }
    }

    #[inline]
    pub(super) fn put(&mut self, mut bytes: &[u8]) {
        if let Some(quota) = self.quota {
            bytes = self.clip(bytes, quota);
        }
        if self.counting || self.cut {
            return;
        }
        if bytes.len() > self.left {
            bytes = bytes.get(..self.left).unwrap_or_default();
            self.cut = true;
        }
        self.left -= bytes.len();
        if let Some(room) = self.buffer.get_mut(self.len..self.len + bytes.len()) {
            copy(room, bytes);
            self.len += bytes.len();
        } else {
            self.spill(bytes);
        }
    }

    /// Inside a string: up to the NUL, and no more than its limit.
    fn clip<'b>(&mut self, bytes: &'b [u8], quota: usize) -> &'b [u8] {
        let nul = bytes.iter().position(|&byte| byte == 0);
        let len = nul.unwrap_or(bytes.len()).min(quota);
        self.written += len;
        self.quota = Some(if nul.is_some() { 0 } else { quota - len });
        bytes.get(..len).unwrap_or_default()
    }

    #[cold]
    fn spill(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.len == BUFFER {
                self.flush(false);
            }
            let part = bytes.len().min(BUFFER - self.len);
            let (now, later) = bytes.split_at(part);
            if let Some(room) = self.buffer.get_mut(self.len..self.len + part) {
                room.copy_from_slice(now);
            }
            self.len += part;
            bytes = later;
        }
    }

    /// Hands the buffer on. What is not UTF-8 becomes U+FFFD; a character that is not complete
    /// yet is kept for the next time, unless this is the last.
    pub(super) fn flush(&mut self, last: bool) {
        let bytes = self.buffer.get(..self.len).unwrap_or_default();
        let mut kept = 0;
        let result = match core::str::from_utf8(bytes) {
            Ok(text) => self.writer.write_str(text),
            Err(error) => {
                if error.error_len().is_none() && !last && error.valid_up_to() > 0 {
                    kept = bytes.len() - error.valid_up_to();
                }
                let now = bytes.get(..bytes.len() - kept).unwrap_or_default();
                now.utf8_chunks().try_for_each(|chunk| {
                    self.writer.write_str(chunk.valid())?;
                    if chunk.invalid().is_empty() {
                        Ok(())
                    } else {
                        self.writer.write_str("\u{fffd}")
                    }
                })
            }
        };
        self.failed |= result.is_err();
        let len = self.len;
        self.buffer.copy_within(len - kept..len, 0);
        self.len = kept;
    }
}

/// `copy_from_slice` of two slices of one length, without a call for the short ones that lines are
/// made of.
#[inline]
fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        8..=16 => {
            if let (Some(head), Some(tail)) = (from.first_chunk::<8>(), from.last_chunk::<8>()) {
                if let Some(place) = to.first_chunk_mut() {
                    *place = *head;
                }
                if let Some(place) = to.last_chunk_mut() {
                    *place = *tail;
                }
            }
        }
        4..=7 => {
            if let (Some(head), Some(tail)) = (from.first_chunk::<4>(), from.last_chunk::<4>()) {
                if let Some(place) = to.first_chunk_mut() {
                    *place = *head;
                }
                if let Some(place) = to.last_chunk_mut() {
                    *place = *tail;
                }
            }
        }
        0..=3 => {
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from;
            }
        }
        _ => to.copy_from_slice(from),
    }
}
