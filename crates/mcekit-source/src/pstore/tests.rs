use std::fs;

use mcekit::wire::Mce;
use mcekit::{Record, Status};
use mcekit_logs::write::Kernel;
use proptest::prelude::*;

use super::*;
use crate::wait::tests::readable;

fn record(number: u64) -> Record {
    Record::new(4, Status(0xbe00_0000_0010_0135))
        .with_cpu(1)
        .with_mcgstatus(mcekit::McgStatus(5))
        .with_tsc(0x1000 + number)
        .with_addr(mcekit::Addr(number << 12))
        .with_time(1_795_349_364)
        .with_socket(0)
        .with_apicid(1)
}

fn bytes(number: u64) -> Vec<u8> {
    Mce::from(&record(number)).to_bytes().to_vec()
}

/// The numbers of the records that come now.
fn drain(source: &mut Pstore) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(event) = source.next().unwrap() {
        let Event::Record(seen) = event else {
            panic!("{event:?}");
        };
        assert!(seen.earlier_boot);
        numbers.push(seen.record.tsc().unwrap() - 0x1000);
    }
    numbers
}

/// Looks without waiting for the time to be over.
fn look_again(source: &mut Pstore) {
    source.scanned = None;
}

#[test]
fn structs_are_given_and_unlinked_when_they_are_safe() {
    let dir = tempfile::tempdir().unwrap();
    let file = |number: u64| dir.path().join(format!("mce-erst-{number}"));
    for number in 0..3 {
        fs::write(file(number), bytes(number)).unwrap();
    }
    fs::write(dir.path().join("dmesg-erst-9"), "Panic#1 Part1\n").unwrap();
    let mut source = Pstore::of([(dir.path(), Erase::OnCommit)]).unwrap();
    assert!(readable(&source, 0));
    assert!(matches!(source.next().unwrap(), Some(Event::Record(_))));
    let one = source.cursor().unwrap();
    assert!(file(0).exists(), "unlinked before it was safe");
    assert_eq!(drain(&mut source), [1, 2]);
    assert!(!readable(&source, 0));
    source.commit(&one).unwrap();
    assert!(!file(0).exists() && file(1).exists() && file(2).exists());
    source.commit(&one).unwrap();
    source.commit(&source.cursor().unwrap()).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "dmesg stays");
    assert_eq!(source.cursor().unwrap().position(), "-");
}

#[test]
fn killed_between_disk_and_unlinking() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mce-erst-1");
    fs::write(&path, bytes(1)).unwrap();
    let mut source = Pstore::of([(dir.path(), Erase::OnCommit)]).unwrap();
    assert_eq!(drain(&mut source), [1]);
    let cursor = source.cursor().unwrap();
    drop(source);
    fs::write(dir.path().join("mce-erst-2"), bytes(2)).unwrap();
    let mut again = Pstore::of([(dir.path(), Erase::OnCommit)]).unwrap();
    assert_eq!(again.seek(&cursor).unwrap(), Seek::Resumed);
    again.commit(&cursor).unwrap();
    assert!(!path.exists());
    assert_eq!(drain(&mut again), [2]);
}

#[test]
fn a_file_that_systemd_moves_is_the_same() {
    let (store, archive) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = store.path().join("mce-erst-1");
    fs::write(&path, bytes(1)).unwrap();
    let folders = [
        (store.path(), Erase::OnCommit),
        (archive.path(), Erase::Never),
    ];
    let mut source = Pstore::of(folders).unwrap();
    assert_eq!(drain(&mut source), [1]);
    let moved = archive.path().join("1795349364/001");
    fs::create_dir_all(&moved).unwrap();
    fs::rename(&path, moved.join("mce-erst-1")).unwrap();
    look_again(&mut source);
    assert_eq!(drain(&mut source), [] as [u64; 0]);
    let cursor = source.cursor().unwrap();
    source.commit(&cursor).unwrap();
    assert!(
        moved.join("mce-erst-1").exists(),
        "the archive is systemd's"
    );
    let mut again = Pstore::of(folders).unwrap();
    again.seek(&cursor).unwrap();
    assert_eq!(drain(&mut again), [] as [u64; 0]);
}

#[test]
fn a_new_file_wakes_also_in_a_new_folder() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = Pstore::of([(dir.path(), Erase::Never)]).unwrap();
    assert_eq!(source.next().unwrap(), None);
    assert!(!readable(&source, 0));
    fs::write(dir.path().join("mce-erst-1"), bytes(1)).unwrap();
    assert!(readable(&source, 1000));
    assert_eq!(drain(&mut source), [1]);
    let folder = dir.path().join("1795349364");
    fs::create_dir(&folder).unwrap();
    assert!(readable(&source, 1000));
    assert_eq!(drain(&mut source), [] as [u64; 0]);
    fs::write(folder.join("mce-erst-2"), bytes(2)).unwrap();
    assert!(readable(&source, 1000));
    assert_eq!(drain(&mut source), [2]);
}

#[test]
fn without_inotify_files_are_found_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = Pstore::of([(dir.path(), Erase::Never)]).unwrap();
    source.inotify = None;
    assert_eq!(source.next().unwrap(), None);
    fs::write(dir.path().join("mce-erst-1"), bytes(1)).unwrap();
    assert_eq!(source.next().unwrap(), None, "looked at a moment ago");
    source.scanned = Instant::now().checked_sub(LOOK);
    assert_eq!(drain(&mut source), [1]);
}

#[test]
fn torn_vanished_and_unreadable_files() {
    let dir = tempfile::tempdir().unwrap();
    let torn = dir.path().join("mce-erst-1");
    fs::write(&torn, &bytes(1)[..100]).unwrap();
    fs::write(dir.path().join("mce-erst-2"), bytes(2)).unwrap();
    let mut source = Pstore::of([(dir.path(), Erase::OnCommit)]).unwrap();
    assert!(matches!(source.next(), Err(Error::Damaged { path, .. }) if path == torn));
    assert_eq!(drain(&mut source), [2]);
    look_again(&mut source);
    assert_eq!(source.next().unwrap(), None, "told once");
    source.commit(&source.cursor().unwrap()).unwrap();
    assert!(torn.exists(), "nothing of it is safe anywhere");
    // The rest of it comes.
    fs::write(&torn, bytes(1)).unwrap();
    look_again(&mut source);
    assert_eq!(drain(&mut source), [1]);
    // Somebody else unlinks it.
    fs::remove_file(&torn).unwrap();
    source.commit(&source.cursor().unwrap()).unwrap();
    // A struct that is a directory cannot be read, a folder that is gone has nothing.
    fs::create_dir(dir.path().join("mce-erst-3")).unwrap();
    look_again(&mut source);
    assert_eq!(source.next().unwrap(), None);
    fs::remove_dir_all(dir.path()).unwrap();
    look_again(&mut source);
    assert_eq!(source.next().unwrap(), None);
    assert!(matches!(
        Pstore::of([(dir.path(), Erase::Never)]),
        Err(Error::Missing { .. })
    ));
}

#[test]
fn the_kernels_last_words_hold_the_same_error() {
    let dir = tempfile::tempdir().unwrap();
    let text = |numbers: &[u64]| -> String {
        let prefix = "<2>[   12.345678] mce: [Hardware Error]: ";
        let one = |&number: &u64| {
            Kernel {
                record: &record(number),
                prefix,
            }
            .to_string()
        };
        numbers.iter().map(one).collect()
    };
    fs::write(dir.path().join("mce-erst-1"), bytes(1)).unwrap();
    fs::write(dir.path().join("dmesg-erst-7"), text(&[1, 2, 3])).unwrap();
    fs::write(dir.path().join("dmesg-erst-8"), text(&[3, 1])).unwrap();
    let open = || {
        Pstore::of([(dir.path(), Erase::OnCommit)])
            .unwrap()
            .texts(Texts::Read)
            .once()
    };
    let mut source = open();
    assert!(!source.ended());
    assert_eq!(drain(&mut source), [1, 2, 3]);
    assert!(source.ended());
    // Whole dumps lie beside their parts.
    fs::write(dir.path().join("dmesg.txt"), text(&[1, 4])).unwrap();
    assert_eq!(drain(&mut open()), [1, 4]);
}

#[test]
fn bad_cursors_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = Pstore::of([(dir.path(), Erase::Never)]).unwrap();
    let name = source.name().to_owned();
    for bad in [
        "x",
        ",",
        "0123456789abcdef",
        "0123456789abcdeF,",
        "0123456789abcdef.,",
        "0123456789abcdef1,",
    ] {
        let cursor = own::cursor(Channel::Pstore, &name, "-", bad);
        assert!(
            matches!(source.seek(&cursor), Err(Error::Cursor(_))),
            "{bad}"
        );
    }
    let good = own::cursor(
        Channel::Pstore,
        &name,
        "-",
        "0123456789abcdef,0123456789abcde0.7,",
    );
    assert_eq!(source.seek(&good).unwrap(), Seek::Resumed);
    assert_eq!(source.cursor().unwrap(), good);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Files of both kinds, wherever the reader is killed, committed or not: each error comes once.
    #[test]
    fn each_error_once_across_restarts(
        structs in 0..5_u64,
        texts in proptest::collection::vec(proptest::collection::vec(0..12_u64, 0..5), 0..3),
        stops in proptest::collection::vec((0..4_usize, any::<bool>()), 0..6),
    ) {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..structs {
            fs::write(dir.path().join(format!("mce-erst-{number}")), bytes(number)).unwrap();
        }
        for (index, numbers) in texts.iter().enumerate() {
            let prefix = "mce: [Hardware Error]: ";
            let text: String = numbers
                .iter()
                .map(|&number| Kernel { record: &record(number), prefix }.to_string())
                .collect();
            fs::write(dir.path().join(format!("dmesg-erst-{index}")), text).unwrap();
        }
        let open = || Pstore::of([(dir.path(), Erase::Never)]).unwrap().texts(Texts::Read).once();
        let mut want = drain(&mut open());
        want.sort_unstable();

        let mut seen = Vec::new();
        let mut cursor: Option<Cursor> = None;
        for (stop, commit) in stops.into_iter().chain([(usize::MAX, true)]) {
            let mut source = open();
            if let Some(cursor) = &cursor {
                source.seek(cursor).unwrap();
            }
            for _ in 0..stop {
                match source.next().unwrap() {
                    Some(Event::Record(one)) => seen.push(one.record.tsc().unwrap() - 0x1000),
                    Some(other) => panic!("{other:?}"),
                    None => break,
                }
            }
            let place = source.cursor().unwrap();
            if commit {
                source.commit(&place).unwrap();
            }
            cursor = Some(place.to_string().parse().unwrap());
        }
        seen.sort_unstable();
        prop_assert_eq!(seen, want);
    }
}
