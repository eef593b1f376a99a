//! AMD: generations before scalable MCA, whose banks are told apart by number, and with it, whose banks name their unit.

mod fam15h_banks;
mod legacy;
pub(crate) mod smca;
mod threshold;

use mcekit::table::Model;

// The lines between the markers are written by the registry test (UPDATE=1).
// <models>
mod fam10h;
mod fam11h;
mod fam12h;
mod fam14h;
mod fam15h;
mod fam15h_60h;
mod fam16h;
mod granite_ridge;
mod k7;
mod k8;
mod mi300;
mod smca_general;
mod zen;
mod zen2;
mod zen2_lpddr5;
mod zen3;
mod zen3_ddr5;
mod zen4;
mod zen4_other;
mod zen5;
mod zen6;
// </models>

/// Every AMD model, by file name.
pub(crate) static MODELS: &[&Model] = &[
    // <list>
    &fam10h::MODEL,
    &fam11h::MODEL,
    &fam12h::MODEL,
    &fam14h::MODEL,
    &fam15h::MODEL,
    &fam15h_60h::MODEL,
    &fam16h::MODEL,
    &granite_ridge::MODEL,
    &k7::MODEL,
    &k8::MODEL,
    &mi300::MODEL,
    &smca_general::MODEL,
    &zen::MODEL,
    &zen2::MODEL,
    &zen2_lpddr5::MODEL,
    &zen3::MODEL,
    &zen3_ddr5::MODEL,
    &zen4::MODEL,
    &zen4_other::MODEL,
    &zen5::MODEL,
    &zen6::MODEL,
    // </list>
];
