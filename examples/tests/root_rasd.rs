//! `rasd` on a disk that is really full: a small tmpfs of its own.

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
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kit::{complete, file, rasd};

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
    if std::env::var_os("MCEKIT_ROOT_TESTS").is_none_or(|v| v != "1") {
        eprintln!("skipped: needs root, to mount a tmpfs; set MCEKIT_ROOT_TESTS=1");
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
