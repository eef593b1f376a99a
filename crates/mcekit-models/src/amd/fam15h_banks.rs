//! Banks 0 to 2 of family 15h: the rows, for both widths of the extended error code.
//!
//! BKDG 42301 (models 00h-0fh), 42300 (10h-1fh), 49125 (30h-3fh), 50742 (60h-6fh), 55072 (70h-7fh); Linux,
//! drivers/edac/mce_amd.c (`f15h_mc0_mce` to `f15h_mc2_mce`).

use super::legacy as l;
use mcekit::table::Class::{Data, Firmware, Internal, MemoryRead, Poison, Tag};
use mcekit::table::{Bits, Code, Field, code};

static DC_ROWS: &[Code] = &[
    code(0x00, "data array").class(Data),
    code(
        0x01,
        "uncorrected error while a line was filled from L2 or the northbridge",
    )
    .class(MemoryRead),
    code(0x02, "store queue (STQ)").class(Internal),
    code(0x03, "store coalescing buffer (SCB)").class(Internal),
    code(0x10, "tag").class(Tag),
    code(0x11, "store queue (STQ), second report").class(Internal),
    code(0x12, "load queue (LDQ)").class(Internal),
];
pub(super) const fn data_cache(part: Bits) -> Field {
    l::codes("data cache", part, DC_ROWS, &[l::MEMORY])
}

static DC_BUS_ROWS: &[Code] = &[
    code(0x00, "system read data error").class(MemoryRead),
    code(0x01, "internal condition: livelock").class(Internal),
    code(0x02, "internal condition: deadlock").class(Internal),
];
pub(super) const fn data_cache_bus(part: Bits) -> Field {
    l::codes("data cache", part, DC_BUS_ROWS, &[l::BUS])
}
pub(super) const fn data_tlb(part: Bits) -> Field {
    l::codes("data TLB", part, l::DATA_TLB_ROWS, l::DATA_TLB_WHEN)
}
pub(super) const fn instruction_tlb(part: Bits) -> Field {
    l::codes("instruction TLB", part, l::INSTRUCTION_TLB_ROWS, &[l::TLB])
}

static IC_ROWS: &[Code] = &[
    code(
        0x00,
        "uncorrected error while a demanded line was filled from L2",
    )
    .class(MemoryRead),
    code(0x01, "parity while data was loaded").class(Data),
    code(0x02, "parity of a valid bit").class(Tag),
    code(0x03, "main tag parity").class(Tag),
    code(0x04, "prediction queue parity").class(Internal),
    code(0x05, "prefetch buffer (PFB): data or address parity").class(Data),
    code(0x06, "branch status register parity").class(Internal),
    code(0x07, "prefetch buffer (PFB): promotion address").class(Internal),
    code(0x08, "tag on a probe or a victim").class(Tag),
    code(0x09, "parity of a valid bit of the probe tag").class(Tag),
    code(
        0x0a,
        "prefetch buffer (PFB): parity of the non-cacheable bit",
    )
    .class(Internal),
    code(0x0d, "prefetch buffer (PFB): parity of a valid bit").class(Internal),
    code(0x10, "microcode patch buffer").class(Firmware),
    code(0x11, "decoder: micro-op queue parity").class(Internal),
    code(0x12, "decoder: instruction buffer parity").class(Internal),
    code(0x13, "decoder: predecode buffer parity").class(Internal),
    code(0x14, "decoder: fetch address FIFO parity").class(Internal),
    code(0x15, "decoder: dispatch micro-op queue parity").class(Internal),
];
pub(super) const fn instruction_cache(part: Bits) -> Field {
    l::codes("instruction cache", part, IC_ROWS, &[l::MEMORY])
}

static CU_TLB_ROWS: &[Code] = &[
    code(0x00, "data parity while the TLB was read").class(Data),
    code(0x01, "poisoned data for a TLB fill").class(Poison),
];
pub(super) const fn combined_unit_tlb(part: Bits) -> Field {
    l::codes("combined unit", part, CU_TLB_ROWS, &[l::TLB])
}
static CU_BUS_ROWS: &[Code] = &[
    code(0x00, "while data was read from the northbridge").class(MemoryRead),
    code(0x01, "while data was read from the northbridge").class(MemoryRead),
    code(0x02, "while data was read from the northbridge").class(MemoryRead),
];
pub(super) const fn combined_unit_bus(part: Bits) -> Field {
    l::codes("combined unit", part, CU_BUS_ROWS, &[l::BUS])
}
static CU_ROWS: &[Code] = &[
    code(0x04, "ECC on a fill of data").class(Data),
    code(0x05, "parity on a fill of instructions").class(Data),
    code(0x06, "prefetcher request FIFO parity").class(Internal),
    code(0x07, "probe request queue (PRQ): address parity").class(Internal),
    code(0x08, "probe request queue (PRQ): data parity").class(Internal),
    code(0x09, "write coalescing cache (WCC): tag ECC").class(Tag),
    code(0x0a, "write coalescing cache (WCC): data ECC").class(Data),
    code(0x0b, "write combining buffer (WCB): data parity").class(Data),
    code(0x0c, "victim buffer (VB): data ECC or parity").class(Data),
    code(0x10, "L2 tag ECC").class(Tag),
    code(0x11, "L2 tag ECC that stays").class(Tag),
    code(0x12, "L2 tag: more than one way hit").class(Tag),
    code(0x13, "XAB parity").class(Internal),
    code(0x14, "probe buffer (PRB): address parity").class(Internal),
];
pub(super) const fn combined_unit(part: Bits) -> Field {
    l::codes("combined unit", part, CU_ROWS, &[l::MEMORY])
}
