//! A ring that cannot be mapped (Linux before 6.10, and memory that outlives a reboot), peeked at as text.
//!
//! `trace` shows what is in the ring and consumes nothing. What was given and is safe is then consumed through
//! `trace_pipe`, event by event: a read of one byte prints one event, takes it out of the ring, and leaves its text
//! behind for the next read of the same descriptor. So each event that is consumed is seen, and is held against the
//! one that was given.
//!
//! Events leave the ring by being consumed or by being overwritten, the kernel counts both, and what left it
//! without having been given was lost.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use tracefs::fs::{Instance, Stats};

use super::line::{Line, lines};
use super::position::{Position, TextPosition};
use super::{Gathered, What, stats};
use crate::fields::Catalogue;
use crate::{Error, Result, own, words};

/// The longest line that `trace_pipe` hands out, with room.
const LONGEST: usize = 64 << 10;

/// How often a ring that is being overwritten is looked at anew.
const MOST_PEEKS: u32 = 16;

/// The ring of one CPU.
#[derive(Debug)]
pub(super) struct TextRing {
    cpu: u32,
    dir: PathBuf,
    stats: PathBuf,
    /// To be waited for only.
    raw: File,
    start: Option<Option<TextPosition>>,
    /// What was peeked at and is, as far as known, in the ring.
    peeked: VecDeque<Peeked>,
    /// Number of the last event peeked at.
    end: u64,
    /// Number of the last one that was given to somebody, or will be.
    given: u64,
    /// Up to here it is safe.
    safe: u64,
    accounted: u64,
    read: u64,
    overrun: u64,
    dropped: u64,
    stamp: u64,
    last: u64,
}

/// One event in the ring.
#[derive(Clone, Copy, Debug)]
struct Peeked {
    stamp: u64,
    hash: u64,
    number: u64,
}

impl TextRing {
    pub(super) fn open(instance: &Instance, cpu: u32) -> Result<Self> {
        let dir = instance.root().join("per_cpu").join(format!("cpu{cpu}"));
        let stats = dir.join("stats");
        let raw = super::open_raw(&dir.join("trace_pipe_raw"))?;
        Ok(Self {
            cpu,
            dir,
            stats,
            raw,
            start: Some(None),
            peeked: VecDeque::new(),
            end: 0,
            given: 0,
            safe: 0,
            accounted: 0,
            read: 0,
            overrun: 0,
            dropped: 0,
            stamp: 0,
            last: 0,
        })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.raw.as_fd()
    }

    pub(super) fn stats(&self) -> &Path {
        &self.stats
    }

    pub(super) fn resume(&mut self, position: Option<&Position>) {
        self.start = Some(match position {
            Some(Position::Text(position)) => Some(*position),
            Some(Position::Mapped(_)) | None => None,
        });
    }

    /// Looks what is new in the ring.
    pub(super) fn gather(&mut self, known: &Catalogue, out: &mut Vec<Gathered>) -> Result<()> {
        let before = stats::read(&self.stats)?.stats;
        let nothing_new = before.entries == self.peeked.len() as u64
            && before.overrun == self.overrun
            && before.read_events == self.read;
        if nothing_new && self.start.is_none() {
            return Ok(());
        }
        let Some((before, text)) = self.peek(before)? else {
            return Ok(());
        };
        let lines = lines(&text);
        if let Some(start) = self.start.take() {
            self.begin(start, before, &lines, out);
        }
        let old = self.align(&lines);
        // Before the events: those that were lost are older.
        self.lose(before.overrun, before.read_events, out);
        for line in lines.iter().skip(old) {
            self.take(known, line, out);
        }
        self.consume_safe(known, out)
    }

    /// What is in the ring, and the counters to it. `None`: it is overwritten faster than it can be read.
    fn peek(&self, mut before: Stats) -> Result<Option<(Stats, String)>> {
        let path = self.dir.join("trace");
        for _ in 0..MOST_PEEKS {
            let mut bytes = Vec::new();
            File::open(&path)
                .and_then(|mut file| file.read_to_end(&mut bytes))
                .map_err(|source| Error::io(&path, source))?;
            let after = stats::read(&self.stats)?.stats;
            // Overtaken while it reads, the kernel goes on with what is newest, and comes to older events after that.
            if after.overrun == before.overrun && after.read_events == before.read_events {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                return Ok(Some((before, text)));
            }
            before = after;
        }
        Ok(None)
    }

    /// Goes on where an earlier process was: takes the lines that it had given for peeked and safe.
    fn begin(
        &mut self,
        start: Option<TextPosition>,
        now: Stats,
        lines: &[Line<'_>],
        out: &mut Vec<Gathered>,
    ) {
        let reset = |start: &TextPosition| {
            start.read > now.read_events
                || start.overrun > now.overrun
                || start.dropped > now.dropped_events
        };
        let Some(start) = start.filter(|start| !reset(start)) else {
            // What others read before is theirs.
            (self.read, self.accounted) = (now.read_events, now.read_events);
            if start.is_some() {
                out.push(Gathered::lost(
                    self.cpu,
                    0,
                    None,
                    "the ring was cleared",
                    self.position(),
                ));
            }
            return;
        };
        (self.end, self.given, self.safe) = (start.next, start.next, start.next);
        (self.accounted, self.dropped) = (start.accounted, start.dropped);
        (self.stamp, self.last) = (start.stamp, start.last);
        // Of what it had given, some was consumed, and some may have been overwritten.
        let most = start
            .outstanding
            .saturating_sub(now.read_events - start.read);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let candidates = lines.get(..most.min(lines.len())).unwrap_or_default();
        let left = if now.overrun == start.overrun {
            candidates.len()
        } else {
            // The last one that was given; or, if that is gone, what is older.
            candidates
                .iter()
                .rposition(|line| is_same(line.stamp, hash(line), start.stamp, start.last))
                .map_or_else(
                    || candidates.partition_point(|line| line.stamp <= start.stamp),
                    |last| last + 1,
                )
        };
        self.peeked = candidates
            .iter()
            .take(left)
            .map(|line| Peeked {
                stamp: line.stamp,
                hash: hash(line),
                number: start.next,
            })
            .collect();
        let left = self.peeked.len() as u64;
        self.accounted += start.outstanding.saturating_sub(left);
    }

    /// How many of the lines were peeked at before; what of those is gone was overwritten, or read by another.
    fn align(&mut self, lines: &[Line<'_>]) -> usize {
        let mut rest = std::mem::take(&mut self.peeked);
        let mut old = 0;
        for line in lines {
            let hash = hash(line);
            let same = |old: &Peeked| is_same(old.stamp, old.hash, line.stamp, hash);
            let Some(gone) = rest.iter().position(same) else {
                break;
            };
            rest.drain(..gone);
            self.accounted += gone as u64;
            self.peeked.extend(rest.pop_front());
            old += 1;
        }
        self.accounted += rest.len() as u64;
        old
    }

    /// What left the ring and is not accounted for.
    fn lose(&mut self, overrun: u64, read: u64, out: &mut Vec<Gathered>) {
        (self.overrun, self.read) = (overrun, read);
        let gone = overrun.saturating_add(read);
        if let Some(lost) = gone.checked_sub(self.accounted).filter(|lost| *lost > 0) {
            self.accounted = gone;
            out.push(Gathered::lost(
                self.cpu,
                0,
                Some(lost),
                "overwritten in the trace ring, or taken by another reader",
                self.position(),
            ));
        }
    }

    /// A line that is new.
    fn take(&mut self, known: &Catalogue, line: &Line<'_>, out: &mut Vec<Gathered>) {
        self.end += 1;
        self.peeked.push_back(Peeked {
            stamp: line.stamp,
            hash: hash(line),
            number: self.end,
        });
        self.give(known, line, out);
    }

    fn give(&mut self, known: &Catalogue, line: &Line<'_>, out: &mut Vec<Gathered>) {
        (self.stamp, self.last) = (line.stamp, hash(line));
        let what = match words::read(known, self.cpu, line.name, line.text) {
            Some(event) => What::Event(event),
            None => What::Unknown,
        };
        if !matches!(what, What::Unknown) {
            self.given = self.end;
        }
        out.push(Gathered {
            cpu: self.cpu,
            stamp: line.stamp,
            what,
            position: self.position(),
        });
    }

    fn position(&self) -> Position {
        Position::Text(TextPosition {
            next: self.end,
            outstanding: self.peeked.len() as u64,
            accounted: self.accounted,
            read: self.read,
            overrun: self.overrun,
            dropped: self.dropped,
            stamp: self.stamp,
            last: self.last,
        })
    }

    /// Events that a full ring refused.
    pub(super) fn refused(&mut self, out: &mut Vec<Gathered>) -> Result<()> {
        let dropped = stats::read(&self.stats)?.stats.dropped_events;
        let new = dropped.saturating_sub(self.dropped);
        self.dropped = dropped;
        if new > 0 {
            out.push(Gathered::lost(
                self.cpu,
                0,
                Some(new),
                "refused by a full trace ring",
                self.position(),
            ));
        }
        Ok(())
    }

    /// Everything up to there is safe: it is consumed.
    pub(super) fn commit(
        &mut self,
        position: &Position,
        known: &Catalogue,
        out: &mut Vec<Gathered>,
    ) -> Result<()> {
        let Position::Text(position) = position else {
            return Ok(());
        };
        self.safe = self.safe.max(position.next);
        if stats::read(&self.stats)?.stats.overrun != self.overrun {
            // Overtaken since: what is left of what was given has to be found first.
            return self.gather(known, out);
        }
        self.consume_safe(known, out)
    }

    fn consume_safe(&mut self, known: &Catalogue, out: &mut Vec<Gathered>) -> Result<()> {
        // What nobody was given need not be kept for anybody.
        let until = if self.safe >= self.given {
            self.end
        } else {
            self.safe
        };
        if self.peeked.front().is_none_or(|first| first.number > until) {
            return Ok(());
        }
        let path = self.dir.join("trace_pipe");
        let mut pipe = super::open_raw(&path)?;
        let mut buffer = vec![0; LONGEST];
        while self
            .peeked
            .front()
            .is_some_and(|first| first.number <= until)
        {
            let Some(text) =
                consume_one(&mut pipe, &mut buffer).map_err(|source| Error::io(&path, source))?
            else {
                // Somebody else was quicker; the counters will tell.
                break;
            };
            for line in lines(&text) {
                self.consumed(known, &line, out);
            }
        }
        Ok(())
    }

    /// One event has left the ring by us.
    fn consumed(&mut self, known: &Catalogue, line: &Line<'_>, out: &mut Vec<Gathered>) {
        let hash = hash(line);
        self.read += 1;
        self.accounted += 1;
        let same = |old: &Peeked| is_same(old.stamp, old.hash, line.stamp, hash);
        match self.peeked.iter().position(same) {
            Some(gone) => {
                // Those before it were overwritten in this very moment.
                self.accounted += gone as u64;
                self.peeked.drain(..=gone);
            }
            None => {
                // All that was peeked at was overwritten in this very moment, and this is new.
                self.accounted += self.peeked.len() as u64;
                self.peeked.clear();
                self.end += 1;
                self.give(known, line, out);
            }
        }
    }
}

/// Reads one event's text and takes the event out of the ring. `None`: there is none.
fn consume_one(pipe: &mut File, buffer: &mut [u8]) -> std::io::Result<Option<String>> {
    let mut text = Vec::new();
    let (first, rest) = buffer.split_at_mut(1);
    match pipe.read(first) {
        Ok(0) => return Ok(None),
        Ok(_) => text.extend_from_slice(first),
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            return Ok(None);
        }
        Err(e) => return Err(e),
    }
    // The rest of its text, which is there already. A line of one byte has none, and would cost the next event: but no
    // line is that short.
    let n = pipe.read(rest)?;
    text.extend_from_slice(rest.get(..n).unwrap_or_default());
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

/// Whether two lines are of one event.
///
/// The kernel computes a stamp anew each time, from where it begins, and where a filter threw events away it comes to
/// different ones: off by what these had taken.
fn is_same(stamp: u64, hash: u64, other_stamp: u64, other_hash: u64) -> bool {
    hash == other_hash && stamp.abs_diff(other_stamp) < 100_000_000
}

/// The task's name is not part of it: the kernel forgets names, and learns them late.
fn hash(line: &Line<'_>) -> u64 {
    own::hash(&[line.name.as_bytes(), line.text.as_bytes()])
}
