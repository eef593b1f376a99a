//! Zen 2 with other memory than DDR4: family 17h models 40h-4fh, 90h-91h and a0h-afh.
//!
//! Processors: Linux, arch/x86/kernel/cpu/amd.c, `bsp_init_amd`.

use super::smca::{COMMON, UNITS};
use mcekit::Vendor;
use mcekit::table::{Cpu, Model};

/// AMD Zen 2 with LPDDR5 or GDDR6.
pub(crate) static MODEL: Model = Model::architectural(
    "zen2_lpddr5",
    "AMD Zen 2 with LPDDR5 or GDDR6",
    &["van_gogh", "mendocino"],
    Vendor::AMD,
    &[
        Cpu::models(0x17, 0x40, 0x4f, "Zen 2"),
        Cpu::models(0x17, 0x90, 0x91, "Van Gogh"),
        Cpu::models(0x17, 0xa0, 0xaf, "Mendocino"),
    ],
)
.with_smca(&[], UNITS)
.with_common(COMMON);
