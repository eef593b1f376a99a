//! Small files read and written whole, with the failures told apart.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::string::String;
use std::vec::Vec;

use crate::{Error, Result};

/// No file of tracefs that is read whole is longer; one that is, is not from a kernel.
const MAX_LEN: usize = 16 << 20;

/// Bytes asked for in one call: `header_page` and `header_event` end after the first one, however
/// little it took, so a standard reader's small probe would get their first words only.
const CHUNK: usize = 64 << 10;

/// Reads a file whole.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = File::open(path).map_err(|e| error("open", path, e))?;
    while bytes.len() < MAX_LEN {
        let end = bytes.len();
        bytes.resize(end + CHUNK, 0);
        let n = match file.read(bytes.get_mut(end..).unwrap_or_default()) {
            Err(e) if e.kind() == ErrorKind::Interrupted => Ok(None),
            other => other.map(Some),
        };
        bytes.truncate(end + n.as_ref().map_or(0, |n| n.unwrap_or(0)));
        match n.map_err(|e| error("read", path, e))? {
            Some(0) => break,
            _ => continue,
        }
    }
    Ok(bytes)
}

/// Reads a file whole, as text; bytes that are none become U+FFFD.
pub(super) fn read_text(path: &Path) -> Result<String> {
    Ok(String::from_utf8_lossy(&read(path)?).into_owned())
}

/// Reads a file that holds one number, perhaps with words behind it.
pub(super) fn read_number(path: &Path) -> Result<u64> {
    let text = read_text(path)?;
    text.split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| not_understood(path, &text))
}

/// How a value replaces what is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// As a shell's `>`.
    Replace,
    /// As a shell's `>>`; to open `trigger` the other way clears it.
    Append,
}

/// Writes a value in one system call, as tracefs wants it.
///
/// A value that the kernel did not take is [`Error::Refused`], without a complaint yet.
pub(super) fn write(path: &Path, value: &str, mode: Mode) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .truncate(mode == Mode::Replace)
        .append(mode == Mode::Append)
        .open(path)
        .map_err(|e| error("open", path, e))?;
    match file.write(value.as_bytes()) {
        Ok(n) if n == value.len() => Ok(()),
        Ok(_) => Err(error("write", path, ErrorKind::WriteZero.into())),
        // The file could be opened, so this is about the value. The numbers mean nothing: of a bracket
        // too many in a filter the kernel makes EPERM, of one too few ENOENT.
        Err(source) => Err(match source.kind() {
            ErrorKind::ResourceBusy => error("write", path, source),
            _ => Error::Refused {
                path: path.to_path_buf(),
                value: value.into(),
                complaint: String::new(),
                source,
            },
        }),
    }
}

/// Tells the failures apart that a caller can do something about.
pub(super) fn error(what: &'static str, path: &Path, source: io::Error) -> Error {
    let path = path.to_path_buf();
    match source.kind() {
        ErrorKind::PermissionDenied => Error::Forbidden { path, source },
        ErrorKind::NotFound => Error::Unsupported { path },
        ErrorKind::ResourceBusy => Error::Busy { path, source },
        _ => Error::Io { what, path, source },
    }
}

/// The error for a file that holds something else than it should.
pub(super) fn not_understood(path: &Path, text: &str) -> Error {
    Error::NotUnderstood {
        path: path.to_path_buf(),
        text: text.chars().take(200).collect(),
    }
}

/// The names in a directory that are valid, sorted; `only_dirs` leaves out plain files.
pub(super) fn names(path: &Path, only_dirs: bool) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| error("list", path, e))? {
        let entry = entry.map_err(|e| error("list", path, e))?;
        if only_dirs && !entry.file_type().is_ok_and(|t| t.is_dir()) {
            continue;
        }
        if let Ok(name) = entry.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Checks a name that becomes part of a path or of a written command.
pub(super) fn check_name(what: &'static str, name: &str) -> Result<()> {
    let bad = name.is_empty()
        || name.len() > 255
        || name.starts_with('.')
        || name
            .chars()
            .any(|c| c == '/' || c == ':' || c.is_whitespace() || c.is_control());
    if bad {
        return Err(Error::BadName {
            what,
            name: name.into(),
        });
    }
    Ok(())
}
