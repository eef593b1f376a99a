//! Floating-point unit: HWID 0xb0, McaType 6.
//!
//! Register: `MCA_STATUS_FP` in the PPR of each family. Codes: Linux 6.1 (drivers/edac/mce_amd.c)
//! and rasdaemon 0.8.5 (mce-amd-smca.c).

use mcekit::table::Class::Internal;
use mcekit::table::{Field, Unit, code};

static FP_CODES: Field = super::codes(&[
    code(0x00, "physical register file (PRF) parity").class(Internal),
    code(0x01, "free list (FL) parity").class(Internal),
    code(0x02, "schedule queue parity").class(Internal),
    code(0x03, "non-schedulable queue (NSQ) parity").class(Internal),
    code(0x04, "retire queue (RQ) parity").class(Internal),
    code(0x05, "status register file (SRF) parity").class(Internal),
    code(0x06, "hardware assertion").class(Internal),
    code(0x07, "mask register file (KRF) parity").class(Internal),
]);
/// Floating Point Unit.
pub(super) static FP: Unit = Unit::new("FP", "Floating Point Unit", &[&FP_CODES]);
