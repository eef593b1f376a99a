//! The guest's programs: this package's `guest`, and the daemon, built by cargo as static executables.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Trouble;

/// Named in full so that cargo keeps flags for the guest away from build scripts and
/// procedural macros.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Where transcripts go unless one says otherwise: beside cargo's own output.
pub(super) fn out_folder() -> PathBuf {
    // The program stands in TARGET/PROFILE/.
    let program = env::current_exe().unwrap_or_default();
    let target = program.ancestors().nth(2).unwrap_or(Path::new("target"));
    target.join("kernel-tests")
}

/// A program for the guest.
#[derive(Clone, Copy, Debug)]
pub(super) enum Program {
    /// The init, which has the cases.
    Guest,
    /// The daemon, `examples/rasd`.
    Rasd,
}

impl Program {
    const fn name(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Rasd => "rasd",
        }
    }

    /// How cargo is told which one.
    const fn chosen(self) -> &'static [&'static str] {
        match self {
            Self::Guest => &["--package", "kernel-tests", "--bin", "guest"],
            Self::Rasd => &["--package", "mcekit-examples", "--example", "rasd"],
        }
    }

    /// Builds it. Returns where it is.
    pub(super) fn build(self) -> Result<PathBuf, Trouble> {
        let name = self.name();
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .arg("build")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(self.chosen())
            .args(["--target", TARGET])
            .args(["--message-format", "json-render-diagnostics", "--quiet"])
            .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static")
            // Small enough to unpack at once in an emulated machine; checks of overflow stay.
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_DEV_STRIP", "debuginfo")
            .stderr(Stdio::inherit())
            .output()
            .map_err(Trouble::while_doing(format!("cargo, to build {name}")))?;
        if !output.status.success() {
            return Err(Trouble::new(format!("{name} does not build for the guest")));
        }
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|message| message["target"]["name"] == name)
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .ok_or_else(|| Trouble::new(format!("cargo does not say where {name} is")))
    }
}
