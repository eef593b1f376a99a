//! The kernel's raw lines exactly as it prints them, behind `[Hardware Error]: ` and at the place where the last
//! one began. This is a short cut: what is unusual in any way is left to the other files, and gives the same.
//!
//! The three lines of one record, one after the other, are read at once ([`block`]); else line by line.

use mcekit::{
    Addr, CpuSignature, Ipid, McgStatus, Misc, Ppin, Present, Record, Status, Synd, Synd1, Synd2,
    Vendor,
};

use super::linux::format_of;
use crate::found::Format;
use crate::join;
use crate::line::Line;
use crate::shape::Shape;
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
    let text = line.cursor().rest();
    let read = match text.first() {
        Some(b'C') => begin(line, text, slots),
        Some(b'T') => go_on(line, text, slots),
        _ => end(line, text, slots),
    };
    read.is_some()
}

/// The record whose three lines `text` begins with, each behind a prefix of the same shape, and how many bytes they
/// take: without the last line's end, and with it.
#[inline(always)]
pub(crate) fn block(text: &[u8], shape: &Shape) -> Option<(Record, usize, usize)> {
    let (header, _, rest) = Header::of(shape.strip(text)?)?;
    let rest = next_line(rest)?;
    let (registers, rest) = Registers::of(shape.strip(rest)?)?;
    let rest = next_line(rest)?;
    let (processor, rest) = Processor::of(shape.strip(rest)?)?;
    let length = text.len() - rest.len();
    let rest = next_line(rest)?;
    // The number at the end may go on in the next line, if that is none of its own.
    if !shape.goes_on(rest) && !is_apart(rest) {
        return None;
    }
    let record = processor.put(registers.put(header.record()));
    Some((record, length, text.len() - rest.len()))
}

/// As [`join::is_apart`], which is seldom asked.
#[cold]
fn is_apart(next: &[u8]) -> bool {
    join::is_apart(next)
}

/// What follows the end of a line that `text` begins with.
#[inline(always)]
fn next_line(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// A line that begins a record.
fn begin(line: &Line<'_>, text: &[u8], slots: &mut Slots) -> Option<()> {
    let (header, named, rest) = Header::of(text)?;
    let prefix = line.prefix();
    if !rest.is_empty()
        || !prefix.ends_with(b"[Hardware Error]: ")
        || format_of(prefix, Format::Linux) != Format::Linux
    {
        return None;
    }
    // The prefix that is kept ends where the other files see it end.
    let line = Line {
        at: line.at + named,
        ..*line
    };
    let slot = slots.begin(&line, Format::Linux, header.record());
    slot.stage = Stage::Header;
    slot.fragment = true;
    Some(())
}

/// The line behind it.
fn go_on(line: &Line<'_>, text: &[u8], slots: &mut Slots) -> Option<()> {
    let (registers, rest) = Registers::of(text)?;
    let slot = slots.only_open()?;
    if !rest.is_empty()
        || slot.format != Format::Linux
        || slot.stage == Stage::Free
        || slot.stage == Stage::Registers
        || slot.tsc_seen
        || !slot.lacks(registers.parts | Present::TSC | Present::CPUID)
    {
        return None;
    }
    slot.record = registers.put(slot.record);
    slot.stage = Stage::Registers;
    slot.tsc_seen = true;
    slot.touch(line);
    Some(())
}

/// The last line.
fn end(line: &Line<'_>, text: &[u8], slots: &mut Slots) -> Option<()> {
    let (processor, rest) = Processor::of(text)?;
    let slot = slots.only_open()?;
    let new = Present::CPUID | Present::VENDOR | Present::TIME | Present::SOCKET;
    if !line.last
        || !rest.is_empty()
        || slot.format != Format::Linux
        || slot.stage != Stage::Registers
        || !slot.lacks(new | Present::APICID | Present::MICROCODE)
    {
        return None;
    }
    slot.record = processor.put(slot.record);
    slot.closed = true;
    slot.touch(line);
    Some(())
}

/// What the first line says.
struct Header {
    cpu: u32,
    mcgstatus: u64,
    bank: u8,
    status: u64,
}

impl Header {
    /// `CPU n: Machine Check[ Exception]: G Bank b: S`; also where its name `CPU n: ` ends, and the rest.
    #[inline(always)]
    fn of(text: &[u8]) -> Option<(Self, usize, &[u8])> {
        let (cpu, rest) = decimal(text.strip_prefix(b"CPU ")?)?;
        let rest = rest.strip_prefix(b": ")?;
        let named = text.len() - rest.len();
        let rest = rest.strip_prefix(b"Machine Check")?;
        let rest = rest.strip_prefix(b" Exception").unwrap_or(rest);
        let (mcgstatus, _, rest) = register(rest.strip_prefix(b": ")?)?;
        let (bank, rest) = decimal(rest.strip_prefix(b" Bank ")?)?;
        let (status, 16, rest) = register(rest.strip_prefix(b": ")?)? else {
            return None;
        };
        let header = Self {
            cpu: u32::try_from(cpu).ok()?,
            mcgstatus,
            bank: u8::try_from(bank).ok()?,
            status,
        };
        Some((header, named, rest))
    }

    #[inline(always)]
    fn record(&self) -> Record {
        Record::new(self.bank, Status(self.status))
            .with_cpu(self.cpu)
            .with_mcgstatus(McgStatus(self.mcgstatus))
    }
}

/// What the second line says.
#[derive(Default)]
struct Registers {
    parts: Present,
    tsc: u64,
    addr: u64,
    misc: u64,
    ppin: u64,
    synd: u64,
    synd1: u64,
    synd2: u64,
    ipid: u64,
}

impl Registers {
    /// `TSC t ADDR a MISC m PPIN p SYND s SYND1 s SYND2 s IPID i `, in this order, all but the first optional; also
    /// the rest. A number at the very end of a line may go on in the next one; the kernel has a blank behind each.
    #[inline(always)]
    fn of(text: &[u8]) -> Option<(Self, &[u8])> {
        let mut registers = Self::default();
        let (tsc, mut rest) = register_and_blank(text.strip_prefix(b"TSC ")?)?;
        registers.tsc = tsc;
        macro_rules! optional {
            ($($name:literal: $field:ident, $part:ident;)*) => {$(
                if let Some(behind) = rest.strip_prefix($name) {
                    (registers.$field, rest) = register_and_blank(behind)?;
                    registers.parts |= Present::$part;
                }
            )*};
        }
        optional! {
            b"ADDR ": addr, ADDR;
            b"MISC ": misc, MISC;
            b"PPIN ": ppin, PPIN;
        }
        if rest.starts_with(b"SYND") {
            optional! {
                b"SYND ": synd, SYND;
                b"SYND1 ": synd1, SYND1;
                b"SYND2 ": synd2, SYND2;
            }
        }
        optional! {
            b"IPID ": ipid, IPID;
        }
        Some((registers, rest))
    }

    #[inline(always)]
    fn put(&self, record: Record) -> Record {
        let mut record = record;
        // Zero is what the kernel writes for a polled error.
        if self.tsc != 0 {
            record = record.with_tsc(self.tsc);
        }
        macro_rules! put {
            ($($part:ident: $with:ident($newtype:ident), $field:ident;)*) => {$(
                if self.parts.contains(Present::$part) {
                    record = record.$with($newtype(self.$field));
                }
            )*};
        }
        put! {
            ADDR: with_addr(Addr), addr;
            MISC: with_misc(Misc), misc;
            PPIN: with_ppin(Ppin), ppin;
            SYND: with_synd(Synd), synd;
            SYND1: with_synd1(Synd1), synd1;
            SYND2: with_synd2(Synd2), synd2;
            IPID: with_ipid(Ipid), ipid;
        }
        record
    }
}

/// What the third line says.
struct Processor {
    vendor: u8,
    cpuid: u32,
    time: u64,
    socket: u32,
    apicid: u32,
    microcode: u32,
}

impl Processor {
    /// `PROCESSOR v:cpuid TIME t SOCKET s APIC a microcode m`; also the rest.
    #[inline(always)]
    fn of(text: &[u8]) -> Option<(Self, &[u8])> {
        let (vendor, rest) = decimal(text.strip_prefix(b"PROCESSOR ")?)?;
        let (cpuid, _, rest) = register(rest.strip_prefix(b":")?)?;
        let (time, rest) = decimal(rest.strip_prefix(b" TIME ")?)?;
        let (socket, rest) = decimal(rest.strip_prefix(b" SOCKET ")?)?;
        let (apicid, _, rest) = register(rest.strip_prefix(b" APIC ")?)?;
        let (microcode, _, rest) = register(rest.strip_prefix(b" microcode ")?)?;
        let processor = Self {
            vendor: u8::try_from(vendor).ok()?,
            cpuid: u32::try_from(cpuid).ok()?,
            time,
            socket: u32::try_from(socket).ok()?,
            apicid: u32::try_from(apicid).ok()?,
            microcode: u32::try_from(microcode).ok()?,
        };
        Some((processor, rest))
    }

    #[inline(always)]
    fn put(&self, record: Record) -> Record {
        record
            .with_vendor(Vendor(self.vendor))
            .with_cpuid(CpuSignature(self.cpuid))
            .with_time(self.time)
            .with_socket(self.socket)
            .with_apicid(self.apicid)
            .with_microcode(self.microcode)
    }
}

/// One to nineteen decimal digits: their value, and the rest.
#[inline(always)]
fn decimal(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut value, mut digits) = (0_u64, 0);
    while let Some(byte) = text.get(digits)
        && let digit = byte.wrapping_sub(b'0')
        && digit < 10
    {
        // More than nineteen digits may not fit, and are refused below.
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        digits += 1;
    }
    if !(1..20).contains(&digits) {
        return None;
    }
    Some((value, text.get(digits..)?))
}

/// A register, and the blank behind it.
#[inline(always)]
fn register_and_blank(text: &[u8]) -> Option<(u64, &[u8])> {
    let (value, _, rest) = register(text)?;
    Some((value, rest.strip_prefix(b" ")?))
}

/// One to sixteen hexadecimal digits in small letters, without `0x`: their value, how many, and the rest. What may
/// stand behind them is the caller's to say.
#[inline(always)]
fn register(text: &[u8]) -> Option<(u64, usize, &[u8])> {
    let padded;
    let bytes = match text.first_chunk::<16>() {
        Some(bytes) => bytes,
        None => {
            padded = pad(text);
            &padded
        }
    };
    let [first, second] = bytes.as_chunks().0 else {
        return None;
    };
    let (high, digits) = eight(*first);
    let (value, digits) = if digits < 8 {
        (high >> (4 * (8 - digits)), digits)
    } else {
        let (low, more) = eight(*second);
        ((high << 32 | low) >> (4 * (8 - more)), 8 + more)
    };
    (digits > 0).then_some((value, digits, text.get(digits..)?))
}

/// The end is near: what is missing is no digit.
#[cold]
fn pad(text: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(text) {
        *to = *from;
    }
    bytes
}

/// Eight hexadecimal digits in small letters as a number, and how many of the bytes are such, up to the first that
/// is none: the number holds nothing of use behind them.
#[inline(always)]
fn eight(bytes: [u8; 8]) -> (u64, usize) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let bytes = u64::from_le_bytes(bytes);
    // What each byte stands for if it is a digit; letters have bit 6. A byte that is none can only disturb those
    // behind it.
    let letters = bytes >> 6 & ONES;
    let values = bytes.wrapping_sub(letters * 39).wrapping_sub(0x30 * ONES);
    // Four bits, and ten or more exactly where it is a letter.
    let ten = (values.wrapping_add(6 * ONES) ^ (bytes >> 2)) & (0x10 * ONES);
    let wrong = (values | ten) & (0xf0 * ONES);
    (
        packed(values & (0x0f * ONES)),
        wrong.trailing_zeros() as usize / 8,
    )
}

/// Eight bytes of four bits each as one number, the first byte the highest.
#[inline(always)]
fn packed(values: u64) -> u64 {
    let values = (values.wrapping_mul(0x1001) >> 8) & 0x00ff_00ff_00ff_00ff;
    let values = (values.wrapping_mul(0x100_0001) >> 16) & 0x0000_ffff_0000_ffff;
    values.wrapping_mul(0x1_0000_0000_0001) >> 32 & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_at_once_are_the_same_as_one_by_one() {
        let one_by_one = |text: &[u8]| {
            let digit = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
            let run = text.iter().take_while(|b| digit(b)).count();
            let digits = std::str::from_utf8(&text[..run]).unwrap();
            (u64::from_str_radix(digits, 16).unwrap_or(0), run)
        };
        for place in 0..8 {
            for byte in 0..=255 {
                let mut text = *b"9af0c7e3";
                text[place] = byte;
                let (value, digits) = eight(text);
                let value = value >> (4 * (8 - digits));
                assert_eq!((value, digits), one_by_one(&text), "{text:?}");
            }
        }
    }

    #[test]
    fn numbers_end_where_they_end() {
        assert_eq!(
            register(b"0123456789abcdef "),
            Some((0x0123_4567_89ab_cdef, 16, &b" "[..]))
        );
        assert_eq!(
            register(b"0123456789abcdef0"),
            Some((0x0123_4567_89ab_cdef, 16, &b"0"[..]))
        );
        assert_eq!(register(b"123456789 "), Some((0x1_2345_6789, 9, &b" "[..])));
        assert_eq!(register(b"12345678"), Some((0x1234_5678, 8, &b""[..])));
        assert_eq!(register(b" "), None);
        assert_eq!(
            decimal(b"9999999999999999999 "),
            Some((9_999_999_999_999_999_999, &b" "[..]))
        );
        assert_eq!(decimal(b"00000000000000000001"), None);
        assert_eq!(decimal(b"x"), None);
    }
}
