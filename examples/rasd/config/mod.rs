//! The configuration: defaults that need no file, a file that changes some of them, and every mistake in it by line and
//! key.

pub(crate) mod amounts;
pub(crate) mod kind;
pub(crate) mod read;
pub(crate) mod values;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use toml::de::DeTable;

use amounts::{Rate, Size, Time};
use read::{Problem, Problems, Section, section, table};
use values::{Argv, Count, Ids, Name, Names, PathList, Target, choice};

/// No configuration is longer.
pub(crate) const MAX_LEN: usize = 1 << 20;

choice! {
    /// When something is done.
    When, "\"auto\", \"always\" or \"never\"" {
        /// Where it helps: see the key.
        Auto = "auto",
        /// Always.
        Always = "always",
        /// Never.
        Never = "never",
    }
}

choice! {
    /// How an error is shown to people.
    Form, "\"block\" or \"line\"" {
        /// What happened, where, how bad, what to do, and the registers: a few lines.
        Block = "block",
        /// One line.
        Line = "line",
    }
}

choice! {
    /// What is told of a part that stays above its threshold.
    Again, "\"doubling\", \"each\" or \"once\"" {
        /// At twice, four times, eight times its threshold within the period.
        Doubling = "doubling",
        /// At each further error.
        Each = "each",
        /// Once in a period.
        Once = "once",
    }
}

choice! {
    /// What becomes of a page above its threshold.
    PageOffline, "\"dry-run\", \"soft\" or \"off\"" {
        /// Nothing.
        Off = "off",
        /// It is said what would be done.
        DryRun = "dry-run",
        /// The kernel is asked to move its content elsewhere and use it no more.
        Soft = "soft",
    }
}

table! {
    /// Everything that can be configured.
    Config {
        tables {
            /// Where errors are read.
            "sources" sources: Sources = Sources::default();
            /// When a part has too many errors.
            "thresholds" thresholds: Thresholds = Thresholds::default();
            /// How programs are run for parts that have too many errors.
            "triggers" triggers: Triggers = Triggers::default();
            /// Pages with too many errors.
            "page-offline" page_offline: Offline = Offline::default();
            /// Where errors are told.
            "output" output: Output = Output::default();
            /// Counters for Prometheus.
            "metrics" metrics: Metrics = Metrics::default();
            /// What parts are called.
            "labels" labels: Labels = Labels::default();
            /// Who may ask the running daemon.
            "control" control: Control = Control::default();
            /// What the daemon may do once everything is open.
            "rights" rights: Rights = Rights::default();
        }
    }
    check |this| {
        let never = this.page_offline.mode != PageOffline::Off && this.thresholds.page.corrected.is_none();
        let what = "no page would ever be taken out of use; expected a rate for `thresholds.page.corrected`";
        never.then(|| ("page-offline", what.into()))
    };
}

table! {
    /// Where errors are read.
    Sources {
        /// The trace instance that is made and kept where the kernel's command line has none.
        "instance" instance: Name = Name::new("mcekit");
        /// Whether /dev/mcelog is taken for oneself: of two readers, each gets a part.
        "exclusive" exclusive: bool = true;
        /// Whether a machine check is removed from the firmware's store (pstore) when it is safe on disk. A store that is
        /// full keeps nothing of the next panic.
        "pstore-erase" pstore_erase: bool = true;
        tables {}
    }
}

table! {
    /// When a part has too many errors.
    Thresholds {
        /// What is told of a part that stays above its threshold.
        "again" again: Again = Again::Doubling;
        tables {
            /// A DIMM, as far as the registers name it.
            "dimm" dimm: Threshold = Threshold::new(Some(10), Some(1), 4096);
            /// A page of 4 KiB.
            "page" page: Threshold = Threshold::new(Some(10), None, 16384);
            /// The memory of a socket.
            "socket" socket: Threshold = Threshold::new(Some(100), Some(1), 256);
            /// A cache, by the unit that reports it and the CPU.
            "cache" cache: Threshold = Threshold::new(Some(20), None, 4096);
            /// A bus or an interconnect, by the bank that reports it and the socket.
            "bus" bus: Threshold = Threshold::new(Some(10), Some(1), 1024);
            /// A PCI root port that reports through a machine check, by its address.
            "iomca" iomca: Threshold = Threshold::new(Some(10), Some(1), 1024);
            /// Every other error, by the bank that reports it and the socket.
            "unknown" unknown: Threshold = Threshold::new(Some(10), Some(1), 1024);
        }
    }
}

table! {
    /// When a part of one kind has too many errors, and what is then run.
    Threshold {
        /// Corrected errors.
        "corrected" corrected: Option<Rate> = None;
        /// Uncorrected errors.
        "uncorrected" uncorrected: Option<Rate> = None;
        /// What is run.
        "trigger" trigger: Option<Argv> = None;
        /// Of how many parts errors are counted; the one that was quiet the longest makes room.
        "parts" parts: Count<1_000_000> = Count::new(4096);
        tables {}
    }
}

impl Offline {
    /// Where the kernel is asked (Documentation/ABI/testing/sysfs-memory-page-offline).
    pub(crate) fn file(&self) -> PathBuf {
        self.sysfs.join("devices/system/memory/soft_offline_page")
    }
}

impl Threshold {
    /// Counts a day, and the number of parts.
    const fn new(corrected: Option<u32>, uncorrected: Option<u32>, parts: u32) -> Self {
        const fn a_day(count: Option<u32>) -> Option<Rate> {
            match count {
                Some(count) => Some(Rate::new(count, Time::hours(24))),
                None => None,
            }
        }
        Self {
            corrected: a_day(corrected),
            uncorrected: a_day(uncorrected),
            trigger: None,
            parts: Count::new(parts),
        }
    }
}

table! {
    /// How triggers are run.
    Triggers {
        /// How long one may take.
        "timeout" timeout: Time = Time::seconds(60);
        /// How long it has between SIGTERM and SIGKILL.
        "grace" grace: Time = Time::seconds(5);
        /// How many at once.
        "at-once" at_once: Count<64> = Count::new(4);
        /// How many wait at most; further ones are not run, which is counted and told.
        "queue" queue: Count<65_536> = Count::new(64);
        /// How much of what one prints is told.
        "output" output: Size = Size(4096);
        /// The directory in which they are run.
        "directory" directory: PathBuf = PathBuf::from("/");
        /// Their PATH.
        "path" path: PathList = PathList("/usr/sbin:/usr/bin:/sbin:/bin".into());
        /// Whether what they start may gain rights, as programs do that are setuid or setgid.
        "gain-rights" gain_rights: bool = false;
        tables {}
    }
    check |this| (this.output.0 > 32 << 10).then(|| ("output", "more than 32 KiB of a trigger's output; expected less".into()));
}

table! {
    /// What becomes of pages with too many errors.
    Offline {
        /// Whether pages are taken out of use.
        "mode" mode: PageOffline = PageOffline::Off;
        /// How many pages at most; of further ones it is only said.
        "limit" limit: Option<Rate> = Some(Rate::new(1000, Time::hours(24)));
        /// Where sysfs is.
        "sysfs" sysfs: PathBuf = PathBuf::from("/sys");
        tables {}
    }
}

table! {
    /// Where errors are told.
    Output {
        tables {
            /// Standard output.
            "terminal" terminal: Terminal = Terminal::default();
            /// The journal, or syslog where there is none.
            "journal" journal: Journal = Journal::default();
            /// A file for people.
            "log" log: Log = Log::default();
            /// Lines of JSON for programs.
            "ndjson" ndjson: Ndjson = Ndjson::default();
            /// How much is told to people.
            "limits" limits: Limits = Limits::default();
            /// How much waits for a slow output.
            "queue" queue: Queue = Queue::default();
        }
    }
    check |this| {
        let both = this.ndjson.to == Some(Target::Stdout) && this.terminal.enabled == When::Always;
        let what = "standard output cannot be both for people and for programs; expected \
                    `terminal.enabled = \"never\"`, or a file for `ndjson.to`";
        both.then(|| ("ndjson", what.into()))
    };
}

table! {
    /// Standard output.
    Terminal {
        /// Whether it is used; `auto`: where it is a terminal.
        "enabled" enabled: When = When::Auto;
        /// How errors are shown.
        "form" form: Form = Form::Block;
        /// Whether in colour; `auto`: on a terminal, unless NO_COLOR is set.
        "colour" colour: When = When::Auto;
        tables {}
    }
}

table! {
    /// The journal.
    Journal {
        /// Whether it is used; `auto`: where standard output is not a terminal.
        "enabled" enabled: When = When::Auto;
        /// The journal's socket.
        "socket" socket: PathBuf = PathBuf::from("/run/systemd/journal/socket");
        /// The socket of syslog, for where there is no journal.
        "syslog" syslog: PathBuf = PathBuf::from("/dev/log");
        tables {}
    }
}

table! {
    /// A file for people.
    Log {
        /// The file; opened again on SIGUSR1 and SIGHUP, and when another one stands under its name.
        "file" file: Option<PathBuf> = None;
        /// How errors are shown.
        "form" form: Form = Form::Block;
        tables {}
    }
}

table! {
    /// Lines of JSON.
    Ndjson {
        /// The file, or standard output.
        "to" to: Option<Target> = None;
        tables {}
    }
}

table! {
    /// How much is told to people; uncorrected errors are always told.
    Limits {
        /// Corrected errors of one bank of one CPU.
        "place" place: Option<Rate> = Some(Rate::new(10, Time::seconds(60)));
        /// Corrected errors of all banks.
        "overall" overall: Option<Rate> = Some(Rate::new(100, Time::seconds(60)));
        /// How often it is told what was left out.
        "report" report: Time = Time::seconds(60);
        tables {}
    }
}

table! {
    /// How much waits for a slow output.
    Queue {
        /// Corrected errors and other news; the oldest make room, which is counted.
        "corrected" corrected: Count<1_000_000> = Count::new(1024);
        /// Uncorrected errors; when so many wait, further ones are counted only.
        "uncorrected" uncorrected: Count<1_000_000> = Count::new(16384);
        tables {}
    }
}

table! {
    /// Counters for Prometheus.
    Metrics {
        /// A file for node_exporter's textfile collector, written anew and renamed.
        "file" file: Option<PathBuf> = None;
        /// How often the file is written while something changes.
        "interval" interval: Time = Time::seconds(15);
        /// Where they are served over HTTP.
        "listen" listen: Option<SocketAddr> = None;
        /// Whether that may be an address that others reach.
        "allow-remote" allow_remote: bool = false;
        /// How many places are counted apart; errors of further ones are counted together.
        "places" places: Count<100_000> = Count::new(1024);
        tables {}
    }
    check |this| {
        let remote = this.listen.filter(|at| !at.ip().is_loopback() && !this.allow_remote)?;
        let what = format!(
            "{remote} can be reached by others; expected 127.0.0.1 or ::1, or `allow-remote = true` beside it"
        );
        Some(("listen", what))
    };
}

table! {
    /// What parts are called.
    Labels {
        /// Names of DIMMs.
        "dimms" dimms: Names = Names::default();
        /// Whether names are taken from EDAC (sysfs), where the registers say for certain which DIMM it is.
        "edac" edac: bool = true;
        /// A file of labels as ras-mc-ctl reads them, or a folder of such, which need not be there.
        "files" files: Option<PathBuf> = Some(PathBuf::from("/etc/ras/dimm_labels.d"));
        /// Whether names are taken from SMBIOS too, where an address lies in one DIMM only.
        "dmi" dmi: bool = true;
        tables {}
    }
}

table! {
    /// Who may ask the running daemon, and where.
    Control {
        /// The socket.
        "socket" socket: Option<PathBuf> = Some(PathBuf::from("/run/rasd/rasd.sock"));
        /// Users who may ask, besides root and the daemon's own.
        "users" users: Ids = Ids::default();
        /// Groups whose members may, those who have it as their first.
        "groups" groups: Ids = Ids::default();
        tables {}
    }
}

table! {
    /// What the daemon may do once everything is open.
    Rights {
        /// Whether it gives up what it does not need any more.
        "give-up" give_up: bool = true;
        tables {}
    }
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// Every mistake in it, in the order of the file.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Vec<Problem>> {
        let refuse = |at: usize, what: String| {
            let (line, column) = read::place(bytes, at);
            let key = String::new();
            Err(vec![Problem {
                line,
                column,
                key,
                what,
            }])
        };
        if bytes.len() > MAX_LEN {
            let what = format!("a file of more than {MAX_LEN} bytes is no configuration");
            return refuse(0, what);
        }
        let text = match str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                return refuse(error.valid_up_to(), "this is not UTF-8".into());
            }
        };
        let mut problems = Problems::new(text);
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().lines().collect::<Vec<_>>().join("; ");
            problems.add(at, "", message);
        }
        let mut config = Self::default();
        section(&mut config, table.get_ref(), "", &mut problems);
        let problems = problems.finish();
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(problems)
        }
    }
}

/// The configuration as a file that gives the same.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write("", &mut text);
        f.write_str(text.trim_start())
    }
}

#[cfg(test)]
mod tests;
