//! The thread that brings the spool into the history. It waits for SQLite, so that nothing else has to.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use mcekit_store::Error;
use mcekit_store::db::{History, Salvaged};
use mcekit_store::spool::Tail;

use crate::say;
use crate::stats::Stats;
use crate::stop::Stop;

/// How long a statement waits for another connection before it is given up for now.
pub(crate) const BUSY: Duration = Duration::from_millis(500);
/// How long to wait before trying again, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// How often a trouble that goes on is told again.
const REMIND: Duration = Duration::from_secs(600);
/// How long the end waits for a history that does not get on. The spool keeps the rest.
const LAST: Duration = Duration::from_secs(5);
/// How long the end waits for it where a signal asked for the end.
const HURRY: Duration = Duration::from_millis(500);

/// The thread, as long as it is wanted.
#[derive(Debug)]
pub(crate) struct Applier {
    thread: Option<JoinHandle<()>>,
    end: Sender<()>,
}

impl Applier {
    /// Starts it. `history`: `None` where it could not be opened yet.
    pub(crate) fn start(
        path: PathBuf,
        history: Option<History>,
        tail: Tail,
        stats: Arc<Stats>,
        stop: Stop,
    ) -> std::io::Result<Self> {
        let (end, ended) = channel();
        let work = Work {
            path,
            history,
            tail,
            stats,
            stop,
            ended,
            ending: None,
            told: None,
            backoff: BACKOFF.0,
        };
        let thread = Builder::new()
            .name("history".into())
            .stack_size(1 << 20)
            .spawn(move || work.run())?;
        Ok(Self {
            thread: Some(thread),
            end,
        })
    }
}

impl Drop for Applier {
    /// Lets it bring what is in the spool into the history, as long as that gets on; for a moment if a signal wants the end.
    fn drop(&mut self) {
        // A thread that is gone needs no word.
        let _ = self.end.send(());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            say::warn(format_args!(
                "the thread of the history failed; the spool has what it left"
            ));
        }
    }
}

struct Work {
    path: PathBuf,
    history: Option<History>,
    tail: Tail,
    stats: Arc<Stats>,
    stop: Stop,
    ended: Receiver<()>,
    /// The process ends; until when to try.
    ending: Option<Instant>,
    /// When the trouble that goes on was told.
    told: Option<Instant>,
    backoff: Duration,
}

impl Work {
    fn run(mut self) {
        loop {
            match self.step() {
                Ok(true) => {
                    self.backoff = BACKOFF.0;
                    if self.told.take().is_some() {
                        say::note(format_args!(
                            "{}: it can be written again; nothing was lost",
                            self.path.display()
                        ));
                    }
                    if self.ended.try_recv() != Err(TryRecvError::Empty) {
                        self.end();
                    }
                    let now = Instant::now();
                    match &mut self.ending {
                        Some(until) if !self.stop.asked() => *until = now + LAST,
                        Some(until) if now >= *until => return self.leave(),
                        _ => {}
                    }
                }
                Ok(false) => {
                    if self.ending.is_some() || !self.rest(None) {
                        return;
                    }
                }
                Err(error) => {
                    self.stats.history_errors.add(1);
                    let now = Instant::now();
                    if self.told.is_none_or(|told| now >= told + REMIND) {
                        say::warn(format_args!(
                            "{error}; the spool keeps what comes meanwhile"
                        ));
                        self.told = Some(now);
                    }
                    if self.ending.is_some_and(|until| now >= until) {
                        return self.leave();
                    }
                    let wait = self.backoff;
                    self.backoff = (wait * 2).min(BACKOFF.1);
                    let left = |until: Instant| until.saturating_duration_since(now);
                    let left = self.ending.map_or(wait, left);
                    self.rest(Some(wait.min(left)));
                }
            }
        }
    }

    /// One transaction. `false`: there was nothing.
    fn step(&mut self) -> Result<bool, Error> {
        let mut history = match self.history.take() {
            Some(history) => history,
            None => {
                let (history, salvaged) = History::open(&self.path, BUSY)?;
                if let Some(salvaged) = salvaged {
                    tell(&self.path, &salvaged);
                }
                history
            }
        };
        match history.catch_up(&mut self.tail) {
            Err(Error::Damaged { what, .. }) => {
                let (history, salvaged) = history.renew(what, BUSY)?;
                tell(&self.path, &salvaged);
                self.history = Some(history);
                Ok(true)
            }
            done => {
                self.stats.applied.set(history.applied().1);
                self.history = Some(history);
                done.map(|events| events.is_some())
            }
        }
    }

    /// Waits for a frame, or for so long where one is there; notes when the process ends. `false`: nothing can come.
    fn rest(&mut self, wait: Option<Duration>) -> bool {
        let end = match wait {
            Some(wait) => self.ended.recv_timeout(wait),
            None => {
                // The spool wakes us, and closes before the end is told.
                let open = self.tail.wait(REMIND);
                match self.ended.try_recv() {
                    Ok(()) => Ok(()),
                    Err(_) if open => Err(RecvTimeoutError::Timeout),
                    Err(_) => return false,
                }
            }
        };
        if !matches!(end, Err(RecvTimeoutError::Timeout)) {
            self.end();
        }
        true
    }

    /// The process ends.
    fn end(&mut self) {
        let wait = if self.stop.asked() { HURRY } else { LAST };
        self.ending.get_or_insert_with(|| Instant::now() + wait);
    }

    /// The time is over.
    fn leave(&self) {
        let (stored, applied) = (self.stats.stored.get(), self.stats.applied.get());
        say::warn(format_args!(
            "the history lacks the last {} events, which the spool has: the next start goes on with them",
            stored.saturating_sub(applied)
        ));
    }
}

/// What became of a damaged history.
pub(crate) fn tell(path: &std::path::Path, salvaged: &Salvaged) {
    let (path, kept) = (path.display(), salvaged.kept.display());
    let (what, rows) = (&salvaged.what, salvaged.rows);
    say::warn(format_args!(
        "{path}: {what}; it is kept as {kept}, and a new one has the {rows} rows that could be read"
    ));
    if !salvaged.broken.is_empty() {
        let tables = salvaged.broken.join(", ");
        say::warn(format_args!(
            "{kept}: could not be read to the end: {tables}"
        ));
    }
}
