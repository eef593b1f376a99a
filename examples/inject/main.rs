//! Injects machine checks into this machine's kernel, or writes what a reader of them would get into a file.
//!
//! ```text
//! cargo run --example inject -- --cpu 1 --bank 4 --status 0x9c00400000010091 --addr 0x12345000
//! cargo run --example inject -- --to replay:errors.bin scenario.txt
//! cargo run --example inject -- --to debugfs --raise log records.ndjson
//! ```
//!
//! It says what it would do, and does it only as root and without `--dry-run`.

mod args;
mod input;
mod target;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use mcelog_dev::Injection;
use mcelog_dev::knobs::Knobs;

use args::Args;
use target::Target;

/// What stops the program.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{path}: {source}")]
    Scenario {
        path: String,
        source: mcelog_dev::scenario::SyntaxError,
    },
    #[error("{path}: line {line}, column {column}: {text}")]
    Json {
        path: String,
        line: usize,
        column: usize,
        text: String,
    },
    #[error("{path}: {source}")]
    File { path: String, source: io::Error },
    #[error("nothing to inject: give a file, or --status")]
    Nothing,
    #[error("injection {number}: {source}")]
    Injection {
        number: usize,
        source: mcelog_dev::Error,
    },
    #[error("{source}")]
    Target { source: mcelog_dev::Error },
    #[error("standard output: {0}")]
    Output(io::Error),
}

fn main() -> ExitCode {
    let args = Args::parse();
    // The kernel asks for more than a number of zero, and says so; this only decides what is the default.
    let root = nix::unistd::geteuid().is_root();
    match run(&args, root, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("inject: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(c) = cause {
                cause = c.source();
                if let Some(deeper) = cause {
                    eprintln!("  because: {deeper}");
                }
            }
            ExitCode::FAILURE
        }
    }
}

/// All of it: reads, validates everything, and only then does anything.
fn run(args: &Args, root: bool, out: &mut impl Write) -> Result<(), Error> {
    let cpus = args.online.clone().unwrap_or_else(|| {
        // Without the kernel's list, a machine of one CPU: nobody else to take part.
        Knobs::new().cpus().unwrap_or_else(|_| vec![0])
    });
    let injections = input::injections(args, &cpus)?;
    if injections.is_empty() {
        return Err(Error::Nothing);
    }
    // A replay file is one's own affair.
    let dry = args.dry_run || !(root || matches!(args.to, args::To::Replay(_)));
    let mut target = Target::open(&args.to, dry)?;
    let fail = |number: usize| {
        move |source| Error::Injection {
            number: number + 1,
            source,
        }
    };
    for (number, injection) in injections.iter().enumerate() {
        target.check(injection).map_err(fail(number))?;
    }
    let verb = if dry { "would inject" } else { "injecting" };
    for (number, injection) in injections.iter().enumerate() {
        show(verb, injection, out).map_err(Error::Output)?;
        if !dry {
            target.inject(injection).map_err(fail(number))?;
        }
    }
    if let (false, args::To::Replay(path)) = (dry, &args.to) {
        target.finish(path)?;
    }
    if dry && !args.dry_run {
        writeln!(out, "nothing was done: this is not root").map_err(Error::Output)?;
    }
    Ok(())
}

/// One injection: the registers and the way in a line, the decoding in the next.
fn show(verb: &str, injection: &Injection, out: &mut impl Write) -> io::Result<()> {
    let record = injection.record();
    let cpu = record.cpu().unwrap_or_default();
    let bank = record.bank().unwrap_or_default();
    write!(
        out,
        "{verb}: cpu {cpu} bank {bank} status {:#018x}",
        record.status().0
    )?;
    if let Some(addr) = record.addr() {
        write!(out, " addr {:#x}", addr.0)?;
    }
    if let Some(misc) = record.misc() {
        write!(out, " misc {:#x}", misc.0)?;
    }
    if let Some(mcgstatus) = record.mcgstatus() {
        write!(out, " mcgstatus {:#x}", mcgstatus.0)?;
    }
    let (raise, context) = (injection.raise(), injection.context());
    write!(out, "\n    as {raise}, context {context:?}")?;
    if let Some(broadcast) = injection.broadcast() {
        write!(out, ", broadcast by {broadcast:?}")?;
    }
    writeln!(out)?;
    if record.status().val() {
        writeln!(out, "    {}", record.decode())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
