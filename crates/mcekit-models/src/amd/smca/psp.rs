//! Platform security processor: HWID 0xff, McaType 0 (Zen) and 1 (from Zen 2 on).
//!
//! Register: `MCA_STATUS_PSP` in the PPR of each family. Codes: Linux 6.1 (drivers/edac/mce_amd.c)
//! and rasdaemon 0.8.5 (mce-amd-smca.c); codes 18 to 23 from AMD's list for family 1ah.

use mcekit::table::Class::{Data, Security, Tag, Timeout};
use mcekit::table::{Field, Unit, code};

static PSP_CODES: Field =
    super::codes(&[code(0x00, "ECC or parity in a RAM of the unit").class(Data)]);
/// Platform Security Processor.
pub(super) static PSP: Unit = Unit::new("PSP", "Platform Security Processor", &[&PSP_CODES]);

static PSP_V2_CODES: Field = super::codes(&[
    code(0x00, "SRAM, high half: ECC or parity").class(Data),
    code(0x01, "SRAM, low half: ECC or parity").class(Data),
    code(0x02, "instruction cache, bank 0: ECC or parity").class(Data),
    code(0x03, "instruction cache, bank 1: ECC or parity").class(Data),
    code(0x04, "instruction tag RAM 0: parity").class(Tag),
    code(0x05, "instruction tag RAM 1: parity").class(Tag),
    code(0x06, "data cache, bank 0: ECC or parity").class(Data),
    code(0x07, "data cache, bank 1: ECC or parity").class(Data),
    code(0x08, "data cache, bank 2: ECC or parity").class(Data),
    code(0x09, "data cache, bank 3: ECC or parity").class(Data),
    code(0x0a, "data tag, bank 0: parity").class(Tag),
    code(0x0b, "data tag, bank 1: parity").class(Tag),
    code(0x0c, "data tag, bank 2: parity").class(Tag),
    code(0x0d, "data tag, bank 3: parity").class(Tag),
    code(0x0e, "dirty data RAM: parity").class(Data),
    code(0x0f, "TLB, bank 0: parity").class(Tag),
    code(0x10, "TLB, bank 1: parity").class(Tag),
    code(0x11, "system hub read buffer: ECC or parity").class(Data),
    code(0x12, "fuse IP SRAM: ECC or parity").class(Data),
    code(0x13, "PCRU fuse SRAM: ECC or parity").class(Data),
    code(0x14, "SIB SRAM: parity").class(Data),
    code(0x15, "SECEMC error of the secure processor (mpASP)").class(Security),
    code(0x16, "the core (A5) of the secure processor (mpASP) hangs").class(Timeout),
    code(0x17, "SIB watchdog").class(Timeout),
]);
/// Platform Security Processor.
pub(super) static PSP_V2: Unit = Unit::new("PSP", "Platform Security Processor", &[&PSP_V2_CODES]);
