//! Read-only rings: the kernel overwrites the oldest records without asking.

use std::sync::Arc;

use super::batch::Record;
use super::protocol::{Copied, Memory, copy_backward, copy_forward};
use crate::abi::RecordHeader;
use crate::sys::Mapping;
use crate::{Error, Event};

/// In which order a copy's records are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they were written.
    OldestFirst,
    /// The newest first.
    NewestFirst,
}

/// Records that were copied out of an overwrite ring: the kernel may rewrite the ring at any time, the copy stands.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    copied: Copied,
    bytes: Vec<u8>,
}

impl Kept {
    /// Whether records were overwritten that had not been read.
    #[must_use]
    pub fn lapped(&self) -> bool {
        self.copied.lapped
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.copied.starts.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.copied.starts.is_empty()
    }

    /// One record, counted from the oldest.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Record<'_>> {
        let start = *self.copied.starts.get(index)? as usize * 8;
        Record::from_bytes(self.bytes.get(start..)?).ok()
    }

    /// The records.
    pub fn iter(&self, order: Order) -> impl Iterator<Item = Record<'_>> {
        let n = self.len();
        (0..n).filter_map(move |i| {
            self.get(if order == Order::OldestFirst {
                i
            } else {
                n - 1 - i
            })
        })
    }

    fn fill(&mut self) {
        self.bytes.clear();
        self.bytes
            .extend(self.copied.words.iter().flat_map(|word| word.to_ne_bytes()));
    }
}

/// How many of the oldest bytes of a running overwrite ring are not looked at: an eighth.
///
/// The writer overwrites them before it says so: a record is written first and published after. On a strongly ordered
/// machine the records under way at one moment must fit (one, or a few where interrupts nest), on a weakly ordered one
/// twice that; the models in this crate show both.
fn spare_of(map: &Mapping) -> u64 {
    map.data_len() as u64 / 8
}

/// Follows a forward-written, read-only ring.
///
/// Only the writer's position and the reader's own are known boundaries: a reader that comes after the first lap, or is
/// overtaken, goes on at the writer's position. [`Backward`] keeps everything that is still there.
///
/// How many were lost is not told here: see [`SharedRings`](crate::SharedRings).
#[derive(Debug)]
pub struct Overwrite {
    map: Arc<Mapping>,
    pos: u64,
    spare: u64,
    /// The ring had been overwritten before this reader came: its records begin where the writer was.
    late: bool,
    kept: Kept,
}

impl Overwrite {
    /// Begins at the ring's first byte while that is there, else at the writer's position.
    pub(crate) fn new(map: Arc<Mapping>) -> Self {
        let spare = spare_of(&map);
        let head = map.head();
        let late = head > map.size() - spare;
        Overwrite {
            map,
            pos: if late { head & !7 } else { 0 },
            spare,
            late,
            kept: Kept::default(),
        }
    }

    /// Sets how many of the oldest bytes are not trusted while the writer runs; an eighth of the ring by default.
    #[must_use]
    pub fn spare(mut self, bytes: u64) -> Self {
        self.spare = bytes.min(self.map.size());
        self
    }

    /// Copies what came since the last call.
    ///
    /// # Errors
    ///
    /// [`Error::RecordSize`] and [`Error::RingPositions`] for contents that cannot be; the reader goes on at the
    /// writer's position.
    pub fn read(&mut self) -> Result<&Kept, Error> {
        let done = copy_forward(&*self.map, self.pos, self.spare, &mut self.kept.copied);
        self.pos = self.kept.copied.head & !7;
        done?;
        self.kept.fill();
        Ok(&self.kept)
    }

    /// Leaves out what was written before now.
    pub fn skip_to_now(&mut self) {
        self.pos = self.map.head() & !7;
    }

    /// Whether anything came since the last reading.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.head() & !7 == self.pos
    }

    /// Whether records had been overwritten before this reader came.
    #[must_use]
    pub const fn late(&self) -> bool {
        self.late
    }

    /// Size of the ring's data, bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.map.data_len()
    }
}

/// Reads a backward-written, read-only ring: whoever comes late finds all that is still there.
#[derive(Debug)]
pub struct Backward {
    map: Arc<Mapping>,
    last: u64,
    spare: u64,
    kept: Kept,
}

impl Backward {
    /// Begins with the oldest record that is still there.
    pub(crate) fn new(map: Arc<Mapping>) -> Self {
        let spare = spare_of(&map);
        Backward {
            map,
            last: 0,
            spare,
            kept: Kept::default(),
        }
    }

    /// Sets how many of the oldest bytes are not trusted while the writer runs; an eighth of the ring by default.
    #[must_use]
    pub fn spare(mut self, bytes: u64) -> Self {
        self.spare = bytes.min(self.map.size());
        self
    }

    /// A second reader of the same mapping, from the oldest record on.
    pub(crate) fn share(&self) -> Self {
        Backward {
            spare: self.spare,
            ..Self::new(Arc::clone(&self.map))
        }
    }

    /// Leaves out what was written before now.
    pub fn skip_to_now(&mut self) {
        self.last = self.map.head() & !7;
    }

    /// Whether anything came since the last reading.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.head() & !7 == self.last
    }

    /// Whether the writer has already gone over what was not yet read.
    pub(crate) fn overtaken(&self) -> bool {
        self.last.wrapping_sub(self.map.head()) > self.map.size() - self.spare
    }

    /// Copies what came since the last call, while the writer runs.
    ///
    /// # Errors
    ///
    /// [`Error::RecordSize`] and [`Error::RingPositions`] for contents that cannot be; the next call gives what comes
    /// after.
    pub fn read(&mut self) -> Result<&Kept, Error> {
        self.copy(self.spare)
    }

    /// The same with the ring paused meanwhile: nothing of it needs to be left out. Events that occur in the pause are
    /// not recorded; the kernel counts them (`PERF_FORMAT_LOST`, and LOST on the next record).
    ///
    /// The kernel lets a record that is being written be finished after PAUSE_OUTPUT has returned. This waits for
    /// those, by a membarrier (some milliseconds); where the kernel refuses one, it leaves the oldest bytes out as
    /// [`Backward::read`] does.
    ///
    /// # Errors
    ///
    /// As [`Backward::read`]; [`Error::Request`] when the event cannot be paused.
    pub fn read_paused(&mut self, event: &Event) -> Result<&Kept, Error> {
        let pause = event.pause()?;
        let spare = if self.map.wait_for_writers().is_ok() {
            0
        } else {
            self.spare
        };
        let done = self.copy(spare).map(drop);
        pause.resume()?;
        done.map(|()| &self.kept)
    }

    fn copy(&mut self, spare: u64) -> Result<&Kept, Error> {
        let done = copy_backward(&*self.map, self.last, spare, &mut self.kept.copied);
        self.last = self.kept.copied.head & !7;
        done?;
        self.kept.fill();
        Ok(&self.kept)
    }

    /// Size of the ring's data, bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.map.data_len()
    }
}

/// A read-only ring, whichever way it is written.
#[derive(Debug)]
pub enum ReadOnly {
    /// Forward: a plain event that was mapped read-only.
    Forward(Overwrite),
    /// Backward.
    Backward(Backward),
}

impl From<Overwrite> for ReadOnly {
    fn from(reader: Overwrite) -> Self {
        ReadOnly::Forward(reader)
    }
}

impl From<Backward> for ReadOnly {
    fn from(reader: Backward) -> Self {
        ReadOnly::Backward(reader)
    }
}

impl ReadOnly {
    pub(crate) fn read(&mut self) -> Result<&Kept, Error> {
        match self {
            ReadOnly::Forward(reader) => reader.read(),
            ReadOnly::Backward(reader) => reader.read(),
        }
    }

    /// What the last reading copied.
    pub(crate) const fn kept(&self) -> &Kept {
        match self {
            ReadOnly::Forward(reader) => &reader.kept,
            ReadOnly::Backward(reader) => &reader.kept,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            ReadOnly::Forward(reader) => reader.is_empty(),
            ReadOnly::Backward(reader) => reader.is_empty(),
        }
    }

    pub(crate) fn skip_to_now(&mut self) {
        match self {
            ReadOnly::Forward(reader) => reader.skip_to_now(),
            ReadOnly::Backward(reader) => reader.skip_to_now(),
        }
    }

    /// Waits until every record is written that was begun before the call; says whether that can be told.
    pub(crate) fn wait_for_writers(&self) -> bool {
        match self {
            ReadOnly::Forward(reader) => reader.map.wait_for_writers(),
            ReadOnly::Backward(reader) => reader.map.wait_for_writers(),
        }
        .is_ok()
    }

    /// Whether the writer has already gone over what was not yet read.
    pub(crate) fn overtaken(&self) -> bool {
        match self {
            ReadOnly::Forward(reader) => reader.late,
            ReadOnly::Backward(reader) => reader.overtaken(),
        }
    }
}

const _: () = assert!(RecordHeader::SIZE == 8, "records begin on words");
