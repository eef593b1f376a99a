//! What the cases share whose guest restarts itself and keeps its memory.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::mount::umount;
use nix::sys::reboot::{RebootMode, reboot};
use nix::unistd::sync;

use super::{DISK, Guest};
use crate::case::{Failure, Outcome};

/// Where a ring lies that outlives a warm reboot, and (7.x; 6.12 takes it for an ordinary instance of a strange name) the
/// copy of what it had. Where the kernel itself may lie elsewhere in the next boot, so may the ring.
pub const KEPT: &str = "nokaslr reserve_mem=4M:4096:kept trace_instance=mce@kept,mce:mce_record trace_instance=before=mce";

/// Mounts the disk, and tells how often the guest has come up before.
///
/// # Errors
///
/// Where the disk cannot be used.
pub fn restarts_so_far(guest: &Guest) -> Result<(&'static Path, usize), Failure> {
    let disk = guest.mount_disk()?;
    let path = disk.join("restarts");
    let so_far = match fs::read(&path) {
        Ok(bytes) => bytes.len(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => 0,
        Err(e) => return Err(e.into()),
    };
    fs::write(&path, ".".repeat(so_far + 1))?;
    sync();
    Ok((disk, so_far))
}

/// Starts the machine again, in good order.
///
/// # Errors
///
/// Where it does not come to that.
pub fn restart() -> Outcome {
    sync();
    umount(DISK)?;
    match reboot(RebootMode::RB_AUTOBOOT)? {}
}

/// Has the kernel panic, which starts the machine again at once (`panic=-1`).
///
/// # Errors
///
/// Where it lives on.
pub fn panic() -> Outcome {
    sync();
    fs::write("/proc/sysrq-trigger", "c")?;
    sleep(Duration::from_secs(20));
    Err(Failure::new("still alive"))
}
