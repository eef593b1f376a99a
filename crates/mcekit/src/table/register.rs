//! Registers, and bits of them.

use core::fmt;

use super::when::Asks;
use crate::record::{Present, Record};
use crate::regs::{Status, fru_text};

/// A register that a field's bits are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Register {
    /// MCi_STATUS.
    Status,
    /// MCi_MISC, only while MISCV is set.
    Misc,
    /// MCi_ADDR, only while ADDRV is set.
    Addr,
    /// MCA_SYND, only while SYNDV is set.
    Synd,
    /// MCA_SYND1, only while SYNDV is set and it holds no FRU text.
    Synd1,
    /// MCA_SYND2, only while SYNDV is set and it holds no FRU text.
    Synd2,
    /// MCA_IPID.
    Ipid,
}

impl Register {
    /// The bits of MCi_STATUS that must be set where the register is valid.
    pub(super) const fn valid(self) -> Asks {
        let bit = match self {
            Self::Status | Self::Ipid => 0,
            Self::Misc => Status::MISCV,
            Self::Addr => Status::ADDRV,
            Self::Synd | Self::Synd1 | Self::Synd2 => Status::SYNDV,
        };
        Asks::NOTHING.and(bit, bit)
    }

    /// The register's value, where the record has it and MCi_STATUS says that it is valid.
    #[must_use]
    #[inline]
    pub fn read(self, record: &Record) -> Option<u64> {
        match self {
            Self::Status => Some(record.status().0),
            Self::Misc => record.valid_misc().map(|r| r.0),
            Self::Addr => record.valid_addr().map(|r| r.0),
            Self::Synd => record.valid_synd().map(|r| r.0),
            Self::Synd1 | Self::Synd2 => {
                let value = match self {
                    Self::Synd1 => record.synd1()?.0,
                    _ => record.synd2()?.0,
                };
                (record.status().syndv() && record.fru_text().is_none()).then_some(value)
            }
            Self::Ipid => record.ipid().map(|r| r.0),
        }
    }
}

/// The registers of one record, each asked for once: the values of those that are valid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registers<'a> {
    pub(super) record: &'a Record,
    values: [u64; 8],
    /// A bit for each valid register. As wide as it is read: a wider load would wait for the store.
    valid: u64,
}

impl<'a> Registers<'a> {
    #[inline]
    pub(super) fn of(record: &'a Record) -> Self {
        let status = record.status();
        let present = record.present();
        // Without branches: whether a register is there and valid differs from record to record.
        let valid = |register: Register, part: Present, bit: u64| {
            u64::from(present.contains(part) & (status.0 & bit == bit)) << register as u8
        };
        let mut registers = Self {
            record,
            values: [
                status.0,
                record.misc().unwrap_or_default().0,
                record.addr().unwrap_or_default().0,
                0,
                0,
                0,
                record.ipid().unwrap_or_default().0,
                0,
            ],
            valid: 1
                | valid(Register::Misc, Present::MISC, Status::MISCV)
                | valid(Register::Addr, Present::ADDR, Status::ADDRV)
                | valid(Register::Ipid, Present::IPID, 0),
        };
        if status.syndv() && record.is_smca() {
            registers.add_syndromes(valid);
        }
        registers
    }

    /// MCA_SYND and what follows it, of a record of which they are known to be valid.
    #[inline]
    fn add_syndromes(&mut self, valid: impl Fn(Register, Present, u64) -> u64) {
        let (synd1, synd2) = (self.record.synd1(), self.record.synd2());
        self.values[Register::Synd as usize] = self.record.synd().unwrap_or_default().0;
        self.values[Register::Synd1 as usize] = synd1.unwrap_or_default().0;
        self.values[Register::Synd2 as usize] = synd2.unwrap_or_default().0;
        self.valid |= valid(Register::Synd, Present::SYND, 0);
        let fru = synd1.zip(synd2).and_then(|(a, b)| fru_text(a, b));
        if fru.is_none() {
            self.valid |= valid(Register::Synd1, Present::SYND1, 0)
                | valid(Register::Synd2, Present::SYND2, 0);
        }
    }

    /// MCi_STATUS.
    #[inline]
    pub(super) const fn status(&self) -> u64 {
        self.values[0]
    }

    /// A register's value, where it is valid.
    #[inline]
    pub(super) const fn get(&self, register: Register) -> Option<u64> {
        if self.valid >> register as u8 & 1 == 0 {
            return None;
        }
        Some(self.values[register as usize & 7])
    }
}

/// Some adjacent bits of a register, as manuals write them: `bits(31, 24)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bits {
    hi: u8,
    lo: u8,
}

/// Bits `hi` to `lo`, both included.
///
/// # Panics
///
/// While compiling, where `hi` is below `lo` or above 63.
#[must_use]
pub const fn bits(hi: u8, lo: u8) -> Bits {
    assert!(
        lo <= hi && hi < 64,
        "bits are written from high to low, 63 to 0"
    );
    Bits { hi, lo }
}

/// The single bit `n`.
#[must_use]
pub const fn bit(n: u8) -> Bits {
    bits(n, n)
}

impl Bits {
    /// How many bits.
    #[must_use]
    pub const fn width(self) -> u32 {
        (self.hi - self.lo) as u32 + 1
    }

    /// The bits of a value, shifted down.
    #[must_use]
    pub const fn of(self, raw: u64) -> u64 {
        raw >> self.lo & u64::MAX >> (64 - self.width())
    }

    /// The highest bit's number.
    #[must_use]
    pub const fn hi(self) -> u8 {
        self.hi
    }

    /// The lowest bit's number.
    #[must_use]
    pub const fn lo(self) -> u8 {
        self.lo
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hi == self.lo {
            write!(f, "{}", self.hi)
        } else {
            write!(f, "{}:{}", self.hi, self.lo)
        }
    }
}
