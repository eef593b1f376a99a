//! Physical layers of links: xGMI (HWID 0x259), WAFL (0x267), GMI (0x269), McaType 0. AMD lists the same codes for all.
//!
//! Source: rasdaemon 0.8 and Linux 6.1, `smca_xgmiphy_mce_desc`.

use mcekit::table::Class::{Data, Protocol};
use mcekit::table::{Field, Unit, code};

static PHY_CODES: Field = super::codes(&[
    code(0x00, "RAM: ECC").class(Data),
    code(0x01, "ARC instruction buffer: parity").class(Data),
    code(0x02, "ARC data buffer: parity").class(Data),
    code(0x03, "APB error of the PHY").class(Protocol),
]);
/// Ext Global Memory Interconnect PHY Unit.
pub(super) static XGMI_PHY: Unit = Unit::new(
    "XGMI_PHY",
    "Ext Global Memory Interconnect PHY Unit",
    &[&PHY_CODES],
);

/// WAFL PHY Unit.
pub(super) static WAFL_PHY: Unit = Unit::new("WAFL_PHY", "WAFL PHY Unit", &[&PHY_CODES]);

/// Global Memory Interconnect PHY Unit.
pub(super) static GMI_PHY: Unit = Unit::new(
    "GMI_PHY",
    "Global Memory Interconnect PHY Unit",
    &[&PHY_CODES],
);
