//! Record headers: type, misc, size.

use core::fmt;

/// The eight bytes before every record.
#[doc(alias = "perf_event_header")]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordHeader {
    /// What the record is.
    pub kind: RecordType,
    /// CPU mode and flags whose meaning depends on the type.
    pub misc: Misc,
    /// Size of the record with this header, bytes.
    pub size: u16,
}

impl RecordHeader {
    /// Size of a header, bytes: also the least a record's size can be.
    pub const SIZE: usize = 8;

    /// Reads a header out of the eight bytes at a record's start.
    #[must_use]
    #[inline]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        let [t0, t1, t2, t3, m0, m1, s0, s1] = bytes;
        RecordHeader {
            kind: RecordType(u32::from_ne_bytes([t0, t1, t2, t3])),
            misc: Misc(u16::from_ne_bytes([m0, m1])),
            size: u16::from_ne_bytes([s0, s1]),
        }
    }

    /// The eight bytes as the kernel writes them.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 8] {
        let [t0, t1, t2, t3] = self.kind.0.to_ne_bytes();
        let [m0, m1] = self.misc.0.to_ne_bytes();
        let [s0, s1] = self.size.to_ne_bytes();
        [t0, t1, t2, t3, m0, m1, s0, s1]
    }
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<RecordHeader>() == RecordHeader::SIZE);
    assert!(offset_of!(RecordHeader, kind) == 0);
    assert!(offset_of!(RecordHeader, misc) == 4);
    assert!(offset_of!(RecordHeader, size) == 6);
};

/// A record's type; the kernel's are below 64, those of `perf.data` files from there on.
#[doc(alias = "perf_event_type")]
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordType(pub u32);

macro_rules! record_types {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl RecordType {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The kernel's name without `PERF_RECORD_`, where the type has one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

record_types! {
    /// An executable mapping.
    MMAP = 1;
    /// Records that found no room.
    LOST = 2;
    /// A task's name changed.
    COMM = 3;
    /// A task ended.
    EXIT = 4;
    /// Sampling was throttled.
    THROTTLE = 5;
    /// Throttling ended.
    UNTHROTTLE = 6;
    /// A task began.
    FORK = 7;
    /// A counter's value, of an inherited event.
    READ = 8;
    /// A sample.
    SAMPLE = 9;
    /// A mapping with device, inode or build id.
    MMAP2 = 10;
    /// New data in the AUX area.
    AUX = 11;
    /// Hardware tracing began.
    ITRACE_START = 12;
    /// Samples that the hardware dropped.
    LOST_SAMPLES = 13;
    /// The task was switched in or out.
    SWITCH = 14;
    /// The same, of a CPU-wide event, with the other task.
    SWITCH_CPU_WIDE = 15;
    /// A task's namespaces.
    NAMESPACES = 16;
    /// A kernel symbol came or went.
    KSYMBOL = 17;
    /// A BPF program came or went.
    BPF_EVENT = 18;
    /// A cgroup's id and path.
    CGROUP = 19;
    /// Kernel text changed.
    TEXT_POKE = 20;
    /// The hardware id of an event whose output goes to the AUX area.
    AUX_OUTPUT_HW_ID = 21;
    /// A user call chain that earlier samples left out (6.19).
    CALLCHAIN_DEFERRED = 22;
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "record type {}", self.0),
        }
    }
}

/// The `misc` field of a header.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Misc(pub u16);

impl Misc {
    /// `/proc` was read too slowly (written by perf, not by the kernel).
    pub const PROC_MAP_PARSE_TIMEOUT: Self = Self(1 << 12);
    /// MMAP, MMAP2: a data mapping.
    pub const MMAP_DATA: Self = Self(1 << 13);
    /// COMM: the name changed through `exec`.
    pub const COMM_EXEC: Self = Self(1 << 13);
    /// FORK: written by perf for a task that was there already.
    pub const FORK_EXEC: Self = Self(1 << 13);
    /// SWITCH: out.
    pub const SWITCH_OUT: Self = Self(1 << 13);
    /// SAMPLE: the instruction pointer is exact.
    pub const EXACT_IP: Self = Self(1 << 14);
    /// SWITCH: out while still runnable.
    pub const SWITCH_OUT_PREEMPT: Self = Self(1 << 14);
    /// MMAP2: a build id stands in place of device and inode.
    pub const MMAP_BUILD_ID: Self = Self(1 << 14);
    /// Reserved.
    pub const EXT_RESERVED: Self = Self(1 << 15);

    /// Whether every bit of `flag` is set.
    #[must_use]
    #[inline]
    pub const fn has(self, flag: Self) -> bool {
        self.0 & flag.0 == flag.0
    }

    /// Where the CPU was.
    #[must_use]
    pub const fn cpu_mode(self) -> CpuMode {
        match self.0 & 7 {
            1 => CpuMode::Kernel,
            2 => CpuMode::User,
            3 => CpuMode::Hypervisor,
            4 => CpuMode::GuestKernel,
            5 => CpuMode::GuestUser,
            n => CpuMode::Unknown(n as u8),
        }
    }
}

/// Where the CPU was when a record was made: bits 2:0 of `misc`.
#[doc(alias = "PERF_RECORD_MISC_CPUMODE_MASK")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CpuMode {
    /// Unknown (0), or a number without a name (6, 7).
    Unknown(u8),
    /// In the kernel.
    Kernel,
    /// In user space.
    User,
    /// In a hypervisor.
    Hypervisor,
    /// In a guest's kernel.
    GuestKernel,
    /// In a guest's user space.
    GuestUser,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_its_bytes() {
        let header = RecordHeader {
            kind: RecordType::SAMPLE,
            misc: Misc(0x4001),
            size: 80,
        };
        assert_eq!(RecordHeader::from_bytes(header.to_bytes()), header);
        assert!(header.misc.has(Misc::EXACT_IP) && !header.misc.has(Misc::SWITCH_OUT));
        assert_eq!(header.misc.cpu_mode(), CpuMode::Kernel);
        assert_eq!(Misc(7).cpu_mode(), CpuMode::Unknown(7));
    }

    #[test]
    fn an_unknown_type_prints_its_number() {
        assert_eq!(RecordType::LOST_SAMPLES.to_string(), "LOST_SAMPLES");
        assert_eq!(RecordType(0).to_string(), "record type 0");
        assert_eq!(RecordType(99).name(), None);
    }
}
