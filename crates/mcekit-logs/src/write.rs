//! Records as text that this crate, and the tools of others, read again.

use core::fmt;

use mcekit::Record;

/// A record as the kernel's raw lines (arch/x86/kernel/cpu/mce/core.c, Linux 6.13): a header, RIP where it is
/// known, registers, processor. `prefix` stands before each line.
///
/// What the record does not have is left out, except where the kernel always prints a field: `TSC 0`, and the
/// processor's number in the header.
///
/// ```
/// use mcekit::{Record, Status};
///
/// let record = Record::new(4, Status(0xbe00_0000_0010_0135)).with_cpu(1);
/// let text = mcekit_logs::write::Kernel { record: &record, prefix: "mce: [Hardware Error]: " }.to_string();
/// assert!(text.starts_with("mce: [Hardware Error]: CPU 1: Machine Check: 0 Bank 4: be00000000100135\n"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Kernel<'a> {
    /// The record.
    pub record: &'a Record,
    /// What stands before each line.
    pub prefix: &'a str,
}

impl fmt::Display for Kernel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record, prefix } = *self;
        let mcgstatus = record.mcgstatus().unwrap_or_default();
        writeln!(
            f,
            "{prefix}CPU {}: Machine Check{}: {:x} Bank {}: {:016x}",
            record.cpu().unwrap_or(0),
            if mcgstatus.mcip() { " Exception" } else { "" },
            mcgstatus,
            record.bank().unwrap_or(0),
            record.status()
        )?;
        if let Some(ip) = record.ip() {
            let inexact = if mcgstatus.eipv() { "" } else { " !INEXACT!" };
            let cs = record.cs().unwrap_or(0);
            writeln!(f, "{prefix}RIP{inexact} {cs:02x}:<{ip:016x}> ")?;
        }
        write!(f, "{prefix}TSC {:x} ", record.tsc().unwrap_or(0))?;
        let registers = [
            ("ADDR", record.addr().map(u64::from)),
            ("MISC", record.misc().map(u64::from)),
            ("PPIN", record.ppin().map(u64::from)),
            ("SYND", record.synd().map(u64::from)),
            ("SYND1", record.synd1().map(u64::from)),
            ("SYND2", record.synd2().map(u64::from)),
            ("IPID", record.ipid().map(u64::from)),
        ];
        for (name, value) in registers {
            if let Some(value) = value {
                write!(f, "{name} {value:x} ")?;
            }
        }
        writeln!(f)?;
        let mut first = true;
        let mut field = |f: &mut fmt::Formatter<'_>, args: fmt::Arguments<'_>| {
            let lead = if first { prefix } else { " " };
            first = false;
            write!(f, "{lead}{args}")
        };
        if let Some(cpuid) = record.cpuid() {
            let vendor = record.vendor().map_or(0, |v| v.0);
            field(f, format_args!("PROCESSOR {vendor}:{:x}", cpuid.0))?;
        }
        if let Some(time) = record.time() {
            field(f, format_args!("TIME {time}"))?;
        }
        if let Some(socket) = record.socket() {
            field(f, format_args!("SOCKET {socket}"))?;
        }
        if let Some(apicid) = record.apicid() {
            field(f, format_args!("APIC {apicid:x}"))?;
        }
        if let Some(microcode) = record.microcode() {
            field(f, format_args!("microcode {microcode:x}"))?;
        }
        if !first {
            writeln!(f)?;
        }
        Ok(())
    }
}

/// A record in the manner of `mcelog --raw`: one field a line, registers with `0x`, an empty line at the end.
#[derive(Clone, Copy, Debug)]
pub struct McelogRaw<'a>(
    /// The record.
    pub &'a Record,
);

impl fmt::Display for McelogRaw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.0;
        if let Some(cpu) = record.cpu() {
            writeln!(f, "CPU {cpu}")?;
        }
        writeln!(f, "BANK {}", record.bank().unwrap_or(0))?;
        if let Some(tsc) = record.tsc() {
            writeln!(f, "TSC {tsc:#x}")?;
        }
        if let Some(ip) = record.ip() {
            writeln!(f, "RIP {:#02x}:{ip:#x}", record.cs().unwrap_or(0))?;
        }
        let registers = [
            ("MISC", record.misc().map(u64::from)),
            ("ADDR", record.addr().map(u64::from)),
            ("STATUS", Some(record.status().0)),
            ("MCGSTATUS", record.mcgstatus().map(u64::from)),
        ];
        for (name, value) in registers {
            if let Some(value) = value {
                writeln!(f, "{name} {value:#x}")?;
            }
        }
        if let Some(cpuid) = record.cpuid() {
            let vendor = record.vendor().map_or(0, |v| v.0);
            writeln!(f, "PROCESSOR {vendor}:{:#x}", cpuid.0)?;
        }
        if let Some(time) = record.time() {
            writeln!(f, "TIME {time}")?;
        }
        if let Some(socket) = record.socket() {
            writeln!(f, "SOCKETID {socket}")?;
        }
        if let Some(apicid) = record.apicid() {
            writeln!(f, "APICID {apicid}")?;
        }
        let registers = [
            ("MCGCAP", record.mcgcap().map(u64::from)),
            ("SYND", record.synd().map(u64::from)),
            ("IPID", record.ipid().map(u64::from)),
            ("SYND1", record.synd1().map(u64::from)),
            ("SYND2", record.synd2().map(u64::from)),
            ("PPIN", record.ppin().map(u64::from)),
            ("MICROCODE", record.microcode().map(u64::from)),
        ];
        for (name, value) in registers {
            if let Some(value) = value {
                writeln!(f, "{name} {value:#x}")?;
            }
        }
        writeln!(f)
    }
}
