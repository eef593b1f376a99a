//! Ivy Bridge-EP and -EX (family 6 model 0x3e); the client (0x3a) has architectural decoding.
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family with `CPUID` `DisplayFamily_DisplayModel`
//! `06_3EH`": "Internal Machine Check Errors" (MC4), "Integrated Memory Controller Machine Check Errors" (MC9 to MC16).

use mcekit::table::Register::Status;
use mcekit::table::{Bank, Class, Cpu, Field, Model, Slots, Unit, bits, code};
use mcekit::{Record, Vendor};

use super::sandy_bridge as snb;

static PCU: Unit = Unit::new(
    "PCU",
    "power control unit",
    &[
        &snb::PCU_CORE_ERROR,
        &snb::RESERVED_23_20,
        &Field::codes(
            "PCU firmware",
            Status,
            bits(31, 24),
            &[
                code(0x44, "MC_CRITICAL_VR_FAILED").class(Class::Power),
                code(0x45, "MC_ICC_MAX-NOTSUPPORTED").class(Class::Power),
                code(0x7b, "MC_PCIE_R2PCIE-RW_BLOCK_ACK_TIMEOUT").class(Class::Timeout),
            ],
        )
        .or_else(snb::PCU_FIRMWARE),
    ],
);

pub(super) static READ_CORRECTED: Field = Field::flag(
    Status,
    23,
    &[code(1, "corrected memory read error").class(Class::MemoryRead)],
);
pub(super) static WDB_PARITY: Field = Field::flag(
    Status,
    24,
    &[code(1, "parity error in the write data buffer").class(Class::MemoryWrite)],
);

/// What Broadwell-DE has, too.
pub(super) static ERRORS: &[&Field] = &[
    &snb::ADDRESS_PARITY,
    &snb::WRITE_DATA,
    &snb::WRITE_ENABLE,
    &snb::SCRUB_CORRECTED,
    &snb::SCRUB_UNCORRECTED,
    &snb::SPARE_CORRECTED,
    &snb::SPARE_UNCORRECTED,
    &READ_CORRECTED,
    &WDB_PARITY,
    &Field::codes("reserved bits 31:25", Status, bits(31, 25), &[]),
];

static IMC: Unit = Unit::new("iMC", "integrated memory controller", ERRORS).groups(snb::DEVICES);

fn slots(record: &Record) -> Slots {
    snb::slots(record, 9, 16)
}

/// Ivy Bridge-EP and -EX.
pub(crate) static IVY_BRIDGE_EP: Model = Model::architectural(
    "ivy_bridge_ep",
    "Ivy Bridge-EP/EX (Xeon v2)",
    &["ivybridge-ex", "xeon-v2", "ivytown"],
    Vendor::INTEL,
    &[Cpu::new(6, 0x3e, "Ivy Bridge-X")],
)
.with_banks(&[
    Bank::new(4, &PCU),
    Bank::new(5, &snb::QPI).port(0),
    Bank::range(9, 16, &IMC),
])
.with_slots(slots);

/// Ivy Bridge.
pub(crate) static IVY_BRIDGE: Model = Model::architectural(
    "ivy_bridge",
    "Ivy Bridge",
    &[],
    Vendor::INTEL,
    &[Cpu::new(6, 0x3a, "Ivy Bridge client")],
);
