//! What is done with an error that is safe on disk: it is told, counted, held against the thresholds, and acted on.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mcekit_source::Event;
use mcekit_store::Delivered;

use crate::config::kind::PartKind;
use crate::config::{Config, Offline, PageOffline, Thresholds};
use crate::delivered::Consumer;
use crate::error::Error;
use crate::explain::cpu::Tables;
use crate::facts::Facts;
use crate::metrics::Metrics;
use crate::metrics::serve::Server;
use crate::metrics::text::{Kind, Text};
use crate::names::Names;
use crate::notes::{Notes, Priority};
use crate::out::{Board, Outputs};
use crate::policy::crossing::{Crossing, Part};
use crate::policy::{Policy, affected};
use crate::privileges::Fences;
use crate::runner::{Done, Job, Runner};
use crate::settings::Purpose;
use crate::stats::Stats;
use crate::stop::{Deadline, Stop};

/// How long the end of the daemon waits for triggers, and for slow outputs where nobody asked it to end.
const FAREWELL: Duration = Duration::from_secs(3);

/// How long it waits for slow outputs where a signal asked it to end; for those that take nothing, less.
const HURRY: Duration = Duration::from_secs(1);

/// What is started before rights are given up, because it keeps some: triggers run as mcelog's do, and sysfs takes pages
/// out of use for root only.
#[derive(Debug)]
pub(crate) struct Privileged {
    board: Board,
    runner: Option<Runner>,
}

impl Privileged {
    /// Starts the process that runs triggers and takes pages out of use, if the configuration has any of it.
    ///
    /// # Errors
    ///
    /// Those of starting a process.
    pub(crate) fn start(config: &Config) -> Result<Self, Error> {
        let board = Board::default();
        let wanted = config.has_triggers() || config.page_offline.mode == PageOffline::Soft;
        let runner = wanted.then(|| Runner::start(config, board.notes()));
        let runner = runner.transpose();
        let runner = runner.map_err(failed("starting the process that runs triggers"))?;
        Ok(Self { board, runner })
    }

    /// With a thread in the place of the process.
    #[cfg(test)]
    fn in_thread(config: &Config) -> Self {
        let board = Board::default();
        let runner = Some(Runner::in_thread(config, board.notes()));
        Self { board, runner }
    }

    /// What that process gave up itself, where there is one and it did.
    pub(crate) fn fences(&self) -> Option<&Fences> {
        self.runner.as_ref()?.fences()
    }
}

/// Outputs, policy and metrics.
#[derive(Debug)]
pub(crate) struct Monitor {
    tables: Tables,
    names: Names,
    policy: Policy,
    thresholds: Thresholds,
    offline: Offline,
    runner: Option<Runner>,
    /// There until the end.
    outputs: Option<Outputs>,
    metrics: Arc<Metrics>,
    server: Option<Server>,
    notes: Notes,
    /// Wait as long as it takes at the end, unless the end is asked for.
    patient: bool,
    stop: Stop,
    /// How long a trigger can take.
    trigger_time: Duration,
}

fn failed(call: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::System { call, source }
}

impl Monitor {
    /// Opens the outputs and the port of the metrics.
    ///
    /// # Errors
    ///
    /// Those of descriptors and threads, and of a port that cannot be had.
    pub(crate) fn start(
        config: &Config,
        privileged: Privileged,
        stats: &Arc<Stats>,
        purpose: Purpose,
        stop: &Stop,
    ) -> Result<Self, Error> {
        let Privileged { board, runner } = privileged;
        let notes = board.notes();
        let outputs = Outputs::start(&config.output, board, purpose, stop, Instant::now())
            .map_err(failed("starting the outputs"))?;
        let metrics = Metrics::new(config.metrics.places.get());
        let server = Server::start(&config.metrics, Arc::clone(&metrics), notes.clone())
            .map_err(failed("listening for requests of metrics"))?;
        if let Some(address) = server.as_ref().and_then(Server::address) {
            notes.say(Priority::Info, format!("metrics: http://{address}/metrics"));
        }
        let policy = Policy::new(&config.thresholds);
        {
            let (stats, standings) = (Arc::clone(stats), outputs.standings());
            metrics.collect(move |text| {
                write_stats(&stats, text);
                standings.write(text);
            });
            let sizes = policy.sizes();
            metrics.collect(move |text| sizes.write(text));
            if let Some(runner) = &runner {
                let done = runner.done();
                metrics.collect(move |text| write_done(&done, text));
            }
        }
        let trigger_time = config.triggers.timeout.get() + config.triggers.grace.get();
        Ok(Self {
            tables: Tables::new(None),
            names: Names::new(&config.labels, &config.page_offline.sysfs),
            policy,
            thresholds: config.thresholds.clone(),
            offline: config.page_offline.clone(),
            runner,
            outputs: Some(outputs),
            metrics,
            server,
            notes,
            patient: purpose == Purpose::Replay,
            stop: stop.clone(),
            trigger_time,
        })
    }

    /// How far back the thresholds look: errors of the history since then are to be [restored](Self::restore).
    pub(crate) fn horizon(&self) -> Duration {
        self.thresholds
            .all()
            .flat_map(|threshold| [threshold.corrected, threshold.uncorrected])
            .flatten()
            .map(|rate| rate.per.get())
            .max()
            .unwrap_or_default()
    }

    /// An error of the history, the oldest first: it counts for the thresholds, and nothing is told of it again.
    pub(crate) fn restore(&mut self, event: &Event, received: (u64, u32)) {
        if let Some(facts) = facts(event, &mut self.tables) {
            let past = (facts, milliseconds(received));
            self.policy.restore([past]);
        }
    }

    fn deliver_at(&mut self, what: &Delivered, now: Instant) {
        let facts = facts(&what.event, &mut self.tables);
        let name = facts.as_ref().and_then(|facts| {
            let found = match &facts.edac {
                Some(place) => self.names.by_event(place),
                None => self.names.find(facts.slot.as_ref(), facts.address),
            };
            found.map(|name| name.to_string()).or(facts.label.clone())
        });
        if let Some(outputs) = &mut self.outputs {
            outputs.tell(what, facts.as_ref(), name.as_deref(), now);
        }
        self.metrics
            .count(&what.event, facts.as_ref(), what.received.0);
        if let Some(server) = &mut self.server {
            server.changed();
        }
        let Some(facts) = facts else { return };
        for crossing in self.policy.count(&facts, milliseconds(what.received)) {
            self.crossed(&crossing, &facts);
        }
    }

    /// A part has too many errors.
    fn crossed(&mut self, crossing: &Crossing, facts: &Facts) {
        self.metrics.crossed(crossing);
        let slot = crossing.part.slot();
        // Of a socket or a cache an address names nothing.
        let kind = crossing.part.kind();
        let address = facts
            .address
            .filter(|_| slot.is_some() || kind == PartKind::Page);
        let name = match (&crossing.part, &facts.edac) {
            (Part::Label(_), Some(place)) => self.names.by_event(place),
            (Part::Label(_), None) => None,
            _ => self.names.find(slot.as_ref(), address),
        };
        let name = name.as_ref();
        let priority = if crossing.uncorrected {
            Priority::Error
        } else {
            Priority::Warning
        };
        self.notes.say(priority, crossing.message(name));
        if let Some(runner) = &mut self.runner
            && self.thresholds.of(kind).trigger.is_some()
        {
            let cpus = match &crossing.part {
                Part::Cache(cache, _) => affected::cpus(&self.offline.sysfs, cache),
                _ => None,
            };
            runner.give(Job::Run {
                trigger: kind,
                environment: crossing.environment(name, cpus),
                part: crossing.part.to_string(),
            });
        }
        if let Part::Page(page, _) = crossing.part
            && !crossing.uncorrected
        {
            self.offline(page);
        }
    }

    /// A page that is to be taken out of use.
    fn offline(&mut self, page: u64) {
        match (self.offline.mode, &mut self.runner) {
            (PageOffline::Soft, Some(runner)) => runner.give(Job::Offline { page }),
            (PageOffline::DryRun, _) => {
                let file = self.offline.file();
                let what = format!(
                    "dry run: the page at {page:#x} would be taken out of use ({})",
                    file.display()
                );
                self.notes.say(Priority::Notice, what);
            }
            (PageOffline::Soft | PageOffline::Off, _) => {}
        }
    }
}

impl Consumer for Monitor {
    fn deliver(&mut self, what: &Delivered) {
        self.deliver_at(what, Instant::now());
    }

    fn tick(&mut self, now: Instant) -> Option<Duration> {
        self.metrics.turn();
        let outputs = self.outputs.as_mut().and_then(|outputs| outputs.tick(now));
        let server = self.server.as_mut().and_then(|server| server.tick(now));
        let runner = self.runner.as_mut().and_then(Runner::tick);
        outputs.into_iter().chain(server).chain(runner).min()
    }

    /// That of the triggers' process.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.runner.as_ref().map(Runner::descriptor)
    }

    fn ready(&mut self) {
        if let Some(runner) = &mut self.runner {
            runner.look();
        }
    }

    fn reopen(&mut self) {
        if let Some(outputs) = &self.outputs {
            outputs.reopen();
        }
    }
}

impl Drop for Monitor {
    /// Triggers first, because they are told of; then the outputs.
    fn drop(&mut self) {
        let until = |longest: Option<Duration>, soon| {
            let longest = match self.patient {
                true => longest,
                false => Some(FAREWELL),
            };
            Deadline::patient(longest, &self.stop, soon)
        };
        if let Some(mut runner) = self.runner.take() {
            let longest = self.trigger_time + FAREWELL;
            runner.finish(until(Some(longest), FAREWELL));
        }
        drop(self.server.take());
        if let Some(outputs) = self.outputs.take() {
            outputs.finish(until(None, HURRY), &self.stop);
        }
    }
}

fn facts(event: &Event, tables: &mut Tables) -> Option<Facts> {
    match event {
        Event::Record(observed) => Some(Facts::of(&observed.record, tables)),
        Event::Generic(event) => Facts::of_generic(event),
        _ => None,
    }
}

/// Milliseconds since 1970.
const fn milliseconds((seconds, nanoseconds): (u64, u32)) -> u64 {
    seconds
        .saturating_mul(1000)
        .saturating_add(nanoseconds as u64 / 1_000_000)
}

fn write_stats(stats: &Stats, text: &mut Text) {
    let (stored, applied) = (stats.stored.get(), stats.applied.get());
    for (name, kind, help, value) in [
        (
            "mcekit_duplicates_total",
            Kind::Counter,
            "Reports of errors that another channel had told of.",
            stats.duplicates.get(),
        ),
        (
            "mcekit_spool_batches_total",
            Kind::Counter,
            "Batches that went to disk.",
            stats.batches.get(),
        ),
        (
            "mcekit_spool_retries_total",
            Kind::Counter,
            "Batches that did not get to disk at a try.",
            stats.retries.get(),
        ),
        (
            "mcekit_spool_bytes",
            Kind::Gauge,
            "Bytes of the spool.",
            stats.spool_bytes.get(),
        ),
        (
            "mcekit_spool_lag_events",
            Kind::Gauge,
            "Events that are on disk and not in the history yet.",
            stored.saturating_sub(applied),
        ),
        (
            "mcekit_events_stored",
            Kind::Gauge,
            "The number of the last event that is on disk.",
            stored,
        ),
        (
            "mcekit_source_errors_total",
            Kind::Counter,
            "Times that a source could not be read.",
            stats.source_errors.get(),
        ),
        (
            "mcekit_history_errors_total",
            Kind::Counter,
            "Times that the history could not be written.",
            stats.history_errors.get(),
        ),
    ] {
        text.single(name, kind, help, value);
    }
}

fn write_done(done: &Done, text: &mut Text) {
    let name = "mcekit_trigger_runs_total";
    text.metric(name, Kind::Counter, "Triggers, by what became of them.");
    for (result, count) in [
        ("succeeded", &done.succeeded),
        ("failed", &done.failed),
        ("timed_out", &done.timed_out),
        ("not_started", &done.not_started),
        ("refused", &done.refused),
    ] {
        text.value(name, &[("result", &result)], count.load(Ordering::Relaxed));
    }
    let name = "mcekit_pages_offlined_total";
    text.metric(
        name,
        Kind::Counter,
        "Pages taken out of use, by what became of it.",
    );
    for (result, count) in [
        ("succeeded", &done.pages_offline),
        ("failed", &done.pages_failed),
    ] {
        text.value(name, &[("result", &result)], count.load(Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests;
