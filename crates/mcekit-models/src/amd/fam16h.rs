//! Family 16h (BKDG 48751 for models 00h-0fh, 52740 for 30h-3fh).
//!
//! Linux, drivers/edac/mce_amd.c (`cat_mc0_mce`, `cat_mc1_mce`, `f16h_mc2_mce`).

use super::legacy as l;
use super::threshold;
use mcekit::Vendor;
use mcekit::table::Class::{Data, Internal, Tag};
use mcekit::table::{Bank, Cpu, Field, Model, Unit, code};

static TLB_DATA: Field = l::codes("data TLB", l::XEC5, l::DATA_TLB_ROWS, l::DATA_TLB_WHEN);
static TLB_INSTRUCTION: Field = l::codes(
    "instruction TLB",
    l::XEC5,
    l::INSTRUCTION_TLB_ROWS,
    &[l::TLB],
);

static L2: Field = l::codes(
    "L2 cache",
    l::XEC5,
    &[
        code(
            0x04,
            "parity of the input buffer (reads) or output buffer (other requests)",
        )
        .class(Data),
        code(
            0x05,
            "parity of the input buffer (reads) or output buffer (other requests)",
        )
        .class(Data),
        code(0x09, "tag ECC").class(Tag),
        code(0x0a, "tag ECC").class(Tag),
        code(0x0b, "tag ECC").class(Tag),
        code(0x0d, "tag ECC").class(Tag),
        code(0x0e, "tag ECC").class(Tag),
        code(0x0f, "tag ECC").class(Tag),
        code(0x10, "data array ECC").class(Data),
        code(0x11, "data array ECC").class(Data),
        code(0x12, "data array ECC").class(Data),
        code(0x13, "data array ECC").class(Data),
        code(0x14, "data array ECC").class(Data),
        code(0x15, "data array ECC").class(Data),
        code(0x16, "data array ECC").class(Data),
        code(0x17, "data array ECC").class(Data),
        code(0x18, "data array ECC").class(Data),
        code(0x19, "data array ECC").class(Data),
        code(0x1b, "data array ECC").class(Data),
        code(0x1c, "parity of attribute bits").class(Internal),
        code(0x1d, "parity of attribute bits").class(Internal),
        code(0x1f, "parity of attribute bits").class(Internal),
    ],
    &[l::MEMORY],
)
.every();
static L2_REQUEST: Field = l::codes(
    "L2 request",
    l::REQUEST,
    &[
        code(0, "of a bank, or of attributes"),
        code(1, "read: hit where it was met in the data array, else fill"),
        code(2, "fill"),
        code(3, "fill"),
        code(4, "fill"),
        code(5, "fill"),
        code(6, "fill"),
        code(7, "victim"),
        code(8, "probe"),
    ],
    &[l::MEMORY],
);
static DATA_CACHE: Unit = Unit::new(
    "DC",
    "Data Cache",
    &[
        &l::NUMBER5,
        &TLB_DATA,
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
        &l::NUMBER5,
        &TLB_INSTRUCTION,
        &l::IC_BUS,
        &l::ASSERTION,
        &l::CAT_IC_FETCH,
        &l::CAT_IC_SNOOP,
        &l::CAT_IC_XEC5,
        &l::CAT_IC_OTHER_KIND,
        &l::UNKNOWN_CODE,
    ],
);
static BUS_UNIT: Unit = Unit::new(
    "L2",
    "L2 Cache",
    &[
        &l::NUMBER5,
        &L2,
        &L2_REQUEST,
        &l::UNKNOWN_TLB_LEVEL,
        &l::UNKNOWN_BUS,
        &l::UNKNOWN_INTERNAL,
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
        &l::NB_SUBLINK,
        &l::NB_CORE,
    ],
);

/// AMD family 16h.
pub(crate) static MODEL: Model = Model::architectural(
    "amd_fam16h",
    "AMD family 16h",
    &[
        "jaguar",
        "puma",
        "kabini",
        "temash",
        "kyoto",
        "beema",
        "mullins",
        "family16h",
    ],
    Vendor::AMD,
    &[
        Cpu::models(0x16, 0x00, 0x2f, "Jaguar"),
        Cpu::models(0x16, 0x30, 0xff, "Puma"),
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
