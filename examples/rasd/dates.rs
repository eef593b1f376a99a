//! Dates in sentences.

use crate::explain::out::Out;
use crate::explain::time::utc;

/// Seconds since 1970 as `2026-11-22 12:36:23 UTC`.
pub(crate) fn date(seconds: u64) -> String {
    let mut out = Out::memory();
    utc(seconds, &mut out);
    out.text().into_owned()
}
