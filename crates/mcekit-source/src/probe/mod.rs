//! What this machine has, best first, and why.
//!
//! [`probe`] looks and opens nothing; [`open_best`] opens what it found.

mod machine;
mod open;

use std::fmt;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use perf_ring::Rights;
use tracefs::fs::{BootInstance, EventName, Tracefs};

use self::machine::Configuration;
pub use self::machine::Machine;
pub use self::open::{OpenOptions, Opened, open_best};
use crate::trace::MCE_RECORD;
use crate::{Caps, Channel, Guarantees, LossKnown};

/// The name of the instance that is made where there is none.
pub const INSTANCE: &str = "mcekit";

/// Where a keeper's socket is looked for.
pub const KEEPER_SOCKET: &str = "/run/mcekit/keeper.sock";

/// A place to read machine checks from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// A trace instance of the kernel's command line, by name.
    BootInstance(String),
    /// A copy of what such an instance's memory had of the boot before, by name.
    EarlierBoot(String),
    /// The top-level trace instance, which the command line lets record machine checks.
    TopInstance,
    /// A trace instance that is made and kept, by name.
    KeptInstance(String),
    /// A keeper's socket.
    Keeper(PathBuf),
    /// Perf rings of one's own.
    Perf,
    /// /dev/mcelog.
    Mcelog,
    /// The kernel's log.
    Kmsg,
    /// The journal.
    Journal,
    /// pstore, and systemd's archive of it.
    Pstore,
}

/// What a place is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What happened before.
    Backlog,
    /// What happens from now on.
    Live,
    /// Both in one.
    Both,
}

/// Why a place cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// What is missing, or in the way.
    pub why: String,
    /// What would help: a kernel parameter, an option, a right.
    pub how: String,
}

/// A place, and whether it can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where.
    pub place: Place,
    /// What for.
    pub role: Role,
    /// What it guarantees, if it can be used.
    pub caps: Caps,
    /// Why it cannot be used.
    pub obstacle: Option<Obstacle>,
}

/// What a machine has: the best place first. Its text is a table for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// All places, best first, those that cannot be used among them.
    pub candidates: Vec<Candidate>,
    /// What spoils the picture: parameters that hide errors, other readers.
    pub warnings: Vec<String>,
}

impl Place {
    /// Its channel.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        match self {
            Self::BootInstance(_)
            | Self::EarlierBoot(_)
            | Self::TopInstance
            | Self::KeptInstance(_) => Channel::Trace,
            Self::Keeper(_) => Channel::Keeper,
            Self::Perf => Channel::Perf,
            Self::Mcelog => Channel::Mcelog,
            Self::Kmsg => Channel::Kmsg,
            Self::Journal => Channel::Journal,
            Self::Pstore => Channel::Pstore,
        }
    }

    const fn role(&self) -> Role {
        match self {
            Self::Pstore | Self::EarlierBoot(_) => Role::Backlog,
            Self::Perf | Self::KeptInstance(_) => Role::Live,
            _ => Role::Both,
        }
    }

    /// What its source says of itself.
    fn caps(&self) -> Caps {
        match self {
            Self::BootInstance(_) => crate::trace::caps(true, true),
            Self::EarlierBoot(_) => {
                let mut caps = crate::trace::caps(true, true);
                caps.guarantees.remove(Guarantees::WAKES_ALL);
                caps.guarantees.insert(Guarantees::SURVIVES_REBOOT);
                caps
            }
            Self::TopInstance => {
                let mut caps = crate::trace::caps(true, true);
                caps.guarantees.remove(Guarantees::MANY_READERS);
                caps
            }
            Self::KeptInstance(_) => crate::trace::caps(false, true),
            Self::Keeper(_) => crate::keeper::CAPS,
            Self::Perf => crate::perf::CAPS,
            Self::Mcelog => crate::mcelog::CAPS,
            Self::Kmsg => crate::kmsg::CAPS,
            Self::Journal => crate::journal::CAPS,
            Self::Pstore => crate::pstore::CAPS,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BootInstance(name) => write!(f, "trace instance {name}, from boot"),
            Self::EarlierBoot(name) => write!(f, "trace instance {name}, a copy"),
            Self::TopInstance => f.write_str("top trace instance, from boot"),
            Self::KeptInstance(name) => write!(f, "trace instance {name}, kept"),
            Self::Keeper(path) => write!(f, "keeper at {}", path.display()),
            Self::Perf => f.write_str("own perf rings"),
            Self::Mcelog => f.write_str("/dev/mcelog"),
            Self::Kmsg => f.write_str("kernel log"),
            Self::Journal => f.write_str("journal"),
            Self::Pstore => f.write_str("pstore"),
        }
    }
}

fn obstacle(why: impl Into<String>, how: impl Into<String>) -> Obstacle {
    Obstacle {
        why: why.into(),
        how: how.into(),
    }
}

impl Obstacle {
    /// With what the kernel's configuration says of the options that matter, where there is one.
    fn by(mut self, config: Option<&Configuration>, options: &[&str]) -> Self {
        if let Some(config) = config {
            self.how = format!("{} ({})", self.how, config.says(options));
        }
        self
    }
}

/// Looks what a machine has.
#[must_use]
pub fn probe(machine: &Machine) -> Probe {
    let config = machine.config();
    let config = config.as_ref();
    let tracing = tracing(machine, config);
    let mut candidates = Vec::new();
    let mut add = |place: Place, obstacle: Option<Obstacle>| {
        candidates.push(Candidate {
            role: place.role(),
            caps: place.caps(),
            place,
            obstacle,
        });
    };
    let (boot, why_not) = boot_instance(machine, tracing.as_ref());
    add(Place::BootInstance(boot), why_not);
    if let Some((name, why_not)) = earlier_boot(machine, tracing.as_ref()) {
        add(Place::EarlierBoot(name), why_not);
    }
    if let Some(why_not) = top_instance(machine, tracing.as_ref()) {
        add(Place::TopInstance, why_not);
    }
    let kept = tracing.as_ref().err().cloned().or_else(|| {
        let instances = tracing.as_ref().ok()?.root().join("instances");
        reachable(
            &instances,
            AccessFlags::W_OK,
            "root, and tracefs mounted read-write",
        )
    });
    add(Place::KeptInstance(INSTANCE.into()), kept);
    let socket = machine.path(KEEPER_SOCKET);
    let no_socket = std::fs::metadata(&socket).map_or(true, |found| !found.file_type().is_socket());
    let keeper = no_socket
        .then(|| obstacle("no keeper listens", "a perf_ring::Keeper of mce:mce_record"))
        .or_else(|| {
            reachable(
                &socket,
                AccessFlags::W_OK,
                "the right to the keeper's socket",
            )
        });
    add(Place::Keeper(socket), keeper);
    add(Place::Perf, perf(machine, tracing.as_ref(), config));
    add(Place::Mcelog, mcelog(machine, config));
    let kmsg = reachable(
        &machine.path("dev/kmsg"),
        AccessFlags::R_OK,
        "CAP_SYSLOG, or kernel.dmesg_restrict=0",
    );
    add(Place::Kmsg, kmsg);
    let journal = !(machine.path("usr/bin/journalctl").exists()
        && machine.path("run/systemd/journal").exists());
    add(
        Place::Journal,
        journal.then(|| obstacle("no journal, or no journalctl", "systemd's journal")),
    );
    add(Place::Pstore, pstore(machine, config));
    Probe {
        candidates,
        warnings: warnings(machine, config),
    }
}

/// Why a file cannot be used, if it cannot.
fn reachable(path: &Path, how: AccessFlags, right: &str) -> Option<Obstacle> {
    match access(path, how) {
        Ok(()) => None,
        Err(Errno::ENOENT | Errno::ENOTDIR) => {
            Some(obstacle(format!("there is no {}", path.display()), right))
        }
        Err(errno) => {
            let error = io::Error::from(errno);
            Some(obstacle(format!("{}: {error}", path.display()), right))
        }
    }
}

/// tracefs with the event, or what is missing.
fn tracing(machine: &Machine, config: Option<&Configuration>) -> Result<Tracefs, Obstacle> {
    let tracefs = machine.tracefs().map_err(|error| match error {
        tracefs::Error::Forbidden { .. } => {
            obstacle(error.to_string(), "root (tracefs is closed to others)")
        }
        error => obstacle(
            error.to_string(),
            "mount -t tracefs nodev /sys/kernel/tracing, and a kernel with CONFIG_TRACING",
        )
        .by(config, &["CONFIG_TRACING"]),
    })?;
    let name: Result<EventName, _> = MCE_RECORD.parse();
    match name.and_then(|name| tracefs.top().event(&name)) {
        Ok(_) => Ok(tracefs),
        Err(error @ tracefs::Error::NoEvent { .. }) => Err(obstacle(
            error.to_string(),
            "a kernel for x86 with CONFIG_X86_MCE",
        )
        .by(config, &["CONFIG_X86_MCE"])),
        Err(error) => Err(obstacle(error.to_string(), "root")),
    }
}

/// Whether that part of a command line lets machine checks be recorded.
fn has_event(event: &str) -> bool {
    matches!(event, MCE_RECORD | "mce" | "mce_record" | "mce:*" | "mce:")
}

/// The instance of the command line.
fn boot_instance(
    machine: &Machine,
    tracing: Result<&Tracefs, &Obstacle>,
) -> (String, Option<Obstacle>) {
    let asked = machine.boot_instances();
    let boot = asked
        .iter()
        .find(|boot| boot.events.iter().any(|event| has_event(event)));
    let name = boot.map_or("mce", |boot| &boot.name).to_owned();
    let parameter = "the kernel parameter trace_instance=mce,mce:mce_record";
    let old = machine.kernel().is_some_and(|version| version < (6, 3));
    let why_not = match (tracing, boot) {
        (Err(obstacle), _) => Some(obstacle.clone()),
        (Ok(_), None) if old => Some(obstacle(
            "this kernel makes no instances while it boots",
            "Linux 6.3 with trace_instance=mce,mce:mce_record; before that, trace_event=mce:mce_record",
        )),
        (Ok(_), None) => Some(obstacle("the command line asks for none", parameter)),
        (Ok(tracefs), Some(boot)) => tracefs
            .open_instance(&boot.name)
            .err()
            .map(|error| obstacle(error.to_string(), parameter)),
    };
    (name, why_not)
}

/// The copy of what an instance's memory had of the boot before, if the command line asks for one.
fn earlier_boot(
    machine: &Machine,
    tracing: Result<&Tracefs, &Obstacle>,
) -> Option<(String, Option<Obstacle>)> {
    let asked = machine.boot_instances();
    let records = |name: &str| {
        let events = |boot: &BootInstance| boot.events.iter().any(|event| has_event(event));
        asked.iter().any(|boot| boot.name == name && events(boot))
    };
    let copy = asked
        .iter()
        .find(|boot| boot.copy_of.as_deref().is_some_and(records))?;
    let gone = |error: tracefs::Error| {
        let how = "a kernel that makes copies (7.x), and one that has not been read through";
        obstacle(error.to_string(), how)
    };
    let why_not = match tracing {
        Err(obstacle) => Some(obstacle.clone()),
        Ok(tracefs) => tracefs.open_instance(&copy.name).err().map(gone),
    };
    Some((copy.name.clone(), why_not))
}

/// The top-level instance, if the command line is about it.
fn top_instance(
    machine: &Machine,
    tracing: Result<&Tracefs, &Obstacle>,
) -> Option<Option<Obstacle>> {
    let cmdline = machine.cmdline();
    let events = crate::boot::find_parameter(&cmdline, "trace_event")?;
    events
        .split(',')
        .any(has_event)
        .then(|| tracing.err().cloned())
}

fn perf(
    machine: &Machine,
    tracing: Result<&Tracefs, &Obstacle>,
    config: Option<&Configuration>,
) -> Option<Obstacle> {
    let Some(paranoid) = machine.text("proc/sys/kernel/perf_event_paranoid") else {
        let why_not = obstacle(
            "the kernel has no perf events",
            "a kernel with CONFIG_PERF_EVENTS",
        );
        return Some(why_not.by(config, &["CONFIG_PERF_EVENTS"]));
    };
    if let Err(obstacle) = tracing {
        return Some(obstacle.clone());
    }
    let open = paranoid.parse().is_ok_and(|level: i32| level < 0);
    (!open && Rights::current().perfmon() == Some(false)).then(|| {
        obstacle(
            format!("kernel.perf_event_paranoid is {paranoid}"),
            "CAP_PERFMON, or kernel.perf_event_paranoid=-1",
        )
    })
}

fn mcelog(machine: &Machine, config: Option<&Configuration>) -> Option<Obstacle> {
    let option = "CONFIG_X86_MCELOG_LEGACY";
    let how = match config.map(|config| config.get(option)) {
        Some("y") => "udev, or mknod /dev/mcelog c 10 227; root",
        _ => "a kernel with CONFIG_X86_MCELOG_LEGACY; root",
    };
    let why_not = reachable(&machine.path("dev/mcelog"), AccessFlags::R_OK, how);
    why_not.map(|why_not| why_not.by(config, &[option]))
}

fn pstore(machine: &Machine, config: Option<&Configuration>) -> Option<Obstacle> {
    let places = ["sys/fs/pstore", "var/lib/systemd/pstore"];
    let usable = places
        .iter()
        .any(|place| access(&machine.path(place), AccessFlags::R_OK | AccessFlags::X_OK).is_ok());
    (!usable).then(|| {
        obstacle(
            "neither /sys/fs/pstore nor systemd's archive of it is to be read",
            "root, and a kernel with CONFIG_PSTORE and CONFIG_ACPI_APEI (ERST)",
        )
        .by(config, &["CONFIG_PSTORE", "CONFIG_ACPI_APEI"])
    })
}

fn warnings(machine: &Machine, config: Option<&Configuration>) -> Vec<String> {
    let mut warnings = Vec::new();
    let cmdline = machine.cmdline();
    let words: Vec<&str> = cmdline
        .split_whitespace()
        .take_while(|word| *word != "--")
        .collect();
    for (word, means) in [
        ("mce=off", "machine checks are not handled at all"),
        ("nomce", "machine checks are not handled at all"),
        ("mce=ignore_ce", "corrected errors are not looked for"),
        ("mce=dont_log_ce", "corrected errors are not logged"),
        ("mce=no_cmci", "corrected errors are found by polling only"),
    ] {
        if words.contains(&word) {
            warnings.push(format!("the kernel runs with {word}: {means}"));
        }
    }
    let collects = config.is_some_and(|config| config.get("CONFIG_RAS_CEC") == "y");
    if collects && !words.contains(&"ras=cec_disable") {
        warnings.push(
            "the kernel keeps corrected memory errors to itself (CONFIG_RAS_CEC): /dev/mcelog and EDAC lack them; \
             ras=cec_disable undoes it"
                .into(),
        );
    }
    // Its own links say /dev/mcelog, wherever the tree is.
    let others = machine.processes(Path::new("/dev/mcelog"), &["mcelog", "rasdaemon"]);
    if !others.is_empty() {
        warnings.push(format!(
            "another reader runs: {}; of /dev/mcelog each gets a part",
            others.join(", ")
        ));
    }
    warnings
}

impl Probe {
    /// The places that can be used, best first.
    pub fn usable(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates
            .iter()
            .filter(|candidate| candidate.obstacle.is_none())
    }

    /// The best place for what happens from now on.
    #[must_use]
    pub fn best_live(&self) -> Option<&Candidate> {
        self.usable()
            .find(|candidate| candidate.role != Role::Backlog)
    }

    /// What would help, each once.
    #[must_use]
    pub fn advice(&self) -> Vec<&str> {
        let mut advice: Vec<&str> = Vec::new();
        for obstacle in self.candidates.iter().filter_map(|c| c.obstacle.as_ref()) {
            if !advice.contains(&&*obstacle.how) {
                advice.push(&obstacle.how);
            }
        }
        advice
    }
}

/// What a place guarantees, in a few words.
fn promises(caps: &Caps) -> String {
    let mut words = Vec::new();
    for (guarantee, word) in [
        (Guarantees::FROM_BOOT, "from boot"),
        (Guarantees::SURVIVES_EXIT, "survives its reader"),
        (Guarantees::SURVIVES_PANIC, "survives a panic"),
        (Guarantees::REPEATS, "each once"),
    ] {
        if caps.has(guarantee) {
            words.push(word);
        }
    }
    words.push(match caps.loss {
        LossKnown::Unknown => "loss unknown",
        LossKnown::Flag => "loss flagged",
        LossKnown::Exact => "loss counted",
        LossKnown::None => "no loss",
    });
    if !caps.has(Guarantees::REGISTERS) {
        words.push("text");
    }
    words.join(", ")
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, candidate) in self.candidates.iter().enumerate() {
            let role = match candidate.role {
                Role::Backlog => "backlog",
                Role::Live => "live",
                Role::Both => "backlog, live",
            };
            let rank = index + 1;
            let place = candidate.place.to_string();
            match &candidate.obstacle {
                None => {
                    let promises = promises(&candidate.caps);
                    writeln!(f, "{rank:2}  {place:34} yes  {role}; {promises}")?;
                }
                Some(Obstacle { why, how }) => {
                    writeln!(f, "{rank:2}  {place:34} no   {why}")?;
                    writeln!(f, "{:4}{:34}      needs: {how}", "", "")?;
                }
            }
        }
        self.warnings
            .iter()
            .try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

#[cfg(test)]
mod tests;
