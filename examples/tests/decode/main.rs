//! `decode`, as people run it.

mod harness;
mod truth;

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use harness::{Golden, dir, example, names, run};
use serde_json::Value;

fn decode(args: &[&str]) -> std::process::Output {
    run("decode", args, b"")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the answer is UTF-8")
}

/// The sample inputs, without their description.
fn samples() -> Vec<String> {
    let mut names = names(&dir("fixtures/decode"));
    assert!(names.remove("README.md"));
    names.into_iter().collect()
}

fn lines(bytes: Vec<u8>) -> Vec<Value> {
    text(bytes)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is one JSON value"))
        .collect()
}

/// Every sample, as a block and as lines.
#[test]
fn samples_give_the_golden_answers() {
    let mut golden = Golden::new("decode");
    for name in samples() {
        for (format, extension) in [("text", "txt"), ("ndjson", "ndjson")] {
            let output = decode(&["--format", format, &name]);
            golden.check(&format!("{name}.{extension}"), &text(output.stdout));
        }
    }
    golden.finish();
}

/// Whole sessions: a file begins with the command, and goes on with what it writes.
#[test]
fn sessions_go_as_written() {
    let mut golden = Golden::new("decode-cli");
    for name in names(&dir("tests/golden/decode-cli")) {
        let transcript = fs::read_to_string(dir("tests/golden/decode-cli").join(&name)).unwrap();
        let command = transcript.lines().next().unwrap_or_default();
        let words = command
            .strip_prefix("$ decode")
            .unwrap_or_else(|| panic!("{name} does not begin with `$ decode`"));
        let args = split(words);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let output = decode(&args);
        let stdout = text(output.stdout);
        let stderr = text(output.stderr);
        let code = output.status.code().expect("not killed");
        let separator = if stderr.is_empty() {
            ""
        } else {
            "[standard error]\n"
        };
        golden.check(
            &name,
            &format!("{command}\n{stdout}{separator}{stderr}[exit {code}]\n"),
        );
    }
    golden.finish();
}

/// Words as a shell splits them, with single quotes.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (i, part) in line.split('\'').enumerate() {
        if i % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[test]
fn own_lines_are_read_again_to_the_same_lines() {
    for name in samples() {
        let first = decode(&["--format", "ndjson", &name]).stdout;
        if first.is_empty() {
            continue;
        }
        let again = run("decode", &["--format", "ndjson"], &first);
        assert_eq!(text(again.stdout), text(first), "{name}");
    }
}

#[test]
fn a_list_holds_the_same_objects_as_the_lines() {
    for name in samples() {
        let list = decode(&["--format", "json", &name]).stdout;
        let list: Value = serde_json::from_slice(&list).expect("one JSON document");
        let lines = lines(decode(&["--format", "ndjson", &name]).stdout);
        assert_eq!(list, Value::from(lines), "{name}");
    }
}

#[test]
fn a_list_is_read_as_its_lines_are() {
    let list = decode(&["--format", "json", "records.jsonl"]).stdout;
    let lines = decode(&["--format", "ndjson", "records.jsonl"]).stdout;
    let again = run("decode", &["--format", "ndjson"], &list);
    let strip = |mut line: Value| {
        // The source of a record is passed through, so only spelling could differ.
        line["source"].take();
        line
    };
    let [again, lines] = [again.stdout, lines].map(|bytes| {
        self::lines(bytes)
            .into_iter()
            .map(strip)
            .collect::<Vec<_>>()
    });
    assert_eq!(again, lines);
}

#[test]
fn standard_input_in_small_pieces_is_the_same_input() {
    for name in [
        "linux-6.1-amd-ce.txt",
        "mcelog-6.1-intel-four.bin",
        "records.jsonl",
    ] {
        let bytes = fs::read(dir("fixtures/decode").join(name)).unwrap();
        let mut child = Command::new(example("decode"))
            .args(["--format", "ndjson"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        for piece in bytes.chunks(bytes.len() / 23 + 1) {
            stdin.write_all(piece).unwrap();
            std::thread::yield_now();
        }
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let mut file = lines(decode(&["--format", "ndjson", name]).stdout);
        for line in &mut file {
            if let Some(source) = line["source"].as_object_mut() {
                source.remove("file");
            }
        }
        assert_eq!(lines(output.stdout), file, "{name}");
    }
}

#[test]
fn the_reader_of_the_answer_may_leave() {
    let log = fs::read(dir("fixtures/decode/linux-6.1-intel-ce.txt")).unwrap();
    let mut child = Command::new(example("decode"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        // More than any pipe holds; the program stops reading when nobody listens.
        while stdin.write_all(&log).is_ok() {}
    });
    let mut first = [0; 1];
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(text(output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn an_answer_does_not_wait_for_the_end_of_the_input() {
    let mut child = Command::new(example("decode"))
        .args(["--format", "ndjson"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let line = b"{\"status\":\"bea0000000000108\",\"bank\":5}\n";
    stdin.write_all(line).unwrap();
    let mut first = [0; 1];
    stdout.read_exact(&mut first).unwrap();
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn colour_only_where_it_is_asked_for() {
    let escape = '\x1b';
    let args = ["--status", "bea0000000000108", "--bank", "5"];
    let plain = text(decode(&args).stdout);
    assert!(!plain.contains(escape));
    let always = [&args[..], &["--color", "always"]].concat();
    let coloured = text(decode(&always).stdout);
    assert!(coloured.contains(escape));
    let mut without = String::new();
    for (i, part) in coloured.split(escape).enumerate() {
        without.push_str(if i == 0 {
            part
        } else {
            part.split_once('m').unwrap().1
        });
    }
    assert_eq!(without, plain);
}

#[test]
fn every_shell_gets_a_completion() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = decode(&["--completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(text(output.stdout).contains("mcgstatus"), "{shell}");
    }
}

#[test]
fn help_has_examples_and_exit_statuses() {
    let help = text(decode(&["--help"]).stdout);
    for part in [
        "Examples:",
        "dmesg | decode",
        "Exit status: 0",
        "--mcgcap <HEX>",
    ] {
        assert!(help.contains(part), "{part}");
    }
}

#[test]
fn one_file_that_fails_does_not_stop_the_others() {
    let output = decode(&["--format", "ndjson", "missing.log", "records.jsonl"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(output.stderr).starts_with("decode: missing.log: "));
    assert_eq!(lines(output.stdout).len(), 4);
}

#[test]
fn a_line_that_does_not_read_is_named_and_the_next_is_taken() {
    let input = b"{\"status\":\"0x1\"}\n{\"status\":\"zebra\"}\nno json\n{\"status\":\"0x2\"}\n{\"status\":";
    let output = run("decode", &["--format", "ndjson"], input);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(lines(output.stdout).len(), 2);
    let stderr = text(output.stderr);
    for part in [
        "standard input:2: invalid value: string \"zebra\"",
        "standard input:3: ",
        "standard input:5: ",
    ] {
        assert!(stderr.contains(part), "{part} in {stderr}");
    }
}

#[test]
fn bad_lines_are_not_told_of_for_ever() {
    let mut input = b"{\"status\":\"0x1\"}\n".to_vec();
    // One line longer than any object may be, then many that are none.
    input.extend_from_slice(b"{\"status\":\"");
    input.resize(input.len() + (3 << 20), b'1');
    input.extend_from_slice(b"\n");
    for _ in 0..1000 {
        input.extend_from_slice(b"no json, {nor this}\n");
    }
    input.extend_from_slice(b"{\"status\":\"0x2\"}\n");
    let output = run("decode", &["--format", "ndjson"], &input);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(lines(output.stdout).len(), 2);
    let stderr = text(output.stderr);
    assert_eq!(stderr.lines().count(), 20);
    assert!(stderr.contains("standard input:2: an object of more than a megabyte"));
    assert!(stderr.contains("standard input:3: no JSON object"));
}

#[test]
fn compressed_input_is_named() {
    let output = run("decode", &[], b"\x1f\x8b\x08\0\0\0\0\0");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(output.stderr).contains("zcat"));
}
