//! Xeon 7400 series, Dunnington (family 6 model 0x1d).
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family With `CPUID` `DisplayFamily_DisplayModel`
//! `06_1DH`": "Bus and Interconnect Errors" and the cache bus controller's codes.
//!
//! Bus errors other than 0xe0f are those of Core 2.

use mcekit::Vendor;
use mcekit::table::Register::Status;
use mcekit::table::{Bank, Class, Cpu, Field, Group, Model, Unit, bit, bits, code};

use super::core2;
use super::tulsa::{
    CORRECTABLE, FRONT, FSB, INTERNAL, OTHER, OTHER_BUS, OTHER_HIGH, UNCORRECTABLE, UNDOCUMENTED,
};

static CORE: Unit =
    Unit::new("core", "processor core, L3 cache and front side bus", &[]).groups(&[
        Group::new(
            FSB,
            &[
                &Field::flag(
                    Status,
                    16,
                    &[code(1, "parity error in the request phase of the FSB")
                        .class(Class::CommandAddressParity)],
                ),
                &Field::codes("reserved bits 19:17", Status, bits(19, 17), &[]),
                &Field::flag(
                    Status,
                    20,
                    &[code(1, "hard failure response to a local transaction")
                        .class(Class::Protocol)],
                ),
                &Field::flag(
                    Status,
                    21,
                    &[code(1, "parity error in the response field of the FSB")
                        .class(Class::Protocol)],
                ),
                &Field::flag(
                    Status,
                    22,
                    &[code(1, "parity error in data that came in").class(Class::Data)],
                ),
                &Field::codes("reserved bits 31:23", Status, bits(31, 23), &[]),
            ],
        ),
        Group::new(OTHER_BUS, core2::FSB),
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
                    code(0xa, "inclusion error from core 2").class(Class::Protocol),
                    code(0xb, "write exclusive error from core 2").class(Class::Protocol),
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
                    code(0x2, "internal time-out").class(Class::Timeout),
                    code(0x3, "internal time-out").class(Class::Timeout),
                    code(
                        0x4,
                        "cache safe technology: queue full, or disabled ways overflowed a set",
                    )
                    .class(Class::Internal),
                    code(0x5, "quiet cycle time-out, correctable").class(Class::Timeout),
                ],
            )],
        ),
        Group::new(
            CORRECTABLE,
            &[
                &Field::codes("reserved bit 16", Status, bit(16), &[]),
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
                &Field::flag(
                    Status,
                    19,
                    &[code(1, "correctable ECC error in data sent to core 2").class(Class::Data)],
                ),
            ],
        ),
        Group::new(
            UNCORRECTABLE,
            &[
                &Field::codes("reserved bit 16", Status, bit(16), &[]),
                &Field::flag(
                    Status,
                    17,
                    &[
                        code(1, "uncorrectable ECC error in data sent to core 0")
                            .class(Class::Data),
                    ],
                ),
                &Field::flag(
                    Status,
                    18,
                    &[
                        code(1, "uncorrectable ECC error in data sent to core 1")
                            .class(Class::Data),
                    ],
                ),
                &Field::flag(
                    Status,
                    19,
                    &[
                        code(1, "uncorrectable ECC error in data sent to core 2")
                            .class(Class::Data),
                    ],
                ),
            ],
        ),
        Group::new(OTHER, UNDOCUMENTED),
        Group::new(OTHER_HIGH, UNDOCUMENTED),
    ]);

/// Xeon 7400 series.
pub(crate) static MODEL: Model = Model::architectural(
    "dunnington",
    "Xeon 7400 series (Dunnington)",
    &["xeon7400", "xeon74xx"],
    Vendor::INTEL,
    &[Cpu::new(6, 0x1d, "Core 2 Dunnington")],
)
.with_banks(&[Bank::range(0, 31, &CORE)]);
