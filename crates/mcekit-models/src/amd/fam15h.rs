//! Family 15h below model 60h: Bulldozer, Piledriver, Steamroller (BKDG 42301, 42300, 49125).
//!
//! Linux, drivers/edac/mce_amd.c (`f15h_mc0_mce` to `f15h_mc2_mce`).

use super::fam15h_banks as banks;
use super::legacy as l;
use super::threshold;
use mcekit::Vendor;
use mcekit::table::{Bank, Cpu, Field, Model, Unit};

static DATA_CACHE_MEMORY: Field = banks::data_cache(l::XEC5);
static DATA_CACHE_BUS: Field = banks::data_cache_bus(l::XEC5);
static DATA_TLB: Field = banks::data_tlb(l::XEC5);
static INSTRUCTION_TLB: Field = banks::instruction_tlb(l::XEC5);
static INSTRUCTION_CACHE_MEMORY: Field = banks::instruction_cache(l::XEC5);
static CU_TLB: Field = banks::combined_unit_tlb(l::XEC5);
static CU_BUS: Field = banks::combined_unit_bus(l::XEC5);
static CU_MEMORY: Field = banks::combined_unit(l::XEC5);
static DATA_CACHE: Unit = Unit::new(
    "DC",
    "Data Cache",
    &[
        &l::NUMBER5,
        &DATA_TLB,
        &DATA_CACHE_MEMORY,
        &DATA_CACHE_BUS,
        &l::ASSERTION,
        &l::UNKNOWN_TLB,
        &l::UNKNOWN_CODE,
    ],
);
static INSTRUCTION_CACHE: Unit = Unit::new(
    "IC",
    "Instruction Cache",
    &[
        &l::NUMBER5,
        &INSTRUCTION_TLB,
        &l::IC_BUS,
        &INSTRUCTION_CACHE_MEMORY,
        &l::ASSERTION,
        &l::UNKNOWN_CODE,
    ],
);
static BUS_UNIT: Unit = Unit::new(
    "CU",
    "Combined Unit",
    &[
        &l::NUMBER5,
        &CU_TLB,
        &CU_BUS,
        &CU_MEMORY,
        &l::ASSERTION,
        &l::UNKNOWN_CODE,
    ],
);
static NORTHBRIDGE: Unit = Unit::new(
    "NB",
    "Northbridge",
    &[
        &l::NUMBER5,
        &l::NB_CODES_COMPUTE_UNIT,
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
        &l::NB_CORE,
    ],
);

/// AMD family 15h, models 00h to 5fh.
pub(crate) static MODEL: Model = Model::architectural(
    "amd_fam15h",
    "AMD family 15h, models 00h to 5fh",
    &[
        "bulldozer",
        "interlagos",
        "valencia",
        "zambezi",
        "piledriver",
        "abu_dhabi",
        "seoul",
        "delhi",
        "vishera",
        "trinity",
        "richland",
        "steamroller",
        "kaveri",
        "berlin",
        "family15h",
    ],
    Vendor::AMD,
    &[
        Cpu::models(0x15, 0x00, 0x01, "Bulldozer"),
        Cpu::models(0x15, 0x02, 0x2f, "Piledriver"),
        Cpu::models(0x15, 0x30, 0x5f, "Steamroller"),
    ],
)
.with_banks(&[
    Bank::new(0, &DATA_CACHE),
    Bank::new(1, &INSTRUCTION_CACHE),
    Bank::new(2, &BUS_UNIT),
    Bank::new(3, &l::RESERVED5),
    Bank::new(4, &NORTHBRIDGE),
    Bank::new(5, &l::EXECUTION5),
    Bank::new(6, &l::FLOATING_POINT5),
])
.with_common(&[&threshold::COUNT, &threshold::OVERFLOW, &threshold::LOCKED]);
