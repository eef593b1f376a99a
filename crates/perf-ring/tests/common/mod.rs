//! What the tests on the running kernel share.

use std::path::{Path, PathBuf};

/// Whether these tests are to run.
pub(crate) fn wanted() -> bool {
    let wanted = std::env::var_os("MCEKIT_ROOT_TESTS").is_some_and(|v| v == "1");
    if !wanted {
        eprintln!("skipped: needs root and perf events; set MCEKIT_ROOT_TESTS=1 to run it");
    }
    wanted
}

/// Where tracefs is; mounted for the test where it is not.
pub(crate) fn tracefs() -> PathBuf {
    let mounts = std::fs::read_to_string("/proc/mounts").expect("/proc is mounted");
    let found = mounts.lines().find_map(|line| {
        let mut words = line.split(' ');
        let (_, dir, kind) = (words.next()?, words.next()?, words.next()?);
        (kind == "tracefs").then(|| PathBuf::from(dir))
    });
    found.unwrap_or_else(|| {
        let dir = Path::new("/sys/kernel/tracing");
        let done = std::process::Command::new("mount")
            .args(["-t", "tracefs", "none"])
            .arg(dir)
            .status();
        assert!(done.is_ok_and(|s| s.success()), "tracefs cannot be mounted");
        dir.to_owned()
    })
}
