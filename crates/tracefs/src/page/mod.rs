//! Raw ring-buffer pages: what `trace_pipe_raw` gives, by read, splice or mapping.
//!
//! A ring is made of *sub-buffers* (4 KiB unless `buffer_subbuf_size_kb` says otherwise). Each
//! begins with the time of its first record and a commit word: the length of what follows, and two
//! bits about records that were lost before it. Then entries stand one behind another, with 4
//! bytes of type and time each (`kernel/trace/ring_buffer.c`, `include/linux/ring_buffer.h`).
//!
//! [`Layout`] says how a kernel lays a sub-buffer out; it is read from `events/header_page`, or
//! made for another machine's recordings. [`SubBuffer`] takes a page apart and [`Records`] walks it.
//!
//! ```
//! use tracefs::page::{Layout, SubBuffer};
//! use tracefs::Abi;
//!
//! let layout = Layout::new(Abi::LE64, 64).unwrap();
//! let mut page = vec![0; 64];
//! page[0..8].copy_from_slice(&1_000u64.to_le_bytes()); // time of the first record
//! page[8..16].copy_from_slice(&12u64.to_le_bytes()); // 12 bytes committed
//! page[16..20].copy_from_slice(&(2u32 | 5 << 5).to_le_bytes()); // 2 words of data, 5 ns later
//! let sub = SubBuffer::parse(&page, &layout).unwrap();
//! let record = sub.records().next().unwrap().unwrap();
//! assert_eq!((record.timestamp, record.data.len()), (1_005, 8));
//! ```

mod header;
mod walk;

pub use header::{HeaderEvent, Layout};
pub use walk::{RawRecord, Records};

use crate::{Abi, Endian, Error, Result, Word};

/// Bits of the commit word that hold the length (`RB_WRITE_MASK`); the rest are flags, and on
/// Linux 6.1 the sign of the uppermost flag runs on to bit 63.
const COMMIT_MASK: u32 = 0xf_ffff;
/// Commit word: records were lost before this sub-buffer (`RB_MISSED_EVENTS`).
const MISSED_EVENTS: u32 = 1 << 31;
/// Commit word: how many were lost stands behind the data, as a `long` (`RB_MISSED_STORED`).
const MISSED_STORED: u32 = 1 << 30;

/// How many records are missing at a place in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Loss {
    /// Exactly so many.
    Exact(u64),
    /// So many, and perhaps more.
    AtLeast(u64),
    /// At least one; the kernel said only that it happened.
    Unknown,
}

/// One sub-buffer taken apart; borrows the page.
#[derive(Clone, Copy, Debug)]
pub struct SubBuffer<'a> {
    timestamp: u64,
    lost: Option<Loss>,
    data: &'a [u8],
    from: usize,
    endian: Endian,
}

impl<'a> SubBuffer<'a> {
    /// Takes a sub-buffer apart.
    ///
    /// `page` is as long as the kernel delivered it: a whole sub-buffer, or less if the caller cut
    /// it after the committed bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Page`] if the page is shorter than its header, or its commit word claims more than
    /// the page or the layout holds.
    pub fn parse(page: &'a [u8], layout: &Layout) -> Result<Self> {
        Self::parse_up_to(page, layout, usize::MAX)
    }

    /// As [`SubBuffer::parse`], for a sub-buffer into which the kernel may be writing: no more than `max`
    /// bytes of data count, whatever is committed by now.
    pub(crate) fn parse_up_to(page: &'a [u8], layout: &Layout, max: usize) -> Result<Self> {
        let short = |at| Error::Page {
            at,
            why: "shorter than the sub-buffer header",
        };
        let Abi { endian, word } = layout.abi();
        let timestamp = layout.timestamp(page).ok_or_else(|| short(0))?;
        let commit = layout.commit(page).ok_or_else(|| short(8))?;
        let body = page
            .get(layout.data_offset()..)
            .ok_or_else(|| short(layout.data_offset()))?;
        // A caller may hand over more than one sub-buffer's worth; what lies beyond is not ours.
        let body = body.get(..layout.data_size()).unwrap_or(body);
        let len = ((commit & COMMIT_MASK) as usize).min(max);
        let (Some(data), Some(rest)) = (body.get(..len), body.get(len..)) else {
            return Err(Error::Page {
                at: layout.data_offset(),
                why: "more bytes committed than a sub-buffer holds",
            });
        };
        let lost = if commit & MISSED_EVENTS == 0 {
            None
        } else if commit & MISSED_STORED != 0 {
            Some(
                match (word, read_u64(rest, endian), read_u32(rest, endian)) {
                    (Word::W64, Some(n), _) => Loss::Exact(n),
                    (Word::W32, _, Some(n)) => Loss::Exact(u64::from(n)),
                    _ => Loss::Unknown,
                },
            )
        } else {
            Some(Loss::Unknown)
        };
        Ok(Self {
            timestamp,
            lost,
            data,
            from: 0,
            endian,
        })
    }

    /// The same sub-buffer without the records whose entries begin before byte `offset` of its data;
    /// they are walked for their time only.
    ///
    /// For a sub-buffer that was read before, up to there, while the kernel was still writing it.
    #[must_use]
    pub const fn after(self, offset: usize) -> Self {
        Self {
            from: offset,
            ..self
        }
    }

    /// The same sub-buffer with another loss before it, where the kernel's counters know more.
    #[cfg(feature = "std")]
    pub(crate) const fn with_lost(self, lost: Option<Loss>) -> Self {
        Self { lost, ..self }
    }

    /// Time at which the sub-buffer begins, in units of the instance's `trace_clock`.
    #[must_use]
    pub const fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// What was lost between the sub-buffer read before and this one.
    #[must_use]
    pub const fn lost(&self) -> Option<Loss> {
        self.lost
    }

    /// The committed bytes: entries, one behind another.
    #[must_use]
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Byte order of the entries.
    #[must_use]
    pub const fn endian(&self) -> Endian {
        self.endian
    }

    /// The records, in the order of the ring.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        Records::new(self.data, self.timestamp, self.endian).skip_to(self.from)
    }
}

/// The first four bytes as a number.
#[inline]
pub(crate) fn read_u32(bytes: &[u8], endian: Endian) -> Option<u32> {
    let bytes = *bytes.first_chunk()?;
    Some(match endian {
        Endian::Little => u32::from_le_bytes(bytes),
        Endian::Big => u32::from_be_bytes(bytes),
    })
}

/// The first eight bytes as a number.
#[inline]
pub(crate) fn read_u64(bytes: &[u8], endian: Endian) -> Option<u64> {
    let bytes = *bytes.first_chunk()?;
    Some(match endian {
        Endian::Little => u64::from_le_bytes(bytes),
        Endian::Big => u64::from_be_bytes(bytes),
    })
}

#[cfg(test)]
mod tests;
