//! What the daemon tells of its own doing to whoever reads the outputs: thresholds, triggers, what was left out.

use std::fmt;
use std::sync::Arc;

/// How much it matters, by syslog's numbers (RFC 5424).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Priority {
    Critical = 2,
    Error = 3,
    Warning = 4,
    Notice = 5,
    Info = 6,
}

/// Takes notes, from any thread.
#[derive(Clone)]
pub(crate) struct Notes(Arc<dyn Fn(Priority, String) + Send + Sync>);

impl Notes {
    pub(crate) fn new(take: impl Fn(Priority, String) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    pub(crate) fn say(&self, priority: Priority, what: String) {
        (self.0)(priority, what);
    }
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notes")
    }
}

/// Notes that were kept, for tests.
#[cfg(test)]
pub(crate) type Kept = Arc<std::sync::Mutex<Vec<(Priority, String)>>>;

#[cfg(test)]
impl Notes {
    /// Notes that are kept, for tests.
    pub(crate) fn kept() -> (Self, Kept) {
        let kept = Kept::default();
        let to = Arc::clone(&kept);
        let take = move |priority, what| to.lock().unwrap().push((priority, what));
        (Self::new(take), kept)
    }
}
