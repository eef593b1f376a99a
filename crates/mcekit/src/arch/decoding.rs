//! What the architecture says about one record.

use super::code::ErrorCode;
use crate::record::Record;
use crate::regs::{AddressMode, IoMca, McgCap, Status, Threshold};
use crate::severity::{Context, Grade};

/// Runs something for the name and value of each flag that the vendor of a record has, in the order of the register. A
/// macro, so that a writer knows each name while it is compiled.
macro_rules! each_flag {
    ($decoding:expr, |$name:ident, $set:ident| $run:expr) => {{
        let (record, status) = (&$decoding.record, $decoding.record.status());
        let (amd, intel, smca) = (
            $decoding.amd_like,
            !$decoding.amd_like,
            record.is_smca(),
        );
        $crate::arch::decoding::each_flag!(@ status, $name, $set, $run,
            val if true, over if true, uc if true, en if true, miscv if true, addrv if true, pcc if true,
            s if intel, ar if intel, tcc if smca, paddrv if smca, syndv if smca,
            deferred if record.has_deferred(), poison if record.has_poison(), scrub if amd,
            firmware_updated if intel, (corrected_filtering filter) if intel,
        );
    }};
    (@ $status:ident, $name:ident, $set:ident, $run:expr, $($flag:tt if $has:expr,)*) => {$(
        if $has {
            let ($name, $set) = $crate::arch::decoding::each_flag!(@ $status, $flag);
            $run;
        }
    )*};
    (@ $status:ident, ($flag:ident $method:ident)) => {
        (stringify!($flag), $status.$method())
    };
    (@ $status:ident, $flag:ident) => {
        (stringify!($flag), $status.$flag())
    };
}
pub(crate) use each_flag;

/// What the architecture says about one record: computed, never stored.
///
/// `{}` shows it in one line, `{:#}` as a block. Registers that the record does not have, or that MCi_STATUS
/// calls not valid, contribute nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decoding {
    /// The record that was decoded.
    pub record: Record,
    /// The error code.
    pub code: ErrorCode,
    /// Where MCi_STATUS follows AMD's layout.
    pub amd_like: bool,
    /// Intel: corrected errors since the bank was cleared, where the processor counts them.
    pub corrected_count: Option<u16>,
    /// Intel: the threshold status, where the processor has one; for corrected errors only.
    pub threshold: Option<Threshold>,
    /// AMD: which kind of ECC error.
    pub ecc: Option<Ecc>,
    /// Intel: the PCI requester of an IO MCA error.
    pub io_mca: Option<IoMca>,
    /// The address, where there is one.
    pub address: Option<Address>,
    /// The software that wrote the record, where no bank of the processor did.
    pub software_bank: Option<SoftwareBank>,
}

/// AMD's two ECC bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ecc {
    /// ECC corrected the error.
    Corrected,
    /// ECC could not correct the error.
    Uncorrected,
}

impl Ecc {
    /// The kind as JSON carries it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Corrected => "corrected",
            Self::Uncorrected => "uncorrected",
        }
    }
}

/// An address, with what is known of its kind and precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The address, its low bits that are not valid cleared.
    pub address: u64,
    /// How many low bits are not valid.
    pub lsb: u8,
    /// Intel: the kind of address.
    pub mode: Option<AddressMode>,
    /// It is a system physical address: by Intel's mode, or by AMD's PADDRV.
    pub physical: bool,
}

impl Address {
    /// The address of a record, where it has one that MCi_STATUS calls valid.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        let addr = record.valid_addr()?;
        if record.is_smca() {
            // Before kernels masked it, the register held the number of its low bits itself.
            let lsb = addr.smca_lsb();
            let address = crate::Addr(addr.smca_address()).region(lsb);
            return Some(Self {
                address,
                lsb,
                mode: None,
                physical: record.status().paddrv(),
            });
        }
        let ser = record.mcgcap().is_none_or(McgCap::ser_p);
        match record.valid_misc() {
            Some(misc) if ser && !record.is_amd_like() => {
                let (lsb, mode) = (misc.address_lsb(), misc.address_mode());
                Some(Self {
                    address: addr.region(lsb),
                    lsb,
                    mode: Some(mode),
                    physical: mode == AddressMode::Physical,
                })
            }
            _ => Some(Self {
                address: addr.0,
                lsb: 0,
                mode: None,
                physical: false,
            }),
        }
    }
}

/// Bank numbers from 128 on: records that software wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SoftwareBank {
    /// 128: the thermal interrupt.
    Thermal,
    /// 129 to 182: AMD's threshold interrupts before they had banks of their own, nine blocks a bank.
    Threshold,
    /// 165: the threshold of the northbridge's first block, DRAM errors.
    ThresholdDram,
    /// 166: of its second block, link errors.
    ThresholdLink,
    /// 167: of its third block, L3 cache errors.
    ThresholdL3,
    /// 168: of its fourth block, FB-DIMM errors.
    ThresholdFbdimm,
    /// 218: processors did not meet in the handler in time.
    Timeout,
    /// 255: firmware reported it through ACPI (APEI). The kernel writes the same error code for every such report, so
    /// the class is not the hardware's.
    Firmware,
    /// Another number that no bank of a processor has.
    Other,
}

impl SoftwareBank {
    /// The software behind a bank's number.
    #[must_use]
    pub const fn of(bank: u8) -> Option<Self> {
        match bank {
            0..128 => None,
            128 => Some(Self::Thermal),
            165 => Some(Self::ThresholdDram),
            166 => Some(Self::ThresholdLink),
            167 => Some(Self::ThresholdL3),
            168 => Some(Self::ThresholdFbdimm),
            129..=182 => Some(Self::Threshold),
            218 => Some(Self::Timeout),
            255 => Some(Self::Firmware),
            _ => Some(Self::Other),
        }
    }

    /// The software in a few words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Thermal => "thermal event, written by the kernel",
            Self::Threshold => "threshold event, written by the kernel",
            Self::ThresholdDram => {
                "threshold event of DRAM errors (MC4_MISC0), written by the kernel"
            }
            Self::ThresholdLink => {
                "threshold event of link errors (MC4_MISC1), written by the kernel"
            }
            Self::ThresholdL3 => {
                "threshold event of L3 cache errors (MC4_MISC2), written by the kernel"
            }
            Self::ThresholdFbdimm => {
                "threshold event of FB-DIMM errors (MC4_MISC3), written by the kernel"
            }
            Self::Timeout => "time-out waiting for other processors, written by the kernel",
            Self::Firmware => {
                "reported by firmware (APEI); the error code is the kernel's, not the hardware's"
            }
            Self::Other => "software bank",
        }
    }
}

impl SoftwareBank {
    /// Whether a threshold interrupt wrote the record: MCi_MISC is then the threshold register, whatever MCi_STATUS says.
    #[must_use]
    pub const fn is_threshold(self) -> bool {
        matches!(
            self,
            Self::Threshold
                | Self::ThresholdDram
                | Self::ThresholdLink
                | Self::ThresholdL3
                | Self::ThresholdFbdimm
        )
    }
}

impl Decoding {
    /// Decodes a record. Total: every value of every register gives a decoding.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let status = record.status();
        let amd_like = record.is_amd_like();
        let code = ErrorCode::of(record);
        // A MCG_CAP of zero is one that nobody read.
        let capable = |bit: u64| {
            record
                .mcgcap()
                .is_none_or(|cap| cap.0 == 0 || cap.0 & bit != 0)
        };
        let intel_like = !amd_like;
        Self {
            record: *record,
            code,
            amd_like,
            corrected_count: record.corrected_count(),
            threshold: (intel_like && !status.uc() && capable(McgCap::TES_P))
                .then(|| status.threshold()),
            ecc: if amd_like { ecc(status) } else { None },
            io_mca: if intel_like && code.is_io_mca() {
                record.valid_misc().map(crate::Misc::io_mca)
            } else {
                None
            },
            address: Address::of(record),
            software_bank: record.bank().and_then(SoftwareBank::of),
        }
    }

    /// How bad it is, in the context that the record suggests.
    #[must_use]
    pub fn grade(&self) -> Grade {
        Grade::of(&self.record, Context::of(&self.record))
    }

    /// What the software that wrote the record says. A thermal record holds IA32_THERM_STATUS in place of MCi_STATUS:
    /// its bit 0 tells whether the processor is too hot.
    #[must_use]
    pub fn software_text(&self) -> Option<&'static str> {
        Some(match self.software_bank? {
            SoftwareBank::Thermal if self.status().0 & 1 != 0 => {
                "processor above its trip temperature and throttled, written by the kernel"
            }
            SoftwareBank::Thermal => {
                "processor below its trip temperature again, written by the kernel"
            }
            other => other.text(),
        })
    }

    /// MCi_STATUS.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.record.status()
    }

    /// The flags that the vendor of the record has, by name, in the order of the register; `val` first.
    pub fn flags(&self) -> impl Iterator<Item = (&'static str, bool)> + use<> {
        let mut flags = [None; 17];
        let mut slots = flags.iter_mut();
        each_flag!(self, |name, set| {
            if let Some(slot) = slots.next() {
                *slot = Some((name, set));
            }
        });
        flags.into_iter().flatten()
    }
}

fn ecc(status: Status) -> Option<Ecc> {
    if status.uecc() {
        Some(Ecc::Uncorrected)
    } else if status.cecc() {
        Some(Ecc::Corrected)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Addr, CpuSignature, Misc, Vendor};

    #[test]
    fn counts_only_where_the_processor_counts() {
        let record = Record::new(9, Status(0x8c00_0040_0000_00c0)).with_vendor(Vendor::INTEL);
        assert_eq!(record.decode().corrected_count, Some(1));
        assert_eq!(
            record.with_mcgcap(McgCap(0x806)).decode().corrected_count,
            None
        );
        assert_eq!(
            record.with_vendor(Vendor::AMD).decode().corrected_count,
            None
        );
    }

    #[test]
    fn a_thermal_record_says_which_way() {
        let text = |status| Record::new(128, Status(status)).decode().software_text();
        assert!(text(0x8800_0001).is_some_and(|text| text.contains("above")));
        assert!(text(0x8800_0000).is_some_and(|text| text.contains("below")));
        assert_eq!(Record::new(4, Status(1)).decode().software_text(), None);
    }

    #[test]
    fn software_banks_by_number() {
        let named = [
            (127, None),
            (128, Some(SoftwareBank::Thermal)),
            (129, Some(SoftwareBank::Threshold)),
            (165, Some(SoftwareBank::ThresholdDram)),
            (168, Some(SoftwareBank::ThresholdFbdimm)),
            (169, Some(SoftwareBank::Threshold)),
            (182, Some(SoftwareBank::Threshold)),
            (183, Some(SoftwareBank::Other)),
            (218, Some(SoftwareBank::Timeout)),
            (255, Some(SoftwareBank::Firmware)),
        ];
        for (bank, software) in named {
            assert_eq!(SoftwareBank::of(bank), software, "bank {bank}");
        }
        let threshold = |bank: u8| SoftwareBank::of(bank).is_some_and(SoftwareBank::is_threshold);
        assert!((0..=255u8).all(|bank| threshold(bank) == (129..=182).contains(&bank)));
    }

    #[test]
    fn addresses_by_vendor() {
        let record = Record::new(9, Status(Status::ADDRV | Status::MISCV))
            .with_addr(Addr(0x1234_5678))
            .with_misc(Misc(0x8c));
        let intel = record.with_vendor(Vendor::INTEL).decode().address.unwrap();
        assert_eq!(
            (intel.address, intel.lsb, intel.physical),
            (0x1234_5000, 12, true)
        );
        let amd = record
            .with_vendor(Vendor::AMD)
            .with_cpuid(CpuSignature::new(0x19, 0, 0))
            .with_addr(Addr(6 << 56 | 0x1fff));
        assert_eq!(amd.decode().address.unwrap().address, 0x1fc0);
        assert_eq!(record.with_status(Status(0)).decode().address, None);
    }
}
