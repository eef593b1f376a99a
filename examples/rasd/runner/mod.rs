//! Programs that are run for parts that have too many errors, and pages that are taken out of use.
//!
//! Both need the rights that the daemon gives up. So both happen in a process of its own, which began before the daemon
//! read anything: [`process`] is how it begins, [`worker`] what it does, [`wire`] what it can be asked for. Here is the
//! daemon's side, which never waits for it.

pub(crate) mod process;
pub(crate) mod wire;
mod worker;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::signal::Signal;
use nix::sys::socket::{MsgFlags, recv, send};

use crate::config::Config;
use crate::config::amounts::{Rate, Time};
use crate::config::kind::PartKind;
use crate::notes::{Notes, Priority};
use crate::privileges::Fences;
use crate::say;
use crate::stop::{ASK_EVERY, Deadline};

use wire::{Answer, End, Kept, MAX_ANSWER, Request};

/// How long the end of the daemon waits for the end of the process when it has nothing to do any more. Only the kernel can
/// hold it up then.
const LAST: Duration = Duration::from_secs(1);

/// How many answers are read at a time.
const AT_A_TIME: usize = 256;

/// After how long a request that did not get through is tried again, where nothing else happens.
const AGAIN: Duration = Duration::from_millis(20);

/// Something to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// Run a program.
    Run {
        trigger: PartKind,
        environment: Vec<(&'static str, String)>,
        /// For whom, in messages.
        part: String,
    },
    /// Take the page at this physical address out of use.
    Offline { page: u64 },
}

/// A job that is under way, for messages.
#[derive(Debug)]
enum Doing {
    Run { program: String, part: String },
    Offline { page: u64 },
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
    /// Jobs for which there was no room, or nobody to do them.
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

/// The process that runs triggers, from the daemon's side.
#[derive(Debug)]
pub(crate) struct Runner {
    /// Nothing when it has ended.
    socket: Option<OwnedFd>,
    /// Readable while there are answers; never again when the process has ended.
    watch: Epoll,
    /// None in tests, where it is a thread.
    child: Option<Child>,
    fences: Option<Fences>,
    how: How,
    waiting: VecDeque<Job>,
    doing: BTreeMap<u64, (Doing, bool)>,
    next: u64,
    done: Arc<Done>,
    notes: Notes,
    /// One message for many refusals.
    refused_said: Option<Instant>,
}

/// What of the configuration is needed here.
#[derive(Debug)]
struct How {
    config: Config,
    at_once: usize,
    queue: usize,
    timeout: Time,
    pages: Option<Rate>,
}

impl Runner {
    /// Starts the process. What the caller may do now is what triggers may.
    ///
    /// # Errors
    ///
    /// Those of making descriptors and a process, and of one that does not begin.
    pub(crate) fn start(config: &Config, notes: Notes) -> io::Result<Self> {
        let (socket, child, fences) = process::start(config)?;
        Self::over(socket, Some(child), fences, config, notes)
    }

    fn over(
        socket: OwnedFd,
        child: Option<Child>,
        fences: Option<Fences>,
        config: &Config,
        notes: Notes,
    ) -> io::Result<Self> {
        let watch = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        watch.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        let triggers = &config.triggers;
        Ok(Self {
            socket: Some(socket),
            watch,
            child,
            fences,
            how: How {
                at_once: triggers.at_once.get(),
                queue: triggers.queue.get(),
                timeout: triggers.timeout,
                pages: config.page_offline.limit,
                config: config.clone(),
            },
            waiting: VecDeque::new(),
            doing: BTreeMap::new(),
            next: 1,
            done: Arc::default(),
            notes,
            refused_said: None,
        })
    }

    /// What the process gave up itself.
    pub(crate) const fn fences(&self) -> Option<&Fences> {
        self.fences.as_ref()
    }

    /// What was done so far.
    pub(crate) fn done(&self) -> Arc<Done> {
        Arc::clone(&self.done)
    }

    /// Readable when there is something to [look at](Self::look).
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.watch.0.as_fd()
    }

    /// Has a job done when there is room. Where too many wait already it is not done, which is counted and told.
    pub(crate) fn give(&mut self, job: Job) {
        if self.waiting.len() >= self.how.queue {
            // Perhaps there is room by now.
            self.look();
        }
        if self.socket.is_none() || self.waiting.len() >= self.how.queue {
            Done::count(&self.done.refused);
            let now = Instant::now();
            let quiet = |said: Instant| now.duration_since(said) >= Duration::from_secs(60);
            if self.refused_said.is_none_or(quiet) {
                self.refused_said = Some(now);
                let all = self.done.refused.load(Ordering::Relaxed);
                let why = match self.socket {
                    Some(_) => format!("{} triggers wait already", self.how.queue),
                    None => "the process that runs triggers has ended".into(),
                };
                let what = format!("{why}: one was not run ({all} so far)");
                self.notes.say(Priority::Warning, what);
            }
            return;
        }
        self.waiting.push_back(job);
        self.send();
    }

    /// Reads what the process has answered, and asks for what waits.
    pub(crate) fn look(&mut self) {
        self.receive();
        self.send();
    }

    /// Tries again what did not get through. Gives after how long to call again if it still does not: the descriptor tells
    /// of answers only.
    pub(crate) fn tick(&mut self) -> Option<Duration> {
        self.send();
        let stuck = !self.waiting.is_empty() && self.doing.len() < self.how.at_once;
        (stuck && self.socket.is_some()).then_some(AGAIN)
    }

    /// Asks for as many as may run at once.
    fn send(&mut self) {
        while let Some(socket) = &self.socket
            && self.doing.len() < self.how.at_once
            && let Some(job) = self.waiting.pop_front()
        {
            let id = self.next;
            let (request, doing) = self.how.request(id, &job);
            // Numbers and strings are always JSON.
            let message = serde_json::to_vec(&request).unwrap_or_default();
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            match send(socket.as_raw_fd(), &message, flags) {
                Ok(_) => {
                    self.next += 1;
                    self.doing.insert(id, (doing, false));
                }
                Err(Errno::EAGAIN | Errno::EINTR) => {
                    self.waiting.push_front(job);
                    return;
                }
                Err(errno) => {
                    self.waiting.push_front(job);
                    self.lost(&errno.to_string());
                }
            }
        }
    }

    fn receive(&mut self) {
        let mut message = vec![0; MAX_ANSWER];
        // So many at a time; the descriptor stays readable.
        for _ in 0..AT_A_TIME {
            let Some(socket) = &self.socket else { return };
            match recv(socket.as_raw_fd(), &mut message, MsgFlags::MSG_DONTWAIT) {
                Ok(0) => self.lost("it closed its socket"),
                Ok(length) => {
                    let answer = message.get(..length).unwrap_or_default();
                    match serde_json::from_slice(answer) {
                        Ok(answer) => self.answered(&answer),
                        Err(error) => self.lost(&format!("it said what is no answer: {error}")),
                    }
                }
                Err(Errno::EAGAIN | Errno::EINTR) => return,
                Err(errno) => self.lost(&errno.to_string()),
            }
        }
    }

    /// The process is gone, or what it says makes no sense. It cannot be started again: the rights are gone, too.
    fn lost(&mut self, why: &str) {
        if let Some(socket) = self.socket.take() {
            // It closes now in any case.
            let _ = self.watch.delete(&socket);
        }
        let given_up = self.waiting.len() + self.doing.len();
        self.waiting.clear();
        self.doing.clear();
        self.done
            .refused
            .fetch_add(given_up as u64, Ordering::Relaxed);
        self.notes.say(
            Priority::Error,
            format!(
                "the process that runs triggers has ended ({why}): none is run any more until rasd is started again; \
                 {given_up} were under way or waited"
            ),
        );
    }

    fn answered(&mut self, answer: &Answer) {
        let (Answer::Overdue { id }
        | Answer::Ended { id, .. }
        | Answer::NotStarted { id, .. }
        | Answer::Offline { id }
        | Answer::Kept { id, .. }) = answer;
        if let Answer::Overdue { .. } = answer {
            if let Some((Doing::Run { program, part }, overdue)) = self.doing.get_mut(id) {
                *overdue = true;
                Done::count(&self.done.timed_out);
                let what = format!(
                    "the trigger {program} for {part} still ran after {}: it was told to end",
                    self.how.timeout
                );
                self.notes.say(Priority::Warning, what);
            }
            return;
        }
        // What was not asked for is not answered.
        let Some((doing, overdue)) = self.doing.remove(id) else {
            return;
        };
        let (counter, priority, what) = match doing {
            Doing::Run { program, part } => told_of_run(&self.done, &program, &part, answer),
            Doing::Offline { page } => told_of_page(&self.done, page, answer, &self.how),
        };
        // What took too long was counted then.
        if !overdue {
            Done::count(counter);
        }
        self.notes.say(priority, what);
    }

    /// Waits until everything is done, at most until the deadline; then what still runs is killed, and told of.
    pub(crate) fn finish(&mut self, mut until: Deadline) {
        self.look();
        while (!self.waiting.is_empty() || !self.doing.is_empty()) && !until.is_over() {
            let left = until
                .at()
                .map_or(ASK_EVERY, |at| at.saturating_duration_since(Instant::now()));
            let wait = left.min(ASK_EVERY) + Duration::from_millis(1);
            let wait = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
            // An interrupted sleep is a short one.
            _ = poll(
                &mut [PollFd::new(self.descriptor(), PollFlags::POLLIN)],
                wait,
            );
            self.look();
        }
        for (doing, _) in std::mem::take(&mut self.doing).into_values() {
            if let Doing::Run { program, part } = doing {
                let what =
                    format!("the trigger {program} for {part} still ran at the end, and is killed");
                self.notes.say(Priority::Warning, what);
            }
        }
        let waiting = std::mem::take(&mut self.waiting).len();
        if waiting > 0 {
            let all = self
                .done
                .refused
                .fetch_add(waiting as u64, Ordering::Relaxed);
            let all = all + waiting as u64;
            let what =
                format!("{waiting} triggers waited at the end, and are not run ({all} so far)");
            self.notes.say(Priority::Warning, what);
        }
        // It ends now, and kills what it runs.
        self.socket = None;
        if let Some(mut child) = self.child.take() {
            let began = Instant::now();
            while let Ok(None) = child.try_wait() {
                if began.elapsed() > LAST {
                    say::warn(format_args!(
                        "the process that runs triggers does not end; the kernel holds it up"
                    ));
                    break;
                }
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.finish(Deadline::after(Duration::ZERO));
    }
}

impl How {
    /// A job in the words of the process.
    fn request(&self, id: u64, job: &Job) -> (Request, Doing) {
        match job {
            Job::Run {
                trigger,
                environment,
                part,
            } => {
                let program = self
                    .config
                    .trigger(*trigger)
                    .map_or("", |argv| argv.parts().0);
                let fitting =
                    |(name, value): &(&'static str, String)| wire::fit(name, value.clone());
                let request = Request::Run {
                    id,
                    trigger: *trigger,
                    environment: environment.iter().filter_map(fitting).collect(),
                };
                let doing = Doing::Run {
                    program: program.to_owned(),
                    part: part.clone(),
                };
                (request, doing)
            }
            Job::Offline { page } => {
                let page = *page;
                (Request::Offline { id, page }, Doing::Offline { page })
            }
        }
    }
}

/// What is counted and told of a program's end.
fn told_of_run<'a>(
    done: &'a Done,
    program: &str,
    part: &str,
    answer: &Answer,
) -> (&'a AtomicU64, Priority, String) {
    let mut what = format!("the trigger {program} for {part} ");
    let Answer::Ended {
        end,
        milliseconds,
        printed,
        more,
        ..
    } = answer
    else {
        let error = match answer {
            Answer::NotStarted { error, .. } => io::Error::from_raw_os_error(*error),
            _ => io::ErrorKind::InvalidData.into(),
        };
        _ = write!(what, "could not be started: {error}");
        return (&done.not_started, Priority::Error, what);
    };
    _ = match *end {
        End::Status(code) => write!(what, "ended with status {code}"),
        End::Signal(number) => match Signal::try_from(number) {
            Ok(signal) => write!(what, "was ended by {signal}"),
            Err(_) => write!(what, "was ended by signal {number}"),
        },
        End::Unknown(error) => {
            let error = io::Error::from_raw_os_error(error);
            write!(what, "cannot be waited for: {error}")
        }
    };
    let seconds = Duration::from_millis(*milliseconds).as_secs_f64();
    _ = write!(what, " after {seconds:.1} s");
    if !printed.is_empty() {
        _ = write!(what, "; it printed: {printed}");
    }
    if *more > 0 {
        _ = write!(what, " … and {more} bytes more");
    }
    match end {
        End::Status(0) => (&done.succeeded, Priority::Info, what),
        _ => (&done.failed, Priority::Warning, what),
    }
}

/// What is counted and told of a page.
fn told_of_page<'a>(
    done: &'a Done,
    page: u64,
    answer: &Answer,
    how: &How,
) -> (&'a AtomicU64, Priority, String) {
    let why = match answer {
        Answer::Offline { .. } => {
            let what = format!("the page at {page:#x} was taken out of use");
            return (&done.pages_offline, Priority::Notice, what);
        }
        Answer::Kept {
            why: Kept::Kernel(error),
            ..
        } => {
            let file = how.config.page_offline.file();
            let error = io::Error::from_raw_os_error(*error);
            format!("{}: {error}", file.display())
        }
        Answer::Kept {
            why: Kept::TooMany, ..
        } => {
            let rate = how.pages.map_or_else(String::new, |rate| rate.to_string());
            format!("there were more than page-offline.limit allows, {rate}")
        }
        Answer::Kept {
            why: Kept::NoPage, ..
        } => "that is no address of a page".into(),
        _ => "the configuration does not want it".into(),
    };
    let what = format!("the page at {page:#x} could not be taken out of use: {why}");
    (&done.pages_failed, Priority::Warning, what)
}

#[cfg(test)]
impl Runner {
    /// The same with a thread in the place of the process: this program is a test now, and started again would be one
    /// again.
    pub(crate) fn in_thread(config: &Config, notes: Notes) -> Self {
        let (ours, theirs) = process::ends().unwrap();
        let worker = worker::Worker::new(theirs, None, config.clone());
        thread::spawn(|| worker.work());
        Self::over(ours, None, None, config, notes).unwrap()
    }
}

#[cfg(test)]
mod tests;
