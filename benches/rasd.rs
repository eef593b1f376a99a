//! From the wake-up to a record on disk, through the daemon's own main loop.
//!
//! A byte wakes a source, which gives one record; the time ends when the consumers get it, which is after the flush. The
//! spool is in the temporary directory (`TMPDIR`): on a tmpfs a flush costs nothing, so choose a disk.
#![expect(
    dead_code,
    reason = "the daemon's modules have more than its loop needs here"
)]

#[path = "../examples/rasd/delivered.rs"]
mod delivered;
#[path = "../examples/rasd/engine.rs"]
mod engine;
#[path = "../examples/rasd/error.rs"]
mod error;
#[path = "../examples/rasd/feed.rs"]
mod feed;
#[path = "../examples/rasd/gaps.rs"]
mod gaps;
#[path = "../examples/rasd/marks.rs"]
mod marks;
#[path = "../examples/rasd/reads.rs"]
mod reads;
#[path = "../examples/rasd/say.rs"]
mod say;
#[path = "../examples/rasd/stats.rs"]
mod stats;
#[path = "../examples/rasd/wait.rs"]
mod wait;

/// Dates of losses, of which there are none here.
mod dates {
    pub(crate) fn date(seconds: u64) -> String {
        seconds.to_string()
    }
}

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use delivered::{Consumer, Delivered};
use engine::{Engine, Options};
use feed::Feed;
use mcekit::{Addr, Record, Status};
use mcekit_source::{
    Caps, Channel, Cursor, Event, Guarantees, Keeps, LossKnown, Observed, Result, Seek, Sightings,
    Source,
};
use mcekit_store::spool::{self, Spool};

/// A source that gives a record for each byte.
struct Pulse {
    bytes: UnixStream,
    count: u64,
    ended: bool,
}

impl AsFd for Pulse {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bytes.as_fd()
    }
}

impl Source for Pulse {
    fn channel(&self) -> Channel {
        Channel::Trace
    }

    fn name(&self) -> &str {
        "pulse"
    }

    fn caps(&self) -> Caps {
        Caps {
            guarantees: Guarantees::REPEATS,
            keeps: Keeps::All,
            loss: LossKnown::None,
        }
    }

    fn next(&mut self) -> Result<Option<Event>> {
        match self.bytes.read(&mut [0]) {
            Ok(1) => {
                self.count += 1;
                let record =
                    Record::new(5, Status(0xbea0_0000_0000_0108)).with_addr(Addr(self.count));
                Ok(Some(Event::Record(Observed {
                    record,
                    channel: Channel::Trace,
                    earlier_boot: false,
                })))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            _ => {
                self.ended = true;
                Ok(None)
            }
        }
    }

    fn cursor(&self) -> Option<Cursor> {
        Some(Cursor::new("trace:pulse", "e", &self.count.to_string()))
    }

    fn seek(&mut self, _: &Cursor) -> Result<Seek> {
        Ok(Seek::Resumed)
    }

    fn commit(&mut self, _: &Cursor) -> Result<()> {
        Ok(())
    }

    fn ended(&self) -> bool {
        self.ended
    }
}

/// Tells when a record is on disk.
struct Tell(Sender<Instant>);

impl Consumer for Tell {
    fn deliver(&mut self, _: &Delivered) {
        // Whoever measured is gone: the run is over.
        let _ = self.0.send(Instant::now());
    }

    fn tick(&mut self, _: Instant) -> Option<Duration> {
        None
    }
}

/// The daemon's loop over the source.
fn run(dir: &Path, bytes: UnixStream, tell: Sender<Instant>) {
    let (spool, damage) =
        Spool::open(dir, spool::Options::default(), |_, _| {}).expect("a new spool");
    let wait = wait::Wait::new().expect("an epoll");
    let sightings = Sightings::new(1000);
    let options = Options::default();
    let mut engine = Engine::new(options, wait, spool, damage, sightings, Arc::default());
    engine.consumer(Box::new(Tell(tell))).expect("a consumer");
    let source = Pulse {
        bytes,
        count: 0,
        ended: false,
    };
    let feed = Feed::new(Box::new(source), false);
    engine.source(feed).expect("a source");
    engine.run().expect("it runs to the end");
}

fn wake_up(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (mut ours, theirs) = UnixStream::pair().expect("a pair");
    theirs.set_nonblocking(true).expect("not blocking");
    let (tell, told) = channel();
    let spool = dir.path().to_owned();
    let daemon = thread::spawn(move || run(&spool, theirs, tell));
    c.bench_function("rasd/wake-up to disk", |b| {
        b.iter_custom(|iterations| {
            let mut spent = Duration::ZERO;
            for _ in 0..iterations {
                let begin = Instant::now();
                ours.write_all(&[1]).expect("the daemon reads");
                let on_disk = told.recv().expect("the daemon runs");
                spent += on_disk.saturating_duration_since(begin);
            }
            spent
        });
    });
    drop(ours);
    daemon.join().expect("the daemon ends");
}

criterion_group!(benches, wake_up);
criterion_main!(benches);
