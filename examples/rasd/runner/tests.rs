//! Triggers as they misbehave, with real processes and short times.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use super::*;
use crate::config::PageOffline;
use crate::config::amounts::Size;
use crate::config::values::{Argv, Count};
use crate::notes::Kept;

fn how(timeout: &str, grace: &str) -> Config {
    let mut config = Config::default();
    config.triggers.timeout = timeout.parse().unwrap();
    config.triggers.grace = grace.parse().unwrap();
    config
}

/// The trigger of DIMMs is this script.
fn with(script: &str, config: Config) -> Config {
    let mut config = config;
    let words = ["/bin/sh", "-c", script].map(String::from);
    config.thresholds.dimm.trigger = Argv::new(words.into());
    config
}

/// A job that runs it.
fn job() -> Job {
    Job::Run {
        trigger: PartKind::Dimm,
        environment: vec![("MESSAGE", "too many errors".into())],
        part: "a test".into(),
    }
}

fn start(config: &Config) -> (Runner, Kept) {
    let (notes, kept) = Notes::kept();
    (Runner::in_thread(config, notes), kept)
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
    let script = "echo \"[$MESSAGE]\"; env | sort >&2; cat; exit 3";
    let (mut runner, kept) = start(&with(script, how("20s", "1s")));
    runner.give(job());
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
    // It does not listen to SIGTERM, and neither does what it started.
    let script = format!(
        "trap '' TERM; (trap '' TERM; sleep 300) & echo $! > {}; wait; sleep 300",
        file.display()
    );
    let (mut runner, kept) = start(&with(&script, how("200ms", "200ms")));
    runner.give(job());
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
    // The child keeps the pipe of the output open.
    let script = format!("sleep 300 & echo $! > {}", file.display());
    let (mut runner, kept) = start(&with(&script, how("20s", "1s")));
    let began = Instant::now();
    runner.give(job());
    runner.finish(Deadline::after(Duration::from_secs(20)));
    assert!(began.elapsed() < Duration::from_secs(15));
    assert!(all(&kept).contains("ended with status 0"), "{}", all(&kept));
    let child = fs::read_to_string(&file).unwrap();
    until("its child is gone", || !lives(&child));
}

#[test]
fn one_that_prints_without_end_is_cut_off() {
    let mut config = with("while :; do echo -e 'y\\033[2J'; done", how("300ms", "1s"));
    config.triggers.output = Size(100);
    let (mut runner, kept) = start(&config);
    runner.give(job());
    runner.finish(Deadline::after(Duration::from_secs(20)));
    let told = all(&kept);
    assert!(told.contains("bytes more"), "{told}");
    assert!(told.len() < 2000 && !told.contains('\x1b'), "{told}");
}

#[test]
fn one_that_is_not_there_is_named() {
    let mut config = how("20s", "1s");
    let program = |program: &str| Argv::new(vec![program.into()]);
    config.thresholds.dimm.trigger = program("/nonexistent/trigger");
    config.thresholds.page.trigger = program("/etc/passwd");
    let (mut runner, kept) = start(&config);
    for trigger in [PartKind::Dimm, PartKind::Page] {
        runner.give(Job::Run {
            trigger,
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
    let go = dir.path().join("go");
    let script = format!(
        "touch {dir}/run-$$; while [ ! -e {go} ]; do sleep 0.02; done",
        dir = dir.path().display(),
        go = go.display()
    );
    let mut config = with(&script, how("20s", "1s"));
    config.triggers.at_once = Count::new(2);
    config.triggers.queue = Count::new(3);
    let (mut runner, kept) = start(&config);
    let running = |dir: &Path| fs::read_dir(dir).unwrap().count();
    let start = Instant::now();
    for _ in 0..2 {
        runner.give(job());
    }
    until("two run", || running(dir.path()) == 2);
    for _ in 0..10 {
        runner.give(job());
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
fn what_still_runs_at_the_end_is_killed_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let script = format!("echo $$ > {}; exec sleep 300", file.display());
    let mut config = with(&script, how("1h", "1h"));
    config.triggers.at_once = Count::new(1);
    let (mut runner, kept) = start(&config);
    let start = Instant::now();
    runner.give(job());
    runner.give(job());
    until("it runs", || file.exists());
    runner.finish(Deadline::after(Duration::from_millis(200)));
    assert!(start.elapsed() < Duration::from_secs(10));
    let told = all(&kept);
    assert!(
        told.contains("still ran at the end, and is killed"),
        "{told}"
    );
    assert!(told.contains("1 triggers waited at the end"), "{told}");
    until("it is gone", || !lives(&fs::read_to_string(&file).unwrap()));
}

/// A sysfs that notes which page it is told.
fn sysfs() -> (tempfile::TempDir, std::path::PathBuf) {
    let sysfs = tempfile::tempdir().unwrap();
    let memory = sysfs.path().join("devices/system/memory");
    fs::create_dir_all(&memory).unwrap();
    let file = memory.join("soft_offline_page");
    fs::write(&file, "").unwrap();
    (sysfs, file)
}

/// What becomes of these pages.
fn offline(config: &Config, pages: &[u64]) -> (String, Arc<Done>) {
    let (mut runner, kept) = start(config);
    for &page in pages {
        runner.give(Job::Offline { page });
    }
    runner.finish(Deadline::after(Duration::from_secs(20)));
    (all(&kept), runner.done())
}

#[test]
fn a_page_goes_out_of_use_only_when_that_is_wanted() {
    let (sysfs, file) = sysfs();
    let mut config = how("20s", "1s");
    config.page_offline.sysfs = sysfs.path().to_owned();
    for mode in [PageOffline::Off, PageOffline::DryRun] {
        config.page_offline.mode = mode;
        let (told, done) = offline(&config, &[0x1234_5000]);
        assert!(
            told.contains("the configuration does not want it"),
            "{told}"
        );
        assert_eq!(count(&done.pages_failed), 1);
        assert_eq!(fs::read_to_string(&file).unwrap(), "");
    }
    config.page_offline.mode = PageOffline::Soft;
    let (told, done) = offline(&config, &[0x1234_5000, 0x1234_5001, 1 << 52]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "0x12345000");
    assert!(told.contains("0x12345000 was taken out of use"), "{told}");
    assert_eq!(
        told.matches("that is no address of a page").count(),
        2,
        "{told}"
    );
    assert_eq!(count(&done.pages_offline), 1);
    // A kernel without it.
    fs::remove_file(&file).unwrap();
    let (told, done) = offline(&config, &[0x1234_5000]);
    assert!(
        told.contains("could not be taken out of use") && told.contains("No such file"),
        "{told}"
    );
    assert_eq!(count(&done.pages_failed), 1);
}

#[test]
fn no_more_pages_go_out_of_use_than_allowed() {
    let (sysfs, _file) = sysfs();
    let mut config = how("20s", "1s");
    config.page_offline.mode = PageOffline::Soft;
    config.page_offline.sysfs = sysfs.path().to_owned();
    config.page_offline.limit = Some("3 / 24h".parse().unwrap());
    let pages: Vec<u64> = (1..=10).map(|page| page << 12).collect();
    let (told, done) = offline(&config, &pages);
    assert_eq!(count(&done.pages_offline), 3, "{told}");
    assert_eq!(count(&done.pages_failed), 7);
    assert!(
        told.contains("page-offline.limit allows, 3 / 24h"),
        "{told}"
    );
}

#[test]
fn what_is_not_to_be_asked_for_ends_it_and_that_is_told() {
    let (mut runner, kept) = start(&with("true", how("20s", "1s")));
    let socket = runner.socket.as_ref().unwrap();
    send(socket.as_raw_fd(), b"{\"run\":{}}", MsgFlags::empty()).unwrap();
    until("it has ended", || {
        runner.look();
        runner.socket.is_none()
    });
    for _ in 0..3 {
        runner.give(job());
    }
    let told = all(&kept);
    assert!(
        told.contains("none is run any more until rasd is started again"),
        "{told}"
    );
    assert_eq!(
        told.matches("has ended: one was not run").count(),
        1,
        "{told}"
    );
    assert_eq!(count(&runner.done().refused), 3);
    // The main loop does not turn for a socket that is gone.
    let mut fds = [PollFd::new(runner.descriptor(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut fds, PollTimeout::ZERO), Ok(0));
}

#[test]
fn a_daemon_that_reads_no_answers_holds_no_program_up() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        "head -c 30000 /dev/zero; mktemp {}/XXXXXX",
        dir.path().display()
    );
    let mut config = with(&script, how("20s", "1s"));
    config.triggers.output = Size(32 << 10);
    config.triggers.at_once = Count::new(64);
    config.triggers.queue = Count::new(64);
    let (mut runner, _kept) = start(&config);
    for _ in 0..40 {
        runner.give(job());
    }
    // 40 answers of 90 KB each do not fit in the socket.
    until("all have run", || {
        fs::read_dir(dir.path()).unwrap().count() == 40
    });
    runner.finish(Deadline::after(Duration::from_secs(20)));
    assert_eq!(count(&runner.done().succeeded), 40);
}
