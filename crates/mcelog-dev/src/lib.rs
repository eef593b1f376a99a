//! `/dev/mcelog`: reading machine checks from Linux, injecting them, and turning the knobs of the kernel's machine-check
//! code.
//!
//! Kernels built with `CONFIG_X86_MCELOG_LEGACY` have the device, and so has a Xen dom0. (Others have the
//! `mce:mce_record` trace event.) It keeps the first 32 errors that nobody has read, or one for each CPU if there are
//! more CPUs, from early in the boot on; its readers share that one log.
//!
//! - [`Device`] reads: every record of every kernel by the length that the kernel reports, a dropped record as an
//!   [`Event`] in its place. It waits by itself or in any event loop.
//! - [`Injector`] injects: [`Device`] by writing records, [`Debugfs`] through the files of `mce-inject`. [`scenario`]
//!   reads the files that the `mce-inject` program takes.
//! - [`knobs`] are the files of `/sys/devices/system/machinecheck`.
//! - [`sys`] is the seam to the system, and `fake` (feature `fake`) a device with the kernel's semantics behind it.
//!
//! ```no_run
//! use mcelog_dev::{Event, OpenOptions};
//!
//! let mut device = OpenOptions::new().exclusive(true).open()?;
//! loop {
//!     match device.next_within(None)? {
//!         Some(Event::Record(entry)) => println!("{}", entry.record().decode()),
//!         Some(Event::Overflow(_)) => eprintln!("records were lost here"),
//!         None => {}
//!     }
//! }
//! # #[allow(unreachable_code)]
//! # Ok::<(), mcelog_dev::Error>(())
//! ```
//!
//! # A crash in between
//!
//! Reading destroys: what a read returned is no longer in the kernel. For a record of an earlier boot
//! ([`Origin::EarlierBoot`]), which may be the only trace of why the machine went down, that means that the firmware's
//! store no longer has it either. Whoever must not lose it reads pstore first.

mod debugfs;
mod device;
mod error;
mod event;
#[cfg(feature = "fake")]
pub mod fake;
mod files;
mod inject;
pub mod knobs;
pub mod scenario;
pub mod sys;

pub use debugfs::{Debugfs, FOLDER as DEBUGFS_FOLDER};
pub use device::{Device, Lengths, OpenOptions};
pub use error::Error;
pub use event::{Entry, Event, Origin, Overflow};
pub use inject::{Broadcast, Context, InjectFlags, Injection, Injector, Raise};
