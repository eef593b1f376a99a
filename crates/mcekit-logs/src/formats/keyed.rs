//! Fields as `NAME value` in any order: the kernel's raw lines and mcelog's text share the names.
//!
//! Kernel: `RIP[ !INEXACT!] cs:<ip> {symbol}`, `TSC t ADDR a MISC m [PPIN p] [SYND s IPID i]`,
//! `PROCESSOR v:cpuid TIME t SOCKET s APIC a microcode m` (arch/x86/kernel/cpu/mce/core.c).
//! mcelog: `CPU n BANK b TSC t`, `MISC m ADDR a`, `TIME t`, `STATUS s MCGSTATUS g`,
//! `MCGCAP c APICID a SOCKETID s`, `CPUID Vendor v Family f Model m`; `--raw` has one field a line and `0x`.

use mcekit::{Addr, McgCap, Misc, Present};

use super::fields::{self, Fields, small};
use super::{Family, Taken};
use crate::found::Format;
use crate::line::{Cursor, Line};
use crate::slots::{Slot, Slots, Stage};

pub(crate) const FAMILY: Family = Family {
    wakes: &["BANK ", "STATUS ", "PROCESSOR "],
    continues: &[
        "TSC ",
        "ADDR ",
        "MISC ",
        "RIP ",
        "TIME ",
        "PPIN ",
        "SYND ",
        "SYND1 ",
        "SYND2 ",
        "IPID ",
        "SOCKET ",
        "SOCKETID ",
        "APIC ",
        "APICID ",
        "MCGCAP ",
        "MCGSTATUS ",
        "microcode ",
        "MICROCODE ",
        "CPUID Vendor",
        "THERMAL EVENT",
        "northbridge",
        "data cache",
        "instruction cache",
        "bus unit",
        "load/store unit",
        "fixed-issue",
    ],
    read,
};

/// What can stand behind the processor's signature.
const TRAILING: Present = Present::SOCKET
    .union(Present::APICID)
    .union(Present::MICROCODE)
    .union(Present::PPIN)
    .union(Present::TIME);

/// How far a record of mcelog has come, where CPUID was read.
const ENDED: u16 = 1;

/// Reads a line of fields and finds the record that it belongs to.
pub(crate) fn read(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let mut cursor = line.cursor();
    let mut header = false;
    // mcelog's first line: the anchor is the bank's, the processor's number stands before it.
    if let Some(at) = memchr::memmem::rfind(line.prefix(), b"CPU ") {
        let between = line.text.get(at + 4..line.at).unwrap_or_default();
        if between.len() < 16 && between.iter().all(|b| b.is_ascii_digit() || *b == b' ') {
            cursor.pos = at;
            header = true;
        }
    }
    if let Some(byte) = cursor.pos.checked_sub(1).and_then(|i| line.text.get(i))
        && (byte.is_ascii_alphanumeric() || *byte == b'_')
        && !header
        && !glued(line)
    {
        return Taken::No;
    }
    let fields = fields::read(&mut cursor, line);
    if let Some(join) = fields.join
        && !line.last
    {
        return Taken::More(join);
    }
    if !fields.any() {
        return Taken::No;
    }
    place(line, slots, &fields)
}

/// Whether the anchor is a name right behind a full status: `…0813TSC`.
fn glued(line: &Line<'_>) -> bool {
    line.prefix()
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_hexdigit())
        .count()
        >= 16
}

fn place(line: &Line<'_>, slots: &mut Slots, fields: &Fields<'_>) -> Taken {
    let parts = fields.record.present();
    if parts.contains(Present::BANK) {
        begin_mcelog(line, slots, fields);
        return Taken::Line;
    }
    let kernel_line = memchr::memmem::find(line.prefix(), b"[Hardware Error]").is_some()
        || memchr::memmem::find(line.prefix(), b"EDAC ").is_some();
    let chosen = slots.choose(line, |slot| match slot.stage {
        // Behind CPUID only mcelog's very last line can come; it says socket and APIC ID again.
        Stage::Free if slot.step == ENDED && is_mcelog(slot) => (!kernel_line
            && slot.last_line + 2 >= line.number
            && TRAILING.contains(parts)
            && slot.agrees(&fields.record))
        .then_some(9),
        Stage::Free => (!kernel_line
            && matches!(
                slot.format,
                Format::Mcelog | Format::McelogRaw | Format::Typed
            )
            && slot.lacks(parts))
        .then_some(9),
        stage => {
            if !slot.lacks(parts) || fields.tsc && slot.tsc_seen {
                return None;
            }
            if parts.contains(Present::CPUID) {
                return Some(if stage == Stage::Registers { 3 } else { 1 });
            }
            if slot.has(Present::CPUID) {
                return TRAILING.contains(parts).then_some(2);
            }
            if parts.contains(Present::IP) {
                return (stage == Stage::Header).then_some(3);
            }
            let status = slot.record.status();
            let mut fit = 1;
            if fields.tsc {
                fit += u8::from(parts.contains(Present::ADDR) == status.addrv());
                fit += u8::from(parts.contains(Present::MISC) == status.miscv());
            }
            Some(fit)
        }
    });
    if let Some(slot) = chosen {
        fields.put(slot);
        slot.touch(line);
        if slot.stage == Stage::Free && is_mcelog(slot) {
            slot.closed |= slot.step == ENDED && parts.contains(Present::MICROCODE);
            if fields.ends {
                slot.step = ENDED;
            }
        } else if slot.stage == Stage::Free {
            slot.closed |= fields.ends;
        }
        let addr = slot.record.addr().filter(|_| slot.format == Format::Edac);
        if let Some(addr) = addr {
            remember(slots, addr);
        }
        return Taken::Line;
    }
    if parts.contains(Present::STATUS) {
        // mcelog's text without its first line. What a person types is read elsewhere.
        if !fields.record.status().val() || !parts.intersects(Present::MCGSTATUS) {
            return Taken::No;
        }
        begin_mcelog(line, slots, fields);
        return Taken::Line;
    }
    // The kernel's lines without their header.
    if kernel_line
        && (parts.contains(Present::CPUID) || fields.tsc && parts.contains(Present::ADDR))
    {
        let slot = slots.begin(line, Format::Linux, fields.record);
        slot.stage = Stage::Registers;
        return Taken::Line;
    }
    Taken::No
}

fn is_mcelog(slot: &Slot) -> bool {
    matches!(slot.format, Format::Mcelog | Format::McelogRaw)
}

fn begin_mcelog(line: &Line<'_>, slots: &mut Slots, fields: &Fields<'_>) {
    let parts = fields.record.present();
    let raw = fields.raw && !parts.contains(Present::CPU);
    let format = if raw {
        Format::McelogRaw
    } else {
        Format::Mcelog
    };
    slots.close(|slot| slot.stage == Stage::Free && is_mcelog(slot));
    let slot = slots.begin(line, format, fields.record);
    fields.put(slot);
    // `--raw` has the processor's number on the line before.
    if raw
        && let Some(before) = line.lines_before().next()
        && let Some(at) = memchr::memmem::rfind(before, b"CPU ")
    {
        let mut cursor = Cursor::new(before.get(at + 4..).unwrap_or_default());
        if let Some(cpu) = small(&mut cursor)
            && cursor.at_end()
        {
            slot.set(|record| record.with_cpu(cpu));
            let length =
                (line.before.len() - line.before.trim_ascii_end().len()) + before.len() - at;
            let start = line.start.saturating_sub(length as u64);
            slot.begin_at(start, 1);
        }
    }
}

/// Remembers an address that EDAC's own line will name.
pub(crate) fn remember(slots: &mut Slots, addr: Addr) {
    if slots.edac_seen.back() == Some(&addr.0) {
        return;
    }
    if slots.edac_seen.len() == 32 {
        slots.edac_seen.pop_front();
    }
    slots.edac_seen.push_back(addr.0);
}

/// `mcelog --raw` prints every field, whether it is valid or not; zero means that it is not there.
pub(crate) fn complete(slot: &mut Slot) {
    let record = slot.record;
    let status = record.status();
    let mut absent = Present::empty();
    if record.addr() == Some(Addr(0)) && !status.addrv() {
        absent |= Present::ADDR;
    }
    if record.misc() == Some(Misc(0)) && !status.miscv() {
        absent |= Present::MISC;
    }
    if record.mcgcap() == Some(McgCap(0)) {
        absent |= Present::MCGCAP;
    }
    if record.time() == Some(0) {
        absent |= Present::TIME;
    }
    slot.record = record.without(absent);
}
