//! Intel: one file per generation.

use mcekit::table::Model;

// The lines between the markers are written by the registry test (UPDATE=1).
// <models>
mod skylake_server;
// </models>

/// Every Intel model, by file name.
pub(crate) static MODELS: &[&Model] = &[
    // <list>
    &skylake_server::MODEL,
    // </list>
];
