//! What the process that keeps rights does: it starts programs, ends those that take too long, and takes pages out of use.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::signalfd::SignalFd;
use nix::sys::socket::{MsgFlags, recv, send};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};

use super::wire::{Answer, End, Kept, MAX_REQUEST, Request};
use crate::config::kind::PartKind;
use crate::config::{Config, PageOffline};
use crate::facts::PAGE;
use crate::out::limit::Tokens;
use crate::say;

/// What is read of a program's output at a time: one that prints without end shall not keep the process from the others.
const READ: usize = 16 << 10;

/// How often a program is looked after on a kernel that has no process descriptors (before 5.3).
const WITHOUT_PIDFD: Duration = Duration::from_millis(200);

/// So many answers may wait for the daemon; then no request is taken until it has read some.
const WAITING: usize = 64;

/// Addresses have no more bits than this (SDM, CPUID 80000008H; the kernel's __PHYSICAL_MASK_SHIFT).
const ADDRESS_BITS: u32 = 52;

/// A program that runs.
#[derive(Debug)]
struct Running {
    child: Child,
    pid: rustix::process::Pid,
    pidfd: Option<OwnedFd>,
    output: Option<PipeReader>,
    /// The first of what it printed, and how much there was in all.
    printed: Vec<u8>,
    length: u64,
    /// The request's number.
    id: u64,
    started: Instant,
    stage: Stage,
}

/// How patient we still are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Until then it may run.
    Runs(Instant),
    /// It got SIGTERM, and has until then.
    Terminated(Instant),
    /// It got SIGKILL.
    Killed,
}

/// The process's work.
pub(super) struct Worker {
    socket: OwnedFd,
    /// A signal that ends it, as the end of the socket does.
    signal: Option<SignalFd>,
    config: Config,
    children: Vec<Running>,
    answers: VecDeque<Answer>,
    pages: Option<Tokens>,
}

impl Worker {
    pub(super) fn new(socket: OwnedFd, signal: Option<SignalFd>, config: Config) -> Self {
        let limit = config.page_offline.limit;
        Self {
            socket,
            signal,
            children: Vec::new(),
            answers: VecDeque::new(),
            pages: limit.map(|rate| Tokens::full(rate, Instant::now())),
            config,
        }
    }

    /// Works until the socket is closed; then ends what still runs.
    pub(super) fn work(mut self) {
        while self.listen() && self.answer() {
            if self.wait() {
                break;
            }
            self.read();
            self.look_at_time();
            self.reap();
        }
        self.kill_all();
    }

    /// Whether there is room for a further request.
    fn has_room(&self) -> bool {
        self.children.len() < self.config.triggers.at_once.get() && self.answers.len() < WAITING
    }

    /// Takes requests. Gives false when there will be no more.
    fn listen(&mut self) -> bool {
        let mut message = vec![0; MAX_REQUEST + 1];
        while self.has_room() {
            let socket = self.socket.as_raw_fd();
            let length = match recv(socket, &mut message, MsgFlags::MSG_DONTWAIT) {
                Ok(0) => return false,
                Ok(length) => length,
                Err(Errno::EAGAIN | Errno::EINTR) => return true,
                Err(_) => return false,
            };
            match Request::parse(message.get(..length).unwrap_or_default()) {
                Ok(request) => self.take(request),
                // The daemon asks for nothing of the kind. Whoever does has taken it over.
                Err(error) => {
                    say::warn(format_args!(
                        "the process that runs triggers ends: it was asked for what is not to be asked for: {error}"
                    ));
                    return false;
                }
            }
        }
        true
    }

    fn take(&mut self, request: Request) {
        match request {
            Request::Run {
                id,
                trigger,
                environment,
            } => match self.spawn(id, trigger, environment) {
                Ok(running) => self.children.push(running),
                Err(error) => self.answers.push_back(Answer::NotStarted {
                    id,
                    error: number(&error),
                }),
            },
            Request::Offline { id, page } => {
                let answer = match self.offline(page) {
                    Ok(()) => Answer::Offline { id },
                    Err(why) => Answer::Kept { id, why },
                };
                self.answers.push_back(answer);
            }
        }
    }

    /// Sends what there is to answer, as far as the daemon takes it. Gives false when it never will.
    fn answer(&mut self) -> bool {
        while let Some(answer) = self.answers.front_mut() {
            let Ok(message) = serde_json::to_vec(answer) else {
                return false;
            };
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            match send(self.socket.as_raw_fd(), &message, flags) {
                Ok(_) => _ = self.answers.pop_front(),
                Err(Errno::EAGAIN | Errno::EINTR) => return true,
                // The system allows less than it does by default.
                Err(Errno::EMSGSIZE) => match answer {
                    Answer::Ended { printed, more, .. } if !printed.is_empty() => {
                        *more += std::mem::take(printed).len() as u64;
                    }
                    _ => return false,
                },
                Err(_) => return false,
            }
        }
        true
    }

    fn spawn(
        &self,
        id: u64,
        trigger: PartKind,
        environment: Vec<(String, String)>,
    ) -> io::Result<Running> {
        let how = &self.config.triggers;
        let argv = self.config.trigger(trigger).ok_or(Errno::EINVAL)?;
        let (program, arguments) = argv.parts();
        let (output, write) = io::pipe()?;
        set_nonblocking(&output)?;
        let started = Instant::now();
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", &how.path.0)
            .envs(environment)
            .current_dir(&how.directory)
            .stdin(Stdio::null())
            .stdout(write.try_clone()?)
            .stderr(write)
            .process_group(0)
            .spawn()?;
        let pid = rustix::process::Pid::from_child(&child);
        Ok(Running {
            pidfd: pidfd_open(pid, PidfdFlags::empty()).ok(),
            child,
            pid,
            output: Some(output),
            printed: Vec::new(),
            length: 0,
            id,
            started,
            stage: Stage::Runs(started + how.timeout.get()),
        })
    }

    /// Sleeps until something happens or a time has come. Gives whether it is the end.
    fn wait(&self) -> bool {
        let now = Instant::now();
        let mut times: Vec<Instant> = Vec::new();
        let mut events = PollFlags::empty();
        events.set(PollFlags::POLLIN, self.has_room());
        events.set(PollFlags::POLLOUT, !self.answers.is_empty());
        let mut fds = vec![PollFd::new(self.socket.as_fd(), events)];
        if let Some(signal) = &self.signal {
            fds.push(PollFd::new(signal.as_fd(), PollFlags::POLLIN));
        }
        let ends = fds.len();
        for child in &self.children {
            match child.stage {
                Stage::Runs(at) | Stage::Terminated(at) => times.push(at),
                Stage::Killed => {}
            }
            match &child.pidfd {
                Some(pidfd) => fds.push(PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)),
                None => times.push(now + WITHOUT_PIDFD),
            }
            if let Some(output) = &child.output {
                fds.push(PollFd::new(output.as_fd(), PollFlags::POLLIN));
            }
        }
        let timeout = times.into_iter().min().map_or(PollTimeout::NONE, |at| {
            // A millisecond more than less: it must not be woken before the time, again and again.
            let left = at.saturating_duration_since(now) + Duration::from_millis(1);
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        });
        // An interrupted sleep is a short one.
        if !matches!(poll(&mut fds, timeout), Ok(1..)) {
            return false;
        }
        let closed = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
        fds.iter().take(ends).enumerate().any(|(at, fd)| {
            let seen = fd.revents().unwrap_or(PollFlags::empty());
            seen.intersects(closed) || at > 0 && !seen.is_empty()
        })
    }

    /// Reads what programs printed, a piece of each.
    fn read(&mut self) {
        let most = usize::try_from(self.config.triggers.output.0).unwrap_or(usize::MAX);
        for child in &mut self.children {
            child.read(most);
        }
    }

    /// Ends what takes too long.
    fn look_at_time(&mut self) {
        let now = Instant::now();
        for child in &mut self.children {
            match child.stage {
                Stage::Runs(until) if now >= until => {
                    child.signal(Signal::SIGTERM);
                    child.stage = Stage::Terminated(now + self.config.triggers.grace.get());
                    self.answers.push_back(Answer::Overdue { id: child.id });
                }
                Stage::Terminated(until) if now >= until => {
                    child.signal(Signal::SIGKILL);
                    child.stage = Stage::Killed;
                }
                _ => {}
            }
        }
    }

    /// Takes leave of programs that have ended.
    fn reap(&mut self) {
        let most = usize::try_from(self.config.triggers.output.0).unwrap_or(usize::MAX);
        let mut i = 0;
        while let Some(child) = self.children.get_mut(i) {
            if !child.has_ended() {
                i += 1;
                continue;
            }
            // It is a zombie still, so its group's number is nobody else's: what it left running in the group ends too,
            // or there would be more at once than were allowed.
            child.signal(Signal::SIGKILL);
            child.read(most);
            let status = child.child.wait();
            let child = self.children.swap_remove(i);
            self.answers.push_back(child.ended(status));
        }
    }

    /// Takes a page out of use, if that is to be done. Whoever asks is not relied on.
    fn offline(&mut self, page: u64) -> Result<(), Kept> {
        let offline = &self.config.page_offline;
        if offline.mode != PageOffline::Soft {
            return Err(Kept::NotConfigured);
        }
        if !page.is_multiple_of(PAGE) || page >> ADDRESS_BITS != 0 {
            return Err(Kept::NoPage);
        }
        if let (Some(rate), Some(pages)) = (offline.limit, &mut self.pages) {
            if !pages.fill(rate, Instant::now()) {
                return Err(Kept::TooMany);
            }
            pages.take(rate);
        }
        OpenOptions::new()
            .write(true)
            .open(offline.file())
            .and_then(|mut file| file.write_all(format!("{page:#x}").as_bytes()))
            .map_err(|error| Kept::Kernel(number(&error)))
    }

    fn kill_all(&mut self) {
        for mut child in self.children.drain(..) {
            child.signal(Signal::SIGKILL);
            // SIGKILL ends all but what sleeps in the kernel, and that is not waited for.
            _ = child.child.try_wait();
        }
    }
}

impl Running {
    /// What is told of its end.
    fn ended(&self, status: io::Result<ExitStatus>) -> Answer {
        let end = match status {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => End::Status(code),
                (None, signal) => End::Signal(signal.unwrap_or_default()),
            },
            Err(error) => End::Unknown(number(&error)),
        };
        Answer::Ended {
            id: self.id,
            end,
            milliseconds: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            printed: printable(&self.printed),
            more: self.length.saturating_sub(self.printed.len() as u64),
        }
    }

    /// Reads a piece of what it printed; at the end closes the pipe.
    fn read(&mut self, most: usize) {
        let Some(output) = &mut self.output else {
            return;
        };
        let mut piece = [0; READ];
        match output.read(&mut piece) {
            Ok(0) => self.output = None,
            Ok(n) => {
                self.length += n as u64;
                let room = most.saturating_sub(self.printed.len()).min(n);
                self.printed
                    .extend_from_slice(piece.get(..room).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.output = None,
        }
    }

    /// Sends a signal to everything in its process group.
    fn signal(&self, signal: Signal) {
        let group = Pid::from_raw(self.pid.as_raw_nonzero().get());
        match killpg(group, signal) {
            // Nobody is left.
            Ok(()) | Err(Errno::ESRCH) => {}
            // What changed its user is out of reach.
            Err(_) => {}
        }
    }

    /// Whether it has ended. It is left a zombie.
    fn has_ended(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.pid), look), Ok(None))
    }
}

fn set_nonblocking(pipe: &PipeReader) -> io::Result<()> {
    fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}

/// Output as one line: control characters would speak to the terminal of whoever reads the log.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            line.chars()
                .map(|c| if c.is_control() { '\u{fffd}' } else { c })
                .collect()
        })
        .collect();
    lines.join(" | ")
}

/// The system's number of an error.
fn number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(Errno::EIO as i32)
}
