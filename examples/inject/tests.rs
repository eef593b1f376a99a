use std::fs;

use clap::Parser;
use mcekit::Record;
use mcekit::wire::Wire;

use super::{Args, Error, run};

/// What it prints, run as this user on a machine of two CPUs.
fn output(arguments: &[&str], root: bool) -> Result<String, Error> {
    let arguments = ["inject", "--online", "0,1"].iter().chain(arguments);
    let args = Args::try_parse_from(arguments).expect("a command line");
    let mut out = Vec::new();
    run(&args, root, &mut out)?;
    Ok(String::from_utf8(out).expect("text"))
}

const REGISTERS: &[&str] = &[
    "--cpu",
    "1",
    "--bank",
    "4",
    "--status",
    "0x9000400000010091",
    "--addr",
    "0x12345000",
];

#[test]
fn without_root_nothing_is_done() {
    let out = output(REGISTERS, false).unwrap();
    let first = "would inject: cpu 1 bank 4 status 0x9400400000010091 addr 0x12345000\n";
    assert!(out.starts_with(first), "{out}");
    assert!(
        out.ends_with("nothing was done: this is not root\n"),
        "{out}"
    );
    let dry: Vec<&str> = REGISTERS.iter().copied().chain(["--dry-run"]).collect();
    let out = output(&dry, true).unwrap();
    assert!(out.starts_with(first) && !out.contains("not root"), "{out}");
}

#[test]
fn what_cannot_be_is_told_before_anything_is_done() {
    let not_valid = output(&["--status", "0x91"], false).unwrap_err();
    assert_eq!(
        not_valid.to_string(),
        "injection 1: status 0x91 is not valid: the kernel would find nothing"
    );
    let log = ["--raise", "log"];
    let arguments: Vec<&str> = REGISTERS.iter().copied().chain(log).collect();
    assert!(matches!(
        output(&arguments, false),
        Err(Error::Injection { number: 1, .. })
    ));
    let arguments: Vec<&str> = arguments.into_iter().chain(["--to", "debugfs"]).collect();
    output(&arguments, false).unwrap();
    assert!(matches!(output(&[], false), Err(Error::Nothing)));
}

#[test]
fn an_exception_for_everyone_is_held_for_the_others() {
    let out = output(
        &["--status", "0xbd000000000000c0", "--broadcast", "irq"],
        false,
    )
    .unwrap();
    let shown: Vec<&str> = out.lines().filter(|l| l.starts_with("would")).collect();
    assert_eq!(shown.len(), 2, "{out}");
    assert!(
        shown[0].starts_with("would inject: cpu 1 bank 0 status 0x0000000000000000"),
        "{out}"
    );
    assert!(
        shown[1].starts_with("would inject: cpu 0 bank 0 status 0xbd000000000000c0"),
        "{out}"
    );
}

#[test]
fn a_scenario_becomes_a_replay_file() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario");
    fs::write(
        &scenario,
        "CPU 0 BANK 1 STATUS corrected 0x91\nCPU 1 BANK 3 STATUS fatal 0x135",
    )
    .unwrap();
    let raw = folder.path().join("out.bin");
    let json = folder.path().join("out.ndjson");
    for path in [&raw, &json] {
        let to = format!("replay:{}", path.display());
        output(&["--to", &to, scenario.to_str().unwrap()], false).unwrap();
    }
    let bytes = fs::read(&raw).unwrap();
    let records: Vec<Record> = bytes
        .chunks(128)
        .map(|chunk| Wire::read(chunk).unwrap().record())
        .collect();
    assert_eq!(
        records
            .iter()
            .map(|r| r.bank().unwrap())
            .collect::<Vec<_>>(),
        [1, 3]
    );
    // What is written as JSON is read as JSON.
    let again = folder.path().join("again.ndjson");
    let to = format!("replay:{}", again.display());
    output(&["--to", &to, json.to_str().unwrap()], false).unwrap();
    assert_eq!(fs::read(&again).unwrap(), fs::read(&json).unwrap());
    let dry = folder.path().join("dry.bin");
    let to = format!("replay:{}", dry.display());
    output(
        &["--dry-run", "--to", &to, scenario.to_str().unwrap()],
        true,
    )
    .unwrap();
    assert!(!dry.exists(), "a dry run wrote");
}

#[test]
fn errors_in_files_have_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    let name = path.to_str().unwrap();
    fs::write(&path, "CPU 0\nSTATUS nonsense").unwrap();
    let error = output(&[name], false).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("{name}: line 2, column 8: unknown word nonsense")
    );
    fs::write(&path, "{\"status\":1}\n{\"status\":true}").unwrap();
    let error = output(&[name], false).unwrap_err();
    assert!(matches!(error, Error::Json { line: 2, .. }), "{error}");
    let gone = output(&["/nonexistent/file"], false).unwrap_err();
    assert!(matches!(gone, Error::File { .. }), "{gone}");
}
