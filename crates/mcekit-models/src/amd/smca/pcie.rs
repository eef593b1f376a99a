//! PCI Express: HWID 0x46, McaType 0 (CCIX) and 1.
//!
//! Register: `MCA_STATUS_PCIE` in the PPR of each family. Codes: Linux 6.1 (drivers/edac/mce_amd.c)
//! and rasdaemon 0.8.5 (mce-amd-smca.c); McaType 1 from rasdaemon.

use mcekit::table::Class::{Data, Protocol};
use mcekit::table::{Field, Unit, code};

static PCIE_CODES: Field = super::codes(&[
    code(0x00, "CCIX protocol error report (PER) message").class(Protocol),
    code(0x01, "CCIX read response: error without data").class(Protocol),
    code(0x02, "CCIX write response: error without data").class(Protocol),
    code(0x03, "CCIX read response: data error").class(Data),
    code(
        0x04,
        "CCIX write response that is not okay, with data error",
    )
    .class(Data),
]);
/// PCI Express Unit.
pub(super) static PCIE: Unit = Unit::new("PCIE", "PCI Express Unit", &[&PCIE_CODES]);

static PCIE_V2_CODES: Field =
    super::codes(&[code(0x00, "data parity on the scalable data port (SDP)").class(Data)]);
/// PCI Express Unit.
pub(super) static PCIE_V2: Unit = Unit::new("PCIE", "PCI Express Unit", &[&PCIE_V2_CODES]);
