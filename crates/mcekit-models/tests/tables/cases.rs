//! Golden cases: one file for each source file with models, one case a line, the explanation indented under it.
//!
//! `UPDATE=1 cargo test -p mcekit-models` writes the explanations, and adds a case for every row of every table, every field and every
//! bank that no case reaches yet. Cases written by hand stay. Read the diff before it is committed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use mcekit::Vendor;

use crate::case::Case;
use crate::generate;
use crate::support::{files, golden, path, update};

impl Case {
    /// The case as one line.
    pub(crate) fn line(&self) -> String {
        let r = &self.record;
        let mut line = r
            .vendor()
            .and_then(Vendor::name)
            .expect("vendor")
            .to_lowercase();
        let out = &mut line;
        if let Some(id) = self.model {
            write!(out, " model={id}").unwrap();
        }
        if let Some(cpu) = r.cpuid() {
            write!(
                out,
                " cpu={:#x}/{:#x}/{}",
                cpu.family(),
                cpu.model(),
                cpu.stepping()
            )
            .unwrap();
        }
        if let Some(bank) = r.bank() {
            write!(out, " bank={bank}").unwrap();
        }
        write!(out, " status={:#x}", r.status().0).unwrap();
        let registers = [
            ("misc", r.misc().map(|v| v.0)),
            ("addr", r.addr().map(|v| v.0)),
            ("ipid", r.ipid().map(|v| v.0)),
            ("synd", r.synd().map(|v| v.0)),
            ("synd1", r.synd1().map(|v| v.0)),
            ("synd2", r.synd2().map(|v| v.0)),
            ("mcgstatus", r.mcgstatus().map(|v| v.0)),
            ("mcgcap", r.mcgcap().map(|v| v.0)),
            ("socket", r.socket().map(u64::from)),
            ("apicid", r.apicid().map(u64::from)),
        ];
        for (name, value) in registers {
            if let Some(value) = value {
                write!(out, " {name}={value:#x}").unwrap();
            }
        }
        line
    }
}

/// The cases of a file, without their explanations; the comments before a case stay with it.
fn read(name: &str) -> Vec<(Vec<String>, Case)> {
    let file = path("cases").join(format!("{name}.txt"));
    let text = fs::read_to_string(&file).unwrap_or_default();
    let (mut cases, mut comments) = (Vec::new(), Vec::new());
    for (n, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            comments.push(line.to_owned());
        } else if !line.is_empty() && !line.starts_with(' ') {
            let case =
                Case::parse(line).unwrap_or_else(|e| panic!("{}:{}: {e}", file.display(), n + 1));
            cases.push((std::mem::take(&mut comments), case));
        }
    }
    cases
}

fn write(cases: &[(Vec<String>, Case)]) -> String {
    let mut text = String::new();
    for (comments, case) in cases {
        for comment in comments {
            writeln!(text, "{comment}").unwrap();
        }
        writeln!(text, "{}", case.line()).unwrap();
        for line in format!("{:#}", case.explain()).lines() {
            writeln!(text, "    {}", line.trim_start()).unwrap();
        }
    }
    text
}

#[test]
fn cases_say_what_they_said() {
    for (name, models) in files() {
        let mut cases = read(&name);
        if update() {
            for goal in generate::goals(&models) {
                if !cases.iter().any(|(_, case)| goal.reached(&case.explain())) {
                    cases.push((Vec::new(), goal.case()));
                }
            }
        }
        golden(&path("cases").join(format!("{name}.txt")), &write(&cases));
    }
}

#[test]
fn every_row_is_reached_by_a_case() {
    if update() {
        // The other test is writing the cases.
        return;
    }
    for (name, models) in files() {
        let cases = read(&name);
        let cases: Vec<_> = cases.iter().map(|(_, case)| case.explain()).collect();
        for goal in generate::goals(&models) {
            assert!(
                cases.iter().any(|explained| goal.reached(explained)),
                "no case of cases/{name}.txt reaches {goal:?}; UPDATE=1 adds one"
            );
        }
    }
}

#[test]
fn every_case_file_belongs_to_a_source_file() {
    let known: BTreeSet<_> = files()
        .into_keys()
        .map(|name| format!("{name}.txt"))
        .collect();
    let mut dirs = vec![path("cases")];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("cases") {
            let entry = entry.expect("entry").path();
            if entry.is_dir() {
                dirs.push(entry);
                continue;
            }
            let name = entry
                .strip_prefix(path("cases"))
                .expect("below")
                .to_string_lossy()
                .into_owned();
            assert!(
                known.contains(&name),
                "cases/{name}: no source file has such models"
            );
        }
    }
}

#[test]
fn lines_are_read_as_they_are_written() {
    for name in files().into_keys() {
        for (_, case) in read(&name) {
            assert_eq!(Case::parse(&case.line()), Ok(case));
        }
    }
}

#[test]
fn values_are_the_same_one_by_one_and_all_at_once() {
    for name in files().into_keys() {
        for (_, case) in read(&name) {
            let explained = case.explain();
            let mut at_once = Vec::new();
            explained
                .values()
                .for_each(|value| at_once.push((value.field.name(), value.raw)));
            let mut one_by_one = Vec::new();
            for value in explained.values() {
                one_by_one.push((value.field.name(), value.raw));
            }
            assert_eq!(at_once, one_by_one, "{}", case.line());
        }
    }
}
