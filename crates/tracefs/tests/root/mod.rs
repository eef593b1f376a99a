//! What the tests on the running kernel share: the gate, a mount, instances of their own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tracefs::fs::{Event, Instance, Tracefs};

/// tracefs of the running kernel; mounted for the time of the test if it is not.
pub(crate) struct Kernel {
    pub(crate) tracefs: Tracefs,
    mounted: Option<PathBuf>,
}

impl Kernel {
    /// `None`, and a word why, unless `MCEKIT_ROOT_TESTS=1` is set; then whatever is missing is a failure.
    pub(crate) fn get() -> Option<Self> {
        if std::env::var_os("MCEKIT_ROOT_TESTS").is_none_or(|v| v != "1") {
            eprintln!("skipped: needs root and tracefs; set MCEKIT_ROOT_TESTS=1");
            return None;
        }
        if let Ok(tracefs) = Tracefs::find() {
            return Some(Self {
                tracefs,
                mounted: None,
            });
        }
        let dir = std::env::temp_dir().join(unique("tracefs-test"));
        fs::create_dir(&dir).unwrap();
        let status = Command::new("mount")
            .args(["-t", "tracefs", "nodev"])
            .arg(&dir)
            .status()
            .expect("mount is not installed");
        assert!(status.success(), "cannot mount tracefs: not root?");
        Some(Self {
            tracefs: Tracefs::at(&dir).unwrap(),
            mounted: Some(dir),
        })
    }

    /// An instance that no other test uses, with a clock that all CPUs share and prompt wake-ups.
    pub(crate) fn instance(&self) -> Instance {
        let instance = self
            .tracefs
            .create_instance(&unique("mcekit-test"))
            .unwrap();
        instance.set_clock("mono").unwrap();
        instance.set_buffer_percent(0).unwrap();
        instance
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        if let Some(dir) = &self.mounted {
            // Lazily: a test that failed may have something open still.
            let _ = Command::new("umount").arg("-l").arg(dir).status();
            let _ = fs::remove_dir(dir);
        }
    }
}

/// A name that no other process or test has.
pub(crate) fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{what}-{}-{next}", std::process::id())
}

/// An event of an instance.
pub(crate) fn event(instance: &Instance, name: &str) -> Event {
    instance.event(&name.parse().unwrap()).unwrap()
}
