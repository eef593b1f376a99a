//! The streaming reader: finds lines of interest, hands them to the formats, keeps its place.
//!
//! Ordinary text is never split into lines: a search for a few dozen fixed strings passes over it, and line
//! ends are only counted. Where one is found, the reader wakes: for the next [`HOLD_LINES`] lines the larger
//! set of strings counts that continue a record. Every decision depends on the bytes and on positions counted
//! from the start of the input, never on where a chunk ended: whole and chunked input give the same records.

mod short_cut;

use memchr::{memchr, memrchr};

use crate::anchors::{ANCHORS, Anchors, LONGEST};
use crate::formats::{self, Taken};
use crate::found::{Found, Stats};
use crate::join::{self, Join};
use crate::line::Line;
use crate::shape::Shape;
use crate::slots::{HOLD_LINES, Slots};

/// How far a line is looked at behind an anchor, in bytes. What is longer is looked at in pieces.
pub const MAX_LINE: usize = 4096;

/// How far a line is looked at before an anchor, in bytes.
pub const MAX_PREFIX: usize = 512;

/// How much is kept of what stood before a line, in bytes.
pub const BEFORE: usize = 512;

/// What must stay in memory behind the place that was reached.
const HISTORY: usize = MAX_PREFIX + BEFORE;

/// Among the kernel's own lines, how much must be there for the next record to be read at once, if it is one.
const RECORD: usize = 1024;

/// How much is searched before line ends are counted, so that both passes find it in the cache.
const BLOCK: usize = 64 << 10;

/// How much of a chunk is joined to what was left of the last one, at a time.
const REFILL: usize = 16 << 10;

/// What the kernel has before the text of every line about an error.
const TAG: &[u8] = b"[Hardware Error]: ";

fn ends_in_tag(prefix: Option<&[u8]>) -> bool {
    prefix.is_some_and(|prefix| prefix.ends_with(TAG))
}

/// What happens with the line after this one, whatever is in it.
#[derive(Debug, Default)]
enum Next {
    #[default]
    Search,
    /// It may continue the line that is held.
    Join(Box<Held>),
    /// It may be a row of a dump.
    Rows,
}

/// A line that waits for its continuation.
#[derive(Debug)]
struct Held {
    before: Vec<u8>,
    text: Vec<u8>,
    at: usize,
    start: u64,
    number: u64,
    join: Join,
    anchor: usize,
    joined: u8,
}

/// Reads records from a text that comes in chunks.
///
/// Memory is bounded whatever the input: a few kilobytes of text, [`MAX_OPEN`](crate::MAX_OPEN) records.
///
/// ```
/// let log = b"[    9.0] mce: [Hardware Error]: CPU 0: Machine Check: 0 Bank 2: 9000000000000153\n";
/// let mut reader = mcekit_logs::Reader::new();
/// let mut found = Vec::new();
/// for chunk in log.chunks(7) {
///     reader.push(chunk, &mut |f| found.push(f));
/// }
/// reader.finish(&mut |f| found.push(f));
/// assert_eq!(found[0].record.bank(), Some(2));
/// ```
#[derive(Debug)]
pub struct Reader {
    slots: Slots,
    next: Next,
    /// The end of what was pushed, from [`HISTORY`] before the place that was reached.
    carry: Vec<u8>,
    /// The place in `carry`.
    carry_pos: usize,
    /// Where `buf[0]` of the run under way lies in the input.
    base: u64,
    /// The number of the line at the place.
    number: u64,
    /// Where the line at the place begins in the input.
    line_start: u64,
    /// No line may be looked at from before here: it was taken already.
    floor: u64,
    /// No line ends between the place and here.
    unbroken: u64,
    /// The last line on which strings that continue a record count.
    awake: u64,
    /// The number of the line that was read again last.
    held_number: u64,
    /// How far into a line the last kernel line's text began.
    guess: usize,
    /// What that line began with.
    shape: Shape,
    /// Up to here a broadcast to terminals is among what is kept of the text before.
    broadcast: u64,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// A reader at the start of an input.
    #[must_use]
    pub fn new() -> Self {
        Self {
            slots: Slots::default(),
            next: Next::Search,
            carry: Vec::new(),
            carry_pos: 0,
            base: 0,
            number: 1,
            line_start: 0,
            floor: 0,
            unbroken: 0,
            awake: 0,
            held_number: 0,
            guess: 0,
            shape: Shape::default(),
            broadcast: 0,
        }
    }

    /// Reads on. `sink` gets every record that can gain nothing more, in the order in which they began.
    pub fn push(&mut self, chunk: &[u8], sink: &mut impl FnMut(Found)) {
        let mut taken = 0;
        let mut pos = 0;
        if !self.carry.is_empty() {
            let mut carry = std::mem::take(&mut self.carry);
            let old = carry.len();
            loop {
                let more = chunk.get(taken..).unwrap_or_default();
                let more = more.get(..REFILL).unwrap_or(more);
                carry.extend_from_slice(more);
                taken += more.len();
                self.carry_pos = self.run(&carry, self.carry_pos, false, sink);
                if taken == chunk.len() {
                    self.keep(&carry, self.carry_pos);
                    return;
                }
                // Far enough that everything that is still needed lies in the chunk.
                if self.carry_pos >= old + HISTORY {
                    break;
                }
            }
            pos = self.carry_pos - old;
            self.base += old as u64;
        }
        let pos = self.run(chunk, pos, false, sink);
        self.keep(chunk, pos);
    }

    /// Ends the input and hands out what was still under way.
    pub fn finish(mut self, sink: &mut impl FnMut(Found)) -> Stats {
        self.end(sink)
    }

    fn end(&mut self, sink: &mut impl FnMut(Found)) -> Stats {
        let carry = std::mem::take(&mut self.carry);
        let pos = self.run(&carry, self.carry_pos, true, sink);
        debug_assert_eq!(pos, carry.len());
        if let Next::Join(held) = std::mem::take(&mut self.next) {
            self.reread(*held, None);
        }
        self.slots.flush(sink);
        self.slots.stats
    }

    /// What was met so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.slots.stats
    }

    /// Up to which byte of the input nothing can change any more: the start of the first line that is still to be read, or
    /// that is of a record under way.
    ///
    /// Whoever keeps the input and goes on from here with a new reader, or from the start of a handed-out record that
    /// reaches beyond, misses nothing.
    #[must_use]
    pub fn settled(&self) -> u64 {
        let place = self.base + self.carry_pos as u64;
        let mut at = self.line_start.min(place);
        if let Next::Join(held) = &self.next {
            at = at.min(held.start);
        }
        at.min(self.slots.first_start(self.number))
    }

    fn keep(&mut self, buf: &[u8], pos: usize) {
        let from = pos.saturating_sub(HISTORY);
        self.carry = buf.get(from..).unwrap_or_default().to_vec();
        self.carry_pos = pos - from;
        self.base += from as u64;
    }

    /// Reads `buf` from `pos` on and returns how far it came: to the end, or to a line whose end is missing.
    fn run(
        &mut self,
        buf: &[u8],
        mut pos: usize,
        last: bool,
        sink: &mut impl FnMut(Found),
    ) -> usize {
        loop {
            if pos >= buf.len() {
                return buf.len();
            }
            if !matches!(self.next, Next::Search) {
                match self.next_line(buf, pos, last, sink) {
                    Some(after) => pos = after,
                    None => return pos,
                }
                continue;
            }
            let awake = self.number <= self.awake;
            if awake && self.guess > 0 && !last && buf.len() - pos < RECORD {
                return pos;
            }
            if awake && let Some(after) = self.guessed(buf, pos, last, sink) {
                pos = after;
                continue;
            }
            let anchors: &Anchors = &ANCHORS;
            let end = buf.len().min(pos + BLOCK);
            let window = buf.get(pos..end).unwrap_or_default();
            let complete = end == buf.len();
            // Near the end of what is there a longer string could still begin earlier.
            let sure = |at: usize| complete && last || at + LONGEST <= window.len();
            match anchors.find(window, awake).filter(|found| sure(found.1)) {
                None => {
                    let to = if complete && last {
                        end
                    } else {
                        end.saturating_sub(LONGEST - 1).max(pos)
                    };
                    self.advance(buf, pos, to);
                    if complete {
                        return to;
                    }
                    pos = to;
                }
                Some((anchor, at)) => {
                    self.advance(buf, pos, pos + at);
                    pos += at;
                    if awake && self.number > self.awake && !anchors.wakes(anchor) {
                        // Found behind the lines that are looked at closely.
                        continue;
                    }
                    if anchors.is_broadcast(anchor) {
                        self.broadcast = self.base + (pos + BEFORE + LONGEST) as u64;
                        pos += 1;
                        continue;
                    }
                    if let Some(after) = self.guessed(buf, pos, last, sink) {
                        pos = after;
                        continue;
                    }
                    if anchors.formats(anchor) == 0 && awake {
                        // It only announces; nothing else begins with its first bytes.
                        self.awake = self.number + HOLD_LINES;
                        pos += 1;
                        continue;
                    }
                    match self.hit(buf, pos, anchor, last, sink) {
                        Some(after) => pos = after,
                        None => return pos,
                    }
                }
            }
        }
    }

    /// Moves the place from `pos` to `to`, counting lines.
    fn advance(&mut self, buf: &[u8], pos: usize, to: usize) {
        let passed = buf.get(pos..to).unwrap_or_default();
        if let Some(last) = memrchr(b'\n', passed) {
            self.number += memchr::memchr_iter(b'\n', passed).count() as u64;
            self.line_start = self.base + (pos + last + 1) as u64;
        }
    }

    /// The end of the line around `at`, and where the next one begins; `None` if it is not there yet.
    fn line_end(&mut self, buf: &[u8], at: usize, last: bool) -> Option<(usize, usize)> {
        let limit = at + MAX_LINE;
        let from = usize::try_from(self.unbroken.saturating_sub(self.base))
            .unwrap_or(usize::MAX)
            .clamp(at, limit);
        let searched = buf.get(from..limit.min(buf.len())).unwrap_or_default();
        if let Some(newline) = memchr(b'\n', searched) {
            return Some((from + newline, from + newline + 1));
        }
        if buf.len() >= limit {
            self.unbroken = self.base + limit as u64;
            return Some((limit, limit));
        }
        self.unbroken = self.unbroken.max(self.base + buf.len() as u64);
        last.then_some((buf.len(), buf.len()))
    }

    /// The line around an anchor at `pos`, as the formats see it.
    fn line<'a>(&self, buf: &'a [u8], pos: usize, end: usize) -> Line<'a> {
        let start = self
            .line_start
            .max(self.floor)
            .saturating_sub(self.base)
            .try_into()
            .unwrap_or(0_usize)
            .max(pos.saturating_sub(MAX_PREFIX))
            .min(pos);
        let text = buf.get(start..end).unwrap_or_default();
        Line {
            before: buf
                .get(start.saturating_sub(BEFORE)..start)
                .unwrap_or_default(),
            text: text.strip_suffix(b"\r").unwrap_or(text),
            at: pos - start,
            start: self.base + start as u64,
            number: self.number,
            last: false,
        }
    }

    /// Looks at the line around an anchor. `None`: its end is missing.
    fn hit(
        &mut self,
        buf: &[u8],
        pos: usize,
        anchor: usize,
        last: bool,
        sink: &mut impl FnMut(Found),
    ) -> Option<usize> {
        let (end, after) = self.line_end(buf, pos, last)?;
        if ANCHORS.wakes(anchor) {
            self.awake = self.number + HOLD_LINES;
        }
        let line = self.line(buf, pos, end);
        self.slots.retire(self.number, sink);
        let taken = self.offer(&line, anchor, 0);
        if matches!(taken, Taken::Line) && !ends_in_tag(line.text.get(..self.guess)) {
            let mark = memchr::memmem::find(line.text, TAG);
            self.guess = mark.map_or(self.guess, |mark| mark + TAG.len());
        }
        Some(match taken {
            // One byte on, where another string may begin.
            Taken::No => {
                self.advance(buf, pos, pos + 1);
                pos + 1
            }
            Taken::To(to) => {
                let to = pos + to.saturating_sub(line.at).max(1);
                let to = to.min(after);
                self.advance(buf, pos, to);
                self.floor = self.base + to as u64;
                to
            }
            Taken::Line | Taken::Rows | Taken::More(_) => {
                self.advance(buf, pos, after);
                self.floor = self.base + after as u64;
                after
            }
        })
    }

    /// Gives a line to the formats that know the anchor.
    fn offer(&mut self, line: &Line<'_>, anchor: usize, joined: u8) -> Taken {
        let soft = !line.last && line.text.ends_with(b"=");
        let taken = if soft {
            Taken::More(Join::Soft)
        } else {
            formats::read(ANCHORS.formats(anchor), line, &mut self.slots)
        };
        match taken {
            Taken::More(join) => {
                self.next = Next::Join(Box::new(Held {
                    before: line.before.to_vec(),
                    text: line.text.to_vec(),
                    at: line.at,
                    start: line.start,
                    number: line.number,
                    join,
                    anchor,
                    joined,
                }));
            }
            Taken::Rows => {
                self.next = Next::Rows;
                self.awake = line.number + HOLD_LINES;
            }
            Taken::Line | Taken::To(_) => self.awake = line.number + HOLD_LINES,
            Taken::No => {}
        }
        taken
    }

    /// Handles a line that was asked for. `None`: its end is missing.
    fn next_line(
        &mut self,
        buf: &[u8],
        pos: usize,
        last: bool,
        sink: &mut impl FnMut(Found),
    ) -> Option<usize> {
        let (end, after) = self.line_end(buf, pos, last)?;
        let line = self.line(buf, pos, end);
        match std::mem::take(&mut self.next) {
            Next::Search => Some(pos),
            Next::Rows => {
                self.slots.retire(self.number, sink);
                if formats::read_row(&line, &mut self.slots) {
                    self.next = Next::Rows;
                    self.awake = line.number + HOLD_LINES;
                    self.advance(buf, pos, after);
                    self.floor = self.base + after as u64;
                    Some(after)
                } else {
                    Some(pos)
                }
            }
            Next::Join(held) => match join::join(held.join, &held.text, line.text) {
                None => {
                    self.reread(*held, None);
                    Some(pos)
                }
                Some(text) => {
                    self.slots.retire(self.number, sink);
                    let after_held = (line.end(), line.number);
                    if !self.reread(*held, Some(text)) {
                        return Some(pos);
                    }
                    self.slots
                        .ends_at(self.held_number, after_held.0, after_held.1);
                    self.advance(buf, pos, after);
                    self.floor = self.base + after as u64;
                    Some(after)
                }
            },
        }
    }

    /// Reads a line that waited: with its continuation, or without one. False where nothing knows it with.
    fn reread(&mut self, held: Held, joined: Option<Vec<u8>>) -> bool {
        let last = joined.is_none() || held.joined + 1 >= join::MAX_LINES;
        let text = joined.unwrap_or_default();
        let mut line = Line {
            before: &held.before,
            text: if text.is_empty() { &held.text } else { &text },
            at: held.at,
            start: held.start,
            number: held.number,
            last,
        };
        self.held_number = held.number;
        let mut anchor = held.anchor;
        let mut known = false;
        loop {
            let from = match self.offer(&line, anchor, held.joined + 1) {
                Taken::Line | Taken::Rows | Taken::More(_) => return true,
                Taken::To(to) => {
                    known = true;
                    to.max(line.at + 1)
                }
                Taken::No => line.at + 1,
            };
            let rest = line.text.get(from..).unwrap_or_default();
            match ANCHORS.find(rest, true) {
                Some((next, at)) => {
                    anchor = next;
                    line.at = from + at;
                }
                None if known || text.is_empty() => return true,
                None => break,
            }
        }
        // The continuation was none: the line stands for itself.
        self.reread(held, None);
        false
    }
}
