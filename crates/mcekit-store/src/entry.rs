//! What is written down: events with their numbers, and what belongs to them.

use mcekit_source::{Channel, Cursor, Event, Identity};

use crate::codec;

/// An event as everything behind the spool sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivered {
    /// Its number among all events that were ever written down here, from 1.
    pub seq: u64,
    /// When it was received: seconds since 1970, and nanoseconds.
    pub received: (u64, u32),
    /// A machine check's identity; other events have none.
    pub identity: Option<Identity>,
    /// The event.
    pub event: Event,
}

/// One item of a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// An event, and the number of its error among those of its identity (0 for what has no identity).
    Entry(Delivered, u32),
    /// A report of an error that another channel had told of.
    Again {
        /// When it was received: seconds since 1970, and nanoseconds.
        received: (u64, u32),
        /// Which error.
        identity: Identity,
        /// The channel that told of it too.
        channel: Channel,
        /// The error's number among those of its identity.
        number: u32,
    },
    /// How far a source is read, as of this frame.
    Cursor(Cursor),
    /// A mark that stands until a later frame says [`Item::Taken`] with the same text: a source whose channel forgets what is
    /// read is about to be read, a source is followed. Where it still stands in the next process, something may be lost.
    Taking(String),
    /// That mark is gone: what was read of that source is on disk.
    Taken(String),
}

/// A frame in the making: what one write puts on disk.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Delivered>,
    items: u32,
}

impl Batch {
    /// A batch of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an event. `number`: which error of its identity it is (see [`mcekit_source::Sightings`]).
    pub fn event(
        &mut self,
        received: (u64, u32),
        identity: Option<Identity>,
        number: u32,
        event: Event,
    ) {
        codec::put_event(&mut self.bytes, received, number, &event);
        self.items += 1;
        self.entries.push(Delivered {
            seq: 0,
            received,
            identity,
            event,
        });
    }

    /// Adds a report of an error that is known.
    pub fn again(
        &mut self,
        received: (u64, u32),
        identity: Identity,
        channel: Channel,
        number: u32,
    ) {
        codec::put_again(&mut self.bytes, received, identity, channel, number);
        self.items += 1;
    }

    /// Adds how far a source is read.
    pub fn cursor(&mut self, cursor: &Cursor) {
        codec::put_cursor(&mut self.bytes, cursor);
        self.items += 1;
    }

    /// Adds a mark: a source is about to be read whose channel forgets what is read, or whatever else the next process must
    /// know if this one does not come to [`Batch::taken`].
    pub fn taking(&mut self, source: &str) {
        codec::put_taking(&mut self.bytes, source);
        self.items += 1;
    }

    /// Takes a mark away: what was read of that source is in this batch or an earlier one.
    pub fn taken(&mut self, source: &str) {
        codec::put_taken(&mut self.bytes, source);
        self.items += 1;
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The events, in their order. Their numbers are there once the batch was appended.
    #[must_use]
    pub fn entries(&self) -> &[Delivered] {
        &self.entries
    }

    /// Forgets everything, and keeps the memory for the next.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.items = 0;
    }

    /// The bytes of the items.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the events their numbers.
    pub(crate) fn number(&mut self, first: u64) {
        for (seq, entry) in (first..).zip(&mut self.entries) {
            entry.seq = seq;
        }
    }
}
