//! Knights Landing (family 6 model 0x57) and Knights Mill (0x85).
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family with `CPUID` `DisplayFamily_DisplayModel`
//! `06_57H`": "Integrated Memory Controller Machine Check Errors" (MC7 to MC16).

use mcekit::arch::ErrorCode;
use mcekit::table::Register::{Misc, Status};
use mcekit::table::{
    Bank, Class, Cpu, Field, Group, Location, Model, Place, Unit, When, bit, bits, code,
};
use mcekit::{Record, Vendor};

use super::MEMORY_ERROR;

static PCU: Unit = Unit::new(
    "PCU",
    "power control unit and Ubox",
    &[
        &Field::joined(
            "internal error",
            Status,
            [bits(15, 13), bits(11, 0)],
            &[
                code(0x402, "PCU internal error").class(Class::Internal),
                code(0x403, "VCU internal error").class(Class::Internal),
                code(0x407, "other error of the Ubox").class(Class::Internal),
            ],
        )
        .named(),
        &Field::codes("mscod", Status, bits(31, 16), &[]),
    ],
);

static IMC: Unit = Unit::new(
    "iMC",
    "integrated memory controller or MCDRAM controller",
    &[
        &Field::joined(
            "internal error",
            Status,
            [bits(15, 13), bits(11, 0)],
            &[code(0x005, "internal parity error").class(Class::Internal)],
        )
        .named(),
        &Field::flag(
            Status,
            16,
            &[code(1, "command or address parity error").class(Class::CommandAddressParity)],
        ),
        &Field::flag(
            Status,
            17,
            &[
                code(1, "internal parity error outside of the write data buffer")
                    .class(Class::Internal),
            ],
        ),
        &Field::flag(
            Status,
            18,
            &[code(1, "internal parity error of the write data buffer").class(Class::MemoryWrite)],
        ),
        &Field::flag(
            Status,
            19,
            &[code(1, "correctable patrol scrub error").class(Class::PatrolScrub)],
        ),
        &Field::flag(
            Status,
            20,
            &[code(1, "uncorrectable patrol scrub error").class(Class::PatrolScrubUncorrected)],
        ),
        &Field::flag(
            Status,
            21,
            &[code(1, "correctable spare error").class(Class::Spare)],
        ),
        &Field::flag(
            Status,
            22,
            &[code(1, "uncorrectable spare error").class(Class::Spare)],
        ),
        &Field::flag(
            Status,
            23,
            &[code(
                1,
                "chip failure corrected (memory controller), or burst error of four bits (MCDRAM)",
            )
            .class(Class::MemoryRead)],
        ),
        &Field::codes("reserved bits 31:24", Status, bits(31, 24), &[]),
    ],
)
.groups(&[
    Group::new(
        &[
            When::Is(Misc, bit(62), 1),
            When::Is(Status, bit(61), 0),
            MEMORY_ERROR,
        ],
        &[&Field::decimal("failing rank of the first device", Misc, bits(50, 46)).at(Place::Rank)],
    ),
    Group::new(
        &[
            When::Is(Misc, bit(63), 1),
            When::Is(Status, bit(61), 0),
            MEMORY_ERROR,
        ],
        &[&Field::decimal(
            "failing rank of the second device",
            Misc,
            bits(55, 51),
        )],
    ),
]);

/// The controller of bank 15 has channels 3 to 5, that of bank 16 has channels 0 to 2.
fn locate(record: &Record, location: &mut Location) {
    if let (Some(15), Some(channel)) = (record.bank(), ErrorCode::of(record).channel()) {
        location.set(Place::Channel, u32::from(channel) + 3);
    }
}

/// Knights Landing and Knights Mill.
pub(crate) static MODEL: Model = Model::architectural(
    "knights_landing",
    "Knights Landing and Knights Mill (Xeon Phi)",
    &["knightsmill", "knl", "knm", "xeon-phi"],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x57, "Xeon Phi Knights Landing"),
        Cpu::new(6, 0x85, "Xeon Phi Knights Mill"),
    ],
)
.with_banks(&[Bank::new(5, &PCU), Bank::range(7, 16, &IMC)])
.with_locate(locate);
