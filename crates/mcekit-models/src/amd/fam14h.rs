//! Family 14h (BKDG 43170).
//!
//! Linux, drivers/edac/mce_amd.c (`cat_mc0_mce`, `cat_mc1_mce`, `k8_mc2_mce`).

use super::legacy as l;
use super::threshold;
use mcekit::Vendor;
use mcekit::table::{Bank, Cpu, Model, Unit};

static DATA_CACHE: Unit = Unit::new(
    "DC",
    "Data Cache",
    &[
        &l::NUMBER4,
        &l::DATA_TLB,
        &l::CAT_DC,
        &l::CAT_DC_MEMORY,
        &l::CAT_DC_IO,
        &l::CAT_DC_OTHER_KIND,
        &l::CAT_DC_OTHER_LEVEL,
        &l::CAT_DC_OTHER_BUS,
        &l::CAT_DC_OTHER_BUS_LEVEL,
        &l::UNKNOWN_TLB,
        &l::UNKNOWN_INTERNAL,
        &l::UNKNOWN_CODE,
    ],
);
static INSTRUCTION_CACHE: Unit = Unit::new(
    "IC",
    "Instruction Cache",
    &[
        &l::NUMBER4,
        &l::INSTRUCTION_TLB,
        &l::IC_BUS,
        &l::ASSERTION,
        &l::CAT_IC_FETCH,
        &l::CAT_IC_SNOOP,
        &l::CAT_IC_XEC4,
        &l::CAT_IC_OTHER_KIND,
        &l::UNKNOWN_CODE,
    ],
);

/// AMD family 14h.
pub(crate) static MODEL: Model = Model::architectural(
    "amd_fam14h",
    "AMD family 14h",
    &["bobcat", "ontario", "zacate", "desna", "family14h"],
    Vendor::AMD,
    &[Cpu::models(0x14, 0x00, 0xff, "Bobcat")],
)
.with_banks(&[
    Bank::new(0, &DATA_CACHE),
    Bank::new(1, &INSTRUCTION_CACHE),
    Bank::new(2, &l::BUS_UNIT),
    Bank::new(3, &l::RESERVED4),
    Bank::new(4, &l::NORTHBRIDGE),
    Bank::new(5, &l::EXECUTION4),
    Bank::new(6, &l::FLOATING_POINT4),
])
.with_common(&[&threshold::COUNT, &threshold::OVERFLOW, &threshold::LOCKED]);
