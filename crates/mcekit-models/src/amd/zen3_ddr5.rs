//! Zen 3+ with DDR5: family 19h models 40h-4fh.
//!
//! Processors: Linux, arch/x86/kernel/cpu/amd.c, `bsp_init_amd`.

use super::smca::{COMMON, UNITS};
use mcekit::Vendor;
use mcekit::table::{Cpu, Model};

/// AMD Zen 3+ with DDR5.
pub(crate) static MODEL: Model = Model::architectural(
    "zen3_ddr5",
    "AMD Zen 3+ with DDR5",
    &["zen3plus", "rembrandt"],
    Vendor::AMD,
    &[Cpu::models(0x19, 0x40, 0x4f, "Rembrandt")],
)
.with_smca(&[], UNITS)
.with_common(COMMON);
