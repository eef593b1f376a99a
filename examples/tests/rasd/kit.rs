//! Records, files of them, and the daemon over them.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use mcekit::wire::{Mce, Wire};
use mcekit::{Record, Status};
use mcekit_store::db::{Query, Reader, Row, What};

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
