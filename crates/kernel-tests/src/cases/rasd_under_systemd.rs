//! The daemon as systemd's unit, on a system with systemd and its journal: installed by the README's commands, killed, hung,
//! reloaded and stopped there, and started with the system after a reboot.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use mcekit::{Addr, Misc, Record, Status};
use mcelog_dev::{Debugfs, Injection, Injector, Raise};
use nix::sys::signal::{Signal, kill};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::Pid;
use serde_json::Value;

use crate::case::{Boot, Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;
use crate::guest::rasd::{Check, Errors, History};
use crate::guest::systemd::{self, KIT, Unit, journal, kit, run_as, systemctl};

pub(super) const CASE: Case = Case {
    name: "rasd_under_systemd",
    about: "the unit file as it is: started, fenced in, watched, restarted, reloaded, stopped; each error once in history and journal",
    kernels: &[Kernel::Stock612],
    cpus: Cpu::INTEL,
    how: How::Boots(&[
        Boot::new(installed)
            .powers_off()
            .append(INSTANCE)
            .with_rasd()
            .with_systemd(),
        Boot::new(with_the_system)
            .append(INSTANCE)
            .with_rasd()
            .with_systemd(),
    ]),
};

const INSTANCE: &str = "trace_instance=mce,mce:mce_record";

/// What README.md says (a test below compares), run in a folder like that of the repository.
const INSTALL: [&str; 3] = [
    "install target/release/examples/rasd /usr/local/sbin/",
    "install -m 644 examples/rasd/rasd.service /etc/systemd/system/",
    "systemctl enable --now rasd",
];
const LOOK: [&str; 3] = ["rasd sources", "rasd status", "rasd query --since 7d"];

const UNIT_FILE: &str = include_str!("../../../../examples/rasd/rasd.service");
const RASD: Unit = Unit("rasd.service");
const PROGRAM: &str = "/usr/local/sbin/rasd";
const STATE: &str = "/var/lib/rasd";
const LOG: &str = "/var/log/rasd/rasd.log";

/// A user whom the configuration names, and one whom it does not.
const NAMED: u32 = 1001;
const OTHER: u32 = 1002;

/// Instead of a minute, so that nobody waits for it here.
const WATCHDOG: &str = "[Service]\nWatchdogSec=10\n";

/// For channels other than the best.
const SOURCE: &str = "[Service]\nEnvironmentFile=/run/source\nExecStart=\nExecStart=/usr/local/sbin/rasd --source ${SOURCE}\n";

/// How long the daemon or systemd may take, in an emulated machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What becomes of a machine check whose message has this id (examples/rasd/out/journal.rs).
const MACHINE_CHECK: &str = "MESSAGE_ID=2f9c8c3e9ad64f0eb2f8fb1a4d7c6a51";

/// Those that the first boot injects.
const FIRST_BOOT: usize = 17;

/// Runs a line of the README.
fn line(line: &str) -> Result<String, Failure> {
    let words: Vec<&str> = line.split(' ').collect();
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| Failure::new("no words"))?;
    systemd::run(program, arguments)
}

fn history() -> Result<History, Failure> {
    History::of(Path::new(PROGRAM), Path::new(STATE))
}

/// Waits until the history has as many as were injected: they are these, and nothing is lost.
fn until_all(guest: &Guest, errors: &Errors) -> Outcome {
    until_as_many(guest, errors)?.is(&errors.all)
}

fn until_as_many(guest: &Guest, errors: &Errors) -> Result<History, Failure> {
    let mut last = None;
    let waited = guest.wait_for("all errors in the history", PATIENCE, || {
        // Before the first event there is no history.
        let Ok(now) = history() else { return Ok(None) };
        let enough = now.checks.len() >= errors.all.len();
        last = Some(now);
        Ok(enough.then_some(()))
    });
    waited.map_err(|Failure(why)| Failure(format!("{why}: {last:?}")))?;
    history()
}

fn installed(guest: &Guest) -> Outcome {
    let mut errors = Errors::default();
    errors.inject(3)?;
    installs()?;
    ensure(
        RASD.property("ActiveState")? == "active" && RASD.property("Type")? == "notify",
        "enable --now has ended, and the unit is not active",
    )?;
    until_all(guest, &errors)?;
    for command in LOOK {
        let said = line(command)?;
        guest.keep(&command.replace(' ', "-"), said.as_bytes());
    }
    fenced(guest)?;
    errors.inject(2)?;
    until_all(guest, &errors)?;
    told(guest, &errors.all, &[])?;

    // The daemon that reads it comes by the restart.
    let config = format!("[output.log]\nfile = \"{LOG}\"\n[control]\nusers = [{NAMED}]\n");
    fs::write("/etc/rasd.toml", config)?;
    let perhaps = killed(guest, &mut errors)?;
    hangs(guest, &mut errors)?;
    answers()?;
    reopens(guest, &mut errors)?;
    let (unsure, sure): (Vec<Check>, Vec<Check>) =
        errors.all.iter().partition(|check| perhaps.contains(check));
    told(guest, &sure, &unsure)?;
    // What the daemon has not read by now is read before the machine is off.
    errors.inject(1)?;
    systemctl(&["poweroff", "--no-block"])?;
    same("injected", errors.all.len(), FIRST_BOOT)
}

/// Has the repository's files where someone who built it has them, and does what the README says.
fn installs() -> Outcome {
    std::env::set_current_dir(KIT)?;
    fs::create_dir_all("target/release/examples")?;
    fs::create_dir_all("examples/rasd")?;
    fs::rename(kit("rasd"), "target/release/examples/rasd")?;
    fs::write("examples/rasd/rasd.service", UNIT_FILE)?;
    drop_in("watchdog.conf", WATCHDOG)?;
    INSTALL
        .iter()
        .try_for_each(|command| line(command).map(drop))
}

/// An administrator's addition to the unit.
fn drop_in(name: &str, text: &str) -> Outcome {
    let folder = Path::new("/etc/systemd/system/rasd.service.d");
    fs::create_dir_all(folder)?;
    Ok(fs::write(folder.join(name), text)?)
}

/// The rights that the running daemon has, and what it can write.
fn fenced(guest: &Guest) -> Outcome {
    let process = RASD.main_process()?;
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    guest.keep("process-status", status.as_bytes());
    let value = |name: &str| {
        let mut lines = status.lines().filter_map(|line| line.split_once(":\t"));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    // CAP_SYSLOG, 34, stays while it reads pstore.
    for (name, want) in [
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
        ("Uid", "0\t0\t0\t0"),
        ("CapEff", "0000000400000000"),
        ("CapPrm", "0000000400000000"),
        ("CapBnd", "0000000400000000"),
        ("CapInh", "0000000000000000"),
        ("CapAmb", "0000000000000000"),
    ] {
        let got = value(name).unwrap_or_default();
        ensure(got == want, format!("{name}: {got}, and not {want}"))?;
    }
    // systemd's filter and its own.
    let filters: u32 = value("Seccomp_filters").unwrap_or_default().parse()?;
    ensure(filters >= 2, format!("{filters} filters of system calls"))?;

    let root = format!("/proc/{process}/root");
    for (path, writable) in [
        ("/etc", false),
        ("/usr/local/sbin", false),
        ("/var/lib", false),
        ("/sys", false),
        ("/sys/kernel/debug", false),
        ("/proc/sys", false),
        (STATE, true),
        ("/run/rasd", true),
        ("/var/log/rasd", true),
        ("/sys/kernel/tracing", true),
    ] {
        let flags = statvfs(format!("{root}{path}").as_str())?.flags();
        let open = !flags.contains(FsFlags::ST_RDONLY);
        ensure(
            open == writable,
            format!("{path} can be written by it: {open}"),
        )?;
    }
    for (path, want) in [
        (STATE, 0o750),
        ("/run/rasd", 0o755),
        ("/var/log/rasd", 0o755),
    ] {
        let there = fs::metadata(path)?;
        same(path, there.mode() & 0o7777, want)?;
        same(path, (there.uid(), there.gid()), (0, 0))?;
    }
    let analysis = systemd::run("systemd-analyze", &["security", "rasd", "--no-pager"])?;
    guest.keep("systemd-analyze-security", analysis.as_bytes());
    let last = analysis.lines().rfind(|line| line.contains("exposure"));
    let number = last.and_then(|line| line.split_whitespace().find_map(|word| word.parse().ok()));
    let number: f64 = number.ok_or_else(|| Failure(format!("systemd-analyze says: {analysis}")))?;
    guest.figure("exposure", number, "of 10");
    ensure(number < 4.0, format!("exposure {number}"))
}

/// What the journal has of the unit: each of these errors, once, with its registers and as urgent as it is; and
/// perhaps the last words of a process that was killed.
fn told(guest: &Guest, these: &[Check], perhaps: &[Check]) -> Outcome {
    systemd::run("journalctl", &["--sync"])?;
    let mut entries = Vec::new();
    let waited = guest.wait_for("the errors in the journal", PATIENCE, || {
        entries = journal(&["-b", "-u", "rasd", MACHINE_CHECK])?;
        let all = these
            .iter()
            .all(|check| of(&entries, check).next().is_some());
        Ok(all.then_some(()))
    });
    waited.map_err(|Failure(why)| Failure(format!("{why}: {entries:?}")))?;
    let mut known = these.len();
    for check in perhaps {
        let times = of(&entries, check).count();
        ensure(times <= 1, format!("{check:x?} is in the journal twice"))?;
        known += times;
    }
    same("machine checks in the journal", entries.len(), known)?;
    for check in these {
        let mut found = of(&entries, check);
        let (Some(entry), None) = (found.next(), found.next()) else {
            return Err(Failure(format!("{check:x?} is in the journal twice")));
        };
        let number = |n: Option<u32>| n.map(|n| n.to_string());
        for (field, want) in [
            ("MCE_STATUS", Some(format!("{:#018x}", check.status))),
            ("MCE_MISC", check.misc.map(|misc| format!("{misc:#018x}"))),
            ("MCE_CPU", number(check.cpu)),
            ("MCE_BANK", number(check.bank.map(u32::from))),
            ("MCE_SEVERITY", Some("corrected".to_owned())),
            // Corrected: a notice.
            ("PRIORITY", Some("5".to_owned())),
            ("SYSLOG_IDENTIFIER", Some("rasd".to_owned())),
            ("_SYSTEMD_UNIT", Some("rasd.service".to_owned())),
            ("_TRANSPORT", Some("journal".to_owned())),
        ] {
            let got = entry[field].as_str();
            ensure(
                got == want.as_deref(),
                format!("{field}: {got:?}, and not {want:?}"),
            )?;
        }
        let message = entry["MESSAGE"].as_str().unwrap_or_default();
        ensure(
            message.starts_with("CORRECTED: ") && !message.contains('\u{1b}'),
            format!("the message: {message}"),
        )?;
    }
    guest.keep("journal", Value::from(entries).to_string().as_bytes());
    // What it says of itself is no error, and has lost the mark of its priority.
    let words = journal(&["-b", "-u", "rasd", "_TRANSPORT=stdout"])?;
    let read = words
        .iter()
        .any(|entry| entry["MESSAGE"] == "rasd: reading trace:mce" && entry["PRIORITY"] == "6");
    ensure(read, format!("what it says of itself: {words:?}"))?;
    let warning = words.iter().find(|entry| entry["PRIORITY"] != "6");
    ensure(warning.is_none(), format!("it warns: {warning:?}"))
}

/// The journal's entries of an error.
fn of<'a>(entries: &'a [Value], check: &Check) -> impl Iterator<Item = &'a Value> {
    let address = check.addr.map(|addr| format!("{addr:#018x}"));
    entries
        .iter()
        .filter(move |entry| entry["MCE_ADDR"].as_str() == address.as_deref())
}

/// Killed with -9: systemd starts it again. Gives those errors that it had perhaps not told of.
fn killed(guest: &Guest, errors: &mut Errors) -> Result<Vec<Check>, Failure> {
    let process = RASD.main_process()?;
    let perhaps = errors.inject(2)?;
    kill(Pid::from_raw(process), Signal::SIGKILL)?;
    errors.inject(2)?;
    RASD.until(guest, "NRestarts", "1")?;
    RASD.until(guest, "ActiveState", "active")?;
    errors.inject(2)?;
    until_all(guest, errors)?;
    ensure(
        RASD.main_process()? != process,
        "the process that was killed goes on",
    )?;
    Ok(perhaps)
}

/// Stopped in its tracks: the watchdog ends it, and systemd starts it again.
fn hangs(guest: &Guest, errors: &mut Errors) -> Outcome {
    same(
        "the watchdog's time is the drop-in's",
        RASD.property("WatchdogUSec")? == "10s",
        true,
    )?;
    let process = RASD.main_process()?;
    kill(Pid::from_raw(process), Signal::SIGSTOP)?;
    errors.inject(3)?;
    RASD.until(guest, "NRestarts", "2")?;
    RASD.until(guest, "ActiveState", "active")?;
    until_all(guest, errors)?;
    // It counts from its start on, and is told as often as the watchdog.
    let text = "3 machine checks, 0 other events, 0 lost; 0 waiting for the history";
    RASD.until(guest, "StatusText", text)?;
    let words = journal(&["-b", "-u", "rasd", "_PID=1"])?;
    let watchdog = words.iter().any(|entry| {
        let text = entry["MESSAGE"].as_str().unwrap_or_default();
        text.contains("Failed with result 'watchdog'")
    });
    ensure(watchdog, format!("no word of the watchdog: {words:?}"))
}

/// Whom it answers.
fn answers() -> Outcome {
    let program = Path::new(PROGRAM);
    for arguments in [&["status"][..], &["query", "--json"]] {
        let named = run_as(NAMED, program, arguments)?;
        ensure(
            named.status.success() && !named.stdout.is_empty(),
            format!("a user who may ask: {arguments:?}: {named:?}"),
        )?;
        let other = run_as(OTHER, program, arguments)?;
        let said = String::from_utf8_lossy(&other.stderr);
        ensure(
            other.status.code() == Some(1)
                && other.stdout.is_empty()
                && said.contains("user 1002 (group 1002) may not ask"),
            format!("a user who may not ask: {arguments:?}: {other:?}"),
        )?;
    }
    let file = run_as(OTHER, program, &["query", "--state", STATE])?;
    ensure(!file.status.success(), "another user reads the history")?;
    Ok(())
}

/// The log file is moved away, and the daemon told.
fn reopens(guest: &Guest, errors: &mut Errors) -> Outcome {
    same("the log", fs::metadata(LOG)?.mode() & 0o7777, 0o640)?;
    let old = format!("{LOG}.1");
    fs::rename(LOG, &old)?;
    let known = fs::read_to_string(&old)?;
    systemctl(&["reload", "rasd"])?;
    let new = errors.inject(2)?;
    until_all(guest, errors)?;
    let log = guest.wait_for("the new log", PATIENCE, || {
        let log = fs::read_to_string(LOG).unwrap_or_default();
        let all = new.iter().all(|check| has(&log, check));
        Ok(all.then_some(log))
    })?;
    guest.keep("log", log.as_bytes());
    ensure(
        fs::read_to_string(&old)? == known,
        "the old log was written",
    )?;
    // Moved while it was told of it: no reason to complain.
    ensure(!log.contains("moved or removed"), log)?;
    ensure(
        RASD.property("NRestarts")? == "2" && RASD.property("ActiveState")? == "active",
        "the reload was more than one",
    )
}

fn has(log: &str, check: &Check) -> bool {
    check
        .addr
        .is_some_and(|addr| log.contains(&format!("{addr:#018x}")))
}

/// What `systemctl stop` leaves.
fn ended_in_order() -> Outcome {
    for (name, want) in [
        ("ActiveState", "inactive"),
        ("Result", "success"),
        ("ExecMainCode", "1"),
        ("ExecMainStatus", "0"),
    ] {
        let got = RASD.property(name)?;
        ensure(got == want, format!("{name}: {got}, and not {want}"))?;
    }
    ensure(!Path::new("/run/rasd").exists(), "/run/rasd is there still")
}

/// The next start of the machine starts it, early, and does not wait for it.
fn with_the_system(guest: &Guest) -> Outcome {
    RASD.until(guest, "ActiveState", "active")?;
    let moment =
        |unit: Unit, name| -> Result<u64, Failure> { Ok(unit.property(name)?.parse::<u64>()?) };
    let daemon = moment(RASD, "InactiveExitTimestampMonotonic")?;
    let system = moment(Unit("sysinit.target"), "ActiveEnterTimestampMonotonic")?;
    ensure(
        daemon < system,
        format!("the daemon begins after {daemon} us, the system is there after {system} us"),
    )?;
    let log = journal(&["-b", "_PID=1"])?;
    let cycle = log.iter().find(|entry| {
        let text = entry["MESSAGE"].as_str().unwrap_or_default();
        text.contains("ordering cycle") || text.contains("rasd.service:")
    });
    ensure(cycle.is_none(), format!("systemd complains: {cycle:?}"))?;
    let mut errors = Errors::default();
    errors.skip(FIRST_BOOT);
    // What the first boot had is there, and what comes now differs.
    let new = errors.inject(2)?;
    until_all(guest, &errors)?;
    told(guest, &new, &[])?;
    by_other_channels(guest, &mut errors)
}

/// The unit lets the daemon read every channel; what comes by several of them comes once.
fn by_other_channels(guest: &Guest, errors: &mut Errors) -> Outcome {
    drop_in("source.conf", SOURCE)?;
    systemctl(&["daemon-reload"])?;
    for source in ["kmsg", "journal", "perf"] {
        fs::write("/run/source", format!("SOURCE={source}\n"))?;
        systemctl(&["stop", "rasd"])?;
        ended_in_order()?;
        if source != "perf" {
            // Read when it starts.
            errors.inject(1)?;
        }
        systemctl(&["start", "rasd"])?;
        let status = line("rasd status")?;
        guest.keep(&format!("status-{source}"), status.as_bytes());
        let begin = format!("reads {source}:");
        // The kernel's log is read for what it says of a full pool in any case.
        let live = |line: &str| {
            line.starts_with(&begin) && line.contains("(live)") && !line.contains(":mce-pool ")
        };
        ensure(status.lines().any(live), format!("{source}: {status}"))?;
        errors.inject(2)?;
        let history = until_as_many(guest, errors)?;
        if source == "perf" {
            // Nobody has what was before its rings.
            history.has(&errors.all, &[])?;
        } else {
            history
                .is(&errors.all)
                .map_err(|Failure(why)| Failure(format!("{source}: {why}")))?;
        }
    }
    urgent(guest)?;
    let words = systemd::run("journalctl", &["-b", "-u", "rasd", "-o", "cat"])?;
    guest.keep("words", words.as_bytes());
    without_a_source()
}

/// What is worse than corrected is more urgent.
fn urgent(guest: &Guest) -> Outcome {
    let record = Record::new(6, Status(0xbe00_0000_0000_0e0b))
        .with_cpu(1)
        .with_addr(Addr(0x20_0000))
        .with_misc(Misc(0x18_0000));
    Debugfs::new().inject(&Injection::new(record).with_raise(Raise::Log))?;
    guest.wait_for("a fatal error in the journal", PATIENCE, || {
        let entries = journal(&["-b", "-u", "rasd", MACHINE_CHECK, "PRIORITY=2"])?;
        let these = entries.iter().filter(|entry| {
            let is = |field: &str, value: &str| entry[field] == value;
            is("MCE_STATUS", "0xbe00000000000e0b")
                && is("MCE_ADDR", "0x0000000000200000")
                && is("MCE_SEVERITY", "fatal")
        });
        Ok((these.count() == 1).then_some(()))
    })
}

/// A daemon that has no source is not started again and again.
fn without_a_source() -> Outcome {
    fs::write("/run/source", "SOURCE=mcelog\n")?;
    ensure(
        systemctl(&["restart", "rasd"]).is_err(),
        "the daemon reads /dev/mcelog, which is not there",
    )?;
    // Longer than until a restart.
    sleep(Duration::from_secs(4));
    for (name, want) in [
        ("ActiveState", "failed"),
        ("Result", "exit-code"),
        ("ExecMainStatus", "3"),
        ("NRestarts", "0"),
    ] {
        let got = RASD.property(name)?;
        ensure(got == want, format!("{name}: {got}, and not {want}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{INSTALL, LOOK};

    #[test]
    fn the_commands_are_those_of_the_readme() {
        let readme = include_str!("../../../../README.md");
        for command in INSTALL {
            let command = format!("sudo {command}");
            assert!(readme.contains(&command), "{command}");
        }
        assert!(readme.contains(&LOOK.join("; ")));
    }
}
