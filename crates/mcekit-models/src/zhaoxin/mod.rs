//! Zhaoxin, and Centaur as its processors also call themselves: MCi_STATUS follows Intel's layout.

use mcekit::table::Model;

// The lines between the markers are written by the registry test (UPDATE=1).
// <models>
mod general;
mod kh40000;
mod kh50000;
// </models>

/// Every Zhaoxin model, by file name.
pub(crate) static MODELS: &[&Model] = &[
    // <list>
    &general::MODEL,
    &kh40000::MODEL,
    &kh50000::MODEL,
    // </list>
];
