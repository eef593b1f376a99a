//! Instances: rings of their own, with their own events, filters, clock and sizes.

use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::time::Duration;
use std::vec::Vec;

use super::event::{self, EnableState, Event, EventName};
use super::file::{self, Mode};
use super::raw::{CpuPages, Method};
use super::stats::{ErrorLogEntry, Stats, filter_complaint, with_complaint};
use crate::filter::Filter;
use crate::page::Layout;
use crate::{Error, Result};

/// How often, and how long apart, the removal of a busy instance is tried: 60 ms in all.
const BUSY_TRIES: u32 = 12;
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// A set of ring buffers, one for each CPU, and all that is set up for it.
///
/// The knobs (sizes, clock, options) are in [`Instance::set_buffer_size_kb`] and its neighbours.
#[derive(Debug)]
pub struct Instance {
    root: PathBuf,
    name: Option<String>,
    remove_on_drop: bool,
}

impl Instance {
    pub(super) const fn at(root: PathBuf, name: Option<String>, remove_on_drop: bool) -> Self {
        Self {
            root,
            name,
            remove_on_drop,
        }
    }

    /// Its directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its name; `None` for the top-level one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Leaves it, with its records, where it is when this value is dropped: it outlives the process.
    #[must_use = "the instance is removed only when the value is dropped unkept"]
    pub fn keep(mut self) -> Self {
        self.remove_on_drop = false;
        self
    }

    /// Stops recording and removes it, with all its records.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] while somebody has its `trace_pipe_raw` open or mapped, or if it lives in
    /// memory reserved at boot; [`Error::NoInstance`] if it is gone, or is the top-level one.
    pub fn remove(mut self) -> Result<()> {
        self.remove_on_drop = false;
        let Some(name) = self.name.clone() else {
            return Err(Error::NoInstance {
                name: String::new(),
            });
        };
        self.remove_dir()
            .map_err(|e| match file::error("remove", &self.root, e) {
                Error::Unsupported { .. } => Error::NoInstance { name },
                other => other,
            })
    }

    /// Stops recording and removes the directory.
    ///
    /// A child of another thread holds our descriptors between its fork and its exec, which is no reason to
    /// leave an instance behind: so what is busy is tried again for a moment.
    fn remove_dir(&self) -> std::io::Result<()> {
        // Whether this fails does not matter: removal says what is wrong.
        let _ = self.set_recording(false);
        for _ in 0..BUSY_TRIES {
            match std::fs::remove_dir(&self.root) {
                Err(e) if e.kind() == std::io::ErrorKind::ResourceBusy => {
                    std::thread::sleep(BUSY_PAUSE);
                }
                other => return other,
            }
        }
        std::fs::remove_dir(&self.root)
    }

    /// An event as this instance has it.
    ///
    /// # Errors
    ///
    /// [`Error::NoEvent`], [`Error::Forbidden`].
    pub fn event(&self, name: &EventName) -> Result<Event> {
        Event::open(&self.root, name)
    }

    /// Which of a system's events are recorded.
    ///
    /// # Errors
    ///
    /// [`Error::BadName`], [`Error::Unsupported`] if there is no such system, [`Error::Forbidden`].
    pub fn system_enabled(&self, system: &str) -> Result<EnableState> {
        event::enabled(&self.system(system)?)
    }

    /// Starts or stops recording all events of a system.
    ///
    /// # Errors
    ///
    /// As [`Instance::system_enabled`].
    pub fn set_system_enabled(&self, system: &str, on: bool) -> Result<()> {
        event::set_enabled(&self.system(system)?, on)
    }

    /// Whether all events, some or none are recorded.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::NotUnderstood`].
    pub fn all_enabled(&self) -> Result<EnableState> {
        event::enabled(&self.root.join("events"))
    }

    /// Starts or stops recording all events that there are.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::Io`].
    pub fn set_all_enabled(&self, on: bool) -> Result<()> {
        event::set_enabled(&self.root.join("events"), on)
    }

    /// Sets the filter of all events of a system that can have it, after checking it against the fields
    /// of each; which they are.
    ///
    /// As the kernel does it: an event that the filter does not fit (it lacks a field, or has one of
    /// another type) loses the filter that it had, and records everything.
    ///
    /// # Errors
    ///
    /// That of [`Filter::check`] for the first event, if the filter fits none; [`Error::Refused`] with
    /// the kernel's own complaint, after which the filters set before are put back;
    /// [`Error::NoEvent`] if there is no such system; [`Error::BadName`], [`Error::Forbidden`].
    pub fn set_system_filter(&self, system: &str, filter: &Filter) -> Result<Vec<EventName>> {
        let mut fitting = Vec::new();
        let mut first = None;
        let mut before = Vec::new();
        for name in event::names(&self.root, system)? {
            let event = self.event(&name)?;
            match event.format().and_then(|format| filter.check(&format)) {
                Ok(()) => fitting.push(event.clone()),
                Err(error) => {
                    first.get_or_insert(error);
                }
            }
            before.push(event);
        }
        if let (true, Some(error)) = (fitting.is_empty(), first) {
            return Err(error);
        }
        // Some of ftrace's own have no filter.
        let before: Vec<_> = before
            .into_iter()
            .filter_map(|event| Some((event.filter().ok()??, event)))
            .collect();
        let path = self.system(system)?.join("filter");
        let text = filter.to_string();
        let put_back = || {
            for (filter, event) in &before {
                // The refusal is what the caller has to hear of, whatever becomes of this.
                let _ = event.set_filter_text(filter);
            }
        };
        file::write(&path, &text, Mode::Replace).map_err(|error| {
            let error = with_complaint(error, || filter_complaint(&self.root, &path, &text));
            put_back();
            error
        })?;
        // Some kernels (6.18) call it a success if not one event took it: what they have against it
        // stands at each of the events.
        let mut complaint = None;
        let mut took = Vec::new();
        for event in fitting {
            match event.filter_complaint()? {
                None => took.push(event.name().clone()),
                Some(words) => {
                    complaint.get_or_insert(words);
                }
            }
        }
        match complaint {
            Some(complaint) if took.is_empty() => {
                put_back();
                Err(Error::Refused {
                    path,
                    value: text,
                    complaint,
                    source: std::io::ErrorKind::InvalidInput.into(),
                })
            }
            _ => Ok(took),
        }
    }

    /// Removes the filters of all events of a system.
    ///
    /// # Errors
    ///
    /// As [`Instance::system_enabled`].
    pub fn clear_system_filter(&self, system: &str) -> Result<()> {
        file::write(&self.system(system)?.join("filter"), "0", Mode::Replace)
    }

    fn system(&self, system: &str) -> Result<PathBuf> {
        file::check_name("a system", system)?;
        Ok(self.root.join("events").join(system))
    }

    /// Whether records are written at all (`tracing_on`).
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::Io`].
    pub fn recording(&self) -> Result<bool> {
        Ok(file::read_number(&self.root.join("tracing_on"))? != 0)
    }

    /// Lets records be written, or not, whatever events are enabled.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::Io`].
    pub fn set_recording(&self, on: bool) -> Result<()> {
        let value = if on { "1" } else { "0" };
        file::write(&self.root.join("tracing_on"), value, Mode::Replace)
    }

    /// Throws away all records, and sets the counts of lost ones to zero.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] while it is mapped; [`Error::Forbidden`].
    pub fn clear(&self) -> Result<()> {
        let path = self.root.join("trace");
        // Opening it for writing is what does it.
        std::fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(&path)
            .map_err(|e| file::error("clear", &path, e))?;
        Ok(())
    }

    /// Writes a line of text into the ring of the CPU that runs this, as an `ftrace:print` record.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] while recording is off, with option `markers` off, or by a full ring that keeps the
    /// oldest; [`Error::Forbidden`]; [`Error::Unsupported`].
    pub fn mark(&self, text: &str) -> Result<()> {
        file::write(&self.root.join("trace_marker"), text, Mode::Append)
    }

    /// The CPUs that have a ring, ascending.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::Io`].
    pub fn cpus(&self) -> Result<Vec<u32>> {
        let names = file::names(&self.root.join("per_cpu"), true)?;
        let mut cpus: Vec<u32> = names
            .iter()
            .filter_map(|name| name.strip_prefix("cpu")?.parse().ok())
            .collect();
        cpus.sort_unstable();
        Ok(cpus)
    }

    /// What became of the records of one CPU.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if there is no such CPU; [`Error::NotUnderstood`]; [`Error::Forbidden`].
    pub fn stats(&self, cpu: u32) -> Result<Stats> {
        Stats::read(&self.cpu_file(cpu, "stats"))
    }

    /// How the kernel lays out this instance's sub-buffers; their size may differ from another's.
    ///
    /// # Errors
    ///
    /// [`Error::HeaderPage`], [`Error::HeaderEvent`]; [`Error::Forbidden`], [`Error::Unsupported`].
    pub fn layout(&self) -> Result<Layout> {
        super::layout(&self.root)
    }

    /// Opens the ring of one CPU. One consumer only: two would split the records.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if there is no such CPU, or the kernel maps no rings
    /// ([`Method::Map`], before 6.10); [`Error::NoRing`] for a CPU that has never been online;
    /// [`Error::Busy`], [`Error::Forbidden`].
    pub fn pages(&self, cpu: u32, method: Method) -> Result<CpuPages> {
        CpuPages::open(self, cpu, method)
    }

    /// What the kernel logged of commands that it refused (`error_log`), oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] before Linux 5.2; [`Error::Forbidden`].
    pub fn error_log(&self) -> Result<Vec<ErrorLogEntry>> {
        let text = file::read_text(&self.root.join("error_log"))?;
        Ok(ErrorLogEntry::parse(&text))
    }

    /// For an instance in memory reserved at boot (6.12): the text of `last_boot_info`, which says where
    /// the kernel of the last boot lay if the ring still holds its records. `None` for all others.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::Io`].
    pub fn last_boot_info(&self) -> Result<Option<String>> {
        match file::read_text(&self.root.join("last_boot_info")) {
            Ok(text) => Ok(Some(text)),
            Err(Error::Unsupported { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    pub(super) fn cpu_file(&self, cpu: u32, name: &str) -> PathBuf {
        self.root
            .join("per_cpu")
            .join(std::format!("cpu{cpu}"))
            .join(name)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.remove_on_drop {
            // `remove` is for those who want to hear of a failure.
            let _ = self.remove_dir();
        }
    }
}
