//! Memory-attached last-level cache: HWID 0x2e, McaType 4 (MI300).
//!
//! Source: rasdaemon 0.8, `smca_mall_mce_desc`.

use mcekit::table::Class::{Data, Internal, Tag};
use mcekit::table::{Field, Unit, code};

static MA_LLC_CODES: Field = super::codes(&[
    code(0x00, "counter overflow").class(Internal),
    code(0x01, "counter underflow").class(Internal),
    code(0x02, "write data parity").class(Data),
    code(0x03, "read response parity").class(Data),
    code(0x04, "cache tag ECC, macro 0").class(Tag),
    code(0x05, "cache tag ECC, macro 1").class(Tag),
    code(0x06, "cache data ECC").class(Data),
]);
/// Memory Attached Last Level Cache.
pub(super) static MA_LLC: Unit = Unit::new(
    "MA_LLC",
    "Memory Attached Last Level Cache",
    &[&MA_LLC_CODES],
);
