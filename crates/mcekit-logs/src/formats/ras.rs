//! rasdaemon's lines (ras-mce-handler.c) and `ras-mc-ctl --errors` (util/ras-mc-ctl.in): `name=value`.
//!
//! rasdaemon writes one line, `status= 9c…, …, cpu= 0, misc= …`, numbers without `0x`; ras-mc-ctl writes
//! `0x` and leaves out what is zero, and its lines are long enough that people's terminals break them.

use mcekit::{
    Addr, CpuSignature, Ipid, McgCap, McgStatus, Misc, Ppin, Present, Record, Status, Synd, Vendor,
};

use super::{Family, Taken};
use crate::found::{Format, TextKind};
use crate::join::Join;
use crate::line::{Cursor, Line, keep};
use crate::slots::{Slot, Slots};

pub(crate) const FAMILY: Family = Family {
    wakes: &["status= ", "status=0x", "mcgcap=0x", "mcgcap= "],
    continues: &[
        "mcgstatus=",
        "addr=0x",
        "misc=0x",
        "tsc=0x",
        "walltime=0x",
        "ppin=0x",
        "cpu=0x",
        "cpuid=0x",
        "apicid=0x",
        "socketid=0x",
        "bank=0x",
        "microcode=0x",
    ],
    read,
};

/// The registers in the order in which ras-mc-ctl prints them.
const ORDER: &[&[u8]] = &[
    b"mcgcap",
    b"mcgstatus",
    b"status",
    b"addr",
    b"misc",
    b"ip",
    b"tsc",
    b"walltime",
    b"ppin",
    b"cpu",
    b"cpuid",
    b"apicid",
    b"socketid",
    b"cs",
    b"bank",
    b"microcode",
];

fn read(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let daemon = memchr::memmem::find(line.text, b"status= ").is_some();
    let mut cursor = if daemon {
        Cursor::new(line.text)
    } else {
        line.cursor()
    };
    // The anchor can be the tail of a longer name.
    while !daemon
        && cursor.pos > 0
        && line
            .text
            .get(cursor.pos - 1)
            .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
    {
        cursor.pos -= 1;
    }
    let mut pieces: Vec<(usize, Record)> = Vec::new();
    let mut open = None;
    while let Some(equals) = memchr::memchr(b'=', cursor.rest()) {
        let name_end = cursor.pos + equals;
        let name = name_before(line.text.get(cursor.pos..name_end).unwrap_or_default());
        cursor.pos = name_end + 1;
        cursor.blanks();
        if cursor.at_end() && !line.last && is_register(name) {
            open = Some(Join::Value);
            break;
        }
        let parenthesis =
            name_end > name.len() && line.text.get(name_end - name.len() - 1) == Some(&b'(');
        let before = cursor.pos;
        match value(name, &mut cursor, daemon, parenthesis) {
            Some(record) => {
                let at = ORDER.iter().position(|n| *n == name).unwrap_or(ORDER.len());
                if cursor.at_end() && line.text.len() >= 68 && !daemon && !line.last {
                    open = Some(Join::Hex(0));
                }
                pieces.push((at, record));
            }
            None => cursor.pos = before,
        }
    }
    if pieces.is_empty() {
        return open.map_or(Taken::No, Taken::More);
    }
    if let Some(join) = open {
        return Taken::More(join);
    }
    if daemon {
        return one_line(line, slots, &pieces);
    }
    if !slots.any(|slot| slot.format == Format::RasMcCtl && !slot.closed)
        && !pieces
            .iter()
            .any(|(_, r)| r.present().intersects(Present::STATUS | Present::MCGCAP))
    {
        return Taken::No;
    }
    for (at, piece) in pieces {
        let step = at as u16 + 1;
        let current = slots.newest(|slot| slot.format == Format::RasMcCtl && !slot.closed);
        match current {
            Some(slot) if slot.step < step && slot.lacks(piece.present()) => {
                slot.set(|record| record.or(&piece));
                slot.step = step;
                slot.touch(line);
            }
            _ => {
                slots.close(|slot| slot.format == Format::RasMcCtl);
                let slot = slots.begin(line, Format::RasMcCtl, piece);
                slot.step = step;
                message(line, slot);
            }
        }
    }
    Taken::Line
}

/// rasdaemon: everything is on the line.
fn one_line(line: &Line<'_>, slots: &mut Slots, pieces: &[(usize, Record)]) -> Taken {
    let mut record = Record::empty();
    for (_, piece) in pieces {
        record = record.or(piece);
    }
    if !record.present().contains(Present::STATUS) {
        return Taken::No;
    }
    let kind = between(line.text, b"cpu_type= ", b',').unwrap_or_default();
    if kind.starts_with(b"AMD") {
        record = record.with_vendor(Vendor::AMD);
    } else if kind.starts_with(b"Hygon") {
        record = record.with_vendor(Vendor::HYGON);
    } else if kind.starts_with(b"Intel") || kind.starts_with(b"Xeon") {
        record = record.with_vendor(Vendor::INTEL);
    }
    let slot = slots.begin(line, Format::Rasdaemon, record);
    slot.closed = true;
    if let Some(words) = between(line.text, b"mca=", b',') {
        keep(slot, TextKind::Message, words);
    }
    if let Some(words) = between(line.text, b"FRU Text= ", b',') {
        keep(slot, TextKind::Fru, words);
    }
    Taken::Line
}

/// ras-mc-ctl: what was zero is not printed; the fields that follow prove that it was reached.
pub(crate) fn complete(slot: &mut Slot) {
    let has = |part| slot.record.present().contains(part);
    let mut record = slot.record;
    if has(Present::CPUID) || has(Present::APICID) {
        if !has(Present::CPU) {
            record = record.with_cpu(0);
        }
        if !has(Present::APICID) {
            record = record.with_apicid(0);
        }
        if !has(Present::SOCKET) {
            record = record.with_socket(0);
        }
        if !has(Present::BANK) {
            record = record.with_bank(0);
        }
    }
    if has(Present::STATUS) && !has(Present::MCGSTATUS) {
        record = record.with_mcgstatus(McgStatus(0));
    }
    slot.record = record;
}

/// The words behind `error:` on this line or the ones before.
fn message(line: &Line<'_>, slot: &mut Slot) {
    let mut bytes = line.before.len() - line.before.trim_ascii_end().len();
    if let Some(words) = between(line.text, b" error: ", b',') {
        keep(slot, TextKind::Message, words);
        return;
    }
    for (up, text) in line.lines_before().take(6).enumerate() {
        bytes += text.len();
        if let Some(at) = memchr::memmem::find(text, b" error: ") {
            keep(
                slot,
                TextKind::Message,
                text.get(at + 8..).unwrap_or_default(),
            );
            slot.begin_at(line.start.saturating_sub(bytes as u64), up as u64 + 1);
            return;
        }
        bytes += 1;
    }
}

fn between<'a>(text: &'a [u8], name: &[u8], end: u8) -> Option<&'a [u8]> {
    let at = memchr::memmem::find(text, name)?;
    let mut cursor = Cursor::new(text.get(at + name.len()..)?);
    Some(cursor.until(end))
}

/// The last word before the equals sign.
fn name_before(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii_end();
    let from = text
        .iter()
        .rposition(|b| !b.is_ascii_alphanumeric() && *b != b'_')
        .map_or(0, |i| i + 1);
    text.get(from..).unwrap_or_default()
}

fn is_register(name: &[u8]) -> bool {
    ORDER.contains(&name)
}

/// The value of one name. `bank=` is hexadecimal in rasdaemon's line unless it stands in parentheses.
fn value(name: &[u8], cursor: &mut Cursor<'_>, daemon: bool, parenthesis: bool) -> Option<Record> {
    let empty = Record::empty();
    let number = |cursor: &mut Cursor<'_>| {
        if daemon {
            cursor.hex()
        } else {
            cursor.number()
        }
        .map(|n| n.value)
    };
    let count = |cursor: &mut Cursor<'_>| cursor.number().and_then(|n| u32::try_from(n.value).ok());
    Some(match name {
        b"mcgcap" => empty.with_mcgcap(McgCap(number(cursor)?)),
        b"mcgstatus" => empty.with_mcgstatus(McgStatus(number(cursor)?)),
        b"status" => empty.with_status(Status(number(cursor)?)),
        b"addr" => empty.with_addr(Addr(number(cursor)?)),
        b"misc" => empty.with_misc(Misc(number(cursor)?)),
        b"synd" => empty.with_synd(Synd(number(cursor)?)),
        b"ipid" => empty.with_ipid(Ipid(number(cursor)?)),
        b"ip" => empty.with_ip(number(cursor)?),
        b"tsc" => empty.with_tsc(number(cursor)?),
        b"walltime" => empty.with_time(number(cursor)?),
        b"ppin" => empty.with_ppin(Ppin(number(cursor)?)),
        b"cpu" => empty.with_cpu(count(cursor)?),
        b"cpuid" => empty.with_cpuid(CpuSignature(u32::try_from(number(cursor)?).ok()?)),
        b"apicid" => empty.with_apicid(u32::try_from(number(cursor)?).ok()?),
        b"socketid" => empty.with_socket(count(cursor)?),
        b"cs" => empty.with_cs(u8::try_from(number(cursor)?).ok()?),
        b"bank" if parenthesis => empty.with_bank(u8::try_from(count(cursor)?).ok()?),
        b"bank" => empty.with_bank(u8::try_from(number(cursor)?).ok()?),
        b"microcode" => empty.with_microcode(u32::try_from(number(cursor)?).ok()?),
        _ => return None,
    })
}
