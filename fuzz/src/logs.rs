//! Targets of `mcekit-logs`.

use mcekit::{Present, Record, Vendor};
use mcekit_logs::{Format, Found, Reader, Stats, records, slice, write};

use crate::{Input, record};

fn whole(text: &[u8]) -> (Vec<Found>, Stats) {
    let mut found = Vec::new();
    let mut reader = Reader::new();
    reader.push(text, &mut |f| found.push(f));
    let stats = reader.finish(&mut |f| found.push(f));
    (found, stats)
}

/// A text in pieces of any size gives the records that it gives as a whole.
pub fn chunked(data: &[u8]) {
    let mut input = Input(data);
    let seed = input.u32();
    let text = input.0;
    let (all, stats) = whole(text);
    assert_eq!(all.len() as u64, stats.records);
    assert_eq!(records(text).collect::<Vec<_>>(), all);
    let mut state = seed | 1;
    let (mut found, mut rest) = (Vec::new(), text);
    let mut reader = Reader::new();
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Mostly small pieces, sometimes larger ones than the reader keeps.
        let limit = if state >> 28 == 0 { 1 << 13 } else { 1 << 6 };
        let size = 1 + (state >> 8) as usize % limit;
        let (piece, after) = rest.split_at(size.min(rest.len()));
        reader.push(piece, &mut |f| found.push(f));
        rest = after;
    }
    let again = reader.finish(&mut |f| found.push(f));
    assert_eq!(found, all);
    assert_eq!(again, stats);
}

/// Spans lie in the text and are not empty, lines are counted as they are, records come in the order in which
/// they begin.
pub fn spans(data: &[u8]) {
    let (found, _) = whole(data);
    for f in &found {
        assert!(slice(data, &f.span).is_some_and(|s| !s.is_empty()), "{f:?}");
        assert!(f.line >= 1 && f.line <= 1 + data.iter().filter(|b| **b == b'\n').count() as u64);
        assert!(!f.record.present().is_empty());
        assert!(!f.record.status().not_captured());
        if let Some(pair) = &f.pair {
            assert!(
                slice(data, &pair.span).is_some_and(|s| !s.is_empty()),
                "{f:?}"
            );
        }
    }
}

/// What a record can be after the kernel printed it: fields that stand on one line come together, and zero
/// means that there was nothing.
fn printable(record: Record) -> Record {
    let mut absent = Present::MCGCAP;
    if record.tsc() == Some(0) {
        absent |= Present::TSC;
    }
    if record.ip().unwrap_or(0) == 0 && record.cs().unwrap_or(0) == 0 || record.ip().is_none() {
        absent |= Present::IP | Present::CS;
    }
    let mut record = record.without(absent);
    if record.ip().is_some() && record.cs().is_none() {
        record = record.with_cs(0);
    }
    let record = record
        .with_mcgstatus(record.mcgstatus().unwrap_or_default())
        .with_cpu(record.cpu().unwrap_or(0))
        .with_bank(record.bank().unwrap_or(0))
        .with_status(record.status());
    with_vendor(record)
}

/// The vendor stands before the CPUID signature; an IPID proves AMD where there is none.
fn with_vendor(record: Record) -> Record {
    let smca = record.ipid().is_some_and(|ipid| ipid.0 != 0);
    match (record.cpuid(), record.vendor()) {
        (Some(_), None) => record.with_vendor(Vendor::INTEL),
        (None, _) => {
            let record = record.without(Present::VENDOR);
            if smca {
                record.with_vendor(Vendor::AMD)
            } else {
                record
            }
        }
        _ => record,
    }
}

/// A record printed as the kernel or as mcelog prints it, and read again, is the same record.
pub fn round_trip(data: &[u8]) {
    let any = record::any(&mut Input(data));
    if any.status().not_captured() {
        return;
    }
    let record = printable(any);
    let text = write::Kernel {
        record: &record,
        prefix: "[   12.345678] mce: [Hardware Error]: ",
    }
    .to_string();
    let (found, _) = whole(text.as_bytes());
    assert_eq!(found.len(), 1, "{text}");
    assert_eq!(found[0].record, record, "{text}");
    assert_eq!(found[0].format, Format::Linux);

    let mut absent = Present::empty();
    let status = any.status();
    if any.addr().is_some_and(|a| a.0 == 0) && !status.addrv() {
        absent |= Present::ADDR;
    }
    if any.misc().is_some_and(|m| m.0 == 0) && !status.miscv() {
        absent |= Present::MISC;
    }
    if any.time() == Some(0) {
        absent |= Present::TIME;
    }
    let mcgstatus = any.mcgstatus();
    let mut record = printable(any).without(absent);
    if mcgstatus.is_none() {
        record = record.without(Present::MCGSTATUS);
    }
    if any.cpu().is_none() {
        record = record.without(Present::CPU);
    }
    if let Some(cap) = any.mcgcap().filter(|cap| cap.0 != 0) {
        record = record.with_mcgcap(cap);
    }
    let text = write::McelogRaw(&record).to_string();
    let (found, _) = whole(text.as_bytes());
    assert_eq!(found.len(), 1, "{text}");
    assert_eq!(found[0].record, record, "{text}");
    assert_eq!(found[0].format, Format::McelogRaw);
}

/// Text in which no word of a machine check stands gives nothing.
pub fn silent(data: &[u8]) {
    const WORDS: &[&[u8]] = &[
        b"check",
        b"bank",
        b"status",
        b"mciaddr",
        b"mcimisc",
        b"mcg",
        b"mci",
        b"mce",
        b"mca",
        b"bugcheck",
        b"processor",
        b"arg",
        b"excp",
        b"poll",
        b"intr",
        b"ia32",
        b"edac",
        b"0x0000",
        b"apic",
        b"(proc",
        b"msr",
        b"thermal",
        b"northbridge",
        b"cache",
        b"unit",
        b"issue",
        b"error",
        b"event",
        b"incident",
    ];
    let lower = data.to_ascii_lowercase();
    if WORDS
        .iter()
        .any(|word| lower.windows(word.len()).any(|w| w == *word))
    {
        return;
    }
    assert_eq!(whole(data).0, []);
}
