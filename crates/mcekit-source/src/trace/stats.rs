//! `per_cpu/cpuN/stats`, with the clock that it shows.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

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

/// The time of day of a stamp: `clock` is what the clock shows now.
pub(super) fn time_of_day(clock: Option<u64>, stamp: u64) -> Option<(u64, u32)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let ago = clock.map_or(0, |clock| clock.saturating_sub(stamp));
    let then = now.checked_sub(std::time::Duration::from_nanos(ago))?;
    Some((then.as_secs(), then.subsec_nanos()))
}
