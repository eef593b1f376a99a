//! The guest's program: this package's `guest`, built by cargo as a static executable.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Trouble;

/// Named in full so that cargo keeps flags for the guest away from build scripts and
/// procedural macros.
const TARGET: &str = "x86_64-unknown-linux-gnu";

fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")
}

/// Where transcripts go unless one says otherwise: beside cargo's own output.
pub(super) fn out_folder() -> PathBuf {
    // The program stands in TARGET/PROFILE/.
    let program = env::current_exe().unwrap_or_default();
    let target = program.ancestors().nth(2).unwrap_or(Path::new("target"));
    target.join("kernel-tests")
}

/// Builds it. Returns where it is.
pub(super) fn build() -> Result<PathBuf, Trouble> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .arg("build")
        .arg("--manifest-path")
        .arg(manifest())
        .args(["--bin", "guest", "--target", TARGET])
        .args(["--message-format", "json-render-diagnostics", "--quiet"])
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static")
        // Small enough to unpack at once in an emulated machine; checks of overflow stay.
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_DEV_STRIP", "debuginfo")
        .stderr(Stdio::inherit())
        .output()
        .map_err(Trouble::while_doing("cargo, to build the guest's program"))?;
    if !output.status.success() {
        return Err(Trouble::new("the guest's program does not build"));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "guest")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| Trouble::new("cargo does not say where the guest's program is"))
}
