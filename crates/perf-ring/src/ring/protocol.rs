//! The protocols of reader and writer, over any memory: the mapped ring, or a model of one.

use crate::Error;
use crate::abi::{RecordHeader, RecordType};

/// A ring's memory as a reader sees it.
pub(crate) trait Memory {
    /// Size of the data, bytes, a power of two.
    fn size(&self) -> u64;
    /// The writer's position, load-acquire.
    fn head(&self) -> u64;
    /// Gives everything before `tail` back to the writer, store-release. Nothing on a read-only mapping.
    fn publish(&self, tail: u64);
    /// The word at a position, modulo the size.
    fn word(&self, pos: u64) -> u64;
    /// Orders the words read before the next load of the head.
    fn fence(&self);
}

/// The header at a position, with its size checked against what is there: at least a header, a multiple of 8, at most
/// `available`.
#[inline]
fn header_at(word: u64, position: u64, available: u64) -> Result<RecordHeader, Error> {
    let header = RecordHeader::from_bytes(word.to_ne_bytes());
    let size = u64::from(header.size);
    if size < RecordHeader::SIZE as u64 || size > available || !size.is_multiple_of(8) {
        return Err(Error::RecordSize {
            position,
            size: header.size,
            available,
        });
    }
    Ok(header)
}

/// A reader's place in a ring that is written forward and never overwritten.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    /// The next record.
    pub(crate) pos: u64,
    /// Where the writer was when the batch began.
    pub(crate) head: u64,
}

impl Cursor {
    /// Looks where the writer is.
    #[inline]
    pub(crate) fn begin<M: Memory>(mem: &M, pos: u64) -> Result<Self, Error> {
        let head = mem.head();
        let there = head.wrapping_sub(pos);
        if there > mem.size() || !there.is_multiple_of(8) || !pos.is_multiple_of(8) {
            return Err(Error::RingPositions {
                head,
                tail: pos,
                size: mem.size(),
            });
        }
        Ok(Cursor { pos, head })
    }

    /// The next record's position and header. After an error there is nothing more.
    #[inline]
    pub(crate) fn next<M: Memory>(
        &mut self,
        mem: &M,
    ) -> Result<Option<(u64, RecordHeader)>, Error> {
        let available = self.head.wrapping_sub(self.pos);
        if available == 0 {
            return Ok(None);
        }
        let at = self.pos;
        match header_at(mem.word(at), at, available) {
            Ok(header) => {
                self.pos = at.wrapping_add(header.size.into());
                Ok(Some((at, header)))
            }
            Err(e) => {
                // What follows cannot be told apart: it is given up, so that the writer has room again.
                self.pos = self.head;
                Err(e)
            }
        }
    }
}

/// Records copied out of an overwrite ring.
#[derive(Clone, Debug, Default)]
pub(crate) struct Copied {
    /// Their words, as they stood in the ring.
    pub(crate) words: Vec<u64>,
    /// Where each record begins, in words, oldest record first.
    pub(crate) starts: Vec<u32>,
    /// The writer's position that the copy reaches to.
    pub(crate) head: u64,
    /// Records before these, that had not been read, are overwritten.
    pub(crate) lapped: bool,
}

impl Copied {
    fn clear(&mut self) {
        self.words.clear();
        self.starts.clear();
        self.lapped = false;
    }

    /// Copies `len` bytes from `from` on.
    fn copy<M: Memory>(&mut self, mem: &M, from: u64, len: u64) {
        self.words
            .extend((0..len / 8).map(|i| mem.word(from.wrapping_add(i * 8))));
    }

    /// A LOST record stands at a lower address than the record it was written with, as in a forward ring: in a backward
    /// one it looks newer than that, and tells of what came before it.
    fn settle_lost(&mut self) {
        let mut rest = self.starts.as_mut_slice();
        while let [first, second, ..] = rest {
            let lost = self.words.get(*first as usize).is_some_and(|word| {
                RecordHeader::from_bytes(word.to_ne_bytes()).kind == RecordType::LOST
            });
            let step = if lost { 2 } else { 1 };
            if lost {
                std::mem::swap(first, second);
            }
            rest = rest.get_mut(step..).unwrap_or_default();
        }
    }

    /// Splits the first `len` bytes of the copy into records. Stops before one that is not whole.
    fn split(&mut self, position: u64, len: u64) -> Result<u64, Error> {
        let mut at = 0u64;
        while at < len {
            let Some(word) = self.words.get((at / 8) as usize) else {
                break;
            };
            let header = RecordHeader::from_bytes(word.to_ne_bytes());
            if u64::from(header.size) > len - at && header.size.is_multiple_of(8) {
                break;
            }
            let header = header_at(*word, position.wrapping_add(at), len - at)?;
            self.starts.push((at / 8) as u32);
            at += u64::from(header.size);
        }
        Ok(at)
    }
}

/// Copies what a backward-written overwrite ring holds that is newer than `last`, the head of the reading before.
///
/// The writer goes down from 0: its head is where the newest record begins, and records follow upwards from newest to
/// oldest. `spare` is how many of the oldest bytes are left alone, because the writer may be overwriting them at this
/// moment; 0 for a ring that is paused.
pub(crate) fn copy_backward<M: Memory>(
    mem: &M,
    last: u64,
    spare: u64,
    out: &mut Copied,
) -> Result<(), Error> {
    out.clear();
    let head = mem.head();
    let usable = mem.size().saturating_sub(spare);
    let fresh = last.wrapping_sub(head);
    out.head = head;
    if !fresh.is_multiple_of(8) {
        return Err(Error::RingPositions {
            head,
            tail: last,
            size: mem.size(),
        });
    }
    let len = fresh.min(usable) & !7;
    out.copy(mem, head, len);
    mem.fence();
    // Whatever the writer has published meanwhile has gone over the oldest of the copy.
    let since = head.wrapping_sub(mem.head());
    let whole = len.min(usable.saturating_sub(since)) & !7;
    let reached = out.split(head, whole)?;
    out.lapped = reached < fresh;
    out.settle_lost();
    out.starts.reverse();
    Ok(())
}

/// Copies what a forward-written overwrite ring holds from `pos` on, which must be a record's boundary.
///
/// When the writer has gone over `pos`, no boundary is known but its head: there is nothing then, and
/// [`Copied::lapped`].
pub(crate) fn copy_forward<M: Memory>(
    mem: &M,
    pos: u64,
    spare: u64,
    out: &mut Copied,
) -> Result<(), Error> {
    out.clear();
    let head = mem.head();
    let usable = mem.size().saturating_sub(spare);
    let fresh = head.wrapping_sub(pos);
    out.head = head;
    if !fresh.is_multiple_of(8) || !pos.is_multiple_of(8) {
        return Err(Error::RingPositions {
            head,
            tail: pos,
            size: mem.size(),
        });
    }
    if fresh <= usable {
        out.copy(mem, pos, fresh);
        mem.fence();
        let now = mem.head();
        if now.wrapping_sub(pos) <= usable {
            let reached = out.split(pos, fresh)?;
            if reached < fresh {
                return Err(Error::RecordSize {
                    position: pos.wrapping_add(reached),
                    size: u16::MAX,
                    available: fresh - reached,
                });
            }
            return Ok(());
        }
        out.head = now;
    }
    out.clear();
    out.lapped = true;
    Ok(())
}
