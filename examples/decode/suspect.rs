//! Which part to look at: what the class of an error says about the part that failed, and no more.

use mcekit::Decoding;
use mcekit::arch::{
    ErrorClass, ErrorCode, MemoryIo, Request, SimpleError, SoftwareBank, Transaction,
};
use mcekit_models::Explained;

/// The part that an error points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suspect {
    /// DRAM, or the way to it.
    Memory,
    /// Where the poisoned data came from that this processor used.
    DataSource,
    /// The processor itself: its cores and caches.
    Processor,
    /// A device behind PCI.
    Device,
    /// Something that did not answer.
    NoAnswer,
    /// A link or bus between parts.
    Interconnect,
    /// Temperature.
    Cooling,
    /// Firmware saw it, and knows more.
    Firmware,
}

impl Suspect {
    /// The part that a decoding points to; `None` where it points to none.
    pub(crate) fn of(decoding: &Decoding, explained: &Explained<'_>) -> Option<Self> {
        let status = decoding.status();
        if !status.val() || status.not_captured() {
            return None;
        }
        match decoding.software_bank {
            Some(SoftwareBank::Firmware) => return Some(Self::Firmware),
            Some(SoftwareBank::Thermal) => return Some(Self::Cooling),
            Some(SoftwareBank::Timeout) => return Some(Self::NoAnswer),
            Some(SoftwareBank::ThresholdDram | SoftwareBank::ThresholdFbdimm) => {
                return Some(Self::Memory);
            }
            Some(SoftwareBank::ThresholdLink) => return Some(Self::Interconnect),
            Some(SoftwareBank::ThresholdL3) => return Some(Self::Processor),
            Some(SoftwareBank::Threshold | SoftwareBank::Other) | None => {}
        }
        if is_memory_unit(explained) || decoding.code.memory_op().is_some() {
            return Some(Self::Memory);
        }
        if decoding.code.is_io_mca() && !decoding.amd_like {
            return Some(Self::Device);
        }
        let consumed = if decoding.amd_like {
            decoding.record.has_poison() && status.poison()
        } else {
            status.uc() && status.s() && status.ar() && is_load(decoding.code)
        };
        if consumed {
            return Some(Self::DataSource);
        }
        match decoding.code {
            ErrorCode::InternalTimer | ErrorCode::BusInterconnect { timeout: true, .. } => {
                Some(Self::NoAnswer)
            }
            // Before scalable MCA, AMD's northbridge reported its DRAM as a bus error.
            ErrorCode::BusInterconnect {
                memory_io: MemoryIo::Memory,
                ..
            } if decoding.ecc.is_some() => Some(Self::Memory),
            ErrorCode::Simple(SimpleError::NoError | SimpleError::Unclassified) => None,
            ErrorCode::Simple(SimpleError::External) => Some(Self::Interconnect),
            code => match code.class() {
                ErrorClass::BusInterconnect => Some(Self::Interconnect),
                ErrorClass::Unknown => None,
                // An internal error of an uncore unit is the unit's, wherever the package has it.
                _ => Some(Self::Processor),
            },
        }
    }

    /// The part as JSON carries it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::DataSource => "data-source",
            Self::Processor => "processor",
            Self::Device => "device",
            Self::NoAnswer => "no-answer",
            Self::Interconnect => "interconnect",
            Self::Cooling => "cooling",
            Self::Firmware => "firmware",
        }
    }

    /// What a person is told.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Memory => "memory: the DIMM, its slot, or the memory controller",
            Self::DataSource => {
                "whatever delivered the bad data, mostly memory: this processor only used it; \
                 an earlier record may name the DIMM"
            }
            Self::Processor => "the processor",
            Self::Device => "the PCI device, its slot, or its link",
            Self::NoAnswer => {
                "whatever did not answer in time: a device, a link, memory or the processor; \
                 look at the records of the other CPUs and banks"
            }
            Self::Interconnect => {
                "the link between processors, or between processor, memory and devices"
            }
            Self::Cooling => "cooling, or the sensor",
            Self::Firmware => "what firmware found: its own log (BMC, SEL, BIOS) names the part",
        }
    }
}

/// Whether the bank belongs to a memory controller, or to what stands between it and the mesh.
fn is_memory_unit(explained: &Explained<'_>) -> bool {
    const STARTS: [&str; 5] = ["imc", "umc", "hbm", "m2m", "b2cmi"];
    explained.unit().is_some_and(|unit| {
        STARTS.iter().any(|start| {
            let id = unit.id.as_bytes().get(..start.len());
            id.is_some_and(|id| id.eq_ignore_ascii_case(start.as_bytes()))
        })
    })
}

/// The two loads that the architecture lets software recover from: data and instructions.
const fn is_load(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::CacheHierarchy(Request::DataRead, Transaction::Data, _)
            | ErrorCode::CacheHierarchy(Request::InstructionFetch, Transaction::Instruction, _)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcekit::{CpuSignature, Record, Status, Vendor};

    fn suspect(record: &Record) -> Option<Suspect> {
        Suspect::of(&record.decode(), &mcekit_models::decode(record))
    }

    #[test]
    fn parts_by_class() {
        let intel = |status| Record::new(1, Status(status)).with_vendor(Vendor::INTEL);
        for (status, expected) in [
            (0x9c00_0040_0001_0091, Some(Suspect::Memory)),
            (0xbd80_0000_0000_0134, Some(Suspect::DataSource)),
            (0x9000_0000_0000_0153, Some(Suspect::Processor)),
            (0xba00_0000_0000_0e0b, Some(Suspect::Device)),
            (0xbe00_0000_0080_0400, Some(Suspect::NoAnswer)),
            (0xb200_0000_0000_0005, Some(Suspect::Processor)),
            (0xb200_0000_0000_080f, Some(Suspect::Interconnect)),
            (0x9000_0000_0000_0000, None),
            (0xdead_beef_dead_beef, None),
            (0x1c00_0040_0001_0091, None),
        ] {
            assert_eq!(suspect(&intel(status)), expected, "{status:#x}");
        }
        let firmware = intel(0x9c00_0000_0000_009f).with_bank(255);
        assert_eq!(suspect(&firmware), Some(Suspect::Firmware));
    }

    #[test]
    fn amd_says_memory_in_other_words() {
        let northbridge = Record::new(4, Status(0x9c00_4100_0108_0a13))
            .with_vendor(Vendor::AMD)
            .with_cpuid(CpuSignature::new(0x15, 2, 0));
        assert_eq!(suspect(&northbridge), Some(Suspect::Memory));
        let poison = northbridge
            .with_bank(0)
            .with_status(Status(0xbc00_0800_0001_0135));
        assert_eq!(suspect(&poison), Some(Suspect::DataSource));
    }
}
