//! Reading, against the fake.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use mcekit::wire::{LENGTHS, MAX_LEN, Mce, Wire};
use mcekit::{Addr, Record, Status};
use mcelog_dev::fake::{Call, Fake};
use mcelog_dev::sys::Node;
use mcelog_dev::{Device, Error, Event, Lengths, OpenOptions, Origin, Overflow};

fn record(addr: u64) -> Record {
    Record::new(4, Status(0x9c00_4000_0001_0091))
        .with_addr(Addr(addr))
        .with_cpu(1)
}

/// An event that one may keep.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Got {
    Record(Wire, Origin),
    Lost(Overflow),
}

use Got::Lost;

impl Got {
    fn addr(&self) -> u64 {
        match self {
            Self::Record(wire, _) => wire.mce.addr,
            Self::Lost(how) => panic!("a record, and not {how:?}"),
        }
    }
}

fn keep(event: Event<'_>) -> Got {
    match event {
        Event::Record(entry) => Got::Record(entry.wire(), entry.origin()),
        Event::Overflow(how) => Lost(how),
    }
}

fn next<N: Node>(device: &mut Device<N>) -> Option<Got> {
    device.next_event().expect("an event").map(keep)
}

fn all<N: Node>(device: &mut Device<N>) -> Vec<Got> {
    std::iter::from_fn(|| next(device)).collect()
}

fn addrs(got: &[Got]) -> Vec<u64> {
    got.iter().map(Got::addr).collect()
}

#[test]
fn records_come_in_order_and_once() {
    let fake = Fake::new();
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    assert_eq!(
        (device.lengths().record(), device.lengths().log()),
        (128, 32)
    );
    assert_eq!(next(&mut device), None);
    for n in 1..=3 {
        fake.log(&record(n));
    }
    let got = all(&mut device);
    assert_eq!(addrs(&got), [1, 2, 3]);
    assert_eq!(next(&mut device), None);
}

#[test]
fn a_record_is_what_the_kernel_wrote() {
    let fake = Fake::new();
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    let mce = Mce {
        severity: 2,
        microcode: 0x1234,
        kflags: 0x40,
        ..Mce::from(&record(7))
    };
    fake.log_mce(&mce);
    let Some(Got::Record(wire, origin)) = next(&mut device) else {
        panic!("a record");
    };
    assert_eq!(
        wire.mce,
        Mce {
            kflags: 0,
            finished: 1,
            ..mce
        }
    );
    assert_eq!((origin, wire.surplus), (Origin::ThisBoot, 0));
}

#[test]
fn overflow_stands_after_the_records_of_the_full_log() {
    let fake = Fake::new();
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    for n in 0..40 {
        fake.log(&record(n));
    }
    let first = all(&mut device);
    assert_eq!(first.len(), 33);
    assert_eq!(addrs(&first[..32]), (0..32).collect::<Vec<_>>());
    assert_eq!(first[32], Lost(Overflow::Flagged));
    // A log that is just full lost nothing.
    for n in 0..32 {
        fake.log(&record(n));
    }
    assert_eq!(all(&mut device).len(), 32);
}

#[test]
fn an_overflow_from_before_is_told_even_if_the_log_is_empty() {
    let fake = Fake::new();
    let mut first = OpenOptions::new().open_with(&fake).unwrap();
    for n in 0..33 {
        fake.log(&record(n));
    }
    // Whoever reads by hand, and forgets the flag.
    let mut buffer = vec![0; 4096];
    let got = first.into_node().read(&mut buffer).unwrap();
    assert_eq!(got, 4096);
    first = OpenOptions::new().open_with(&fake).unwrap();
    assert_eq!(all(&mut first), [Lost(Overflow::Flagged)]);
    assert_eq!(all(&mut first), []);
}

#[test]
fn every_length_of_every_kernel() {
    for len in LENGTHS.into_iter().chain([MAX_LEN + 8, MAX_LEN + 64]) {
        let fake = Fake::with_lengths(len, 32);
        let mut device = OpenOptions::new().open_with(&fake).unwrap();
        for n in 0..5 {
            fake.log(&record(n));
        }
        let got = all(&mut device);
        assert_eq!(addrs(&got), [0, 1, 2, 3, 4], "{len}");
        let Got::Record(wire, _) = got[0] else {
            panic!("a record");
        };
        assert_eq!(wire.len, len.min(MAX_LEN));
        assert_eq!(wire.surplus, len.saturating_sub(MAX_LEN));
    }
}

#[test]
fn lengths_that_no_kernel_has_are_refused() {
    let fake = Fake::new();
    for len in [0, 7, -1, 71, 73, 126, 4096, i32::MAX, i32::MIN] {
        fake.claim_lengths(len, 32);
        let error = OpenOptions::new().open_with(&fake).unwrap_err();
        assert!(
            matches!(error, Error::RecordLength { len: l } if l == len),
            "{len}: {error}"
        );
    }
    for len in [0, -1, 100_000, i32::MAX] {
        fake.claim_lengths(128, len);
        let error = OpenOptions::new().open_with(&fake).unwrap_err();
        assert!(
            matches!(error, Error::LogLength { len: l } if l == len),
            "{len}: {error}"
        );
    }
}

#[test]
fn a_read_that_ends_in_a_record_hands_out_the_whole_ones_first() {
    let fake = Fake::new();
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    for n in 0..3 {
        fake.log(&record(n));
    }
    fake.cut_next_read(28);
    assert_eq!(next(&mut device).unwrap().addr(), 0);
    assert_eq!(next(&mut device).unwrap().addr(), 1);
    let error = device.next_event().unwrap_err();
    assert!(
        matches!(
            error,
            Error::PartialRecord {
                got: 100,
                want: 128
            }
        ),
        "{error}"
    );
    fake.log(&record(9));
    assert_eq!(next(&mut device).unwrap().addr(), 9);
}

#[test]
fn a_read_that_claims_too_much_is_not_believed() {
    let fake = Fake::new();
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    fake.log(&record(1));
    fake.claim_next_read(4097);
    let error = device.next_event().unwrap_err();
    assert!(
        matches!(
            error,
            Error::ReadTooLong {
                got: 4097,
                room: 4096
            }
        ),
        "{error}"
    );
    assert_eq!(next(&mut device), None);
}

#[test]
fn records_of_an_earlier_boot_come_first_and_are_gone_from_the_store() {
    let fake = Fake::new();
    fake.leave_earlier(&record(1));
    fake.leave_earlier(&record(2));
    fake.log(&record(3));
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    let Some(Got::Record(wire, origin)) = next(&mut device) else {
        panic!("a record");
    };
    assert_eq!((wire.mce.addr, origin), (1, Origin::EarlierBoot));
    assert_eq!(
        fake.earlier_left(),
        1,
        "what was handed out is in the store no more"
    );
    let rest = all(&mut device);
    assert_eq!(addrs(&rest), [2, 3]);
    assert!(matches!(rest[1], Got::Record(_, Origin::ThisBoot)));
}

#[test]
fn the_last_record_of_the_store_wakes_once_too_often() {
    let fake = Fake::new();
    fake.leave_earlier(&record(1));
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    let node_says = |d: &Device<_>| d.wait(Some(Duration::ZERO)).unwrap();
    assert!(node_says(&device));
    assert_eq!(next(&mut device).unwrap().addr(), 1);
    assert!(node_says(&device), "as the kernel does");
    let limit = Some(Duration::from_millis(20));
    assert_eq!(device.next_within(limit).unwrap(), None);
    assert!(!node_says(&device));
}

#[test]
fn exclusive_is_exclusive_until_it_is_closed() {
    let fake = Fake::new();
    let exclusive = OpenOptions::new().exclusive(true);
    let shared = OpenOptions::new();
    let busy = |o: &OpenOptions| matches!(o.open_with(&fake), Err(Error::Busy { .. }));
    let one = shared.open_with(&fake).unwrap();
    assert!(busy(&exclusive));
    let two = shared.open_with(&fake).unwrap();
    drop((one, two));
    let alone = exclusive.open_with(&fake).unwrap();
    assert!(busy(&exclusive) && busy(&shared));
    drop(alone);
    assert!(!busy(&shared));
}

#[test]
fn each_errno_is_its_own_error() {
    let fake = Fake::new();
    let open = |errno| {
        fake.fail_next(Call::Open, errno);
        OpenOptions::new().open_with(&fake).unwrap_err()
    };
    assert!(matches!(open(libc::ENOENT), Error::NoDevice { .. }));
    assert!(matches!(open(libc::ENXIO), Error::NoDriver { .. }));
    assert!(matches!(open(libc::ENODEV), Error::NoDriver { .. }));
    assert!(matches!(open(libc::EACCES), Error::Access { .. }));
    assert!(matches!(open(libc::EINTR), Error::Interrupted));
    assert!(matches!(open(libc::EMFILE), Error::Io { call: "open", .. }));

    let ask = |errno| {
        fake.fail_next(Call::Ioctl, errno);
        OpenOptions::new().open_with(&fake).unwrap_err()
    };
    assert!(matches!(ask(libc::EPERM), Error::NotPermitted { .. }));
    assert!(matches!(ask(libc::ENOTTY), Error::NotMcelog { .. }));
    assert!(matches!(ask(libc::EINVAL), Error::NotMcelog { .. }));

    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    fake.log(&record(1));
    let mut read = |errno| {
        fake.fail_next(Call::Read, errno);
        device.next_event().unwrap_err()
    };
    assert!(matches!(read(libc::EINTR), Error::Interrupted));
    assert!(matches!(
        read(libc::EINVAL),
        Error::LogIsLonger { room: 4096 }
    ));
    assert!(matches!(read(libc::EFAULT), Error::Io { call: "read", .. }));
    assert_eq!(next(&mut device).unwrap().addr(), 1, "nothing was lost");
    fake.fail_next(Call::Wait, libc::EINTR);
    assert!(matches!(device.wait(None), Err(Error::Interrupted)));
    fake.fail_next(Call::Wait, libc::EIO);
    assert!(matches!(device.wait(None), Err(Error::Dead)));
}

#[test]
fn an_interrupted_question_for_the_flag_loses_no_record() {
    let fake = Fake::new();
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    assert_eq!(next(&mut device), None);
    for n in 0..33 {
        fake.log(&record(n));
    }
    fake.fail_next(Call::Ioctl, libc::EINTR);
    assert!(matches!(device.next_event(), Err(Error::Interrupted)));
    let rest = all(&mut device);
    assert_eq!(rest.len(), 33);
    assert_eq!(rest[32], Lost(Overflow::Flagged));
}

#[test]
fn without_the_capability_a_passed_descriptor_still_reads() {
    let fake = Fake::new();
    let opener = OpenOptions::new().open_with(&fake).unwrap();
    let lengths = opener.lengths();
    let node = opener.into_node();
    fake.set_privileged(false);
    let mut device = Device::from_node_with(node, lengths);
    fake.log(&record(1));
    assert_eq!(addrs(&all(&mut device)), [1]);
    for n in 0..40 {
        fake.log(&record(n));
    }
    let got = all(&mut device);
    assert_eq!(got.len(), 33);
    assert_eq!(got[32], Lost(Overflow::Possible));
    let refused = OpenOptions::new().open_with(&fake).unwrap_err();
    assert!(matches!(refused, Error::NotPermitted { .. }), "{refused}");
}

#[test]
fn the_flag_that_was_asked_for_in_time_is_told_without_the_capability() {
    let fake = Fake::new();
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    let fill = || (0..40).for_each(|n| fake.log(&record(n)));
    fill();
    device.note_overflow().unwrap();
    fake.set_privileged(false);
    let got = all(&mut device);
    assert_eq!(got.len(), 33);
    assert_eq!(got[32], Lost(Overflow::Flagged));
    // What happens later nobody was asked about.
    device.note_overflow().unwrap();
    fill();
    assert_eq!(all(&mut device)[32], Lost(Overflow::Possible));
}

#[test]
fn a_flag_is_told_once_however_often_it_is_asked_for() {
    let fake = Fake::new();
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    (0..40).for_each(|n| fake.log(&record(n)));
    for _ in 0..2 {
        device.note_overflow().unwrap();
    }
    let got = all(&mut device);
    assert_eq!((got.len(), &got[32]), (33, &Lost(Overflow::Flagged)));
    (0..32).for_each(|n| fake.log(&record(n)));
    assert_eq!(all(&mut device).len(), 32, "full, and nothing was dropped");
}

#[test]
fn lengths_that_are_too_small_are_told() {
    let fake = Fake::new();
    let node = OpenOptions::new().open_with(&fake).unwrap().into_node();
    let mut device = Device::from_node_with(node, Lengths::new(128, 16).unwrap());
    fake.log(&record(1));
    let error = device.next_event().unwrap_err();
    assert!(
        matches!(error, Error::LogIsLonger { room: 2048 }),
        "{error}"
    );
}

#[test]
fn waiting_ends_with_a_record_or_with_the_limit() {
    let fake = Fake::new();
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    let begin = Instant::now();
    let limit = Duration::from_millis(30);
    assert_eq!(device.next_within(Some(limit)).unwrap(), None);
    assert!(begin.elapsed() >= limit);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            fake.log(&record(5));
        });
        assert!(device.wait(Some(Duration::MAX)).unwrap());
        assert_eq!(keep(device.next_within(None).unwrap().unwrap()).addr(), 5);
    });
}

#[test]
fn a_file_that_is_no_mcelog_device() {
    let error = OpenOptions::new().path("/dev/null").open().unwrap_err();
    assert!(matches!(error, Error::NotMcelog { .. }), "{error}");
    let error = OpenOptions::new()
        .path("/nonexistent/mcelog")
        .open()
        .unwrap_err();
    assert!(matches!(error, Error::NoDevice { .. }), "{error}");
    let (pipe, _other): (io::PipeReader, io::PipeWriter) = io::pipe().unwrap();
    let error = Device::from_fd(OwnedFd::from(pipe)).unwrap_err();
    assert!(matches!(error, Error::NotMcelog { .. }), "{error}");
}

#[test]
fn the_descriptor_is_the_devices_own() {
    let fake = Fake::new();
    let device = OpenOptions::new().open_with(&fake).unwrap();
    let duplicate = device.as_fd().try_clone_to_owned().unwrap();
    assert_ne!(std::os::fd::AsRawFd::as_raw_fd(&duplicate), -1);
}

proptest::proptest! {
    /// Whatever is in the log, the reader hands out every whole record in order, and always comes to an end.
    #[test]
    fn every_stream_of_bytes_is_read_to_its_end(
        len in proptest::sample::select(LENGTHS.to_vec()),
        chunks in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..300), 0..20),
    ) {
        let fake = Fake::with_lengths(len, 64);
        let mut device = OpenOptions::new().open_with(&fake).unwrap();
        let mut bytes = Vec::new();
        for chunk in &chunks {
            fake.log_raw(chunk);
            bytes.extend_from_slice(chunk);
        }
        bytes.truncate(len * 64);
        let mut whole = bytes.chunks_exact(len);
        loop {
            match device.next_event() {
                Ok(Some(Event::Record(entry))) => {
                    let want = mcekit::wire::Wire::read(whole.next().unwrap()).unwrap();
                    proptest::prop_assert_eq!(entry.wire(), want);
                }
                Ok(Some(Event::Overflow(how))) => panic!("{how:?}"),
                Ok(None) => break,
                Err(Error::PartialRecord { got, want }) => {
                    proptest::prop_assert_eq!((got, want), (bytes.len() % len, len));
                }
                Err(other) => panic!("{other}"),
            }
        }
        proptest::prop_assert!(whole.next().is_none());
    }
}
