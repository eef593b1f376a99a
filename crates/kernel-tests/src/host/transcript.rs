//! What a boot printed.

use std::collections::BTreeMap;
use std::fmt;

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The kernel's console.
    Console,
    /// The guest's own words.
    Words,
    /// The monitor: a command of ours and its answer.
    Monitor,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Seconds since QEMU was started.
    pub at: f64,
    /// Where it came from.
    pub stream: Stream,
    /// The text, without the line's end.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.stream {
            Stream::Console => 'k',
            Stream::Words => 'g',
            Stream::Monitor => 'm',
        };
        write!(f, "{:8.3} {mark} {}", self.at, self.text)
    }
}

/// Everything that a boot printed, and the files it handed over.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    /// The lines, in the order of their arrival.
    pub lines: Vec<Line>,
    /// The files of [`crate::guest::Guest::keep`].
    pub kept: BTreeMap<String, Vec<u8>>,
}

impl Transcript {
    /// The kernel's console, a line each.
    #[must_use]
    pub fn console(&self) -> String {
        let mut text = String::new();
        for line in self.lines.iter().filter(|l| l.stream == Stream::Console) {
            text.push_str(&line.text);
            text.push('\n');
        }
        text
    }

    /// Whether the kernel's console says so.
    #[must_use]
    pub fn console_has(&self, text: &str) -> bool {
        self.lines
            .iter()
            .any(|l| l.stream == Stream::Console && l.text.contains(text))
    }
}
