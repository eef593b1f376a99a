//! CPUs that come and go, as readers and keepers see them, and as they died while nobody looked.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::{agreeable, answering, errno, set_online, sysfs, tracepoint};
use crate::abi;
use crate::keeper::KeptFds;
use crate::keeper::wire::Message;
use crate::sys::fake::{Call, Reply};
use crate::{AllCpus, Error, Item, Keeper};

#[test]
fn cpus_come_and_go_and_their_counts_stay() {
    let (calls, _guard) = agreeable();
    let dir = sysfs("0-1\n");
    let mut all = AllCpus::open_in(dir.path(), &[tracepoint(), tracepoint()], 1).unwrap();
    assert!(all.cpus().eq([0, 1]));
    let redirected = calls
        .borrow()
        .iter()
        .filter(|c| {
            matches!(
                c,
                Call::Ioctl {
                    request: abi::SET_OUTPUT,
                    ..
                }
            )
        })
        .count();
    assert_eq!(redirected, 2, "one ring for each CPU");
    assert_eq!(all.counts().unwrap()[0].value, 14);
    set_online(dir.path(), "0,5");
    all.rescan().unwrap();
    assert!(all.cpus().eq([0, 5]));
    assert_eq!(
        all.counts().unwrap()[0].value,
        21,
        "what CPU 1 had counted stays"
    );
    assert!(all.wait(Some(Duration::ZERO)).unwrap());
    let mut merge = all.drain().unwrap();
    assert!(matches!(merge.next(), Some(Item::Went(1))));
    assert!(matches!(merge.next(), Some(Item::Came(5))));
    assert!(merge.next().is_none());
    drop(merge);
    assert!(!all.wait(Some(Duration::from_millis(1))).unwrap());
    set_online(dir.path(), "");
    assert!(matches!(all.rescan(), Err(Error::NoCpus { .. })));
    set_online(dir.path(), "zero");
    assert!(matches!(all.rescan(), Err(Error::Text { .. })));
}

/// It went and was back before anyone looked: only the clock of its events has stopped.
#[test]
fn events_that_died_unnoticed_are_opened_again() {
    let stopped = Rc::new(RefCell::new(false));
    let stop = Rc::clone(&stopped);
    let (_, _guard) = answering(move |call| {
        let words = [7u64, 1000, 50, 0];
        let frozen = || {
            Ok(Reply::Bytes(
                words.iter().flat_map(|w| w.to_ne_bytes()).collect(),
            ))
        };
        (*call == Call::Read && *stop.borrow()).then(frozen)
    });
    let dir = sysfs("0");
    let mut all = AllCpus::open_in(dir.path(), &[tracepoint()], 1).unwrap();
    let mut keeper = Keeper::open_in(dir.path(), &tracepoint(), 1, "", b"").unwrap();
    let old = keeper.rings().next();
    all.rescan().unwrap();
    keeper.rescan().unwrap();
    assert!(all.drain().unwrap().next().is_none(), "alive");
    *stopped.borrow_mut() = true;
    for _ in 0..2 {
        all.rescan().unwrap();
        keeper.rescan().unwrap();
    }
    let mut merge = all.drain().unwrap();
    assert!(matches!(merge.next(), Some(Item::Went(0))));
    assert!(matches!(merge.next(), Some(Item::Came(0))));
    assert!(keeper.rings().count() == 1 && keeper.rings().next() != old);
}

/// The same between two lives of a keeper: what it stored is dead, and its pulse says so.
#[test]
fn a_stored_event_that_died_meanwhile_is_opened_again() {
    for stopped in [false, true] {
        let (calls, _guard) = answering(move |call| {
            let words = [7u64, 1000, 50, 0];
            let frozen = || words.iter().flat_map(|w| w.to_ne_bytes()).collect();
            (*call == Call::Read && stopped).then(|| Ok(Reply::Bytes(frozen())))
        });
        let dir = sysfs("0");
        let terms = Keeper::open_in(dir.path(), &tracepoint(), 1, "", b"")
            .unwrap()
            .terms()
            .clone();
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &Message::Terms(Box::new(terms)).encode()).unwrap();
        let null = || std::fs::File::open("/dev/null").unwrap().into();
        // epoll takes no plain file.
        let event = || {
            nix::sys::eventfd::EventFd::new()
                .map(std::os::fd::OwnedFd::from)
                .unwrap()
        };
        let mut kept = KeptFds {
            fds: vec![
                ("perf-ring-terms".to_owned(), file.into()),
                ("perf-ring-cpu0".to_owned(), event()),
                ("perf-ring-pulse0".to_owned(), event()),
                ("another".to_owned(), null()),
            ],
        };
        calls.borrow_mut().clear();
        let keeper = Keeper::restore(&mut kept).unwrap().expect("it was stored");
        assert_eq!(kept.fds.len(), 1, "what is not ours is left");
        let again = calls
            .borrow()
            .iter()
            .filter(|call| matches!(call, Call::Open { cpu: 0, .. }))
            .count();
        assert_eq!(
            again,
            if stopped { 2 } else { 0 },
            "the event and its pulse"
        );
        assert!(keeper.rings().any(|ring| ring.cpu == 0));
    }
}

#[test]
fn a_cpu_that_went_while_it_was_opened_is_none() {
    let (_, _guard) = answering(|call| {
        matches!(call, Call::Open { cpu: 3, .. }).then(|| Err(errno(libc::ENODEV)))
    });
    let dir = sysfs("0");
    let mut all = AllCpus::open_in(dir.path(), &[tracepoint()], 1).unwrap();
    set_online(dir.path(), "0,3");
    all.rescan().unwrap();
    assert!(all.cpus().eq([0]));
}
