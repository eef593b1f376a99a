//! What the cases about the daemon share: it is started, killed and asked for its history.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

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
const PATIENCE: Duration = Duration::from_secs(30);

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
            .args(&self.arguments)
            .stdin(Stdio::null())
            .spawn()?;
        self.running = Some(child);
        Ok(())
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

    /// Asks it to end (`SIGTERM`), and waits.
    ///
    /// # Errors
    ///
    /// Where it does not, or not well.
    pub fn stop(&mut self) -> Outcome {
        let mut child = self.child()?;
        kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGTERM)?;
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

    /// What `rasd query` tells, straight from the database.
    ///
    /// # Errors
    ///
    /// Where it fails, or tells no JSON.
    pub fn history(&self) -> Result<Vec<Value>, Failure> {
        let output = Command::new(RASD)
            .args(["query", "--json", "--state"])
            .arg(&self.state)
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(format!("rasd query: {said}")));
        }
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }

    /// Waits until the history has so many machine checks, and gives how often it has each address.
    ///
    /// # Errors
    ///
    /// Where it does not come to have them.
    pub fn addresses(&self, guest: &Guest, at_least: usize) -> Result<Addresses, Failure> {
        guest.wait_for("records in the history", PATIENCE, || {
            // Before the first event there is no history.
            let Ok(rows) = self.history() else {
                return Ok(None);
            };
            let addresses = Addresses::of(&rows);
            Ok((addresses.count() >= at_least).then_some(addresses))
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

/// How often a history has each address, and what it calls lost.
#[derive(Debug, Default)]
pub struct Addresses {
    seen: BTreeMap<u64, usize>,
    /// Events that are lost by number.
    pub lost: u64,
    /// Losses without a number.
    pub lost_unknown: usize,
}

impl Addresses {
    fn of(rows: &[Value]) -> Self {
        let mut all = Self::default();
        for row in rows {
            if let Some(record) = row.get("record") {
                let addr = record["addr"]
                    .as_str()
                    .and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok());
                *all.seen.entry(addr.unwrap_or(0)).or_default() += 1;
            } else if let Some(lost) = row.get("lost") {
                match lost["count"].as_u64() {
                    Some(count) => all.lost += count,
                    None => all.lost_unknown += 1,
                }
            }
        }
        all
    }

    /// How many machine checks there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.seen.values().sum()
    }

    /// Whether each of these is there once, and nothing else is.
    ///
    /// # Errors
    ///
    /// With what is missing, doubled or strange.
    pub fn are(&self, injected: &[u64]) -> Outcome {
        for addr in injected {
            same(
                &format!("times {addr:#x} is in the history"),
                self.seen.get(addr).copied().unwrap_or(0),
                1,
            )?;
        }
        ensure(
            self.seen.len() == injected.len(),
            format!(
                "the history has {:x?}, injected were {injected:x?}",
                self.seen
            ),
        )
    }
}

/// Errors that differ in their address, injected one after another.
#[derive(Debug, Default)]
pub struct Errors {
    /// The addresses that were injected.
    pub all: Vec<u64>,
}

impl Errors {
    /// Has the kernel log some more, on alternating CPUs.
    ///
    /// # Errors
    ///
    /// Those of injecting.
    pub fn inject(&mut self, count: usize) -> Outcome {
        for _ in 0..count {
            let number = self.all.len() as u64;
            let addr = 0x10_0000 + number * 0x1000;
            let record = corrected((number % 2) as u32, 1 + (number % 3) as u8, addr);
            Debugfs::new().inject(&Injection::new(record).with_raise(Raise::Log))?;
            self.all.push(addr);
            sleep(PACE);
        }
        Ok(())
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
    daemon.addresses(guest, 5)?.are(&errors.all)?;
    errors.inject(4)?;
    daemon.addresses(guest, 9)?.are(&errors.all)?;
    // At moments of its work that nobody chooses.
    for pause in [0, 1, 3, 7, 20] {
        errors.inject(3)?;
        sleep(Duration::from_millis(pause));
        daemon.kill()?;
        errors.inject(3)?;
        daemon.start()?;
    }
    errors.inject(2)?;
    let addresses = daemon.addresses(guest, errors.all.len())?;
    addresses.are(&errors.all)?;
    same("lost", (addresses.lost, addresses.lost_unknown), (0, 0))?;
    daemon.stop()?;
    daemon.addresses(guest, errors.all.len())?.are(&errors.all)
}
