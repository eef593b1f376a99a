//! VMware ESXi's vmkernel log: `cpu58:…)MCA: 208: UC Excp G4 B6 Sbb00002000000e0b A0 M180008 P8/8 text`.
//!
//! G is MCG_STATUS, B the bank, S the status, A and M address and misc. What support pages print is often
//! blacked out: a record then has what is left.

use mcekit::{Addr, McgStatus, Misc, Record, Status};

use super::{Family, Taken};
use crate::found::{Format, TextKind};
use crate::line::{Cursor, Line, keep, trailing_dec};
use crate::slots::Slots;

pub(crate) const FAMILY: Family = Family {
    wakes: &[" Excp G", " Poll G", " Intr G", "CMCI G"],
    continues: &[],
    read,
};

fn read(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let mut cursor = line.cursor();
    if !cursor.find(b" G") {
        return Taken::No;
    }
    let Some(mcgstatus) = cursor.hex() else {
        return Taken::No;
    };
    let mut record = Record::empty().with_mcgstatus(McgStatus(mcgstatus.value));
    match bank(cursor.blanks()) {
        Some(bank) => record = record.with_bank(bank),
        None => {
            cursor.until(b' ');
        }
    }
    cursor.blanks();
    let mut after = cursor;
    while !after.at_end() {
        let Some(name) = after.peek() else { break };
        after.pos += 1;
        let value = after.hex();
        match (name, value) {
            (b'S', Some(n)) if n.digits > 8 => record = record.with_status(Status(n.value)),
            (b'A', Some(n)) => {
                // It is always printed, valid or not.
                if record.status().addrv() || !record.status().val() && n.value != 0 {
                    record = record.with_addr(Addr(n.value));
                }
            }
            (b'M', Some(n)) => {
                if record.status().miscv() || !record.status().val() && n.value != 0 {
                    record = record.with_misc(Misc(n.value));
                }
            }
            // `A0` as a copy has it.
            (b'A' | b'S' | b'M' | b'X', None) if value.is_none() && after.peek() != Some(b' ') => {
                after.until(b' ');
            }
            (b'P', Some(_)) => {
                after.until(b' ');
                cursor = after;
                break;
            }
            _ => break,
        }
        after.blanks();
        cursor = after;
    }
    if record.bank().is_none() && !record.status().val() {
        return Taken::No;
    }
    if let Some(cpu) = cpu(line.prefix()) {
        record = record.with_cpu(cpu);
    }
    let slot = slots.begin(line, Format::Esxi, record);
    slot.fragment = true;
    slot.closed = true;
    keep(slot, TextKind::Message, cursor.rest());
    Taken::Line
}

/// `B6`; pages that were typed off a screen have `86` for it.
fn bank(cursor: &mut Cursor<'_>) -> Option<u8> {
    let before = cursor.pos;
    if !cursor.eat(b"B") && !cursor.eat(b"8") {
        return None;
    }
    let bank = cursor.dec().and_then(|n| u8::try_from(n.value).ok());
    if bank.is_none() {
        cursor.pos = before;
    }
    bank
}

/// The processor that logged: `cpu58:40848027)`.
fn cpu(prefix: &[u8]) -> Option<u32> {
    let at = memchr::memmem::find(prefix, b"cpu")?;
    let rest = prefix.get(at..)?;
    let colon = memchr::memchr(b':', rest)?;
    let (_, cpu) = trailing_dec(rest.get(..colon)?)?;
    u32::try_from(cpu).ok()
}
