//! Bytes that real kernels (6.1 and 6.12, under QEMU) handed out of `/dev/mcelog`, and of ERST: `golden/NAME.bin`, read
//! through the fake, against `golden/NAME.txt`. `UPDATE=1 cargo test -p mcelog-dev --test golden` writes the texts anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mcelog_dev::fake::Fake;
use mcelog_dev::{Event, OpenOptions};

/// Every event of a read that brought these bytes, a line each.
fn text(bytes: &[u8]) -> String {
    let fake = Fake::new();
    fake.log_raw(bytes);
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    let mut text = String::new();
    while let Some(event) = device.next_event().unwrap() {
        let line = match event {
            Event::Record(entry) => format!("{:?} {:x?}\n", entry.origin(), entry.wire()),
            Event::Overflow(how) => format!("overflow {how:?}\n"),
        };
        text.push_str(&line);
    }
    text
}

#[test]
fn what_kernels_handed_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let update = std::env::var_os("UPDATE").is_some_and(|v| v == "1");
    let (mut names, mut texts) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_owned();
        match path.extension().and_then(|e| e.to_str()) {
            Some("bin") => names.insert(name),
            Some("txt") => texts.insert(name),
            _ => panic!("{} belongs to nothing", path.display()),
        };
    }
    assert!(!names.is_empty());
    for name in &names {
        let path = folder.join(name);
        let got = text(&fs::read(path.with_added_extension("bin")).unwrap());
        let golden = path.with_added_extension("txt");
        if update {
            fs::write(&golden, &got).unwrap();
        }
        let want = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(got, want, "{}; rewrite with UPDATE=1", golden.display());
    }
    let orphans: Vec<_> = texts.difference(&names).collect();
    assert!(orphans.is_empty(), "without bytes: {orphans:?}");
}
