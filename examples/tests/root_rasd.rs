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
