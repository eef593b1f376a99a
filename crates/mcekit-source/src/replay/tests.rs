use std::num::NonZeroU32;
use std::time::Duration;
use std::{fs, io};

use mcekit::wire::{LENGTHS, Mce};
use mcekit::{Record, Status};
use mcekit_logs::write::Kernel;
use proptest::prelude::*;

use super::*;
use crate::wait::tests::readable;

fn record(number: u32) -> Record {
    Record::new(7, Status(0x8c00_0040_0001_0090))
        .with_cpu(number)
        .with_mcgstatus(mcekit::McgStatus(0))
        .with_addr(mcekit::Addr(0x1000))
        .with_misc(mcekit::Misc(0x86))
        .with_socket(0)
        .with_apicid(number)
}

fn raw(numbers: std::ops::Range<u32>, len: usize) -> Vec<u8> {
    numbers
        .flat_map(|number| Mce::from(&record(number)).to_bytes()[..len].to_vec())
        .collect()
}

fn text(numbers: std::ops::Range<u32>) -> String {
    let prefix = "[    3.1] mce: [Hardware Error]: ";
    numbers
        .map(|number| {
            Kernel {
                record: &record(number),
                prefix,
            }
            .to_string()
                + "unrelated\n"
        })
        .collect()
}

#[cfg(feature = "json")]
fn json(numbers: std::ops::Range<u32>) -> String {
    numbers
        .map(|number| {
            let record = serde_json::to_string(&record(number)).unwrap();
            if number % 2 == 0 {
                format!("{{\"seq\":{number},\"record\":{record},\"decoded\":{{}}}}\n")
            } else {
                format!("{record}\n{{\"lost\":1}}\n\n")
            }
        })
        .collect()
}

/// The CPUs of all that comes; errors are counted.
fn drain(source: &mut Replay) -> (Vec<u32>, usize) {
    let (mut cpus, mut errors) = (Vec::new(), 0);
    while !source.ended() {
        match source.next() {
            Ok(Some(Event::Record(seen))) => cpus.push(seen.record.cpu().unwrap()),
            Ok(Some(other)) => panic!("{other:?}"),
            Ok(None) => {}
            Err(_) => errors += 1,
        }
    }
    (cpus, errors)
}

fn all(mut source: Replay) -> Vec<u32> {
    let (cpus, errors) = drain(&mut source);
    assert_eq!(errors, 0);
    cpus
}

fn truth(kernel: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../kernel-tests/tests/truth")
        .join(format!("trace-{kernel}"))
}

#[test]
fn every_format_finds_itself() {
    let want: Vec<u32> = (0..9).collect();
    for len in LENGTHS.into_iter().filter(|&len| len >= 88) {
        let source = Replay::of_bytes("raw", raw(0..9, len)).unwrap();
        assert_eq!(all(source), want, "{len}");
    }
    assert_eq!(all(Replay::of_bytes("text", text(0..9)).unwrap()), want);
    #[cfg(feature = "json")]
    assert_eq!(all(Replay::of_bytes("json", json(0..9)).unwrap()), want);
    assert_eq!(all(Replay::of_bytes("nothing", []).unwrap()), [0_u32; 0]);
    let of_a_pipe = Replay::of_reader("pipe", io::Cursor::new(raw(0..9, 128))).unwrap();
    assert_eq!(all(of_a_pipe), want);
    let told = Replay::of_bytes("raw", raw(0..9, 128)).unwrap();
    assert_eq!(all(told.kind(Kind::Raw { len: 128 })), want);
    let as_text = Replay::of_bytes("raw", raw(0..9, 128)).unwrap();
    assert_eq!(all(as_text.kind(Kind::Text)), [0_u32; 0]);
}

#[test]
fn recorded_pages_are_what_the_kernel_printed() {
    for kernel in ["6.1-amd", "6.1-intel", "6.12-amd", "6.12-intel"] {
        let dir = truth(kernel);
        let key = |record: &Record| {
            (
                record.status().0,
                record.bank(),
                record.cpu(),
                record.time(),
            )
        };
        let mut source = Replay::open([&dir]).unwrap();
        let mut seen = Vec::new();
        while let Some(event) = source.next().unwrap() {
            match event {
                Event::Record(one) => seen.push(key(&one.record)),
                other => panic!("{other:?}"),
            }
        }
        let printed = fs::read(dir.join("trace.txt")).unwrap();
        let mut want: Vec<_> = mcekit_logs::records(&printed)
            .map(|found| key(&found.record))
            .collect();
        seen.sort_unstable();
        want.sort_unstable();
        assert!(seen.len() >= 3);
        assert_eq!(seen, want, "{kernel}");
    }
}

#[test]
fn pages_that_lost_records_and_damaged_ones() {
    let dir = truth("6.12-intel");
    let file = |name: &str| fs::read(dir.join(name)).unwrap();
    let mut page = file("trace_pipe_raw.cpu0");
    // The ring lost 5: bits 31 and 30 of the commit word, and the count behind the data.
    let commit = u32::from_le_bytes(page[8..12].try_into().unwrap()) & 0xf_ffff;
    page[8..12].copy_from_slice(&(commit | 3 << 30).to_le_bytes());
    let at = 16 + commit as usize;
    page.resize(page.len().max(at + 8), 0);
    page[at..at + 8].copy_from_slice(&5_u64.to_le_bytes());
    page.resize(4096, 0);
    let mut damaged = page.clone();
    damaged[8..12].copy_from_slice(&0xf_fff0_u32.to_le_bytes());
    let both = [damaged, page].concat();
    let mut source =
        Replay::of_pages("pages", both, &file("header_page"), &file("format")).unwrap();
    assert!(matches!(source.next(), Err(Error::Damaged { .. })));
    match source.next().unwrap() {
        Some(Event::Lost(lost)) => assert_eq!(lost.loss, crate::Loss::Exact(5)),
        other => panic!("{other:?}"),
    }
    assert!(matches!(source.next().unwrap(), Some(Event::Record(_))));
    assert!(matches!(
        Replay::of_pages("x", [], b"no layout", b""),
        Err(Error::Tracefs(_))
    ));

    let bare = tempfile::tempdir().unwrap();
    fs::write(bare.path().join("trace_pipe_raw.cpu0"), b"").unwrap();
    assert!(matches!(
        Replay::open([bare.path()]),
        Err(Error::Missing { .. })
    ));
}

#[test]
fn a_directory_by_name_and_what_is_wrong_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("a.log"), text(0..2)).unwrap();
    fs::write(path("b.gz"), b"\x1f\x8b\x08\x00abc").unwrap();
    let mut torn = raw(2..5, 128);
    torn.truncate(300);
    fs::write(path("c.bin"), torn).unwrap();
    fs::create_dir(path("d")).unwrap();
    fs::write(path("d/e.log"), text(5..6)).unwrap();
    std::os::unix::fs::symlink(dir.path(), path("d/loop")).unwrap();
    fs::write(path("z.log"), text(6..7)).unwrap();
    let mut source = Replay::open([dir.path()]).unwrap();
    fs::remove_file(path("z.log")).unwrap();
    // Compressed, torn, vanished.
    let (mut cpus, errors) = drain(&mut source);
    cpus.sort_unstable();
    assert_eq!((cpus, errors), (vec![0, 1, 2, 3, 5], 3));
    assert!(matches!(
        Replay::open([path("none")]),
        Err(Error::Io { .. })
    ));
}

#[test]
#[cfg(feature = "json")]
fn lines_that_are_no_json() {
    let mut lines = json(0..2);
    lines.push_str("{\"record\":{\"status\":\"zebra\"}}\n");
    lines.push_str(&json(2..3));
    lines.push_str("{\"record\":{\"sta");
    let mut source = Replay::of_bytes("json", lines).unwrap();
    assert_eq!(drain(&mut source), (vec![0, 1, 2], 2));
    let mut long = json(0..1).into_bytes();
    long.extend(vec![b'x'; 3 << 20]);
    long.extend(b"\n");
    long.extend(json(1..2).into_bytes());
    let (cpus, errors) = drain(&mut Replay::of_bytes("json", long).unwrap());
    assert_eq!(cpus, [0, 1]);
    assert!(errors > 0);
}

#[test]
fn a_log_that_grew_or_was_rotated_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("kern.log"), text(0..3)).unwrap();
    let mut source = Replay::open([dir.path()]).unwrap();
    assert_eq!(drain(&mut source).0, [0, 1, 2]);
    let cursor = source.cursor().unwrap();
    fs::write(path("kern.log"), text(0..5)).unwrap();
    fs::rename(path("kern.log"), path("kern.log.1")).unwrap();
    fs::write(path("kern.log"), text(7..8)).unwrap();
    let mut again = Replay::open([path("kern.log.1"), path("kern.log")]).unwrap();
    again.name.clone_from(&source.name);
    assert_eq!(again.seek(&cursor).unwrap(), Seek::Resumed);
    assert_eq!(drain(&mut again).0, [3, 4, 7]);
    fs::remove_file(path("kern.log.1")).unwrap();
    let mut other = Replay::open([dir.path()]).unwrap();
    assert_eq!(other.seek(&cursor).unwrap(), Seek::NewEpoch);
    assert_eq!(drain(&mut other).0, [7]);
}

#[test]
fn a_pace_sleeps_on_the_descriptor() {
    let source = Replay::of_bytes("raw", raw(0..3, 128)).unwrap();
    let rate = Pace::PerSecond(NonZeroU32::new(20).unwrap());
    let mut source = source.paced(rate).unwrap();
    assert!(readable(&source, 1000));
    let start = Instant::now();
    let mut cpus = Vec::new();
    while !source.ended() {
        match source.next().unwrap() {
            Some(Event::Record(seen)) => cpus.push(seen.record.cpu().unwrap()),
            Some(other) => panic!("{other:?}"),
            None if source.ended() => {}
            None => {
                assert!(readable(&source, 1000));
            }
        }
    }
    assert_eq!(cpus, [0, 1, 2]);
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert!(!readable(&source, 0), "nothing more comes");
    let fast = Replay::of_bytes("raw", raw(0..1, 128))
        .unwrap()
        .paced(Pace::Fast)
        .unwrap();
    assert!(readable(&fast, 0));
}

#[test]
fn bad_cursors_are_refused() {
    let mut source = Replay::of_bytes("raw", raw(0..3, 128)).unwrap();
    let epoch = "0123456789abcdef.10.0123456789abcdef";
    for (epoch, position) in [
        (epoch, "-"),
        (epoch, "1"),
        (epoch, "1.-1"),
        ("-", "1.1"),
        ("0123456789abcdef.10", "1.1"),
        ("+123456789abcdef.10.0123456789abcdef", "1.1"),
    ] {
        let cursor = own::cursor(Channel::Replay, "raw", epoch, position);
        assert!(
            matches!(source.seek(&cursor), Err(Error::Cursor(_))),
            "{cursor}"
        );
    }
    let other = own::cursor(Channel::Replay, "raw", epoch, "1.1");
    assert_eq!(source.seek(&other).unwrap(), Seek::NewEpoch);
    assert_eq!(all(source), [0, 1, 2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Files of every format, killed anywhere: each record comes once.
    #[test]
    fn each_record_once_across_restarts(
        kinds in proptest::collection::vec((0..4_usize, 0..7_u32), 1..5),
        stops in proptest::collection::vec(0..9_usize, 0..6),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut first = 0;
        for (index, (kind, count)) in kinds.into_iter().enumerate() {
            let numbers = first..first + count;
            first += count;
            let folder = dir.path().join(format!("{index}"));
            fs::create_dir(&folder).unwrap();
            match kind {
                0 => fs::write(folder.join("raw"), raw(numbers, 128)).unwrap(),
                1 => fs::write(folder.join("log"), text(numbers)).unwrap(),
                #[cfg(feature = "json")]
                2 => fs::write(folder.join("json"), json(numbers)).unwrap(),
                _ => {
                    for name in ["header_page", "format", "trace_pipe_raw.cpu0", "trace_pipe_raw.cpu1"] {
                        fs::copy(truth("6.1-intel").join(name), folder.join(name)).unwrap();
                    }
                }
            }
        }
        let open = || Replay::open([dir.path()]).unwrap();
        let want = all(open());
        let mut seen = Vec::new();
        let mut cursor: Option<Cursor> = None;
        for stop in stops.into_iter().chain([usize::MAX]) {
            let mut source = open();
            if let Some(cursor) = &cursor {
                prop_assert_eq!(source.seek(cursor).unwrap(), Seek::Resumed);
            }
            for _ in 0..stop {
                match source.next().unwrap() {
                    Some(Event::Record(one)) => seen.push(one.record.cpu().unwrap()),
                    Some(other) => panic!("{other:?}"),
                    None => break,
                }
            }
            if let Some(place) = source.cursor() {
                source.commit(&place).unwrap();
                cursor = Some(place.to_string().parse().unwrap());
            }
        }
        prop_assert_eq!(seen, want);
    }
}
