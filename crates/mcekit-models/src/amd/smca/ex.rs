//! Execution unit: HWID 0xb0, McaType 5. McaType 4 is reserved.
//!
//! Register: `MCA_STATUS_EX` in the PPR of each family. Codes: Linux 6.1 (drivers/edac/mce_amd.c)
//! and rasdaemon 0.8.5 (mce-amd-smca.c).

use mcekit::table::Class::{Internal, Timeout};
use mcekit::table::{Field, Unit, code};

static EX_CODES: Field = super::codes(&[
    code(0x00, "watchdog timed out").class(Timeout),
    code(0x01, "physical register file parity").class(Internal),
    code(0x02, "flag register file parity").class(Internal),
    code(0x03, "immediate displacement register file parity").class(Internal),
    code(0x04, "address generator payload parity").class(Internal),
    code(0x05, "execution payload parity").class(Internal),
    code(0x06, "checkpoint queue parity").class(Internal),
    code(0x07, "retire dispatch queue parity").class(Internal),
    code(0x08, "retire status queue parity").class(Internal),
    code(0x09, "scheduler queue parity").class(Internal),
    code(0x0a, "branch buffer queue parity").class(Internal),
    code(0x0b, "hardware assertion").class(Internal),
    code(0x0c, "speculative map parity").class(Internal),
    code(0x0d, "retire map parity").class(Internal),
]);
/// Execution Unit.
pub(super) static EX: Unit = Unit::new("EX", "Execution Unit", &[&EX_CODES]);
