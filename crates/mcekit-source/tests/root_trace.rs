//! Trace rings of the running kernel: exactly once across kill -9, and every loss counted, mapped and as text.
//!
//! With MCEKIT_ROOT_TESTS=1, as root; without it nothing is run, and that is said. The readers are this test program
//! started again with `TRACE_READER` set: threads cannot be killed.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mcekit_source::{Event, Generic, Loss, Seek, Source, Trace, TraceOptions};
use tracefs::fs::{Instance, Tracefs};

/// A system call that this kernel's tracing shows in text and fields alike.
const EVENT: &str = "raw_syscalls:sys_enter";

fn wanted() -> bool {
    let wanted = std::env::var_os("MCEKIT_ROOT_TESTS").is_some_and(|v| v == "1");
    if !wanted {
        eprintln!("skipped: needs root and tracefs; set MCEKIT_ROOT_TESTS=1");
    }
    wanted
}

fn tracefs() -> Tracefs {
    Tracefs::find()
        .or_else(|_| Tracefs::at("/sys/kernel/debug/tracing"))
        .expect("tracefs, as root")
}

fn options(map: bool) -> TraceOptions {
    TraceOptions {
        events: vec![EVENT.into()],
        map,
        ..TraceOptions::default()
    }
}

/// Makes `lseek` calls whose offsets count up, and that nobody else makes.
struct Caller {
    file: File,
    next: u64,
}

impl Caller {
    fn new() -> Self {
        let file = File::open("/proc/self/exe").expect("our own file");
        Self { file, next: 0 }
    }

    fn call(&mut self, times: u64) {
        for _ in 0..times {
            self.file.seek(SeekFrom::Start(self.next)).expect("a seek");
            self.next += 1;
        }
    }

    /// An instance of that size which records this thread's calls.
    fn instance(&self, name: &str, kb: u64) -> Instance {
        let tracefs = tracefs();
        if let Ok(old) = tracefs.open_instance(name) {
            old.remove().expect("nobody else has it");
        }
        let instance = tracefs.create_instance(name).expect("an instance");
        instance.set_clock("mono").expect("the clock");
        instance.set_buffer_size_kb(kb).expect("the size");
        let event = instance
            .event(&EVENT.parse().expect("a name"))
            .expect("the event");
        let task = std::fs::read_link("/proc/thread-self").expect("procfs");
        let tid = task
            .file_name()
            .expect("a thread")
            .to_string_lossy()
            .into_owned();
        event
            .set_filter(
                &format!("id == 8 && common_pid == {tid}")
                    .parse()
                    .expect("a filter"),
            )
            .expect("the filter");
        event.set_enabled(true).expect("recording");
        instance
    }
}

/// The offset of a call, out of `NR 8 (FD, OFFSET, …)`; and out of the fields, where they are.
fn offset(event: &Generic) -> u64 {
    let text = event.text.as_deref().expect("a text");
    let hex = text.split(", ").nth(1).expect("an argument");
    u64::from_str_radix(hex, 16).expect("a number")
}

/// What a reader's file says: offsets, losses, and the last cursor.
#[derive(Default)]
struct Said {
    offsets: Vec<u64>,
    lost: u64,
    cursor: Option<String>,
}

fn said(path: &Path) -> Said {
    let mut said = Said::default();
    let text = std::fs::read_to_string(path).unwrap_or_default();
    for frame in text.split_inclusive('\n') {
        // A frame is one write; one that is not whole was never there.
        let Some(frame) = frame.strip_suffix('\n') else {
            break;
        };
        for word in frame.split(' ').filter(|word| !word.is_empty()) {
            match word.split_at(1) {
                ("o", offset) => said.offsets.push(offset.parse().expect("an offset")),
                ("l", lost) => said.lost += lost.parse::<u64>().expect("a loss"),
                ("c", cursor) => said.cursor = Some(cursor.replace('_', " ")),
                other => panic!("{other:?}"),
            }
        }
    }
    said
}

/// Reads for ever, or until there is nothing for a second; each batch is one write with its cursor.
fn read(name: &str, path: &Path, map: bool, pause: Duration) {
    let mut trace = Trace::open(&tracefs(), name, &options(map)).expect("the instance");
    if let Some(cursor) = said(path).cursor {
        let cursor = cursor.parse().expect("a cursor");
        assert_eq!(trace.seek(&cursor).expect("a cursor"), Seek::Resumed);
    }
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .expect("the file");
    let mut quiet = Instant::now();
    while quiet.elapsed() < Duration::from_secs(1) {
        let mut frame = String::new();
        while let Some(event) = trace.next().expect("the next event") {
            match event {
                Event::Generic(event) => frame += &format!("o{} ", offset(&event)),
                Event::Lost(lost) => match lost.loss {
                    Loss::Exact(n) => frame += &format!("l{n} "),
                    other => panic!("{other:?} {}", lost.why),
                },
                other => panic!("{other:?}"),
            }
            if frame.len() > 2000 {
                break;
            }
        }
        if frame.is_empty() {
            std::thread::sleep(Duration::from_millis(2));
            continue;
        }
        quiet = Instant::now();
        std::thread::sleep(pause);
        let cursor = trace.cursor().expect("a cursor");
        frame += &format!("c{}\n", cursor.to_string().replace(' ', "_"));
        file.write_all(frame.as_bytes()).expect("the file");
        std::thread::sleep(pause);
        trace.commit(&cursor).expect("the commit");
    }
}

/// Not a test of its own: what a reader process does.
#[test]
fn reader() {
    if let Ok(spec) = std::env::var("TRACE_READER") {
        let mut words = spec.split(' ');
        let mut word = || words.next().expect("a word");
        let (name, path, map) = (word(), PathBuf::from(word()), word() == "map");
        let pause = Duration::from_micros(word().parse().expect("a number"));
        read(name, &path, map, pause);
    }
}

fn start(name: &str, path: &Path, map: bool, pause_us: u64) -> Child {
    let map = if map { "map" } else { "text" };
    Command::new(std::env::current_exe().expect("our own file"))
        .args(["--exact", "reader", "--nocapture", "--test-threads=1"])
        .env(
            "TRACE_READER",
            format!("{name} {} {map} {pause_us}", path.display()),
        )
        .stdout(Stdio::null())
        .spawn()
        .expect("a reader")
}

/// Numbers that differ from run to run; printed, so that a run can be repeated in mind.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn kill_and_resume(name: &str, map: bool, kb: u64, bursts: std::ops::Range<u64>, loses: bool) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("frames");
    let mut caller = Caller::new();
    let instance = caller.instance(name, kb);
    let mut random = Random(u64::from(std::process::id()));
    for _ in 0..25 {
        caller.call(bursts.start + random.below(bursts.end - bursts.start));
        let mut child = start(name, &path, map, random.below(3_000));
        let until = Instant::now() + Duration::from_millis(5 + random.below(60));
        while Instant::now() < until {
            caller.call(random.below(30));
            std::thread::sleep(Duration::from_micros(random.below(2_000)));
        }
        child.kill().expect("the reader dies");
        child.wait().expect("the reader is dead");
    }
    let status = start(name, &path, map, 0).wait().expect("the last reader");
    assert!(status.success());
    let said = said(&path);
    let once: BTreeSet<u64> = said.offsets.iter().copied().collect();
    assert_eq!(once.len(), said.offsets.len(), "something came twice");
    assert!(said.offsets.is_sorted(), "something came late");
    assert_eq!(
        said.offsets.len() as u64 + said.lost,
        caller.next,
        "given and lost ({}) are all",
        said.lost
    );
    assert_eq!(said.lost > 0, loses, "lost {}", said.lost);
    eprintln!(
        "{name}: {} calls, {} given, {} lost",
        caller.next,
        said.offsets.len(),
        said.lost
    );
    instance.remove().expect("nobody has it");
}

#[test]
fn each_once_across_kills_mapped() {
    if wanted() {
        kill_and_resume("mcekit-once-map", true, 1024, 1..120, false);
    }
}

#[test]
fn each_once_across_kills_as_text() {
    if wanted() {
        kill_and_resume("mcekit-once-text", false, 1024, 1..120, false);
    }
}

#[test]
fn a_tiny_ring_loses_exactly_across_kills_mapped() {
    if wanted() {
        kill_and_resume("mcekit-tiny-map", true, 8, 1..900, true);
    }
}

#[test]
fn a_tiny_ring_loses_exactly_across_kills_as_text() {
    if wanted() {
        kill_and_resume("mcekit-tiny-text", false, 8, 1..900, true);
    }
}
