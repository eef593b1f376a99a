//! Samples: which fields one has, and where.

mod fields;
mod layout;
mod variable;

use fields::cpu_of;
pub use fields::{SampleId, Tid, Words};
use layout::ABSENT;
pub use layout::Layout;
pub use variable::{Extra, Regs, UserStack};

use crate::read::ReadValues;

/// A sample's fields; `None` for one that the event was not asked for.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    layout: &'a Layout,
    fixed: &'a [u8],
    variable: &'a [u8],
    raw: Option<&'a [u8]>,
    rest: &'a [u8],
    index_when_empty: bool,
}

macro_rules! fixed_fields {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $index:literal, $read:expr;)*) => {
        impl<'a> Sample<'a> {
            $($(#[$doc])*
            #[must_use]
            #[inline]
            pub fn $name(&self) -> Option<$type> {
                self.fixed::<$index>().map($read)
            })*
        }
    };
}

// The numbers are places in `FIXED`.
fixed_fields! {
    /// The event's id, at a place that all layouts share.
    identifier: u64 = 0, |w| w;
    /// Instruction pointer.
    ip: u64 = 1, |w| w;
    /// Who.
    tid: Tid = 2, Tid::from_word;
    /// When, nanoseconds of the event's clock.
    time: u64 = 3, |w| w;
    /// Data address, where the event has one.
    addr: u64 = 4, |w| w;
    /// The group leader's id.
    id: u64 = 5, |w| w;
    /// The event's own id.
    stream_id: u64 = 6, |w| w;
    /// Where.
    cpu: u32 = 7, cpu_of;
    /// Events since the last sample.
    period: u64 = 8, |w| w;
}

impl<'a> Sample<'a> {
    #[inline]
    fn fixed<const I: usize>(&self) -> Option<u64> {
        let at = self.layout.fixed[I];
        if at == ABSENT {
            return None;
        }
        self.fixed
            .get(usize::from(at)..)?
            .first_chunk::<8>()
            .map(|b| u64::from_ne_bytes(*b))
    }

    /// Raw data: of a tracepoint, the record as its `format` file lays it out, **and** up to seven bytes of padding,
    /// because the kernel counts them in. The format says where the record ends.
    #[must_use]
    #[inline]
    pub const fn raw(&self) -> Option<&'a [u8]> {
        self.raw
    }

    /// The fields of no fixed length, and those behind them, in one pass. Their lengths were checked when the sample was
    /// read.
    #[must_use]
    pub fn extra(&self) -> Extra<'a> {
        self.layout
            .walk(self.variable, self.index_when_empty)
            .map_or_else(|_| Extra::default(), |w| w.more)
    }

    /// Counter values: [`Extra::read`].
    #[must_use]
    pub fn read(&self) -> Option<ReadValues<'a>> {
        self.extra().read
    }

    /// Call chain: [`Extra::callchain`].
    #[must_use]
    pub fn callchain(&self) -> Option<Words<'a>> {
        self.extra().callchain
    }

    /// What stands behind the last known field: padding, or fields of a newer kernel.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The layout it was read by.
    #[must_use]
    pub const fn layout(&self) -> &'a Layout {
        self.layout
    }
}
