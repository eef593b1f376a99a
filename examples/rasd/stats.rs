//! Numbers that metrics and `rasd status` show.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread counts and any reads.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the daemon counts of itself since it started.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Machine checks that were new.
    pub(crate) records: Count,
    /// Other events of the kernel.
    pub(crate) generic: Count,
    /// Reports of errors that another channel had told of.
    pub(crate) duplicates: Count,
    /// Events that are known to be lost; those without a number count one.
    pub(crate) lost: Count,
    /// Batches that went to disk.
    pub(crate) batches: Count,
    /// Batches that did not get there at the first try.
    pub(crate) retries: Count,
    /// The number of the last event that is on disk.
    pub(crate) stored: Count,
    /// The number of the last event that is in the history.
    pub(crate) applied: Count,
    /// Bytes of the spool.
    pub(crate) spool_bytes: Count,
    /// Times that a source could not be read.
    pub(crate) source_errors: Count,
    /// Times that the history could not be written.
    pub(crate) history_errors: Count,
}
