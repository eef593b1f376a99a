use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use mcekit::{CpuSignature, Record, Status, Vendor};
use mcekit_logs::write::Kernel;
use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};
use proptest::prelude::*;

use super::*;
use crate::wait::tests::readable;

/// A kernel's log of a fixed room, as /dev/kmsg gives it.
#[derive(Clone)]
struct Log {
    state: Rc<RefCell<State>>,
    /// Readable while there is something to read.
    signal: Rc<EventFd>,
    /// The next number that this reader gets.
    next: u64,
}

struct State {
    first: u64,
    records: VecDeque<Vec<u8>>,
    fail: Option<Errno>,
}

impl Log {
    fn new() -> Self {
        let signal = EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK).unwrap();
        Self {
            state: Rc::new(RefCell::new(State {
                first: 0,
                records: VecDeque::new(),
                fail: None,
            })),
            signal: Rc::new(signal),
            next: 0,
        }
    }

    /// Another opening of the device.
    fn open(&self) -> Kmsg<Self> {
        self.open_in("5f0c-boot")
    }

    fn open_in(&self, boot: &str) -> Kmsg<Self> {
        let mut log = self.clone();
        log.next = self.state.borrow().first;
        Kmsg::from_reader(log, Path::new("/dev/kmsg"), boot)
            .unwrap()
            .settle(Duration::ZERO)
    }

    fn say(&self, head: &str, text: &str) {
        let mut state = self.state.borrow_mut();
        let number = state.first + state.records.len() as u64;
        let (priority, flags) = head.split_once(' ').unwrap_or((head, "-"));
        let record = format!("{priority},{number},{},{flags};{text}\n", 1000 * number);
        state.records.push_back(record.into_bytes());
        self.signal.write(1).unwrap();
    }

    fn kernel(&self, text: &str) {
        self.say("2", text);
    }

    /// The lines of an error.
    fn error(&self, record: &Record) {
        for line in lines_of(record) {
            self.kernel(&line);
        }
    }

    fn overwrite(&self, lines: usize) {
        let mut state = self.state.borrow_mut();
        state.records.drain(..lines);
        state.first += lines as u64;
    }
}

impl Read for Log {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state.borrow_mut();
        if let Some(errno) = state.fail.take() {
            return Err(errno.into());
        }
        if self.next < state.first {
            self.next = state.first;
            return Err(Errno::EPIPE.into());
        }
        let Some(record) = state.records.get((self.next - state.first) as usize) else {
            let _ = self.signal.read();
            return Err(Errno::EAGAIN.into());
        };
        self.next += 1;
        buffer[..record.len()].copy_from_slice(record);
        Ok(record.len())
    }
}

impl AsFd for Log {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signal.as_fd()
    }
}

fn record(number: u32) -> Record {
    Record::new(7, Status(0x8c00_0040_0001_0090))
        .with_cpu(number)
        .with_apicid(number)
        .with_mcgstatus(mcekit::McgStatus(0))
        .with_tsc(0x1000 + u64::from(number))
        .with_addr(mcekit::Addr(0x1234_5678_0000 + u64::from(number)))
        .with_misc(mcekit::Misc(0x86))
        .with_cpuid(CpuSignature(0x50654))
        .with_vendor(Vendor::INTEL)
        .with_time(1_795_349_364)
        .with_socket(0)
        .with_microcode(0x0200_0065)
}

fn lines_of(record: &Record) -> Vec<String> {
    let text = Kernel {
        record,
        prefix: "mce: [Hardware Error]: ",
    }
    .to_string();
    text.lines().map(str::to_owned).collect()
}

/// All that comes now, the silence after it included.
fn drain<R: Read + AsFd>(source: &mut Kmsg<R>) -> Vec<Event> {
    let mut events = Vec::new();
    for _ in 0..3 {
        while let Some(event) = source.next().unwrap() {
            events.push(event);
        }
    }
    events
}

fn cpus(events: &[Event]) -> Vec<u32> {
    let records = events.iter().filter_map(|event| match event {
        Event::Record(seen) => seen.record.cpu(),
        _ => None,
    });
    records.collect()
}

#[test]
fn errors_between_other_lines() {
    let log = Log::new();
    log.kernel("Linux version 6.12.117");
    log.error(&record(3));
    log.say("6", "usb 1-1: new device");
    log.error(&record(4));
    let mut source = log.open();
    assert!(readable(&source, 100));
    let events = drain(&mut source);
    assert_eq!(cpus(&events), [3, 4]);
    match &events[0] {
        Event::Record(seen) => {
            assert_eq!(seen.record, record(3));
            assert_eq!((seen.channel, seen.earlier_boot), (Channel::Kmsg, false));
        }
        other => panic!("{other:?}"),
    }
    assert!(!readable(&source, 0));
    log.error(&record(5));
    assert!(readable(&source, 100));
    assert_eq!(cpus(&drain(&mut source)), [5]);
}

#[test]
fn silence_completes_an_error_and_wakes_once() {
    let log = Log::new();
    let mut source = log.open().settle(Duration::from_millis(30));
    log.error(&record(1));
    assert_eq!(source.next().unwrap(), None);
    assert!(readable(&source, 1000));
    std::thread::sleep(Duration::from_millis(30));
    assert_eq!(cpus(&drain(&mut source)), [1]);
    assert!(!readable(&source, 50), "woken for nothing");
}

#[test]
fn what_the_kernel_did_not_say_is_no_error() {
    let log = Log::new();
    for line in lines_of(&record(1)) {
        log.say("10", &line);
        log.say("6", &format!("usb 1-1: Product: {line}\n SUBSYSTEM=usb"));
    }
    log.kernel("a program says: bank 5: bea0000000000108");
    log.error(&record(2));
    let mut source = log.open();
    assert_eq!(cpus(&drain(&mut source)), [2]);
    assert_eq!(source.untrusted(), 2 * lines_of(&record(1)).len() as u64);
}

#[test]
fn a_line_in_fragments() {
    let log = Log::new();
    for line in lines_of(&record(9)) {
        let (head, tail) = line.split_at(line.len() / 2);
        log.kernel(head);
        log.say("2 c", tail);
    }
    assert_eq!(cpus(&drain(&mut log.open())), [9]);
}

#[test]
fn errors_of_the_previous_boot() {
    let log = Log::new();
    log.kernel("BERT: Error records from previous boot:");
    for line in lines_of(&record(1)) {
        log.kernel(&line.replace("mce: ", ""));
    }
    log.kernel("something else");
    log.error(&record(2));
    let earlier: Vec<_> = drain(&mut log.open())
        .iter()
        .map(|event| matches!(event, Event::Record(seen) if seen.earlier_boot))
        .collect();
    assert_eq!(earlier, [true, false]);
}

#[test]
fn overwritten_lines_are_a_loss_at_their_place() {
    let log = Log::new();
    log.error(&record(1));
    let mut source = log.open();
    assert_eq!(cpus(&drain(&mut source)), [1]);
    for cpu in 2..5 {
        log.error(&record(cpu));
    }
    let gone = lines_of(&record(1)).len() * 2;
    log.overwrite(gone);
    let events = drain(&mut source);
    let Event::Lost(lost) = &events[0] else {
        panic!("{events:?}");
    };
    assert_eq!(lost.loss, Loss::Unknown);
    assert!(
        lost.why.starts_with(&format!("{} lines", gone / 2)),
        "{}",
        lost.why
    );
    assert_eq!(cpus(&events), [3, 4]);
}

#[test]
fn lines_that_went_before_the_first_reader_are_a_loss() {
    let log = Log::new();
    for cpu in 1..4 {
        log.error(&record(cpu));
    }
    let mut whole = log.open().from_its_begin();
    assert_eq!(cpus(&drain(&mut whole)), [1, 2, 3]);
    assert!(matches!(drain(&mut whole)[..], []), "nothing is missing");
    let lines = lines_of(&record(1)).len();
    log.overwrite(lines);
    let events = drain(&mut log.open().from_its_begin());
    let Event::Lost(lost) = &events[0] else {
        panic!("{events:?}");
    };
    assert_eq!(lost.loss, Loss::Unknown);
    assert!(lost.why.starts_with(&format!("{lines} lines")), "{lost:?}");
    assert_eq!(cpus(&events), [2, 3]);
    // Behind a cursor it is another loss, or none.
    let cursor = whole.cursor().unwrap();
    let mut again = log.open().from_its_begin();
    assert_eq!(again.seek(&cursor).unwrap(), Seek::Resumed);
    assert!(matches!(drain(&mut again)[..], []));
    let mut later = log.open_in("a-later-boot").from_its_begin();
    assert_eq!(later.seek(&cursor).unwrap(), Seek::NewEpoch);
    assert!(matches!(&drain(&mut later)[0], Event::Lost(_)));
}

#[test]
fn seeking_in_a_log_that_lapped_or_is_of_another_boot() {
    let log = Log::new();
    for cpu in 0..4 {
        log.error(&record(cpu));
    }
    let mut source = log.open();
    let first = source.next().unwrap().into_iter().collect::<Vec<_>>();
    assert_eq!(cpus(&first), [] as [u32; 0], "held until silence");
    let events = drain(&mut source);
    assert_eq!(cpus(&events), [0, 1, 2, 3]);
    let cursor = source.cursor().unwrap();

    log.error(&record(4));
    log.error(&record(5));
    let mut again = log.open();
    assert_eq!(again.seek(&cursor).unwrap(), Seek::Resumed);
    assert_eq!(cpus(&drain(&mut again)), [4, 5]);

    log.overwrite(lines_of(&record(0)).len() * 5);
    let mut again = log.open();
    assert_eq!(again.seek(&cursor).unwrap(), Seek::Lapped(Loss::Unknown));
    assert_eq!(cpus(&drain(&mut again)), [5]);

    let mut later = log.open_in("a-later-boot");
    assert_eq!(later.seek(&cursor).unwrap(), Seek::NewEpoch);
    assert_eq!(cpus(&drain(&mut later)), [5]);
}

#[test]
fn trouble_is_told_and_reading_goes_on() {
    let log = Log::new();
    log.error(&record(1));
    let mut source = log.open();
    log.state.borrow_mut().fail = Some(Errno::EINTR);
    assert_eq!(source.next().unwrap(), None);
    log.state.borrow_mut().fail = Some(Errno::EIO);
    assert!(matches!(source.next(), Err(Error::Io { .. })));
    log.state
        .borrow_mut()
        .records
        .push_back(b"no record".to_vec());
    assert!(matches!(source.next(), Err(Error::Damaged { .. })));
    assert_eq!(cpus(&drain(&mut source)), [1]);
    for bad in [
        "",
        "x",
        "1.2",
        "1.2.3.4",
        "-1",
        "1.2.x",
        "18446744073709551616",
    ] {
        let cursor = own::cursor(Channel::Kmsg, "/dev/kmsg", "5f0c-boot", bad);
        assert!(
            matches!(source.seek(&cursor), Err(Error::Cursor(_))),
            "{bad}"
        );
    }
}

#[test]
fn what_found_no_room_in_the_kernel_is_counted_once() {
    let log = Log::new();
    let open = |boot: &str| {
        let mut log = log.clone();
        log.next = log.state.borrow().first;
        McePool::from_reader(log, Path::new("/dev/kmsg"), boot).unwrap()
    };
    let lost = |source: &mut McePool<Log>| match source.next().unwrap() {
        Some(Event::Lost(lost)) => Some(lost.loss),
        None => None,
        other => panic!("{other:?}"),
    };
    let mut source = open("5f0c-boot");
    log.error(&record(1));
    assert_eq!(lost(&mut source), None);
    assert!(!readable(&source, 0), "the log wakes nobody");
    log.say("4", "mce: MCE records pool full!");
    log.error(&record(2));
    log.say("4", "mce: MCE records pool full!");
    log.say("4", "mce_gen_pool_add: 17 callbacks suppressed");
    // Others' words.
    log.say("12", "mce: MCE records pool full!");
    log.say("4", "mce_gen_pool_add: many callbacks suppressed");
    log.say("4", "other_function: 99 callbacks suppressed");
    log.say("6", "usb 1-1: MCE records pool full!\n SUBSYSTEM=usb");
    assert_eq!(lost(&mut source), Some(Loss::AtLeast(19)));
    assert_eq!(lost(&mut source), None);
    let cursor = source.cursor().unwrap();
    // The next process, and one that is killed before it writes anything down.
    log.say("4", "mce: MCE records pool full!");
    for _ in 0..2 {
        let mut again = open("5f0c-boot");
        assert_eq!(again.seek(&cursor).unwrap(), Seek::Resumed);
        assert_eq!(again.cursor().unwrap(), cursor);
        assert_eq!(lost(&mut again), Some(Loss::AtLeast(1)));
        assert_eq!(lost(&mut again), None);
    }
    let mut later = open("a-later-boot");
    assert_eq!(later.seek(&cursor).unwrap(), Seek::NewEpoch);
    assert_eq!(lost(&mut later), Some(Loss::AtLeast(20)));
    // Lines that are gone, a call that is interrupted, and an error.
    log.overwrite(5);
    log.state.borrow_mut().fail = Some(Errno::EINTR);
    assert_eq!(lost(&mut source), Some(Loss::AtLeast(1)));
    log.state.borrow_mut().fail = Some(Errno::EIO);
    assert!(matches!(source.next(), Err(Error::Io { .. })));
    let other = own::cursor(Channel::Kmsg, "/dev/kmsg", "5f0c-boot", "7");
    assert!(matches!(source.seek(&other), Err(Error::Cursor(_))));
    let bad = own::cursor(Channel::Kmsg, "mce-pool", "5f0c-boot", "7.1");
    assert!(matches!(source.seek(&bad), Err(Error::Cursor(_))));
}

#[test]
fn a_device_that_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kmsg");
    assert!(matches!(Kmsg::open_at(&path), Err(Error::Missing { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// However the lines of errors interleave, and wherever the reader is killed and started again: each error comes once.
    #[test]
    fn each_error_once_across_restarts(
        order in proptest::collection::vec((0..3_usize, 0..4_usize), 1..60),
        stops in proptest::collection::vec(0..6_usize, 0..8),
    ) {
        let log = Log::new();
        let mut cpu = 0;
        // Up to three printers at once, each a line further when it is its turn.
        let mut printers: [VecDeque<String>; 3] = Default::default();
        for (printer, noise) in order {
            if noise == 0 {
                log.say("6", "eth0: link up");
            }
            if printers[printer].is_empty() {
                printers[printer] = lines_of(&record(cpu)).into();
                cpu += 1;
            }
            let line = printers[printer].pop_front().unwrap();
            log.kernel(&line);
        }
        for printer in printers {
            for line in printer {
                log.kernel(&line);
            }
        }
        let whole = cpus(&drain(&mut log.open()));

        let mut seen = Vec::new();
        let mut cursor: Option<Cursor> = None;
        for stop in stops.into_iter().map(Some).chain([None]) {
            let mut source = log.open();
            if let Some(cursor) = &cursor {
                prop_assert_eq!(source.seek(cursor).unwrap(), Seek::Resumed);
            }
            let mut events = Vec::new();
            let mut idle = 0;
            while idle < 3 && stop.is_none_or(|stop| events.len() < stop) {
                match source.next().unwrap() {
                    Some(event) => events.push(event),
                    None => idle += 1,
                }
            }
            seen.extend(cpus(&events));
            let place = source.cursor();
            cursor = place.map(|place| place.to_string().parse().unwrap()).or(cursor);
        }
        prop_assert_eq!(seen, whole);
    }
}
