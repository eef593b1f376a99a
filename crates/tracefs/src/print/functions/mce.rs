//! EDAC (`include/linux/edac.h`).

use core::fmt;

use super::{Argument, row};

/// `mc_event_error_type()`: `enum hw_event_mc_err_type`, its rows; anything beyond them is informational.
const ERROR_TYPES: &[&str] = &["Corrected", "Uncorrected", "Deferred", "Fatal"];

pub(super) fn error_type(args: &[Argument<'_>], out: &mut dyn fmt::Write) -> fmt::Result {
    row(args, out, ERROR_TYPES, "Info")
}
