//! Family 10h (BKDG 31116).
//!
//! Linux, drivers/edac/mce_amd.c (`f10h_mc0_mce`, `k8_mc1_mce`, `k8_mc2_mce`).

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
        &l::DC_SCRUB,
        &l::DC_FILL,
        &l::DC_ACCESS,
        &l::UNKNOWN_TLB,
        &l::UNKNOWN_LEVEL_0,
        &l::UNKNOWN_LEVEL_3,
        &l::UNKNOWN_INTERNAL,
        &l::UNKNOWN_BUS,
        &l::UNKNOWN_CODE,
    ],
);
static NORTHBRIDGE: Unit = Unit::new(
    "NB",
    "Northbridge",
    &[
        &l::NUMBER5,
        &l::NB_CODES,
        &l::NB_GART_WALK,
        &l::NB_DEV_WALK,
        &l::NB_MEMORY_WALK,
        &l::NB_INTERNAL_WALK,
        &l::NB_UNKNOWN_WALK,
        &l::NB_ECC_SYNDROME,
        &l::NB_CHIPKILL_SYNDROME,
        &l::NB_LINK_1,
        &l::NB_LINK_2_3,
        &l::NB_LINK_4_6,
        &l::NB_SUBCACHE,
        &l::NB_SUBLINK,
        &l::NB_CORES,
    ],
);

/// AMD family 10h.
pub(crate) static MODEL: Model = Model::architectural(
    "amd_fam10h",
    "AMD family 10h",
    &[
        "k10",
        "barcelona",
        "shanghai",
        "istanbul",
        "magny_cours",
        "lisbon",
        "phenom",
        "phenom_ii",
        "athlon_ii",
        "family10h",
    ],
    Vendor::AMD,
    &[Cpu::models(0x10, 0x00, 0xff, "K10")],
)
.with_banks(&[
    Bank::new(0, &DATA_CACHE),
    Bank::new(1, &l::INSTRUCTION_CACHE),
    Bank::new(2, &l::BUS_UNIT),
    Bank::new(3, &l::LOAD_STORE),
    Bank::new(4, &NORTHBRIDGE),
    Bank::new(5, &l::EXECUTION4),
    Bank::new(6, &l::FLOATING_POINT4),
])
.with_common(&[&threshold::COUNT, &threshold::OVERFLOW, &threshold::LOCKED]);
