//! Northbridge interface (HWID 0x6c) and system hub (HWID 0x80), McaType 0. AMD lists the same codes for both.
//!
//! Source: rasdaemon 0.8 and Linux 6.1, `smca_nbif_mce_desc`.

use mcekit::table::Class::{Data, Protocol, Timeout};
use mcekit::table::{Field, Unit, code};

static NBIF_CODES: Field = super::codes(&[
    code(0x00, "time-out reported by GMI").class(Timeout),
    code(0x01, "SRAM: ECC").class(Data),
    code(0x02, "NTB error event").class(Protocol),
    code(0x03, "scalable data port (SDP) parity").class(Data),
]);
/// NBIF Unit.
pub(super) static NBIF: Unit = Unit::new("NBIF", "NBIF Unit", &[&NBIF_CODES]);

/// System Hub Unit.
pub(super) static SHUB: Unit = Unit::new("SHUB", "System Hub Unit", &[&NBIF_CODES]);
