//! What reading `/dev/mcelog` costs beside the system calls: a full log of 32 records, handed out one by one.
//!
//! The node here is a copy of 4 KiB in place of the read, which `copy` measures by itself: it is the kernel's part.

use std::hint::black_box;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcekit::wire::Mce;
use mcekit::{Addr, CpuSignature, McgCap, Misc, Record, Status, Vendor};
use mcelog_dev::sys::{Node, Request};
use mcelog_dev::{Device, Event, Lengths};

/// A log that is full at every other read, and then empty.
struct Full {
    log: Vec<u8>,
    /// Never waited for.
    fd: io::PipeReader,
    empty: std::cell::Cell<bool>,
}

impl Full {
    fn new() -> Self {
        let record = |n: u64| {
            Record::new(4, Status(0x9c00_4000_0001_0091))
                .with_vendor(Vendor::INTEL)
                .with_cpuid(CpuSignature(0x50654))
                .with_mcgcap(McgCap(0x0f00_0c14))
                .with_addr(Addr(0x1000 * n))
                .with_misc(Misc(0x8c))
                .with_cpu(1)
                .with_time(1_795_349_578)
                .with_microcode(1)
        };
        let (fd, _) = io::pipe().expect("a pipe");
        let log = (0..32)
            .flat_map(|n| Mce::from(&record(n)).to_bytes())
            .collect();
        Self {
            log,
            fd,
            empty: std::cell::Cell::new(true),
        }
    }
}

impl AsFd for Full {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Node for Full {
    fn ioctl(&self, _: Request) -> io::Result<i32> {
        Ok(0)
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.empty.set(!self.empty.get());
        if self.empty.get() {
            return Ok(0);
        }
        buffer[..self.log.len()].copy_from_slice(&self.log);
        Ok(self.log.len())
    }

    fn wait(&self, _: Option<Duration>) -> io::Result<bool> {
        Ok(!self.empty.get())
    }

    fn write_on(&self, _: u32, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn injector(&self) -> Option<bool> {
        None
    }

    fn banks(&self, _: u32) -> Option<u32> {
        None
    }
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("device");
    group.throughput(Throughput::Elements(32));

    let full = Full::new();
    let mut buffer = vec![0; 4096];
    group.bench_function("copy", |b| {
        b.iter(|| {
            let got = full.read(black_box(&mut buffer));
            let none = full.read(black_box(&mut buffer));
            (got.unwrap_or(0), none.unwrap_or(0))
        });
    });

    let mut device = Device::from_node_with(Full::new(), Lengths::TODAY);
    group.bench_function("next_event", |b| {
        b.iter(|| {
            let mut sum = 0;
            while let Ok(Some(Event::Record(entry))) = device.next_event() {
                sum += u64::from(black_box(&entry).bytes()[0]);
            }
            sum
        });
    });

    let mut device = Device::from_node_with(Full::new(), Lengths::TODAY);
    group.bench_function("next_event_and_record", |b| {
        b.iter(|| {
            let mut sum = 0;
            while let Ok(Some(Event::Record(entry))) = device.next_event() {
                let record = entry.record();
                sum += black_box(&record).status().0;
            }
            sum
        });
    });
    group.finish();
}

criterion_group!(device, benches);
criterion_main!(device);
