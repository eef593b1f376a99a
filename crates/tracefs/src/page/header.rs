//! `events/header_page` and `events/header_event`: how this kernel lays out its sub-buffers.

use super::{read_u32, read_u64};
use crate::{Abi, Endian, Error, Result, Word};

/// Where the parts of a sub-buffer are; from `events/header_page`, or made for a known kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    abi: Abi,
    timestamp: usize,
    commit: usize,
    data: usize,
    data_size: usize,
}

/// The largest sub-buffer that the commit word can describe (its length has 20 bits).
pub(crate) const MAX_DATA: usize = super::COMMIT_MASK as usize;

impl Layout {
    /// The layout of every kernel since 2.6.30, for sub-buffers of `size` bytes, header included.
    ///
    /// # Errors
    ///
    /// [`Error::HeaderPage`] if `size` is no longer than the header, or longer than the commit word
    /// can say (1 MiB).
    pub const fn new(abi: Abi, size: usize) -> Result<Self> {
        let data = 8 + abi.word.bytes();
        if size <= data || size - data > MAX_DATA {
            return Err(Error::HeaderPage {
                line: 0,
                why: "a sub-buffer of an impossible size",
            });
        }
        Ok(Self {
            abi,
            timestamp: 0,
            commit: 8,
            data,
            data_size: size - data,
        })
    }

    /// Parses `events/header_page`. The word size is the one of its commit field; the byte order
    /// has to be known.
    ///
    /// # Errors
    ///
    /// [`Error::HeaderPage`] if a field is missing, has a size that no kernel gave it, or overlaps
    /// another.
    pub fn parse(text: &[u8], endian: Endian) -> Result<Self> {
        let (mut timestamp, mut commit, mut data) = (None, None, None);
        let mut last = 0;
        for (number, line) in (1..).zip(text.split(|&b| b == b'\n')) {
            last = number;
            if line.trim_ascii().is_empty() {
                continue;
            }
            let place = Place::parse(line).ok_or(Error::HeaderPage {
                line: number,
                why: "not a field with offset and size",
            })?;
            let slot = match place.name {
                b"timestamp" => &mut timestamp,
                b"commit" => &mut commit,
                b"data" => &mut data,
                // `overwrite` is a marker for readers, and newer kernels may say more.
                _ => continue,
            };
            *slot = Some((number, place.offset, place.size));
        }
        let missing = |why| Error::HeaderPage { line: last, why };
        let (line, timestamp, size) = timestamp.ok_or_else(|| missing("no timestamp field"))?;
        if size != 8 {
            return Err(Error::HeaderPage {
                line,
                why: "a timestamp that is not 8 bytes long",
            });
        }
        let (line, commit, size) = commit.ok_or_else(|| missing("no commit field"))?;
        let word = match size {
            4 => Word::W32,
            8 => Word::W64,
            _ => {
                return Err(Error::HeaderPage {
                    line,
                    why: "a commit word of neither 4 nor 8 bytes",
                });
            }
        };
        let (line, data, data_size) = data.ok_or_else(|| missing("no data field"))?;
        if data_size == 0 || data_size > MAX_DATA {
            return Err(Error::HeaderPage {
                line,
                why: "data of an impossible size",
            });
        }
        // Small numbers all: each passed Place::parse, which bounds them.
        let apart = (timestamp + 8 <= commit || commit + size <= timestamp)
            && timestamp + 8 <= data
            && commit + size <= data;
        if !apart {
            return Err(Error::HeaderPage {
                line,
                why: "fields that overlap",
            });
        }
        Ok(Self {
            abi: Abi { endian, word },
            timestamp,
            commit,
            data,
            data_size,
        })
    }

    /// Byte order and word size of the recording kernel.
    #[must_use]
    pub const fn abi(&self) -> Abi {
        self.abi
    }

    /// Byte at which the entries begin.
    #[must_use]
    pub const fn data_offset(&self) -> usize {
        self.data
    }

    /// Bytes of entries that a sub-buffer can hold.
    #[must_use]
    pub const fn data_size(&self) -> usize {
        self.data_size
    }

    /// Bytes of a whole sub-buffer: what one `read()` asks for.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.data + self.data_size
    }

    /// The time stamp in a sub-buffer's header.
    pub(crate) fn timestamp(&self, page: &[u8]) -> Option<u64> {
        read_u64(page.get(self.timestamp..)?, self.abi.endian)
    }

    /// The low 32 bits of the commit word: all that have ever meant something.
    pub(crate) fn commit(&self, page: &[u8]) -> Option<u32> {
        let at = match (self.abi.word, self.abi.endian) {
            (Word::W64, Endian::Big) => self.commit + 4,
            _ => self.commit,
        };
        read_u32(page.get(at..)?, self.abi.endian)
    }
}

/// One line of `header_page`: `field: TYPE NAME; offset:N; size:N; signed:N;`.
struct Place<'a> {
    name: &'a [u8],
    offset: usize,
    size: usize,
}

impl<'a> Place<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut parts = line.split(|&b| b == b';').map(<[u8]>::trim_ascii);
        let declaration = parts.next()?.strip_prefix(b"field:")?;
        let name = declaration.rsplit(|&b| b == b' ').next()?;
        let offset = number(parts.next()?.strip_prefix(b"offset:")?)?;
        let size = number(parts.next()?.strip_prefix(b"size:")?)?;
        Some(Self { name, offset, size })
    }
}

/// A decimal number of at most 20 bits: nothing in a sub-buffer is larger.
fn number(digits: &[u8]) -> Option<usize> {
    let text = core::str::from_utf8(digits.trim_ascii()).ok()?;
    let value = text.parse::<u32>().ok()? as usize;
    (value <= MAX_DATA).then_some(value)
}

/// The entry header as `events/header_event` describes it.
///
/// Every kernel since 2.6.30 says the same numbers (`time_stamp` since 4.17), and [`Records`] knows
/// these; this is where a kernel that says others is found out.
///
/// [`Records`]: super::Records
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeaderEvent {
    /// Bits of the type: 5.
    pub type_len_bits: u32,
    /// Bits of the time since the entry before: 27.
    pub time_delta_bits: u32,
    /// Bits of the word that follows in some types: 32.
    pub array_bits: u32,
    /// Type of padding and of discarded entries: 29.
    pub padding: u32,
    /// Type of an entry that carries a longer time difference: 30.
    pub time_extend: u32,
    /// Type of an entry that carries an absolute time: 31. Kernels before 4.17 have none.
    pub time_stamp: Option<u32>,
    /// Largest type that is a length in words: 28.
    pub data_max_type_len: u32,
}

impl HeaderEvent {
    /// What every kernel since 4.17 says, and what [`Records`] follows.
    ///
    /// [`Records`]: super::Records
    pub const KNOWN: Self = Self {
        type_len_bits: 5,
        time_delta_bits: 27,
        array_bits: 32,
        padding: 29,
        time_extend: 30,
        time_stamp: Some(31),
        data_max_type_len: 28,
    };

    /// Parses `events/header_event`.
    ///
    /// # Errors
    ///
    /// [`Error::HeaderEvent`] if a line that is needed is not there.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let value = |name: &'static str| -> Option<u32> {
            text.split(|&b| b == b'\n').find_map(|line| {
                let rest = line.trim_ascii().strip_prefix(name.as_bytes())?;
                let rest = rest.trim_ascii_start();
                let rest = rest
                    .strip_prefix(b":")
                    .or_else(|| rest.strip_prefix(b"=="))?
                    .trim_ascii();
                let rest = rest.strip_prefix(b"type ==").unwrap_or(rest).trim_ascii();
                let rest = rest.strip_suffix(b"bits").unwrap_or(rest).trim_ascii();
                core::str::from_utf8(rest).ok()?.parse().ok()
            })
        };
        let need = |name| value(name).ok_or(Error::HeaderEvent { what: name });
        Ok(Self {
            type_len_bits: need("type_len")?,
            time_delta_bits: need("time_delta")?,
            array_bits: need("array")?,
            padding: need("padding")?,
            time_extend: need("time_extend")?,
            time_stamp: value("time_stamp"),
            data_max_type_len: need("data max type_len")?,
        })
    }

    /// Whether this crate can walk such entries.
    ///
    /// # Errors
    ///
    /// [`Error::HeaderEvent`] names the first number that is another one than
    /// [`HeaderEvent::KNOWN`]'s.
    pub fn check(&self) -> Result<()> {
        let known = Self::KNOWN;
        let rows = [
            ("type_len", self.type_len_bits, known.type_len_bits),
            ("time_delta", self.time_delta_bits, known.time_delta_bits),
            ("array", self.array_bits, known.array_bits),
            ("padding", self.padding, known.padding),
            ("time_extend", self.time_extend, known.time_extend),
            ("time_stamp", self.time_stamp.unwrap_or(31), 31),
            (
                "data max type_len",
                self.data_max_type_len,
                known.data_max_type_len,
            ),
        ];
        match rows.into_iter().find(|(_, ours, known)| ours != known) {
            Some((what, ..)) => Err(Error::HeaderEvent { what }),
            None => Ok(()),
        }
    }
}
