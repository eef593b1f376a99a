//! K8: family 0fh (BKDG 26094 and 32559).
//!
//! Linux, drivers/edac/mce_amd.c (`k8_mc0_mce` to `k8_mc2_mce`); mcelog, k8.c.

use super::legacy as l;
use mcekit::Vendor;
use mcekit::table::Class::MemoryRead;
use mcekit::table::{Bank, Cpu, Field, Model, Register, Unit, When, bit, code};

static DATA_CACHE: Unit = Unit::new(
    "DC",
    "Data Cache",
    &[
        &l::NUMBER4,
        &l::DATA_TLB,
        &l::DC_SYSTEM_FILL,
        &l::DC_SCRUB,
        &l::DC_FILL,
        &l::DC_ACCESS,
        &l::DC_SYNDROME_CORRECTED,
        &l::DC_SYNDROME_UNCORRECTED,
        &l::UNKNOWN_TLB,
        &l::UNKNOWN_LEVEL_0,
        &l::UNKNOWN_LEVEL_3,
        &l::UNKNOWN_INTERNAL,
        &l::UNKNOWN_CODE,
    ],
);
/// Only K8 tells a line fill by its address.
static SYSTEM_FILL: Field = l::codes(
    "instruction cache",
    bit(58),
    &[code(1, "while a line was filled from the system").class(MemoryRead)],
    &[l::BUS],
);
static NB_READ: Field = l::codes(
    "instruction cache",
    bit(11),
    &[code(1, "while data was read from the northbridge").class(MemoryRead)],
    &[l::BUS, When::Is(Register::Status, bit(58), 0)],
);
static INSTRUCTION_CACHE: Unit = Unit::new(
    "IC",
    "Instruction Cache",
    &[
        &l::NUMBER4,
        &l::INSTRUCTION_TLB,
        &SYSTEM_FILL,
        &NB_READ,
        &l::IC_FILL,
        &l::IC_ACCESS,
        &l::ASSERTION,
        &l::UNKNOWN_LEVEL_0,
        &l::UNKNOWN_LEVEL_3,
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
        &l::NB_SUBLINK,
        &l::NB_CORES,
    ],
);

/// AMD K8.
pub(crate) static MODEL: Model = Model::architectural(
    "k8",
    "AMD K8",
    &[
        "amd_fam0fh",
        "family0fh",
        "opteron",
        "athlon64",
        "turion64",
        "sempron64",
        "sledgehammer",
        "santa_rosa",
    ],
    Vendor::AMD,
    &[
        Cpu::models(0x0f, 0x00, 0x3f, "K8, revisions A to E"),
        Cpu::models(0x0f, 0x40, 0xff, "K8, revisions F and G"),
    ],
)
.with_banks(&[
    Bank::new(0, &DATA_CACHE),
    Bank::new(1, &INSTRUCTION_CACHE),
    Bank::new(2, &l::BUS_UNIT),
    Bank::new(3, &l::LOAD_STORE),
    Bank::new(4, &NORTHBRIDGE),
    Bank::new(5, &l::REORDER),
    Bank::new(6, &l::FLOATING_POINT4),
]);
