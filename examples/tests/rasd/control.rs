//! `rasd status` and `rasd query` at the socket of a daemon that runs, and clients that behave badly.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::kit::{Running, complete, file, rasd, said, told, wait};

/// A daemon over so many records, so many a second; its socket.
fn daemon(dir: &Path, count: u64, rate: u64) -> (Running, PathBuf) {
    let control = dir.join("run/rasd.sock");
    let mut command = rasd(&dir.join("state"), &file(dir, count));
    command.args(["--rate", &rate.to_string(), "--control"]);
    command.arg(&control);
    let errors = fs::File::create(dir.join("errors")).unwrap();
    let daemon = Running::start(command.stderr(errors));
    wait("it answers", || {
        told(&["status"], &control).status.success()
    });
    (daemon, control)
}

fn text(output: &std::process::Output) -> &str {
    assert!(output.status.success(), "{}", said(output));
    std::str::from_utf8(&output.stdout).unwrap()
}

/// What comes back for these bytes.
fn raw(control: &Path, request: &[u8]) -> String {
    let mut socket = UnixStream::connect(control).unwrap();
    // The daemon may have closed it already.
    let _ = socket.write_all(request);
    let mut answer = String::new();
    let _ = socket.read_to_string(&mut answer);
    answer
}

#[test]
fn it_tells_how_it_is_and_what_the_history_has() {
    let dir = tempfile::tempdir().unwrap();
    let (daemon, control) = daemon(dir.path(), 100_000, 500);
    let status = told(&["status"], &control);
    for part in [
        &*format!("process {}, up ", daemon.pid()),
        "reads replay:",
        "machine checks ",
        "on disk up to event ",
        "rights: capabilities none, no new privileges yes, system call filter yes",
    ] {
        assert!(text(&status).contains(part), "{part}: {}", text(&status));
    }
    let report = told(&["status", "--json"], &control);
    let report: Value = serde_json::from_str(text(&report)).unwrap();
    assert_eq!(report["pid"], daemon.pid());
    assert_eq!(report["fences"]["no_new_privs"], true);
    let stored = || {
        let report = told(&["status", "--json"], &control);
        let report: Value = serde_json::from_str(text(&report)).unwrap();
        report["counts"]["applied"].as_u64().unwrap()
    };
    let before = stored();
    wait("the counts go on", || stored() > before.max(20));

    // The daemon's answer is that of the file.
    let state = dir.path().join("state");
    for args in [
        &["query", "--limit", "7"][..],
        &["query", "--limit", "7", "--json"],
        &["query", "--severity", "fatal", "--limit", "1"],
    ] {
        let asked = told(args, &control);
        let mut straight = std::process::Command::new(crate::harness::example("rasd"));
        let straight = straight.args(args).arg("--state").arg(&state);
        let straight = straight.output().unwrap();
        assert_eq!(text(&asked), text(&straight), "{args:?}");
        assert!(text(&asked).lines().count() > 0, "{args:?}");
    }
    let wrong = raw(&control, b"{\"request\":\"query\",\"at\":[\"room=1\"]}\n");
    assert!(wrong.contains("a place is one of"), "{wrong}");
    let took = daemon.stop();
    assert!(took < Duration::from_secs(5), "{took:?}");
    println!("SIGTERM to the end: {took:?}");
    assert!(!control.exists(), "the socket goes with the daemon");
    let gone = told(&["status"], &control);
    assert_eq!(gone.status.code(), Some(1));
    assert!(
        said(&gone).contains("no rasd answers at"),
        "{}",
        said(&gone)
    );
}

#[test]
fn requests_are_cut_off_and_clients_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (daemon, control) = daemon(dir.path(), 100_000, 500);
    let long = raw(&control, &[b' '; 8192]);
    assert_eq!(
        long,
        "{\"error\":\"a request is one line of at most 4096 bytes\"}\n"
    );
    let wrong = raw(&control, b"\xff\x00 status\n");
    assert!(wrong.starts_with("{\"error\":\"not a request: "), "{wrong}");

    // Eight that say nothing, new ones each time: after a while they are cut off.
    let mut answer = String::new();
    wait("the next one is sent away", || {
        let _silent: Vec<_> = (0..8)
            .map(|_| UnixStream::connect(&control).unwrap())
            .collect();
        let output = told(&["status"], &control);
        answer = said(&output);
        output.status.code() == Some(1)
    });
    assert!(
        answer.contains("8 clients are being answered: come again"),
        "{answer}"
    );
    wait("those who come again are answered", || {
        told(&["status"], &control).status.success()
    });
    let errors = fs::read_to_string(dir.path().join("errors")).unwrap();
    assert!(errors.contains("a client was refused: "), "{errors}");
    daemon.stop();
}

#[test]
fn a_client_that_never_reads_holds_nothing_up() {
    const COUNT: u64 = 60_000;
    let dir = tempfile::tempdir().unwrap();
    let (mut daemon, control) = daemon(dir.path(), COUNT, 4000);
    // More than their sockets hold.
    wait("there is much to tell", || {
        let output = told(&["query", "--json", "--limit", "2000"], &control);
        output.stdout.iter().filter(|&&byte| byte == b'\n').count() == 2000
    });
    let mut clients: Vec<_> = (0..4)
        .map(|_| {
            let mut socket = UnixStream::connect(&control).unwrap();
            socket.write_all(b"{\"request\":\"query\"}\n").unwrap();
            socket
        })
        .collect();
    // Meanwhile everything is stored, and the daemon ends by itself.
    let status = daemon.ended();
    assert!(status.success(), "{status}");
    complete(&dir.path().join("state"), COUNT);
    // They had been given what their sockets held, and know that it is not all.
    let mut answer = Vec::new();
    clients[0].read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.lines().count() > 10, "{answer}");
    assert!(!answer.contains("\"end\""), "the answer was whole");
}

#[test]
fn the_socket_of_a_crashed_daemon_is_replaced_and_that_of_a_living_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (mut first, control) = daemon(dir.path(), 100_000, 100);
    first.signal(Signal::SIGKILL);
    first.ended();
    assert!(control.exists());
    let (second, _) = daemon(dir.path(), 100_000, 100);

    let mut third = rasd(&dir.path().join("other"), &dir.path().join("records.bin"));
    let third = third.arg("--control").arg(&control);
    let third = third.stderr(Stdio::piped()).output().unwrap();
    assert_eq!(third.status.code(), Some(1));
    let line = format!(
        "the control socket: {}: another rasd answers",
        control.display()
    );
    assert!(said(&third).contains(&line), "{}", said(&third));
    assert!(told(&["status"], &control).status.success());
    second.stop();
}
