//! What can end the daemon, in the words that the operator reads.

use std::io;

/// Why it ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Store(#[from] mcekit_store::Error),
    #[error(transparent)]
    Source(#[from] mcekit_source::Error),
    /// The running daemon did not answer, or said no.
    #[error("{0}")]
    Asked(String),
    #[error("{call}: {source}")]
    System {
        call: &'static str,
        source: io::Error,
    },
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    NoSource(String),
}

impl Error {
    /// The process's exit status: 2 for what the user gave, 3 for what the machine has not, 1 for the rest.
    pub(crate) const fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::NoSource(_) => 3,
            _ => 1,
        }
    }

    /// An error of a call that goes through nix.
    pub(crate) fn system(call: &'static str) -> impl FnOnce(nix::Error) -> Self {
        move |errno| Self::System {
            call,
            source: errno.into(),
        }
    }
}

/// An error of what was being done.
pub(crate) fn call(call: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::System { call, source }
}
