//! x86 machine checks: the record, its registers, architectural decoding, severity, and the vocabulary
//! that vendor tables are written in.
//!
//! A machine check is a handful of registers that one bank of one processor latched when something
//! failed. This crate holds the words that everybody who reads them shares, and decodes what the
//! architecture defines. What a vendor's bank means beyond that is in `mcekit-models`.
//!
//! ```
//! use mcekit::{Record, Status, Vendor};
//!
//! let record = Record::new(9, Status(0x8c00_0040_0010_00c0)).with_vendor(Vendor::INTEL);
//! let decoded = record.decode();
//! assert_eq!(decoded.code.class().name(), "memory-controller");
//! assert_eq!(decoded.corrected_count, Some(1));
//! println!("{decoded}");
//! println!("{decoded:#}");
//! ```
//!
//! Decoding is total: any value of any register gives a result, an undocumented one prints as such, and
//! nothing here panics or allocates.
//!
//! # Where to find what
//!
//! - [`Record`], [`Present`]: one machine check, and which of its registers the channel really gave.
//! - [`Status`], [`Misc`], [`McgStatus`] … : the registers, bit by bit.
//! - [`wire`]: the kernel's `struct mce`, every length that was ever published.
//! - [`arch`]: error codes that mean the same on every processor of a vendor.
//! - [`severity`]: how bad it is, by the kernel's rules, and what to do.
//! - [`table`]: the vocabulary of vendor tables.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(test)]
extern crate std;

pub mod arch;
mod hex;
#[cfg(feature = "serde")]
mod json;
mod record;
mod regs;
pub mod severity;
pub mod table;
pub mod wire;

pub use arch::Decoding;
#[cfg(feature = "serde")]
pub use json::{Hex, HexPair, Key, write_json};
pub use record::{Present, Record};
pub use regs::{
    Addr, AddressMode, CpuSignature, FruText, HwId, IoMca, Ipid, McaConfig, McgCap, McgStatus,
    Misc, Ppin, Status, Synd, Synd1, Synd2, Threshold, Vendor, fru_text,
};
pub use severity::{Context, Grade, Severity};
