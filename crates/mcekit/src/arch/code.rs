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
    /// The class of a record's error code, by its vendor's rules: what [`ErrorCode::of`] says, without the rest.
    #[must_use]
    #[inline]
    pub const fn of(record: &Record) -> Self {
        let code = record.status().error_code();
        if record.is_amd_like() {
            Self::amd(code)
        } else {
            Self::intel(code & !(Status::FILTER as u16))
        }
    }

    /// The class of Intel's MCACOD without bit 12.
    const fn intel(code: u16) -> Self {
        match code {
            0..=6 => Self::Simple,
            0x000c..=0x000f => Self::GenericCache,
            0x0010..=0x001f => Self::Tlb,
            0x0080..=0x00ff => Self::MemoryController,
            0x0100..=0x01ff => Self::CacheHierarchy,
            0x0280..=0x02ff => Self::ExtendedMemory,
            0x0400 => Self::InternalTimer,
            0x0401..=0x07ff => Self::InternalUnclassified,
            0x0800..=0x0fff => Self::BusInterconnect,
            _ => Self::Unknown,
        }
    }

    /// The class of AMD's error code.
    const fn amd(code: u16) -> Self {
        match code {
            0x0010..=0x001f => Self::Tlb,
            0x0100..=0x01ff => Self::CacheHierarchy,
            0x0800..=0x0fff => Self::BusInterconnect,
            0x0400 | 0x0500 | 0x0600 | 0x0700 => Self::Internal,
            _ => Self::Unknown,
        }
    }

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
        let level = Level::from_bits(code);
        let transaction = Transaction::from_bits(code >> 2);
        match ErrorClass::intel(code) {
            ErrorClass::Simple => Self::Simple(match code {
                0 => SimpleError::NoError,
                1 => SimpleError::Unclassified,
                2 => SimpleError::MicrocodeRomParity,
                3 => SimpleError::External,
                4 => SimpleError::Frc,
                5 => SimpleError::InternalParity,
                _ => SimpleError::SmmHandlerCodeAccessViolation,
            }),
            ErrorClass::InternalTimer => Self::InternalTimer,
            ErrorClass::GenericCache => Self::GenericCache(level),
            ErrorClass::Tlb => Self::Tlb(transaction, level),
            ErrorClass::MemoryController => {
                Self::MemoryController(MemoryOp::from_bits(code >> 4), channel(code))
            }
            ErrorClass::ExtendedMemory => {
                Self::ExtendedMemory(MemoryOp::from_bits(code >> 4), channel(code))
            }
            ErrorClass::CacheHierarchy => {
                Self::CacheHierarchy(Request::from_bits(code >> 4), transaction, level)
            }
            ErrorClass::InternalUnclassified => Self::InternalUnclassified(code & 0x3ff),
            ErrorClass::BusInterconnect => bus(code),
            ErrorClass::Internal | ErrorClass::Unknown => Self::Unknown(mcacod),
        }
    }

    /// AMD's error code: TLB, memory (cache hierarchy), bus, internal. Bits 15:12 are always zero.
    #[must_use]
    pub const fn amd(code: u16) -> Self {
        let level = Level::from_bits(code);
        let transaction = Transaction::from_bits(code >> 2);
        match ErrorClass::amd(code) {
            ErrorClass::Tlb => Self::Tlb(transaction, level),
            ErrorClass::CacheHierarchy => {
                Self::CacheHierarchy(Request::from_bits(code >> 4), transaction, level)
            }
            ErrorClass::BusInterconnect => bus(code),
            ErrorClass::Internal => Self::Internal(if code >> 8 & 3 == 2 {
                InternalError::HardwareAssert
            } else {
                InternalError::Reserved
            }),
            _ => Self::Unknown(code),
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
    use crate::regs::Vendor;

    /// The class of the first form that a code has; forms as the manuals write them, from bit 15 down: a letter is any bit.
    fn by_form(forms: &[(&str, ErrorClass)], code: u16) -> ErrorClass {
        let fits = |form: &str| {
            let bits = form.bytes().filter(|b| *b != b' ').rev();
            bits.enumerate()
                .all(|(n, b)| b.is_ascii_alphabetic() || code >> n & 1 == u16::from(b - b'0'))
        };
        forms
            .iter()
            .find(|(form, _)| fits(form))
            .map_or(ErrorClass::Unknown, |(_, class)| *class)
    }

    #[test]
    fn every_intel_class_by_its_form() {
        let forms = [
            ("000F 0000 0000 0111", ErrorClass::Unknown),
            ("000F 0000 0000 0xxx", ErrorClass::Simple),
            ("000F 0000 0000 11LL", ErrorClass::GenericCache),
            ("000F 0000 0001 TTLL", ErrorClass::Tlb),
            ("000F 0000 1MMM CCCC", ErrorClass::MemoryController),
            ("000F 0001 RRRR TTLL", ErrorClass::CacheHierarchy),
            ("000F 0010 1MMM CCCC", ErrorClass::ExtendedMemory),
            ("000F 0100 0000 0000", ErrorClass::InternalTimer),
            ("000F 01xx xxxx xxxx", ErrorClass::InternalUnclassified),
            ("000F 1PPT RRRR IILL", ErrorClass::BusInterconnect),
        ];
        for code in 0..=u16::MAX {
            assert_eq!(
                ErrorCode::intel(code).class(),
                by_form(&forms, code),
                "{code:#x}"
            );
        }
    }

    #[test]
    fn every_amd_class_by_its_form() {
        let forms = [
            ("0000 0000 0001 TTLL", ErrorClass::Tlb),
            ("0000 0001 RRRR TTLL", ErrorClass::CacheHierarchy),
            ("0000 1PPT RRRR IILL", ErrorClass::BusInterconnect),
            ("0000 01UU 0000 0000", ErrorClass::Internal),
        ];
        for code in 0..=u16::MAX {
            assert_eq!(
                ErrorCode::amd(code).class(),
                by_form(&forms, code),
                "{code:#x}"
            );
        }
    }

    #[test]
    fn a_record_has_the_class_of_its_code() {
        for vendor in [Vendor::INTEL, Vendor::AMD] {
            for code in 0..=u16::MAX {
                let record = Record::new(0, Status(code.into())).with_vendor(vendor);
                assert_eq!(ErrorClass::of(&record), ErrorCode::of(&record).class());
            }
        }
    }

    #[test]
    fn io_mca_is_one_code() {
        let codes = (0..=u16::MAX).filter(|&c| ErrorCode::intel(c).is_io_mca());
        assert_eq!(codes.collect::<std::vec::Vec<_>>(), [0xe0b, 0x1e0b]);
    }
}
