//! Programs that are run for parts that have too many errors, and pages that are taken out of use.
//!
//! All of it happens on a thread of its own: starting a program can block (its file may be on a server that does not
//! answer), and so can taking a page out of use. The stream of errors never waits for either.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};

use crate::config::values::Argv;
use crate::config::{PageOffline, Triggers};
use crate::notes::{Notes, Priority};
use crate::stop::Deadline;

/// What is read of a program's output at a time: one that prints without end shall not keep the thread from the others.
const READ: usize = 16 << 10;

/// How often a program is looked after on a kernel that has no process descriptors (before 5.3).
const WITHOUT_PIDFD: Duration = Duration::from_millis(200);

/// Something to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// Run a program.
    Run {
        argv: Argv,
        environment: Vec<(&'static str, String)>,
        /// For whom, in messages.
        part: String,
    },
    /// Take a page out of use.
    Offline {
        /// Its physical address.
        page: u64,
        /// Only say so, or do it.
        mode: PageOffline,
        /// Where sysfs is.
        sysfs: PathBuf,
    },
}

/// What was done, for metrics.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Programs that ended with status 0.
    pub(crate) succeeded: AtomicU64,
    /// Programs that ended otherwise, in time.
    pub(crate) failed: AtomicU64,
    /// Programs that took too long.
    pub(crate) timed_out: AtomicU64,
    /// Programs that could not be started.
    pub(crate) not_started: AtomicU64,
    /// Jobs for which there was no room.
    pub(crate) refused: AtomicU64,
    /// Pages that the kernel took out of use.
    pub(crate) pages_offline: AtomicU64,
    /// Pages that it did not.
    pub(crate) pages_failed: AtomicU64,
}

impl Done {
    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// What both sides see.
#[derive(Debug, Default)]
struct Shared {
    waiting: VecDeque<Job>,
    /// No more jobs come: end when all are done, or at this time, if there is one.
    end: Option<Option<Instant>>,
}

/// The thread that runs triggers.
#[derive(Debug)]
pub(crate) struct Runner {
    shared: Arc<Mutex<Shared>>,
    wake: Arc<EventFd>,
    done: Arc<Done>,
    queue: usize,
    notes: Notes,
    /// One message for many refusals.
    refused_said: Option<Instant>,
    thread: Option<JoinHandle<()>>,
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    // Nothing that is done under the lock leaves it half done.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Runner {
    /// Starts the thread. What it inherits from the caller now (rights, above all) is what triggers get.
    ///
    /// # Errors
    ///
    /// Those of making a descriptor and a thread.
    pub(crate) fn start(how: &Triggers, notes: Notes) -> io::Result<Self> {
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        let wake = Arc::new(wake);
        let shared = Arc::new(Mutex::new(Shared::default()));
        let done = Arc::new(Done::default());
        let worker = Worker {
            shared: Arc::clone(&shared),
            wake: Arc::clone(&wake),
            done: Arc::clone(&done),
            how: how.clone(),
            notes: notes.clone(),
            children: Vec::new(),
        };
        let thread = thread::Builder::new()
            .name("rasd-triggers".into())
            .stack_size(128 << 10)
            .spawn(move || worker.work())?;
        Ok(Self {
            shared,
            wake,
            done,
            queue: how.queue.get(),
            notes,
            refused_said: None,
            thread: Some(thread),
        })
    }

    /// What was done so far.
    pub(crate) fn done(&self) -> Arc<Done> {
        Arc::clone(&self.done)
    }

    /// Has a job done when there is room. Where too many wait already it is not done, which is counted and told.
    pub(crate) fn give(&mut self, job: Job) {
        let mut shared = lock(&self.shared);
        if shared.waiting.len() >= self.queue {
            drop(shared);
            Done::count(&self.done.refused);
            let now = Instant::now();
            let quiet = |said: Instant| now.duration_since(said) >= Duration::from_secs(60);
            if self.refused_said.is_none_or(quiet) {
                self.refused_said = Some(now);
                let all = self.done.refused.load(Ordering::Relaxed);
                self.notes.say(
                    Priority::Warning,
                    format!(
                        "{} triggers wait already: one was not run ({all} so far)",
                        self.queue
                    ),
                );
            }
            return;
        }
        shared.waiting.push_back(job);
        drop(shared);
        // A counter that is full wakes as well.
        _ = self.wake.write(1);
    }

    /// Waits until everything is done, at most until the deadline; then what still runs is killed.
    pub(crate) fn finish(&mut self, mut until: Deadline) {
        if let Some(thread) = self.thread.take() {
            // It ends: every child is killed at the time above. A program's start, or a write to sysfs, that the kernel
            // does not come back from would hold up the process's end, so they are not waited for.
            let mut told = None;
            while !thread.is_finished() {
                let at = until.at();
                if told.replace(at) != Some(at) {
                    lock(&self.shared).end = Some(at);
                    _ = self.wake.write(1);
                }
                if at.is_some_and(|at| at.elapsed() >= Duration::from_secs(1)) {
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.finish(Deadline::after(Duration::ZERO));
    }
}

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
    program: String,
    part: String,
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

/// The thread's side.
struct Worker {
    shared: Arc<Mutex<Shared>>,
    wake: Arc<EventFd>,
    done: Arc<Done>,
    how: Triggers,
    notes: Notes,
    children: Vec<Running>,
}

impl Worker {
    fn work(mut self) {
        loop {
            self.start();
            let end = {
                let shared = lock(&self.shared);
                let idle = shared.waiting.is_empty() && self.children.is_empty();
                if shared.end.is_some() && idle {
                    return;
                }
                shared.end.flatten()
            };
            if end.is_some_and(|end| Instant::now() >= end) {
                self.kill_all();
                return;
            }
            self.wait(end);
            // Reads nothing where there was no wake-up.
            _ = self.wake.read();
            self.read();
            self.look_at_time();
            self.reap();
        }
    }

    /// Starts as many as may run at once.
    fn start(&mut self) {
        while self.children.len() < self.how.at_once.get() {
            let mut shared = lock(&self.shared);
            let Some(job) = shared.waiting.pop_front() else {
                return;
            };
            drop(shared);
            match job {
                Job::Run {
                    argv,
                    environment,
                    part,
                } => match self.spawn(&argv, environment, &part) {
                    Ok(running) => self.children.push(running),
                    Err(error) => {
                        Done::count(&self.done.not_started);
                        let program = argv.parts().0;
                        let what = format!(
                            "the trigger {program} for {part} could not be started: {error}"
                        );
                        self.notes.say(Priority::Error, what);
                    }
                },
                Job::Offline { page, mode, sysfs } => self.offline(page, mode, &sysfs),
            }
        }
    }

    fn spawn(
        &self,
        argv: &Argv,
        environment: Vec<(&'static str, String)>,
        part: &str,
    ) -> io::Result<Running> {
        let (program, arguments) = argv.parts();
        let (output, write) = io::pipe()?;
        set_nonblocking(&output)?;
        let started = Instant::now();
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", &self.how.path.0)
            .envs(environment)
            .current_dir(&self.how.directory)
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
            program: program.to_owned(),
            part: part.to_owned(),
            started,
            stage: Stage::Runs(started + self.how.timeout.get()),
        })
    }

    /// Sleeps until something happens or a time has come.
    fn wait(&self, end: Option<Instant>) {
        let now = Instant::now();
        let mut times: Vec<Instant> = end.into_iter().collect();
        let mut fds = vec![PollFd::new(self.wake.as_fd(), PollFlags::POLLIN)];
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
        _ = poll(&mut fds, timeout);
    }

    /// Reads what programs printed, a piece of each.
    fn read(&mut self) {
        let most = usize::try_from(self.how.output.0).unwrap_or(usize::MAX);
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
                    child.stage = Stage::Terminated(now + self.how.grace.get());
                    Done::count(&self.done.timed_out);
                    let what = format!(
                        "the trigger {} for {} still ran after {}: it was told to end",
                        child.program, child.part, self.how.timeout
                    );
                    self.notes.say(Priority::Warning, what);
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
        let most = usize::try_from(self.how.output.0).unwrap_or(usize::MAX);
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
            self.tell(&child, status);
        }
    }

    fn tell(&self, child: &Running, status: io::Result<ExitStatus>) {
        let success = status.as_ref().is_ok_and(ExitStatus::success);
        // What took too long was counted then.
        if matches!(child.stage, Stage::Runs(_)) {
            Done::count(if success {
                &self.done.succeeded
            } else {
                &self.done.failed
            });
        }
        let outcome = match status {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("ended with status {code}"),
                (None, Some(number)) => match Signal::try_from(number) {
                    Ok(signal) => format!("was ended by {signal}"),
                    Err(_) => format!("was ended by signal {number}"),
                },
                (None, None) => status.to_string(),
            },
            Err(error) => format!("cannot be waited for: {error}"),
        };
        let mut what = format!(
            "the trigger {} for {} {outcome} after {:.1} s",
            child.program,
            child.part,
            child.started.elapsed().as_secs_f64()
        );
        let text = printable(&child.printed);
        if !text.is_empty() {
            _ = write!(what, "; it printed: {text}");
        }
        let more = child.length.saturating_sub(child.printed.len() as u64);
        if more > 0 {
            _ = write!(what, " … and {more} bytes more");
        }
        let priority = if success {
            Priority::Info
        } else {
            Priority::Warning
        };
        self.notes.say(priority, what);
    }

    fn offline(&self, page: u64, mode: PageOffline, sysfs: &std::path::Path) {
        let file = sysfs.join("devices/system/memory/soft_offline_page");
        match mode {
            PageOffline::Off => {}
            PageOffline::DryRun => self.notes.say(
                Priority::Notice,
                format!(
                    "dry run: the page at {page:#x} would be taken out of use ({})",
                    file.display()
                ),
            ),
            PageOffline::Soft => {
                let written = OpenOptions::new()
                    .write(true)
                    .open(&file)
                    .and_then(|mut sysfs| sysfs.write_all(format!("{page:#x}").as_bytes()));
                match written {
                    Ok(()) => {
                        Done::count(&self.done.pages_offline);
                        let what = format!("the page at {page:#x} was taken out of use");
                        self.notes.say(Priority::Notice, what);
                    }
                    Err(error) => {
                        Done::count(&self.done.pages_failed);
                        let what = format!(
                            "the page at {page:#x} could not be taken out of use: {}: {error}",
                            file.display()
                        );
                        self.notes.say(Priority::Warning, what);
                    }
                }
            }
        }
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

#[cfg(test)]
mod tests;
