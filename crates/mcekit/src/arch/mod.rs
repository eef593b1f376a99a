//! Architectural decoding: what an error code means on every processor of a vendor.
//!
//! Intel SDM vol. 3B, "Interpreting machine-check error codes"; AMD APM vol. 2, "Error codes" of MCi_STATUS.
//! Zhaoxin, Centaur and the others follow Intel; Hygon follows AMD.

mod code;
pub(crate) mod decoding;
mod show;
mod terms;

pub use code::{ErrorClass, ErrorCode, InternalError, SimpleError};
pub use decoding::{Address, Decoding, Ecc, SoftwareBank};
pub use terms::{Level, MemoryIo, MemoryOp, Participation, Request, Transaction};
