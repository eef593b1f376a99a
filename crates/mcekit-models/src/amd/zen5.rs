//! Zen 5: family 1ah models 00h-2fh, 60h-7fh and d0h-d7h (PPR 57238, 57254).
//!
//! Processors: Linux, arch/x86/kernel/cpu/amd.c, `bsp_init_amd`, as of 7.3.

use super::smca::{COMMON, UNITS};
use mcekit::Vendor;
use mcekit::table::{Cpu, Model};

/// AMD Zen 5.
pub(crate) static MODEL: Model = Model::architectural(
    "zen5",
    "AMD Zen 5",
    &[
        "turin",
        "epyc_9005",
        "turin_dense",
        "zen5c",
        "shimada_peak",
        "strix_point",
        "krackan_point",
        "strix_halo",
        "amd_fam1ah",
        "family1ah",
    ],
    Vendor::AMD,
    &[
        Cpu::models(0x1a, 0x00, 0x0f, "Turin, Shimada Peak"),
        Cpu::models(0x1a, 0x10, 0x1f, "Turin Dense"),
        Cpu::models(0x1a, 0x20, 0x2f, "Strix Point"),
        Cpu::models(0x1a, 0x60, 0x6f, "Krackan Point"),
        Cpu::models(0x1a, 0x70, 0x7f, "Strix Halo"),
        Cpu::models(0x1a, 0xd0, 0xd7, "Zen 5"),
    ],
)
.with_smca(&[], UNITS)
.with_common(COMMON);
