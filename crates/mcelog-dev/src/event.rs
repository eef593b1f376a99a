//! What comes out of the device.

use mcekit::Record;
use mcekit::wire::Wire;

/// One item of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A machine check.
    Record(Entry),
    /// Here the kernel dropped records, because its log was full. It keeps the oldest: what came before this in the
    /// stream is older than what is lost, what comes after it is younger.
    Overflow(Overflow),
}

/// How sure it is that records were lost. How many is not known: the kernel has a flag, not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The kernel's flag says so: at least one.
    Flagged,
    /// The log was full, and its flag cannot be read without `CAP_SYS_ADMIN`: none, or more.
    Possible,
}

/// A machine check as the device handed it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    wire: Wire,
}

impl Entry {
    pub(crate) const fn new(wire: Wire) -> Self {
        Self { wire }
    }

    /// The record, with what the kernel left at zero marked as absent.
    #[must_use]
    pub fn record(&self) -> Record {
        self.wire.record()
    }

    /// The kernel's struct, field by field, with its length and the bytes beyond the fields that are known.
    #[must_use]
    pub const fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Which boot the error is of.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        if self.wire.mce.finished == 0 {
            Origin::EarlierBoot
        } else {
            Origin::ThisBoot
        }
    }
}

/// Which boot an error is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was in the kernel's log.
    ThisBoot,
    /// It was in the firmware's error record store (ACPI ERST), where a kernel put it before it panicked.
    ///
    /// **By the time this is in your hands the kernel has erased it from there.** If the program or the machine dies
    /// before it is safe elsewhere, it is gone. Where that matters, copy pstore's `mce-erst-*` files first: they are
    /// the same records, and stay until they are unlinked.
    ///
    /// Told by the struct's `finished` byte, which the log sets and the store does not have set (Linux 4.12 and
    /// later; before that a record of the store looks like any other).
    EarlierBoot,
}
