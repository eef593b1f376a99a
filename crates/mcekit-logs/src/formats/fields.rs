//! Reading `NAME value` fields; see [`super::keyed`] for who prints them.

use mcekit::{
    Addr, CpuSignature, Ipid, McgCap, McgStatus, Misc, Ppin, Present, Record, Status, Synd, Synd1,
    Synd2, Vendor,
};

use crate::found::TextKind;
use crate::join::Join;
use crate::line::{Cursor, Line};
use crate::slots::{Slot, Stage};

/// Lines this long or longer were perhaps broken by a terminal or a mail program.
const BROKEN_FROM: usize = 56;

/// What one line says.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    pub record: Record,
    symbol: Option<&'a [u8]>,
    /// A value had `0x`, or the line holds a single field: `mcelog --raw`.
    pub raw: bool,
    /// It begins with TSC, which may be zero.
    pub tsc: bool,
    /// It is mcelog's last line.
    pub ends: bool,
    /// The line wants the next one.
    pub join: Option<Join>,
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

/// Reads `NAME value` fields up to the end of the line; words that are no names are passed over.
pub(crate) fn read<'a>(cursor: &mut Cursor<'a>, line: &Line<'_>) -> Fields<'a> {
    let mut fields = Fields::default();
    let mut count = 0;
    let mut hex_apic = false;
    let end = cursor.pos + line.near();
    while let Some(byte) = cursor.peek()
        && cursor.pos < end
    {
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

pub(crate) fn small(cursor: &mut Cursor<'_>) -> Option<u32> {
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
