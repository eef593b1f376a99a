//! What waits for an output. Whoever puts something in never waits; the output's thread takes it out.

use std::collections::VecDeque;
use std::ops::AddAssign;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::stop::{ASK_EVERY, Stop};

/// Which bound holds for an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The oldest make room for newer ones.
    Ordinary,
    /// They are kept; when there is no room, the newest do not get in.
    Urgent,
}

/// How much waits at most.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    pub(crate) ordinary: usize,
    pub(crate) urgent: usize,
    /// Wait for room instead of leaving something out, until the daemon is to end: of a replay nothing is lost by waiting.
    pub(crate) patient: Option<Stop>,
}

/// How many did not get through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) ordinary: u64,
    pub(crate) urgent: u64,
}

impl LeftOut {
    /// All of them.
    pub(crate) const fn all(self) -> u64 {
        self.ordinary + self.urgent
    }
}

impl AddAssign for LeftOut {
    fn add_assign(&mut self, more: Self) {
        self.ordinary += more.ordinary;
        self.urgent += more.urgent;
    }
}

#[derive(Debug)]
struct Inner<T> {
    ordinary: VecDeque<(u64, T)>,
    urgent: VecDeque<(u64, T)>,
    next: u64,
    /// Since it was last told.
    left_out: LeftOut,
    /// What was taken, and is not written yet; and what was to be told as left out with it.
    taken: LeftOut,
    reopen: bool,
    closed: bool,
    /// Nobody takes anything any more.
    gone: bool,
}

/// A bounded queue of two classes, which come out in the order in which they went in.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    filled: Condvar,
    emptied: Condvar,
    bounds: Bounds,
}

/// What the output's thread gets.
#[derive(Debug)]
pub(crate) struct Taken<T> {
    pub(crate) items: Vec<T>,
    /// What is missing before them.
    pub(crate) left_out: LeftOut,
    /// Open files anew first.
    pub(crate) reopen: bool,
    /// Nothing more comes.
    pub(crate) closed: bool,
}

impl<T> Queue<T> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            inner: Mutex::new(Inner {
                ordinary: VecDeque::new(),
                urgent: VecDeque::new(),
                next: 0,
                left_out: LeftOut::default(),
                taken: LeftOut::default(),
                reopen: false,
                closed: false,
                gone: false,
            }),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            bounds,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        // Nothing that is done under the lock leaves it half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an item in; waits for room first, if the queue is patient and the daemon is not to end. Gives what had to be left out for it.
    pub(crate) fn push(&self, class: Class, item: T) -> LeftOut {
        self.put(class, item, self.bounds.patient.as_ref())
    }

    /// Puts an item in, and never waits. Gives what had to be left out for it.
    pub(crate) fn offer(&self, class: Class, item: T) -> LeftOut {
        self.put(class, item, None)
    }

    fn put(&self, class: Class, item: T, patient: Option<&Stop>) -> LeftOut {
        let mut left_out = LeftOut::default();
        let mut inner = self.lock();
        while let Some(stop) = patient
            && !inner.closed
            && !inner.gone
            && inner.ordinary.len() + inner.urgent.len() >= self.bounds.ordinary
            && !stop.asked()
        {
            (inner, _) = self
                .emptied
                .wait_timeout(inner, ASK_EVERY)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if inner.gone {
            match class {
                Class::Ordinary => left_out.ordinary = 1,
                Class::Urgent => left_out.urgent = 1,
            }
            inner.left_out.ordinary += left_out.ordinary;
            inner.left_out.urgent += left_out.urgent;
            return left_out;
        }
        let number = inner.next;
        inner.next += 1;
        match class {
            Class::Ordinary => {
                if inner.ordinary.len() >= self.bounds.ordinary {
                    inner.ordinary.pop_front();
                    left_out.ordinary += 1;
                }
                inner.ordinary.push_back((number, item));
            }
            Class::Urgent if inner.urgent.len() >= self.bounds.urgent => left_out.urgent += 1,
            Class::Urgent => inner.urgent.push_back((number, item)),
        }
        inner.left_out.ordinary += left_out.ordinary;
        inner.left_out.urgent += left_out.urgent;
        drop(inner);
        self.filled.notify_one();
        left_out
    }

    /// Asks the thread to open its files anew.
    pub(crate) fn reopen(&self) {
        self.lock().reopen = true;
        self.filled.notify_one();
    }

    /// Nothing more comes.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
        self.emptied.notify_all();
    }

    /// What was taken is out.
    pub(crate) fn written(&self) {
        self.lock().taken = LeftOut::default();
    }

    /// Nobody will take anything any more: what waits and what comes is left out.
    pub(crate) fn abandon(&self) {
        let mut inner = self.lock();
        inner.gone = true;
        let taken = std::mem::take(&mut inner.taken);
        inner.left_out += taken;
        inner.left_out.ordinary += std::mem::take(&mut inner.ordinary).len() as u64;
        inner.left_out.urgent += std::mem::take(&mut inner.urgent).len() as u64;
        drop(inner);
        self.emptied.notify_all();
    }

    /// Takes at most so many items; waits until there is something to do.
    pub(crate) fn take(&self, most: usize) -> Taken<T> {
        let mut inner = self.lock();
        while inner.ordinary.is_empty()
            && inner.urgent.is_empty()
            && inner.left_out == LeftOut::default()
            && !inner.reopen
            && !inner.closed
        {
            inner = self
                .filled
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let mut items = Vec::new();
        let left_out = std::mem::take(&mut inner.left_out);
        inner.taken = left_out;
        while items.len() < most {
            let ordinary = match (inner.ordinary.front(), inner.urgent.front()) {
                (Some((a, _)), Some((b, _))) => a < b,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            let next = if ordinary {
                inner.taken.ordinary += 1;
                inner.ordinary.pop_front()
            } else {
                inner.taken.urgent += 1;
                inner.urgent.pop_front()
            };
            items.extend(next.map(|(_, item)| item));
        }
        let taken = Taken {
            closed: inner.closed && inner.ordinary.is_empty() && inner.urgent.is_empty(),
            items,
            left_out,
            reopen: std::mem::take(&mut inner.reopen),
        };
        drop(inner);
        self.emptied.notify_all();
        taken
    }

    /// Waits for so long, or until files are to be opened anew. Gives whether it was closed meanwhile.
    pub(crate) fn pause(&self, how_long: Duration) -> bool {
        let until = Instant::now() + how_long;
        let mut inner = self.lock();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if inner.closed || inner.reopen || left.is_zero() {
                return inner.closed;
            }
            (inner, _) = self
                .filled
                .wait_timeout(inner, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// How many did not get out: they wait, or are being written, or were left out and nobody could be told.
    pub(crate) fn untold(&self) -> LeftOut {
        let inner = self.lock();
        let mut untold = LeftOut {
            ordinary: inner.ordinary.len() as u64,
            urgent: inner.urgent.len() as u64,
        };
        untold += inner.left_out;
        untold += inner.taken;
        untold
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        let inner = self.lock();
        inner.ordinary.len() + inner.urgent.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        ordinary: 3,
        urgent: 2,
        patient: None,
    };

    #[test]
    fn what_goes_in_comes_out_in_its_order() {
        let queue = Queue::new(BOUNDS);
        for (class, item) in [
            (Class::Ordinary, 1),
            (Class::Urgent, 2),
            (Class::Ordinary, 3),
            (Class::Urgent, 4),
        ] {
            assert_eq!(queue.push(class, item), LeftOut::default());
        }
        assert_eq!(queue.take(3).items, [1, 2, 3]);
        queue.close();
        let rest = queue.take(3);
        assert_eq!(rest.items, [4]);
        assert!(rest.closed);
    }

    #[test]
    fn the_newest_ordinary_and_the_oldest_urgent_ones_stay_and_the_rest_is_counted() {
        let queue = Queue::new(BOUNDS);
        for item in 0..100 {
            queue.push(Class::Ordinary, item);
            queue.push(Class::Urgent, 1000 + item);
        }
        assert_eq!(queue.len(), 5);
        let taken = queue.take(100);
        assert_eq!(taken.items, [1000, 1001, 97, 98, 99]);
        let left_out = LeftOut {
            ordinary: 97,
            urgent: 98,
        };
        assert_eq!(taken.left_out, left_out);
        assert!(!taken.closed);
    }

    #[test]
    fn what_nobody_takes_is_counted() {
        let queue = Queue::new(Bounds {
            patient: Some(Stop::default()),
            ..BOUNDS
        });
        queue.push(Class::Ordinary, 1);
        queue.push(Class::Urgent, 2);
        queue.abandon();
        // Nobody waits for room in it.
        for item in 0..10 {
            let left_out = queue.push(Class::Ordinary, item);
            assert_eq!(left_out.ordinary, 1);
        }
        assert_eq!((queue.len(), queue.untold().all()), (0, 12));
    }

    #[test]
    fn what_is_taken_is_told_only_when_it_is_written() {
        let queue = Queue::new(BOUNDS);
        let untold = |ordinary, urgent| LeftOut { ordinary, urgent };
        for item in 0..5 {
            queue.push(Class::Ordinary, item);
        }
        queue.push(Class::Urgent, 5);
        assert_eq!(queue.untold(), untold(5, 1));
        // Two that were left out, and one of the three.
        assert_eq!(queue.take(1).left_out, untold(2, 0));
        assert_eq!(queue.untold(), untold(5, 1));
        queue.written();
        assert_eq!(queue.untold(), untold(2, 1));
        queue.take(9);
        queue.abandon();
        assert_eq!(queue.untold(), untold(2, 1));
    }

    #[test]
    fn patience_ends_with_the_daemon() {
        let stop = Stop::default();
        let queue = Queue::new(Bounds {
            patient: Some(stop.clone()),
            ..BOUNDS
        });
        std::thread::scope(|scope| {
            let pusher = scope.spawn(|| {
                let push = |item| queue.push(Class::Ordinary, item).ordinary;
                (0..10).map(push).sum::<u64>()
            });
            // Nobody takes anything.
            while queue.len() < 3 {
                std::thread::yield_now();
            }
            stop.set();
            assert_eq!(pusher.join().unwrap(), 7);
        });
        assert_eq!(queue.take(10).items, [7, 8, 9]);
    }

    #[test]
    fn patience_waits_for_room() {
        let queue = Queue::new(Bounds {
            patient: Some(Stop::default()),
            ..BOUNDS
        });
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for item in 0..1000 {
                    assert_eq!(queue.push(Class::Ordinary, item), LeftOut::default());
                }
                queue.close();
            });
            let mut all = Vec::new();
            loop {
                let taken = queue.take(2);
                all.extend(taken.items);
                if taken.closed {
                    break;
                }
            }
            assert!(all.into_iter().eq(0..1000));
        });
    }
}
