//! One machine check, as registers, and which of them the channel gave.

use bitflags::bitflags;

use crate::arch::Decoding;
use crate::regs::{
    Addr, CpuSignature, FruText, Ipid, McgCap, McgStatus, Misc, Ppin, Status, Synd, Synd1, Synd2,
    Vendor, fru_text,
};
use crate::wire::Mce;

bitflags! {
    /// Which parts of a [`Record`] the channel really gave.
    ///
    /// A kernel writes zero for "not available", a text may have lost a line: whoever builds the record knows,
    /// and says so here, once.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct Present: u32 {
        /// MCi_STATUS.
        const STATUS = 1 << 0;
        /// The bank's number.
        const BANK = 1 << 1;
        /// MCi_ADDR.
        const ADDR = 1 << 2;
        /// MCi_MISC.
        const MISC = 1 << 3;
        /// MCG_STATUS.
        const MCGSTATUS = 1 << 4;
        /// MCG_CAP.
        const MCGCAP = 1 << 5;
        /// MCA_SYND.
        const SYND = 1 << 6;
        /// MCA_SYND1.
        const SYND1 = 1 << 7;
        /// MCA_SYND2.
        const SYND2 = 1 << 8;
        /// MCA_IPID.
        const IPID = 1 << 9;
        /// The instruction pointer.
        const IP = 1 << 10;
        /// The code segment.
        const CS = 1 << 11;
        /// The time stamp counter.
        const TSC = 1 << 12;
        /// Wall-clock time.
        const TIME = 1 << 13;
        /// The processor's number, as the operating system counts.
        const CPU = 1 << 14;
        /// The package's number.
        const SOCKET = 1 << 15;
        /// The initial APIC id.
        const APICID = 1 << 16;
        /// CPUID(1).EAX.
        const CPUID = 1 << 17;
        /// The vendor.
        const VENDOR = 1 << 18;
        /// The protected processor inventory number.
        const PPIN = 1 << 19;
        /// The microcode revision.
        const MICROCODE = 1 << 20;
    }
}

/// One machine check: the raw registers, in newtypes.
///
/// Accessors return `Option`: `None` where the channel did not give the value. The `valid_*` accessors also
/// ask MCi_STATUS whether the register means anything.
///
/// ```
/// use mcekit::{Misc, Record, Status};
///
/// let record = Record::new(5, Status(0xbea0_0000_0000_0108)).with_misc(Misc(0xd012_0ffe_0000_0000));
/// assert_eq!(record.misc(), Some(Misc(0xd012_0ffe_0000_0000)));
/// assert_eq!(record.addr(), None);
/// ```
// Registers stand in the order of the kernel's struct, so that they are copied from there in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub struct Record {
    status: Status,
    misc: Misc,
    addr: Addr,
    mcgstatus: McgStatus,
    ip: u64,
    tsc: u64,
    time: u64,
    mcgcap: McgCap,
    synd: Synd,
    ipid: Ipid,
    ppin: Ppin,
    synd1: Synd1,
    synd2: Synd2,
    cpu: u32,
    socket: u32,
    apicid: u32,
    cpuid: u32,
    microcode: u32,
    present: Present,
    bank: u8,
    cs: u8,
    vendor: u8,
}

/// An accessor, a setter and a removal for one plain field: stored as `$raw`, handed out as `$ty`.
macro_rules! field {
    ($(#[$doc:meta])* $get:ident $with:ident: $ty:ty, $flag:ident) => {
        $(#[$doc])*
        #[must_use]
        #[inline]
        pub const fn $get(&self) -> Option<$ty> {
            if self.present.contains(Present::$flag) { Some(self.$get) } else { None }
        }

        #[doc = concat!("The record with `", stringify!($get), "` set.")]
        #[must_use]
        pub const fn $with(mut self, value: $ty) -> Self {
            self.$get = value;
            self.present = self.present.union(Present::$flag);
            self
        }
    };
}

impl Record {
    /// A record of one bank's status; everything else is still absent.
    #[must_use]
    pub const fn new(bank: u8, status: Status) -> Self {
        Self::empty().with_bank(bank).with_status(status)
    }

    /// A record of which nothing is known yet.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            present: Present::empty(),
            status: Status(0),
            addr: Addr(0),
            misc: Misc(0),
            mcgstatus: McgStatus(0),
            mcgcap: McgCap(0),
            synd: Synd(0),
            synd1: Synd1(0),
            synd2: Synd2(0),
            ipid: Ipid(0),
            ip: 0,
            tsc: 0,
            time: 0,
            ppin: Ppin(0),
            cpu: 0,
            socket: 0,
            apicid: 0,
            cpuid: 0,
            microcode: 0,
            bank: 0,
            cs: 0,
            vendor: 0,
        }
    }

    /// The record of a kernel's struct; a part that is not present is zero there.
    #[inline]
    pub(crate) const fn from_kernel(m: &Mce, present: Present) -> Self {
        Self {
            present,
            status: Status(m.status),
            addr: Addr(m.addr),
            misc: Misc(m.misc),
            mcgstatus: McgStatus(m.mcgstatus),
            mcgcap: McgCap(m.mcgcap),
            synd: Synd(m.synd),
            synd1: Synd1(0),
            synd2: Synd2(0),
            ipid: Ipid(m.ipid),
            ip: m.ip,
            tsc: m.tsc,
            time: m.time,
            ppin: Ppin(m.ppin),
            cpu: m.extcpu,
            socket: m.socketid,
            apicid: m.apicid,
            cpuid: m.cpuid,
            microcode: m.microcode,
            bank: m.bank,
            cs: m.cs,
            vendor: m.cpuvendor,
        }
    }

    /// Which parts the channel gave.
    #[must_use]
    pub const fn present(&self) -> Present {
        self.present
    }

    /// The bank's registers as tables number them: MCi_STATUS, MISC, ADDR, SYND, SYND1, SYND2, IPID. Zero where the channel
    /// did not give them.
    #[inline]
    pub(crate) const fn of_bank(&self) -> [u64; 7] {
        [
            self.status.0,
            self.misc.0,
            self.addr.0,
            self.synd.0,
            self.synd1.0,
            self.synd2.0,
            self.ipid.0,
        ]
    }

    /// MCi_STATUS. A record that came without one reads as zero, which is not valid.
    #[must_use]
    #[inline]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// The record with MCi_STATUS set.
    #[must_use]
    pub const fn with_status(mut self, status: Status) -> Self {
        self.status = status;
        self.present = self.present.union(Present::STATUS);
        self
    }

    field! {
        /// The number of the bank that reported, as the operating system counts.
        bank with_bank: u8, BANK
    }
    field! {
        /// MCi_ADDR as the channel gave it; see [`Self::valid_addr`].
        addr with_addr: Addr, ADDR
    }
    field! {
        /// MCi_MISC as the channel gave it; see [`Self::valid_misc`].
        misc with_misc: Misc, MISC
    }
    field! {
        /// MCG_STATUS when the error was found.
        mcgstatus with_mcgstatus: McgStatus, MCGSTATUS
    }
    field! {
        /// MCG_CAP of the processor.
        mcgcap with_mcgcap: McgCap, MCGCAP
    }
    field! {
        /// MCA_SYND as the channel gave it; see [`Self::valid_synd`].
        synd with_synd: Synd, SYND
    }
    field! {
        /// MCA_SYND1.
        synd1 with_synd1: Synd1, SYND1
    }
    field! {
        /// MCA_SYND2.
        synd2 with_synd2: Synd2, SYND2
    }
    field! {
        /// MCA_IPID.
        ipid with_ipid: Ipid, IPID
    }
    field! {
        /// The instruction pointer that the exception pushed.
        ip with_ip: u64, IP
    }
    field! {
        /// The code segment that the exception pushed.
        cs with_cs: u8, CS
    }
    field! {
        /// The time stamp counter when the error was found; absent for polled errors.
        tsc with_tsc: u64, TSC
    }
    field! {
        /// Seconds since 1970 when the error was found.
        time with_time: u64, TIME
    }
    field! {
        /// The processor that reported, as the operating system counts.
        cpu with_cpu: u32, CPU
    }
    field! {
        /// The package of that processor.
        socket with_socket: u32, SOCKET
    }
    field! {
        /// The initial APIC id of that processor.
        apicid with_apicid: u32, APICID
    }
    field! {
        /// The protected inventory number of the package.
        ppin with_ppin: Ppin, PPIN
    }
    field! {
        /// The microcode revision.
        microcode with_microcode: u32, MICROCODE
    }

    /// CPUID(1).EAX of the processor.
    #[must_use]
    #[inline]
    pub const fn cpuid(&self) -> Option<CpuSignature> {
        if self.present.contains(Present::CPUID) {
            Some(CpuSignature(self.cpuid))
        } else {
            None
        }
    }

    /// The record with `cpuid` set.
    #[must_use]
    pub const fn with_cpuid(mut self, signature: CpuSignature) -> Self {
        self.cpuid = signature.0;
        self.present = self.present.union(Present::CPUID);
        self
    }

    /// The processor's vendor.
    #[must_use]
    #[inline]
    pub const fn vendor(&self) -> Option<Vendor> {
        if self.present.contains(Present::VENDOR) {
            Some(Vendor(self.vendor))
        } else {
            None
        }
    }

    /// The record with `vendor` set.
    #[must_use]
    pub const fn with_vendor(mut self, vendor: Vendor) -> Self {
        self.vendor = vendor.0;
        self.present = self.present.union(Present::VENDOR);
        self
    }

    /// The record without the parts named; what was in them is gone.
    #[must_use]
    pub const fn without(self, parts: Present) -> Self {
        let mut kept = self;
        kept.present = self.present.difference(parts);
        Self::empty().or(&kept)
    }

    /// The record, with what it lacks taken from `other`.
    #[must_use]
    pub const fn or(mut self, other: &Self) -> Self {
        let missing = other.present.difference(self.present);
        // Part by part: a walk over the set bits costs a multiple, and log readers do this for every line.
        macro_rules! take {
            ($($part:ident $flag:ident),*) => {$(
                if missing.contains(Present::$flag) {
                    self.$part = other.$part;
                }
            )*};
        }
        take!(
            status STATUS, bank BANK, addr ADDR, misc MISC, mcgstatus MCGSTATUS, mcgcap MCGCAP, synd SYND, synd1 SYND1,
            synd2 SYND2, ipid IPID, ip IP, cs CS, tsc TSC, time TIME, cpu CPU, socket SOCKET, apicid APICID, cpuid CPUID,
            vendor VENDOR, ppin PPIN, microcode MICROCODE
        );
        self.present = self.present.union(missing);
        self
    }

    /// MCi_ADDR, where the channel gave it and MCi_STATUS says that it is valid.
    #[must_use]
    #[inline]
    pub const fn valid_addr(&self) -> Option<Addr> {
        if self.status.addrv() {
            self.addr()
        } else {
            None
        }
    }

    /// MCi_MISC, where the channel gave it and MCi_STATUS says that it is valid.
    #[must_use]
    #[inline]
    pub const fn valid_misc(&self) -> Option<Misc> {
        if self.status.miscv() {
            self.misc()
        } else {
            None
        }
    }

    /// MCA_SYND, where the channel gave it, the bank is scalable MCA, and MCi_STATUS says that it is valid.
    #[must_use]
    #[inline]
    pub const fn valid_synd(&self) -> Option<Synd> {
        if self.status.syndv() && self.is_smca() {
            self.synd()
        } else {
            None
        }
    }

    /// The FRU text in SYND1 and SYND2, where they hold one.
    #[must_use]
    pub fn fru_text(&self) -> Option<FruText> {
        if !self.is_smca() || !self.status.syndv() {
            return None;
        }
        fru_text(self.synd1()?, self.synd2()?)
    }

    /// Whether MCi_STATUS follows AMD's layout. Where no vendor is given, registers that only AMD has decide.
    #[must_use]
    #[inline]
    pub const fn is_amd_like(&self) -> bool {
        match self.vendor() {
            Some(vendor) => vendor.is_amd_like(),
            None => self.has_smca_registers(),
        }
    }

    /// Whether the bank is one of AMD's scalable MCA: family 17h and later, Hygon, or an IPID that is not zero.
    #[must_use]
    #[inline]
    pub const fn is_smca(&self) -> bool {
        if !self.is_amd_like() {
            return false;
        }
        if self.has_smca_registers() {
            return true;
        }
        match (self.vendor(), self.cpuid()) {
            (Some(Vendor::HYGON), _) => true,
            (_, Some(signature)) => signature.family() >= 0x17,
            _ => false,
        }
    }

    /// Whether MCi_STATUS has AMD's deferred bit (44): family 15h and later.
    #[must_use]
    pub const fn has_deferred(&self) -> bool {
        if !self.is_amd_like() {
            return false;
        }
        match self.cpuid() {
            Some(signature) => signature.family() >= 0x15,
            None => true,
        }
    }

    /// Whether MCi_STATUS has AMD's poison bit (43): family 15h and later, save for the northbridge (bank 4) of
    /// family 15h, where the bit names an L3 subcache.
    #[must_use]
    pub const fn has_poison(&self) -> bool {
        match (self.cpuid(), self.bank()) {
            (Some(signature), Some(4)) if signature.family() == 0x15 => false,
            _ => self.has_deferred(),
        }
    }

    #[inline]
    const fn has_smca_registers(&self) -> bool {
        self.present.contains(Present::IPID) && self.ipid.0 != 0
    }

    /// Intel: corrected errors since the bank was cleared, where the processor counts them. A MCG_CAP of zero is one that
    /// nobody read.
    #[must_use]
    pub fn corrected_count(&self) -> Option<u16> {
        let counts = self.mcgcap().is_none_or(|cap| cap.0 == 0 || cap.cmci_p());
        (counts && !self.is_amd_like()).then(|| self.status.corrected_count())
    }

    /// What the architecture says about this record. Never fails.
    #[must_use]
    pub fn decode(&self) -> Decoding {
        Decoding::of(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Record {
        Record::new(4, Status(u64::MAX))
            .with_addr(Addr(1))
            .with_misc(Misc(2))
            .with_mcgstatus(McgStatus(3))
            .with_mcgcap(McgCap(4))
            .with_synd(Synd(5))
            .with_synd1(Synd1(6))
            .with_synd2(Synd2(7))
            .with_ipid(Ipid(8))
            .with_ip(9)
            .with_cs(10)
            .with_tsc(11)
            .with_time(12)
            .with_cpu(13)
            .with_socket(14)
            .with_apicid(15)
            .with_cpuid(CpuSignature(16))
            .with_vendor(Vendor::AMD)
            .with_ppin(Ppin(17))
            .with_microcode(18)
    }

    #[test]
    fn every_part_can_be_taken_and_removed() {
        assert_eq!(full().present(), Present::all());
        assert_eq!(Record::empty().or(&full()), full());
        for part in Present::all().iter() {
            let without = full().without(part);
            assert_eq!(without.present(), Present::all() - part);
            assert_eq!(without.or(&full()), full());
        }
    }

    #[test]
    fn or_keeps_what_is_there() {
        let record = Record::new(1, Status(7)).or(&full());
        assert_eq!((record.bank(), record.status()), (Some(1), Status(7)));
        assert_eq!(record.addr(), Some(Addr(1)));
    }

    #[test]
    fn deferred_and_poison_by_family() {
        let amd = |family, bank| {
            Record::new(bank, Status(Status::VAL))
                .with_vendor(Vendor::AMD)
                .with_cpuid(CpuSignature::new(family, 0, 0))
        };
        for (family, bank, deferred, poison) in [
            (0x0f, 0, false, false),
            (0x14, 0, false, false),
            (0x15, 0, true, true),
            (0x15, 4, true, false),
            (0x16, 4, true, true),
            (0x17, 4, true, true),
        ] {
            let record = amd(family, bank);
            assert_eq!(
                (record.has_deferred(), record.has_poison()),
                (deferred, poison),
                "family {family:#x} bank {bank}"
            );
        }
        assert!(!amd(0x17, 0).with_vendor(Vendor::INTEL).has_poison());
    }

    #[test]
    fn registers_are_valid_only_where_status_says_so() {
        let record = full().with_status(Status(Status::VAL));
        assert_eq!(
            (
                record.valid_addr(),
                record.valid_misc(),
                record.valid_synd()
            ),
            (None, None, None)
        );
        assert_eq!(full().valid_misc(), Some(Misc(2)));
        assert_eq!(full().with_vendor(Vendor::INTEL).valid_synd(), None);
    }
}
