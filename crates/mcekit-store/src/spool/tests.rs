//! What is appended is read back; what is damaged is named, kept and counted.

use std::io::Write;

use mcekit::{Addr, Record, Status};
use mcekit_source::{Channel, Event, Identity, Observed};
use tempfile::TempDir;

use super::*;

fn batch(from: u64, count: u64) -> Batch {
    let mut batch = Batch::new();
    for n in from..from + count {
        let record = Record::new(5, Status(0xbea0_0000_0000_0108)).with_addr(Addr(n));
        let observed = Observed {
            record,
            channel: Channel::Replay,
            earlier_boot: false,
        };
        batch.event(
            (n, 1),
            Some(Identity::of(&record)),
            0,
            Event::Record(observed),
        );
    }
    batch.cursor(&Cursor::new("replay:x", "e", &(from + count).to_string()));
    batch
}

/// A directory with a spool of one segment: three frames with 1, 2 and 3 events.
fn three() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(&dir);
    for (from, count) in [(1, 1), (2, 2), (4, 3)] {
        spool.append(&mut batch(from, count)).unwrap();
    }
    dir
}

fn open(dir: &TempDir) -> (Spool, Vec<Damage>) {
    Spool::open(dir.path(), Options::default(), |_, _| {}).unwrap()
}

fn segment_of(dir: &TempDir) -> PathBuf {
    segment::path(dir.path(), 1)
}

/// The events that a reader gets: number and address.
fn read(tail: &mut Tail) -> Vec<(u64, u64)> {
    let mut all = Vec::new();
    while let Some(frame) = tail.next_frame().unwrap() {
        all.extend(events(&frame));
    }
    all
}

fn events(frame: &Frame) -> Vec<(u64, u64)> {
    let mut all = Vec::new();
    for item in frame.items().unwrap() {
        if let Item::Entry(delivered, _) = item
            && let Event::Record(observed) = delivered.event
        {
            all.push((delivered.seq, observed.record.addr().unwrap().0));
        }
    }
    all
}

/// What was appended as far as `upto`.
fn upto(upto: u64) -> Vec<(u64, u64)> {
    (1..=upto).map(|n| (n, n)).collect()
}

#[test]
fn what_is_appended_is_read_back_by_this_process_and_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, damage) = open(&dir);
    assert_eq!(damage, []);
    let mut tail = spool.tail(0);
    assert_eq!(read(&mut tail), []);
    spool.append(&mut batch(1, 3)).unwrap();
    assert_eq!(read(&mut tail), upto(3));
    spool.append(&mut batch(4, 2)).unwrap();
    assert_eq!(read(&mut tail), [(4, 4), (5, 5)]);
    assert_eq!(read(&mut spool.tail(1)), [(4, 4), (5, 5)]);
    drop(spool);
    let mut seen = 0;
    let (mut spool, damage) = Spool::open(dir.path(), Options::default(), |frame, item| {
        assert!((1..=2).contains(&frame));
        seen += u64::from(matches!(item, Item::Entry(..)));
    })
    .unwrap();
    assert_eq!((damage.len(), seen, spool.next_entry()), (0, 5, 6));
    assert_eq!(spool.cursor("replay:x").unwrap().position(), "6");
    spool.append(&mut batch(6, 1)).unwrap();
    assert_eq!(read(&mut spool.tail(0)), upto(6));
}

#[test]
fn a_segment_goes_when_it_is_applied_and_the_cursors_stay() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        segment_len: 1000,
        ..Options::default()
    };
    let (mut spool, _) = Spool::open(dir.path(), options, |_, _| {}).unwrap();
    let mut other = Batch::new();
    other.cursor(&Cursor::new("kmsg:/dev/kmsg", "boot", "77"));
    other.taking("mcelog:/dev/mcelog");
    spool.append(&mut other).unwrap();
    let mut tail = spool.tail(0);
    let mut last = 0;
    for n in 1..=40 {
        spool.append(&mut batch(n, 1)).unwrap();
        while let Some(frame) = tail.next_frame().unwrap() {
            last = frame.sequence;
        }
        tail.applied(last).unwrap();
        assert!(segment::list(dir.path()).unwrap().len() <= 2);
    }
    assert!(
        last > 41,
        "each segment begins with a frame of its own: {last}"
    );
    drop(spool);
    let (spool, _) = Spool::open(dir.path(), options, |_, _| {}).unwrap();
    assert_eq!(spool.cursor("kmsg:/dev/kmsg").unwrap().position(), "77");
    assert_eq!(spool.cursor("replay:x").unwrap().position(), "41");
    assert_eq!(
        spool.unfinished().collect::<Vec<_>>(),
        ["mcelog:/dev/mcelog"]
    );
    assert_eq!(spool.next_entry(), 41);
}

#[test]
fn a_spool_that_was_lost_goes_on_behind_the_history() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        applied: (10, 100),
        ..Options::default()
    };
    let (mut spool, _) = Spool::open(dir.path(), options, |_, _| {}).unwrap();
    let mut next = batch(101, 1);
    spool.append(&mut next).unwrap();
    assert_eq!(next.entries()[0].seq, 101);
    assert_eq!(read(&mut spool.tail(10)), [(101, 101)]);
}

#[test]
fn one_process_at_a_time() {
    let dir = three();
    let (_spool, _) = open(&dir);
    let second = Spool::open(dir.path(), Options::default(), |_, _| {});
    assert!(matches!(second, Err(Error::InUse { .. })));
}

#[test]
fn a_later_version_is_refused_and_left_alone() {
    let dir = three();
    let path = segment_of(&dir);
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 9;
    let crc = crc32c::crc32c(&bytes[..24]);
    bytes[24..28].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let error = Spool::open(dir.path(), Options::default(), |_, _| {}).unwrap_err();
    assert!(matches!(error, Error::Version { found: 9, .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_write_that_was_cut_short_anywhere_is_cut_off() {
    let whole = fs::read(segment_of(&three())).unwrap();
    for len in 0..whole.len() {
        let dir = tempfile::tempdir().unwrap();
        let path = segment_of(&dir);
        fs::write(&path, &whole[..len]).unwrap();
        let (mut spool, mut damage) = open(&dir);
        assert!(damage.iter().all(|one| one.torn), "{len}: {damage:?}");
        assert!(damage.iter().all(|one| one.lost == Loss::Exact(0)), "{len}");
        let whole_events = spool.next_entry() - 1;
        assert!([0, 1, 3].contains(&whole_events), "{len}: {whole_events}");
        let mut tail = spool.tail(0);
        spool.mend(&mut damage).unwrap();
        spool.append(&mut batch(whole_events + 1, 1)).unwrap();
        assert_eq!(read(&mut tail), upto(whole_events + 1), "{len}");
        drop(spool);
        let (spool, again) = open(&dir);
        assert_eq!(again, [], "{len}: it is cut off once");
        assert_eq!(read(&mut spool.tail(0)), upto(whole_events + 1), "{len}");
    }
}

#[test]
fn a_tail_of_zeros_was_never_written() {
    let dir = three();
    let path = segment_of(&dir);
    let mut file = File::options().append(true).open(&path).unwrap();
    file.write_all(&[0; 5000]).unwrap();
    let (spool, damage) = open(&dir);
    assert!(
        matches!(&damage[..], [one] if one.torn && one.bytes == 5000),
        "{damage:?}"
    );
    assert_eq!(read(&mut spool.tail(0)), upto(6));
}

#[test]
fn a_flipped_byte_anywhere_costs_its_frame_and_is_counted() {
    let whole = fs::read(segment_of(&three())).unwrap();
    for at in 0..whole.len() {
        let dir = tempfile::tempdir().unwrap();
        let path = segment_of(&dir);
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        fs::write(&path, &bytes).unwrap();
        let (mut spool, mut damage) = open(&dir);
        assert!(!damage.is_empty(), "{at}: it is noticed");
        let got = read(&mut spool.tail(0));
        // A reader that has the file open already reads the same to its end.
        let mut early = spool.tail(0);
        let mut before = Vec::new();
        if let Some(frame) = early.next_frame().unwrap() {
            before.extend(events(&frame));
        }
        let lost = damage.iter().map(|one| one.lost).reduce(Loss::and).unwrap();
        match lost {
            Loss::Exact(n) => {
                let torn = damage.iter().any(|one| one.torn);
                assert!(
                    torn || got.len() as u64 + n == 6,
                    "{at}: {got:?} {damage:?}"
                );
            }
            _ => assert_eq!(got, upto(3), "{at}: the last frame's number is unknown"),
        }
        assert!(got.iter().all(|(seq, addr)| seq == addr), "{at}: {got:?}");
        spool.mend(&mut damage).unwrap();
        for one in damage.iter().filter(|one| !one.torn) {
            let kept = one.kept.as_ref().unwrap();
            assert!(kept.to_string_lossy().ends_with(".damaged-1"), "{kept:?}");
            assert_eq!(fs::read(kept).unwrap(), bytes, "{at}: kept as it was");
        }
        assert_eq!(
            read(&mut spool.tail(0)),
            got,
            "{at}: mending keeps what is readable"
        );
        before.extend(read(&mut early));
        assert_eq!(before, got, "{at}: mending does not disturb a reader");
        drop(spool);
        let (mut spool, again) = open(&dir);
        assert_eq!(again, [], "{at}: told once");
        // The next one is written, and read behind what is there.
        let mut next = batch(1000, 1);
        spool.append(&mut next).unwrap();
        let all = read(&mut spool.tail(0));
        assert_eq!(all.len(), got.len() + 1, "{at}");
        assert!(all.is_sorted_by_key(|(seq, _)| *seq), "{at}: {all:?}");
    }
}

#[test]
fn damage_that_is_in_the_history_already_loses_nothing() {
    let dir = three();
    let path = segment_of(&dir);
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    let options = Options {
        applied: (3, 6),
        ..Options::default()
    };
    let (spool, damage) = Spool::open(dir.path(), options, |_, _| {}).unwrap();
    assert!(
        matches!(&damage[..], [one] if one.lost == Loss::Exact(0)),
        "{damage:?}"
    );
    assert_eq!(spool.next_entry(), 7);
}

#[test]
fn no_room_loses_nothing_and_passes() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(&dir);
    spool.append(&mut batch(1, 1)).unwrap();
    // A file that cannot be written to stands for a full disk: the frame does not get there.
    let active = spool.active.as_mut().unwrap();
    let sound = std::mem::replace(&mut active.file, File::open(segment_of(&dir)).unwrap());
    let mut next = batch(2, 2);
    let error = spool.append(&mut next).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert_eq!(spool.next_entry(), 2);
    spool.active.as_mut().unwrap().file = sound;
    spool.append(&mut next).unwrap();
    assert_eq!(read(&mut spool.tail(0)), upto(3));
}

#[test]
fn a_reader_waits_for_the_writer_and_learns_of_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(&dir);
    let mut tail = spool.tail(0);
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        loop {
            all.extend(read(&mut tail));
            if !tail.wait(std::time::Duration::from_secs(60)) {
                return all;
            }
        }
    });
    for n in 1..=50 {
        spool.append(&mut batch(n, 1)).unwrap();
    }
    drop(spool);
    assert_eq!(reader.join().unwrap(), upto(50));
}
