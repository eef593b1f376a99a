//! An input: opened, looked at, and read in pieces whatever its size.

use std::fs::File;
use std::io::{self, ErrorKind, Read, stdin};
use std::os::fd::AsFd;
use std::path::Path;

use crate::args::From;
use crate::error::Error;
use crate::objects::{has_record, looks_like_json};
use crate::progress::Progress;
use crate::raw;
use crate::run::{Run, shown};

/// What is read at once.
const CHUNK: usize = 256 << 10;

/// What is looked at, at most, to find out what an input is.
const HEAD: usize = 64 << 10;

/// What an input turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// `struct mce` of so many bytes.
    Raw(usize),
    Json,
}

/// An open input, and the part of it that is in memory.
#[derive(Debug)]
pub(crate) struct Input {
    /// Nothing for standard input.
    name: Option<String>,
    file: File,
    /// The length of a regular file.
    size: Option<u64>,
    buffer: Vec<u8>,
    /// Which part of the buffer holds bytes that were read and not used up.
    start: usize,
    end: usize,
    /// Where in the input the buffer's unused part begins.
    offset: u64,
    ended: bool,
    progress: Progress,
}

impl Input {
    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    ///
    /// [`Error::Open`].
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let standard = path.as_os_str() == "-";
        let name = (!standard).then(|| path.display().to_string());
        let opened = if standard {
            stdin().as_fd().try_clone_to_owned().map(File::from)
        } else {
            File::open(path)
        };
        let describe = |file: File| {
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::Error::from(ErrorKind::IsADirectory));
            }
            Ok((file, metadata.is_file().then_some(metadata.len())))
        };
        let (file, size) = opened.and_then(describe).map_err(|source| Error::Open {
            name: shown(name.as_deref()).into_owned(),
            source,
        })?;
        let progress = size.map_or_else(Progress::none, |size| {
            Progress::new(&shown(name.as_deref()), size)
        });
        Ok(Self {
            name,
            file,
            size,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
            progress,
        })
    }

    /// The input's name; nothing for standard input.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What is in memory and not used up.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Where in the input [`Self::bytes`] begins.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Uses up the first `n` bytes.
    pub(crate) fn consume(&mut self, n: usize) {
        self.start = self.end.min(self.start + n);
        self.offset += n as u64;
    }

    /// Reads more behind what is in memory; false at the end. Answers are sent on before a read that may wait.
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::Write`] of the answers.
    pub(crate) fn more(&mut self, run: &mut Run) -> Result<bool, Error> {
        if self.ended {
            return Ok(false);
        }
        if self.size.is_none() {
            run.flush()?;
        }
        if self.buffer.len() - self.end < CHUNK {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            let size = self.end + CHUNK;
            self.buffer.resize(size.max(self.buffer.len()), 0);
        }
        let read = loop {
            match self.file.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(0) => {
                self.ended = true;
                Ok(false)
            }
            Ok(n) => {
                self.end += n;
                self.progress.at(self.offset + self.bytes().len() as u64);
                Ok(true)
            }
            Err(source) => Err(Error::Read {
                name: shown(self.name()).into_owned(),
                source,
            }),
        }
    }

    /// Finds out what the input is, by its first bytes.
    ///
    /// # Errors
    ///
    /// Those of [`Self::more`]; [`Error::Compressed`]; [`Error::NotRaw`] where the user said that it is raw.
    pub(crate) fn kind(
        &mut self,
        from: From,
        record_len: Option<u64>,
        run: &mut Run,
    ) -> Result<Kind, Error> {
        match from {
            From::Text => return Ok(Kind::Text),
            From::Json => return Ok(Kind::Json),
            From::Raw | From::Auto => {}
        }
        if let Some(len) = record_len {
            return Ok(Kind::Raw(len as usize));
        }
        while self.bytes().is_empty() && self.more(run)? {}
        if let Some(with) = compressed(self.bytes()) {
            return Err(Error::Compressed {
                name: self.name().unwrap_or("FILE").to_owned(),
                with,
            });
        }
        let binary = from == From::Raw || self.bytes().iter().take(8).any(|&b| b >= 0x80);
        if binary {
            while self.bytes().len() < HEAD && self.more(run)? {}
            let known = self.ended.then_some(self.bytes().len() as u64);
            match raw::length(self.bytes(), self.size.or(known)) {
                Some(len) => return Ok(Kind::Raw(len)),
                None if from == From::Raw => {
                    return Err(Error::NotRaw {
                        name: shown(self.name()).into_owned(),
                    });
                }
                None => return Ok(Kind::Text),
            }
        }
        while looks_like_json(self.bytes()) {
            if has_record(self.bytes()) {
                return Ok(Kind::Json);
            }
            if self.bytes().len() >= HEAD || !self.more(run)? {
                break;
            }
        }
        Ok(Kind::Text)
    }
}

/// The program that decompresses an input, if compressed it is.
fn compressed(head: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 5] = [
        (b"\x1f\x8b", "zcat"),
        (b"\xfd7zXZ\0", "xzcat"),
        (b"\x28\xb5\x2f\xfd", "zstdcat"),
        (b"BZh", "bzcat"),
        (b"\x04\x22\x4d\x18", "lz4cat"),
    ];
    let (_, program) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic))?;
    Some(program)
}
