//! The inputs of a replay, in their order.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::input::{Bytes, Input};
use super::{Pages, bytes_of};
use crate::{Error, Result};

/// How deep folders lie in one another.
const DEPTH: usize = 16;

/// How dumps of a ring's pages are called, as the kernel's file with the CPU behind it.
const PAGES: &str = "trace_pipe_raw";

/// One input.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: String,
    origin: Origin,
    /// Not nothing: it is pages.
    pub(super) pages: Option<Pages>,
}

/// Where an input comes from.
pub(super) enum Origin {
    Path(PathBuf),
    Memory(Vec<u8>),
    Stream(Box<dyn Read + Send>),
    /// It was opened to be looked at, and nothing of it is used up.
    Open(Input),
    /// It was opened.
    Gone,
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Path(_) => "Path",
            Self::Memory(_) => "Memory",
            Self::Stream(_) => "Stream",
            Self::Open(_) => "Open",
            Self::Gone => "Gone",
        })
    }
}

impl Slot {
    pub(super) const fn new(name: String, origin: Origin) -> Self {
        Self {
            name,
            origin,
            pages: None,
        }
    }

    /// What messages name.
    pub(super) fn path(&self) -> PathBuf {
        match &self.origin {
            Origin::Path(path) => path.clone(),
            _ => PathBuf::from(&self.name),
        }
    }

    /// Opens it; what is no path, once.
    pub(super) fn open(&mut self) -> io::Result<Input> {
        if let Origin::Path(path) = &self.origin {
            return Input::new(bytes_of(path)?);
        }
        match std::mem::replace(&mut self.origin, Origin::Gone) {
            Origin::Memory(bytes) => Input::new(Bytes::Memory(io::Cursor::new(bytes))),
            Origin::Stream(stream) => Input::new(Bytes::Stream(stream)),
            Origin::Open(input) => Ok(input),
            Origin::Path(_) | Origin::Gone => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Takes back what was opened and not used.
    pub(super) fn put_back(&mut self, input: Input) {
        if !matches!(self.origin, Origin::Path(_)) {
            self.origin = Origin::Open(input);
        }
    }
}

/// Adds a file, or those of a directory.
pub(super) fn add(path: &Path, slots: &mut Vec<Slot>) -> Result<()> {
    add_within(path, DEPTH, slots)
}

fn add_within(path: &Path, depth: usize, slots: &mut Vec<Slot>) -> Result<()> {
    let io = |source| Error::io(path, source);
    if !fs::metadata(path).map_err(io)?.is_dir() {
        let name = path.display().to_string();
        let mut slot = Slot::new(name, Origin::Path(path.to_owned()));
        if is_pages(path) {
            slot.pages = pages_beside(path)?;
        }
        slots.push(slot);
        return Ok(());
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(io)? {
        let entry = entry.map_err(io)?;
        // A link to a folder could lead back here.
        let kind = entry.file_type().map_err(io)?;
        let folder = kind.is_dir();
        if folder && depth > 0 || kind.is_file() || kind.is_symlink() && entry.path().is_file() {
            entries.push((folder, entry.path()));
        }
    }
    entries.sort();
    let recorded = path.join("header_page").is_file() && path.join("format").is_file();
    if recorded {
        entries.retain(|(folder, path)| *folder || is_pages(path));
    }
    for (_, entry) in entries {
        add_within(&entry, depth.saturating_sub(1), slots)?;
    }
    Ok(())
}

fn is_pages(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(PAGES))
}

/// What the two files beside a dump say of it, if they are there.
fn pages_beside(path: &Path) -> Result<Option<Pages>> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let read = |name: &str| match fs::read(folder.join(name)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(&folder.join(name), error)),
    };
    match (read("header_page")?, read("format")?) {
        (Some(header), Some(format)) => Ok(Some(Pages::new(&header, &format)?)),
        _ => Err(Error::Missing {
            what: format!("{} without header_page and format", path.display()),
            how: "put the kernel's events/header_page and events/mce/mce_record/format beside it"
                .into(),
        }),
    }
}
