//! The RAS daemon: every error that hardware and kernel gave, once, across restarts and reboots.
//!
//! ```text
//! cargo run --release --example rasd -- --replay examples/fixtures/decode/*.txt
//! ```
//!
//! `mcekit-source` reads the channels, `mcekit-store` keeps what they gave, `mcekit-models` explains it; the engine here
//! puts them together.

mod args;
mod config;
mod delivered;
mod engine;
mod error;
mod explain;
mod facts;
mod feed;
mod metrics;
mod monitor;
mod names;
mod notes;
mod out;
mod policy;
mod say;
mod settings;
mod sources;
mod stats;
mod wait;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use mcekit_source::{Event, Sightings};
use mcekit_store::Item;
use mcekit_store::spool::{self, Spool};

use args::{Cli, Command};
use engine::{Engine, Options};
use error::Error;
use stats::Stats;
use wait::Wait;

/// Where the daemon keeps what it has.
const STATE: &str = "/var/lib/rasd";

/// How many errors are remembered to tell reports of several channels together.
const SIGHTINGS: usize = 16_384;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::warn(format_args!("{error}"));
            ExitCode::from(error.status())
        }
    }
}

fn run(cli: &Cli) -> Result<(), Error> {
    match &cli.command {
        Some(Command::CheckConfig | Command::Status { .. } | Command::Query(_)) => {
            Err(Error::Usage("not built yet".into()))
        }
        None => watch(cli),
    }
}

/// The daemon itself.
fn watch(cli: &Cli) -> Result<(), Error> {
    // Before any thread: signals.
    let wait = Wait::new()?;
    let feeds = sources::open(&cli.run)?;
    let state = cli.state.clone().unwrap_or_else(|| PathBuf::from(STATE));
    let stats = Arc::new(Stats::default());
    let mut sightings = Sightings::new(SIGHTINGS);
    let (spool, damage) = Spool::open(
        &state.join("spool"),
        spool::Options::default(),
        |_, item| restore(&mut sightings, item),
    )?;
    let options = Options {
        once: cli.run.once,
        ..Options::default()
    };
    let mut engine = Engine::new(options, wait, spool, damage, sightings, stats);
    for feed in feeds {
        engine.source(feed)?;
    }
    engine.run()
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
