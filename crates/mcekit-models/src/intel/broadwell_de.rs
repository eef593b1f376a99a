//! Broadwell-DE: Xeon D-1500 (family 6 model 0x56).
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family with `CPUID` `DisplayFamily_DisplayModel`
//! `06_56H`": "Internal Machine Check Errors" (MC4), "Integrated Memory Controller Machine Check Errors" (MC9, MC10).

use mcekit::Vendor;
use mcekit::table::Register::Status;
use mcekit::table::{Bank, Class, Code, Cpu, Field, Model, Unit, bits, code};

use super::haswell::{INTERNAL, PCU_INTERNAL};
use super::ivy_bridge as ivb;
use super::sandy_bridge as snb;

/// Bits 23:20, of which bit 22 matters.
static UBOX: &[Code] = &[
    code(0x4, "Ubox error").class(Class::Internal),
    code(0x5, "Ubox error").class(Class::Internal),
    code(0x6, "Ubox error").class(Class::Internal),
    code(0x7, "Ubox error").class(Class::Internal),
    code(0xc, "Ubox error").class(Class::Internal),
    code(0xd, "Ubox error").class(Class::Internal),
    code(0xe, "Ubox error").class(Class::Internal),
    code(0xf, "Ubox error").class(Class::Internal),
];

static PCU: Unit = Unit::new(
    "PCU",
    "power control unit",
    &[
        &INTERNAL,
        &PCU_INTERNAL,
        &Field::codes("Ubox", Status, bits(23, 20), UBOX),
        &Field::codes(
            "PCU firmware",
            Status,
            bits(31, 24),
            &[
                code(0x00, "no error"),
                code(0x09, "MC_MESSAGE_CHANNEL_TIMEOUT").class(Class::Timeout),
                code(0x13, "MC_DMI_TRAINING_TIMEOUT").class(Class::Timeout),
                code(0x15, "MC_DMI_CPU_RESET_ACK_TIMEOUT").class(Class::Timeout),
                code(0x1e, "MC_VR_ICC_MAX_LT_FUSED_ICC_MAX").class(Class::Power),
                code(0x25, "MC_SVID_COMMAND_TIMEOUT").class(Class::Timeout),
                code(0x26, "MCA_PKGC_DIRECT_WAKE_RING_TIMEOUT").class(Class::Timeout),
                code(0x29, "MC_VR_VOUT_MAC_LT_FUSED_SVID").class(Class::Power),
                code(0x2b, "MC_PKGC_WATCHDOG_HANG_CBZ_DOWN").class(Class::Timeout),
                code(0x2c, "MC_PKGC_WATCHDOG_HANG_CBZ_UP").class(Class::Timeout),
                code(0x44, "MC_CRITICAL_VR_FAILED").class(Class::Power),
                code(0x46, "MC_VID_RAMP_DOWN_FAILED").class(Class::Power),
                code(0x49, "MC_SVID_WRITE_REG_VOUT_MAX_FAILED").class(Class::Power),
                code(0x4b, "MC_BOOT_VID_TIMEOUT_DRAM_0").class(Class::Timeout),
                code(0x4f, "MC_SVID_COMMAND_ERROR").class(Class::Power),
                code(0x52, "MC_FIVR_CATAS_OVERVOL_FAULT").class(Class::Power),
                code(0x53, "MC_FIVR_CATAS_OVERCUR_FAULT").class(Class::Power),
                code(0x57, "MC_SVID_PKGC_REQUEST_FAILED").class(Class::Power),
                code(0x58, "MC_SVID_IMON_REQUEST_FAILED").class(Class::Power),
                code(0x59, "MC_SVID_ALERT_REQUEST_FAILED").class(Class::Power),
                code(0x62, "MC_INVALID_PKGS_RSP_QPI").class(Class::Protocol),
                code(0x64, "MC_INVALID_PKG_STATE_CONFIG").class(Class::Power),
                code(0x67, "MC_HA_IMC_RW_BLOCK_ACK_TIMEOUT").class(Class::Timeout),
                code(0x6a, "MC_MSGCH_PMREQ_CMP_TIMEOUT").class(Class::Timeout),
                code(0x72, "MC_WATCHDOG_TIMEOUT_PKGS_MAIN").class(Class::Timeout),
                code(0x81, "MC_RECOVERABLE_DIE_THERMAL_TOO_HOT").class(Class::Thermal),
            ],
        ),
    ],
);

static IMC: Unit =
    Unit::new("iMC", "integrated memory controller", ivb::ERRORS).groups(snb::DEVICES);

/// Broadwell-DE.
pub(crate) static MODEL: Model = Model::architectural(
    "broadwell_de",
    "Broadwell-DE (Xeon D)",
    &["broadwell-d"],
    Vendor::INTEL,
    &[Cpu::new(6, 0x56, "Broadwell-D server")],
)
.with_banks(&[Bank::new(4, &PCU), Bank::range(9, 10, &IMC)]);
