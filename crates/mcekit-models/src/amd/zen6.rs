//! Zen 6: family 1ah models 50h-5fh, 80h-afh, c0h-cfh and d8h-efh.
//!
//! Processors: Linux, arch/x86/kernel/cpu/amd.c, `bsp_init_amd`, as of 7.3.

use super::smca::{COMMON, UNITS};
use mcekit::Vendor;
use mcekit::table::{Cpu, Model};

/// AMD Zen 6.
pub(crate) static MODEL: Model = Model::architectural(
    "zen6",
    "AMD Zen 6",
    &["venice"],
    Vendor::AMD,
    &[
        Cpu::models(0x1a, 0x50, 0x5f, "Venice"),
        Cpu::models(0x1a, 0x80, 0xaf, "Zen 6"),
        Cpu::models(0x1a, 0xc0, 0xcf, "Zen 6"),
        Cpu::models(0x1a, 0xd8, 0xef, "Zen 6"),
    ],
)
.with_smca(&[], UNITS)
.with_common(COMMON);
