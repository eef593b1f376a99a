//! What a machine shows of itself: files, below a root of one's choice.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use tracefs::fs::{BootInstance, Tracefs, parse_cmdline};

/// A machine's files: this one's, or a tree that a test made.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

/// The configuration that a kernel was built with.
#[derive(Clone, Debug)]
pub(super) struct Configuration {
    path: PathBuf,
    text: String,
}

impl Configuration {
    /// The value of an option: `y`, `m`; `n` for what is not set.
    pub(super) fn get(&self, option: &str) -> &str {
        self.text
            .lines()
            .find_map(|line| line.strip_prefix(option)?.strip_prefix('='))
            .unwrap_or("n")
    }

    /// How options are set, and where that stands.
    pub(super) fn says(&self, options: &[&str]) -> String {
        let said: Vec<String> = options
            .iter()
            .map(|option| match self.get(option) {
                "y" => format!("{option} is built in"),
                "m" => format!("{option} is a module"),
                "n" => format!("{option} is not set"),
                other => format!("{option} is {other}"),
            })
            .collect();
        format!("{}: {}", self.path.display(), said.join(", "))
    }
}

/// No configuration is longer.
const MAX_CONFIG: u64 = 8 << 20;

/// A file that gzip packed.
fn unpacked(path: &Path) -> Option<String> {
    let mut text = Vec::new();
    let file = File::open(path).ok()?;
    GzDecoder::new(file.take(MAX_CONFIG))
        .take(MAX_CONFIG)
        .read_to_end(&mut text)
        .ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
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

    /// The kernel's configuration: what it gives itself (`CONFIG_IKCONFIG_PROC`), or a file of its release.
    pub(super) fn config(&self) -> Option<Configuration> {
        let given = self.path("proc/config.gz");
        if let Some(text) = unpacked(&given) {
            return Some(Configuration { path: given, text });
        }
        let release = self.text("proc/sys/kernel/osrelease")?;
        [
            format!("boot/config-{release}"),
            format!("lib/modules/{release}/config"),
        ]
        .into_iter()
        .find_map(|path| {
            let text = self.text(&path)?;
            let path = self.path(&path);
            Some(Configuration { path, text })
        })
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
