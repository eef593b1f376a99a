//! Disk full, history locked, files damaged: named, and nothing lost that is not counted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mcekit_store::db::What;
use rusqlite::Connection;

use crate::kit::{HISTORY, Running, complete, file, rasd, rows, run, said, wait};

/// The only segment of a spool.
fn segment(state: &Path) -> PathBuf {
    let files = fs::read_dir(state.join("spool")).unwrap();
    let mut paths = files.map(|entry| entry.unwrap().path());
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|end| end == "spool");
    paths.find(is_segment).unwrap()
}

/// Another connection, which locks the history as soon as there is one.
fn locked(state: &Path) -> Connection {
    let open = || Connection::open(state.join(HISTORY));
    wait("a history", || {
        open()
            .and_then(|conn| {
                conn.query_row("SELECT count(*) FROM mce_record", [], |row| row.get(0))
            })
            .is_ok_and(|count: i64| count > 0)
    });
    let other = open().unwrap();
    other.busy_timeout(Duration::from_secs(10)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[test]
fn a_disk_that_is_full_stops_the_taking_and_loses_nothing() {
    const COUNT: u64 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    let (state, replay) = (dir.path().join("state"), file(dir.path(), COUNT));
    // No file may grow beyond 512 KiB: for a process, that is a disk which is full.
    let plain = rasd(&state, &replay);
    let errors = dir.path().join("errors");
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -f 1024 && exec \"$0\" \"$@\""])
        .arg(plain.get_program())
        .args(plain.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&errors).unwrap());
    let mut child = limited.spawn().unwrap();
    let text = || fs::read_to_string(&errors).unwrap();
    wait("it is named", || text().contains("no room"));
    // It waits, and does not spin, end or complain again and again.
    std::thread::sleep(Duration::from_millis(2500));
    assert!(child.try_wait().unwrap().is_none(), "{}", text());
    assert_eq!(text().matches("no room").count(), 1, "{}", text());
    child.kill().unwrap();
    child.wait().unwrap();
    // There is room again.
    run(rasd(&state, &replay));
    complete(&state, COUNT);
}

#[test]
fn a_locked_history_holds_up_nothing_but_itself() {
    const COUNT: u64 = 30_000;
    let dir = tempfile::tempdir().unwrap();
    let (state, replay) = (dir.path().join("state"), file(dir.path(), COUNT));
    let mut command = rasd(&state, &replay);
    command.args(["--rate", "5000"]).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let other = locked(&state);
    let bytes = || fs::metadata(segment(&state)).unwrap().len();
    let before = bytes();
    wait("the spool goes on", || bytes() > before + 100_000);
    // Longer than a statement waits.
    std::thread::sleep(Duration::from_secs(1));
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let said = said(&output);
    assert!(said.contains("another process works with it"), "{said}");
    assert!(said.contains("nothing was lost"), "{said}");
    complete(&state, COUNT);
}

#[test]
fn a_signal_does_not_wait_for_the_history() {
    const COUNT: u64 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    let (state, replay) = (dir.path().join("state"), file(dir.path(), COUNT));
    let errors = dir.path().join("errors");
    let mut command = rasd(&state, &replay);
    command.args(["--rate", "2000"]);
    command.stderr(fs::File::create(&errors).unwrap());
    let daemon = Running::start(&mut command);
    let other = locked(&state);
    let bytes = || fs::metadata(segment(&state)).unwrap().len();
    let before = bytes();
    wait("the spool goes on", || bytes() > before + 100_000);
    let took = daemon.stop();
    println!("SIGTERM to the end with a locked history: {took:?}");
    let text = fs::read_to_string(&errors).unwrap();
    assert!(text.contains("the history lacks the last "), "{text}");
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    run(rasd(&state, &replay));
    complete(&state, COUNT);
}

#[test]
fn a_damaged_history_is_kept_aside_and_made_anew() {
    const COUNT: u64 = 2000;
    let dir = tempfile::tempdir().unwrap();
    let (state, replay) = (dir.path().join("state"), file(dir.path(), COUNT));
    run(rasd(&state, &replay));
    let history = state.join(HISTORY);
    let mut bytes = fs::read(&history).unwrap();
    bytes[..100].fill(b'?');
    fs::write(&history, &bytes).unwrap();
    let output = run(rasd(&state, &replay));
    let said = said(&output);
    assert!(said.contains(&format!("{HISTORY}.damaged-1")), "{said}");
    assert_eq!(
        fs::read(state.join(format!("{HISTORY}.damaged-1"))).unwrap(),
        bytes
    );
    // The spool's last segment still had all of it.
    complete(&state, COUNT);
}

#[test]
fn a_damaged_spool_costs_a_counted_number() {
    const COUNT: u64 = 3000;
    let dir = tempfile::tempdir().unwrap();
    let (state, replay) = (dir.path().join("state"), file(dir.path(), COUNT));
    let mut paced = rasd(&state, &replay);
    paced.args(["--rate", "3000"]);
    run(paced);
    // The history goes, and with it the other copy.
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(state.join(format!("{HISTORY}{end}")));
    }
    let path = segment(&state);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let output = run(rasd(&state, &replay));
    let said = said(&output);
    assert!(
        said.contains(".spool: ") && said.contains("damaged"),
        "{said}"
    );
    assert!(said.contains(".damaged-1"), "{said}");
    let (mut records, mut lost) = (0, 0);
    rows(&state, |row| match &row.what {
        What::Record { .. } => records += 1,
        What::Lost { kind, count, why } => {
            assert_eq!(kind, "exact");
            assert!(why.contains(".spool"), "{why}");
            lost += count.unwrap();
        }
        What::Event { .. } => panic!("{row:?}"),
    });
    assert!(lost > 0 && records > 0);
    assert_eq!(records + lost, COUNT);
}

#[test]
fn what_is_not_a_history_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (state, replay) = (dir.path().join("state"), file(dir.path(), 10));
    fs::create_dir(&state).unwrap();
    let other = Connection::open(state.join(HISTORY)).unwrap();
    other
        .execute_batch("CREATE TABLE bookmarks (url TEXT)")
        .unwrap();
    drop(other);
    let output = rasd(&state, &replay)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("bookmarks"), "{}", said(&output));
}

#[test]
fn a_second_daemon_is_told_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let (state, replay) = (dir.path().join("state"), file(dir.path(), 100));
    let mut first = rasd(&state, &replay).args(["--rate", "1"]).spawn().unwrap();
    wait("a spool", || state.join("spool/lock").exists());
    wait("the first has it", || {
        let output = rasd(&state, &replay)
            .args(["--rate", "1", "--once"])
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        output.status.code() == Some(2) && said(&output).contains("is rasd running?")
    });
    first.kill().unwrap();
    first.wait().unwrap();
}
