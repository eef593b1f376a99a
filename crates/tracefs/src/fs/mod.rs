//! The tracing file system: where it is, what it offers, and its instances.
//!
//! [`Tracefs`] is the root directory; everything below is reached through it, so that a directory
//! made by a test serves as well as `/sys/kernel/tracing`. An [`Instance`] is one set of ring buffers
//! with its own events, filters and clock: make one for each consumer, since two readers of one
//! ring split its records. [`Stream`] reads all CPUs of an instance in time order.
//!
//! ```no_run
//! use tracefs::fs::{EventName, Method, Stream, Tracefs};
//!
//! # fn main() -> tracefs::Result<()> {
//! let tracefs = Tracefs::find()?;
//! let instance = tracefs.create_instance("mine")?; // removed when dropped, unless `keep` is called
//! let event = instance.event(&"sched:sched_switch".parse::<EventName>()?)?;
//! let format = event.format()?;
//! event.set_filter(&"prev_prio < 100".parse()?)?;
//! instance.set_buffer_percent(0)?; // wake up for the first record, not for half a ring
//! event.set_enabled(true)?;
//! let mut stream = Stream::open(&instance, Method::Read)?;
//! loop {
//!     stream.wait(None)?;
//!     stream.fill()?;
//!     while let Some(event) = stream.next_event() {
//!         println!("{} {:?}", event.timestamp, event.kind);
//!     }
//! }
//! # }
//! ```

mod boot;
mod event;
mod file;
mod instance;
mod knobs;
mod ledger;
mod raw;
mod stats;
mod stream;

use std::path::{Path, PathBuf};
use std::string::String;
use std::vec::Vec;

pub use boot::{BootInstance, parse_cmdline};
pub use event::{EnableState, Event, EventName};
pub use instance::Instance;
pub use knobs::{BufferSize, Clocks};
pub use raw::{CpuPages, Method};
pub use stats::{ErrorLogEntry, Stats};
pub use stream::{Kind, Stream, StreamEvent};

use crate::page::{HeaderEvent, Layout};
use crate::{Endian, Error, Result};

/// The directory of the tracing file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracefs {
    root: PathBuf,
}

impl Tracefs {
    /// Finds the mount in `/proc/mounts`: `/sys/kernel/tracing` if it is one, then any other
    /// tracefs, then `tracing` of a debugfs.
    ///
    /// # Errors
    ///
    /// [`Error::NotMounted`]; [`Error::Forbidden`] where it is mounted, but not for this user.
    pub fn find() -> Result<Self> {
        Self::find_in(&file::read(Path::new("/proc/mounts"))?)
    }

    /// As [`Tracefs::find`], with the text of another `/proc/PID/mounts`.
    ///
    /// # Errors
    ///
    /// As [`Tracefs::find`].
    pub fn find_in(mounts: &[u8]) -> Result<Self> {
        let mut first_error = None;
        for root in candidates(mounts) {
            match Self::at(root) {
                Ok(found) => return Ok(found),
                Err(e) => {
                    first_error.get_or_insert(e);
                }
            }
        }
        Err(first_error.unwrap_or(Error::NotMounted))
    }

    /// Takes a directory as the tracing file system's.
    ///
    /// # Errors
    ///
    /// [`Error::NotTracefs`] if it has no `events`; [`Error::Forbidden`].
    pub fn at(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        match std::fs::metadata(root.join("events")) {
            Ok(events) if events.is_dir() => Ok(Self { root }),
            Ok(_) => Err(Error::NotTracefs { path: root }),
            Err(e) => Err(match file::error("look at", &root, e) {
                Error::Unsupported { path } => Error::NotTracefs { path },
                other => other,
            }),
        }
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The systems that have events, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::Io`].
    pub fn systems(&self) -> Result<Vec<String>> {
        file::names(&self.root.join("events"), true)
    }

    /// The events of one system, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::BadName`]; [`Error::NoEvent`] if there is no such system; [`Error::Forbidden`].
    pub fn events(&self, system: &str) -> Result<Vec<EventName>> {
        event::names(&self.root, system)
    }

    /// The event with that id, the `common_type` of its records.
    ///
    /// Ids change from boot to boot and with every module: look one up again when it is unknown.
    /// This reads the `id` file of every event (some milliseconds); keep the answer.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::Io`].
    pub fn event_by_id(&self, id: u32) -> Result<Option<EventName>> {
        let top = self.top();
        for system in self.systems()? {
            for name in self.events(&system)? {
                // Some of ftrace's own have no id; one may vanish with its module meanwhile.
                if top.event(&name).and_then(|e| e.id()).is_ok_and(|i| i == id) {
                    return Ok(Some(name));
                }
            }
        }
        Ok(None)
    }

    /// The top-level instance, which all programs share and nobody can remove.
    #[must_use]
    pub fn top(&self) -> Instance {
        Instance::at(self.root.clone(), None, false)
    }

    /// The names of the instances, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] without `CONFIG_TRACING` instances (before 3.10); [`Error::Forbidden`].
    pub fn instances(&self) -> Result<Vec<String>> {
        file::names(&self.root.join("instances"), true)
    }

    /// Opens an instance that is there already. Dropping it leaves it in place.
    ///
    /// # Errors
    ///
    /// [`Error::NoInstance`], [`Error::BadName`], [`Error::Forbidden`].
    pub fn open_instance(&self, name: &str) -> Result<Instance> {
        let path = self.instance_path(name)?;
        match std::fs::metadata(&path) {
            Ok(dir) if dir.is_dir() => Ok(Instance::at(path, Some(name.into()), false)),
            Ok(_) => Err(Error::NoInstance { name: name.into() }),
            Err(e) => Err(match file::error("look at", &path, e) {
                Error::Unsupported { .. } => Error::NoInstance { name: name.into() },
                other => other,
            }),
        }
    }

    /// Makes an instance. Dropping it removes it, with all its records; [`Instance::keep`] prevents that.
    ///
    /// # Errors
    ///
    /// [`Error::InstanceExists`], [`Error::BadName`], [`Error::Forbidden`]; [`Error::Io`] without memory
    /// for its rings.
    pub fn create_instance(&self, name: &str) -> Result<Instance> {
        let path = self.instance_path(name)?;
        std::fs::create_dir(&path).map_err(|e| {
            if e.kind() == std::io::ErrorKind::AlreadyExists {
                return Error::InstanceExists { name: name.into() };
            }
            file::error("make the instance", &path, e)
        })?;
        Ok(Instance::at(path, Some(name.into()), true))
    }

    /// The instances that the kernel command line asks for, whether they are there or not.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if `/proc/cmdline` cannot be read.
    pub fn boot_instances(&self) -> Result<Vec<BootInstance>> {
        Ok(parse_cmdline(&file::read_text(Path::new("/proc/cmdline"))?))
    }

    fn instance_path(&self, name: &str) -> Result<PathBuf> {
        file::check_name("an instance", name)?;
        Ok(self.root.join("instances").join(name))
    }
}

/// Reads `events/header_page` and `events/header_event` below an instance's directory.
fn layout(root: &Path) -> Result<Layout> {
    let events = root.join("events");
    HeaderEvent::parse(&file::read(&events.join("header_event"))?)?.check()?;
    Layout::parse(&file::read(&events.join("header_page"))?, Endian::NATIVE)
}

/// Where tracing may be, best first, out of the text of a `mounts` file.
fn candidates(mounts: &[u8]) -> Vec<PathBuf> {
    let text = String::from_utf8_lossy(mounts);
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let (Some(place), Some(kind)) = (words.nth(1), words.next()) else {
            continue;
        };
        let place = PathBuf::from(unescape(place));
        match kind {
            "tracefs" if place == Path::new("/sys/kernel/tracing") => found.push((0, place)),
            "tracefs" => found.push((1, place)),
            "debugfs" => found.push((2, place.join("tracing"))),
            _ => {}
        }
    }
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, place)| place).collect()
}

/// Undoes the octal escapes of blanks, tabs, newlines and backslashes in a `mounts` file.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let code = after
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (code, after.get(3..)) {
            (Some(code), Some(after)) if code.is_ascii() => {
                out.push(char::from(code));
                rest = after;
            }
            _ => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests;
