//! Northbridge I/O: HWID 0x18, McaType 0.
//!
//! Register: `MCA_STATUS_NBIO` in the PPR of each family. Codes: Linux 6.1 (drivers/edac/mce_amd.c)
//! and rasdaemon 0.8.5 (mce-amd-smca.c).

use mcekit::table::Class::{Data, Internal, Poison, Protocol};
use mcekit::table::{Field, Unit, code};

static NBIO_CODES: Field = super::codes(&[
    code(0x00, "ECC or parity").class(Data),
    code(0x01, "PCIe error").class(Protocol),
    code(
        0x02,
        "error event from outside on the scalable data port (SDP)",
    )
    .class(Protocol),
    code(0x03, "poison leaving through the scalable data port (SDP)").class(Poison),
    code(0x04, "poison inside of the I/O hub").class(Poison),
    code(0x05, "fatal error event inside of the system").class(Internal),
]);
/// Northbridge IO Unit.
pub(super) static NBIO: Unit = Unit::new("NBIO", "Northbridge IO Unit", &[&NBIO_CODES]);
