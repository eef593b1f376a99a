//! Which sources there are to read.

use std::num::NonZeroU32;

use mcekit_source::probe::{Machine, OpenOptions, Probe, Role, open_best, probe};
use mcekit_source::{Erase, McePool, Notify, Pace, Replay};

use crate::args::{Run, SourceKind};
use crate::config::Sources;
use crate::error::Error;
use crate::feed::Feed;
use crate::say;

/// Opens what the command line asks for, or the best that this machine has.
pub(crate) fn open(run: &Run, config: &Sources) -> Result<Vec<Feed>, Error> {
    if run.replay.is_empty() {
        return machine(&Machine::default(), run.source, config);
    }
    let mut replay = Replay::open(&run.replay)?;
    if let Some(rate) = run.rate.and_then(NonZeroU32::new) {
        replay = replay.paced(Pace::PerSecond(rate))?;
    }
    Ok(vec![Feed::new(Box::new(replay), false)])
}

/// What `rasd sources` prints: everything that this machine has, best first.
pub(crate) fn table() -> String {
    probe(&Machine::default()).to_string()
}

fn machine(
    machine: &Machine,
    wanted: Option<SourceKind>,
    config: &Sources,
) -> Result<Vec<Feed>, Error> {
    let found = probe(machine);
    let options = OpenOptions {
        machine: machine.clone(),
        instance: config.instance.get().to_owned(),
        exclusive: config.exclusive,
        erase: if config.pstore_erase {
            Erase::OnCommit
        } else {
            Erase::Never
        },
        ..OpenOptions::default()
    };
    let opened = open_best(&chosen(&found, wanted), &options).map_err(|error| {
        let only = wanted.map_or("", |_| " of the channel that --source names");
        let why = match error {
            mcekit_source::Error::Missing { how, .. } => format!("needed, or in the way: {how}"),
            other => other.to_string(),
        };
        Error::NoSource(format!(
            "no source of errors{only} on this machine\n{why}\n\n{found}\n--replay FILE runs everything else"
        ))
    })?;
    for warning in &found.warnings {
        say::warn(format_args!("{warning}"));
    }
    for (place, error) in &opened.failed {
        say::warn(format_args!("{place}: {error}"));
    }
    let mut feeds: Vec<Feed> = opened
        .backlog
        .into_iter()
        .map(|source| Feed::new(source, true))
        .collect();
    feeds.push(Feed::new(opened.live, false));
    match Notify::nvdimms() {
        Ok(notify) => feeds.push(Feed::new(Box::new(notify), false)),
        // Most machines have no NVDIMMs.
        Err(mcekit_source::Error::Missing { .. }) => {}
        Err(error) => say::warn(format_args!("{error}")),
    }
    // Whatever gives the records: what found no room in the kernel, only its log tells.
    match McePool::open_at(&machine.path("dev/kmsg")) {
        Ok(pool) => feeds.push(Feed::new(Box::new(pool), false)),
        Err(mcekit_source::Error::Missing { .. }) => {}
        Err(error) => say::warn(format_args!(
            "{error}; errors that the kernel itself had no room for are not told"
        )),
    }
    for feed in &feeds {
        say::note(format_args!("reading {}", feed.name()));
    }
    Ok(feeds)
}

/// Only the live sources of a kind, if one is wanted; what is over is read in any case.
fn chosen(found: &Probe, wanted: Option<SourceKind>) -> Probe {
    let mut chosen = found.clone();
    if let Some(kind) = wanted {
        chosen
            .candidates
            .retain(|one| one.role == Role::Backlog || one.place.channel() == kind.channel());
    }
    chosen
}
