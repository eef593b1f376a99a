//! One file a format family. To add one: write its file, add a row to [`FAMILIES`], and a name to
//! [`Format`](crate::Format).
//!
//! A family says which fixed strings its lines contain. `wakes` are strings that begin or announce a record:
//! they are searched for everywhere and should be rare in ordinary logs. `continues` count only near one.
//! `read` gets the line around such a string, reads what it knows, and puts it into the slots.

mod amd;
mod bmc;
mod cper;
mod crashlog;
mod edac;
mod esxi;
mod fields;
mod freebsd;
pub(crate) mod kernel;
mod keyed;
mod libcper;
mod linux;
mod macos;
mod msr;
mod ras;
mod trace;
mod typed;
mod windows;

use crate::found::Format;
use crate::join::Join;
use crate::line::Line;
use crate::slots::{Slot, Slots};

/// What a format made of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Nothing: it is not one of its lines.
    No,
    /// Everything up to here, in bytes from the start of the line; more may follow.
    To(usize),
    /// The whole line.
    Line,
    /// The whole line, and the next ones may be rows of a dump.
    Rows,
    /// The line is broken: it may go on in the next one.
    More(Join),
}

/// The lines of one family of formats.
pub(crate) struct Family {
    /// Strings that begin or announce a record.
    pub wakes: &'static [&'static str],
    /// Strings that continue one.
    pub continues: &'static [&'static str],
    /// Reads the line around one of them.
    pub read: fn(&Line<'_>, &mut Slots) -> Taken,
}

/// Strings that only say that lines of some family are near.
pub(crate) const ANNOUNCEMENTS: &[&str] = &[
    "HARDWARE ERROR",
    "Hardware event.",
    "[Hardware Error]",
    "HANDLING MCE",
];

/// What syslogd begins a copy to terminals with. It begins and continues nothing, but says what lines near it are.
pub(crate) const BROADCAST: &str = "Message from syslogd";

/// All families; of those that share a string, the first has the first look.
pub(crate) static FAMILIES: &[Family] = &[
    linux::FAMILY,
    linux::BANKS,
    bmc::FAMILY,
    keyed::FAMILY,
    macos::FAMILY,
    amd::FAMILY,
    edac::FAMILY,
    trace::FAMILY,
    ras::FAMILY,
    freebsd::FAMILY,
    esxi::FAMILY,
    windows::FAMILY,
    cper::FAMILY,
    libcper::FAMILY,
    crashlog::FAMILY,
    typed::FAMILY,
];

/// Gives a line to the families in `bits`, until one takes it.
pub(crate) fn read(bits: u32, line: &Line<'_>, slots: &mut Slots) -> Taken {
    let mut bits = bits;
    while bits != 0 {
        let index = bits.trailing_zeros() as usize;
        bits &= bits - 1;
        if let Some(family) = FAMILIES.get(index) {
            let taken = (family.read)(line, slots);
            if taken != Taken::No {
                return taken;
            }
        }
    }
    Taken::No
}

/// Reads a line that may be a row of a dump.
pub(crate) fn read_row(line: &Line<'_>, slots: &mut Slots) -> bool {
    cper::row(line, slots)
}

/// Adds what follows from the format when no line can come any more.
pub(crate) fn complete(slot: &mut Slot) {
    match slot.format {
        Format::RasMcCtl => ras::complete(slot),
        Format::McelogRaw => keyed::complete(slot),
        _ => {}
    }
}
