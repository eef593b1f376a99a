//! Decode unit: HWID 0xb0, McaType 3.
//!
//! Register: `MCA_STATUS_DE` in the PPR of each family. Codes: Linux 6.1 (drivers/edac/mce_amd.c)
//! and rasdaemon 0.8.5 (mce-amd-smca.c).

use mcekit::table::Class::{Data, Internal, Tag};
use mcekit::table::{Field, Unit, code};

static DE_CODES: Field = super::codes(&[
    code(0x00, "op cache tag array parity").class(Tag),
    code(0x01, "op cache data array parity").class(Data),
    code(0x02, "instruction byte buffer (IBB) parity").class(Internal),
    code(0x03, "micro-op queue parity").class(Internal),
    code(0x04, "instruction dispatch queue parity").class(Internal),
    code(0x05, "fetch address FIFO parity").class(Internal),
    code(0x06, "patch RAM data parity").class(Internal),
    code(0x07, "patch RAM sequencer parity").class(Internal),
    code(0x08, "micro-op fetch queue parity").class(Internal),
    code(0x09, "hardware assertion").class(Internal),
]);
/// Decode Unit.
pub(super) static DE: Unit = Unit::new("DE", "Decode Unit", &[&DE_CODES]);
