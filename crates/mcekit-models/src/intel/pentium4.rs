//! Pentium 4 and the Xeons of its time (family 15).
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family 0FH, Machine Error Codes For Machine
//! Check", table "Incremental Decoding Information for Family 0FH Machine Error Codes".

use mcekit::Vendor;
use mcekit::table::Register::Status;
use mcekit::table::{Bank, Class, Cpu, Field, Group, Model, Unit, When, bits, code};

use super::BUS_ERROR;

const BUS: &[When] = &[BUS_ERROR];

/// What the front side bus says, in the order of the register.
pub(super) static FSB: &[&Field] = &[
    &Field::flag(
        Status,
        16,
        &[code(1, "address parity error of the FSB").class(Class::AddressParity)],
    ),
    &Field::flag(
        Status,
        17,
        &[code(1, "hard failure response on the FSB").class(Class::Protocol)],
    ),
    &Field::flag(
        Status,
        18,
        &[code(1, "parity error of a response on the FSB").class(Class::Protocol)],
    ),
    &Field::flag(
        Status,
        19,
        &[code(1, "data parity error of PIC or FSB").class(Class::Data)],
    ),
    &Field::flag(
        Status,
        20,
        &[code(1, "invalid PIC request (signature 0xf04)").class(Class::Protocol)],
    ),
    &Field::flag(
        Status,
        21,
        &[code(1, "pad state machine error").class(Class::Internal)],
    ),
    &Field::flag(
        Status,
        22,
        &[code(1, "glitch on a data strobe of the pads").class(Class::LinkFailure)],
    ),
    &Field::flag(
        Status,
        23,
        &[code(1, "glitch on an address strobe of the pads").class(Class::LinkFailure)],
    ),
    &Field::codes("reserved bits 31:24", Status, bits(31, 24), &[]),
];

static CORE: Unit =
    Unit::new("core", "processor core and its front side bus", &[]).groups(&[Group::new(BUS, FSB)]);

/// Willamette to Cedar Mill.
pub(crate) static MODEL: Model = Model::architectural(
    "pentium4",
    "Pentium 4",
    &["p4", "xeon5000", "NetBurst"],
    Vendor::INTEL,
    &[
        Cpu::models(15, 0x00, 0x01, "Pentium 4 Willamette"),
        Cpu::new(15, 0x02, "Pentium 4 Northwood"),
        Cpu::new(15, 0x03, "Pentium 4 Prescott"),
        Cpu::new(15, 0x04, "Pentium 4 Prescott-2M"),
        Cpu::new(15, 0x05, "Pentium 4 (model 5)"),
        Cpu::models(15, 0x07, 0xff, "Pentium 4 (later models)"),
    ],
)
.with_banks(&[Bank::range(0, 31, &CORE)]);
