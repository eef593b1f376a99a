//! Reading one field, its place resolved once.

use crate::format::{Element, Kind, Place};
use crate::record::value::{Array, Text, Value};
use crate::{Abi, Endian};

/// How the bytes of a field are found and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum How {
    Number,
    Fixed,
    DataLoc,
    RelLoc,
    Rest,
}

/// Reads one field of one format out of any record of it.
///
/// Made by [`Format::accessor`](crate::Format::accessor) or
/// [`Field::accessor`](crate::format::Field::accessor); small, `Copy`, and independent of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Accessor {
    offset: u32,
    size: u32,
    how: How,
    element: Element,
    element_size: u8,
    signed: bool,
    swap: bool,
    /// Bits of a word that a number leaves over.
    unused: u8,
    /// Where a number in this machine's byte order ends: nearly all fields are such numbers. What
    /// is none ends beyond any record.
    end: u32,
}

impl Accessor {
    pub(crate) fn new(
        kind: Kind,
        offset: u32,
        size: u32,
        element_size: u8,
        signed: bool,
        abi: Abi,
    ) -> Self {
        let (how, element) = match kind {
            Kind::Number | Kind::Pointer => (How::Number, Element::Number(size as u8)),
            Kind::Opaque => (How::Fixed, Element::Opaque),
            Kind::Array { place, element } => (
                match place {
                    Place::Fixed => How::Fixed,
                    Place::DataLoc => How::DataLoc,
                    Place::RelLoc => How::RelLoc,
                    Place::Rest => How::Rest,
                },
                element,
            ),
        };
        let swap = abi.endian != Endian::NATIVE;
        let end = match how {
            How::Number if !swap => offset + size,
            _ => u32::MAX,
        };
        Self {
            offset,
            size,
            how,
            element,
            element_size,
            signed,
            swap,
            unused: 64 - size.min(8) as u8 * 8,
            end,
        }
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset as usize
    }

    pub(crate) fn size(&self) -> usize {
        self.size as usize
    }

    pub(crate) fn is_signed(&self) -> bool {
        self.signed
    }

    pub(crate) fn element_size(&self) -> usize {
        self.element_size as usize
    }

    /// The field's value; `None` if the record is too short for it, or the field points out of it.
    #[inline]
    #[must_use]
    pub fn value<'d>(&self, data: &'d [u8]) -> Option<Value<'d>> {
        if let Some(top) = self.top(data) {
            let unused = u32::from(self.unused);
            if self.signed {
                return Some(Value::Signed(top as i64 >> (unused & 63)));
            }
            return Some(Value::Unsigned(top >> (unused & 63)));
        }
        self.other(data)
    }

    /// A number at the top of a word, what is beside it shifted out: eight bytes are read wherever
    /// there are eight, so that no look at the size decides how. `None` if the record has
    /// less, or this is no such number.
    #[inline]
    fn top(&self, data: &[u8]) -> Option<u64> {
        let last = data.len().checked_sub(8)?;
        if self.end as usize > data.len() {
            return None;
        }
        let at = self.offset().min(last);
        let word = u64::from_ne_bytes(*data.get(at..)?.first_chunk()?);
        let before = (self.offset() - at) as u32 * 8;
        Some(if cfg!(target_endian = "little") {
            word << (u32::from(self.unused).wrapping_sub(before) & 63)
        } else {
            word << (before & 63)
        })
    }

    /// A number of the other byte order or of a record of less than eight bytes, and all that is no
    /// number.
    #[cold]
    fn other<'d>(&self, data: &'d [u8]) -> Option<Value<'d>> {
        if self.how == How::Number {
            let raw = self.raw(data)?;
            return Some(if self.signed {
                Value::Signed(raw as i64)
            } else {
                Value::Unsigned(raw)
            });
        }
        self.compound(data)
    }

    fn compound<'d>(&self, data: &'d [u8]) -> Option<Value<'d>> {
        let bytes = self.bytes(data)?;
        Some(match self.element {
            Element::Char => Value::Text(Text::until_nul(bytes)),
            Element::Number(size) => {
                Value::Array(Array::new(bytes, size, self.signed, self.swap, false))
            }
            Element::Bitmask => {
                Value::Array(Array::new(bytes, self.element_size, false, self.swap, true))
            }
            Element::Opaque => Value::Bytes(bytes),
        })
    }

    /// A number as it is stored, extended to 64 bits by its sign: -1 in an `int` is `u64::MAX`.
    /// `None` if the record is too short, or the field is no number.
    #[inline]
    #[must_use]
    pub fn u64(&self, data: &[u8]) -> Option<u64> {
        if self.how == How::Number {
            self.raw(data)
        } else {
            None
        }
    }

    /// A number with its sign; an unsigned one of 2^63 and more is `None`, as is what
    /// [`Accessor::u64`] says.
    #[inline]
    #[must_use]
    pub fn i64(&self, data: &[u8]) -> Option<i64> {
        let raw = self.u64(data)?;
        if self.signed {
            Some(raw as i64)
        } else {
            i64::try_from(raw).ok()
        }
    }

    /// Text up to its NUL: a `char` array, string or any field that can be text. `None` if the
    /// record is too short, or the field is no text.
    #[must_use]
    pub fn text<'d>(&self, data: &'d [u8]) -> Option<Text<'d>> {
        match self.element {
            Element::Char => self.bytes(data).map(Text::until_nul),
            _ => None,
        }
    }

    /// The elements of an array or bitmask. `None` if the record is too short, or the field is
    /// nothing of that kind.
    #[must_use]
    pub fn array<'d>(&self, data: &'d [u8]) -> Option<Array<'d>> {
        match self.compound(data)? {
            Value::Array(array) if self.how != How::Number => Some(array),
            _ => None,
        }
    }

    /// The field's bytes as they stand; for dynamic fields those that it points to.
    #[inline]
    #[must_use]
    pub fn bytes<'d>(&self, data: &'d [u8]) -> Option<&'d [u8]> {
        let (start, len) = self.place(data)?;
        data.get(start..)?.get(..len)
    }

    /// Where the field's bytes are, and how many; not checked against the record's end.
    #[inline]
    pub(crate) fn place(&self, data: &[u8]) -> Option<(usize, usize)> {
        Some(match self.how {
            How::Number | How::Fixed => (self.offset(), self.size()),
            How::DataLoc | How::RelLoc => self.location(data)?,
            How::Rest => (self.offset(), data.len().checked_sub(self.offset())?),
        })
    }

    /// Where a dynamic field says that its data is.
    #[inline]
    pub(crate) fn location(&self, data: &[u8]) -> Option<(usize, usize)> {
        let word = u32::from_ne_bytes(*data.get(self.offset()..)?.first_chunk()?);
        let word = if self.swap { word.swap_bytes() } else { word };
        let len = (word >> 16) as usize;
        let at = (word & 0xffff) as usize;
        Some(match self.how {
            How::RelLoc => (self.offset() + 4 + at, len),
            _ => (at, len),
        })
    }

    /// The number's bytes, extended by their sign. Only for `How::Number`, whose size is 1, 2, 4
    /// or 8.
    #[inline]
    fn raw(&self, data: &[u8]) -> Option<u64> {
        let at = data.get(self.offset()..)?;
        Some(match self.size {
            8 => {
                let raw = u64::from_ne_bytes(*at.first_chunk()?);
                if self.swap { raw.swap_bytes() } else { raw }
            }
            4 => {
                let raw = u32::from_ne_bytes(*at.first_chunk()?);
                let raw = if self.swap { raw.swap_bytes() } else { raw };
                if self.signed {
                    i64::from(raw as i32) as u64
                } else {
                    u64::from(raw)
                }
            }
            2 => {
                let raw = u16::from_ne_bytes(*at.first_chunk()?);
                let raw = if self.swap { raw.swap_bytes() } else { raw };
                if self.signed {
                    i64::from(raw as i16) as u64
                } else {
                    u64::from(raw)
                }
            }
            _ => {
                let raw = *at.first()?;
                if self.signed {
                    i64::from(raw as i8) as u64
                } else {
                    u64::from(raw)
                }
            }
        })
    }

    /// Bytes a record must have for this field; follows the reference if that much is there.
    pub(crate) fn needed(&self, data: &[u8]) -> usize {
        let fixed = self.offset() + self.size();
        match self.how {
            How::DataLoc | How::RelLoc => self
                .location(data)
                .map_or(fixed, |(start, len)| fixed.max(start + len)),
            _ => fixed,
        }
    }
}
