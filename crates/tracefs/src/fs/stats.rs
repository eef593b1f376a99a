//! What the kernel counts of a ring, and what it complains of.

use std::path::Path;
use std::string::String;
use std::vec::Vec;

use super::file;
use crate::{Error, Result};

/// `per_cpu/cpuN/stats`: what became of the records of one CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Stats {
    /// Records in the ring.
    pub entries: u64,
    /// Records overwritten before they were read (a ring that keeps the newest).
    pub overrun: u64,
    /// Records lost because an interrupted writer held the ring's end.
    pub commit_overrun: u64,
    /// Bytes in the ring.
    pub bytes: u64,
    /// Records refused by a full ring that keeps the oldest (option `overwrite` off).
    pub dropped_events: u64,
    /// Records read.
    pub read_events: u64,
}

impl Stats {
    /// Parses the file's text. Lines of newer kernels are passed over.
    ///
    /// `None` if one of the counts is missing, which none of the kernels since 3.6 leaves out.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| {
            text.lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(key, _)| *key == name)
                .and_then(|(_, value)| value.trim().parse::<u64>().ok())
        };
        Some(Self {
            entries: value("entries")?,
            overrun: value("overrun")?,
            commit_overrun: value("commit overrun")?,
            bytes: value("bytes")?,
            dropped_events: value("dropped events")?,
            read_events: value("read events")?,
        })
    }

    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = file::read_text(path)?;
        Self::parse(&text).ok_or_else(|| file::not_understood(path, &text))
    }
}

/// One entry of `error_log` (Linux 5.2 and later): what the kernel had against a command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ErrorLogEntry {
    /// When, as printed: seconds since boot.
    pub time: String,
    /// Who complains, such as `event filter parse error`.
    pub location: String,
    /// What of, such as `Field not found`.
    pub message: String,
    /// The command.
    pub command: String,
    /// Byte of the command that the caret points at.
    pub at: Option<usize>,
}

impl ErrorLogEntry {
    /// Parses the whole file, oldest entry first. What does not look like an entry is passed over.
    #[must_use]
    pub fn parse(text: &str) -> Vec<Self> {
        let mut entries: Vec<Self> = Vec::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix('[')
                && let Some((time, rest)) = rest.split_once("] ")
                && let Some((location, message)) = rest.split_once(": error: ")
            {
                entries.push(Self {
                    time: time.trim().into(),
                    location: location.into(),
                    message: message.trim().into(),
                    command: String::new(),
                    at: None,
                });
            } else if let Some(entry) = entries.last_mut() {
                const LABEL: &str = "  Command: ";
                if let Some(command) = line.strip_prefix(LABEL) {
                    entry.command = command.into();
                } else if line.trim() == "^" {
                    entry.at = (line.len() - 1).checked_sub(LABEL.len());
                }
            }
        }
        entries
    }
}

/// The kernel's words about a refused filter, from the `filter` file or else from `error_log`.
///
/// The file holds the expression, a line with a caret, and `parse_error: …`.
pub(super) fn filter_complaint(instance: &Path, filter: &Path, expression: &str) -> String {
    let text = file::read_text(filter).unwrap_or_default();
    if let Some(words) = text
        .lines()
        .find_map(|line| line.strip_prefix("parse_error: "))
    {
        let caret = text
            .lines()
            .find(|line| line.trim() == "^")
            .map(|line| line.len() - 1);
        return match caret {
            Some(at) => std::format!("{} (byte {at})", words.trim()),
            None => words.trim().into(),
        };
    }
    let log = file::read_text(&instance.join("error_log")).unwrap_or_default();
    ErrorLogEntry::parse(&log)
        .into_iter()
        .rev()
        .find(|entry| entry.command == expression)
        .map(|entry| entry.message)
        .unwrap_or_default()
}

/// Puts the kernel's own words into a refusal.
pub(super) fn with_complaint(error: Error, words: impl FnOnce() -> String) -> Error {
    match error {
        Error::Refused {
            path,
            value,
            source,
            ..
        } => Error::Refused {
            path,
            value,
            complaint: words(),
            source,
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_of_a_kernel() {
        let text = "entries: 30058\noverrun: 1190\ncommit overrun: 2\nbytes: 1412720\n\
                    oldest event ts:  1097.357593\nnow ts:  1098.100000\ndropped events: 3\nread events: 4\n";
        assert_eq!(
            Stats::parse(text),
            Some(Stats {
                entries: 30058,
                overrun: 1190,
                commit_overrun: 2,
                bytes: 1_412_720,
                dropped_events: 3,
                read_events: 4,
            })
        );
        assert_eq!(Stats::parse("entries: 1\noverrun: x\n"), None);
    }

    #[test]
    fn the_error_log_is_read_entry_by_entry() {
        let text = "[  665.531701] event filter parse error: error: Field not found\n\
                    \x20 Command: nope == 1\n\
                    \x20               ^\n\
                    [ 1000.000000] hist:sched:sched_switch: error: Couldn't find field\n\
                    \x20 Command: keys=x\n";
        let entries = ErrorLogEntry::parse(text);
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].time, "665.531701");
        assert_eq!(entries[0].location, "event filter parse error");
        assert_eq!(entries[0].message, "Field not found");
        assert_eq!(entries[0].command, "nope == 1");
        assert_eq!(entries[0].at, Some(5));
        assert_eq!(entries[1].location, "hist:sched:sched_switch");
        assert_eq!(entries[1].at, None);
    }
}
