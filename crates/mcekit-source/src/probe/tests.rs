//! Made machines.

use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixListener;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::Error;

struct Made {
    dir: tempfile::TempDir,
}

impl Made {
    fn new(release: &str, cmdline: &str) -> Self {
        let made = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        made.file("proc/cmdline", cmdline);
        made.file("proc/sys/kernel/osrelease", release);
        made
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn tracefs(&self, instances: &[&str]) {
        self.file("sys/kernel/tracing/events/mce/mce_record/format", "");
        fs::create_dir_all(self.dir.path().join("sys/kernel/tracing/instances")).unwrap();
        for name in instances {
            self.file(
                &format!("sys/kernel/tracing/instances/{name}/events/mce/mce_record/format"),
                "",
            );
        }
    }

    fn probe(&self) -> Probe {
        probe(&Machine::at(self.dir.path()))
    }
}

/// Why that place cannot be used; `None` if it can.
fn why_not(probe: &Probe, channel: Channel, from_boot: bool) -> Option<Obstacle> {
    let mut candidates = probe.candidates.iter();
    candidates
        .find(|c| c.place.channel() == channel && c.caps.has(Guarantees::FROM_BOOT) == from_boot)
        .unwrap()
        .obstacle
        .clone()
}

#[test]
fn a_boot_instance_is_best() {
    let made = Made::new(
        "6.12.1-amd64\n",
        "quiet trace_instance=early,mce:mce_record -- x\n",
    );
    made.tracefs(&["early"]);
    made.file("dev/mcelog", "");
    let probe = made.probe();
    let best = probe.best_live().unwrap();
    assert_eq!(best.place, Place::BootInstance("early".into()));
    assert_eq!(best.role, Role::Both);
    assert!(best.caps.has(Guarantees::FROM_BOOT | Guarantees::REPEATS));
    let usable: Vec<Channel> = probe.usable().map(|c| c.place.channel()).collect();
    assert!(usable.contains(&Channel::Mcelog));
    assert!(!usable.contains(&Channel::Keeper));
    assert!(!usable.contains(&Channel::Perf));
}

#[test]
fn a_copy_of_the_boot_before_is_backlog() {
    let cmdline = "trace_instance=mce@kept,mce:mce_record trace_instance=other=sched trace_instance=before=mce";
    let made = Made::new("7.3.4\n", cmdline);
    made.tracefs(&["mce", "before"]);
    let probe = made.probe();
    let copy = Place::EarlierBoot("before".into());
    let found = probe.usable().find(|one| one.place == copy).unwrap();
    assert_eq!(found.role, Role::Backlog);
    assert_eq!(
        probe.best_live().unwrap().place,
        Place::BootInstance("mce".into())
    );

    // Read through, and removed by the kernel.
    let made = Made::new("7.3.4\n", cmdline);
    made.tracefs(&["mce"]);
    let probe = made.probe();
    assert!(probe.usable().all(|one| one.place != copy));
    assert!(probe.candidates.iter().any(|one| one.place == copy));
}

#[test]
fn what_is_missing_is_said() {
    let bare = Made::new("6.12.1\n", "quiet\n").probe();
    assert_eq!(bare.best_live(), None);
    let why = why_not(&bare, Channel::Trace, true).unwrap();
    assert!(why.how.contains("mount -t tracefs"), "{why:?}");
    let why = why_not(&bare, Channel::Perf, false).unwrap();
    assert!(why.how.contains("CONFIG_PERF_EVENTS"), "{why:?}");
    let error = open_best(&bare, &OpenOptions::default()).unwrap_err();
    assert!(
        matches!(&error, Error::Missing { how, .. } if how.contains("CONFIG_X86_MCELOG_LEGACY")),
        "{error}"
    );

    let made = Made::new("6.12.1\n", "quiet\n");
    made.tracefs(&[]);
    let why = why_not(&made.probe(), Channel::Trace, true).unwrap();
    assert_eq!(
        why.how,
        "the kernel parameter trace_instance=mce,mce:mce_record"
    );

    let gone = Made::new("6.12.1\n", "trace_instance=mce,mce:mce_record\n");
    gone.tracefs(&[]);
    assert!(why_not(&gone.probe(), Channel::Trace, true).is_some());
}

#[test]
fn kernels_before_6_3_have_the_top_instance() {
    let old = Made::new(
        "6.1.0-9\n",
        "trace_event=sched:sched_switch,mce:mce_record\n",
    );
    old.tracefs(&[]);
    let probe = old.probe();
    assert_eq!(probe.best_live().unwrap().place, Place::TopInstance);
    let why = why_not(&probe, Channel::Trace, true).unwrap();
    assert!(why.how.contains("trace_event=mce:mce_record"), "{why:?}");
}

#[test]
fn pstore_is_backlog_and_a_keeper_is_found() {
    let made = Made::new("6.12.1\n", "");
    fs::create_dir_all(made.dir.path().join("sys/fs/pstore")).unwrap();
    let socket = made.dir.path().join(KEEPER_SOCKET.trim_start_matches('/'));
    fs::create_dir_all(socket.parent().unwrap()).unwrap();
    let _listener = UnixListener::bind(&socket).unwrap();
    let probe = made.probe();
    assert_eq!(probe.best_live().unwrap().place, Place::Keeper(socket));
    let backlog: Vec<_> = probe.usable().filter(|c| c.role == Role::Backlog).collect();
    assert_eq!(backlog.len(), 1);
    assert_eq!(backlog[0].place, Place::Pstore);
}

#[test]
fn what_hides_errors_is_warned_of() {
    let made = Made::new("6.12.1\n", "mce=ignore_ce -- mce=off\n");
    made.file(
        "boot/config-6.12.1",
        "CONFIG_RAS_CEC=y\n# CONFIG_X86_MCELOG_LEGACY is not set\n",
    );
    made.file("proc/77/comm", "rasdaemon\n");
    made.file("proc/78/comm", "other\n");
    fs::create_dir_all(made.dir.path().join("proc/78/fd")).unwrap();
    std::os::unix::fs::symlink("/dev/mcelog", made.dir.path().join("proc/78/fd/3")).unwrap();
    let warnings = made.probe().warnings;
    assert_eq!(warnings.len(), 3, "{warnings:#?}");
    assert!(warnings[0].contains("mce=ignore_ce"));
    assert!(warnings[1].contains("ras=cec_disable"));
    assert!(warnings[2].contains("other (78), rasdaemon (77)"));

    let quiet = Made::new("6.12.1\n", "ras=cec_disable\n");
    quiet.file("boot/config-6.12.1", "CONFIG_RAS_CEC=y\n");
    assert_eq!(quiet.probe().warnings, [""; 0]);
}

#[test]
fn the_table_says_why() {
    let made = Made::new("6.12.1\n", "trace_instance=mce,mce:mce_record\n");
    made.tracefs(&["mce"]);
    let table = made.probe().to_string();
    let line = |words: &str| {
        table
            .lines()
            .find(|line| line.contains(words))
            .unwrap_or_else(|| panic!("no {words} in\n{table}"))
            .to_owned()
    };
    assert_eq!(
        line("instance mce, from boot"),
        " 1  trace instance mce, from boot      yes  backlog, live; from boot, survives its reader, each once, \
         loss counted"
    );
    assert!(line("keeper at").contains("no   no keeper listens"));
    assert!(table.contains("needs: a kernel with CONFIG_X86_MCELOG_LEGACY; root"));
}

#[test]
fn what_the_kernels_configuration_says_stands_beside_what_is_needed() {
    let says = |made: &Made, channel, from_boot| {
        let why = why_not(&made.probe(), channel, from_boot).unwrap();
        let root = made.dir.path().display().to_string();
        why.how.replace(&root, "")
    };
    let made = Made::new("6.12.1\n", "");
    // Without one, nothing is said of it.
    assert!(!says(&made, Channel::Mcelog, true).contains('('));
    made.file("lib/modules/6.12.1/config", "CONFIG_TRACING=y\n");
    assert_eq!(
        says(&made, Channel::Trace, true),
        "mount -t tracefs nodev /sys/kernel/tracing, and a kernel with CONFIG_TRACING \
         (/lib/modules/6.12.1/config: CONFIG_TRACING is built in)"
    );
    made.file("boot/config-6.12.1", "CONFIG_X86_MCELOG_LEGACY=y\n");
    assert_eq!(
        says(&made, Channel::Mcelog, true),
        "udev, or mknod /dev/mcelog c 10 227; root (/boot/config-6.12.1: CONFIG_X86_MCELOG_LEGACY is built in)"
    );
    // What the running kernel itself gives comes first.
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed
        .write_all(
            b"# CONFIG_X86_MCELOG_LEGACY is not set\nCONFIG_PSTORE=m\nCONFIG_ACPI_APEI=y\nCONFIG_RAS_CEC=y\n",
        )
        .unwrap();
    let packed = packed.finish().unwrap();
    fs::write(made.dir.path().join("proc/config.gz"), &packed).unwrap();
    assert_eq!(
        says(&made, Channel::Mcelog, true),
        "a kernel with CONFIG_X86_MCELOG_LEGACY; root (/proc/config.gz: CONFIG_X86_MCELOG_LEGACY is not set)"
    );
    assert!(
        says(&made, Channel::Pstore, true).ends_with(
            "(/proc/config.gz: CONFIG_PSTORE is a module, CONFIG_ACPI_APEI is built in)"
        )
    );
    assert!(made.probe().warnings[0].contains("ras=cec_disable"));
    // One that is cut off is none.
    let half = &packed[..packed.len() / 2];
    fs::write(made.dir.path().join("proc/config.gz"), half).unwrap();
    assert!(says(&made, Channel::Mcelog, true).contains("/boot/config-6.12.1"));
}
