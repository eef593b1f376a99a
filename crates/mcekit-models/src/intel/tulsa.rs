//! Xeon MP 7100 series, Tulsa (family 15 model 6).
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family 0FH", "Model-Specific Machine Check Error
//! Codes for the Intel Xeon Processor MP 7100 Series": tables for MCi_STATUS types A (L3), B and C (bus, interconnect and
//! cache bus controller).
//!
//! Cedar Mill and Dempsey have the same signature; bus errors other than 0xe0f are those of family 15.

use mcekit::Vendor;
use mcekit::table::Register::{Misc, Status};
use mcekit::table::{Bank, Class, Cpu, Field, Group, Model, Unit, When, bit, bits, code};

use super::BUS_ERROR;
use super::pentium4;

/// A bus error of the manual's own table: MCACOD 0xe0f.
pub(super) const FSB: &[When] = &[When::Is(Status, bits(15, 0), 0x0e0f)];
/// Any other bus error.
pub(super) const OTHER_BUS: &[When] = &[BUS_ERROR, When::Not(Status, bits(15, 0), 0x0e0f)];
/// An error inside the cache bus controller: MCACOD 0x400. The model-specific code is 0x000n.
pub(super) const FRONT: &[When] = &[
    When::Is(Status, bits(15, 0), 0x0400),
    When::Is(Status, bits(31, 20), 0x000),
];
/// The model-specific code is 0x0n00.
pub(super) const INTERNAL: &[When] = &[
    When::Is(Status, bits(15, 0), 0x0400),
    When::Is(Status, bits(23, 16), 0x00),
    When::Is(Status, bits(31, 28), 0x0),
];
/// The model-specific code is 0xc00n.
pub(super) const CORRECTABLE: &[When] = &[
    When::Is(Status, bits(15, 0), 0x0400),
    When::Is(Status, bits(31, 20), 0xc00),
];
/// The model-specific code is 0xe00n.
pub(super) const UNCORRECTABLE: &[When] = &[
    When::Is(Status, bits(15, 0), 0x0400),
    When::Is(Status, bits(31, 20), 0xe00),
];
/// The model-specific code is none of these.
pub(super) const OTHER: &[When] = &[
    When::Is(Status, bits(15, 0), 0x0400),
    When::Not(Status, bits(31, 20), 0x000),
    When::Not(Status, bits(31, 20), 0xc00),
    When::Not(Status, bits(31, 20), 0xe00),
    When::Not(Status, bits(23, 16), 0x00),
];
/// The model-specific code has its high bits set beyond 0x0n00.
pub(super) const OTHER_HIGH: &[When] = &[
    When::Is(Status, bits(15, 0), 0x0400),
    When::Is(Status, bits(23, 16), 0x00),
    When::Not(Status, bits(31, 28), 0x0),
    When::Not(Status, bits(31, 20), 0xc00),
    When::Not(Status, bits(31, 20), 0xe00),
];

/// The code that no table has.
pub(super) static UNDOCUMENTED: &[&Field] = &[&Field::codes("mscod", Status, bits(31, 16), &[])];

static CORE: Unit = Unit::new(
    "core",
    "processor core, L3 cache and front side bus",
    &[
        &Field::decimal("corrected events", Status, bits(39, 32)).nonzero(),
        &Field::hex("ECC syndrome", Status, bits(51, 44)).when(&[When::Is(Status, bit(52), 1)]),
        &Field::hex("MISC format", Status, bits(41, 40)).when(&[When::Is(Status, bit(59), 1)]),
        &Field::hex("MISC value", Misc, bits(63, 0)),
    ],
)
.groups(&[
    Group::new(
        FSB,
        &[
            &Field::flag(
                Status,
                16,
                &[code(1, "parity error in the request phase of the FSB")
                    .class(Class::CommandAddressParity)],
            ),
            &Field::flag(
                Status,
                17,
                &[code(1, "parity error in the address of a core 0 request")
                    .class(Class::AddressParity)],
            ),
            &Field::flag(
                Status,
                18,
                &[code(1, "parity error in the address of a core 1 request")
                    .class(Class::AddressParity)],
            ),
            &Field::codes("reserved bit 19", Status, bit(19), &[]),
            &Field::flag(
                Status,
                20,
                &[code(1, "parity error in the response field of the FSB").class(Class::Protocol)],
            ),
            &Field::flag(
                Status,
                21,
                &[code(1, "parity error in data that came in over the FSB").class(Class::Data)],
            ),
            &Field::flag(
                Status,
                22,
                &[code(1, "parity error in data from core 0").class(Class::Data)],
            ),
            &Field::flag(
                Status,
                23,
                &[code(1, "parity error in data from core 1").class(Class::Data)],
            ),
            &Field::flag(
                Status,
                24,
                &[code(1, "parity error of an enhanced defer, phase A or B")
                    .class(Class::Protocol)],
            ),
            &Field::flag(
                Status,
                25,
                &[
                    code(1, "ECC error in data that came in, correctable or not")
                        .class(Class::Data),
                ],
            ),
            &Field::flag(
                Status,
                26,
                &[
                    code(1, "data strobe glitch or sequencing error at the pads")
                        .class(Class::LinkFailure),
                ],
            ),
            &Field::flag(
                Status,
                27,
                &[
                    code(1, "request strobe glitch or sequencing error at the pads")
                        .class(Class::LinkFailure),
                ],
            ),
            &Field::codes("reserved bits 31:28", Status, bits(31, 28), &[]),
        ],
    ),
    Group::new(OTHER_BUS, pentium4::FSB),
    Group::new(
        FRONT,
        &[&Field::codes(
            "front-side error",
            Status,
            bits(19, 16),
            &[
                code(0x1, "inclusion error from core 0").class(Class::Protocol),
                code(0x2, "inclusion error from core 1").class(Class::Protocol),
                code(0x3, "write exclusive error from core 0").class(Class::Protocol),
                code(0x4, "write exclusive error from core 1").class(Class::Protocol),
                code(0x5, "inclusion error from the FSB").class(Class::Protocol),
                code(0x6, "snoop stall from the FSB").class(Class::Timeout),
                code(0x7, "write stall from the FSB").class(Class::Timeout),
                code(0x8, "FSB arbiter time-out").class(Class::Timeout),
                code(0x9, "underflow or overflow of the CBC's out-of-order queue")
                    .class(Class::Internal),
            ],
        )],
    ),
    Group::new(
        INTERNAL,
        &[&Field::codes(
            "internal error",
            Status,
            bits(27, 24),
            &[
                code(0x1, "error of enhanced SpeedStep, TM1 or TM2").class(Class::Power),
                code(0x2, "internal time-out").class(Class::Timeout),
                code(0x3, "internal time-out").class(Class::Timeout),
                code(
                    0x4,
                    "cache safe technology: queue full, or disabled ways overflowed a set",
                )
                .class(Class::Internal),
            ],
        )],
    ),
    Group::new(
        CORRECTABLE,
        &[
            &Field::flag(
                Status,
                16,
                &[code(1, "correctable ECC error in data sent out to the FSB").class(Class::Data)],
            ),
            &Field::flag(
                Status,
                17,
                &[code(1, "correctable ECC error in data sent to core 0").class(Class::Data)],
            ),
            &Field::flag(
                Status,
                18,
                &[code(1, "correctable ECC error in data sent to core 1").class(Class::Data)],
            ),
            &Field::codes("reserved bit 19", Status, bit(19), &[]),
        ],
    ),
    Group::new(
        UNCORRECTABLE,
        &[
            &Field::flag(
                Status,
                16,
                &[
                    code(1, "uncorrectable ECC error in data sent out to the FSB")
                        .class(Class::Data),
                ],
            ),
            &Field::flag(
                Status,
                17,
                &[code(1, "uncorrectable ECC error in data sent to core 0").class(Class::Data)],
            ),
            &Field::flag(
                Status,
                18,
                &[code(1, "uncorrectable ECC error in data sent to core 1").class(Class::Data)],
            ),
            &Field::codes("reserved bit 19", Status, bit(19), &[]),
        ],
    ),
    Group::new(OTHER, UNDOCUMENTED),
    Group::new(OTHER_HIGH, UNDOCUMENTED),
]);

/// Xeon MP 7100 series.
pub(crate) static MODEL: Model = Model::architectural(
    "tulsa",
    "Xeon MP 7100 series (Tulsa)",
    &["xeon7100", "xeon71xx"],
    Vendor::INTEL,
    &[Cpu::new(
        15,
        0x06,
        "Pentium 4 Cedar Mill, Xeon Dempsey, Tulsa",
    )],
)
.with_banks(&[Bank::range(0, 31, &CORE)]);
