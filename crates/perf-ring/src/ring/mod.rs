//! The ring: three ways to read one.
//!
//! | reader | mapping | when the ring is full | loss |
//! |---|---|---|---|
//! | [`Reader`] | read-write | the kernel drops new records | LOST records, and `PERF_FORMAT_LOST` |
//! | [`Overwrite`] | read-only | the oldest are overwritten | the reader knows that, not how many |
//! | [`Backward`] | read-only, `write_backward` | the oldest are overwritten | the same; a late reader finds every record boundary |
//!
//! How many were lost from a read-only ring is told by the event's count, which each sample can carry as its number and
//! which can be read: [`SharedRings`](crate::SharedRings) puts the loss into the stream, by
//! [`Numbering`](crate::Numbering).

mod batch;
#[cfg(all(test, loom))]
mod loom_tests;
mod overwrite;
mod protocol;

pub(crate) use batch::record_at;
pub use batch::{Batch, Reader, Record};
pub use overwrite::{Backward, Kept, Order, Overwrite, ReadOnly};
pub(crate) use protocol::Memory;
