//! The short cut for the kernel's own lines: see [`formats::kernel`].

use super::{BEFORE, Reader};
use crate::formats;
use crate::found::Found;
use crate::join;
use crate::line::Line;
use crate::slots::HOLD_LINES;

impl Reader {
    /// Kernel lines have their text at the same place, one after the other: look there before searching.
    pub(super) fn guessed(
        &mut self,
        buf: &[u8],
        pos: usize,
        last: bool,
        sink: &mut impl FnMut(Found),
    ) -> Option<usize> {
        // The start of the line that `pos` lies in, if nothing of the line was taken.
        let start = self.line_start.checked_sub(self.base)?;
        let start = usize::try_from(start).ok().filter(|&start| start <= pos)?;
        if self.guess == 0 || self.line_start < self.floor {
            return None;
        }
        let (pos, at) = (start, start + self.guess);
        let key: &[u8; 4] = buf.get(at..at + 4)?.try_into().ok()?;
        if !formats::kernel::is_key(key) || !buf.get(pos..at)?.ends_with(b"]: ") {
            return None;
        }
        if self.line_start >= self.broadcast {
            let after = self.blocks(buf, pos, sink);
            if after > pos {
                return Some(after);
            }
        }
        let (end, after) = self.line_end(buf, pos, last)?;
        let line = self.line(buf, pos, end);
        if line.text.len() < self.guess {
            return None;
        }
        let line = Line {
            at: self.guess,
            last: self.is_apart(buf.get(after..).unwrap_or_default()),
            ..line
        };
        self.slots.retire(self.number, sink);
        if !formats::kernel::read(&line, &mut self.slots) {
            return None;
        }
        if self.shape.strip(line.text).is_none() {
            self.shape.learn(line.prefix());
            if self.shape.strip(line.text).is_none() {
                // A prefix that says more than when and where: a broadcast may be in it.
                self.broadcast = self.base + (after + BEFORE) as u64;
            }
        }
        self.awake = line.number + HOLD_LINES;
        self.floor = self.base + after as u64;
        if after > end {
            self.number += 1;
            self.line_start = self.floor;
        }
        Some(after)
    }

    /// Reads records of the kernel that are all there and nothing but that, one behind the other, and returns how
    /// far it came.
    fn blocks(&mut self, buf: &[u8], pos: usize, sink: &mut impl FnMut(Found)) -> usize {
        let mut pos = pos;
        while let Some(text) = buf.get(pos..)
            && let Some((record, length, taken)) = formats::kernel::block(text, &self.shape)
        {
            self.slots.retire(self.number, sink);
            if !self.slots.takes_whole() {
                break;
            }
            let start = self.base + pos as u64;
            let end = start + length as u64;
            self.slots.add_whole(record, start, end, self.number);
            self.awake = self.number + 2 + HOLD_LINES;
            self.number += 3;
            pos += taken;
            self.floor = self.base + pos as u64;
            self.line_start = self.floor;
        }
        pos
    }

    /// Whether what begins with `next` is surely no continuation of the line before.
    fn is_apart(&self, next: &[u8]) -> bool {
        let prefix = next.get(..self.guess);
        prefix.is_some_and(|prefix| prefix.ends_with(b"]: ")) || join::is_apart(next)
    }
}
