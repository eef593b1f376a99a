//! The history over a spool: what goes in comes out, once.

use std::ops::ControlFlow;

use mcekit::severity::Severity;
use mcekit::{
    Addr, CpuSignature, Ipid, McgCap, McgStatus, Misc, Ppin, Record, Status, Synd, Synd1, Synd2,
    Vendor,
};
use mcekit_source::{Channel, FieldValue, Generic, Identity, Observed};
use tempfile::TempDir;

use super::*;
use crate::entry::Batch;
use crate::spool::{Options, Spool};

const NOW: (u64, u32) = (1_795_349_361, 5);

fn record(n: u64) -> Record {
    Record::new(13, Status(0x8c00_0040_0008_00c0))
        .with_vendor(Vendor::INTEL)
        .with_cpuid(CpuSignature(0x50654))
        .with_addr(Addr(n << 12))
        .with_misc(Misc(0x8c))
        .with_tsc(n)
        .with_time(NOW.0 + n)
        .with_cpu(3)
}

fn full() -> Record {
    record(7)
        .with_status(Status(0xfe00_0040_0008_00c0))
        .with_mcgstatus(McgStatus(u64::MAX))
        .with_mcgcap(McgCap(0x0f00_0000_0000_0806))
        .with_synd(Synd(6))
        .with_synd1(Synd1(1 << 63))
        .with_synd2(Synd2(8))
        .with_ipid(Ipid(9))
        .with_ip(u64::MAX - 1)
        .with_cs(0x33)
        .with_ppin(Ppin(11))
        .with_cpu(u32::MAX)
        .with_socket(1)
        .with_apicid(u32::MAX - 3)
        .with_cpuid(CpuSignature(0x8050_0654))
        .with_microcode(0xffff_ff00)
}

fn put(batch: &mut Batch, record: Record, number: u32) {
    let observed = Observed {
        record,
        channel: Channel::Trace,
        earlier_boot: false,
    };
    let identity = Identity::of(&record);
    batch.event(NOW, Some(identity), number, Event::Record(observed));
}

fn generic(name: &str, fields: &[(&str, FieldValue)]) -> Generic {
    Generic {
        system: "ras".into(),
        name: name.into(),
        channel: Channel::Trace,
        cpu: Some(2),
        time: Some((NOW.0, 9)),
        fields: fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        text: None,
    }
}

struct Store {
    dir: TempDir,
    spool: Spool,
}

impl Store {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(&dir.path().join("spool"), Options::default(), |_, _| {});
        let (spool, damage) = spool.unwrap();
        assert_eq!(damage, []);
        Self { dir, spool }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("history.db")
    }

    fn append(&mut self, fill: impl FnOnce(&mut Batch)) {
        let mut batch = Batch::new();
        fill(&mut batch);
        self.spool.append(&mut batch).unwrap();
    }

    /// Opens the history, and lets it read all there is.
    fn history(&self) -> (History, Option<Salvaged>) {
        let (mut history, salvaged) = History::open(&self.path(), Duration::ZERO).unwrap();
        let mut tail = self.spool.tail(history.applied().0);
        while history.catch_up(&mut tail).unwrap().is_some() {}
        (history, salvaged)
    }

    fn rows(&self, query: &Query) -> Vec<Row> {
        let mut rows = Vec::new();
        let reader = Reader::open(&self.path()).unwrap();
        let take = |row: &Row| {
            rows.push(row.clone());
            ControlFlow::Continue(())
        };
        reader.each(query, take).unwrap();
        rows
    }

    fn records(&self) -> Vec<Record> {
        let rows = self.rows(&Query::default());
        rows.iter().filter_map(record_of).collect()
    }
}

fn record_of(row: &Row) -> Option<Record> {
    match row.what {
        What::Record { record, .. } => Some(record),
        _ => None,
    }
}

#[test]
fn a_row_gives_back_the_very_record() {
    let mut store = Store::new();
    let all = [
        Record::empty(),
        record(1),
        full(),
        Record::new(0, Status(0)),
    ];
    store.append(|batch| all.iter().for_each(|&record| put(batch, record, 0)));
    store.history();
    assert_eq!(store.records(), all);
}

#[test]
fn the_columns_are_what_rasdaemons_readers_ask_for() {
    let mut store = Store::new();
    store.append(|batch| put(batch, record(1), 0));
    let (history, _) = store.history();
    // The statement of ras-mc-ctl --errors, column by column.
    let row = history.conn.query_row(
        "select id, timestamp, mcgcap, mcgstatus, status, addr, misc, ip, tsc, walltime, ppin, cpu, cpuid, apicid, \
         socketid, cs, bank, cpuvendor, microcode, bank_name, error_msg, mcgstatus_msg, mcistatus_msg, mcastatus_msg, \
         user_action, mc_location from mce_record order by id",
        [],
        |row| Ok((row.get::<_, String>(1)?, row.get::<_, i64>(4)?, row.get::<_, String>(20)?, row.get::<_, String>(25)?)),
    );
    let (timestamp, status, message, location) = row.unwrap();
    assert_eq!(
        timestamp.len(),
        "2026-11-22 12:09:22 +0000".len(),
        "{timestamp}"
    );
    assert_eq!(status.cast_unsigned(), 0x8c00_0040_0008_00c0);
    assert!(!message.is_empty());
    assert!(location.starts_with("n_errors=1"), "{location}");
}

#[test]
fn what_is_applied_is_applied_once() {
    let mut store = Store::new();
    for n in 0..10 {
        store.append(|batch| put(batch, record(n), 0));
        drop(store.history());
    }
    // A process that was killed before it noted anything reads all frames again.
    let (mut history, _) = store.history();
    let mut tail = store.spool.tail(0);
    assert_eq!(history.catch_up(&mut tail).unwrap(), None);
    assert_eq!(store.records(), (0..10).map(record).collect::<Vec<_>>());
}

#[test]
fn a_locked_history_waits_and_loses_nothing() {
    let mut store = Store::new();
    let (mut history, _) = store.history();
    let mut tail = store.spool.tail(0);
    store.append(|batch| put(batch, record(1), 0));
    let other = Connection::open(store.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..3 {
        let error = history.catch_up(&mut tail).unwrap_err();
        assert!(error.passes(), "{error}");
    }
    assert!(matches!(
        History::open(&store.path(), Duration::ZERO),
        Ok(_) | Err(Error::InUse { .. })
    ));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(history.catch_up(&mut tail).unwrap(), Some(1));
    assert_eq!(store.records(), [record(1)]);
}

#[test]
fn a_full_disk_is_named_and_tried_again() {
    let mut store = Store::new();
    let (mut history, _) = store.history();
    let mut tail = store.spool.tail(0);
    store.append(|batch| (0..5000).for_each(|n| put(batch, record(n), 0)));
    let pages: u32 = history
        .conn
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    let limit = |history: &History, most: u32| {
        let text = format!("PRAGMA max_page_count = {most}");
        history.conn.query_row(&text, [], |_| Ok(())).unwrap();
    };
    limit(&history, pages + 2);
    let error = history.catch_up(&mut tail).unwrap_err();
    assert!(matches!(error, Error::Full { .. }), "{error}");
    limit(&history, u32::MAX - 1);
    assert_eq!(history.catch_up(&mut tail).unwrap(), Some(5000));
    assert_eq!(store.records().len(), 5000);
}

#[test]
fn other_events_are_whole_and_in_rasdaemons_tables() {
    use FieldValue::{Bytes, Signed, Text, Unsigned};
    let mut store = Store::new();
    let events = [
        generic(
            "mc_event",
            &[
                ("error_type", Unsigned(0)),
                ("error_count", Unsigned(4)),
                ("msg", Text("memory read error".into())),
                ("label", Text("DIMM_A1".into())),
                ("mc_index", Unsigned(1)),
                ("top_layer", Signed(0)),
                ("middle_layer", Unsigned(255)),
                ("address", Unsigned(u64::MAX)),
            ],
        ),
        generic(
            "aer_event",
            &[
                ("dev_name", Text("0000:00:1c.0".into())),
                ("status", Unsigned(0x41)),
                ("severity", Unsigned(2)),
            ],
        ),
        generic(
            "non_standard_event",
            &[("sev", Unsigned(1)), ("buf", Bytes(vec![1, 2, 3]))],
        ),
        generic("extlog_mem_event", &[("pa", Unsigned(4096))]),
        generic("arm_event", &[("mpidr", Unsigned(1))]),
        Generic {
            text: Some("pfn 0x12: recovery action for dirty LRU page: Recovered".into()),
            ..generic("memory_failure_event", &[("pfn", Unsigned(0x12))])
        },
        generic("one_of_tomorrow", &[("a", Text("\"b\"".into()))]),
    ];
    store.append(|batch| {
        for event in &events {
            batch.event(NOW, None, 0, Event::Generic(event.clone()));
        }
    });
    let (history, _) = store.history();
    let one = |text: &str| -> Vec<String> {
        let row = |row: &rusqlite::Row<'_>| {
            (0..row.as_ref().column_count())
                .map(|at| row.get_ref(at).map(|value| format!("{value:?}")))
                .collect()
        };
        history.conn.query_row(text, [], row).unwrap()
    };
    let text = |text: &str| format!("{:?}", rusqlite::types::ValueRef::Text(text.as_bytes()));
    assert_eq!(
        one(
            "SELECT err_type, err_count, label, mc, top_layer, middle_layer, address FROM mc_event"
        ),
        [
            &text("Corrected"),
            "Integer(4)",
            &text("DIMM_A1"),
            "Integer(1)",
            "Integer(0)",
            "Integer(-1)",
            "Integer(-1)"
        ]
    );
    assert_eq!(
        one("SELECT err_type, err_msg, dev_name FROM aer_event"),
        [
            text("Corrected"),
            text("Receiver Error, Bad TLP"),
            text("0000:00:1c.0")
        ]
    );
    assert_eq!(
        one("SELECT pfn, page_type, action_result FROM memory_failure_event"),
        [text("0x12"), text("dirty LRU page"), text("Recovered")]
    );
    assert_eq!(
        one("SELECT severity FROM non_standard_event"),
        [text("Fatal")]
    );
    assert_eq!(one("SELECT address FROM extlog_event"), ["Integer(4096)"]);
    assert_eq!(one("SELECT mpidr FROM arm_event"), ["Integer(1)"]);
    let rows = store.rows(&Query::default());
    assert_eq!(rows.len(), events.len());
    let What::Event { fields, name, .. } = &rows[6].what else {
        panic!("{rows:?}");
    };
    assert_eq!(
        (fields.as_str(), name.as_str()),
        (r#"{"a":"\"b\""}"#, "one_of_tomorrow")
    );
}

#[test]
fn queries_agree_in_everything_that_is_given() {
    let mut store = Store::new();
    let fatal = full().with_cpu(5).with_bank(2);
    store.append(|batch| {
        (0..5).for_each(|n| put(batch, record(n), 0));
        put(batch, fatal, 0);
        let lost = Lost {
            channel: Channel::Mcelog,
            loss: Loss::AtLeast(3),
            why: "overflow".into(),
        };
        batch.event(NOW, None, 0, Event::Lost(lost));
    });
    store.history();
    let count = |query: Query| store.rows(&query).len();
    let q = Query::default;
    assert_eq!(count(q()), 7);
    assert_eq!(
        count(Query {
            kinds: vec![Kind::Loss],
            ..q()
        }),
        1
    );
    assert_eq!(
        count(Query {
            cpu: Some(5),
            ..q()
        }),
        1
    );
    assert_eq!(
        count(Query {
            bank: Some(13),
            ..q()
        }),
        5
    );
    assert_eq!(
        count(Query {
            socket: Some(1),
            ..q()
        }),
        1
    );
    assert_eq!(
        count(Query {
            since: Some(NOW.0 + 3),
            until: Some(NOW.0 + 4),
            ..q()
        }),
        1
    );
    assert_eq!(
        count(Query {
            severities: vec![Severity::Panic],
            ..q()
        }),
        1
    );
    assert_eq!(
        count(Query {
            class: Some("memory-controller".into()),
            ..q()
        }),
        6
    );
    assert_eq!(
        count(Query {
            class: Some("patrol-scrub".into()),
            bank: Some(13),
            ..q()
        }),
        5
    );
    assert_eq!(
        count(Query {
            identity: Some(Identity::of(&record(2))),
            ..q()
        }),
        1
    );
    assert_eq!(
        count(Query {
            limit: Some(2),
            ..q()
        }),
        2
    );
    let newest = store.rows(&Query {
        order: Order::Newest,
        ..q()
    });
    let seqs: Vec<_> = newest.iter().filter_map(|row| row.seq).collect();
    assert_eq!(seqs, [7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn sightings_and_cursors_come_back() {
    let mut store = Store::new();
    let identity = Identity::of(&record(1));
    store.append(|batch| {
        put(batch, record(1), 0);
        put(batch, record(1), 1);
        batch.again(NOW, identity, Channel::Mcelog, 0);
        batch.cursor(&Cursor::new("trace:mce", "boot", "1"));
        batch.cursor(&Cursor::new("trace:mce", "boot", "2"));
    });
    let (history, _) = store.history();
    let mut seen = Vec::new();
    history
        .sightings(10, |identity, channel, number| {
            seen.push((identity, channel, number));
        })
        .unwrap();
    assert_eq!(
        seen,
        [
            (identity, Channel::Trace, 0),
            (identity, Channel::Trace, 1),
            (identity, Channel::Mcelog, 0)
        ]
    );
    assert_eq!(
        history.cursors().unwrap(),
        [Cursor::new("trace:mce", "boot", "2")]
    );
}

/// `mce_record` as rasdaemon made it in these releases.
const OLD: [(&str, &str); 3] = [
    (
        "0.5.0",
        "id INTEGER PRIMARY KEY, timestamp TEXT, mcgcap INTEGER, mcgstatus INTEGER, status INTEGER, addr INTEGER, misc \
         INTEGER, ip INTEGER, tsc INTEGER, walltime INTEGER, cpu INTEGER, cpuid INTEGER, apicid INTEGER, socketid INTEGER, \
         cs INTEGER, bank INTEGER, cpuvendor INTEGER, bank_name TEXT, error_msg TEXT, mcgstatus_msg TEXT, mcistatus_msg \
         TEXT, user_action TEXT, mc_location TEXT",
    ),
    (
        "0.6.0 to 0.8.0",
        "id INTEGER PRIMARY KEY, timestamp TEXT, mcgcap INTEGER, mcgstatus INTEGER, status INTEGER, addr INTEGER, misc \
         INTEGER, ip INTEGER, tsc INTEGER, walltime INTEGER, cpu INTEGER, cpuid INTEGER, apicid INTEGER, socketid INTEGER, \
         cs INTEGER, bank INTEGER, cpuvendor INTEGER, bank_name TEXT, error_msg TEXT, mcgstatus_msg TEXT, mcistatus_msg \
         TEXT, mcastatus_msg TEXT, user_action TEXT, mc_location TEXT",
    ),
    (
        "0.8.5",
        "id INTEGER PRIMARY KEY, timestamp TEXT, mcgcap INTEGER, mcgstatus INTEGER, status INTEGER, addr INTEGER, misc \
         INTEGER, ip INTEGER, tsc INTEGER, walltime INTEGER, ppin INTEGER, cpu INTEGER, cpuid INTEGER, apicid INTEGER, \
         socketid INTEGER, cs INTEGER, bank INTEGER, cpuvendor INTEGER, microcode INTEGER, bank_name TEXT, error_msg TEXT, \
         mcgstatus_msg TEXT, mcistatus_msg TEXT, mcastatus_msg TEXT, user_action TEXT, mc_location TEXT",
    ),
];

#[test]
fn a_database_of_rasdaemons_is_taken_over() {
    for (release, columns) in OLD {
        let mut store = Store::new();
        let old = Connection::open(store.path()).unwrap();
        old.execute_batch(&format!(
            "CREATE TABLE mce_record ({columns}); CREATE TABLE mc_event (id INTEGER PRIMARY KEY, timestamp TEXT); \
             INSERT INTO mce_record (timestamp, status, bank, cpu, cpuid, mcgstatus) VALUES ('x', -8, 4, 2, -2147483647, 0)"
        ))
        .unwrap();
        drop(old);
        store.append(|batch| put(batch, full(), 0));
        store.history();
        let theirs = Record::new(4, Status(8_u64.wrapping_neg()))
            .with_cpu(2)
            .with_cpuid(CpuSignature(0x8000_0001))
            .with_mcgstatus(McgStatus(0));
        assert_eq!(store.records(), [theirs, full()], "{release}");
        // Ours again: nothing changes.
        store.history();
        assert_eq!(store.records().len(), 2, "{release}");
    }
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    let store = Store::new();
    let other = Connection::open(store.path()).unwrap();
    other
        .execute_batch("CREATE TABLE bookmarks (url TEXT)")
        .unwrap();
    let before = std::fs::read(store.path()).unwrap();
    let error = History::open(&store.path(), Duration::ZERO).unwrap_err();
    assert!(matches!(error, Error::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("bookmarks"), "{error}");
    drop(other);

    let later = Store::new();
    later.history();
    let conn = Connection::open(later.path()).unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    let error = History::open(&later.path(), Duration::ZERO).unwrap_err();
    assert!(matches!(error, Error::Version { found: 99, .. }), "{error}");
    assert!(!before.is_empty());
}

#[test]
fn columns_that_went_missing_come_back() {
    let mut store = Store::new();
    store.append(|batch| put(batch, record(1), 0));
    let (history, _) = store.history();
    history
        .run("ALTER TABLE mce_record DROP COLUMN synd2; DROP TABLE rasd_loss; PRAGMA user_version = 0")
        .unwrap();
    drop(history);
    store.append(|batch| put(batch, full(), 0));
    store.history();
    assert_eq!(store.records(), [record(1), full()]);
}

/// A history of a few pages, with the spool that has its frames.
fn small() -> (Store, Vec<u8>) {
    let mut store = Store::new();
    for n in 0..3 {
        store.append(|batch| put(batch, record(n), 0));
    }
    let (history, _) = store.history();
    history
        .run("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE")
        .unwrap();
    drop(history);
    let bytes = std::fs::read(store.path()).unwrap();
    (store, bytes)
}

/// Whatever the file is: a history is there afterwards, what the spool has is in it once, and nothing panics.
fn opens(store: &mut Store, bytes: &[u8], what: &str) -> Option<Salvaged> {
    for end in ["-wal", "-shm"] {
        let mut name = store.path().into_os_string();
        name.push(end);
        let _ = std::fs::remove_file(name);
    }
    std::fs::write(store.path(), bytes).unwrap();
    store.append(|batch| put(batch, record(9), 0));
    let opened = History::open(&store.path(), Duration::ZERO);
    let (mut history, mut salvaged) = match opened {
        Ok(opened) => opened,
        // A byte of the version's number, or of a table's name: refused, as what it looks like.
        Err(Error::Version { .. } | Error::Foreign { .. }) => return None,
        Err(error) => panic!("{what}: {error}"),
    };
    let mut tail = store.spool.tail(history.applied().0);
    loop {
        match history.catch_up(&mut tail) {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(Error::Damaged { what: why, .. }) => {
                let renewed = history.renew(why, Duration::ZERO).unwrap();
                (history, salvaged) = (renewed.0, Some(renewed.1));
            }
            Err(error) => panic!("{what}: {error}"),
        }
    }
    if let Some(salvaged) = &salvaged {
        assert_eq!(
            std::fs::read(&salvaged.kept).unwrap().len(),
            bytes.len(),
            "{what}"
        );
        let mut seqs: Vec<i64> = Vec::new();
        let mut all = history
            .conn
            .prepare("SELECT seq FROM mce_record WHERE seq <= 3")
            .unwrap();
        for seq in all.query_map([], |row| row.get::<_, i64>(0)).unwrap() {
            seqs.extend(seq);
        }
        seqs.sort_unstable();
        for seq in 1..=3 {
            assert!(
                seqs.contains(&seq),
                "{what}: event {seq} is there: {seqs:?}"
            );
        }
        let _ = std::fs::remove_file(&salvaged.kept);
    }
    salvaged
}

#[test]
fn a_truncated_history_is_kept_aside_and_salvaged() {
    let (mut store, bytes) = small();
    let mut salvaged = 0;
    for len in (1..bytes.len()).step_by(401) {
        salvaged += u32::from(opens(&mut store, &bytes[..len], &format!("{len} bytes")).is_some());
    }
    assert!(salvaged > 10, "{salvaged}");
}

#[test]
fn a_flipped_byte_never_ends_it() {
    let (mut store, bytes) = small();
    let step = match std::env::var_os("MCEKIT_LONG_TESTS") {
        Some(_) => 23,
        None => 211,
    };
    let mut salvaged = 0;
    // The header and the schema whole; behind them in steps.
    for at in (0..200.min(bytes.len())).chain((200..bytes.len()).step_by(step)) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xff;
        salvaged += u32::from(opens(&mut store, &damaged, &format!("byte {at}")).is_some());
    }
    assert!(salvaged > 10, "{salvaged}");
}

#[test]
fn no_database_at_all_is_kept_aside() {
    let (mut store, _) = small();
    let salvaged = opens(&mut store, &[b'x'; 5000], "text").unwrap();
    assert!(
        salvaged
            .kept
            .to_string_lossy()
            .ends_with("history.db.damaged-1")
    );
    assert_eq!(salvaged.rows, 0);
    assert_eq!(store.records().len(), 4);
}
