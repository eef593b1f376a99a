//! Reading behind the writer.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::frame::{self, At};
use super::segment;
use crate::codec::Items;
use crate::entry::Item;
use crate::{Error, Result};

/// What the writer and the reader both know.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// By the number of the first frame; with how many bytes are on disk. A segment that was mended since may have fewer:
    /// a reader that has the old file open goes on in that, and another finds the end of the new one.
    segments: VecDeque<(u64, u64)>,
    closed: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment: what a panicking thread left is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, first: u64, len: u64) {
        self.state().segments.push_back((first, len));
        self.grown.notify_all();
    }

    pub(super) fn grow(&self, len: u64) {
        if let Some(last) = self.state().segments.back_mut() {
            last.1 = len;
        }
        self.grown.notify_all();
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
        self.grown.notify_all();
    }

    pub(super) fn bytes(&self) -> u64 {
        self.state().segments.iter().map(|(_, len)| len).sum()
    }
}

/// A frame that is on disk.
#[derive(Debug)]
pub struct Frame {
    /// Its number, from 1.
    pub sequence: u64,
    first: u64,
    bytes: Vec<u8>,
    path: PathBuf,
}

impl Frame {
    /// Its items.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] where its bytes do not read, though their checksum is right.
    pub fn items(&self) -> Result<Vec<Item>> {
        let mut all = Vec::new();
        self.each(|item| {
            all.push(item);
            Ok(())
        })?;
        Ok(all)
    }

    /// Hands its items out, one by one.
    ///
    /// # Errors
    ///
    /// As [`Self::items`], and what `take` gives, which ends it.
    pub fn each(&self, mut take: impl FnMut(Item) -> Result<()>) -> Result<()> {
        let mut items = Items::new(&self.bytes, self.first);
        loop {
            match items.next() {
                Ok(Some(item)) => take(item)?,
                Ok(None) => return Ok(()),
                Err(_) => {
                    return Err(Error::Damaged {
                        path: self.path.clone(),
                        what: format!("frame {} does not read", self.sequence),
                    });
                }
            }
        }
    }
}

/// A reader of frames, in any thread.
#[derive(Debug)]
pub struct Tail {
    dir: PathBuf,
    shared: Arc<Shared>,
    /// The number of the last frame that was given.
    last: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    first: u64,
    at: u64,
}

impl Tail {
    pub(super) fn new(dir: &Path, shared: Arc<Shared>, after: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            shared,
            last: after,
            open: None,
        }
    }

    /// The next frame. `None`: no more now.
    ///
    /// # Errors
    ///
    /// Those of the files. Damaged bytes are passed over: opening has told of them.
    pub fn next_frame(&mut self) -> Result<Option<Frame>> {
        loop {
            let Some((end, is_last)) = self.segment()? else {
                return Ok(None);
            };
            let Some(open) = &mut self.open else {
                return Ok(None);
            };
            let failed = |error| Error::io(&open.path, error);
            let mut bytes = Vec::new();
            let at = frame::read(&open.file, open.at, end, &mut bytes).map_err(failed)?;
            if let At::Frame(header) = at {
                open.at += header.size();
                if header.sequence <= self.last {
                    continue;
                }
                self.last = header.sequence;
                return Ok(Some(Frame {
                    sequence: header.sequence,
                    first: header.first,
                    bytes,
                    path: open.path.clone(),
                }));
            }
            let next = if open.at < end {
                frame::find(&open.file, open.at + 1, end, &mut bytes).map_err(failed)?
            } else {
                None
            };
            match next {
                Some(next) => open.at = next,
                None => open.at = end,
            }
            if open.at >= end {
                if is_last {
                    return Ok(None);
                }
                let done = open.first;
                self.open = None;
                self.step(done)?;
            }
        }
    }

    /// Goes on behind the frame of this number, if that is further than it is.
    pub fn skip(&mut self, to: u64) {
        if self.last < to {
            self.rewind(to);
        }
    }

    /// Goes back: the next frame is the one behind that of this number, if it is still there.
    pub fn rewind(&mut self, after: u64) {
        self.last = after;
        self.open = None;
    }

    /// How many bytes of the open segment are on disk, and whether it is the last one. Opens the first where none is.
    fn segment(&mut self) -> Result<Option<(u64, bool)>> {
        let open = match &self.open {
            Some(open) => open.first,
            None => {
                let first = {
                    let state = self.shared.state();
                    // The last one that begins at or before the next frame.
                    let segments = state.segments.iter().map(|&(first, _)| first);
                    let wanted = self.last.saturating_add(1);
                    let from = segments.clone().take_while(|&first| first <= wanted).last();
                    from.or_else(|| segments.min())
                };
                let Some(first) = first else {
                    return Ok(None);
                };
                self.enter(first)?;
                first
            }
        };
        let state = self.shared.state();
        let last = state.segments.back().map(|&(first, _)| first);
        let len = state.segments.iter().find(|&&(first, _)| first == open);
        Ok(len.map(|&(first, len)| (len, Some(first) == last)))
    }

    /// Goes on to the segment behind one that was read.
    fn step(&mut self, done: u64) -> Result<()> {
        let next = {
            let state = self.shared.state();
            let mut segments = state.segments.iter().map(|&(first, _)| first);
            segments.find(|&first| first > done)
        };
        next.map_or(Ok(()), |next| self.enter(next))
    }

    fn enter(&mut self, first: u64) -> Result<()> {
        let path = segment::path(&self.dir, first);
        let (file, _) = segment::open(&path)?;
        self.open = Some(Open {
            file,
            path,
            first,
            at: segment::HEADER as u64,
        });
        Ok(())
    }

    /// Waits until there may be another frame, or for so long. `false`: the writer is gone, and nothing will come.
    #[must_use]
    pub fn wait(&self, at_most: Duration) -> bool {
        let behind = |state: &State| {
            let end = state.segments.back();
            let at = self.open.as_ref().map(|open| (open.first, open.at));
            end.is_none() || end.copied() <= at
        };
        let state = self.shared.state();
        let waited = self
            .shared
            .grown
            .wait_timeout_while(state, at_most, |state| !state.closed && behind(state));
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !(state.closed && behind(&state))
    }

    /// Frames up to this one are in the history, on disk: segments that have no others are removed. The last one stays, for
    /// its cursors.
    ///
    /// # Errors
    ///
    /// Where a file cannot be removed; the others are.
    pub fn applied(&mut self, sequence: u64) -> Result<()> {
        let mut result = Ok(());
        loop {
            let first = {
                let mut state = self.shared.state();
                match (state.segments.front(), state.segments.get(1)) {
                    (Some(&(first, _)), Some(&(next, _))) if next <= sequence.saturating_add(1) => {
                        state.segments.pop_front();
                        first
                    }
                    _ => return result,
                }
            };
            if self.open.as_ref().is_some_and(|open| open.first == first) {
                self.open = None;
            }
            let path = segment::path(&self.dir, first);
            if let Err(error) = fs::remove_file(&path) {
                result = Err(Error::io(&path, error));
            }
        }
    }
}
