//! Microprocessor 5 unit: HWID 0x01, McaType 2.
//!
//! Register: `MCA_STATUS_MP5` in the PPR of each family. Codes: Linux 6.1 (drivers/edac/mce_amd.c)
//! and rasdaemon 0.8.5 (mce-amd-smca.c); code 10 from AMD's list for family 1ah.

use mcekit::table::Class::{Data, Tag};
use mcekit::table::{Field, Unit, code};

static MP5_CODES: Field = super::codes(&[
    code(0x00, "SRAM, high half: ECC or parity").class(Data),
    code(0x01, "SRAM, low half: ECC or parity").class(Data),
    code(0x02, "data cache, bank A: ECC or parity").class(Data),
    code(0x03, "data cache, bank B: ECC or parity").class(Data),
    code(0x04, "data tag cache, bank A: ECC or parity").class(Tag),
    code(0x05, "data tag cache, bank B: ECC or parity").class(Tag),
    code(0x06, "instruction cache, bank A: ECC or parity").class(Data),
    code(0x07, "instruction cache, bank B: ECC or parity").class(Data),
    code(0x08, "instruction tag cache, bank A: ECC or parity").class(Tag),
    code(0x09, "instruction tag cache, bank B: ECC or parity").class(Tag),
    code(0x0a, "fuse SRAM: ECC or parity").class(Data),
]);
/// Microprocessor 5 Unit.
pub(super) static MP5: Unit = Unit::new("MP5", "Microprocessor 5 Unit", &[&MP5_CODES]);
