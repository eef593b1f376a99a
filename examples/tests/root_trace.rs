//! The `trace` example on the running kernel.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tracefs::fs::Tracefs;

/// `None`, and a word why, unless `MCEKIT_ROOT_TESTS=1` is set; then whatever is missing is a failure.
fn mount() -> Option<PathBuf> {
    if std::env::var_os("MCEKIT_ROOT_TESTS").is_none_or(|v| v != "1") {
        eprintln!("skipped: needs root and tracefs; set MCEKIT_ROOT_TESTS=1");
        return None;
    }
    static MOUNT: Mutex<()> = Mutex::new(());
    let _one = MOUNT.lock();
    if let Ok(tracefs) = Tracefs::find() {
        return Some(tracefs.root().into());
    }
    let place = PathBuf::from("/sys/kernel/tracing");
    let status = Command::new("mount")
        .args(["-t", "tracefs", "nodev"])
        .arg(&place)
        .status()
        .expect("mount is not installed");
    assert!(status.success(), "cannot mount tracefs: not root?");
    Some(place)
}

fn trace(arguments: &[&str]) -> Command {
    // This test is in target/PROFILE/deps, the examples are in target/PROFILE/examples.
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let mut command = Command::new(path.join("examples/trace"));
    command.args(arguments);
    command
}

/// A thread's id, for filters.
fn tid() -> String {
    let task = std::fs::read_link("/proc/thread-self").unwrap();
    task.file_name().unwrap().to_str().unwrap().to_owned()
}

fn seek(times: u64) {
    let mut file = File::open("/proc/self/exe").unwrap();
    for offset in 0..times {
        file.seek(SeekFrom::Start(offset)).unwrap();
    }
}

/// Starts the program for this thread's `lseek` calls, and waits until it records them.
fn start(name: &str, root: &std::path::Path, more: &[&str]) -> Child {
    let filter = format!("common_pid == {}", tid());
    let mut arguments = vec!["syscalls:sys_enter_lseek", "--filter", &filter, "--json"];
    arguments.extend(["--instance", name, "--buffer-kb", "4096"]);
    arguments.extend(more);
    let mut child = trace(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo test builds the example");
    let enable = format!("instances/{name}/events/syscalls/sys_enter_lseek/enable");
    for _ in 0..1000 {
        if std::fs::read_to_string(root.join(&enable)).is_ok_and(|text| text.starts_with('1')) {
            return child;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    panic!("the event was not enabled within 20 s: {status}");
}

fn stop(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

fn offsets(output: &[u8]) -> Vec<u64> {
    let mut last = String::new();
    output
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            assert_eq!(line["event"], "syscalls:sys_enter_lseek");
            let time = line["time"].as_str().unwrap();
            // As long as the machine is not up for another decade.
            assert!(
                time.len() > last.len() || time >= last.as_str(),
                "in time order"
            );
            last = time.to_owned();
            line["fields"]["offset"].as_u64().unwrap()
        })
        .collect()
}

fn name(what: &str) -> String {
    format!("mcekit-{what}-{}", std::process::id())
}

#[test]
fn a_signal_ends_it_and_removes_the_instance() {
    let Some(root) = mount() else { return };
    for (signal, method) in [
        (Signal::SIGINT, "read"),
        (Signal::SIGTERM, "splice"),
        (Signal::SIGINT, "map"),
    ] {
        let name = name(method);
        let child = start(&name, &root, &["--method", method]);
        seek(5_000);
        stop(&child, signal);
        let Output {
            status,
            stdout,
            stderr,
        } = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        assert!(status.success(), "{stderr}");
        assert_eq!(stderr, "trace: 5000 records, 0 lost\n");
        assert_eq!(offsets(&stdout), (0..5_000).collect::<Vec<_>>());
        assert!(!root.join("instances").join(name).exists());
    }
}

#[test]
fn it_ends_with_whoever_reads_it() {
    let Some(root) = mount() else { return };
    let name = name("closed");
    let mut child = start(&name, &root, &[]);
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    seek(10);
    stdout.read_line(&mut first).unwrap();
    drop(stdout);
    assert_eq!(offsets(first.as_bytes()), [0]);
    // Enough that something is written after the end.
    seek(10_000);
    assert!(child.wait().unwrap().success());
    assert!(!root.join("instances").join(name).exists());
}

#[test]
fn an_instance_is_kept_and_read_by_another() {
    let Some(root) = mount() else { return };
    let name = name("kept");
    let mut child = start(&name, &root, &["--keep", "--count", "0"]);
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    assert!(said.contains(&format!("--from {name}")), "{said}");

    // It records nothing until somebody says so, and then without any process.
    let tracefs = Tracefs::at(&root).unwrap();
    let instance = tracefs.open_instance(&name).unwrap();
    instance.set_recording(true).unwrap();
    seek(100);
    instance.set_recording(false).unwrap();
    let output = trace(&["--json", "--from", &name]).output().unwrap();
    instance.remove().unwrap();
    assert!(output.status.success());
    assert_eq!(offsets(&output.stdout), (0..100).collect::<Vec<_>>());
}

#[test]
fn mistakes_are_said() {
    let Some(_) = mount() else { return };
    for (arguments, expected) in [
        (
            &["sched:sched_switch", "--filter", "prev_prix < 1"][..],
            "trace: event sched_switch has no field prev_prix\n",
        ),
        (&["sched:nope"], "trace: no event sched:nope\n"),
        (&["--from", "nope"], "trace: no trace instance nope\n"),
        (
            &["sched:sched_switch", "--tracefs", "/nowhere"],
            "trace: /nowhere is not a tracing directory: it has no events\n",
        ),
    ] {
        let output = trace(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    }
}
