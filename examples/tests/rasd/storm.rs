//! Errors without end: memory stays what it is, and every uncorrected error arrives.

use std::env;
use std::fs;
use std::time::{Duration, Instant};

use mcekit::severity::Severity;
use mcekit_store::db::What;

use crate::kit::{file, rasd, rows};

/// A line of a process's status, in KiB.
fn status(pid: u32, key: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn memory_is_bounded_and_what_is_uncorrected_arrives() {
    // The long one is the storm of a minute; so many a second need an optimized build.
    let long = env::var_os("MCEKIT_LONG_TESTS").is_some();
    let (rate, seconds) = if long { (100_000, 60) } else { (10_000, 2) };
    let count = rate * seconds;
    let dir = tempfile::tempdir().unwrap();
    let (state, replay) = (dir.path().join("state"), file(dir.path(), count));
    let began = Instant::now();
    let mut child = rasd(&state, &replay)
        .args(["--rate", &rate.to_string()])
        .spawn()
        .unwrap();
    let mut most = 0;
    let status = loop {
        most = most.max(status(child.id(), "VmHWM:").unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success());
    println!(
        "{count} records in {:.1} s; at most {most} KiB resident",
        began.elapsed().as_secs_f32()
    );
    // Batches, a transaction, SQLite's cache; nothing that grows with the number of records.
    assert!((1..64 << 10).contains(&most), "{most} KiB");
    let (mut records, mut uncorrected) = (0, 0);
    rows(&state, |row| {
        if let What::Record { record, .. } = &row.what {
            records += 1;
            uncorrected += u64::from(record.decode().grade().severity == Severity::Panic);
        }
    });
    assert_eq!((records, uncorrected), (count, count / 1000));
}

#[test]
fn an_idle_daemon_is_small_and_sleeps() {
    let dir = tempfile::tempdir().unwrap();
    let (state, replay) = (dir.path().join("state"), file(dir.path(), 3));
    // One record a second: between two of them there is nothing to do.
    let mut command = rasd(&state, &replay);
    let mut child = command.args(["--rate", "1"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(600));
    let switches = || {
        let of = |thread: fs::DirEntry| {
            let text = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
            let line = text
                .lines()
                .find(|line| line.starts_with("voluntary_ctxt_switches:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        let threads = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
        threads
            .filter_map(|thread| of(thread.unwrap()))
            .sum::<u64>()
    };
    let before = switches();
    std::thread::sleep(Duration::from_millis(200));
    let woken = switches() - before;
    let resident = status(child.id(), "VmRSS:").unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    println!("{resident} KiB resident, {woken} wake-ups in 200 ms between two records");
    assert_eq!(woken, 0);
    // What a debug build needs more is its larger program.
    assert!(resident < 32 << 10, "{resident} KiB");
}
