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
    /// The condition as a mask of one register and the value under it, where it is of that kind.
    const fn mask(&self) -> Option<(Register, u64, u64)> {
        match *self {
            Self::Is(register, bits, wanted) => {
                let mask = u64::MAX >> (64 - bits.width()) << bits.lo();
                assert!(
                    wanted << bits.lo() >> bits.lo() == wanted && wanted << bits.lo() & !mask == 0,
                    "a wanted value is wider than its bits"
                );
                Some((register, mask, wanted << bits.lo()))
            }
            Self::Masked(register, mask, wanted) => {
                assert!(
                    wanted & !mask == 0,
                    "a wanted value lies outside of its mask"
                );
                Some((register, mask, wanted))
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

/// What conditions ask of one register: under the mask, the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asks {
    pub(super) mask: u64,
    pub(super) value: u64,
}

impl Asks {
    pub(super) const NOTHING: Self = Self { mask: 0, value: 0 };

    /// The bits of a register as well.
    pub(super) const fn and(self, mask: u64, value: u64) -> Self {
        assert!(
            (self.value ^ value) & (self.mask & mask) == 0,
            "conditions contradict each other"
        );
        Self {
            mask: self.mask | mask,
            value: self.value | value,
        }
    }

    #[inline]
    pub(super) const fn hold(self, register: u64) -> bool {
        register & self.mask == self.value
    }

    /// What conditions say about MCi_STATUS and about one more register, added to what is known; and whether some
    /// condition asks for more.
    pub(super) const fn decided(
        mut status: Self,
        mut own: Self,
        register: Register,
        when: &[When],
    ) -> (Self, Self, bool) {
        let (mut further, mut i) = (false, 0);
        while i < when.len() {
            match when[i].mask() {
                Some((Register::Status, mask, value)) => status = status.and(mask, value),
                Some((other, mask, value)) if other as u8 == register as u8 => {
                    own = own.and(mask, value);
                }
                _ => further = true,
            }
            i += 1;
        }
        (status, own, further)
    }
}
