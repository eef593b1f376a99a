//! This boot: its time, its clock, its command line.

use std::fs;
use std::time::Duration;

use nix::time::ClockId;

/// When it began, seconds since 1970.
pub(crate) fn time() -> Option<u64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()
}

/// The value of a parameter of the kernel's command line.
pub(crate) fn parameter(name: &str) -> Option<String> {
    let text = fs::read_to_string("/proc/cmdline").ok()?;
    find_parameter(&text, name).map(Into::into)
}

/// The same in a text; the last one counts.
pub(crate) fn find_parameter<'t>(cmdline: &'t str, name: &str) -> Option<&'t str> {
    cmdline
        .split_whitespace()
        // What follows is for init.
        .take_while(|word| *word != "--")
        .filter_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        .last()
}

/// The time of day of a moment of the monotonic clock, in nanoseconds.
pub(crate) fn of_monotonic(stamp: u64) -> Option<(u64, u32)> {
    let clock = |id| nix::time::clock_gettime(id).map(Duration::from).ok();
    let ago = clock(ClockId::CLOCK_MONOTONIC)?.checked_sub(Duration::from_nanos(stamp))?;
    let then = clock(ClockId::CLOCK_REALTIME)?.checked_sub(ago)?;
    Some((then.as_secs(), then.subsec_nanos()))
}
