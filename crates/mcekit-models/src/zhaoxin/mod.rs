//! Zhaoxin.
use mcekit::table::Model;

/// The models of this vendor. The lines between the markers are written by the registry test.
pub(crate) static MODELS: &[&Model] = &[];
