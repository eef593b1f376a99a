//! Draining a perf ring and reading samples, beside the other crates.
//!
//! Ours reads a ring in memory, filled as the kernel fills one, and a live one; the others can only read a live ring:
//! those benches open a software event (page faults of this thread) and are left out, with a word, where the kernel does
//! not allow that. Each iteration's ring is filled outside the time that is measured.
//!
//! Instructions are counted by this thread's own hardware counter. Where there is none, as in most virtual machines,
//! callgrind counts them, in one drain of 13,107 records:
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect='ring::drain' target/release/deps/ring-… --test 'memory.*drain$'
//! ```

use std::hint::black_box;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use perf_ring::abi::{AttrFlags, RecordType, SampleType};
use perf_ring::fake::{FakeRing, Mode};
use perf_ring::keeper::wire::{NewRing, RingId};
use perf_ring::{
    Builder, Clock, Hardware, Layout, Reader, Shared, SharedRings, Software, Start, Target, Wakeup,
};

/// Records of 80 bytes: a header and nine words.
const FIELDS: SampleType = SampleType::IDENTIFIER
    .union(SampleType::IP)
    .union(SampleType::TID)
    .union(SampleType::TIME)
    .union(SampleType::ADDR)
    .union(SampleType::ID)
    .union(SampleType::STREAM_ID)
    .union(SampleType::CPU)
    .union(SampleType::PERIOD);

/// Size of the rings in memory, bytes. It is no multiple of a record's size: records wrap.
const SIZE: usize = 1 << 20;

/// How many records of 80 bytes it holds.
const RECORDS: u64 = (SIZE / 80) as u64;

/// Pages that are touched to fill a live ring, one record each: its 64 pages hold 3,276.
const FAULTS: usize = 2_500;

fn fill(ring: &mut FakeRing) {
    for n in 0..RECORDS {
        let body: Vec<u8> = (0..9).flat_map(|i| (n + i).to_ne_bytes()).collect();
        assert!(ring.emit(RecordType::SAMPLE, &body));
    }
}

/// Drains without reading the bodies.
#[inline(never)]
fn drain(ring: &mut Reader) -> (u64, u64) {
    let (mut n, mut sum) = (0, 0u64);
    let mut batch = ring.batch().expect("sound");
    while let Some(record) = batch.next().expect("sound") {
        n += 1;
        sum = sum.wrapping_add(u64::from(record.header.size) + record.first.len() as u64);
    }
    (n, sum)
}

#[inline(never)]
fn drain_parsed(ring: &mut Reader, layout: &Layout, scratch: &mut Vec<u8>) -> (u64, u64) {
    let (mut n, mut sum) = (0, 0u64);
    let mut batch = ring.batch().expect("sound");
    while let Some(record) = batch.next().expect("sound") {
        n += 1;
        if record.header.kind == RecordType::SAMPLE {
            let sample = layout.sample(record.body(scratch)).expect("sound");
            sum = sum.wrapping_add(sample.time().unwrap_or(0) ^ sample.ip().unwrap_or(0));
        }
    }
    (n, sum)
}

/// Time per record of `drain`, over `iters` records, with a full ring before each drain.
fn timed<R>(
    iters: u64,
    ring: &mut R,
    mut fill: impl FnMut(&mut R),
    mut drain: impl FnMut(&mut R) -> (u64, u64),
) -> Duration {
    let (mut done, mut time) = (0, Duration::ZERO);
    while done < iters {
        fill(ring);
        let begin = Instant::now();
        let (n, sum) = drain(ring);
        time += begin.elapsed();
        black_box(sum);
        assert!(n > 0, "the ring was filled");
        done += n;
    }
    time.mul_f64(iters as f64 / done as f64)
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

/// A bench of [`timed`].
fn bench<R>(
    group: &mut Group<'_>,
    name: &str,
    ring: &mut R,
    mut fill: impl FnMut(),
    mut drain: impl FnMut(&mut R) -> (u64, u64),
) {
    group.bench_function(name, |b| {
        b.iter_custom(|iters| timed(iters, ring, |_| fill(), &mut drain));
    });
}

/// Memory whose pages can be made to fault again and again.
struct Faults(memmap2::MmapMut);

impl Faults {
    fn new() -> Self {
        Faults(memmap2::MmapMut::map_anon((FAULTS + 1) * 4096).expect("memory"))
    }

    fn cause(&mut self) {
        self.0 = memmap2::MmapMut::map_anon((FAULTS + 1) * 4096).expect("memory");
        #[cfg(target_os = "linux")]
        self.0
            .advise(memmap2::Advice::NoHugePage)
            .expect("pages of 4 KiB");
        for page in 0..FAULTS {
            self.0[page * 4096] = 1;
        }
    }
}

fn in_memory(c: &mut Criterion) {
    let mut group = c.benchmark_group("memory, 80-byte records, 1 MiB");
    group.throughput(Throughput::Elements(1));
    let mut ring = FakeRing::starting_at(SIZE, Mode::ReadWrite, 40);
    let mut reader = ring.reader();
    bench(&mut group, "drain", &mut reader, || fill(&mut ring), drain);
    let layout = layout(FIELDS);
    let mut scratch = Vec::new();
    let read = |r: &mut Reader| drain_parsed(r, &layout, &mut scratch);
    bench(
        &mut group,
        "drain and read samples",
        &mut reader,
        || fill(&mut ring),
        read,
    );
    group.finish();

    let mut group = c.benchmark_group("one sample");
    let body: Vec<u8> = (0..9u64).flat_map(u64::to_ne_bytes).collect();
    group.bench_function("nine words", |b| {
        b.iter(|| layout.sample(black_box(&body)).map(|s| s.time()));
    });
    let absent = SampleType::ADDR | SampleType::ID | SampleType::STREAM_ID;
    let layout = self::layout(FIELDS.difference(absent) | SampleType::RAW);
    let mut body: Vec<u8> = (0..6u64).flat_map(u64::to_ne_bytes).collect();
    body.extend_from_slice(&68u32.to_ne_bytes());
    body.extend_from_slice(&[7; 68]);
    group.bench_function("tracepoint: id, ip, tid, time, cpu, period, raw", |b| {
        b.iter(|| {
            let sample = layout.sample(black_box(&body)).expect("sound");
            (
                sample.time(),
                sample.tid(),
                sample.cpu(),
                sample.raw().map(<[u8]>::len),
            )
        });
    });
    group.finish();
}

/// Read-only rings as one stream: copied, numbered, in the order of time.
fn shared(c: &mut Criterion) {
    let mut group = c.benchmark_group("memory, shared rings of two CPUs, 48-byte records");
    group.throughput(Throughput::Elements(1));
    let attr = *Builder::software(Software::DUMMY)
        .sample(SampleType::TIME | SampleType::READ)
        .clock(Clock::Monotonic)
        .attr();
    for mode in [Mode::Overwrite, Mode::Backward] {
        let mut kernels = [0, 1].map(|_| FakeRing::new(SIZE, mode));
        let mut rings = SharedRings::new(&attr).expect("known fields");
        for (cpu, kernel) in (0..).zip(&kernels) {
            let ring = NewRing {
                ring: RingId { cpu, id: 1 },
                base: 0,
            };
            let counter = Some(kernel.counter());
            if mode == Mode::Overwrite {
                rings.add_reader(ring, kernel.overwrite(), counter, &Start::Now)
            } else {
                rings.add_reader(ring, kernel.backward(), counter, &Start::Now)
            }
            .expect("an empty ring");
        }
        let mut n = 0u64;
        let fill = || {
            for _ in 0..10_000 {
                n += 1;
                for kernel in &mut kernels {
                    let words = [n, n, 3, 4, 5];
                    kernel.emit(RecordType::SAMPLE, &words.map(u64::to_ne_bytes).concat());
                }
            }
        };
        let read = |rings: &mut SharedRings| {
            let (mut n, mut sum) = (0, 0u64);
            while let Some(item) = rings.next().expect("sound") {
                if let Shared::Record { number, .. } = item {
                    n += 1;
                    sum = sum.wrapping_add(number.unwrap_or(0));
                }
            }
            (n, sum)
        };
        bench(&mut group, &format!("{mode:?}"), &mut rings, fill, read);
    }
    group.finish();
}

/// Instructions for each record, by the thread's own counter.
fn instructions(_: &mut Criterion) {
    let counter = Builder::hardware(Hardware::INSTRUCTIONS)
        .flags(AttrFlags::EXCLUDE_KERNEL | AttrFlags::EXCLUDE_HV)
        .open(Target::Task(0));
    let counter = match counter {
        Ok(counter) => counter,
        Err(e) => return eprintln!("instructions are left out: {e}"),
    };
    let layout = layout(FIELDS);
    let mut scratch = Vec::new();
    let mut ring = FakeRing::starting_at(SIZE, Mode::ReadWrite, 40);
    let mut reader = ring.reader();
    let mut count = |name, drain: &mut dyn FnMut(&mut Reader) -> (u64, u64)| {
        fill(&mut ring);
        let begin = counter.count().expect("it is open").value;
        let (n, sum) = drain(&mut reader);
        let taken = counter.count().expect("it is open").value - begin;
        black_box(sum);
        println!(
            "{name}: {:.1} instructions a record",
            taken as f64 / n as f64
        );
    };
    count("drain", &mut drain);
    count("drain and read samples", &mut |ring| {
        drain_parsed(ring, &layout, &mut scratch)
    });
}

fn layout(fields: SampleType) -> Layout {
    Layout::of(Builder::software(Software::DUMMY).sample(fields).attr()).expect("known fields")
}

fn live(c: &mut Criterion) {
    let mut group = c.benchmark_group("live, page faults");
    group.throughput(Throughput::Elements(1));
    let mut faults = Faults::new();
    ours(&mut group, &mut faults);
    perf_event2_crate(&mut group, &mut faults);
    perf_event_open_crate(&mut group, &mut faults);
    group.finish();
}

fn ours(group: &mut Group<'_>, faults: &mut Faults) {
    let opened = Builder::software(Software::PAGE_FAULTS)
        .sample(FIELDS)
        .wakeup(Wakeup::Events(1))
        .open(Target::Task(0))
        .and_then(|event| event.map(64).map(|ring| (event, ring)));
    let (event, mut ring) = match opened {
        Ok(opened) => opened,
        Err(e) => return eprintln!("perf-ring's live ring is left out: {e}"),
    };
    let layout = layout(FIELDS);
    let mut scratch = Vec::new();
    bench(group, "perf-ring", &mut ring, || faults.cause(), drain);
    let read = |r: &mut Reader| drain_parsed(r, &layout, &mut scratch);
    bench(
        group,
        "perf-ring, samples read",
        &mut ring,
        || faults.cause(),
        read,
    );
    let poll = || {
        let fd = nix::poll::PollFd::new(event.as_fd(), nix::poll::PollFlags::POLLIN);
        nix::poll::poll(&mut [fd], nix::poll::PollTimeout::ZERO)
    };
    group.bench_function("poll alone, nothing there", |b| b.iter(poll));
    group.bench_function("poll and an empty batch", |b| {
        b.iter(|| (poll(), drain(&mut ring)));
    });
}

fn perf_event2_crate(group: &mut Group<'_>, faults: &mut Faults) {
    use perf_event::{Builder, SampleFlag, Sampler, events::Software};
    let opened = Builder::new(Software::PAGE_FAULTS)
        .sample_period(1)
        .sample(SampleFlag::from_bits_retain(FIELDS.bits()))
        .wakeup_events(1)
        .build()
        .and_then(|mut counter| counter.enable().map(|()| counter))
        .and_then(|counter| counter.sampled(64));
    let mut sampler = match opened {
        Ok(sampler) => sampler,
        Err(e) => return eprintln!("perf-event2 is left out: {e}"),
    };
    let drain = |sampler: &mut Sampler| {
        let (mut n, mut sum) = (0, 0);
        while let Some(record) = sampler.next_record() {
            n += 1;
            sum += record.len() as u64;
        }
        (n, sum)
    };
    bench(group, "perf-event2", &mut sampler, || faults.cause(), drain);
    let read = |sampler: &mut Sampler| {
        let (mut n, mut sum) = (0, 0);
        while let Some(record) = sampler.next_record() {
            n += 1;
            if let Ok(perf_event::data::Record::Sample(sample)) = record.parse_record() {
                sum ^= sample.time().unwrap_or(0) ^ sample.ip().unwrap_or(0);
            }
        }
        (n, sum)
    };
    bench(
        group,
        "perf-event2, samples read",
        &mut sampler,
        || faults.cause(),
        read,
    );
}

fn perf_event_open_crate(group: &mut Group<'_>, faults: &mut Faults) {
    use perf_event_open::config::{Cpu, Opts, Proc, SampleOn};
    use perf_event_open::count::Counter;
    use perf_event_open::event::sw::Software;
    use perf_event_open::sample::Sampler;
    let mut opts = Opts {
        enable: true,
        sample_on: SampleOn::Count(1),
        ..Opts::default()
    };
    opts.sample_format.code_addr = true;
    opts.sample_format.data_addr = true;
    opts.sample_format.period = true;
    let id = &mut opts.record_id_format;
    (id.id, id.stream_id, id.cpu, id.task, id.time) = (true, true, true, true, true);
    let opened = Counter::new(Software::PageFault, (Proc::CURRENT, Cpu::ALL), &opts)
        .and_then(|counter| counter.sampler(6).map(|sampler| (counter, sampler)));
    let (_counter, mut sampler) = match opened {
        Ok(opened) => opened,
        Err(e) => return eprintln!("perf-event-open is left out: {e}"),
    };
    let drain = |sampler: &mut Sampler| {
        let (mut n, mut sum) = (0, 0);
        let mut records = sampler.iter().expect("one at a time").into_cow();
        while let Some(record) = records.lending_next() {
            n += 1;
            sum += record.as_raw().len() as u64;
        }
        (n, sum)
    };
    bench(
        group,
        "perf-event-open",
        &mut sampler,
        || faults.cause(),
        drain,
    );
    let read = |sampler: &mut Sampler| {
        let records = sampler.iter().expect("one at a time");
        let n = records.map(|record| drop(black_box(record))).count() as u64;
        (n, n)
    };
    bench(
        group,
        "perf-event-open, samples read",
        &mut sampler,
        || faults.cause(),
        read,
    );
}

criterion_group!(benches, in_memory, shared, live, instructions);
criterion_main!(benches);
