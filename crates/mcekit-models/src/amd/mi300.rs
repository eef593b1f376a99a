//! MI300A and MI300C: family 19h models 90h-9fh, Zen 4 cores with HBM, whose memory controller has reassigned codes.
//!
//! Processors: Linux, drivers/edac/amd64_edac.c (`F19h_M90h`). Codes: rasdaemon, `fixup_hwid`.

use super::smca::{COMMON, UMC_MI300, UNITS};
use mcekit::Vendor;
use mcekit::table::{Cpu, Model, SmcaBank};

/// AMD Instinct MI300.
pub(crate) static MODEL: Model = Model::architectural(
    "mi300",
    "AMD Instinct MI300",
    &["mi300a", "mi300c", "instinct_mi300"],
    Vendor::AMD,
    &[Cpu::models(0x19, 0x90, 0x9f, "MI300A, MI300C")],
)
.with_smca(&[SmcaBank::new(0x96, 0x00, &UMC_MI300)], UNITS)
.with_common(COMMON);
