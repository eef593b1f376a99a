//! A source, and what the engine knows of it.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use mcekit_source::{Channel, Cursor, Event, Guarantees, Seek, Source};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::gaps::Followed;
use crate::reads::Reads;
use crate::say;

/// How long a source that could not be read is left alone, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// One source in the engine.
pub(crate) struct Feed {
    source: Box<dyn Source>,
    /// `channel:name`, in messages and markers; the same in every process.
    name: String,
    /// It only has what is over: it is drained before anything live is read.
    pub(crate) backlog: bool,
    /// It may have something: a wake-up, or more than a batch.
    pub(crate) pending: bool,
    /// The main loop waits for its descriptor.
    pub(crate) listening: bool,
    /// It was found as an earlier process left it.
    resumed: bool,
    /// What was taken of it is in the batch, or behind the last commit.
    taken: bool,
    /// On disk, and not yet told to the channel.
    uncommitted: Option<Cursor>,
    /// It cannot be read, and is asked again after this.
    failed: Option<(Instant, Duration)>,
    /// Nothing more can come.
    pub(crate) ended: bool,
}

impl Feed {
    pub(crate) fn new(source: Box<dyn Source>, backlog: bool) -> Self {
        let name = format!("{}:{}", source.channel(), source.name());
        Self {
            source,
            name,
            backlog,
            pending: true,
            listening: true,
            resumed: false,
            taken: false,
            uncommitted: None,
            failed: None,
            ended: false,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What `rasd status` tells of it.
    pub(crate) fn reads(&self) -> Reads {
        let source = &self.source;
        Reads::new(source.channel(), source.name(), self.backlog, source.caps())
    }

    pub(crate) fn channel(&self) -> Channel {
        self.source.channel()
    }

    /// Whether a crash between reading and writing down loses what was read, and nothing else does.
    pub(crate) fn destroys(&self) -> bool {
        let destroys = self.source.caps().has(Guarantees::READING_DESTROYS);
        destroys && !self.followed().ends_with_reader()
    }

    /// What the marks are about.
    pub(crate) fn followed(&self) -> Followed {
        Followed {
            name: self.name.clone(),
            channel: self.channel(),
            caps: self.source.caps(),
            resumed: self.resumed,
        }
    }

    /// Whether there is something to take; where nobody can say, there may be.
    pub(crate) fn readable(&self) -> bool {
        let mut fds = [PollFd::new(self.source.as_fd(), PollFlags::POLLIN)];
        !matches!(poll(&mut fds, PollTimeout::ZERO), Ok(0))
    }

    /// Whose its cursors are.
    pub(crate) fn cursor_key(&self) -> String {
        Cursor::new(&self.name, "", "").source().to_owned()
    }

    /// Whose cursors tell what was given of it, too.
    pub(crate) fn relative(&self) -> Option<String> {
        self.source.relative()
    }

    /// Goes to where an earlier process had come.
    pub(crate) fn seek(&mut self, cursor: &Cursor) -> Option<Seek> {
        match self.source.seek(cursor) {
            Ok(seek) => {
                self.resumed |= seek == Seek::Resumed;
                // What is safe since then, a process that was killed may not have told the channel.
                if seek != Seek::NewEpoch {
                    self.uncommitted = Some(cursor.clone());
                    self.commit();
                }
                Some(seek)
            }
            Err(error) => {
                say::warn(format_args!("{}: {error}; reading all of it", self.name));
                None
            }
        }
    }

    /// Whether to read it now; what is live only where that is wanted.
    pub(crate) fn due(&self, now: Instant, live: bool) -> bool {
        self.pending && !self.ended && (live || self.backlog) && self.failed_until(now).is_none()
    }

    /// When it can be asked again, if not now.
    pub(crate) fn failed_until(&self, now: Instant) -> Option<Instant> {
        self.failed
            .map(|(until, _)| until)
            .filter(|&until| until > now)
    }

    /// The next event. An error is told, and the source left alone for a while.
    pub(crate) fn take(&mut self, now: Instant) -> Result<Option<Event>, ()> {
        if self.ended || self.failed_until(now).is_some() {
            return Ok(None);
        }
        match self.source.next() {
            Ok(Some(event)) => {
                self.failed = None;
                self.taken = true;
                Ok(Some(event))
            }
            Ok(None) => {
                self.failed = None;
                self.pending = false;
                self.ended = self.source.ended();
                Ok(None)
            }
            Err(error) => {
                let wait = self
                    .failed
                    .map_or(BACKOFF.0, |(_, wait)| (wait * 2).min(BACKOFF.1));
                say::warn(format_args!(
                    "{}: {error}; trying again in {} s",
                    self.name,
                    wait.as_secs_f32()
                ));
                self.failed = Some((now + wait, wait));
                Err(())
            }
        }
    }

    /// Where it begins, after a seek.
    pub(crate) fn begin(&self) -> Option<Cursor> {
        self.source.cursor()
    }

    /// Where it is, if anything was taken since the last time.
    pub(crate) fn place(&mut self) -> Option<Cursor> {
        if !std::mem::take(&mut self.taken) {
            return None;
        }
        let cursor = self.source.cursor()?;
        self.uncommitted = Some(cursor.clone());
        Some(cursor)
    }

    /// Everything that was placed is on disk: the channel may forget it.
    pub(crate) fn commit(&mut self) {
        let Some(cursor) = &self.uncommitted else {
            return;
        };
        match self.source.commit(cursor) {
            Ok(()) => self.uncommitted = None,
            // It is called again after the next batch; until then the channel only keeps more than it needs to.
            Err(error) => say::warn(format_args!("{}: cannot let go: {error}", self.name)),
        }
    }
}

impl AsFd for Feed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}
