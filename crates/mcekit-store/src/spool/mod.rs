//! Append-only files of checksummed frames: the queue in front of everything that is slower than a disk.
//!
//! A directory holds segments, `NUMBER.spool`, named by their first frame. A frame is one batch: events and the cursors
//! of the sources behind them, with one checksum over all of it. It is written in one write and flushed; only then do its
//! events count as received. A segment begins with a frame of all cursors, so older segments can go once they are
//! applied.
//!
//! Opening walks over all frames. A write that was cut short is cut off; where bytes are damaged, what is behind them is
//! found again and read, the loss is told with its number (frames number their events), and the file as it was is kept
//! aside as `….damaged-N`.
//!
//! ```
//! use mcekit::{Record, Status};
//! use mcekit_source::{Channel, Event, Identity, Observed};
//! use mcekit_store::{Batch, Item, spool::{Options, Spool}};
//!
//! let dir = tempfile::tempdir()?;
//! let (mut spool, damage) = Spool::open(dir.path(), Options::default(), |_, _| {})?;
//! assert!(damage.is_empty());
//! let record = Record::new(5, Status(0xbea0_0000_0000_0108));
//! let observed = Observed { record, channel: Channel::Replay, earlier_boot: false };
//! let mut batch = Batch::new();
//! batch.event((1_795_349_361, 0), Some(Identity::of(&record)), 0, Event::Record(observed));
//! spool.append(&mut batch)?;
//! assert_eq!(batch.entries()[0].seq, 1);
//!
//! let mut tail = spool.tail(0);
//! let frame = tail.next_frame()?.expect("a frame");
//! assert!(matches!(&frame.items()?[..], [Item::Entry(delivered, 0)] if delivered.seq == 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod frame;
mod mend;
mod scan;
mod segment;
mod tail;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcekit_source::{Cursor, Loss};

use crate::codec::Items;
use crate::entry::{Batch, Item};
use crate::{Error, Result};
pub use scan::{Found, scan};
use segment::{Met, Walk};
pub(crate) use tail::Shared;
pub use tail::{Frame, Tail};

/// How a spool is kept.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A segment of so many bytes is closed, and another is begun.
    pub segment_len: u64,
    /// What is in the history already: the number of the last frame, and of the last event. A spool that was lost goes on
    /// behind it.
    pub applied: (u64, u64),
}

impl Default for Options {
    /// Segments of 16 MiB, and nothing applied.
    fn default() -> Self {
        Self {
            segment_len: 16 << 20,
            applied: (0, 0),
        }
    }
}

/// Bytes of a segment that were no frames.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The segment.
    pub path: PathBuf,
    /// Where they begin.
    pub at: u64,
    /// How many there are.
    pub bytes: u64,
    /// They are the beginning of a last frame: a write that was cut short, whose events never counted as received.
    pub torn: bool,
    /// How many events were in them that are nowhere else.
    pub lost: Loss,
    /// Where the file as it was is kept, once [`Spool::mend`] was there.
    pub kept: Option<PathBuf>,
}

/// A spool that is open for writing. One process at a time has it.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    /// Held while the spool is open.
    _lock: File,
    options: Options,
    active: Option<Active>,
    next_sequence: u64,
    next_entry: u64,
    cursors: BTreeMap<String, Cursor>,
    taking: BTreeSet<String>,
    shared: Arc<Shared>,
    buf: Vec<u8>,
}

/// The segment that is written to.
#[derive(Debug)]
struct Active {
    file: File,
    path: PathBuf,
    /// Behind its last frame that is on disk.
    end: u64,
}

impl Spool {
    /// Opens the spool in a directory, which is made where it is not there. `see` gets every item of every frame, with the
    /// frame's number, in their order.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] while another process has it; [`Error::Version`] where a later version wrote a segment (nothing
    /// is changed then); those of the files.
    pub fn open(
        dir: &Path,
        options: Options,
        mut see: impl FnMut(u64, &Item),
    ) -> Result<(Self, Vec<Damage>)> {
        fs::create_dir_all(dir).map_err(|error| Error::io(dir, error))?;
        let lock = lock(dir)?;
        let mut spool = Self {
            dir: dir.to_owned(),
            _lock: lock,
            options,
            active: None,
            next_sequence: 1,
            next_entry: 1,
            cursors: BTreeMap::new(),
            taking: BTreeSet::new(),
            shared: Arc::default(),
            buf: Vec::new(),
        };
        let damage = spool.walk(&mut see)?;
        let (frame, entry) = options.applied;
        spool.next_sequence = spool.next_sequence.max(frame.saturating_add(1));
        spool.next_entry = spool.next_entry.max(entry.saturating_add(1));
        Ok((spool, damage))
    }

    /// Reads all segments.
    fn walk(&mut self, see: &mut impl FnMut(u64, &Item)) -> Result<Vec<Damage>> {
        let segments = segment::list(&self.dir)?;
        // Nothing is touched where anything is too new.
        for &first in &segments {
            let path = segment::path(&self.dir, first);
            let (file, _) = segment::open(&path)?;
            let begin = segment::begin(&file).map_err(|error| Error::io(&path, error))?;
            if let segment::Begin::Version(found) = begin {
                return Err(Error::Version {
                    path,
                    found,
                    known: segment::VERSION,
                });
            }
        }
        let (applied_frame, applied_entry) = self.options.applied;
        let mut damage = Vec::<Damage>::new();
        // From which of them on the number of lost events is not known yet.
        let mut open_from = 0;
        for &first in &segments {
            let path = segment::path(&self.dir, first);
            let (file, len) = segment::open(&path)?;
            let mut walk = Walk::new(&file, len);
            while let Some(met) = walk.next().map_err(|error| Error::io(&path, error))? {
                let (at, bytes, torn) = match met {
                    Met::Damage(at, bytes) => (at, bytes, false),
                    Met::Torn(at, bytes) => (at, bytes, true),
                    Met::Frame(at, header) => {
                        // A frame whose flush failed was written again.
                        if header.sequence < self.next_sequence {
                            continue;
                        }
                        let expected = self.next_entry.max(applied_entry.saturating_add(1));
                        let gap = header.first.saturating_sub(expected);
                        settle(&mut damage[open_from..], Loss::Exact(gap));
                        open_from = damage.len();
                        self.next_sequence = header.sequence.saturating_add(1);
                        self.next_entry = header.next();
                        if self.items(&walk.items, &header, see).is_ok() {
                            continue;
                        }
                        (at, header.size(), false)
                    }
                };
                damage.push(Damage {
                    path: path.clone(),
                    at,
                    bytes,
                    torn,
                    lost: Loss::Exact(0),
                    kept: None,
                });
            }
            self.shared.add(first, len);
        }
        // Behind the last frame nothing numbers what was there.
        if damage[open_from..].iter().any(|damage| !damage.torn)
            && applied_frame < self.next_sequence
        {
            settle(&mut damage[open_from..], Loss::Unknown);
        }
        if let Some(&last) = segments.last() {
            self.next_sequence = self.next_sequence.max(last.saturating_add(1));
        }
        Ok(damage)
    }

    /// Notes what a frame says of the sources, and shows its items.
    fn items(
        &mut self,
        bytes: &[u8],
        header: &frame::Header,
        see: &mut impl FnMut(u64, &Item),
    ) -> Result<(), crate::codec::Unreadable> {
        let mut items = Items::new(bytes, header.first);
        while let Some(item) = items.next()? {
            self.note(&item);
            see(header.sequence, &item);
        }
        Ok(())
    }

    fn note(&mut self, item: &Item) {
        match item {
            Item::Cursor(cursor) => {
                _ = self
                    .cursors
                    .insert(cursor.source().to_owned(), cursor.clone());
            }
            Item::Taking(source) => _ = self.taking.insert(source.clone()),
            Item::Taken(source) => _ = self.taking.remove(source),
            Item::Entry(..) | Item::Again { .. } => {}
        }
    }

    /// How far a source is read, as far as is on disk.
    #[must_use]
    pub fn cursor(&self, source: &str) -> Option<&Cursor> {
        self.cursors.get(source)
    }

    /// Takes in cursors that the history has, where the spool was lost and knows none of the source.
    pub fn remember(&mut self, cursors: impl IntoIterator<Item = Cursor>) {
        for cursor in cursors {
            let source = cursor.source().to_owned();
            self.cursors.entry(source).or_insert(cursor);
        }
    }

    /// The marks that stand: sources of which something was being read when an earlier process ended, among others.
    pub fn unfinished(&self) -> impl Iterator<Item = &str> {
        self.taking.iter().map(String::as_str)
    }

    /// The number that the next event gets.
    #[must_use]
    pub const fn next_entry(&self) -> u64 {
        self.next_entry
    }

    /// How many bytes are on disk, applied or not.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.shared.bytes()
    }

    /// Writes a batch, and returns when it is on disk. Its events have their numbers then.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] and [`Error::Io`]: nothing of the batch counts as written; it can be appended again.
    pub fn append(&mut self, batch: &mut Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let too_long = |active: &Active| {
            active.end + (frame::HEADER + batch.len()) as u64 > self.options.segment_len
        };
        if self.active.as_ref().is_some_and(too_long) {
            self.active = None;
        }
        let fresh = self.active.is_none();
        let segment = self.next_sequence;
        self.buf.clear();
        let mut sequence = segment;
        if fresh {
            self.buf.extend(segment::header(segment));
            let mut state = Batch::new();
            for cursor in self.cursors.values() {
                state.cursor(cursor);
            }
            for source in &self.taking {
                state.taking(source);
            }
            if !state.is_empty() {
                frame::put(&mut self.buf, sequence, self.next_entry, 0, state.bytes());
                sequence = sequence.saturating_add(1);
            }
        }
        // A batch has no more events than bytes, and is cut long before 4 GiB.
        let count = batch.entries().len() as u32;
        frame::put(
            &mut self.buf,
            sequence,
            self.next_entry,
            count,
            batch.bytes(),
        );
        let end = self.write(segment)?;
        if fresh {
            self.shared.add(segment, end);
        } else {
            self.shared.grow(end);
        }
        batch.number(self.next_entry);
        self.next_sequence = sequence.saturating_add(1);
        self.next_entry = self.next_entry.saturating_add(count.into());
        let mut items = Items::new(batch.bytes(), 0);
        // Only what concerns the sources; it was just written, so it reads.
        while let Ok(Some(item)) = items.next() {
            self.note(&item);
        }
        Ok(())
    }

    /// Writes what is in `buf` behind the active segment's end, or into a new one, and flushes it. Returns the new end.
    fn write(&mut self, segment: u64) -> Result<u64> {
        let fresh = self.active.is_none();
        let mut active = match self.active.take() {
            Some(active) => active,
            None => {
                let path = segment::path(&self.dir, segment);
                let file = File::options()
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .open(&path)
                    .map_err(|error| Error::io(&path, error))?;
                Active { file, path, end: 0 }
            }
        };
        if let Err(error) = active.file.write_all_at(&self.buf, active.end) {
            let error = Error::io(&active.path, error);
            if fresh {
                // What a full disk has of it would be named as damage.
                let _ = fs::remove_file(&active.path);
            } else {
                // A part of the frame may be there. Bytes that cannot be cut off are overwritten next time.
                let _ = active.file.set_len(active.end);
                self.active = Some(active);
            }
            return Err(error);
        }
        let flushed = if fresh {
            active.file.sync_all().and_then(|()| sync_dir(&self.dir))
        } else {
            active.file.sync_data()
        };
        if let Err(error) = flushed {
            // After a failed flush the kernel may call the pages clean: nothing that is in this file can be flushed
            // again, so the next try is another file's. The same frame in both counts once, by its number.
            let _ = active.file.set_len(active.end);
            if fresh {
                let _ = fs::remove_file(&active.path);
            }
            return Err(Error::io(&active.path, error));
        }
        active.end += self.buf.len() as u64;
        let end = active.end;
        self.active = Some(active);
        Ok(end)
    }

    /// A reader of what is on disk, from the first frame behind the one with the number `after`.
    #[must_use]
    pub fn tail(&self, after: u64) -> Tail {
        Tail::new(&self.dir, Arc::clone(&self.shared), after)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// Several damages have one number of lost events: the first of them carries it.
fn settle(damage: &mut [Damage], lost: Loss) {
    if let Some(first) = damage.iter_mut().find(|damage| !damage.torn) {
        first.lost = lost;
    }
}

/// Takes the lock of a directory.
fn lock(dir: &Path) -> Result<File> {
    let path = dir.join("lock");
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| Error::io(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::InUse { path }),
        Err(fs::TryLockError::Error(error)) => Err(Error::io(&path, error)),
    }
}

/// Makes new names in a directory outlive a power failure.
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests;
