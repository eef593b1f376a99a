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
            Self::Status => 0,
            Self::Misc => Status::MISCV,
            Self::Addr => Status::ADDRV,
            Self::Synd | Self::Synd1 | Self::Synd2 => Status::SYNDV,
            Self::Ipid => self.lent(),
        };
        Asks::NOTHING.and(bit, bit)
    }

    /// The bit that [`Registers`] sets where the register is valid, since MCi_STATUS has none for it.
    pub(super) const fn lent(self) -> u64 {
        match self {
            Self::Ipid => Status::VAL,
            _ => 0,
        }
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

/// The registers of one record, each asked for once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registers<'a> {
    pub(super) record: &'a Record,
    /// MCi_STATUS as the fields of each register ask it: zero where the record does not have the register, so that the
    /// bit which calls it valid is not set, and what is asked of the status says that too.
    status: [u64; 7],
    values: [u64; 7],
}

impl<'a> Registers<'a> {
    #[inline]
    pub(super) fn of(record: &'a Record) -> Self {
        let status = record.status().0;
        // Without branches: which registers are there differs from record to record.
        let has = |part| u64::from(record.present().contains(part)).wrapping_neg();
        // On other processors than those with scalable MCA the bit belongs to a count.
        let (mut synd, mut synd1, mut synd2) = (0, 0, 0);
        if status & Status::SYNDV != 0 && record.is_smca() {
            synd = status & has(Present::SYND);
            let texts = record.synd1().zip(record.synd2());
            if texts.and_then(|(a, b)| fru_text(a, b)).is_none() {
                synd1 = status & has(Present::SYND1);
                synd2 = status & has(Present::SYND2);
            }
        }
        Self {
            record,
            status: [
                status,
                status & has(Present::MISC),
                status & has(Present::ADDR),
                synd,
                synd1,
                synd2,
                (status | Register::Ipid.lent()) & has(Present::IPID),
            ],
            values: record.of_bank(),
        }
    }

    /// MCi_STATUS.
    #[inline]
    pub(super) const fn status(&self) -> u64 {
        self.values[0]
    }

    /// MCi_STATUS as the fields of a register ask it, and the register, of which nothing is to be read unless what they
    /// ask holds.
    #[inline]
    pub(super) const fn asked(&self, register: Register) -> (u64, u64) {
        let n = register as usize;
        (self.status[n], self.values[n])
    }

    /// A register's value, where it is valid.
    #[inline]
    pub(super) const fn get(&self, register: Register) -> Option<u64> {
        let (status, value) = self.asked(register);
        if register.valid().hold(status) {
            Some(value)
        } else {
            None
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
