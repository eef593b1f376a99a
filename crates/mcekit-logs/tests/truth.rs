//! One error, every encoding, one result.
//!
//! Each directory of `tests/truth/` holds what one machine said about the same errors: the kernel's log
//! (`dmesg.txt`), the text of the trace event (`trace.txt`), and `struct mce` as read from /dev/mcelog or from
//! pstore (`*.bin`). Every record of the struct and of the event is looked for in the log, and decodes the same.

use std::fs;
use std::path::{Path, PathBuf};

use mcekit::wire::{MAX_LEN, Wire};
use mcekit::{Present, Record};
use mcekit_logs::records;

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The records of one file.
fn of(path: &Path) -> Vec<Record> {
    let bytes = read(path);
    if path.extension().is_some_and(|e| e == "bin") {
        let structs = bytes.chunks_exact(MAX_LEN);
        assert!(structs.remainder().is_empty(), "{}", path.display());
        return structs
            .map(|bytes| Wire::read(bytes).expect("a whole struct").record())
            .collect();
    }
    records(&bytes).map(|found| found.record).collect()
}

/// What of a record every encoding of its error gives, and the text of the decoding.
fn decoded(record: &Record, common: Present) -> String {
    let common = record.without(Present::all() - common);
    let decoding = common.decode();
    format!("{decoding}\n{decoding:#}")
}

/// Whether two records can be of one error.
fn same(a: &Record, b: &Record) -> bool {
    let tsc = a.tsc().is_none() || b.tsc().is_none() || a.tsc() == b.tsc();
    a.status() == b.status() && a.bank() == b.bank() && a.cpu() == b.cpu() && tsc
}

#[test]
fn one_error_every_encoding_one_result() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/truth");
    let mut dirs: Vec<PathBuf> = fs::read_dir(root)
        .expect("tests/truth exists")
        .map(|entry| entry.expect("a readable entry").path())
        .collect();
    dirs.sort();
    assert!(!dirs.is_empty());
    for dir in dirs {
        let log = of(&dir.join("dmesg.txt"));
        let (mut compared, mut only) = (0, 0);
        for entry in fs::read_dir(&dir).expect("a readable directory") {
            let path = entry.expect("a readable entry").path();
            if path.ends_with("dmesg.txt") {
                continue;
            }
            let others = of(&path);
            assert!(!others.is_empty(), "{}", path.display());
            for record in others {
                let Some(text) = log.iter().find(|text| same(text, &record)) else {
                    only += 1;
                    continue;
                };
                compared += 1;
                let common = text.present() & record.present();
                // The log and the event are written at moments of their own.
                let apart = (Present::all() - common) | Present::TIME;
                assert_eq!(
                    text.without(apart),
                    record.without(apart),
                    "{}",
                    path.display()
                );
                assert_eq!(
                    decoded(text, common),
                    decoded(&record, common),
                    "{}: {record:?}\n{text:?}",
                    path.display()
                );
            }
        }
        // The kernel prints some errors only in one place (rate limits, handled by the device).
        assert!(
            compared > 0,
            "{}: nothing in common, {only} apart",
            dir.display()
        );
    }
}
