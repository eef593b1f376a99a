//! Ring pages of real kernels, walked and held against a listing beside them; where the kernel's
//! own text of the same events is there (`trace.txt`), against that too.
//!
//! `tests/fixtures/pages/DIR/` holds `*.page`, what [`SubBuffer`] is to make of each (`*.walk`), and
//! perhaps `header_page` (sub-buffers of another size) and `trace.txt`. `UPDATE=1` writes the listings.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tracefs::page::{Layout, SubBuffer};
use tracefs::{Abi, Endian};

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

fn directories() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pages");
    let dirs = entries(&root);
    assert!(
        dirs.len() >= 10,
        "fixtures are missing in {}",
        root.display()
    );
    dirs
}

fn layout(dir: &Path) -> Layout {
    match fs::read(dir.join("header_page")) {
        Ok(text) => Layout::parse(&text, Endian::Little).unwrap(),
        Err(_) => Layout::new(Abi::LE64, 4096).unwrap(),
    }
}

/// One line for the sub-buffer, one for each record.
fn listing(page: &[u8], layout: &Layout) -> String {
    let sub = SubBuffer::parse(page, layout).unwrap();
    let mut out = String::new();
    writeln!(
        out,
        "sub-buffer time {} bytes {} lost {:?}",
        sub.timestamp(),
        sub.data().len(),
        sub.lost()
    )
    .unwrap();
    let mut records = sub.records();
    for record in records.by_ref() {
        let record = record.unwrap();
        writeln!(
            out,
            "{:5} time {} id {} bytes {}",
            record.offset,
            record.timestamp,
            record.event_id(sub.endian()).unwrap(),
            record.data.len()
        )
        .unwrap();
    }
    assert_eq!(records.offset(), sub.data().len());
    writeln!(out, "discarded {}", records.discarded()).unwrap();
    out
}

#[test]
fn pages_walk_as_listed() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = vec![];
    for dir in directories() {
        let layout = layout(&dir);
        for path in entries(&dir) {
            let name = path.file_name().unwrap().to_str().unwrap();
            match path.extension().and_then(|e| e.to_str()) {
                Some("page") => {
                    let seen = listing(&fs::read(&path).unwrap(), &layout);
                    let golden = path.with_extension("walk");
                    if update {
                        fs::write(&golden, &seen).unwrap();
                    } else if fs::read_to_string(&golden).ok().as_ref() != Some(&seen) {
                        wrong.push(golden);
                    }
                }
                Some("walk") => assert!(
                    path.with_extension("page").exists(),
                    "{} has no page",
                    path.display()
                ),
                _ => assert!(
                    ["header_page", "trace.txt"].contains(&name),
                    "{} is not known here",
                    path.display()
                ),
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "other than listed (UPDATE=1 rewrites): {wrong:?}"
    );
}

/// The CPU and the time in microseconds of a line of `trace`: `TASK-PID [CPU] FLAGS SEC.USEC: …`.
fn head(line: &str) -> Option<(u32, u64)> {
    let (_, rest) = line.split_once(" [")?;
    let (cpu, rest) = rest.split_once("] ")?;
    let stamp = rest.split_whitespace().nth(1)?.strip_suffix(':')?;
    let (seconds, micros) = stamp.split_once('.')?;
    Some((
        cpu.parse().ok()?,
        seconds.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?,
    ))
}

#[test]
fn times_are_those_the_kernel_printed() {
    let mut compared = 0;
    for dir in directories() {
        let Ok(text) = fs::read_to_string(dir.join("trace.txt")) else {
            continue;
        };
        let mut printed: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        for (cpu, micros) in text.lines().filter_map(head) {
            printed.entry(cpu).or_default().push(micros);
        }
        let layout = layout(&dir);
        for (cpu, printed) in printed {
            let page = fs::read(dir.join(format!("cpu{cpu}.page"))).unwrap();
            let sub = SubBuffer::parse(&page, &layout).unwrap();
            // `trace` rounds to the nearest microsecond.
            let walked: Vec<u64> = sub
                .records()
                .map(|record| (record.unwrap().timestamp + 500) / 1000)
                .collect();
            assert_eq!(walked, printed, "{} cpu {cpu}", dir.display());
            compared += walked.len();
        }
    }
    assert!(
        compared > 30,
        "only {compared} records had a text beside them"
    );
}
