//! Guests whose first program is systemd, with the disk as their root: how they come to be, and what their cases use.
//!
//! The tree on the disk is Debian's packages (`kernels/systemd.sh`). This program loads the modules that the disk takes, makes the
//! disk the root, and gives place to systemd, which boots to `basic.target` as it would anywhere and there starts this program
//! again, as a unit, for the cases. What the cases bring along is below [`KIT`], in memory; on the disk is only what they,
//! or systemd, put there.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use std::{env, io};

use nix::mount::{MsFlags, mount, umount};
use nix::unistd::{chdir, chroot, execv};
use serde_json::Value;

use super::{DISK, Guest, PLAN, RASD};
use crate::case::{Failure, Outcome, ensure};

/// Stands in the initramfs of guests that are to have systemd.
pub const MARK: &str = "/systemd";

/// This program, the daemon and the plan, once systemd runs.
pub const KIT: &str = "/run/kernel-tests";

/// The unit that runs the plan, and what wants it.
const UNIT: &str = "kernel-tests.service";
const TARGET: &str = "basic.target";

/// What systemd mounts by itself.
const ITS_OWN: [&str; 2] = ["/sys/kernel/debug", "/sys/kernel/tracing"];

/// How long systemd may take for anything, in an emulated machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes the disk the root and systemd the first program.
///
/// # Errors
///
/// Where something is missing for it.
pub(super) fn hand_over() -> Result<Infallible, Failure> {
    let root = Path::new(DISK);
    fs::create_dir_all(root)?;
    bind(Some("/dev/vda"), root, Some("ext4"), MsFlags::empty())?;
    // Whoever unpacked the packages, the files are root's.
    if fs::metadata(root.join("usr/bin"))?.uid() != 0 {
        to_root(root)?;
    }
    for path in ITS_OWN {
        umount(path)?;
    }
    let run = root.join("run");
    bind(Some("tmpfs"), &run, Some("tmpfs"), MsFlags::MS_NOSUID)?;
    fs::set_permissions(&run, Permissions::from_mode(0o755))?;
    bring_along(&run.join("kernel-tests"))?;
    let units = run.join("systemd/system");
    let wants = units.join(format!("{TARGET}.wants"));
    fs::create_dir_all(&wants)?;
    fs::write(units.join(UNIT), unit())?;
    symlink(format!("../{UNIT}"), wants.join(UNIT))?;
    for path in ["dev", "proc", "sys"] {
        let from = Path::new("/").join(path);
        let from = from.to_str();
        bind(from, &root.join(path), None, MsFlags::MS_MOVE)?;
    }
    // As switch_root does it: the initramfs can be covered, and not be left.
    chdir(root)?;
    bind(Some("."), Path::new("/"), None, MsFlags::MS_MOVE)?;
    chroot(".")?;
    chdir("/")?;
    let program = CString::new("/sbin/init")?;
    let target = CString::new(format!("--unit={TARGET}"))?;
    Ok(execv(&program, &[program.clone(), target])?)
}

fn bind(from: Option<&str>, to: &Path, kind: Option<&str>, flags: MsFlags) -> Outcome {
    mount(from, to, kind, flags, None::<&CStr>)
        .map_err(|error| Failure(format!("mounting {from:?} at {}: {error}", to.display())))
}

fn bring_along(kit: &Path) -> Outcome {
    fs::create_dir(kit)?;
    let daemon = Path::new(RASD);
    let mut programs = vec![(env::current_exe()?, "init")];
    if daemon.exists() {
        programs.push((daemon.to_owned(), "rasd"));
    }
    for (from, name) in programs {
        fs::copy(&from, kit.join(name))?;
        fs::set_permissions(kit.join(name), Permissions::from_mode(0o755))?;
    }
    fs::copy(PLAN, kit.join("plan"))?;
    Ok(())
}

fn unit() -> String {
    // It sees the others end.
    format!(
        "[Unit]\nDefaultDependencies=no\nAfter={TARGET}\n[Service]\nExecStart={KIT}/init plan {KIT}/plan\n"
    )
}

fn to_root(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        lchown(entry.path(), Some(0), Some(0))?;
        if entry.file_type()?.is_dir() {
            to_root(&entry.path())?;
        }
    }
    chown(path, Some(0), Some(0))
}

/// Runs a program, and gives what it printed.
///
/// # Errors
///
/// With what it complained of, where it fails.
pub fn run(program: &str, arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new(program).args(arguments).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let command = arguments.join(" ");
    Err(Failure(format!(
        "{program} {command}: {}: {said}",
        output.status
    )))
}

/// Runs a program as a user who is nobody special.
///
/// # Errors
///
/// Where it cannot be started.
pub fn run_as(user: u32, program: &Path, arguments: &[&str]) -> Result<Output, Failure> {
    Ok(Command::new(program)
        .args(arguments)
        .uid(user)
        .gid(user)
        .output()?)
}

/// Runs systemctl.
///
/// # Errors
///
/// Where it fails.
pub fn systemctl(arguments: &[&str]) -> Result<String, Failure> {
    run("systemctl", arguments)
}

/// A unit, as `systemctl show` knows it.
#[derive(Clone, Copy, Debug)]
pub struct Unit(pub &'static str);

impl Unit {
    /// A property.
    ///
    /// # Errors
    ///
    /// Where systemctl fails.
    pub fn property(self, name: &str) -> Result<String, Failure> {
        let value = systemctl(&["show", "--value", "-p", name, self.0])?;
        Ok(value.trim_end().to_owned())
    }

    /// Waits until a property has a value.
    ///
    /// # Errors
    ///
    /// With the value that it has instead.
    pub fn until(self, guest: &Guest, name: &str, want: &str) -> Outcome {
        let mut last = String::new();
        let reached = guest.wait_for(name, PATIENCE, || {
            last = self.property(name)?;
            Ok((last == want).then_some(()))
        });
        reached.map_err(|Failure(why)| Failure(format!("{why}: {last}, and not {want}")))
    }

    /// The number of its main process.
    ///
    /// # Errors
    ///
    /// Where it has none.
    pub fn main_process(self) -> Result<i32, Failure> {
        let number = self.property("MainPID")?.parse()?;
        ensure(number != 0, format!("{} has no process", self.0))?;
        Ok(number)
    }
}

/// What the journal has, as `journalctl -o json` tells it.
///
/// # Errors
///
/// Where journalctl fails, or tells no JSON.
pub fn journal(arguments: &[&str]) -> Result<Vec<Value>, Failure> {
    let all = [&["--no-pager", "-q", "-o", "json"], arguments].concat();
    let text = run("journalctl", &all)?;
    text.lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}

/// The daemon's own repository's files, as an installation places them.
#[must_use]
pub fn kit(name: &str) -> PathBuf {
    Path::new(KIT).join(name)
}
