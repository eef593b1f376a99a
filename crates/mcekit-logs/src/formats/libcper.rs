//! libcper's JSON: a processor section has `localAPICID`, `cpuidInfo`, and contexts of MSRs whose registers are
//! bytes in base64, from the MSR that `msrAddress` names on (sections/cper-section-ia32x64.c).

use mcekit::{CpuSignature, Record};

use super::{Family, Taken, msr};
use crate::found::Format;
use crate::line::Line;
use crate::slots::{Dump, Slots};

pub(crate) const FAMILY: Family = Family {
    wakes: &["\"localAPICID\"", "\"msrAddress\""],
    continues: &["\"eax\"", "\"data\""],
    read,
};

fn read(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let mut cursor = line.cursor();
    if cursor.eat(b"\"localAPICID\"") {
        let id = cursor.separator().number();
        slots.dump = Dump {
            x86: true,
            start: line.start + line.at as u64,
            line: line.number,
            ..Dump::default()
        };
        if let Some(id) = id.and_then(|n| u32::try_from(n.value).ok()) {
            slots.dump.processor = Record::empty().with_apicid(id);
        }
    } else if cursor.eat(b"\"eax\"") {
        let eax = cursor.separator().number();
        let dump = &mut slots.dump;
        if dump.x86
            && dump.processor.cpuid().is_none()
            && let Some(eax) = eax.and_then(|n| u32::try_from(n.value).ok())
            && eax != 0
        {
            dump.processor = dump.processor.with_cpuid(CpuSignature(eax));
        }
    } else if cursor.eat(b"\"msrAddress\"") {
        let msr = cursor.separator().number().map(|n| n.value);
        if !slots.dump.x86 {
            slots.dump = Dump {
                x86: true,
                start: line.start + line.at as u64,
                line: line.number,
                ..Dump::default()
            };
        }
        slots.dump.msr = msr;
    } else if cursor.eat(b"\"data\"") {
        let Some(first) = slots.dump.msr.take() else {
            return Taken::No;
        };
        cursor.separator();
        let words = decode(cursor.until(b'"'));
        let found = msr::records(first, &words);
        for record in found.iter().take(msr::MAX_BANKS) {
            let (start, number) = (slots.dump.start, slots.dump.line);
            let record = record.or(&slots.dump.processor);
            let slot = slots.begin(line, Format::LibCper, record);
            slot.start = start;
            slot.line = number;
            slot.end = line.start + cursor.pos as u64;
            slot.closed = true;
        }
    }
    Taken::To(cursor.pos)
}

/// The little-endian words in a base64 text; what does not fill a word is left out.
fn decode(text: &[u8]) -> Vec<u64> {
    let mut words = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    let (mut word, mut bytes) = (0_u64, 0);
    // JSON may write the slash as `\/`.
    for &byte in text.iter().filter(|b| **b != b'\\') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            let octet = u64::from(bits >> count & 0xff);
            word |= octet << (8 * bytes);
            bytes += 1;
            if bytes == 8 {
                words.push(word);
                (word, bytes) = (0, 0);
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_gives_little_endian_words() {
        assert_eq!(decode(b"CAEAAAAAoL4="), [0xbea0_0000_0000_0108]);
        assert_eq!(
            decode(b"CAEAAAAAoL4BAAAAAAAAAA=="),
            [0xbea0_0000_0000_0108, 1]
        );
        assert!(decode(b"!!!!").is_empty());
    }
}
