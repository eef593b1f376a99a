//! `struct mce`: the record as the kernel hands it out, in every length that it ever had.
//!
//! /dev/mcelog, pstore's `mce-erst-*` files and CPER sections of Linux carry this struct, little endian. It
//! only ever grew at the end, but for one change: until 2.6.30 the words at 48 and 56 were reserved and the
//! processor's number was the byte at 66.
//!
//! | length | since | added |
//! |---|---|---|
//! | 72 | 2.6 | status … tsc, cs, bank, cpu |
//! | 88 | 2.6.31 | time, cpuvendor, cpuid, extcpu, socketid, apicid, mcgcap |
//! | 104 | 4.9 | synd, ipid |
//! | 112 | 4.10 | ppin |
//! | 120 (32-bit: 116) | 4.17 | microcode, and on 64-bit kernels four bytes of padding |
//! | 128 (32-bit: 124) | 5.8 | kflags |
//!
//! A 32-bit kernel aligns 64-bit fields to four bytes, so its struct has no padding after `microcode`, and
//! `kflags` stands at 116. Everything before is the same.
//!
//! A longer struct than any known is read as far as it is known, and the surplus is reported. (Source:
//! arch/x86/include/uapi/asm/mce.h and its history.)

use core::fmt;
use core::mem::offset_of;

use byteorder::{ByteOrder, LittleEndian};

use crate::record::{Present, Record};
use crate::regs::Status;

/// Every length that a released kernel used, in bytes, ascending; 116 and 124 are of 32-bit kernels.
pub const LENGTHS: [usize; 8] = [72, 88, 104, 112, 116, 120, LEN_32BIT, 128];

/// The struct of a 32-bit kernel from 5.8 on: `kflags` without padding before it.
const LEN_32BIT: usize = 124;

/// The shortest struct that a kernel ever used.
pub const MIN_LEN: usize = LENGTHS[0];

/// The longest struct that this crate knows.
pub const MAX_LEN: usize = LENGTHS[LENGTHS.len() - 1];

/// `struct mce` of Linux 5.8 and later, field by field.
///
/// Fields that a shorter struct does not have are zero. [`Wire`] remembers how long it was.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Mce {
    /// MCi_STATUS.
    pub status: u64,
    /// MCi_MISC.
    pub misc: u64,
    /// MCi_ADDR.
    pub addr: u64,
    /// MCG_STATUS.
    pub mcgstatus: u64,
    /// Instruction pointer.
    pub ip: u64,
    /// Time stamp counter; zero for polled errors.
    pub tsc: u64,
    /// Seconds since 1970.
    pub time: u64,
    /// Vendor, by the kernel's numbers.
    pub cpuvendor: u8,
    /// For injection only: what to do with the record (`MCJ_*`).
    pub inject_flags: u8,
    /// The kernel's grade.
    pub severity: u8,
    /// Padding.
    pub pad: u8,
    /// CPUID(1).EAX.
    pub cpuid: u32,
    /// Code segment.
    pub cs: u8,
    /// Bank.
    pub bank: u8,
    /// The processor's number before 2.6.31.
    pub cpu: u8,
    /// The entry is complete.
    pub finished: u8,
    /// The processor's number.
    pub extcpu: u32,
    /// Package.
    pub socketid: u32,
    /// Initial APIC id.
    pub apicid: u32,
    /// MCG_CAP.
    pub mcgcap: u64,
    /// MCA_SYND.
    pub synd: u64,
    /// MCA_IPID.
    pub ipid: u64,
    /// PPIN.
    pub ppin: u64,
    /// Microcode revision.
    pub microcode: u32,
    /// Padding before `kflags`.
    pub pad2: u32,
    /// Internal to the kernel (`MCE_HANDLED_*`).
    pub kflags: u64,
}

/// Reads and writes a field at the offset that it has in the struct, and proves while compiling that the
/// offset is the kernel's.
macro_rules! layout {
    ($($field:ident at $offset:literal as $ty:ident;)*) => {
        $(const _: () = assert!(offset_of!(Mce, $field) == $offset);)*
        const _: () = assert!(size_of::<Mce>() == MAX_LEN && align_of::<Mce>() == 8);

        impl Mce {
            #[inline]
            fn from_array(bytes: &[u8; MAX_LEN]) -> Self {
                Self { $($field: layout!(@get $ty bytes $offset),)* }
            }

            /// The struct as bytes, in the longest layout.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; MAX_LEN] {
                let mut bytes = [0; MAX_LEN];
                $(layout!(@put $ty bytes $offset self.$field);)*
                bytes
            }
        }
    };
    (@get u8 $b:ident $o:literal) => { $b[$o] };
    (@get u32 $b:ident $o:literal) => { LittleEndian::read_u32(&$b[$o..$o + 4]) };
    (@get u64 $b:ident $o:literal) => { LittleEndian::read_u64(&$b[$o..$o + 8]) };
    (@put u8 $b:ident $o:literal $v:expr) => { $b[$o] = $v };
    (@put u32 $b:ident $o:literal $v:expr) => { LittleEndian::write_u32(&mut $b[$o..$o + 4], $v) };
    (@put u64 $b:ident $o:literal $v:expr) => { LittleEndian::write_u64(&mut $b[$o..$o + 8], $v) };
}

layout! {
    status at 0 as u64;
    misc at 8 as u64;
    addr at 16 as u64;
    mcgstatus at 24 as u64;
    ip at 32 as u64;
    tsc at 40 as u64;
    time at 48 as u64;
    cpuvendor at 56 as u8;
    inject_flags at 57 as u8;
    severity at 58 as u8;
    pad at 59 as u8;
    cpuid at 60 as u32;
    cs at 64 as u8;
    bank at 65 as u8;
    cpu at 66 as u8;
    finished at 67 as u8;
    extcpu at 68 as u32;
    socketid at 72 as u32;
    apicid at 76 as u32;
    mcgcap at 80 as u64;
    synd at 88 as u64;
    ipid at 96 as u64;
    ppin at 104 as u64;
    microcode at 112 as u32;
    pad2 at 116 as u32;
    kflags at 120 as u64;
}

/// A `struct mce` as read, with the length that it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wire {
    /// The fields; those beyond `len` are zero.
    pub mce: Mce,
    /// How many of the known bytes the struct had: [`MIN_LEN`] to [`MAX_LEN`].
    pub len: usize,
    /// How many bytes followed that this crate does not know.
    pub surplus: usize,
}

/// A length that no `struct mce` can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthError {
    /// The length, in bytes.
    pub len: usize,
}

impl fmt::Display for LengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a struct mce has at least {MIN_LEN} bytes, not {}",
            self.len
        )
    }
}

impl core::error::Error for LengthError {}

impl Wire {
    /// Reads one struct that fills `bytes`.
    ///
    /// # Errors
    ///
    /// [`LengthError`] where `bytes` is shorter than any kernel's struct.
    #[inline]
    pub fn read(bytes: &[u8]) -> Result<Self, LengthError> {
        let Raw(bytes) = Raw::new(bytes)?;
        let (known, len) = match bytes.first_chunk() {
            Some(known) => (*known, MAX_LEN),
            None => widened(bytes),
        };
        Ok(Self {
            mce: Mce::from_array(&known),
            len,
            surplus: bytes.len() - len,
        })
    }

    /// The record; see [`Raw::record`], which gives it without the fields between.
    #[must_use]
    #[inline]
    pub fn record(&self) -> Record {
        from_array(&self.mce.to_bytes(), self.len)
    }
}

/// A `struct mce` as bytes that are not taken apart yet: for whoever wants the record and no more.
///
/// ```
/// use mcekit::wire::{MAX_LEN, Raw};
///
/// let mut bytes = [0; MAX_LEN];
/// bytes[..8].copy_from_slice(&0xbea0_0000_0000_0108_u64.to_le_bytes());
/// let record = Raw::new(&bytes)?.record();
/// assert_eq!(record.status().0, 0xbea0_0000_0000_0108);
/// # Ok::<(), mcekit::wire::LengthError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Raw<'a>(&'a [u8]);

impl<'a> Raw<'a> {
    /// One struct that fills `bytes`.
    ///
    /// # Errors
    ///
    /// [`LengthError`] where `bytes` is shorter than any kernel's struct.
    #[inline]
    pub const fn new(bytes: &'a [u8]) -> Result<Self, LengthError> {
        if bytes.len() < MIN_LEN {
            return Err(LengthError { len: bytes.len() });
        }
        Ok(Self(bytes))
    }

    /// The record, with what the kernel left at zero marked as absent.
    ///
    /// MCi_ADDR and MCi_MISC are present where MCi_STATUS says so or they are not zero. TSC is zero for a polled
    /// error; the instruction pointer where it is not known; CPUID, time, MCG_CAP, PPIN, microcode and the
    /// scalable-MCA registers where the kernel does not fill them.
    #[must_use]
    #[inline]
    pub fn record(self) -> Record {
        match self.0.first_chunk() {
            Some(known) => from_array(known, MAX_LEN),
            None => short(self.0),
        }
    }
}

/// The record of an older kernel's struct.
#[cold]
#[inline(never)]
fn short(bytes: &[u8]) -> Record {
    let (known, len) = widened(bytes);
    from_array(&known, len)
}

/// The struct of an older kernel in the longest layout, and how many bytes of it were known: fields that it has in part
/// are not.
fn widened(bytes: &[u8]) -> ([u8; MAX_LEN], usize) {
    let len = LENGTHS.into_iter().rfind(|&len| len <= bytes.len());
    let len = len.unwrap_or(0);
    let mut array = [0; MAX_LEN];
    array[..len].copy_from_slice(&bytes[..len]);
    if len == LEN_32BIT {
        array.copy_within(116..124, 120);
        array[116..120].fill(0);
    }
    if len == MIN_LEN {
        // The words that came to mean time and processor were reserved.
        array[offset_of!(Mce, time)..offset_of!(Mce, cs)].fill(0);
        let cpu = [array[offset_of!(Mce, cpu)], 0, 0, 0];
        array[offset_of!(Mce, extcpu)..offset_of!(Mce, socketid)].copy_from_slice(&cpu);
    }
    (array, len)
}

/// The record of a struct that had `len` bytes.
#[inline]
fn from_array(bytes: &[u8; MAX_LEN], len: usize) -> Record {
    let present = present(bytes, len);
    Record::from_kernel(&Mce::from_array(bytes), present)
}

/// Which parts a struct of `len` bytes gives.
///
/// Reads the bytes by itself, in words of another size than the registers have: those then go from struct to record
/// in blocks, and not one by one through the processor.
#[inline]
fn present(bytes: &[u8; MAX_LEN], len: usize) -> Present {
    let word = |at: usize| LittleEndian::read_u32(&bytes[at..at + 4]);
    let status = Status(u64::from(word(4)) << 32);
    let mut present = Present::STATUS | Present::BANK | Present::MCGSTATUS | Present::CPU;
    macro_rules! given {
        ($part:expr, if not_zero($field:ident: u64)) => {
            let at = offset_of!(Mce, $field);
            given!($part, if word(at) | word(at + 4) != 0);
        };
        ($part:expr, if not_zero($field:ident: u32)) => {
            given!($part, if word(offset_of!(Mce, $field)) != 0);
        };
        ($part:expr, if not_zero($field:ident: u8)) => {
            given!($part, if bytes[offset_of!(Mce, $field)] != 0);
        };
        ($part:expr, if $given:expr) => {
            if $given {
                present |= $part;
            }
        };
    }
    given!(Present::ADDR, if not_zero(addr: u64));
    given!(Present::ADDR, if status.addrv());
    given!(Present::MISC, if not_zero(misc: u64));
    given!(Present::MISC, if status.miscv());
    given!(Present::IP | Present::CS, if not_zero(ip: u64));
    given!(Present::IP | Present::CS, if not_zero(cs: u8));
    given!(Present::TSC, if not_zero(tsc: u64));
    given!(Present::TIME, if not_zero(time: u64));
    given!(Present::CPUID | Present::VENDOR, if not_zero(cpuid: u32));
    given!(Present::VENDOR, if not_zero(cpuvendor: u8));
    given!(Present::SOCKET | Present::APICID, if len > MIN_LEN);
    given!(Present::MCGCAP, if not_zero(mcgcap: u64));
    given!(Present::IPID, if not_zero(ipid: u64));
    given!(Present::SYND, if not_zero(synd: u64));
    given!(Present::SYND, if status.syndv() & present.contains(Present::IPID));
    given!(Present::PPIN, if not_zero(ppin: u64));
    given!(Present::MICROCODE, if not_zero(microcode: u32));
    present
}

impl From<&Record> for Mce {
    /// The struct for a record: what the record does not have is zero, as in the kernel.
    ///
    /// SYND1 and SYND2 have no place in the struct. `finished` is set.
    fn from(record: &Record) -> Self {
        let cpu = record.cpu().unwrap_or(0);
        Self {
            status: record.status().0,
            misc: record.misc().unwrap_or_default().0,
            addr: record.addr().unwrap_or_default().0,
            mcgstatus: record.mcgstatus().unwrap_or_default().0,
            ip: record.ip().unwrap_or(0),
            tsc: record.tsc().unwrap_or(0),
            time: record.time().unwrap_or(0),
            cpuvendor: record.vendor().map_or(0, |v| v.0),
            inject_flags: 0,
            severity: 0,
            pad: 0,
            cpuid: record.cpuid().map_or(0, |c| c.0),
            cs: record.cs().unwrap_or(0),
            bank: record.bank().unwrap_or(0),
            cpu: u8::try_from(cpu).unwrap_or(u8::MAX),
            finished: 1,
            extcpu: cpu,
            socketid: record.socket().unwrap_or(0),
            apicid: record.apicid().unwrap_or(0),
            mcgcap: record.mcgcap().unwrap_or_default().0,
            synd: record.synd().unwrap_or_default().0,
            ipid: record.ipid().unwrap_or_default().0,
            ppin: record.ppin().unwrap_or_default().0,
            microcode: record.microcode().unwrap_or(0),
            pad2: 0,
            kflags: 0,
        }
    }
}

/// The parts of a record that [`Mce`] cannot carry.
pub const NOT_CARRIED: Present = Present::SYND1.union(Present::SYND2);

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    /// A struct in which every byte is different.
    fn pattern() -> [u8; MAX_LEN] {
        core::array::from_fn(|i| i as u8 + 1)
    }

    #[test]
    fn bytes_round_trip() {
        let wire = Wire::read(&pattern()).unwrap();
        assert_eq!(wire.mce.to_bytes(), pattern());
        assert_eq!((wire.len, wire.surplus), (128, 0));
    }

    #[test]
    fn every_published_length() {
        for len in LENGTHS {
            let wire = Wire::read(&pattern()[..len]).unwrap();
            assert_eq!(wire.len, len);
            let record = wire.record();
            assert_eq!(
                record.status().0,
                u64::from_le_bytes([1, 2, 3, 4, 5, 6, 7, 8])
            );
            assert_eq!(record.cpuid().is_some(), len >= 88);
            assert_eq!(record.ipid().is_some(), len >= 104);
            assert_eq!(record.ppin().is_some(), len >= 112);
            assert_eq!(record.microcode().is_some(), len >= 116);
            assert_eq!(record.cpu(), Some(if len == 72 { 67 } else { 0x4847_4645 }));
        }
    }

    #[test]
    fn one_bit_makes_a_part_present() {
        for (at, bit) in (0..MAX_LEN).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut bytes = [0; MAX_LEN];
            bytes[at] = 1 << bit;
            let m = Wire::read(&bytes).unwrap().mce;
            let status = Status(m.status);
            let always = Present::STATUS | Present::BANK | Present::MCGSTATUS | Present::CPU;
            let mut expected = always | Present::SOCKET | Present::APICID;
            expected.set(Present::ADDR, status.addrv() || m.addr != 0);
            expected.set(Present::MISC, status.miscv() || m.misc != 0);
            expected.set(Present::IP | Present::CS, m.ip != 0 || m.cs != 0);
            expected.set(Present::TSC, m.tsc != 0);
            expected.set(Present::TIME, m.time != 0);
            expected.set(Present::CPUID, m.cpuid != 0);
            expected.set(Present::VENDOR, m.cpuid != 0 || m.cpuvendor != 0);
            expected.set(Present::MCGCAP, m.mcgcap != 0);
            expected.set(Present::SYND, m.synd != 0);
            expected.set(Present::IPID, m.ipid != 0);
            expected.set(Present::PPIN, m.ppin != 0);
            expected.set(Present::MICROCODE, m.microcode != 0);
            let record = Raw::new(&bytes).unwrap().record();
            assert_eq!(record.present(), expected, "byte {at} bit {bit}");
        }
    }

    #[test]
    fn synd_may_be_zero_where_the_bank_has_one() {
        let ipid = Mce {
            status: Status::SYNDV,
            ipid: 1 << 40,
            ..Mce::default()
        };
        let without = Mce { ipid: 0, ..ipid };
        let synd = |mce: Mce| Raw::new(&mce.to_bytes()).unwrap().record().synd();
        assert_eq!((synd(ipid), synd(without)), (Some(crate::Synd(0)), None));
    }

    #[test]
    fn kflags_of_either_word_size() {
        let kflags = |len| {
            Wire::read(&pattern()[..len])
                .unwrap()
                .mce
                .kflags
                .to_le_bytes()
        };
        assert_eq!(kflags(128), [121, 122, 123, 124, 125, 126, 127, 128]);
        assert_eq!(kflags(124), [117, 118, 119, 120, 121, 122, 123, 124]);
        assert_eq!(kflags(120), [0; 8]);
    }

    #[test]
    fn surplus_is_reported_and_short_is_refused() {
        let long = vec![0xff; 160];
        assert_eq!(Wire::read(&long).unwrap().surplus, 32);
        assert_eq!(Wire::read(&long[..71]), Err(LengthError { len: 71 }));
        assert_eq!(Wire::read(&[]), Err(LengthError { len: 0 }));
    }

    #[test]
    fn a_record_survives_the_struct() {
        let wire = Wire::read(&pattern()).unwrap();
        let again = Wire {
            mce: Mce::from(&wire.record()),
            ..wire
        };
        assert_eq!(again.record(), wire.record());
    }
}
