//! The kernel's raw lines exactly as it prints them, behind `[Hardware Error]: ` and at the place where the last
//! one began. This is a short cut: what is unusual in any way is left to the other files, and gives the same.

use mcekit::{
    Addr, CpuSignature, Ipid, McgStatus, Misc, Ppin, Present, Record, Status, Synd, Synd1, Synd2,
    Vendor,
};

use crate::found::Format;
use crate::line::{Cursor, Line};
use crate::slots::{Slots, Stage};

/// Whether these can be the first bytes of a line that [`read`] takes.
#[inline]
pub(crate) fn is_key(key: &[u8; 4]) -> bool {
    matches!(key, b"CPU " | b"TSC " | b"PROC")
}

/// Reads the line whose text begins at `line.at`; false where it is not as expected, and nothing was changed.
///
/// `line.last` says that the next line does not continue this one.
pub(crate) fn read(line: &Line<'_>, slots: &mut Slots) -> bool {
    let mut cursor = line.cursor();
    let read = match cursor.peek() {
        Some(b'C') => header(line, &mut cursor, slots),
        Some(b'T') => registers(line, &mut cursor, slots),
        _ => processor(line, &mut cursor, slots),
    };
    read.is_some()
}

/// `CPU n: Machine Check[ Exception]: G Bank b: S`.
fn header(line: &Line<'_>, cursor: &mut Cursor<'_>, slots: &mut Slots) -> Option<()> {
    if !line.prefix().ends_with(b"mce: [Hardware Error]: ") {
        return None;
    }
    expect(cursor, b"CPU ")?;
    let cpu = u32::try_from(cursor.dec()?.value).ok()?;
    expect(cursor, b": ")?;
    // The prefix that is kept ends where the other files see it end.
    let at = cursor.pos;
    expect(cursor, b"Machine Check")?;
    cursor.eat(b" Exception");
    expect(cursor, b": ")?;
    let mcgstatus = cursor.hex()?.value;
    expect(cursor, b" Bank ")?;
    let bank = u8::try_from(cursor.dec()?.value).ok()?;
    expect(cursor, b": ")?;
    let status = cursor.hex().filter(|n| n.digits == 16 && n.at_end)?.value;
    let record = Record::new(bank, Status(status))
        .with_cpu(cpu)
        .with_mcgstatus(McgStatus(mcgstatus));
    let line = Line { at, ..*line };
    let slot = slots.begin(&line, Format::Linux, record);
    slot.stage = Stage::Header;
    slot.fragment = true;
    Some(())
}

/// `TSC t ADDR a MISC m PPIN p SYND s SYND1 s SYND2 s IPID i `, in this order, all but the first optional.
fn registers(line: &Line<'_>, cursor: &mut Cursor<'_>, slots: &mut Slots) -> Option<()> {
    expect(cursor, b"TSC ")?;
    let tsc = cursor.hex()?.value;
    let mut parts = Present::empty();
    let mut value = |name: &[u8], part: Present| {
        if !cursor.eat(name) {
            return Some(0);
        }
        parts |= part;
        cursor.hex().map(|n| n.value)
    };
    let addr = value(b" ADDR ", Present::ADDR)?;
    let misc = value(b" MISC ", Present::MISC)?;
    let ppin = value(b" PPIN ", Present::PPIN)?;
    let synd = value(b" SYND ", Present::SYND)?;
    let synd1 = value(b" SYND1 ", Present::SYND1)?;
    let synd2 = value(b" SYND2 ", Present::SYND2)?;
    let ipid = value(b" IPID ", Present::IPID)?;
    // A number at the very end of a line may go on in the next one.
    if cursor.rest() != b" " {
        return None;
    }
    let slot = slots.only_open()?;
    if slot.format != Format::Linux
        || slot.stage == Stage::Free
        || slot.stage == Stage::Registers
        || slot.tsc_seen
        || !slot.lacks(parts | Present::TSC | Present::CPUID)
    {
        return None;
    }
    let mut record = slot.record;
    if tsc != 0 {
        record = record.with_tsc(tsc);
    }
    if parts.contains(Present::ADDR) {
        record = record.with_addr(Addr(addr));
    }
    if parts.contains(Present::MISC) {
        record = record.with_misc(Misc(misc));
    }
    if parts.contains(Present::PPIN) {
        record = record.with_ppin(Ppin(ppin));
    }
    if parts.contains(Present::SYND) {
        record = record.with_synd(Synd(synd));
    }
    if parts.contains(Present::SYND1) {
        record = record.with_synd1(Synd1(synd1));
    }
    if parts.contains(Present::SYND2) {
        record = record.with_synd2(Synd2(synd2));
    }
    if parts.contains(Present::IPID) {
        record = record.with_ipid(Ipid(ipid));
    }
    slot.record = record;
    slot.stage = Stage::Registers;
    slot.tsc_seen = true;
    slot.touch(line);
    Some(())
}

/// `PROCESSOR v:cpuid TIME t SOCKET s APIC a microcode m`.
fn processor(line: &Line<'_>, cursor: &mut Cursor<'_>, slots: &mut Slots) -> Option<()> {
    expect(cursor, b"PROCESSOR ")?;
    let vendor = u8::try_from(cursor.dec()?.value).ok()?;
    expect(cursor, b":")?;
    let cpuid = u32::try_from(cursor.hex()?.value).ok()?;
    expect(cursor, b" TIME ")?;
    let time = cursor.dec()?.value;
    expect(cursor, b" SOCKET ")?;
    let socket = u32::try_from(cursor.dec()?.value).ok()?;
    expect(cursor, b" APIC ")?;
    let apicid = u32::try_from(cursor.hex()?.value).ok()?;
    expect(cursor, b" microcode ")?;
    let microcode = cursor.hex().filter(|n| n.at_end && line.last)?.value;
    let microcode = u32::try_from(microcode).ok()?;
    let slot = slots.only_open()?;
    let new = Present::CPUID | Present::VENDOR | Present::TIME | Present::SOCKET;
    if slot.format != Format::Linux
        || slot.stage != Stage::Registers
        || !slot.lacks(new | Present::APICID | Present::MICROCODE)
    {
        return None;
    }
    slot.record = slot
        .record
        .with_vendor(Vendor(vendor))
        .with_cpuid(CpuSignature(cpuid))
        .with_time(time)
        .with_socket(socket)
        .with_apicid(apicid)
        .with_microcode(microcode);
    slot.closed = true;
    slot.touch(line);
    Some(())
}

fn expect(cursor: &mut Cursor<'_>, word: &[u8]) -> Option<()> {
    cursor.eat(word).then_some(())
}
