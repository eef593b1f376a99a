//! Reader against writer under every interleaving and every visible order of memory that C11 allows.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p perf-ring --release --lib loom`
//!
//! The writer is that of `kernel/events/ring_buffer.c`: the record's words, a write barrier, the store of `data_head`;
//! and no barrier between that store and the next record's words. The readers are the code of this crate.

use loom::cell::Cell;
use loom::sync::atomic::{AtomicU64, Ordering, fence};
use loom::sync::{Arc, Mutex};
use loom::thread;

use super::protocol::{Copied, Cursor, Memory, copy_backward, copy_forward};
use crate::abi::{Misc, RecordHeader, RecordType};

/// Bytes of a record: its header, and one word that must be the same number as its type.
const RECORD: u64 = 16;

fn header(n: u64) -> u64 {
    let header = RecordHeader {
        kind: RecordType(n as u32),
        misc: Misc(0),
        size: RECORD as u16,
    };
    u64::from_ne_bytes(header.to_bytes())
}

/// A record's number; `None` when it is not of one piece.
fn number(words: [u64; 2]) -> Option<u64> {
    let header = RecordHeader::from_bytes(words[0].to_ne_bytes());
    (u64::from(header.kind.0) == words[1]).then_some(words[1])
}

/// A ring whose data may not be touched by both sides at once: loom fails the model if they are.
struct Guarded {
    words: Vec<Cell<u64>>,
    head: AtomicU64,
    tail: AtomicU64,
}

impl Memory for Guarded {
    fn size(&self) -> u64 {
        self.words.len() as u64 * 8
    }
    fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }
    fn publish(&self, tail: u64) {
        self.tail.store(tail, Ordering::Release);
    }
    fn word(&self, pos: u64) -> u64 {
        self.words[(pos / 8) as usize % self.words.len()].get()
    }
    fn fence(&self) {
        fence(Ordering::Acquire);
    }
}

/// Writes records 1 to `n` where there is room; returns how many were lost.
fn write_guarded(ring: &Guarded, n: u64) -> u64 {
    let (mut head, mut lost) = (0u64, 0);
    for record in 1..=n {
        // The kernel relies on a control dependency here, which C11 cannot express: acquire is what it amounts to.
        let used = head - ring.tail.load(Ordering::Acquire);
        if used + RECORD > ring.size() {
            lost += 1;
            continue;
        }
        for (i, value) in [header(record), record].into_iter().enumerate() {
            ring.words[(head / 8) as usize % ring.words.len() + i].set(value);
        }
        head += RECORD;
        ring.head.store(head, Ordering::Release);
    }
    lost
}

fn guarded() -> Arc<Guarded> {
    Arc::new(Guarded {
        words: (0..4).map(|_| Cell::new(0)).collect(),
        head: AtomicU64::new(0),
        tail: AtomicU64::new(0),
    })
}

/// One batch, as `Reader::batch` and `Batch::next` do it.
fn drain(ring: &Guarded, pos: &mut u64, seen: &mut Vec<u64>, give_back_early: bool) {
    let mut cursor = Cursor::begin(ring, *pos).expect("positions are sound");
    if give_back_early {
        ring.publish(cursor.head);
    }
    while let Some((at, _)) = cursor.next(ring).expect("sizes are sound") {
        seen.push(number([ring.word(at), ring.word(at + 8)]).expect("a torn record"));
    }
    *pos = cursor.pos;
    ring.publish(cursor.pos);
}

fn forward(give_back_early: bool) {
    loom::model(move || {
        let ring = guarded();
        let writer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || write_guarded(&ring, 3))
        };
        let (mut pos, mut seen) = (0, Vec::new());
        drain(&ring, &mut pos, &mut seen, give_back_early);
        drain(&ring, &mut pos, &mut seen, give_back_early);
        let lost = writer.join().unwrap();
        drain(&ring, &mut pos, &mut seen, give_back_early);
        assert!(seen.is_sorted_by(|a, b| a < b));
        assert_eq!(
            seen.len() as u64 + lost,
            3,
            "delivered and lost are all there are"
        );
    });
}

#[test]
fn loom_forward_delivers_or_counts_every_record() {
    forward(false);
}

/// The model can fail: giving the room back before reading is a race.
#[test]
#[should_panic]
fn loom_forward_notices_a_tail_published_too_early() {
    forward(true);
}

/// A ring that is written while it is read; its words are atomic, as the reader's loads are.
struct Shared {
    words: Vec<AtomicU64>,
    head: AtomicU64,
}

impl Memory for Shared {
    fn size(&self) -> u64 {
        self.words.len() as u64 * 8
    }
    fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }
    fn publish(&self, _: u64) {}
    fn word(&self, pos: u64) -> u64 {
        self.words[(pos / 8) as usize % self.words.len()].load(Ordering::Relaxed)
    }
    fn fence(&self) {
        fence(Ordering::Acquire);
    }
}

impl Shared {
    fn put(&self, at: u64, record: u64) {
        for (i, value) in [header(record), record].into_iter().enumerate() {
            self.words[(at / 8) as usize % self.words.len() + i].store(value, Ordering::Relaxed);
        }
    }

    /// `smp_wmb()` and `WRITE_ONCE(data_head)`.
    fn show(&self, head: u64) {
        fence(Ordering::Release);
        self.head.store(head, Ordering::Relaxed);
    }
}

/// Reads once while two records are written over the oldest of four; `spare` bytes are not trusted. Says whether some
/// execution handed out anything but whole records, without a gap, up to the newest.
fn torn(backward: bool, spare: u64) -> bool {
    // Not an assertion within the model: its threads could not be unwound.
    let torn = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let found = std::sync::Arc::clone(&torn);
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(4);
    model.check(move || {
        let ring = Arc::new(Shared {
            words: (0..8).map(|_| AtomicU64::new(0)).collect(),
            head: AtomicU64::new(0),
        });
        let step = if backward {
            RECORD.wrapping_neg()
        } else {
            RECORD
        };
        let mut head = 0u64;
        for record in 1..=4 {
            ring.put(
                if backward {
                    head.wrapping_add(step)
                } else {
                    head
                },
                record,
            );
            head = head.wrapping_add(step);
        }
        ring.show(head);
        let writer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                for record in 5..=6 {
                    ring.put(
                        if backward {
                            head.wrapping_add(step)
                        } else {
                            head
                        },
                        record,
                    );
                    head = head.wrapping_add(step);
                    ring.show(head);
                }
            })
        };
        let mut out = Copied::default();
        // What is newer than the spared part is asked for.
        let seen = spare;
        let read = if backward {
            copy_backward(&*ring, seen.wrapping_neg(), spare, &mut out)
        } else {
            copy_forward(&*ring, seen, spare, &mut out)
        };
        let words = |at: &u32| [out.words[*at as usize], out.words[*at as usize + 1]];
        let got: Vec<Option<u64>> = out.starts.iter().map(|at| number(words(at))).collect();
        let newest = if backward {
            out.head.wrapping_neg()
        } else {
            out.head
        } / RECORD;
        let whole = read.is_ok()
            && got
                .iter()
                .rev()
                .zip((0..=newest).rev())
                .all(|(a, b)| *a == Some(b));
        let told = out.lapped == ((got.len() as u64) < newest - seen / RECORD);
        if !whole || !told {
            found.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        writer.join().unwrap();
    });
    torn.load(std::sync::atomic::Ordering::Relaxed)
}

#[test]
fn loom_backward_never_tears_with_two_records_spared() {
    assert!(!torn(true, 2 * RECORD));
}

#[test]
fn loom_forward_overwrite_never_tears_with_two_records_spared() {
    assert!(!torn(false, 2 * RECORD));
}

/// The model can fail: the record under way must be spared.
#[test]
fn loom_backward_notices_nothing_spared() {
    assert!(torn(true, 0));
}

/// The same for the other direction.
#[test]
fn loom_forward_overwrite_notices_nothing_spared() {
    assert!(torn(false, 0));
}

/// Why two: the words of a record can be seen before the head that was stored ahead of them, and that is a record old.
#[test]
fn loom_backward_notices_one_record_spared() {
    assert!(torn(true, RECORD));
}

/// What the reader makes sure of before it takes what is counted and not there for lost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sure {
    /// Nothing.
    OfNothing,
    /// That nothing was published between its reading and its look at the count.
    OfTheMoment,
    /// That no record was under way, either.
    OfTheWriters,
}

/// A reader of a forward overwrite ring that is overtaken, begins anew at the writer's position, and counts what it
/// missed. Says whether some execution handed out what is not whole or not in order, or miscounted.
///
/// The count goes up before the record is written, as in the kernel, and both within what a membarrier waits for: here a
/// lock.
fn miscounted(sure: Sure) -> bool {
    let wrong = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let found = std::sync::Arc::clone(&wrong);
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        let ring = Arc::new(Shared {
            words: (0..8).map(|_| AtomicU64::new(0)).collect(),
            head: AtomicU64::new(0),
        });
        let count = Arc::new(AtomicU64::new(3));
        let writing = Arc::new(Mutex::new(()));
        (1..=3).for_each(|n| ring.put((n - 1) * RECORD, n));
        ring.show(3 * RECORD);
        let writer = {
            let (ring, count) = (Arc::clone(&ring), Arc::clone(&count));
            let writing = Arc::clone(&writing);
            thread::spawn(move || {
                for n in 4..=6 {
                    let section = writing.lock().unwrap();
                    count.store(n, Ordering::Relaxed);
                    ring.put((n - 1) * RECORD, n);
                    ring.show(n * RECORD);
                    drop(section);
                }
            })
        };
        let mut out = Copied::default();
        let mut numbering = crate::Numbering::after(0);
        let (mut pos, mut last) = (0, 0);
        let (mut uncounted, mut delivered, mut lost) = (0, 0, 0);
        let mut sound = true;
        // As `Overwrite::read`, then as the follower's `by_count`.
        let mut look = || {
            sound &= copy_forward(&*ring, pos, 2 * RECORD, &mut out).is_ok();
            for at in &out.starts {
                let n = number([out.words[*at as usize], out.words[*at as usize + 1]]);
                pos += RECORD;
                sound &= n == Some(pos / RECORD) && n > Some(last);
                last = n.unwrap_or(last);
                uncounted += 1;
                delivered += 1;
            }
            sound &= out.lapped || pos == out.head;
            pos = out.head;
            let now = count.load(Ordering::Acquire);
            if sure >= Sure::OfTheMoment && ring.head() != pos {
                return;
            }
            let missing = numbering.misses(now, uncounted);
            if missing && sure == Sure::OfTheWriters {
                drop(writing.lock().unwrap());
                if ring.head() != pos {
                    return;
                }
            }
            lost += numbering.count(now, std::mem::take(&mut uncounted), missing);
        };
        look();
        look();
        writer.join().unwrap();
        look();
        look();
        if !sound || delivered + lost != 6 {
            found.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    });
    wrong.load(std::sync::atomic::Ordering::Relaxed)
}

#[test]
fn loom_forward_overwrite_goes_on_behind_a_lap_and_counts_what_it_missed() {
    assert!(!miscounted(Sure::OfTheWriters));
}

/// The model can fail: a count of another moment than the reading tells what was not lost.
#[test]
fn loom_forward_overwrite_notices_a_count_of_another_moment() {
    assert!(miscounted(Sure::OfNothing));
}

/// The same for a record that is counted and under way.
#[test]
fn loom_forward_overwrite_notices_a_record_under_way() {
    assert!(miscounted(Sure::OfTheMoment));
}
