//! The thread that hands the counters out: it writes the file, and answers `GET /metrics`.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::config::Metrics as Config;
use crate::notes::{Notes, Priority};

use super::Metrics;

/// Clients that are answered at once; further ones wait in the kernel.
const CLIENTS: usize = 16;

/// No request of a scraper is longer.
const REQUEST: usize = 8 << 10;

/// How long a client may take to ask and to read.
const PATIENCE: Duration = Duration::from_secs(5);

/// Of the counters, what main loop and thread share.
#[derive(Debug)]
struct Shared {
    write: AtomicBool,
    end: AtomicBool,
    wake: EventFd,
}

/// The thread, from outside.
#[derive(Debug)]
pub(crate) struct Server {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// How often the file is written, if there is one.
    every: Option<Duration>,
    written: Option<Instant>,
    /// How often it is still to be written: after the last change once more, when its consequences are known.
    changes: u8,
    address: Option<SocketAddr>,
}

impl Server {
    /// Opens the port and starts the thread. `None`: neither file nor port is wanted.
    ///
    /// # Errors
    ///
    /// Those of the port: an operator who asked for it wants to know at once.
    pub(crate) fn start(
        config: &Config,
        metrics: Arc<Metrics>,
        notes: Notes,
    ) -> io::Result<Option<Self>> {
        if config.file.is_none() && config.listen.is_none() {
            return Ok(None);
        }
        let listener = config.listen.map(TcpListener::bind).transpose()?;
        if let Some(listener) = &listener {
            listener.set_nonblocking(true)?;
        }
        let address = listener
            .as_ref()
            .and_then(|listener| listener.local_addr().ok());
        let shared = Arc::new(Shared {
            write: AtomicBool::new(config.file.is_some()),
            end: AtomicBool::new(false),
            wake: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
        });
        let worker = Worker {
            shared: Arc::clone(&shared),
            metrics,
            notes,
            file: config.file.clone(),
            failed: false,
            listener,
            clients: Vec::new(),
        };
        let thread = thread::Builder::new()
            .name("rasd-metrics".into())
            .stack_size(128 << 10)
            .spawn(move || worker.work())?;
        Ok(Some(Self {
            shared,
            thread: Some(thread),
            every: config.file.is_some().then(|| config.interval.get()),
            written: None,
            changes: 0,
            address,
        }))
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Something was counted.
    pub(crate) const fn changed(&mut self) {
        self.changes = 2;
    }

    /// Has the file written when it is time. Gives after how long that will be, if there is something to write.
    pub(crate) fn tick(&mut self, now: Instant) -> Option<Duration> {
        let every = self.every.filter(|_| self.changes > 0)?;
        let passed = self
            .written
            .map_or(every, |written| now.saturating_duration_since(written));
        if passed < every {
            return Some(every - passed);
        }
        self.changes -= 1;
        self.written = Some(now);
        self.write();
        (self.changes > 0).then_some(every)
    }

    fn write(&self) {
        self.shared.write.store(true, Ordering::Release);
        _ = self.shared.wake.write(1);
    }
}

impl Drop for Server {
    /// Writes the file a last time.
    fn drop(&mut self) {
        self.shared.end.store(true, Ordering::Release);
        self.write();
        if let Some(thread) = self.thread.take() {
            let start = Instant::now();
            // A file system that does not answer shall not hold up the process's end.
            while !thread.is_finished() && start.elapsed() < PATIENCE {
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    metrics: Arc<Metrics>,
    notes: Notes,
    file: Option<PathBuf>,
    /// The file could not be written the last time.
    failed: bool,
    listener: Option<TcpListener>,
    clients: Vec<Client>,
}

/// Who asks.
#[derive(Debug)]
struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    /// The answer, once there is one, and how much of it is sent.
    answer: Option<(Vec<u8>, usize)>,
    until: Instant,
}

impl Worker {
    fn work(mut self) {
        loop {
            if self.shared.write.swap(false, Ordering::Acquire) {
                self.write_file();
            }
            if self.shared.end.load(Ordering::Acquire) {
                return;
            }
            self.wait();
            // Reads nothing where there was no wake-up.
            _ = self.shared.wake.read();
            self.accept();
            let (now, metrics) = (Instant::now(), &self.metrics);
            self.clients
                .retain_mut(|client| now < client.until && client.go_on(metrics));
        }
    }

    fn wait(&self) {
        let mut fds = vec![PollFd::new(self.shared.wake.as_fd(), PollFlags::POLLIN)];
        if let Some(listener) = &self.listener
            && self.clients.len() < CLIENTS
        {
            fds.push(PollFd::new(listener.as_fd(), PollFlags::POLLIN));
        }
        for client in &self.clients {
            let flags = match client.answer {
                None => PollFlags::POLLIN,
                Some(_) => PollFlags::POLLOUT,
            };
            fds.push(PollFd::new(client.stream.as_fd(), flags));
        }
        let until = self.clients.iter().map(|client| client.until).min();
        let timeout = until.map_or(PollTimeout::NONE, |until| {
            let left = until.saturating_duration_since(Instant::now());
            PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        });
        // An interrupted sleep is a short one.
        _ = poll(&mut fds, timeout);
    }

    fn accept(&mut self) {
        let Some(listener) = &self.listener else {
            return;
        };
        while self.clients.len() < CLIENTS {
            // Any error is that of one client, or passes; a wake-up comes again.
            let Ok((stream, _)) = listener.accept() else {
                return;
            };
            if stream.set_nonblocking(true).is_ok() {
                self.clients.push(Client {
                    stream,
                    request: Vec::new(),
                    answer: None,
                    until: Instant::now() + PATIENCE,
                });
            }
        }
    }

    fn write_file(&mut self) {
        let Some(file) = &self.file else { return };
        let written = replace(file, self.metrics.text().as_bytes());
        match (written, std::mem::take(&mut self.failed)) {
            (Ok(()), _) => {}
            (Err(error), before) => {
                self.failed = true;
                if !before {
                    let what = format!(
                        "{}: {error}; the metrics file is not written until that is mended",
                        file.display()
                    );
                    self.notes.say(Priority::Warning, what);
                }
            }
        }
    }
}

/// Writes a file so that a reader sees the old one or the new one, whole. The name in between does not end in `.prom`:
/// the collector reads all that do.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = PathBuf::from(name);
    let done = fs::write(&new, bytes).and_then(|()| fs::rename(&new, path));
    if done.is_err() {
        _ = fs::remove_file(&new);
    }
    done
}

impl Client {
    /// Reads and writes as far as it goes without waiting. Gives whether something is left to do.
    fn go_on(&mut self, metrics: &Metrics) -> bool {
        if self.answer.is_none() {
            match self.read() {
                Ok(true) => self.answer = Some((answer(&self.request, metrics), 0)),
                Ok(false) => return true,
                Err(_) => return false,
            }
        }
        let Some((bytes, sent)) = &mut self.answer else {
            return false;
        };
        while let Some(rest) = bytes.get(*sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(0) => return false,
                Ok(n) => *sent += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        // What was not read of the request would have the kernel reset the connection, answer and all.
        _ = self.stream.shutdown(std::net::Shutdown::Write);
        let mut rest = [0; 1024];
        for _ in 0..REQUEST / rest.len() {
            match self.stream.read(&mut rest) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        false
    }

    /// Reads of the request what is there. Gives whether it is whole, or too long.
    fn read(&mut self) -> io::Result<bool> {
        let mut piece = [0; 1024];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    let read = piece.get(..n).unwrap_or_default();
                    self.request.extend_from_slice(read);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            let whole = self.request.windows(4).any(|end| end == b"\r\n\r\n");
            if whole || self.request.len() > REQUEST {
                return Ok(true);
            }
        }
    }
}

/// The answer to a request.
fn answer(request: &[u8], metrics: &Metrics) -> Vec<u8> {
    let (status, kind, body) = respond(request, metrics);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut bytes = head.into_bytes();
    if !request.starts_with(b"HEAD ") {
        bytes.extend_from_slice(body.as_bytes());
    }
    bytes
}

fn respond(request: &[u8], metrics: &Metrics) -> (&'static str, &'static str, String) {
    const PLAIN: &str = "text/plain; charset=utf-8";
    let refuse = |status, why: &str| (status, PLAIN, format!("{why}\n"));
    if request.len() > REQUEST {
        return refuse("431 Request Header Fields Too Large", "too long");
    }
    let line = request.split(|&byte| byte == b'\r').next();
    let mut words = line.unwrap_or_default().split(|&byte| byte == b' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let version = words.next().unwrap_or_default();
    if !version.starts_with(b"HTTP/1.") || words.next().is_some() {
        return refuse("400 Bad Request", "this is no request of HTTP/1");
    }
    if method != b"GET" && method != b"HEAD" {
        return refuse("405 Method Not Allowed", "only GET and HEAD");
    }
    let path = target
        .split(|&byte| byte == b'?')
        .next()
        .unwrap_or_default();
    if path != b"/metrics" {
        return refuse("404 Not Found", "only /metrics is here");
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ("200 OK", kind, metrics.text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config as All;
    use crate::config::amounts::Time;

    fn server(listen: Option<&str>, file: Option<PathBuf>) -> Server {
        let config = Config {
            file,
            interval: Time::seconds(10),
            listen: listen.map(|listen| listen.parse().unwrap()),
            ..All::default().metrics
        };
        let (notes, _) = Notes::kept();
        let metrics = Metrics::new(10);
        Server::start(&config, metrics, notes).unwrap().unwrap()
    }

    fn ask(server: &Server, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(server.address().unwrap()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn requests_are_answered_or_refused() {
        let server = server(Some("127.0.0.1:0"), None);
        let good = ask(&server, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(good.starts_with("HTTP/1.1 200 OK\r\n"), "{good}");
        assert!(
            good.contains("\r\n\r\n# HELP mcekit_errors_total "),
            "{good}"
        );
        for (request, status) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], "404"),
            (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
            (b"\x16\x03\x01 \r\n\r\n", "400"),
            (b"GET /metrics\r\n\r\n", "400"),
            (b"GET /metrics?x=y HTTP/1.0\r\n\r\n", "200"),
        ] {
            let answer = ask(&server, request);
            assert_eq!(&answer[9..12], status, "{answer}");
        }
        let head = ask(&server, b"HEAD /metrics HTTP/1.1\r\n\r\n");
        assert!(head.ends_with("\r\n\r\n"), "{head}");
    }

    proptest::proptest! {
        /// Whatever is asked, the answer is one of HTTP with as many bytes as it says.
        #[test]
        fn any_bytes_are_answered_or_refused(request in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let answer = answer(&request, &Metrics::new(1));
            let text = String::from_utf8(answer).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            proptest::prop_assert!(head.starts_with("HTTP/1.1 "));
            let length = format!("Content-Length: {}", body.len());
            let is_head = request.starts_with(b"HEAD ");
            proptest::prop_assert!(is_head || head.lines().any(|line| line == length));
        }
    }

    #[test]
    fn a_request_without_end_is_cut_off() {
        let server = server(Some("[::1]:0"), None);
        let mut long = b"GET /metrics HTTP/1.1\r\nX: ".to_vec();
        long.resize(REQUEST + 100, b'x');
        let answer = ask(&server, &long);
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }

    #[test]
    fn clients_that_say_nothing_do_not_keep_others_out() {
        let server = server(Some("127.0.0.1:0"), None);
        let address = server.address().unwrap();
        let silent: Vec<TcpStream> = (0..CLIENTS - 1)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let start = Instant::now();
        let answer = ask(&server, b"GET /metrics HTTP/1.1\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200"));
        assert!(start.elapsed() < PATIENCE);
        // They are cut off themselves.
        for mut stream in silent {
            stream
                .set_read_timeout(Some(Duration::from_secs(30)))
                .unwrap();
            assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap(), 0);
        }
    }

    #[test]
    fn the_file_is_there_at_the_start_and_whole_after_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rasd.prom");
        let mut server = server(None, Some(path.clone()));
        let read = |path: &Path| {
            let start = Instant::now();
            loop {
                if let Ok(text) = fs::read_to_string(path) {
                    break text;
                }
                assert!(start.elapsed() < Duration::from_secs(30));
                thread::sleep(Duration::from_millis(2));
            }
        };
        assert!(read(&path).ends_with("mcekit_wakeups_total 0\n"));
        let now = Instant::now();
        assert_eq!(server.tick(now), None);
        fs::remove_file(&path).unwrap();
        server.changed();
        assert_eq!(server.tick(now), Some(Duration::from_secs(10)));
        read(&path);
        let half = now + Duration::from_secs(4);
        assert_eq!(server.tick(half), Some(Duration::from_secs(6)));
        assert_eq!(server.tick(now + Duration::from_secs(10)), None);
        assert_eq!(server.tick(now + Duration::from_secs(100)), None);
        drop(server);
        let names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["rasd.prom"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_once() {
        let config = Config {
            file: Some(PathBuf::from("/nonexistent/rasd.prom")),
            ..All::default().metrics
        };
        let (notes, kept) = Notes::kept();
        let server = Server::start(&config, Metrics::new(10), notes)
            .unwrap()
            .unwrap();
        drop(server);
        let kept = kept.lock().unwrap();
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert!(kept[0].1.starts_with("/nonexistent/rasd.prom: "));
    }
}
