//! FreeBSD's console lines (sys/x86/x86/mca.c): `MCA: Bank b, Status 0x…`, then `MCA: Global Cap 0x…, Status 0x…`,
//! `MCA: Vendor "…", ID 0x…, APIC ID n`, `MCA: CPU n COR …`, `MCA: Address 0x…`, `MCA: Misc 0x…`.

use mcekit::{Addr, CpuSignature, McgCap, McgStatus, Misc, Present, Record, Status, Vendor};

use super::{Family, Taken};
use crate::found::{Format, TextKind};
use crate::line::{Line, keep};
use crate::slots::{Slots, Stage};

pub(crate) const FAMILY: Family = Family {
    wakes: &["MCA: "],
    continues: &[],
    read,
};

fn read(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let mut cursor = line.cursor();
    cursor.eat(b"MCA: ");
    if cursor.eat(b"Bank ") {
        let bank = cursor.dec().and_then(|n| u8::try_from(n.value).ok());
        let Some(bank) = bank else { return Taken::No };
        if !cursor.eat(b", Status ") {
            return Taken::No;
        }
        let Some(status) = cursor.hex() else {
            return Taken::No;
        };
        slots.close(|slot| slot.format == Format::FreeBsd);
        slots
            .begin(
                line,
                Format::FreeBsd,
                Record::new(bank, Status(status.value)),
            )
            .stage = Stage::Free;
        return Taken::Line;
    }
    let mut record = Record::empty();
    let mut words = None;
    if cursor.eat(b"Global Cap ") {
        let Some(cap) = cursor.hex() else {
            return Taken::No;
        };
        record = record.with_mcgcap(McgCap(cap.value));
        if cursor.eat(b", Status ")
            && let Some(status) = cursor.hex()
        {
            record = record.with_mcgstatus(McgStatus(status.value));
        }
    } else if cursor.eat(b"Vendor \"") {
        let name = cursor.until(b'"');
        if let Some(vendor) = std::str::from_utf8(name).ok().and_then(Vendor::from_name) {
            record = record.with_vendor(vendor);
        }
        if cursor.eat(b", ID ")
            && let Some(id) = cursor.hex()
            && let Ok(id) = u32::try_from(id.value)
        {
            record = record.with_cpuid(CpuSignature(id));
        }
        if cursor.eat(b", APIC ID ")
            && let Some(id) = cursor.dec()
            && let Ok(id) = u32::try_from(id.value)
        {
            record = record.with_apicid(id);
        }
    } else if cursor.eat(b"CPU ") {
        let cpu = cursor.dec().and_then(|n| u32::try_from(n.value).ok());
        let Some(cpu) = cpu else { return Taken::No };
        record = record.with_cpu(cpu);
        words = Some(cursor.rest());
    } else if cursor.eat(b"Address ") {
        let Some(addr) = cursor.hex() else {
            return Taken::No;
        };
        record = record.with_addr(Addr(addr.value));
    } else if cursor.eat(b"Misc ") {
        let Some(misc) = cursor.hex() else {
            return Taken::No;
        };
        record = record.with_misc(Misc(misc.value));
    } else {
        return Taken::No;
    }
    let parts = record.present();
    let slot = slots.choose(line, |slot| {
        (slot.format == Format::FreeBsd && slot.lacks(parts - Present::VENDOR)).then_some(1)
    });
    let Some(slot) = slot else { return Taken::No };
    slot.set(|old| old.or(&record));
    slot.touch(line);
    if let Some(words) = words {
        keep(slot, TextKind::Message, words);
    }
    Taken::Line
}
