//! The main loop: sources, spool, consumers.
//!
//! Events are taken in batches: as many as are there, at most [`BATCH`]. A batch goes to disk in one write together with
//! the cursors behind it; then the consumers get its events, and the channels may forget them.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mcekit_source::{Channel, Event, Identity, Loss, Lost, Seek, Sighting, Sightings};
use mcekit_store::Batch;
use mcekit_store::spool::{Damage, Spool};

use crate::delivered::Consumer;
use crate::error::Error;
use crate::feed::{self, Feed};
use crate::say;
use crate::stats::Stats;
use crate::wait::{Asked, Wait, Woken};

/// The most events of a batch.
const BATCH: usize = 4096;
/// A batch of so many bytes goes to disk.
const BATCH_BYTES: usize = 1 << 20;
/// How long a batch that did not get to disk waits for the next try.
pub(crate) const RETRY: Duration = Duration::from_secs(1);
/// Wake-ups can get lost: after so long everything is looked at without one.
const SAFETY_POLL: Duration = Duration::from_secs(60);

/// How the engine runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// End when nothing is there any more.
    pub(crate) once: bool,
    /// Look at everything after so long without a wake-up.
    pub(crate) safety_poll: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            once: false,
            safety_poll: SAFETY_POLL,
        }
    }
}

/// Why the main loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Nothing more can come.
    Done,
    /// A signal asked for it.
    Asked,
}

pub(crate) struct Engine {
    options: Options,
    wait: Wait,
    feeds: Vec<Feed>,
    spool: Spool,
    batch: Batch,
    /// The batch is whole, and did not get to disk at the last try.
    stuck: Option<Instant>,
    /// What the spool had lost, until the loss is on disk.
    damage: Vec<Damage>,
    sightings: Sightings,
    consumers: Vec<Box<dyn Consumer>>,
    stats: Arc<Stats>,
    /// The live sources are read.
    live: bool,
}

impl Engine {
    pub(crate) fn new(
        options: Options,
        wait: Wait,
        spool: Spool,
        damage: Vec<Damage>,
        sightings: Sightings,
        stats: Arc<Stats>,
    ) -> Self {
        Self {
            options,
            wait,
            feeds: Vec::new(),
            spool,
            batch: Batch::new(),
            stuck: None,
            damage,
            sightings,
            consumers: Vec::new(),
            stats,
            live: false,
        }
    }

    /// Whoever gets the events.
    pub(crate) fn consumer(&mut self, consumer: Box<dyn Consumer>) -> Result<(), Error> {
        if let Some(fd) = consumer.descriptor() {
            self.wait.add_consumer(fd, self.consumers.len())?;
        }
        self.consumers.push(consumer);
        Ok(())
    }

    /// A source. It goes to where an earlier process had come.
    pub(crate) fn source(&mut self, mut feed: Feed) -> Result<(), Error> {
        for key in [Some(feed.cursor_key()), feed.relative()]
            .into_iter()
            .flatten()
        {
            if let Some(cursor) = self.spool.cursor(&key)
                && let Some(Seek::Lapped(loss)) = feed.seek(cursor)
            {
                let lost = Lost {
                    channel: feed.channel(),
                    loss,
                    why: "overwritten while nobody read".into(),
                };
                self.add(received_now(), Event::Lost(lost));
            }
        }
        self.wait.add_source(feed.as_fd(), self.feeds.len())?;
        self.feeds.push(feed);
        Ok(())
    }

    /// Runs until a signal, or until nothing can come any more.
    pub(crate) fn run(&mut self) -> Result<Ended, Error> {
        self.report_losses()?;
        let mut woken = Vec::new();
        // Without a wake-up everything is looked at now, and then after the safety poll's time.
        let mut looked: Option<Instant> = None;
        loop {
            let now = Instant::now();
            if looked.is_none_or(|at| now >= at + self.options.safety_poll) {
                looked = Some(now);
                self.feeds.iter_mut().for_each(|feed| feed.pending = true);
            }
            if self.stuck.is_none_or(|until| until <= now) && self.settle(now)? {
                self.look(now)?;
            }
            let mut limit = self.options.safety_poll;
            for consumer in &mut self.consumers {
                limit = limit.min(consumer.tick(now).unwrap_or(limit));
            }
            let busy =
                self.stuck.is_none() && self.feeds.iter().any(|feed| feed.due(now, self.live));
            if self.stuck.is_none() && !busy {
                if !self.live {
                    // What is over has come; now for what happens.
                    self.live = true;
                    self.consumers.iter_mut().for_each(|one| one.live());
                    looked = None;
                    continue;
                }
                let failing = self
                    .feeds
                    .iter()
                    .any(|feed| feed.failed_until(now).is_some());
                if self.feeds.iter().all(|feed| feed.ended) || self.options.once && !failing {
                    return Ok(Ended::Done);
                }
            }
            let dues = self.feeds.iter().filter_map(|feed| feed.failed_until(now));
            let looks = looked.map(|at| at + self.options.safety_poll);
            for due in dues.chain(self.stuck).chain(looks) {
                limit = limit.min(due.saturating_duration_since(now));
            }
            let limit = if busy {
                Duration::ZERO
            } else {
                // A timer of zero would never expire.
                limit.max(Duration::from_millis(1))
            };
            self.listen(now)?;
            self.wait.wait(limit, &mut woken)?;
            for &what in &woken {
                match what {
                    Woken::Source(index) => {
                        if let Some(feed) = self.feeds.get_mut(index) {
                            feed.pending = true;
                        }
                    }
                    Woken::Consumer(index) => {
                        if let Some(consumer) = self.consumers.get_mut(index) {
                            consumer.ready();
                        }
                    }
                    Woken::Signals if self.signals() => {
                        self.settle(Instant::now())?;
                        return Ok(Ended::Asked);
                    }
                    Woken::Signals | Woken::Timer => {}
                }
            }
        }
    }

    /// Waits for those sources that can be read now and are not to be read anyway: what is not taken keeps its
    /// descriptor readable.
    fn listen(&mut self, now: Instant) -> Result<(), Error> {
        for (index, feed) in self.feeds.iter_mut().enumerate() {
            let listen = self.stuck.is_none()
                && (self.live || feed.backlog)
                && !feed.pending
                && !feed.ended
                && feed.failed_until(now).is_none();
            if feed.listening != listen {
                self.wait.listen(feed.as_fd(), index, listen)?;
                feed.listening = listen;
            }
        }
        Ok(())
    }

    /// Does what signals ask for. Returns whether to stop.
    fn signals(&mut self) -> bool {
        while let Some(asked) = self.wait.asked() {
            match asked {
                Asked::Stop => return true,
                Asked::Reopen => self.consumers.iter_mut().for_each(|one| one.reopen()),
            }
        }
        false
    }

    /// What an earlier process could not keep: in the stream, at its place.
    fn report_losses(&mut self) -> Result<(), Error> {
        let received = received_now();
        let damage = std::mem::take(&mut self.damage);
        for one in &damage {
            let (path, at, bytes) = (one.path.display(), one.at, one.bytes);
            if one.torn {
                say::note(format_args!(
                    "{path}: the last write was cut short; its {bytes} bytes from {at} on are cut off"
                ));
                continue;
            }
            let why = format!("{path}: {bytes} bytes from {at} on are damaged");
            say::warn(format_args!("{why}; events lost by it: {}", one.lost));
            if one.lost != Loss::Exact(0) {
                let lost = Lost {
                    channel: Channel::Spool,
                    loss: one.lost,
                    why,
                };
                self.add(received, Event::Lost(lost));
            }
        }
        self.damage = damage;
        let unfinished: Vec<String> = self.spool.unfinished().map(str::to_owned).collect();
        for marker in unfinished {
            let lost = feed::lost_by(&marker);
            say::warn(format_args!("{}; perhaps something is lost", lost.why));
            self.add(received, Event::Lost(lost));
            self.batch.taken(&marker);
        }
        for marker in self.feeds.iter().filter_map(Feed::watch) {
            self.batch.taking(&marker);
        }
        if self.batch.is_empty() {
            self.mend();
        }
        Ok(())
    }

    /// Keeps damaged files aside. Their loss is on disk by now.
    fn mend(&mut self) {
        if self.damage.is_empty() {
            return;
        }
        if let Err(error) = self.spool.mend(&mut self.damage) {
            say::warn(format_args!(
                "{error}; the spool stays as it is until the next start"
            ));
        }
        for one in self.damage.drain(..) {
            if let Some(kept) = one.kept {
                let path = one.path.display();
                say::note(format_args!("{path}: as it was: {}", kept.display()));
            }
        }
    }

    /// Takes what the sources have, one batch of each.
    fn look(&mut self, now: Instant) -> Result<(), Error> {
        for index in 0..self.feeds.len() {
            let due = self
                .feeds
                .get(index)
                .is_some_and(|feed| feed.due(now, self.live));
            if due {
                self.drain(index, now)?;
                if !self.settle(now)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes from one source until there is nothing, or the batch is full.
    fn drain(&mut self, index: usize, now: Instant) -> Result<(), Error> {
        let Some(feed) = self.feeds.get_mut(index) else {
            return Ok(());
        };
        let marker = feed.destroys().then(|| feed.name().to_owned());
        if let Some(name) = &marker {
            // What is not read is not lost, and needs no word about it.
            if !feed.readable() {
                feed.pending = false;
                return Ok(());
            }
            self.batch.taking(name);
            if !self.settle(now)? {
                return Ok(());
            }
        }
        let received = received_now();
        while self.batch.entries().len() < BATCH && self.batch.len() < BATCH_BYTES {
            let Some(feed) = self.feeds.get_mut(index) else {
                break;
            };
            match feed.take(now) {
                Ok(Some(event)) => self.add(received, event),
                Ok(None) => break,
                Err(()) => {
                    self.stats.source_errors.add(1);
                    break;
                }
            }
        }
        if let Some(name) = &marker {
            self.batch.taken(name);
        }
        if let Some(feed) = self.feeds.get_mut(index) {
            if let Some(cursor) = feed.place() {
                self.batch.cursor(&cursor);
            }
            if feed.ended {
                self.wait.remove(feed.as_fd());
            }
        }
        Ok(())
    }

    /// An event is there. What another channel had told of is noted, and is no new event.
    fn add(&mut self, received: (u64, u32), event: Event) {
        let Event::Record(observed) = &event else {
            match &event {
                Event::Lost(lost) => self.stats.lost.add(match lost.loss {
                    Loss::Exact(n) | Loss::AtLeast(n) => n,
                    Loss::Unknown => 1,
                }),
                _ => self.stats.generic.add(1),
            }
            self.batch.event(received, None, 0, event);
            return;
        };
        let identity = Identity::of(&observed.record);
        match self.sightings.see(identity, observed.channel) {
            Sighting::New(number) => {
                self.stats.records.add(1);
                self.batch.event(received, Some(identity), number, event);
            }
            Sighting::Known(number) => {
                self.stats.duplicates.add(1);
                self.batch
                    .again(received, identity, observed.channel, number);
            }
        }
    }

    /// Puts the batch on disk, hands its events out, and lets the channels forget them. Returns whether it is done: a
    /// batch that does not get to disk stays, nothing more is taken meanwhile, and it is tried again.
    fn settle(&mut self, now: Instant) -> Result<bool, Error> {
        if self.batch.is_empty() {
            return Ok(true);
        }
        if let Err(error) = self.spool.append(&mut self.batch) {
            self.stats.retries.add(1);
            if self.stuck.replace(now + RETRY).is_none() {
                let waiting = self.batch.entries().len();
                say::warn(format_args!(
                    "{error}; {waiting} events wait for it, and no more are taken from any source until then"
                ));
            }
            return Ok(false);
        }
        if self.stuck.take().is_some() {
            say::note(format_args!(
                "the spool can be written again; nothing was lost here"
            ));
            self.feeds.iter_mut().for_each(|feed| feed.pending = true);
        }
        self.stats.batches.add(1);
        self.stats.spool_bytes.set(self.spool.bytes());
        self.stats
            .stored
            .set(self.spool.next_entry().saturating_sub(1));
        for consumer in &mut self.consumers {
            for delivered in self.batch.entries() {
                consumer.deliver(delivered);
            }
            consumer.flush();
        }
        self.batch.clear();
        self.feeds.iter_mut().for_each(Feed::commit);
        self.mend();
        Ok(true)
    }
}

/// Seconds since 1970, and nanoseconds.
fn received_now() -> (u64, u32) {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or((0, 0), |since| (since.as_secs(), since.subsec_nanos()))
}
