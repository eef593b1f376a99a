//! Opening, controlling and reading events against a kernel that is a closure: every answer it can give.

mod hotplug;

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::rc::Rc;

use crate::abi::{self, AttrFlags, EventAttr, OpenFlags, ReadFormat, SampleType};
use crate::sys::fake::{Call, Guard, Reply, install};
use crate::{AllCpus, Builder, Clock, Error, Event, Hardware, Keeper, Software, Target, Wakeup};

/// A kernel that says yes and keeps what it was asked.
fn agreeable() -> (Rc<RefCell<Vec<Call>>>, Guard) {
    answering(|_| None)
}

/// One whose answer to some calls is given.
fn answering(
    mut special: impl FnMut(&Call) -> Option<io::Result<Reply>> + 'static,
) -> (Rc<RefCell<Vec<Call>>>, Guard) {
    let calls = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&calls);
    let (mut next_id, mut time) = (100, 99);
    let guard = install(move |call| {
        log.borrow_mut().push(call.clone());
        if let Some(reply) = special(&call) {
            return reply;
        }
        Ok(match call {
            Call::Ioctl {
                request: abi::ID, ..
            } => {
                next_id += 1;
                Reply::Value(next_id)
            }
            // Seven events, and a clock that goes on.
            Call::Read => {
                time += 1;
                Reply::Bytes(
                    [7u64, time, 50, 0]
                        .iter()
                        .flat_map(|w| w.to_ne_bytes())
                        .collect(),
                )
            }
            _ => Reply::Done,
        })
    });
    (calls, guard)
}

fn errno(n: i32) -> io::Error {
    io::Error::from_raw_os_error(n)
}

fn tracepoint() -> Builder {
    Builder::tracepoint_id(42).sample(SampleType::RAW | SampleType::TIME)
}

#[test]
fn what_is_asked_for_reaches_the_kernel() {
    let (calls, _guard) = agreeable();
    let builder = Builder::hardware(Hardware::INSTRUCTIONS)
        .sample(SampleType::IP)
        .frequency(99)
        .clock(Clock::Boottime)
        .wakeup(Wakeup::Bytes(4096))
        .read_format(ReadFormat::LOST);
    builder.open(Target::TaskOnCpu(55, 3)).unwrap();
    let calls = calls.borrow();
    let Some(Call::Open {
        attr,
        pid: 55,
        cpu: 3,
        group: -1,
        flags,
    }) = calls.first()
    else {
        panic!("{calls:?}")
    };
    assert_eq!(*flags, OpenFlags::FD_CLOEXEC.bits());
    let attr = EventAttr::from_bytes(attr).unwrap();
    assert_eq!(
        (attr.config, attr.sample_period, attr.wakeup, attr.clockid),
        (1, 99, 4096, libc::CLOCK_BOOTTIME)
    );
    let flags =
        AttrFlags::FREQ | AttrFlags::WATERMARK | AttrFlags::USE_CLOCKID | AttrFlags::SAMPLE_ID_ALL;
    assert_eq!(attr.flags, flags);
    assert_eq!(
        attr.size as usize,
        attr.least_size().0 as usize,
        "the oldest version that can say it"
    );
}

#[test]
fn targets_are_pids_and_cpus() {
    let (calls, _guard) = agreeable();
    let dir = std::fs::File::open("/").unwrap();
    let builder = Builder::software(Software::DUMMY);
    for target in [
        Target::Cpu(2),
        Target::Task(0),
        Target::Cgroup(std::os::fd::AsFd::as_fd(&dir), 1),
        Target::Cpu(u32::MAX),
    ] {
        builder.open(target).unwrap();
    }
    let places: Vec<_> = calls
        .borrow()
        .iter()
        .map(|call| match call {
            Call::Open {
                pid, cpu, flags, ..
            } => (*pid, *cpu, *flags & OpenFlags::PID_CGROUP.bits() != 0),
            other => panic!("{other:?}"),
        })
        .collect();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&dir);
    assert_eq!(
        places,
        [
            (-1, 2, false),
            (0, -1, false),
            (fd, 1, true),
            (-1, i32::MAX, false)
        ]
    );
}

#[test]
fn nothing_unfiltered_slips_in() {
    let (calls, _guard) = agreeable();
    tracepoint().filter("x == 1").open(Target::Cpu(0)).unwrap();
    let calls = calls.borrow();
    let [
        Call::Open { attr, .. },
        Call::Ioctl {
            request: set, text, ..
        },
        Call::Ioctl {
            request: enable, ..
        },
    ] = &calls[..]
    else {
        panic!("{calls:?}")
    };
    assert!(
        EventAttr::from_bytes(attr)
            .unwrap()
            .flags
            .contains(AttrFlags::DISABLED)
    );
    assert_eq!((*set, *enable), (abi::SET_FILTER, abi::ENABLE));
    assert_eq!(text.as_deref(), Some(c"x == 1"));
}

#[test]
fn a_filter_on_a_disabled_event_leaves_it_disabled() {
    let (calls, _guard) = agreeable();
    tracepoint()
        .filter("x == 1")
        .flags(AttrFlags::DISABLED)
        .open(Target::Cpu(0))
        .unwrap();
    assert_eq!(calls.borrow().len(), 2, "no ENABLE");
}

#[test]
fn refusals_are_told_apart() {
    let refuse =
        |n: i32, when: fn(&Call) -> bool| answering(move |call| when(call).then(|| Err(errno(n))));
    {
        let (_, _guard) = refuse(libc::EACCES, |call| matches!(call, Call::Open { .. }));
        let Err(Error::Open {
            source,
            explanation,
        }) = tracepoint().open(Target::Cpu(0))
        else {
            panic!()
        };
        assert_eq!(source.raw_os_error(), Some(libc::EACCES));
        assert!(!explanation.text.is_empty());
    }
    {
        let (_, _guard) = refuse(libc::EEXIST, |call| matches!(call, Call::Ioctl { .. }));
        let event = tracepoint().open(Target::Cpu(0)).unwrap();
        assert!(matches!(event.set_filter("a"), Err(Error::FilterSet { filter }) if filter == "a"));
        assert!(matches!(
            event.enable(),
            Err(Error::Request {
                request: "PERF_EVENT_IOC_ENABLE",
                ..
            })
        ));
    }
    {
        let (_, _guard) = refuse(libc::EINVAL, |call| matches!(call, Call::Ioctl { .. }));
        let event = tracepoint().open(Target::Cpu(0)).unwrap();
        assert!(matches!(event.set_filter("a"), Err(Error::Filter { .. })));
        assert!(matches!(
            event.set_output(&event),
            Err(Error::Request { .. })
        ));
        assert!(matches!(event.pause(), Err(Error::Request { .. })));
    }
    for (n, word) in [
        (libc::EPERM, "RLIMIT_MEMLOCK"),
        (libc::EINVAL, "size"),
        (libc::EBUSY, "another event's ring"),
        (libc::EACCES, "security module"),
        (libc::ENOMEM, "memory"),
        (libc::ENODEV, "gone"),
        (libc::EIO, "not document"),
    ] {
        let (_, _guard) = refuse(n, |call| matches!(call, Call::Map { .. }));
        let event = tracepoint().open(Target::Cpu(0)).unwrap();
        let Err(Error::Map { hint, pages: 4, .. }) = event.map(4) else {
            panic!("{n}")
        };
        assert!(hint.contains(word), "{hint}");
        assert!(
            event
                .map(4)
                .is_err_and(|e| matches!(e, Error::Map { hint: h, .. } if h == hint)),
            "not busy"
        );
    }
}

#[test]
fn an_event_has_one_read_write_reader_at_a_time() {
    let (_, _guard) = agreeable();
    let event = tracepoint().open(Target::Cpu(0)).unwrap();
    let reader = event.map(1).unwrap();
    assert!(matches!(event.map(1), Err(Error::Map { .. })));
    drop(reader);
    assert!(event.map(1).is_ok());
    assert!(matches!(event.map(0), Err(Error::Pages { pages: 0 })));
    assert!(
        matches!(event.map(usize::MAX / 2 + 1), Err(Error::Pages { .. })),
        "it does not overflow"
    );
}

#[test]
fn directions_are_not_mixed_up() {
    let (calls, _guard) = agreeable();
    let forward = tracepoint().open(Target::Cpu(0)).unwrap();
    let backward = tracepoint().backward().open(Target::Cpu(0)).unwrap();
    assert!(matches!(
        forward.map_backward(1),
        Err(Error::Disagree { .. })
    ));
    assert!(matches!(
        backward.map_overwrite(1),
        Err(Error::Disagree { .. })
    ));
    forward.map_overwrite(1).unwrap();
    backward.map_backward(1).unwrap();
    let calls = calls.borrow();
    assert!(
        calls
            .iter()
            .all(|call| !matches!(call, Call::Map { writable: true, .. }))
    );
}

#[test]
fn controls_are_the_requests_of_the_manual() {
    let (calls, _guard) = agreeable();
    let event = tracepoint().open(Target::Cpu(0)).unwrap();
    let run = || -> Result<(), Error> {
        event.enable()?;
        event.disable()?;
        event.enable_group()?;
        event.disable_group()?;
        event.reset()?;
        event.refresh(3)?;
        event.set_period(9)?;
        event.unset_output()?;
        event.pause()?.resume()?;
        drop(event.pause()?);
        event.id().map(drop)
    };
    run().unwrap();
    let sent: Vec<_> = calls
        .borrow()
        .iter()
        .filter_map(|call| match call {
            Call::Ioctl { request, value, .. } => Some((*request, *value)),
            _ => None,
        })
        .collect();
    let expected = [
        (abi::ENABLE, 0),
        (abi::DISABLE, 0),
        (abi::ENABLE, 1),
        (abi::DISABLE, 1),
        (abi::RESET, 0),
        (abi::REFRESH, 3),
        (abi::PERIOD, 9),
        (abi::SET_OUTPUT, u64::MAX),
        (abi::PAUSE_OUTPUT, 1),
        (abi::PAUSE_OUTPUT, 0),
        (abi::PAUSE_OUTPUT, 1),
        (abi::PAUSE_OUTPUT, 0),
        (abi::ID, 0),
    ];
    assert_eq!(sent, expected);
}

#[test]
fn a_paused_reading_resumes_whatever_happens() {
    for membarrier in [true, false] {
        let (calls, _guard) = answering(move |call| {
            (!membarrier && *call == Call::Membarrier).then(|| Err(errno(libc::EINVAL)))
        });
        let event = tracepoint().backward().open(Target::Cpu(0)).unwrap();
        event.map_backward(1).unwrap().read_paused(&event).unwrap();
        let calls = calls.borrow();
        let order: Vec<_> = calls
            .iter()
            .filter(|c| {
                matches!(
                    c,
                    Call::Ioctl {
                        request: abi::PAUSE_OUTPUT,
                        ..
                    } | Call::Membarrier
                )
            })
            .collect();
        let pause = |value| Call::Ioctl {
            request: abi::PAUSE_OUTPUT,
            value,
            text: None,
        };
        assert_eq!(order, [&pause(1), &Call::Membarrier, &pause(0)]);
    }
}

#[test]
fn counters_are_read_by_their_format() {
    let (_, _guard) = agreeable();
    let format = ReadFormat::TOTAL_TIME_ENABLED | ReadFormat::TOTAL_TIME_RUNNING | ReadFormat::LOST;
    let event = tracepoint()
        .read_format(format)
        .open(Target::Cpu(0))
        .unwrap();
    let count = event.count().unwrap();
    assert_eq!(
        (count.value, count.scaled(), count.lost),
        (7, Some(14), Some(0))
    );
    drop(_guard);
    let (_, _guard) = answering(|call| (*call == Call::Read).then(|| Ok(Reply::Bytes(vec![0; 3]))));
    assert!(matches!(
        event.count(),
        Err(Error::Request {
            request: "read",
            ..
        })
    ));
    drop(_guard);
    let mut tries = 0;
    let (_, _guard) = answering(move |call| {
        (*call == Call::Read).then(|| {
            tries += 1;
            if tries < 3 {
                Err(errno(libc::ENOSPC))
            } else {
                Ok(Reply::Bytes(vec![0; 64]))
            }
        })
    });
    event.counts().expect("a larger room is tried");
    drop(_guard);
    let (_, _guard) = answering(|call| (*call == Call::Read).then(|| Err(errno(libc::ENOSPC))));
    assert!(event.counts().is_err(), "but not for ever");
}

fn sysfs(online: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("devices/system/cpu")).unwrap();
    set_online(dir.path(), online);
    dir
}

fn set_online(dir: &Path, online: &str) {
    std::fs::write(dir.join("devices/system/cpu/online"), online).unwrap();
}

#[test]
fn events_of_one_ring_must_agree() {
    let (_, _guard) = agreeable();
    let dir = sysfs("0");
    let open = |builders: &[Builder]| AllCpus::open_in(dir.path(), builders, 1).map(drop);
    assert!(matches!(open(&[]), Err(Error::Disagree { .. })));
    let boot = tracepoint().clock(Clock::Boottime);
    assert!(matches!(
        open(&[tracepoint(), boot]),
        Err(Error::Disagree {
            what: "their clocks"
        })
    ));
    assert!(matches!(
        open(&[tracepoint().backward()]),
        Err(Error::Disagree { .. })
    ));
}

#[test]
fn a_keeper_numbers_its_records_and_follows_the_cpus() {
    let (_, _guard) = agreeable();
    let dir = sysfs("0-1");
    let mut keeper = Keeper::open_in(dir.path(), &tracepoint(), 2, "a:b", b"text").unwrap();
    let attr = keeper.terms().attr;
    assert!(
        attr.sample_type
            .contains(SampleType::READ | SampleType::TIME)
    );
    assert!(
        attr.flags
            .contains(AttrFlags::WRITE_BACKWARD | AttrFlags::USE_CLOCKID)
    );
    assert_eq!((attr.wakeup, attr.sample_period), (1, 1));
    assert_eq!(keeper.count().unwrap(), 14);
    set_online(dir.path(), "0,7");
    keeper.rescan().unwrap();
    let cpus = |keeper: &Keeper| keeper.rings().map(|r| r.cpu).collect::<Vec<_>>();
    assert_eq!(
        cpus(&keeper),
        [0, 1, 7],
        "what CPU 1 wrote can still be read"
    );
    set_online(dir.path(), "0-1,7");
    keeper.rescan().unwrap();
    assert_eq!(cpus(&keeper), [0, 7, 1]);
    assert_eq!(keeper.count().unwrap(), 28, "the dead ring's count stays");
    assert!(matches!(
        Keeper::open_in(dir.path(), &tracepoint(), 3, "", b""),
        Err(Error::Pages { pages: 3 })
    ));
}

#[test]
fn errors_name_what_they_are_about() {
    let (_, _guard) = agreeable();
    let missing = Builder::tracepoint(Path::new("/nonexistent"), "mce", "mce_record");
    let text = missing.unwrap_err().to_string();
    assert!(
        text.contains("/nonexistent/events/mce/mce_record/id"),
        "{text}"
    );
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("events/a/b")).unwrap();
    std::fs::write(dir.path().join("events/a/b/id"), "x\n").unwrap();
    assert!(
        matches!(Builder::tracepoint(dir.path(), "a", "b"), Err(Error::Text { text, .. }) if text == "x")
    );
    let unknown = Builder::software(Software::DUMMY).sample(SampleType::from_bits_retain(1 << 30));
    let event: Event = unknown.open(Target::Task(0)).unwrap();
    assert!(matches!(event.layout(), Err(Error::UnknownSampleType { bits }) if bits == 1 << 30));
}
