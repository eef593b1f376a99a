//! The knobs of an instance: sizes, clock, wake-up, options.

use std::string::{String, ToString};
use std::vec::Vec;

use super::Instance;
use super::file::{self, Mode};
#[cfg(doc)]
use crate::Error;
use crate::Result;

/// What `buffer_size_kb` says of the rings, in KiB for each CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferSize {
    /// All have that size.
    Each(u64),
    /// Not used yet: they have a minimal size now, and will grow to the second with the first event.
    Unexpanded {
        /// The size now.
        now: u64,
        /// The size once tracing has begun.
        expanded: u64,
    },
    /// The CPUs' rings differ; ask for each one's.
    Differing,
}

impl BufferSize {
    /// Parses the file's text: `1408`, `7 (expanded: 1408)` or `X`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "X" {
            return Some(Self::Differing);
        }
        if let Some((now, rest)) = text.split_once(" (expanded: ") {
            return Some(Self::Unexpanded {
                now: now.parse().ok()?,
                expanded: rest.strip_suffix(')')?.parse().ok()?,
            });
        }
        text.parse().ok().map(Self::Each)
    }
}

/// What `trace_clock` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// The one that stamps the records.
    pub current: String,
    /// All that the kernel offers, in its order.
    pub offered: Vec<String>,
}

impl Clocks {
    /// Parses the file's text: `[local] global counter …`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut current = None;
        let offered = text
            .split_whitespace()
            .map(|word| {
                let inner = word.strip_prefix('[').and_then(|w| w.strip_suffix(']'));
                if let Some(name) = inner {
                    current = Some(name.to_string());
                }
                inner.unwrap_or(word).to_string()
            })
            .collect();
        Some(Self {
            current: current?,
            offered,
        })
    }
}

/// Sizes, clock, wake-up and options.
impl Instance {
    fn number(&self, name: &str) -> Result<u64> {
        file::read_number(&self.root().join(name))
    }

    fn set(&self, name: &str, value: &str) -> Result<()> {
        file::write(&self.root().join(name), value, Mode::Replace)
    }

    /// The size of the rings.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::NotUnderstood`].
    pub fn buffer_size_kb(&self) -> Result<BufferSize> {
        let path = self.root().join("buffer_size_kb");
        let text = file::read_text(&path)?;
        BufferSize::parse(&text).ok_or_else(|| file::not_understood(&path, &text))
    }

    /// Sets the size of every CPU's ring, in KiB. The kernel rounds it up to whole sub-buffers.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] while a ring is mapped; [`Error::Refused`] for 0, or without that much memory.
    pub fn set_buffer_size_kb(&self, kb: u64) -> Result<()> {
        self.set("buffer_size_kb", &kb.to_string())
    }

    /// The size of one CPU's ring.
    ///
    /// # Errors
    ///
    /// As [`Instance::buffer_size_kb`]; [`Error::Unsupported`] if there is no such CPU.
    pub fn cpu_buffer_size_kb(&self, cpu: u32) -> Result<BufferSize> {
        let path = self.cpu_file(cpu, "buffer_size_kb");
        let text = file::read_text(&path)?;
        BufferSize::parse(&text).ok_or_else(|| file::not_understood(&path, &text))
    }

    /// Sets the size of one CPU's ring, in KiB.
    ///
    /// # Errors
    ///
    /// As [`Instance::set_buffer_size_kb`]; [`Error::Unsupported`] if there is no such CPU.
    pub fn set_cpu_buffer_size_kb(&self, cpu: u32, kb: u64) -> Result<()> {
        let path = self.cpu_file(cpu, "buffer_size_kb");
        file::write(&path, &kb.to_string(), Mode::Replace)
    }

    /// The size of all CPUs' rings together, in KiB.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::NotUnderstood`].
    pub fn buffer_total_size_kb(&self) -> Result<u64> {
        self.number("buffer_total_size_kb")
    }

    /// The size of a sub-buffer, in KiB.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] before Linux 6.8, where it is a page; [`Error::Forbidden`].
    pub fn subbuf_size_kb(&self) -> Result<u64> {
        self.number("buffer_subbuf_size_kb")
    }

    /// Sets the size of a sub-buffer, in KiB; all records are lost. The kernel rounds it up to a power of
    /// two of pages, 128 pages at most.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] beyond that, or while a ring is mapped; [`Error::Unsupported`] before 6.8.
    pub fn set_subbuf_size_kb(&self, kb: u64) -> Result<()> {
        self.set("buffer_subbuf_size_kb", &kb.to_string())
    }

    /// How full a ring must be before a reader is woken, in percent.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] before Linux 5.0 (6.0 in instances); [`Error::Forbidden`].
    pub fn buffer_percent(&self) -> Result<u64> {
        self.number("buffer_percent")
    }

    /// Sets how full a ring must be before a reader is woken. The kernel's default is 50: one record
    /// wakes nobody. 0 wakes for each.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] over 100; as [`Instance::buffer_percent`].
    pub fn set_buffer_percent(&self, percent: u32) -> Result<()> {
        self.set("buffer_percent", &percent.to_string())
    }

    /// The clocks that can stamp records, and the one that does.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::NotUnderstood`].
    pub fn clocks(&self) -> Result<Clocks> {
        let path = self.root().join("trace_clock");
        let text = file::read_text(&path)?;
        Clocks::parse(&text).ok_or_else(|| file::not_understood(&path, &text))
    }

    /// Chooses the clock. The kernel throws all records away when it changes.
    ///
    /// `local`, the default, is not comparable between CPUs; `global`, `mono`, `boot` and `tai` are.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for a clock that is not offered; [`Error::Forbidden`].
    pub fn set_clock(&self, clock: &str) -> Result<()> {
        self.set("trace_clock", clock)
    }

    /// The names of the options, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::Io`].
    pub fn options(&self) -> Result<Vec<String>> {
        file::names(&self.root().join("options"), false)
    }

    /// Whether an option is on.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if this kernel does not have it; [`Error::BadName`], [`Error::Forbidden`].
    pub fn option(&self, name: &str) -> Result<bool> {
        file::check_name("an option", name)?;
        Ok(file::read_number(&self.root().join("options").join(name))? != 0)
    }

    /// Switches an option. `overwrite` off lets a full ring keep the oldest records.
    ///
    /// # Errors
    ///
    /// As [`Instance::option`]; [`Error::Refused`].
    pub fn set_option(&self, name: &str, on: bool) -> Result<()> {
        file::check_name("an option", name)?;
        let path = self.root().join("options").join(name);
        file::write(&path, if on { "1" } else { "0" }, Mode::Replace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_all_their_forms() {
        assert_eq!(BufferSize::parse("1408\n"), Some(BufferSize::Each(1408)));
        assert_eq!(BufferSize::parse("X\n"), Some(BufferSize::Differing));
        assert_eq!(
            BufferSize::parse("7 (expanded: 1408)\n"),
            Some(BufferSize::Unexpanded {
                now: 7,
                expanded: 1408
            })
        );
        assert_eq!(BufferSize::parse("seven"), None);
    }

    #[test]
    fn the_clock_in_brackets_is_the_current_one() {
        let clocks = Clocks::parse("local [mono] x86-tsc\n").unwrap();
        assert_eq!(clocks.current, "mono");
        assert_eq!(clocks.offered, ["local", "mono", "x86-tsc"]);
        assert_eq!(Clocks::parse("local global"), None);
    }
}
