//! Triggers as they misbehave, with real processes and short times.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use super::*;
use crate::config::Config;
use crate::config::amounts::Size;
use crate::config::values::Count;
use crate::notes::Kept;

fn how(timeout: &str, grace: &str) -> Triggers {
    Triggers {
        timeout: timeout.parse().unwrap(),
        grace: grace.parse().unwrap(),
        ..Config::default().triggers
    }
}

fn shell(script: &str) -> Job {
    let words = ["/bin/sh", "-c", script].map(String::from);
    Job::Run {
        argv: Argv::new(words.into()).unwrap(),
        environment: vec![("MESSAGE", "too many errors".into())],
        part: "a test".into(),
    }
}

fn start(how: &Triggers) -> (Runner, Kept) {
    let (notes, kept) = Notes::kept();
    (Runner::start(how, notes).unwrap(), kept)
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn all(kept: &Kept) -> String {
    let kept = kept.lock().unwrap();
    let lines: Vec<_> = kept.iter().map(|(_, what)| what.as_str()).collect();
    lines.join("\n")
}

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process is there and no zombie.
fn lives(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z"))
}

#[test]
fn a_trigger_has_a_clean_environment_and_its_output_is_told() {
    let (mut runner, kept) = start(&how("20s", "1s"));
    runner.give(shell("echo \"[$MESSAGE]\"; env | sort >&2; cat; exit 3"));
    runner.finish(Deadline::after(Duration::from_secs(20)));
    let told = all(&kept);
    assert!(
        told.starts_with("the trigger /bin/sh for a test ended with status 3 after "),
        "{told}"
    );
    assert!(told.contains("[too many errors]"), "{told}");
    assert!(
        told.contains("PATH=/usr/sbin:/usr/bin:/sbin:/bin"),
        "{told}"
    );
    assert!(!told.contains("CARGO"), "{told}");
    assert_eq!(count(&runner.done().failed), 1);
}

#[test]
fn one_that_hangs_is_ended_and_then_killed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let (mut runner, kept) = start(&how("200ms", "200ms"));
    // It does not listen to SIGTERM, and neither does what it started.
    let script = format!(
        "trap '' TERM; (trap '' TERM; sleep 300) & echo $! > {}; wait; sleep 300",
        file.display()
    );
    runner.give(shell(&script));
    runner.finish(Deadline::after(Duration::from_secs(20)));
    let told = all(&kept);
    assert!(
        told.contains("still ran after 200ms: it was told to end"),
        "{told}"
    );
    assert!(told.contains("was ended by SIGKILL"), "{told}");
    assert_eq!(count(&runner.done().timed_out), 1);
    let child = fs::read_to_string(&file).unwrap();
    until("its child is gone", || !lives(&child));
}

#[test]
fn what_it_leaves_running_in_its_group_ends_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let (mut runner, kept) = start(&how("20s", "1s"));
    // The child keeps the pipe of the output open.
    let start = Instant::now();
    runner.give(shell(&format!("sleep 300 & echo $! > {}", file.display())));
    runner.finish(Deadline::after(Duration::from_secs(20)));
    assert!(start.elapsed() < Duration::from_secs(15));
    assert!(all(&kept).contains("ended with status 0"), "{}", all(&kept));
    let child = fs::read_to_string(&file).unwrap();
    until("its child is gone", || !lives(&child));
}

#[test]
fn one_that_prints_without_end_is_cut_off() {
    let triggers = Triggers {
        output: Size(100),
        ..how("300ms", "1s")
    };
    let (mut runner, kept) = start(&triggers);
    runner.give(shell("while :; do echo -e 'y\\033[2J'; done"));
    runner.finish(Deadline::after(Duration::from_secs(20)));
    let told = all(&kept);
    assert!(told.contains("bytes more"), "{told}");
    assert!(told.len() < 2000 && !told.contains('\x1b'), "{told}");
}

#[test]
fn one_that_is_not_there_is_named() {
    let (mut runner, kept) = start(&how("20s", "1s"));
    for program in ["/nonexistent/trigger", "/etc/passwd"] {
        runner.give(Job::Run {
            argv: Argv::new(vec![program.into()]).unwrap(),
            environment: Vec::new(),
            part: "the DIMM".into(),
        });
    }
    runner.finish(Deadline::after(Duration::from_secs(20)));
    let told = all(&kept);
    assert!(
        told.contains(
            "the trigger /nonexistent/trigger for the DIMM could not be started: No such file"
        ),
        "{told}"
    );
    assert!(told.contains("/etc/passwd"), "{told}");
    assert_eq!(count(&runner.done().not_started), 2);
}

#[test]
fn no_more_at_once_and_no_more_waiting_than_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let triggers = Triggers {
        at_once: Count::new(2),
        queue: Count::new(3),
        ..how("20s", "1s")
    };
    let (mut runner, kept) = start(&triggers);
    let go = dir.path().join("go");
    let script = format!(
        "touch {dir}/run-$$; while [ ! -e {go} ]; do sleep 0.02; done",
        dir = dir.path().display(),
        go = go.display()
    );
    let running = |dir: &Path| fs::read_dir(dir).unwrap().count();
    let start = Instant::now();
    for _ in 0..2 {
        runner.give(shell(&script));
    }
    until("two run", || running(dir.path()) == 2);
    for _ in 0..10 {
        runner.give(shell(&script));
    }
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "giving a job waited"
    );
    thread::sleep(Duration::from_millis(100));
    assert_eq!(running(dir.path()), 2);
    fs::write(&go, "").unwrap();
    runner.finish(Deadline::after(Duration::from_secs(20)));
    assert_eq!(count(&runner.done().succeeded), 5);
    assert_eq!(count(&runner.done().refused), 7);
    let told = all(&kept);
    assert_eq!(told.matches("triggers wait already").count(), 1, "{told}");
}

#[test]
fn what_still_runs_at_the_end_is_killed() {
    let (mut runner, _kept) = start(&how("1h", "1h"));
    let start = Instant::now();
    runner.give(shell("sleep 300"));
    runner.finish(Deadline::after(Duration::from_millis(200)));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_page_goes_out_of_use_only_when_that_is_wanted() {
    let sysfs = tempfile::tempdir().unwrap();
    let memory = sysfs.path().join("devices/system/memory");
    fs::create_dir_all(&memory).unwrap();
    let file = memory.join("soft_offline_page");
    fs::write(&file, "").unwrap();
    let offline = |mode| Job::Offline {
        page: 0x1234_5000,
        mode,
        sysfs: sysfs.path().to_owned(),
    };
    let (mut runner, kept) = start(&how("20s", "1s"));
    runner.give(offline(PageOffline::Off));
    runner.give(offline(PageOffline::DryRun));
    runner.finish(Deadline::after(Duration::from_secs(20)));
    assert_eq!(fs::read_to_string(&file).unwrap(), "");
    assert!(
        all(&kept).starts_with("dry run: the page at 0x12345000 would be taken out of use"),
        "{}",
        all(&kept)
    );
    let (mut runner, kept) = start(&how("20s", "1s"));
    runner.give(offline(PageOffline::Soft));
    runner.finish(Deadline::after(Duration::from_secs(20)));
    assert_eq!(fs::read_to_string(&file).unwrap(), "0x12345000");
    assert!(
        all(&kept).contains("was taken out of use"),
        "{}",
        all(&kept)
    );
    // A kernel without it.
    fs::remove_file(&file).unwrap();
    let (mut runner, kept) = start(&how("20s", "1s"));
    runner.give(offline(PageOffline::Soft));
    runner.finish(Deadline::after(Duration::from_secs(20)));
    assert!(
        all(&kept).contains("could not be taken out of use"),
        "{}",
        all(&kept)
    );
    assert_eq!(count(&runner.done().pages_failed), 1);
}
