//! Where errors are told: standard output, the journal or syslog, a file, lines of JSON.
//!
//! Each output has a thread and a bounded queue in front of it, so that none of them ever holds up the stream or another
//! output.

pub(crate) mod journal;
pub(crate) mod limit;
pub(crate) mod news;
pub(crate) mod queue;
pub(crate) mod sink;

use std::fs::File;
use std::io::{self, IsTerminal, stdout};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use mcekit_source::Event;
use mcekit_store::Delivered;

use crate::config::values::Target;
use crate::config::{Form, Output, When};
use crate::explain::style::{COLOURED, PLAIN, Style};
use crate::facts::{Facts, Weight};
use crate::metrics::text::{Kind, Text};
use crate::notes::{Notes, Priority};
use crate::say;
use crate::settings::Purpose;
use crate::stop::{Deadline, Stop};

use limit::{Limits, Place};
use news::{Json, News, Shower};
use queue::{Bounds, Class, LeftOut, Queue};
use sink::{Counts, LogFile, Shape, Sink, Way, present};

/// How long an output may take nothing at the end, where a signal asked for it.
const STUCK: Duration = Duration::from_millis(250);

/// One output, from outside of its thread.
#[derive(Debug)]
struct Handle {
    kind: &'static str,
    /// People read it: limits hold, notes go there.
    people: bool,
    queue: NewsQueue,
    counts: Arc<Counts>,
    thread: JoinHandle<()>,
}

/// What waits for an output. The outputs share what they are given.
type NewsQueue = Arc<Queue<Arc<News>>>;

/// The queues of the outputs for people, by the output's number.
type Readers = Arc<OnceLock<Vec<(usize, NewsQueue, Arc<Counts>)>>>;

/// Where notes are pinned, also before there are outputs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board(Readers);

impl Board {
    /// Where the other parts of the daemon say what they do: it goes to the outputs for people, past the limits; and to
    /// standard error while there are none.
    pub(crate) fn notes(&self) -> Notes {
        notes(&self.0, None)
    }
}

/// All outputs.
#[derive(Debug)]
pub(crate) struct Outputs {
    handles: Vec<Handle>,
    readers: Readers,
    limits: Limits,
}

/// How the outputs stand, for metrics.
#[derive(Debug)]
pub(crate) struct Standings {
    outputs: Vec<(&'static str, NewsQueue, Arc<Counts>)>,
    suppressed: Arc<AtomicU64>,
}

impl Standings {
    /// Writes the metrics.
    pub(crate) fn write(&self, text: &mut Text) {
        let mut each = |name, kind, help, value: &dyn Fn(&Queue<Arc<News>>, &Counts) -> u64| {
            text.metric(name, kind, help);
            for (output, queue, counts) in &self.outputs {
                text.value(name, &[("output", output)], value(queue, counts));
            }
        };
        each(
            "mcekit_output_waiting",
            Kind::Gauge,
            "Events and notes that wait for an output.",
            &|queue, _| queue.len() as u64,
        );
        each(
            "mcekit_output_written_total",
            Kind::Counter,
            "Events and notes that were written.",
            &|_, counts| counts.written.load(Ordering::Relaxed),
        );
        each(
            "mcekit_output_left_out_total",
            Kind::Counter,
            "Events and notes that were left out because the output was too slow.",
            &|_, counts| counts.left_out.load(Ordering::Relaxed),
        );
        each(
            "mcekit_output_left_out_uncorrected_total",
            Kind::Counter,
            "Uncorrected errors and warnings among those that were left out.",
            &|_, counts| counts.left_out_urgent.load(Ordering::Relaxed),
        );
        each(
            "mcekit_output_failures_total",
            Kind::Counter,
            "Times that an output could not be written to.",
            &|_, counts| counts.failed.load(Ordering::Relaxed),
        );
        text.single(
            "mcekit_output_suppressed_total",
            Kind::Counter,
            "Records of corrected errors that people were not told of because of the limits.",
            self.suppressed.load(Ordering::Relaxed),
        );
    }
}

/// An output that is to be made.
struct Plan {
    kind: &'static str,
    name: String,
    people: bool,
    way: Way,
}

impl Outputs {
    /// Makes the outputs that the configuration asks for. Of a replay nothing is left out, the caller waits instead,
    /// because nothing is lost by that; and the journal gets it only if that is asked for.
    ///
    /// # Errors
    ///
    /// Those of making descriptors and threads. A file that cannot be opened is no error here: it is told, and tried again.
    pub(crate) fn start(
        config: &Output,
        board: Board,
        purpose: Purpose,
        stop: &Stop,
        now: Instant,
    ) -> io::Result<Self> {
        let mut plans = Vec::new();
        let replay = purpose == Purpose::Replay;
        let terminal = stdout().is_terminal();
        let taken = config.ndjson.to == Some(Target::Stdout);
        if config
            .terminal
            .enabled
            .holds((terminal || replay) && !taken)
        {
            let coloured = config
                .terminal
                .colour
                .holds(AutoStream::choice(&stdout()) != ColorChoice::Never);
            let style = if coloured { COLOURED } else { PLAIN };
            plans.push(Plan {
                kind: "terminal",
                name: "standard output".into(),
                people: true,
                way: Way::Stream(standard_output()?, text(config.terminal.form, style)),
            });
        }
        if config.journal.enabled.holds(!terminal && !replay) {
            plans.push(Plan {
                kind: "journal",
                name: "the journal".into(),
                people: true,
                way: Way::Journal(sink::journal_sender(&config.journal)?),
            });
        }
        if let Some(path) = &config.log.file {
            plans.push(Plan {
                kind: "log",
                name: path.display().to_string(),
                people: true,
                way: Way::File(LogFile::new(path.clone()), text(config.log.form, PLAIN)),
            });
        }
        let json = || Shape::Json(Box::new(Json::new()));
        match &config.ndjson.to {
            Some(Target::Stdout) => plans.push(Plan {
                kind: "ndjson",
                name: "standard output".into(),
                people: false,
                way: Way::Stream(standard_output()?, json()),
            }),
            Some(Target::File(path)) => plans.push(Plan {
                kind: "ndjson",
                name: path.display().to_string(),
                people: false,
                way: Way::File(LogFile::new(path.clone()), json()),
            }),
            None => {}
        }
        let bounds = Bounds {
            ordinary: config.queue.corrected.get(),
            urgent: config.queue.uncorrected.get(),
            patient: replay.then(|| stop.clone()),
        };
        Self::with(plans, board, &bounds, Limits::new(&config.limits, now))
    }

    fn with(
        plans: Vec<Plan>,
        Board(readers): Board,
        bounds: &Bounds,
        limits: Limits,
    ) -> io::Result<Self> {
        let mut handles = Vec::new();
        for (number, plan) in plans.into_iter().enumerate() {
            let queue = Arc::new(Queue::new(bounds.clone()));
            let counts = Arc::new(Counts::default());
            let sink = Sink {
                name: plan.name,
                way: plan.way,
                queue: Arc::clone(&queue),
                counts: Arc::clone(&counts),
                notes: notes(&readers, Some(number)),
            };
            let thread = thread::Builder::new()
                .name(format!("rasd-{}", plan.kind))
                .stack_size(256 << 10)
                .spawn(move || sink.work())?;
            handles.push(Handle {
                kind: plan.kind,
                people: plan.people,
                queue,
                counts,
                thread,
            });
        }
        let people = handles
            .iter()
            .enumerate()
            .filter(|(_, handle)| handle.people)
            .map(|(number, handle)| {
                let (queue, counts) = (Arc::clone(&handle.queue), Arc::clone(&handle.counts));
                (number, queue, counts)
            });
        // It is the first time.
        _ = readers.set(people.collect());
        Ok(Self {
            handles,
            readers,
            limits,
        })
    }

    /// Tells of an event. Corrected errors are subject to the limits, nothing else is. `facts`: nothing for events that
    /// are not known to be errors, and for losses.
    pub(crate) fn tell(
        &mut self,
        delivered: &Delivered,
        facts: Option<&Facts>,
        name: Option<&str>,
        now: Instant,
    ) {
        let urgent = match &delivered.event {
            Event::Lost(_) => true,
            _ => facts.is_some_and(Facts::is_uncorrected),
        };
        let admitted = urgent || {
            let errors = match facts.map(|facts| facts.weight) {
                Some(Weight::Corrected(n)) => n,
                _ => 1,
            };
            self.limits.admit(place(&delivered.event), errors, now)
        };
        let class = if urgent {
            Class::Urgent
        } else {
            Class::Ordinary
        };
        let mut news = None;
        for handle in &self.handles {
            if handle.people && !admitted {
                continue;
            }
            let news = news.get_or_insert_with(|| {
                let delivered = Box::new(delivered.clone());
                Arc::new(News::Event(delivered, name.map(str::to_owned)))
            });
            count(&handle.counts, handle.queue.push(class, Arc::clone(news)));
        }
    }

    /// Says how many were held back, when it is time. Gives after how long that will be, if something is held back.
    pub(crate) fn tick(&mut self, now: Instant) -> Option<Duration> {
        match self.limits.report(now) {
            Ok(lines) => {
                self.report(lines);
                None
            }
            Err(wait) => wait,
        }
    }

    fn report(&self, lines: Vec<String>) {
        let notes = notes(&self.readers, None);
        for line in lines {
            notes.say(Priority::Notice, line);
        }
    }

    /// Opens log files anew.
    pub(crate) fn reopen(&self) {
        self.handles.iter().for_each(|handle| handle.queue.reopen());
    }

    /// How the outputs stand, as seen from anywhere.
    pub(crate) fn standings(&self) -> Standings {
        let outputs = self
            .handles
            .iter()
            .map(|handle| {
                let (queue, counts) = (Arc::clone(&handle.queue), Arc::clone(&handle.counts));
                (handle.kind, queue, counts)
            })
            .collect();
        Standings {
            outputs,
            suppressed: self.limits.suppressed(),
        }
    }

    /// Writes what waits, until the deadline. An output that takes nothing is not waited for so long when a signal asked for
    /// the end: its reader is stuck, and nothing says for how long. Says what did not get out.
    pub(crate) fn finish(mut self, mut until: Deadline, stop: &Stop) {
        let last = self.limits.last_report(Instant::now());
        self.report(last);
        self.handles.iter().for_each(|handle| handle.queue.close());
        for handle in self.handles {
            let (mut before, mut moved) = (handle.queue.untold(), Instant::now());
            while !handle.thread.is_finished() && !until.is_over() {
                thread::sleep(Duration::from_millis(2));
                let untold = handle.queue.untold();
                if std::mem::replace(&mut before, untold) != untold {
                    moved = Instant::now();
                }
                if moved.elapsed() >= STUCK && stop.asked() {
                    break;
                }
            }
            let untold = handle.queue.untold();
            if untold.all() > 0 {
                say::warn(format_args!(
                    "the output {} did not take what it was given: {} events or notes were not told there, {} of them \
                     uncorrected errors or warnings; the history has all events",
                    handle.kind,
                    untold.all(),
                    untold.urgent
                ));
            }
        }
    }
}

impl When {
    /// Whether it is wanted; `auto`: where it helps.
    const fn holds(self, helps: bool) -> bool {
        match self {
            Self::Auto => helps,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

fn text(form: Form, style: Style) -> Shape {
    Shape::Text(Box::new(Shower::new(form, style)))
}

fn standard_output() -> io::Result<File> {
    Ok(File::from(stdout().as_fd().try_clone_to_owned()?))
}

fn place(event: &Event) -> Place {
    match event {
        Event::Record(observed) => Place::Bank(observed.record.cpu(), observed.record.bank()),
        Event::Generic(event) => Place::Event(event.name.chars().take(64).collect()),
        _ => Place::Others,
    }
}

fn count(counts: &Counts, left_out: LeftOut) {
    let LeftOut { ordinary, urgent } = left_out;
    if ordinary + urgent > 0 {
        counts
            .left_out
            .fetch_add(ordinary + urgent, Ordering::Relaxed);
        counts.left_out_urgent.fetch_add(urgent, Ordering::Relaxed);
    }
}

/// Notes that go to all outputs for people, but not back to the one that they come from.
fn notes(readers: &Readers, from: Option<usize>) -> Notes {
    let readers = Arc::clone(readers);
    Notes::new(move |priority, what| {
        let class = if priority <= Priority::Warning {
            Class::Urgent
        } else {
            Class::Ordinary
        };
        let mut told = false;
        let news = Arc::new(News::Note(priority, what, present()));
        for (number, queue, counts) in readers.get().into_iter().flatten() {
            if Some(*number) != from {
                // Outputs that wait for each other's room would wait for ever.
                count(counts, queue.offer(class, Arc::clone(&news)));
                told = true;
            }
        }
        if !told && let News::Note(_, what, _) = &*news {
            say::warn(format_args!("{what}"));
        }
    })
}

#[cfg(test)]
mod tests;
