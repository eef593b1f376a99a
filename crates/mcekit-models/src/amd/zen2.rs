//! Zen 2: family 17h models 30h-4fh, 60h-7fh, 90h-91h and a0h-afh (PPR 55803, 55922, 56176).
//!
//! Processors: Linux, arch/x86/kernel/cpu/amd.c, `bsp_init_amd`. Van Gogh and Mendocino have LPDDR5; what MCA_SYND adds for
//! DDR4 is not read on them.

use super::smca::{COMMON, UMC_DDR4, UNITS};
use mcekit::Vendor;
use mcekit::table::{Cpu, Model, SmcaBank};

/// AMD Zen 2.
pub(crate) static MODEL: Model = Model::architectural(
    "zen2",
    "AMD Zen 2",
    &[
        "rome",
        "epyc_7002",
        "castle_peak",
        "matisse",
        "renoir",
        "lucienne",
    ],
    Vendor::AMD,
    &[
        Cpu::models(0x17, 0x30, 0x3f, "Rome, Castle Peak"),
        Cpu::models(0x17, 0x60, 0x6f, "Renoir, Lucienne"),
        Cpu::models(0x17, 0x70, 0x7f, "Matisse"),
    ],
)
.with_smca(&[SmcaBank::new(0x96, 0x00, &UMC_DDR4)], UNITS)
.with_common(COMMON);
