//! L3 cache: HWID 0xb0, McaType 7.
//!
//! Register: `MCA_STATUS_L3` in the PPR of each family. Codes: Linux 6.1 (drivers/edac/mce_amd.c)
//! and rasdaemon 0.8.5 (mce-amd-smca.c).

use mcekit::table::Class::{Data, Internal, Poison, Tag};
use mcekit::table::{Field, Unit, code};

static L3_CODES: Field = super::codes(&[
    code(0x00, "shadow tag macro ECC").class(Tag),
    code(0x01, "shadow tag macro: more than one way hit").class(Tag),
    code(0x02, "tag ECC").class(Tag),
    code(0x03, "tag: more than one way hit").class(Tag),
    code(0x04, "data ECC").class(Data),
    code(
        0x05,
        "scalable data port (SDP) parity, or read data error, from the external interface (XI)",
    )
    .class(Data),
    code(0x06, "victim queue: parity, or error of the data fabric").class(Data),
    code(0x07, "hardware assertion").class(Internal),
    code(
        0x08,
        "write combining buffer parity in the external interface (XI): poison was made",
    )
    .class(Poison),
    code(0x09, "started by the debug state machine (DSM)").class(Internal),
]);
/// L3 Cache.
pub(super) static L3: Unit = Unit::new("L3", "L3 Cache", &[&L3_CODES]);
