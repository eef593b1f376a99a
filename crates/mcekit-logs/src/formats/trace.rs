//! The mce_record trace event as text: tracing's `trace` and `trace_pipe`, perf script, trace-cmd report.
//!
//! Three generations (include/trace/events/mce.h): 2.6.38 `ADDR/MISC: a/m`; 4.9 `IPID: i, ADDR/MISC/SYND: a/m/s`;
//! 6.10 every field by itself, with PPIN, vendor, CPUID and microcode; since 6.13 `vendor data: {…}` too: SYND1 and SYND2
//! byte by byte (`__print_dynamic_array(v_data, sizeof(u8))`; patches before it printed two words).

use mcekit::wire::{MAX_LEN, Mce, Wire};
use mcekit::{Present, Synd1, Synd2};

use super::{Family, Taken};
use crate::found::Format;
use crate::join::Join;
use crate::line::{Cursor, Line};
use crate::slots::Slots;

pub(crate) const FAMILY: Family = Family {
    wakes: &["MCGc/s: "],
    continues: &[],
    read,
};

fn read(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let prefix = line.prefix();
    let Some(at) = memchr::memmem::rfind(prefix, b"CPU:") else {
        return Taken::No;
    };
    let mut head = Cursor::new(prefix.get(at + 4..).unwrap_or_default());
    let Some(cpu) = head
        .blanks()
        .dec()
        .and_then(|n| u32::try_from(n.value).ok())
    else {
        return Taken::No;
    };
    let mut cursor = line.cursor();
    cursor.eat(b"MCGc/s: ");
    let Some((mcgcap, mcgstatus)) = pair(&mut cursor) else {
        return Taken::No;
    };
    if !cursor.find(b"MC") {
        return Taken::No;
    }
    let Some(bank) = cursor.dec().and_then(|n| u8::try_from(n.value).ok()) else {
        return Taken::No;
    };
    cursor.separator();
    let Some(status) = cursor.hex() else {
        let open = cursor.at_end() && !line.last;
        return if open {
            Taken::More(Join::Value)
        } else {
            Taken::No
        };
    };
    if status.digits < 16 {
        let open = status.at_end && !line.last;
        return if open {
            Taken::More(Join::Hex(16 - status.digits as u8))
        } else {
            Taken::No
        };
    }
    let mut mce = Mce {
        extcpu: cpu,
        mcgcap,
        mcgstatus,
        bank,
        status: status.value,
        finished: 1,
        ..Mce::default()
    };
    let mut seen =
        Present::CPU | Present::MCGCAP | Present::MCGSTATUS | Present::BANK | Present::STATUS;
    let mut vendor_data = [0_u64; 2];
    while cursor.find(b", ") {
        let name = cursor.until(b':');
        cursor.blanks();
        let Some(part) = field(name.trim_ascii(), &mut cursor, &mut mce, &mut vendor_data) else {
            continue;
        };
        seen |= part;
    }
    // The struct's own rules for what zero means hold for the event too.
    let wire = Wire {
        mce,
        len: MAX_LEN,
        surplus: 0,
    };
    let record = wire.record();
    let mut record = record.without(Present::all() - seen);
    if vendor_data != [0, 0] {
        record = record
            .with_synd1(Synd1(vendor_data[0]))
            .with_synd2(Synd2(vendor_data[1]));
    }
    let slot = slots.begin(line, Format::Trace, record);
    slot.closed = true;
    Taken::Line
}

/// `a/b` in hexadecimal.
fn pair(cursor: &mut Cursor<'_>) -> Option<(u64, u64)> {
    let first = cursor.hex()?.value;
    if !cursor.eat(b"/") {
        return None;
    }
    Some((first, cursor.hex()?.value))
}

fn field(
    name: &[u8],
    cursor: &mut Cursor<'_>,
    mce: &mut Mce,
    vendor_data: &mut [u64; 2],
) -> Option<Present> {
    let hex = |cursor: &mut Cursor<'_>| cursor.hex().map(|n| n.value);
    // Printed with sixteen digits: what is shorter was cut off.
    let register =
        |cursor: &mut Cursor<'_>| cursor.hex().filter(|n| n.digits == 16).map(|n| n.value);
    let dec = |cursor: &mut Cursor<'_>| cursor.dec().map(|n| n.value);
    let hex32 = |cursor: &mut Cursor<'_>| hex(cursor).and_then(|n| u32::try_from(n).ok());
    Some(match name {
        b"IPID" => {
            mce.ipid = register(cursor)?;
            Present::IPID
        }
        b"ADDR/MISC/SYND" => {
            mce.addr = register(cursor)?;
            if !cursor.eat(b"/") {
                return Some(Present::ADDR);
            }
            mce.misc = register(cursor)?;
            let mut parts = Present::ADDR | Present::MISC;
            if cursor.eat(b"/") {
                mce.synd = register(cursor)?;
                parts |= Present::SYND;
            }
            parts
        }
        b"ADDR/MISC" => {
            mce.addr = register(cursor)?;
            if !cursor.eat(b"/") {
                return Some(Present::ADDR);
            }
            mce.misc = register(cursor)?;
            Present::ADDR | Present::MISC
        }
        b"ADDR" => {
            mce.addr = register(cursor)?;
            Present::ADDR
        }
        b"MISC" => {
            mce.misc = register(cursor)?;
            Present::MISC
        }
        b"SYND" => {
            mce.synd = register(cursor)?;
            Present::SYND
        }
        b"RIP" => {
            mce.cs = u8::try_from(hex(cursor)?).ok()?;
            cursor.eat(b":");
            cursor.eat(b"<");
            mce.ip = register(cursor)?;
            Present::IP | Present::CS
        }
        b"TSC" => {
            mce.tsc = hex(cursor)?;
            Present::TSC
        }
        b"PPIN" => {
            mce.ppin = hex(cursor)?;
            Present::PPIN
        }
        b"vendor" => {
            mce.cpuvendor = u8::try_from(dec(cursor)?).ok()?;
            Present::VENDOR
        }
        b"CPUID" => {
            mce.cpuid = hex32(cursor)?;
            Present::CPUID
        }
        b"PROCESSOR" => {
            mce.cpuvendor = u8::try_from(dec(cursor)?).ok()?;
            if !cursor.eat(b":") {
                return None;
            }
            mce.cpuid = hex32(cursor)?;
            Present::VENDOR | Present::CPUID
        }
        b"TIME" | b"time" => {
            mce.time = dec(cursor)?;
            Present::TIME
        }
        b"SOCKET" | b"socket" => {
            mce.socketid = u32::try_from(dec(cursor)?).ok()?;
            Present::SOCKET
        }
        b"APIC" => {
            mce.apicid = hex32(cursor)?;
            Present::APICID
        }
        b"microcode" => {
            mce.microcode = hex32(cursor)?;
            Present::MICROCODE
        }
        b"vendor data" => {
            if cursor.eat(b"{")
                && let Some(words) = words(cursor)
            {
                *vendor_data = words;
            }
            Present::empty()
        }
        _ => return None,
    })
}

/// Two words, as such or as their bytes, up to the brace that ends them: what was cut off is neither.
fn words(cursor: &mut Cursor<'_>) -> Option<[u64; 2]> {
    const BYTES: usize = 16;
    let mut values = [0; BYTES];
    let mut count = 0;
    for value in &mut values {
        *value = cursor.hex()?.value;
        count += 1;
        if !cursor.eat(b",") {
            break;
        }
    }
    if !cursor.eat(b"}") {
        return None;
    }
    match (count, values) {
        (2, [first, second, ..]) => Some([first, second]),
        (BYTES, values) => {
            let mut words = [0_u64; 2];
            // Memory order, which on these processors has the lowest byte first.
            for (place, byte) in (0..).zip(values) {
                let byte = u64::from(u8::try_from(byte).ok()?);
                *words.get_mut(place / 8)? |= byte << (8 * (place % 8));
            }
            Some(words)
        }
        _ => None,
    }
}
