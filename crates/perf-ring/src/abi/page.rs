//! The first page of a mapping: where the kernel says how far it has written, and the reader how far it has read.

use bitflags::bitflags;

bitflags! {
    /// What the page offers besides the ring.
    #[repr(transparent)]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct PageCaps: u64 {
        /// Always 0 since 3.12; before, the meaning of the next two was unreliable.
        const BIT0 = 1 << 0;
        /// Set when BIT0 is to be believed.
        const BIT0_IS_DEPRECATED = 1 << 1;
        /// The counter can be read with RDPMC.
        const USER_RDPMC = 1 << 2;
        /// `time_mult`, `time_shift` and `time_offset` convert cycles.
        const USER_TIME = 1 << 3;
        /// `time_zero` relates the time stamp counter to the records' clock.
        const USER_TIME_ZERO = 1 << 4;
        /// `time_cycles` and `time_mask` extend a short counter.
        const USER_TIME_SHORT = 1 << 5;
        const _ = !0;
    }
}

/// The header page of a ring, as `include/uapi/linux/perf_event.h` lays it out.
///
/// This crate never forms a reference to one: the kernel writes it at any moment. The structure serves to compute
/// offsets, and to hold a copy.
#[doc(alias = "perf_event_mmap_page")]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct MmapPage {
    /// Version of this structure.
    pub version: u32,
    /// Lowest version it is compatible with.
    pub compat_version: u32,
    /// Sequence lock over the counter fields.
    pub lock: u32,
    /// Hardware counter number plus one; 0 when there is none.
    pub index: u32,
    /// Add to the hardware counter's value.
    pub offset: i64,
    /// Nanoseconds the event was enabled.
    pub time_enabled: u64,
    /// Nanoseconds the event was on the PMU.
    pub time_running: u64,
    /// What the page offers.
    pub capabilities: PageCaps,
    /// Width of the hardware counter, bits.
    pub pmc_width: u16,
    /// Right shift of cycles * `time_mult`.
    pub time_shift: u16,
    /// Multiplier of cycles.
    pub time_mult: u32,
    /// Nanoseconds to add for the enabled time.
    pub time_offset: u64,
    /// The records' clock at cycle 0, nanoseconds.
    pub time_zero: u64,
    /// Size of the header up to the reserved part.
    pub size: u32,
    /// Reserved.
    pub reserved_1: u32,
    /// Cycles at the last update, for a short counter.
    pub time_cycles: u64,
    /// Mask of a short counter.
    pub time_mask: u64,
    /// Reserved up to 1024 bytes.
    pub reserved: [u8; 116 * 8],
    /// How far the kernel has written, bytes, counting on beyond the ring's size (down from 0 when backward).
    pub data_head: u64,
    /// How far the reader has read; only a reader with a writable mapping stores it.
    pub data_tail: u64,
    /// Where the data begin, bytes from the start of the mapping (4.1).
    pub data_offset: u64,
    /// Size of the data, bytes, a power of two (4.1).
    pub data_size: u64,
    /// Like `data_head`, of the AUX area.
    pub aux_head: u64,
    /// Like `data_tail`, of the AUX area.
    pub aux_tail: u64,
    /// Where user space wants the AUX area.
    pub aux_offset: u64,
    /// Size of the AUX area.
    pub aux_size: u64,
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<MmapPage>() == 1088 && align_of::<MmapPage>() == align_of::<u64>());
    assert!(offset_of!(MmapPage, compat_version) == 4);
    assert!(offset_of!(MmapPage, lock) == 8);
    assert!(offset_of!(MmapPage, index) == 12);
    assert!(offset_of!(MmapPage, offset) == 16);
    assert!(offset_of!(MmapPage, time_enabled) == 24);
    assert!(offset_of!(MmapPage, time_running) == 32);
    assert!(offset_of!(MmapPage, capabilities) == 40);
    assert!(offset_of!(MmapPage, pmc_width) == 48);
    assert!(offset_of!(MmapPage, time_shift) == 50);
    assert!(offset_of!(MmapPage, time_mult) == 52);
    assert!(offset_of!(MmapPage, time_offset) == 56);
    assert!(offset_of!(MmapPage, time_zero) == 64);
    assert!(offset_of!(MmapPage, size) == 72);
    assert!(offset_of!(MmapPage, time_cycles) == 80);
    assert!(offset_of!(MmapPage, time_mask) == 88);
    assert!(offset_of!(MmapPage, reserved) == 96);
    assert!(offset_of!(MmapPage, data_head) == 1024);
    assert!(offset_of!(MmapPage, data_tail) == 1032);
    assert!(offset_of!(MmapPage, data_offset) == 1040);
    assert!(offset_of!(MmapPage, data_size) == 1048);
    assert!(offset_of!(MmapPage, aux_head) == 1056);
    assert!(offset_of!(MmapPage, aux_tail) == 1064);
    assert!(offset_of!(MmapPage, aux_offset) == 1072);
    assert!(offset_of!(MmapPage, aux_size) == 1080);
};
