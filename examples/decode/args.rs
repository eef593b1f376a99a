//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum, ValueHint};
use clap_complete::Shell;
use mcekit::{
    Addr, CpuSignature, Ipid, McgCap, McgStatus, Misc, Ppin, Record, Status, Synd, Synd1, Synd2,
    Vendor,
};

use crate::cpu::Processor;
use crate::numbers::{narrow, number, register};
use crate::style::Color;

/// Explain x86 machine checks: paste any log, get the answer.
///
/// Takes kernel logs of every age and through every prefix, decoded text of other tools, raw `struct mce` (from
/// /dev/mcelog, or pstore's mce-erst-* files), and JSON lines, its own among them. What it is given, it finds out.
/// Without a file it reads standard input.
#[derive(Debug, Parser)]
#[command(
    name = "decode",
    version,
    after_long_help = AFTER,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    /// Files to read, `-` for standard input; or the text or MCi_STATUS itself
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "status")]
    pub(crate) inputs: Vec<PathBuf>,

    /// How to answer
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,

    /// Count instead: by CPU, bank, place and class, with first and last time seen
    #[arg(short, long)]
    pub(crate) summary: bool,

    /// What the input is
    #[arg(long, value_enum, value_name = "KIND", default_value_t = From::Auto)]
    pub(crate) from: From,

    /// Length of one raw `struct mce`, in bytes, where it cannot be told from the input
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(72..=4096))]
    pub(crate) record_len: Option<u64>,

    /// The processor, for records that do not name theirs: a name (skylake_server, zen4), family/model/stepping
    /// (6/85/4, 17h/31h/0) or a CPUID signature (0x50654)
    #[arg(long, value_name = "CPU", value_parser = Processor::parse)]
    pub(crate) cpu: Option<Processor>,

    /// Colour the answer
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(crate) color: Color,

    /// Print a completion script and stop
    #[arg(long, value_enum, value_name = "SHELL", exclusive = true)]
    pub(crate) completions: Option<Shell>,

    #[command(flatten)]
    pub(crate) registers: Registers,
}

const AFTER: &str = "\
Examples:
  Explain what the running kernel said:
      dmesg | decode
  Explain a log, a crash record, an unlucky paste:
      decode /var/log/kern.log.1
      decode /sys/fs/pstore/mce-erst-7710967937145765889
      decode 'CPU 3: Machine Check: 0 Bank 5: bea0000000000108'
  Explain registers:
      decode --bank 5 --status bea0000000000108 --cpu 17h/31h/0
      decode --bank 7 --status 8c00004000010090 --misc 200001c080801086 --cpu skylake_server
  Which DIMM, and how often:
      decode --summary /var/log/kern.log*
  For programs (docs/json.md describes the lines):
      decode --format ndjson kern.log | jq -r 'select(.decoded.uc) | .record.cpu'
  Completions:
      decode --completions bash > /etc/bash_completion.d/decode

Exit status: 0 if something was decoded, 1 if no machine check was found, 2 if something could not
be read or the command line is wrong. Errors, warnings and progress go to standard error.";

/// How to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A block for each record
    Text,
    /// One JSON document: a list of records
    Json,
    /// One JSON object a line
    Ndjson,
    /// One line for each record
    Table,
}

/// What the input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// Find out
    Auto,
    /// Text of any kind
    Text,
    /// `struct mce`, one or many
    Raw,
    /// JSON objects with records
    Json,
}

/// One record, register by register.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registers (hex, with or without 0x)")]
pub(crate) struct Registers {
    /// MCi_STATUS
    #[arg(long, value_name = "HEX", value_parser = register)]
    pub(crate) status: Option<u64>,
    /// Number of the bank, in decimal unless 0x stands before it
    #[arg(long, value_name = "N", value_parser = number::<u8>, requires = "status")]
    bank: Option<u8>,
    /// MCi_ADDR
    #[arg(long, value_name = "HEX", value_parser = register, requires = "status")]
    addr: Option<u64>,
    /// MCi_MISC
    #[arg(long, value_name = "HEX", value_parser = register, requires = "status")]
    misc: Option<u64>,
    /// MCG_STATUS
    #[arg(long, value_name = "HEX", value_parser = register, requires = "status")]
    mcgstatus: Option<u64>,
    /// MCG_CAP
    #[arg(long, value_name = "HEX", value_parser = register, requires = "status")]
    mcgcap: Option<u64>,
    /// MCA_SYND
    #[arg(long, value_name = "HEX", value_parser = register, requires = "status")]
    synd: Option<u64>,
    /// MCA_SYND1
    #[arg(long, value_name = "HEX", value_parser = register, requires = "status")]
    synd1: Option<u64>,
    /// MCA_SYND2
    #[arg(long, value_name = "HEX", value_parser = register, requires = "status")]
    synd2: Option<u64>,
    /// MCA_IPID
    #[arg(long, value_name = "HEX", value_parser = register, requires = "status")]
    ipid: Option<u64>,
    /// Instruction pointer
    #[arg(long, value_name = "HEX", value_parser = register, requires = "status")]
    ip: Option<u64>,
    /// Code segment
    #[arg(long, value_name = "HEX", value_parser = narrow::<u8>, requires = "status")]
    cs: Option<u8>,
    /// Time stamp counter
    #[arg(long, value_name = "HEX", value_parser = register, requires = "status")]
    tsc: Option<u64>,
    /// Protected processor inventory number
    #[arg(long, value_name = "HEX", value_parser = register, requires = "status")]
    ppin: Option<u64>,
    /// Microcode revision
    #[arg(long, value_name = "HEX", value_parser = narrow::<u32>, requires = "status")]
    microcode: Option<u32>,
    /// CPUID(1).EAX of the processor
    #[arg(long, value_name = "HEX", value_parser = narrow::<u32>, requires = "status")]
    cpuid: Option<u32>,
    /// Vendor of the processor: intel, amd, hygon, zhaoxin …, or the kernel's number
    #[arg(long, value_name = "NAME", value_parser = vendor)]
    pub(crate) vendor: Option<Vendor>,
    /// Number of the CPU that reported
    #[arg(long, value_name = "N", value_parser = number::<u32>, requires = "status")]
    cpu_number: Option<u32>,
    /// Number of its package
    #[arg(long, value_name = "N", value_parser = number::<u32>, requires = "status")]
    socket: Option<u32>,
    /// Its initial APIC id, in decimal unless 0x stands before it
    #[arg(long, value_name = "N", value_parser = number::<u32>, requires = "status")]
    apicid: Option<u32>,
    /// Seconds since 1970
    #[arg(long, value_name = "SECONDS", value_parser = number::<u64>, requires = "status")]
    time: Option<u64>,
}

impl Registers {
    /// The record that the registers make, if there is a status.
    pub(crate) fn record(&self) -> Option<Record> {
        let mut record = Record::empty().with_status(Status(self.status?));
        macro_rules! set {
            ($($field:ident $with:ident $($wrap:path)?;)*) => {
                $(if let Some(value) = self.$field {
                    record = record.$with($($wrap)?(value));
                })*
            };
        }
        set! {
            bank with_bank;
            addr with_addr Addr;
            misc with_misc Misc;
            mcgstatus with_mcgstatus McgStatus;
            mcgcap with_mcgcap McgCap;
            synd with_synd Synd;
            synd1 with_synd1 Synd1;
            synd2 with_synd2 Synd2;
            ipid with_ipid Ipid;
            ip with_ip;
            cs with_cs;
            tsc with_tsc;
            ppin with_ppin Ppin;
            microcode with_microcode;
            cpuid with_cpuid CpuSignature;
            vendor with_vendor;
            cpu_number with_cpu;
            socket with_socket;
            apicid with_apicid;
            time with_time;
        }
        Some(record)
    }
}

fn vendor(text: &str) -> Result<Vendor, String> {
    Vendor::from_name(text)
        .or_else(|| text.parse().ok().map(Vendor))
        .ok_or_else(|| "no vendor that the kernel knows".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_register_reaches_the_record() {
        let line = "decode --status 1 --bank 2 --addr 3 --misc 4 --mcgstatus 5 --mcgcap 6 --synd 7 --synd1 8 --synd2 9 \
                    --ipid a --ip b --cs c --tsc d --ppin e --microcode f --cpuid 10 --vendor amd --cpu-number 17 \
                    --socket 18 --apicid 19 --time 20";
        let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
        let record = cli.registers.record().unwrap();
        assert_eq!(record.present(), mcekit::Present::all());
        assert_eq!(record.microcode(), Some(15));
        assert_eq!(record.cpu(), Some(17));
    }
}
