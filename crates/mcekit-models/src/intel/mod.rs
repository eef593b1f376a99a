//! Intel: one file per generation, or for those of which nothing is published, one for all.
//!
//! Numbers and identifiers are those of the Intel SDM vol. 3B, chapter "Interpreting Machine-Check Error Codes"; the words
//! are ours.

use mcekit::table::{Model, Register, When};

// The lines between the markers are written by the registry test: UPDATE=1 cargo test -p mcekit-models
// <models>
mod atoms;
mod broadwell;
mod broadwell_de;
mod clients;
mod core2;
mod denverton;
mod diamond_rapids;
mod dunnington;
mod general;
mod granite_rapids;
mod haswell;
mod icelake_server;
mod ivy_bridge;
mod knights_landing;
mod nehalem;
mod nehalem_ex;
mod p6;
mod pentium4;
mod sandy_bridge;
mod sapphire_rapids;
mod skylake_server;
mod tulsa;
// </models>

/// A bus or interconnect error: MCACOD 000F 1PPT RRRR IILL.
const BUS_ERROR: When = When::Masked(Register::Status, 0xe800, 0x0800);

/// A memory controller error: MCACOD 000F 0000 1MMM CCCC.
const MEMORY_ERROR: When = When::Masked(Register::Status, 0xef80, 0x0080);

/// Every Intel model.
pub(crate) static MODELS: &[&Model] = &[
    // <list>
    &atoms::ATOM,
    &atoms::GOLDMONT,
    &atoms::TREMONT,
    &broadwell::BROADWELL_EP,
    &broadwell::BROADWELL,
    &broadwell_de::MODEL,
    &clients::SKYLAKE,
    &clients::KABYLAKE,
    &clients::COMETLAKE,
    &clients::CANNONLAKE,
    &clients::ICELAKE,
    &clients::ROCKETLAKE,
    &clients::TIGERLAKE,
    &clients::LAKEFIELD,
    &clients::ALDERLAKE,
    &clients::RAPTORLAKE,
    &clients::BARTLETTLAKE,
    &clients::METEORLAKE,
    &clients::ARROWLAKE,
    &clients::LUNARLAKE,
    &clients::PANTHERLAKE,
    &clients::WILDCATLAKE,
    &clients::NOVALAKE,
    &core2::MODEL,
    &denverton::MODEL,
    &diamond_rapids::MODEL,
    &dunnington::MODEL,
    &general::FAMILY5,
    &general::GENERAL,
    &granite_rapids::GRANITE_RAPIDS,
    &granite_rapids::GRAND_RIDGE,
    &haswell::HASWELL_EP,
    &haswell::HASWELL,
    &icelake_server::ICELAKE_SERVER,
    &icelake_server::ICELAKE_DE,
    &icelake_server::SNOW_RIDGE,
    &ivy_bridge::IVY_BRIDGE_EP,
    &ivy_bridge::IVY_BRIDGE,
    &knights_landing::MODEL,
    &nehalem::MODEL,
    &nehalem_ex::MODEL,
    &p6::MODEL,
    &pentium4::MODEL,
    &sandy_bridge::SANDY_BRIDGE,
    &sandy_bridge::SANDY_BRIDGE_EP,
    &sapphire_rapids::MODEL,
    &skylake_server::MODEL,
    &tulsa::MODEL,
    // </list>
];
