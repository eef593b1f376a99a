//! The read-write ring: nothing is overwritten, what finds no room is counted.

use std::sync::Arc;

use super::protocol::{Cursor, Memory};
use crate::Error;
use crate::abi::RecordHeader;
use crate::sys::Mapping;

/// A record: its header, and its body where it lies, in two parts where it wraps around the ring's end.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Type, misc and size.
    pub header: RecordHeader,
    /// The body, or its first part.
    pub first: &'a [u8],
    /// The rest of a body that wraps; empty otherwise.
    pub second: &'a [u8],
}

impl<'a> Record<'a> {
    /// A record over contiguous bytes, header included: one out of a file or a message.
    ///
    /// # Errors
    ///
    /// [`Error::RecordSize`] when the size is below 8, not a multiple of 8, or beyond the bytes.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, Error> {
        let refused = |size| Error::RecordSize {
            position: 0,
            size,
            available: bytes.len() as u64,
        };
        let (head, _) = bytes.split_first_chunk::<8>().ok_or_else(|| refused(0))?;
        let header = RecordHeader::from_bytes(*head);
        let size = usize::from(header.size);
        if size % 8 != 0 {
            return Err(refused(header.size));
        }
        let first = bytes
            .get(RecordHeader::SIZE..size)
            .ok_or_else(|| refused(header.size))?;
        Ok(Record {
            header,
            first,
            second: &[],
        })
    }

    /// The body in one piece: where it lies, or put together in `scratch` where it wraps.
    #[inline]
    pub fn body<'s>(&self, scratch: &'s mut Vec<u8>) -> &'s [u8]
    where
        'a: 's,
    {
        if self.second.is_empty() {
            return self.first;
        }
        scratch.clear();
        scratch.extend_from_slice(self.first);
        scratch.extend_from_slice(self.second);
        scratch
    }

    /// A word of the body, counted in bytes from its start; `None` beyond its end.
    #[inline]
    pub(crate) fn word(&self, at: usize) -> Option<u64> {
        // Bodies wrap only at multiples of 8: the ring's size is one.
        let bytes = match at.checked_sub(self.first.len()) {
            None => self.first.get(at..)?.first_chunk::<8>()?,
            Some(at) => self.second.get(at..)?.first_chunk::<8>()?,
        };
        Some(u64::from_ne_bytes(*bytes))
    }

    /// Appends the whole record, header included.
    pub fn copy_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.header.to_bytes());
        out.extend_from_slice(self.first);
        out.extend_from_slice(self.second);
    }
}

/// Reads a ring that was mapped read-write.
///
/// The kernel writes a record only where there is room for it; a LOST record, in its place, says how many were not
/// written. `PERF_FORMAT_LOST` of the event's counter says it for good, since a LOST record is written only together
/// with the next record that fits.
///
/// The memory belongs to whoever can map the event's descriptor for writing: do not hand the descriptor of a ring
/// that you read this way to a process you do not trust. (What it can do is confined to wrong bytes.)
#[derive(Debug)]
pub struct Reader {
    map: Arc<Mapping>,
    pos: u64,
}

impl Reader {
    pub(crate) fn new(map: Arc<Mapping>) -> Self {
        let pos = map.tail();
        Reader { map, pos }
    }

    /// Size of the ring's data, bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.map.data_len()
    }

    /// Whether there is anything to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.head() == self.pos
    }

    /// Everything that is there now. The kernel gets the room back when the batch goes out of scope, by a panic, too.
    ///
    /// # Errors
    ///
    /// [`Error::RingPositions`] when the header page contradicts the ring's size. What the ring holds is given up
    /// then, so that the next call begins anew.
    #[inline]
    pub fn batch(&mut self) -> Result<Batch<'_>, Error> {
        match Cursor::begin(&*self.map, self.pos) {
            Ok(cursor) => Ok(Batch {
                cursor,
                begun: self.pos,
                reader: self,
            }),
            Err(e) => {
                self.pos = self.map.head() & !7;
                self.map.publish(self.pos);
                Err(e)
            }
        }
    }

    /// Where the reader is; counts on over the ring's end.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.pos
    }

    /// Gives back everything before a position without a batch: for a merge, which reads several rings at once.
    pub(crate) fn advance(&mut self, pos: u64) {
        self.pos = pos;
        self.map.publish(pos);
    }

    pub(crate) fn cursor(&self) -> Result<Cursor, Error> {
        Cursor::begin(&*self.map, self.pos)
    }

    pub(crate) fn map(&self) -> &Mapping {
        &self.map
    }
}

/// The records between the reader's place and the writer's, at the moment the batch began.
#[derive(Debug)]
pub struct Batch<'r> {
    cursor: Cursor,
    begun: u64,
    reader: &'r mut Reader,
}

impl Batch<'_> {
    /// The next record, borrowed from the ring; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Error::RecordSize`] for a size that cannot be. The rest of the batch is given up, and the next call returns
    /// `None`.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, Error> {
        let map = &*self.reader.map;
        let Some((at, header)) = self.cursor.next(map)? else {
            return Ok(None);
        };
        Ok(Some(record_at(map, at, header)))
    }

    /// Bytes not yet read.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.cursor.head.wrapping_sub(self.cursor.pos)
    }
}

/// The record whose checked header is at a position of a writable ring.
#[inline]
pub(crate) fn record_at(map: &Mapping, at: u64, header: RecordHeader) -> Record<'_> {
    let body = at.wrapping_add(RecordHeader::SIZE as u64);
    let (first, second) = map.lend(body, usize::from(header.size) - RecordHeader::SIZE);
    Record {
        header,
        first,
        second,
    }
}

impl Drop for Batch<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.cursor.pos != self.begun {
            self.reader.advance(self.cursor.pos);
        }
    }
}
