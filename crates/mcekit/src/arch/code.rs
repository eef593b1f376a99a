//! The error code in the low half of MCi_STATUS.

use super::terms::{Level, MemoryIo, MemoryOp, Participation, Request, Transaction};
use crate::record::Record;
use crate::regs::Status;

/// An architectural error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// One of Intel's simple codes.
    Simple(SimpleError),
    /// Intel: the internal timer expired.
    InternalTimer,
    /// Intel: an internal error that the architecture does not classify; the code's low ten bits.
    InternalUnclassified(u16),
    /// Intel: a generic error of the cache hierarchy.
    GenericCache(Level),
    /// A translation look-aside buffer.
    Tlb(Transaction, Level),
    /// Intel: a memory controller, and the channel where the code names one.
    MemoryController(MemoryOp, Option<u8>),
    /// Intel: memory that serves as a cache for other memory, and the channel where the code names one.
    ExtendedMemory(MemoryOp, Option<u8>),
    /// The cache hierarchy; on AMD also memory.
    CacheHierarchy(Request, Transaction, Level),
    /// A bus or interconnect.
    BusInterconnect {
        /// The part that the processor took.
        participation: Participation,
        /// The request timed out.
        timeout: bool,
        /// The request.
        request: Request,
        /// What it was for.
        memory_io: MemoryIo,
        /// The level.
        level: Level,
    },
    /// AMD: an error inside the unit.
    Internal(InternalError),
    /// A code that the architecture does not define.
    Unknown(u16),
}

/// Intel's simple error codes (SDM vol. 3B, table of the simple codes in IA32_MCi_STATUS bits 15 to 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SimpleError {
    /// 0: no error was reported to this bank.
    NoError,
    /// 1: not classified into the architecture's classes.
    Unclassified,
    /// 2: parity of the microcode ROM.
    MicrocodeRomParity,
    /// 3: BINIT# from another processor.
    External,
    /// 4: functional redundancy check, master against slave.
    Frc,
    /// 5: internal parity.
    InternalParity,
    /// 6: the SMM handler tried to execute outside of its range.
    SmmHandlerCodeAccessViolation,
}

impl SimpleError {
    /// The code as JSON carries it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoError => "no-error",
            Self::Unclassified => "unclassified",
            Self::MicrocodeRomParity => "microcode-rom-parity",
            Self::External => "external",
            Self::Frc => "frc",
            Self::InternalParity => "internal-parity",
            Self::SmmHandlerCodeAccessViolation => "smm-handler-code-access-violation",
        }
    }
}

/// AMD's internal errors: bits 10:8 of the code (APM vol. 2; the kernel's `uu_msgs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InternalError {
    /// A value that the architecture reserves.
    Reserved,
    /// A hardware assertion failed.
    HardwareAssert,
}

impl InternalError {
    /// The error as JSON carries it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::HardwareAssert => "hardware-assert",
        }
    }
}

/// The class of an error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorClass {
    /// Simple codes.
    Simple,
    /// The internal timer.
    InternalTimer,
    /// Internal, unclassified.
    InternalUnclassified,
    /// Generic cache hierarchy.
    GenericCache,
    /// TLB.
    Tlb,
    /// Memory controller.
    MemoryController,
    /// Memory as cache.
    ExtendedMemory,
    /// Cache hierarchy.
    CacheHierarchy,
    /// Bus and interconnect.
    BusInterconnect,
    /// AMD: internal.
    Internal,
    /// Not defined by the architecture.
    Unknown,
}

impl ErrorClass {
    /// The class as JSON carries it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::InternalTimer => "internal-timer",
            Self::InternalUnclassified => "internal-unclassified",
            Self::GenericCache => "generic-cache",
            Self::Tlb => "tlb",
            Self::MemoryController => "memory-controller",
            Self::ExtendedMemory => "extended-memory",
            Self::CacheHierarchy => "cache-hierarchy",
            Self::BusInterconnect => "bus-interconnect",
            Self::Internal => "internal",
            Self::Unknown => "unknown",
        }
    }
}

impl ErrorCode {
    /// The error code of a record, by its vendor's rules.
    #[must_use]
    pub const fn of(record: &Record) -> Self {
        let code = record.status().error_code();
        if record.is_amd_like() {
            Self::amd(code)
        } else {
            Self::intel(code)
        }
    }

    /// Intel's MCACOD. Bit 12 is the correction report filter in every compound code and not part of it.
    #[must_use]
    pub const fn intel(mcacod: u16) -> Self {
        let code = mcacod & !(Status::FILTER as u16);
        match code {
            0 => return Self::Simple(SimpleError::NoError),
            1 => return Self::Simple(SimpleError::Unclassified),
            2 => return Self::Simple(SimpleError::MicrocodeRomParity),
            3 => return Self::Simple(SimpleError::External),
            4 => return Self::Simple(SimpleError::Frc),
            5 => return Self::Simple(SimpleError::InternalParity),
            6 => return Self::Simple(SimpleError::SmmHandlerCodeAccessViolation),
            0x400 => return Self::InternalTimer,
            _ => {}
        }
        let level = Level::from_bits(code);
        let transaction = Transaction::from_bits(code >> 2);
        if code >> 2 == 0b11 {
            Self::GenericCache(level)
        } else if code >> 4 == 1 {
            Self::Tlb(transaction, level)
        } else if code >> 7 == 1 {
            Self::MemoryController(MemoryOp::from_bits(code >> 4), channel(code))
        } else if code >> 7 == 0b101 {
            Self::ExtendedMemory(MemoryOp::from_bits(code >> 4), channel(code))
        } else if code >> 8 == 1 {
            Self::CacheHierarchy(Request::from_bits(code >> 4), transaction, level)
        } else if code >> 10 == 1 {
            Self::InternalUnclassified(code & 0x3ff)
        } else if code >> 11 == 1 {
            bus(code)
        } else {
            Self::Unknown(mcacod)
        }
    }

    /// AMD's error code: TLB, memory (cache hierarchy), bus, internal. Bits 15:12 are always zero.
    #[must_use]
    pub const fn amd(code: u16) -> Self {
        let level = Level::from_bits(code);
        let transaction = Transaction::from_bits(code >> 2);
        if code >> 4 == 1 {
            Self::Tlb(transaction, level)
        } else if code >> 8 == 1 {
            Self::CacheHierarchy(Request::from_bits(code >> 4), transaction, level)
        } else if code >> 11 == 1 {
            bus(code)
        } else if code & 0xf4ff == 0x0400 {
            Self::Internal(if code >> 8 & 3 == 2 {
                InternalError::HardwareAssert
            } else {
                InternalError::Reserved
            })
        } else {
            Self::Unknown(code)
        }
    }

    /// The class.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        match self {
            Self::Simple(_) => ErrorClass::Simple,
            Self::InternalTimer => ErrorClass::InternalTimer,
            Self::InternalUnclassified(_) => ErrorClass::InternalUnclassified,
            Self::GenericCache(_) => ErrorClass::GenericCache,
            Self::Tlb(..) => ErrorClass::Tlb,
            Self::MemoryController(..) => ErrorClass::MemoryController,
            Self::ExtendedMemory(..) => ErrorClass::ExtendedMemory,
            Self::CacheHierarchy(..) => ErrorClass::CacheHierarchy,
            Self::BusInterconnect { .. } => ErrorClass::BusInterconnect,
            Self::Internal(_) => ErrorClass::Internal,
            Self::Unknown(_) => ErrorClass::Unknown,
        }
    }

    /// The level, where the class has one.
    #[must_use]
    pub const fn level(self) -> Option<Level> {
        match self {
            Self::GenericCache(level) | Self::Tlb(_, level) | Self::CacheHierarchy(_, _, level) => {
                Some(level)
            }
            Self::BusInterconnect { level, .. } => Some(level),
            _ => None,
        }
    }

    /// The transaction, where the class has one.
    #[must_use]
    pub const fn transaction(self) -> Option<Transaction> {
        match self {
            Self::Tlb(transaction, _) | Self::CacheHierarchy(_, transaction, _) => {
                Some(transaction)
            }
            _ => None,
        }
    }

    /// The request, where the class has one.
    #[must_use]
    pub const fn request(self) -> Option<Request> {
        match self {
            Self::CacheHierarchy(request, ..) | Self::BusInterconnect { request, .. } => {
                Some(request)
            }
            _ => None,
        }
    }

    /// What the memory controller was doing, where the class says so.
    #[must_use]
    pub const fn memory_op(self) -> Option<MemoryOp> {
        match self {
            Self::MemoryController(op, _) | Self::ExtendedMemory(op, _) => Some(op),
            _ => None,
        }
    }

    /// The memory channel, where the code names one.
    #[must_use]
    pub const fn channel(self) -> Option<u8> {
        match self {
            Self::MemoryController(_, channel) | Self::ExtendedMemory(_, channel) => channel,
            _ => None,
        }
    }

    /// Whether this is Intel's IO MCA: the generic bus error for input and output, 0xe0b.
    #[must_use]
    pub const fn is_io_mca(self) -> bool {
        matches!(
            self,
            Self::BusInterconnect {
                participation: Participation::Generic,
                timeout: false,
                request: Request::Generic,
                memory_io: MemoryIo::Io,
                level: Level::Generic,
            }
        )
    }
}

/// CCCC: the channel; 15 is "not specified".
const fn channel(code: u16) -> Option<u8> {
    match code & 15 {
        15 => None,
        n => Some(n as u8),
    }
}

/// PPT RRRR IILL.
const fn bus(code: u16) -> ErrorCode {
    ErrorCode::BusInterconnect {
        participation: Participation::from_bits(code >> 9),
        timeout: code >> 8 & 1 == 1,
        request: Request::from_bits(code >> 4),
        memory_io: MemoryIo::from_bits(code >> 2),
        level: Level::from_bits(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_intel_class_by_its_mask() {
        for code in 0..=u16::MAX {
            let c = code & 0xefff;
            let expected = match c {
                0..=6 => ErrorClass::Simple,
                0x400 => ErrorClass::InternalTimer,
                0x401..=0x7ff => ErrorClass::InternalUnclassified,
                0x0c..=0x0f => ErrorClass::GenericCache,
                0x10..=0x1f => ErrorClass::Tlb,
                0x80..=0xff => ErrorClass::MemoryController,
                0x280..=0x2ff => ErrorClass::ExtendedMemory,
                0x100..=0x1ff => ErrorClass::CacheHierarchy,
                0x800..=0xfff => ErrorClass::BusInterconnect,
                _ => ErrorClass::Unknown,
            };
            assert_eq!(ErrorCode::intel(code).class(), expected, "{code:#x}");
        }
    }

    #[test]
    fn every_amd_class_by_its_mask() {
        for code in 0..=u16::MAX {
            let expected = match code {
                0x10..=0x1f => ErrorClass::Tlb,
                0x100..=0x1ff => ErrorClass::CacheHierarchy,
                0x800..=0xfff => ErrorClass::BusInterconnect,
                0x400 | 0x500 | 0x600 | 0x700 => ErrorClass::Internal,
                _ => ErrorClass::Unknown,
            };
            // Bit 11 set with bit 8 clear is still the bus; 0x0c00 is not internal.
            assert_eq!(ErrorCode::amd(code).class(), expected, "{code:#x}");
        }
    }

    #[test]
    fn io_mca_is_one_code() {
        let codes = (0..=u16::MAX).filter(|&c| ErrorCode::intel(c).is_io_mca());
        assert_eq!(codes.collect::<std::vec::Vec<_>>(), [0xe0b, 0x1e0b]);
    }
}
