//! Counters for Prometheus: a text file for node_exporter's textfile collector, and a small HTTP server.

pub(crate) mod serve;
pub(crate) mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcekit::Severity;
use mcekit_source::{Channel, Event, Loss};

use crate::facts::{Facts, Slot, Weight};
use crate::policy::crossing::Crossing;

use text::{Kind, Text};

/// Which series an error counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    severity: Severity,
    class: &'static str,
    place: Where,
}

/// The place in a series' labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Where {
    /// As far as the registers name it.
    Slot(Slot),
    /// The number of places is bounded; this is the rest.
    Other,
}

/// What is counted here.
#[derive(Debug, Default)]
struct Counted {
    errors: BTreeMap<Series, u64>,
    records: BTreeMap<Severity, u64>,
    last: BTreeMap<Severity, u64>,
    events: BTreeMap<String, u64>,
    lost: BTreeMap<&'static str, (u64, u64)>,
    crossings: BTreeMap<(&'static str, bool), u64>,
    turns: u64,
}

/// Writes what somebody else counts.
type Collector = Box<dyn Fn(&mut Text) + Send + Sync>;

/// Everything that is counted, for any thread.
pub(crate) struct Metrics {
    counted: Mutex<Counted>,
    collectors: Mutex<Vec<Collector>>,
    places: usize,
}

/// Names of events that are counted apart; a kernel has fewer.
const EVENTS: usize = 64;

impl Metrics {
    /// Counts errors of at most so many places apart.
    pub(crate) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            counted: Mutex::default(),
            collectors: Mutex::default(),
            places,
        })
    }

    /// Has the numbers of another part of the daemon written too.
    pub(crate) fn collect(&self, collector: impl Fn(&mut Text) + Send + Sync + 'static) {
        self.collectors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(collector));
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        // Nothing that is done under the lock leaves it half done.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an event. `now`: seconds since 1970.
    pub(crate) fn count(&self, event: &Event, facts: Option<&Facts>, now: u64) {
        let mut counted = self.lock();
        match event {
            Event::Generic(event) => {
                let name = match &event.name {
                    name if counted.events.contains_key(name) => name.clone(),
                    name if counted.events.len() < EVENTS => name.clone(),
                    _ => "other".into(),
                };
                *counted.events.entry(name).or_default() += 1;
            }
            Event::Lost(lost) => counted.lose(lost.channel, lost.loss),
            _ => {}
        }
        let Some(facts) = facts else { return };
        let errors = match facts.weight {
            Weight::Nothing => return,
            Weight::Corrected(n) => n,
            Weight::Uncorrected => 1,
        };
        *counted.records.entry(facts.severity).or_default() += 1;
        counted.last.insert(facts.severity, now);
        let slot = facts.slot.unwrap_or(Slot {
            socket: facts.socket,
            ..Slot::default()
        });
        let mut series = Series {
            severity: facts.severity,
            class: facts.class,
            place: Where::Slot(slot),
        };
        if counted.errors.len() >= self.places && !counted.errors.contains_key(&series) {
            series.place = Where::Other;
        }
        let count = counted.errors.entry(series).or_default();
        *count = count.saturating_add(errors);
    }

    /// Counts a threshold that was crossed.
    pub(crate) fn crossed(&self, crossing: &Crossing) {
        let key = (crossing.part.kind().name(), crossing.uncorrected);
        *self.lock().crossings.entry(key).or_default() += 1;
    }

    /// Counts a turn of the main loop.
    pub(crate) fn turn(&self) {
        self.lock().turns += 1;
    }

    /// Everything, as text.
    pub(crate) fn text(&self) -> String {
        let mut text = Text::default();
        self.lock().write(&mut text);
        let collectors = self
            .collectors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        collectors.iter().for_each(|collect| collect(&mut text));
        text.finish()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("counted", &self.counted)
            .finish_non_exhaustive()
    }
}

impl Counted {
    fn lose(&mut self, channel: Channel, loss: Loss) {
        let (known, unknown) = self.lost.entry(channel.name()).or_default();
        match loss {
            Loss::Exact(n) => *known += n,
            Loss::AtLeast(n) => {
                *known += n;
                *unknown += 1;
            }
            Loss::Unknown => *unknown += 1,
        }
    }

    fn write(&self, text: &mut Text) {
        let counter = Kind::Counter;
        text.metric(
            "mcekit_errors_total",
            counter,
            "Errors; a record of many corrected errors counts as many.",
        );
        for (series, &n) in &self.errors {
            let label = |value: Option<u32>| match (series.place, value) {
                (Where::Other, _) => "other".to_owned(),
                (_, Some(n)) => n.to_string(),
                (_, None) => String::new(),
            };
            let slot = match series.place {
                Where::Slot(slot) => slot,
                Where::Other => Slot::default(),
            };
            text.value(
                "mcekit_errors_total",
                &[
                    ("severity", &series.severity.id()),
                    ("class", &series.class),
                    ("socket", &label(slot.socket)),
                    ("imc", &label(slot.imc)),
                    ("channel", &label(slot.channel)),
                    ("dimm", &label(slot.dimm)),
                ],
                n,
            );
        }
        text.metric("mcekit_records_total", counter, "Records of errors.");
        for (severity, &n) in &self.records {
            text.value("mcekit_records_total", &[("severity", &severity.id())], n);
        }
        text.metric(
            "mcekit_last_error_timestamp_seconds",
            Kind::Gauge,
            "When the last error was received, in seconds since 1970.",
        );
        for (severity, &at) in &self.last {
            text.value(
                "mcekit_last_error_timestamp_seconds",
                &[("severity", &severity.id())],
                at,
            );
        }
        text.metric(
            "mcekit_other_events_total",
            counter,
            "Events of the kernel that are no machine checks.",
        );
        for (event, &n) in &self.events {
            text.value("mcekit_other_events_total", &[("event", event)], n);
        }
        text.metric(
            "mcekit_lost_total",
            counter,
            "Events that are known to be lost, by the channel that lost them.",
        );
        for (channel, &(known, _)) in &self.lost {
            text.value("mcekit_lost_total", &[("channel", channel)], known);
        }
        text.metric(
            "mcekit_losses_unknown_total",
            counter,
            "Losses of which nobody can say the number.",
        );
        for (channel, &(_, unknown)) in &self.lost {
            text.value(
                "mcekit_losses_unknown_total",
                &[("channel", channel)],
                unknown,
            );
        }
        text.metric(
            "mcekit_threshold_crossings_total",
            counter,
            "Thresholds that were crossed.",
        );
        for (&(kind, uncorrected), &n) in &self.crossings {
            let errors = if uncorrected {
                "uncorrected"
            } else {
                "corrected"
            };
            text.value(
                "mcekit_threshold_crossings_total",
                &[("kind", &kind), ("errors", &errors)],
                n,
            );
        }
        text.single(
            "mcekit_wakeups_total",
            counter,
            "Turns of the main loop.",
            self.turns,
        );
    }
}

#[cfg(test)]
mod tests {
    use mcekit::{Record, Status, Vendor};
    use mcekit_source::{Lost, Observed};

    use super::*;
    use crate::explain::cpu::Tables;

    fn event(socket: u32) -> (Event, Facts) {
        let record = Record::new(7, Status(0x8c00_0940_0000_0091))
            .with_vendor(Vendor::INTEL)
            .with_socket(socket);
        let facts = Facts::of(&record, &mut Tables::new(None));
        let channel = Channel::Trace;
        let observed = Observed {
            record,
            channel,
            earlier_boot: false,
        };
        (Event::Record(observed), facts)
    }

    #[test]
    fn errors_count_by_what_they_are_and_where() {
        let metrics = Metrics::new(10);
        let (event, facts) = event(1);
        metrics.count(&event, Some(&facts), 1_795_349_361);
        metrics.count(&event, Some(&facts), 1_795_349_362);
        let lost = |loss| {
            Event::Lost(Lost {
                channel: Channel::Perf,
                loss,
                why: String::new(),
            })
        };
        metrics.count(&lost(Loss::Exact(7)), None, 0);
        metrics.count(&lost(Loss::AtLeast(2)), None, 0);
        metrics.collect(|text| {
            text.single("mcekit_x", Kind::Gauge, "X.", 5);
            text.value("mcekit_x", &[("a", &"\"\\\n")], 6);
        });
        let text = metrics.text();
        for line in [
            "# TYPE mcekit_errors_total counter",
            "mcekit_errors_total{severity=\"corrected\",class=\"memory-controller\",socket=\"1\",imc=\"\",channel=\"1\",dimm=\"\"} 74",
            "mcekit_records_total{severity=\"corrected\"} 2",
            "mcekit_last_error_timestamp_seconds{severity=\"corrected\"} 1795349362",
            "mcekit_lost_total{channel=\"perf\"} 9",
            "mcekit_losses_unknown_total{channel=\"perf\"} 1",
            "mcekit_x 5",
            "mcekit_x{a=\"\\\"\\\\\\n\"} 6",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn places_without_end_are_not_series_without_end() {
        let metrics = Metrics::new(10);
        for socket in 0..1000 {
            let (event, facts) = event(socket);
            metrics.count(&event, Some(&facts), 0);
        }
        let text = metrics.text();
        let series = text
            .lines()
            .filter(|line| line.starts_with("mcekit_errors_total{"));
        assert_eq!(series.count(), 11);
        assert!(
            text.contains("socket=\"other\",imc=\"other\",channel=\"other\",dimm=\"other\"} 36630")
        );
    }
}
