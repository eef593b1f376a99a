//! Segments: the spool's files, their names and how they begin.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::frame::{self, At, ReadAt};
use crate::{Error, Result};

/// How a segment begins.
const MAGIC: [u8; 8] = *b"mcespool";

/// The version of the spool's form.
pub(super) const VERSION: u32 = 1;

/// The bytes before the first frame: magic, version, four bytes of zero, number of the first frame, and a checksum.
pub(super) const HEADER: usize = 28;

/// The bytes that a segment begins with.
pub(super) fn header(first_sequence: u64) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&first_sequence.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..24]);
    bytes[24..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// What a file's first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// A segment of this version.
    Ours,
    /// A segment of another version.
    Version(u32),
    /// The file ends before its header does.
    Short,
    /// Something else.
    Bad,
}

/// Reads how a file begins.
pub(super) fn begin(from: &(impl ReadAt + ?Sized)) -> std::io::Result<Begin> {
    let mut bytes = [0; HEADER];
    if from.read_at(0, &mut bytes)? < HEADER {
        return Ok(Begin::Short);
    }
    let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| bytes[at + i]));
    Ok(
        if bytes[..8] != MAGIC || word(24) != crc32c::crc32c(&bytes[..24]) {
            Begin::Bad
        } else if word(8) != VERSION {
            Begin::Version(word(8))
        } else {
            Begin::Ours
        },
    )
}

/// The path of the segment whose first frame has a number.
pub(super) fn path(dir: &Path, first_sequence: u64) -> PathBuf {
    dir.join(format!("{first_sequence:016x}.spool"))
}

/// The segments in a directory, by the number of their first frame.
pub(super) fn list(dir: &Path) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| Error::io(dir, error))? {
        let name = entry.map_err(|error| Error::io(dir, error))?.file_name();
        let first = name
            .to_str()
            .and_then(|name| name.strip_suffix(".spool"))
            .filter(|digits| digits.len() == 16)
            .and_then(|digits| u64::from_str_radix(digits, 16).ok());
        found.extend(first);
    }
    found.sort_unstable();
    Ok(found)
}

/// What a walk over a segment meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// A frame, at this place; its items are in the walk's buffer.
    Frame(u64, frame::Header),
    /// So many bytes from this place on that are no frame, with a frame behind them, or the end.
    Damage(u64, u64),
    /// The last bytes, from this place on: the beginning of a frame, or zeros. A write that was cut short.
    Torn(u64, u64),
}

/// A walk over a segment's frames, that goes on behind what is damaged.
#[derive(Debug)]
pub(super) struct Walk<'a, F: ?Sized> {
    from: &'a F,
    at: u64,
    end: u64,
    /// The items of the last frame.
    pub(super) items: Vec<u8>,
}

impl<'a, F: ReadAt + ?Sized> Walk<'a, F> {
    /// From the beginning of a segment that has `end` bytes.
    pub(super) fn new(from: &'a F, end: u64) -> Self {
        Self {
            from,
            at: 0,
            end,
            items: Vec::new(),
        }
    }

    /// The next thing met.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Met>> {
        if self.at == 0 {
            match begin(self.from)? {
                Begin::Ours | Begin::Version(_) => self.at = HEADER as u64,
                Begin::Short => return self.rest(true),
                Begin::Bad => return self.rest(false),
            }
        }
        if self.at >= self.end {
            return Ok(None);
        }
        match frame::read(self.from, self.at, self.end, &mut self.items)? {
            At::Frame(header) => {
                let at = self.at;
                self.at += header.size();
                Ok(Some(Met::Frame(at, header)))
            }
            At::Short => self.rest(true),
            At::Bad => self.rest(false),
        }
    }

    /// Passes over what is no frame.
    fn rest(&mut self, short: bool) -> std::io::Result<Option<Met>> {
        let at = self.at;
        if at >= self.end {
            return Ok(None);
        }
        match frame::find(self.from, at + 1, self.end, &mut self.items)? {
            Some(next) => {
                self.at = next;
                Ok(Some(Met::Damage(at, next - at)))
            }
            None => {
                self.at = self.end;
                let len = self.end - at;
                Ok(Some(if short || self.zeros(at)? {
                    Met::Torn(at, len)
                } else {
                    Met::Damage(at, len)
                }))
            }
        }
    }

    /// Whether nothing but zeros is from `at` on: what a file system leaves that had given room, but no data.
    fn zeros(&self, mut at: u64) -> std::io::Result<bool> {
        let mut window = [0; 4096];
        loop {
            let got = self.from.read_at(at, &mut window)?;
            if window[..got].iter().any(|&byte| byte != 0) {
                return Ok(false);
            }
            at += got as u64;
            if got < window.len() {
                return Ok(true);
            }
        }
    }
}

/// Opens a segment, and tells its length.
pub(super) fn open(path: &Path) -> Result<(File, u64)> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    let len = file.metadata().map_err(|error| Error::io(path, error))?;
    Ok((file, len.len()))
}
