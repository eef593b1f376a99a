//! Giving up rights: after everything that needs them is open, before anything that came from outside is read.
//!
//! Four fences, each as far as the kernel has it: no capability but the few that are named, no way to gain any
//! (`no_new_privs`), a filter of system calls that a reader of errors never makes, and a file system that can be written
//! in few places (Landlock). All hold for every thread that is started later, so this comes before the first one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::path::PathBuf;

use caps::{CapSet, Capability};
use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};
use serde::{Deserialize, Serialize};

/// What is still needed when the rest is given up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Needed {
    /// Files and folders below which it writes, makes and removes. One that does not exist is left out.
    pub(crate) writes: Vec<PathBuf>,
    /// perf events of a CPU that comes back must be opened.
    pub(crate) perf: bool,
    /// Metrics are served over TCP, on a socket that is made later.
    pub(crate) network: bool,
    /// A program is run, and run again when it ends: `journalctl`, which reads the journal.
    pub(crate) programs: bool,
    /// pstore's copies of the kernel's log must be read, where `dmesg_restrict` is set.
    pub(crate) kernel_log: bool,
}

/// What holds from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fences {
    /// Capabilities that were kept, by name; all others are gone.
    pub(crate) capabilities: Vec<String>,
    /// Nothing that is executed gains rights.
    pub(crate) no_new_privs: bool,
    /// The filter of system calls.
    pub(crate) seccomp: bool,
    /// What Landlock enforces.
    pub(crate) landlock: Landlock,
    /// What could not be put up, and why.
    pub(crate) missing: Vec<String>,
}

/// How far the kernel's Landlock goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Landlock {
    /// Everything that was asked for.
    Full,
    /// What this kernel knows of it.
    Partial,
    /// Nothing: the kernel has no Landlock, or it is not switched on (`lsm=`).
    None,
}

impl Fences {
    /// Adds them to a text for people, with what could not be put up.
    pub(crate) fn tell(&self, what: &str, out: &mut String) {
        // Writing into a string cannot fail.
        let _ = writeln!(out, "{what}: {self}");
        for missing in &self.missing {
            let _ = writeln!(out, "    {missing}");
        }
    }
}

impl fmt::Display for Fences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |holds| if holds { "yes" } else { "no" };
        let kept = if self.capabilities.is_empty() {
            "none".to_owned()
        } else {
            self.capabilities.join(" ")
        };
        write!(
            f,
            "capabilities {kept}, no new privileges {}, system call filter {}, landlock {}",
            yes(self.no_new_privs),
            yes(self.seccomp),
            match self.landlock {
                Landlock::Full => "full",
                Landlock::Partial => "partial",
                Landlock::None => "no",
            }
        )
    }
}

/// What the process that runs triggers goes on with. Whatever it starts has no more than it has itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunnerNeeds {
    /// It runs programs of the operator, and nobody but him knows what those need.
    pub(crate) programs: bool,
    /// They may gain rights.
    pub(crate) gain: bool,
    /// A file of the kernel to which it writes addresses of pages.
    pub(crate) writes: Option<PathBuf>,
}

/// Puts the fences of that process up. Without programs it can write to one file, and nothing else; with them, they get
/// what the daemon was started with, except what no trigger does, and it uses none of that itself.
#[must_use]
pub(crate) fn confine(needs: &RunnerNeeds) -> Fences {
    let mut putting = Putting::default();
    // The kernel asks for it where pages are taken out of use (soft_offline_page_store).
    let mut uses = Vec::from_iter(needs.writes.is_some().then_some(Capability::CAP_SYS_ADMIN));
    if needs.programs {
        // To end a program that became somebody else.
        uses.push(Capability::CAP_KILL);
        putting.capabilities(use_capabilities(&uses));
    } else {
        putting.capabilities(drop_capabilities(&uses));
    }
    if !(needs.programs && needs.gain) {
        putting.no_new_privs();
        let more = if needs.programs { &[][..] } else { REFUSED };
        putting.seccomp(filter(HARMFUL.iter().chain(more), |rules| {
            if !needs.programs {
                rules.extend(NO_PROGRAMS.map(|call| (call, Vec::new())));
                rules.insert(libc::SYS_socket, Vec::new());
            }
            Ok(())
        }));
    }
    if !needs.programs {
        let writes = needs.writes.as_slice();
        putting.landlock(fence_files(writes, AccessFs::ReadFile | AccessFs::ReadDir));
    }
    putting.finish()
}

/// Puts the fences up. What the kernel or the process's rights do not allow is told in [`Fences::missing`]: a daemon
/// that reads is worth more than one that does not start.
#[must_use]
pub(crate) fn give_up(needed: &Needed) -> Fences {
    let mut putting = Putting::default();
    // The bounding set first: that takes CAP_SETPCAP, which goes with the rest.
    putting.capabilities(drop_capabilities(&kept(needed)));
    putting.no_new_privs();
    let mut everywhere = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::IoctlDev;
    if needed.programs {
        everywhere |= AccessFs::Execute;
    }
    putting.landlock(fence_files(&needed.writes, everywhere));
    putting.seccomp(filter(HARMFUL.iter().chain(REFUSED), |rules| {
        refuse_by_need(needed, rules)
    }));
    putting.finish()
}

/// The fences while they are put up, one after the other.
#[derive(Debug, Default)]
struct Putting {
    no_new_privs: bool,
    seccomp: bool,
    landlock: Option<Landlock>,
    missing: Vec<String>,
}

/// Why a fence could not be put up.
type Failed = Box<dyn std::error::Error>;

impl Putting {
    fn tell(&mut self, what: &str, error: &dyn fmt::Display) {
        self.missing.push(format!("{what}: {error}"));
    }

    fn capabilities(&mut self, done: Result<(), caps::errors::CapsError>) {
        if let Err(error) = done {
            self.tell("capabilities", &error);
        }
    }

    fn no_new_privs(&mut self) {
        match nix::sys::prctl::set_no_new_privs() {
            Ok(()) => self.no_new_privs = true,
            Err(error) => self.tell("no_new_privs", &error),
        }
    }

    fn landlock(&mut self, done: Result<Landlock, Failed>) {
        match done {
            Ok(landlock) => self.landlock = Some(landlock),
            Err(error) => self.tell("landlock", &error),
        }
    }

    fn seccomp(&mut self, filter: Result<BpfProgram, Failed>) {
        match filter.and_then(|filter| Ok(seccompiler::apply_filter(&filter)?)) {
            Ok(()) => self.seccomp = true,
            Err(error) => self.tell("seccomp", &error),
        }
    }

    /// What holds now.
    fn finish(self) -> Fences {
        let capabilities = caps::read(None, CapSet::Effective).unwrap_or_default();
        Fences {
            capabilities: capabilities
                .iter()
                .map(ToString::to_string)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            no_new_privs: self.no_new_privs,
            seccomp: self.seccomp,
            landlock: self.landlock.unwrap_or(Landlock::None),
            missing: self.missing,
        }
    }
}

/// The capabilities that stay. Files stay root's own: whoever runs as root goes on reading what belongs to root, without
/// the right to read what does not.
fn kept(needed: &Needed) -> Vec<Capability> {
    let mut keep = Vec::new();
    if needed.perf {
        keep.push(Capability::CAP_PERFMON);
    }
    if needed.kernel_log {
        keep.push(Capability::CAP_SYSLOG);
    }
    keep
}

fn drop_capabilities(keep: &[Capability]) -> Result<(), caps::errors::CapsError> {
    let had = caps::read(None, CapSet::Permitted)?;
    if had.contains(&Capability::CAP_SETPCAP) {
        for capability in caps::read(None, CapSet::Bounding)? {
            if !keep.contains(&capability) {
                caps::drop(None, CapSet::Bounding, capability)?;
            }
        }
    }
    let stay = keep
        .iter()
        .copied()
        .filter(|capability| had.contains(capability))
        .collect();
    caps::clear(None, CapSet::Ambient)?;
    caps::set(None, CapSet::Inheritable, &caps::CapsHashSet::new())?;
    caps::set(None, CapSet::Effective, &stay)?;
    caps::set(None, CapSet::Permitted, &stay)
}

/// Only these are in effect; the rest stays there for programs that are started.
fn use_capabilities(keep: &[Capability]) -> Result<(), caps::errors::CapsError> {
    let had = caps::read(None, CapSet::Permitted)?;
    let stay = keep
        .iter()
        .copied()
        .filter(|one| had.contains(one))
        .collect();
    caps::set(None, CapSet::Effective, &stay)
}

/// Lets some files and folders be written, and all be used in one way.
fn fence_files(writes: &[PathBuf], everywhere: BitFlags<AccessFs>) -> Result<Landlock, Failed> {
    // The newest rules that are of use here; an older kernel enforces those that it knows.
    let abi = ABI::V5;
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .create()?
        .add_rule(PathBeneath::new(PathFd::new("/")?, everywhere))?;
    for path in writes {
        let Ok(metadata) = path.metadata() else {
            continue;
        };
        let access = if metadata.is_dir() {
            AccessFs::from_all(abi)
        } else {
            AccessFs::from_file(abi)
        };
        ruleset = ruleset.add_rule(PathBeneath::new(
            PathFd::new(path)?,
            access & !AccessFs::Execute,
        ))?;
    }
    Ok(match ruleset.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => Landlock::Full,
        RulesetStatus::PartiallyEnforced => Landlock::Partial,
        RulesetStatus::NotEnforced => Landlock::None,
    })
}

/// What a reader of errors never does, and no trigger does either. It is a list of what is refused, not of what is allowed:
/// the libraries below us may find new system calls for what they do today, and a daemon that dies of an update sees no
/// errors at all.
const HARMFUL: &[libc::c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    // The kernel itself.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_bpf,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_userfaultfd,
    // Io_uring's requests are made past this filter.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// What a reader of errors never does either. A trigger may.
const REFUSED: &[libc::c_long] = &[
    libc::SYS_reboot,
    // Mounts, namespaces, and what is not ours to set.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_acct,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_syslog,
    // Who we are.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_capset,
    libc::SYS_personality,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
];

/// Programs are started by these.
const NO_PROGRAMS: [libc::c_long; 2] = [libc::SYS_execve, libc::SYS_execveat];

/// System calls, and the arguments with which they are refused; none: always.
type Rules = BTreeMap<libc::c_long, Vec<SeccompRule>>;

fn refuse_by_need(needed: &Needed, rules: &mut Rules) -> Result<(), Failed> {
    if !needed.programs {
        rules.extend(NO_PROGRAMS.map(|call| (call, Vec::new())));
    }
    if !needed.perf {
        rules.insert(libc::SYS_perf_event_open, Vec::new());
    }
    // Sockets of this machine only, but for metrics.
    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
    let allowed = if needed.network {
        &families[..]
    } else {
        &families[..1]
    };
    let elsewhere = allowed
        .iter()
        .map(|&family| {
            let family = u64::from(family.unsigned_abs());
            SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family)
        })
        .collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(elsewhere)?]);
    Ok(())
}

/// Refuses these calls, and what else there is.
fn filter<'a>(
    calls: impl Iterator<Item = &'a libc::c_long>,
    more: impl FnOnce(&mut Rules) -> Result<(), Failed>,
) -> Result<BpfProgram, Failed> {
    let mut rules: Rules = calls.map(|&call| (call, Vec::new())).collect();
    more(&mut rules)?;
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    Ok(SeccompFilter::new(rules, SeccompAction::Allow, refused, arch)?.try_into()?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::TcpListener;
    use std::process::Command;

    use super::*;

    /// The fences cannot be taken down again, so they are put up in a process of their own: this test run once more.
    const CHILD: &str = "RASD_TEST_FENCED";

    /// In that process the folder for its files; elsewhere, nothing, when that process has succeeded.
    fn folder() -> Option<PathBuf> {
        if let Some(folder) = std::env::var_os(CHILD) {
            return Some(folder.into());
        }
        let folder = tempfile::tempdir().expect("a folder");
        let thread = std::thread::current();
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "--nocapture", "--test-threads=1"])
            .arg(thread.name().expect("a test's thread has its name"))
            .env(CHILD, folder.path())
            .output()
            .expect("this program again");
        let said = String::from_utf8_lossy(&child.stdout);
        let errors = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{said}\n{errors}");
        assert!(said.contains("1 passed"), "{said}");
        None
    }

    #[test]
    fn the_journals_reader_can_be_run() {
        if folder().is_none() {
            return;
        }
        let fences = give_up(&Needed {
            programs: true,
            ..Needed::default()
        });
        assert!(fences.no_new_privs && fences.seccomp, "{fences:?}");
        let status = Command::new("/bin/true").status().expect("a program");
        assert!(status.success());
    }

    #[test]
    fn what_is_given_up_is_gone_and_the_rest_works() {
        let Some(folder) = folder() else {
            return;
        };
        let (ours, others) = (folder.join("ours"), folder.join("others"));
        fs::create_dir(&ours).expect("a folder");
        fs::write(&others, "before").expect("a file");
        let fences = give_up(&Needed {
            writes: vec![ours.clone(), folder.join("not there")],
            ..Needed::default()
        });
        println!("{fences}; missing: {:?}", fences.missing);

        assert!(fences.no_new_privs && fences.seccomp, "{fences:?}");
        assert_eq!(fences.capabilities, [""; 0]);
        let status = fs::read_to_string("/proc/thread-self/status").expect("procfs");
        for line in [
            "NoNewPrivs:\t1",
            "Seccomp:\t2",
            "CapEff:\t0000000000000000",
            "CapPrm:\t0000000000000000",
        ] {
            assert!(status.contains(line), "{line}: {status}");
        }
        // What a daemon does, it can do.
        fs::write(ours.join("spool"), "after").expect("our own files");
        fs::remove_file(ours.join("spool")).expect("our own files");
        assert_eq!(fs::read(&others).expect("reading"), b"before");
        std::thread::spawn(|| ()).join().expect("threads");
        std::os::unix::net::UnixDatagram::unbound().expect("sockets of this machine");
        // What it does not, it cannot.
        assert!(
            Command::new("/bin/true").status().is_err(),
            "a program was run"
        );
        assert!(
            TcpListener::bind("127.0.0.1:0").is_err(),
            "a socket for the network"
        );
        if fences.landlock != Landlock::None {
            assert!(
                fs::write(&others, "after").is_err(),
                "someone else's file was written"
            );
        }
    }

    #[test]
    fn who_runs_no_triggers_writes_one_file_and_nothing_else() {
        let Some(folder) = folder() else {
            return;
        };
        let (ours, others) = (folder.join("ours"), folder.join("others"));
        fs::write(&ours, "").expect("a file");
        fs::write(&others, "before").expect("a file");
        let fences = confine(&RunnerNeeds {
            writes: Some(ours.clone()),
            ..RunnerNeeds::default()
        });
        assert!(fences.no_new_privs && fences.seccomp, "{fences:?}");
        fs::write(&ours, "0x1000").expect("the file that is written");
        assert!(Command::new("/bin/true").status().is_err(), "a program");
        let socket = std::os::unix::net::UnixDatagram::unbound();
        assert!(socket.is_err(), "a socket");
        if fences.landlock != Landlock::None {
            assert!(fs::write(&others, "after").is_err(), "another file");
        }
    }

    #[test]
    fn who_runs_triggers_runs_them() {
        if folder().is_none() {
            return;
        }
        let before = caps::read(None, CapSet::Permitted).expect("capabilities");
        let fences = confine(&RunnerNeeds {
            programs: true,
            ..RunnerNeeds::default()
        });
        assert!(fences.no_new_privs && fences.seccomp, "{fences:?}");
        // They get what there was; it is not in use here.
        let after = caps::read(None, CapSet::Permitted).expect("capabilities");
        assert_eq!(after, before);
        assert!(fences.capabilities.len() <= 1, "{fences:?}");
        let status = Command::new("/bin/true").status().expect("a program");
        assert!(status.success());
    }

    #[test]
    fn rights_are_kept_by_need() {
        assert_eq!(kept(&Needed::default()), []);
        let needed = Needed {
            perf: true,
            kernel_log: true,
            ..Needed::default()
        };
        assert_eq!(
            kept(&needed),
            [Capability::CAP_PERFMON, Capability::CAP_SYSLOG]
        );
    }
}
