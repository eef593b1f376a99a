//! The engine over sources that are made up, and over a spool on disk.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mcekit::{Addr, Record, Status};
use mcekit_source::{
    Caps, Channel, Cursor, Event, Guarantees, Keeps, Loss, LossKnown, Observed,
    Result as SourceResult, Seek, Sightings, Source,
};
use mcekit_store::spool::{self, Found, Spool, scan};
use mcekit_store::{Batch, Delivered, Item};
use tempfile::TempDir;

use crate::delivered::Consumer;
use crate::engine::{Engine, Options, RETRY};
use crate::feed::Feed;
use crate::gaps::Boot;
use crate::marks::Mark;
use crate::stats::Stats;
use crate::wait::Wait;

/// What happened, in its order.
type Log = Rc<RefCell<Vec<String>>>;

/// A source of numbers: event n is a record with the address n.
struct Fake {
    name: &'static str,
    channel: Channel,
    left: VecDeque<u64>,
    guarantees: Guarantees,
    /// Readable while something is left.
    ends: (UnixStream, UnixStream),
    at: u64,
    epoch: &'static str,
    /// What is behind a cursor is not all there.
    lapped: bool,
    /// The process is killed when it takes this.
    kills: Option<u64>,
    log: Log,
    spool: PathBuf,
}

impl Fake {
    fn new(bench: &Bench, channel: Channel, name: &'static str, left: &[u64]) -> Self {
        let ends = UnixStream::pair().unwrap();
        (&ends.1).write_all(b"x").unwrap();
        Self {
            name,
            channel,
            left: left.iter().copied().collect(),
            guarantees: Guarantees::REPEATS | Guarantees::SURVIVES_EXIT | Guarantees::FROM_BOOT,
            ends,
            at: 0,
            epoch: "e",
            lapped: false,
            kills: None,
            log: Rc::clone(&bench.log),
            spool: bench.dir.path().into(),
        }
    }

    /// Its channel was made while the machine ran.
    fn made_late(mut self) -> Self {
        self.guarantees.remove(Guarantees::FROM_BOOT);
        self
    }

    /// Its channel was made anew since the last cursor, or is of another boot.
    fn anew(mut self) -> Self {
        self.epoch = "e2";
        self
    }

    fn lapped(mut self) -> Self {
        self.lapped = true;
        self
    }

    fn kills(mut self, n: u64) -> Self {
        self.kills = Some(n);
        self
    }

    fn destroys(mut self) -> Self {
        self.guarantees =
            Guarantees::READING_DESTROYS | Guarantees::SURVIVES_EXIT | Guarantees::FROM_BOOT;
        self
    }

    fn ends_with_its_reader(mut self) -> Self {
        self.guarantees = Guarantees::READING_DESTROYS;
        self
    }
}

impl AsFd for Fake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ends.0.as_fd()
    }
}

impl Source for Fake {
    fn channel(&self) -> Channel {
        self.channel
    }

    fn name(&self) -> &str {
        self.name
    }

    fn caps(&self) -> Caps {
        Caps {
            guarantees: self.guarantees,
            keeps: Keeps::Oldest,
            loss: LossKnown::Unknown,
        }
    }

    fn next(&mut self) -> SourceResult<Option<Event>> {
        if self.guarantees.contains(Guarantees::READING_DESTROYS) {
            let mark = if self.guarantees.contains(Guarantees::SURVIVES_EXIT) {
                ""
            } else {
                "watch "
            };
            let marked =
                unfinished(&self.spool).contains(&format!("{mark}{}:{}", self.channel, self.name));
            assert!(marked, "the marker is on disk before anything is read");
        }
        Ok(self.left.pop_front().map(|n| {
            assert_ne!(self.kills, Some(n), "killed");
            self.at = n;
            Event::Record(Observed {
                record: record(n),
                channel: self.channel,
                earlier_boot: false,
            })
        }))
    }

    fn cursor(&self) -> Option<Cursor> {
        let source = format!("{}:{}", self.channel, self.name);
        Some(Cursor::new(&source, self.epoch, &self.at.to_string()))
    }

    fn seek(&mut self, cursor: &Cursor) -> SourceResult<Seek> {
        if cursor.epoch() != self.epoch {
            return Ok(Seek::NewEpoch);
        }
        let at = cursor.position().parse().unwrap();
        self.left.retain(|&n| n > at);
        self.at = at;
        if self.lapped {
            self.at = self.left.front().map_or(at, |first| first - 1);
            return Ok(Seek::Lapped(Loss::Unknown));
        }
        Ok(Seek::Resumed)
    }

    fn commit(&mut self, cursor: &Cursor) -> SourceResult<()> {
        let safe = cursors(&self.spool).contains(cursor);
        assert!(safe, "committed before it was on disk: {cursor}");
        self.log.borrow_mut().push(format!("commit {cursor}"));
        Ok(())
    }

    fn ended(&self) -> bool {
        self.left.is_empty()
    }
}

fn record(n: u64) -> Record {
    Record::new(5, Status(1 << 63))
        .with_addr(Addr(n))
        .with_tsc(n)
}

/// Writes down what it gets, and looks whether that is on disk.
struct Witness {
    log: Log,
    spool: PathBuf,
}

impl Consumer for Witness {
    fn deliver(&mut self, what: &Delivered) {
        let safe = items(&self.spool)
            .iter()
            .any(|item| matches!(item, Item::Entry(entry, _) if entry == what));
        assert!(safe, "delivered before it was on disk: {what:?}");
        self.log.borrow_mut().push(match &what.event {
            Event::Record(observed) => {
                format!("{} record {}", what.seq, observed.record.addr().unwrap().0)
            }
            Event::Lost(lost) => format!("{} lost {}: {}", what.seq, lost.channel, lost.loss),
            other => format!("{other:?}"),
        });
    }

    fn tick(&mut self, _: Instant) -> Option<Duration> {
        None
    }
}

/// Notes when what is over has been delivered.
struct Began(Log);

impl Consumer for Began {
    fn deliver(&mut self, _: &Delivered) {}

    fn tick(&mut self, _: Instant) -> Option<Duration> {
        None
    }

    fn live(&mut self) {
        self.0.borrow_mut().push("live".into());
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// Everything that the spool in a directory holds, read from its files.
fn items(dir: &Path) -> Vec<Item> {
    let files = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|end| end == "spool"))
        .collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        scan(&fs::read(path).unwrap(), |found| {
            if let Found::Frame { items, .. } = found {
                all.extend(items.unwrap());
            }
        });
    }
    all
}

fn cursors(dir: &Path) -> Vec<Cursor> {
    let cursor = |item| match item {
        Item::Cursor(cursor) => Some(cursor),
        _ => None,
    };
    items(dir).into_iter().filter_map(cursor).collect()
}

fn unfinished(dir: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for item in items(dir) {
        match item {
            Item::Taking(name) => all.push(name),
            Item::Taken(name) => all.retain(|one| *one != name),
            _ => {}
        }
    }
    all
}

/// A state directory, and what happens over it.
struct Bench {
    dir: TempDir,
    log: Log,
    stats: Arc<Stats>,
    /// The id of the machine's boot.
    boot: RefCell<&'static str>,
}

impl Bench {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            log: Log::default(),
            stats: Arc::default(),
            boot: RefCell::new("first"),
        }
    }

    /// The machine starts anew.
    fn reboot(&self, id: &'static str) {
        self.boot.replace(id);
    }

    /// A process: an engine, as the daemon makes it.
    fn engine(&self) -> Engine {
        let mut sightings = Sightings::new(100);
        let opened = Spool::open(self.dir.path(), spool::Options::default(), |_, item| {
            if let Item::Entry(delivered, number) = item
                && let (Some(identity), Event::Record(observed)) =
                    (delivered.identity, &delivered.event)
            {
                sightings.restore(identity, observed.channel, *number);
            }
        });
        let (spool, damage) = opened.unwrap();
        let options = Options {
            once: true,
            boot: Some(Boot {
                id: (*self.boot.borrow()).into(),
                began: now(),
            }),
            ..Options::default()
        };
        let wait = Wait::new().unwrap();
        let stats = Arc::clone(&self.stats);
        let mut engine = Engine::new(options, wait, spool, damage, sightings, stats);
        let witness = Witness {
            log: Rc::clone(&self.log),
            spool: self.dir.path().into(),
        };
        engine.consumer(Box::new(witness)).unwrap();
        engine
    }

    fn run(&self, feeds: Vec<Feed>) {
        let mut engine = self.engine();
        for feed in feeds {
            engine.source(feed).unwrap();
        }
        engine.run().unwrap();
    }

    /// A process that is killed while it reads, or goes down with the machine.
    fn is_killed(&self, feed: Feed) {
        let killed = catch_unwind(AssertUnwindSafe(|| self.run(vec![feed])));
        assert!(killed.is_err(), "it lives on");
    }

    /// The marks that stand.
    fn marks(&self) -> Vec<Mark> {
        let marks = unfinished(self.dir.path());
        marks.iter().map(|text| Mark::read(text)).collect()
    }

    /// What was delivered since the last time.
    fn told(&self) -> Vec<String> {
        let mut log = self.log();
        log.retain(|line| !line.starts_with("commit"));
        log
    }

    /// What happened since the last time.
    fn log(&self) -> Vec<String> {
        self.log.take()
    }
}

fn live(source: Fake) -> Feed {
    Feed::new(Box::new(source), false)
}

#[test]
fn on_disk_then_delivered_then_forgotten() {
    let bench = Bench::new();
    let trace = |left: &[u64]| live(Fake::new(&bench, Channel::Trace, "a", left));
    bench.run(vec![trace(&[1, 2])]);
    let expected = ["1 record 1", "2 record 2", "commit v1 trace:a e 2"];
    assert_eq!(bench.log(), expected);
    // The next process goes on behind it, and first tells the channel what the one before may not have come to tell.
    bench.run(vec![trace(&[1, 2, 3])]);
    let expected = [
        "commit v1 trace:a e 2",
        "3 record 3",
        "commit v1 trace:a e 3",
    ];
    assert_eq!(bench.log(), expected);
}

#[test]
fn what_is_over_comes_first() {
    let bench = Bench::new();
    let now = live(Fake::new(&bench, Channel::Trace, "a", &[10]));
    let before = Feed::new(
        Box::new(Fake::new(&bench, Channel::Pstore, "p", &[1])),
        true,
    );
    let mut engine = bench.engine();
    engine
        .consumer(Box::new(Began(Rc::clone(&bench.log))))
        .unwrap();
    engine.source(now).unwrap();
    engine.source(before).unwrap();
    engine.run().unwrap();
    let mut log = bench.log();
    log.retain(|line| !line.contains("commit"));
    // Between the two the service manager is told that the daemon is ready.
    assert_eq!(log, ["1 record 1", "live", "2 record 10"]);
}

#[test]
fn one_error_by_two_roads_is_one_across_processes() {
    let bench = Bench::new();
    bench.run(vec![
        live(Fake::new(&bench, Channel::Trace, "a", &[1, 2])),
        live(Fake::new(&bench, Channel::Keeper, "k", &[2, 3])),
    ]);
    let log = bench.log();
    let delivered: Vec<&String> = log.iter().filter(|line| line.contains("record")).collect();
    assert_eq!(delivered, ["1 record 1", "2 record 2", "3 record 3"]);
    bench.run(vec![live(Fake::new(
        &bench,
        Channel::Mcelog,
        "m",
        &[1, 3, 4],
    ))]);
    assert_eq!(bench.log(), ["4 record 4", "commit v1 mcelog:m e 4"]);
    let again = items(bench.dir.path());
    let again = again
        .iter()
        .filter(|item| matches!(item, Item::Again { .. }));
    assert_eq!(again.count(), 3);
}

#[test]
fn a_channel_that_forgets_is_marked_while_it_is_read() {
    let bench = Bench::new();
    let device = |left: &[u64]| {
        let fake = Fake::new(&bench, Channel::Mcelog, "dev", left);
        live(fake.destroys())
    };
    bench.run(vec![device(&[1])]);
    assert_eq!(bench.log(), ["1 record 1", "commit v1 mcelog:dev e 1"]);
    assert!(
        matches!(&bench.marks()[..], [Mark::Left { name, .. }] if name == "mcelog:dev"),
        "the marker is gone"
    );
    // A process that died between the mark and the disk.
    let (mut spool, _) =
        Spool::open(bench.dir.path(), spool::Options::default(), |_, _| {}).unwrap();
    let mut batch = Batch::new();
    batch.taking("mcelog:dev");
    spool.append(&mut batch).unwrap();
    drop(spool);
    bench.run(vec![device(&[2])]);
    assert_eq!(
        bench.log(),
        [
            "commit v1 mcelog:dev e 1",
            "2 lost mcelog: an unknown number",
            "3 record 2",
            "commit v1 mcelog:dev e 2"
        ]
    );
    bench.run(vec![]);
    assert_eq!(bench.log(), [""; 0], "told once");
}

#[test]
fn what_nobody_recorded_between_two_processes_is_told() {
    let bench = Bench::new();
    let ring = |left: &[u64]| {
        let fake = Fake::new(&bench, Channel::Perf, "own", left);
        live(fake.ends_with_its_reader())
    };
    bench.run(vec![ring(&[2])]);
    let told = [
        "1 lost perf: an unknown number",
        "2 record 2",
        "commit v1 perf:own e 2",
    ];
    assert_eq!(bench.log(), told, "nobody recorded before the first either");
    for n in [4, 6] {
        bench.run(vec![ring(&[n])]);
        let told = [
            format!("commit v1 perf:own e {}", n - 2),
            format!("{} lost perf: an unknown number", n - 1),
            format!("{n} record {n}"),
            format!("commit v1 perf:own e {n}"),
        ];
        assert_eq!(bench.log(), told, "by each process, however it ended");
    }
    bench.run(vec![]);
    assert_eq!(bench.log(), ["7 lost perf: an unknown number"]);
    bench.run(vec![]);
    assert_eq!(bench.log(), [""; 0], "no process followed it any more");
}

#[test]
fn what_a_machine_took_along_is_told_once() {
    let bench = Bench::new();
    let trace = |left: &[u64]| Fake::new(&bench, Channel::Trace, "a", left);
    bench.run(vec![live(trace(&[1]))]);
    assert_eq!(bench.told(), ["1 record 1"]);
    assert!(matches!(&bench.marks()[..], [Mark::Left { boot, .. }] if boot == "first"));
    // Killed with something in the channel, and killed again: the channel has it still.
    for _ in 0..2 {
        bench.is_killed(live(trace(&[1, 2]).kills(2)));
        assert_eq!(bench.told(), [""; 0]);
        assert!(matches!(&bench.marks()[..], [Mark::Followed { boot, .. }] if boot == "first"));
    }
    // The machine falls, and takes it along.
    bench.reboot("second");
    bench.is_killed(live(trace(&[3]).anew().kills(3)));
    assert_eq!(bench.told(), ["2 lost trace: an unknown number"]);
    bench.is_killed(live(trace(&[3]).anew().kills(3)));
    assert_eq!(bench.told(), [""; 0], "told once");
    bench.run(vec![live(trace(&[3]).anew())]);
    assert_eq!(bench.told(), ["3 record 3"]);
    // A reboot behind an orderly end takes nothing.
    bench.reboot("third");
    bench.run(vec![live(trace(&[4]))]);
    assert_eq!(bench.told(), ["4 record 4"]);
    // It falls again, and the next daemon follows another source.
    bench.is_killed(live(trace(&[5]).kills(5)));
    bench.told();
    bench.reboot("fourth");
    let other = |left: &[u64]| vec![live(Fake::new(&bench, Channel::Keeper, "k", left))];
    bench.run(other(&[6]));
    assert_eq!(
        bench.told(),
        ["5 lost trace: an unknown number", "6 record 6"]
    );
    assert!(matches!(&bench.marks()[..], [Mark::Left { name, .. }] if name == "keeper:k"));
    bench.run(other(&[]));
    assert_eq!(bench.told(), [""; 0]);
}

#[test]
fn a_channel_that_does_not_reach_back_to_the_boot_is_told_once_a_boot() {
    let bench = Bench::new();
    let kept = |left: &[u64]| Fake::new(&bench, Channel::Trace, "kept", left).made_late();
    for boot in ["first", "second"] {
        bench.reboot(boot);
        bench.is_killed(live(kept(&[1]).anew().kills(1)));
        let log = bench.told();
        let lost = log.iter().filter(|line| line.contains("lost trace"));
        // And the second time, that the machine fell.
        assert_eq!(lost.count(), 1 + usize::from(boot == "second"), "{log:?}");
        bench.is_killed(live(kept(&[1]).anew().kills(1)));
        assert_eq!(bench.told(), [""; 0], "told once");
    }
    // One that does reach back has what the other lacks.
    let bench = Bench::new();
    let kept = live(Fake::new(&bench, Channel::Trace, "kept", &[1]).made_late());
    bench.run(vec![
        kept,
        live(Fake::new(&bench, Channel::Mcelog, "m", &[])),
    ]);
    assert_eq!(bench.told(), ["1 record 1"]);
}

#[test]
fn a_channel_that_was_made_anew_and_one_that_lapped_are_told_once() {
    for lapped in [false, true] {
        let bench = Bench::new();
        let trace = |left: &[u64]| Fake::new(&bench, Channel::Trace, "a", left);
        let later = |left: &[u64]| match lapped {
            true => trace(left).lapped(),
            false => trace(left).anew(),
        };
        bench.run(vec![live(trace(&[1]))]);
        bench.log();
        bench.is_killed(live(later(&[5]).kills(5)));
        let log = bench.log();
        let told = "2 lost trace: an unknown number".to_owned();
        assert!(log.contains(&told), "{log:?}");
        let last = cursors(bench.dir.path()).pop().unwrap();
        let place = if lapped { ("e", "4") } else { ("e2", "0") };
        assert_eq!((last.epoch(), last.position()), place);
        let epoch = match lapped {
            true => trace(&[5]),
            false => trace(&[5]).anew(),
        };
        bench.run(vec![live(epoch)]);
        let log = bench.log();
        assert!(log.contains(&"3 record 5".to_owned()), "{log:?}");
        assert!(!log.iter().any(|line| line.contains("lost")), "{log:?}");
    }
}

/// Gives the spool's directory back when it is called for the second time.
struct Repair {
    away: PathBuf,
    dir: PathBuf,
    calls: u32,
}

impl Consumer for Repair {
    fn deliver(&mut self, _: &Delivered) {}

    fn tick(&mut self, _: Instant) -> Option<Duration> {
        self.calls += 1;
        if self.calls == 2 {
            fs::rename(&self.away, &self.dir).unwrap();
        }
        Some(Duration::from_millis(50))
    }
}

#[test]
fn what_does_not_get_to_disk_waits_for_it() {
    let bench = Bench::new();
    let mut engine = bench.engine();
    let away = bench.dir.path().with_extension("away");
    fs::rename(bench.dir.path(), &away).unwrap();
    let dir = bench.dir.path().to_owned();
    engine
        .consumer(Box::new(Repair {
            away,
            dir,
            calls: 0,
        }))
        .unwrap();
    let fake = Fake::new(&bench, Channel::Trace, "a", &[1, 2, 3]);
    engine.source(live(fake)).unwrap();
    let began = Instant::now();
    engine.run().unwrap();
    assert!(began.elapsed() >= RETRY, "it waits for the next try");
    assert_eq!(bench.stats.retries.get(), 1);
    let expected = [
        "1 record 1",
        "2 record 2",
        "3 record 3",
        "commit v1 trace:a e 3",
    ];
    assert_eq!(bench.log(), expected);
}

#[test]
fn damage_is_an_event_and_is_mended() {
    let bench = Bench::new();
    for n in 1..=3 {
        bench.run(vec![live(Fake::new(&bench, Channel::Trace, "a", &[n]))]);
    }
    bench.log();
    // The second of three processes' segments: no frame of it is left.
    let paths = fs::read_dir(bench.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "spool"))
        .collect();
    paths.sort();
    let mut bytes = fs::read(&paths[1]).unwrap();
    bytes[28..].fill(0xaa);
    fs::write(&paths[1], bytes).unwrap();
    bench.run(vec![]);
    assert_eq!(bench.log(), ["4 lost spool: 1"]);
    assert!(paths[1].with_extension("spool.damaged-1").exists());
    bench.run(vec![]);
    assert_eq!(bench.log(), [""; 0], "told once");
}
