//! The `format` file of an event: every field's place and type.
//!
//! ```text
//! name: sched_wakeup
//! ID: 316
//! format:
//!         field:unsigned short common_type;  offset:0;  size:2;  signed:0;
//!         …
//!         field:char comm[16];               offset:8;  size:16; signed:0;
//!         field:pid_t pid;                   offset:24; size:4;  signed:1;
//!
//! print fmt: "comm=%s pid=%d …", REC->comm, REC->pid, …
//! ```
//!
//! Written by the kernel in `kernel/trace/trace_events.c` (`f_show`). `print fmt` is only kept as
//! text here and compiled by [`crate::print`] when asked for, so that no field is ever lost to it.
//!
//! Where the declaration and `signed:` contradict each other, `signed:` is right: it is what the
//! compiler that built the kernel said of the type. (`char` was signed on x86 up to 6.1 and is not
//! since 6.2; system-call arguments are declared `int` and stored as `long`.)

mod parse;
mod types;

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::record::{Accessor, Record};
use crate::{Abi, Error, Result, scan};

pub(crate) use types::scalar;

/// Longest format file that is read, in bytes. The longest known is 11 KB.
pub const MAX_TEXT: usize = 1 << 20;
/// Most fields that one event may have. The most known is 34; the kernel's own events of a user
/// have 64.
pub const MAX_FIELDS: usize = 1024;
/// Where the last field may end, in bytes: beyond the largest sub-buffer of the kernel.
pub const MAX_EXTENT: usize = 1 << 20;

/// A piece of the format's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub(crate) fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or("")
    }

    #[inline]
    fn bytes(self, text: &str) -> &[u8] {
        text.as_bytes()
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// One field as parsed; [`Field`] is the view of it that people get.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    declaration: Span,
    name: Span,
    array_len: u32,
    kind: Kind,
    access: Accessor,
}

/// An event's `format` file.
///
/// ```
/// let text = std::fs::read("fixtures/formats/6.1/mce/mce_record/format")?;
/// let format = tracefs::Format::parse(&text)?;
/// assert_eq!(format.name(), "mce_record");
/// let status = format.field("status").unwrap();
/// assert_eq!((status.offset(), status.size()), (24, 8));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Format {
    text: Arc<str>,
    name: Span,
    id: u32,
    abi: Abi,
    fields: Vec<Raw>,
    common: usize,
    print: Option<Span>,
    extent: usize,
}

impl Format {
    /// Parses the `format` file of a kernel on this machine.
    ///
    /// Bytes that are not UTF-8 become U+FFFD; only a print fmt's literals can hold any.
    ///
    /// # Errors
    /// [`Error::FormatSyntax`], [`Error::FieldPlace`], [`Error::FieldOverlap`] with the line, and
    /// [`Error::FormatTooLong`]. Nothing in `print fmt` is an error here.
    pub fn parse(text: &[u8]) -> Result<Self> {
        Self::parse_for(text, Abi::NATIVE)
    }

    /// Parses a `format` file that came from a kernel compiled for `abi`.
    ///
    /// # Errors
    /// As [`Format::parse`].
    pub fn parse_for(text: &[u8], abi: Abi) -> Result<Self> {
        parse::parse(text, abi)
    }

    /// The event's name, without its system.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.of(&self.text)
    }

    /// The event's id: `common_type` of its records. Valid for one boot of one kernel.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The machine whose records this format describes.
    #[must_use]
    pub fn abi(&self) -> Abi {
        self.abi
    }

    /// Where the last field with a fixed place ends, in bytes: what a record needs at least.
    #[must_use]
    pub fn extent(&self) -> usize {
        self.extent
    }

    /// The whole file's text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text after `print fmt: `, uninterpreted.
    #[must_use]
    pub fn print_text(&self) -> Option<&str> {
        self.print.map(|span| span.of(&self.text))
    }

    pub(crate) fn print_span(&self) -> Option<Span> {
        self.print
    }

    pub(crate) fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// All fields in the file's order, common ones first.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = Field<'_>> + DoubleEndedIterator + Clone {
        self.fields.iter().map(|raw| Field {
            text: &self.text,
            raw,
        })
    }

    /// The fields that every event has (`common_type`, `common_pid` …).
    pub fn common_fields(&self) -> impl ExactSizeIterator<Item = Field<'_>> + Clone {
        self.fields().take(self.common)
    }

    /// The fields of this event alone.
    pub fn event_fields(&self) -> impl ExactSizeIterator<Item = Field<'_>> + Clone {
        self.fields().skip(self.common)
    }

    /// The field at a position of [`Format::fields`].
    #[must_use]
    pub fn field_at(&self, index: usize) -> Option<Field<'_>> {
        self.fields.get(index).map(|raw| Field {
            text: &self.text,
            raw,
        })
    }

    /// The field of that name. Of two with one name (`amdgpu_vm_grab_id` has a string and a number
    /// called `ring`) the first.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Field<'_>> {
        self.field_at(self.next_named(name.as_bytes(), 0)?)
    }

    /// The position, from `from` on, of the next field of that name.
    #[inline]
    pub(crate) fn next_named(&self, name: &[u8], from: usize) -> Option<usize> {
        let rest = self.fields.get(from..)?;
        let at = rest.iter().position(|raw| {
            raw.name.len() == name.len() && scan::same(raw.name.bytes(&self.text), name)
        })?;
        Some(from + at)
    }

    /// Position of the field of that name in [`Format::fields`].
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.next_named(name.as_bytes(), 0)
    }

    /// What reads the field of that name out of a record: resolve once, use for every record.
    ///
    /// # Errors
    /// [`Error::NoField`].
    pub fn accessor(&self, name: &str) -> Result<Accessor> {
        self.field(name)
            .map(Field::accessor)
            .ok_or_else(|| Error::NoField {
                event: self.name().to_string(),
                field: name.to_string(),
            })
    }

    /// A record of this event. Its bytes begin with `common_type`, as ring-buffer entries and
    /// `PERF_SAMPLE_RAW` data do; longer than needed is no error.
    #[must_use]
    pub fn record<'f, 'd>(&'f self, data: &'d [u8]) -> Record<'f, 'd> {
        Record::new(self, data)
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Format")
            .field("name", &self.name())
            .field("id", &self.id)
            .field("abi", &self.abi)
            .field("fields", &FieldList(self))
            .field("print", &self.print_text())
            .finish()
    }
}

struct FieldList<'f>(&'f Format);

impl fmt::Debug for FieldList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.fields()).finish()
    }
}

impl fmt::Display for Format {
    /// The file as the kernel writes it; parsed again it gives the same format.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "name: {}\nID: {}\nformat:\n", self.name(), self.id)?;
        for (at, field) in self.fields().enumerate() {
            if at == self.common && at > 0 {
                f.write_str("\n")?;
            }
            writeln!(f, "\t{field}")?;
        }
        if let Some(print) = self.print_text() {
            writeln!(f, "\nprint fmt: {print}")?;
        }
        Ok(())
    }
}

impl PartialEq for Format {
    /// The same name, id, machine, fields and print fmt; white space between them does not count.
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
            && self.id == other.id
            && self.abi == other.abi
            && self.common == other.common
            && self.print_text() == other.print_text()
            && self.fields().eq(other.fields())
    }
}

impl Eq for Format {}

/// Where an array's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the field itself.
    Fixed,
    /// `__data_loc`: the field is a `u32`, length << 16 | offset from the record's begin.
    DataLoc,
    /// `__rel_loc`: as `__data_loc`, with the offset counted from the field's end.
    RelLoc,
    /// `x[]` of size 0: from the field's offset to the record's end.
    Rest,
}

/// What an array is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// `char`: text up to the first NUL.
    Char,
    /// Integers of that many bytes: 1, 2, 4 or 8.
    Number(u8),
    /// `__bitmask`, `__cpumask`: an array of `long`s that is one number.
    Bitmask,
    /// Something whose size is not known here.
    Opaque,
}

/// What a field is, as far as reading it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An integer, `enum` or `bool` of 1, 2, 4 or 8 bytes.
    Number,
    /// A pointer: a number that is an address of the recording kernel, or of its user.
    Pointer,
    /// An array or string.
    Array {
        /// Where the elements are.
        place: Place,
        /// What they are.
        element: Element,
    },
    /// Bytes that are none of these (`struct`, `uuid_t`).
    Opaque,
}

impl Kind {
    /// Whether this is text, whatever its place.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(
            self,
            Self::Array {
                element: Element::Char,
                ..
            }
        )
    }
}

/// One field of a [`Format`].
#[derive(Clone, Copy)]
pub struct Field<'f> {
    text: &'f str,
    raw: &'f Raw,
}

impl<'f> Field<'f> {
    /// The field's name.
    #[must_use]
    pub fn name(self) -> &'f str {
        self.raw.name.of(self.text)
    }

    #[inline]
    pub(crate) fn name_bytes(self) -> &'f [u8] {
        self.raw.name.bytes(self.text)
    }

    /// The declaration as it stands in the file: `__data_loc char[] name`.
    #[must_use]
    pub fn declaration(self) -> &'f str {
        self.raw.declaration.of(self.text)
    }

    /// The type as it is declared, without `__data_loc` or `__rel_loc`, attributes and brackets:
    /// `char`, `unsigned long`, `struct page *`.
    #[must_use]
    pub fn type_name(self) -> &'f str {
        types::type_name(self.declaration(), self.name())
    }

    /// Bytes from the record's begin.
    #[must_use]
    pub fn offset(self) -> usize {
        self.raw.access.offset()
    }

    /// Bytes at [`Field::offset`]; for `__data_loc` and `__rel_loc` the 4 of the reference.
    #[must_use]
    pub fn size(self) -> usize {
        self.raw.access.size()
    }

    /// Whether the type, for arrays that of an element, is signed. What `signed:` says.
    #[must_use]
    pub fn is_signed(self) -> bool {
        self.raw.access.is_signed()
    }

    /// Number of elements of a fixed array; 0 for everything else.
    #[must_use]
    pub fn array_len(self) -> usize {
        self.raw.array_len as usize
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.raw.kind
    }

    /// What reads it out of a record.
    #[must_use]
    pub fn accessor(self) -> Accessor {
        self.raw.access
    }
}

impl PartialEq for Field<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.declaration() == other.declaration()
            && self.name() == other.name()
            && self.raw.kind == other.raw.kind
            && self.raw.access == other.raw.access
    }
}

impl Eq for Field<'_> {}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Field<'_> {
    /// The line of the format file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "field:{};\toffset:{};\tsize:{};\tsigned:{};",
            self.declaration(),
            self.offset(),
            self.size(),
            u8::from(self.is_signed()),
        )
    }
}
