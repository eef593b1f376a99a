//! Targets of `tracefs`: ring pages and filter expressions.

use tracefs::filter::Filter;
use tracefs::page::{HeaderEvent, Layout, SubBuffer};
use tracefs::{Abi, Endian, Format};

const ABIS: [Abi; 4] = [Abi::LE64, Abi::BE64, Abi::LE32, Abi::BE32];

/// The first byte chooses the machine, the rest is a sub-buffer.
///
/// The walk gives what a slower one gives, goes forward, and can be taken up at every record.
pub fn page(bytes: &[u8]) {
    let Some((choice, page)) = bytes.split_first() else {
        return;
    };
    let abi = ABIS[usize::from(choice % 4)];
    let Ok(layout) = Layout::new(abi, page.len()) else {
        return;
    };
    let Ok(sub) = SubBuffer::parse(page, &layout) else {
        return;
    };
    assert!(sub.data().len() <= layout.data_size());

    let mut seen = Vec::new();
    let mut ended_well = true;
    for record in sub.records() {
        match record {
            Ok(record) => {
                assert_eq!(
                    record.data,
                    &sub.data()[record.offset..record.offset + record.data.len()]
                );
                seen.push((record.timestamp, record.offset, record.data.len()));
            }
            Err(_) => ended_well = false,
        }
    }
    assert!(seen.is_sorted_by(|a, b| a.1 + a.2 <= b.1));
    assert_eq!(
        (seen.clone(), ended_well),
        slow_walk(sub.data(), sub.timestamp(), abi.endian)
    );

    let stop = usize::from(*choice) * seen.len() / 256;
    if let Some(&(_, offset, len)) = seen.get(stop) {
        let rest: Vec<_> = sub
            .after(offset + len)
            .records()
            .flatten()
            .map(|r| (r.timestamp, r.offset, r.data.len()))
            .collect();
        assert_eq!(seen[stop + 1..], rest);
    }
}

/// Records as `(time, begin, length)`, and whether the walk ended at the end; by the book, word by word.
fn slow_walk(data: &[u8], start: u64, endian: Endian) -> (Vec<(u64, usize, usize)>, bool) {
    let word = |at: usize| -> Option<u32> {
        let bytes = data.get(at..at + 4)?.try_into().ok()?;
        Some(match endian {
            Endian::Little => u32::from_le_bytes(bytes),
            Endian::Big => u32::from_be_bytes(bytes),
        })
    };
    let mut records = Vec::new();
    let mut time = start;
    let mut at = 0;
    while at < data.len() {
        let Some(head) = word(at) else {
            return (records, false);
        };
        let (kind, delta) = match endian {
            Endian::Little => (head % 32, u64::from(head / 32)),
            Endian::Big => (head >> 27, u64::from(head % (1 << 27))),
        };
        if kind == 29 && delta == 0 {
            return (records, true);
        }
        let next = if (1..=28).contains(&kind) {
            Some(kind * 4)
        } else {
            word(at + 4)
        };
        let Some(next) = next else {
            return (records, false);
        };
        let long = u128::from(next) << 27 | u128::from(delta);
        let (begin, len) = match kind {
            30 => {
                time = time.wrapping_add(long as u64);
                at += 8;
                continue;
            }
            31 => {
                let top = u128::from(time) >> 59 << 59;
                let mut whole = top | long;
                // The five upper bits have moved on since the time before.
                if top != 0 && whole < u128::from(time) {
                    whole += 1 << 59;
                }
                time = whole as u64;
                at += 8;
                continue;
            }
            1..=28 => (at + 4, next as usize),
            _ => match (next as usize).checked_sub(4) {
                Some(len) => (at + 8, len),
                None => return (records, false),
            },
        };
        if begin + len > data.len() {
            return (records, false);
        }
        at = begin + len;
        if kind != 29 {
            time = time.wrapping_add(delta);
            records.push((time, begin, len));
        } else if delta != 1 {
            time = time.wrapping_add(delta);
        }
    }
    (records, true)
}

const FORMAT: &[u8] = b"name: test\nID: 7\nformat:\n\
    \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\
    \tfield:char a[16];\toffset:8;\tsize:16;\tsigned:0;\n\
    \tfield:__data_loc char[] b;\toffset:24;\tsize:4;\tsigned:0;\n\
    \tfield:__data_loc cpumask_t c;\toffset:28;\tsize:4;\tsigned:0;\n\
    \tfield:u8 d;\toffset:32;\tsize:1;\tsigned:0;\n\
    \tfield:s64 e;\toffset:40;\tsize:8;\tsigned:1;\n\nprint fmt: \"\"\n";

/// A filter expression, a `header_page` and a `header_event`, all as text.
///
/// A filter that parses is the same after printing and parsing again, and a checked one stays one.
pub fn filter(bytes: &[u8]) {
    for endian in [Endian::Little, Endian::Big] {
        if let Ok(layout) = Layout::parse(bytes, endian) {
            assert!(layout.data_offset() + layout.data_size() == layout.size());
        }
    }
    if let Ok(event) = HeaderEvent::parse(bytes) {
        assert_eq!(event.check().is_ok(), {
            let stamp = event.time_stamp.or(Some(31));
            HeaderEvent {
                time_stamp: stamp,
                ..event
            } == HeaderEvent::KNOWN
        });
    }
    let Ok(text) = core::str::from_utf8(bytes) else {
        return;
    };
    let Ok(filter) = text.parse::<Filter>() else {
        return;
    };
    let printed = filter.to_string();
    if printed.len() <= tracefs::filter::MAX_TEXT {
        let again = printed.parse::<Filter>().expect("what is printed parses");
        assert_eq!(again, filter);
    }
    let format = Format::parse(FORMAT).expect("a fixed text");
    if filter.check(&format).is_ok() {
        assert!(printed.len() <= tracefs::filter::MAX_TEXT);
    }
}
