//! `rasd` on a disk that is really full, by users who may little, and on this machine's own log.

#[expect(
    dead_code,
    reason = "what only the tests of `decode` call is not called here"
)]
#[path = "decode/harness.rs"]
mod harness;
#[expect(
    dead_code,
    reason = "what the tests of tests/rasd call is not all called here"
)]
#[path = "rasd/kit.rs"]
mod kit;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use harness::example;
use kit::{Running, complete, file, rasd, said, told, wait};
use nix::sys::signal::Signal;

/// Whether tests that need root are not wanted; then it says so.
fn skipped(why: &str) -> bool {
    let skipped = std::env::var_os("MCEKIT_ROOT_TESTS").is_none_or(|value| value != "1");
    if skipped {
        eprintln!("skipped: needs root, {why}; set MCEKIT_ROOT_TESTS=1");
    }
    skipped
}

/// A mounted tmpfs, until it is dropped.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(at: PathBuf, size: &str) -> Self {
        fs::create_dir(&at).unwrap();
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(&at)
            .status()
            .expect("mount is not installed");
        assert!(status.success(), "cannot mount a tmpfs: not root?");
        Self(at)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // What is left mounted goes with the machine.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_waited_for() {
    const COUNT: u64 = 20_000;
    if skipped("to mount a tmpfs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let replay = file(dir.path(), COUNT);
    let disk = Tmpfs::mount(dir.path().join("disk"), "32m");
    let state = disk.0.join("state");
    // Somebody else's file leaves 1 MiB of it.
    let others = disk.0.join("others");
    fs::write(&others, vec![0; 31 << 20]).unwrap();
    let errors = dir.path().join("errors");
    let mut command = rasd(&state, &replay);
    command.stderr(fs::File::create(&errors).unwrap());
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    let said = || fs::read_to_string(&errors).unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while !said().contains("no room") {
        assert!(Instant::now() < until, "it is named: {}", said());
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(1500));
    assert!(child.try_wait().unwrap().is_none(), "{}", said());
    fs::remove_file(&others).unwrap();
    let status = child.wait().unwrap();
    assert!(status.success(), "{}", said());
    complete(&state, COUNT);
}

/// A user and a group whom nothing belongs to.
const STRANGER: u32 = 54_321;

/// A folder that everybody can use, with the program in it: the one that was built may lie where strangers do not get.
fn open_folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = dir.path().join("rasd");
    fs::copy(example("rasd"), &program).unwrap();
    (dir, program)
}

/// The program, run by a stranger.
fn by_stranger(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.uid(STRANGER).gid(STRANGER).stdin(Stdio::null());
    command
}

#[test]
fn who_has_no_rights_replays() {
    const COUNT: u64 = 5000;
    if skipped("to become somebody else") {
        return;
    }
    let (dir, program) = open_folder();
    let state = dir.path().join("state");
    let output = by_stranger(&program)
        .arg("--state")
        .arg(&state)
        .arg("--replay")
        .arg(file(dir.path(), COUNT))
        .output()
        .expect("becoming somebody else");
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("rights: capabilities none, no new privileges yes"),
        "{}",
        said(&output)
    );
    complete(&state, COUNT);
    // The machine itself is not for him, and he is told so.
    let output = by_stranger(&program)
        .args(["--source", "mcelog", "--once", "--state"])
        .arg(&state)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
}

#[test]
fn strangers_are_refused_unless_they_are_named() {
    if skipped("to become somebody else") {
        return;
    }
    let (dir, program) = open_folder();
    let path = |name: &str| dir.path().join(name);
    let control = path("run/rasd.sock");
    let ask = || {
        by_stranger(&program)
            .args(["query", "--limit", "1", "--control"])
            .arg(&control)
            .output()
            .expect("becoming somebody else")
    };
    for (named, status) in [
        ("", 1),
        ("control.users = [54321]", 0),
        ("control.groups = [54321]", 0),
    ] {
        fs::write(path("rasd.toml"), named).unwrap();
        let mut command = rasd(&path("state"), &file(dir.path(), 100_000));
        command.args(["--rate", "500", "--control"]).arg(&control);
        command.arg("--config").arg(path("rasd.toml"));
        let daemon = Running::start(&mut command);
        wait("root is answered", || {
            told(&["status"], &control).status.success()
        });
        let answer = ask();
        assert_eq!(
            answer.status.code(),
            Some(status),
            "{named}: {}",
            said(&answer)
        );
        let why = "user 54321 (group 54321) may not ask";
        assert_eq!(
            said(&answer).contains(why),
            status == 1,
            "{}",
            said(&answer)
        );
        daemon.stop();
    }
}

#[test]
fn the_kernels_log_is_followed_with_one_right() {
    if skipped("to read the kernel's log") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let control = path("run/rasd.sock");
    // Nobody reads what it prints, and it is not asked to end by that.
    let (reader, writer) = std::io::pipe().unwrap();
    fs::write(path("rasd.toml"), "output.terminal.enabled = \"always\"\n").unwrap();
    for _ in 0..2 {
        let mut command = Command::new(example("rasd"));
        command.args(["--source", "kmsg", "--config"]);
        command
            .arg(path("rasd.toml"))
            .arg("--state")
            .arg(path("state"));
        command.arg("--control").arg(&control);
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone().unwrap());
        let daemon = Running::start(&mut command);
        wait("it answers", || {
            told(&["status"], &control).status.success()
        });
        let output = told(&["status"], &control);
        let text = String::from_utf8_lossy(&output.stdout);
        for part in [
            "reads kmsg:/dev/kmsg (live)",
            "rights: capabilities CAP_SYSLOG,",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
        for line in [
            "CapEff:\t0000000400000000\n",
            "CapBnd:\t0000000400000000\n",
            "NoNewPrivs:\t1\n",
            "Seccomp:\t2\n",
        ] {
            assert!(status.contains(line), "{line} {status}");
        }
        let took = daemon.stop();
        println!("SIGTERM to the end: {took:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    drop(reader);
}

/// What a process's threads may, each as its lines of /proc/PID/task/*/status.
fn threads(pid: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap())
        .collect()
}

/// A line's value.
fn value<'a>(status: &'a str, key: &str) -> &'a str {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.strip_prefix(":\t"))
        .unwrap_or_else(|| panic!("no {key} in {status}"))
}

/// Its children.
fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(path).unwrap();
    text.split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect()
}

/// One bit, as procfs writes sets of capabilities.
fn capability(number: u32) -> String {
    format!("{:016x}", 1_u64 << number)
}

const CAP_KILL: u32 = 5;
const CAP_SYS_ADMIN: u32 = 21;

/// A daemon with this configuration, over a replay that goes on.
fn configured(dir: &Path, config: &str) -> (Running, PathBuf) {
    let control = dir.join("run/rasd.sock");
    fs::write(dir.join("rasd.toml"), config).unwrap();
    let mut command = rasd(&dir.join("state"), &file(dir, 100_000));
    command.args(["--rate", "500", "--control"]).arg(&control);
    command.arg("--config").arg(dir.join("rasd.toml"));
    let daemon = Running::start(&mut command);
    wait("it answers", || {
        told(&["status"], &control).status.success()
    });
    (daemon, control)
}

/// No thread of the daemon has any right left.
fn no_rights(daemon: &Running) {
    let threads = threads(daemon.pid());
    assert!(
        threads.len() >= 3,
        "main, history, outputs: {}",
        threads.len()
    );
    for status in threads {
        for key in ["CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"] {
            assert_eq!(value(&status, key), "0000000000000000", "{key} {status}");
        }
        assert_eq!(value(&status, "NoNewPrivs"), "1", "{status}");
        assert_eq!(value(&status, "Seccomp"), "2", "{status}");
    }
}

#[test]
fn rights_are_in_one_process_that_reads_nothing() {
    if skipped("to have rights to give up") {
        return;
    }
    // Nothing to do for it: it is not there.
    let dir = tempfile::tempdir().unwrap();
    let (daemon, _) = configured(dir.path(), "page-offline.mode = \"dry-run\"\n");
    no_rights(&daemon);
    assert_eq!(children(daemon.pid()), [0; 0]);
    daemon.stop();

    // Triggers: it uses no right but to end them, and what they get is still there for them.
    let dir = tempfile::tempdir().unwrap();
    let noted = dir.path().join("noted");
    let trigger = dir.path().join("trigger");
    let script = format!(
        "#!/bin/sh\ncat /proc/self/status > {}.new\nmv {0}.new {0}\n",
        noted.display()
    );
    fs::write(&trigger, script).unwrap();
    fs::set_permissions(&trigger, fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!("thresholds.page.trigger = [\"{}\"]\n", trigger.display());
    let (daemon, control) = configured(dir.path(), &config);
    no_rights(&daemon);
    let ours = fs::read_to_string("/proc/self/status").unwrap();
    let runners = children(daemon.pid());
    assert_eq!(runners.len(), 1, "{runners:?}");
    let runner = threads(runners[0]);
    assert_eq!(runner.len(), 1);
    for status in &runner {
        assert_eq!(value(status, "Name"), "rasd-triggers");
        assert_eq!(value(status, "CapEff"), capability(CAP_KILL), "{status}");
        assert_eq!(value(status, "CapPrm"), value(&ours, "CapPrm"), "{status}");
        assert_eq!(value(status, "NoNewPrivs"), "1", "{status}");
        assert_eq!(value(status, "Seccomp"), "2", "{status}");
    }
    // Besides what every process here inherits, it has a socket and a signal's descriptor: no file, no channel.
    let target = |pid: &str, fd: &str| fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok();
    let pid = runners[0].to_string();
    let kinds = || {
        let fds = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        let mut kinds: Vec<String> = fds
            .map(|fd| fd.unwrap().file_name().into_string().unwrap())
            .filter(|fd| fd.parse::<u32>().unwrap() > 2 && target(&pid, fd) != target("self", fd))
            .filter_map(|fd| Some(target(&pid, &fd)?.to_string_lossy().into_owned()))
            .map(|target| target.split_terminator(":[").next().unwrap().to_owned())
            .collect();
        kinds.sort();
        kinds
    };
    // While a trigger runs there are those of it.
    wait("nothing else", || kinds() == ["anon_inode", "socket"]);
    wait("a trigger ran", || noted.exists());
    let status = fs::read_to_string(&noted).unwrap();
    assert_eq!(value(&status, "CapEff"), value(&ours, "CapPrm"), "{status}");
    assert_eq!(value(&status, "NoNewPrivs"), "1", "{status}");
    let output = told(&["status"], &control);
    let text = String::from_utf8_lossy(&output.stdout);
    let line =
        "rights of the process that runs triggers: capabilities CAP_KILL, no new privileges yes";
    assert!(text.contains(line), "{text}");
    daemon.stop();
    assert!(!Path::new(&format!("/proc/{}", runners[0])).exists());

    // Pages: one right, and one file.
    let dir = tempfile::tempdir().unwrap();
    let memory = dir.path().join("sys/devices/system/memory");
    fs::create_dir_all(&memory).unwrap();
    fs::write(memory.join("soft_offline_page"), "").unwrap();
    // Of a replay no page is taken out of use, so this one follows the kernel's log.
    let config = format!(
        "page-offline = {{ mode = \"soft\", sysfs = \"{}/sys\" }}\n",
        dir.path().display()
    );
    fs::write(dir.path().join("rasd.toml"), config).unwrap();
    let control = dir.path().join("run/rasd.sock");
    let mut command = Command::new(example("rasd"));
    command
        .args(["--source", "kmsg", "--config"])
        .arg(dir.path().join("rasd.toml"));
    command
        .arg("--state")
        .arg(dir.path().join("state"))
        .arg("--control")
        .arg(&control);
    let mut daemon = Running::start(command.stdin(Stdio::null()).stdout(Stdio::null()));
    wait("it answers", || {
        told(&["status"], &control).status.success()
    });
    let runners = children(daemon.pid());
    for status in threads(runners[0]) {
        for key in ["CapEff", "CapPrm", "CapBnd"] {
            assert_eq!(
                value(&status, key),
                capability(CAP_SYS_ADMIN),
                "{key} {status}"
            );
        }
        assert_eq!(value(&status, "NoNewPrivs"), "1", "{status}");
        assert_eq!(value(&status, "Seccomp"), "2", "{status}");
    }
    // It goes with the daemon, however that goes.
    daemon.signal(Signal::SIGKILL);
    daemon.ended();
    wait("it is gone", || {
        !Path::new(&format!("/proc/{}", runners[0])).exists()
    });
}
