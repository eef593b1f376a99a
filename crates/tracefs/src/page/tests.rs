//! Pages written by a small encoder of the ring buffer's entries, in every byte order and width.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

/// What a test puts into a sub-buffer.
#[derive(Clone, Debug)]
enum Entry {
    /// Difference of time, and words of data; the short form if it fits.
    Data(u64, Vec<u8>),
    /// As `Data`, with the length in a word of its own even if it is short.
    Long(u64, Vec<u8>),
    Extend(u64),
    Stamp(u64),
    Discarded(u64, usize),
}

fn encode(entries: &[Entry], endian: Endian) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let (type_len, delta, word, body) = match entry {
            Entry::Data(delta, data) if (4..=112).contains(&data.len()) => {
                (data.len() as u32 / 4, *delta, None, data.clone())
            }
            Entry::Data(delta, data) | Entry::Long(delta, data) => {
                (0, *delta, Some(data.len() as u32 + 4), data.clone())
            }
            Entry::Extend(by) => (30, by & 0x7ff_ffff, Some((by >> 27) as u32), vec![]),
            Entry::Stamp(at) => (31, at & 0x7ff_ffff, Some((at >> 27) as u32), vec![]),
            Entry::Discarded(delta, len) => (29, *delta, Some(*len as u32 + 4), vec![0xee; *len]),
        };
        let header = match endian {
            Endian::Little => type_len | (delta as u32) << 5,
            Endian::Big => type_len << 27 | delta as u32,
        };
        for word in [Some(header), word].into_iter().flatten() {
            out.extend(match endian {
                Endian::Little => word.to_le_bytes(),
                Endian::Big => word.to_be_bytes(),
            });
        }
        out.extend(body);
    }
    out
}

fn page(layout: &Layout, time: u64, flags: u32, data: &[u8]) -> Vec<u8> {
    let commit = flags | data.len() as u32;
    let mut out = Vec::new();
    match (layout.abi().word, layout.abi().endian) {
        (Word::W64, Endian::Little) => {
            out.extend(time.to_le_bytes());
            // As an x86-64 kernel does it: the uppermost flag is a sign.
            out.extend(i64::from(commit as i32).to_le_bytes());
        }
        (Word::W64, Endian::Big) => {
            out.extend(time.to_be_bytes());
            out.extend(i64::from(commit as i32).to_be_bytes());
        }
        (Word::W32, Endian::Little) => {
            out.extend(time.to_le_bytes());
            out.extend(commit.to_le_bytes());
        }
        (Word::W32, Endian::Big) => {
            out.extend(time.to_be_bytes());
            out.extend(commit.to_be_bytes());
        }
    }
    out.extend(data);
    out.resize(layout.size(), 0);
    out
}

const ABIS: [Abi; 4] = [Abi::LE64, Abi::BE64, Abi::LE32, Abi::BE32];

fn times(data: &[u8], start: u64, endian: Endian) -> Vec<u64> {
    Records::new(data, start, endian)
        .map(|r| r.unwrap().timestamp)
        .collect()
}

#[test]
fn entries_of_every_kind_in_every_abi() {
    for abi in ABIS {
        let layout = Layout::new(abi, 4096).unwrap();
        let data = encode(
            &[
                Entry::Data(0, vec![1; 8]),
                Entry::Data(7, vec![2; 112]),
                Entry::Data(8, vec![3; 116]),
                Entry::Extend(1 << 40),
                Entry::Long(0, vec![4; 4]),
                Entry::Discarded(5, 24),
                Entry::Discarded(1, 4),
                Entry::Stamp(1 << 50),
                Entry::Data(0, vec![5; 4]),
            ],
            abi.endian,
        );
        let page = page(&layout, 1000, 0, &data);
        let sub = SubBuffer::parse(&page, &layout).unwrap();
        assert_eq!((sub.timestamp(), sub.lost()), (1000, None));
        let mut records = sub.records();
        let mut seen = vec![];
        for record in records.by_ref() {
            let record = record.unwrap();
            seen.push((record.timestamp, record.data[0], record.data.len()));
        }
        let after_extend = 1015 + (1 << 40);
        assert_eq!(
            seen,
            [
                (1000, 1, 8),
                (1007, 2, 112),
                (1015, 3, 116),
                (after_extend, 4, 4),
                (1 << 50, 5, 4)
            ]
        );
        assert_eq!(records.discarded(), 2);
        assert_eq!(records.offset(), data.len());
    }
}

#[test]
fn a_discarded_entry_moves_time_unless_its_difference_is_the_marker() {
    let data = encode(
        &[
            Entry::Discarded(5, 8),
            Entry::Data(0, vec![0; 4]),
            Entry::Discarded(1, 8),
            Entry::Data(0, vec![0; 4]),
        ],
        Endian::Little,
    );
    assert_eq!(times(&data, 100, Endian::Little), [105, 105]);
}

#[test]
fn padding_without_a_difference_ends_the_walk() {
    let mut data = encode(&[Entry::Data(1, vec![0; 4])], Endian::Little);
    data.extend(29u32.to_le_bytes());
    data.extend([0xff; 20]);
    let mut records = Records::new(&data, 0, Endian::Little);
    assert!(records.next().unwrap().is_ok());
    assert!(records.next().is_none());
    assert!(records.next().is_none());
}

#[test]
fn absolute_stamps_take_their_top_bits_from_the_time_before() {
    let top = 0x50u64 << 56;
    let near_end = top | ((1 << 59) - 10);
    let data = encode(
        &[
            Entry::Stamp(near_end & !STAMP_TOP_FOR_TEST),
            Entry::Data(0, vec![0; 4]),
            Entry::Stamp(3), // the low 59 bits went over
            Entry::Data(0, vec![0; 4]),
        ],
        Endian::Little,
    );
    assert_eq!(
        times(&data, near_end - 5, Endian::Little),
        [near_end, top + (1 << 59) + 3]
    );
}
const STAMP_TOP_FOR_TEST: u64 = 0xf8 << 56;

#[test]
fn lost_records_by_flag_and_by_count() {
    for abi in ABIS {
        let layout = Layout::new(abi, 128).unwrap();
        let data = encode(&[Entry::Data(0, vec![0; 4])], abi.endian);
        let mut stored = page(&layout, 0, MISSED_EVENTS | MISSED_STORED, &data);
        let at = layout.data_offset() + data.len();
        let count: &[u8] = match (abi.word, abi.endian) {
            (Word::W64, Endian::Little) => &1190u64.to_le_bytes(),
            (Word::W64, Endian::Big) => &1190u64.to_be_bytes(),
            (Word::W32, Endian::Little) => &1190u32.to_le_bytes(),
            (Word::W32, Endian::Big) => &1190u32.to_be_bytes(),
        };
        stored[at..at + count.len()].copy_from_slice(count);
        let sub = SubBuffer::parse(&stored, &layout).unwrap();
        assert_eq!(sub.lost(), Some(Loss::Exact(1190)));
        assert_eq!(sub.data(), data, "the count is no part of the data");

        let flagged = page(&layout, 0, MISSED_EVENTS, &data);
        let sub = SubBuffer::parse(&flagged, &layout).unwrap();
        assert_eq!(sub.lost(), Some(Loss::Unknown));
    }
}

#[test]
fn a_count_that_was_cut_off_is_unknown() {
    let layout = Layout::new(Abi::LE64, 128).unwrap();
    let data = encode(&[Entry::Data(0, vec![0; 4])], Endian::Little);
    let page = page(&layout, 0, MISSED_EVENTS | MISSED_STORED, &data);
    let cut = &page[..layout.data_offset() + data.len() + 3];
    assert_eq!(
        SubBuffer::parse(cut, &layout).unwrap().lost(),
        Some(Loss::Unknown)
    );
}

#[test]
fn pages_that_contradict_themselves() {
    let layout = Layout::new(Abi::LE64, 64).unwrap();
    let error = |page: &[u8]| SubBuffer::parse(page, &layout).unwrap_err().to_string();
    assert_eq!(
        error(&[]),
        "sub-buffer, byte 0: shorter than the sub-buffer header"
    );
    assert_eq!(
        error(&[0; 9]),
        "sub-buffer, byte 8: shorter than the sub-buffer header"
    );
    assert_eq!(
        error(&[0; 15]),
        "sub-buffer, byte 16: shorter than the sub-buffer header"
    );
    let mut page = [0; 64];
    page[8] = 49;
    assert_eq!(
        error(&page),
        "sub-buffer, byte 16: more bytes committed than a sub-buffer holds"
    );
    page[8] = 48;
    assert!(SubBuffer::parse(&page, &layout).is_ok());
}

#[test]
fn entries_that_cannot_be() {
    let walk = |words: &[u32]| {
        let data: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let mut records = Records::new(&data, 0, Endian::Little);
        let text = loop {
            match records.next() {
                Some(Ok(_)) => {}
                Some(Err(e)) => break e.to_string(),
                None => break "fine".to_string(),
            }
        };
        assert!(records.next().is_none(), "nothing after an error");
        text
    };
    assert_eq!(walk(&[2, 0, 0]), "fine");
    assert_eq!(
        walk(&[2, 0]),
        "sub-buffer, byte 0: an entry longer than what was committed"
    );
    assert_eq!(
        walk(&[1, 0, 0]),
        "sub-buffer, byte 8: an entry cut off after its header"
    );
    assert_eq!(
        walk(&[0, 0]),
        "sub-buffer, byte 0: an entry shorter than its own length word"
    );
    assert_eq!(
        walk(&[0, 9, 0]),
        "sub-buffer, byte 0: an entry longer than what was committed"
    );
    assert_eq!(
        walk(&[0, u32::MAX, 0]),
        "sub-buffer, byte 0: an entry longer than what was committed"
    );
    assert_eq!(
        walk(&[30]),
        "sub-buffer, byte 0: an entry cut off after its header"
    );
    assert_eq!(
        walk(&[29 | 1 << 5, 3]),
        "sub-buffer, byte 0: an entry shorter than its own length word"
    );
    let mut odd = Records::new(&[1, 2, 3], 0, Endian::Little);
    assert_eq!(
        odd.next().unwrap().unwrap_err().to_string(),
        "sub-buffer, byte 0: an entry header cut off"
    );
}

#[test]
fn the_id_of_a_record_is_its_first_two_bytes() {
    let record = |data| RawRecord {
        timestamp: 0,
        data,
        offset: 0,
    };
    assert_eq!(record(&[1, 2, 3, 4]).event_id(Endian::Little), Some(0x201));
    assert_eq!(record(&[1, 2, 3, 4]).event_id(Endian::Big), Some(0x102));
    assert_eq!(record(&[1]).event_id(Endian::Little), None);
}

const HEADER_PAGE: &str = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\
    \tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n\
    \tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\
    \tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n";

#[test]
fn header_page_of_both_word_sizes() {
    let layout = Layout::parse(HEADER_PAGE.as_bytes(), Endian::Little).unwrap();
    assert_eq!(layout, Layout::new(Abi::LE64, 4096).unwrap());
    let small = HEADER_PAGE
        .replace("commit;\toffset:8;\tsize:8", "commit;\toffset:8;\tsize:4")
        .replace("offset:16;\tsize:4080", "offset:12;\tsize:4084");
    let layout = Layout::parse(small.as_bytes(), Endian::Big).unwrap();
    assert_eq!(layout, Layout::new(Abi::BE32, 4096).unwrap());
    assert_eq!((layout.size(), layout.data_offset()), (4096, 12));
}

#[test]
fn header_pages_that_are_wrong() {
    let wrong = |from: &str, to: &str| {
        Layout::parse(HEADER_PAGE.replace(from, to).as_bytes(), Endian::Little)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        wrong("timestamp", "stamp"),
        "header_page, line 5: no timestamp field"
    );
    assert_eq!(
        wrong("commit;", "x;"),
        "header_page, line 5: no commit field"
    );
    assert_eq!(
        wrong("char data", "char d"),
        "header_page, line 5: no data field"
    );
    assert_eq!(
        wrong("offset:0;\tsize:8", "offset:0;\tsize:4"),
        "header_page, line 1: a timestamp that is not 8 bytes long"
    );
    assert_eq!(
        wrong("offset:8;\tsize:8", "offset:8;\tsize:2"),
        "header_page, line 2: a commit word of neither 4 nor 8 bytes"
    );
    assert_eq!(
        wrong("size:4080", "size:0"),
        "header_page, line 4: data of an impossible size"
    );
    assert_eq!(
        wrong("size:4080", "size:9999999999999999999"),
        "header_page, line 4: not a field with offset and size"
    );
    assert_eq!(
        wrong("offset:16", "offset:12"),
        "header_page, line 4: fields that overlap"
    );
    assert_eq!(
        wrong("offset:0", "offset:4"),
        "header_page, line 4: fields that overlap"
    );
    assert_eq!(
        wrong("\tfield: int", "\tint"),
        "header_page, line 3: not a field with offset and size"
    );
    for size in [0, 16, usize::MAX, 16 + MAX + 1] {
        assert!(Layout::new(Abi::LE64, size).is_err(), "{size}");
    }
    assert!(Layout::new(Abi::LE64, 16 + MAX).is_ok());
}
const MAX: usize = COMMIT_MASK as usize;

const HEADER_EVENT: &str = "# compressed entry header\n\ttype_len    :    5 bits\n\
    \ttime_delta  :   27 bits\n\tarray       :   32 bits\n\n\tpadding     : type == 29\n\
    \ttime_extend : type == 30\n\ttime_stamp : type == 31\n\tdata max type_len  == 28\n";

#[test]
fn header_event_is_read_and_held_against_what_is_walked() {
    let event = HeaderEvent::parse(HEADER_EVENT.as_bytes()).unwrap();
    assert_eq!(event, HeaderEvent::KNOWN);
    event.check().unwrap();

    let old = HEADER_EVENT.replace("\ttime_stamp : type == 31\n", "");
    let event = HeaderEvent::parse(old.as_bytes()).unwrap();
    assert_eq!(event.time_stamp, None);
    event.check().unwrap();

    let other = HEADER_EVENT.replace("27 bits", "26 bits");
    let event = HeaderEvent::parse(other.as_bytes()).unwrap();
    assert_eq!(
        event.check().unwrap_err().to_string(),
        "header_event: time_delta is missing or not what it has always been"
    );
    assert!(HeaderEvent::parse(b"type : 2 bits\n").is_err());
}

/// Entries as the kernel makes them: a stamp or an extend stands before data, lengths are whole words.
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let words = |max| (1..max as usize).prop_map(|n| vec![0x5a; n * 4]);
    let delta = 0..1u64 << 27;
    prop::collection::vec(
        prop_oneof![
            4 => (delta.clone(), words(40)).prop_map(|(d, w)| Entry::Data(d, w)),
            1 => (delta, words(40)).prop_map(|(d, w)| Entry::Long(d, w)),
            1 => (0..1u64 << 50).prop_map(Entry::Extend),
            1 => (0..1u64 << 59).prop_map(Entry::Stamp),
            1 => (1..1u64 << 27, (1..20usize).prop_map(|n| n * 4))
                .prop_map(|(d, n)| Entry::Discarded(d, n)),
        ],
        0..40,
    )
}

proptest! {
    /// What was put in comes out, with the times that a plain sum gives.
    #[test]
    fn pages_come_back(list in entries(), start in 0..1u64 << 58, which in 0..4usize) {
        let abi = ABIS[which];
        let mut time = start;
        let mut expected = vec![];
        for entry in &list {
            match entry {
                Entry::Data(d, w) | Entry::Long(d, w) => {
                    time += d;
                    expected.push((time, w.clone()));
                }
                Entry::Extend(d) => time += d,
                Entry::Stamp(at) => {
                    let top = time & STAMP_TOP_FOR_TEST;
                    let whole = at | top;
                    time = if top != 0 && whole < time { whole.wrapping_add(1 << 59) } else { whole };
                }
                Entry::Discarded(1, _) => {}
                Entry::Discarded(d, _) => time += d,
            }
        }
        let data = encode(&list, abi.endian);
        let layout = Layout::new(abi, 1 << 16).unwrap();
        let page = page(&layout, start, 0, &data);
        let sub = SubBuffer::parse(&page, &layout).unwrap();
        let seen: Vec<_> = sub
            .records()
            .map(|r| r.unwrap())
            .map(|r| (r.timestamp, r.data.to_vec()))
            .collect();
        prop_assert_eq!(seen, expected);
    }

    /// Reading a page in two parts gives what one reading gives.
    #[test]
    fn a_walk_can_be_taken_up_again(list in entries(), part in 0.0..1.0f64) {
        let data = encode(&list, Endian::Little);
        let layout = Layout::new(Abi::LE64, 1 << 16).unwrap();
        let whole = page(&layout, 77, 0, &data);
        let sub = SubBuffer::parse(&whole, &layout).unwrap();
        let all: Vec<_> = sub.records().map(|r| r.unwrap()).collect();
        let n = (all.len() as f64 * part) as usize;
        // Where a reader stopped that saw only the first n records committed.
        let stop = n.checked_sub(1).map_or(0, |i| all[i].offset + all[i].data.len());
        let rest: Vec<_> = sub.after(stop).records().map(|r| r.unwrap()).collect();
        prop_assert_eq!(&all[n..], rest);
    }
}
