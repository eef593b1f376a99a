//! Real kernels as a test bench: QEMU boots them in software emulation with this project's
//! own programs inside, its monitor injects machine checks, and what user space then reads
//! is held against what was injected.
//!
//! [`case`] says what a case is, [`cases`] lists them, [`guest`] is what a case may use
//! inside, [`host`] gets kernels, boots them and reports. `docs/kernel-tests.md` says how
//! to run this and how to add a case.

pub mod case;
pub mod cases;
pub mod guest;
pub mod host;
