//! Records out of a log that comes line by line, each with a place: from the kernel's device, from the journal.
//!
//! A record stands on several lines, lines of several records interleave, and records are handed out in the order in which
//! they begin. So the place to go on from lies before what was read last: [`Lines::place`] finds it, and
//! [`Lines::resume`] leaves out what was handed out by an earlier process.

use std::collections::VecDeque;
use std::ops::Range;

use mcekit::Record;
use mcekit_logs::{Format, Found, Reader};

use crate::Lost;

/// How many lines before the first needed one are read again, so that a header above it is known.
pub(crate) const MARGIN: u64 = 64;

/// How many lines are remembered; more than any record that is under way can span.
const MAX_LINES: usize = 8192;

/// How many handed-out records are remembered.
const MAX_GIVEN: usize = 128;

/// What comes out.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A record, and whether the log says that it is of an earlier boot.
    Record(Record, bool),
    /// Lines are missing here.
    Lost(Lost),
}

/// A line whose start can still be asked for.
#[derive(Clone, Debug)]
struct Known<P> {
    /// Where it begins, among all bytes that were pushed.
    at: u64,
    place: P,
    earlier: bool,
}

/// What is ready to be handed out.
#[derive(Debug)]
enum Ready<P> {
    Record {
        record: Box<Record>,
        /// The bytes that it stands on.
        span: Range<u64>,
        /// The line that it begins on, and where in it.
        start: Option<(P, u64)>,
        earlier: bool,
    },
    Lost {
        lost: Lost,
        at: u64,
    },
}

impl<P> Ready<P> {
    const fn at(&self) -> u64 {
        match self {
            Self::Record { span, .. } => span.start,
            Self::Lost { at, .. } => *at,
        }
    }
}

/// Where a reader is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place<P> {
    /// The first line that is needed again. `None`: none that was pushed.
    pub(crate) from: Option<P>,
    /// The record that was handed out last begins on this line, this many bytes into it.
    pub(crate) after: Option<(P, u64)>,
}

/// The reader.
#[derive(Debug)]
pub(crate) struct Lines<P> {
    reader: Reader,
    /// How many bytes were pushed before this reader began.
    origin: u64,
    /// How many bytes were pushed in all.
    pushed: u64,
    /// The last line is still to be ended: a fragment may follow.
    unended: bool,
    known: VecDeque<Known<P>>,
    ready: VecDeque<Ready<P>>,
    given: VecDeque<Range<u64>>,
    last: Option<(P, u64)>,
    resume: Option<Place<P>>,
}

impl<P: Clone + PartialOrd> Lines<P> {
    pub(crate) fn new() -> Self {
        Self {
            reader: Reader::new(),
            origin: 0,
            pushed: 0,
            unended: false,
            known: VecDeque::new(),
            ready: VecDeque::new(),
            given: VecDeque::new(),
            last: None,
            resume: None,
        }
    }

    /// What begins before the place's line, or not behind its last record, is left out from now on.
    pub(crate) fn resume(&mut self, place: Place<P>) {
        self.last.clone_from(&place.after);
        self.resume = Some(place);
    }

    /// A line, without its end. `earlier`: the log says that what it tells of happened before this boot.
    pub(crate) fn line(&mut self, place: P, text: &[u8], earlier: bool) {
        self.end_line();
        if self.known.len() >= MAX_LINES / 2 {
            self.forget();
        }
        self.known.push_back(Known {
            at: self.pushed,
            place,
            earlier,
        });
        self.push(text);
        self.unended = true;
    }

    /// More of the last line.
    pub(crate) fn fragment(&mut self, text: &[u8]) {
        self.push(text);
    }

    /// Here lines are missing: what was under way is over.
    pub(crate) fn lost(&mut self, place: P, lost: Lost) {
        self.flush();
        self.known.push_back(Known {
            at: self.pushed,
            place,
            earlier: false,
        });
        let at = self.pushed;
        self.ready.push_back(Ready::Lost { lost, at });
    }

    /// Nothing belongs to what was read so far: hands out what is under way.
    pub(crate) fn flush(&mut self) {
        self.end_line();
        let mut found = Vec::new();
        std::mem::take(&mut self.reader).finish(&mut |one| found.push(one));
        for one in found {
            self.found(one);
        }
        self.origin = self.pushed;
    }

    /// Whether something may be under way.
    pub(crate) fn is_open(&self) -> bool {
        self.unended || self.origin + self.reader.settled() < self.pushed
    }

    /// Whether nothing is ready to be taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// What comes next.
    pub(crate) fn take(&mut self) -> Option<Item> {
        Some(match self.ready.pop_front()? {
            Ready::Lost { lost, .. } => Item::Lost(lost),
            Ready::Record {
                record,
                span,
                start,
                earlier,
            } => {
                if self.given.len() >= MAX_GIVEN {
                    self.given.pop_front();
                }
                self.given.push_back(span);
                self.last = start;
                Item::Record(*record, earlier)
            }
        })
    }

    /// The place behind what was handed out.
    pub(crate) fn place(&self) -> Place<P> {
        let at = self.first_needed();
        let behind = self.known.partition_point(|known| known.at < at);
        let from = match self.known.get(behind) {
            Some(known) if known.at == at => Some(known),
            // Within a line, or behind the last one.
            _ if at >= self.pushed => None,
            _ => self.known.get(behind.saturating_sub(1)),
        };
        let from = from.map(|known| known.place.clone());
        // Lines above it are read for what they say of those below, and hold nothing new.
        let resumed = self.resume.as_ref().and_then(|place| place.from.clone());
        Place {
            from: match (from, resumed) {
                (Some(from), Some(resumed)) if from < resumed => Some(resumed),
                (from, _) => from,
            },
            after: self.last.clone(),
        }
    }

    /// The first byte that matters to what is still to come.
    fn first_needed(&self) -> u64 {
        let mut at = self.origin.saturating_add(self.reader.settled());
        if let Some(ready) = self.ready.front() {
            at = at.min(ready.at());
        }
        // Handed out, and reaching beyond: its lines must not be taken for another record's.
        while let Some(span) = self
            .given
            .iter()
            .find(|span| span.start < at && at < span.end)
        {
            at = span.start;
        }
        at
    }

    /// Forgets lines that nobody will ask for.
    fn forget(&mut self) {
        let at = self.first_needed();
        let keep = self.known.partition_point(|known| known.at < at);
        let keep = keep.saturating_sub(MARGIN as usize);
        let too_many = self.known.len().saturating_sub(MAX_LINES - 1);
        self.known.drain(..keep.max(too_many));
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.unended) {
            self.push(b"\n");
        }
    }

    fn push(&mut self, text: &[u8]) {
        let mut found = Vec::new();
        self.reader.push(text, &mut |one| found.push(one));
        self.pushed += text.len() as u64;
        for one in found {
            self.found(one);
        }
    }

    fn found(&mut self, found: Found) {
        if !kernels_own(found.format) {
            return;
        }
        let end = found
            .pair
            .map_or(found.span.end, |pair| pair.span.end.max(found.span.end));
        let span = self.origin + found.span.start..self.origin + end;
        let behind = self.known.partition_point(|known| known.at <= span.start);
        let known = behind.checked_sub(1).and_then(|at| self.known.get(at));
        let start = known.map(|known| (known.place.clone(), span.start - known.at));
        if let (Some((line, at)), Some(resume)) = (&start, &self.resume) {
            let before = resume.from.as_ref().is_some_and(|from| line < from);
            let given = resume
                .after
                .as_ref()
                .is_some_and(|(last, last_at)| line < last || line == last && at <= last_at);
            if before || given {
                return;
            }
        }
        self.ready.push_back(Ready::Record {
            record: Box::new(found.record),
            span,
            earlier: known.is_some_and(|known| known.earlier),
            start,
        });
    }

    /// The lines that are remembered, the last ones before `place`'s first needed line included.
    pub(crate) fn margin(&self) -> Option<&P> {
        let at = self.first_needed();
        let behind = self.known.partition_point(|known| known.at < at);
        self.known
            .get(behind.saturating_sub(MARGIN as usize))
            .map(|known| &known.place)
    }
}

/// Whether the kernel prints such records itself. Others in its log are somebody's words that it repeats.
const fn kernels_own(format: Format) -> bool {
    matches!(
        format,
        Format::Linux
            | Format::LinuxOld
            | Format::Edac
            | Format::EdacMceAmd
            | Format::Cper
            | Format::Trace
    )
}
