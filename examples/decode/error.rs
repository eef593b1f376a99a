//! What can go wrong, in the words that the user reads.

use std::io;

/// Why an input, or the answer, did not get through.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{name}: {source}")]
    Open { name: String, source: io::Error },
    #[error("{name}: cannot be read: {source}")]
    Read { name: String, source: io::Error },
    #[error("{name}: compressed; decompress it first: {with} {name} | decode")]
    Compressed { name: String, with: &'static str },
    #[error(
        "{name}: no records of struct mce that a kernel wrote; --record-len says how long one is"
    )]
    NotRaw { name: String },
    #[error("{name}:{line}: {source}")]
    Json {
        name: String,
        line: u64,
        source: serde_json::Error,
    },
    #[error("{name}:{line}: {what}")]
    NotJson {
        name: String,
        line: u64,
        what: &'static str,
    },
    #[error("the answer cannot be written: {0}")]
    Write(#[source] io::Error),
}

impl Error {
    /// Whether the reader of the answer had enough and went away.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
