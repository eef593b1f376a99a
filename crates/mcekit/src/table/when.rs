//! Conditions under which a field means something.

use super::register::Registers;
use super::{Bits, Register};
use crate::arch::ErrorClass;
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
            // As many values as some low bits have, from where those are zero.
            Self::Within(register, bits, low, high)
                if high >= low
                    && (high ^ low).wrapping_add(1).is_power_of_two()
                    && low & (high ^ low) == 0 =>
            {
                let mask = (u64::MAX >> (64 - bits.width())) & !(high ^ low);
                assert!(low & !mask == 0, "a range ends beyond its bits");
                Some((register, mask << bits.lo(), low << bits.lo()))
            }
            _ => None,
        }
    }

    /// The condition as a range of some bits of MCi_STATUS, where it is of that kind.
    const fn range(&self) -> Option<Range> {
        let (bits, low, high, inside) = match *self {
            Self::Not(Register::Status, bits, other) => (bits, other, other, false),
            Self::Within(Register::Status, bits, low, high) => (bits, low, high, true),
            Self::Outside(Register::Status, bits, low, high) => (bits, low, high, false),
            _ => return None,
        };
        assert!(low <= high, "a range ascends");
        if bits.width() > 32 || high > u32::MAX as u64 {
            return None;
        }
        Some(Range {
            mask: u32::MAX >> (32 - bits.width()),
            low: low as u32,
            span: (high - low) as u32,
            shift: bits.lo(),
            inside,
        })
    }

    /// The register that the condition asks beside MCi_STATUS.
    pub(super) const fn register(&self) -> Option<Register> {
        match *self {
            Self::Is(register, ..)
            | Self::Not(register, ..)
            | Self::Within(register, ..)
            | Self::Outside(register, ..)
            | Self::Masked(register, ..)
                if !matches!(register, Register::Status) =>
            {
                Some(register)
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
            Self::Class(class) => ErrorClass::of(record) == class,
            Self::NotClass(class) => ErrorClass::of(record) != class,
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

    /// Whether this is what is asked.
    pub(super) const fn is(self, mask: u64, value: u64) -> bool {
        self.mask == mask && self.value == value
    }

    #[inline]
    pub(super) const fn hold(self, register: u64) -> bool {
        register & self.mask == self.value
    }

    /// What conditions say about MCi_STATUS and about one more register, added to what is known, and the conditions that
    /// say more than that.
    pub(super) const fn decided(
        mut status: Self,
        mut own: Self,
        register: Register,
        when: &'static [When],
    ) -> (Self, Self, Further) {
        assert!(when.len() <= 16, "at most 16 conditions");
        let mut further = Further {
            when,
            ..Further::NOTHING
        };
        let mut i = 0;
        while i < when.len() {
            match (when[i].mask(), when[i].range()) {
                (Some((Register::Status, mask, value)), _) if mask & register.lent() == 0 => {
                    status = status.and(mask, value);
                }
                (Some((other, mask, value)), _)
                    if other as u8 == register as u8 && !matches!(other, Register::Status) =>
                {
                    own = own.and(mask, value);
                }
                (_, Some(range)) if further.range.mask == 0 => further.range = range,
                _ => match when[i] {
                    When::Class(class) => further.classes &= 1 << class as u16,
                    When::NotClass(class) => further.classes &= !(1 << class as u16),
                    _ => further.which |= 1 << i,
                },
            }
            i += 1;
        }
        (status, own, further)
    }
}

/// That some bits of MCi_STATUS, 32 at most, are within a range, or outside of it.
#[derive(Clone, Copy, Debug)]
struct Range {
    mask: u32,
    low: u32,
    /// From the lowest value to the highest.
    span: u32,
    shift: u8,
    inside: bool,
}

impl Range {
    #[inline]
    const fn holds(&self, status: u64) -> bool {
        let value = (status >> (self.shift & 63)) as u32 & self.mask;
        (value.wrapping_sub(self.low) <= self.span) == self.inside
    }
}

/// Conditions, of which some are more than [`Asks`] can say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Further {
    /// The first of those, of most the only one, if it is a range.
    range: Range,
    /// The classes of error codes that may be, a bit each.
    classes: u16,
    /// A bit for each condition that remains.
    which: u16,
    pub(super) when: &'static [When],
}

impl Further {
    pub(super) const NOTHING: Self = Self {
        range: Range {
            mask: 0,
            low: 0,
            span: 0,
            shift: 0,
            inside: true,
        },
        classes: u16::MAX,
        which: 0,
        when: &[],
    };

    /// Whether there are none of those.
    pub(super) const fn nothing(&self) -> bool {
        self.range.mask == 0 && !self.remain()
    }

    /// Whether there are some beside the range.
    pub(super) const fn remain(&self) -> bool {
        self.which != 0 || self.classes != u16::MAX
    }

    /// Whether all of those hold.
    #[inline]
    pub(super) fn hold(&self, registers: &Registers<'_>) -> bool {
        self.range_holds(registers) && self.rest_hold(registers)
    }

    /// Whether the range holds, if there is one.
    #[inline]
    pub(super) const fn range_holds(&self, registers: &Registers<'_>) -> bool {
        self.range.holds(registers.status())
    }

    /// Whether what remains holds.
    #[inline]
    pub(super) fn rest_hold(&self, registers: &Registers<'_>) -> bool {
        if self.classes != u16::MAX
            && self.classes >> ErrorClass::of(registers.record) as u16 & 1 == 0
        {
            return false;
        }
        self.which == 0 || self.others_hold(registers)
    }

    // Apart, so that what is asked more often stays short.
    #[inline(never)]
    fn others_hold(&self, registers: &Registers<'_>) -> bool {
        let mut which = self.which;
        for when in self.when {
            if which & 1 != 0 && !when.holds_in(registers) {
                return false;
            }
            which >>= 1;
        }
        true
    }
}
