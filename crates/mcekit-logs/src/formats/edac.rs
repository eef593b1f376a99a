//! EDAC's own line about a memory error, which names the DIMM:
//! `EDAC MCn: 1 CE memory read error on LABEL (channel:0 slot:0 page:0x… offset:0x… … err_code:0101:0090 …)`
//! (drivers/edac/edac_mc.c, and the message of the driver).

use mcekit::{Addr, Record};

use super::{Family, Taken};
use crate::found::{Format, TextKind};
use crate::line::{Cursor, Line, keep};
use crate::slots::Slots;

pub(crate) const FAMILY: Family = Family {
    wakes: &["EDAC MC"],
    continues: &[],
    read,
};

fn read(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let mut cursor = line.cursor();
    cursor.eat(b"EDAC MC");
    if cursor.dec().is_none() || !cursor.eat(b": ") {
        return Taken::No;
    }
    // How many, and whether they were corrected, are words of the log too.
    let words = cursor.rest();
    if cursor.dec().is_none() {
        return Taken::No;
    }
    cursor.blanks();
    if !(cursor.eat(b"CE ") || cursor.eat(b"UE ")) {
        return Taken::No;
    }
    let mut details = cursor;
    if !cursor.find(b"on ") || !details.find(b" (") {
        return Taken::No;
    }
    let label = cursor.rest();
    let label = label
        .get(..memchr::memmem::find(label, b" (").unwrap_or(label.len()))
        .unwrap_or(label);
    let location = details.until(b')');
    let code = code(words);
    let addr = match (value(location, b"page:"), value(location, b"offset:")) {
        (Some(page), Some(offset)) => page.checked_mul(4096).map(|page| page | offset),
        _ => None,
    };
    let near = |slot: &crate::slots::Slot| {
        matches!(
            slot.format,
            Format::Linux | Format::Edac | Format::EdacMceAmd | Format::Mcelog
        ) && slot.lacks_text(TextKind::Label)
            && match code {
                Some(code) => slot.record.status().0 & 0xffff_ffff == code,
                // Other drivers give no code; an AMD address is translated before it is printed.
                None => slot.format == Format::EdacMceAmd,
            }
    };
    let exact = slots.any(|slot| near(slot) && slot.record.addr() == addr.map(Addr));
    let slot = if exact {
        slots.oldest(|slot| near(slot) && slot.record.addr() == addr.map(Addr))
    } else {
        // Interleaved regions and address translation: the code has to do, for the nearest.
        slots.newest(near)
    };
    if let Some(slot) = slot {
        keep(slot, TextKind::Label, label);
        keep(slot, TextKind::Location, location);
        slot.touch(line);
        return Taken::Line;
    }
    // Alone: only where the driver read the code from MCi_STATUS, and its record was not seen.
    let firmware = memchr::memmem::find(words, b"APEI").is_some();
    let (Some(_), Some(addr)) = (code, addr) else {
        return Taken::No;
    };
    if firmware || slots.edac_seen.contains(&addr) {
        return Taken::No;
    }
    let mut record = Record::empty().with_addr(Addr(addr));
    // What the driver reckoned itself, or what it and ACPI's translation (ADXL) call it.
    let socket = value(location, b" socket:").or_else(|| value(location, b" ProcessorSocketId:"));
    if let Some(socket) = socket.and_then(|n| u32::try_from(n).ok()) {
        record = record.with_socket(socket);
    }
    let slot = slots.begin(line, Format::Edac, record);
    slot.fragment = true;
    slot.closed = true;
    keep(
        slot,
        TextKind::Message,
        words
            .get(..memchr::memmem::find(words, b" on ").unwrap_or(0))
            .unwrap_or_default(),
    );
    keep(slot, TextKind::Label, label);
    keep(slot, TextKind::Location, location);
    Taken::Line
}

/// The low half of MCi_STATUS out of `err_code:0101:0090`.
fn code(words: &[u8]) -> Option<u64> {
    let at = memchr::memmem::find(words, b"err_code:")?;
    let mut cursor = Cursor::new(words.get(at + b"err_code:".len()..)?);
    let high = cursor.hex()?.value;
    if !cursor.eat(b":") {
        return None;
    }
    let low = cursor.hex()?.value;
    (high <= 0xffff && low <= 0xffff).then_some(high << 16 | low)
}

/// The number behind a name.
fn value(words: &[u8], name: &[u8]) -> Option<u64> {
    let at = memchr::memmem::find(words, name)?;
    let mut cursor = Cursor::new(words.get(at + name.len()..)?);
    cursor.number().map(|n| n.value)
}
