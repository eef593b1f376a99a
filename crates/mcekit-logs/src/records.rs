//! The records of a text that is all in memory.

use std::collections::VecDeque;
use std::ops::Range;

use crate::found::Found;
use crate::reader::Reader;

/// How much is read at a time, so that few records wait to be taken.
const PIECE: usize = 64 << 10;

/// The records of a text that is all there, in order.
///
/// ```
/// let log = b"bank 5: bea0000000000108";
/// let found: Vec<_> = mcekit_logs::records(log).collect();
/// assert_eq!(found[0].record.status().0, 0xbea0_0000_0000_0108);
/// ```
#[must_use]
pub fn records(text: &[u8]) -> Records<'_> {
    Records {
        rest: text,
        reader: Some(Reader::new()),
        ready: VecDeque::new(),
    }
}

/// An iterator over the records of a text; see [`records`].
#[derive(Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    reader: Option<Reader>,
    ready: VecDeque<Found>,
}

impl Iterator for Records<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            if let Some(found) = self.ready.pop_front() {
                return Some(found);
            }
            let ready = &mut self.ready;
            if self.rest.is_empty() {
                self.reader.take()?.finish(&mut |f| ready.push_back(f));
                continue;
            }
            let (piece, rest) = self.rest.split_at(self.rest.len().min(PIECE));
            self.rest = rest;
            if let Some(reader) = &mut self.reader {
                reader.push(piece, &mut |f| ready.push_back(f));
            }
        }
    }
}

/// The span of a found record in the text that it was found in.
#[must_use]
pub fn slice<'a>(text: &'a [u8], span: &Range<u64>) -> Option<&'a [u8]> {
    text.get(usize::try_from(span.start).ok()?..usize::try_from(span.end).ok()?)
}
