//! Walks `tests/golden/`: each text has its records beside it in a file of the same name with `.out` added.
//!
//! `UPDATE=1 cargo test -p mcekit-logs --test golden` writes them anew; read the difference before you commit it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use mcekit::{Present, Record};
use mcekit_logs::{Found, Reader, slice};

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Every part that a record has, by name.
fn parts(record: &Record) -> String {
    let mut out = String::new();
    let mut hex = |name: &str, value: Option<u64>| {
        if let Some(value) = value {
            let _ = write!(out, " {name}={value:x}");
        }
    };
    if record.present().contains(Present::STATUS) {
        hex("status", Some(record.status().0));
    }
    hex("addr", record.addr().map(u64::from));
    hex("misc", record.misc().map(u64::from));
    hex("mcgstatus", record.mcgstatus().map(u64::from));
    hex("mcgcap", record.mcgcap().map(u64::from));
    hex("synd", record.synd().map(u64::from));
    hex("synd1", record.synd1().map(u64::from));
    hex("synd2", record.synd2().map(u64::from));
    hex("ipid", record.ipid().map(u64::from));
    hex("cs", record.cs().map(u64::from));
    hex("ip", record.ip());
    hex("tsc", record.tsc());
    hex("ppin", record.ppin().map(u64::from));
    hex("cpuid", record.cpuid().map(|c| c.0.into()));
    hex("microcode", record.microcode().map(u64::from));
    hex("apicid", record.apicid().map(u64::from));
    for (name, value) in [
        ("cpu", record.cpu().map(u64::from)),
        ("bank", record.bank().map(u64::from)),
        ("socket", record.socket().map(u64::from)),
        ("time", record.time()),
        ("vendor", record.vendor().map(|v| v.0.into())),
    ] {
        if let Some(value) = value {
            let _ = write!(out, " {name}:{value}");
        }
    }
    out
}

fn show(text: &[u8], found: &[Found]) -> String {
    let mut out = String::new();
    for f in found {
        let _ = writeln!(out, "line {} {:?} {}", f.line, f.span, f.format);
        let _ = writeln!(out, " {}", parts(&f.record));
        for (kind, words) in f.texts.iter() {
            let _ = writeln!(out, "  {}: {words}", kind.name());
        }
        if let Some(pair) = &f.pair {
            let _ = writeln!(
                out,
                "  again: line {} {:?} {}",
                pair.line, pair.span, pair.format
            );
        }
        assert!(
            slice(text, &f.span).is_some_and(|s| !s.is_empty()),
            "the span lies in the text"
        );
    }
    if found.is_empty() {
        out.push_str("nothing\n");
    }
    out
}

/// The records of a text that comes in pieces of `size` bytes.
fn in_pieces(text: &[u8], size: usize) -> Vec<Found> {
    let mut found = Vec::new();
    let mut reader = Reader::new();
    for piece in text.chunks(size) {
        reader.push(piece, &mut |f| found.push(f));
    }
    reader.finish(&mut |f| found.push(f));
    found
}

#[test]
fn golden() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut texts = Vec::new();
    let mut outs = Vec::new();
    for entry in fs::read_dir(dir()).expect("tests/golden exists") {
        let path = entry.expect("a readable entry").path();
        match path.extension().and_then(|e| e.to_str()) {
            Some("out") => outs.push(path),
            Some("txt" | "json") => texts.push(path),
            _ => panic!(
                "{}: neither a text (.txt, .json) nor its records (.out)",
                path.display()
            ),
        }
    }
    texts.sort();
    assert!(!texts.is_empty());
    for out in outs {
        assert!(
            texts.contains(&out.with_extension("")),
            "{}: the text it belongs to is gone",
            out.display()
        );
    }
    let mut wrong = Vec::new();
    for path in texts {
        let text = fs::read(&path).expect("a readable text");
        let whole = in_pieces(&text, text.len().max(1));
        for size in [1, 7, 80, 1000] {
            assert_eq!(
                in_pieces(&text, size),
                whole,
                "{} in pieces of {size}",
                path.display()
            );
        }
        let shown = show(&text, &whole);
        let mut out = path.clone().into_os_string();
        out.push(".out");
        if update {
            fs::write(&out, &shown).expect("a writable directory");
        } else if fs::read_to_string(&out).ok().as_deref() != Some(&shown) {
            wrong.push(format!("{}:\n{shown}", path.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "these differ from what is on record; UPDATE=1 rewrites the .out files\n{}",
        wrong.join("\n")
    );
}
