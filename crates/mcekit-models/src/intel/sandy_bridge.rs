//! Sandy Bridge (family 6 model 0x2a) and Sandy Bridge-EP (0x2d).
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family with `CPUID` `DisplayFamily_DisplayModel`
//! `06_2DH`": "Internal Machine Check Errors" (MC4), "Intel QPI Machine Check Errors" (MC6, MC7), "Integrated Memory Controller
//! Machine Check Errors" (MC8 to MC11).
//!
//! The manual's first edition had the wrong table for MISC: bits 62 and 63 are the valid bits of the first and second
//! device, and bits 61:56 are reserved.

use mcekit::arch::ErrorCode;
use mcekit::table::Register::{Misc, Status};
use mcekit::table::{
    Bank, Class, Code, Cpu, Field, Group, Model, Place, Slot, Slots, Unit, When, bit, bits, code,
};
use mcekit::{Record, Vendor};

use super::MEMORY_ERROR;

/// Bits 19:16: errors of the PCU's own processor.
static PCU_CORE: &[Code] = &[
    code(0x0, "no error"),
    code(0x1, "Non_IMem_Sel"),
    code(0x2, "I_Parity_Error").class(Class::Internal),
    code(0x3, "Bad_OpCode").class(Class::Firmware),
    code(0x4, "I_Stack_Underflow").class(Class::Firmware),
    code(0x5, "I_Stack_Overflow").class(Class::Firmware),
    code(0x6, "D_Stack_Underflow").class(Class::Firmware),
    code(0x7, "D_Stack_Overflow").class(Class::Firmware),
    code(0x8, "Non-DMem_Sel"),
    code(0x9, "D_Parity_Error").class(Class::Internal),
];

/// Bits 31:24: errors that the PCU's firmware reports.
pub(super) static PCU_FIRMWARE: &[Code] = &[
    code(0x00, "no error"),
    code(0x0d, "MC_IMC_FORCE_SR_S3_TIMEOUT").class(Class::Timeout),
    code(0x0e, "MC_MC_CPD_UNCPD_ST_TIMEOUT").class(Class::Timeout),
    code(0x0f, "MC_PKGS_SAFE_WP_TIMEOUT").class(Class::Timeout),
    code(0x43, "MC_PECI_MAILBOX_QUIESCE_TIMEOUT").class(Class::Timeout),
    code(0x5c, "MC_MORE_THAN_ONE_LT_AGENT").class(Class::Firmware),
    code(0x60, "MC_INVALID_PKGS_REQ_PCH").class(Class::Protocol),
    code(0x61, "MC_INVALID_PKGS_REQ_QPI").class(Class::Protocol),
    code(0x62, "MC_INVALID_PKGS_RES_QPI").class(Class::Protocol),
    code(0x63, "MC_INVALID_PKGC_RES_PCH").class(Class::Protocol),
    code(0x64, "MC_INVALID_PKG_STATE_CONFIG").class(Class::Power),
    code(0x70, "MC_WATCHDG_TIMEOUT_PKGC_SECONDARY").class(Class::Timeout),
    code(0x71, "MC_WATCHDG_TIMEOUT_PKGC_MAIN").class(Class::Timeout),
    code(0x72, "MC_WATCHDG_TIMEOUT_PKGS_MAIN").class(Class::Timeout),
    code(0x7a, "MC_HA_FAILSTS_CHANGE_DETECTED").class(Class::Mirror),
    code(0x81, "MC_RECOVERABLE_DIE_THERMAL_TOO_HOT").class(Class::Thermal),
];

pub(super) static PCU_CORE_ERROR: Field =
    Field::codes("PCU processor", Status, bits(19, 16), PCU_CORE);
pub(super) static RESERVED_23_20: Field =
    Field::codes("reserved bits 23:20", Status, bits(23, 20), &[]);

static PCU: Unit = Unit::new(
    "PCU",
    "power control unit",
    &[
        &PCU_CORE_ERROR,
        &RESERVED_23_20,
        &Field::codes("PCU firmware", Status, bits(31, 24), PCU_FIRMWARE),
    ],
);

/// The link's error code says all.
pub(super) static QPI: Unit = Unit::new("QPI", "QuickPath interconnect", &[]);

pub(super) static ADDRESS_PARITY: Field = Field::flag(
    Status,
    16,
    &[code(1, "address parity error").class(Class::AddressParity)],
);
pub(super) static WRITE_DATA: Field = Field::flag(
    Status,
    17,
    &[code(1, "parity error of write data from the home agent").class(Class::MemoryWrite)],
);
pub(super) static WRITE_ENABLE: Field = Field::flag(
    Status,
    18,
    &[code(1, "parity error of write byte enables from the home agent").class(Class::MemoryWrite)],
);
pub(super) static SCRUB_CORRECTED: Field = Field::flag(
    Status,
    19,
    &[code(1, "corrected patrol scrub error").class(Class::PatrolScrub)],
);
pub(super) static SCRUB_UNCORRECTED: Field = Field::flag(
    Status,
    20,
    &[code(1, "uncorrected patrol scrub error").class(Class::PatrolScrubUncorrected)],
);
pub(super) static SPARE_CORRECTED: Field = Field::flag(
    Status,
    21,
    &[code(1, "corrected spare error").class(Class::Spare)],
);
pub(super) static SPARE_UNCORRECTED: Field = Field::flag(
    Status,
    22,
    &[code(1, "uncorrected spare error").class(Class::Spare)],
);

static ERRORS: &[&Field] = &[
    &ADDRESS_PARITY,
    &WRITE_DATA,
    &WRITE_ENABLE,
    &SCRUB_CORRECTED,
    &SCRUB_UNCORRECTED,
    &SPARE_CORRECTED,
    &SPARE_UNCORRECTED,
    &Field::codes("reserved bits 31:23", Status, bits(31, 23), &[]),
];

/// The devices that failed, where MSR_ERROR_CONTROL bit 1 lets the controller log them for corrected errors.
pub(super) static DEVICES: &[Group] = &[
    Group::new(
        &[
            When::Is(Misc, bit(62), 1),
            When::Is(Status, bit(61), 0),
            MEMORY_ERROR,
        ],
        &[
            &Field::decimal("failing rank of the first device", Misc, bits(50, 46)).at(Place::Rank),
            &Field::hex("error mask of the first device", Misc, bits(29, 14)),
            &Field::hex("code of the first device", Status, bits(37, 32)),
        ],
    ),
    Group::new(
        &[
            When::Is(Misc, bit(63), 1),
            When::Is(Status, bit(61), 0),
            MEMORY_ERROR,
        ],
        &[
            &Field::decimal("failing rank of the second device", Misc, bits(55, 51)),
            &Field::hex("error mask of the second device", Misc, bits(45, 30)),
            &Field::hex("code of the second device", Misc, bits(13, 9)),
        ],
    ),
];

static IMC: Unit = Unit::new("iMC", "integrated memory controller", ERRORS);
static IMC_EP: Unit = Unit::new("iMC", "integrated memory controller", ERRORS).groups(DEVICES);

/// The DIMM that a rank belongs to: four ranks for the first slot, two for the others. The third slot's ranks are the
/// second's where there is no third, which the registers do not say; so they count for the second.
fn dimm(rank: u64) -> Option<u8> {
    match rank {
        0..=3 => Some(0),
        4..=7 => Some(1),
        _ => None,
    }
}

/// The slots of both devices, where the controller logged them.
pub(super) fn slots(record: &Record, first_bank: u8, last_bank: u8) -> Slots {
    let channel = ErrorCode::of(record).channel();
    let mut slots = [
        Some(Slot {
            channel,
            dimm: None,
        }),
        None,
    ];
    let logged = !record.status().uc()
        && channel.is_some()
        && record
            .bank()
            .is_some_and(|bank| (first_bank..=last_bank).contains(&bank));
    if let Some(misc) = record.valid_misc().filter(|_| logged) {
        if misc.0 >> 62 & 1 == 1 {
            slots[0] = Some(Slot {
                channel,
                dimm: dimm(misc.0 >> 46 & 0x1f),
            });
        }
        if misc.0 >> 63 == 1 {
            slots[1] = Some(Slot {
                channel,
                dimm: dimm(misc.0 >> 51 & 0x1f),
            });
        }
    }
    slots
}

fn slots_ep(record: &Record) -> Slots {
    slots(record, 8, 11)
}

/// Sandy Bridge.
pub(crate) static SANDY_BRIDGE: Model = Model::architectural(
    "sandy_bridge",
    "Sandy Bridge",
    &[],
    Vendor::INTEL,
    &[Cpu::new(6, 0x2a, "Sandy Bridge client")],
)
.with_banks(&[Bank::new(4, &PCU), Bank::range(8, 11, &IMC)]);

/// Sandy Bridge-EP.
pub(crate) static SANDY_BRIDGE_EP: Model = Model::architectural(
    "sandy_bridge_ep",
    "Sandy Bridge-EP (Xeon E5)",
    &["sandybridge-x", "xeon-e5"],
    Vendor::INTEL,
    &[Cpu::new(6, 0x2d, "Sandy Bridge-X")],
)
.with_banks(&[
    Bank::new(4, &PCU),
    Bank::new(6, &QPI).port(0),
    Bank::new(7, &QPI).port(1),
    Bank::range(8, 11, &IMC_EP),
])
.with_slots(slots_ep);
