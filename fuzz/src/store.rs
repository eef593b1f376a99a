//! Targets of `mcekit-store`.

use std::fs;
use std::path::Path;

use mcekit::{Addr, Record, Status};
use mcekit_source::{Channel, Event, Identity, Observed};
use mcekit_store::spool::{Found, Options, Spool, scan};
use mcekit_store::{Batch, Error, Item};

/// A segment of any bytes: frames and damage cover it without a gap, every frame that is given has the right checksum, and
/// a spool over it takes what is appended, and gives it back behind what it had.
pub fn spool(data: &[u8]) {
    let mut end = None;
    let mut numbers = Vec::new();
    scan(data, |found| {
        let (at, len) = match found {
            Found::Frame {
                at, len, sequence, ..
            } => {
                let bytes = &data[at as usize..(at + len) as usize];
                let (head, items) = bytes.split_at(32);
                let crc = crc32c::crc32c_append(crc32c::crc32c(&head[..28]), items);
                assert_eq!(head[28..], crc.to_le_bytes(), "a wrong checksum");
                numbers.push(sequence);
                (at, len)
            }
            Found::Damage { at, len, .. } => {
                assert!(len > 0, "damage of nothing");
                (at, len)
            }
            _ => return,
        };
        // A sound header comes before the first.
        assert!(end.map_or(at == 0 || at == 28, |end| end == at), "a gap");
        end = Some(at + len);
    });
    assert!(end.is_none_or(|end| end == data.len() as u64));
    // Files are slow: one input in sixteen, in memory where there is such a file system.
    if data.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)) % 16 == 0 {
        on_disk(data);
    }
}

fn on_disk(data: &[u8]) {
    let memory = Path::new("/dev/shm");
    let dir = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
    .expect("a temporary directory");
    let path = dir.path().join("0000000000000001.spool");
    fs::write(&path, data).expect("it is written");
    let mut entries = 0;
    let opened = Spool::open(dir.path(), Options::default(), |_, item| {
        entries += u64::from(matches!(item, Item::Entry(..)));
    });
    let (mut spool, mut damage) = match opened {
        Err(Error::Version { .. }) => return,
        opened => opened.expect("damage is no error"),
    };
    spool.mend(&mut damage).expect("it is mended");
    // Numbers that a file claims can be at their end: then nothing can come behind.
    let next = spool.next_entry();
    if next > u64::MAX - 8 {
        return;
    }
    let record = Record::new(5, Status(1 << 63)).with_addr(Addr(77));
    let observed = Observed {
        record,
        channel: Channel::Trace,
        earlier_boot: false,
    };
    let mut batch = Batch::new();
    batch.event(
        (1, 2),
        Some(Identity::of(&record)),
        3,
        Event::Record(observed),
    );
    spool.append(&mut batch).expect("there is room");
    let wanted = batch.entries()[0].clone();
    assert_eq!(wanted.seq, next);
    let mut tail = spool.tail(0);
    let mut last = None;
    while let Some(frame) = tail.next_frame().expect("it reads") {
        if let Ok(items) = frame.items() {
            last = items
                .into_iter()
                .rfind(|item| matches!(item, Item::Entry(..)))
                .or(last);
        }
    }
    assert_eq!(last, Some(Item::Entry(wanted, 3)), "what was appended");
    drop(spool);
    let (_, again) = Spool::open(dir.path(), Options::default(), |_, _| {}).expect("it opens");
    assert_eq!(again, [], "it is mended once");
}
