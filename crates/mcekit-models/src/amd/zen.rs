//! Zen and Zen+: family 17h models 00h-2fh and 50h-5fh (PPR 54945, 55570, 55772).
//!
//! Processors: Linux, arch/x86/kernel/cpu/amd.c, `bsp_init_amd`.

use super::smca::{COMMON, UMC_DDR4, UNITS};
use mcekit::Vendor;
use mcekit::table::{Cpu, Model, SmcaBank};

/// AMD Zen and Zen+.
pub(crate) static MODEL: Model = Model::architectural(
    "zen",
    "AMD Zen and Zen+",
    &[
        "zen1",
        "zenplus",
        "naples",
        "epyc_7001",
        "snowy_owl",
        "summit_ridge",
        "ryzen_1000",
        "whitehaven",
        "pinnacle_ridge",
        "colfax",
        "raven_ridge",
        "picasso",
        "dali",
        "amd_fam17h",
        "family17h",
    ],
    Vendor::AMD,
    &[
        Cpu::models(
            0x17,
            0x00,
            0x0f,
            "Naples, Summit Ridge, Whitehaven, Pinnacle Ridge, Colfax",
        ),
        Cpu::models(0x17, 0x10, 0x1f, "Raven Ridge, Picasso"),
        Cpu::models(0x17, 0x20, 0x2f, "Raven2, Dali"),
        Cpu::models(0x17, 0x50, 0x5f, "Zen"),
    ],
)
.with_smca(&[SmcaBank::new(0x96, 0x00, &UMC_DDR4)], UNITS)
.with_common(COMMON);
