//! What can go wrong, by what one can do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be stored, or read again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened, read, written or removed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The disk, the quota or the allowed size of a file is used up. Nothing was forgotten: write it again later.
    #[error("{path}: no room: {source}", path = path.display())]
    Full {
        /// The file that did not grow.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another process works with it.
    #[error("{path}: another process works with it", path = path.display())]
    InUse {
        /// The lock's file, or the database.
        path: PathBuf,
    },
    /// A later version wrote it.
    #[error("{path}: written by a later version ({found}; this one reads up to {known})", path = path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The latest one that can be read.
        known: u32,
    },
    /// Its bytes are not what was written.
    #[error("{path}: {what}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A database, but not one of machine checks.
    #[error("{path}: {what}", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: String,
    },
    /// SQLite.
    #[cfg(feature = "sqlite")]
    #[error("{path}: {source}", path = path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
}

/// What this crate's functions return.
pub type Result<T, E = Error> = core::result::Result<T, E>;

impl Error {
    /// The error of a file, told apart by whether room was lacking.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full { path, source },
            _ => Self::Io { path, source },
        }
    }

    /// Whether waiting helps: a full disk can have room again, a lock is let go.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::InUse { .. })
    }
}
