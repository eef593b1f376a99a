//! Fields as `NAME value` in any order: the kernel's raw lines and mcelog's text share the names.
//!
//! Kernel: `RIP[ !INEXACT!] cs:<ip> {symbol}`, `TSC t ADDR a MISC m [PPIN p] [SYND s IPID i]`,
//! `PROCESSOR v:cpuid TIME t SOCKET s APIC a microcode m` (arch/x86/kernel/cpu/mce/core.c).
//! mcelog: `CPU n BANK b TSC t`, `MISC m ADDR a`, `TIME t`, `STATUS s MCGSTATUS g`,
//! `MCGCAP c APICID a SOCKETID s`, `CPUID Vendor v Family f Model m`; `--raw` has one field a line and `0x`.

use mcekit::{
    Addr, CpuSignature, Ipid, McgCap, McgStatus, Misc, Ppin, Present, Record, Status, Synd, Synd1,
    Synd2, Vendor,
};

use super::{Family, Taken};
use crate::found::{Format, TextKind};
use crate::join::Join;
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

/// Lines this long or longer were perhaps broken by a terminal or a mail program.
const BROKEN_FROM: usize = 56;

/// What one line says.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    pub record: Record,
    symbol: Option<&'a [u8]>,
    /// A value had `0x`, or the line holds a single field: `mcelog --raw`.
    raw: bool,
    /// It begins with TSC, which may be zero.
    tsc: bool,
    /// It is mcelog's last line.
    ends: bool,
    /// The line wants the next one.
    join: Option<Join>,
}

impl Fields<'_> {
    pub(crate) fn any(&self) -> bool {
        !self.record.present().is_empty() || self.symbol.is_some() || self.tsc
    }

    /// Puts the fields into a slot; what the slot has stays.
    pub(crate) fn put(&self, slot: &mut Slot) {
        let new = self.record.present();
        slot.tsc_seen |= self.tsc;
        slot.record = slot.record.or(&self.record);
        if let Some(symbol) = self.symbol {
            slot.texts.add(TextKind::Symbol, symbol);
        }
        if slot.stage != Stage::Free {
            if self.tsc || new.intersects(REGISTERS) || new.contains(Present::CPUID) {
                slot.stage = Stage::Registers;
            } else if new.contains(Present::IP) {
                slot.stage = Stage::Rip;
            }
        }
        if slot.has(Present::CPUID | Present::MICROCODE) && slot.stage != Stage::Free {
            slot.closed = true;
        }
    }
}

/// What stands on the lines between RIP and PROCESSOR.
const REGISTERS: Present = Present::TSC
    .union(Present::ADDR)
    .union(Present::MISC)
    .union(Present::SYND)
    .union(Present::SYND1)
    .union(Present::SYND2)
    .union(Present::IPID);

/// What can stand behind the processor's signature.
const TRAILING: Present = Present::SOCKET
    .union(Present::APICID)
    .union(Present::MICROCODE)
    .union(Present::PPIN)
    .union(Present::TIME);

/// How far a record of mcelog has come, where CPUID was read.
const ENDED: u16 = 1;

/// Reads `NAME value` fields up to the end of the line; words that are no names are passed over.
pub(crate) fn fields<'a>(cursor: &mut Cursor<'a>, line: &Line<'_>) -> Fields<'a> {
    let mut fields = Fields::default();
    let mut count = 0;
    let mut hex_apic = false;
    while let Some(byte) = cursor.peek() {
        if !byte.is_ascii_alphanumeric() && byte != b'_' {
            cursor.pos += 1;
            continue;
        }
        let name = cursor.word();
        let Some(kind) = Name::of(name) else {
            continue;
        };
        let behind = cursor.pos;
        cursor.blanks();
        if cursor.pos == behind && !cursor.at_end() && kind != Name::Cpuid {
            continue;
        }
        if cursor.at_end() {
            if !line.last && kind.ends_open() {
                fields.join = Some(Join::Value);
            }
            break;
        }
        fields.tsc |= kind == Name::Tsc;
        fields.raw |= cursor.rest().starts_with(b"0x");
        hex_apic |= kind == Name::McgCap;
        let before = fields.record.present();
        if read_value(kind, cursor, &mut fields, hex_apic) {
            count += usize::from(fields.record.present() != before);
            let broken =
                cursor.pos >= cursor.bytes.len() && line.text.len() >= BROKEN_FROM && kind.is_hex();
            if broken && !line.last {
                fields.join = Some(Join::Hex(0));
            }
        } else {
            cursor.pos = behind;
        }
    }
    fields.raw |= count == 1;
    fields
}

/// The names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Tsc,
    Addr,
    Misc,
    Ppin,
    Synd,
    Synd1,
    Synd2,
    Ipid,
    Rip,
    Processor,
    Time,
    Socket,
    Apic,
    ApicId,
    Microcode,
    Status,
    McgStatus,
    McgCap,
    Cpuid,
    Cpu,
    Bank,
}

impl Name {
    #[inline]
    fn of(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"TSC" => Self::Tsc,
            b"ADDR" => Self::Addr,
            b"MISC" => Self::Misc,
            b"PPIN" => Self::Ppin,
            b"SYND" => Self::Synd,
            b"SYND1" => Self::Synd1,
            b"SYND2" => Self::Synd2,
            b"IPID" => Self::Ipid,
            b"RIP" => Self::Rip,
            b"PROCESSOR" => Self::Processor,
            b"TIME" => Self::Time,
            b"SOCKET" | b"SOCKETID" => Self::Socket,
            b"APIC" => Self::Apic,
            b"APICID" => Self::ApicId,
            b"microcode" | b"MICROCODE" => Self::Microcode,
            b"STATUS" => Self::Status,
            b"MCGSTATUS" => Self::McgStatus,
            b"MCGCAP" => Self::McgCap,
            b"CPUID" => Self::Cpuid,
            b"CPU" => Self::Cpu,
            b"BANK" => Self::Bank,
            _ => return None,
        })
    }

    /// Whether a line that ends behind the name was broken there.
    fn ends_open(self) -> bool {
        !matches!(self, Self::Cpu | Self::Bank | Self::Cpuid | Self::Rip)
    }

    fn is_hex(self) -> bool {
        !matches!(
            self,
            Self::Rip
                | Self::Processor
                | Self::Time
                | Self::Socket
                | Self::Cpuid
                | Self::Cpu
                | Self::Bank
        )
    }
}

/// Reads the value of `name`; false where it is none.
fn read_value<'a>(
    name: Name,
    cursor: &mut Cursor<'a>,
    fields: &mut Fields<'a>,
    hex_apic: bool,
) -> bool {
    let record = fields.record;
    let new = match name {
        // Zero is what the kernel writes for a polled error.
        Name::Tsc => cursor.hex().map(|n| match n.value {
            0 => record,
            tsc => record.with_tsc(tsc),
        }),
        Name::Addr => cursor.hex().map(|n| record.with_addr(Addr(n.value))),
        Name::Misc => cursor.hex().map(|n| record.with_misc(Misc(n.value))),
        Name::Ppin => cursor.hex().map(|n| record.with_ppin(Ppin(n.value))),
        Name::Synd => cursor.hex().map(|n| record.with_synd(Synd(n.value))),
        Name::Synd1 => cursor.hex().map(|n| record.with_synd1(Synd1(n.value))),
        Name::Synd2 => cursor.hex().map(|n| record.with_synd2(Synd2(n.value))),
        Name::Ipid => cursor.hex().map(|n| record.with_ipid(Ipid(n.value))),
        Name::Status => cursor.status().map(|n| record.with_status(Status(n.value))),
        Name::McgStatus => cursor
            .hex()
            .map(|n| record.with_mcgstatus(McgStatus(n.value))),
        Name::McgCap => cursor.hex().map(|n| record.with_mcgcap(McgCap(n.value))),
        Name::Microcode => cursor
            .hex()
            .and_then(|n| u32::try_from(n.value).ok())
            .map(|n| record.with_microcode(n)),
        Name::Time => cursor.number().map(|n| record.with_time(n.value)),
        Name::Socket => small(cursor).map(|n| record.with_socket(n)),
        Name::Apic => cursor
            .hex()
            .and_then(|n| u32::try_from(n.value).ok())
            .map(|n| record.with_apicid(n)),
        // mcelog decodes in hexadecimal, behind MCGCAP, and prints raw in decimal, alone.
        Name::ApicId => {
            let mut decimal = *cursor;
            match decimal.number() {
                Some(n) if !hex_apic => {
                    *cursor = decimal;
                    u32::try_from(n.value).ok()
                }
                _ => cursor.hex().and_then(|n| u32::try_from(n.value).ok()),
            }
            .map(|n| record.with_apicid(n))
        }
        Name::Processor => processor(cursor)
            .map(|(vendor, cpuid)| record.with_vendor(vendor).with_cpuid(CpuSignature(cpuid))),
        Name::Cpuid => {
            fields.ends = true;
            cpuid_words(cursor, record)
        }
        Name::Rip => return rip(cursor, fields),
        Name::Cpu => return cpu(cursor, fields),
        Name::Bank => small(cursor)
            .and_then(|n| u8::try_from(n).ok())
            .map(|n| record.with_bank(n)),
    };
    match new {
        Some(new) => {
            fields.record = new;
            true
        }
        None => false,
    }
}

fn small(cursor: &mut Cursor<'_>) -> Option<u32> {
    cursor.number().and_then(|n| u32::try_from(n.value).ok())
}

/// `v:cpuid`, the vendor in decimal.
fn processor(cursor: &mut Cursor<'_>) -> Option<(Vendor, u32)> {
    let vendor = cursor.dec().and_then(|n| u8::try_from(n.value).ok())?;
    if !cursor.eat(b":") {
        return None;
    }
    let cpuid = cursor.hex()?.value;
    Some((Vendor(vendor), u32::try_from(cpuid).ok()?))
}

/// `Vendor Intel Family 6 Model 85[ Step 7]`.
fn cpuid_words(cursor: &mut Cursor<'_>, record: Record) -> Option<Record> {
    if !cursor.blanks().eat(b"Vendor") {
        return None;
    }
    cursor.blanks();
    let vendor = cursor.word();
    let vendor = std::str::from_utf8(vendor).ok().and_then(Vendor::from_name);
    if !cursor.find(b"Family") {
        return None;
    }
    cursor.blanks();
    let family = u16::try_from(cursor.number()?.value).ok()?;
    cursor.blanks();
    if !cursor.eat(b"Model") {
        return None;
    }
    cursor.blanks();
    let model = u8::try_from(cursor.number()?.value).ok()?;
    cursor.blanks();
    let mut stepping = 0;
    if cursor.eat(b"Step") {
        cursor.word();
        cursor.blanks();
        stepping = cursor.number().and_then(|n| u8::try_from(n.value).ok())?;
    }
    let record = record.with_cpuid(CpuSignature::new(family, model, stepping));
    Some(vendor.map_or(record, |vendor| record.with_vendor(vendor)))
}

/// `[!INEXACT! ]cs:<ip>[ {symbol}]`, or mcelog's `[!INEXACT! ]cs:ip`.
fn rip<'a>(cursor: &mut Cursor<'a>, fields: &mut Fields<'a>) -> bool {
    cursor.eat(b"!INEXACT!");
    cursor.blanks();
    let Some(cs) = cursor.hex().and_then(|n| u8::try_from(n.value).ok()) else {
        return false;
    };
    if !cursor.eat(b":") {
        return false;
    }
    cursor.eat(b"<");
    let Some(ip) = cursor.hex() else {
        return false;
    };
    cursor.eat(b">");
    cursor.blanks();
    if cursor.eat(b"{") {
        fields.symbol = Some(cursor.until(b'}'));
    } else if cursor.at_end() && cs & 3 == 0 {
        fields.join = Some(Join::Symbol);
    }
    // Zero is what the kernel writes where it does not know.
    if cs != 0 || ip.value != 0 {
        fields.record = fields.record.with_cs(cs).with_ip(ip.value);
    }
    true
}

/// The banks that old mcelog calls by name behind `CPU n `, and the software banks that it has no number for.
const BANK_NAMES: &[(&[u8], u8)] = &[
    (b"THERMAL EVENT", 128),
    (b"Timeout waiting for exception", 218),
    (b"ACPI/APEI reported error", 255),
];

/// The names of K8's banks.
const K8_BANKS: &[&[u8]] = &[
    b"data cache",
    b"instruction cache",
    b"bus unit",
    b"load/store unit",
    b"northbridge",
    b"fixed-issue",
];

/// `n BANK b`, `n b name`, `n name`.
fn cpu<'a>(cursor: &mut Cursor<'a>, fields: &mut Fields<'a>) -> bool {
    let Some(cpu) = small(cursor) else {
        return false;
    };
    let mut bank = None;
    let mut ahead = *cursor;
    ahead.blanks();
    if ahead.eat(b"BANK ") {
        bank = small(ahead.blanks());
    } else if let Some(row) = BANK_NAMES
        .iter()
        .find(|row| ahead.rest().starts_with(row.0))
    {
        bank = Some(u32::from(row.1));
    } else if fields.record.present().is_empty() {
        // `CPU 0 4 northbridge`
        if let Some(n) = ahead.dec()
            && ahead.rest().starts_with(b" ")
            && ahead
                .blanks()
                .peek()
                .is_some_and(|b| b.is_ascii_lowercase())
        {
            bank = u32::try_from(n.value).ok();
            // mcelog called banks by name for AMD's K8 only.
            if K8_BANKS.iter().any(|name| ahead.rest().starts_with(name)) {
                fields.record = fields.record.with_vendor(Vendor::AMD);
            }
        }
    }
    let Some(bank) = bank.and_then(|n| u8::try_from(n).ok()) else {
        return false;
    };
    fields.record = fields.record.with_cpu(cpu).with_bank(bank);
    *cursor = ahead;
    true
}

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
    let fields = fields(&mut cursor, line);
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
