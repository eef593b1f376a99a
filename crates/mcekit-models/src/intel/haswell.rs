//! Haswell-EP and -EX (family 6 model 0x3f); the clients (0x3c, 0x45, 0x46) have architectural decoding.
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family with `CPUID` `DisplayFamily_DisplayModel`
//! `06_3FH`": "Internal Machine Check Errors" (MC4), "Intel QPI Machine Check Errors" (MC5, MC20, MC21), "Integrated Memory
//! Controller Machine Check Errors" (MC9 to MC16).

use mcekit::arch::ErrorCode;
use mcekit::table::Register::Status;
use mcekit::table::{Bank, Class, Code, Cpu, Field, Model, Slot, Slots, Unit, bits, code};
use mcekit::{Record, Vendor};

use super::ivy_bridge as ivb;
use super::sandy_bridge as snb;

/// What the error codes of the PCU's bank mean; the correction filter is not part of them.
pub(super) static INTERNAL: Field = Field::joined(
    "internal error",
    Status,
    [bits(15, 13), bits(11, 0)],
    &[
        code(0x402, "PCU internal error").class(Class::Internal),
        code(0x403, "VCU internal error").class(Class::Internal),
        code(0x406, "Intel TXT error").class(Class::Security),
        code(0x407, "other error of the Ubox").class(Class::Internal),
    ],
)
.named();

/// Bits 19:16, of which the low two matter.
pub(super) static PCU_INTERNAL: Field = Field::codes(
    "PCU",
    Status,
    bits(19, 16),
    &[
        code(0x1, "PCU internal error").class(Class::Internal),
        code(0x2, "PCU internal error").class(Class::Internal),
        code(0x3, "PCU internal error").class(Class::Internal),
    ],
);

/// Bits 31:24: errors that the PCU's firmware reports.
static PCU_FIRMWARE: &[Code] = &[
    code(0x00, "no error"),
    code(0x09, "MC_MESSAGE_CHANNEL_TIMEOUT").class(Class::Timeout),
    code(0x0d, "MC_IMC_FORCE_SR_S3_TIMEOUT").class(Class::Timeout),
    code(0x0e, "MC_CPD_UNCPD_SD_TIMEOUT").class(Class::Timeout),
    code(0x13, "MC_DMI_TRAINING_TIMEOUT").class(Class::Timeout),
    code(0x15, "MC_DMI_CPU_RESET_ACK_TIMEOUT").class(Class::Timeout),
    code(0x1e, "MC_VR_ICC_MAX_LT_FUSED_ICC_MAX").class(Class::Power),
    code(0x25, "MC_SVID_COMMAND_TIMEOUT").class(Class::Timeout),
    code(0x29, "MC_VR_VOUT_MAC_LT_FUSED_SVID").class(Class::Power),
    code(0x2b, "MC_PKGC_WATCHDOG_HANG_CBZ_DOWN").class(Class::Timeout),
    code(0x2c, "MC_PKGC_WATCHDOG_HANG_CBZ_UP").class(Class::Timeout),
    code(0x39, "MC_PKGC_WATCHDOG_HANG_C3_UP_SF").class(Class::Timeout),
    code(0x44, "MC_CRITICAL_VR_FAILED").class(Class::Power),
    code(0x45, "MC_ICC_MAX_NOTSUPPORTED").class(Class::Power),
    code(0x46, "MC_VID_RAMP_DOWN_FAILED").class(Class::Power),
    code(0x47, "MC_EXCL_MODE_NO_PMREQ_CMP").class(Class::Power),
    code(0x48, "MC_SVID_READ_REG_ICC_MAX_FAILED").class(Class::Power),
    code(0x49, "MC_SVID_WRITE_REG_VOUT_MAX_FAILED").class(Class::Power),
    code(0x4b, "MC_BOOT_VID_TIMEOUT_DRAM_0").class(Class::Timeout),
    code(0x4c, "MC_BOOT_VID_TIMEOUT_DRAM_1").class(Class::Timeout),
    code(0x4d, "MC_BOOT_VID_TIMEOUT_DRAM_2").class(Class::Timeout),
    code(0x4e, "MC_BOOT_VID_TIMEOUT_DRAM_3").class(Class::Timeout),
    code(0x4f, "MC_SVID_COMMAND_ERROR").class(Class::Power),
    code(0x52, "MC_FIVR_CATAS_OVERVOL_FAULT").class(Class::Power),
    code(0x53, "MC_FIVR_CATAS_OVERCUR_FAULT").class(Class::Power),
    code(0x57, "MC_SVID_PKGC_REQUEST_FAILED").class(Class::Power),
    code(0x58, "MC_SVID_IMON_REQUEST_FAILED").class(Class::Power),
    code(0x59, "MC_SVID_ALERT_REQUEST_FAILED").class(Class::Power),
    code(0x60, "MC_INVALID_PKGS_REQ_PCH").class(Class::Protocol),
    code(0x61, "MC_INVALID_PKGS_REQ_QPI").class(Class::Protocol),
    code(0x62, "MC_INVALID_PKGS_RSP_QPI").class(Class::Protocol),
    code(0x63, "MC_INVALID_PKGS_RSP_PCH").class(Class::Protocol),
    code(0x64, "MC_INVALID_PKG_STATE_CONFIG").class(Class::Power),
    code(0x67, "MC_HA_IMC_RW_BLOCK_ACK_TIMEOUT").class(Class::Timeout),
    code(0x68, "MC_IMC_RW_SMBUS_TIMEOUT").class(Class::Timeout),
    code(0x69, "MC_HA_FAILSTS_CHANGE_DETECTED").class(Class::Mirror),
    code(0x6a, "MC_MSGCH_PMREQ_CMP_TIMEOUT").class(Class::Timeout),
    code(0x70, "MC_WATCHDOG_TIMEOUT_PKGC_SECONDARY").class(Class::Timeout),
    code(0x71, "MC_WATCHDOG_TIMEOUT_PKGC_MAIN").class(Class::Timeout),
    code(0x72, "MC_WATCHDOG_TIMEOUT_PKGS_MAIN").class(Class::Timeout),
    code(0x7c, "MC_BIOS_RST_CPL_INVALID_SEQ").class(Class::Firmware),
    code(0x7d, "MC_MORE_THAN_ONE_TXT_AGENT").class(Class::Firmware),
    code(0x81, "MC_RECOVERABLE_DIE_THERMAL_TOO_HOT").class(Class::Thermal),
];

/// Broadwell-EP has the same.
pub(super) static PCU: Unit = Unit::new(
    "PCU",
    "power control unit",
    &[
        &INTERNAL,
        &PCU_INTERNAL,
        &snb::RESERVED_23_20,
        &Field::codes("PCU firmware", Status, bits(31, 24), PCU_FIRMWARE),
    ],
);

/// Broadwell-EP has the same.
pub(super) static QPI: Unit = Unit::new(
    "QPI",
    "QuickPath interconnect",
    &[&Field::codes(
        "mscod",
        Status,
        bits(31, 16),
        &[
            code(0x02, "physical layer: drift buffer alarm").class(Class::LinkFailure),
            code(0x03, "physical layer: latency buffer rolled over").class(Class::LinkFailure),
            code(0x10, "link layer: control error from R3QPI").class(Class::Protocol),
            code(0x11, "receiver aborted link layer retry after a CRC error").class(Class::LinkFailure),
            code(0x12, "unsupported or undefined packet").class(Class::Protocol),
            code(0x13, "link layer control error").class(Class::Protocol),
            code(0x15, "RBT used a value that was not initialized").class(Class::Internal),
            code(0x20, "physical layer: in-band reset, initialization aborted").class(Class::LinkFailure),
            code(0x21, "link failover: data healed itself").class(Class::LinkFailure),
            code(0x22, "physical layer: in-band reset without change of width").class(Class::LinkFailure),
            code(0x23, "link failover: clock").class(Class::LinkFailure),
            code(0x30, "CRC error received; retry succeeded after the physical layer was initialized again").class(Class::LinkCrc),
            code(0x31, "CRC error received; retry succeeded").class(Class::LinkCrc),
        ],
    )],
);

pub(super) static DDR3_ADDRESS_PARITY: Field = Field::flag(
    Status,
    16,
    &[code(1, "DDR3 address parity error").class(Class::AddressParity)],
);
pub(super) static WRITE_DATA: Field = Field::flag(
    Status,
    17,
    &[code(1, "uncorrected error of write data from the home agent").class(Class::MemoryWrite)],
);
pub(super) static WRITE_ENABLE: Field = Field::flag(
    Status,
    18,
    &[code(1, "uncorrected error of byte enables from the home agent").class(Class::MemoryWrite)],
);
pub(super) static DDR4_COMMAND_PARITY: Field = Field::flag(
    Status,
    25,
    &[code(1, "DDR4 command or address parity error").class(Class::CommandAddressParity)],
);
pub(super) static RESERVED_31_26: Field =
    Field::codes("reserved bits 31:26", Status, bits(31, 26), &[]);

static IMC: Unit = Unit::new(
    "iMC",
    "integrated memory controller",
    &[
        &DDR3_ADDRESS_PARITY,
        &WRITE_DATA,
        &WRITE_ENABLE,
        &snb::SCRUB_CORRECTED,
        &snb::SCRUB_UNCORRECTED,
        &snb::SPARE_CORRECTED,
        &snb::SPARE_UNCORRECTED,
        &ivb::READ_CORRECTED,
        &ivb::WDB_PARITY,
        &DDR4_COMMAND_PARITY,
        &RESERVED_31_26,
    ],
)
.groups(snb::DEVICES);

pub(super) static IFU: Unit = Unit::new("IFU", "instruction fetch unit", &[]);
pub(super) static DCU: Unit = Unit::new("DCU", "data cache unit", &[]);
pub(super) static DTLB: Unit = Unit::new("DTLB", "data TLB", &[]);
pub(super) static MLC: Unit = Unit::new("MLC", "mid-level cache", &[]);
pub(super) static IIO: Unit = Unit::new("IIO", "integrated I/O", &[]);
static HA: Unit = Unit::new("HA", "home agent", &[]);
pub(super) static CBO: Unit = Unit::new("CBo", "last-level cache and its caching agents", &[]);

/// The bank names the controller, and for the controller's own banks the channel; four channels to a controller.
pub(super) fn slots(record: &Record) -> Slots {
    let channel = ErrorCode::of(record)
        .channel()
        .map(|channel| match record.bank() {
            Some(8) => channel + 4,
            Some(bank @ 9..=16) => bank - 9,
            _ => channel,
        });
    [
        Some(Slot {
            channel,
            dimm: None,
        }),
        None,
    ]
}

/// Haswell-EP and -EX.
pub(crate) static HASWELL_EP: Model = Model::architectural(
    "haswell_ep",
    "Haswell-EP/EX (Xeon v3)",
    &["haswell-ex", "xeon-v3", "haswell-server"],
    Vendor::INTEL,
    &[Cpu::new(6, 0x3f, "Haswell-X")],
)
.with_banks(&[
    Bank::new(0, &IFU),
    Bank::new(1, &DCU),
    Bank::new(2, &DTLB),
    Bank::new(3, &MLC),
    Bank::new(4, &PCU),
    Bank::new(5, &QPI).port(0),
    Bank::new(6, &IIO),
    Bank::new(7, &HA).imc(0),
    Bank::new(8, &HA).imc(1),
    Bank::new(9, &IMC).imc(0).channel(0),
    Bank::new(10, &IMC).imc(0).channel(1),
    Bank::new(11, &IMC).imc(0).channel(2),
    Bank::new(12, &IMC).imc(0).channel(3),
    Bank::new(13, &IMC).imc(1).channel(0),
    Bank::new(14, &IMC).imc(1).channel(1),
    Bank::new(15, &IMC).imc(1).channel(2),
    Bank::new(16, &IMC).imc(1).channel(3),
    Bank::range(17, 19, &CBO),
    Bank::new(20, &QPI).port(1),
    Bank::new(21, &QPI).port(2),
])
.with_slots(slots);

/// Haswell.
pub(crate) static HASWELL: Model = Model::architectural(
    "haswell",
    "Haswell",
    &[],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x3c, "Haswell client"),
        Cpu::new(6, 0x45, "Haswell-L"),
        Cpu::new(6, 0x46, "Haswell-G"),
    ],
);
