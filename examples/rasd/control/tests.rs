//! A server and its clients, good and bad.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Rows {
    rows: u64,
}

#[derive(Debug)]
struct Told;

impl Answers for Told {
    type Query = Rows;

    fn status(&self) -> String {
        r#"{"version":"test"}"#.into()
    }

    fn query(&self, query: &Rows, out: &mut dyn Write) -> Result<u64, String> {
        if query.rows == 13 {
            return Err("the history is locked".into());
        }
        for row in 0..query.rows {
            writeln!(out, "{{\"row\":{row}}}").map_err(|error| error.to_string())?;
        }
        Ok(query.rows)
    }
}

/// A server in a thread of its own, until it is dropped.
struct Running {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<String>>>,
    _folder: tempfile::TempDir,
}

impl Running {
    fn new(limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rasd.sock");
        let server =
            Listener::bind(&path)
                .expect("a socket")
                .serve(Access::default(), limits, Told);
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut said = Vec::new();
            while !seen.load(Ordering::Acquire) {
                said.extend(server.turn().expect("turns"));
                thread::sleep(Duration::from_millis(1));
            }
            said
        });
        Self {
            path,
            stop,
            thread: Some(thread),
            _folder: folder,
        }
    }

    fn query(&self, rows: u64) -> Result<Vec<String>, ClientError> {
        let mut lines = Vec::new();
        ask(&self.path, &Request::Query(Rows { rows }), |line| {
            lines.push(line.to_owned());
            Ok(())
        })?;
        Ok(lines)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn limits(clients: usize, millis: u64) -> Limits {
    Limits {
        clients,
        time: Duration::from_millis(millis),
    }
}

/// What a server says to a client that sends some bytes.
fn answer(server: &Running, bytes: &[u8]) -> String {
    let mut socket = UnixStream::connect(&server.path).expect("a connection");
    let _ = socket.write_all(bytes);
    let _ = socket.shutdown(Shutdown::Write);
    let mut text = String::new();
    let _ = socket.read_to_string(&mut text);
    text
}

#[test]
fn status_and_rows_arrive_whole() {
    let server = Running::new(Limits::default());
    let mut status = String::new();
    let rows = ask(&server.path, &Request::<Rows>::Status {}, |line| {
        status.push_str(line);
        Ok(())
    });
    assert_eq!(rows.expect("an answer"), 1);
    assert_eq!(status, r#"{"version":"test"}"#);
    assert_eq!(server.query(0).expect("an answer"), [""; 0]);
    // Far more than a socket's buffers hold.
    let lines = server.query(100_000).expect("an answer");
    assert_eq!(lines.len(), 100_000);
    assert_eq!(lines[99_999], r#"{"row":99999}"#);
}

#[test]
fn what_the_history_says_reaches_the_client() {
    let server = Running::new(Limits::default());
    let error = server.query(13).expect_err("an error");
    assert_eq!(error.to_string(), "rasd: the history is locked");
}

#[test]
fn a_request_that_is_none_is_answered_with_the_reason() {
    let server = Running::new(Limits::default());
    for (bytes, said) in [
        (&b"hello\n"[..], "not a request"),
        (b"{\"request\":\"reboot\"}\n", "unknown variant `reboot`"),
        (b"{\"request\":\"status\",\"x\":1}\n", "not a request"),
        (b"", "no request came"),
        (b"{\"request\":\"status\"}", "no request came"),
        (&[b' '; 8192], "at most 4096 bytes"),
    ] {
        let text = answer(&server, bytes);
        assert!(
            text.contains(said),
            "{:?}: {text:?}",
            String::from_utf8_lossy(bytes)
        );
        let last: Last = serde_json::from_str(&text).expect("a last line");
        assert!(matches!(last, Last::Error(_)));
    }
}

#[test]
fn a_client_that_never_reads_is_cut_off() {
    let server = Running::new(limits(1, 200));
    let mut silent = UnixStream::connect(&server.path).expect("a connection");
    writeln!(silent, "{{\"request\":\"query\",\"rows\":10000000}}").expect("a request");
    // While it is being answered, nobody else is; afterwards somebody is.
    let begin = Instant::now();
    while server.query(1).is_err() {
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "the server is still busy"
        );
        thread::sleep(Duration::from_millis(5));
    }
    let mut text = Vec::new();
    silent.read_to_end(&mut text).expect("what was sent");
    let text = String::from_utf8_lossy(&text);
    assert!(
        !text.contains("end"),
        "an answer that was cut off has no last line"
    );
}

#[test]
fn a_client_that_dribbles_is_cut_off() {
    let server = Running::new(limits(4, 100));
    let mut slow = UnixStream::connect(&server.path).expect("a connection");
    let begin = Instant::now();
    while slow.write_all(b" ").is_ok() {
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "the server still listens"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn more_clients_than_allowed_are_told_so() {
    let server = Running::new(limits(1, 60_000));
    let _holds = UnixStream::connect(&server.path).expect("a connection");
    let begin = Instant::now();
    loop {
        match server.query(1) {
            Err(ClientError::Refused(why)) => {
                assert!(why.contains("come again"), "{why}");
                break;
            }
            // The first one has not been accepted yet.
            other => assert!(begin.elapsed() < Duration::from_secs(20), "{other:?}"),
        }
    }
}

#[test]
fn an_answer_without_a_last_line_is_no_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("half.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    let thread = thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("a client");
        let mut asked = String::new();
        socket.read_to_string(&mut asked).expect("a request");
        socket
            .write_all(b"{\"row\":0}\n{\"row\":1}\n")
            .expect("sent");
    });
    let error = ask(&path, &Request::<Rows>::Status {}, |_| Ok(())).expect_err("cut off");
    assert!(matches!(error, ClientError::CutOff { rows: 1 }), "{error}");
    thread.join().expect("the server");
}

#[test]
fn a_socket_that_is_left_over_is_replaced_and_a_living_one_is_not() {
    let server = Running::new(Limits::default());
    let second = Listener::bind(&server.path);
    assert_eq!(
        second.expect_err("in use").kind(),
        std::io::ErrorKind::AddrInUse
    );

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rasd.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    assert!(path.exists());
    Listener::bind(&path).expect("replaced");
    assert!(!path.exists(), "a server takes its socket away");

    std::fs::write(&path, "precious").expect("a file");
    let other = Listener::bind(&path);
    assert_eq!(
        other.expect_err("no socket").kind(),
        std::io::ErrorKind::AlreadyExists
    );
    assert_eq!(std::fs::read(&path).expect("a file"), b"precious");
}
