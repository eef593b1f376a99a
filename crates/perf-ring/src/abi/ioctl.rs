//! The `ioctl` numbers of a perf event descriptor.

/// The direction bits and field widths of `include/uapi/asm-generic/ioctl.h`. MIPS, PowerPC, SPARC, Alpha and
/// PA-RISC number differently and are not supported.
const fn ioc(dir: u32, nr: u8, size: usize) -> u64 {
    assert!(size < 1 << 14, "an ioctl's size has 14 bits");
    ((dir as u64) << 30) | ((size as u64) << 16) | ((b'$' as u64) << 8) | nr as u64
}

const NONE: u32 = 0;
const WRITE: u32 = 1;
const READ: u32 = 2;

/// Starts counting and sampling.
#[doc(alias = "PERF_EVENT_IOC_ENABLE")]
pub const ENABLE: u64 = ioc(NONE, 0, 0);
/// Stops counting and sampling.
#[doc(alias = "PERF_EVENT_IOC_DISABLE")]
pub const DISABLE: u64 = ioc(NONE, 1, 0);
/// Enables for a number of overflows, then disables and signals a hang-up.
#[doc(alias = "PERF_EVENT_IOC_REFRESH")]
pub const REFRESH: u64 = ioc(NONE, 2, 0);
/// Sets the count to zero; the times stay.
#[doc(alias = "PERF_EVENT_IOC_RESET")]
pub const RESET: u64 = ioc(NONE, 3, 0);
/// Changes the sample period; the argument points to a `u64`.
#[doc(alias = "PERF_EVENT_IOC_PERIOD")]
pub const PERIOD: u64 = ioc(WRITE, 4, size_of::<u64>());
/// Sends the records to another event's ring; the argument is its descriptor, -1 takes it back.
#[doc(alias = "PERF_EVENT_IOC_SET_OUTPUT")]
pub const SET_OUTPUT: u64 = ioc(NONE, 5, 0);
/// Sets a filter expression; the argument points to a C string.
#[doc(alias = "PERF_EVENT_IOC_SET_FILTER")]
pub const SET_FILTER: u64 = ioc(WRITE, 6, size_of::<usize>());
/// Reads the event's id into a `u64`.
#[doc(alias = "PERF_EVENT_IOC_ID")]
pub const ID: u64 = ioc(READ, 7, size_of::<usize>());
/// Attaches a BPF program.
#[doc(alias = "PERF_EVENT_IOC_SET_BPF")]
pub const SET_BPF: u64 = ioc(WRITE, 8, size_of::<u32>());
/// Freezes (1) or resumes (0) writing into the ring.
#[doc(alias = "PERF_EVENT_IOC_PAUSE_OUTPUT")]
pub const PAUSE_OUTPUT: u64 = ioc(WRITE, 9, size_of::<u32>());
/// Lists the BPF programs attached to the tracepoint.
#[doc(alias = "PERF_EVENT_IOC_QUERY_BPF")]
pub const QUERY_BPF: u64 = ioc(READ | WRITE, 10, size_of::<usize>());
/// Replaces the attributes of a breakpoint.
#[doc(alias = "PERF_EVENT_IOC_MODIFY_ATTRIBUTES")]
pub const MODIFY_ATTRIBUTES: u64 = ioc(WRITE, 11, size_of::<usize>());

/// Argument of ENABLE, DISABLE and RESET: the whole group.
#[doc(alias = "PERF_IOC_FLAG_GROUP")]
pub const IOC_FLAG_GROUP: u32 = 1;

// The numbers that strace prints on a 64-bit machine.
#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(ENABLE == 0x2400 && DISABLE == 0x2401 && REFRESH == 0x2402 && RESET == 0x2403);
    assert!(PERIOD == 0x4008_2404 && SET_OUTPUT == 0x2405 && SET_FILTER == 0x4008_2406);
    assert!(ID == 0x8008_2407 && SET_BPF == 0x4004_2408 && PAUSE_OUTPUT == 0x4004_2409);
    assert!(QUERY_BPF == 0xc008_240a && MODIFY_ATTRIBUTES == 0x4008_240b);
};
