//! Nehalem and Westmere: Xeon 3400 to 5600 and the first Core i3, i5, i7 (family 6 models 0x1a, 0x1e, 0x1f, 0x25, 0x2c).
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family with `CPUID` `DisplayFamily_DisplayModel`
//! `06_1AH`": "Intel QPI Machine Check Errors" (MC0, MC1), "Internal Machine Check Errors" (MC7), "Memory Controller Errors"
//! (MC8).
//!
//! The manual lists the tables by bank; kernels and steppings number the banks of the uncore differently, so the class
//! of the error code chooses the table in each of them.

use mcekit::arch::ErrorCode;
use mcekit::table::Register::{Misc, Status};
use mcekit::table::{
    Bank, Class, Cpu, Field, Group, Model, Place, Slot, Slots, Unit, When, bit, bits, code,
};
use mcekit::{Record, Vendor};

use super::{BUS_ERROR, MEMORY_ERROR};

const QPI: &[When] = &[BUS_ERROR];
pub(super) const INTERNAL: &[When] = &[When::Masked(Status, 0xefff, 0x0001)];
const MEMORY: &[When] = &[MEMORY_ERROR];

/// What went wrong inside the package.
pub(super) static INTERNAL_FIELDS: &[&Field] = &[
    &Field::codes("reserved bits 23:16", Status, bits(23, 16), &[]),
    &Field::codes(
        "internal error",
        Status,
        bits(31, 24),
        &[
            code(0x00, "no error"),
            code(0x03, "reset firmware did not finish").class(Class::Firmware),
            code(0x08, "an invalid CMPD was received").class(Class::Protocol),
            code(0x0a, "invalid power management request").class(Class::Power),
            code(0x0d, "invalid S-state transition").class(Class::Power),
            code(
                0x11,
                "the VID controller does not fit the POC controller that was selected",
            )
            .class(Class::Power),
            code(0x1a, "the MSID from POC does not fit that of the processor").class(Class::Power),
        ],
    ),
    &Field::hex("reserved bits 56:32", Status, bits(56, 32)).when(&[When::Not(
        Status,
        bits(56, 32),
        0,
    )]),
];

static GROUPS: &[Group] = &[
    Group::new(
        QPI,
        &[
            &Field::flag(
                Status,
                16,
                &[code(1, "QPI header with bad parity").class(Class::LinkCrc)],
            ),
            &Field::flag(
                Status,
                17,
                &[code(1, "QPI data packet with bad parity").class(Class::LinkCrc)],
            ),
            &Field::flag(
                Status,
                18,
                &[code(1, "too many QPI retries").class(Class::LinkFailure)],
            ),
            &Field::flag(
                Status,
                19,
                &[code(1, "QPI data packet that its sender poisoned").class(Class::Poison)],
            ),
            &Field::codes("reserved bits 21:20", Status, bits(21, 20), &[]),
            &Field::flag(
                Status,
                22,
                &[code(1, "unsupported QPI message encoding").class(Class::Protocol)],
            ),
            &Field::flag(
                Status,
                23,
                &[code(1, "unsupported QPI credit type").class(Class::Protocol)],
            ),
            &Field::flag(
                Status,
                24,
                &[code(
                    1,
                    "the sender sent more QPI flits than the receiver has credits for",
                )
                .class(Class::Protocol)],
            ),
            &Field::flag(
                Status,
                25,
                &[code(1, "the sender sent a failed response").class(Class::Protocol)],
            ),
            &Field::flag(
                Status,
                26,
                &[code(1, "clock jitter in the internal clock of QPI").class(Class::LinkFailure)],
            ),
            &Field::codes("reserved bits 31:27", Status, bits(31, 27), &[]),
            &Field::hex("QPI class and opcode", Misc, bits(7, 0)),
            &Field::hex("QPI request transaction id", Misc, bits(13, 8)),
            &Field::codes("MISC reserved bits 15:14", Misc, bits(15, 14), &[]),
            &Field::decimal("QPI requestor or home node id", Misc, bits(18, 16)),
            &Field::codes("MISC reserved bits 23:19", Misc, bits(23, 19), &[]),
            &Field::flag(Misc, 24, &[code(1, "QPI interleave or head indication")]),
        ],
    ),
    Group::new(INTERNAL, INTERNAL_FIELDS),
    Group::new(
        MEMORY,
        &[
            &Field::flag(
                Status,
                16,
                &[code(1, "ECC error of a memory read").class(Class::MemoryRead)],
            ),
            &Field::flag(
                Status,
                17,
                &[code(1, "ECC error during a scrub").class(Class::PatrolScrub)],
            ),
            &Field::flag(
                Status,
                18,
                &[code(1, "parity error of a memory write").class(Class::MemoryWrite)],
            ),
            &Field::flag(
                Status,
                19,
                &[code(1, "error in one half of redundant memory").class(Class::Mirror)],
            ),
            &Field::codes("reserved bit 20", Status, bit(20), &[]),
            &Field::flag(
                Status,
                21,
                &[code(1, "memory access out of range").class(Class::Protocol)],
            ),
            &Field::flag(
                Status,
                22,
                &[code(1, "invalid internal RTID").class(Class::Internal)],
            ),
            &Field::flag(
                Status,
                23,
                &[code(1, "address parity error").class(Class::AddressParity)],
            ),
            &Field::flag(
                Status,
                24,
                &[code(1, "byte enable parity error").class(Class::MemoryWrite)],
            ),
            &Field::codes("reserved bits 37:25", Status, bits(37, 25), &[]),
            &Field::decimal("corrected error count", Status, bits(52, 38)),
            &Field::codes("reserved bits 56:53", Status, bits(56, 53), &[]),
            &Field::hex("transaction tracker id", Misc, bits(7, 0)),
            &Field::decimal("DIMM", Misc, bits(17, 16)).at(Place::Dimm),
            &Field::decimal("channel", Misc, bits(19, 18)).at(Place::Channel),
            &Field::hex("ECC syndrome", Misc, bits(63, 32)),
        ],
    ),
];

static QPI_UNIT: Unit = Unit::new("QPI", "QuickPath interconnect", &[]).groups(GROUPS);
static CORE: Unit = Unit::new("core", "processor core and its caches", &[]).groups(GROUPS);
static INTERNAL_UNIT: Unit = Unit::new("PCU", "power control unit", &[]).groups(GROUPS);
static MEMORY_UNIT: Unit = Unit::new("iMC", "integrated memory controller", &[]).groups(GROUPS);
static UNCORE: Unit = Unit::new("uncore", "package outside of the cores", &[]).groups(GROUPS);

/// The channel and DIMM stand in MISC.
fn slots(record: &Record) -> Slots {
    let slot = match record.valid_misc() {
        Some(misc) => Slot {
            channel: Some((misc.0 >> 18 & 3) as u8),
            dimm: Some((misc.0 >> 16 & 3) as u8),
        },
        None => Slot {
            channel: ErrorCode::of(record).channel(),
            dimm: None,
        },
    };
    [Some(slot), None]
}

/// Nehalem and Westmere.
pub(crate) static MODEL: Model = Model::architectural(
    "nehalem",
    "Nehalem and Westmere (Xeon 5500, 5600, Core i3/i5/i7)",
    &[
        "westmere",
        "xeon5500",
        "xeon5600",
        "core_i3",
        "core_i5",
        "core_i7",
        "nehalem-ep",
        "westmere-ep",
    ],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x1a, "Nehalem-EP"),
        Cpu::new(6, 0x1e, "Nehalem (Lynnfield)"),
        Cpu::new(6, 0x1f, "Nehalem-G"),
        Cpu::new(6, 0x25, "Westmere (Clarkdale)"),
        Cpu::new(6, 0x2c, "Westmere-EP (Gulftown)"),
    ],
)
.with_banks(&[
    Bank::range(0, 1, &QPI_UNIT),
    Bank::range(2, 6, &CORE),
    Bank::new(7, &INTERNAL_UNIT),
    Bank::new(8, &MEMORY_UNIT),
    Bank::range(9, 31, &UNCORE),
])
.with_slots(slots);
