//! perf events as a stream of records through a mapped ring: persistent, and shared.
//!
//! - [`Builder`] opens tracepoints, software, hardware and sysfs events, and explains every refusal.
//! - [`Reader`] drains a read-write ring: records are borrowed where the kernel wrote them, what was lost is in the
//!   stream. [`Overwrite`] and [`Backward`] read rings that overwrite their oldest records.
//! - [`Layout`] reads samples and every other record, by the event's attr or as a value of its own.
//! - [`AllCpus`] reads one ring per CPU as one stream in time order, while CPUs come and go.
//! - [`SharedRings`] reads read-only rings, of whichever direction, as one stream with exact loss.
//! - [`persistent`] reads the events that kernels with the patches of 2013 keep by themselves.
//! - [`Keeper`] holds events and rings while nobody looks, and shares them with [`Client`]s in other processes.
//!
//! It knows nothing of what the events mean, starts no thread, and everything that can be waited for has a descriptor.
//! A 64-bit Linux is needed.
//!
//! ```
//! use perf_ring::abi::{RecordType, SampleType};
//! use perf_ring::fake::{FakeRing, Mode};
//! use perf_ring::{Builder, Layout, Software};
//!
//! let builder = Builder::software(Software::PAGE_FAULTS).sample(SampleType::IP | SampleType::TIME);
//! let layout = Layout::of(builder.attr())?;
//! # // In place of `builder.open(Target::Task(0))?.map(8)?`, which needs a kernel that allows it:
//! # let mut kernel = FakeRing::new(4096, Mode::ReadWrite);
//! # let mut ring = kernel.reader();
//! # kernel.emit(RecordType::SAMPLE, &[0x10u64.to_ne_bytes(), 1234u64.to_ne_bytes()].concat());
//! let mut scratch = Vec::new();
//! let mut batch = ring.batch()?;
//! while let Some(record) = batch.next()? {
//!     if record.header.kind == RecordType::SAMPLE {
//!         let sample = layout.sample(record.body(&mut scratch))?;
//!         println!("{:#x} at {} ns", sample.ip().unwrap_or(0), sample.time().unwrap_or(0));
//! #       assert_eq!((sample.ip(), sample.time()), (Some(0x10), Some(1234)));
//!     }
//! }
//! # Ok::<(), perf_ring::Error>(())
//! ```

pub mod abi;
pub mod cpus;
pub mod fake;
pub mod pmu;

mod alarm;
mod all;
mod boot;
mod cursor;
mod error;
mod event;
mod explain;
mod follow;
pub mod keeper;
mod merge;
mod numbering;
mod open;
pub mod persistent;
mod pulse;
mod read;
mod records;
mod ring;
mod sample;
mod sleep;
mod sys;
#[cfg(test)]
mod tests;

pub use all::{AllCpus, Item, Merge};
pub use cursor::{Cursor, Start};
pub use error::Error;
pub use event::{Event, Pause};
pub use explain::{Explanation, Rights};
pub use follow::{Loss, Shared, SharedRings};
pub use keeper::wire::{NewRing, RingId};
pub use keeper::{Access, Client, Keeper};
pub use numbering::{Numbering, Round};
pub use open::{Builder, Clock, Hardware, Software, Target, Wakeup};
pub use read::{Count, ReadValues};
pub use records::{Body, Ksymbol, MmapFile, MmapIdentity, MmapRecord, Parsed, Task};
pub use ring::{Backward, Batch, Kept, Order, Overwrite, ReadOnly, Reader, Record};
pub use sample::{Extra, Layout, Regs, Sample, SampleId, Tid, UserStack, Words};
