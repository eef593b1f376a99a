//! Targets of `perf-ring`.

use perf_ring::abi::{
    AttrFlags, BranchSampleType, EventAttr, Misc, ReadFormat, RecordHeader, RecordType, SampleType,
};
use perf_ring::cpus::parse_list;
use perf_ring::fake::{FakeRing, Mode};
use perf_ring::keeper::wire::{Message, NewRing, RingId};
use perf_ring::pmu::Format;
use perf_ring::{Body, Layout, Loss, Order, Shared, SharedRings, Start};

use crate::Input;

/// A ring's records read byte by byte, and whether that ended with damage. `None` for positions that cannot be.
fn slowly(data: &[u8], head: u64, tail: u64) -> Option<(Vec<Vec<u8>>, bool)> {
    let there = head.wrapping_sub(tail);
    if there > data.len() as u64 || !there.is_multiple_of(8) || !tail.is_multiple_of(8) {
        return None;
    }
    let byte = |pos: u64| data[(pos % data.len() as u64) as usize];
    let (mut pos, mut records) = (tail, Vec::new());
    while pos != head {
        let size = u16::from_ne_bytes([byte(pos.wrapping_add(6)), byte(pos.wrapping_add(7))]);
        if size < 8 || !size.is_multiple_of(8) || u64::from(size) > head.wrapping_sub(pos) {
            return Some((records, true));
        }
        records.push(
            (0..u64::from(size))
                .map(|i| byte(pos.wrapping_add(i)))
                .collect(),
        );
        pos = pos.wrapping_add(size.into());
    }
    Some((records, false))
}

/// A ring with any contents, head and tail: read as a slower reading does, in every mode.
pub fn contents(data: &[u8]) {
    let mut input = Input(data);
    let (mode, head, tail) = (input.u8(), input.u64(), input.u64());
    // Mostly positions that could be.
    let near = mode & 1 == 0;
    let size = (input.0.len().max(8)).next_power_of_two() as u64;
    let head = if near { head & !7 } else { head };
    let tail = if near {
        head.wrapping_sub((tail % (size + 8)) & !7)
    } else {
        tail
    };
    let mut ring = input.0.to_vec();
    ring.resize(size as usize, 0);

    let fake = FakeRing::from_parts(&ring, Mode::ReadWrite, head, tail);
    let mut reader = fake.reader();
    let (mut got, mut damaged) = (Vec::new(), false);
    match reader.batch() {
        Err(_) => assert!(slowly(&ring, head, tail).is_none()),
        Ok(mut batch) => {
            loop {
                match batch.next() {
                    Ok(Some(record)) => {
                        let mut bytes = Vec::new();
                        record.copy_to(&mut bytes);
                        got.push(bytes);
                    }
                    Ok(None) => break,
                    Err(_) => damaged = true,
                }
            }
            drop(batch);
            assert_eq!(slowly(&ring, head, tail), Some((got, damaged)));
        }
    };
    assert!(
        reader.is_empty() || !head.is_multiple_of(8),
        "everything was given back"
    );

    let spare = size / 8 * u64::from(mode >> 1 & 1);
    let total = |kept: &perf_ring::Kept| -> u64 {
        kept.iter(Order::OldestFirst)
            .map(|record| u64::from(record.header.size))
            .sum()
    };
    let fake = FakeRing::from_parts(&ring, Mode::Backward, head, 0);
    if let Ok(kept) = fake.backward().spare(spare).read() {
        assert!(total(kept) <= size - spare);
        let newest = head.wrapping_neg().min(size - spare) & !7;
        // The newest first, up to the first that is not whole: as a forward reading from the head.
        if let Some((records, _)) = slowly(&ring, head.wrapping_add(newest), head) {
            assert!(kept.len() <= records.len());
            assert_eq!(kept.lapped(), total(kept) < head.wrapping_neg());
        }
    }
    let fake = FakeRing::from_parts(&ring, Mode::Overwrite, head, 0);
    if let Ok(kept) = fake.overwrite().spare(spare).read() {
        assert!(total(kept) <= size - spare);
    }
}

/// Two rings that are written, overwritten, damaged and read as one stream, in any order: while nothing is damaged,
/// delivered and lost are what was counted, each ring's records ascend, and none is torn. Damage ends in an end.
pub fn shared(data: &[u8]) {
    let mut input = Input(data);
    let how = input.u8();
    let (backward, numbered) = (how & 1 != 0, how & 2 != 0);
    let attr = EventAttr {
        sample_type: if numbered {
            SampleType::READ
        } else {
            SampleType::ADDR
        },
        sample_period: 1,
        ..EventAttr::default()
    };
    let mode = if backward {
        Mode::Backward
    } else {
        Mode::Overwrite
    };
    let mut kernels = [0, 1].map(|_| FakeRing::new(256, mode));
    let mut rings = SharedRings::new(&attr).expect("there is a boot id");
    let start = if how & 4 == 0 {
        Start::Oldest
    } else {
        Start::Now
    };
    for (cpu, kernel) in (0..).zip(&kernels) {
        let ring = NewRing {
            ring: RingId { cpu, id: 1 },
            base: 0,
        };
        let counter = Some(kernel.counter());
        let added = if backward {
            rings.add_reader(ring, kernel.backward(), counter, &start)
        } else {
            rings.add_reader(ring, kernel.overwrite(), counter, &start)
        };
        added.expect("the rings are sound");
    }
    let (mut written, mut accounted, mut last) = ([0u64; 2], [0u64; 2], [0u64; 2]);
    let mut damaged = false;
    while !input.0.is_empty() {
        let op = input.u8();
        let cpu = usize::from(op & 1);
        match op >> 6 {
            0 | 1 => {
                for _ in 0..op >> 1 & 31 {
                    written[cpu] += 1;
                    // The number, once or twice.
                    let words = 1 + usize::from(op >> 6);
                    let body = written[cpu].to_ne_bytes().repeat(words);
                    kernels[cpu].emit(RecordType::SAMPLE, &body);
                }
                continue;
            }
            2 if op & 2 != 0 => {
                let (position, word) = (input.u8(), input.u64());
                kernels[cpu].spoil(u64::from(position), word);
                damaged = true;
                continue;
            }
            _ => {}
        }
        let mut items = 0;
        while let Some(item) = rings.next().expect("the timer works") {
            items += 1;
            assert!(items < 200, "two rings of 256 bytes, read twice");
            match item {
                Shared::Record { ring, record, .. } => {
                    let cpu = ring.cpu as usize;
                    accounted[cpu] = accounted[cpu].saturating_add(1);
                    if damaged {
                        continue;
                    }
                    let (number, rest) = record.first.split_first_chunk().expect("a word");
                    let number = u64::from_ne_bytes(*number);
                    assert!(last[cpu] < number && number <= written[cpu]);
                    last[cpu] = number;
                    let same = |word: &[u8]| *word == number.to_ne_bytes();
                    assert!(rest.chunks(8).all(same), "torn");
                }
                Shared::Lost {
                    ring,
                    loss: Loss::Exact(n),
                } => {
                    let place = &mut accounted[ring.cpu as usize];
                    *place = place.saturating_add(n);
                }
                other => assert!(damaged, "{other:?}"),
            }
        }
        assert!(damaged || accounted == written, "{accounted:?} {written:?}");
    }
}

/// Any record by any layout: what can be told without the parser is what the parser tells.
pub fn records(data: &[u8]) {
    let mut input = Input(data);
    let attr = EventAttr {
        sample_type: SampleType::from_bits_retain(input.u64() & 0x1ff_ffff),
        read_format: ReadFormat::from_bits_retain(u64::from(input.u8())),
        branch_sample_type: BranchSampleType::from_bits_retain(u64::from(input.u32())),
        sample_regs_user: input.u64(),
        sample_regs_intr: u64::from(input.u8()),
        flags: AttrFlags::from_bits_retain(u64::from(input.u32())),
        ..EventAttr::default()
    };
    let layout = Layout::of(&attr).expect("all of these bits have a place");
    let header = RecordHeader {
        kind: RecordType(u32::from(input.u8() % 24)),
        misc: Misc(u16::from_le_bytes(input.bytes())),
        size: 0,
    };
    let body = input.0;
    let has = |field| attr.sample_type.contains(field);
    let word = |at: usize| {
        body.get(at..at + 8)
            .map(|b| u64::from_ne_bytes(b.try_into().expect("eight")))
    };
    let Ok(parsed) = layout.parse_body(header, body) else {
        return;
    };
    if let Body::Sample(sample) = parsed.body {
        let mut at = 0;
        let mut next = |field| {
            has(field).then(|| {
                at += 8;
                word(at - 8).expect("it was read")
            })
        };
        assert_eq!(sample.identifier(), next(SampleType::IDENTIFIER));
        assert_eq!(sample.ip(), next(SampleType::IP));
        next(SampleType::TID);
        assert_eq!(sample.time(), next(SampleType::TIME));
        assert_eq!(sample.addr(), next(SampleType::ADDR));
        assert_eq!(sample.id(), next(SampleType::ID));
        assert_eq!(sample.stream_id(), next(SampleType::STREAM_ID));
        assert_eq!(sample.cpu(), next(SampleType::CPU).map(|w| w as u32));
        assert_eq!(sample.period(), next(SampleType::PERIOD));
        assert_eq!(sample.read().is_some(), has(SampleType::READ));
        if !has(SampleType::READ) && has(SampleType::CALLCHAIN) {
            let n = word(at).expect("it was read");
            let chain: Vec<u64> = sample.callchain().expect("asked for").iter().collect();
            assert_eq!(chain.len() as u64, n);
            assert!(
                chain
                    .iter()
                    .enumerate()
                    .all(|(i, ip)| word(at + 8 + i * 8) == Some(*ip))
            );
        }
        if let Some(stack) = sample.extra().stack_user {
            assert!(stack.bytes.len() < body.len());
        }
        // What is left is the end of what was given.
        assert!(body.ends_with(sample.rest()));
    } else if attr.flags.contains(AttrFlags::SAMPLE_ID_ALL) && header.kind.name().is_some() {
        if has(SampleType::IDENTIFIER) {
            assert_eq!(parsed.id.identifier, word(body.len() - 8));
        }
        let fields = [
            SampleType::TID,
            SampleType::TIME,
            SampleType::ID,
            SampleType::STREAM_ID,
            SampleType::CPU,
        ];
        let n =
            fields.iter().filter(|f| has(**f)).count() + usize::from(has(SampleType::IDENTIFIER));
        assert_eq!(layout.trailer_len(), n * 8);
        if has(SampleType::TIME) {
            let before = usize::from(has(SampleType::TID)) * 8;
            assert_eq!(parsed.id.time, word(body.len() - n * 8 + before));
        }
    }
}

/// Text of a PMU's format file, or a CPU list: a value goes to its bits and comes back.
pub fn pmu(data: &[u8]) {
    let mut input = Input(data);
    let value = input.u64();
    let Ok(text) = std::str::from_utf8(input.0) else {
        return;
    };
    if let Some(format) = Format::parse(text) {
        let width = format.width();
        assert!((1..=64).contains(&width));
        assert_eq!(format.mask().count_ones(), width);
        let fits = if width == 64 {
            value
        } else {
            value & ((1 << width) - 1)
        };
        let placed = format.place(fits).expect("it is no wider");
        assert_eq!(placed & !format.mask(), 0);
        assert_eq!(format.extract(placed), fits);
        assert_eq!(format.place(value).is_some(), fits == value);
    }
    if let Some(cpus) = parse_list(text) {
        assert!(cpus.is_sorted_by(|a, b| a < b));
        // A short text can stand for a long list: the way back is tried on short ones.
        if cpus.len() < 256 {
            let again: Vec<_> = cpus.iter().map(u32::to_string).collect();
            assert_eq!(parse_list(&again.join(",")), Some(cpus));
        }
    }
}

/// A packet of the hand-over: what is understood has one form, and that was it.
pub fn handover(data: &[u8]) {
    // As it is, and behind a sound header.
    let mut framed = b"PfRg\x01\x00".to_vec();
    framed.push(data.first().copied().unwrap_or(0) % 11);
    framed.push(0);
    let body = data.get(1..).unwrap_or_default();
    framed.extend_from_slice(&(body.len() as u32).to_le_bytes());
    framed.extend_from_slice(body);
    for packet in [data, &framed] {
        if let Ok(message) = Message::decode(packet) {
            assert_eq!(message.encode(), packet);
        }
    }
}
