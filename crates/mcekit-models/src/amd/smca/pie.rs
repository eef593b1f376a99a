//! Power management, interrupts and the rest of the data fabric: HWID 0x2e, McaType 1.
//!
//! Register: `MCA_STATUS_PIE` in the PPR of each family. Codes: Linux 6.1 (drivers/edac/mce_amd.c)
//! and rasdaemon 0.8.5 (mce-amd-smca.c).

use mcekit::table::Class::{Data, Internal, LinkFailure, Poison, Protocol, Security, Timeout};
use mcekit::table::{Field, Unit, code};

static PIE_CODES: Field = super::codes(&[
    code(0x00, "hardware assertion").class(Internal),
    code(0x01, "access to a register that security refused").class(Security),
    code(0x02, "link error").class(LinkFailure),
    code(0x03, "poisoned data was consumed").class(Poison),
    code(0x04, "the data fabric met a deferred error").class(Data),
    code(0x05, "watchdog timed out").class(Timeout),
    code(0x06, "SRAM ECC in the CNLI block").class(Data),
    code(
        0x07,
        "register access while the data fabric was in a C-state",
    )
    .class(Protocol),
    code(0x08, "started by the debug state machine (DSM)").class(Internal),
]);
/// Power, Interrupts, etc..
pub(super) static PIE: Unit = Unit::new("PIE", "Power, Interrupts, etc.", &[&PIE_CODES]);
