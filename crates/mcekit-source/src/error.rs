//! What can go wrong, by what one can do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::CursorError;

/// Why a source could not be opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened, read or removed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Waiting or making a descriptor failed.
    #[error("{call}: {source}")]
    System {
        /// The system call.
        call: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The cursor is not for this source, or is not to be read.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// tracefs.
    #[error(transparent)]
    Tracefs(#[from] tracefs::Error),
    /// A perf ring or its keeper.
    #[error(transparent)]
    Perf(#[from] perf_ring::Error),
    /// /dev/mcelog.
    #[error(transparent)]
    Mcelog(#[from] mcelog_dev::Error),
    /// The channel's data are not what they should be.
    #[error("{path}: {what}", path = path.display())]
    Damaged {
        /// The file or the channel's path.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// This machine's kernel does not have the channel.
    #[error("{what}: {how}")]
    Missing {
        /// What is not there.
        what: String,
        /// The kernel parameter, option or package that would give it.
        how: String,
    },
}

/// What this crate's functions return.
pub type Result<T, E = Error> = core::result::Result<T, E>;

impl Error {
    /// An [`Error::Io`] of a path.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    /// An [`Error::System`] of a call that goes through nix.
    pub(crate) fn system(call: &'static str, errno: nix::Error) -> Self {
        Self::System {
            call,
            source: errno.into(),
        }
    }
}
