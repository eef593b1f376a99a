//! Core 2 and the Xeons of its time (family 6 models 0x0f, 0x16 and 0x17).
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Intel Core 2 Processor Family, Machine Error Codes For
//! Machine Check" (`CPUID` `DisplayFamily_DisplayModel` `06_0FH` and `06_17H`). The manual calls bits 44 to 46 and the syndrome reserved
//! here; processors were seen to set them as the P6 family does.

use mcekit::Vendor;
use mcekit::table::Register::Status;
use mcekit::table::{Bank, Class, Cpu, Field, Group, Model, Unit, bit, bits, code};

use super::p6;
use super::p6::BUS;

static MCE_DRIVEN: Field = Field::flag(
    Status,
    28,
    &[code(1, "this processor drove MCERR").class(Class::Protocol)],
);
static MCE_OBSERVED: Field = Field::flag(
    Status,
    29,
    &[code(1, "MCERR was seen on the bus").class(Class::Protocol)],
);
static BINIT_OBSERVED: Field = Field::flag(
    Status,
    31,
    &[code(1, "BINIT was seen on the bus").class(Class::Protocol)],
);
static RESERVED_33_32: Field = Field::codes("reserved bits 33:32", Status, bits(33, 32), &[]);
static DATA_PARITY: Field = Field::flag(
    Status,
    34,
    &[code(1, "data parity error of PIC or FSB").class(Class::Data)],
);
static RESERVED_35: Field = Field::codes("reserved bit 35", Status, bit(35), &[]);
static ADDRESS_PARITY: Field = Field::flag(
    Status,
    37,
    &[code(1, "address parity error of the FSB").class(Class::AddressParity)],
);

/// What the front side bus says, in the order of the register.
pub(super) static FSB: &[&Field] = &[
    &p6::RESERVED_18_16,
    &p6::REQUEST,
    &p6::ERROR,
    &MCE_DRIVEN,
    &MCE_OBSERVED,
    &p6::INTERNAL_BINIT,
    &BINIT_OBSERVED,
    &RESERVED_33_32,
    &DATA_PARITY,
    &RESERVED_35,
    &p6::RESPONSE_PARITY,
    &ADDRESS_PARITY,
    &p6::TIMEOUT_BINIT,
    &p6::RESERVED_41_39,
    &p6::HARD_ERROR,
    &p6::IERR,
    &p6::AERR,
    &p6::UECC,
    &p6::CECC,
    &p6::SYNDROME,
    &p6::RESERVED_56_55,
];

static CORE: Unit =
    Unit::new("core", "processor core and its front side bus", &[]).groups(&[Group::new(BUS, FSB)]);

/// Core 2.
pub(crate) static MODEL: Model = Model::architectural(
    "core2",
    "Core 2",
    &[
        "xeon3100",
        "xeon3200",
        "xeon5100",
        "xeon5200",
        "xeon7200",
        "Intel Core",
    ],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x0f, "Core 2 Merom"),
        Cpu::new(6, 0x16, "Core 2 Merom-L"),
        Cpu::new(6, 0x17, "Core 2 Penryn"),
    ],
)
.with_banks(&[Bank::range(0, 31, &CORE)]);
