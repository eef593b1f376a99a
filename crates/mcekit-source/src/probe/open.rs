//! Opening what was found.

use super::{Candidate, INSTANCE, Machine, Place, Probe, Role};
use crate::{
    Erase, Error, Journal, Keeper, Kmsg, Mcelog, Perf, Pstore, Result, Source, Trace, TraceOptions,
};

/// How to open what was found.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// The machine that was probed.
    pub machine: Machine,
    /// What trace instances and perf rings record.
    pub trace: TraceOptions,
    /// The instance that is made where there is none.
    pub instance: String,
    /// Data pages of each of one's own perf rings, a power of two.
    pub perf_pages: usize,
    /// Whether others may read /dev/mcelog, too.
    pub exclusive: bool,
    /// When files of pstore are unlinked.
    pub erase: Erase,
}

impl Default for OpenOptions {
    /// This machine; all RAS events; nothing is erased.
    fn default() -> Self {
        Self {
            machine: Machine::default(),
            trace: TraceOptions::ras(),
            instance: INSTANCE.into(),
            perf_pages: 16,
            exclusive: true,
            erase: Erase::Never,
        }
    }
}

/// What was opened.
pub struct Opened {
    /// To be drained first: [`Source::ended`] says when.
    pub backlog: Vec<Box<dyn Source>>,
    /// To be followed.
    pub live: Box<dyn Source>,
    /// Which place that is.
    pub place: Place,
    /// Better places, which could not be opened after all.
    pub failed: Vec<(Place, Error)>,
}

impl core::fmt::Debug for Opened {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Opened")
            .field("backlog", &self.backlog.len())
            .field("place", &self.place)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// Opens the backlog's sources, and the best live one that can be opened.
///
/// # Errors
///
/// [`Error::Missing`] if there is no live source: with what would give one.
pub fn open_best(probe: &Probe, options: &OpenOptions) -> Result<Opened> {
    let mut failed = Vec::new();
    let mut backlog = Vec::new();
    let mut live = None;
    for candidate in probe.usable() {
        if live.is_some() && candidate.role != Role::Backlog {
            continue;
        }
        match open(candidate, options) {
            Err(error) => failed.push((candidate.place.clone(), error)),
            Ok(source) if candidate.role == Role::Backlog => backlog.push(source),
            Ok(source) => live = Some((source, candidate.place.clone())),
        }
    }
    let Some((live, place)) = live else {
        let mut how: Vec<String> = failed.iter().map(|(_, error)| error.to_string()).collect();
        how.extend(probe.advice().into_iter().map(Into::into));
        return Err(Error::Missing {
            what: "nothing on this machine tells of machine checks".into(),
            how: how.join("; or "),
        });
    };
    Ok(Opened {
        backlog,
        live,
        place,
        failed,
    })
}

fn open(candidate: &Candidate, options: &OpenOptions) -> Result<Box<dyn Source>> {
    let tracefs = || options.machine.tracefs();
    Ok(match &candidate.place {
        Place::BootInstance(name) => Box::new(Trace::open(&tracefs()?, name, &options.trace)?),
        Place::EarlierBoot(name) => {
            Box::new(Trace::earlier_boot(&tracefs()?, name, &options.trace)?)
        }
        Place::TopInstance => Box::new(Trace::top(&tracefs()?, &options.trace)?),
        Place::KeptInstance(_) => {
            Box::new(Trace::keep(&tracefs()?, &options.instance, &options.trace)?)
        }
        Place::Keeper(path) => Box::new(Keeper::connect(path)?),
        Place::Perf => Box::new(Perf::open(&tracefs()?, &options.trace, options.perf_pages)?),
        Place::Mcelog => Box::new(Mcelog::open(options.exclusive)?),
        Place::Kmsg => Box::new(Kmsg::open_at(&options.machine.path("dev/kmsg"))?),
        Place::Journal => Box::new(Journal::follow()?),
        Place::Pstore => Box::new(
            Pstore::of([
                (options.machine.path("sys/fs/pstore"), options.erase),
                (options.machine.path("var/lib/systemd/pstore"), Erase::Never),
            ])?
            .once(),
        ),
    })
}
