//! Machine checks that outlive the process that read them.
//!
//! What a [`Source`](mcekit_source::Source) gives is safe once it is on disk, and only then may the channel forget it. Two
//! stores follow each other:
//!
//! - [`spool`]: append-only files of checksummed frames. One frame is one batch of events together with the cursors of
//!   the sources behind them, in one write that is whole or not there. It is the queue in front of everything else, so
//!   memory stays bounded while a database is locked or a disk is full.
//! - `db` (feature `sqlite`): the history. Its `mce_record` table is the one that rasdaemon's readers understand. Rows and
//!   the number of the frame that they came from are one transaction: each event is there once, whatever is killed when.
//!
//! What is stored is registers. Texts in the history are for readers of tables; a decoding is computed again.
#![forbid(unsafe_code)]

mod codec;
#[cfg(feature = "sqlite")]
pub mod db;
mod entry;
mod error;
pub mod spool;

pub use entry::{Batch, Delivered, Item};
pub use error::{Error, Result};
