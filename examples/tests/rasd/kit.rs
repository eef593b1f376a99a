//! Records, files of them, and the daemon over them.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mcekit::wire::{Mce, Wire};
use mcekit::{Record, Status};
use mcekit_store::db::{Query, Reader, Row, What};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::example;

/// The name of the history in a state directory.
pub(crate) const HISTORY: &str = "ras-mc_event.db";

/// The n-th struct of a file. Every fiftieth is equal to the one before it, as polled errors are that come within a second.
fn mce(n: u64) -> Mce {
    let n = n - u64::from(n % 50 == 49);
    Mce {
        status: if n % 1000 == 7 {
            // Uncorrected, context corrupt.
            Status::VAL | Status::UC | Status::EN | Status::PCC | 0x0135
        } else {
            0x8c00_0040_0008_00c0
        },
        addr: n << 6,
        misc: 0x8c,
        tsc: n,
        time: 1_795_349_361 + n / 1000,
        cpuid: 0x50654,
        bank: 13,
        extcpu: u32::try_from(n % 64).unwrap(),
        ..Mce::default()
    }
}

/// The n-th record, as it is read from the file.
pub(crate) fn record(n: u64) -> Record {
    Wire::read(&mce(n).to_bytes()).unwrap().record()
}

/// A file of so many structs.
pub(crate) fn file(dir: &Path, count: u64) -> PathBuf {
    let path = dir.join("records.bin");
    let bytes: Vec<u8> = (0..count).flat_map(|n| mce(n).to_bytes()).collect();
    fs::write(&path, bytes).unwrap();
    path
}

/// The daemon over a file.
pub(crate) fn rasd(state: &Path, replay: &Path) -> Command {
    let mut command = Command::new(example("rasd"));
    command
        .arg("--state")
        .arg(state)
        .arg("--replay")
        .arg(replay);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Waits until something is so.
pub(crate) fn wait(what: &str, mut so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !so() {
        assert!(Instant::now() < until, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A daemon that runs until the test is over.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap());
        kill(pid, signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }

    /// Has it end, as systemd does. Gives how long that took.
    pub(crate) fn stop(mut self) -> Duration {
        let began = Instant::now();
        self.signal(Signal::SIGTERM);
        let status = self.ended();
        assert!(status.success(), "{status}");
        began.elapsed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A subcommand of the program, at its end.
pub(crate) fn told(args: &[&str], control: &Path) -> Output {
    Command::new(example("rasd"))
        .args(args)
        .arg("--control")
        .arg(control)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs it to its end.
pub(crate) fn run(mut command: Command) -> Output {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        said(&output)
    );
    output
}

/// What it said.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every row of a history.
pub(crate) fn rows(state: &Path, mut take: impl FnMut(&Row)) {
    let reader = Reader::open(&state.join(HISTORY)).unwrap();
    let each = |row: &Row| {
        take(row);
        ControlFlow::Continue(())
    };
    reader.each(&Query::default(), each).unwrap();
}

/// The history has the file's records, in their order, each once, and nothing else.
pub(crate) fn complete(state: &Path, count: u64) {
    let mut n = 0;
    rows(state, |row| {
        assert_eq!(row.seq, Some(n + 1));
        match &row.what {
            What::Record { record: found, .. } => assert_eq!(*found, record(n), "record {n}"),
            other => panic!("{other:?}"),
        }
        n += 1;
    });
    assert_eq!(n, count);
}
