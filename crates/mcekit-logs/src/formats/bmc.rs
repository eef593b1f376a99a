//! A machine check on one line of a management controller's log:
//! `Uncorrectable Machine Check Exception (Processor 1, APIC ID 0x…, Bank 0x…, Status 0x…'…, Address 0x…'…, Misc 0x…'…)`.
//!
//! Processors are counted from 1 there; bank numbers are hexadecimal.

use mcekit::{Addr, Misc, Record, Status};

use super::{Family, Taken};
use crate::found::{Format, TextKind};
use crate::line::{Cursor, Line, keep};
use crate::slots::Slots;

pub(crate) const FAMILY: Family = Family {
    wakes: &["Machine Check"],
    continues: &[],
    read,
};

fn read(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let mut cursor = line.cursor();
    if !cursor.find(b"(") {
        return Taken::No;
    }
    let from = cursor.pos;
    let list = cursor.until(b')');
    let Some(bank) = number(list, b"Bank ").and_then(|n| u8::try_from(n).ok()) else {
        return Taken::No;
    };
    let Some(status) = number(list, b"Status ") else {
        return Taken::No;
    };
    let mut record = Record::new(bank, Status(status));
    if let Some(addr) = number(list, b"Address ") {
        record = record.with_addr(Addr(addr));
    }
    if let Some(misc) = number(list, b"Misc ") {
        record = record.with_misc(Misc(misc));
    }
    if let Some(apicid) = number(list, b"APIC ID ").and_then(|n| u32::try_from(n).ok()) {
        record = record.with_apicid(apicid);
    }
    if let Some(socket) = number(list, b"Processor ").and_then(|n| u32::try_from(n).ok()) {
        record = record.with_socket(socket.saturating_sub(1));
    }
    let slot = slots.begin(line, Format::Bmc, record);
    slot.closed = true;
    let words = line.text.get(..from.saturating_sub(1)).unwrap_or_default();
    keep(slot, TextKind::Message, words);
    Taken::To(cursor.pos)
}

/// The number behind a name in the list.
fn number(list: &[u8], name: &[u8]) -> Option<u64> {
    let at = memchr::memmem::find(list, name)?;
    let mut cursor = Cursor::new(list.get(at + name.len()..)?);
    cursor.number().map(|n| n.value)
}
