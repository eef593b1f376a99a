//! Asking a running daemon.

use std::io::{self, BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::{Last, Request};

/// How long a daemon may be silent.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why there is no answer, or not a whole one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nobody listens.
    #[error("no rasd answers at {path}: {source}", path = path.display())]
    NoDaemon {
        /// The socket.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The daemon says why not.
    #[error("rasd: {0}")]
    Refused(String),
    /// The connection broke off before the last line.
    #[error("the answer was cut off after {rows} lines")]
    CutOff {
        /// Whole lines that came.
        rows: u64,
    },
    /// Talking to it failed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Asks, and hands on each line of the answer. Gives their number.
///
/// # Errors
///
/// [`ClientError`]; the lines that came before it have been handed on.
pub(crate) fn ask<Q: Serialize>(
    path: &Path,
    request: &Request<Q>,
    mut each: impl FnMut(&str) -> io::Result<()>,
) -> Result<u64, ClientError> {
    let broken = |source| ClientError::Io {
        path: path.to_owned(),
        source,
    };
    let mut socket = UnixStream::connect(path).map_err(|source| ClientError::NoDaemon {
        path: path.to_owned(),
        source,
    })?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(broken)?;
    let line = serde_json::to_string(request).map_err(|error| broken(error.into()))?;
    // A daemon that refuses says so and goes away, perhaps before it has read anything: its words matter more than
    // this error.
    let sent = writeln!(socket, "{line}").and_then(|()| socket.shutdown(Shutdown::Write));
    let mut rows = 0;
    let mut pending: Option<String> = None;
    for line in BufReader::new(&socket).lines() {
        let line = match line {
            Ok(line) => line,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
            Err(error) => return Err(broken(error)),
        };
        if let Some(whole) = pending.replace(line) {
            each(&whole).map_err(broken)?;
            rows += 1;
        }
    }
    match pending.as_deref().map(serde_json::from_str::<Last>) {
        Some(Ok(Last::End { rows: told })) if told == rows => Ok(rows),
        Some(Ok(Last::Error(why))) => Err(ClientError::Refused(why)),
        None if sent.is_err() => sent.map(|()| 0).map_err(broken),
        _ => Err(ClientError::CutOff { rows }),
    }
}
