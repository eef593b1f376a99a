//! What a field can hold.

use core::fmt;

/// A field's value, borrowing from the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'d> {
    /// An unsigned integer, `bool`, unsigned `enum`, or pointer.
    Unsigned(u64),
    /// A signed integer or `enum`.
    Signed(i64),
    /// `char` array or string, up to its NUL.
    Text(Text<'d>),
    /// Array of integers, or a bitmask.
    Array(Array<'d>),
    /// Bytes of something else.
    Bytes(&'d [u8]),
}

impl<'d> Value<'d> {
    /// The number, if it is one and not negative.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        match self {
            Self::Unsigned(value) => Some(value),
            Self::Signed(value) => u64::try_from(value).ok(),
            _ => None,
        }
    }

    /// The number, if it is one and fits.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::Unsigned(value) => i64::try_from(value).ok(),
            Self::Signed(value) => Some(value),
            _ => None,
        }
    }

    /// The text, if it is text.
    #[must_use]
    pub fn as_text(self) -> Option<Text<'d>> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The array, if it is one.
    #[must_use]
    pub fn as_array(self) -> Option<Array<'d>> {
        match self {
            Self::Array(array) => Some(array),
            _ => None,
        }
    }
}

impl fmt::Display for Value<'_> {
    /// Numbers in decimal, text as it is, arrays as `[1, 2]`, bytes in hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(value) => fmt::Display::fmt(value, f),
            Self::Signed(value) => fmt::Display::fmt(value, f),
            Self::Text(text) => fmt::Display::fmt(text, f),
            Self::Array(array) => {
                f.write_str("[")?;
                for (at, value) in array.iter().enumerate() {
                    if at > 0 {
                        f.write_str(", ")?;
                    }
                    fmt::Display::fmt(&value, f)?;
                }
                f.write_str("]")
            }
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// Text of a record: bytes without a NUL, in whatever encoding the kernel was given.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text<'d>(&'d [u8]);

impl<'d> Text<'d> {
    /// The bytes before the first NUL.
    #[must_use]
    pub fn until_nul(bytes: &'d [u8]) -> Self {
        let len = bytes.iter().position(|&byte| byte == 0);
        Self(len.and_then(|len| bytes.get(..len)).unwrap_or(bytes))
    }

    /// The bytes, without the NUL.
    #[must_use]
    pub fn as_bytes(self) -> &'d [u8] {
        self.0
    }

    /// As UTF-8.
    ///
    /// # Errors
    /// Where it is none.
    pub fn to_str(self) -> Result<&'d str, core::str::Utf8Error> {
        core::str::from_utf8(self.0)
    }
}

impl fmt::Display for Text<'_> {
    /// What is not UTF-8 becomes U+FFFD.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("\u{fffd}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

/// An array of integers in a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Array<'d> {
    bytes: &'d [u8],
    size: u8,
    signed: bool,
    swap: bool,
    bitmask: bool,
}

impl<'d> Array<'d> {
    /// `size` is 1, 2, 4 or 8; bytes after the last whole element are not looked at.
    pub(crate) fn new(bytes: &'d [u8], size: u8, signed: bool, swap: bool, bitmask: bool) -> Self {
        Self {
            bytes,
            size,
            signed,
            swap,
            bitmask,
        }
    }

    /// Number of whole elements.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        // The size is a power of two, and a division takes as long as reading a dozen fields.
        self.bytes.len() >> self.size.trailing_zeros()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the elements are `long`s of one bit mask (`__cpumask`, `__bitmask`).
    #[must_use]
    pub fn is_bitmask(&self) -> bool {
        self.bitmask
    }

    /// The array's bytes, in the recording machine's order.
    #[must_use]
    pub fn as_bytes(&self) -> &'d [u8] {
        self.bytes
    }

    /// Bytes of one element: 1, 2, 4 or 8.
    #[must_use]
    pub fn element_size(&self) -> usize {
        usize::from(self.size)
    }

    /// The element at `index`: [`Value::Unsigned`] or [`Value::Signed`].
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Value<'d>> {
        let size = usize::from(self.size);
        let bytes = self.bytes.get(index.checked_mul(size)?..)?.get(..size)?;
        let raw = read_number(bytes, self.swap)?;
        Some(if self.signed {
            Value::Signed(sign_extend(raw, size))
        } else {
            Value::Unsigned(raw)
        })
    }

    /// All elements.
    pub fn iter(&self) -> impl Iterator<Item = Value<'d>> + use<'d> {
        let array = *self;
        (0..array.len()).filter_map(move |index| array.get(index))
    }

    /// The numbers of the bits set: of a cpumask, the CPUs.
    pub fn bits(&self) -> impl Iterator<Item = usize> + use<'d> {
        let width = usize::from(self.size) * 8;
        self.iter().enumerate().flat_map(move |(index, value)| {
            let word = match value {
                Value::Unsigned(word) => word,
                Value::Signed(word) => word as u64,
                _ => 0,
            };
            (0..width.min(64))
                .filter(move |bit| word >> bit & 1 == 1)
                .map(move |bit| index * width + bit)
        })
    }
}

impl fmt::Debug for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// 1, 2, 4 or 8 bytes as a number; `None` for any other length.
#[inline]
pub(crate) fn read_number(bytes: &[u8], swap: bool) -> Option<u64> {
    Some(match bytes.len() {
        1 => u64::from(*bytes.first()?),
        2 => {
            let raw = u16::from_ne_bytes(*bytes.first_chunk()?);
            u64::from(if swap { raw.swap_bytes() } else { raw })
        }
        4 => {
            let raw = u32::from_ne_bytes(*bytes.first_chunk()?);
            u64::from(if swap { raw.swap_bytes() } else { raw })
        }
        8 => {
            let raw = u64::from_ne_bytes(*bytes.first_chunk()?);
            if swap { raw.swap_bytes() } else { raw }
        }
        _ => return None,
    })
}

/// The sign of a number of 1, 2, 4 or 8 bytes carried to 64 bits.
#[inline]
pub(crate) fn sign_extend(raw: u64, size: usize) -> i64 {
    match size {
        1 => i64::from(raw as i8),
        2 => i64::from(raw as i16),
        4 => i64::from(raw as i32),
        _ => raw as i64,
    }
}
