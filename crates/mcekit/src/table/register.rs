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
    pub fn read(self, record: &Record) -> Option<u64> {
        match self {
            Self::Status => Some(record.status().0),
            Self::Misc => record.valid_misc().map(|r| r.0),
            Self::Addr => record.valid_addr().map(|r| r.0),
            Self::Synd => record.valid_synd().map(|r| r.0),
            Self::Synd1 if record.status().syndv() && record.fru_text().is_none() => {
                record.synd1().map(|r| r.0)
            }
            Self::Synd2 if record.status().syndv() && record.fru_text().is_none() => {
                record.synd2().map(|r| r.0)
            }
            Self::Synd1 | Self::Synd2 => None,
            Self::Ipid => record.ipid().map(|r| r.0),
        }
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
