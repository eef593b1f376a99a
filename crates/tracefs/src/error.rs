//! The one error type of this crate.

use alloc::string::String;
#[cfg(feature = "std")]
use std::path::PathBuf;

/// Short for a result with this crate's [`Error`].
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// What can go wrong; one variant for each thing that a caller can act on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A `format` file is longer than any kernel writes.
    #[error("format text of {len} bytes is longer than {max}")]
    FormatTooLong {
        /// Bytes given.
        len: usize,
        /// The limit, [`crate::format::MAX_TEXT`].
        max: usize,
    },
    /// A `format` file does not follow the grammar.
    #[error("format file, line {line}: expected {expected}")]
    FormatSyntax {
        /// Line, counted from 1.
        line: usize,
        /// What should have stood there.
        expected: &'static str,
    },
    /// A `format` file gives a field a place that cannot be.
    #[error("format file, line {line}: field {field}: {why}")]
    FieldPlace {
        /// Line, counted from 1.
        line: usize,
        /// The field's name.
        field: String,
        /// What is wrong with its place.
        why: &'static str,
    },
    /// Two fields of a `format` file claim the same bytes.
    #[error("format file, line {line}: field {field} overlaps {other}")]
    FieldOverlap {
        /// Line of the later one, counted from 1.
        line: usize,
        /// The later field's name.
        field: String,
        /// The earlier field's name.
        other: String,
    },
    /// The event has no field of that name.
    #[error("event {event} has no field {field}")]
    NoField {
        /// The event's name.
        event: String,
        /// The name asked for.
        field: String,
    },
    /// A field lies outside the record's bytes, or a dynamic field points outside them.
    #[error("field {field} needs {needed} bytes of a record that has {len}")]
    RecordTooShort {
        /// The field's name.
        field: String,
        /// Where the field, or what it points to, ends.
        needed: usize,
        /// Bytes in the record.
        len: usize,
    },
    /// A BTF blob cannot be read.
    #[error("btf, byte {at}: {why}")]
    Btf {
        /// Byte in the blob.
        at: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// A `print fmt` cannot be compiled at all: its format string is not there or does not end.
    #[error("print fmt, byte {at}: {why}")]
    PrintSyntax {
        /// Byte in the text after `print fmt: `.
        at: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// `events/header_page` is not one that this crate, or any kernel, knows.
    #[error("header_page, line {line}: {why}")]
    HeaderPage {
        /// Line, counted from 1; 0 where no text was parsed.
        line: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// `events/header_event` describes entries that this crate cannot walk.
    #[error("header_event: {what} is missing or not what it has always been")]
    HeaderEvent {
        /// Which of its numbers.
        what: &'static str,
    },
    /// A sub-buffer contradicts itself.
    #[error("sub-buffer, byte {at}: {why}")]
    Page {
        /// Byte: of the page for its header, of its data for an entry.
        at: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// A filter expression does not follow the grammar.
    #[error("filter, byte {at}: expected {expected}")]
    FilterSyntax {
        /// Byte in the text.
        at: usize,
        /// What should have stood there.
        expected: &'static str,
    },
    /// A filter expression is one that the kernel takes in no version: too long, or too deep.
    #[error("filter: {what} is over the limit of {max}")]
    FilterLimit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// A filter compares a field with something that it cannot be compared with.
    #[error("filter: field {field}: {why}")]
    FilterType {
        /// The field's name.
        field: String,
        /// What is wrong with the comparison.
        why: &'static str,
    },
    /// Neither tracefs nor debugfs is mounted where this process can see it.
    #[error("tracefs is not mounted: `mount -t tracefs nodev /sys/kernel/tracing`")]
    NotMounted,
    /// A directory given as tracefs is something else.
    #[cfg(feature = "std")]
    #[error("{} is not a tracing directory: it has no events", .path.display())]
    NotTracefs {
        /// The directory.
        path: PathBuf,
    },
    /// This process may not see or change that; tracefs is root's (mode 0700) by default.
    #[cfg(feature = "std")]
    #[error("{}: permission denied", .path.display())]
    Forbidden {
        /// The file or directory.
        path: PathBuf,
        /// What the system call said.
        #[source]
        source: std::io::Error,
    },
    /// A name that cannot be the name of an event, system, instance or option.
    #[cfg(feature = "std")]
    #[error("{name:?} cannot be the name of {what}")]
    BadName {
        /// What it should have named.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// This kernel has no such event, or its module is not loaded.
    #[cfg(feature = "std")]
    #[error("no event {event}")]
    NoEvent {
        /// `system:event`.
        event: String,
    },
    /// There is no such instance.
    #[cfg(feature = "std")]
    #[error("no trace instance {name}")]
    NoInstance {
        /// Its name.
        name: String,
    },
    /// There is such an instance already, and it was to be made.
    #[cfg(feature = "std")]
    #[error("trace instance {name} exists already")]
    InstanceExists {
        /// Its name.
        name: String,
    },
    /// A CPU that has never been online: the kernel makes its ring when it comes, and keeps it when it
    /// goes.
    #[cfg(feature = "std")]
    #[error("cpu {cpu} has no ring: it has never been online")]
    NoRing {
        /// The CPU.
        cpu: u32,
    },
    /// In use: an instance with an open or mapped `trace_pipe_raw` can be neither removed nor resized.
    #[cfg(feature = "std")]
    #[error("{}: busy", .path.display())]
    Busy {
        /// The file or directory.
        path: PathBuf,
        /// What the system call said.
        #[source]
        source: std::io::Error,
    },
    /// This kernel does not have that file: too old, or built without the feature.
    #[cfg(feature = "std")]
    #[error("{}: not offered by this kernel", .path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
    },
    /// The kernel refused what was written.
    #[cfg(feature = "std")]
    #[error("{}: kernel refused {value:?}{}", .path.display(), because(.complaint))]
    Refused {
        /// The file.
        path: PathBuf,
        /// What was written.
        value: String,
        /// The kernel's own words, from the file itself or from `error_log`; empty if it gave none.
        complaint: String,
        /// What the system call said.
        #[source]
        source: std::io::Error,
    },
    /// A file of tracefs holds something that this crate does not understand.
    #[cfg(feature = "std")]
    #[error("{}: not understood: {text:?}", .path.display())]
    NotUnderstood {
        /// The file.
        path: PathBuf,
        /// The text, or its beginning.
        text: String,
    },
    /// The memory-mapped ring describes itself in a way that cannot be.
    #[cfg(feature = "std")]
    #[error("mapped ring: {what} is {value}")]
    Ring {
        /// Which number of the meta page.
        what: &'static str,
        /// Its value.
        value: u64,
    },
    /// Any other failure of a system call.
    #[cfg(feature = "std")]
    #[error("{}: cannot {what}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system call said.
        #[source]
        source: std::io::Error,
    },
}

/// What follows a refusal: the kernel's words on one line, if it gave any.
#[cfg(feature = "std")]
fn because(complaint: &str) -> String {
    let mut text = String::new();
    for line in complaint.lines().map(str::trim).filter(|l| !l.is_empty()) {
        text.push_str(if text.is_empty() { ": " } else { "; " });
        text.push_str(line);
    }
    text
}
