//! USB: HWID 0xaa, McaType 0.
//!
//! Source: rasdaemon 0.8 and Linux 6.1, `smca_usb_mce_desc`.

use mcekit::table::Class::{Data, Protocol};
use mcekit::table::{Field, Unit, code};

static USB_CODES: Field = super::codes(&[
    code(0x00, "S0 RAM 0: parity or ECC").class(Data),
    code(0x01, "S0 RAM 1: parity or ECC").class(Data),
    code(0x02, "S0 RAM 2: parity or ECC").class(Data),
    code(0x03, "PHY RAM 0: parity").class(Data),
    code(0x04, "PHY RAM 1: parity").class(Data),
    code(0x05, "AXI slave response").class(Protocol),
]);
/// USB Unit.
pub(super) static USB: Unit = Unit::new("USB", "USB Unit", &[&USB_CODES]);
