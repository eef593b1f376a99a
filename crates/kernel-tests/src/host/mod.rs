//! The host's side: kernels, the guest's program, boots and the report.

mod boot;
mod guest_binary;
mod initramfs;
mod kernels;
mod run;
mod transcript;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use guest_binary::Program;
pub use transcript::{Line, Stream, Transcript};

use crate::case::{Boot, Case, How, Machine};
use crate::cases;

/// What keeps the tests from being run at all. A case that fails is not one of these.
#[derive(Debug)]
pub(crate) struct Trouble(String);

impl Trouble {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// For `map_err`: the error, and what was being done.
    fn while_doing<E: fmt::Display>(what: impl fmt::Display) -> impl FnOnce(E) -> Self {
        move |e| Self(format!("{what}: {e}"))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Boots real kernels under QEMU, injects machine checks, and checks what is read of them.
#[derive(Debug, Parser)]
#[command(name = "kernel-tests", version)]
struct Options {
    /// Only cases whose name contains one of these
    cases: Vec<String>,

    /// Only machines whose name (mcelog-6.1/intel, ...) contains this
    #[arg(long, short, value_name = "TEXT")]
    machine: Vec<String>,

    /// List the cases and their machines, and run nothing
    #[arg(long)]
    list: bool,

    /// Fetch and build the kernels, and run nothing
    #[arg(long)]
    prepare: bool,

    /// Guests at a time; QEMU uses one thread of the host for each
    #[arg(long, default_value_t = 2, value_name = "N")]
    jobs: usize,

    /// Seconds for all boots together, once the kernels are there
    #[arg(long, default_value_t = 1500, value_name = "SECONDS")]
    limit: u64,

    /// Print everything that the guests print
    #[arg(long, short)]
    verbose: bool,

    /// Where the transcripts and the kept files go
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// The host binary's `main`.
#[must_use]
pub fn main() -> ExitCode {
    match run_all(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(trouble) => {
            eprintln!("kernel-tests cannot run: {trouble}");
            ExitCode::from(2)
        }
    }
}

/// Whether everything passed.
fn run_all(options: &Options) -> Result<bool, Trouble> {
    let wanted = |name: &str, of: &[String]| of.is_empty() || of.iter().any(|w| name.contains(w));
    let chosen: Vec<&'static Case> = cases::ALL
        .iter()
        .copied()
        .filter(|case| wanted(case.name, &options.cases))
        .collect();
    let machines: Vec<Machine> = Machine::all()
        .filter(|machine| wanted(&machine.to_string(), &options.machine))
        .filter(|machine| chosen.iter().any(|case| case.runs_on(*machine)))
        .collect();
    if options.list {
        list(&chosen, &machines);
        return Ok(true);
    }
    if machines.is_empty() {
        return Err(Trouble::new("no case and machine of these names"));
    }
    let begin = Instant::now();
    let kernels = kernels::ready(&machines)?;
    let systemd = any(&chosen, |boot| boot.systemd)
        .then(kernels::systemd)
        .transpose()?;
    let kernels_took = begin.elapsed();
    println!("kernels ready after {:.1} s", kernels_took.as_secs_f64());
    if options.prepare {
        return Ok(true);
    }
    let guest = Program::Guest.build()?;
    let rasd = any(&chosen, |boot| boot.rasd)
        .then(|| Program::Rasd.build())
        .transpose()?;
    println!(
        "guest programs ready after {:.1} s",
        begin.elapsed().as_secs_f64()
    );
    let out = options.out.clone().unwrap_or_else(guest_binary::out_folder);
    let bench = run::Bench {
        kernels: &kernels,
        guest: &guest,
        rasd: rasd.as_deref(),
        systemd: systemd.as_deref(),
        out: &out,
        verbose: options.verbose,
        deadline: Instant::now() + Duration::from_secs(options.limit),
    };
    let tally = run::all(&bench, &chosen, &machines, options.jobs.max(1))?;
    println!(
        "{} passed, {} failed, {:.1} s (kernels {:.1} s); transcripts in {}",
        tally.passed,
        tally.failed,
        begin.elapsed().as_secs_f64(),
        kernels_took.as_secs_f64(),
        out.display(),
    );
    Ok(tally.failed == 0 && tally.passed > 0)
}

/// Whether one of the cases has such a boot.
fn any(cases: &[&Case], wants: fn(&Boot) -> bool) -> bool {
    cases
        .iter()
        .any(|case| matches!(case.how, How::Boots(boots) if boots.iter().any(wants)))
}

fn list(chosen: &[&'static Case], machines: &[Machine]) {
    for case in chosen {
        let on: Vec<String> = machines
            .iter()
            .filter(|machine| case.runs_on(**machine))
            .map(ToString::to_string)
            .collect();
        println!(
            "{:24} {}\n{:24} {}",
            case.name,
            case.about,
            "",
            on.join(" ")
        );
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}
