//! Load-store unit: HWID 0xb0, McaType 0 (Zen) and 0x10 (from Zen 2 on).
//!
//! Register: `MCA_STATUS_LS` in the PPR of each family. Codes: Linux 6.1 (drivers/edac/mce_amd.c)
//! and rasdaemon 0.8.5 (mce-amd-smca.c). The lists in circulation part at
//! code 16: older copies stop at 20 and call code 4 reserved; AMD's list of 2024 (rasdaemon, "Update SMCA bank
//! error descriptions") names 4 and goes on to 26, and moves no older code. That list stands here.

use mcekit::table::Class::{Data, Internal, MemoryRead, Poison, Tag};
use mcekit::table::{Field, Register, Unit, When, bit, code};

static LS_CODES: Field = super::codes(&[
    code(0x00, "load queue parity").class(Internal),
    code(0x01, "store queue parity").class(Internal),
    code(0x02, "miss address buffer (MAB) payload parity").class(Internal),
    code(0x03, "L1 data TLB parity").class(Tag),
    code(0x04, "data cache tag error, type 5").class(Tag),
    code(0x05, "data cache tag error, type 6").class(Tag),
    code(0x06, "data cache tag error, type 1").class(Tag),
    code(0x07, "internal error, type 1").class(Internal),
    code(0x08, "internal error, type 2").class(Internal),
    code(0x09, "system read data error, thread 0").class(MemoryRead),
    code(0x0a, "system read data error, thread 1").class(MemoryRead),
    code(0x0b, "data cache tag error, type 2").class(Tag),
    code(0x0c, "data cache data error, type 1, or poison consumed").class(Data),
    code(0x0d, "data cache data error, type 2").class(Data),
    code(0x0e, "data cache data error, type 3").class(Data),
    code(0x0f, "data cache tag error, type 4").class(Tag),
    code(0x10, "L2 data TLB parity").class(Tag),
    code(0x11, "page directory cache (PDC) parity").class(Tag),
    code(0x12, "data cache tag error, type 3").class(Tag),
    code(0x13, "data cache tag error, type 5, second report").class(Tag),
    code(0x14, "L2 fill data error").class(Data),
    code(0x15, "store coalescing buffer (SCB): line state or address").class(Tag),
    code(0x16, "store coalescing buffer (SCB): data, commit pipe 0").class(Data),
    code(0x17, "store coalescing buffer (SCB): data, commit pipe 1").class(Data),
    code(
        0x18,
        "store coalescing buffer (SCB): data for non-cacheable DRAM or I/O",
    )
    .class(Data),
    code(
        0x19,
        "system read data error met by the write combining buffer (WCB)",
    )
    .class(MemoryRead),
    code(0x1a, "hardware assertion").class(Internal),
]);
/// Load Store Unit.
pub(super) static LS: Unit = Unit::new("LS", "Load Store Unit", &[&LS_CODES]);

static LS_V2_CODES: Field = super::codes(&[
    code(0x00, "data cache ECC on a read by a probe or victim").class(Data),
    code(
        0x01,
        "data cache ECC, or poison from L2, on a read by a load",
    )
    .class(Data),
    code(0x02, "data cache ECC on a read-modify-write by a store").class(Data),
    code(
        0x03,
        "tag ECC or poison bit mismatch on a read by a probe or victim",
    )
    .class(Tag),
    code(0x04, "tag ECC or poison bit mismatch on a read by a load").class(Tag),
    code(0x05, "tag ECC or poison bit mismatch on a read by a store").class(Tag),
    code(0x06, "emulation memory (EMEM) ECC on a read by a load").class(Data),
    code(
        0x07,
        "emulation memory (EMEM) ECC on a read-modify-write by a store",
    )
    .class(Data),
    code(0x08, "L1 data TLB parity").class(Tag),
    code(0x09, "L2 data TLB parity").class(Tag),
    code(0x0a, "page walk cache (PWC) parity").class(Tag),
    code(0x0b, "store queue (STQ) parity").class(Internal),
    code(0x0c, "load queue (LDQ) parity").class(Internal),
    code(0x0d, "miss address buffer (MAB) parity").class(Internal),
    code(0x0e, "store coalescing buffer (SCB) state parity").class(Tag),
    code(0x0f, "store coalescing buffer (SCB) address parity").class(Tag),
    code(0x10, "store coalescing buffer (SCB) data parity").class(Data),
    code(0x11, "write combining buffer (WCB) parity").class(Data),
    code(0x12, "poisoned line in the store coalescing buffer (SCB)").class(Poison),
    code(0x13, "system read data error from L2 for a load").class(MemoryRead),
    code(0x14, "system read data error from L2 for a store (SCB)").class(MemoryRead),
    code(
        0x15,
        "system read data error from L2 for a combined write (WCB)",
    )
    .class(MemoryRead),
    code(0x16, "hardware assertion").class(Internal),
    code(
        0x17,
        "parity of STLF, SCB EMEM entry, store data mask or SRB store data",
    )
    .class(Data),
]);
/// PPR, `MCA_STATUS_LS`, `DC_DATA_LOAD`: what a load met, an ECC error of the data cache or poison.
static LS_V2_SOURCE: Field = Field::codes(
    "met by the load",
    Register::Synd,
    bit(0),
    &[
        code(0, "ECC error of the data cache").class(Data),
        code(1, "poison from outside of the core").class(Poison),
    ],
)
.when(&[When::Is(Register::Status, super::XEC, 1)]);
/// Load Store Unit.
pub(super) static LS_V2: Unit = Unit::new("LS", "Load Store Unit", &[&LS_V2_CODES, &LS_V2_SOURCE]);
