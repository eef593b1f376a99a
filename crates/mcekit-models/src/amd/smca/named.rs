//! Units that AMD has named and whose codes it has not published: the code is shown as a number.
//!
//! Source: Linux 7.3, `smca_hwid_mcatypes` (arch/x86/kernel/cpu/mce/amd.c) and `smca_long_names`
//! (drivers/edac/mce_amd.c).

use mcekit::table::Unit;

/// Reserved.
pub(super) static RESERVED: Unit = Unit::new("RESERVED", "Reserved", &[&super::CODE]);
/// MPRAS Unit.
pub(super) static MPRAS: Unit = Unit::new("MPRAS", "MPRAS Unit", &[&super::CODE]);
/// Die to Die Interconnect Unit.
pub(super) static SSBDCI: Unit =
    Unit::new("SSBDCI", "Die to Die Interconnect Unit", &[&super::CODE]);
/// MPDACC Unit.
pub(super) static MPDACC: Unit = Unit::new("MPDACC", "MPDACC Unit", &[&super::CODE]);
/// MPM Unit.
pub(super) static MPM: Unit = Unit::new("MPM", "MPM Unit", &[&super::CODE]);
/// MPASP Unit.
pub(super) static MPASP: Unit = Unit::new("MPASP", "MPASP Unit", &[&super::CODE]);
/// MPART Unit.
pub(super) static MPART: Unit = Unit::new("MPART", "MPART Unit", &[&super::CODE]);
/// DACC Front-end Unit.
pub(super) static DACC_FE: Unit = Unit::new("DACC_FE", "DACC Front-end Unit", &[&super::CODE]);
/// DACC Back-end Unit.
pub(super) static DACC_BE: Unit = Unit::new("DACC_BE", "DACC Back-end Unit", &[&super::CODE]);
/// eDDR5 CMN Unit.
pub(super) static EDDR5CMN: Unit = Unit::new("EDDR5CMN", "eDDR5 CMN Unit", &[&super::CODE]);
/// PCIe Link Unit.
pub(super) static PCIE_PL: Unit = Unit::new("PCIE_PL", "PCIe Link Unit", &[&super::CODE]);
