//! Conditions under which a field means something.

use super::register::Registers;
use super::{Bits, Register};
use crate::arch::{ErrorClass, ErrorCode};
use crate::record::Record;

/// A condition on a record, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// These bits of a valid register spell this value.
    Is(Register, Bits, u64),
    /// These bits of a valid register spell another value.
    Not(Register, Bits, u64),
    /// These bits of a valid register are within the range, ends included.
    Within(Register, Bits, u64, u64),
    /// These bits of a valid register are outside of the range.
    Outside(Register, Bits, u64, u64),
    /// A register under a mask has this value.
    Masked(Register, u64, u64),
    /// The error code is of this architectural class.
    Class(ErrorClass),
    /// The error code is not of this architectural class.
    NotClass(ErrorClass),
    /// The record's bank is within the range, ends included.
    Banks(u8, u8),
    /// The stepping is at least this.
    Stepping(u8),
}

impl When {
    /// The condition as a mask of MCi_STATUS and the value under it, where it is of that kind.
    pub(super) const fn on_status(&self) -> Option<(u64, u64)> {
        match *self {
            Self::Is(Register::Status, bits, wanted) => {
                let mask = u64::MAX >> (64 - bits.width()) << bits.lo();
                assert!(
                    wanted << bits.lo() >> bits.lo() == wanted && wanted << bits.lo() & !mask == 0,
                    "a wanted value is wider than its bits"
                );
                Some((mask, wanted << bits.lo()))
            }
            Self::Masked(Register::Status, mask, wanted) => {
                assert!(
                    wanted & !mask == 0,
                    "a wanted value lies outside of its mask"
                );
                Some((mask, wanted))
            }
            _ => None,
        }
    }

    /// Whether the condition holds. A register that is not valid fulfils none.
    #[must_use]
    pub fn holds(&self, record: &Record) -> bool {
        self.holds_in(&Registers::of(record))
    }

    /// The same, of registers that were asked for once.
    #[inline]
    pub(super) fn holds_in(&self, registers: &Registers<'_>) -> bool {
        let record = registers.record;
        let value =
            |register: Register, bits: Bits| registers.get(register).map(|raw| bits.of(raw));
        match *self {
            Self::Is(register, bits, wanted) => value(register, bits) == Some(wanted),
            Self::Not(register, bits, other) => value(register, bits).is_some_and(|v| v != other),
            Self::Within(register, bits, low, high) => {
                value(register, bits).is_some_and(|v| (low..=high).contains(&v))
            }
            Self::Outside(register, bits, low, high) => {
                value(register, bits).is_some_and(|v| !(low..=high).contains(&v))
            }
            Self::Masked(register, mask, wanted) => registers
                .get(register)
                .is_some_and(|raw| raw & mask == wanted),
            Self::Class(class) => ErrorCode::of(record).class() == class,
            Self::NotClass(class) => ErrorCode::of(record).class() != class,
            Self::Banks(first, last) => record
                .bank()
                .is_some_and(|bank| (first..=last).contains(&bank)),
            Self::Stepping(least) => record
                .cpuid()
                .is_some_and(|cpuid| cpuid.stepping() >= least),
        }
    }
}
