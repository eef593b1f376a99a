//! The command line.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use mcekit::severity::Severity;
use mcekit::table::Place;
use mcekit_source::{Channel, Identity};

/// Watches the machine's errors: takes them from the best channel that it has, keeps each of them once, across crashes
/// and reboots, and says what they mean.
#[derive(Debug, Parser)]
#[command(name = "rasd", version, max_term_width = 100, after_help = AFTER)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: Run,
    /// The directory of the spool and the history [default: /var/lib/rasd; a new temporary one with --replay]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) state: Option<PathBuf>,
    /// The configuration [default: /etc/rasd.toml, where it is there; none with --replay]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// The socket at which the daemon answers [default: control.socket of the configuration]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) control: Option<PathBuf>,
}

const AFTER: &str = "\
Examples:
  Watch this machine, as root; what it reads, and what would be better:
      rasd
      rasd sources
  What it would make of a log, a crash record, or recorded trace pages:
      rasd --replay /var/log/kern.log
  The last day's errors of a socket; the fatal ones, the latest first; for programs:
      rasd query --since 24h --socket 1
      rasd query --severity fatal --newest
      rasd query --json | jq -r '.decoded.text'
  How the daemon is, and whether a configuration is right:
      rasd status
      rasd check-config /etc/rasd.toml
  Completions:
      rasd completions bash > /etc/bash_completion.d/rasd

Files: /etc/rasd.toml, /var/lib/rasd (spool and history), /run/rasd/rasd.sock.
Rights: it gives them up when its sources are open. Where triggers or page offlining are configured,
a second process (rasd-triggers) keeps some, reads no hardware data, and does nothing else.
Signals: SIGTERM and SIGINT end it when what it has read is safe on disk. Triggers have three
seconds then; an output has one, and is given up when it takes nothing for a quarter of one. What
it was not told is counted. SIGHUP and SIGUSR1 open log files anew.
Exit status: 0 if all went well, 1 if something failed, 2 if the command line or the configuration
is wrong or another rasd has the state directory, 3 if this machine has no source of errors.";

/// How the daemon runs.
#[derive(Args, Clone, Debug)]
pub(crate) struct Run {
    /// Read these files instead of the machine: kernel logs, raw structs, our JSON, recorded trace pages
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) replay: Vec<PathBuf>,
    /// At most so many events a second from --replay [default: as fast as they can be stored]
    #[arg(long, value_name = "N", requires = "replay")]
    pub(crate) rate: Option<u32>,
    /// Follow this channel, and not the best that there is (see `rasd sources`)
    #[arg(long, value_name = "CHANNEL", value_enum, conflicts_with = "replay")]
    pub(crate) source: Option<SourceKind>,
    /// Take what there is, and end
    #[arg(long)]
    pub(crate) once: bool,
}

/// The channels that can be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SourceKind {
    /// The mce_record event in a trace instance
    Trace,
    /// The mce_record event in perf rings of the daemon's own
    Perf,
    /// The mce_record event in rings that a keeper holds
    Keeper,
    /// /dev/mcelog
    Mcelog,
    /// The kernel's log
    Kmsg,
    /// The journal
    Journal,
}

impl SourceKind {
    /// The library's name for it.
    pub(crate) const fn channel(self) -> Channel {
        match self {
            Self::Trace => Channel::Trace,
            Self::Perf => Channel::Perf,
            Self::Keeper => Channel::Keeper,
            Self::Mcelog => Channel::Mcelog,
            Self::Kmsg => Channel::Kmsg,
            Self::Journal => Channel::Journal,
        }
    }
}

/// What else it does.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell every mistake in the configuration, or print what it comes to, defaults and all
    CheckConfig {
        /// The file [default: as for the daemon]
        file: Option<PathBuf>,
    },
    /// Print a completion script
    Completions {
        /// For this shell
        shell: Shell,
    },
    /// Show where this machine's errors can be read, best first, and what is in the way
    Sources,
    /// Tell how the running daemon is
    ///
    /// Exits with 1 where none answers.
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Search the history: straight in its file, or by asking the daemon (with --control, or where the file is not to be read)
    Query(Query),
}

/// What to search the history for: everything that is given has to agree.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Query {
    /// Not before: seconds since 1970, a date (2026-11-22, 2026-11-22T12:30:00, in UTC), or so long ago (90s, 10m, 2h, 7d)
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) since: Option<u64>,
    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) until: Option<u64>,
    /// Reported by this processor
    #[arg(long, value_name = "N")]
    pub(crate) cpu: Option<u32>,
    /// Of this package
    #[arg(long, value_name = "N")]
    pub(crate) socket: Option<u32>,
    /// Of this bank
    #[arg(long, value_name = "N")]
    pub(crate) bank: Option<u8>,
    /// Of this grade; may be repeated
    #[arg(long, value_name = "GRADE", value_parser = severity)]
    pub(crate) severity: Vec<Severity>,
    /// Of this class: memory-controller, patrol-scrub, ... (docs/json.md)
    #[arg(long, value_name = "CLASS")]
    pub(crate) class: Option<String>,
    /// At this place: channel=1; may be repeated
    #[arg(long = "at", value_name = "PLACE=N", value_parser = place)]
    pub(crate) places: Vec<(Place, u32)>,
    /// This very error
    #[arg(long, value_name = "HEX", value_parser = identity)]
    pub(crate) identity: Option<Identity>,
    /// Only these kinds of events
    #[arg(long, value_name = "KIND", value_enum)]
    pub(crate) kind: Vec<Kind>,
    /// So many at most
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// The latest first
    #[arg(long)]
    pub(crate) newest: bool,
    /// As JSON, one object a line (docs/json.md)
    #[arg(long)]
    pub(crate) json: bool,
}

/// The kinds of events, on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Machine checks
    Record,
    /// Other events of the kernel
    Event,
    /// What was lost
    Loss,
}

impl Kind {
    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Event => "event",
            Self::Loss => "loss",
        }
    }
}

/// A shell's completion script.
pub(crate) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rasd", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

const SEVERITIES: [Severity; 8] = [
    Severity::No,
    Severity::Deferred,
    Severity::Keep,
    Severity::Some,
    Severity::ActionOptional,
    Severity::Uncorrected,
    Severity::ActionRequired,
    Severity::Panic,
];

fn severity(text: &str) -> Result<Severity, String> {
    let named = |one: &Severity| one.id() == text;
    SEVERITIES.into_iter().find(named).ok_or_else(|| {
        let names = SEVERITIES.map(Severity::id).join(", ");
        format!("one of {names}")
    })
}

fn place(text: &str) -> Result<(Place, u32), String> {
    let (name, number) = text
        .split_once('=')
        .ok_or("a place and its number: channel=1")?;
    let named = |one: &Place| one.name() == name;
    let place = Place::ALL.into_iter().find(named).ok_or_else(|| {
        let names = Place::ALL.map(Place::name).join(", ");
        format!("a place is one of {names}")
    })?;
    let number = number
        .parse()
        .map_err(|_| format!("`{number}` is no number"))?;
    Ok((place, number))
}

fn identity(text: &str) -> Result<Identity, String> {
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| digits);
    let number = number.ok_or("an identity is 32 hex digits")?;
    Ok(Identity(number.to_be_bytes()))
}

/// A time, as seconds since 1970.
fn time(text: &str) -> Result<u64, String> {
    let wrong = || {
        "seconds since 1970, 2026-11-22, 2026-11-22T12:30:00, or 90s, 10m, 2h, 7d ago".to_owned()
    };
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    for (unit, seconds) in units {
        if let Some(count) = text.strip_suffix(unit).and_then(|n| n.parse::<u64>().ok()) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let now = now.map_or(0, |since| since.as_secs());
            return Ok(now.saturating_sub(count.saturating_mul(seconds)));
        }
    }
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let numbers = |text: &str, between| -> Option<[u64; 3]> {
        let mut all = text.splitn(3, between).map(|part| part.parse().ok());
        Some([all.next()??, all.next()??, all.next()??])
    };
    let [year, month, day] = numbers(date, '-').ok_or_else(wrong)?;
    let [hour, minute, second] = numbers(clock, ':').ok_or_else(wrong)?;
    let fits = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !fits {
        return Err(wrong());
    }
    // Years count from March, so that the leap day is the last of its year.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Ok(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
        assert!(completions(Shell::Bash).contains("check-config"));
    }

    #[test]
    fn times_that_people_write() {
        assert_eq!(time("1795349361"), Ok(1_795_349_361));
        assert_eq!(time("2026-11-22T12:09:21"), Ok(1_795_349_361));
        assert_eq!(time("2026-11-22"), Ok(1_795_305_600));
        assert_eq!(time("2000-02-29 00:00:00"), Ok(951_782_400));
        assert_eq!(time("1970-01-01"), Ok(0));
        assert!(time("2h").is_ok_and(|ago| ago > 0));
        for wrong in ["", "x", "2026-13-01", "2026-11", "12:00", "1969-01-01", "h"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn grades_places_and_identities_by_name() {
        assert_eq!(severity("fatal"), Ok(Severity::Panic));
        assert!(severity("bad").is_err_and(|said| said.contains("corrected")));
        assert_eq!(place("channel=1"), Ok((Place::Channel, 1)));
        assert!(place("channel").is_err() && place("room=1").is_err());
        let zeros = "0".repeat(32);
        assert_eq!(identity(&zeros), Ok(Identity([0; 16])));
        assert!(identity("+1").is_err());
    }
}
