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
mod ask;
mod config;
mod control;
mod dates;
mod delivered;
mod engine;
mod error;
mod explain;
mod facts;
mod feed;
mod fence;
mod gaps;
mod marks;
mod metrics;
mod monitor;
mod names;
mod notes;
mod out;
mod past;
mod policy;
mod privileges;
mod query;
mod reads;
mod runner;
mod say;
mod service;
mod settings;
mod sources;
mod state;
mod stats;
mod status;
mod stop;
mod wait;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use clap::Parser;

use args::{Cli, Command};
use control::answers::Daemon;
use control::{Access, Limits, Listener};
use engine::{Ended, Engine, Options};
use error::Error;
use feed::Feed;
use gaps::Boot;
use monitor::{Monitor, Privileged};
use service::Service;
use settings::Purpose;
use state::State;
use stats::Stats;
use status::Told;
use stop::Stop;
use wait::Wait;

fn main() -> ExitCode {
    if runner::process::is_asked_for() {
        return runner::process::main();
    }
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
        Some(Command::Completions { shell }) => ask::print(&args::completions(*shell)),
        Some(Command::Sources) => ask::print(&sources::table()),
        Some(Command::Status { json }) => ask::status(cli, *json),
        Some(Command::Query(query)) => ask::query(cli, query),
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
    // Before any thread: signals; and before anything is read, the one process that keeps rights.
    let wait = Wait::new()?;
    let stop = Stop::watch()?;
    let privileged = Privileged::start(&config)?;
    let feeds = sources::open(&cli.run, &config.sources)?;
    // Of a replay's sources nothing goes down with the machine.
    let boot = Boot::current().filter(|_| purpose == Purpose::Watch);
    let stats = Arc::new(Stats::default());
    let dir = state::dir(cli)?;
    state::make(&dir)?;
    let socket = ask::socket(cli, &config, purpose);
    let listener = socket.as_deref().map(Listener::bind).transpose();
    let listener = listener.map_err(error::call("the control socket"))?;
    // Everything that needs rights is open, and nothing has been read yet. Threads that start from here on have no more
    // rights than this one.
    let fences = fence::put_up(
        &config,
        &dir,
        socket.as_deref(),
        feeds.iter().map(Feed::channel),
        privileged.fences(),
    );
    let triggers = privileged.fences().cloned();
    let State {
        spool,
        damage,
        sightings,
        last,
        applier,
    } = State::open(&dir, &stats, &stop)?;
    let mut monitor = Monitor::start(&config, privileged, &stats, purpose, &stop)?;
    past::restore(&mut monitor, &state::history(&dir), &stats, &stop);
    let options = Options {
        once: cli.run.once,
        boot,
        last,
        ..Options::default()
    };
    let told = Told {
        state: dir.clone(),
        sources: feeds.iter().map(Feed::reads).collect(),
        fences,
        triggers,
        stats: Arc::clone(&stats),
        started: (SystemTime::now(), Instant::now()),
    };
    let service = Service::from_env(Arc::clone(&stats));
    let mut engine = Engine::new(options, wait, spool, damage, sightings, stats);
    // The first that goes: the end of the others, of which it tells the beginning, takes its time.
    if let Some(service) = service {
        engine.consumer(Box::new(service))?;
    }
    engine.consumer(Box::new(monitor))?;
    if let Some(listener) = listener {
        let answers = Daemon {
            told,
            history: state::history(&dir),
        };
        let access = Access {
            users: config.control.users.0.clone(),
            groups: config.control.groups.0.clone(),
        };
        engine.consumer(Box::new(listener.serve(access, Limits::default(), answers)))?;
    }
    for feed in feeds {
        engine.source(feed)?;
    }
    let ended = engine.run();
    if let Ok(Ended::Asked) = ended {
        stop.set();
    }
    // The spool closes first: then the history takes what is left, and ends.
    drop(engine);
    drop(applier);
    ended.map(drop)
}
