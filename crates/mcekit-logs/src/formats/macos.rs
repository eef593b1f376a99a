//! The report in a panic of macOS on Intel processors (xnu, osfmk/i386/machine_check.c):
//! `Machine-check capabilities…: 0x…`, ` family: 6 model: 126 stepping: 5 microcode: 160`, ` signature: 0x…`,
//! `Processor n: IA32_MCG_STATUS: 0x…`, ` IA32_MCb_STATUS(0x…): 0x…`, `…_ADDR…`, `…_MISC…`.

use mcekit::{Addr, CpuSignature, McgCap, McgStatus, Misc, Present, Record, Status, Vendor};

use super::{Family, Taken};
use crate::found::Format;
use crate::line::{Cursor, Line};
use crate::slots::Slots;

pub(crate) const FAMILY: Family = Family {
    wakes: &["IA32_MC", "Machine-check "],
    continues: &["signature: 0x", "stepping: "],
    read,
};

fn read(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let mut cursor = line.cursor();
    if cursor.eat(b"Machine-check ") {
        return machine(line, slots, &mut cursor);
    }
    if cursor.eat(b"signature: ") {
        return match cursor.hex().and_then(|n| u32::try_from(n.value).ok()) {
            Some(n) => describe(slots, line, |r| r.with_cpuid(CpuSignature(n))),
            None => Taken::No,
        };
    }
    if cursor.rest().starts_with(b"stepping: ") {
        return family(line, slots);
    }
    cursor.eat(b"IA32_MC");
    if cursor.eat(b"G_STATUS") {
        return global(line, slots, &mut cursor);
    }
    let number = cursor.bytes.get(cursor.pos..).unwrap_or_default();
    let digits = number.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut bank = Cursor::new(number.get(..digits).unwrap_or_default());
    let Some(bank) = bank.dec().and_then(|n| u8::try_from(n.value).ok()) else {
        return Taken::No;
    };
    cursor.pos += digits;
    let register = cursor.word();
    if cursor.peek() == Some(b'(') {
        cursor.until(b')');
    }
    cursor.separator();
    let Some(value) = cursor.hex() else {
        return Taken::No;
    };
    if register == b"_STATUS" {
        let record = Record::new(bank, Status(value.value));
        if !record.status().val() {
            // Old versions list every bank, with `invalid`.
            return Taken::Line;
        }
        let context = slots.context;
        let known = context.until >= line.number && context.format == Some(Format::MacOs);
        let record = if known {
            record.or(&context.record)
        } else {
            record
        };
        slots.close(|slot| slot.format == Format::MacOs);
        let format = if known { Format::MacOs } else { Format::Typed };
        slots.begin(line, format, record);
        slots.context.until = line.number + crate::slots::HOLD_LINES;
        return Taken::Line;
    }
    let record = match register {
        b"_ADDR" => Record::empty().with_addr(Addr(value.value)),
        b"_MISC" => Record::empty().with_misc(Misc(value.value)),
        _ => return Taken::No,
    };
    let slot = slots.newest(|slot| {
        matches!(slot.format, Format::MacOs | Format::Typed)
            && !slot.closed
            && slot.record.bank() == Some(bank)
            && slot.lacks(record.present())
    });
    let Some(slot) = slot else { return Taken::No };
    slot.set(|old| old.or(&record));
    slot.touch(line);
    Taken::Line
}

/// `capabilities[ (cpu n)] 0x…:` and `status 0x…`.
fn machine(line: &Line<'_>, slots: &mut Slots, cursor: &mut Cursor<'_>) -> Taken {
    if cursor.eat(b"capabilities") {
        let mut record = Record::empty().with_vendor(Vendor::INTEL);
        if cursor.blanks().eat(b"(cpu ") {
            if let Some(cpu) = cursor.dec().and_then(|n| u32::try_from(n.value).ok()) {
                record = record.with_cpu(cpu);
            }
            cursor.until(b')');
        }
        let Some(cap) = cursor.separator().hex() else {
            return Taken::No;
        };
        slots.announce(line, Format::MacOs, record.with_mcgcap(McgCap(cap.value)));
        return Taken::Line;
    }
    if cursor.eat(b"status")
        && let Some(status) = cursor.separator().hex()
    {
        return describe(slots, line, |r| r.with_mcgstatus(McgStatus(status.value)));
    }
    Taken::No
}

/// `Processor n: IA32_MCG_STATUS: 0x…`.
fn global(line: &Line<'_>, slots: &mut Slots, cursor: &mut Cursor<'_>) -> Taken {
    let Some(status) = cursor.separator().hex() else {
        return Taken::No;
    };
    let prefix = line.prefix();
    let cpu = memchr::memmem::rfind(prefix, b"Processor ")
        .and_then(|at| Cursor::new(prefix.get(at + 10..)?).dec())
        .and_then(|n| u32::try_from(n.value).ok());
    let context = slots.context;
    if context.format != Some(Format::MacOs) || context.until < line.number {
        slots.announce(
            line,
            Format::MacOs,
            Record::empty().with_vendor(Vendor::INTEL),
        );
    }
    describe(slots, line, |record| {
        let record = record.without(Present::CPU);
        let record = record.with_mcgstatus(McgStatus(status.value));
        cpu.map_or(record, |cpu| record.with_cpu(cpu))
    })
}

/// `family: 6 model: 126 stepping: 5 microcode: 160`, all in decimal.
fn family(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let number = |name: &[u8]| {
        let at = memchr::memmem::find(line.text, name)?;
        let mut cursor = Cursor::new(line.text.get(at + name.len()..)?);
        cursor.separator().dec().map(|n| n.value)
    };
    let (Some(family), Some(model), Some(stepping)) =
        (number(b"family"), number(b"model"), number(b"stepping"))
    else {
        return Taken::No;
    };
    let (Ok(family), Ok(model), Ok(stepping)) = (
        u16::try_from(family),
        u8::try_from(model),
        u8::try_from(stepping),
    ) else {
        return Taken::No;
    };
    let microcode = number(b"revision")
        .or_else(|| number(b"microcode"))
        .and_then(|n| u32::try_from(n).ok());
    describe(slots, line, |record| {
        let record = record.with_cpuid(CpuSignature::new(family, model, stepping));
        microcode.map_or(record, |n| record.with_microcode(n))
    })
}

/// Adds to what the report says about the processor.
fn describe(slots: &mut Slots, line: &Line<'_>, change: impl FnOnce(Record) -> Record) -> Taken {
    let context = &mut slots.context;
    if context.format != Some(Format::MacOs) || context.until < line.number {
        return Taken::No;
    }
    context.record = change(context.record);
    context.until = line.number + crate::slots::HOLD_LINES;
    Taken::Line
}
