//! Instruction fetch unit: HWID 0xb0, McaType 1.
//!
//! Register: `MCA_STATUS_IF` in the PPR of each family. Codes: Linux 6.1 (drivers/edac/mce_amd.c)
//! and rasdaemon 0.8.5 (mce-amd-smca.c).

use mcekit::table::Class::{Data, Internal, MemoryRead, Poison, Tag};
use mcekit::table::{Field, Unit, code};

static IF_CODES: Field = super::codes(&[
    code(0x00, "op cache microtag, probe port parity").class(Tag),
    code(
        0x01,
        "instruction cache microtag or full tag: more than one way hit",
    )
    .class(Tag),
    code(0x02, "instruction cache full tag parity").class(Tag),
    code(0x03, "instruction cache data array parity").class(Data),
    code(0x04, "prediction queue (PRQ) physical address parity").class(Internal),
    code(0x05, "L0 instruction TLB parity").class(Tag),
    code(0x06, "L1 instruction TLB parity").class(Tag),
    code(0x07, "L2 instruction TLB parity").class(Tag),
    code(0x08, "BPQ snoop parity, thread 0").class(Internal),
    code(0x09, "BPQ snoop parity, thread 1").class(Internal),
    code(0x0a, "L1 branch target buffer: more than one match").class(Tag),
    code(0x0b, "L2 branch target buffer: more than one match").class(Tag),
    code(0x0c, "poison in a response of the L2 cache").class(Poison),
    code(0x0d, "system read data error").class(MemoryRead),
    code(0x0e, "hardware assertion").class(Internal),
    code(0x0f, "L1 TLB: more than one entry hit").class(Tag),
    code(0x10, "L2 TLB: more than one entry hit").class(Tag),
    code(0x11, "BSR parity").class(Internal),
    code(0x12, "CT machine check").class(Internal),
]);
/// Instruction Fetch Unit.
pub(super) static IF: Unit = Unit::new("IF", "Instruction Fetch Unit", &[&IF_CODES]);
