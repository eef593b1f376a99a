//! Nehalem-EX and Westmere-EX: Xeon 6500, 7500 and E7 (family 6 models 0x2e and 0x2f).
//!
//! The internal errors are those of Nehalem (Intel SDM vol. 3B, `06_1AH`, "Internal Machine Check Errors"); nothing else
//! was published.

use mcekit::Vendor;
use mcekit::table::{Bank, Cpu, Group, Model, Unit};

use super::nehalem::{INTERNAL, INTERNAL_FIELDS};

static ANY: Unit = Unit::new("any", "unit that the manual does not name", &[])
    .groups(&[Group::new(INTERNAL, INTERNAL_FIELDS)]);

/// Nehalem-EX and Westmere-EX.
pub(crate) static MODEL: Model = Model::architectural(
    "nehalem_ex",
    "Nehalem-EX and Westmere-EX (Xeon 7500, E7)",
    &["xeon7500", "xeon75xx", "westmere-ex"],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x2e, "Nehalem-EX"),
        Cpu::new(6, 0x2f, "Westmere-EX"),
    ],
)
.with_banks(&[Bank::range(0, 31, &ANY)]);
