use std::fs;
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use mcekit::{Addr, CpuSignature, McgCap, McgStatus, Misc, Record, Status, Vendor};
use mcekit_source::{Channel, FieldValue, Generic, Identity, Loss, Lost, Observed};

use super::*;
use crate::config::values::Count;
use crate::config::{Config, Journal, Limits as LimitsConfig};
use crate::explain::cpu::Tables;

const CORRECTED: u64 = 0x8c00_0940_0080_0091;
const UNCORRECTED: u64 = 0xbd80_0000_0010_0134;

fn record(status: u64) -> Record {
    let record = Record::new(7, Status(status))
        .with_vendor(Vendor::INTEL)
        .with_cpuid(CpuSignature(0x50654))
        .with_mcgcap(McgCap(0x0f00_0c14))
        .with_addr(Addr(0x1234_5678))
        .with_misc(Misc(0x86))
        .with_cpu(3)
        .with_socket(1)
        .with_time(1_795_349_361);
    if status == UNCORRECTED {
        // By an exception, in a user's program.
        record.with_mcgstatus(McgStatus(7)).with_cs(0x33)
    } else {
        record
    }
}

fn delivered(seq: u64, status: u64) -> Delivered {
    let record = record(status);
    Delivered {
        seq,
        received: (1_795_349_362, 5),
        identity: Some(Identity::of(&record)),
        event: Event::Record(Observed {
            record,
            channel: Channel::Trace,
            earlier_boot: false,
        }),
    }
}

fn tell(outputs: &mut Outputs, delivered: &Delivered, name: Option<&str>, now: Instant) {
    let facts = match &delivered.event {
        Event::Record(observed) => Some(Facts::of(&observed.record, &mut Tables::new(None))),
        Event::Generic(event) => Facts::of_generic(event),
        _ => None,
    };
    outputs.tell(delivered, facts.as_ref(), name, now);
}

fn config() -> Output {
    let mut config = Config::default().output;
    config.terminal.enabled = When::Never;
    config.journal.enabled = When::Never;
    config
}

/// Outputs of one pipe.
fn pipe(
    shape: Shape,
    bounds: &Bounds,
    limits: &LimitsConfig,
    people: bool,
) -> (Outputs, PipeReader) {
    let (reader, writer) = io::pipe().unwrap();
    let plan = Plan {
        kind: "terminal",
        name: "a pipe".into(),
        people,
        way: Way::Stream(File::from(OwnedFd::from(writer)), shape),
    };
    let now = Instant::now();
    let outputs = Outputs::with(
        vec![plan],
        Board::default(),
        bounds,
        Limits::new(limits, now),
    )
    .unwrap();
    (outputs, reader)
}

/// What all outputs left out, and the uncorrected errors among them.
fn left_out(outputs: &Outputs) -> (u64, u64) {
    let counts = &outputs.handles[0].counts;
    let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
    (get(&counts.left_out), get(&counts.left_out_urgent))
}

/// As a replay waits.
fn patiently() -> Deadline {
    Deadline::patient(None, &Stop::default(), Duration::ZERO)
}

const BOUNDS: Bounds = Bounds {
    ordinary: 64,
    urgent: 20_000,
    patient: None,
};

fn read_soon(path: &Path, holds: impl Fn(&str) -> bool) -> String {
    let start = Instant::now();
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if holds(&text) {
            return text;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{text}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_storm_that_nobody_reads_blocks_nothing_and_loses_no_uncorrected_error() {
    let limits = LimitsConfig::default();
    let shape = text(Form::Line, PLAIN);
    let (mut outputs, reader) = pipe(shape, &BOUNDS, &limits, true);
    let start = Instant::now();
    let corrected = delivered(1, CORRECTED);
    let mut facts = Facts::of(&record(CORRECTED), &mut Tables::new(None));
    // A minute of 100,000 a second by the fake clock would take a minute of this one: ten seconds of it.
    let storm = 1_000_000_u32;
    let mut uncorrected = 0;
    for i in 0..storm {
        let now = start + Duration::from_micros(u64::from(i) * 10);
        if i % 500 == 0 {
            uncorrected += 1;
            tell(
                &mut outputs,
                &delivered(u64::from(i), UNCORRECTED),
                None,
                now,
            );
        } else {
            facts.weight = Weight::Corrected(1);
            outputs.tell(&corrected, Some(&facts), None, now);
        }
        outputs.tick(now);
    }
    assert!(start.elapsed() < Duration::from_secs(60), "it waited");
    let suppressed = outputs.limits.suppressed().load(Ordering::Relaxed);
    assert_eq!(left_out(&outputs).1, 0);
    // Now somebody reads.
    let reading = thread::spawn(move || {
        let lines: Vec<String> = BufReader::new(reader).lines().map(Result::unwrap).collect();
        lines
    });
    outputs.finish(patiently(), &Stop::default());
    let lines = reading.join().unwrap();
    let of = |word: &str| lines.iter().filter(|line| line.contains(word)).count();
    assert_eq!(of("UNCORRECTED, ACTION"), uncorrected);
    assert!(of(" CORRECTED: ") <= 20, "{}", of(" CORRECTED: "));
    assert_eq!(
        suppressed + of(" CORRECTED: ") as u64,
        u64::from(storm) - uncorrected as u64
    );
    assert!(of("more of CPU 3 bank 7 in the last") >= 1);
}

#[test]
fn what_a_slow_reader_misses_is_counted_and_told() {
    let limits = LimitsConfig {
        place: None,
        overall: None,
        ..LimitsConfig::default()
    };
    let bounds = Bounds {
        urgent: 100,
        ..BOUNDS
    };
    let (mut outputs, reader) = pipe(text(Form::Line, PLAIN), &bounds, &limits, true);
    let now = Instant::now();
    for seq in 0..10_000 {
        tell(&mut outputs, &delivered(seq, CORRECTED), None, now);
        tell(&mut outputs, &delivered(seq, UNCORRECTED), None, now);
    }
    let (all, urgent) = left_out(&outputs);
    assert!(all > urgent && urgent > 0, "{all} {urgent}");
    let reading = thread::spawn(move || {
        let mut text = String::new();
        BufReader::new(reader).read_to_string(&mut text).unwrap();
        text
    });
    outputs.finish(patiently(), &Stop::default());
    let text = reading.join().unwrap();
    let mut missing = (0, 0);
    for line in text.lines() {
        let Some((_, line)) = line.split_once("too slow: ") else {
            continue;
        };
        for part in line.split(" and ") {
            let n: u64 = part.split(' ').next().unwrap().parse().unwrap();
            if part.contains("UNCORRECTED") {
                missing.1 += n;
            } else {
                missing.0 += n;
            }
        }
    }
    let of = |word: &str| text.lines().filter(|line| line.contains(word)).count() as u64;
    assert_eq!(of(" CORRECTED: ") + missing.0, 10_000);
    assert_eq!(of("UNCORRECTED, ACTION") + missing.1, 10_000);
    assert_eq!(missing.1, urgent);
}

#[test]
fn an_output_that_nobody_ever_reads_does_not_hold_up_the_end() {
    let (mut outputs, _reader) = pipe(
        text(Form::Block, PLAIN),
        &BOUNDS,
        &LimitsConfig::default(),
        true,
    );
    let now = Instant::now();
    for seq in 0..1000 {
        tell(&mut outputs, &delivered(seq, UNCORRECTED), None, now);
    }
    let queue = Arc::clone(&outputs.handles[0].queue);
    // It has an hour; but it takes nothing, and a signal asks for the end.
    let stop = Stop::default();
    stop.set();
    outputs.finish(Deadline::after(Duration::from_secs(3600)), &stop);
    assert!(now.elapsed() < Duration::from_secs(60));
    // What the stuck write had taken is not forgotten.
    let untold = queue.untold().all();
    assert!(untold > queue.len() as u64, "{untold}");
}

#[test]
fn a_replay_waits_and_loses_nothing_and_ends_when_nobody_reads_any_more() {
    let patient = Bounds {
        patient: Some(Stop::default()),
        ..BOUNDS
    };
    let json = || Shape::Json(Box::new(Json::new()));
    let limits = LimitsConfig::default();
    let (mut outputs, reader) = pipe(json(), &patient, &limits, false);
    let reading = thread::spawn(move || BufReader::new(reader).lines().count());
    for seq in 0..5000 {
        tell(
            &mut outputs,
            &delivered(seq, CORRECTED),
            None,
            Instant::now(),
        );
    }
    outputs.finish(patiently(), &Stop::default());
    assert_eq!(reading.join().unwrap(), 5000);

    let (mut outputs, reader) = pipe(json(), &patient, &limits, false);
    drop(reader);
    for seq in 0..5000 {
        tell(
            &mut outputs,
            &delivered(seq, CORRECTED),
            None,
            Instant::now(),
        );
    }
    outputs.finish(patiently(), &Stop::default());
}

#[test]
fn lines_of_json_have_the_record_and_its_envelope() {
    let limits = LimitsConfig::default();
    let json = Shape::Json(Box::new(Json::new()));
    let (mut outputs, reader) = pipe(json, &BOUNDS, &limits, false);
    let now = Instant::now();
    tell(
        &mut outputs,
        &delivered(41, CORRECTED),
        Some("P2 \"A1\""),
        now,
    );
    let mut event = delivered(42, 0);
    event.event = Event::Generic(Generic {
        system: "ras".into(),
        name: "mc_event".into(),
        channel: Channel::Trace,
        cpu: None,
        time: Some((7, 8)),
        fields: vec![
            ("address".into(), FieldValue::Unsigned(u64::MAX)),
            ("error_count".into(), FieldValue::Unsigned(3)),
            ("label".into(), FieldValue::Text("a\nb".into())),
        ],
        text: None,
    });
    event.identity = None;
    tell(&mut outputs, &event, None, now);
    event.event = Event::Lost(Lost {
        channel: Channel::Perf,
        loss: Loss::AtLeast(9),
        why: "overrun".into(),
    });
    event.seq = 43;
    tell(&mut outputs, &event, None, now);
    outputs.finish(patiently(), &Stop::default());
    let lines: Vec<serde_json::Value> = BufReader::new(reader)
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    let [check, generic, lost] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(check["seq"], 41);
    assert_eq!(check["schema"], 1);
    assert_eq!(check["received"], 1_795_349_362);
    assert_eq!(check["dimm"], "P2 \"A1\"");
    assert_eq!(check["identity"].as_str().unwrap().len(), 32);
    assert_eq!(check["source"]["format"], "trace");
    assert_eq!(check["decoded"]["severity"]["grade"], "corrected");
    let back: Record = serde_json::from_value(check["record"].clone()).unwrap();
    assert_eq!(back, record(CORRECTED));
    assert_eq!(generic["event"]["fields"]["address"], "0xffffffffffffffff");
    assert_eq!(generic["event"]["fields"]["error_count"], 3);
    assert_eq!(generic["event"]["fields"]["label"], "a\nb");
    assert_eq!(lost["lost"]["at_least"], 9);
    assert_eq!(lost["lost"]["channel"], "perf");
}

#[test]
fn a_loss_is_a_sentence_with_and_without_its_number() {
    for (loss, words) in [
        (Loss::Exact(3), "3 events of perf"),
        (Loss::Unknown, "an unknown number of events of perf"),
    ] {
        let mut event = delivered(43, 0);
        event.event = Event::Lost(Lost {
            channel: Channel::Perf,
            loss,
            why: "overrun".into(),
        });
        let mut text = Vec::new();
        let news = News::Event(Box::new(event), None);
        Shower::new(Form::Line, PLAIN).show(&news, &mut text);
        let text = String::from_utf8(text).unwrap();
        let end = format!("LOST: {words}: overrun\n");
        assert!(text.ends_with(&end), "{text}");
    }
}

#[test]
fn a_person_reads_what_where_how_bad_and_what_to_do() {
    let mut shower = Shower::new(Form::Line, PLAIN);
    let mut text = Vec::new();
    let news = News::Event(Box::new(delivered(41, CORRECTED)), Some("P2-A1".into()));
    shower.show(&news, &mut text);
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "2026-11-22 12:09:21 UTC CORRECTED: memory controller error, read, channel 1; MscodBucket1Err (37 times); socket 1, imc 0, channel 1, \
         CPU 3, bank 7 M2M [DIMM P2-A1], address 0x12345640; STATUS 0x8c00094000800091; nothing to do now\n"
    );
    let mut shower = Shower::new(Form::Block, PLAIN);
    let mut text = Vec::new();
    for status in [CORRECTED, UNCORRECTED] {
        let news = News::Event(Box::new(delivered(41, status)), Some("P2-A1".into()));
        shower.show(&news, &mut text);
        shower.show(
            &News::Note(Priority::Warning, "a note".into(), 0),
            &mut text,
        );
    }
    let text = String::from_utf8(text).unwrap();
    for part in [
        "CORRECTED: memory controller error",
        "\n  Where       socket 1",
        "\n  How bad     corrected by hardware",
        "\n  What to do  nothing now",
        "\n  DIMM        P2-A1\n",
        "\n  Event       number 41, from trace\n\n1970-01-01 00:00:00 UTC rasd: a note\n\nUNCORRECTED, ACTION",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    assert!(
        !text.contains("\n\n\n") && !text.starts_with('\n'),
        "{text}"
    );
}

#[test]
fn a_log_file_that_is_removed_is_begun_anew_and_that_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (log, json) = (dir.path().join("rasd.log"), dir.path().join("rasd.ndjson"));
    let mut config = config();
    config.log.file = Some(log.clone());
    config.ndjson.to = Some(Target::File(json.clone()));
    let now = Instant::now();
    let mut outputs = Outputs::start(
        &config,
        Board::default(),
        Purpose::Watch,
        &Stop::default(),
        now,
    )
    .unwrap();
    tell(&mut outputs, &delivered(1, UNCORRECTED), None, now);
    read_soon(&log, |text| text.contains("Event       number 1"));
    read_soon(&json, |text| text.ends_with('\n'));
    fs::remove_file(&json).unwrap();
    fs::rename(&log, dir.path().join("rasd.log.1")).unwrap();
    tell(&mut outputs, &delivered(2, UNCORRECTED), None, now);
    let text = read_soon(&json, |text| text.ends_with('\n'));
    assert!(text.starts_with("{\"seq\":2,"), "{text}");
    // The log tells of the other file.
    read_soon(&log, |text| {
        text.contains("number 2") && text.contains("rasd.ndjson was moved or removed")
    });
    outputs.finish(patiently(), &Stop::default());
}

#[test]
fn a_log_file_is_opened_anew_when_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("rasd.log");
    let mut config = config();
    config.log.file = Some(log.clone());
    let now = Instant::now();
    let mut outputs = Outputs::start(
        &config,
        Board::default(),
        Purpose::Watch,
        &Stop::default(),
        now,
    )
    .unwrap();
    tell(&mut outputs, &delivered(1, UNCORRECTED), None, now);
    read_soon(&log, |text| text.contains("number 1"));
    fs::rename(&log, dir.path().join("rasd.log.1")).unwrap();
    outputs.reopen();
    tell(&mut outputs, &delivered(2, UNCORRECTED), None, now);
    let text = read_soon(&log, |text| text.contains("number 2"));
    assert!(
        !text.contains("number 1") && !text.contains("removed"),
        "{text}"
    );
    outputs.finish(patiently(), &Stop::default());
}

#[test]
fn a_folder_that_is_not_there_is_told_and_what_waits_is_written_when_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (log, json) = (
        dir.path().join("rasd.log"),
        dir.path().join("later/rasd.ndjson"),
    );
    let mut config = config();
    config.log.file = Some(log.clone());
    config.ndjson.to = Some(Target::File(json.clone()));
    let now = Instant::now();
    let mut outputs = Outputs::start(
        &config,
        Board::default(),
        Purpose::Watch,
        &Stop::default(),
        now,
    )
    .unwrap();
    tell(&mut outputs, &delivered(1, CORRECTED), None, now);
    read_soon(&log, |text| {
        text.contains("rasd.ndjson: No such file or directory")
    });
    fs::create_dir(dir.path().join("later")).unwrap();
    outputs.reopen();
    read_soon(&json, |text| text.starts_with("{\"seq\":1,"));
    read_soon(&log, |text| text.contains("it can be written again"));
    outputs.finish(patiently(), &Stop::default());
}

#[test]
fn the_journal_gets_the_registers_as_fields_and_syslog_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let (native, syslog) = (dir.path().join("journal"), dir.path().join("log"));
    let mut config = config();
    config.journal = Journal {
        enabled: When::Always,
        socket: native.clone(),
        syslog: syslog.clone(),
    };
    let journal = UnixDatagram::bind(&native).unwrap();
    let log = UnixDatagram::bind(&syslog).unwrap();
    let timeout = Some(Duration::from_secs(30));
    journal.set_read_timeout(timeout).unwrap();
    log.set_read_timeout(timeout).unwrap();
    let receive = |socket: &UnixDatagram| {
        let mut bytes = vec![0; 1 << 16];
        let n = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..n].to_vec()).unwrap()
    };
    let now = Instant::now();
    let board = Board::default();
    let mut outputs = Outputs::start(
        &config,
        board.clone(),
        Purpose::Watch,
        &Stop::default(),
        now,
    )
    .unwrap();
    tell(
        &mut outputs,
        &delivered(41, UNCORRECTED),
        Some("P2-A1"),
        now,
    );
    let message = receive(&journal);
    for line in [
        "PRIORITY=3",
        "SYSLOG_IDENTIFIER=rasd",
        "MCE_SEQ=41",
        "MCE_CPU=3",
        "MCE_BANK=7",
        "MCE_SOCKET=1",
        "MCE_STATUS=0xbd80000000100134",
        "MCE_ADDR=0x0000000012345678",
        "MCE_SEVERITY=action-required",
        "MCE_CHANNEL=trace",
        "MCE_DIMM_NAME=P2-A1",
    ] {
        assert!(
            message.lines().any(|one| one == line),
            "{line} in {message}"
        );
    }
    assert!(message.contains("\nMESSAGE=UNCORRECTED, ACTION REQUIRED: "));
    board.notes().say(Priority::Warning, "a note".into());
    assert!(receive(&journal).contains("MESSAGE=a note\nPRIORITY=4\n"));
    drop(journal);
    fs::remove_file(&native).unwrap();
    tell(&mut outputs, &delivered(42, UNCORRECTED), None, now);
    let line = receive(&log);
    assert!(line.starts_with("<27>rasd["), "{line}");
    outputs.finish(patiently(), &Stop::default());
}

#[test]
fn a_journal_that_does_not_read_holds_nothing_up() {
    let dir = tempfile::tempdir().unwrap();
    let native = dir.path().join("journal");
    let _full = UnixDatagram::bind(&native).unwrap();
    let mut config = config();
    config.journal = Journal {
        enabled: When::Always,
        socket: native,
        syslog: dir.path().join("none"),
    };
    config.queue.corrected = Count::new(10);
    let start = Instant::now();
    let mut outputs = Outputs::start(
        &config,
        Board::default(),
        Purpose::Watch,
        &Stop::default(),
        start,
    )
    .unwrap();
    for seq in 0..5000 {
        tell(&mut outputs, &delivered(seq, UNCORRECTED), None, start);
    }
    outputs.finish(Deadline::after(Duration::from_millis(50)), &Stop::default());
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn what_could_not_be_written_by_the_end_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config();
    config.log.file = Some(dir.path().join("none/rasd.log"));
    let now = Instant::now();
    let mut outputs = Outputs::start(
        &config,
        Board::default(),
        Purpose::Watch,
        &Stop::default(),
        now,
    )
    .unwrap();
    for seq in 0..100 {
        tell(&mut outputs, &delivered(seq, UNCORRECTED), None, now);
    }
    let queue = Arc::clone(&outputs.handles[0].queue);
    outputs.finish(Deadline::after(Duration::from_secs(20)), &Stop::default());
    assert_eq!(queue.untold().all(), 100);
}
