//! All boots of all machines, some at a time, and their report.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Trouble;
use super::boot::{self, BootEnd, Booted, Plan};
use super::kernels::Files;
use super::transcript::Transcript;
use crate::case::{Boot, Case, Ends, Failure, How, Kernel, Machine};

/// A boot that takes longer hangs. Three times what the slowest needs on a busy machine.
const BOOT_LIMIT: Duration = Duration::from_secs(240);

/// Lines of a failed boot that are printed.
const LINES_SHOWN: usize = 60;

/// What every boot shares.
pub(super) struct Bench<'a> {
    pub(super) kernels: &'a BTreeMap<Kernel, Files>,
    pub(super) guest: &'a Path,
    /// The daemon, where a case wants it.
    pub(super) rasd: Option<&'a Path>,
    /// The tree with systemd, where a case wants it.
    pub(super) systemd: Option<&'a Path>,
    pub(super) out: &'a Path,
    pub(super) verbose: bool,
    pub(super) deadline: Instant,
}

/// How many cases went how.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) passed: u32,
    pub(super) failed: u32,
}

/// One machine's boots that follow each other.
enum Job {
    Shared(Machine, Vec<&'static Case>),
    Own(Machine, &'static Case, &'static [Boot]),
}

/// Runs the cases on the machines.
pub(super) fn all(
    bench: &Bench<'_>,
    cases: &[&'static Case],
    machines: &[Machine],
    at_a_time: usize,
) -> Result<Tally, Trouble> {
    let mut jobs = VecDeque::new();
    for &machine in machines {
        let here = || cases.iter().copied().filter(|c| c.runs_on(machine));
        let shared: Vec<_> = here().filter(|c| matches!(c.how, How::Shared(_))).collect();
        if !shared.is_empty() {
            jobs.push_back(Job::Shared(machine, shared));
        }
        for case in here() {
            if let How::Boots(boots) = case.how {
                jobs.push_back(Job::Own(machine, case, boots));
            }
        }
    }
    // A transcript of an earlier run must not pass for one of this run.
    if bench.out.exists() {
        fs::remove_dir_all(bench.out).map_err(Trouble::while_doing(bench.out.display()))?;
    }
    fs::create_dir_all(bench.out).map_err(Trouble::while_doing(bench.out.display()))?;
    let jobs = Mutex::new(jobs);
    let report = Report {
        bench,
        tally: Mutex::new(Tally::default()),
    };
    thread::scope(|scope| {
        let worker = || -> Result<(), Trouble> {
            loop {
                let Some(job) = lock(&jobs).pop_front() else {
                    return Ok(());
                };
                match job {
                    Job::Shared(machine, cases) => report.shared(machine, &cases)?,
                    Job::Own(machine, case, boots) => report.own(machine, case, boots)?,
                }
            }
        };
        let workers: Vec<_> = (0..at_a_time).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|w| {
            w.join()
                .unwrap_or_else(|_| Err(Trouble::new("a worker panicked")))
        })
    })?;
    Ok(report
        .tally
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What outlives the boots of a case.
struct Lasting {
    erst: PathBuf,
    disk: PathBuf,
}

/// In bytes. The file has holes where nothing was written.
const DISK: u64 = 64 << 20;

/// Of a disk that is the root.
const ROOT_DISK: u64 = 256 << 20;

impl Lasting {
    /// An empty store and a disk, which begins as a copy of the tree if there is one.
    fn new(folder: &Path, tree: Option<&Path>) -> Result<Self, Trouble> {
        let disk = folder.join("disk");
        fs::File::create(&disk)?.set_len(tree.map_or(DISK, |_| ROOT_DISK))?;
        let mut mkfs = Command::new("mkfs.ext4");
        mkfs.args(["-q", "-F"]);
        if let Some(tree) = tree {
            mkfs.arg("-d").arg(tree);
        }
        let made = mkfs
            .arg(&disk)
            // Where people without root's PATH have it.
            .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
            .status()
            .map_err(Trouble::while_doing("mkfs.ext4 (is e2fsprogs installed?)"))?;
        if !made.success() {
            return Err(Trouble::new(format!("mkfs.ext4: {made}")));
        }
        Ok(Self {
            erst: folder.join("erst"),
            disk,
        })
    }
}

struct Report<'a> {
    bench: &'a Bench<'a>,
    tally: Mutex<Tally>,
}

impl Report<'_> {
    /// One line for a case.
    fn case(&self, machine: Machine, name: &str, seconds: f64, outcome: Result<(), String>) {
        let mut tally = lock(&self.tally);
        match outcome {
            Ok(()) => {
                tally.passed += 1;
                println!("pass {machine:18} {name:24} {seconds:6.2} s");
            }
            Err(why) => {
                tally.failed += 1;
                println!("FAIL {machine:18} {name:24} {seconds:6.2} s  {why}");
            }
        }
    }

    fn boot(
        &self,
        machine: Machine,
        cases: Vec<(&'static str, usize)>,
        how: &Boot,
        lasting: Option<&Lasting>,
        name: &str,
    ) -> Result<Booted, Trouble> {
        let kernel = self
            .bench
            .kernels
            .get(&machine.kernel)
            .ok_or_else(|| Trouble::new(format!("no kernel for {machine}")))?;
        let plan = Plan {
            machine,
            kernel,
            guest: self.bench.guest,
            cases,
            cpus: how.cpus,
            append: how.append,
            rasd: self.bench.rasd.filter(|_| how.rasd),
            systemd: how.systemd,
            powers_off: how.ends == Ends::PowerOff,
            erst: lasting.map(|lasting| lasting.erst.as_path()),
            disk: lasting.map(|lasting| lasting.disk.as_path()),
            restarts: how.restarts,
        };
        let limit = BOOT_LIMIT * (u32::from(how.restarts) + 1);
        let deadline = self.bench.deadline.min(Instant::now() + limit);
        let booted = boot::run(&plan, deadline, self.bench.verbose)?;
        self.leave(machine, name, &booted)?;
        for figure in &booted.figures {
            println!("     {machine:18} {name:24} {figure}");
        }
        Ok(booted)
    }

    /// Transcript and kept files, under the machine's and the boot's name.
    fn leave(&self, machine: Machine, name: &str, booted: &Booted) -> Result<(), Trouble> {
        let folder = self.bench.out.join(machine.to_string()).join(name);
        fs::create_dir_all(&folder).map_err(Trouble::while_doing(folder.display()))?;
        let mut text = String::new();
        for line in &booted.transcript.lines {
            text.push_str(&format!("{line}\n"));
        }
        fs::write(folder.join("transcript"), text)?;
        fs::write(folder.join("console"), booted.transcript.console())?;
        for (file, bytes) in &booted.transcript.kept {
            fs::write(folder.join(file), bytes)?;
        }
        Ok(())
    }

    fn shared(&self, machine: Machine, cases: &[&'static Case]) -> Result<(), Trouble> {
        let names = cases.iter().map(|case| (case.name, 0)).collect();
        let plain = Boot::new(|_| Ok(()));
        let booted = self.boot(machine, names, &plain, None, "shared")?;
        let mut told = booted.cases.into_iter();
        let mut failed = false;
        // A boot that stops half way fails every case that it did not come to.
        for case in cases {
            let (seconds, outcome) = match told.next() {
                Some(end) if end.name == case.name => (end.seconds, end.why.map_or(Ok(()), Err)),
                _ => (
                    booted.seconds,
                    Err(format!("not reached: {:?}", booted.end)),
                ),
            };
            failed |= outcome.is_err();
            self.case(machine, case.name, seconds, outcome);
        }
        if failed {
            print_end(&booted.transcript);
        }
        Ok(())
    }

    fn own(
        &self,
        machine: Machine,
        case: &'static Case,
        boots: &'static [Boot],
    ) -> Result<(), Trouble> {
        let folder = tempfile::tempdir()?;
        let systemd = boots.iter().any(|boot| boot.systemd);
        let tree = self.bench.systemd.filter(|_| systemd);
        let lasting = Lasting::new(folder.path(), tree)?;
        let begin = Instant::now();
        let mut outcome = Ok(());
        for (number, how) in boots.iter().enumerate() {
            let name = format!("{}-{}", case.name, number + 1);
            let plan = vec![(case.name, number)];
            let booted = self.boot(machine, plan, how, Some(&lasting), &name)?;
            outcome = judge(how, &booted).map_err(|why| format!("boot {}: {why}", number + 1));
            if outcome.is_err() {
                print_end(&booted.transcript);
                break;
            }
        }
        self.case(machine, case.name, begin.elapsed().as_secs_f64(), outcome);
        Ok(())
    }
}

/// The last lines of a boot that failed: on another machine they are all that one gets to see.
fn print_end(transcript: &Transcript) {
    let lines = &transcript.lines;
    // In one piece, as another boot may be reporting too.
    let mut text = String::new();
    for line in lines.iter().skip(lines.len().saturating_sub(LINES_SHOWN)) {
        text.push_str(&format!("    {line}\n"));
    }
    print!("{text}");
}

fn judge(how: &Boot, booted: &Booted) -> Result<(), String> {
    let why = booted.cases.first().and_then(|end| end.why.clone());
    match (how.ends, booted.end) {
        (Ends::Itself, BootEnd::Done) => why.map_or(Ok(()), Err)?,
        (Ends::PowerOff, BootEnd::Gone) if booted.transcript.console_has("Power down") => {
            why.map_or(Ok(()), Err)?;
        }
        (Ends::PowerOff, BootEnd::Done) => {
            return Err(why.unwrap_or_else(|| "the machine was to go down".to_owned()));
        }
        (Ends::Panic, BootEnd::Gone) if booted.transcript.console_has("Kernel panic") => {}
        (Ends::Panic, BootEnd::Done) => {
            return Err(why.unwrap_or_else(|| "the kernel was to panic, and did not".to_owned()));
        }
        // What the case says of it tells more.
        (Ends::Itself, BootEnd::NotRestarted) if why.is_some() => return why.map_or(Ok(()), Err),
        (_, end) => return Err(format!("the boot ended: {end:?}")),
    }
    match how.check.map(|check| check(&booted.transcript)) {
        Some(Err(Failure(why))) => Err(why),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::case::{Boot, Failure, ensure};
    use crate::host::boot::{BootEnd, Booted, CaseEnd};
    use crate::host::transcript::{Line, Stream, Transcript};

    /// A boot that ended so, with this console and this end of its case.
    fn booted(end: BootEnd, console: &str, why: Option<&str>) -> Booted {
        let line = |text: &str| Line {
            at: 0.0,
            stream: Stream::Console,
            text: text.to_owned(),
        };
        Booted {
            transcript: Transcript {
                lines: console.lines().map(line).collect(),
                ..Transcript::default()
            },
            cases: vec![CaseEnd {
                name: "case".to_owned(),
                seconds: 0.0,
                why: why.map(str::to_owned),
            }],
            figures: Vec::new(),
            end,
            seconds: 0.0,
        }
    }

    const PANIC: &str = "Kernel panic - not syncing: Fatal machine check";

    #[test]
    fn an_ordinary_boot_passes_only_if_its_case_does() {
        let boot = Boot::new(|_| Ok(()));
        assert_eq!(judge(&boot, &booted(BootEnd::Done, "", None)), Ok(()));
        let failed = judge(&boot, &booted(BootEnd::Done, "", Some("wrong")));
        assert_eq!(failed, Err("wrong".to_owned()));
        for end in [BootEnd::Gone, BootEnd::TimedOut] {
            assert!(judge(&boot, &booted(end, PANIC, None)).is_err(), "{end:?}");
        }
    }

    #[test]
    fn a_panic_is_wanted_only_where_it_is() {
        let boot = Boot::new(|_| Ok(())).panics();
        let cut_off = Some("the guest ended");
        assert_eq!(judge(&boot, &booted(BootEnd::Gone, PANIC, cut_off)), Ok(()));
        assert!(
            judge(&boot, &booted(BootEnd::Gone, "", cut_off)).is_err(),
            "it only went away"
        );
        assert!(judge(&boot, &booted(BootEnd::TimedOut, PANIC, None)).is_err());
        assert!(
            judge(&boot, &booted(BootEnd::Done, "", None)).is_err(),
            "it lived on"
        );
    }

    #[test]
    fn a_machine_that_is_to_go_down_does_so_after_its_case() {
        let boot = Boot::new(|_| Ok(())).powers_off();
        let down = "reboot: Power down";
        assert_eq!(judge(&boot, &booted(BootEnd::Gone, down, None)), Ok(()));
        let failed = judge(&boot, &booted(BootEnd::Gone, down, Some("wrong")));
        assert_eq!(failed, Err("wrong".to_owned()));
        for (end, console) in [
            (BootEnd::Done, down),
            (BootEnd::Gone, ""),
            (BootEnd::Gone, PANIC),
            (BootEnd::TimedOut, down),
        ] {
            assert!(
                judge(&boot, &booted(end, console, None)).is_err(),
                "{end:?}"
            );
        }
    }

    #[test]
    fn a_look_at_the_transcript_can_fail_it() {
        fn look(transcript: &Transcript) -> Result<(), Failure> {
            ensure(transcript.console_has("needle"), "no needle")
        }
        let boot = Boot::new(|_| Ok(())).checked(look);
        assert_eq!(
            judge(&boot, &booted(BootEnd::Done, "a needle", None)),
            Ok(())
        );
        let failed = judge(&boot, &booted(BootEnd::Done, "hay", None));
        assert_eq!(failed, Err("no needle".to_owned()));
    }
}
