//! P6 family processors: Pentium Pro, II, III, M and the Xeons of their time (family 6 models 0 to 0x0e).
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family 06H, Machine Error Codes For Machine
//! Check", table "Incremental Decoding Information for Family 06H Machine Error Codes".

use mcekit::Vendor;
use mcekit::table::Register::Status;
use mcekit::table::{Bank, Class, Code, Cpu, Field, Group, Model, Unit, When, bit, bits, code};

use super::BUS_ERROR;

/// Model-specific bits are those of bus errors.
pub(super) const BUS: &[When] = &[BUS_ERROR];

/// Bits 24:19: the request that the bus queue held.
static REQUEST_TYPE: &[Code] = &[
    code(0b000000, "BQ_DCU_READ_TYPE"),
    code(0b000010, "BQ_IFU_DEMAND_TYPE"),
    code(0b000011, "BQ_IFU_DEMAND_NC_TYPE"),
    code(0b000100, "BQ_DCU_RFO_TYPE"),
    code(0b000101, "BQ_DCU_RFO_LOCK_TYPE"),
    code(0b000110, "BQ_DCU_ITOM_TYPE"),
    code(0b001000, "BQ_DCU_WB_TYPE"),
    code(0b001010, "BQ_DCU_WCEVICT_TYPE"),
    code(0b001011, "BQ_DCU_WCLINE_TYPE"),
    code(0b001100, "BQ_DCU_BTM_TYPE"),
    code(0b001101, "BQ_DCU_INTACK_TYPE"),
    code(0b001110, "BQ_DCU_INVALL2_TYPE"),
    code(0b001111, "BQ_DCU_FLUSHL2_TYPE"),
    code(0b010000, "BQ_DCU_PART_RD_TYPE"),
    code(0b010010, "BQ_DCU_PART_WR_TYPE"),
    code(0b010100, "BQ_DCU_SPEC_CYC_TYPE"),
    code(0b011000, "BQ_DCU_IO_RD_TYPE"),
    code(0b011001, "BQ_DCU_IO_WR_TYPE"),
    code(0b011100, "BQ_DCU_LOCK_RD_TYPE"),
    code(0b011101, "BQ_DCU_LOCK_WR_TYPE"),
    code(0b011110, "BQ_DCU_SPLOCK_RD_TYPE"),
];

/// Bits 27:25: what went wrong with it.
static ERROR_TYPE: &[Code] = &[
    code(0b000, "BQ_ERR_HARD_TYPE"),
    code(0b001, "BQ_ERR_DOUBLE_TYPE"),
    code(0b010, "BQ_ERR_AERR2_TYPE"),
    code(0b100, "BQ_ERR_SINGLE_TYPE"),
    code(0b101, "BQ_ERR_AERR1_TYPE"),
];

pub(super) static REQUEST: Field =
    Field::codes("bus queue request type", Status, bits(24, 19), REQUEST_TYPE);
pub(super) static ERROR: Field =
    Field::codes("bus queue error type", Status, bits(27, 25), ERROR_TYPE);
pub(super) static RESERVED_18_16: Field =
    Field::codes("reserved bits 18:16", Status, bits(18, 16), &[]);
pub(super) static INTERNAL_BINIT: Field = Field::flag(
    Status,
    30,
    &[code(1, "this processor issued BINIT").class(Class::Protocol)],
);
pub(super) static RESPONSE_PARITY: Field = Field::flag(
    Status,
    36,
    &[code(1, "parity error on the response to a bus transaction").class(Class::Data)],
);
pub(super) static TIMEOUT_BINIT: Field = Field::flag(
    Status,
    38,
    &[code(
        1,
        "BINIT after a ROB time-out: no micro-instruction retired in time",
    )
    .class(Class::Timeout)],
);
pub(super) static RESERVED_41_39: Field =
    Field::codes("reserved bits 41:39", Status, bits(41, 39), &[]);
pub(super) static HARD_ERROR: Field = Field::flag(
    Status,
    42,
    &[code(1, "hard error response to a bus transaction").class(Class::Protocol)],
);
pub(super) static IERR: Field = Field::flag(
    Status,
    43,
    &[code(1, "the failure asserted IERR").class(Class::Internal)],
);
pub(super) static AERR: Field = Field::flag(
    Status,
    44,
    &[code(
        1,
        "address parity error (AERR) on both tries of a bus transaction",
    )
    .class(Class::AddressParity)],
);
pub(super) static UECC: Field = Field::flag(
    Status,
    45,
    &[code(1, "uncorrectable ECC error").class(Class::Data)],
);
pub(super) static CECC: Field = Field::flag(
    Status,
    46,
    &[code(1, "correctable ECC error").class(Class::Data)],
);
pub(super) static SYNDROME: Field = Field::hex("ECC syndrome", Status, bits(54, 47)).nonzero();
pub(super) static RESERVED_56_55: Field =
    Field::codes("reserved bits 56:55", Status, bits(56, 55), &[]);

static FRC: Field = Field::flag(
    Status,
    28,
    &[code(1, "functional redundancy check error").class(Class::Internal)],
);
static BERR: Field = Field::flag(
    Status,
    29,
    &[code(1, "this processor drove BERR").class(Class::Protocol)],
);
static RESERVED_31: Field = Field::codes("reserved bit 31", Status, bit(31), &[]);
static RESERVED_34_32: Field = Field::codes("reserved bits 34:32", Status, bits(34, 32), &[]);
static EXTERNAL_BINIT: Field = Field::flag(
    Status,
    35,
    &[code(1, "BINIT came from the external bus").class(Class::Protocol)],
);
static BUS_BINIT: Field = Field::flag(
    Status,
    37,
    &[code(
        1,
        "BINIT after a hard error response to a split transaction",
    )
    .class(Class::Protocol)],
);

static FIELDS: &[&Field] = &[
    &RESERVED_18_16,
    &REQUEST,
    &ERROR,
    &FRC,
    &BERR,
    &INTERNAL_BINIT,
    &RESERVED_31,
    &RESERVED_34_32,
    &EXTERNAL_BINIT,
    &RESPONSE_PARITY,
    &BUS_BINIT,
    &TIMEOUT_BINIT,
    &RESERVED_41_39,
    &HARD_ERROR,
    &IERR,
    &AERR,
    &UECC,
    &CECC,
    &SYNDROME,
    &RESERVED_56_55,
];

static CORE: Unit =
    Unit::new("core", "processor core and its bus", &[]).groups(&[Group::new(BUS, FIELDS)]);

/// Pentium Pro to Yonah.
pub(crate) static MODEL: Model = Model::architectural(
    "p6",
    "P6 family",
    &["p6old", "Pentium II", "Pentium III", "Pentium M"],
    Vendor::INTEL,
    &[
        Cpu::models(6, 0x00, 0x02, "Pentium Pro"),
        Cpu::models(6, 0x03, 0x04, "Pentium II Klamath"),
        Cpu::models(6, 0x05, 0x06, "Pentium II Deschutes"),
        Cpu::models(6, 0x07, 0x08, "Pentium III Katmai, Coppermine"),
        Cpu::new(6, 0x09, "Pentium M Banias"),
        Cpu::new(6, 0x0a, "Pentium III Xeon"),
        Cpu::models(6, 0x0b, 0x0c, "Pentium III Tualatin"),
        Cpu::new(6, 0x0d, "Pentium M Dothan"),
        Cpu::new(6, 0x0e, "Core Yonah"),
    ],
)
.with_banks(&[Bank::range(0, 31, &CORE)]);
