//! Zen 3: family 19h models 00h-0fh, 20h-3fh and 50h-5fh (PPR 55898, 56214, 56569).
//!
//! Processors: Linux, arch/x86/kernel/cpu/amd.c, `bsp_init_amd`.

use super::smca::{COMMON, UMC_DDR4, UNITS};
use mcekit::Vendor;
use mcekit::table::{Cpu, Model, SmcaBank};

/// AMD Zen 3.
pub(crate) static MODEL: Model = Model::architectural(
    "zen3",
    "AMD Zen 3",
    &[
        "milan",
        "epyc_7003",
        "milan_x",
        "chagall",
        "trento",
        "vermeer",
        "cezanne",
        "barcelo",
        "amd_fam19h",
        "family19h",
    ],
    Vendor::AMD,
    &[
        Cpu::models(0x19, 0x00, 0x0f, "Milan, Milan-X, Chagall"),
        Cpu::models(0x19, 0x20, 0x2f, "Vermeer"),
        Cpu::models(0x19, 0x30, 0x3f, "Trento"),
        Cpu::models(0x19, 0x50, 0x5f, "Cezanne, Barcelo"),
    ],
)
.with_smca(&[SmcaBank::new(0x96, 0x00, &UMC_DDR4)], UNITS)
.with_common(COMMON);
