//! One error, every encoding of a trace event, one result.
//!
//! Each directory of `tests/truth/` holds what one real kernel gave for the same errors: the pages of its trace ring
//! (`trace_pipe_raw.cpuN`, with `header_page`), the records of its perf rings (`perf-ring.cpuN`), the text of the trace event
//! (`trace.txt`) and the kernel's log (`dmesg.txt`), with the event's `format`. `tracefs`, `perf-ring` and `mcekit-logs`
//! read them, and every error is the same record and the same decoding in each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mcekit::{Present, Record};
use mcekit_source::fields::MceFields;
use perf_ring::Layout as SampleLayout;
use perf_ring::abi::{EventAttr, RecordType, SampleType};
use tracefs::page::{Layout, SubBuffer};
use tracefs::{Endian, Format};

/// A record by what tells an error apart from others.
type Errors = BTreeMap<(u64, u8, u32, u64), Record>;

fn add(errors: &mut Errors, record: Record) {
    let key = (
        record.status().0,
        record.bank().unwrap_or(0),
        record.cpu().unwrap_or(u32::MAX),
        record.tsc().unwrap_or(0),
    );
    errors.insert(key, record);
}

fn of_pages(dir: &Path, fields: &MceFields) -> Errors {
    let header = fs::read(dir.join("header_page")).expect("header_page");
    let layout = Layout::parse(&header, Endian::Little).expect("a layout");
    let mut errors = Errors::new();
    for path in files(dir, "trace_pipe_raw.") {
        let page = fs::read(path).expect("a page");
        let sub = SubBuffer::parse(&page, &layout).expect("a sub-buffer");
        assert_eq!(sub.lost(), None);
        for raw in sub.records() {
            let raw = raw.expect("a whole record");
            if raw.event_id(Endian::Little).map(u32::from) == Some(fields.id()) {
                add(&mut errors, fields.record(raw.data).expect("a whole event"));
            }
        }
    }
    errors
}

fn of_perf(dir: &Path, fields: &MceFields) -> Errors {
    let attr = EventAttr {
        sample_type: SampleType::TID | SampleType::TIME | SampleType::CPU | SampleType::RAW,
        ..EventAttr::default()
    };
    let layout = SampleLayout::of(&attr).expect("a layout");
    let mut errors = Errors::new();
    let mut scratch = Vec::new();
    for path in files(dir, "perf-ring.") {
        let bytes = fs::read(path).expect("a ring's records");
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let record = perf_ring::Record::from_bytes(rest).expect("a whole record");
            if record.header.kind == RecordType::SAMPLE {
                let sample = layout.sample(record.body(&mut scratch)).expect("a sample");
                let data = sample.raw().expect("raw data");
                add(&mut errors, fields.record(data).expect("a whole event"));
            }
            rest = &rest[usize::from(record.header.size)..];
        }
    }
    errors
}

fn of_text(path: &Path) -> Errors {
    let text = fs::read(path).expect("a text");
    let mut errors = Errors::new();
    for found in mcekit_logs::records(&text) {
        add(&mut errors, found.record);
    }
    errors
}

fn files(dir: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(prefix))
        })
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{}: no {prefix}*", dir.display());
    paths
}

/// Every error of `some` is in `all`, with the same registers where both have them, and decodes the same.
fn agree(some: &Errors, all: &Errors, what: &str) {
    for (key, record) in some {
        let other = all
            .get(key)
            .unwrap_or_else(|| panic!("{what}: {key:x?} is missing in {all:#x?}"));
        let common = record.present() & other.present();
        let only = |record: &Record| record.without(Present::all() - common);
        assert_eq!(only(record), only(other), "{what}");
        assert_eq!(
            format!("{:#}", only(record).decode()),
            format!("{:#}", only(other).decode()),
            "{what}"
        );
    }
}

#[test]
fn one_error_every_encoding_one_result() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/truth");
    let dirs = files(&root, "trace-");
    assert_eq!(dirs.len(), 4);
    for dir in dirs {
        let format =
            Format::parse(&fs::read(dir.join("format")).expect("a format")).expect("a format");
        let fields = MceFields::new(&format).expect("mce_record's fields");
        let pages = of_pages(&dir, &fields);
        assert!(pages.len() >= 3, "{}: {pages:?}", dir.display());
        let text = of_text(&dir.join("trace.txt"));
        agree(&pages, &text, "trace text");
        agree(&text, &pages, "trace text");
        // The perf events were opened after the first errors.
        let perf = of_perf(&dir, &fields);
        assert!(!perf.is_empty(), "{}", dir.display());
        agree(&perf, &pages, "perf");
        // The kernel's log prints some of them.
        let log = of_text(&dir.join("dmesg.txt"));
        let printed: Errors = log
            .into_iter()
            .filter(|(key, _)| pages.contains_key(key))
            .collect();
        assert!(
            !printed.is_empty(),
            "{}: no error of the log is in the trace",
            dir.display()
        );
        agree(&printed, &pages, "log");
    }
}
