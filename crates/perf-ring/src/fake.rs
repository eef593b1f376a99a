//! A ring in memory, written as the kernel writes one: for the tests and benches of whoever reads rings.
//!
//! ```
//! use perf_ring::abi::RecordType;
//! use perf_ring::fake::{FakeRing, Mode};
//!
//! let mut ring = FakeRing::new(4096, Mode::ReadWrite);
//! let mut reader = ring.reader();
//! assert!(ring.emit(RecordType::SAMPLE, &[1; 24]));
//! let mut batch = reader.batch()?;
//! assert_eq!(batch.next()?.unwrap().first, [1; 24]);
//! # Ok::<(), perf_ring::Error>(())
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;
use crate::abi::{Misc, RecordHeader, RecordType};
use crate::ring::{Backward, Memory, Overwrite, Reader};
use crate::sys::Mapping;

/// How the ring is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Mapped read-write: what finds no room is lost and counted.
    ReadWrite,
    /// Mapped read-only: the oldest is overwritten.
    Overwrite,
    /// Mapped read-only and written from its end towards its start.
    Backward,
}

/// The writer's side of a ring in memory.
#[derive(Debug)]
pub struct FakeRing {
    map: Arc<Mapping>,
    mode: Mode,
    head: u64,
    lost: u64,
    paused: bool,
    /// Events so far: every attempt to write a record.
    count: Arc<AtomicU64>,
}

impl FakeRing {
    /// An empty ring of `size` data bytes, rounded up to a power of two.
    #[must_use]
    pub fn new(size: usize, mode: Mode) -> Self {
        Self::starting_at(size, mode, 0)
    }

    /// An empty ring whose writer and reader stand at `position`, so that a wrap can be had anywhere.
    ///
    /// Positions are multiples of 8; the low bits are dropped. A backward ring always starts at 0.
    #[must_use]
    pub fn starting_at(size: usize, mode: Mode, position: u64) -> Self {
        let map = Arc::new(Mapping::in_memory(size));
        let head = if mode == Mode::Backward {
            0
        } else {
            position & !7
        };
        map.store_head(head);
        map.publish(head);
        FakeRing {
            map,
            mode,
            head,
            lost: 0,
            paused: false,
            count: Arc::default(),
        }
    }

    /// A ring with any contents and any positions, as damage or malice may leave them.
    #[must_use]
    pub fn from_parts(data: &[u8], mode: Mode, head: u64, tail: u64) -> Self {
        let map = Arc::new(Mapping::in_memory(data.len()));
        for (i, chunk) in data.chunks(8).enumerate() {
            let mut word = [0; 8];
            word.iter_mut()
                .zip(chunk)
                .for_each(|(to, from)| *to = *from);
            map.store_word(i as u64 * 8, u64::from_ne_bytes(word));
        }
        map.store_head(head);
        map.publish(tail);
        FakeRing {
            map,
            mode,
            head,
            lost: 0,
            paused: false,
            count: Arc::default(),
        }
    }

    /// The read-write reader, at the published tail.
    ///
    /// # Panics
    ///
    /// When the ring is not [`Mode::ReadWrite`], or another reader of it lives: what one gives back, the writer would
    /// overwrite under the other.
    #[must_use]
    pub fn reader(&self) -> Reader {
        assert_eq!(
            self.mode,
            Mode::ReadWrite,
            "records are borrowed only from a read-write ring"
        );
        assert_eq!(
            Arc::strong_count(&self.map),
            1,
            "a read-write ring has one reader"
        );
        Reader::new(Arc::clone(&self.map))
    }

    /// An overwrite reader.
    #[must_use]
    pub fn overwrite(&self) -> Overwrite {
        Overwrite::new(Arc::clone(&self.map))
    }

    /// A backward reader.
    #[must_use]
    pub fn backward(&self) -> Backward {
        Backward::new(Arc::clone(&self.map))
    }

    /// The event's counter: every call of [`FakeRing::emit`] is an event, whether its record is written or not.
    pub fn counter(&self) -> impl Fn() -> Result<u64, Error> + Send + 'static {
        let count = Arc::clone(&self.count);
        move || Ok(count.load(Ordering::Relaxed))
    }

    /// Where the writer is; counts on over the ring's end.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.head
    }

    /// Writes a word where it does not belong: a record that is torn or damaged.
    pub fn spoil(&mut self, position: u64, word: u64) {
        self.map.store_word(position, word);
    }

    /// What an event's descriptor would map.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> Arc<Mapping> {
        Arc::clone(&self.map)
    }

    /// PAUSE_OUTPUT: while paused, records are counted as lost.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Records lost so far that no LOST record has told of.
    #[must_use]
    pub fn pending_lost(&self) -> u64 {
        self.lost
    }

    /// Writes a record; its body is filled up with zeros to a multiple of 8. Before the first that fits after a loss
    /// comes a LOST record. Says whether it was written.
    ///
    /// A record of more than 65,528 bytes, or than the ring, is lost.
    pub fn emit(&mut self, kind: RecordType, body: &[u8]) -> bool {
        self.count.fetch_add(1, Ordering::Relaxed);
        let size = (RecordHeader::SIZE + body.len()).next_multiple_of(8);
        let Ok(stated) = u16::try_from(size) else {
            self.lost += 1;
            return false;
        };
        let lost_size = if self.lost > 0 { 24 } else { 0 };
        let need = size as u64 + lost_size;
        // Readers publish the tail; the position is theirs, so is the damage.
        let used = self.head.wrapping_sub(self.map.tail());
        let room = self.mode != Mode::ReadWrite || used.saturating_add(need) <= self.map.size();
        if self.paused || !room || need > self.map.size() {
            self.lost += 1;
            return false;
        }
        let (start, head) = if self.mode == Mode::Backward {
            let start = self.head.wrapping_sub(need);
            (start, start)
        } else {
            (self.head, self.head.wrapping_add(need))
        };
        let mut at = start;
        if lost_size > 0 {
            let header = RecordHeader {
                kind: RecordType::LOST,
                misc: Misc(0),
                size: 24,
            };
            self.put(&mut at, header.to_bytes());
            self.put(&mut at, 0u64.to_ne_bytes());
            self.put(&mut at, self.lost.to_ne_bytes());
            self.lost = 0;
        }
        self.put(
            &mut at,
            RecordHeader {
                kind,
                misc: Misc(1),
                size: stated,
            }
            .to_bytes(),
        );
        for chunk in body.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut()
                .zip(chunk)
                .for_each(|(to, from)| *to = *from);
            self.put(&mut at, word);
        }
        self.head = head;
        self.map.store_head(head);
        true
    }

    fn put(&self, at: &mut u64, word: [u8; 8]) {
        self.map.store_word(*at, u64::from_ne_bytes(word));
        *at = at.wrapping_add(8);
    }
}
