use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use mcekit::{Record, Status};
use mcekit_logs::write::Kernel;
use proptest::prelude::*;

use super::*;
use crate::Observed;
use crate::wait::tests::readable;

fn record(number: u32) -> Record {
    Record::new(7, Status(0x8c00_0040_0001_0090))
        .with_cpu(number)
        .with_addr(mcekit::Addr(0x1000))
        .with_misc(mcekit::Misc(0x86))
        .with_socket(0)
        .with_apicid(number)
}

fn lines_of(number: u32) -> Vec<String> {
    let prefix = "mce: [Hardware Error]: ";
    let text = Kernel {
        record: &record(number),
        prefix,
    }
    .to_string();
    text.lines().map(str::to_owned).collect()
}

fn boot() -> String {
    own::boot_id(Path::new(own::BOOT_ID))
        .unwrap()
        .replace('-', "")
}

fn cursor_of(number: usize) -> String {
    format!("s=5eed;i={number:x};b=0;m=1;t={:x};x=9", 0x5000 + number)
}

/// An entry of the kernel's.
fn entry(number: usize, boot: &str, message: &str, more: &str) -> String {
    format!(
        "__CURSOR={}\n__REALTIME_TIMESTAMP=1\n_BOOT_ID={boot}\n_TRANSPORT=kernel\nSYSLOG_FACILITY=0\n{more}MESSAGE={message}\n\n",
        cursor_of(number)
    )
}

/// Entries with these messages, numbered from one on.
fn entries(first: usize, messages: &[String]) -> String {
    let boot = boot();
    let numbered = (first..).zip(messages);
    numbered
        .map(|(number, message)| entry(number, &boot, message, ""))
        .collect()
}

fn messages(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.flat_map(lines_of).collect()
}

fn of_text(text: &str) -> Journal {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    Journal::from_fd("test", file.into()).unwrap()
}

fn records(source: &mut Journal) -> Vec<Observed> {
    let mut seen = Vec::new();
    while !source.ended() {
        match source.next().unwrap() {
            Some(Event::Record(one)) => seen.push(one),
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
    seen
}

fn cpus(source: &mut Journal) -> Vec<u32> {
    records(source)
        .iter()
        .map(|one| one.record.cpu().unwrap())
        .collect()
}

#[test]
fn a_file_with_errors_of_two_boots() {
    let mut text = String::new();
    for (number, message) in (1..).zip(lines_of(1)) {
        text += &entry(number, "0ther", &message, "");
    }
    text += &entries(10, &messages(2..3));
    let mut source = of_text(&text);
    assert!(readable(&source, 0));
    let seen = records(&mut source);
    let earlier: Vec<_> = seen
        .iter()
        .map(|one| (one.record.cpu(), one.earlier_boot))
        .collect();
    assert_eq!(earlier, [(Some(1), true), (Some(2), false)]);
    assert!(!readable(&source, 0));
}

#[test]
fn what_the_kernel_did_not_say_is_no_error() {
    let boot = boot();
    let mut text = String::new();
    for (number, message) in (1..).zip(lines_of(1)) {
        text += &entry(3 * number, &boot, &message, "_KERNEL_DEVICE=+usb:1-1\n");
        text += &entry(3 * number + 1, &boot, &message, "SYSLOG_FACILITY=1\n");
        text += &entry(3 * number + 2, &boot, &message, "")
            .replace("_TRANSPORT=kernel", "_TRANSPORT=syslog");
    }
    text += &entry(90, &boot, "without a cursor", "").replace("__CURSOR", "CURSOR");
    text += &entries(100, &messages(2..3));
    let mut source = of_text(&text);
    assert_eq!(cpus(&mut source), [2]);
    assert_eq!(source.untrusted(), 2 * lines_of(1).len() as u64 + 1);
}

#[test]
fn a_pipe_wakes_and_silence_completes() {
    let (read, mut write) = std::io::pipe().unwrap();
    let mut source = Journal::from_fd("pipe", read.into())
        .unwrap()
        .settle(Duration::from_millis(20));
    assert!(!readable(&source, 0));
    write
        .write_all(entries(1, &messages(4..5)).as_bytes())
        .unwrap();
    assert!(readable(&source, 1000));
    assert_eq!(source.next().unwrap(), None);
    std::thread::sleep(Duration::from_millis(20));
    assert!(readable(&source, 1000));
    assert!(matches!(source.next().unwrap(), Some(Event::Record(_))));
    assert!(!source.ended());
    write
        .write_all(b"MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff\n\n")
        .unwrap();
    assert!(matches!(source.next(), Err(Error::Damaged { .. })));
    drop(write);
    assert_eq!(source.next().unwrap(), None);
    assert!(source.ended());
}

/// A program that behaves as journalctl: gives the entries from the one that `--cursor` names on, and stays.
fn fake_journalctl(dir: &Path, journal: &str) -> PathBuf {
    fs::write(dir.join("journal"), journal).unwrap();
    let script = dir.join("journalctl");
    let body = format!(
        "#!/bin/sh\necho \"$@\" >> {dir}/arguments\n\
         for a; do case $a in --cursor=*) c=\"__CURSOR=${{a#--cursor=}}\";; esac; done\n\
         awk -v c=\"$c\" '!on && (c == \"\" || $0 == c) {{ on = 1 }} on' {dir}/journal\n\
         test -e {dir}/stop || exec sleep 60\n",
        dir = dir.display()
    );
    fs::write(&script, body).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}

/// Takes what comes until so many are there.
fn wait_for(source: &mut Journal, many: usize) -> Vec<Event> {
    let mut events = Vec::new();
    let mut idle = 0;
    while events.len() < many && idle < 100 {
        match source.next().unwrap() {
            Some(event) => events.push(event),
            None => {
                idle += 1;
                readable(&*source, 100);
            }
        }
    }
    events
}

#[test]
fn journalctl_is_started_where_an_earlier_process_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let program = fake_journalctl(dir.path(), &entries(1, &messages(0..3)));
    let open = || {
        Journal::follow_with(&program)
            .unwrap()
            .settle(Duration::from_millis(10))
    };
    let mut source = open();
    assert!(readable(&source, 0));
    assert_eq!(wait_for(&mut source, 3).len(), 3);
    let cursor = source.cursor().unwrap();
    assert!(cursor.position().starts_with('+'), "{cursor}");
    drop(source);

    fake_journalctl(dir.path(), &entries(1, &messages(0..5)));
    let mut again = open();
    again.seek(&cursor).unwrap();
    assert_eq!(again.cursor().unwrap(), cursor);
    let events = wait_for(&mut again, 2);
    assert!(
        matches!(events[..], [Event::Record(a), Event::Record(_)] if a.record.cpu() == Some(3))
    );
    let arguments = fs::read_to_string(dir.path().join("arguments")).unwrap();
    assert!(arguments.contains("--cursor=s=5eed;i="), "{arguments}");
    // All boots, and no other machine.
    assert!(arguments.contains("--merge"), "{arguments}");
    if let Some(id) = machine_id() {
        assert!(
            arguments.contains(&format!("_MACHINE_ID={id}")),
            "{arguments}"
        );
    }

    // Vacuumed: the entry is gone, and what came next with it.
    fs::write(dir.path().join("stop"), "").unwrap();
    let script = fs::read_to_string(&program)
        .unwrap()
        .replace("$0 == c", "1");
    fs::write(&program, script).unwrap();
    fs::write(dir.path().join("journal"), entries(40, &messages(7..8))).unwrap();
    let mut late = open();
    late.seek(&cursor).unwrap();
    let mut events = Vec::new();
    let mut ends = 0;
    while !late.ended() {
        match late.next() {
            Ok(event) => events.extend(event),
            Err(_) => ends += 1,
        }
        readable(&late, 10);
    }
    assert!(
        matches!(events[..], [Event::Lost(_), Event::Record(_)]),
        "{events:?}"
    );
    assert!(ends <= 1);
    let mut none = Journal::follow_with(&dir.path().join("none")).unwrap();
    assert!(matches!(none.next(), Err(Error::Io { .. })));
    assert!(none.ended());
}

#[test]
fn bad_cursors_are_refused() {
    let mut source = of_text("");
    let good = cursor_of(1);
    for bad in [
        "",
        "x",
        "+",
        "+x",
        &good,
        &format!("{good}|"),
        &format!("{good}|{good}|{good}"),
        &format!("{good}|{good}|{good}|x"),
    ] {
        let cursor = own::cursor(Channel::Journal, "test", "-", bad);
        assert!(
            matches!(source.seek(&cursor), Err(Error::Cursor(_))),
            "{bad}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// However the lines of errors interleave, and wherever the reader is killed and started again: each error comes once.
    #[test]
    fn each_error_once_across_restarts(
        order in proptest::collection::vec((0..3_usize, 0..4_usize), 1..90),
        stops in proptest::collection::vec(0..6_usize, 0..8),
    ) {
        let mut cpu = 0;
        let mut log = Vec::new();
        let mut printers: [std::collections::VecDeque<String>; 3] = Default::default();
        for (printer, noise) in order {
            if noise == 0 {
                log.push("eth0: link up".into());
            }
            if printers[printer].is_empty() {
                printers[printer] = lines_of(cpu).into();
                cpu += 1;
            }
            log.extend(printers[printer].pop_front());
        }
        log.extend(printers.into_iter().flatten());
        let text = entries(1, &log);
        let whole = cpus(&mut of_text(&text));
        let mut seen = Vec::new();
        let mut cursor: Option<Cursor> = None;
        for stop in stops.into_iter().chain([usize::MAX]) {
            let mut source = of_text(&text);
            if let Some(cursor) = &cursor {
                source.seek(cursor).unwrap();
            }
            for _ in 0..stop {
                match source.next().unwrap() {
                    Some(Event::Record(one)) => seen.push(one.record.cpu().unwrap()),
                    Some(other) => panic!("{other:?}"),
                    None => break,
                }
            }
            let place = source.cursor();
            cursor = place.map(|place| place.to_string().parse().unwrap()).or(cursor);
        }
        prop_assert_eq!(seen, whole);
    }
}
