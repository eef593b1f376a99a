//! A CPER processor section as the kernel prints it, for BERT and GHES (drivers/firmware/efi/cper-x86.c):
//! the APIC id, CPUID as a hex dump, and MSRs as an array of registers, `MSR Address: 0x…`, `Register Array:`.

use mcekit::CpuSignature;

use super::{Family, Taken, msr};
use crate::found::Format;
use crate::line::{Cursor, Line};
use crate::slots::{Dump, Slots};

pub(crate) const FAMILY: Family = Family {
    wakes: &["section_type:", "Local APIC_ID"],
    continues: &[
        "CPUID Info",
        "Register Context Type",
        "MSR Address:",
        "Register Array:",
    ],
    read,
};

/// Rows of CPUID.
const CPUID: u8 = 1;
/// Rows of MSRs.
const ARRAY: u8 = 2;

fn read(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let mut cursor = line.cursor();
    if cursor.eat(b"section_type:") {
        let words = cursor.rest();
        let x86 = [b"IA32".as_slice(), b"X64", b"x64"]
            .iter()
            .any(|word| memchr::memmem::find(words, word).is_some());
        slots.dump = Dump {
            x86,
            start: line.start,
            line: line.number,
            ..Dump::default()
        };
    } else if cursor.eat(b"Local APIC_ID") {
        if !slots.dump.x86 {
            slots.dump = Dump {
                x86: true,
                start: line.start,
                line: line.number,
                ..Dump::default()
            };
        }
        if let Some(id) = cursor.separator().hex()
            && let Ok(id) = u32::try_from(id.value)
        {
            slots.dump.processor = slots.dump.processor.with_apicid(id);
        }
    } else if cursor.eat(b"CPUID Info") {
        slots.dump.rows = CPUID;
        return Taken::Rows;
    } else if cursor.eat(b"Register Context Type") {
        // What follows may be no MSRs, and the kernel leaves out an array that it reported itself.
        slots.dump.msr = None;
    } else if cursor.eat(b"MSR Address:") {
        slots.dump.msr = cursor.separator().hex().map(|n| n.value);
    } else if cursor.eat(b"Register Array:") {
        if slots.dump.msr.is_none() {
            return Taken::No;
        }
        slots.dump.rows = ARRAY;
        return Taken::Rows;
    }
    Taken::Line
}

/// Reads `… 00000010: 0000000000000000 d010000000000000`; false where the line is no row.
pub(crate) fn row(line: &Line<'_>, slots: &mut Slots) -> bool {
    let Some((offset, words)) = split(line.text) else {
        if slots.dump.rows == ARRAY {
            // The next array has an address of its own, or none.
            slots.dump.msr = None;
        }
        slots.dump.rows = 0;
        return false;
    };
    let mut cursor = Cursor::new(words);
    if slots.dump.rows == CPUID {
        if offset == 0
            && let Some(eax) = cursor.blanks().hex()
            && let Ok(eax) = u32::try_from(eax.value)
            && eax != 0
        {
            slots.dump.processor = slots.dump.processor.with_cpuid(CpuSignature(eax));
        }
        return true;
    }
    let mut values = Vec::with_capacity(2);
    let mut half = None;
    while let Some(word) = cursor.blanks().hex() {
        if word.digits == 16 {
            values.push(word.value);
        } else if word.digits == 8 {
            // Registers printed as two halves, the low one first.
            match half.take() {
                None => half = Some(word.value),
                Some(low) => values.push(word.value << 32 | low),
            }
        }
    }
    let Some(first) = slots.dump.msr.and_then(|msr| msr.checked_add(offset / 8)) else {
        return true;
    };
    extend(line, slots, first, &values);
    true
}

/// Puts the registers of one row into the record of their bank.
fn extend(line: &Line<'_>, slots: &mut Slots, first: u64, values: &[u64]) {
    for (index, value) in (0..).zip(values) {
        let register = first
            .checked_add(index)
            .and_then(|msr| msr::one(msr, *value));
        let Some((bank, record)) = register else {
            continue;
        };
        let (start, number) = (slots.dump.start, slots.dump.line);
        let processor = slots.dump.processor;
        let open =
            slots.newest(|slot| slot.format == Format::Cper && !slot.closed && slot.start == start);
        let slot = match open {
            Some(slot) if slot.record.bank() == Some(bank) => slot,
            _ => {
                slots.close(|slot| slot.format == Format::Cper);
                let slot = slots.begin(line, Format::Cper, processor.with_bank(bank));
                slot.begin_at(start, line.number.saturating_sub(number));
                slot
            }
        };
        slot.set(|old| record.or(&old));
        slot.touch(line);
    }
}

/// The offset and the words of a row: the last `hex: ` on the line.
fn split(text: &[u8]) -> Option<(u64, &[u8])> {
    let colon = memchr::memmem::rfind(text, b": ")?;
    let head = text.get(..colon)?;
    let from = head
        .iter()
        .rposition(|b| !b.is_ascii_hexdigit())
        .map_or(0, |i| i + 1);
    let mut cursor = Cursor::new(head.get(from..)?);
    let offset = cursor.hex().filter(|n| n.digits == 8)?;
    let words = text.get(colon + 2..)?;
    let mut probe = Cursor::new(words);
    probe.blanks().hex().filter(|n| n.digits >= 8)?;
    Some((offset.value, words))
}
