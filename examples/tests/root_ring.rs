//! The `twatch` and `keeper` examples on the running kernel.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Whether these tests are to run; a word why where they are not.
fn wanted() -> bool {
    let wanted = std::env::var_os("MCEKIT_ROOT_TESTS").is_some_and(|v| v == "1");
    if !wanted {
        eprintln!("skipped: needs root and perf events; set MCEKIT_ROOT_TESTS=1");
    }
    wanted
}

fn example(name: &str) -> Command {
    // This test is in target/PROFILE/deps, the examples are in target/PROFILE/examples.
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    Command::new(path.join("examples").join(name))
}

/// A program that is ended with the test, and its lines.
struct Program {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Program { child, lines }
    }

    fn line(&mut self, part: &str) -> String {
        let found = self
            .lines
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains(part));
        found.unwrap_or_else(|| panic!("it ended without `{part}`"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn twatch_tells_what_tasks_do() {
    if !wanted() {
        return;
    }
    let mut twatch = Program::start(example("twatch").args(["2", "--switches"]));
    // Who runs is told all the time: it has begun.
    twatch.line(" runs");
    let mut child = Command::new("sleep").arg("0.01").spawn().unwrap();
    let tid = child.id();
    child.wait().unwrap();
    for what in [
        format!("begins {tid}"),
        format!("tid {tid} is sleep"),
        format!("tid {tid} stops"),
        format!("tid {tid} ends"),
    ] {
        twatch.line(&what);
    }
}

/// tracefs, mounted for the test where it is not.
fn mount() {
    if !Path::new("/sys/kernel/tracing/events").exists() {
        let mounted = Command::new("mount")
            .args(["-t", "tracefs", "nodev", "/sys/kernel/tracing"])
            .status();
        assert!(
            mounted.is_ok_and(|status| status.success()),
            "cannot mount tracefs: not root?"
        );
    }
}

#[test]
fn a_keeper_keeps_what_nobody_reads_and_gives_it_to_everybody() {
    if !wanted() {
        return;
    }
    mount();
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { dir.path().join(name) };
    let (socket, cursor) = (path("socket"), path("cursor"));
    let mut keeper = Program::start(
        example("keeper")
            .arg("sched:sched_process_exit")
            .arg(&socket),
    );
    keeper.line("rings at");
    let ended = || {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        format!(" tid {} at ", child.id())
    };
    // While nobody reads.
    let first = ended();
    let attach = |stream: bool| {
        let mut command = example("keeper");
        command.arg("--attach");
        if stream {
            command.arg("--stream").arg(&socket);
        } else {
            command.arg(&socket).arg(&cursor);
        }
        Program::start(&mut command)
    };
    let mut clients = [attach(false), attach(true)];
    for client in &mut clients {
        client.line("sched:sched_process_exit, a format of");
        assert!(client.line(&first).contains("SAMPLE"));
    }
    let second = ended();
    for client in &mut clients {
        client.line(&second);
    }
    // One goes on where the other's cursor says: nothing twice.
    drop(clients);
    let third = ended();
    let mut again = attach(false);
    loop {
        let line = again.line(" at ");
        assert!(!line.contains(&first), "{line}");
        if line.contains(&third) {
            break;
        }
    }
}
