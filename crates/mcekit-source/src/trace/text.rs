//! A ring that cannot be mapped (Linux before 6.10, and memory that outlives a reboot), peeked at as text.
//!
//! `trace` shows what is in the ring and consumes nothing. What was given and is safe is then consumed through
//! `trace_pipe`, event by event: a read of one byte prints one event, takes it out of the ring, and leaves its text
//! behind for the next read of the same descriptor. So each event that is consumed is seen, and is held against the
//! one that was given.
//!
//! In memory that outlives a reboot, the counts begin anew with a boot, and the ring has events of the boot before, those that
//! were consumed among them. The text of the last event that was given tells which of them are known. They are not
//! consumed before there is one of this boot: the kernel writes that over the last of theirs, and would believe that it was
//! read already (6.12, 7.3).
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
use super::position::{Mark, Position, TextPosition};
use super::{Gathered, What, stats};
use crate::fields::{Catalogue, Known};
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
    /// It is in memory that outlives a reboot, and this boot began then (seconds since 1970). The kernel may write this boot's
    /// first events over the last ones of the boot before, which no count shows.
    booted: Option<u64>,
    /// The last events that were given in an earlier boot, by all who did.
    marks: Vec<Mark>,
    /// The furthest of them that is in the ring.
    furthest: Option<Mark>,
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
    /// It is of an earlier boot.
    stale: bool,
}

impl TextRing {
    pub(super) fn open(instance: &Instance, cpu: u32, booted: Option<u64>) -> Result<Self> {
        let dir = instance.root().join("per_cpu").join(format!("cpu{cpu}"));
        Self::at(dir, cpu, booted)
    }

    fn at(dir: PathBuf, cpu: u32, booted: Option<u64>) -> Result<Self> {
        let stats = dir.join("stats");
        let raw = super::open_raw(&dir.join("trace_pipe_raw"))?;
        Ok(Self {
            cpu,
            dir,
            stats,
            raw,
            start: Some(None),
            booted,
            marks: Vec::new(),
            furthest: None,
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
            Some(Position::Mapped(_) | Position::Before(_)) | None => None,
        });
        if let Some(Position::Before(mark)) = position {
            self.given_before(*mark);
        }
    }

    /// An earlier boot's reader was given the events up to this one.
    pub(super) fn given_before(&mut self, mark: Mark) {
        self.marks.push(mark);
    }

    /// The last event that was given in an earlier boot, once it was found in the ring.
    pub(super) fn found_before(&mut self) -> Option<Mark> {
        self.furthest.take()
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
            self.begin(start, before, &lines, known, out);
        }
        let old = self.align(&lines);
        // Before the events: those that were lost are older.
        self.lose(before.overrun, before.read_events, out);
        for line in lines.iter().skip(old) {
            self.take(known, line, out);
        }
        self.consume_safe(known, out)
    }

    /// The last event in the ring.
    pub(super) fn last(&self) -> Result<Option<Mark>> {
        let before = stats::read(&self.stats)?.stats;
        let text = self.peek(before)?.map(|(_, text)| text);
        let last = text.and_then(|text| {
            let last = *lines(&text).last()?;
            Some((last.stamp, hash(&last)))
        });
        Ok(last.map(|(stamp, hash)| Mark { stamp, hash }))
    }

    /// Whether that event is in the ring.
    pub(super) fn has(&self, mark: Mark) -> Result<bool> {
        let before = stats::read(&self.stats)?.stats;
        let is_it = |line: &Line<'_>| line.stamp == mark.stamp && hash(line) == mark.hash;
        let peeked = self.peek(before)?;
        Ok(peeked.is_some_and(|(_, text)| lines(&text).iter().any(is_it)))
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
        known: &Catalogue,
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
            self.skip_given_before(lines);
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
        let outlives = self.booted.is_some();
        let left = if now.overrun == start.overrun && !outlives {
            candidates.len()
        } else {
            // The last one that was given; or, if that is gone, what is older.
            candidates
                .iter()
                .rposition(|line| is_same(line.stamp, hash(line), start.stamp, start.last))
                .map_or_else(
                    // The clock of the boot before may have been ahead of this one's.
                    || match outlives {
                        true => 0,
                        false => candidates.partition_point(|line| line.stamp <= start.stamp),
                    },
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
                stale: self.is_stale(known, line),
            })
            .collect();
        let left = self.peeked.len() as u64;
        self.accounted += start.outstanding.saturating_sub(left);
    }

    /// Takes what was given in an earlier boot for peeked and safe.
    fn skip_given_before(&mut self, lines: &[Line<'_>]) {
        let last = |mark: &Mark| {
            lines
                .iter()
                .rposition(|line| line.stamp == mark.stamp && hash(line) == mark.hash)
        };
        let known = self.marks.iter().filter_map(last).max();
        for line in lines.iter().take(known.map_or(0, |last| last + 1)) {
            self.end += 1;
            self.peeked.push_back(Peeked {
                stamp: line.stamp,
                hash: hash(line),
                number: self.end,
                stale: self.booted.is_some(),
            });
            (self.stamp, self.last) = (line.stamp, hash(line));
            self.furthest = Some(Mark {
                stamp: line.stamp,
                hash: hash(line),
            });
        }
        (self.given, self.safe) = (self.end, self.end);
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
        let lost = gone.saturating_sub(self.accounted);
        // More was explained than left the ring, where an earlier boot's events were written over: those are in no count.
        self.accounted = gone;
        if lost > 0 {
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
            stale: self.is_stale(known, line),
        });
        self.give(known, line, out);
    }

    /// Whether it is of an earlier boot, as far as it says its time of day.
    fn is_stale(&self, known: &Catalogue, line: &Line<'_>) -> bool {
        let Some(booted) = self.booted else {
            return false;
        };
        match words::read(known, self.cpu, line.name, line.text) {
            Some(Known::Mce(record)) => record.time().is_some_and(|time| time < booted),
            _ => false,
        }
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
        if self.booted.is_some() {
            self.gather(known, out)?;
        } else if stats::read(&self.stats)?.stats.overrun != self.overrun {
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
        let none = self.peeked.front().is_none_or(|first| first.number > until);
        if none || self.peeked.back().is_some_and(|last| last.stale) {
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const STATS: &str = "entries: 3\noverrun: 0\ncommit overrun: 0\nbytes: 384\noldest event ts:     6.850372\n\
                         now ts:     8.640861\ndropped events: 0\nread events: 0\n";

    /// A ring whose `trace` has these events, each its stamp's second in words.
    fn ring(dir: &Path, seconds: &[u64], booted: Option<u64>) -> TextRing {
        let lines: Vec<String> = seconds
            .iter()
            .map(|second| format!(" task-1 [000] ..... {second}.000000: mark: number {second}\n"))
            .collect();
        for (name, text) in [
            ("stats", STATS),
            ("trace", &lines.concat()),
            ("trace_pipe", ""),
            ("trace_pipe_raw", ""),
        ] {
            fs::write(dir.join(name), text).unwrap();
        }
        TextRing::at(dir.to_owned(), 0, booted).unwrap()
    }

    fn given(ring: &mut TextRing) -> Vec<u64> {
        let mut out = Vec::new();
        ring.gather(&Catalogue::default(), &mut out).unwrap();
        out.iter().map(|item| item.stamp / 1_000_000_000).collect()
    }

    fn mark(dir: &Path, seconds: &[u64]) -> Mark {
        ring(dir, seconds, Some(0)).last().unwrap().unwrap()
    }

    #[test]
    fn what_was_given_in_an_earlier_boot_is_not_given_again() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let six = mark(dir, &[5, 6]);
        let seven = mark(dir, &[7]);
        let gone = mark(dir, &[50]);
        let all = [5, 6, 7, 3];
        for (marks, wanted) in [
            (&[][..], &[5, 6, 7, 3][..]),
            (&[gone], &[5, 6, 7, 3]),
            (&[six], &[7, 3]),
            // Of several readers the one that came further, in whatever order.
            (&[seven, six], &[3]),
            (&[six, gone, seven], &[3]),
        ] {
            let mut ring = ring(dir, &all, Some(4));
            marks.iter().for_each(|mark| ring.given_before(*mark));
            assert_eq!(given(&mut ring), wanted, "{marks:?}");
            assert_eq!(given(&mut ring), [0; 0], "a second look");
            let found = marks
                .iter()
                .filter(|mark| **mark != gone)
                .max_by_key(|mark| mark.stamp);
            assert_eq!(
                ring.found_before(),
                found.copied(),
                "what a cursor has to say"
            );
        }
    }

    #[test]
    fn an_earlier_boots_events_that_were_written_over_hide_none_of_this_ones() {
        let dir = tempfile::tempdir().unwrap();
        let mut before = ring(dir.path(), &[7, 8], Some(4));
        assert_eq!(given(&mut before), [7, 8]);
        // Given, and not consumed, when the reader died; then the kernel wrote over them.
        let position = before.position();
        let mut after = ring(dir.path(), &[2, 3], Some(4));
        after.resume(Some(&position));
        assert_eq!(given(&mut after), [2, 3]);
        // Still there.
        let mut after = ring(dir.path(), &[7, 8, 9], Some(4));
        after.resume(Some(&position));
        assert_eq!(given(&mut after), [9]);
    }
}
