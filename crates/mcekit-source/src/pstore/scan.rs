//! Files of pstore and of its archive: found, ordered, read.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use mcekit::Record;
use mcekit::wire::{LENGTHS, MAX_LEN, Wire};
use nix::sys::inotify::{AddWatchFlags, Inotify};

use super::{Erase, Texts};
use crate::{Error, Result, own};

/// How many files are read; a cursor names each.
pub(super) const MAX_FILES: usize = 3000;

/// How deep folders lie in the archive: a time or a boot, and a number.
const DEPTH: usize = 4;

/// The longest file that is read.
const MAX_SIZE: u64 = 4 << 20;

/// A file as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) erase: Erase,
    text: bool,
    size: u64,
    /// Last change: seconds and nanoseconds.
    time: (i64, i64),
}

/// What a file has.
#[derive(Debug)]
pub(super) struct Records {
    /// A hash of its name and contents.
    pub(super) id: u64,
    pub(super) all: Vec<Record>,
}

/// Finds the files of a folder and of those in it, and has changes in them told. A folder that is not there, or not to be
/// read, has none: it is looked for again.
pub(super) fn walk(
    folder: &Path,
    erase: Erase,
    texts: Texts,
    inotify: Option<&Inotify>,
    found: &mut Vec<File>,
) {
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let flags = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_ONLYDIR;
        // Without a watch the folder is looked at from time to time all the same.
        if let Some(inotify) = inotify {
            let _ = inotify.add_watch(&folder, flags);
        }
        let entries: Vec<_> = match fs::read_dir(&folder) {
            Ok(entries) => entries.take(2 * MAX_FILES).flatten().collect(),
            Err(_) => continue,
        };
        let whole = entries.iter().any(|entry| entry.file_name() == "dmesg.txt");
        for entry in entries {
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_dir() && depth < DEPTH {
                folders.push((entry.path(), depth + 1));
            }
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // systemd puts the parts of a dump together in one file, beside them.
            let part = name.starts_with("dmesg-") && !name.ends_with(".enc.z") && !whole;
            let text = name == "dmesg.txt" || part;
            let wanted = name.starts_with("mce-") || text && texts == Texts::Read;
            if metadata.is_file() && wanted {
                found.push(File {
                    path: entry.path(),
                    erase,
                    text,
                    size: metadata.len(),
                    time: (metadata.mtime(), metadata.mtime_nsec()),
                });
            }
        }
    }
}

impl File {
    /// Structs first, then by age and name.
    pub(super) fn order(&self) -> (bool, (i64, i64), &Path) {
        (self.text, self.time, &self.path)
    }

    /// Whether it is a kernel's log, not a struct.
    pub(super) const fn is_text(&self) -> bool {
        self.text
    }

    /// Reads it; `None` if it is gone.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Damaged`] where a struct is none.
    pub(super) fn read(&self) -> Result<Option<Records>> {
        let mut bytes = Vec::new();
        let read =
            fs::File::open(&self.path).and_then(|file| file.take(MAX_SIZE).read_to_end(&mut bytes));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(&self.path, error)),
            Ok(_) => {}
        }
        let name = self.path.file_name().unwrap_or_default();
        let id = own::hash(&[name.as_encoded_bytes(), &bytes]);
        let all = if self.text {
            let found = mcekit_logs::records(&bytes);
            found.map(|found| found.record).collect()
        } else {
            vec![self.of_struct(&bytes)?]
        };
        Ok(Some(Records { id, all }))
    }

    fn of_struct(&self, bytes: &[u8]) -> Result<Record> {
        // A later kernel's struct is longer than any that is known; a length between is a file that was cut off.
        let whole = LENGTHS.contains(&bytes.len()) || bytes.len() > MAX_LEN;
        match Wire::read(bytes) {
            Ok(wire) if whole => Ok(wire.record()),
            _ => Err(Error::Damaged {
                path: self.path.clone(),
                what: format!("{} bytes are no `struct mce`", bytes.len()),
            }),
        }
    }
}
