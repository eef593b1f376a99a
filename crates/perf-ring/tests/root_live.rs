//! The running kernel: software events and tracepoints, counted, lost, wrapped, merged.
//!
//! With MCEKIT_ROOT_TESTS=1, as root; without it nothing is run, and that is said.

mod common;

use std::time::Duration;

use common::{tracefs, wanted};

use perf_ring::abi::{AttrFlags, ReadFormat, RecordType, SampleType};
use perf_ring::{
    AllCpus, Body, Builder, Clock, Error, Event, Item, Loss, Order, Shared, SharedRings, Software,
    Start, Target, Wakeup,
};

/// Makes exactly `n` events that `personality_filter` selects: the tracepoint of a harmless system call.
fn syscalls(n: u64) {
    for _ in 0..n {
        // personality(0xffffffff) only asks.
        nix::sys::personality::get().expect("asking cannot fail");
    }
}

/// The tracepoint of those calls.
fn personality(fields: SampleType) -> Builder {
    Builder::tracepoint(&tracefs(), "raw_syscalls", "sys_enter")
        .expect("the kernel has raw_syscalls")
        .sample(fields)
        .clock(Clock::Monotonic)
        .wakeup(Wakeup::Events(1))
        // 135 is personality on x86-64.
        .filter("id == 135")
}

const FIELDS: SampleType = SampleType::TIME
    .union(SampleType::CPU)
    .union(SampleType::TID)
    .union(SampleType::RAW);

#[test]
fn a_tracepoint_counts_exactly_and_its_records_are_all_there() {
    if !wanted() {
        return;
    }
    let event = personality(FIELDS)
        .read_format(ReadFormat::LOST | ReadFormat::ID)
        .open(Target::Task(0))
        .expect("root may open a tracepoint");
    let mut ring = event.map(16).unwrap();
    let layout = event.layout().unwrap();
    let mut scratch = Vec::new();
    let mut last = 0;
    // Rounds of odd sizes take the ring around many times, so that records wrap wherever they can.
    for round in 0..400u64 {
        let n = 1 + round * 7 % 61;
        syscalls(n);
        let mut batch = ring.batch().unwrap();
        let mut got = 0;
        while let Some(record) = batch.next().unwrap() {
            assert_eq!(record.header.kind, RecordType::SAMPLE);
            let sample = layout.sample(record.body(&mut scratch)).unwrap();
            assert!(sample.time().unwrap() > last);
            last = sample.time().unwrap();
            assert_eq!(sample.tid().unwrap().pid, std::process::id());
            // The second word of sys_enter's record is the number of the call.
            let raw = sample.raw().unwrap();
            assert_eq!(raw[8..16], 135u64.to_ne_bytes());
            assert!(sample.rest().is_empty());
            got += 1;
        }
        assert_eq!(got, n);
    }
    let count = event.count().unwrap();
    let all: u64 = (0..400u64).map(|round| 1 + round * 7 % 61).sum();
    assert_eq!((count.value, count.lost), (all, Some(0)));
    assert_eq!(count.id, Some(event.id().unwrap()));
}

#[test]
fn loss_is_provoked_and_every_record_is_delivered_or_counted() {
    if !wanted() {
        return;
    }
    let event = personality(FIELDS)
        .read_format(ReadFormat::LOST)
        .open(Target::Task(0))
        .unwrap();
    let mut ring = event.map(1).unwrap();
    let layout = event.layout().unwrap();
    let (mut got, mut told) = (0, 0);
    let mut drain = |ring: &mut perf_ring::Reader| {
        let mut scratch = Vec::new();
        let mut batch = ring.batch().unwrap();
        while let Some(record) = batch.next().unwrap() {
            match layout.parse(&record, &mut scratch).unwrap().body {
                Body::Sample(_) => got += 1,
                Body::Lost { lost, .. } => told += lost,
                other => panic!("{other:?}"),
            }
        }
    };
    for n in [10, 500, 3, 777, 1, 100] {
        syscalls(n);
        drain(&mut ring);
    }
    let before_the_last = event.count().unwrap();
    syscalls(1);
    drain(&mut ring);
    let count = event.count().unwrap();
    assert_eq!(count.value, 1392);
    assert!(count.lost.unwrap() > 1000, "a page cannot hold 500 records");
    assert_eq!(got + told, 1392, "in-band");
    assert_eq!(got + count.lost.unwrap(), 1392, "by PERF_FORMAT_LOST");
    assert_eq!(
        before_the_last.lost, count.lost,
        "known at once, before a record fits that could tell it"
    );
}

#[test]
fn a_backward_ring_keeps_the_newest_and_a_pause_is_counted() {
    if !wanted() {
        return;
    }
    let event = personality(FIELDS | SampleType::READ)
        .read_format(ReadFormat::LOST)
        .backward()
        .open(Target::Task(0))
        .unwrap();
    let mut ring = event.map_backward(1).unwrap();
    syscalls(500);
    let layout = event.layout().unwrap();
    let numbers = |kept: &perf_ring::Kept| {
        let mut scratch = Vec::new();
        let number = |r: perf_ring::Record<'_>| {
            let sample = layout.sample(r.body(&mut scratch)).unwrap();
            sample.read().unwrap().first().unwrap().value
        };
        kept.iter(Order::OldestFirst)
            .map(number)
            .collect::<Vec<_>>()
    };
    let kept = ring.read_paused(&event).unwrap();
    let got = numbers(kept);
    assert!(kept.lapped() && got.len() > 20);
    // Numbered by the event's own count: the newest, without a gap.
    assert_eq!(got, (501 - got.len() as u64..=500).collect::<Vec<_>>());
    {
        let _pause = event.pause().unwrap();
        syscalls(5);
    }
    syscalls(2);
    let kept = ring.read().unwrap();
    let samples: Vec<_> = kept
        .iter(Order::OldestFirst)
        .filter(|r| r.header.kind == RecordType::SAMPLE)
        .collect();
    assert_eq!(samples.len(), 2);
    assert_eq!(
        kept.get(0).unwrap().header.kind,
        RecordType::LOST,
        "the pause is told before the record after it"
    );
    assert_eq!(event.count().unwrap().lost, Some(5));
    // A second mapping sees the same ring, and must have the same size.
    let mut second = event.map_backward(1).unwrap();
    assert!(second.read().unwrap().len() >= samples.len());
    assert!(matches!(
        event.map_backward(2),
        Err(Error::Map { pages: 2, .. })
    ));
}

/// The ring's end cuts records of the running kernel wherever it can: between any two of a record's words.
#[test]
fn records_wrap_at_every_offset() {
    if !wanted() {
        return;
    }
    let mut cut = std::collections::BTreeSet::new();
    let mut words = 0;
    // A page is 512 words: records of an odd number of words begin at every one of them in their turn.
    for fields in [FIELDS, FIELDS | SampleType::PERIOD] {
        let filter = format!("id == 135 && common_pid == {}", nix::unistd::gettid());
        let event = personality(fields)
            .filter(&filter)
            .open(Target::Task(0))
            .unwrap();
        let layout = event.layout().unwrap();
        let mut ring = event.map(1).unwrap();
        let mut scratch = Vec::new();
        for round in 1..=1000u64 {
            syscalls(10);
            let mut batch = ring.batch().unwrap();
            let mut n = 0;
            while let Some(record) = batch.next().unwrap() {
                let sample = layout.sample(record.body(&mut scratch)).unwrap();
                assert_eq!(sample.raw().unwrap()[8..16], 135u64.to_ne_bytes());
                n += 1;
                if usize::from(record.header.size) % 16 == 8 {
                    words = usize::from(record.header.size) / 8;
                    if !record.second.is_empty() {
                        cut.insert(record.first.len());
                    }
                }
            }
            assert_eq!(n, 10, "round {round}");
        }
        assert_eq!(event.count().unwrap().value, 10_000);
    }
    // The header is one word, and is never cut. A body that begins where the ring begins is in one piece.
    let all: Vec<usize> = (1..words - 1).map(|word| word * 8).collect();
    assert_eq!(cut.into_iter().collect::<Vec<_>>(), all);
}

/// Records and lost records of a stream, all that is there.
fn tally(rings: &mut SharedRings) -> (u64, u64) {
    let (mut records, mut lost) = (0, 0);
    while let Some(item) = rings.next().unwrap() {
        match item {
            Shared::Record { .. } => records += 1,
            Shared::Lost {
                loss: Loss::Exact(n),
                ..
            } => lost += n,
            other => panic!("{other:?}"),
        }
    }
    (records, lost)
}

/// A forward ring that is mapped read-only says nothing of its loss: the event's count does, in the samples or read.
#[test]
fn an_overwrite_ring_loses_silently_and_the_count_tells() {
    if !wanted() {
        return;
    }
    for fields in [SampleType::RAW, FIELDS, FIELDS | SampleType::READ] {
        let event = personality(fields)
            .read_format(ReadFormat::LOST)
            .open(Target::Task(0))
            .unwrap();
        let second = Event::from_fd(event.try_clone_fd().unwrap(), *event.attr());
        let mut rings = SharedRings::new(event.attr())
            .unwrap()
            .delay(Duration::ZERO);
        rings.add(0, event, 1, &Start::Oldest).unwrap();
        syscalls(20);
        assert_eq!(tally(&mut rings), (20, 0), "{fields:?}");
        // A second reader of the same ring finds what is there, and counts from there.
        let again = Event::from_fd(second.try_clone_fd().unwrap(), *second.attr());
        let mut other = SharedRings::new(second.attr())
            .unwrap()
            .delay(Duration::ZERO);
        other.add(0, again, 1, &Start::Oldest).unwrap();
        assert_eq!(tally(&mut other), (20, 0), "{fields:?}");
        syscalls(1000);
        assert_eq!(tally(&mut rings), (0, 1000), "{fields:?}");
        assert_eq!(tally(&mut other), (0, 1000), "{fields:?}");
        syscalls(4);
        assert_eq!(tally(&mut rings), (4, 0), "{fields:?}");
        let count = second.count().unwrap();
        assert_eq!(
            (count.value, count.lost),
            (1024, Some(0)),
            "the kernel itself counts no loss"
        );
        // A second reader that comes late.
        let mut late = SharedRings::new(second.attr())
            .unwrap()
            .delay(Duration::ZERO);
        late.add(0, second, 1, &Start::Oldest).unwrap();
        syscalls(3);
        assert_eq!(tally(&mut late), (3, 0), "{fields:?}");
        assert_eq!(tally(&mut rings), (3, 0), "{fields:?}");
    }
}

/// While another thread writes as fast as it can, into a ring of a page: in the end everything is read or counted.
#[test]
fn a_busy_overwrite_ring_is_read_or_counted() {
    if !wanted() {
        return;
    }
    const EVENTS: u64 = 60_000;
    for fields in [SampleType::RAW, FIELDS | SampleType::READ] {
        let (say, hear) = std::sync::mpsc::channel();
        let (go, wait) = std::sync::mpsc::channel();
        let writer = std::thread::spawn(move || {
            say.send(nix::unistd::gettid().as_raw()).unwrap();
            wait.recv().unwrap();
            for _ in 0..EVENTS / 1000 {
                syscalls(1000);
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        let event = personality(fields)
            .open(Target::Task(hear.recv().unwrap()))
            .unwrap();
        let mut rings = SharedRings::new(event.attr())
            .unwrap()
            .delay(Duration::ZERO);
        rings.add(0, event, 16, &Start::Oldest).unwrap();
        go.send(()).unwrap();
        let (mut records, mut lost, mut readings) = (0, 0, 0u64);
        while !writer.is_finished() {
            let (more, gone) = tally(&mut rings);
            (records, lost) = (records + more, lost + gone);
            readings += u64::from(more > 0);
            rings.wait(Some(Duration::from_millis(1))).unwrap();
        }
        writer.join().unwrap();
        // What is missing is certain once nothing more comes.
        for _ in 0..3 {
            let (more, gone) = tally(&mut rings);
            (records, lost) = (records + more, lost + gone);
        }
        assert_eq!(records + lost, EVENTS, "{records} read, {lost} lost");
        assert!(
            readings > 10 && records > 1000,
            "{readings} readings, {records} read"
        );
    }
}

#[test]
fn filters_are_explained_and_set_once() {
    if !wanted() {
        return;
    }
    let event = personality(FIELDS).open(Target::Task(0)).unwrap();
    assert!(matches!(
        event.set_filter("id == 1"),
        Err(Error::FilterSet { .. })
    ));
    let bad = personality(FIELDS)
        .filter("no_such_field == 3")
        .open(Target::Task(0));
    assert!(matches!(bad, Err(Error::Filter { filter }) if filter == "no_such_field == 3"));
    let nul = personality(FIELDS).filter("id == \0").open(Target::Task(0));
    assert!(matches!(nul, Err(Error::Filter { .. })));
}

#[test]
fn the_kernel_agrees_with_the_rules_of_mapping_and_redirecting() {
    if !wanted() {
        return;
    }
    let dummy = Builder::software(Software::DUMMY)
        .sample(SampleType::TIME)
        .clock(Clock::Monotonic);
    let (a, b) = (
        dummy.open(Target::Cpu(0)).unwrap(),
        dummy.open(Target::Cpu(0)).unwrap(),
    );
    let _ring = a.map(2).unwrap();
    b.set_output(&a).unwrap();
    let errno = |r: Result<perf_ring::Reader, Error>| match r {
        Err(Error::Map { source, .. }) => source.raw_os_error(),
        _ => None,
    };
    assert_eq!(errno(b.map(2)), Some(libc::EBUSY));
    assert!(matches!(b.map(3), Err(Error::Pages { pages: 3 })));
    assert_eq!(errno(a.map(2)), Some(libc::EBUSY), "one reader gives back");
    let other_clock = dummy
        .clone()
        .clock(Clock::Boottime)
        .open(Target::Cpu(0))
        .unwrap();
    assert!(
        matches!(other_clock.set_output(&a), Err(Error::Request { source, .. }) if source.raw_os_error() == Some(libc::EINVAL))
    );
    let inherited = dummy
        .clone()
        .flags(AttrFlags::INHERIT)
        .open(Target::Task(0))
        .unwrap();
    assert_eq!(errno(inherited.map(2)), Some(libc::EINVAL));
    let missing = Builder::tracepoint_id(999_999)
        .sample(SampleType::RAW)
        .open(Target::Cpu(0));
    let Err(Error::Open { explanation, .. }) = missing else {
        panic!("{missing:?}")
    };
    assert!(explanation.text.contains("999999"), "{explanation}");
    // Every published size is one that the kernel takes.
    let future = Builder::software(Software::DUMMY)
        .with(|attr| attr.config4 = 1)
        .open(Target::Task(0));
    let Err(Error::Open {
        source,
        explanation,
    }) = future
    else {
        return;
    };
    assert!(
        source.raw_os_error() != Some(libc::E2BIG) || explanation.text.contains("bytes"),
        "{explanation}"
    );
}

#[test]
fn tasks_of_all_cpus_come_in_the_order_of_time() {
    if !wanted() {
        return;
    }
    let tasks = Builder::software(Software::DUMMY)
        .sample(SampleType::TID | SampleType::CPU)
        .flags(AttrFlags::TASK | AttrFlags::COMM | AttrFlags::COMM_EXEC)
        .wakeup(Wakeup::Bytes(1));
    let forks = Builder::tracepoint(&tracefs(), "sched", "sched_process_fork")
        .unwrap()
        .sample(SampleType::TID | SampleType::CPU | SampleType::RAW)
        .wakeup(Wakeup::Events(1));
    let mut all = AllCpus::open(&[tasks, forks], 64).unwrap();
    let mut pids = Vec::new();
    for _ in 0..20 {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        pids.push(child.id());
        child.wait().unwrap();
    }
    let (mut execs, mut exits, mut samples, mut last) = (0, 0, 0, 0);
    let mut scratch = Vec::new();
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while exits < 20 && std::time::Instant::now() < deadline {
        all.wait(Some(Duration::from_millis(100))).unwrap();
        let mut merge = all.drain().unwrap();
        while let Some(item) = merge.next() {
            let Item::Record {
                layout,
                record,
                event,
                ..
            } = item
            else {
                panic!("{item:?}")
            };
            let parsed = layout.parse(&record, &mut scratch).unwrap();
            assert!(parsed.id.time.unwrap() >= last, "out of order");
            last = parsed.id.time.unwrap();
            match parsed.body {
                Body::Comm { task, exec, comm } if pids.contains(&task.pid) => {
                    execs += u32::from(exec && comm == b"true");
                }
                Body::Exit(task) if pids.contains(&task.task.pid) => exits += 1,
                Body::Sample(_) => {
                    assert_eq!(event, 1);
                    samples += u32::from(parsed.id.tid.unwrap().pid == std::process::id());
                }
                _ => {}
            }
        }
    }
    assert_eq!((execs, exits), (20, 20));
    assert!(samples >= 20, "{samples}");
    let counts = all.counts().unwrap();
    assert!(counts[1].value >= 20);
}

#[test]
fn one_event_wakes_a_reader() {
    if !wanted() {
        return;
    }
    // The other tests make the same calls from other threads.
    let filter = format!("id == 135 && common_pid == {}", nix::unistd::gettid());
    let mut all = AllCpus::open(&[personality(FIELDS).filter(&filter)], 4)
        .unwrap()
        .delay(Duration::ZERO);
    assert!(!all.wait(Some(Duration::from_millis(20))).unwrap());
    syscalls(1);
    assert!(all.wait(Some(Duration::from_secs(5))).unwrap());
    let mut merge = all.drain().unwrap();
    assert!(matches!(merge.next(), Some(Item::Record { .. })));
    assert!(merge.next().is_none());
}
