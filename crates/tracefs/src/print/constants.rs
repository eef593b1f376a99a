//! Enumerators that print fmts name.

/// Sorted by name.
pub(super) const CONSTANTS: &[(&str, i64)] = &[];
