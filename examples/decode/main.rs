//! Explains x86 machine checks: paste any log, get the answer.
//!
//! ```text
//! dmesg | cargo run --release --example decode
//! cargo run --release --example decode -- --bank 5 --status bea0000000000108 --cpu 17h/31h/0
//! ```
//!
//! Reading, decoding and explaining meet here: `mcekit-logs` finds records in text, `mcekit` decodes what the
//! architecture defines, `mcekit-models` what the vendor adds.

mod args;
mod block;
mod cpu;
mod error;
mod found;
mod input;
mod judgement;
mod line;
mod memo;
mod numbers;
mod objects;
mod out;
mod progress;
mod raw;
mod recent;
mod run;
mod said;
mod scanner;
mod style;
mod summary;
mod suspect;
mod table;
mod text;
mod time;
mod title;

use std::fs::File;
use std::io::{IsTerminal, stderr, stdin, stdout};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::Cli;
use error::Error;
use found::{Found, Place, Source};
use input::{Input, Kind};
use out::Out;
use run::Run;

/// Nothing was found.
const NOTHING: u8 = 1;
/// Something could not be done.
const TROUBLE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(shell) = cli.completions {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "decode", &mut script);
        return print(&script);
    }
    let out = match stdout().as_fd().try_clone_to_owned() {
        Ok(fd) => Out::new(File::from(fd)),
        Err(error) => {
            eprintln!("decode: {}", Error::Write(error));
            return ExitCode::from(TROUBLE);
        }
    };
    let mut run = Run::new(&cli, out);
    match answer(&cli, &mut run).and_then(|()| run.finish()) {
        Ok(()) => {}
        // Whoever reads us has enough: `decode log | head`.
        Err(error) if error.is_broken_pipe() => {}
        Err(error) => run.complain(&error),
    }
    if run.trouble() {
        return ExitCode::from(TROUBLE);
    }
    if run.found() == 0 {
        eprintln!("decode: no machine check found");
        return ExitCode::from(NOTHING);
    }
    ExitCode::SUCCESS
}

/// Prints a script.
fn print(bytes: &[u8]) -> ExitCode {
    let written = stdout()
        .as_fd()
        .try_clone_to_owned()
        .and_then(|fd| std::io::Write::write_all(&mut File::from(fd), bytes));
    match written.map_err(Error::Write) {
        Err(error) if !error.is_broken_pipe() => {
            eprintln!("decode: {error}");
            ExitCode::from(TROUBLE)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Answers everything that the command line asks about. An input that cannot be read is complained about, and the
/// next is taken.
fn answer(cli: &Cli, run: &mut Run) -> Result<(), Error> {
    if let Some(record) = cli.registers.record() {
        return run.record(Found {
            record,
            id: None,
            source: Source::Here(Place::COMMAND_LINE),
            texts: &[],
            given: true,
        });
    }
    if text::on_the_command_line(&cli.inputs, run)? {
        return Ok(());
    }
    let standard = [PathBuf::from("-")];
    let inputs = if cli.inputs.is_empty() {
        if stdin().is_terminal() && stderr().is_terminal() {
            eprintln!("decode: paste the log, then press Ctrl-D (--help tells more)");
        }
        &standard[..]
    } else {
        &cli.inputs[..]
    };
    for path in inputs {
        match read(path, cli, run) {
            Err(error @ Error::Write(_)) => return Err(error),
            Err(error) => run.complain(&error),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Answers one input.
fn read(path: &Path, cli: &Cli, run: &mut Run) -> Result<(), Error> {
    let mut input = Input::open(path)?;
    match input.kind(cli.from, cli.record_len, run)? {
        Kind::Text => text::read(&mut input, run),
        Kind::Raw(len) => raw::read(&mut input, len, run),
        Kind::Json => objects::read(&mut input, run),
    }
}
