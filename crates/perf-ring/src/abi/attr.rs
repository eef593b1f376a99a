//! `struct perf_event_attr`, in every size that was ever published.

use bitflags::bitflags;

use crate::Error;

/// The major type of an event (`attr.type`): a fixed number, or a PMU's from sysfs.
#[doc(alias = "perf_type_id")]
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EventType(pub u32);

impl EventType {
    /// Generalized hardware events.
    pub const HARDWARE: Self = Self(0);
    /// Events that the kernel counts in software.
    pub const SOFTWARE: Self = Self(1);
    /// Tracepoints; `config` is the id out of tracefs.
    pub const TRACEPOINT: Self = Self(2);
    /// Generalized cache events.
    pub const HW_CACHE: Self = Self(3);
    /// Events of the CPU's own PMU by number.
    pub const RAW: Self = Self(4);
    /// Hardware breakpoints.
    pub const BREAKPOINT: Self = Self(5);
}

/// The size field of an attr: one constant per published version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttrSize(pub u32);

impl AttrSize {
    /// The first published structure (2.6.31).
    pub const VER0: Self = Self(64);
    /// Adds `config2` (2.6.33).
    pub const VER1: Self = Self(72);
    /// Adds `branch_sample_type` (3.4).
    pub const VER2: Self = Self(80);
    /// Adds `sample_regs_user` and `sample_stack_user` (3.7).
    pub const VER3: Self = Self(96);
    /// Adds `sample_regs_intr` (3.19).
    pub const VER4: Self = Self(104);
    /// Adds `aux_watermark` and `sample_max_stack` (4.1).
    pub const VER5: Self = Self(112);
    /// Adds `aux_sample_size` (5.5).
    pub const VER6: Self = Self(120);
    /// Adds `sig_data` (5.13).
    pub const VER7: Self = Self(128);
    /// Adds `config3` (6.3).
    pub const VER8: Self = Self(136);
    /// Adds `config4`.
    pub const VER9: Self = Self(144);

    /// Every published size, ascending.
    pub const ALL: [Self; 10] = [
        Self::VER0,
        Self::VER1,
        Self::VER2,
        Self::VER3,
        Self::VER4,
        Self::VER5,
        Self::VER6,
        Self::VER7,
        Self::VER8,
        Self::VER9,
    ];
}

bitflags! {
    /// Which fields a sample has (`attr.sample_type`).
    #[doc(alias = "perf_event_sample_format")]
    #[repr(transparent)]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct SampleType: u64 {
        /// Instruction pointer.
        const IP = 1 << 0;
        /// Process and thread id.
        const TID = 1 << 1;
        /// Time stamp, nanoseconds.
        const TIME = 1 << 2;
        /// Data address.
        const ADDR = 1 << 3;
        /// Counter values, by `read_format`.
        const READ = 1 << 4;
        /// Call chain.
        const CALLCHAIN = 1 << 5;
        /// Id of the group leader's event.
        const ID = 1 << 6;
        /// CPU number.
        const CPU = 1 << 7;
        /// Sample period.
        const PERIOD = 1 << 8;
        /// Id of the event itself.
        const STREAM_ID = 1 << 9;
        /// Raw data; a tracepoint's record.
        const RAW = 1 << 10;
        /// Branch records.
        const BRANCH_STACK = 1 << 11;
        /// User registers.
        const REGS_USER = 1 << 12;
        /// A copy of the user stack.
        const STACK_USER = 1 << 13;
        /// Weight, one word.
        const WEIGHT = 1 << 14;
        /// Source of the data.
        const DATA_SRC = 1 << 15;
        /// The id, at a place that does not depend on the other bits.
        const IDENTIFIER = 1 << 16;
        /// Transactional memory flags.
        const TRANSACTION = 1 << 17;
        /// Registers at the interrupt.
        const REGS_INTR = 1 << 18;
        /// Physical data address.
        const PHYS_ADDR = 1 << 19;
        /// A piece of the AUX area.
        const AUX = 1 << 20;
        /// Cgroup id.
        const CGROUP = 1 << 21;
        /// Page size of the data address.
        const DATA_PAGE_SIZE = 1 << 22;
        /// Page size of the instruction pointer.
        const CODE_PAGE_SIZE = 1 << 23;
        /// Weight as three fields in one word.
        const WEIGHT_STRUCT = 1 << 24;
        const _ = !0;
    }
}

bitflags! {
    /// What `read` and the READ field of a sample hold (`attr.read_format`).
    #[doc(alias = "perf_event_read_format")]
    #[repr(transparent)]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct ReadFormat: u64 {
        /// Nanoseconds enabled.
        const TOTAL_TIME_ENABLED = 1 << 0;
        /// Nanoseconds on the PMU.
        const TOTAL_TIME_RUNNING = 1 << 1;
        /// The event's id.
        const ID = 1 << 2;
        /// All of the group.
        const GROUP = 1 << 3;
        /// Records that found no room in the ring (6.0).
        const LOST = 1 << 4;
        const _ = !0;
    }
}

bitflags! {
    /// The bit field of an attr.
    #[repr(transparent)]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct AttrFlags: u64 {
        /// Off until enabled.
        const DISABLED = 1 << 0;
        /// Children inherit it.
        const INHERIT = 1 << 1;
        /// Must always be on the PMU.
        const PINNED = 1 << 2;
        /// Alone on the PMU.
        const EXCLUSIVE = 1 << 3;
        /// Not user space.
        const EXCLUDE_USER = 1 << 4;
        /// Not the kernel.
        const EXCLUDE_KERNEL = 1 << 5;
        /// Not the hypervisor.
        const EXCLUDE_HV = 1 << 6;
        /// Not while idle.
        const EXCLUDE_IDLE = 1 << 7;
        /// MMAP records.
        const MMAP = 1 << 8;
        /// COMM records.
        const COMM = 1 << 9;
        /// `sample_period` is a frequency.
        const FREQ = 1 << 10;
        /// Counts per task.
        const INHERIT_STAT = 1 << 11;
        /// Enabled by the next `exec`.
        const ENABLE_ON_EXEC = 1 << 12;
        /// FORK and EXIT records.
        const TASK = 1 << 13;
        /// `wakeup` is a number of bytes.
        const WATERMARK = 1 << 14;
        /// Low bit of the skid constraint.
        const PRECISE_IP_LOW = 1 << 15;
        /// High bit of the skid constraint.
        const PRECISE_IP_HIGH = 1 << 16;
        /// MMAP records of data mappings.
        const MMAP_DATA = 1 << 17;
        /// A trailer with `sample_type`'s ids on every other record.
        const SAMPLE_ID_ALL = 1 << 18;
        /// Not in the host.
        const EXCLUDE_HOST = 1 << 19;
        /// Not in a guest.
        const EXCLUDE_GUEST = 1 << 20;
        /// No kernel part of call chains.
        const EXCLUDE_CALLCHAIN_KERNEL = 1 << 21;
        /// No user part of call chains.
        const EXCLUDE_CALLCHAIN_USER = 1 << 22;
        /// MMAP2 in place of MMAP.
        const MMAP2 = 1 << 23;
        /// COMM records tell an `exec`.
        const COMM_EXEC = 1 << 24;
        /// Times come from `clockid`.
        const USE_CLOCKID = 1 << 25;
        /// SWITCH records.
        const CONTEXT_SWITCH = 1 << 26;
        /// The ring is filled from its end towards its start.
        const WRITE_BACKWARD = 1 << 27;
        /// NAMESPACES records.
        const NAMESPACES = 1 << 28;
        /// KSYMBOL records.
        const KSYMBOL = 1 << 29;
        /// BPF_EVENT records.
        const BPF_EVENT = 1 << 30;
        /// Output goes to the AUX area.
        const AUX_OUTPUT = 1 << 31;
        /// CGROUP records.
        const CGROUP = 1 << 32;
        /// TEXT_POKE records.
        const TEXT_POKE = 1 << 33;
        /// Build ids in MMAP2 records.
        const BUILD_ID = 1 << 34;
        /// Only threads inherit.
        const INHERIT_THREAD = 1 << 35;
        /// Gone with the next `exec`.
        const REMOVE_ON_EXEC = 1 << 36;
        /// A SIGTRAP per overflow.
        const SIGTRAP = 1 << 37;
        /// Ask for deferred user call chains (6.19).
        const DEFER_CALLCHAIN = 1 << 38;
        /// Write CALLCHAIN_DEFERRED records (6.19).
        const DEFER_OUTPUT = 1 << 39;
        const _ = !0;
    }
}

bitflags! {
    /// Which branches are recorded, and what of each (`attr.branch_sample_type`).
    #[doc(alias = "perf_branch_sample_type")]
    #[repr(transparent)]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct BranchSampleType: u64 {
        /// In user space.
        const USER = 1 << 0;
        /// In the kernel.
        const KERNEL = 1 << 1;
        /// In the hypervisor.
        const HV = 1 << 2;
        /// Of any kind.
        const ANY = 1 << 3;
        /// The index of the newest hardware record is written, too.
        const HW_INDEX = 1 << 17;
        /// Counters follow the records (6.8).
        const COUNTERS = 1 << 19;
        const _ = !0;
    }
}

bitflags! {
    /// Flags of the system call itself.
    #[repr(transparent)]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct OpenFlags: u64 {
        /// The group descriptor gives no group.
        const FD_NO_GROUP = 1 << 0;
        /// The group descriptor gives the ring (see SET_OUTPUT).
        const FD_OUTPUT = 1 << 1;
        /// The pid is a descriptor of a cgroup directory.
        const PID_CGROUP = 1 << 2;
        /// Close on `exec`.
        const FD_CLOEXEC = 1 << 3;
        const _ = !0;
    }
}

/// What is to be counted or sampled, and how.
///
/// The fields have the kernel's names; unions carry the name of their commonest use. A new one is all zeros.
#[doc(alias = "perf_event_attr")]
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EventAttr {
    /// Major type.
    pub kind: EventType,
    /// Size of the structure; set while encoding.
    pub size: u32,
    /// What of that type.
    pub config: u64,
    /// Events per sample, or samples per second with FREQ.
    #[doc(alias = "sample_freq")]
    pub sample_period: u64,
    /// Fields of a sample.
    pub sample_type: SampleType,
    /// Fields of a counter reading.
    pub read_format: ReadFormat,
    /// The bit field.
    pub flags: AttrFlags,
    /// Samples per wake-up, or bytes with WATERMARK.
    #[doc(alias = "wakeup_events")]
    #[doc(alias = "wakeup_watermark")]
    pub wakeup: u32,
    /// Kind of a breakpoint.
    pub bp_type: u32,
    /// Extension of `config`; a breakpoint's address.
    pub config1: u64,
    /// Extension of `config1`; a breakpoint's length.
    pub config2: u64,
    /// Which branches to record.
    pub branch_sample_type: BranchSampleType,
    /// User registers in a sample, a mask.
    pub sample_regs_user: u64,
    /// Bytes of user stack in a sample.
    pub sample_stack_user: u32,
    /// The clock of all times, with USE_CLOCKID.
    pub clockid: i32,
    /// Registers at the interrupt, a mask.
    pub sample_regs_intr: u64,
    /// Bytes of AUX data per wake-up.
    pub aux_watermark: u32,
    /// Most frames of a call chain.
    pub sample_max_stack: u16,
    /// Reserved.
    pub reserved_2: u16,
    /// Bytes of AUX data in a sample.
    pub aux_sample_size: u32,
    /// Pause and resume of AUX tracing (6.13); reserved before.
    pub aux_action: u32,
    /// Handed to the SIGTRAP handler.
    pub sig_data: u64,
    /// Extension of `config2` (6.3).
    pub config3: u64,
    /// Extension of `config3`.
    pub config4: u64,
}

const _: () = {
    use core::mem::offset_of;
    assert!(
        size_of::<EventAttr>() == AttrSize::VER9.0 as usize
            && align_of::<EventAttr>() == align_of::<u64>()
    );
    assert!(offset_of!(EventAttr, size) == 4);
    assert!(offset_of!(EventAttr, config) == 8);
    assert!(offset_of!(EventAttr, sample_period) == 16);
    assert!(offset_of!(EventAttr, sample_type) == 24);
    assert!(offset_of!(EventAttr, read_format) == 32);
    assert!(offset_of!(EventAttr, flags) == 40);
    assert!(offset_of!(EventAttr, wakeup) == 48);
    assert!(offset_of!(EventAttr, bp_type) == 52);
    assert!(offset_of!(EventAttr, config1) == 56);
    // Each version begins where the one before it ended.
    assert!(offset_of!(EventAttr, config2) == AttrSize::VER0.0 as usize);
    assert!(offset_of!(EventAttr, branch_sample_type) == AttrSize::VER1.0 as usize);
    assert!(offset_of!(EventAttr, sample_regs_user) == AttrSize::VER2.0 as usize);
    assert!(offset_of!(EventAttr, sample_stack_user) == 88);
    assert!(offset_of!(EventAttr, clockid) == 92);
    assert!(offset_of!(EventAttr, sample_regs_intr) == AttrSize::VER3.0 as usize);
    assert!(offset_of!(EventAttr, aux_watermark) == AttrSize::VER4.0 as usize);
    assert!(offset_of!(EventAttr, sample_max_stack) == 108);
    assert!(offset_of!(EventAttr, aux_sample_size) == AttrSize::VER5.0 as usize);
    assert!(offset_of!(EventAttr, aux_action) == 116);
    assert!(offset_of!(EventAttr, sig_data) == AttrSize::VER6.0 as usize);
    assert!(offset_of!(EventAttr, config3) == AttrSize::VER7.0 as usize);
    assert!(offset_of!(EventAttr, config4) == AttrSize::VER8.0 as usize);
};

/// The whole structure, bytes.
const FULL: usize = size_of::<EventAttr>();

impl EventAttr {
    /// The structure's bytes in the largest published size, with the size field as it stands.
    fn image(&self) -> [u8; FULL] {
        let mut bytes = [0; FULL];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            for (to, from) in bytes.iter_mut().skip(at).zip(field) {
                *to = *from;
            }
            at += field.len();
        };
        put(&self.kind.0.to_ne_bytes());
        put(&self.size.to_ne_bytes());
        put(&self.config.to_ne_bytes());
        put(&self.sample_period.to_ne_bytes());
        put(&self.sample_type.bits().to_ne_bytes());
        put(&self.read_format.bits().to_ne_bytes());
        put(&self.flags.bits().to_ne_bytes());
        put(&self.wakeup.to_ne_bytes());
        put(&self.bp_type.to_ne_bytes());
        put(&self.config1.to_ne_bytes());
        put(&self.config2.to_ne_bytes());
        put(&self.branch_sample_type.bits().to_ne_bytes());
        put(&self.sample_regs_user.to_ne_bytes());
        put(&self.sample_stack_user.to_ne_bytes());
        put(&self.clockid.to_ne_bytes());
        put(&self.sample_regs_intr.to_ne_bytes());
        put(&self.aux_watermark.to_ne_bytes());
        put(&self.sample_max_stack.to_ne_bytes());
        put(&self.reserved_2.to_ne_bytes());
        put(&self.aux_sample_size.to_ne_bytes());
        put(&self.aux_action.to_ne_bytes());
        put(&self.sig_data.to_ne_bytes());
        put(&self.config3.to_ne_bytes());
        put(&self.config4.to_ne_bytes());
        bytes
    }

    /// The smallest published size that holds every field in use: what an older kernel can still accept.
    #[must_use]
    pub fn least_size(&self) -> AttrSize {
        let bytes = self.image();
        let used = bytes
            .iter()
            .rposition(|b| *b != 0)
            .map_or(0, |last| last + 1);
        AttrSize::ALL
            .into_iter()
            .find(|size| size.0 as usize >= used)
            .unwrap_or(AttrSize::VER9)
    }

    /// The bytes of one published version, with its size in the size field.
    ///
    /// # Errors
    ///
    /// [`Error::AttrSize`] for a size that was never published, or one too small for a field in use.
    pub fn to_bytes(&self, size: AttrSize) -> Result<Vec<u8>, Error> {
        let refused = Error::AttrSize {
            size: size.0 as usize,
        };
        if !AttrSize::ALL.contains(&size) {
            return Err(refused);
        }
        let mut bytes = EventAttr {
            size: size.0,
            ..*self
        }
        .image()
        .to_vec();
        let surplus = bytes.split_off(size.0 as usize);
        if surplus.iter().any(|b| *b != 0) {
            return Err(refused);
        }
        Ok(bytes)
    }

    /// Reads an attr of any length, as the kernel does: what is missing is 0, what is beyond must be 0.
    ///
    /// # Errors
    ///
    /// [`Error::AttrSize`] when it is shorter than the first version, or something nobody knows is not 0.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        use super::{take_u16, take_u32, take_u64};
        let refused = Error::AttrSize { size: bytes.len() };
        let known = bytes.get(..FULL.min(bytes.len())).unwrap_or(bytes);
        if known.len() < AttrSize::VER0.0 as usize || bytes.iter().skip(FULL).any(|b| *b != 0) {
            return Err(refused);
        }
        let mut image = [0; FULL];
        for (to, from) in image.iter_mut().zip(known) {
            *to = *from;
        }
        let mut rest = image.as_slice();
        let rest = &mut rest;
        let read = |rest: &mut &[u8]| {
            Some(EventAttr {
                kind: EventType(take_u32(rest)?),
                size: take_u32(rest)?,
                config: take_u64(rest)?,
                sample_period: take_u64(rest)?,
                sample_type: SampleType::from_bits_retain(take_u64(rest)?),
                read_format: ReadFormat::from_bits_retain(take_u64(rest)?),
                flags: AttrFlags::from_bits_retain(take_u64(rest)?),
                wakeup: take_u32(rest)?,
                bp_type: take_u32(rest)?,
                config1: take_u64(rest)?,
                config2: take_u64(rest)?,
                branch_sample_type: BranchSampleType::from_bits_retain(take_u64(rest)?),
                sample_regs_user: take_u64(rest)?,
                sample_stack_user: take_u32(rest)?,
                clockid: take_u32(rest)?.cast_signed(),
                sample_regs_intr: take_u64(rest)?,
                aux_watermark: take_u32(rest)?,
                sample_max_stack: take_u16(rest)?,
                reserved_2: take_u16(rest)?,
                aux_sample_size: take_u32(rest)?,
                aux_action: take_u32(rest)?,
                sig_data: take_u64(rest)?,
                config3: take_u64(rest)?,
                config4: take_u64(rest)?,
            })
        };
        read(rest).ok_or(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> EventAttr {
        EventAttr {
            kind: EventType(9),
            size: AttrSize::VER9.0,
            config: 1,
            sample_period: 2,
            sample_type: SampleType::from_bits_retain(3),
            read_format: ReadFormat::from_bits_retain(4),
            flags: AttrFlags::from_bits_retain(0x1_0000_0000_0005),
            wakeup: 6,
            bp_type: 7,
            config1: 8,
            config2: 9,
            branch_sample_type: BranchSampleType::from_bits_retain(10),
            sample_regs_user: 11,
            sample_stack_user: 12,
            clockid: -13,
            sample_regs_intr: 14,
            aux_watermark: 15,
            sample_max_stack: 16,
            reserved_2: 17,
            aux_sample_size: 18,
            aux_action: 19,
            sig_data: 20,
            config3: 21,
            config4: 22,
        }
    }

    #[test]
    fn the_bytes_are_the_structure() {
        let bytes = full().to_bytes(AttrSize::VER9).unwrap();
        assert_eq!(EventAttr::from_bytes(&bytes).unwrap(), full());
        // Three offsets of the header, read independently of the encoder.
        assert_eq!(bytes[92..96], (-13i32).to_ne_bytes());
        assert_eq!(bytes[108..110], 16u16.to_ne_bytes());
        assert_eq!(bytes[136..144], 22u64.to_ne_bytes());
    }

    #[test]
    fn every_published_size_is_cut_and_read_back() {
        for size in AttrSize::ALL {
            let mut bytes = full().to_bytes(AttrSize::VER9).unwrap();
            bytes.truncate(size.0 as usize);
            bytes[4..8].copy_from_slice(&size.0.to_ne_bytes());
            let attr = EventAttr::from_bytes(&bytes).unwrap();
            assert_eq!(attr.least_size(), size);
            assert_eq!(attr.to_bytes(size).unwrap(), bytes);
        }
    }

    #[test]
    fn a_size_that_loses_a_field_is_refused() {
        assert!(matches!(
            full().to_bytes(AttrSize::VER8),
            Err(Error::AttrSize { size: 136 })
        ));
        assert!(matches!(
            EventAttr::default().to_bytes(AttrSize(73)),
            Err(Error::AttrSize { size: 73 })
        ));
        assert!(EventAttr::from_bytes(&[0; 63]).is_err());
        // A future version: accepted while its new fields are 0, as the kernel does.
        assert!(EventAttr::from_bytes(&[0; 152]).is_ok());
        let mut longer = [0; 152];
        longer[151] = 1;
        assert!(EventAttr::from_bytes(&longer).is_err());
    }
}
