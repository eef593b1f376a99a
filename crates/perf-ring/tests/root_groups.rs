//! Groups and cgroups on the running kernel.
//!
//! With MCEKIT_ROOT_TESTS=1, as root; without it nothing is run, and that is said.

mod common;

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{tracefs, wanted};
use perf_ring::abi::{AttrFlags, ReadFormat, SampleType};
use perf_ring::{AllCpus, Body, Builder, Error, Item, Software, Target, cpus};

/// The tracepoint of one system call's entries.
fn calls(number: u32) -> Builder {
    Builder::tracepoint(&tracefs(), "raw_syscalls", "sys_enter")
        .expect("the kernel has raw_syscalls")
        .filter(&format!("id == {number}"))
}

fn personality_calls(n: u64) {
    for _ in 0..n {
        nix::sys::personality::get().expect("asking cannot fail");
    }
}

#[test]
fn a_group_is_counted_together_and_read_at_once() {
    if !wanted() {
        return;
    }
    let format = ReadFormat::GROUP | ReadFormat::ID | ReadFormat::TOTAL_TIME_ENABLED;
    // A group with a tracepoint's leader starts and stops as one.
    let leader = calls(135)
        .read_format(format)
        .flags(AttrFlags::DISABLED)
        .open(Target::Task(0))
        .unwrap();
    let member = Builder::software(Software::PAGE_FAULTS)
        .read_format(format)
        .open_in_group(Target::Task(0), &leader)
        .unwrap();
    personality_calls(3);
    leader.enable_group().unwrap();
    personality_calls(7);
    let mut pages = vec![0u8; 64 * 4096];
    pages.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
    std::hint::black_box(&pages);
    leader.disable_group().unwrap();
    personality_calls(5);
    let counts = leader.counts().unwrap();
    assert_eq!(counts.len(), 2);
    assert_eq!((counts[0].value, counts[0].id), (7, leader.id().ok()));
    assert_eq!(counts[1].id, member.id().ok());
    assert!(counts[1].value > 0, "{counts:?}");
    assert_eq!(counts[0].time_enabled, counts[1].time_enabled);
    // A member cannot be of another task than its leader.
    let child = Command::new("sleep").arg("5").spawn();
    let mut child = child.expect("there is a sleep");
    let pid = i32::try_from(child.id()).unwrap();
    let refused = calls(135).open_in_group(Target::Task(pid), &leader);
    child.kill().unwrap();
    child.wait().unwrap();
    let Err(Error::Open {
        source,
        explanation,
    }) = refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(source.raw_os_error(), Some(libc::EINVAL));
    assert!(explanation.text.contains("leader"), "{explanation}");
}

/// A cgroup of our own, removed at the end.
struct Cgroup(PathBuf);

impl Cgroup {
    /// In the unified hierarchy, or in that of perf_event where the machine has the old one.
    fn make() -> Self {
        let mounts = std::fs::read_to_string("/proc/mounts").expect("/proc is mounted");
        let of = |kind: &str, option: &str| {
            mounts.lines().find_map(|line| {
                let words: Vec<_> = line.split(' ').collect();
                let [_, dir, this, options, ..] = words[..] else {
                    return None;
                };
                let has = option.is_empty() || options.split(',').any(|o| o == option);
                (this == kind && has).then(|| PathBuf::from(dir))
            })
        };
        let root = of("cgroup", "perf_event")
            .or_else(|| of("cgroup2", ""))
            .expect("a cgroup hierarchy is mounted");
        let dir = root.join(format!("perf-ring-{}", std::process::id()));
        std::fs::create_dir(&dir).expect("root may make a cgroup");
        Cgroup(dir)
    }

    fn take_in(&self, pid: u32) {
        std::fs::write(self.0.join("cgroup.procs"), pid.to_string()).expect("root may move it");
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn a_cgroups_events_are_its_members_own() {
    if !wanted() {
        return;
    }
    let cgroup = Cgroup::make();
    let dir = File::open(&cgroup.0).unwrap();
    // 59 is execve on x86-64.
    let builder = calls(59);
    let events: Vec<_> = cpus::online(Path::new("/sys"))
        .unwrap()
        .into_iter()
        .map(|cpu| builder.open(Target::Cgroup(dir.as_fd(), cpu)).unwrap())
        .collect();
    let mut shell = Command::new("sh")
        .args(["-c", "read go; for i in 1 2 3 4 5; do /bin/true; done"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("there is a shell");
    cgroup.take_in(shell.id());
    // Those of others do not count.
    for _ in 0..3 {
        Command::new("true").status().expect("there is a true");
    }
    writeln!(shell.stdin.take().unwrap(), "go").unwrap();
    assert!(shell.wait().unwrap().success());
    let sum: u64 = events.iter().map(|e| e.count().unwrap().value).sum();
    assert_eq!(sum, 5);
    // Each is of one CPU, which must be there.
    let anywhere = Builder::software(Software::DUMMY)
        .with(|attr| attr.sample_type = SampleType::TIME)
        .open(Target::Cgroup(dir.as_fd(), u32::MAX));
    assert!(matches!(anywhere, Err(Error::Open { .. })));
}

/// Several events of a CPU share its ring, and each record says whose it is.
#[test]
fn events_that_share_a_ring_are_told_apart() {
    if !wanted() {
        return;
    }
    let tid = nix::unistd::gettid();
    let own = |number: u32| {
        calls(number)
            .filter(&format!("id == {number} && common_pid == {tid}"))
            .sample(SampleType::TID | SampleType::RAW)
    };
    // 135 is personality, 39 getpid.
    let mut all = AllCpus::open(&[own(135), own(39)], 16).unwrap();
    personality_calls(4);
    for _ in 0..6 {
        std::hint::black_box(nix::unistd::getpid());
    }
    let mut seen = [0; 2];
    let mut scratch = Vec::new();
    let mut merge = all.flush().unwrap();
    while let Some(item) = merge.next() {
        let Item::Record {
            event,
            layout,
            record,
            ..
        } = item
        else {
            panic!("{item:?}")
        };
        let Body::Sample(sample) = layout.parse(&record, &mut scratch).unwrap().body else {
            panic!("only samples")
        };
        let number = sample.raw().unwrap()[8..16].try_into().unwrap();
        assert_eq!(u64::from_ne_bytes(number), [135, 39][event]);
        seen[event] += 1;
    }
    assert_eq!(seen, [4, 6]);
}
