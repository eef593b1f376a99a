//! The daemon as a service: rights, the service manager, signals, outputs that go away, exit statuses.

use std::io::Read;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use nix::sys::signal::Signal;

use crate::harness::{dir, example};
use crate::kit::{Running, complete, file, rasd, rows, said, wait};

/// A daemon that will have something to do for as long as a test takes.
fn slow(state: &Path) -> Command {
    let mut command = rasd(&state.join("state"), &file(state, 100_000));
    command.args(["--rate", "500"]);
    command
}

#[test]
fn every_thread_of_it_has_given_up_its_rights() {
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("json");
    let config = dir.path().join("rasd.toml");
    fs::write(
        &config,
        format!("output.ndjson.to = \"{}\"\n", json.display()),
    )
    .unwrap();
    let daemon = Running::start(slow(dir.path()).arg("--config").arg(&config));
    // Then all its threads are there.
    wait("it works", || json.exists());
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
    let mut threads = 0;
    for task in tasks {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        threads += 1;
        for line in [
            "CapEff:\t0000000000000000\n",
            "CapPrm:\t0000000000000000\n",
            "CapInh:\t0000000000000000\n",
            "NoNewPrivs:\t1\n",
            "Seccomp:\t2\n",
        ] {
            assert!(status.contains(line), "{line} {status}");
        }
    }
    assert!(threads >= 3, "main, history, outputs: {threads}");
    daemon.stop();
}

#[test]
fn the_service_manager_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let next = || {
        let mut message = [0; 512];
        let length = manager.recv(&mut message).expect("a message");
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    let mut command = slow(dir.path());
    let command = command.env("NOTIFY_SOCKET", &path);
    let daemon = Running::start(command.env("WATCHDOG_USEC", "400000"));
    let (mut ready, mut status) = (0, 0);
    let mut alive: Vec<Instant> = Vec::new();
    while alive.len() < 10 {
        let message = next();
        match message.trim_end() {
            "READY=1" => ready += 1,
            "WATCHDOG=1" => alive.push(Instant::now()),
            line if line.starts_with("STATUS=") => {
                assert!(line.contains(" machine checks, "), "{line}");
                status += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!((ready, status), (1, 1));
    // Nine times half of the limit, and not a message with every turn of the loop.
    let took = *alive.last().unwrap() - alive[0];
    assert!(took >= Duration::from_millis(1500), "{took:?}");
    daemon.stop();
    // What was sent in the meantime comes first.
    while next().trim_end() != "STOPPING=1" {}
}

#[test]
fn a_log_that_is_moved_or_removed_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let log = path("log");
    fs::write(
        path("rasd.toml"),
        format!(
            "output.log = {{ file = \"{}\", form = \"line\" }}\noutput.limits = {{ place = \"off\", overall = \"off\" }}\n",
            log.display()
        ),
    )
    .unwrap();
    let mut command = slow(dir.path());
    let out = fs::File::create(path("out")).unwrap();
    let command = command.arg("--config").arg(path("rasd.toml")).stdout(out);
    let daemon = Running::start(command);
    let text = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let noticed = || text(&path("out")).contains("was moved or removed while it was written");
    wait("a log", || text(&log).contains("CORRECTED"));
    for signal in [Signal::SIGUSR1, Signal::SIGHUP] {
        let old = path(&format!("log.{}", signal as i32));
        fs::rename(&log, &old).unwrap();
        daemon.signal(signal);
        wait("a new log", || text(&log).contains("CORRECTED"));
    }
    fs::remove_file(&log).unwrap();
    wait("a log again", || text(&log).contains("CORRECTED"));
    wait("it is told where there is a reader", noticed);
    daemon.stop();
}

#[test]
fn nobody_need_read_what_it_prints() {
    const COUNT: u64 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("rasd.toml"), "output.ndjson.to = \"-\"\n").unwrap();
    let command = |state: &str, out: std::io::PipeWriter| {
        let mut command = rasd(&path(state), &file(dir.path(), COUNT));
        command.arg("--config").arg(path("rasd.toml")).stdout(out);
        command
    };
    // Closed: it goes on without.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut closed = Running::start(&mut command("closed", writer));
    let status = closed.ended();
    assert!(status.success(), "{status}");
    complete(&path("closed"), COUNT);
    // Neither read nor closed: a replay waits for its reader, and yet ends when it is told to.
    let (mut reader, writer) = std::io::pipe().unwrap();
    let errors = fs::File::create(path("errors")).unwrap();
    let full = Running::start(command("full", writer).stderr(errors));
    let mut first = [0];
    reader.read_exact(&mut first).unwrap();
    thread::sleep(Duration::from_millis(500));
    let took = full.stop();
    println!("SIGTERM to the end with a full pipe: {took:?}");
    // A quarter of a second for the output, a half for the history; the rest is for a busy machine.
    assert!(took < Duration::from_secs(20), "{took:?}");
    let errors = fs::read_to_string(path("errors")).unwrap();
    let untold: usize = errors
        .lines()
        .find_map(|line| {
            let rest = line.split_once("did not take what it was given: ")?.1;
            rest.split_once(" events or notes")?.0.parse().ok()
        })
        .unwrap_or_else(|| panic!("{errors}"));
    // Nothing is missing that was not counted.
    let mut printed = String::new();
    reader.read_to_string(&mut printed).unwrap();
    let mut stored = 0;
    rows(&path("full"), |_| stored += 1);
    assert!(
        untold + printed.lines().count() >= stored,
        "{untold} {stored}"
    );
    // The next one has the rest.
    let status = Running::start(&mut rasd(&path("full"), &path("records.bin"))).ended();
    assert!(status.success(), "{status}");
    complete(&path("full"), COUNT);
}

#[test]
fn its_exit_status_says_whose_fault_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let records = file(dir.path(), 3);
    let code = |args: &[&str]| {
        let mut command = Command::new(example("rasd"));
        command
            .args(args)
            .arg("--state")
            .arg(dir.path().join("state"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        (output.status.code().unwrap(), said(&output))
    };
    let records = records.to_str().unwrap();
    assert_eq!(code(&["--replay", records]).0, 0);
    let (status, text) = code(&["--replay", "/nonexistent"]);
    assert!(status == 1 && text.contains("/nonexistent"), "{text}");
    let (status, text) = code(&["--rate", "3"]);
    assert!(status == 2 && text.contains("--replay"), "{text}");
    let (status, text) = code(&["--config", "/nonexistent", "--once"]);
    assert!(status == 2 && text.contains("/nonexistent"), "{text}");
    // A keeper is a program of ours, and none runs where this is tested.
    if Path::new("/run/mcekit/keeper.sock").exists() {
        println!("not tried: a keeper runs on this machine");
        return;
    }
    let (status, text) = code(&["--source", "keeper", "--once"]);
    assert_eq!(status, 3, "{text}");
    for part in ["no source of errors", "keeper", "needs: ", "--replay FILE"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// The unit file, with a program that is there.
fn unit(at: &Path) -> std::path::PathBuf {
    let text = fs::read_to_string(dir("rasd/rasd.service")).unwrap();
    let command = "/usr/local/sbin/rasd";
    assert!(text.contains(command));
    let path = at.join("rasd.service");
    fs::write(&path, text.replace(command, "/bin/true")).unwrap();
    path
}

#[test]
fn systemd_takes_the_unit_for_right_and_safe() {
    let dir = tempfile::tempdir().unwrap();
    let unit = unit(dir.path());
    let analyze = |args: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        command.args(args).arg(&unit).output()
    };
    let verified = match analyze(&["verify"]) {
        Ok(output) => output,
        Err(error) => {
            println!("skipped: systemd-analyze: {error}");
            return;
        }
    };
    assert!(verified.status.success(), "{}", said(&verified));
    assert_eq!(said(&verified), "");
    let judged = analyze(&["security", "--offline=true", "--threshold=40"]).unwrap();
    let text = String::from_utf8_lossy(&judged.stdout);
    if judged.status.code() == Some(1) && said(&judged).contains("unrecognized option") {
        println!("skipped: this systemd-analyze judges no files (before 250)");
        return;
    }
    println!("{}", text.lines().last().unwrap_or_default());
    assert!(judged.status.success(), "{text}{}", said(&judged));
}
