//! K7: family 6. Four banks, for which AMD published no codes beyond the architecture.
//!
//! Linux, arch/x86/kernel/cpu/amd.c, `init_amd_k7`.

use mcekit::Vendor;
use mcekit::table::{Cpu, Model};

/// AMD K7.
pub(crate) static MODEL: Model = Model::architectural(
    "k7",
    "AMD K7",
    &["athlon", "athlon_xp", "duron"],
    Vendor::AMD,
    &[Cpu::models(6, 0x00, 0xff, "K7")],
);
