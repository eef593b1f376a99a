//! What an operator gets to see: configuration, outputs, thresholds and metrics of the whole daemon.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::harness::example;
use crate::kit::{file, rasd, run, said};

fn check(config: &Path) -> Output {
    Command::new(example("rasd"))
        .arg("check-config")
        .arg(config)
        .output()
        .unwrap()
}

#[test]
fn a_configuration_is_shown_whole_or_refused_with_every_mistake() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rasd.toml");
    fs::write(&path, "metrics.interval = \"90s\"\n").unwrap();
    let shown = check(&path);
    assert!(shown.status.success(), "{}", said(&shown));
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(
        text.contains("\n[metrics]\n") && text.contains("\ninterval = \"90s\"\n"),
        "{text}"
    );
    // What is shown is a configuration.
    fs::write(&path, &text).unwrap();
    assert_eq!(check(&path).stdout, text.as_bytes());

    fs::write(
        &path,
        "metric.interval = \"90s\"\n[triggers]\ntimeout = 90\n",
    )
    .unwrap();
    let refused = check(&path);
    assert_eq!(refused.status.code(), Some(2));
    let said = said(&refused);
    let name = path.display();
    for line in [
        format!("{name}:1:1: metric: no such key; did you mean `metrics`?"),
        format!("{name}:3:11: triggers.timeout: 90 has no unit; expected a time such as"),
    ] {
        assert!(said.contains(&line), "{line} in {said}");
    }
    // And the daemon does not start with it.
    let mut daemon = Command::new(example("rasd"));
    let daemon = daemon
        .arg("--config")
        .arg(&path)
        .arg("--once")
        .output()
        .unwrap();
    assert_eq!(daemon.status.code(), Some(2));
}

#[test]
fn programs_get_every_event_and_people_get_the_uncorrected_ones_and_a_count() {
    const COUNT: u64 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let config = format!(
        "output.terminal.enabled = \"never\"\n\
         output.log = {{ file = \"{log}\", form = \"line\" }}\n\
         output.ndjson.to = \"{json}\"\n\
         metrics.file = \"{metrics}\"\n",
        log = path("log").display(),
        json = path("json").display(),
        metrics = path("rasd.prom").display(),
    );
    fs::write(path("rasd.toml"), config).unwrap();
    let mut command = rasd(&path("state"), &file(dir.path(), COUNT));
    command.arg("--config").arg(path("rasd.toml"));
    run(command);

    let json = fs::read_to_string(path("json")).unwrap();
    let lines: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let seqs: BTreeSet<u64> = lines
        .iter()
        .map(|line| line["seq"].as_u64().unwrap())
        .collect();
    assert!(seqs.into_iter().eq(1..=COUNT), "each event once");
    let uncorrected = lines
        .iter()
        .filter(|line| line["decoded"]["severity"]["grade"] != "corrected")
        .count();
    assert!(uncorrected > 0);

    let log = fs::read_to_string(path("log")).unwrap();
    let of = |word: &str| log.lines().filter(|line| line.contains(word)).count();
    assert_eq!(of(" FATAL: "), uncorrected);
    let corrected = of(" CORRECTED: ");
    assert!((100..400).contains(&corrected), "{corrected}");
    let held_back: usize = log
        .lines()
        .filter_map(|line| {
            line.split_once(" more of ")?
                .0
                .rsplit(' ')
                .next()?
                .parse::<usize>()
                .ok()
        })
        .sum();
    assert_eq!(corrected + held_back + uncorrected, 20_000, "{log}");

    let metrics = fs::read_to_string(path("rasd.prom")).unwrap();
    let value = |name: &str| -> u64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} in {metrics}"))
            .trim()
            .parse()
            .unwrap()
    };
    assert_eq!(
        value("mcekit_records_total{severity=\"fatal\"}"),
        uncorrected as u64
    );
    assert_eq!(value("mcekit_output_suppressed_total"), held_back as u64);
    assert_eq!(value("mcekit_output_left_out_total{output=\"ndjson\"}"), 0);
    assert_eq!(value("mcekit_events_stored"), COUNT);
}

#[test]
fn a_trigger_that_hangs_holds_nothing_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let config = format!(
        "thresholds.dimm.trigger = [\"/bin/sleep\", \"300\"]\n\
         thresholds.page.corrected = \"1 / 24h\"\n\
         thresholds.page.trigger = [\"/bin/sleep\", \"300\"]\n\
         triggers = {{ timeout = \"200ms\", grace = \"200ms\", at-once = 2, queue = 1 }}\n\
         output.log = {{ file = \"{log}\", form = \"line\" }}\n",
        log = path("log").display(),
    );
    fs::write(path("rasd.toml"), config).unwrap();
    let replay = path("replay.jsonl");
    let lines: String = (0..3000)
        .map(|n| {
            format!(
                "{{\"status\":\"0x8c00004000800091\",\"addr\":\"{:#x}\",\"misc\":\"0x86\",\"bank\":7,\"cpu\":3,\
                 \"socketid\":0,\"cpuvendor\":0,\"cpuid\":\"0x50654\",\"time\":1795349361}}\n",
                n << 12
            )
        })
        .collect();
    fs::write(&replay, lines).unwrap();
    let mut command = rasd(&path("state"), &replay);
    command.arg("--config").arg(path("rasd.toml"));
    run(command);
    let log = fs::read_to_string(path("log")).unwrap();
    let of = |word: &str| log.lines().filter(|line| line.contains(word)).count();
    assert_eq!(of("too many corrected errors of the page at "), 3000);
    assert!(
        of("still ran after 200ms: it was told to end") >= 2,
        "{log}"
    );
    assert!(of("triggers wait already") >= 1, "{log}");
}

/// So many corrected errors of one page, now.
fn errors(path: &Path, count: usize) {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let line = format!(
        "{{\"status\":\"0x8c00004000800091\",\"addr\":\"0x12345678\",\"misc\":\"0x86\",\"bank\":7,\"cpu\":3,\
         \"socketid\":0,\"cpuvendor\":0,\"cpuid\":\"0x50654\",\"time\":{now}}}\n"
    );
    fs::write(path, line.repeat(count)).unwrap();
}

#[test]
fn what_one_process_counted_the_next_does_not_forget() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    // Six errors, six more, six more: the tenth is told, and the next would be the twentieth.
    let mut told = Vec::new();
    for n in 0..3 {
        let replay = path(&format!("{n}.jsonl"));
        errors(&replay, 6);
        let output = run({
            let mut command = rasd(&path("state"), &replay);
            command.stdout(std::process::Stdio::piped());
            command
        });
        let text = String::from_utf8(output.stdout).unwrap();
        told.push(
            text.matches("too many corrected errors of the page at 0x12345000: 10 in 24h")
                .count(),
        );
    }
    assert_eq!(told, [0, 1, 0]);
}

/// What a file has, once it is so.
fn soon(path: &Path, so: impl Fn(&str) -> bool) -> String {
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if so(&text) {
            return text;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{}: {text}",
            path.display()
        );
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn while_it_runs_logs_are_rotated_and_metrics_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let config = format!(
        "output.log = {{ file = \"{}\", form = \"line\" }}\n\
         metrics.listen = \"127.0.0.1:0\"\n",
        path("log").display(),
    );
    fs::write(path("rasd.toml"), config).unwrap();
    let mut command = rasd(&path("state"), &file(dir.path(), 100_000));
    command
        .args(["--rate", "500", "--config"])
        .arg(path("rasd.toml"));
    let mut child = command.spawn().unwrap();
    let log = soon(&path("log"), |text| {
        text.contains("CORRECTED") && text.contains("/metrics\n")
    });
    let address = log
        .lines()
        .find_map(|line| {
            line.split_once("metrics: http://")?
                .1
                .strip_suffix("/metrics")
        })
        .unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains("\nmcekit_records_total{severity=\"corrected\"} "),
        "{answer}"
    );

    fs::rename(path("log"), path("log.1")).unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    kill(pid, Signal::SIGHUP).unwrap();
    // An uncorrected error comes every two seconds, past all limits.
    let new = soon(&path("log"), |text| text.contains("FATAL"));
    assert!(!new.contains("moved or removed"), "{new}");
    kill(pid, Signal::SIGTERM).unwrap();
    assert!(child.wait().unwrap().success());
}
