//! The RAS daemon: every error that hardware and kernel gave, once, across restarts and reboots.
//!
//! ```text
//! cargo run --release --example rasd -- --replay examples/fixtures/decode/*.txt
//! ```
//!
//! `mcekit-source` reads the channels, `mcekit-store` keeps what they gave, `mcekit-models` explains it; the engine here
//! puts them together.

mod applier;
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
mod past;
mod policy;
mod query;
mod say;
mod settings;
mod sources;
mod state;
mod stats;
mod wait;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use args::{Cli, Command};
use engine::{Engine, Options};
use error::Error;
use monitor::{Monitor, Privileged};
use settings::Purpose;
use state::State;
use stats::Stats;
use wait::Wait;

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
        Some(Command::CheckConfig { file }) => {
            settings::check(file.as_deref().or(cli.config.as_deref()))
        }
        Some(Command::Status { .. }) => Err(Error::Usage("not built yet".into())),
        Some(Command::Query(query)) => query::answer(&state::dir(cli)?, query),
        None => watch(cli),
    }
}

/// The daemon itself.
fn watch(cli: &Cli) -> Result<(), Error> {
    let purpose = if cli.run.replay.is_empty() {
        Purpose::Watch
    } else {
        Purpose::Replay
    };
    let config = settings::for_daemon(cli.config.as_deref(), purpose)?;
    // Before any thread: signals.
    let wait = Wait::new()?;
    let privileged = Privileged::start(&config)?;
    let feeds = sources::open(&cli.run)?;
    let stats = Arc::new(Stats::default());
    let dir = state::dir(cli)?;
    let State {
        spool,
        damage,
        sightings,
        applier,
    } = State::open(&dir, &stats)?;
    let mut monitor = Monitor::start(&config, privileged, &stats, purpose)?;
    past::restore(&mut monitor, &state::history(&dir), &stats);
    let options = Options {
        once: cli.run.once,
        ..Options::default()
    };
    let mut engine = Engine::new(options, wait, spool, damage, sightings, stats);
    engine.consumer(Box::new(monitor))?;
    for feed in feeds {
        engine.source(feed)?;
    }
    let ended = engine.run();
    // The spool closes first: then the history takes what is left, and ends.
    drop(engine);
    drop(applier);
    ended
}
