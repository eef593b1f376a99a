//! Zen 4, family 19h models 7ch-8fh: the codes of the coherent station are not reassigned there.
//!
//! Processors: Linux, arch/x86/kernel/cpu/amd.c, `bsp_init_amd`. Codes: rasdaemon, `fixup_hwid`.

use super::smca::{COMMON, UNITS};
use mcekit::Vendor;
use mcekit::table::{Cpu, Model};

/// AMD Zen 4, models 7ch to 8fh.
pub(crate) static MODEL: Model = Model::architectural(
    "zen4_other",
    "AMD Zen 4, models 7ch to 8fh",
    &[],
    Vendor::AMD,
    &[Cpu::models(0x19, 0x7c, 0x8f, "Zen 4")],
)
.with_smca(&[], UNITS)
.with_common(COMMON);
