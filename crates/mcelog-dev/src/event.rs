//! What comes out of the device.

use std::mem::offset_of;

use mcekit::Record;
use mcekit::wire::{Mce, Raw, Wire};

/// One item of the stream. A record is lent until the next call; [`Entry::wire`] and [`Entry::record`] are one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A machine check.
    Record(Entry<'a>),
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

/// A machine check as the device handed it out: its struct, in the buffer of the device, read when it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// At least [`wire::MIN_LEN`](mcekit::wire::MIN_LEN).
    bytes: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Of a record whose length was believed when the device was opened.
    #[inline]
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The record, with what the kernel left at zero marked as absent.
    #[inline]
    #[must_use]
    pub fn record(&self) -> Record {
        // Shorter ones than any kernel's are refused when the device is opened.
        Raw::new(self.bytes).map_or_else(|_| self.wire().record(), Raw::record)
    }

    /// The kernel's struct, field by field, with its length and how many bytes followed the fields that are known.
    #[inline]
    #[must_use]
    pub fn wire(&self) -> Wire {
        Wire::read(self.bytes).unwrap_or(Wire {
            mce: Mce::default(),
            len: self.bytes.len(),
            surplus: 0,
        })
    }

    /// The struct as it came, every byte of it.
    #[inline]
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Which boot the error is of.
    #[must_use]
    pub fn origin(&self) -> Origin {
        if self.bytes.get(FINISHED) == Some(&0) {
            Origin::EarlierBoot
        } else {
            Origin::ThisBoot
        }
    }
}

/// Where the struct has its `finished` byte.
const FINISHED: usize = offset_of!(Mce, finished);

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
