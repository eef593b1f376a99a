//! Zen 5, family 1ah models 40h-4fh, whose coherent station has the codes of erratum 1384.
//!
//! Processors: Linux, arch/x86/kernel/cpu/amd.c, `bsp_init_amd`. Codes: rasdaemon, `fixup_hwid`.

use super::smca::{COMMON, CS_V2_ERRATUM_1384, UNITS};
use mcekit::Vendor;
use mcekit::table::{Cpu, Model, SmcaBank};

/// AMD Zen 5 (Granite Ridge).
pub(crate) static MODEL: Model = Model::architectural(
    "granite_ridge",
    "AMD Zen 5 (Granite Ridge)",
    &["zen5_desktop", "epyc_4005", "fire_range"],
    Vendor::AMD,
    &[Cpu::models(0x1a, 0x40, 0x4f, "Granite Ridge, Fire Range")],
)
.with_smca(&[SmcaBank::new(0x2e, 0x02, &CS_V2_ERRATUM_1384)], UNITS)
.with_common(COMMON);
