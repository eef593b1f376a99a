//! The three readers over a ring in memory: every wrap, every loss, every damage.

use perf_ring::abi::{Misc, RecordHeader, RecordType, SampleType};
use perf_ring::fake::{FakeRing, Mode};
use perf_ring::{Body, Builder, Error, Layout, Order, Record, Software};
use proptest::prelude::*;

fn layout() -> Layout {
    Layout::of(Builder::software(Software::DUMMY).attr()).unwrap()
}

fn body(n: u64, words: usize) -> Vec<u8> {
    (0..words as u64)
        .flat_map(|i| (n << 8 | i).to_ne_bytes())
        .collect()
}

fn whole(record: &Record<'_>) -> Vec<u8> {
    let mut scratch = Vec::new();
    record.body(&mut scratch).to_vec()
}

#[test]
fn a_record_wraps_at_every_offset() {
    for start in (0..256).step_by(8) {
        for words in 0..10 {
            // Also where the 64-bit positions themselves wrap.
            for base in [0, u64::MAX - 255] {
                let mut ring =
                    FakeRing::starting_at(256, Mode::ReadWrite, base.wrapping_add(start));
                let mut reader = ring.reader();
                assert!(ring.emit(RecordType::SAMPLE, &body(7, words)));
                assert!(!reader.is_empty());
                let mut batch = reader.batch().unwrap();
                let record = batch.next().unwrap().unwrap();
                assert_eq!(
                    whole(&record),
                    body(7, words),
                    "start {start}, {words} words"
                );
                let wraps = start as usize + 8 + words * 8 > 256 && start as usize + 8 < 256;
                assert_eq!(
                    !record.second.is_empty(),
                    wraps,
                    "start {start}, {words} words"
                );
                assert!(batch.next().unwrap().is_none());
                drop(batch);
                assert!(reader.is_empty());
            }
        }
    }
}

#[test]
fn a_full_ring_counts_what_it_lost_and_says_so_in_its_place() {
    let mut ring = FakeRing::new(128, Mode::ReadWrite);
    let mut reader = ring.reader();
    let mut written = 0;
    while ring.emit(RecordType::SAMPLE, &body(written, 1)) {
        written += 1;
    }
    assert_eq!(written, 8);
    assert!(!ring.emit(RecordType::SAMPLE, &body(0, 1)));
    assert_eq!(ring.pending_lost(), 2);
    let mut batch = reader.batch().unwrap();
    let mut n = 0;
    while batch.next().unwrap().is_some() {
        n += 1;
    }
    drop(batch);
    assert_eq!(n, 8);
    assert!(ring.emit(RecordType::SAMPLE, &body(99, 1)));
    let mut batch = reader.batch().unwrap();
    let layout = layout();
    let mut scratch = Vec::new();
    let lost = batch.next().unwrap().unwrap();
    let parsed = layout.parse(&lost, &mut scratch).unwrap();
    assert!(matches!(parsed.body, Body::Lost { lost: 2, .. }));
    assert_eq!(whole(&batch.next().unwrap().unwrap()), body(99, 1));
}

#[test]
fn the_room_is_given_back_once_per_batch_and_by_a_panic_too() {
    let mut ring = FakeRing::new(64, Mode::ReadWrite);
    let mut reader = ring.reader();
    for n in 0..4 {
        assert!(ring.emit(RecordType::SAMPLE, &body(n, 1)));
    }
    let mut batch = reader.batch().unwrap();
    batch.next().unwrap();
    // Still borrowed: no room yet.
    assert!(!ring.emit(RecordType::SAMPLE, &body(4, 1)));
    drop(batch);
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut batch = reader.batch().unwrap();
        batch.next().unwrap();
        panic!("the caller's");
    }));
    assert!(unwound.is_err());
    assert_eq!(
        reader.position(),
        32,
        "one record by the batch, one by the panic"
    );
    assert!(
        !ring.emit(RecordType::SAMPLE, &body(5, 4)),
        "40 bytes and 24 of LOST do not fit into 32"
    );
    let mut batch = reader.batch().unwrap();
    assert_eq!(whole(&batch.next().unwrap().unwrap()), body(2, 1));
}

/// Forgetting a batch gives nothing back, and nothing is read twice in a way that hurts.
#[test]
fn a_forgotten_batch_is_read_again() {
    let mut ring = FakeRing::new(64, Mode::ReadWrite);
    let mut reader = ring.reader();
    ring.emit(RecordType::SAMPLE, &body(1, 1));
    let mut batch = reader.batch().unwrap();
    batch.next().unwrap();
    std::mem::forget(batch);
    assert_eq!(
        whole(&reader.batch().unwrap().next().unwrap().unwrap()),
        body(1, 1)
    );
}

fn with_header(size: u16, data: usize) -> Vec<u8> {
    let mut bytes = RecordHeader {
        kind: RecordType::SAMPLE,
        misc: Misc(0),
        size,
    }
    .to_bytes()
    .to_vec();
    bytes.resize(data, 0);
    bytes
}

#[test]
fn a_size_that_cannot_be_is_an_error_and_then_the_end() {
    for size in [0, 1, 7, 12, 40, 72, 0xfff8, 0xffff] {
        let ring = FakeRing::from_parts(&with_header(size, 64), Mode::ReadWrite, 32, 0);
        let mut reader = ring.reader();
        let mut batch = reader.batch().unwrap();
        assert!(
            matches!(batch.next(), Err(Error::RecordSize { position: 0, size: s, available: 32 }) if s == size),
            "size {size}"
        );
        assert!(
            batch.next().unwrap().is_none(),
            "after an error nothing more"
        );
        drop(batch);
        assert_eq!(reader.position(), 32, "the ring goes on");
    }
}

#[test]
fn positions_that_cannot_be_are_an_error_and_the_ring_goes_on() {
    for (head, tail) in [
        (65, 0),
        (1 << 40, 0),
        (0, 8),
        (12, 0),
        (u64::MAX, 0),
        (16, 4),
    ] {
        let mut ring = FakeRing::from_parts(&[0; 64], Mode::ReadWrite, head, tail);
        let mut reader = ring.reader();
        assert!(
            matches!(reader.batch(), Err(Error::RingPositions { .. })),
            "{head} {tail}"
        );
        if head % 8 == 0 {
            assert!(ring.emit(RecordType::SAMPLE, &body(3, 1)));
            assert_eq!(
                whole(&reader.batch().unwrap().next().unwrap().unwrap()),
                body(3, 1)
            );
        }
    }
}

#[test]
fn an_overwrite_reader_follows_until_it_is_overtaken() {
    let mut ring = FakeRing::new(1024, Mode::Overwrite);
    let mut reader = ring.overwrite();
    let mut next = 0;
    for round in 0..100u64 {
        for _ in 0..round % 9 {
            ring.emit(RecordType::SAMPLE, &body(next, 8));
            next += 1;
        }
        let kept = reader.read().unwrap();
        assert!(!kept.lapped());
        let want: Vec<_> = (next - round % 9..next).map(|n| body(n, 8)).collect();
        assert_eq!(
            kept.iter(Order::OldestFirst)
                .map(|r| whole(&r))
                .collect::<Vec<_>>(),
            want
        );
    }
    for n in 0..20 {
        ring.emit(RecordType::SAMPLE, &body(n, 8));
    }
    let kept = reader.read().unwrap();
    assert!(kept.lapped() && kept.is_empty());
    ring.emit(RecordType::SAMPLE, &body(77, 8));
    assert_eq!(whole(&reader.read().unwrap().get(0).unwrap()), body(77, 8));
}

#[test]
fn a_late_backward_reader_finds_everything_that_is_still_there() {
    for n in 0..80u64 {
        let mut ring = FakeRing::new(1024, Mode::Backward);
        for i in 0..n {
            ring.emit(RecordType::SAMPLE, &body(i, (i % 5) as usize + 1));
        }
        let mut reader = ring.backward().spare(0);
        let kept = reader.read().unwrap();
        let got: Vec<_> = kept.iter(Order::OldestFirst).map(|r| whole(&r)).collect();
        let want: Vec<_> = (n - got.len() as u64..n)
            .map(|i| body(i, (i % 5) as usize + 1))
            .collect();
        assert_eq!(got, want, "the newest {} of {n}, whole", got.len());
        let newest: Vec<_> = kept.iter(Order::NewestFirst).map(|r| whole(&r)).collect();
        assert!(newest.iter().rev().eq(&got));
        assert_eq!(kept.lapped(), (got.len() as u64) < n);
        let used: usize = got.iter().map(|b| b.len() + 8).sum();
        let one_more = if got.len() as u64 == n {
            0
        } else {
            ((n - got.len() as u64 - 1) % 5 + 1) as usize * 8 + 8
        };
        assert!(one_more == 0 || used + one_more > 1024, "as many as fit");
        assert!(reader.is_empty() && reader.read().unwrap().is_empty());
    }
}

#[test]
fn a_backward_reader_goes_on_where_it_was() {
    let mut ring = FakeRing::new(4096, Mode::Backward);
    let mut reader = ring.backward();
    ring.emit(RecordType::SAMPLE, &body(1, 1));
    reader.skip_to_now();
    for n in 2..2000 {
        ring.emit(RecordType::SAMPLE, &body(n, 1 + n as usize % 3));
        if n % 7 == 0 {
            ring.emit(RecordType::COMM, &body(n, 2));
            let kept = reader.read().unwrap();
            assert!(!kept.lapped());
            assert_eq!(
                kept.get(kept.len() - 1).unwrap().header.kind,
                RecordType::COMM
            );
            assert_eq!(kept.len(), if n == 7 { 7 } else { 8 });
        }
    }
    ring.pause(true);
    assert!(!ring.emit(RecordType::SAMPLE, &[]));
    ring.pause(false);
    assert!(ring.emit(RecordType::SAMPLE, &body(3, 1)));
    let kinds: Vec<_> = reader
        .read()
        .unwrap()
        .iter(Order::NewestFirst)
        .map(|r| r.header.kind)
        .collect();
    // The LOST record comes before the record it was written with, whichever way the ring is written.
    assert_eq!(kinds[..2], [RecordType::SAMPLE, RecordType::LOST]);
}

/// What the ring says is read by three readers; none may panic, loop, or lend a byte twice.
fn read_anything(data: &[u8], head: u64, tail: u64) {
    let ring = FakeRing::from_parts(data, Mode::ReadWrite, head, tail);
    let mut total = 0u64;
    let mut reader = ring.reader();
    if let Ok(mut batch) = reader.batch() {
        while let Ok(Some(record)) = batch.next() {
            assert_eq!(
                record.first.len() + record.second.len() + 8,
                usize::from(record.header.size)
            );
            total += u64::from(record.header.size);
        }
    }
    assert!(total <= data.len().max(8).next_power_of_two() as u64);
    assert!(reader.batch().is_ok_and(|batch| batch.remaining() == 0) || !head.is_multiple_of(8));
    for spare in [0, 64] {
        let _ = ring
            .overwrite()
            .spare(spare)
            .read()
            .map(|kept| kept.iter(Order::OldestFirst).count());
        if let Ok(kept) = ring.backward().spare(spare).read() {
            assert_eq!(kept.iter(Order::NewestFirst).count(), kept.len());
        }
    }
}

proptest! {
    #[test]
    fn any_contents_and_positions_are_survived(
        data in prop::collection::vec(any::<u8>(), 0..600),
        small in any::<bool>(),
        head in any::<u64>(),
        tail in any::<u64>(),
    ) {
        let near = |x: u64| if small { (x % 1024) & !7 } else { x };
        read_anything(&data, near(head), near(tail));
        read_anything(&data, near(head), near(head).wrapping_sub(near(tail) % 512));
    }

    /// Whatever is written in whatever portions is read back the same, in order, or counted.
    #[test]
    fn what_is_written_is_read_or_counted(
        start in (0u64..64).prop_map(|n| n * 8),
        steps in prop::collection::vec((0usize..30, 0usize..6), 1..200),
    ) {
        let mut ring = FakeRing::starting_at(512, Mode::ReadWrite, start);
        let mut reader = ring.reader();
        let (mut sent, mut got, mut lost, mut told) = (Vec::new(), Vec::new(), 0u64, 0u64);
        let layout = layout();
        for (n, (words, reads)) in steps.into_iter().enumerate() {
            if ring.emit(RecordType::SAMPLE, &body(n as u64, words)) {
                sent.push(body(n as u64, words));
            } else {
                lost += 1;
            }
            let mut batch = reader.batch().unwrap();
            for _ in 0..reads {
                let Some(record) = batch.next().unwrap() else { break };
                let mut scratch = Vec::new();
                if record.header.kind == RecordType::LOST {
                    let parsed = layout.parse(&record, &mut scratch).unwrap();
                    if let Body::Lost { lost, .. } = parsed.body {
                        told += lost;
                    }
                } else {
                    got.push(whole(&record));
                }
            }
        }
        let mut batch = reader.batch().unwrap();
        while let Some(record) = batch.next().unwrap() {
            if record.header.kind == RecordType::LOST {
                let mut scratch = Vec::new();
                if let Body::Lost { lost, .. } = layout.parse(&record, &mut scratch).unwrap().body {
                    told += lost;
                }
            } else {
                got.push(whole(&record));
            }
        }
        prop_assert_eq!(got, sent);
        prop_assert_eq!(told + ring.pending_lost(), lost);
    }
}

#[test]
fn the_sample_bits_of_the_layout_do_not_matter_to_the_ring() {
    let builder = Builder::software(Software::DUMMY).sample(SampleType::from_bits_retain(1 << 40));
    assert!(
        matches!(Layout::of(builder.attr()), Err(Error::UnknownSampleType { bits }) if bits == 1 << 40)
    );
}
