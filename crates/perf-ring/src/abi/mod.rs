//! The kernel's binary interface, as `include/uapi/linux/perf_event.h` publishes it.
//!
//! Everything here is data: structures whose layout is proven while compiling, numbers with names, and bit sets
//! that keep the bits nobody has named yet. Nothing here makes a system call.

mod attr;
mod ioctl;
mod page;
mod record;

pub use attr::{
    AttrFlags, AttrSize, BranchSampleType, EventAttr, EventType, OpenFlags, ReadFormat, SampleType,
};
pub use ioctl::{
    DISABLE, ENABLE, ID, IOC_FLAG_GROUP, MODIFY_ATTRIBUTES, PAUSE_OUTPUT, PERIOD, QUERY_BPF,
    REFRESH, RESET, SET_BPF, SET_FILTER, SET_OUTPUT,
};
pub use page::{MmapPage, PageCaps};
pub use record::{CpuMode, Misc, RecordHeader, RecordType};

/// Takes eight bytes off the front, as a native-endian word.
#[inline]
pub(crate) fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (word, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(u64::from_ne_bytes(*word))
}

/// Takes four bytes off the front, as a native-endian word.
#[inline]
pub(crate) fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (word, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_ne_bytes(*word))
}

/// Takes two bytes off the front, as a native-endian word.
#[inline]
pub(crate) fn take_u16(bytes: &mut &[u8]) -> Option<u16> {
    let (word, rest) = bytes.split_first_chunk::<2>()?;
    *bytes = rest;
    Some(u16::from_ne_bytes(*word))
}

/// Takes `n` bytes off the front; `None`, with nothing taken, where there are fewer.
#[inline]
pub(crate) fn take<'a>(bytes: &mut &'a [u8], n: u64) -> Option<&'a [u8]> {
    let n = usize::try_from(n).ok()?;
    let (head, rest) = bytes.split_at_checked(n)?;
    *bytes = rest;
    Some(head)
}
