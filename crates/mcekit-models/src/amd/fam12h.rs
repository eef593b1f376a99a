//! Family 12h (BKDG 41131).
//!
//! Linux, drivers/edac/mce_amd.c (`f12h_mc0_mce`, `k8_mc1_mce`, `k8_mc2_mce`).

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
        &l::DC_FILL,
        &l::DC_ACCESS_OR_GENERIC,
        &l::UNKNOWN_TLB,
        &l::UNKNOWN_LEVEL_0,
        &l::UNKNOWN_LEVEL_3,
        &l::UNKNOWN_INTERNAL,
        &l::UNKNOWN_BUS,
        &l::UNKNOWN_CODE,
    ],
);

/// AMD family 12h.
pub(crate) static MODEL: Model = Model::architectural(
    "amd_fam12h",
    "AMD family 12h",
    &["llano", "family12h"],
    Vendor::AMD,
    &[Cpu::models(0x12, 0x00, 0xff, "Llano")],
)
.with_banks(&[
    Bank::new(0, &DATA_CACHE),
    Bank::new(1, &l::INSTRUCTION_CACHE),
    Bank::new(2, &l::BUS_UNIT),
    Bank::new(3, &l::LOAD_STORE),
    Bank::new(4, &l::NORTHBRIDGE),
    Bank::new(5, &l::EXECUTION4),
    Bank::new(6, &l::FLOATING_POINT4),
])
.with_common(&[&threshold::COUNT, &threshold::OVERFLOW, &threshold::LOCKED]);
