//! `rasd status` and `rasd query`: asking the running daemon, or its files.

use std::fs::File;
use std::io::{self, Write, stdout};
use std::path::{Path, PathBuf};

use crate::args::{self, Cli};
use crate::config::Config;
use crate::control::{ClientError, Question, Request, ask};
use crate::error::{Error, call};
use crate::query;
use crate::settings::{self, Purpose};
use crate::state;
use crate::status::Report;

/// Where the daemon answers, if it does. A replay does so only where it is told to: a daemon may be running.
pub(crate) fn socket(cli: &Cli, config: &Config, purpose: Purpose) -> Option<PathBuf> {
    let configured = || match purpose {
        Purpose::Watch => config.control.socket.clone(),
        Purpose::Replay => None,
    };
    cli.control.clone().or_else(configured)
}

/// The socket to ask at.
fn at(cli: &Cli) -> Result<PathBuf, Error> {
    if let Some(path) = &cli.control {
        return Ok(path.clone());
    }
    let config = settings::load(cli.config.as_deref())?;
    config.control.socket.ok_or_else(|| {
        Error::Usage(
            "the configuration says control.socket = \"off\": name a socket with --control".into(),
        )
    })
}

/// `rasd status`.
///
/// # Errors
///
/// Where no daemon answers, or not us.
pub(crate) fn status(cli: &Cli, json: bool) -> Result<(), Error> {
    let path = at(cli)?;
    let mut answer = String::new();
    ask(&path, &Request::<Question>::Status {}, |line| {
        answer = line.to_owned();
        Ok(())
    })
    .map_err(|error| refused(&error))?;
    if json {
        return print(&format!("{answer}\n"));
    }
    let report: Report = serde_json::from_str(&answer).map_err(|error| {
        Error::Usage(format!(
            "the daemon is of another version than this program: {error}"
        ))
    })?;
    print(&report.text())
}

/// `rasd query`.
///
/// # Errors
///
/// Where the history cannot be read, here or by the daemon.
pub(crate) fn query(cli: &Cli, query: &args::Query) -> Result<(), Error> {
    let dir = state::dir(cli)?;
    if cli.control.is_none() && !hidden(&state::history(&dir)) {
        return query::answer(&dir, query);
    }
    let path = at(cli)?;
    let mut out = stdout().lock();
    let asked = ask(&path, &Request::Query(Question::of(query)), |line| {
        if query.json {
            return writeln!(out, "{line}");
        }
        let text: String = serde_json::from_str(line)?;
        writeln!(out, "{text}")
    });
    match asked {
        // Whoever reads us has enough.
        Err(ClientError::Io { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        asked => asked.map(drop).map_err(|error| refused(&error)),
    }
}

fn refused(error: &ClientError) -> Error {
    Error::Asked(error.to_string())
}

/// Whether there is a file that we may not read: the daemon may tell us.
fn hidden(path: &Path) -> bool {
    matches!(File::open(path), Err(error) if error.kind() == io::ErrorKind::PermissionDenied)
}

/// Writes to standard output.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    match stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(call("writing the answer")(error))
        }
        _ => Ok(()),
    }
}
