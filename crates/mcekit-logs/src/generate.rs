//! Logs to test and measure with, the same for the same seed.

use core::fmt::Write;

use mcekit::{Addr, CpuSignature, Ipid, McgStatus, Misc, Record, Status, Synd, Vendor};

use crate::write::Kernel;

/// A small generator of numbers (xorshift64*).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator; every seed gives another sequence.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next_u64() % n.max(1)
    }
}

/// A plausible corrected or uncorrected error of an Intel or an AMD server.
pub fn record(random: &mut Random) -> Record {
    let amd = random.below(2) == 0;
    let cpu = random.below(256) as u32;
    let uncorrected = random.below(8) == 0;
    let mut status = Status::VAL
        | Status::MISCV
        | Status::ADDRV
        | random.below(0x4000) << 38 & 0x1f_ffc0_0000_0000;
    status |= if uncorrected {
        Status::UC | Status::EN
    } else {
        Status::EN
    };
    status |=
        random.below(16) << 16 | [0x009f, 0x0134, 0x0151, 0x0e0b, 0x0090][random.below(5) as usize];
    let mut record = Record::empty()
        .with_bank(random.below(28) as u8)
        .with_cpu(cpu)
        .with_apicid(cpu * 2)
        .with_socket(cpu / 128)
        .with_time(1_700_000_000 + random.below(1 << 27))
        .with_tsc(random.next_u64() >> 12)
        .with_mcgstatus(McgStatus(if uncorrected { 5 } else { 0 }))
        .with_addr(Addr(random.next_u64() >> 20 & !0x3f))
        .with_misc(Misc(random.next_u64() >> 8))
        .with_microcode(random.below(1 << 28) as u32 + 1);
    if amd {
        status = status & !0x1f_ffc0_0000_0000 | Status::SYNDV;
        record = record
            .with_vendor(Vendor::AMD)
            .with_cpuid(CpuSignature(0x00a0_0f11))
            .with_ipid(Ipid(0x0000_0096_0005_0f00 | random.below(8) << 20))
            .with_synd(Synd(random.next_u64() >> 4));
    } else {
        record = record
            .with_vendor(Vendor::INTEL)
            .with_cpuid(CpuSignature(0x0005_0654));
    }
    record.with_status(Status(status))
}

/// A kernel log in which every line belongs to a machine check: `count` records as the kernel prints them.
#[must_use]
pub fn all_machine_checks(seed: u64, count: usize) -> String {
    let mut random = Random::new(seed);
    let mut text = String::new();
    let mut clock = 12_000_000;
    for _ in 0..count {
        clock += random.below(900_000);
        let stamp = format!(
            "[{:5}.{:06}] mce: [Hardware Error]: ",
            clock / 1_000_000,
            clock % 1_000_000
        );
        let record = record(&mut random);
        let lines = Kernel {
            record: &record,
            prefix: &stamp,
        };
        // Writing into a String cannot fail.
        let _ = write!(text, "{lines}");
    }
    text
}

/// A log of `count` records as edac_mce_amd prints them, six lines each.
#[must_use]
pub fn all_decoded(seed: u64, count: usize) -> String {
    let mut random = Random::new(seed);
    let mut text = String::new();
    for i in 0..count {
        let status = 0xdc20_4000_0000_011b | random.below(1 << 24) << 16 & 0x0000_00ff_0000_0000;
        let stamp = format!(
            "[{:5}.{:06}] [Hardware Error]: ",
            i % 100_000,
            random.below(1_000_000)
        );
        // Writing into a String cannot fail.
        let _ = write!(
            text,
            "{stamp}Corrected error, no action required.\n\
             {stamp}CPU:{} (19:1:1) MC{}_STATUS[Over|CE|MiscV|AddrV|-|-|SyndV|CECC|-|-|-]: {status:#018x}\n\
             {stamp}Error Addr: {:#018x}\n\
             {stamp}IPID: 0x0000009600{}50f00, Syndrome: {:#018x}\n\
             {stamp}Unified Memory Controller Ext. Error Code: 0\n\
             {stamp}cache level: L3/GEN, tx: GEN, mem-tx: RD\n",
            random.below(256),
            15 + random.below(8),
            random.next_u64() >> 20,
            random.below(8),
            random.next_u64() >> 4,
        );
    }
    text
}

/// The words of [`ordinary`] lines, without anything that a machine check has.
const LINES: &[&str] = &[
    "usb 3-2: new high-speed USB device number 12 using xhci_hcd",
    "pci 0000:3a:05.4: BAR 13: assigned [io  0x1000-0x1fff]",
    "systemd[1]: Started Daily apt download activities.",
    "EXT4-fs (nvme0n1p2): mounted filesystem with ordered data mode. Quota mode: none.",
    "ACPI: PM: (supports S0 S5)",
    "audit: type=1400 audit(1690000000.123:45): apparmor=\"DENIED\" operation=\"open\" pid=4711 comm=\"cupsd\"",
    "e1000e 0000:00:1f.6 eno1: NIC Link is Up 1000 Mbps Full Duplex, Flow Control: Rx/Tx",
    "x86/fpu: Supporting XSAVE feature 0x020: 'AVX-512 opmask'",
    "clocksource: tsc: mask: 0xffffffffffffffff max_cycles: 0x256bde824e1, max_idle_ns: 440795301549 ns",
    "docker0: port 1(veth9a0e1f2) entered forwarding state",
    "mce: CPU supports 20 MCE banks",
    "nvme nvme0: 64/0/0 default/read/poll queues",
];

/// An ordinary kernel log of at least `bytes` bytes, in which nothing is a machine check.
#[must_use]
pub fn ordinary(seed: u64, bytes: usize) -> String {
    let mut random = Random::new(seed);
    let mut text = String::with_capacity(bytes + 256);
    let mut clock = 0;
    while text.len() < bytes {
        clock += random.below(2_000_000);
        let line = LINES[random.below(LINES.len() as u64) as usize];
        let _ = writeln!(
            text,
            "[{:5}.{:06}] {line}",
            clock / 1_000_000,
            clock % 1_000_000
        );
    }
    text
}
