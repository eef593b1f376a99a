//! Hygon: Dhyana and its followers, family 18h, with AMD's scalable-MCA units.
//!
//! Linux, arch/x86/kernel/cpu/hygon.c; drivers/edac/amd64_edac.c takes Dhyana for Zen, with DDR4.

use crate::amd::smca::{COMMON, UMC_DDR4, UNITS};
use mcekit::Vendor;
use mcekit::table::{Cpu, Model, SmcaBank};

static DHYANA: Model = Model::architectural(
    "dhyana",
    "Hygon Dhyana",
    &["hygon_dhyana", "c86_7000"],
    Vendor::HYGON,
    &[Cpu::models(0x18, 0x00, 0x03, "Dhyana")],
)
.with_smca(&[SmcaBank::new(0x96, 0x00, &UMC_DDR4)], UNITS)
.with_common(COMMON);

static GENERAL: Model = Model::architectural("hygon", "Hygon", &["c86"], Vendor::HYGON, &[])
    .with_smca(&[], UNITS)
    .with_common(COMMON);

/// Every Hygon model.
pub(crate) static MODELS: &[&Model] = &[&DHYANA, &GENERAL];
