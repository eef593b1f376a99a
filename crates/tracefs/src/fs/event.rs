//! One event of one instance: its id and format, whether it is recorded, its filter and triggers.

use core::fmt;
use core::str::FromStr;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::vec::Vec;

use super::file::{self, Mode};
use super::stats::{filter_complaint, with_complaint};
use crate::filter::Filter;
use crate::{Abi, Error, Format, Result};

/// The name of an event: `system:event`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventName {
    system: String,
    event: String,
}

impl EventName {
    /// A name from its two parts.
    ///
    /// # Errors
    ///
    /// [`Error::BadName`] if one of them cannot be the name of a directory of tracefs.
    pub fn new(system: &str, event: &str) -> Result<Self> {
        file::check_name("a system", system)?;
        file::check_name("an event", event)?;
        Ok(Self {
            system: system.into(),
            event: event.into(),
        })
    }

    /// The system, such as `sched`.
    #[must_use]
    pub fn system(&self) -> &str {
        &self.system
    }

    /// The event within its system, such as `sched_switch`.
    #[must_use]
    pub fn event(&self) -> &str {
        &self.event
    }
}

impl FromStr for EventName {
    type Err = Error;

    /// Takes `system:event`, and `system/event` as it stands in paths.
    fn from_str(text: &str) -> Result<Self> {
        let (system, event) = text.split_once([':', '/']).ok_or_else(|| Error::BadName {
            what: "an event (system:event)",
            name: text.into(),
        })?;
        Self::new(system, event)
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.system, self.event)
    }
}

/// What an `enable` file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnableState {
    /// Not recorded.
    Off,
    /// Recorded.
    On,
    /// Some of a system's events are recorded.
    Mixed,
}

impl EnableState {
    /// Parses the file's text. `*` behind the digit (armed by a trigger) changes nothing here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().trim_end_matches('*') {
            "0" => Some(Self::Off),
            "1" => Some(Self::On),
            "X" => Some(Self::Mixed),
            _ => None,
        }
    }
}

/// An event as an instance has it.
#[derive(Clone, Debug)]
pub struct Event {
    name: EventName,
    instance: PathBuf,
    dir: PathBuf,
}

impl Event {
    pub(super) fn open(instance: &Path, name: &EventName) -> Result<Self> {
        let dir = instance
            .join("events")
            .join(name.system())
            .join(name.event());
        match std::fs::metadata(&dir) {
            Ok(found) if found.is_dir() => Ok(Self {
                name: name.clone(),
                instance: instance.into(),
                dir,
            }),
            Ok(_) => Err(Error::NoEvent {
                event: name.to_string(),
            }),
            Err(e) => Err(match file::error("look at", &dir, e) {
                Error::Unsupported { .. } => Error::NoEvent {
                    event: name.to_string(),
                },
                other => other,
            }),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &EventName {
        &self.name
    }

    /// Its id: `common_type` of its records, until the next boot or the next load of its module.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for the few of ftrace's own that cannot be enabled; [`Error::Io`].
    pub fn id(&self) -> Result<u32> {
        let path = self.dir.join("id");
        let id = file::read_number(&path)?;
        u32::try_from(id).map_err(|_| file::not_understood(&path, &id.to_string()))
    }

    /// The text of its `format` file. Keep it beside a recording: it is of this boot only.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::Io`].
    pub fn format_text(&self) -> Result<Vec<u8>> {
        file::read(&self.dir.join("format"))
    }

    /// Its `format` file, parsed for this machine.
    ///
    /// # Errors
    ///
    /// As [`Event::format_text`] and [`Format::parse`].
    pub fn format(&self) -> Result<Format> {
        // The kernel's word size, which need not be this program's.
        let abi = super::layout(&self.instance).map_or(Abi::NATIVE, |layout| layout.abi());
        Format::parse_for(&self.format_text()?, abi)
    }

    /// Whether it is recorded.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::NotUnderstood`].
    pub fn enabled(&self) -> Result<EnableState> {
        enabled(&self.dir)
    }

    /// Starts or stops recording it.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`]; [`Error::Refused`] where the kernel will not have it.
    pub fn set_enabled(&self, on: bool) -> Result<()> {
        set_enabled(&self.dir, on)
    }

    /// The filter that is set, as the kernel tells it.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::Io`].
    pub fn filter(&self) -> Result<Option<String>> {
        let text = file::read_text(&self.dir.join("filter"))?;
        let text = text.trim();
        // A complaint stands there after a refusal, and where a system's filter did not fit this event.
        let is_filter = text != "none" && !text.is_empty() && !text.contains('\n');
        Ok(is_filter.then(|| text.into()))
    }

    /// What the kernel has against the filter that it was given last, if it is not set.
    pub(super) fn filter_complaint(&self) -> Result<Option<String>> {
        let text = file::read_text(&self.dir.join("filter"))?;
        Ok(text
            .lines()
            .find_map(|line| line.strip_prefix("parse_error: "))
            .map(|words| words.trim().into()))
    }

    /// Sets the filter, after checking it against the event's fields.
    ///
    /// The kernel drops the filter that was set before when it refuses a new one, and then records
    /// everything; it is put back here.
    ///
    /// # Errors
    ///
    /// As [`Filter::check`]; [`Error::Refused`] with the kernel's own complaint.
    pub fn set_filter(&self, filter: &Filter) -> Result<()> {
        filter.check(&self.format()?)?;
        self.write_filter(&filter.to_string())
    }

    /// Sets a filter as it stands, unchecked, for what this crate's grammar does not have.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the kernel's own complaint; the filter set before is put back.
    pub fn set_filter_text(&self, filter: &str) -> Result<()> {
        self.write_filter(filter)
    }

    /// Removes the filter.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::Io`].
    pub fn clear_filter(&self) -> Result<()> {
        file::write(&self.dir.join("filter"), "0", Mode::Replace)
    }

    fn write_filter(&self, text: &str) -> Result<()> {
        let path = self.dir.join("filter");
        let before = self.filter()?;
        file::write(&path, text, Mode::Replace).map_err(|error| {
            let error = with_complaint(error, || filter_complaint(&self.instance, &path, text));
            let before = before.as_deref().unwrap_or("0");
            // The refusal is what the caller has to hear of, whatever becomes of this.
            let _ = file::write(&path, before, Mode::Replace);
            error
        })
    }

    /// The triggers that are set, as the kernel tells them.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::Io`].
    pub fn triggers(&self) -> Result<Vec<String>> {
        let text = file::read_text(&self.dir.join("trigger"))?;
        Ok(text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
            .map(Into::into)
            .collect())
    }

    /// Adds a trigger, such as `traceoff:1 if prev_prio < 100`.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the kernel's own complaint, where it logs one.
    pub fn add_trigger(&self, trigger: &str) -> Result<()> {
        self.write_trigger(trigger)
    }

    /// Removes a trigger, given as it was added.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if there is no such trigger.
    pub fn remove_trigger(&self, trigger: &str) -> Result<()> {
        self.write_trigger(&std::format!("!{trigger}"))
    }

    fn write_trigger(&self, text: &str) -> Result<()> {
        let path = self.dir.join("trigger");
        // Only `error_log` says anything of triggers.
        file::write(&path, text, Mode::Append).map_err(|error| {
            with_complaint(error, || {
                filter_complaint(&self.instance, Path::new(""), text)
            })
        })
    }
}

/// The events of one system below an instance's directory, sorted.
pub(super) fn names(root: &Path, system: &str) -> Result<Vec<EventName>> {
    file::check_name("a system", system)?;
    let dir = root.join("events").join(system);
    let names = file::names(&dir, true).map_err(|e| match e {
        Error::Unsupported { .. } => Error::NoEvent {
            event: std::format!("{system}:*"),
        },
        other => other,
    })?;
    names
        .iter()
        .map(|name| EventName::new(system, name))
        .collect()
}

/// Reads `DIR/enable`.
pub(super) fn enabled(dir: &Path) -> Result<EnableState> {
    let path = dir.join("enable");
    let text = file::read_text(&path)?;
    EnableState::parse(&text).ok_or_else(|| file::not_understood(&path, &text))
}

/// Writes `DIR/enable`.
pub(super) fn set_enabled(dir: &Path, on: bool) -> Result<()> {
    file::write(
        &dir.join("enable"),
        if on { "1" } else { "0" },
        Mode::Replace,
    )
}
