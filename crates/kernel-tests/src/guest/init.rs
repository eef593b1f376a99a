//! The first program of the guest: mounts, modules, and each case in a process of its own.

use std::ffi::CStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, process, thread};

use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};
use nix::sys::termios::{OutputFlags, SetArg, tcgetattr, tcsetattr};

use super::{Guest, systemd};
use crate::case::{Failure, How, Machine};
use crate::cases;

/// What to run, in the guest: the machine's name, then a line for each case, `NAME BOOT`.
pub const PLAN: &str = "/plan";

/// Where the trigger program, which is this program under another name, leaves its traces.
pub const TRIGGER_LOG: &str = "/tmp/trigger.log";

/// The serial line of the guest's own words; the kernel's console is the first one.
const WORDS: &str = "/dev/ttyS1";

/// A case that hangs must not eat the time of the others.
const CASE_LIMIT: Duration = Duration::from_secs(150);

const MOUNTS: &[(&str, &str)] = &[
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("devtmpfs", "/dev"),
    ("tmpfs", "/tmp"),
    ("debugfs", "/sys/kernel/debug"),
    ("tracefs", "/sys/kernel/tracing"),
];

/// The guest binary's `main`: init, one case, or the trigger, by its name and arguments.
#[must_use]
pub fn main() -> ExitCode {
    let args: Vec<String> = env::args().collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [_, "case", name, boot, machine] => one_case(name, boot, machine),
        ["/trigger", rest @ ..] => trigger(rest),
        [_, "plan", plan] => later(Path::new(plan)),
        _ if process::id() == 1 => init(),
        _ => {
            eprintln!("this program is the init of a test guest: run `kernel-tests`");
            ExitCode::FAILURE
        }
    }
}

/// What the kernel runs as a machine-check trigger: notes how it was called.
fn trigger(arguments: &[&str]) -> ExitCode {
    let line = format!(
        "arguments={} environment={}\n",
        arguments.len(),
        env::vars_os().count()
    );
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .open(TRIGGER_LOG);
    match log.and_then(|mut file| file.write_all(line.as_bytes())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn one_case(name: &str, boot: &str, machine: &str) -> ExitCode {
    let inside = cases::find(name).and_then(|case| match case.how {
        How::Shared(run) => Some(run),
        How::Boots(boots) => boots.get(boot.parse::<usize>().ok()?).map(|b| b.run),
    });
    let (Some(inside), Some(machine)) = (inside, Machine::from_name(machine)) else {
        println!("no case {name} {boot} on {machine}");
        return ExitCode::FAILURE;
    };
    match inside(&Guest::new(machine)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(why)) => {
            println!("@why {}", why.replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

/// Never returns to the kernel: a first program that ends is a panic, which the host would
/// take for one of the kernel's own.
fn init() -> ! {
    let done = set_up().and_then(|words| {
        if Path::new(systemd::MARK).exists() {
            systemd::hand_over().map(|never| match never {})
        } else {
            run_plan(&words, Path::new(PLAN))
        }
    });
    if let Err(failure) = done {
        broken(&failure);
    }
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

/// Runs the plan where something else is init.
fn later(plan: &Path) -> ExitCode {
    match open_words().and_then(|words| run_plan(&words, plan)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            broken(&failure);
            ExitCode::FAILURE
        }
    }
}

fn broken(Failure(why): &Failure) {
    // Before the serial line is open there is only the console.
    eprintln!("init: {why}");
    if let Ok(mut words) = OpenOptions::new().write(true).open(WORDS) {
        let _ = writeln!(words, "@broken {why}");
    }
}

fn set_up() -> Result<File, Failure> {
    for (kind, target) in MOUNTS {
        // A kernel without debugfs or tracefs is for the cases to complain about.
        let done = fs::create_dir_all(target).and_then(|()| {
            mount(
                Some(*kind),
                *target,
                Some(*kind),
                MsFlags::empty(),
                None::<&CStr>,
            )
            .map_err(io::Error::from)
        });
        if let Err(e) = done {
            eprintln!("init: {target}: {e}");
        }
    }
    let words = open_words()?;
    for module in fs::read_to_string("/modules/order")?.lines() {
        let file = File::open(Path::new("/modules").join(module))?;
        if let Err(e) = finit_module(file, c"", ModuleInitFlags::empty()) {
            writeln!(&words, "module {module}: {e}")?;
        }
    }
    Ok(words)
}

/// The serial line of the guest's words, as it takes them.
fn open_words() -> Result<File, Failure> {
    let words = OpenOptions::new().write(true).open(WORDS)?;
    let mut mode = tcgetattr(&words)?;
    mode.output_flags.remove(OutputFlags::OPOST);
    tcsetattr(&words, SetArg::TCSANOW, &mode)?;
    Ok(words)
}

fn run_plan(mut words: &File, plan: &Path) -> Result<(), Failure> {
    let plan = fs::read_to_string(plan)?;
    let mut lines = plan.lines();
    let machine = lines.next().unwrap_or_default();
    writeln!(words, "@up")?;
    for line in lines {
        let (name, boot) = line.split_once(' ').unwrap_or((line, ""));
        writeln!(words, "@case {name}")?;
        let start = Instant::now();
        let end = run_case(words, &["case", name, boot, machine])?;
        let seconds = start.elapsed().as_secs_f64();
        match end {
            None => writeln!(words, "@pass {name} {seconds:.3}")?,
            Some(why) => writeln!(words, "@fail {name} {seconds:.3} {why}")?,
        }
    }
    writeln!(words, "@done")?;
    Ok(())
}

/// How the case's process ended, if not well.
fn run_case(words: &File, arguments: &[&str]) -> Result<Option<String>, Failure> {
    let mut child = Command::new(env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(words.try_clone()?)
        .stderr(words.try_clone()?)
        .spawn()?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((!status.success()).then(|| status.to_string()));
        }
        if start.elapsed() > CASE_LIMIT {
            child.kill()?;
            child.wait()?;
            return Ok(Some(format!("not done after {CASE_LIMIT:?}")));
        }
        thread::sleep(Duration::from_millis(5));
    }
}
