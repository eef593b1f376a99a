//! Parameter block: HWID 0x05, McaType 0.
//!
//! Register: `MCA_STATUS_PB` in the PPR of each family. Codes: Linux 6.1 (drivers/edac/mce_amd.c)
//! and rasdaemon 0.8.5 (mce-amd-smca.c).

use mcekit::table::Class::Data;
use mcekit::table::{Field, Unit, code};

static PB_CODES: Field =
    super::codes(&[code(0x00, "ECC in the RAM array of the parameter block").class(Data)]);
/// Parameter Block.
pub(super) static PB: Unit = Unit::new("PB", "Parameter Block", &[&PB_CODES]);
