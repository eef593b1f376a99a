//! What can go wrong.

use std::io;
use std::path::PathBuf;

use crate::explain::Explanation;

/// The crate's error: one variant for each thing that a caller can act on.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused to open the event.
    #[error("perf_event_open: {source}: {explanation}")]
    Open {
        /// The kernel's answer.
        source: io::Error,
        /// What it means for this event, on this machine.
        explanation: Box<Explanation>,
    },
    /// A request on an open event failed.
    #[error("{request}: {source}")]
    Request {
        /// The request, by its name in the manual page.
        request: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The kernel did not understand a filter.
    #[error("the filter `{filter}` is not valid for this event")]
    Filter {
        /// The expression as given.
        filter: String,
    },
    /// The event has a filter already: SET_FILTER works once in an event's life.
    #[error(
        "the event has a filter already, `{filter}` was not set: open a new event for another filter"
    )]
    FilterSet {
        /// The expression as given.
        filter: String,
    },
    /// Mapping the ring failed.
    #[error("mapping {pages} data pages: {source}: {hint}")]
    Map {
        /// Data pages asked for.
        pages: usize,
        /// The kernel's answer.
        source: io::Error,
        /// What that answer usually means here.
        hint: &'static str,
    },
    /// A number of data pages that is no power of two.
    #[error("{pages} data pages: the number must be a power of two")]
    Pages {
        /// Pages asked for.
        pages: usize,
    },
    /// An attr of a size that cannot be used.
    #[error(
        "a perf_event_attr of {size} bytes is of no published version or holds what that version cannot"
    )]
    AttrSize {
        /// Bytes.
        size: usize,
    },
    /// A sample type with fields whose place nobody knows.
    #[error(
        "sample_type has unknown bits {bits:#x}: the place of the fields after them is not known"
    )]
    UnknownSampleType {
        /// The unknown bits.
        bits: u64,
    },
    /// The ring's positions contradict its size.
    #[error("ring positions are damaged: head {head:#x}, tail {tail:#x}, size {size:#x}")]
    RingPositions {
        /// Where the writer says it is.
        head: u64,
        /// Where the reader is.
        tail: u64,
        /// The ring's size, bytes.
        size: u64,
    },
    /// A record's size is 0, not a multiple of 8, or larger than what is there.
    #[error("damaged record at {position:#x}: size {size}, {available} bytes are there")]
    RecordSize {
        /// Where in the ring.
        position: u64,
        /// The size it states.
        size: u16,
        /// Bytes up to the writer's position.
        available: u64,
    },
    /// A record is shorter than its fields.
    #[error("a record of type {kind} ends within its field {field}")]
    Truncated {
        /// The record's type number.
        kind: u32,
        /// The field that is not whole.
        field: &'static str,
    },
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file's text is not of its grammar.
    #[error("{}: `{text}` is not {expected}", path.display())]
    Text {
        /// Which file.
        path: PathBuf,
        /// The text that was not understood.
        text: String,
        /// What it should have been.
        expected: &'static str,
    },
    /// An event name or a term that the PMU does not offer.
    #[error("{}: no {what} `{name}`", path.display())]
    NoSuchTerm {
        /// The PMU's directory.
        path: PathBuf,
        /// Event or format term.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A value is too wide for its format bits.
    #[error("{value:#x} does not fit the {width} bits of `{name}`")]
    TermTooWide {
        /// The term.
        name: String,
        /// The value.
        value: u64,
        /// Bits of the term.
        width: u32,
    },
    /// A socket, descriptor or timer call failed.
    #[error("{action}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// A message from the other end of the socket is not of the protocol.
    #[error("hand-over message: {what}")]
    Message {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The other end speaks a newer protocol.
    #[error("the keeper speaks version {theirs} of the hand-over, this client version {ours}")]
    Version {
        /// The version received.
        theirs: u16,
        /// The version understood.
        ours: u16,
    },
    /// The keeper turned us away.
    #[error("the keeper gives user {uid} no access")]
    Denied {
        /// Our user id as the keeper saw it.
        uid: u32,
    },
    /// No CPU of the list could be opened.
    #[error("no online CPU in {}", path.display())]
    NoCpus {
        /// Where the list was read.
        path: PathBuf,
    },
    /// Builders that cannot share one ring.
    #[error("events of one ring must agree: {what}")]
    Disagree {
        /// On what they differ.
        what: &'static str,
    },
}

impl Error {
    /// For `map_err` on a call that does `action`.
    pub(crate) fn io(action: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Error::Io { action, source }
    }

    /// The same for nix's error numbers.
    pub(crate) fn nix(action: &'static str) -> impl Fn(nix::errno::Errno) -> Self {
        move |errno| Error::Io {
            action,
            source: errno.into(),
        }
    }
}
