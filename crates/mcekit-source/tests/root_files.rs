//! The running kernel's log, and attributes that notify, as sources.
//!
//! With MCEKIT_ROOT_TESTS=1, as root; without it nothing is run, and that is said. Nothing is written to the log.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use mcekit_source::{Event, FieldValue, Kmsg, Notify, Seek, Source};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

fn wanted() -> bool {
    let wanted = std::env::var_os("MCEKIT_ROOT_TESTS").is_some_and(|v| v == "1");
    if !wanted {
        eprintln!("skipped: needs root, /dev/kmsg and cgroup2; set MCEKIT_ROOT_TESTS=1");
    }
    wanted
}

fn readable(source: &impl Source, within: Duration) -> bool {
    let mut fds = [PollFd::new(source.as_fd(), PollFlags::POLLIN)];
    let within = PollTimeout::try_from(within).expect("a short time");
    poll(&mut fds, within).expect("poll") == 1
}

/// Everything that is in the log, the silence behind it included.
fn drain(source: &mut Kmsg) -> Vec<Event> {
    let mut events = Vec::new();
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end && readable(source, Duration::from_millis(300)) {
        while let Some(event) = source.next().expect("the log is read") {
            events.push(event);
        }
    }
    events
}

#[test]
fn the_kernels_log_is_read_to_its_end_and_gone_on_with() {
    if !wanted() {
        return;
    }
    let settle = Duration::from_millis(50);
    let mut source = Kmsg::open().expect("/dev/kmsg").settle(settle);
    assert!(readable(&source, Duration::ZERO), "the boot's lines");
    let all = drain(&mut source);
    let cursor = source.cursor().expect("a place");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot id");
    assert_eq!(cursor.epoch(), boot.trim());
    let next: u64 = cursor
        .position()
        .split('.')
        .next()
        .and_then(|number| number.parse().ok())
        .expect("a line's number");
    assert!(next > 0, "{cursor}");

    let mut again = Kmsg::open().expect("/dev/kmsg").settle(settle);
    assert_eq!(again.seek(&cursor).expect("our own cursor"), Seek::Resumed);
    let more = drain(&mut again);
    let records = |events: &[Event]| {
        let record = |event: &&Event| matches!(event, Event::Record(_));
        events.iter().filter(record).count()
    };
    assert!(records(&more) == 0 || records(&all) > 0, "{more:?}");
    let mut whole = Kmsg::open().expect("/dev/kmsg").settle(settle);
    assert!(records(&drain(&mut whole)) >= records(&all) + records(&more));
}

/// A control group of our own, whose `cgroup.events` the kernel notifies of: kernfs, as all of sysfs.
struct Group(PathBuf);

impl Group {
    fn new() -> Self {
        let mounts = fs::read_to_string("/proc/mounts").expect("/proc/mounts");
        let mount = mounts
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .find(|words| words.get(2) == Some(&"cgroup2"))
            .and_then(|words| words.get(1).map(PathBuf::from))
            .expect("a cgroup2 mount");
        let path = mount.join(format!("mcekit-test-{}", std::process::id()));
        fs::create_dir(&path).expect("a control group");
        Self(path)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

struct Kill(Child);

impl Drop for Kill {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_attribute_that_notifies_wakes_and_is_armed_again() {
    if !wanted() {
        return;
    }
    let group = Group::new();
    let events = group.0.join("cgroup.events");
    let mut source = Notify::of("cgroup", [&events]).expect("cgroup.events");
    assert_eq!(source.next().expect("a look"), None);
    assert!(
        !readable(&source, Duration::from_millis(50)),
        "nothing changed"
    );

    let child = Kill(Command::new("sleep").arg("60").spawn().expect("sleep"));
    let pid = child.0.id().to_string();
    fs::write(group.0.join("cgroup.procs"), pid).expect("a process joins");
    let mut told = |populated: &str| {
        assert!(readable(&source, Duration::from_secs(5)), "{populated}");
        let event = source.next().expect("a look").expect("an event");
        let Event::Generic(event) = event else {
            panic!("{event:?}");
        };
        assert!(event.name.ends_with("/cgroup.events"), "{}", event.name);
        let path = FieldValue::Text(events.display().to_string());
        assert_eq!(event.fields.first(), Some(&("path".into(), path)));
        assert!(event.text.is_some_and(|text| text.contains(populated)));
        assert_eq!(source.next().expect("a look"), None);
        assert!(!readable(&source, Duration::ZERO), "armed again");
    };
    told("populated 1");
    drop(child);
    told("populated 0");
}
