//! Zen 4: family 19h models 10h-1fh, 60h-7bh and a0h-afh, whose coherent station has reassigned codes (erratum 1384 of
//! the revision guide for models 10h-1fh; PPR 55901).
//!
//! Processors: Linux, arch/x86/kernel/cpu/amd.c, `bsp_init_amd`. Codes: rasdaemon, `fixup_hwid`.

use super::smca::{COMMON, CS_V2_ERRATUM_1384, UNITS};
use mcekit::Vendor;
use mcekit::table::{Cpu, Model, SmcaBank};

/// AMD Zen 4.
pub(crate) static MODEL: Model = Model::architectural(
    "zen4",
    "AMD Zen 4",
    &[
        "genoa",
        "genoa_x",
        "epyc_9004",
        "storm_peak",
        "raphael",
        "dragon_range",
        "phoenix",
        "hawk_point",
        "bergamo",
        "siena",
        "zen4c",
    ],
    Vendor::AMD,
    &[
        Cpu::models(0x19, 0x10, 0x1f, "Genoa, Genoa-X, Storm Peak"),
        Cpu::models(0x19, 0x60, 0x6f, "Raphael, Dragon Range"),
        Cpu::models(0x19, 0x70, 0x7b, "Phoenix, Hawk Point"),
        Cpu::models(0x19, 0xa0, 0xaf, "Bergamo, Siena"),
    ],
)
.with_smca(&[SmcaBank::new(0x2e, 0x02, &CS_V2_ERRATUM_1384)], UNITS)
.with_common(COMMON);
