//! L2 cache: HWID 0xb0, McaType 2.
//!
//! Register: `MCA_STATUS_L2` in the PPR of each family. Codes: Linux 6.1 (drivers/edac/mce_amd.c)
//! and rasdaemon 0.8.5 (mce-amd-smca.c).

use mcekit::table::Class::{Data, Internal, Tag};
use mcekit::table::{Field, Unit, code};

static L2_CODES: Field = super::codes(&[
    code(0x00, "tag array: more than one way hit").class(Tag),
    code(0x01, "tag or state array ECC").class(Tag),
    code(0x02, "data array ECC").class(Data),
    code(0x03, "hardware assertion").class(Internal),
    code(0x04, "read response parity on the scalable data port (SDP)").class(Data),
    code(0x05, "started by a programmable state machine").class(Internal),
]);
/// L2 Cache.
pub(super) static L2: Unit = Unit::new("L2", "L2 Cache", &[&L2_CODES]);
