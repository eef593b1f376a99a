//! Where the fields of an event's records are.

use super::Sample;
use super::fields::{SampleId, Tid, cpu_of};
use super::variable::{VARIABLE, truncated};
use crate::Error;
use crate::abi::{
    AttrFlags, BranchSampleType, EventAttr, ReadFormat, RecordType, SampleType, take, take_u32,
    take_u64,
};

/// The fields of one word each that stand first, in the order in which they stand.
const FIXED: [SampleType; 9] = [
    SampleType::IDENTIFIER,
    SampleType::IP,
    SampleType::TID,
    SampleType::TIME,
    SampleType::ADDR,
    SampleType::ID,
    SampleType::STREAM_ID,
    SampleType::CPU,
    SampleType::PERIOD,
];

/// The fields of the trailer that other records carry, in their order.
const TRAILER: [SampleType; 6] = [
    SampleType::TID,
    SampleType::TIME,
    SampleType::ID,
    SampleType::STREAM_ID,
    SampleType::CPU,
    SampleType::IDENTIFIER,
];

/// Every field whose place is known.
pub(super) const KNOWN: u64 = (1 << 25) - 1;

/// How the records of an event are laid out.
///
/// It follows from the event's attr, and it is a value of its own: whoever reads a ring that another process opened
/// gets it from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    pub(super) sample_type: SampleType,
    pub(super) read_format: ReadFormat,
    pub(super) branch: BranchSampleType,
    pub(super) regs_user: u64,
    pub(super) regs_intr: u64,
    sample_id_all: bool,
    /// Offsets of the fixed fields, 0xff for one that is not there. Parallel to `FIXED`.
    pub(super) fixed: [u8; 9],
    /// Bytes of the fixed fields.
    fixed_len: u8,
    /// Bytes of the trailer.
    trailer_len: u8,
}

pub(super) const ABSENT: u8 = 0xff;

impl Layout {
    /// The layout of the records of an event with this attr.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSampleType`] when it asks for fields that this crate does not know.
    pub fn of(attr: &EventAttr) -> Result<Self, Error> {
        let unknown = attr.sample_type.bits() & !KNOWN;
        if unknown != 0 {
            return Err(Error::UnknownSampleType { bits: unknown });
        }
        let mut fixed = [ABSENT; 9];
        let mut fixed_len = 0;
        for (place, field) in fixed.iter_mut().zip(FIXED) {
            if attr.sample_type.contains(field) {
                *place = fixed_len;
                fixed_len += 8;
            }
        }
        let sample_id_all = attr.flags.contains(AttrFlags::SAMPLE_ID_ALL);
        let trailer_len = if sample_id_all {
            TRAILER
                .iter()
                .map(|f| u8::from(attr.sample_type.contains(*f)) * 8)
                .sum()
        } else {
            0
        };
        Ok(Layout {
            sample_type: attr.sample_type,
            read_format: attr.read_format,
            branch: attr.branch_sample_type,
            regs_user: attr.sample_regs_user,
            regs_intr: attr.sample_regs_intr,
            sample_id_all,
            fixed,
            fixed_len,
            trailer_len,
        })
    }

    /// The fields of a sample.
    #[must_use]
    pub const fn sample_type(&self) -> SampleType {
        self.sample_type
    }

    /// The fields of a counter reading.
    #[must_use]
    pub const fn read_format(&self) -> ReadFormat {
        self.read_format
    }

    /// Whether records other than samples end with a trailer.
    #[must_use]
    pub const fn sample_id_all(&self) -> bool {
        self.sample_id_all
    }

    /// Bytes of that trailer.
    #[must_use]
    pub const fn trailer_len(&self) -> usize {
        self.trailer_len as usize
    }

    /// Bytes of the fixed fields of a sample.
    pub(crate) const fn fixed_len(&self) -> usize {
        self.fixed_len as usize
    }

    /// Where a fixed field stands in a sample's body.
    pub(crate) fn fixed_at(&self, field: SampleType) -> Option<usize> {
        let i = FIXED.iter().position(|f| *f == field)?;
        self.fixed
            .get(i)
            .filter(|at| **at != ABSENT)
            .map(|at| usize::from(*at))
    }

    /// Where a field stands in a trailer, counted back from the record's end.
    pub(crate) fn trailer_back(&self, field: SampleType) -> Option<usize> {
        if !self.sample_id_all || !self.sample_type.contains(field) {
            return None;
        }
        let i = TRAILER.iter().position(|f| *f == field)?;
        let from = TRAILER
            .iter()
            .skip(i)
            .filter(|f| self.sample_type.contains(**f))
            .count();
        Some(from * 8)
    }

    /// Reads a sample's body (the record without its header).
    ///
    /// Bytes after the last known field are no error: see [`Sample::rest`].
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] names the field at which the body ends.
    #[inline]
    pub fn sample<'a>(&'a self, body: &'a [u8]) -> Result<Sample<'a>, Error> {
        let Some((fixed, rest)) = body.split_at_checked(usize::from(self.fixed_len)) else {
            return Err(truncated("fixed"));
        };
        let mut sample = Sample {
            layout: self,
            fixed,
            variable: rest,
            raw: None,
            rest,
            index_when_empty: true,
        };
        if self.sample_type.bits() & VARIABLE == 0 {
            return Ok(sample);
        }
        if self.sample_type.bits() & VARIABLE == SampleType::RAW.bits() {
            let mut rest = rest;
            let raw = take_u32(&mut rest).and_then(|n| take(&mut rest, n.into()));
            sample.raw = Some(raw.ok_or_else(|| truncated("raw"))?);
            sample.rest = rest;
            return Ok(sample);
        }
        self.variable(&mut sample)?;
        Ok(sample)
    }

    /// Splits the trailer off the body of a record that is no sample.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] when the body is shorter than the trailer.
    pub fn trailer<'a>(
        &self,
        kind: RecordType,
        body: &'a [u8],
    ) -> Result<(&'a [u8], SampleId), Error> {
        let mut id = SampleId::default();
        if self.trailer_len == 0 {
            return Ok((body, id));
        }
        let cut = body.len().checked_sub(self.trailer_len());
        let Some((before, mut rest)) = cut.and_then(|at| body.split_at_checked(at)) else {
            return Err(Error::Truncated {
                kind: kind.0,
                field: "sample_id",
            });
        };
        for field in TRAILER
            .into_iter()
            .filter(|f| self.sample_type.contains(*f))
        {
            let value = take_u64(&mut rest);
            match field {
                SampleType::TID => id.tid = value.map(Tid::from_word),
                SampleType::TIME => id.time = value,
                SampleType::ID => id.id = value,
                SampleType::STREAM_ID => id.stream_id = value,
                SampleType::CPU => id.cpu = value.map(cpu_of),
                _ => id.identifier = value,
            }
        }
        Ok((before, id))
    }
}
