//! Answering clients, each in a thread of its own for as long as the answer takes, so that none of them holds up the
//! stream.

use std::io::{self, BufWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde::de::DeserializeOwned;

use super::peer::Access;
use super::{Last, MAX_REQUEST, Request, RequestError, parse};

/// What there is to tell. Shared by the threads of all clients.
pub(crate) trait Answers: Send + Sync + 'static {
    /// The history's form of a question.
    type Query: DeserializeOwned;

    /// One line of JSON, without its end.
    fn status(&self) -> String;

    /// Writes lines of JSON, and gives their number.
    ///
    /// # Errors
    ///
    /// What the history gives, or the client's socket; in words for the client.
    fn query(&self, query: &Self::Query, out: &mut dyn Write) -> Result<u64, String>;
}

/// What one client may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Clients at once; the next one is told to come again.
    pub(crate) clients: usize,
    /// From the connection to the end of the answer.
    pub(crate) time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 8,
            time: Duration::from_secs(10),
        }
    }
}

/// The listening socket, while nobody is answered yet.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

/// Answers those who connect.
#[derive(Debug)]
pub(crate) struct Server<A> {
    listener: Listener,
    access: Access,
    limits: Limits,
    answers: Arc<A>,
    busy: Arc<AtomicUsize>,
}

/// A stack that JSON and a database query need no more than.
const STACK: usize = 512 << 10;

impl Listener {
    /// Listens at a path. A socket that is left of a daemon that is gone is replaced, that of a living one is not.
    ///
    /// # Errors
    ///
    /// `AddrInUse` when another daemon answers there; what the system gives. Each names the path.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        Self::listen(path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }

    fn listen(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        match fs::symlink_metadata(path) {
            Ok(there) if there.file_type().is_socket() => {
                if UnixStream::connect(path).is_ok() {
                    return Err(io::Error::new(
                        io::ErrorKind::AddrInUse,
                        "another rasd answers at this socket",
                    ));
                }
                fs::remove_file(path)?;
            }
            Ok(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "there is a file that is no socket",
                ));
            }
            Err(_) => {}
        }
        let listener = UnixListener::bind(path)?;
        // Whoever connects is asked for credentials; the mode keeps out nobody who may ask.
        fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    /// From now on, clients are answered.
    pub(crate) fn serve<A: Answers>(self, access: Access, limits: Limits, answers: A) -> Server<A> {
        Server {
            listener: self,
            access,
            limits,
            answers: Arc::new(answers),
            busy: Arc::default(),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The next daemon would replace it anyhow.
        let _ = fs::remove_file(&self.path);
    }
}

impl<A: Answers> Server<A> {
    /// Takes the clients that wait, and gives what there is to say about those who were sent away.
    ///
    /// # Errors
    ///
    /// What `accept` gives; the next call goes on.
    pub(crate) fn turn(&self) -> io::Result<Vec<String>> {
        let mut said = Vec::new();
        loop {
            let mut socket = match self.listener.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(said),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // The client went away before its turn.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            let refused = match self.access.check(&socket) {
                Err(refused) => Some(refused.to_string()),
                Ok(()) if self.busy.load(Ordering::Acquire) >= self.limits.clients => {
                    Some(format!(
                        "{} clients are being answered: come again",
                        self.limits.clients
                    ))
                }
                Ok(()) => None,
            };
            if let Some(why) = refused {
                // The socket's buffer takes a line; what it does not take, the client does not get.
                let _ = socket.set_nonblocking(true);
                let _ = last(&mut socket, &Last::Error(why.clone()));
                said.push(format!("a client was refused: {why}"));
                continue;
            }
            self.busy.fetch_add(1, Ordering::AcqRel);
            let guard = Busy(Arc::clone(&self.busy));
            let answers = Arc::clone(&self.answers);
            let deadline = Instant::now() + self.limits.time;
            let started = thread::Builder::new()
                .name("rasd-client".into())
                .stack_size(STACK)
                .spawn(move || {
                    let _guard = guard;
                    // Whoever goes away in the middle of an answer does not want it.
                    let _ = serve(socket, &*answers, deadline);
                });
            if let Err(error) = started {
                said.push(format!("a client was refused: no thread for it: {error}"));
            }
        }
    }
}

impl<A> AsFd for Server<A> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.listener.as_fd()
    }
}

/// One client less, whatever becomes of its thread.
struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A socket that gives up at a moment, however the other side dribbles.
struct Until {
    socket: UnixStream,
    deadline: Instant,
}

impl Until {
    fn left(&self) -> io::Result<Duration> {
        match self.deadline.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Read for Until {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.left()?))?;
        self.socket.read(into)
    }
}

impl Write for Until {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn serve<A: Answers>(socket: UnixStream, answers: &A, deadline: Instant) -> io::Result<()> {
    let mut socket = Until { socket, deadline };
    let asked = read_line(&mut socket).and_then(|line| parse::<A::Query>(&line));
    let mut out = BufWriter::new(socket);
    match asked {
        Ok(Request::Status {}) => {
            writeln!(out, "{}", answers.status())?;
            last(&mut out, &Last::End { rows: 1 })?;
        }
        Ok(Request::Query(query)) => {
            let end = match answers.query(&query, &mut out) {
                Ok(rows) => Last::End { rows },
                Err(why) => Last::Error(why),
            };
            last(&mut out, &end)?;
        }
        Err(error) => last(&mut out, &Last::Error(error.to_string()))?,
    }
    out.flush()
}

/// The request's line, without its end. What comes behind it is not read.
fn read_line(socket: &mut impl Read) -> Result<Vec<u8>, RequestError> {
    let mut line = Vec::new();
    let mut piece = [0; 512];
    while line.len() < MAX_REQUEST {
        let got = match socket.read(&mut piece) {
            Ok(0) => break,
            Ok(got) => piece.get(..got).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        if let Some(end) = got.iter().position(|&byte| byte == b'\n') {
            line.extend(&got[..end]);
            return Ok(line);
        }
        line.extend(got);
    }
    Err(if line.len() >= MAX_REQUEST {
        RequestError::TooLong
    } else {
        RequestError::Nothing
    })
}

fn last(out: &mut impl Write, last: &Last) -> io::Result<()> {
    let line = serde_json::to_string(last).map_err(io::Error::other)?;
    writeln!(out, "{line}")
}
