//! System management unit: HWID 0x01, McaType 0 (Zen) and 1 (from Zen 2 on).
//!
//! Register: `MCA_STATUS_SMU` in the PPR of each family. Codes: Linux 6.1 (drivers/edac/mce_amd.c)
//! and rasdaemon 0.8.5 (mce-amd-smca.c); codes 58, 59 and 62 from rasdaemon 0.8 (MI300: errors
//! of a graphics sub-unit).

use mcekit::table::Class::{Data, Internal, Poison, Tag};
use mcekit::table::{Field, Unit, code};

static SMU_CODES: Field =
    super::codes(&[code(0x00, "ECC or parity in a RAM of the unit").class(Data)]);
/// System Management Unit.
pub(super) static SMU: Unit = Unit::new("SMU", "System Management Unit", &[&SMU_CODES]);

static SMU_V2_CODES: Field = super::codes(&[
    code(0x00, "SRAM, high half: ECC or parity").class(Data),
    code(0x01, "SRAM, low half: ECC or parity").class(Data),
    code(0x02, "data cache, bank A: ECC or parity").class(Data),
    code(0x03, "data cache, bank B: ECC or parity").class(Data),
    code(0x04, "data tag cache, bank A: ECC or parity").class(Tag),
    code(0x05, "data tag cache, bank B: ECC or parity").class(Tag),
    code(0x06, "instruction cache, bank A: ECC or parity").class(Data),
    code(0x07, "instruction cache, bank B: ECC or parity").class(Data),
    code(0x08, "instruction tag cache, bank A: ECC or parity").class(Tag),
    code(0x09, "instruction tag cache, bank B: ECC or parity").class(Tag),
    code(0x0a, "system hub read buffer: ECC or parity").class(Data),
    code(0x0b, "PHY RAM: ECC").class(Data),
    code(0x3a, "a graphics sub-unit reports a corrected error").class(Internal),
    code(0x3b, "a graphics sub-unit reports a fatal error").class(Internal),
    code(0x3e, "a graphics sub-unit reports poison").class(Poison),
]);
/// System Management Unit.
pub(super) static SMU_V2: Unit = Unit::new("SMU", "System Management Unit", &[&SMU_V2_CODES]);
