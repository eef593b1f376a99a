//! What edac_mce_amd prints for AMD and Hygon processors (drivers/edac/mce_amd.c), Linux 2.6.32 to today.
//!
//! `CPU:n (family:model:stepping) MCb_STATUS[flags]: 0x…`, with 6 to 11 flags by kernel and family; then
//! `Error Addr: 0x…` (once `MCb_ADDR: 0x…`), `PPIN: 0x…`, `TSC: decimal`,
//! `IPID: 0x…, Syndrome: 0x…`, `Unit Ext. Error Code: n, text`, `cache level: …`. A sentence about the
//! severity stands before it, and in old kernels the words for the error too.

use mcekit::{Addr, CpuSignature, Ipid, Misc, Ppin, Present, Record, Status, Synd, Vendor};

use super::{Family, Taken};
use crate::found::{Format, TextKind};
use crate::join::Join;
use crate::line::{Cursor, Line, find, keep, trailing_dec};
use crate::slots::{Slot, Slots, Stage};

pub(crate) const FAMILY: Family = Family {
    wakes: &["_STATUS"],
    continues: &[
        "Error Addr",
        "_ADDR: ",
        "_MISC: ",
        "IPID: ",
        "PPIN: ",
        "TSC: ",
        "Ext. Error Code",
        "cache level:",
        "FRU Text: ",
    ],
    read: |line, slots| {
        if line.cursor().rest().starts_with(b"_STATUS") {
            status(line, slots)
        } else {
            body(line, slots)
        }
    },
};

/// Reads the line around `MCb_STATUS`.
fn status(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let Some((head, bank)) = trailing_dec(line.prefix()) else {
        return Taken::No;
    };
    let Ok(bank) = u8::try_from(bank) else {
        return Taken::No;
    };
    let Some(head) = head
        .strip_suffix(b"MC")
        .or_else(|| head.strip_suffix(b"mc"))
    else {
        return Taken::No;
    };
    if head.ends_with(b"IA32_") {
        return Taken::No;
    }
    let mut cursor = line.cursor();
    cursor.eat(b"_STATUS");
    let flags = cursor.rest().starts_with(b"[");
    if flags {
        cursor.until(b']');
    }
    cursor.separator();
    if cursor.at_end() {
        return if line.last {
            Taken::No
        } else {
            Taken::More(Join::Value)
        };
    }
    let Some(value) = cursor.hex() else {
        return Taken::No;
    };
    if value.at_end && value.digits < 16 && !line.last {
        return Taken::More(Join::Hex(16 - value.digits as u8));
    }
    let mut record = Record::new(bank, Status(value.value));
    let processor = processor(head, record);
    let decoded = flags || processor.is_some();
    if let Some(with) = processor {
        record = with;
    }
    if !decoded {
        // A register by its name: a dump, or a person. Only what is an error by itself.
        if !record.status().val() || value.digits != 16 {
            return Taken::No;
        }
        let slot = slots.begin(line, Format::Typed, record);
        super::typed::more(&mut cursor, slot);
        return Taken::Line;
    }
    if record.vendor().is_none() {
        record = record.with_vendor(Vendor::AMD);
    }
    let slot = slots.begin(line, Format::EdacMceAmd, record);
    slot.stage = Stage::Free;
    preface(line, slot, bank);
    Taken::Line
}

/// `CPU:n`, with `(family:model:stepping)` in all but the oldest kernels.
fn processor(head: &[u8], record: Record) -> Option<Record> {
    let mut places = memchr::memrchr_iter(b'C', head);
    let at = places.find(|&at| head.get(at..).is_some_and(|rest| rest.starts_with(b"CPU")))?;
    let mut cursor = Cursor::new(head.get(at + 3..)?);
    cursor.separator();
    let cpu = u32::try_from(cursor.dec()?.value).ok()?;
    let mut record = record.with_cpu(cpu);
    cursor.blanks();
    if cursor.eat(b"(")
        && let Some(family) = cursor.hex()
        && cursor.eat(b":")
        && let Some(model) = cursor.hex()
        && cursor.eat(b":")
        && let Some(stepping) = cursor.hex()
        && let (Ok(family), Ok(model), Ok(stepping)) = (
            u16::try_from(family.value),
            u8::try_from(model.value),
            u8::try_from(stepping.value),
        )
    {
        let vendor = if family == 0x18 {
            Vendor::HYGON
        } else {
            Vendor::AMD
        };
        record = record
            .with_cpuid(CpuSignature::new(family, model, stepping))
            .with_vendor(vendor);
    }
    Some(record)
}

/// The sentences that stand before the status.
fn preface(line: &Line<'_>, slot: &mut Slot, bank: u8) {
    let mut bytes = line.before.len() - line.before.trim_ascii_end().len();
    for (up, text) in line.lines_before().take(8).enumerate() {
        if find(text, b"_STATUS").is_some() {
            break;
        }
        bytes += text.len();
        let start = line.start.saturating_sub(bytes as u64);
        let up = up as u64 + 1;
        if let Some(severity) = severity(text) {
            keep(slot, TextKind::Severity, severity);
            slot.begin_at(start, up);
            if !severity_precedes_old_text(text) {
                break;
            }
        } else if let Some(message) = message(text, bank) {
            keep(slot, TextKind::Message, message);
            slot.begin_at(start, up);
            break;
        }
        bytes += 1;
    }
}

/// Kernels that print `Error Status:` print the words for the error before it.
fn severity_precedes_old_text(text: &[u8]) -> bool {
    find(text, b"Error Status:").is_some()
}

/// The sentence about the severity in a line.
fn severity(text: &[u8]) -> Option<&[u8]> {
    const SENTENCES: &[&[u8]] = &[
        b"Corrected error, ",
        b"Deferred error, ",
        b"System Fatal error",
        b"Uncorrected, software ",
        b"Uncorrected error",
    ];
    let mut colons = memchr::memrchr_iter(b':', text);
    let from = colons.find(|&at| text.get(at + 1) == Some(&b' '));
    let words = text.get(from.map_or(0, |at| at + 2)..)?.trim_ascii();
    SENTENCES
        .iter()
        .any(|sentence| words.starts_with(sentence))
        .then_some(words)
}

/// The words behind `MCb Error`, without a second console prefix.
fn message(text: &[u8], bank: u8) -> Option<&[u8]> {
    let at = memchr::memchr_iter(b' ', text).find(|&at| {
        let (unit, rest) = text.split_at(at);
        rest.starts_with(b" Error")
            && trailing_dec(unit)
                .is_some_and(|(head, n)| n == u64::from(bank) && head.ends_with(b"MC"))
    })?;
    let mut cursor = Cursor::new(text.get(at + b" Error".len()..)?);
    cursor.blanks();
    if cursor.eat(b"(") {
        cursor.until(b')');
    }
    cursor.eat(b":");
    let words = cursor.rest();
    let words = match find(words, b"[Hardware Error]: ") {
        Some(at) => words.get(at + 18..)?,
        None => words,
    };
    (!words.trim_ascii().is_empty()).then_some(words)
}

/// The order of the lines behind the status.
const ADDR: u16 = 1;
const COUNTERS: u16 = 2;
const IPID: u16 = 3;
const CODE: u16 = 4;
const CACHE: u16 = 5;

/// Reads one of the lines behind the status.
fn body(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let mut cursor = line.cursor();
    let mut record = Record::empty();
    let mut text = None;
    let mut bank = None;
    let step;
    if cursor.eat(b"Error Addr") || cursor.eat(b"_ADDR") {
        step = ADDR;
        bank = trailing_dec(line.prefix()).map(|(_, bank)| bank);
        match cursor.separator().hex() {
            Some(n) => record = record.with_addr(Addr(n.value)),
            None => return Taken::No,
        }
    } else if cursor.eat(b"_MISC") {
        step = ADDR;
        bank = trailing_dec(line.prefix()).map(|(_, bank)| bank);
        match cursor.separator().hex() {
            Some(n) => record = record.with_misc(Misc(n.value)),
            None => return Taken::No,
        }
    } else if cursor.eat(b"IPID: ") {
        step = IPID;
        match cursor.hex() {
            Some(n) => record = record.with_ipid(Ipid(n.value)),
            None => return Taken::No,
        }
        if cursor.eat(b", Syndrome:")
            && let Some(n) = cursor.separator().hex()
        {
            record = record.with_synd(Synd(n.value));
        }
    } else if cursor.eat(b"PPIN: ") {
        step = COUNTERS;
        match cursor.hex() {
            Some(n) => record = record.with_ppin(Ppin(n.value)),
            None => return Taken::No,
        }
    } else if cursor.eat(b"TSC: ") {
        step = COUNTERS;
        match cursor.dec() {
            Some(n) => record = record.with_tsc(n.value),
            None => return Taken::No,
        }
    } else if cursor.eat(b"FRU Text: ") {
        step = IPID;
        text = Some((TextKind::Fru, cursor.rest()));
    } else if cursor.rest().starts_with(b"cache level:") {
        step = CACHE;
        text = Some((TextKind::Transaction, cursor.rest()));
    } else if cursor.eat(b"Ext. Error Code") {
        step = CODE;
        cursor.separator().dec();
        text = Some((TextKind::Message, cursor.rest()));
    } else {
        return Taken::No;
    }
    let parts = record.present();
    let chosen = slots.choose(line, |slot| {
        if !matches!(slot.format, Format::EdacMceAmd | Format::Typed)
            || !slot.lacks(parts)
            || slot.step > step
            || (slot.step == step && parts.is_empty() && step != IPID)
            || bank.is_some_and(|bank| slot.record.bank().map(u64::from) != Some(bank))
        {
            return None;
        }
        let status = slot.record.status();
        let expected = match step {
            ADDR => status.addrv(),
            IPID => slot.record.is_smca() || slot.record.cpuid().is_none(),
            _ => true,
        };
        Some(if expected { 3 } else { 1 })
    });
    let Some(slot) = chosen else {
        return Taken::No;
    };
    slot.record = slot.record.or(&record);
    slot.step = step;
    slot.touch(line);
    if step == CODE {
        let unit = line.prefix();
        let from = unit.iter().rposition(|&b| b == b':').map_or(0, |i| i + 1);
        keep(slot, TextKind::Unit, unit.get(from..).unwrap_or_default());
    }
    if let Some((kind, words)) = text {
        keep(slot, kind, words);
    }
    if step == CACHE {
        if slot.lacks_text(TextKind::Message)
            && let Some(bank) = slot.record.bank()
        {
            let words = line
                .lines_before()
                .take(3)
                .find_map(|text| message(text, bank));
            if let Some(words) = words {
                keep(slot, TextKind::Message, words);
            }
        }
        slot.closed = true;
    }
    if parts.contains(Present::IPID) && slot.record.ipid() == Some(Ipid(0)) {
        slot.set(|record| record.without(Present::IPID));
    }
    Taken::Line
}
