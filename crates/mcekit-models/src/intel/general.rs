//! Intel processors that no other file claims: the architecture is all there is.

use mcekit::Vendor;
use mcekit::table::{Cpu, Model};

/// Pentium and Quark, before the architecture defined machine-check banks as they are now.
pub(crate) static FAMILY5: Model = Model::architectural(
    "pentium",
    "Pentium and Quark (family 5)",
    &["i586", "p5"],
    Vendor::INTEL,
    &[
        Cpu::models(5, 0x00, 0x03, "Pentium P5, P54C"),
        Cpu::models(5, 0x04, 0x08, "Pentium MMX"),
        Cpu::models(5, 0x09, 0x0a, "Quark"),
    ],
);

/// Every other one.
pub(crate) static GENERAL: Model = Model::architectural(
    "intel",
    "Intel processor with architectural decoding",
    &["generic"],
    Vendor::INTEL,
    &[],
);
