//! The process that keeps rights: how it begins, what it gives up itself, and when it ends.
//!
//! It is this program again, with an argument that is in no help and a socket for its standard input. It is told the
//! configuration there, while the daemon has read nothing else yet; puts up its own fences; says what they are; and then
//! does what it is asked, until the socket is closed.

use std::env;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::prctl::{set_name, set_pdeathsig};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::sockopt::{ReceiveTimeout, SendTimeout, SndBuf, SockType as TypeOf};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, getsockopt, recv, send, setsockopt, socketpair,
};
use nix::sys::time::TimeVal;
use nix::unistd::dup2_stdin;

use super::worker::Worker;
use crate::config::{Config, MAX_LEN, PageOffline};
use crate::privileges::{Fences, RunnerNeeds, confine};
use crate::say;

/// What makes this program that process.
const ARGUMENT: &str = "--keep-rights-for-triggers";

/// How much of the configuration is in a message.
const PIECE: usize = 16 << 10;

/// How long either side waits for the other at the beginning.
const BEGINNING: Duration = Duration::from_secs(20);

/// What its fences come to is told in no more than this.
const MAX_HELLO: usize = 8 << 10;

/// Whether the command line asks for that process.
pub(crate) fn is_asked_for() -> bool {
    env::args_os().nth(1).is_some_and(|word| word == ARGUMENT)
}

/// The two ends of a socket whose messages stay whole.
///
/// # Errors
///
/// Those of making it.
pub(super) fn ends() -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = socketpair(
        AddressFamily::Unix,
        SockType::SeqPacket,
        None,
        SockFlag::SOCK_CLOEXEC,
    )?;
    // As much as the system allows: fewer messages have to wait.
    for end in [&ours, &theirs] {
        let _ = setsockopt(end, SndBuf, &(1 << 20));
    }
    Ok((ours, theirs))
}

/// Starts it. Gives the socket, the process, and what it gave up.
///
/// # Errors
///
/// Those of making a socket and a process, and of one that does not answer.
pub(super) fn start(config: &Config) -> io::Result<(OwnedFd, Child, Option<Fences>)> {
    let (ours, theirs) = ends()?;
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("rasd")
        .arg(ARGUMENT)
        .env_clear()
        // Where its own words go, if it has any.
        .envs(env::var_os("JOURNAL_STREAM").map(|value| ("JOURNAL_STREAM", value)))
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null());
    let mut child = command.spawn()?;
    drop(command);
    match introduce(ours.as_fd(), config) {
        Ok(fences) => Ok((ours, child, fences)),
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}

/// Tells it the configuration, as far as it is its business, and waits for its answer.
fn introduce(socket: BorrowedFd<'_>, config: &Config) -> io::Result<Option<Fences>> {
    limit_waiting(&socket)?;
    let config = Config {
        thresholds: config.thresholds.clone(),
        triggers: config.triggers.clone(),
        page_offline: config.page_offline.clone(),
        rights: config.rights.clone(),
        ..Config::default()
    };
    let text = config.to_string();
    put(socket, &text.len().to_le_bytes())?;
    for piece in text.as_bytes().chunks(PIECE) {
        put(socket, piece)?;
    }
    let mut hello = vec![0; MAX_HELLO];
    let length = get(socket, &mut hello)?;
    if length == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let hello = hello.get(..length).unwrap_or_default();
    Ok(serde_json::from_slice(hello)?)
}

/// The process itself, from its beginning to its end.
pub(crate) fn main() -> ExitCode {
    match begin() {
        Ok(worker) => {
            worker.work();
            ExitCode::SUCCESS
        }
        Err(error) => {
            say::warn(format_args!("the process that runs triggers: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn begin() -> io::Result<Worker> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    if !getsockopt(&socket, TypeOf).is_ok_and(|kind| kind == SockType::SeqPacket) {
        let what = "this is started by rasd, not by hand";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    // Only the copy is needed, and only it is closed when a program starts.
    dup2_stdin(File::open("/dev/null")?)?;
    set_name(c"rasd-triggers")?;
    // A terminal's signals go to everyone; when to end is the daemon's business, and it closes the socket then.
    let mut set = SigSet::empty();
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGUSR1,
    ] {
        set.add(signal);
    }
    set.thread_block()?;
    let end = SigSet::from_iter([Signal::SIGTERM]);
    let end = SignalFd::with_flags(&end, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    // And should someone else hold its end of the socket: this comes with the daemon's death.
    set_pdeathsig(Signal::SIGTERM)?;
    limit_waiting(&socket.as_fd())?;
    let config = configuration(socket.as_fd())?;
    let fences = config.rights.give_up.then(|| confine(&needs(&config)));
    put(socket.as_fd(), &serde_json::to_vec(&fences)?)?;
    Ok(Worker::new(socket, Some(end), config))
}

/// Reads the configuration from the socket.
fn configuration(socket: BorrowedFd<'_>) -> io::Result<Config> {
    let mut length = [0; size_of::<usize>()];
    get(socket, &mut length)?;
    let length = usize::from_le_bytes(length);
    if length > MAX_LEN {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut text = Vec::with_capacity(length);
    let mut piece = vec![0; PIECE];
    while text.len() < length {
        let n = get(socket, &mut piece)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        text.extend_from_slice(piece.get(..n).unwrap_or_default());
    }
    Config::read(&text).map_err(|problems| {
        let first = problems.first().map(ToString::to_string);
        io::Error::new(io::ErrorKind::InvalidData, first.unwrap_or_default())
    })
}

/// What it goes on with.
fn needs(config: &Config) -> RunnerNeeds {
    let offline = &config.page_offline;
    RunnerNeeds {
        programs: config.has_triggers(),
        gain: config.triggers.gain_rights,
        writes: (offline.mode == PageOffline::Soft).then(|| offline.file()),
    }
}

/// Receives a message. Where there is a limit to the waiting, being stopped and continued interrupts it.
fn get(socket: BorrowedFd<'_>, message: &mut [u8]) -> io::Result<usize> {
    loop {
        match recv(socket.as_raw_fd(), message, MsgFlags::empty()) {
            Err(Errno::EINTR) => {}
            received => return Ok(received?),
        }
    }
}

fn put(socket: BorrowedFd<'_>, message: &[u8]) -> io::Result<()> {
    loop {
        match send(socket.as_raw_fd(), message, MsgFlags::MSG_NOSIGNAL) {
            Err(Errno::EINTR) => {}
            sent => return Ok(sent.map(drop)?),
        }
    }
}

fn limit_waiting(socket: &impl AsFd) -> io::Result<()> {
    let time = TimeVal::new(i64::try_from(BEGINNING.as_secs()).unwrap_or(1), 0);
    setsockopt(socket, ReceiveTimeout, &time)?;
    setsockopt(socket, SendTimeout, &time)?;
    Ok(())
}
