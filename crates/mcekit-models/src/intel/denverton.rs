//! Denverton: Atom C3000 (family 6 model 0x5f).
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family with `CPUID` `DisplayFamily_DisplayModel`
//! `06_5FH`": "Integrated Memory Controller Machine Check Errors" (MC6, MC7).

use mcekit::Vendor;
use mcekit::table::Register::Status;
use mcekit::table::{Bank, Class, Cpu, Field, Model, Unit, bits, code};

static IMC: Unit = Unit::new(
    "iMC",
    "integrated memory controller",
    &[
        &Field::flag(
            Status,
            16,
            &[code(1, "command or address parity error").class(Class::CommandAddressParity)],
        ),
        &Field::flag(
            Status,
            17,
            &[code(1, "corrected error of a demand read or patrol scrub")
                .class(Class::PatrolScrub)],
        ),
        &Field::flag(
            Status,
            18,
            &[code(1, "uncorrected patrol scrub error").class(Class::PatrolScrubUncorrected)],
        ),
        &Field::flag(
            Status,
            19,
            &[code(1, "uncorrected demand read error").class(Class::MemoryRead)],
        ),
        &Field::flag(
            Status,
            20,
            &[code(1, "ECC error reading the write data buffer").class(Class::MemoryWrite)],
        ),
        &Field::codes("reserved bits 31:21", Status, bits(31, 21), &[]),
    ],
);

/// Denverton.
pub(crate) static MODEL: Model = Model::architectural(
    "denverton",
    "Denverton (Atom C3000)",
    &["goldmont_d"],
    Vendor::INTEL,
    &[Cpu::new(6, 0x5f, "Atom Goldmont-D")],
)
.with_banks(&[Bank::range(6, 7, &IMC)]);
