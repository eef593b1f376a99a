//! What a machine shows of itself: files, below a root of one's choice.

use std::fs;
use std::path::{Path, PathBuf};

use tracefs::fs::{BootInstance, Tracefs, parse_cmdline};

/// A machine's files: this one's, or a tree that a test made.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

impl Default for Machine {
    fn default() -> Self {
        Self::at("/")
    }
}

impl Machine {
    /// The machine whose root directory that is.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A file of it; `path` without the leading slash.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub(super) fn text(&self, path: &str) -> Option<String> {
        fs::read(self.path(path))
            .ok()
            .map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    pub(super) fn cmdline(&self) -> String {
        self.text("proc/cmdline").unwrap_or_default()
    }

    pub(super) fn boot_instances(&self) -> Vec<BootInstance> {
        parse_cmdline(&self.cmdline())
    }

    /// tracefs, where it is mounted, or why it is not to be had.
    pub(super) fn tracefs(&self) -> tracefs::Result<Tracefs> {
        if self.root == Path::new("/") {
            return Tracefs::find();
        }
        let usual = Tracefs::at(self.path("sys/kernel/tracing"));
        usual.or_else(|first| Tracefs::at(self.path("sys/kernel/debug/tracing")).map_err(|_| first))
    }

    /// Major and minor version of the kernel.
    pub(super) fn kernel(&self) -> Option<(u32, u32)> {
        let release = self.text("proc/sys/kernel/osrelease")?;
        let mut numbers = release.split(|c: char| !c.is_ascii_digit());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }

    /// An option of the kernel's configuration, where that is kept in `/boot`: `y`, `m`, or `n` for what is not set.
    pub(super) fn config(&self, option: &str) -> Option<String> {
        let release = self.text("proc/sys/kernel/osrelease")?;
        let text = self.text(&format!("boot/config-{release}"))?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(option)?.strip_prefix('='));
        Some(value.unwrap_or("n").to_owned())
    }

    /// Processes that have a file open, as `NAME (PID)`; and all whose name is one of `names`.
    pub(super) fn processes(&self, file: &Path, names: &[&str]) -> Vec<String> {
        let own = std::process::id().to_string();
        let mut found = Vec::new();
        let Ok(dirs) = fs::read_dir(self.path("proc")) else {
            return found;
        };
        for dir in dirs.flatten() {
            let pid = dir.file_name().to_string_lossy().into_owned();
            if pid == own || !pid.bytes().all(|b| b.is_ascii_digit()) {
                continue;
            }
            let name = fs::read_to_string(dir.path().join("comm")).unwrap_or_default();
            let name = name.trim();
            let holds = || {
                let fds = fs::read_dir(dir.path().join("fd"));
                fds.into_iter()
                    .flatten()
                    .flatten()
                    .any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == file))
            };
            if names.contains(&name) || holds() {
                found.push(format!("{name} ({pid})"));
            }
        }
        found.sort();
        found
    }
}
