//! One record's bytes, read through resolved accessors: typed, without copies or allocations.
//!
//! A record's bytes begin with `common_type`, as ring-buffer entries and `PERF_SAMPLE_RAW` data do.
//! Records are untrusted: every place is checked against the bytes that are there, and what is not
//! there is `None` or [`Error::RecordTooShort`].
//!
//! ```
//! # let text = std::fs::read("fixtures/formats/6.1/mce/mce_record/format")?;
//! # let format = tracefs::Format::parse(&text)?;
//! // Once …
//! let status = format.accessor("status")?;
//! // … for every record.
//! let data = [0u8; 128];
//! assert_eq!(status.u64(&data), Some(0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accessor;
#[cfg(feature = "serde")]
mod serialize;
mod value;

use alloc::string::ToString;

pub use accessor::Accessor;
pub use value::{Array, Text, Value};
pub(crate) use value::{read_number, sign_extend};

use crate::format::{Field, Format};
use crate::{Error, Result};

/// A record together with its format.
#[derive(Clone, Copy, Debug)]
pub struct Record<'f, 'd> {
    format: &'f Format,
    data: &'d [u8],
}

impl<'f, 'd> Record<'f, 'd> {
    /// Joins the two; nothing is checked yet.
    #[must_use]
    pub fn new(format: &'f Format, data: &'d [u8]) -> Self {
        Self { format, data }
    }

    /// The format it is read by.
    #[must_use]
    pub fn format(&self) -> &'f Format {
        self.format
    }

    /// Its bytes.
    #[must_use]
    pub fn data(&self) -> &'d [u8] {
        self.data
    }

    /// The value of the field of that name. For more than a few records resolve an [`Accessor`].
    ///
    /// # Errors
    /// [`Error::NoField`]; [`Error::RecordTooShort`].
    pub fn get(&self, name: &str) -> Result<Value<'d>> {
        let field = self.format.field(name).ok_or_else(|| Error::NoField {
            event: self.format.name().to_string(),
            field: name.to_string(),
        })?;
        self.value(field)
    }

    /// The value of a field.
    ///
    /// # Errors
    /// [`Error::RecordTooShort`].
    pub fn value(&self, field: Field<'_>) -> Result<Value<'d>> {
        field
            .accessor()
            .value(self.data)
            .ok_or_else(|| Error::RecordTooShort {
                field: field.name().to_string(),
                needed: field.accessor().needed(self.data),
                len: self.data.len(),
            })
    }

    /// All fields with their values, common ones first; `None` for what the bytes do not hold.
    pub fn values(
        &self,
    ) -> impl ExactSizeIterator<Item = (Field<'f>, Option<Value<'d>>)> + use<'f, 'd> {
        let data = self.data;
        self.format
            .fields()
            .map(move |field| (field, field.accessor().value(data)))
    }
}
