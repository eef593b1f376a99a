//! What goes over the socket, as bytes and as values.

use serde::{Deserialize, Serialize};

/// The longest request that is read, in bytes, with the end of its line.
pub(crate) const MAX_REQUEST: usize = 4096;

/// What a client asks. `Q` is the history's own form of a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request<Q> {
    /// How the daemon does.
    Status {},
    /// What the history has.
    Query(Q),
}

/// The last line of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Last {
    /// Everything was told.
    End {
        /// Lines before this one.
        rows: u64,
    },
    /// It was not, and why.
    Error(String),
}

/// Why a request is no request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// There was no line's end within the longest request.
    #[error("a request is one line of at most {MAX_REQUEST} bytes")]
    TooLong,
    /// The client went away, or said nothing for too long.
    #[error("no request came")]
    Nothing,
    /// Not JSON, or not one of the requests.
    #[error("not a request: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// Reads a request's line, without its end.
pub(crate) fn parse<'a, Q: Deserialize<'a>>(line: &'a [u8]) -> Result<Request<Q>, RequestError> {
    if line.len() >= MAX_REQUEST {
        return Err(RequestError::TooLong);
    }
    Ok(serde_json::from_slice(line)?)
}
