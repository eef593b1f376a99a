//! Runs the example programs, and compares what they write with golden files.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory of this package.
pub(crate) fn dir(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The built program of an example. `cargo test` builds it before it runs any test.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("a test lies in PROFILE/deps");
    let path = profile.join("examples").join(name);
    assert!(
        path.exists(),
        "{} is not built: cargo build -p mcekit-examples --example {name}",
        path.display()
    );
    path
}

/// Runs a program in the directory of its sample inputs, with `input` on its standard input.
pub(crate) fn run(program: &str, args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(example(program))
        .args(args)
        .current_dir(dir("fixtures").join(program))
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example starts");
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A program that does not read its input closes it.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("the example ends");
    writer.join().expect("the input was written");
    output
}

/// The names of the files in a directory.
pub(crate) fn names(dir: &Path) -> BTreeSet<String> {
    fs::read_dir(dir)
        .unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
        .map(|entry| {
            let name = entry.expect("a readable directory").file_name();
            name.into_string().expect("a name in UTF-8")
        })
        .collect()
}

/// Golden files of one directory: what was compared, and what did not agree.
pub(crate) struct Golden {
    dir: PathBuf,
    update: bool,
    seen: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Golden {
    pub(crate) fn new(name: &str) -> Self {
        let update = env::var_os("UPDATE").is_some_and(|value| value == "1");
        let dir = dir("tests/golden").join(name);
        Self {
            dir,
            update,
            seen: BTreeSet::new(),
            wrong: Vec::new(),
        }
    }

    /// Compares one file, or rewrites it.
    pub(crate) fn check(&mut self, name: &str, text: &str) {
        self.seen.insert(name.to_owned());
        let path = self.dir.join(name);
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if expected == text {
            return;
        }
        if self.update {
            fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            return;
        }
        let differs = expected.lines().zip(text.lines()).find(|(a, b)| a != b);
        let (was, is) = differs.unwrap_or(("(another length)", ""));
        self.wrong
            .push(format!("{name}\n   was: {was}\n    is: {is}"));
    }

    /// Fails where a file did not agree, or belongs to no case.
    pub(crate) fn finish(self) {
        let unknown: Vec<_> = names(&self.dir).difference(&self.seen).cloned().collect();
        assert!(
            self.wrong.is_empty() && unknown.is_empty(),
            "golden files in {} that do not agree:\n{}\nthat belong to no case: {unknown:?}\n\
             If the new answers are right: UPDATE=1 cargo test -p mcekit-examples",
            self.dir.display(),
            self.wrong.join("\n")
        );
    }
}
