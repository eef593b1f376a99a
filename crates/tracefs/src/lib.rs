//! Linux trace events: find tracefs, read `format` files, decode records and raw ring-buffer
//! pages, and render `print fmt` as the kernel does.
//!
//! What libtraceevent and libtracefs are for C. The crate knows nothing of any particular event.
//!
//! | module | what | needs |
//! |---|---|---|
//! | [`format`] | the `format` file: every field's place and type | alloc |
//! | [`record`] | one record's bytes, read by resolved accessors | alloc |
//! | [`print`] | `print fmt` compiled on demand and rendered | alloc |
//! | [`page`] | `header_page`, `header_event`, sub-buffers | alloc |
//! | [`filter`] | kernel filter expressions, checked before they are written | alloc |
//! | [`merge`] | per-CPU streams in time order | alloc |
//! | [`fs`] | the mount, systems, events, instances and their knobs | `std` |
//! | [`map`] | the memory-mapped ring of Linux 6.10 and later | `std` |
//!
//! Everything read from a kernel, a file or another machine is untrusted: nothing here panics on
//! it, recurses deeper than a documented limit, or allocates more than a multiple of its length.
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod abi;
mod error;
pub mod filter;
pub mod format;
#[cfg(feature = "std")]
pub mod fs;
#[cfg(feature = "std")]
pub mod map;
pub mod merge;
mod names;
pub mod page;
pub mod print;
pub mod record;
mod scan;

pub use abi::{Abi, Endian, Word};
pub use error::{Error, Result};
pub use format::Format;
pub use record::{Accessor, Record, Value};
