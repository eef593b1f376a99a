//! The state directory: the spool, and the history behind it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcekit_source::{Event, Sightings};
use mcekit_store::db::History;
use mcekit_store::spool::{Damage, Options, Spool};
use mcekit_store::{Error as Store, Item};

use crate::applier::{self, Applier};
use crate::args::Cli;
use crate::error::{self, Error};
use crate::say;
use crate::stats::Stats;
use crate::stop::Stop;

/// Where the daemon keeps what it has.
const STATE: &str = "/var/lib/rasd";

/// The history, by the name under which rasdaemon's readers look for it.
const HISTORY: &str = "ras-mc_event.db";

/// How many errors are remembered to tell reports of several channels together.
const SIGHTINGS: u16 = 16_384;

/// What an earlier process left, and what goes on with it.
pub(crate) struct State {
    pub(crate) spool: Spool,
    pub(crate) damage: Vec<Damage>,
    pub(crate) sightings: Sightings,
    /// When the last event that the spool has was received, seconds since 1970.
    pub(crate) last: Option<u64>,
    pub(crate) applier: Applier,
}

/// The state directory: what was given, or the daemon's; a new one for a replay.
pub(crate) fn dir(cli: &Cli) -> Result<PathBuf, Error> {
    if let Some(dir) = &cli.state {
        return Ok(dir.clone());
    }
    if cli.command.is_some() || cli.run.replay.is_empty() {
        return Ok(STATE.into());
    }
    let dir = tempfile::Builder::new()
        .prefix("rasd-")
        .tempdir()
        .map_err(|source| Error::System {
            call: "a temporary directory",
            source,
        })?
        .keep();
    let shown = dir.display();
    say::note(format_args!(
        "the history is in {shown}: rasd query --state {shown}"
    ));
    Ok(dir)
}

/// The history of a state directory.
pub(crate) fn history(dir: &Path) -> PathBuf {
    dir.join(HISTORY)
}

/// Makes the state directory, if it is not there.
pub(crate) fn make(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(|source| Error::System {
        call: "mkdir",
        source: std::io::Error::new(source.kind(), format!("{}: {source}", dir.display())),
    })
}

impl State {
    /// Opens the directory, and starts the thread that brings the spool into the history.
    pub(crate) fn open(dir: &Path, stats: &Arc<Stats>, stop: &Stop) -> Result<Self, Error> {
        let path = history(dir);
        let mut sightings = Sightings::new(SIGHTINGS.into());
        let mut options = Options::default();
        let mut cursors = Vec::new();
        let history = match History::open(&path, applier::BUSY) {
            Ok((history, salvaged)) => {
                if let Some(salvaged) = salvaged {
                    applier::tell(&path, &salvaged);
                }
                options.applied = history.applied();
                cursors = history.cursors()?;
                history.sightings(SIGHTINGS.into(), |identity, channel, number| {
                    sightings.restore(identity, channel, number);
                })?;
                Some(history)
            }
            // It comes later; the spool alone knows how far everything is.
            Err(error) if error.passes() => {
                say::warn(format_args!(
                    "{error}; the spool keeps what comes meanwhile"
                ));
                None
            }
            Err(error) => return Err(error.into()),
        };
        stats.applied.set(options.applied.1);
        let mut last = None;
        let opened = Spool::open(&dir.join("spool"), options, |_, item| {
            if let Item::Entry(delivered, _) = item {
                last = Some(delivered.received.0);
            }
            restore(&mut sightings, item);
        });
        let (mut spool, damage) = opened.map_err(|error| match error {
            Store::InUse { .. } => Error::Usage(format!("{error}: is rasd running?")),
            error => error.into(),
        })?;
        spool.remember(cursors);
        stats.spool_bytes.set(spool.bytes());
        stats.stored.set(spool.next_entry().saturating_sub(1));
        let tail = spool.tail(options.applied.0);
        let applier = Applier::start(path, history, tail, Arc::clone(stats), stop.clone())
            .map_err(error::call("starting the thread of the history"))?;
        Ok(Self {
            spool,
            damage,
            sightings,
            last,
            applier,
        })
    }
}

/// What an earlier process had seen.
fn restore(sightings: &mut Sightings, item: &Item) {
    match item {
        Item::Entry(delivered, number) => {
            if let (Some(identity), Event::Record(observed)) =
                (delivered.identity, &delivered.event)
            {
                sightings.restore(identity, observed.channel, *number);
            }
        }
        Item::Again {
            identity,
            channel,
            number,
            ..
        } => sightings.restore(*identity, *channel, *number),
        _ => {}
    }
}
