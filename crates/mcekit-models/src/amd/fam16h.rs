//! Family 16h (BKDG 48751 for models 00h-0fh, 52740 for 30h-3fh).
//!
//! Linux, drivers/edac/mce_amd.c (`cat_mc0_mce`, `cat_mc1_mce`, `f16h_mc2_mce`).

use super::legacy as l;
use super::threshold;
use mcekit::Vendor;
use mcekit::table::Class::{Data, Internal, Tag};
use mcekit::table::{Bank, Cpu, Field, Model, Register, Unit, When, bits, code};

static TLB_DATA: Field = l::codes("data TLB", l::XEC5, l::DATA_TLB_ROWS, l::DATA_TLB_WHEN);
static TLB_INSTRUCTION: Field = l::codes(
    "instruction TLB",
    l::XEC5,
    l::INSTRUCTION_TLB_ROWS,
    &[l::TLB],
);

const fn l2(rows: &'static [mcekit::table::Code], when: &'static [When]) -> Field {
    l::codes("L2 cache", l::REQUEST, rows, when)
}
const fn xec(low: u64, high: u64) -> When {
    When::Within(Register::Status, l::XEC5, low, high)
}
static BUFFER: Field = l2(
    &[code(1, "parity of the input buffer").class(Data)],
    &[
        l::MEMORY,
        xec(0x04, 0x05),
        When::Within(Register::Status, l::REQUEST, 1, 1),
    ],
);
static BUFFER_OUT: Field = l2(
    &[
        code(0, "parity of the output buffer").class(Data),
        code(2, "parity of the output buffer").class(Data),
        code(3, "parity of the output buffer").class(Data),
        code(4, "parity of the output buffer").class(Data),
        code(5, "parity of the output buffer").class(Data),
        code(6, "parity of the output buffer").class(Data),
        code(7, "parity of the output buffer").class(Data),
        code(8, "parity of the output buffer").class(Data),
    ],
    &[
        l::MEMORY,
        xec(0x04, 0x05),
        When::Not(Register::Status, l::REQUEST, 1),
    ],
);
static TAG_LOW: Field = l2(
    &[
        code(0, "tag ECC, bank request").class(Tag),
        code(1, "tag ECC, fill").class(Tag),
        code(2, "tag ECC, fill").class(Tag),
        code(3, "tag ECC, fill").class(Tag),
        code(4, "tag ECC, fill").class(Tag),
        code(5, "tag ECC, fill").class(Tag),
        code(6, "tag ECC, fill").class(Tag),
        code(7, "tag ECC, fill").class(Tag),
        code(8, "tag ECC, probe").class(Tag),
    ],
    &[l::MEMORY, xec(0x09, 0x0b)],
);
static TAG_HIGH: Field = l2(
    &[
        code(0, "tag ECC, bank request").class(Tag),
        code(1, "tag ECC, fill").class(Tag),
        code(2, "tag ECC, fill").class(Tag),
        code(3, "tag ECC, fill").class(Tag),
        code(4, "tag ECC, fill").class(Tag),
        code(5, "tag ECC, fill").class(Tag),
        code(6, "tag ECC, fill").class(Tag),
        code(7, "tag ECC, fill").class(Tag),
        code(8, "tag ECC, probe").class(Tag),
    ],
    &[l::MEMORY, xec(0x0d, 0x0f)],
);
static DATA_HIT: Field = l2(
    &[code(1, "data array ECC, hit").class(Data)],
    &[
        l::MEMORY,
        xec(0x10, 0x18),
        When::Masked(Register::Status, 0x3 << 16, 0),
        When::Within(Register::Status, l::REQUEST, 1, 1),
    ],
);
static DATA: Field = l2(
    &[
        code(0, "data array ECC, attributes").class(Data),
        code(2, "data array ECC, fill").class(Data),
        code(3, "data array ECC, fill").class(Data),
        code(4, "data array ECC, fill").class(Data),
        code(5, "data array ECC, fill").class(Data),
        code(6, "data array ECC, fill").class(Data),
        code(7, "data array ECC, victim").class(Data),
        code(8, "data array ECC, fill").class(Data),
    ],
    &[
        l::MEMORY,
        xec(0x10, 0x19),
        When::Not(Register::Status, l::REQUEST, 1),
    ],
);
static DATA_READ_FILL: Field = l2(
    &[code(1, "data array ECC, fill").class(Data)],
    &[
        l::MEMORY,
        xec(0x10, 0x19),
        When::Not(Register::Status, bits(17, 16), 0),
        When::Within(Register::Status, l::REQUEST, 1, 1),
    ],
);
static DATA_LAST: Field = l2(
    &[
        code(0, "data array ECC, attributes").class(Data),
        code(1, "data array ECC, fill").class(Data),
        code(2, "data array ECC, fill").class(Data),
        code(3, "data array ECC, fill").class(Data),
        code(4, "data array ECC, fill").class(Data),
        code(5, "data array ECC, fill").class(Data),
        code(6, "data array ECC, fill").class(Data),
        code(7, "data array ECC, victim").class(Data),
        code(8, "data array ECC, fill").class(Data),
    ],
    &[l::MEMORY, xec(0x1b, 0x1b)],
);
static ATTRIBUTES: Field = l2(
    &[
        code(0, "attribute parity, attributes").class(Internal),
        code(1, "attribute parity, hit").class(Internal),
        code(2, "attribute parity, fill").class(Internal),
        code(3, "attribute parity, fill").class(Internal),
        code(4, "attribute parity, fill").class(Internal),
        code(5, "attribute parity, fill").class(Internal),
        code(6, "attribute parity, fill").class(Internal),
        code(7, "attribute parity, fill").class(Internal),
        code(8, "attribute parity, fill").class(Internal),
    ],
    &[l::MEMORY, xec(0x1c, 0x1d)],
);
static ATTRIBUTES_LAST: Field = l2(
    &[
        code(0, "attribute parity, attributes").class(Internal),
        code(1, "attribute parity, hit").class(Internal),
        code(2, "attribute parity, fill").class(Internal),
        code(3, "attribute parity, fill").class(Internal),
        code(4, "attribute parity, fill").class(Internal),
        code(5, "attribute parity, fill").class(Internal),
        code(6, "attribute parity, fill").class(Internal),
        code(7, "attribute parity, fill").class(Internal),
        code(8, "attribute parity, fill").class(Internal),
    ],
    &[l::MEMORY, xec(0x1f, 0x1f)],
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
    ],
);
static BUS_UNIT: Unit = Unit::new(
    "L2",
    "L2 Cache",
    &[
        &l::NUMBER5,
        &BUFFER,
        &BUFFER_OUT,
        &TAG_LOW,
        &TAG_HIGH,
        &DATA_HIT,
        &DATA,
        &DATA_READ_FILL,
        &DATA_LAST,
        &ATTRIBUTES,
        &ATTRIBUTES_LAST,
    ],
);
static NORTHBRIDGE: Unit = Unit::new(
    "NB",
    "Northbridge",
    &[
        &l::NUMBER5,
        &l::NB_DRAM_ECC,
        &l::NB_LOW,
        &l::NB_GART_WALK,
        &l::NB_DEV_WALK,
        &l::NB_COMPUTE_UNIT,
        &l::NB_ECC_SYNDROME,
        &l::NB_CHIPKILL_SYNDROME,
        &l::NB_LINK,
        &l::NB_LINK_RMW,
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
