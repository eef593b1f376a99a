//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, ValueEnum};
use mcelog_dev::{Broadcast, Context, Raise};

/// Injects machine checks: registers given here, scenarios in the format of mce-inject, or records as JSON.
#[derive(Debug, Parser)]
#[command(name = "inject", version)]
pub(crate) struct Args {
    /// Scenario files, or records as JSON objects one after another; `-` is standard input
    pub(crate) files: Vec<String>,

    /// Where to inject: device, debugfs, or replay:FILE for a file of what a reader of the device would get (JSON where
    /// its name ends in json, jsonl or ndjson, else the kernel's structs)
    #[arg(long, default_value = "device", value_name = "WHERE")]
    pub(crate) to: To,

    /// Only show what would be done; the default unless this is root
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,

    /// MCi_STATUS of an error that is given here
    #[arg(long, value_parser = number)]
    pub(crate) status: Option<u64>,

    /// Its CPU
    #[arg(long, requires = "status", default_value_t = 0)]
    pub(crate) cpu: u32,

    /// Its bank
    #[arg(long, requires = "status", default_value_t = 0)]
    pub(crate) bank: u8,

    /// Its MCi_ADDR
    #[arg(long, requires = "status", value_parser = number)]
    pub(crate) addr: Option<u64>,

    /// Its MCi_MISC
    #[arg(long, requires = "status", value_parser = number)]
    pub(crate) misc: Option<u64>,

    /// Its MCG_STATUS
    #[arg(long, requires = "status", value_parser = number)]
    pub(crate) mcgstatus: Option<u64>,

    /// Its MCA_SYND (through debugfs)
    #[arg(long, requires = "status", value_parser = number)]
    pub(crate) synd: Option<u64>,

    /// Its MCA_IPID (through debugfs)
    #[arg(long, requires = "status", value_parser = number)]
    pub(crate) ipid: Option<u64>,

    /// How all of them are raised, whatever is said or follows from the status
    #[arg(long)]
    pub(crate) raise: Option<RaiseArg>,

    /// In which context the errors given here or as JSON strike
    #[arg(long)]
    pub(crate) context: Option<ContextArg>,

    /// Exceptions given here or as JSON reach the other CPUs, which take part, in this way
    #[arg(long)]
    pub(crate) broadcast: Option<BroadcastArg>,

    /// The CPUs that are online, where the kernel of this machine is not the one that is meant
    #[arg(long, value_delimiter = ',')]
    pub(crate) online: Option<Vec<u32>>,
}

/// A register: decimal, or hexadecimal after `0x`.
fn number(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|e| format!("{e} (hexadecimal numbers start with 0x)"))
}

/// Where to inject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Device,
    Debugfs,
    Replay(PathBuf),
}

impl FromStr for To {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("replay:")) {
            ("device", _) => Ok(Self::Device),
            ("debugfs", _) => Ok(Self::Debugfs),
            (_, Some(path)) if !path.is_empty() => Ok(Self::Replay(path.into())),
            _ => Err("device, debugfs or replay:FILE".to_owned()),
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RaiseArg {
    /// A log entry, by nothing at all (debugfs)
    Log,
    /// Found by the poll for corrected errors (device)
    Poll,
    /// A machine-check exception
    Exception,
    /// AMD's interrupt for deferred errors (debugfs)
    Deferred,
    /// AMD's interrupt for thresholds (debugfs)
    Threshold,
}

impl From<RaiseArg> for Raise {
    fn from(arg: RaiseArg) -> Self {
        match arg {
            RaiseArg::Log => Self::Log,
            RaiseArg::Poll => Self::Poll,
            RaiseArg::Exception => Self::Exception,
            RaiseArg::Deferred => Self::Deferred,
            RaiseArg::Threshold => Self::Threshold,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ContextArg {
    /// Held until another error is broadcast
    Held,
    /// In the writing process
    Process,
    /// In an interrupt
    Irq,
}

impl From<ContextArg> for Context {
    fn from(arg: ContextArg) -> Self {
        match arg {
            ContextArg::Held => Self::Held,
            ContextArg::Process => Self::Process,
            ContextArg::Irq => Self::Irq,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum BroadcastArg {
    /// By interprocessor interrupt
    Irq,
    /// By non-maskable interrupt
    Nmi,
}

impl From<BroadcastArg> for Broadcast {
    fn from(arg: BroadcastArg) -> Self {
        match arg {
            BroadcastArg::Irq => Self::Irq,
            BroadcastArg::Nmi => Self::Nmi,
        }
    }
}
