//! `per_cpu/cpuN/stats`, with the clock that it shows.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tracefs::fs::Stats;

use super::line::parse_stamp;
use crate::{Error, Result};

/// The counters, and the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) stats: Stats,
    /// The instance's clock, nanoseconds; of clocks of other units nothing.
    pub(super) clock: Option<u64>,
}

pub(super) fn read(path: &Path) -> Result<Now> {
    let mut bytes = [0; 4096];
    // In one read: the kernel makes the text anew for each, and parts of two say what never was.
    let len = File::open(path)
        .and_then(|mut file| file.read(&mut bytes))
        .map_err(|source| Error::io(path, source))?;
    let text = String::from_utf8_lossy(bytes.get(..len).unwrap_or_default());
    let stats = Stats::parse(&text).ok_or_else(|| Error::Damaged {
        path: path.into(),
        what: "a count is missing".into(),
    })?;
    let clock = text
        .lines()
        .find_map(|line| line.strip_prefix("now ts:"))
        .map(str::trim)
        .filter(|stamp| stamp.contains('.'))
        .and_then(parse_stamp);
    Ok(Now { stats, clock })
}

/// A moment on the instance's clock, and by the time of day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    clock: Option<u64>,
    time: Option<Duration>,
}

impl Moment {
    /// Now, when the instance's clock shows that.
    pub(super) fn now(clock: Option<u64>) -> Self {
        Self {
            clock,
            time: SystemTime::now().duration_since(UNIX_EPOCH).ok(),
        }
    }

    /// The time of day of a stamp of that clock; of another clock's that of the moment.
    pub(super) fn time_of_day(&self, stamp: u64) -> Option<(u64, u32)> {
        let time = self.time?;
        let then = match self.clock {
            None => time,
            Some(clock) if clock >= stamp => {
                time.checked_sub(Duration::from_nanos(clock - stamp))?
            }
            Some(clock) => time.checked_add(Duration::from_nanos(stamp - clock))?,
        };
        Some((then.as_secs(), then.subsec_nanos()))
    }
}
