//! The one place that talks to the kernel and touches mapped memory: all of the crate's `unsafe`.
#![expect(
    unsafe_code,
    reason = "system calls, and memory that the kernel writes while we read it"
)]

mod calls;
mod mapping;

#[cfg(test)]
pub(crate) use calls::fake;
pub(crate) use calls::{
    adopt, borrow, clock_ns, ioctl_id, ioctl_str, ioctl_u32, ioctl_u64, ioctl_value, memfd,
    perf_event_open, read, wait_for_writers,
};
pub(crate) use mapping::{Mapping, page_size};
