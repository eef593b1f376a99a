//! Persistent and shared events on the running kernel: cursors, CPUs that come and go, restarts, who is let in.
//!
//! With MCEKIT_ROOT_TESTS=1, as root; without it nothing is run, and that is said.

mod common;
#[path = "common/keeper.rs"]
mod shared;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use common::wanted;
use perf_ring::abi::AttrFlags;
use perf_ring::keeper::KeptFds;
use perf_ring::{Access, Builder, Client, Cursor, Error, Keeper, Shared, Start};
use shared::{Tally, open_dir, personality, personality_calls, take};

/// Runs a keeper in this process until `done` says so.
fn turn_until(keeper: &mut Keeper, mut done: impl FnMut(&mut Keeper) -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !done(keeper) {
        assert!(Instant::now() < until, "it does not come to an end");
        keeper.turn(Some(Duration::from_millis(5))).unwrap();
    }
}

/// Connects to a keeper that runs in this very thread.
fn connect(keeper: &mut Keeper, socket: &Path, start: Start) -> Client {
    let path = socket.to_owned();
    let other = std::thread::spawn(move || Client::connect(&path, start));
    turn_until(keeper, |_| other.is_finished());
    // What these tests make is to be had at once.
    other.join().unwrap().unwrap().delay(Duration::ZERO)
}

fn own() -> Builder {
    personality(nix::unistd::gettid().as_raw().unsigned_abs())
}

#[test]
fn a_cursor_goes_on_where_it_was_and_counts_what_is_gone() {
    if !wanted() {
        return;
    }
    let dir = open_dir();
    let socket = dir.path().join("keeper");
    let mut keeper = Keeper::open(&own(), 4, "x", b"").unwrap();
    keeper.listen(&socket).unwrap();
    let mut client = connect(&mut keeper, &socket, Start::Oldest);
    personality_calls(10);
    let (mut tally, mut seen) = (Tally::default(), BTreeMap::new());
    take(&mut client, &mut tally, &mut seen);
    assert_eq!(tally.records, 10);
    let cursor = Cursor::from_bytes(&client.cursor().to_bytes()).unwrap();
    drop(client);
    personality_calls(7);
    let mut client = connect(&mut keeper, &socket, Start::After(cursor.clone()));
    let (mut again, mut seen_again) = (Tally::default(), BTreeMap::new());
    take(&mut client, &mut again, &mut seen_again);
    assert_eq!(
        again,
        Tally {
            records: 7,
            ..Tally::default()
        }
    );
    // Twice around the ring: what the cursor misses is told in one number.
    personality_calls(1000);
    let mut client = connect(&mut keeper, &socket, Start::After(cursor));
    let (mut late, mut seen_late) = (Tally::default(), BTreeMap::new());
    take(&mut client, &mut late, &mut seen_late);
    assert_eq!(late.records + late.lost, 1007, "{late:?}");
    assert!(late.lost > 0);
    let mut now = connect(&mut keeper, &socket, Start::Now);
    assert!(now.next().unwrap().is_none());
    personality_calls(2);
    let (mut fresh, mut seen_fresh) = (Tally::default(), BTreeMap::new());
    take(&mut now, &mut fresh, &mut seen_fresh);
    assert_eq!(
        fresh,
        Tally {
            records: 2,
            ..Tally::default()
        }
    );
}

/// Two threads on two CPUs make events at the same time: each reader gets one sequence.
#[test]
fn the_records_of_all_cpus_come_in_the_order_of_time() {
    if !wanted() {
        return;
    }
    const EACH: u64 = 3000;
    let dir = open_dir();
    let socket = dir.path().join("keeper");
    let (say, hear) = std::sync::mpsc::channel();
    let makers = [0, 1].map(|cpu| {
        let say = say.clone();
        let (go, wait) = std::sync::mpsc::channel();
        let maker = std::thread::spawn(move || {
            let mut set = nix::sched::CpuSet::new();
            set.set(cpu).unwrap();
            // On a machine of one CPU they take turns.
            let _ = nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &set);
            say.send(nix::unistd::gettid()).unwrap();
            wait.recv().unwrap();
            for _ in 0..EACH / 100 {
                personality_calls(100);
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        (maker, go)
    });
    let tids: Vec<_> = hear.iter().take(2).collect();
    let filter = format!(
        "id == 135 && (common_pid == {} || common_pid == {})",
        tids[0], tids[1]
    );
    // Much longer than a busy machine takes from a time stamp to its record.
    let delay = Duration::from_millis(50);
    let builder = own().filter(&filter);
    let mut keeper = Keeper::open(&builder, 256, "x", b"").unwrap().delay(delay);
    keeper.listen(&socket).unwrap();
    let mut client = connect(&mut keeper, &socket, Start::Oldest).delay(delay);
    let other = std::thread::spawn(move || Client::connect_to_stream(&socket, Start::Oldest));
    turn_until(&mut keeper, |_| other.is_finished());
    let mut stream = other.join().unwrap().unwrap();
    let makers = makers.map(|(maker, go)| {
        go.send(()).unwrap();
        maker
    });
    let layout = *client.layout();
    let (mut read, mut last, mut turns) = ([0; 2], [0; 2], [0; 2]);
    let mut cpus = [u32::MAX; 2];
    let mut scratch = Vec::new();
    turn_until(&mut keeper, |_| {
        for (i, client) in [&mut client, &mut stream].into_iter().enumerate() {
            while let Some(item) = client.next().unwrap() {
                let Shared::Record { ring, record, .. } = item else {
                    panic!("{item:?}")
                };
                let time = layout
                    .parse(&record, &mut scratch)
                    .unwrap()
                    .id
                    .time
                    .unwrap();
                assert!(last[i] <= time, "client {i}: {time} after {}", last[i]);
                last[i] = time;
                read[i] += 1;
                turns[i] += u64::from(ring.cpu != cpus[i]);
                cpus[i] = ring.cpu;
            }
        }
        read == [2 * EACH; 2]
    });
    makers.into_iter().for_each(|maker| maker.join().unwrap());
    assert_eq!(turns[0], turns[1], "both the same sequence");
    if keeper.rings().count() > 1 {
        assert!(turns[0] > 2, "{turns:?}");
    }
}

/// A CPU that goes and comes back is another event: said to those who are there, and unknown to older cursors.
#[test]
fn a_cpu_that_comes_back_is_a_new_epoch() {
    if !wanted() {
        return;
    }
    let dir = open_dir();
    let socket = dir.path().join("keeper");
    let cpus = dir.path().join("devices/system/cpu");
    std::fs::create_dir_all(&cpus).unwrap();
    let online = |list: &str| std::fs::write(cpus.join("online"), list).unwrap();
    let all = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap();
    online(&all);
    let mut keeper = Keeper::open_in(dir.path(), &own(), 4, "x", b"").unwrap();
    keeper.listen(&socket).unwrap();
    let mut client = connect(&mut keeper, &socket, Start::Oldest);
    personality_calls(6);
    let (mut tally, mut seen) = (Tally::default(), BTreeMap::new());
    take(&mut client, &mut tally, &mut seen);
    let cursor = client.cursor();
    let others: Vec<String> = keeper
        .rings()
        .map(|r| r.cpu)
        .filter(|c| *c != 0)
        .map(|c| c.to_string())
        .collect();
    let rings = keeper.rings().count();
    online(if others.is_empty() {
        "4294967295"
    } else {
        &others[0]
    });
    // A list without CPU 0, and on a machine that has only that one, no list at all.
    let went = keeper.rescan();
    assert_eq!(went.is_err(), others.is_empty());
    online(&all);
    keeper.rescan().unwrap();
    assert_eq!(keeper.rings().count(), rings);
    if others.is_empty() {
        return;
    }
    // The old event of another CPU lives on here, since that CPU never went: the calls are made where nothing changed.
    let mut kept = nix::sched::CpuSet::new();
    kept.set(others[0].parse().unwrap()).unwrap();
    nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &kept).unwrap();
    personality_calls(4);
    take(&mut client, &mut tally, &mut seen);
    assert_eq!(
        (tally.records, tally.lost, tally.unknown),
        (10, 0, u64::try_from(rings - 1).unwrap().max(1)),
        "{tally:?}"
    );
    let mut late = connect(&mut keeper, &socket, Start::After(cursor));
    let (mut again, mut seen_again) = (Tally::default(), BTreeMap::new());
    take(&mut late, &mut again, &mut seen_again);
    assert!(again.unknown > 0);
}

#[expect(
    unsafe_code,
    reason = "a descriptor that recvmsg has just made is a number"
)]
fn adopt(fd: i32) -> std::os::fd::OwnedFd {
    // SAFETY: the kernel has just made the descriptor for us, and it is adopted once.
    unsafe { std::os::fd::FromRawFd::from_raw_fd(fd) }
}

/// The stand-in for a service manager: a socket that keeps what it is given.
fn manager(socket: &std::os::unix::net::UnixDatagram) -> Vec<(String, std::os::fd::OwnedFd)> {
    use std::os::fd::AsRawFd as _;
    let mut kept: Vec<(String, std::os::fd::OwnedFd)> = Vec::new();
    socket.set_nonblocking(true).unwrap();
    loop {
        let mut bytes = [0; 512];
        let mut parts = [std::io::IoSliceMut::new(&mut bytes)];
        let mut control = nix::cmsg_space!([i32; 4]);
        let flags = nix::sys::socket::MsgFlags::empty();
        let Ok(got) = nix::sys::socket::recvmsg::<()>(
            socket.as_raw_fd(),
            &mut parts,
            Some(&mut control),
            flags,
        ) else {
            return kept;
        };
        let raw: Vec<i32> = got
            .cmsgs()
            .unwrap()
            .filter_map(|m| match m {
                nix::sys::socket::ControlMessageOwned::ScmRights(fds) => Some(fds),
                _ => None,
            })
            .flatten()
            .collect();
        let n = got.bytes;
        let text = std::str::from_utf8(&bytes[..n]).unwrap();
        let name = text
            .lines()
            .find_map(|l| l.strip_prefix("FDNAME="))
            .unwrap()
            .to_owned();
        if text.starts_with("FDSTOREREMOVE=1") {
            kept.retain(|(other, _)| *other != name);
        }
        kept.extend(raw.into_iter().map(|fd| (name.clone(), adopt(fd))));
    }
}

#[test]
fn a_restart_through_a_descriptor_store_goes_on_counting_and_tells_the_gap() {
    if !wanted() {
        return;
    }
    let dir = open_dir();
    let socket = dir.path().join("keeper");
    let notify = dir.path().join("notify");
    let store = std::os::unix::net::UnixDatagram::bind(&notify).unwrap();
    let mut keeper = Keeper::open(&own(), 16, "name", b"the format").unwrap();
    keeper.listen(&socket).unwrap();
    keeper.store_at(&notify).unwrap();
    let mut kept = KeptFds {
        fds: manager(&store),
    };
    // The description, and of each CPU the event and its pulse.
    assert_eq!(kept.fds.len(), 1 + 2 * keeper.rings().count());
    let mut client = connect(&mut keeper, &socket, Start::Oldest);
    let rings: Vec<_> = keeper.rings().collect();
    personality_calls(20);
    let (mut tally, mut seen) = (Tally::default(), BTreeMap::new());
    take(&mut client, &mut tally, &mut seen);
    let cursor = client.cursor();

    // With a client that stays, the ring itself outlives the keeper: nothing is lost.
    personality_calls(5);
    drop(keeper);
    let mut copy = KeptFds {
        fds: kept
            .fds
            .iter()
            .map(|(n, fd)| (n.clone(), fd.try_clone().unwrap()))
            .collect(),
    };
    let mut keeper = Keeper::restore(&mut copy).unwrap().expect("it was stored");
    assert!(keeper.rings().eq(rings.iter().copied()), "the same events");
    assert_eq!(
        (
            keeper.terms().name.as_str(),
            keeper.terms().format.as_slice()
        ),
        ("name", &b"the format"[..])
    );
    keeper.listen(&socket).unwrap();
    let mut second = connect(&mut keeper, &socket, Start::After(cursor.clone()));
    let (mut after, mut seen_after) = (Tally::default(), BTreeMap::new());
    take(&mut second, &mut after, &mut seen_after);
    assert_eq!(
        after,
        Tally {
            records: 5,
            ..Tally::default()
        }
    );
    drop((client, second, keeper));

    // With nobody left the rings' contents are gone, the events count on.
    personality_calls(9);
    kept.fds.push((
        "other".to_owned(),
        std::fs::File::open("/dev/null").unwrap().into(),
    ));
    let mut keeper = Keeper::restore(&mut kept).unwrap().expect("it was stored");
    assert_eq!(kept.fds.len(), 1, "what is not ours is left");
    keeper.listen(&socket).unwrap();
    personality_calls(3);
    let mut third = connect(&mut keeper, &socket, Start::After(cursor));
    let (mut last, mut seen_last) = (Tally::default(), BTreeMap::new());
    take(&mut third, &mut last, &mut seen_last);
    // A CPU that made none of the three cannot tell what it lost before its next event.
    assert_eq!(last.records, 3);
    assert!(last.lost <= 14, "{last:?}");
    assert_eq!(keeper.count().unwrap(), 37);
}

#[test]
fn what_is_not_allowed_is_refused() {
    if !wanted() {
        return;
    }
    let dir = open_dir();
    let socket = dir.path().join("keeper");
    let mut keeper = Keeper::open(&own(), 1, "x", b"")
        .unwrap()
        .policy(|_| Access::Deny);
    keeper.listen(&socket).unwrap();
    let path = socket.clone();
    let refused = std::thread::spawn(move || Client::connect(&path, Start::Oldest));
    turn_until(&mut keeper, |_| refused.is_finished());
    assert!(matches!(
        refused.join().unwrap(),
        Err(Error::Denied { uid: 0 })
    ));
    // A path where somebody listens is not taken from him.
    let mut other = Keeper::open(&own().flags(AttrFlags::DISABLED), 1, "x", b"").unwrap();
    assert!(
        matches!(other.listen(&socket), Err(Error::Io { source, .. }) if source.raw_os_error() == Some(libc::EADDRINUSE))
    );
}

/// Whoever sends rubbish, or says nothing, or hangs up, is dropped; the others are served.
#[test]
fn a_hostile_client_hurts_only_itself() {
    if !wanted() {
        return;
    }
    use nix::sys::socket::{
        AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect as join, send, socket,
    };
    use std::os::fd::AsRawFd as _;
    let dir = open_dir();
    let path = dir.path().join("keeper");
    let mut keeper = Keeper::open(&own(), 4, "x", b"").unwrap().most_clients(40);
    keeper.listen(&path).unwrap();
    let mut good = connect(&mut keeper, &path, Start::Oldest);
    let mut crowd = Vec::new();
    for i in 0..60usize {
        let fd = socket(
            AddressFamily::Unix,
            SockType::SeqPacket,
            SockFlag::SOCK_CLOEXEC,
            None,
        )
        .unwrap();
        if join(fd.as_raw_fd(), &UnixAddr::new(&path).unwrap()).is_err() {
            continue;
        }
        let rubbish = vec![i as u8; i * 97];
        if i % 3 > 0 {
            let _ = send(
                fd.as_raw_fd(),
                &rubbish,
                MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT,
            );
        }
        if i % 5 > 0 {
            crowd.push(fd);
        }
        keeper.turn(Some(Duration::from_millis(1))).unwrap();
    }
    for _ in 0..50 {
        keeper.turn(Some(Duration::from_millis(1))).unwrap();
    }
    // Those that said something are gone; those that said nothing have some seconds left.
    assert!(keeper.clients() <= 21, "{}", keeper.clients());
    personality_calls(30);
    for _ in 0..5 {
        keeper.turn(Some(Duration::from_millis(1))).unwrap();
    }
    assert!(good.wait(Some(Duration::from_secs(1))).unwrap());
    let (mut tally, mut seen) = (Tally::default(), BTreeMap::new());
    take(&mut good, &mut tally, &mut seen);
    assert_eq!(
        tally,
        Tally {
            records: 30,
            ..Tally::default()
        }
    );
}
