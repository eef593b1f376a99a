//! What the cases about the daemon share: it is started, killed and asked for its history.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use mcekit::Record;
use mcelog_dev::{Debugfs, Injection, Injector, Raise};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::mcelog::corrected;
use super::{Guest, RASD};
use crate::case::{Failure, Outcome, ensure, same};

/// The kernel hands errors to its listeners from a work queue, which a burst outruns.
const PACE: Duration = Duration::from_millis(3);

/// How long the daemon may take to write down what it reads, in an emulated machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where it answers.
const SOCKET: &str = "/tmp/rasd.sock";

/// How long after an error the daemon is killed: at moments of its work that nobody chooses.
pub const KILLED_AFTER: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(1),
    Duration::from_millis(3),
    Duration::from_millis(7),
    Duration::from_millis(20),
];

/// How long a daemon that has nothing to write down is waited for.
const TOUCHED: Duration = Duration::from_secs(3);

/// The daemon, or where it was.
#[derive(Debug)]
pub struct Daemon {
    state: PathBuf,
    arguments: Vec<String>,
    running: Option<Child>,
}

impl Daemon {
    /// A daemon with its state in a folder; not started.
    #[must_use]
    pub fn new(state: &Path, arguments: &[&str]) -> Self {
        Self {
            state: state.to_owned(),
            arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
            running: None,
        }
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// Where it cannot be.
    pub fn start(&mut self) -> Outcome {
        let child = Command::new(RASD)
            .arg("--state")
            .arg(&self.state)
            .args(["--control", SOCKET])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .spawn()?;
        self.running = Some(child);
        Ok(())
    }

    /// Starts it, and kills it when it has touched its spool so often: before it has the backlog on disk, while it
    /// writes it down, or before it tells the channel.
    ///
    /// # Errors
    ///
    /// As [`Daemon::start`] and [`Daemon::kill`].
    pub fn start_and_kill(&mut self, touches: usize) -> Outcome {
        let mut known = self.spool_bytes();
        let mut seen = 0;
        self.start()?;
        let begin = Instant::now();
        while seen < touches && begin.elapsed() < TOUCHED {
            let bytes = self.spool_bytes();
            seen += usize::from(bytes != known);
            known = bytes;
            sleep(Duration::from_micros(200));
        }
        self.kill()
    }

    fn spool_bytes(&self) -> Option<u64> {
        let files = fs::read_dir(self.state.join("spool")).ok()?;
        let length = |file: io::Result<fs::DirEntry>| Some(file.ok()?.metadata().ok()?.len());
        Some(files.filter_map(length).sum())
    }

    /// Kills it (`SIGKILL`), whatever it is doing.
    ///
    /// # Errors
    ///
    /// Where it is gone already.
    pub fn kill(&mut self) -> Outcome {
        let mut child = self.child()?;
        if let Some(status) = child.try_wait()? {
            return Err(Failure::new(format!("rasd ended by itself: {status}")));
        }
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Stops it where it is (`SIGSTOP`): it reads nothing any more.
    ///
    /// # Errors
    ///
    /// Where it is gone already.
    pub fn halt(&self) -> Outcome {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on (`SIGCONT`).
    ///
    /// # Errors
    ///
    /// Where it is gone already.
    pub fn go_on(&self) -> Outcome {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> Outcome {
        let child = self.running.as_ref();
        let child = child.ok_or_else(|| Failure::new("rasd was not started"))?;
        Ok(kill(Pid::from_raw(i32::try_from(child.id())?), signal)?)
    }

    /// Asks it to end (`SIGTERM`), and waits.
    ///
    /// # Errors
    ///
    /// Where it does not, or not well.
    pub fn stop(&mut self) -> Outcome {
        self.signal(Signal::SIGTERM)?;
        let mut child = self.child()?;
        let begin = Instant::now();
        loop {
            match child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(Failure::new(format!("rasd ended: {status}"))),
                None if begin.elapsed() > PATIENCE => {
                    child.kill()?;
                    return Err(Failure::new("rasd does not end"));
                }
                None => sleep(Duration::from_millis(20)),
            }
        }
    }

    fn child(&mut self) -> Result<Child, Failure> {
        self.running
            .take()
            .ok_or_else(|| Failure::new("rasd was not started"))
    }

    /// Starts it, and waits until it answers: everything that it reads is open by then.
    ///
    /// # Errors
    ///
    /// Where it cannot be started, or does not answer.
    pub fn start_and_wait(&mut self, guest: &Guest) -> Outcome {
        self.start()?;
        guest.wait_for("an answer of rasd", PATIENCE, || {
            let output = Command::new(RASD)
                .args(["status", "--json", "--control", SOCKET])
                .output()?;
            Ok(output.status.success().then_some(()))
        })
    }

    /// What `rasd query` tells, straight from the database.
    ///
    /// # Errors
    ///
    /// Where it fails, or tells no JSON.
    pub fn history(&self) -> Result<History, Failure> {
        History::of(Path::new(RASD), &self.state)
    }

    /// Waits until the history is so.
    ///
    /// # Errors
    ///
    /// Where it does not come to be, with the `what`.
    pub fn until(
        &self,
        guest: &Guest,
        what: &str,
        so: impl Fn(&History) -> bool,
    ) -> Result<History, Failure> {
        guest.wait_for(what, PATIENCE, || {
            // Before the first event there is no history.
            Ok(self.history().ok().filter(&so))
        })
    }

    /// Waits until the history has the last error of each CPU, and with it all that the same channel gave before.
    ///
    /// # Errors
    ///
    /// Where they do not come.
    pub fn until_last(&self, guest: &Guest, errors: &Errors) -> Result<History, Failure> {
        let last: Vec<Check> = errors.all.iter().rev().take(2).copied().collect();
        self.until(guest, &format!("{last:x?} in the history"), |history| {
            last.iter().all(|check| history.times(check) > 0)
        })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(child) = &mut self.running {
            // A case that failed leaves no daemon behind.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a loss says of a machine that went down with the daemon.
pub const FELL: &str = "the machine went down while ";

/// What a loss says of a channel that was made when the machine ran already.
pub const LATE: &str = " does not reach back to the begin of this boot";

/// What a loss says of a process that ended between reading and writing down.
pub const TAKEN: &str = "a process ended while it read";

/// What a machine check is recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Check {
    /// The CPU.
    pub cpu: Option<u32>,
    /// The bank.
    pub bank: Option<u8>,
    /// `MCi_STATUS`.
    pub status: u64,
    /// `MCi_ADDR`.
    pub addr: Option<u64>,
    /// `MCi_MISC`.
    pub misc: Option<u64>,
    /// It happened before the machine's last start.
    pub earlier_boot: bool,
}

impl Check {
    /// That of a record.
    #[must_use]
    pub fn of(record: &Record, earlier_boot: bool) -> Self {
        Self {
            cpu: record.cpu(),
            bank: record.bank(),
            status: record.status().0,
            addr: record.addr().map(|addr| addr.0),
            misc: record.misc().map(|misc| misc.0),
            earlier_boot,
        }
    }

    /// That of a line of `rasd query --json` (docs/json.md).
    fn read(row: &Value) -> Option<Self> {
        let record = row.get("record")?;
        let hex = |name: &str| {
            let text = record[name].as_str()?.strip_prefix("0x")?;
            u64::from_str_radix(text, 16).ok()
        };
        Some(Self {
            cpu: record["cpu"].as_u64().and_then(|n| n.try_into().ok()),
            bank: record["bank"].as_u64().and_then(|n| n.try_into().ok()),
            status: hex("status")?,
            addr: hex("addr"),
            misc: hex("misc"),
            earlier_boot: row["earlier_boot"] == true,
        })
    }
}

/// What the daemon has on disk.
#[derive(Debug, Default)]
pub struct History {
    /// The machine checks.
    pub checks: Vec<Check>,
    /// Events that are lost, their number known.
    pub lost: u64,
    /// Events that are lost, at least so many.
    pub lost_at_least: u64,
    /// Losses without a number: why.
    pub lost_unknown: Vec<String>,
}

impl History {
    /// That of a state directory, as the daemon's program tells it.
    ///
    /// # Errors
    ///
    /// Where it fails, or tells no JSON.
    pub fn of(program: &Path, state: &Path) -> Result<Self, Failure> {
        let output = Command::new(program)
            .args(["query", "--json", "--state"])
            .arg(state)
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(format!("rasd query: {said}")));
        }
        let mut history = Self::default();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            history.add(&serde_json::from_str(line)?)?;
        }
        Ok(history)
    }

    fn add(&mut self, row: &Value) -> Outcome {
        if let Some(lost) = row.get("lost") {
            if let Some(count) = lost["exact"].as_u64() {
                self.lost += count;
            } else if let Some(count) = lost["at_least"].as_u64() {
                self.lost_at_least += count;
            } else {
                let why = lost["why"].as_str().unwrap_or_default();
                self.lost_unknown.push(why.to_owned());
            }
        } else if row.get("record").is_some() {
            let check = Check::read(row);
            let check = check.ok_or_else(|| Failure::new(format!("a strange row: {row}")))?;
            self.checks.push(check);
        }
        Ok(())
    }

    /// How many losses without a number say this.
    #[must_use]
    pub fn says(&self, what: &str) -> usize {
        let whys = self.lost_unknown.iter();
        whys.filter(|why| why.contains(what)).count()
    }

    /// How often it has this one.
    #[must_use]
    pub fn times(&self, check: &Check) -> usize {
        self.checks.iter().filter(|&one| one == check).count()
    }

    /// Whether each of these is there once, each of those not twice, and nothing else.
    ///
    /// # Errors
    ///
    /// With what is missing, doubled or strange.
    pub fn has(&self, these: &[Check], perhaps: &[Check]) -> Outcome {
        for check in these {
            let what = format!("times {check:x?} is in the history");
            same(&what, self.times(check), 1)?;
        }
        for check in perhaps {
            let twice = format!("{check:x?} is there twice");
            ensure(self.times(check) <= 1, twice)?;
        }
        for check in &self.checks {
            ensure(
                these.contains(check) || perhaps.contains(check),
                format!("nobody injected {check:x?}"),
            )?;
        }
        Ok(())
    }

    /// Whether each of these is there once, and nothing else is, nor is anything lost.
    ///
    /// # Errors
    ///
    /// With what is not so.
    pub fn is(&self, these: &[Check]) -> Outcome {
        self.has(these, &[])?;
        let losses = (self.lost, self.lost_at_least, self.lost_unknown.len());
        same("lost", losses, (0, 0, 0))
    }
}

/// Errors that differ in their address, injected one after another.
#[derive(Debug, Default)]
pub struct Errors {
    /// What was injected.
    pub all: Vec<Check>,
}

impl Errors {
    /// Those that an earlier boot injected, and this one does not repeat.
    pub fn skip(&mut self, count: usize) -> Vec<Check> {
        self.next(count, |_| Ok(())).unwrap_or_default()
    }

    /// Has the kernel log some more, on alternating CPUs; gives these.
    ///
    /// # Errors
    ///
    /// Those of injecting.
    pub fn inject(&mut self, count: usize) -> Result<Vec<Check>, Failure> {
        self.next(count, |record| {
            Debugfs::new().inject(&Injection::new(record).with_raise(Raise::Log))?;
            sleep(PACE);
            Ok(())
        })
    }

    fn next(
        &mut self,
        count: usize,
        inject: impl Fn(Record) -> Outcome,
    ) -> Result<Vec<Check>, Failure> {
        let known = self.all.len();
        for _ in 0..count {
            let number = self.all.len() as u64;
            let addr = 0x10_0000 + number * 0x1000;
            let record = corrected((number % 2) as u32, 1 + (number % 3) as u8, addr);
            self.all.push(Check::of(&record, false));
            inject(record)?;
        }
        Ok(self.all.get(known..).unwrap_or_default().to_vec())
    }
}

/// Errors before the daemon starts, while it runs, while it is dead, and after: each is in the history once.
///
/// # Errors
///
/// With what is missing or doubled.
pub fn delivers_once(guest: &Guest, state: &Path, arguments: &[&str]) -> Outcome {
    let mut errors = Errors::default();
    let mut daemon = Daemon::new(state, arguments);
    errors.inject(5)?;
    daemon.start()?;
    daemon.until_last(guest, &errors)?.is(&errors.all)?;
    errors.inject(4)?;
    daemon.until_last(guest, &errors)?.is(&errors.all)?;
    for pause in KILLED_AFTER {
        errors.inject(3)?;
        sleep(pause);
        daemon.kill()?;
        errors.inject(3)?;
        daemon.start_and_wait(guest)?;
    }
    daemon.kill()?;
    errors.inject(3)?;
    for touches in 1..=3 {
        daemon.start_and_kill(touches)?;
    }
    daemon.start()?;
    errors.inject(2)?;
    daemon
        .until(guest, "all that was injected", |history| {
            history.checks.len() >= errors.all.len()
        })?
        .is(&errors.all)?;
    daemon.stop()?;
    daemon.history()?.is(&errors.all)
}
