//! An input: opened, looked at, and read in pieces whatever its size.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use crate::own;

/// What is read at once.
const CHUNK: usize = 256 << 10;

/// What a file is known by, at most this many of its first bytes.
const IDENTITY: usize = 4096;

/// Where bytes come from.
pub(super) enum Bytes {
    File(File),
    Memory(io::Cursor<Vec<u8>>),
    Stream(Box<dyn Read + Send>),
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::File(_) => "File",
            Self::Memory(_) => "Memory",
            Self::Stream(_) => "Stream",
        })
    }
}

/// An open input, and the part of it that is in memory.
#[derive(Debug)]
pub(super) struct Input {
    bytes: Bytes,
    /// How long it is, where that is known.
    len: Option<u64>,
    buffer: Vec<u8>,
    /// Which part of the buffer holds bytes that were read and not used up.
    start: usize,
    end: usize,
    /// Where in the input that part begins.
    offset: u64,
    ended: bool,
}

impl Input {
    pub(super) fn new(bytes: Bytes) -> io::Result<Self> {
        let len = match &bytes {
            Bytes::File(file) => {
                let metadata = file.metadata()?;
                metadata.is_file().then_some(metadata.len())
            }
            Bytes::Memory(memory) => Some(memory.get_ref().len() as u64),
            Bytes::Stream(_) => None,
        };
        Ok(Self {
            bytes,
            len,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
        })
    }

    /// What is in memory and not used up.
    pub(super) fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Where in the input [`Self::unread`] begins.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// How long it is, where that is known.
    pub(super) fn len(&self) -> Option<u64> {
        let read = self.offset + (self.end - self.start) as u64;
        self.len.or(self.ended.then_some(read))
    }

    /// Uses up the first `n` bytes.
    pub(super) fn consume(&mut self, n: usize) {
        let n = n.min(self.end - self.start);
        self.start += n;
        self.offset += n as u64;
    }

    /// Reads more behind what is in memory; false at the end.
    pub(super) fn more(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.buffer.len() - self.end < CHUNK {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            let room = self.end + CHUNK;
            if self.buffer.is_empty() {
                self.buffer = vec![0; room];
            } else if self.buffer.len() < room {
                self.buffer.resize(room, 0);
            }
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let got = loop {
            let got = match &mut self.bytes {
                Bytes::File(file) => file.read(room),
                Bytes::Memory(memory) => memory.read(room),
                Bytes::Stream(stream) => stream.read(room),
            };
            match got {
                Err(error) if own::interrupted(&error) => {}
                got => break got?,
            }
        };
        self.end += got;
        self.ended = got == 0;
        Ok(got > 0)
    }

    /// Reads on until so many bytes are in memory, or all that there are.
    pub(super) fn fill(&mut self, bytes: usize) -> io::Result<()> {
        while self.unread().len() < bytes && self.more()? {}
        Ok(())
    }

    /// Goes to a place behind the one that was reached; false: the input ends before it.
    pub(super) fn go_to(&mut self, offset: u64) -> io::Result<bool> {
        let buffered = self.offset + self.unread().len() as u64;
        if offset > buffered {
            let seeked = match &mut self.bytes {
                Bytes::File(file) if self.len.is_some() => {
                    file.seek(SeekFrom::Start(offset))?;
                    true
                }
                Bytes::Memory(memory) => {
                    memory.set_position(offset);
                    true
                }
                _ => false,
            };
            if seeked {
                (self.start, self.end, self.offset) = (0, 0, offset);
                return Ok(self.len.is_none_or(|len| offset <= len));
            }
        }
        while self.offset < offset {
            let left = usize::try_from(offset - self.offset).unwrap_or(usize::MAX);
            if self.unread().is_empty() && !self.more()? {
                return Ok(false);
            }
            self.consume(left);
        }
        Ok(true)
    }

    /// What tells the input apart from others: how many of its first bytes count, and their hash. Only before anything
    /// is used up.
    pub(super) fn head(&mut self) -> io::Result<(usize, u64)> {
        self.fill(IDENTITY)?;
        let head = self.unread();
        let head = head.get(..IDENTITY).unwrap_or(head);
        Ok((head.len(), own::hash(&[head])))
    }

    /// Whether the first `len` bytes are those of a head. What was appended since does not count.
    pub(super) fn begins_with(&mut self, len: usize, hash: u64) -> io::Result<bool> {
        let len = len.min(IDENTITY);
        self.fill(len)?;
        Ok(self
            .unread()
            .get(..len)
            .is_some_and(|head| own::hash(&[head]) == hash))
    }
}
