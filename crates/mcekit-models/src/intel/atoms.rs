//! Atoms of which Intel published nothing about the banks: the architecture is all there is.
//!
//! Names and numbers: Linux, arch/x86/include/asm/intel-family.h. Denverton, Snow Ridge, the Forests and Grand Ridge
//! have files of their own.

use mcekit::Vendor;
use mcekit::table::{Cpu, Model};

/// Atom: Bonnell to Airmont.
pub(crate) static ATOM: Model = Model::architectural(
    "atom",
    "Atom: Bonnell to Airmont",
    &["bonnell", "saltwell", "silvermont", "airmont"],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x1c, "Atom Bonnell"),
        Cpu::new(6, 0x26, "Atom Bonnell-MID"),
        Cpu::new(6, 0x27, "Atom Saltwell-MID"),
        Cpu::new(6, 0x35, "Atom Saltwell Tablet"),
        Cpu::new(6, 0x36, "Atom Saltwell (Cedarview)"),
        Cpu::new(6, 0x37, "Atom Silvermont (Bay Trail)"),
        Cpu::new(6, 0x4a, "Atom Silvermont-MID"),
        Cpu::new(6, 0x4c, "Atom Airmont (Cherry Trail)"),
        Cpu::new(6, 0x4d, "Atom Silvermont-D (Avoton)"),
        Cpu::new(6, 0x5a, "Atom Silvermont-MID2 (Anniedale)"),
        Cpu::new(6, 0x5d, "Atom SoFIA"),
        Cpu::new(6, 0x75, "Atom Airmont-NP (Lightning Mountain)"),
    ],
);

/// Atom: Goldmont and Goldmont Plus.
pub(crate) static GOLDMONT: Model = Model::architectural(
    "goldmont",
    "Atom: Goldmont and Goldmont Plus",
    &["apollolake", "geminilake"],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x5c, "Atom Goldmont (Apollo Lake)"),
        Cpu::new(6, 0x7a, "Atom Goldmont Plus (Gemini Lake)"),
    ],
);

/// Atom: Tremont.
pub(crate) static TREMONT: Model = Model::architectural(
    "tremont",
    "Atom: Tremont",
    &["elkhartlake", "jasperlake"],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x96, "Atom Tremont (Elkhart Lake)"),
        Cpu::new(6, 0x9c, "Atom Tremont-L (Jasper Lake)"),
    ],
);
