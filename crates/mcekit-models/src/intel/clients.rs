//! Clients from Skylake on: Intel published nothing about their banks, so the architecture is all there is.
//!
//! Names and numbers: Linux, arch/x86/include/asm/intel-family.h. Clients before these stand beside the servers of their
//! generation.

use mcekit::Vendor;
use mcekit::table::{Cpu, Model};

/// Skylake.
pub(crate) static SKYLAKE: Model = Model::architectural(
    "skylake",
    "Skylake",
    &[],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x4e, "Skylake-L"),
        Cpu::new(6, 0x5e, "Skylake client"),
    ],
);

/// Kaby Lake, Coffee Lake, Whiskey Lake, Amber Lake.
pub(crate) static KABYLAKE: Model = Model::architectural(
    "kabylake",
    "Kaby Lake, Coffee Lake, Whiskey Lake, Amber Lake",
    &["coffeelake", "whiskeylake", "amberlake"],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x8e, "Kaby Lake-L"),
        Cpu::new(6, 0x9e, "Kaby Lake client"),
    ],
);

/// Comet Lake.
pub(crate) static COMETLAKE: Model = Model::architectural(
    "cometlake",
    "Comet Lake",
    &[],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0xa5, "Comet Lake client"),
        Cpu::new(6, 0xa6, "Comet Lake-L"),
    ],
);

/// Cannon Lake.
pub(crate) static CANNONLAKE: Model = Model::architectural(
    "cannonlake",
    "Cannon Lake",
    &[],
    Vendor::INTEL,
    &[Cpu::new(6, 0x66, "Cannon Lake-L")],
);

/// Ice Lake.
pub(crate) static ICELAKE: Model = Model::architectural(
    "icelake",
    "Ice Lake",
    &[],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x7d, "Ice Lake client"),
        Cpu::new(6, 0x7e, "Ice Lake-L"),
        Cpu::new(6, 0x9d, "Ice Lake NNPI"),
    ],
);

/// Rocket Lake.
pub(crate) static ROCKETLAKE: Model = Model::architectural(
    "rocketlake",
    "Rocket Lake",
    &[],
    Vendor::INTEL,
    &[Cpu::new(6, 0xa7, "Rocket Lake client")],
);

/// Tiger Lake.
pub(crate) static TIGERLAKE: Model = Model::architectural(
    "tigerlake",
    "Tiger Lake",
    &[],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x8c, "Tiger Lake-L"),
        Cpu::new(6, 0x8d, "Tiger Lake client"),
    ],
);

/// Lakefield.
pub(crate) static LAKEFIELD: Model = Model::architectural(
    "lakefield",
    "Lakefield",
    &[],
    Vendor::INTEL,
    &[Cpu::new(6, 0x8a, "Lakefield hybrid")],
);

/// Alder Lake.
pub(crate) static ALDERLAKE: Model = Model::architectural(
    "alderlake",
    "Alder Lake",
    &["alderlake-n", "gracemont"],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x97, "Alder Lake client"),
        Cpu::new(6, 0x9a, "Alder Lake-L"),
        Cpu::new(6, 0xbe, "Atom Gracemont (Alder Lake-N)"),
    ],
);

/// Raptor Lake.
pub(crate) static RAPTORLAKE: Model = Model::architectural(
    "raptorlake",
    "Raptor Lake",
    &[],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0xb7, "Raptor Lake client"),
        Cpu::new(6, 0xba, "Raptor Lake-P"),
        Cpu::new(6, 0xbf, "Raptor Lake-S"),
    ],
);

/// Bartlett Lake.
pub(crate) static BARTLETTLAKE: Model = Model::architectural(
    "bartlettlake",
    "Bartlett Lake",
    &[],
    Vendor::INTEL,
    &[Cpu::new(6, 0xd7, "Bartlett Lake client")],
);

/// Meteor Lake.
pub(crate) static METEORLAKE: Model = Model::architectural(
    "meteorlake",
    "Meteor Lake",
    &[],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0xaa, "Meteor Lake-L"),
        Cpu::new(6, 0xac, "Meteor Lake client"),
    ],
);

/// Arrow Lake.
pub(crate) static ARROWLAKE: Model = Model::architectural(
    "arrowlake",
    "Arrow Lake",
    &[],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0xb5, "Arrow Lake-U"),
        Cpu::new(6, 0xc5, "Arrow Lake-H"),
        Cpu::new(6, 0xc6, "Arrow Lake client"),
    ],
);

/// Lunar Lake.
pub(crate) static LUNARLAKE: Model = Model::architectural(
    "lunarlake",
    "Lunar Lake",
    &[],
    Vendor::INTEL,
    &[Cpu::new(6, 0xbd, "Lunar Lake-M")],
);

/// Panther Lake.
pub(crate) static PANTHERLAKE: Model = Model::architectural(
    "pantherlake",
    "Panther Lake",
    &[],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0xcc, "Panther Lake-L"),
        Cpu::new(6, 0xe5, "Panther Lake-R"),
    ],
);

/// Wildcat Lake.
pub(crate) static WILDCATLAKE: Model = Model::architectural(
    "wildcatlake",
    "Wildcat Lake",
    &[],
    Vendor::INTEL,
    &[Cpu::new(6, 0xd5, "Wildcat Lake-L")],
);

/// Nova Lake.
pub(crate) static NOVALAKE: Model = Model::architectural(
    "novalake",
    "Nova Lake",
    &[],
    Vendor::INTEL,
    &[
        Cpu::new(18, 0x01, "Nova Lake client"),
        Cpu::new(18, 0x03, "Nova Lake-L"),
    ],
);
