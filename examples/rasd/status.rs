//! How the daemon is: what `rasd status` shows.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::privileges::Fences;
use crate::reads::Reads;
use crate::stats::Stats;

/// The version of [`Report`]'s form.
const VERSION: u32 = 1;

/// What does not change while the daemon runs, and the counters that do.
pub(crate) struct Told {
    pub(crate) state: PathBuf,
    pub(crate) sources: Vec<Reads>,
    pub(crate) fences: Option<Fences>,
    pub(crate) triggers: Option<Fences>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) started: (SystemTime, Instant),
}

/// The answer to `{"request":"status"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) status_version: u32,
    /// The daemon's version.
    pub(crate) rasd: String,
    pub(crate) pid: u32,
    /// Seconds since 1970.
    pub(crate) started: u64,
    /// In seconds.
    pub(crate) up: u64,
    /// The directory of spool and history.
    pub(crate) state: PathBuf,
    pub(crate) sources: Vec<Reads>,
    pub(crate) counts: Counts,
    /// What it gave up, if it did.
    pub(crate) fences: Option<Fences>,
    /// What the process that runs triggers gave up, if there is one and it did.
    #[serde(default)]
    pub(crate) triggers: Option<Fences>,
}

/// What was counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Machine checks.
    pub(crate) records: u64,
    /// Other events of the kernel.
    pub(crate) events: u64,
    /// Reports of errors that another channel had told of.
    pub(crate) duplicates: u64,
    /// Events that are lost, as far as anyone knows.
    pub(crate) lost: u64,
    /// The number of the last event on disk.
    pub(crate) stored: u64,
    /// The number of the last event in the history.
    pub(crate) applied: u64,
    /// Bytes of the spool.
    pub(crate) spool_bytes: u64,
    /// Writes to disk that had to be tried again.
    pub(crate) retries: u64,
    /// Times that a source could not be read.
    pub(crate) source_errors: u64,
    /// Times that the history could not be written.
    pub(crate) history_errors: u64,
}

impl Told {
    /// The report of this moment.
    pub(crate) fn report(&self) -> Report {
        let of = &self.stats;
        Report {
            status_version: VERSION,
            rasd: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            started: self
                .started
                .0
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            up: self.started.1.elapsed().as_secs(),
            state: self.state.clone(),
            sources: self.sources.clone(),
            counts: Counts {
                records: of.records.get(),
                events: of.generic.get(),
                duplicates: of.duplicates.get(),
                lost: of.lost.get(),
                stored: of.stored.get(),
                applied: of.applied.get(),
                spool_bytes: of.spool_bytes.get(),
                retries: of.retries.get(),
                source_errors: of.source_errors.get(),
                history_errors: of.history_errors.get(),
            },
            fences: self.fences.clone(),
            triggers: self.triggers.clone(),
        }
    }
}

impl Report {
    /// For a person.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let counts = &self.counts;
        // Writing into a string cannot fail.
        let _ = writeln!(
            out,
            "rasd {}, process {}, up {} s, state in {}",
            self.rasd,
            self.pid,
            self.up,
            self.state.display()
        );
        for one in &self.sources {
            let kind = if one.backlog { "backlog" } else { "live" };
            let _ = writeln!(
                out,
                "reads {} ({kind}): {}",
                one.source,
                one.guarantees.join(", ")
            );
            let _ = writeln!(
                out,
                "    when full it keeps {}; its losses: {}",
                one.keeps, one.loss
            );
        }
        let _ = writeln!(
            out,
            "machine checks {}, other events {}, told twice {}, lost {}",
            counts.records, counts.events, counts.duplicates, counts.lost
        );
        let _ = writeln!(
            out,
            "on disk up to event {}, in the history up to {} ({} bytes of spool)",
            counts.stored, counts.applied, counts.spool_bytes
        );
        for (what, count) in [
            ("writes that had to be tried again", counts.retries),
            ("times a source could not be read", counts.source_errors),
            (
                "times the history could not be written",
                counts.history_errors,
            ),
        ] {
            if count != 0 {
                let _ = writeln!(out, "{what}: {count}");
            }
        }
        match &self.fences {
            Some(fences) => fences.tell("rights", &mut out),
            None => out.push_str("rights: as started\n"),
        }
        if let Some(fences) = &self.triggers {
            fences.tell("rights of the process that runs triggers", &mut out);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use mcekit_source::{Caps, Channel, Guarantees, Keeps, LossKnown};

    use super::*;

    #[test]
    fn a_report_goes_through_json_and_is_read_by_people() {
        let stats = Arc::new(Stats::default());
        stats.records.add(3);
        stats.lost.add(2);
        stats.stored.set(5);
        let told = Told {
            state: "/var/lib/rasd".into(),
            sources: vec![Reads::new(
                Channel::Trace,
                "mce",
                false,
                Caps {
                    guarantees: Guarantees::FROM_BOOT
                        | Guarantees::MANY_READERS
                        | Guarantees::REGISTERS,
                    keeps: Keeps::Newest,
                    loss: LossKnown::Exact,
                },
            )],
            fences: None,
            triggers: None,
            stats,
            started: (SystemTime::now(), Instant::now()),
        };
        let report = told.report();
        let json = serde_json::to_string(&report).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Report>(&json).expect("a report"),
            report
        );
        let text = report.text();
        for line in [
            "reads trace:mce (live): from-boot, many-readers",
            "when full it keeps newest; its losses: exact",
            "machine checks 3, other events 0, told twice 0, lost 2",
            "on disk up to event 5, in the history up to 0",
            "rights: as started",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}
