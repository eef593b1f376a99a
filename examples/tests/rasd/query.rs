//! `rasd query` over a recorded error set.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Golden, dir, example, names};
use crate::kit::said;

#[test]
fn the_history_of_the_recorded_errors() {
    let state = tempfile::tempdir().unwrap();
    let fixtures = dir("fixtures/decode");
    // Those whose every record has a time of its own.
    let inputs = names(&fixtures)
        .into_iter()
        .filter(|name| name.starts_with("linux-6.1-intel"));
    let output = Command::new(example("rasd"))
        .current_dir(&fixtures)
        .arg("--state")
        .arg(state.path())
        .arg("--replay")
        .args(inputs)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let query = |args: &[&str]| {
        let output = Command::new(example("rasd"))
            .arg("query")
            .arg("--state")
            .arg(state.path())
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let mut golden = Golden::new("rasd");
    golden.check("query.txt", &query(&[]));
    golden.check(
        "query-fatal.txt",
        &query(&["--severity", "fatal", "--newest"]),
    );
    let lines: Vec<String> = query(&["--json", "--limit", "3"])
        .lines()
        .map(|line| {
            let mut object: Value = serde_json::from_str(line).unwrap();
            // When it was replayed.
            for key in ["received", "received_ns"] {
                assert!(object[key].is_u64());
                object[key].take();
            }
            format!("{object}\n")
        })
        .collect();
    golden.check("query.ndjson", &lines.concat());
    golden.finish();
}

#[test]
fn without_a_history_it_says_where_it_looked() {
    let state = tempfile::tempdir().unwrap();
    let output = Command::new(example("rasd"))
        .args(["query", "--state"])
        .arg(state.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("ras-mc_event.db"),
        "{}",
        said(&output)
    );
}

#[test]
fn without_any_source_it_names_what_would_run() {
    let state = tempfile::tempdir().unwrap();
    let output = Command::new(example("rasd"))
        .arg("--replay")
        .arg("/nonexistent")
        .arg("--state")
        .arg(state.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("/nonexistent"), "{}", said(&output));
}
