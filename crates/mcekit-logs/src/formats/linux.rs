//! The header lines of the kernel, and the `Bank` lines of old kernels and of Xen.
//!
//! - `CPU n: Machine Check[ Exception| Event]: G Bank b: S`, Linux 2.6.30 to today, EDAC's Intel drivers too
//!   (arch/x86/kernel/cpu/mce/core.c, drivers/edac/*_base.c, skx_common.c).
//! - `CPU n: Machine Check Exception: G`, then `Bank b: S[M] at A` lines, Linux 2.4, early 2.6 and Xen.
//! - `… correctable incident occurred on CPU n.`, then the same (Linux 2.4 to 2.6.3x non-fatal.c, Xen).

use mcekit::{Addr, McgStatus, Misc, Present, Record, Status};

use super::{Family, Taken, fields, keyed};
use crate::found::Format;
use crate::join::Join;
use crate::line::{Cursor, Line, find, trailing_dec};
use crate::slots::{Slots, Stage};

pub(crate) const FAMILY: Family = Family {
    wakes: &["Machine Check", "incident occur"],
    continues: &[],
    read: |line, slots| {
        if line.cursor().rest().starts_with(b"Mach") {
            header(line, slots)
        } else {
            incident(line, slots)
        }
    },
};

pub(crate) const BANKS: Family = Family {
    wakes: &["Bank "],
    continues: &[],
    read: bank,
};

/// Whose console the line is from.
pub(crate) fn format_of(prefix: &[u8], otherwise: Format) -> Format {
    if find(prefix, b"(XEN)").is_some() {
        Format::Xen
    } else if find(prefix, b"EDAC ").is_some() {
        Format::Edac
    } else {
        otherwise
    }
}

/// Reads the line around `Machine Check`.
pub(crate) fn header(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let Some(cpu) = cpu_before(line.prefix()) else {
        return Taken::No;
    };
    let mut cursor = line.cursor();
    cursor.eat(b"Machine Check");
    let _ = cursor.eat(b" Exception") || cursor.eat(b" Event");
    if !cursor.blanks().eat(b":") {
        return Taken::No;
    }
    cursor.blanks();
    if cursor.at_end() {
        return wanted(line);
    }
    let Some(mcgstatus) = cursor.hex() else {
        return Taken::No;
    };
    let record = Record::empty()
        .with_cpu(cpu)
        .with_mcgstatus(McgStatus(mcgstatus.value));
    cursor.blanks();
    if cursor.at_end() {
        announce(
            line,
            slots,
            format_of(line.prefix(), Format::LinuxOld),
            record,
        );
        return Taken::Line;
    }
    if !cursor.eat_any_case(b"Bank") {
        return Taken::No;
    }
    match status_of(&mut cursor, line) {
        Ok(found) => {
            let record = found.or(&record);
            let format = format_of(line.prefix(), Format::Linux);
            let slot = slots.begin(line, format, record);
            slot.stage = Stage::Header;
            slot.fragment = true;
            let fields = fields::read(&mut cursor, line);
            if fields.any() {
                fields.put(slot);
            }
            if format == Format::Edac
                && let Some(addr) = slot.record.addr()
            {
                keyed::remember(slots, addr);
            }
            Taken::Line
        }
        Err(taken) => taken,
    }
}

/// `CPU n:` at the end of a prefix.
fn cpu_before(prefix: &[u8]) -> Option<u32> {
    let prefix = prefix.trim_ascii_end();
    let prefix = prefix.strip_suffix(b":")?.trim_ascii_end();
    let (head, cpu) = trailing_dec(prefix)?;
    let head = head.strip_suffix(b"#").unwrap_or(head).trim_ascii_end();
    if !head.ends_with(b"CPU") {
        return None;
    }
    u32::try_from(cpu).ok()
}

/// What to answer at the end of a line that lacks a value.
fn wanted(line: &Line<'_>) -> Taken {
    if line.last {
        Taken::No
    } else {
        Taken::More(Join::Value)
    }
}

/// Reads ` b: S[M] at A` behind the word `Bank`.
fn status_of(cursor: &mut Cursor<'_>, line: &Line<'_>) -> Result<Record, Taken> {
    cursor.blanks();
    if cursor.at_end() {
        return Err(wanted(line));
    }
    let bank = cursor.dec().and_then(|n| u8::try_from(n.value).ok());
    let Some(bank) = bank else {
        return Err(Taken::No);
    };
    cursor.blanks();
    if cursor.at_end() {
        return Err(wanted(line));
    }
    if !cursor.eat(b":") {
        return Err(Taken::No);
    }
    cursor.blanks();
    if cursor.at_end() {
        return Err(wanted(line));
    }
    let Some(status) = cursor.status() else {
        return Err(Taken::No);
    };
    if status.at_end && status.digits < 16 && !line.last {
        return Err(Taken::More(Join::Hex(16 - status.digits as u8)));
    }
    // All but EDAC's drivers print sixteen digits: what is shorter was cut off. Eight are one half.
    let short = status.digits != 8 && memchr::memmem::find(line.prefix(), b"EDAC ").is_some();
    let whole = status.digits == 16 || short;
    let mut record = Record::empty().with_bank(bank);
    if whole {
        record = record.with_status(Status(status.value));
    }
    if cursor.eat(b"[") {
        cursor.blanks();
        if let Some(misc) = cursor.hex() {
            record = record.with_misc(Misc(misc.value));
        }
        cursor.eat(b"]");
    }
    let before = cursor.pos;
    if cursor.blanks().eat(b"at ") {
        cursor.blanks();
        match cursor.hex() {
            Some(addr) => record = record.with_addr(Addr(addr.value)),
            None if cursor.at_end() && !line.last => return Err(Taken::More(Join::Value)),
            None => cursor.pos = before,
        }
    }
    Ok(record)
}

/// Reads `… correctable incident occurred on CPU n.`
fn incident(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let mut cursor = line.cursor();
    if !cursor.find(b"CPU ") {
        return wanted(line);
    }
    let Some(cpu) = cursor.dec().and_then(|n| u32::try_from(n.value).ok()) else {
        return Taken::No;
    };
    let format = format_of(line.text, Format::LinuxOld);
    announce(line, slots, format, Record::empty().with_cpu(cpu));
    Taken::Line
}

/// For how many lines a header, and each `Bank` line under it, speaks for the next one. Broadcasts to terminals
/// have three lines between.
const BANK_LINES: u64 = 6;

fn announce(line: &Line<'_>, slots: &mut Slots, format: Format, record: Record) {
    slots.announce(line, format, record);
    slots.context.until = line.number + BANK_LINES;
}

/// Reads the line around `Bank `.
fn bank(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let prefix = line.prefix();
    if prefix.last().is_some_and(u8::is_ascii_alphanumeric) {
        return Taken::No;
    }
    let mut cursor = line.cursor();
    cursor.eat(b"Bank");
    let record = match status_of(&mut cursor, line) {
        Ok(record) => record,
        // A lone `Bank 5:` may be anything: only a header makes the next line its value.
        Err(Taken::More(_)) if slots.context.until < line.number => return Taken::No,
        Err(taken) => return taken,
    };
    let context = slots.context;
    if context.until >= line.number
        && let Some(format) = context.format
        && matches!(
            format,
            Format::Linux | Format::LinuxOld | Format::Xen | Format::Edac
        )
    {
        let slot = slots.begin(line, format, record.or(&context.record));
        if !context.used {
            slot.begin_at(context.start, line.number - context.line);
        }
        slot.stage = Stage::Header;
        slots.context.used = true;
        slots.context.until = line.number + BANK_LINES;
    } else {
        // Without its header: only what is a machine check by itself.
        let format = format_of(prefix, Format::LinuxOld);
        if !record.status().val() || !from_console(prefix) {
            return Taken::No;
        }
        slots.begin(line, format, record).stage = Stage::Header;
    }
    if let Some(slot) = slots.newest(|slot| slot.line == line.number || slot.end == line.end()) {
        let fields = fields::read(&mut cursor, line);
        if fields.any() && slot.lacks(fields.record.present() - Present::CPU) {
            fields.put(slot);
        }
    }
    Taken::Line
}

/// Whether a prefix is one that a kernel or syslog writes.
fn from_console(prefix: &[u8]) -> bool {
    [b"kernel:".as_slice(), b"(XEN)", b"]", b"mce:"]
        .iter()
        .any(|word| memchr::memmem::find(prefix, word).is_some())
}
