//! A decoding as text.

use core::fmt::{self, Display, Formatter};

use super::code::{ErrorCode, InternalError, SimpleError};
use super::decoding::Decoding;
use super::terms::{Level, MemoryIo, Participation, Request, Transaction};
use crate::hex::HexText;
use crate::regs::{AddressMode, Misc, Threshold};

impl Display for SimpleError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoError => "no error",
            Self::Unclassified => "unclassified error",
            Self::MicrocodeRomParity => "microcode ROM parity error",
            Self::External => "external error (BINIT# from another processor)",
            Self::Frc => "functional redundancy check error",
            Self::InternalParity => "internal parity error",
            Self::SmmHandlerCodeAccessViolation => "SMM handler code access violation",
        })
    }
}

/// Words one after the other; `write!` asks far more than they need.
fn words(f: &mut Formatter<'_>, words: &[&str]) -> fmt::Result {
    words.iter().try_for_each(|word| f.write_str(word))
}

/// A noun for a request, as in "instruction fetch".
const fn request(request: Request) -> &'static str {
    match request {
        Request::DataRead => "data read",
        Request::DataWrite => "data write",
        Request::InstructionFetch => "instruction fetch",
        other => other.name(),
    }
}

impl Display for ErrorCode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Simple(simple) => simple.fmt(f),
            Self::InternalTimer => f.write_str("internal timer error"),
            Self::InternalUnclassified(low) => {
                write!(f, "internal unclassified error {:#x}", 0x400 | low)
            }
            Self::GenericCache(level) => words(f, &["cache error, ", level.name()]),
            Self::Tlb(transaction, level) => {
                words(f, &["TLB error, ", prefix(transaction), level.name()])
            }
            Self::MemoryController(op, channel) => {
                words(f, &["memory controller error, ", op.name()])?;
                show_channel(channel, f)
            }
            Self::ExtendedMemory(op, channel) => {
                words(f, &["error in memory used as cache, ", op.name()])?;
                show_channel(channel, f)
            }
            Self::CacheHierarchy(r, transaction, level) => {
                f.write_str("cache hierarchy error, ")?;
                words(f, &[prefix(transaction), level.name(), ", ", request(r)])
            }
            Self::BusInterconnect {
                participation,
                timeout,
                request: r,
                memory_io,
                level,
            } => {
                f.write_str("bus or interconnect error")?;
                if level != Level::Generic {
                    words(f, &[", ", level.name()])?;
                }
                words(f, &[", ", request(r)])?;
                match memory_io {
                    MemoryIo::Memory => f.write_str(" of memory")?,
                    MemoryIo::Io => f.write_str(" of I/O")?,
                    MemoryIo::Other => {}
                    MemoryIo::Reserved => f.write_str(" (reserved kind)")?,
                }
                match participation {
                    Participation::Generic => {}
                    other => words(f, &[", local processor was the ", other.name()])?,
                }
                f.write_str(if timeout { ", timed out" } else { "" })
            }
            Self::Internal(InternalError::HardwareAssert) => {
                f.write_str("hardware assertion failed")
            }
            Self::Internal(InternalError::Reserved) => {
                f.write_str("internal error of a reserved kind")
            }
            Self::Unknown(code) => write!(f, "undocumented error code {code:#06x}"),
        }
    }
}

const fn prefix(transaction: Transaction) -> &'static str {
    match transaction {
        Transaction::Instruction => "instruction, ",
        Transaction::Data => "data, ",
        Transaction::Generic => "",
        Transaction::Reserved => "reserved transaction, ",
    }
}

fn show_channel(channel: Option<u8>, f: &mut Formatter<'_>) -> fmt::Result {
    match channel {
        Some(n) => write!(f, ", channel {n}"),
        None => Ok(()),
    }
}

/// The parts of a decoding that matter, each behind `between`, from the most to the least important.
fn parts(d: &Decoding, between: &str, f: &mut Formatter<'_>) -> fmt::Result {
    if d.status().not_captured() {
        return words(f, &[between, "register not captured (filler value)"]);
    }
    if !d.status().val() {
        words(f, &[between, "not valid (VAL is 0)"])?;
    }
    if let Some((software, text)) = d.software_bank.zip(d.software_text()) {
        words(f, &[between, text])?;
        let overflow = d.record.misc().is_some_and(Misc::counter_overflow);
        if software.is_threshold() && overflow {
            words(f, &[between, "threshold counter overflowed"])?;
        }
    }
    f.write_str(between)?;
    d.code.fmt(f)?;
    if d.status().over() {
        words(f, &[between, "further errors were lost (overflow)"])?;
    }
    if let Some(count) = d.corrected_count.filter(|&count| count > 1) {
        write!(f, "{between}corrected {count} times")?;
    }
    let threshold = match d.threshold {
        Some(Threshold::Yellow) => Some("threshold status yellow: too many corrected errors"),
        Some(Threshold::Green) => Some("threshold status green"),
        _ => None,
    };
    if let Some(threshold) = threshold {
        words(f, &[between, threshold])?;
    }
    if let Some(ecc) = d.ecc {
        let corrected = if ecc == super::Ecc::Corrected {
            "corrected"
        } else {
            "not correctable"
        };
        words(f, &[between, corrected, " by ECC"])?;
    }
    if d.record.has_poison() && d.status().poison() {
        words(f, &[between, "poisoned data consumed"])?;
    }
    if d.amd_like && d.status().scrub() {
        words(f, &[between, "found by a scrubber"])?;
    }
    if let Some(requester) = d.io_mca {
        words(f, &[between, "PCI requester "])?;
        requester.fmt(f)?;
    }
    if let Some(address) = d.address {
        let kind = match (address.physical, address.mode) {
            (true, _) => "physical address ",
            (false, Some(AddressMode::Linear)) => "linear address ",
            (false, Some(AddressMode::SegmentOffset)) => "segment offset ",
            _ => "address ",
        };
        words(f, &[between, kind, HexText::of(address.address).as_str()])?;
    }
    Ok(())
}

impl Display for Decoding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let block = f.alternate();
        if let Some(cpu) = self.record.cpu() {
            write!(f, "CPU {cpu} ")?;
        }
        if let Some(bank) = self.record.bank() {
            write!(f, "bank {bank}: ")?;
        }
        let grade = self.grade();
        f.write_str(grade.severity.text())?;
        parts(self, if block { "\n  " } else { "; " }, f)?;
        if block {
            write!(f, "\n  kernel rule: {}", grade.rule)?;
            write!(f, "\n  action: {}", grade.action())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Addr, CpuSignature, Misc, Record, Status, Vendor};
    use std::string::ToString;

    #[test]
    fn one_line_and_a_block() {
        let record = Record::new(9, Status(0x8c00_0080_0010_00c1))
            .with_cpu(3)
            .with_vendor(Vendor::INTEL)
            .with_misc(Misc(0x8c))
            .with_addr(Addr(0x1_2345_6000));
        assert_eq!(
            record.decode().to_string(),
            "CPU 3 bank 9: corrected; memory controller error, scrub, channel 1; corrected 2 times; \
             physical address 0x123456000"
        );
        assert_eq!(std::format!("{:#}", record.decode()).lines().count(), 6);
    }

    #[test]
    fn threshold_banks_name_their_counter() {
        let record = Record::new(165, Status(Status::VAL))
            .with_vendor(Vendor::AMD)
            .with_misc(Misc(Misc::COUNTER_OVERFLOW));
        let text = record.decode().to_string();
        assert!(text.contains("DRAM errors (MC4_MISC0)"), "{text}");
        assert!(text.contains("counter overflowed"), "{text}");
        let quiet = record.with_misc(Misc(0)).decode().to_string();
        assert!(!quiet.contains("overflowed"), "{quiet}");
    }

    #[test]
    fn fillers_say_so() {
        let record =
            Record::new(3, Status(0xdead_beef_dead_beef)).with_cpuid(CpuSignature(0x50654));
        assert!(record.decode().to_string().contains("not captured"));
        assert!(
            Record::new(3, Status(0))
                .decode()
                .to_string()
                .contains("VAL is 0")
        );
    }
}
