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
use crate::feed::Feed;
use crate::gaps::{self, Boot, Followed};
use crate::marks::Mark;
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
/// For so long the sources are read at the end, until they are empty.
const LAST_LOOK: Duration = Duration::from_secs(3);

/// How the engine runs.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// End when nothing is there any more.
    pub(crate) once: bool,
    /// Look at everything after so long without a wake-up.
    pub(crate) safety_poll: Duration,
    /// This boot. Without it nothing is said of what went down with another.
    pub(crate) boot: Option<Boot>,
    /// When the last event that is on disk was received, seconds since 1970.
    pub(crate) last: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            once: false,
            safety_poll: SAFETY_POLL,
            boot: None,
            last: None,
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
    /// The marks that stand while this process runs, by the feeds they are of.
    marks: Vec<(usize, Mark)>,
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
            marks: Vec::new(),
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
        let cursor = self.spool.cursor(&feed.cursor_key());
        let sought = cursor.map(|cursor| feed.seek(cursor));
        // What was given of it through another source is not given again.
        let relative = feed.relative();
        if let Some(cursor) = relative.and_then(|key| self.spool.cursor(&key)) {
            feed.seek(cursor);
        }
        let outlives = feed.followed().outlives_reboot();
        let lost = match sought {
            Some(Some(Seek::Lapped(loss))) => Some((loss, "overwritten while nobody read".into())),
            // Of what outlives a reboot, the place may still be one of the boot before.
            Some(Some(Seek::NewEpoch)) if !outlives && self.was_followed(feed.name()) => {
                let why = "was made anew since: what it held and nobody had read is lost, if there was anything";
                Some((Loss::Unknown, format!("{} {why}", feed.name())))
            }
            _ => None,
        };
        if let Some((loss, why)) = lost {
            let channel = feed.channel();
            self.add(received_now(), Event::Lost(Lost { channel, loss, why }));
        }
        // Its place of now is on disk with the loss, which is told once; and a channel that is made anew shows by it. A ring that
        // outlived a reboot has no place before its events are read: they would count as given.
        let is_new = !matches!(sought, Some(Some(Seek::Resumed)));
        if is_new
            && !outlives
            && self.options.boot.is_some()
            && !feed.backlog
            && let Some(cursor) = feed.begin()
        {
            self.batch.cursor(&cursor);
        }
        self.wait.add_source(feed.as_fd(), self.feeds.len())?;
        self.feeds.push(feed);
        Ok(())
    }

    /// Whether a source was followed in this boot.
    fn was_followed(&self, name: &str) -> bool {
        let boot = self.options.boot.as_ref().map(|boot| &*boot.id);
        let mut marks = self.spool.unfinished().map(Mark::read);
        boot.is_some() && marks.any(|mark| mark.name() == name && mark.boot() == boot)
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
                    self.leave()?;
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
                        self.leave()?;
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
        self.report_gaps(received);
        if self.batch.is_empty() {
            self.mend();
        }
        Ok(())
    }

    /// What no source has, and the marks of what is followed from now on.
    fn report_gaps(&mut self, received: (u64, u32)) {
        let marks: Vec<Mark> = self.spool.unfinished().map(Mark::read).collect();
        let live: Vec<(usize, Followed)> = self
            .feeds
            .iter()
            .enumerate()
            .filter(|(_, feed)| !feed.backlog)
            .map(|(index, feed)| (index, feed.followed()))
            .collect();
        let followed: Vec<Followed> = live.iter().map(|(_, one)| one.clone()).collect();
        let boot = self.options.boot.as_ref();
        let found = gaps::find(&marks, &followed, boot, self.options.last);
        self.marks = live
            .iter()
            .filter_map(|(index, one)| Some((*index, one.mark(boot, received.0)?)))
            .collect();
        for note in &found.notes {
            say::note(format_args!("{note}"));
        }
        for lost in found.lost {
            say::warn(format_args!("{}", lost.why));
            self.add(received, Event::Lost(lost));
        }
        for mark in &found.gone {
            self.batch.taken(&mark.to_string());
        }
        for (_, mark) in &self.marks {
            self.batch.taking(&mark.to_string());
        }
    }

    /// The end, in order: what is live is read until it is empty, and then its mark says so. Where that does not succeed the
    /// mark stays.
    fn leave(&mut self) -> Result<(), Error> {
        let Some(boot) = self.options.boot.clone() else {
            return self.settle(Instant::now()).map(drop);
        };
        let until = Instant::now() + LAST_LOOK;
        for index in 0..self.feeds.len() {
            if self.feeds.get(index).is_none_or(|feed| feed.backlog) || !self.empty(index, until)? {
                continue;
            }
            let mark = self.marks.iter().find(|(of, _)| *of == index);
            let mark = mark
                .map(|(_, mark)| mark)
                .filter(|mark| mark.boot().is_some());
            if let (Some(feed), Some(mark)) = (self.feeds.get(index), mark) {
                self.batch.taken(&mark.to_string());
                if let Some(left) = feed.followed().left(&boot, received_now().0) {
                    self.batch.taking(&left.to_string());
                }
            }
        }
        self.settle(Instant::now()).map(drop)
    }

    /// Reads a source until there is nothing. Whether it came to that.
    fn empty(&mut self, index: usize, until: Instant) -> Result<bool, Error> {
        loop {
            let now = Instant::now();
            if now >= until || !self.settle(now)? {
                return Ok(false);
            }
            let Some(feed) = self.feeds.get_mut(index).filter(|feed| !feed.ended) else {
                return Ok(true);
            };
            feed.pending = true;
            let destroys = feed.destroys();
            self.drain(index, now)?;
            let failed = |feed: &Feed| feed.failed_until(now).is_some();
            if self.feeds.get(index).is_none_or(failed) {
                return Ok(false);
            }
            // What a channel gives only after a commit comes at another look. One that is marked while it is read has the
            // mark's end in the batch.
            let pending = self.feeds.get(index).is_some_and(|feed| feed.pending);
            let nothing = destroys && !pending && self.batch.entries().is_empty();
            if nothing || self.batch.is_empty() {
                return Ok(true);
            }
        }
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
