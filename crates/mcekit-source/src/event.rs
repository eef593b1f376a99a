//! What a source gives.

use core::fmt;

use mcekit::Record;

use crate::Channel;

/// One item of a source's stream.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A machine check.
    Record(Observed),
    /// Another event of the kernel, by name and with its fields.
    Generic(Generic),
    /// Something is missing here.
    Lost(Lost),
}

/// A machine check as a channel gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The registers.
    pub record: Record,
    /// The kind of channel that it came through.
    pub channel: Channel,
    /// It happened before the machine's last start, as far as the channel says.
    pub earlier_boot: bool,
}

/// An event that is not a machine check's registers: of EDAC, PCIe, CXL, memory failure, firmware.
#[derive(Clone, Debug, PartialEq)]
pub struct Generic {
    /// The kernel's subsystem: `ras`, `cxl`; or the channel's kind.
    pub system: String,
    /// The event's name: `mc_event`, `aer_event`.
    pub name: String,
    /// The kind of channel that it came through.
    pub channel: Channel,
    /// The CPU that reported it.
    pub cpu: Option<u32>,
    /// Seconds since 1970, and nanoseconds; by the clock of the reader where the event has no time of day.
    pub time: Option<(u64, u32)>,
    /// Its fields, in their order.
    pub fields: Vec<(String, FieldValue)>,
    /// The kernel's own words, where there are any.
    pub text: Option<String>,
}

/// The value of a field of a [`Generic`] event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(untagged))]
pub enum FieldValue {
    /// A number.
    Unsigned(u64),
    /// A number that can be negative.
    Signed(i64),
    /// Text.
    Text(String),
    /// Bytes, as the kernel has them.
    Bytes(Vec<u8>),
}

/// A place in the stream at which something is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Lost {
    /// The kind of channel that lost it.
    pub channel: Channel,
    /// How much.
    pub loss: Loss,
    /// Why, in a few words.
    pub why: String,
}

/// How many records are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Loss {
    /// This many.
    Exact(u64),
    /// This many, or more.
    AtLeast(u64),
    /// Nobody can say; perhaps none.
    Unknown,
}

impl Loss {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => Self::Exact(a.saturating_add(b)),
            (Self::Exact(a) | Self::AtLeast(a), Self::Exact(b) | Self::AtLeast(b)) => {
                Self::AtLeast(a.saturating_add(b))
            }
            (Self::Exact(0), Self::Unknown)
            | (Self::Unknown, Self::Exact(0))
            | (Self::Unknown, Self::Unknown) => Self::Unknown,
            (Self::Exact(n) | Self::AtLeast(n), Self::Unknown)
            | (Self::Unknown, Self::Exact(n) | Self::AtLeast(n)) => Self::AtLeast(n),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(n) => write!(f, "{n}"),
            Self::AtLeast(n) => write!(f, "at least {n}"),
            Self::Unknown => f.write_str("an unknown number"),
        }
    }
}
