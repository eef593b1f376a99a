//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Watches the machine's errors: takes them from the best channel that it has, keeps each of them once, across crashes
/// and reboots, and says what they mean.
#[derive(Debug, Parser)]
#[command(name = "rasd", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: Run,
    /// The directory of the spool and the history [default: /var/lib/rasd; a new temporary one with --replay]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) state: Option<PathBuf>,
    /// The configuration [default: /etc/rasd.toml, where it is there]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
}

/// How the daemon runs.
#[derive(Args, Clone, Debug)]
pub(crate) struct Run {
    /// Read these files instead of the machine: kernel logs, raw structs, our JSON, recorded trace pages
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) replay: Vec<PathBuf>,
    /// At most so many events a second from --replay [default: as fast as they can be stored]
    #[arg(long, value_name = "N", requires = "replay")]
    pub(crate) rate: Option<u32>,
    /// Take what there is, and end
    #[arg(long)]
    pub(crate) once: bool,
}

/// What else it does.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Read the configuration, and tell what is wrong with it
    CheckConfig,
    /// Tell how the running daemon is
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Search the history
    Query(Query),
}

/// What to search the history for.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Query {
    /// As JSON, one object a line (docs/json.md)
    #[arg(long)]
    pub(crate) json: bool,
}
