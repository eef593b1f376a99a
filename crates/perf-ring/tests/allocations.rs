//! Reading allocates nothing once its buffers have grown: every reader, over rings in memory.

use std::time::Duration;

use allocation_counter::measure;
use perf_ring::abi::{RecordType, SampleType};
use perf_ring::fake::{FakeRing, Mode};
use perf_ring::keeper::wire::{NewRing, RingId};
use perf_ring::{Builder, Clock, Layout, Order, Shared, SharedRings, Software, Start};

const RECORDS: u64 = 300;

/// The smallest of several rounds must be none: the first ones let buffers grow.
fn settles_at_none(mut round: impl FnMut()) {
    let rounds: Vec<u64> = (0..6).map(|_| measure(&mut round).count_total).collect();
    assert_eq!(rounds[2..], [0; 4], "{rounds:?}");
}

#[test]
fn the_counter_counts() {
    let one = measure(|| drop(std::hint::black_box(vec![1_u8])));
    assert_eq!(one.count_total, 1);
}

#[test]
fn a_read_write_ring() {
    let attr = *Builder::software(Software::DUMMY)
        .sample(SampleType::TIME | SampleType::RAW)
        .attr();
    let layout = Layout::of(&attr).unwrap();
    let mut kernel = FakeRing::new(1 << 15, Mode::ReadWrite);
    let mut reader = kernel.reader();
    let mut scratch = Vec::new();
    settles_at_none(|| {
        for _ in 0..RECORDS {
            assert!(kernel.emit(RecordType::SAMPLE, &[0; 16]));
        }
        let mut batch = reader.batch().unwrap();
        let mut n = 0;
        while let Some(record) = batch.next().unwrap() {
            let sample = layout.sample(record.body(&mut scratch)).unwrap();
            n += u64::from(sample.raw().is_some());
        }
        assert_eq!(n, RECORDS);
    });
}

#[test]
fn an_overwrite_ring() {
    let mut kernel = FakeRing::new(1 << 15, Mode::Overwrite);
    let mut reader = kernel.overwrite();
    settles_at_none(|| {
        for _ in 0..RECORDS {
            kernel.emit(RecordType::SAMPLE, &[0; 16]);
        }
        let kept = reader.read().unwrap();
        assert_eq!(kept.iter(Order::OldestFirst).count() as u64, RECORDS);
    });
}

#[test]
fn shared_rings_with_some_records_held_back() {
    let attr = *Builder::software(Software::DUMMY)
        .sample(SampleType::TIME)
        .clock(Clock::Monotonic)
        .attr();
    let mut kernels = [Mode::Overwrite, Mode::Backward].map(|mode| FakeRing::new(1 << 15, mode));
    let mut rings = SharedRings::new(&attr).unwrap().delay(Duration::ZERO);
    let id = |cpu| NewRing {
        ring: RingId { cpu, id: 1 },
        base: 0,
    };
    let [forward, backward] = &kernels;
    let (first, second) = (Some(forward.counter()), Some(backward.counter()));
    rings
        .add_reader(id(0), forward.overwrite(), first, &Start::Oldest)
        .unwrap();
    rings
        .add_reader(id(1), backward.backward(), second, &Start::Oldest)
        .unwrap();
    let mut n = 0;
    settles_at_none(|| {
        let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap();
        let now = u64::try_from(Duration::from(now).as_nanos()).unwrap();
        for kernel in &mut kernels {
            for i in 0..RECORDS {
                // Half of them are of the future, by two thousandths of a second.
                let time = if i % 2 == 0 { now } else { now + 2_000_000 };
                kernel.emit(RecordType::SAMPLE, &time.to_ne_bytes());
            }
        }
        let before = n;
        let mut most = 100;
        while n < before + 2 * RECORDS && most > 0 {
            while let Some(item) = rings.next().unwrap() {
                assert!(matches!(item, Shared::Record { .. }));
                n += 1;
            }
            rings.wait(Some(Duration::from_millis(5))).unwrap();
            most -= 1;
        }
        assert_eq!(n, before + 2 * RECORDS);
    });
}
