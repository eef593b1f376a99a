//! Windows: the parameters of bug check 0x124 (WHEA_UNCORRECTABLE_ERROR) and 0x9c (MACHINE_CHECK_EXCEPTION) as
//! `!analyze` or the event log print them, `!errrec`'s machine-check section, and the data of WHEA-Logger events.
//!
//! Parameter 3 is the high half of MCi_STATUS and parameter 4 the low one; parameter 1 is 0 for a machine check
//! of 0x124, and the bank of 0x9c (Microsoft, "Bug Check Code Reference").

use mcekit::{Addr, CpuSignature, Misc, Present, Record, Status, Vendor};

use super::{Family, Taken};
use crate::found::{Format, TextKind};
use crate::line::{Cursor, Line, keep};
use crate::slots::Slots;

pub(crate) const FAMILY: Family = Family {
    wakes: &[
        "WHEA_UNCORRECTABLE_ERROR",
        "MACHINE_CHECK_EXCEPTION",
        "Arg1: ",
        "BugCheck ",
        "0x00000124",
        "0x0000009",
        "x64 MCA",
        "(Proc ",
        "MciStat",
        "MCABank",
    ],
    continues: &[
        "Arg3: ",
        "Arg4: ",
        "Status  ",
        "Address  ",
        "Misc.  ",
        "CPU Id  ",
        "MciAddr",
        "MciMisc",
        "ApicId",
        "GenuineIntel",
        "AuthenticAMD",
    ],
    read,
};

fn read(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let mut cursor = line.cursor();
    let name = cursor.word();
    match name {
        b"Arg1" | b"Arg3" | b"Arg4" => argument(line, slots, name, &mut cursor),
        b"BugCheck" | b"0x00000124" => parameters(line, slots, name, &mut cursor),
        b"MciStat" | b"MciAddr" | b"MciMisc" | b"MCABank" | b"ApicId" => {
            event(line, slots, name, &mut cursor)
        }
        b"Status" | b"Address" | b"Misc" | b"CPU" => section(line, slots, name, &mut cursor),
        b"GenuineIntel" | b"AuthenticAMD" => vendor(line, slots, name),
        b"" => processor(line, slots, &mut cursor),
        _ if name.starts_with(b"0x0000009") => parameters(line, slots, name, &mut cursor),
        b"MACHINE_CHECK_EXCEPTION" => {
            slots.dump.rows = 0;
            Taken::No
        }
        _ => Taken::No,
    }
}

/// `Arg3: 00000000be000000, High order 32-bits of the MCi_STATUS value.`
fn argument(line: &Line<'_>, slots: &mut Slots, name: &[u8], cursor: &mut Cursor<'_>) -> Taken {
    let Some(value) = cursor.separator().hex() else {
        return Taken::No;
    };
    if name == b"Arg1" {
        let bugcheck = |name: &[u8]| {
            memchr::memmem::find(line.before, name).is_some()
                || memchr::memmem::find(line.text, name).is_some()
        };
        let old = bugcheck(b"MACHINE_CHECK_EXCEPTION") || bugcheck(b"MCA_EXCEPTION");
        let machine = memchr::memmem::find(cursor.rest(), b"Machine Check").is_some()
            || bugcheck(b"WHEA_UNCORRECTABLE_ERROR") && value.value == 0;
        if !old && !machine {
            return Taken::No;
        }
        let mut record = Record::empty();
        if old
            && !machine
            && let Ok(bank) = u8::try_from(value.value)
        {
            record = record.with_bank(bank);
        }
        slots.close(|slot| slot.format == Format::WinDbg);
        slots.begin(line, Format::WinDbg, record);
        return Taken::Line;
    }
    let step = if name == b"Arg3" { 3 } else { 4 };
    let slot = slots.newest(|slot| slot.format == Format::WinDbg && !slot.closed);
    let Some(slot) = slot else { return Taken::No };
    let Some(half) = u32::try_from(value.value).ok() else {
        return Taken::No;
    };
    if step == 3 && slot.step == 0 {
        slot.step = 3;
        slot.high = half;
    } else if step == 4 && slot.step == 3 {
        slot.step = 4;
        let status = u64::from(slot.high) << 32 | u64::from(half);
        if status != 0 {
            slot.set(|record| record.with_status(Status(status)));
        }
    } else {
        return Taken::No;
    }
    slot.touch(line);
    Taken::Line
}

/// `BugCheck 124, {0, fffffa8009e66028, be200000, 5110a}`,
/// `0x00000124 (0x0000000000000000, 0xffff…, 0x00000000bea00000, 0x0000000000000108)`.
fn parameters(line: &Line<'_>, slots: &mut Slots, name: &[u8], cursor: &mut Cursor<'_>) -> Taken {
    let code = if name == b"BugCheck" {
        cursor.blanks().hex().map(|n| n.value)
    } else {
        Cursor::new(name).hex().map(|n| n.value)
    };
    let Some(code @ (0x124 | 0x9c)) = code else {
        return Taken::No;
    };
    while matches!(cursor.peek(), Some(b' ' | b',' | b'{' | b'(' | b':')) {
        cursor.pos += 1;
    }
    let mut values = [0; 4];
    for value in &mut values {
        match cursor.hex() {
            Some(n) => *value = n.value,
            None => return Taken::No,
        }
        while matches!(cursor.peek(), Some(b' ' | b',')) {
            cursor.pos += 1;
        }
    }
    let [first, _, high, low] = values;
    let (Ok(high), Ok(low)) = (u32::try_from(high), u32::try_from(low)) else {
        return Taken::No;
    };
    let status = Status(u64::from(high) << 32 | u64::from(low));
    if !status.val() || code == 0x124 && first != 0 {
        return Taken::No;
    }
    let mut record = Record::empty().with_status(status);
    if code == 0x9c
        && let Ok(bank) = u8::try_from(first)
    {
        record = record.with_bank(bank);
    }
    // `!analyze` repeats the line's parameters as arguments.
    slots.close(|slot| slot.format == Format::WinDbg);
    slots.begin(line, Format::WinDbg, record).step = 4;
    Taken::Line
}

/// `<Data Name="MciStat">0xbea0000000000108</Data>`, `MciStat 0xbea0000000000108`.
fn event(line: &Line<'_>, slots: &mut Slots, name: &[u8], cursor: &mut Cursor<'_>) -> Taken {
    while matches!(
        cursor.peek(),
        Some(b' ' | b'\t' | b'"' | b'\'' | b'>' | b':' | b'=' | b',')
    ) {
        cursor.pos += 1;
    }
    let Some(value) = cursor.number() else {
        return Taken::No;
    };
    let value = value.value;
    let empty = Record::empty();
    let record = match name {
        b"MciStat" => Some(empty.with_status(Status(value))),
        b"MciAddr" => Some(empty.with_addr(Addr(value))),
        b"MciMisc" => Some(empty.with_misc(Misc(value))),
        b"MCABank" => u8::try_from(value).ok().map(|n| empty.with_bank(n)),
        _ => u32::try_from(value).ok().map(|n| empty.with_apicid(n)),
    };
    let Some(record) = record else {
        return Taken::No;
    };
    let start = line.start + line.at as u64;
    let end = line.start + cursor.pos as u64;
    let parts = record.present();
    // The APIC id is the first of them.
    let first = parts.contains(Present::APICID);
    let slot = slots.newest(|slot| slot.format == Format::Whea && !slot.closed);
    match slot {
        Some(slot) if !first && slot.lacks(parts) => {
            slot.set(|old| old.or(&record));
            slot.end = end;
            slot.last_line = line.number;
        }
        _ => {
            slots.close(|slot| slot.format == Format::Whea);
            let slot = slots.begin(line, Format::Whea, record);
            slot.start = start;
            slot.end = end;
        }
    }
    Taken::To(cursor.pos)
}

/// `Error         : Internal timer (Proc 2 Bank 3)` in `!errrec`.
fn processor(line: &Line<'_>, slots: &mut Slots, cursor: &mut Cursor<'_>) -> Taken {
    if !cursor.eat(b"(Proc ") {
        return Taken::No;
    }
    let cpu = cursor.dec().and_then(|n| u32::try_from(n.value).ok());
    let Some(cpu) = cpu else { return Taken::No };
    if !cursor.eat(b" Bank ") {
        return Taken::No;
    }
    let bank = cursor.dec().and_then(|n| u8::try_from(n.value).ok());
    let Some(bank) = bank else { return Taken::No };
    let mut record = Record::empty().with_cpu(cpu).with_bank(bank);
    if slots.context.format == Some(Format::WinDbg) && slots.context.until >= line.number {
        record = record.or(&slots.context.record);
    }
    slots.close(|slot| slot.format == Format::WinDbg);
    let slot = slots.begin(line, Format::WinDbg, record);
    slot.step = 5;
    let words = line.prefix();
    let from = memchr::memchr(b':', words).map_or(0, |i| i + 1);
    keep(
        slot,
        TextKind::Message,
        words.get(from..).unwrap_or_default(),
    );
    Taken::Line
}

/// The registers under it, and `CPU Id : 77 06 03 00 …`, the bytes of CPUID(1).
fn section(line: &Line<'_>, slots: &mut Slots, name: &[u8], cursor: &mut Cursor<'_>) -> Taken {
    if name == b"CPU" {
        if !cursor.find(b": ") {
            return Taken::No;
        }
        let mut eax = 0_u32;
        for shift in [0, 8, 16, 24] {
            match cursor.blanks().hex() {
                Some(n) if n.digits == 2 => eax |= (n.value as u32) << shift,
                _ => return Taken::No,
            }
        }
        slots.announce(
            line,
            Format::WinDbg,
            Record::empty().with_cpuid(CpuSignature(eax)),
        );
        return Taken::Line;
    }
    if name == b"Misc" {
        cursor.eat(b".");
    }
    let Some(value) = cursor.separator().hex() else {
        return Taken::No;
    };
    let empty = Record::empty();
    let record = match name {
        b"Status" => empty.with_status(Status(value.value)),
        b"Address" => empty.with_addr(Addr(value.value)),
        _ => empty.with_misc(Misc(value.value)),
    };
    let slot = slots.newest(|slot| {
        slot.format == Format::WinDbg && slot.step == 5 && slot.lacks(record.present())
    });
    let Some(slot) = slot else { return Taken::No };
    slot.set(|old| old.or(&record));
    slot.touch(line);
    Taken::Line
}

/// `MODULE_NAME: GenuineIntel`.
fn vendor(line: &Line<'_>, slots: &mut Slots, name: &[u8]) -> Taken {
    let vendor = if name == b"GenuineIntel" {
        Vendor::INTEL
    } else {
        Vendor::AMD
    };
    let slot = slots.newest(|slot| {
        matches!(slot.format, Format::WinDbg | Format::Whea) && slot.lacks(Present::VENDOR)
    });
    let Some(slot) = slot else { return Taken::No };
    slot.set(|record| record.with_vendor(vendor));
    slot.touch(line);
    Taken::Line
}
