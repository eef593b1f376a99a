//! Reads x86 machine checks out of text, whatever a person pastes: kernel logs of every age, other systems'
//! consoles, the output of tools, firmware dumps.
//!
//! Bytes in, records out. There is no file and no system call here.
//!
//! ```
//! let log = b"\
//! [    3.1] mce: [Hardware Error]: CPU 1: Machine Check: 0 Bank 7: cc00008000010090
//! [    3.1] mce: [Hardware Error]: TSC 0 ADDR 7654321000 MISC 9086
//! [    3.1] mce: [Hardware Error]: PROCESSOR 0:50654 TIME 1795349364 SOCKET 0 APIC 1 microcode 1
//! ";
//! for found in mcekit_logs::records(log) {
//!     println!("line {}, {}: {}", found.line, found.format, found.record.decode());
//! }
//! ```
//!
//! - [`records`] iterates over a text that is all there; [`Reader`] takes it chunk by chunk. Both give the
//!   same records, in the order in which they begin.
//! - [`Found`] is a record with its place, its [`Format`], and the [`Texts`] that stood around it. An error that
//!   was printed twice is one `Found`: see there.
//! - [`mod@write`] prints a record as the kernel and as mcelog do.
//! - [`generate`] makes logs to test and measure with.
//!
//! # What is a record
//!
//! A status, with whatever else the text gives: [`Present`](mcekit::Present) says what. Registers that a dump
//! lists and nobody read (`0xdeadbeefdeadbeef`) are counted in [`Stats`], and banks of a dump whose status is
//! not valid are nothing. A text that says plainly that there was a machine check but has lost the status (blacked
//! out, cut off) gives a record without one. Text that only resembles one gives nothing: no status is ever put
//! together from parts that do not stand in its place.
//!
//! # Bounds
//!
//! Memory is the same for any input: [`MAX_LINE`] and [`MAX_PREFIX`] bytes of a line, [`BEFORE`] of what stood
//! before it, [`MAX_OPEN`] records under way, each for [`HOLD_LINES`] lines after its last one, [`MAX_TEXT`]
//! bytes of each text. A line longer than that (a gigabyte of JSON) is read in pieces around what is of interest.
#![forbid(unsafe_code)]

mod anchors;
mod formats;
mod found;
pub mod generate;
mod join;
mod line;
mod reader;
mod records;
mod shape;
mod slots;
pub mod write;

pub use found::{Format, Found, MAX_TEXT, Pair, Stats, TextKind, Texts};
pub use reader::{BEFORE, MAX_LINE, MAX_PREFIX, Reader};
pub use records::{Records, records, slice};
pub use slots::{HOLD_LINES, MAX_OPEN};
