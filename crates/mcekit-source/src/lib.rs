//! Machine checks from every channel of a Linux machine, as one stream.
//!
//! A [`Source`] is a channel: it gives [`Event`]s in the channel's order, says what it guarantees ([`Caps`]), tells loss
//! where it happened ([`Event::Lost`]), and can go on where an earlier process stopped ([`Source::seek`]). It has one
//! descriptor to sleep on, starts no thread and brings no runtime.
//!
//! The crate reads; it explains nothing. Decoding a record is `mcekit`'s and `mcekit-models`' part.
//!
//! # Exactly once
//!
//! 1. Take events with [`Source::next`] until there is none.
//! 2. Put them and [`Source::cursor`] on disk, in one write that is whole or not there.
//! 3. [`Source::commit`] the cursor: only now may a channel forget what it gave (unlink a file, free a ring's page).
//! 4. After a restart, open the source and [`Source::seek`] to the cursor on disk.
//!
//! What a process took and did not commit is given again, if the channel can ([`Guarantees::REPEATS`]); if it cannot, the next
//! process is told that there may be a loss.
#![forbid(unsafe_code)]

mod boot;
mod caps;
mod cursor;
mod error;
mod event;
pub mod fields;
mod filter;
mod hist;
mod identity;
mod journal;
mod keeper;
mod kmsg;
mod lines;
mod mcelog;
mod notify;
mod own;
mod perf;
pub mod probe;
mod pstore;
mod replay;
mod sightings;
mod trace;
mod wait;
mod words;

use std::os::fd::AsFd;

pub use caps::{Caps, Guarantees, Keeps, LossKnown};
pub use cursor::{Cursor, CursorError, Seek};
pub use error::{Error, Result};
pub use event::{Event, FieldValue, Generic, Loss, Lost, Observed};
pub use filter::{Field, Filter, FilterError, Op};
pub use hist::Hist;
pub use identity::Identity;
pub use journal::Journal;
pub use keeper::Keeper;
pub use kmsg::{Kmsg, McePool};
pub use mcelog::Mcelog;
pub use notify::Notify;
pub use perf::Perf;
pub use pstore::{Erase, Pstore, Texts};
pub use replay::{Kind, Pace, Replay};
pub use sightings::{Sighting, Sightings};
pub use trace::{RAS_EVENTS, Trace, TraceOptions};

/// A channel through which machine checks come.
///
/// The descriptor is readable (`POLLIN`, also of a source whose kernel file needs another flag) when there may be
/// something to take. Take all of it before sleeping again, and look without being woken now and then: wake-ups get
/// lost.
pub trait Source: AsFd {
    /// Which kind of channel it is.
    fn channel(&self) -> Channel;

    /// What tells this source apart from others of its kind, in messages and in cursors: an instance's name, a path.
    fn name(&self) -> &str;

    /// What it guarantees.
    fn caps(&self) -> Caps;

    /// The next event. `None`: nothing now.
    ///
    /// # Errors
    ///
    /// What reading the channel gives. Where the channel goes on in spite of it, the next call goes on too.
    fn next(&mut self) -> Result<Option<Event>>;

    /// The place behind the last event that [`Source::next`] gave. `None`: the channel has no places.
    fn cursor(&self) -> Option<Cursor>;

    /// Goes to where an earlier process had come. Only before the first [`Source::next`].
    ///
    /// # Errors
    ///
    /// [`Error::Cursor`] for a cursor of another source, or one that is not to be read; reading goes on as if there had
    /// been none.
    fn seek(&mut self, cursor: &Cursor) -> Result<Seek>;

    /// Everything up to the cursor is safe: the channel may forget it.
    ///
    /// # Errors
    ///
    /// What the channel gives. It can be called again.
    fn commit(&mut self, cursor: &Cursor) -> Result<()>;

    /// Whether nothing more can ever come: a replay at its end, a backlog that is drained.
    fn ended(&self) -> bool {
        false
    }

    /// The [`Cursor::source`] of another source that has events of this one: of an instance in memory that outlives a reboot its
    /// copy, and of the copy the instance. [`Source::seek`] takes its cursors too: what was given there is not given here.
    fn relative(&self) -> Option<String> {
        None
    }
}

/// The kinds of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Channel {
    /// The `mce_record` event in a trace instance.
    Trace,
    /// The `mce_record` event in perf rings of the reader's own.
    Perf,
    /// The `mce_record` event in rings that a keeper holds.
    Keeper,
    /// /dev/mcelog.
    Mcelog,
    /// The kernel's log, from /dev/kmsg.
    Kmsg,
    /// The journal, in its export format.
    Journal,
    /// pstore, and what systemd made of it.
    Pstore,
    /// A file of sysfs that tells of its changes.
    Notify,
    /// The histogram of a trace event.
    Hist,
    /// Files of any format, again.
    Replay,
    /// What an application wrote down between a channel and its readers: where a part of that is damaged, the loss is
    /// neither of the kernel's nor of the hardware's channels.
    Spool,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Trace,
        Self::Perf,
        Self::Keeper,
        Self::Mcelog,
        Self::Kmsg,
        Self::Journal,
        Self::Pstore,
        Self::Notify,
        Self::Hist,
        Self::Replay,
        Self::Spool,
    ];

    /// The name in output and in cursors, stable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Perf => "perf",
            Self::Keeper => "keeper",
            Self::Mcelog => "mcelog",
            Self::Kmsg => "kmsg",
            Self::Journal => "journal",
            Self::Pstore => "pstore",
            Self::Notify => "notify",
            Self::Hist => "hist",
            Self::Replay => "replay",
            Self::Spool => "spool",
        }
    }

    /// The channel of a name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }
}

impl core::fmt::Display for Channel {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}
