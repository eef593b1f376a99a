//! Values that samples and trailers share.

use crate::abi::take_u64;

/// The CPU's number is the low half of its word; the other is reserved.
pub(super) fn cpu_of(word: u64) -> u32 {
    let [a, b, c, d, ..] = word.to_ne_bytes();
    u32::from_ne_bytes([a, b, c, d])
}

/// A process and one of its threads, as numbered in the reader's pid namespace; 0 is the idle task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tid {
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
}

impl Tid {
    pub(super) fn from_word(word: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = word.to_ne_bytes();
        Tid {
            pid: u32::from_ne_bytes([a, b, c, d]),
            tid: u32::from_ne_bytes([e, f, g, h]),
        }
    }
}

/// The ids that every record can end with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SampleId {
    /// Who.
    pub tid: Option<Tid>,
    /// When, nanoseconds of the event's clock.
    pub time: Option<u64>,
    /// The group leader's id.
    pub id: Option<u64>,
    /// The event's own id.
    pub stream_id: Option<u64>,
    /// Where.
    pub cpu: Option<u32>,
    /// The event's id again, at the very end.
    pub identifier: Option<u64>,
}

/// Native-endian words that need not be aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words<'a>(pub(super) &'a [u8]);

impl<'a> Words<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Words(bytes)
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len() / 8
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The words, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u64> + 'a {
        self.0
            .chunks_exact(8)
            .map(|mut word| take_u64(&mut word).unwrap_or(0))
    }

    /// Their bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}
