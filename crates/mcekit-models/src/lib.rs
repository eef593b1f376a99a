//! What a machine check means on the processor that reported it.
//!
//! `mcekit` decodes what the architecture defines. This crate adds what each vendor says of its own banks: which
//! unit a bank belongs to, what its model-specific codes mean, and where the error is. All of it is tables, one file
//! per generation or unit, checked while compiling, with no logic between the rows.
//!
//! ```
//! use mcekit::table::Class;
//! use mcekit::{CpuSignature, Record, Status, Vendor};
//!
//! let record = Record::new(13, Status(0x8c00_0040_0008_00c0))
//!     .with_vendor(Vendor::INTEL)
//!     .with_cpuid(CpuSignature(0x50654));
//! let explained = mcekit_models::decode(&record);
//! assert_eq!(explained.model().unwrap().id, "skylake_server");
//! assert_eq!(explained.unit().unwrap().id, "iMC");
//! assert_eq!(explained.values().next().unwrap().class(), Some(Class::PatrolScrub));
//! println!("{explained:#}");
//! ```
//!
//! Unknown is a value here: a code that no manual lists is shown as undocumented, with its number, and never borrows
//! the text of another. Nothing is read out of a register that MCi_STATUS does not call valid.
//!
//! - [`decode`], [`Explained`]: one record, explained.
//! - [`find`]: the generation of a processor. [`by_name`]: the same, by what people type. [`models`]: all of them.
//!
//! `docs/models.md` lists every generation and processor; `docs/adding-a-model.md` shows how one is added.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(test)]
extern crate std;

#[cfg(feature = "amd")]
mod amd;
mod explained;
#[cfg(feature = "amd")]
mod hygon;
#[cfg(feature = "intel")]
mod intel;
#[cfg(feature = "serde")]
mod json;
mod name;
mod registry;
#[cfg(feature = "zhaoxin")]
mod zhaoxin;

pub use explained::{DimmAddress, Explained, McelogSlot, Summary, decode, decode_as};
pub use name::{Selection, by_name};
pub use registry::{find, models};
