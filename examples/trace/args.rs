//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, ValueEnum};
use tracefs::filter::Filter;

use crate::Result;

/// Stream events of the running kernel, in time order over all CPUs
#[derive(Parser, Debug)]
#[command(name = "trace", version)]
pub(crate) struct Cli {
    /// Events: SYSTEM:EVENT, SYSTEM, or with `*` and `?` in either part
    #[arg(
        value_name = "EVENT",
        required_unless_present = "from",
        conflicts_with = "from"
    )]
    patterns: Vec<String>,

    /// A kernel filter for the event before it, or for all if no event stands before it
    #[arg(long = "filter", value_name = "EXPRESSION")]
    filters: Vec<Filter>,

    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,

    /// Read an instance that is there, made at boot or kept, to its end; nothing is changed in it
    #[arg(long, value_name = "NAME")]
    pub(crate) from: Option<String>,

    /// Name of the instance that is made (trace-PID)
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    pub(crate) instance: Option<String>,

    /// Leave the instance behind, still set up, with recording off
    #[arg(long, conflicts_with = "from")]
    pub(crate) keep: bool,

    /// Clock of the time stamps; `local` is not comparable between CPUs
    #[arg(long, default_value = "mono", value_name = "CLOCK")]
    pub(crate) clock: String,

    /// Size of each CPU's ring, in KiB
    #[arg(long, default_value_t = 1408, value_name = "KIB")]
    pub(crate) buffer_kb: u64,

    /// Let a full ring keep the oldest records, not the newest
    #[arg(long)]
    pub(crate) oldest: bool,

    /// How records get here
    #[arg(long, value_enum, default_value = "read")]
    pub(crate) method: Way,

    /// Stop after so many records
    #[arg(long, short = 'n')]
    pub(crate) count: Option<u64>,

    /// Stop after so many seconds
    #[arg(long, value_parser = seconds)]
    pub(crate) seconds: Option<Duration>,

    /// Directory of tracefs, if it is not to be looked for
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) tracefs: Option<PathBuf>,

    /// For each event, the filter that belongs to it.
    #[arg(skip)]
    assigned: Vec<Option<usize>>,
}

/// [`tracefs::fs::Method`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Way {
    Read,
    Splice,
    Map,
}

impl From<Way> for tracefs::fs::Method {
    fn from(way: Way) -> Self {
        match way {
            Way::Read => Self::Read,
            Way::Splice => Self::Splice,
            Way::Map => Self::Map,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "not a number of seconds".into())
}

impl Cli {
    /// The command line of this process. A mistake in it, and `--help`, end the process here.
    pub(crate) fn get() -> Result<Self> {
        Ok(Self::read(&Self::command().get_matches())?)
    }

    fn read(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut cli = Self::from_arg_matches(matches)?;
        let indices = |id| -> Vec<usize> { matches.indices_of(id).into_iter().flatten().collect() };
        let (events, filters) = (indices("patterns"), indices("filters"));
        cli.assigned = vec![None; events.len()];
        for (filter, at) in filters.iter().enumerate() {
            // The last event before the filter; the filter stands for all if there is none.
            match events.iter().rposition(|event| event < at) {
                Some(event) => cli.assigned[event] = Some(filter),
                None => cli.assigned.fill(Some(filter)),
            }
        }
        Ok(cli)
    }

    /// The events asked for, each with its filter.
    pub(crate) fn events(&self) -> impl Iterator<Item = (&str, Option<&Filter>)> {
        let assigned = self
            .assigned
            .iter()
            .map(|filter| self.filters.get((*filter)?));
        self.patterns.iter().map(String::as_str).zip(assigned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(line: &str) -> Vec<String> {
        let words = ["trace"].into_iter().chain(line.split(' '));
        let matches = Cli::command().try_get_matches_from(words).unwrap();
        let cli = Cli::read(&matches).unwrap();
        cli.events()
            .map(|(event, filter)| match filter {
                Some(filter) => format!("{event} if {filter}"),
                None => event.to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_filter_belongs_to_the_event_before_it() {
        assert_eq!(
            events("a:b --filter x==1 c:d e:f --filter y==2"),
            ["a:b if x == 1", "c:d", "e:f if y == 2"]
        );
        assert_eq!(
            events("--filter x==1 a:b c:d --filter y==2"),
            ["a:b if x == 1", "c:d if y == 2"]
        );
    }

    #[test]
    fn the_command_is_put_together_soundly() {
        Cli::command().debug_assert();
        let refused = |line: &str| {
            Cli::command()
                .try_get_matches_from(["trace"].into_iter().chain(line.split_whitespace()))
                .is_err()
        };
        assert!(refused(""), "no event");
        assert!(refused("a:b --from kept"));
        assert!(refused("a:b --filter x="));
        assert!(refused("a:b --seconds -1"));
        assert!(!refused("--from kept"));
    }
}
