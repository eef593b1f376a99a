//! SATA: HWID 0xa8, McaType 0.
//!
//! Source: rasdaemon 0.8 and Linux 6.1, `smca_sata_mce_desc`.

use mcekit::table::Class::Data;
use mcekit::table::{Field, Unit, code};

static SATA_CODES: Field = super::codes(&[
    code(0x00, "parity, port 0").class(Data),
    code(0x01, "parity, port 1").class(Data),
    code(0x02, "parity, port 2").class(Data),
    code(0x03, "parity, port 3").class(Data),
    code(0x04, "parity, port 4").class(Data),
    code(0x05, "parity, port 5").class(Data),
    code(0x06, "parity, port 6").class(Data),
    code(0x07, "parity, port 7").class(Data),
]);
/// SATA Unit.
pub(super) static SATA: Unit = Unit::new("SATA", "SATA Unit", &[&SATA_CODES]);
