//! Marks in the spool: what a process was doing with a source. What an earlier process left standing tells the next one
//! what may be lost.

use std::fmt;

/// A mark, as text in [`Batch::taking`](mcekit_store::Batch::taking).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A source that forgets what is read is being read: `NAME`.
    Reading(String),
    /// A source that records only for its reader has one: `watch NAME`.
    Watched(String),
    /// A source is followed, in the boot with this id, and all that it gave before that moment is on disk: `follow BOOT SINCE
    /// NAME`.
    Followed {
        boot: String,
        /// Seconds since 1970.
        since: u64,
        name: String,
    },
    /// A source was followed in that boot, and read until it was empty when the process ended: `left BOOT AT NAME`.
    Left {
        boot: String,
        /// Seconds since 1970.
        at: u64,
        name: String,
    },
}

impl Mark {
    /// What a text says. Any text is a mark: what does not read as another names a source that was being read, because a
    /// loss of which nobody knows is worse than one that was none.
    pub(crate) fn read(text: &str) -> Self {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let dated = || {
            let (boot, rest) = rest.split_once(' ')?;
            let (seconds, name) = rest.split_once(' ')?;
            let number = seconds.parse::<u64>().ok()?;
            // Only what is written here, so that its text is the mark's.
            let seconds = (number.to_string() == seconds).then_some(number)?;
            let whole = !boot.is_empty() && !name.is_empty();
            whole.then(|| (boot.to_owned(), seconds, name.to_owned()))
        };
        let mark = match word {
            "watch" if !rest.is_empty() => Some(Self::Watched(rest.to_owned())),
            "follow" => dated().map(|(boot, since, name)| Self::Followed { boot, since, name }),
            "left" => dated().map(|(boot, at, name)| Self::Left { boot, at, name }),
            _ => None,
        };
        mark.unwrap_or_else(|| Self::Reading(text.to_owned()))
    }

    /// The source's name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Reading(name)
            | Self::Watched(name)
            | Self::Followed { name, .. }
            | Self::Left { name, .. } => name,
        }
    }

    /// The boot that it is of, if it matters.
    pub(crate) fn boot(&self) -> Option<&str> {
        match self {
            Self::Followed { boot, .. } | Self::Left { boot, .. } => Some(boot),
            Self::Reading(_) | Self::Watched(_) => None,
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reading(name) => f.write_str(name),
            Self::Watched(name) => write!(f, "watch {name}"),
            Self::Followed { boot, since, name } => write!(f, "follow {boot} {since} {name}"),
            Self::Left { boot, at, name } => write!(f, "left {boot} {at} {name}"),
        }
    }
}
