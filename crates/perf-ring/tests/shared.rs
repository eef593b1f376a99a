//! Read-only rings as one stream, over rings in memory: order, delay, exact loss, places to start from.

use perf_ring::abi::{AttrFlags, EventAttr, ReadFormat, RecordType, SampleType};
use perf_ring::fake::{FakeRing, Mode};
use perf_ring::keeper::wire::{NewRing, RingId};
use perf_ring::{Builder, Clock, Cursor, Error, Loss, Shared, SharedRings, Software, Start};
use proptest::prelude::*;
use std::time::Duration;

/// What the kernels of 2013 open their persistent tracepoints with: no time, no number.
fn bare() -> EventAttr {
    EventAttr {
        sample_type: SampleType::RAW,
        sample_period: 1,
        ..EventAttr::default()
    }
}

fn timed() -> EventAttr {
    *Builder::software(Software::DUMMY)
        .sample(SampleType::TIME)
        .clock(Clock::Monotonic)
        .attr()
}

const fn ring(cpu: u32) -> NewRing {
    NewRing {
        ring: RingId { cpu, id: 7 },
        base: 0,
    }
}

/// A sample of nothing but RAW that says `n`: 16 bytes of body.
fn raw(n: u64) -> Vec<u8> {
    [&12u32.to_ne_bytes()[..], &n.to_ne_bytes(), &[0; 4]].concat()
}

fn emit(ring: &mut FakeRing, n: u64) {
    ring.emit(RecordType::SAMPLE, &raw(n));
}

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Record(u32, u64),
    Lost(u32, u64),
    Unknown(u32),
    NewEpoch(u32),
}

fn seen(item: Shared<'_>, rings: &perf_ring::Layout) -> Seen {
    match item {
        Shared::Record { ring, record, .. } => {
            let mut scratch = Vec::new();
            let sample = rings.sample(record.body(&mut scratch)).unwrap();
            let n = match sample.raw() {
                Some(raw) => u64::from_ne_bytes(*raw.first_chunk().unwrap()),
                None => sample.time().unwrap(),
            };
            Seen::Record(ring.cpu, n)
        }
        Shared::Lost {
            ring,
            loss: Loss::Exact(n),
        } => Seen::Lost(ring.cpu, n),
        Shared::Lost { ring, .. } => Seen::Unknown(ring.cpu),
        Shared::NewEpoch(ring) => Seen::NewEpoch(ring.cpu),
        Shared::KeeperGone => panic!("there is no keeper"),
    }
}

fn take(rings: &mut SharedRings) -> Vec<Seen> {
    let layout = *rings.layout();
    let mut all = Vec::new();
    while let Some(item) = rings.next().unwrap() {
        all.push(seen(item, &layout));
    }
    all
}

fn records(cpu: u32, numbers: impl Iterator<Item = u64>) -> Vec<Seen> {
    numbers.map(|n| Seen::Record(cpu, n)).collect()
}

fn follow(kernel: &FakeRing, start: &Start) -> SharedRings {
    let mut rings = SharedRings::new(&bare()).unwrap();
    rings
        .add_reader(ring(0), kernel.overwrite(), Some(kernel.counter()), start)
        .unwrap();
    rings
}

#[test]
fn the_first_lap_is_read_from_its_beginning() {
    for n in 0..28 {
        let mut kernel = FakeRing::new(1024, Mode::Overwrite);
        (0..n).for_each(|i| emit(&mut kernel, i));
        // Any number of readers, each with its own place.
        let mut early = follow(&kernel, &Start::Oldest);
        assert_eq!(take(&mut early), records(0, 0..n));
        let mut now = follow(&kernel, &Start::Now);
        assert_eq!(take(&mut now), []);
        emit(&mut kernel, n);
        let mut late = follow(&kernel, &Start::Oldest);
        assert_eq!(take(&mut late), records(0, 0..n + 1));
        assert_eq!(take(&mut early), [Seen::Record(0, n)]);
        assert_eq!(take(&mut now), [Seen::Record(0, n)]);
    }
}

#[test]
fn who_comes_after_the_first_lap_begins_now_and_is_told_how_many_are_gone() {
    for n in [43, 44, 100, 1000] {
        let mut kernel = FakeRing::new(1024, Mode::Overwrite);
        (0..n).for_each(|i| emit(&mut kernel, i));
        let mut rings = follow(&kernel, &Start::Oldest);
        assert_eq!(take(&mut rings), [Seen::Lost(0, n)]);
        emit(&mut kernel, n);
        assert_eq!(take(&mut rings), [Seen::Record(0, n)]);
        assert_eq!(take(&mut follow(&kernel, &Start::Now)), []);
    }
}

#[test]
fn a_lap_is_counted_at_once_and_reading_goes_on_behind_it() {
    let mut kernel = FakeRing::new(1024, Mode::Overwrite);
    let mut rings = follow(&kernel, &Start::Oldest);
    let mut n = 0;
    for round in 0..200u64 {
        let some = round * 7 % 60;
        (n..n + some).for_each(|i| emit(&mut kernel, i));
        // An eighth of the ring is not trusted: 37 records of 24 bytes are what it gives.
        let want = if some <= 37 {
            records(0, n..n + some)
        } else {
            vec![Seen::Lost(0, some)]
        };
        assert_eq!(take(&mut rings), want, "round {round}");
        n += some;
    }
}

/// A read that the writer goes over while it copies is a lap, too: nothing of it is handed out.
#[test]
fn what_is_torn_is_given_up_and_counted() {
    let mut kernel = FakeRing::new(1024, Mode::Overwrite);
    let mut rings = follow(&kernel, &Start::Oldest);
    (0..3).for_each(|i| emit(&mut kernel, i));
    assert_eq!(take(&mut rings), records(0, 0..3));
    // A size of 0 in the middle, as a writer leaves it that has begun and not ended.
    (3..6).for_each(|i| emit(&mut kernel, i));
    kernel.spoil(4 * 24, 0);
    assert_eq!(take(&mut rings), [Seen::Lost(0, 3)]);
    emit(&mut kernel, 6);
    assert_eq!(take(&mut rings), [Seen::Record(0, 6)]);

    // Without a counter, nobody knows how many.
    let mut rings = SharedRings::new(&bare()).unwrap();
    let none = None::<fn() -> Result<u64, Error>>;
    rings
        .add_reader(ring(3), kernel.overwrite(), none, &Start::Now)
        .unwrap();
    let end = kernel.position();
    emit(&mut kernel, 7);
    kernel.spoil(end, u64::MAX);
    assert_eq!(take(&mut rings), [Seen::Unknown(3)]);
    (0..100).for_each(|i| emit(&mut kernel, i));
    assert_eq!(take(&mut rings), [Seen::Unknown(3)]);
}

/// Events that made no record at all are missing, too.
#[test]
fn what_was_counted_and_never_written_is_told_when_nothing_more_comes() {
    let mut kernel = FakeRing::new(1024, Mode::Overwrite);
    let mut rings = follow(&kernel, &Start::Oldest);
    emit(&mut kernel, 0);
    kernel.pause(true);
    (1..5).for_each(|i| emit(&mut kernel, i));
    assert_eq!(take(&mut rings), [Seen::Record(0, 0), Seen::Lost(0, 4)]);
    assert!(!rings.wait(Some(Duration::from_millis(1))).unwrap());
}

#[test]
fn a_period_that_makes_no_sample_of_each_event_leaves_the_loss_unknown() {
    for attr in [
        EventAttr {
            sample_period: 2,
            ..bare()
        },
        EventAttr {
            flags: AttrFlags::FREQ,
            ..bare()
        },
        EventAttr {
            read_format: ReadFormat::GROUP,
            ..bare()
        },
    ] {
        let mut kernel = FakeRing::new(1024, Mode::Overwrite);
        let mut rings = SharedRings::new(&attr).unwrap();
        let counter = Some(kernel.counter());
        rings
            .add_reader(ring(0), kernel.overwrite(), counter, &Start::Oldest)
            .unwrap();
        (0..100).for_each(|i| emit(&mut kernel, i));
        assert_eq!(take(&mut rings), [Seen::Unknown(0)]);
        assert_eq!(rings.cursor().position([0; 16], ring(0).ring), None);
    }
}

#[test]
fn a_cursor_goes_on_or_counts_what_is_gone() {
    let mut kernel = FakeRing::new(1024, Mode::Overwrite);
    let mut rings = follow(&kernel, &Start::Oldest);
    (0..10).for_each(|i| emit(&mut kernel, i));
    assert_eq!(take(&mut rings).len(), 10);
    let cursor = Cursor::from_bytes(&rings.cursor().to_bytes()).unwrap();
    (10..15).for_each(|i| emit(&mut kernel, i));
    let mut again = follow(&kernel, &Start::After(cursor.clone()));
    assert_eq!(take(&mut again), records(0, 10..15));
    (15..500).for_each(|i| emit(&mut kernel, i));
    let mut late = follow(&kernel, &Start::After(cursor));
    assert_eq!(take(&mut late), [Seen::Lost(0, 490)]);
    // A loss that was handed out is accounted for.
    let mut last = follow(&kernel, &Start::After(late.cursor()));
    assert_eq!(take(&mut last), []);
    emit(&mut kernel, 500);
    assert_eq!(take(&mut last), [Seen::Record(0, 500)]);
    // A cursor of another event.
    let mut rings = SharedRings::new(&bare()).unwrap();
    let mut other = ring(0);
    other.ring.id = 8;
    let start = Start::After(last.cursor());
    rings
        .add_reader(other, kernel.overwrite(), Some(kernel.counter()), &start)
        .unwrap();
    assert_eq!(take(&mut rings)[0], Seen::NewEpoch(0));
}

/// A cursor into a ring without numbers hands nothing out twice and miscounts nothing, wherever the ring has got to.
#[test]
fn a_cursor_without_numbers_is_never_read_twice() {
    for mode in [Mode::Overwrite, Mode::Backward] {
        for (before, after) in [
            (5, 5),
            (5, 30),
            (20, 15),
            (30, 60),
            (60, 1),
            (60, 60),
            (0, 90),
        ] {
            let mut kernel = FakeRing::new(1024, mode);
            let add = |kernel: &FakeRing, start: &Start| {
                let mut rings = SharedRings::new(&bare()).unwrap();
                let counter = Some(kernel.counter());
                if mode == Mode::Overwrite {
                    rings.add_reader(ring(0), kernel.overwrite(), counter, start)
                } else {
                    rings.add_reader(ring(0), kernel.backward(), counter, start)
                }
                .unwrap();
                rings
            };
            let mut rings = add(&kernel, &Start::Oldest);
            (0..before).for_each(|i| emit(&mut kernel, i));
            take(&mut rings);
            (before..before + after).for_each(|i| emit(&mut kernel, i));
            let mut again = add(&kernel, &Start::After(rings.cursor()));
            let mut accounted = 0;
            for _ in 0..2 {
                for item in take(&mut again) {
                    accounted += match item {
                        Seen::Record(_, n) => {
                            assert!(n >= before, "{mode:?}, {before} and {after}: {n} again");
                            1
                        }
                        Seen::Lost(_, n) => n,
                        other => panic!("{other:?}"),
                    };
                }
                emit(&mut kernel, before + after);
            }
            assert_eq!(accounted, after + 1, "{mode:?}, {before} and {after}");
        }
    }
}

/// Numbers in the samples tell the loss of a forward ring without a counter.
#[test]
fn numbered_samples_need_no_counter() {
    let attr = EventAttr {
        sample_type: SampleType::TIME | SampleType::READ,
        ..bare()
    };
    for mode in [Mode::Overwrite, Mode::Backward] {
        let mut kernel = FakeRing::new(1024, mode);
        let mut rings = SharedRings::new(&attr).unwrap();
        let none = None::<fn() -> Result<u64, Error>>;
        let start = &Start::Oldest;
        if mode == Mode::Overwrite {
            rings.add_reader(ring(0), kernel.overwrite(), none, start)
        } else {
            rings.add_reader(ring(0), kernel.backward(), none, start)
        }
        .unwrap();
        let mut emit = |n: u64| {
            kernel.emit(
                RecordType::SAMPLE,
                &[n.to_ne_bytes(), n.to_ne_bytes()].concat(),
            );
        };
        (1..=5).for_each(&mut emit);
        assert_eq!(take(&mut rings).len(), 5);
        (6..=205).for_each(&mut emit);
        let mut got = take(&mut rings);
        emit(206);
        got.extend(take(&mut rings));
        let (lost, read) = got.split_first().unwrap();
        let n = read.len() as u64;
        assert_eq!(*lost, Seen::Lost(0, 201 - n), "{mode:?}: first the loss");
        assert_eq!(read, records(0, 207 - n..207));
    }
}

#[test]
fn the_rings_of_two_cpus_are_merged_and_held_back_until_they_are_due() {
    let now = || u64::try_from(nanoseconds()).unwrap();
    let mut kernels = [0, 1].map(|_| FakeRing::new(4096, Mode::Overwrite));
    let delay = Duration::from_millis(200);
    let mut rings = SharedRings::new(&timed()).unwrap().delay(delay);
    for (cpu, kernel) in (0..).zip(&kernels) {
        let counter = Some(kernel.counter());
        rings
            .add_reader(ring(cpu), kernel.overwrite(), counter, &Start::Oldest)
            .unwrap();
    }
    let start = now();
    let mut emit = |cpu: usize, time: u64| {
        kernels[cpu].emit(RecordType::SAMPLE, &time.to_ne_bytes());
    };
    // Old ones come at once, sorted.
    (0..3).for_each(|i| emit(0, 10 + i * 10));
    (0..3).for_each(|i| emit(1, 15 + i * 10));
    let times = |seen: &[Seen]| -> Vec<u64> {
        let time = |seen: &Seen| match seen {
            Seen::Record(_, time) => *time,
            other => panic!("{other:?}"),
        };
        seen.iter().map(time).collect()
    };
    assert_eq!(times(&take(&mut rings)), [10, 15, 20, 25, 30, 35]);
    // New ones wait for an earlier one of the other CPU that is written later.
    emit(0, start + 2);
    emit(0, start + 4);
    assert_eq!(take(&mut rings), []);
    assert!(rings.next().unwrap().is_none());
    emit(1, start + 1);
    emit(1, start + 3);
    assert_eq!(take(&mut rings), []);
    // The ring goes round meanwhile: what is held back is a copy. The loss stands behind it.
    (0..300).for_each(|i| emit(0, start + 5 + i));
    assert_eq!(take(&mut rings), []);
    assert!(rings.wait(Some(Duration::from_secs(10))).unwrap());
    let mut got = take(&mut rings);
    assert_eq!(got.pop(), Some(Seen::Lost(0, 300)));
    assert_eq!(times(&got), [1, 2, 3, 4].map(|i| start + i));
    // For the end, nothing is held back.
    emit(1, now());
    assert_eq!(take(&mut rings), []);
    assert!(matches!(rings.flush(), Some(Shared::Record { .. })));
    assert!(rings.flush().is_none());
}

/// A time that cannot be must not hold back what comes after it.
#[test]
fn a_record_of_the_far_future_is_no_dam() {
    let mut kernel = FakeRing::new(4096, Mode::Overwrite);
    let mut rings = SharedRings::new(&timed()).unwrap();
    let counter = Some(kernel.counter());
    rings
        .add_reader(ring(0), kernel.overwrite(), counter, &Start::Oldest)
        .unwrap();
    for time in [1, u64::MAX, 2, u64::MAX - 1] {
        kernel.emit(RecordType::SAMPLE, &time.to_ne_bytes());
    }
    assert_eq!(
        take(&mut rings),
        records(0, [1, u64::MAX, 2, u64::MAX - 1].into_iter())
    );
}

fn nanoseconds() -> u128 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap();
    Duration::from(now).as_nanos()
}

#[test]
fn what_is_held_back_wakes_whoever_waits_for_the_descriptor() {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd as _;
    let mut kernel = FakeRing::new(4096, Mode::Overwrite);
    let mut rings = SharedRings::new(&timed()).unwrap();
    let counter = Some(kernel.counter());
    rings
        .add_reader(ring(0), kernel.overwrite(), counter, &Start::Oldest)
        .unwrap();
    let ready = |rings: &SharedRings, ms: u16| {
        let mut fds = [PollFd::new(rings.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(ms)).unwrap() == 1
    };
    assert!(!ready(&rings, 0));
    let time = u64::try_from(nanoseconds()).unwrap() + 5_000_000;
    kernel.emit(RecordType::SAMPLE, &time.to_ne_bytes());
    while take(&mut rings).is_empty() {
        assert!(ready(&rings, 5000), "nobody else will say so");
    }
    assert!(!ready(&rings, 10), "and it is over then");
}

#[test]
fn a_ring_that_is_over_is_read_to_its_end() {
    let mut kernel = FakeRing::new(1024, Mode::Overwrite);
    let mut rings = follow(&kernel, &Start::Oldest);
    emit(&mut kernel, 1);
    rings.remove(ring(0).ring);
    assert!(!rings.follows(0));
    assert_eq!(take(&mut rings), [Seen::Record(0, 1)]);
    emit(&mut kernel, 2);
    // Emptied and let go before the second came.
    let mut other = FakeRing::new(1024, Mode::Overwrite);
    rings
        .add_reader(
            ring(1),
            other.overwrite(),
            Some(other.counter()),
            &Start::Now,
        )
        .unwrap();
    emit(&mut other, 3);
    assert!(take(&mut rings).contains(&Seen::Record(1, 3)));
}

proptest! {
    /// Delivered and lost are together what was counted; what is delivered is in each ring's order and whole.
    #[test]
    fn delivered_and_lost_are_what_was_counted(
        steps in prop::collection::vec((0usize..3, 0u64..70, any::<bool>()), 1..60),
        backward in any::<bool>(),
    ) {
        let mode = if backward { Mode::Backward } else { Mode::Overwrite };
        let mut kernels = [0, 1, 2].map(|_| FakeRing::new(1024, mode));
        let mut rings = SharedRings::new(&bare()).unwrap();
        for (cpu, kernel) in (0..).zip(&kernels) {
            let counter = Some(kernel.counter());
            if backward {
                rings.add_reader(ring(cpu), kernel.backward(), counter, &Start::Oldest).unwrap();
            } else {
                rings.add_reader(ring(cpu), kernel.overwrite(), counter, &Start::Oldest).unwrap();
            }
        }
        let mut written = [0u64; 3];
        let mut accounted = [0u64; 3];
        let mut last = [None; 3];
        let mut account = |seen: Vec<Seen>| {
            for item in seen {
                match item {
                    Seen::Record(cpu, n) => {
                        let cpu = cpu as usize;
                        assert!(last[cpu] < Some(n));
                        last[cpu] = Some(n);
                        accounted[cpu] += 1;
                    }
                    Seen::Lost(cpu, n) => accounted[cpu as usize] += n,
                    other => panic!("{other:?}"),
                }
            }
            accounted
        };
        for (cpu, n, read) in steps {
            for _ in 0..n {
                emit(&mut kernels[cpu], written[cpu]);
                written[cpu] += 1;
            }
            if read {
                let now = account(take(&mut rings));
                prop_assert_eq!(now, written);
            }
        }
        prop_assert_eq!(account(take(&mut rings)), written);
    }
}
