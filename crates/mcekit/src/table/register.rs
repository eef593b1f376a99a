//! Registers, and bits of them.

use core::fmt;

use crate::record::Record;
use crate::regs::Status;

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
    /// The bits of MCi_STATUS that must be set where the register is valid, as mask and value.
    pub(super) const fn valid(self) -> (u64, u64) {
        let bit = match self {
            Self::Status | Self::Ipid => 0,
            Self::Misc => Status::MISCV,
            Self::Addr => Status::ADDRV,
            Self::Synd | Self::Synd1 | Self::Synd2 => Status::SYNDV,
        };
        (bit, bit)
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
        let misc = record.valid_misc();
        let addr = record.valid_addr();
        let ipid = record.ipid();
        let [synd, synd1, synd2] = if status.syndv() {
            [Register::Synd, Register::Synd1, Register::Synd2].map(|register| register.read(record))
        } else {
            [None; 3]
        };
        // Written in one go: a copy of words that were just written would wait for them.
        Self {
            record,
            values: [
                status.0,
                misc.map_or(0, u64::from),
                addr.map_or(0, u64::from),
                synd.unwrap_or(0),
                synd1.unwrap_or(0),
                synd2.unwrap_or(0),
                ipid.map_or(0, u64::from),
                0,
            ],
            valid: 1
                | u64::from(misc.is_some()) << Register::Misc as u8
                | u64::from(addr.is_some()) << Register::Addr as u8
                | u64::from(synd.is_some()) << Register::Synd as u8
                | u64::from(synd1.is_some()) << Register::Synd1 as u8
                | u64::from(synd2.is_some()) << Register::Synd2 as u8
                | u64::from(ipid.is_some()) << Register::Ipid as u8,
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
