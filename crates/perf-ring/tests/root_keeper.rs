//! Persistent and shared events on the running kernel: several clients, one without any right, and violent deaths.
//!
//! With MCEKIT_ROOT_TESTS=1, as root; without it nothing is run, and that is said.
//!
//! Processes are this test program started again with `PERF_RING_ROLE` set: threads cannot be killed.

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use common::{tracefs, wanted};
use perf_ring::abi::{AttrFlags, SampleType};
use perf_ring::keeper::KeptFds;
use perf_ring::{Access, Builder, Client, Cursor, Error, Keeper, Loss, Shared, Start};

/// The tracepoint of a harmless system call, made by one process only: its events are ours to the last one.
fn personality(pid: u32) -> Builder {
    let filter = format!("id == 135 && common_pid == {pid}");
    Builder::tracepoint(&tracefs(), "raw_syscalls", "sys_enter")
        .expect("the kernel has raw_syscalls")
        .sample(SampleType::CPU | SampleType::TID | SampleType::RAW)
        .filter(&filter)
}

fn personality_calls(n: u64) {
    for _ in 0..n {
        nix::sys::personality::get().expect("asking cannot fail");
    }
}

/// This test program again, in a role.
fn actor(role: &str, socket: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the test has a file"));
    command.args(["--exact", "role", "--nocapture", "--test-threads=1"]);
    command
        .env("PERF_RING_ROLE", role)
        .env("PERF_RING_SOCKET", socket);
    command
        .env_remove("NOTIFY_SOCKET")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// A process of ours that is killed when the test is over.
struct Actor {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Actor {
    fn start(mut command: Command) -> Self {
        let mut child = loop {
            match command.spawn() {
                // Another test's fork still has the fresh copy open for writing.
                Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                    std::thread::yield_now();
                }
                other => break other.expect("the test can be started"),
            }
        };
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Actor { child, lines }
    }

    /// The words of the next line that begins with `@`; what the test harness prints is passed over.
    fn say(&mut self) -> Vec<String> {
        loop {
            let line = self
                .lines
                .next()
                .expect("the process goes on")
                .expect("it writes text");
            if let Some(at) = line.find('@') {
                return line[at + 1..].split(' ').map(str::to_owned).collect();
            }
        }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().expect("piped"), "{line}").expect("the process listens");
    }

    fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the other processes do.
#[test]
fn role() {
    let Ok(role) = std::env::var("PERF_RING_ROLE") else {
        return;
    };
    let socket = PathBuf::from(std::env::var_os("PERF_RING_SOCKET").expect("given with the role"));
    match role.as_str() {
        "keeper" => keep(&socket),
        "maker" => make(),
        "reader" => read(&socket, false),
        "stream" => read(&socket, true),
        other => panic!("no role {other}"),
    }
}

/// Makes events: for each number on standard input that many calls, then says so.
fn make() {
    // The harness runs each test in a thread, and a tracepoint's common_pid is the thread.
    println!("@pid {}", nix::unistd::gettid());
    for line in std::io::stdin().lines() {
        let n = line.unwrap().parse().unwrap();
        personality_calls(n);
        println!("@made {n}");
    }
}

/// Keeps the events of the process whose id comes on standard input.
fn keep(socket: &Path) {
    let mut pid = String::new();
    std::io::stdin().read_line(&mut pid).unwrap();
    let builder = personality(pid.trim().parse().unwrap());
    // Root and one user without any capability get the rings, everybody else a copy.
    let policy = |peer: perf_ring::keeper::PeerCred| match peer.uid {
        0 | NOBODY => Access::Descriptors,
        _ => Access::Stream,
    };
    let mut keeper = Keeper::open(&builder, 16, "raw_syscalls:sys_enter", b"format text")
        .unwrap()
        .policy(policy);
    keeper.listen(socket).unwrap();
    nix::sys::stat::fchmodat(
        nix::fcntl::AT_FDCWD,
        socket,
        nix::sys::stat::Mode::from_bits_truncate(0o666),
        nix::sys::stat::FchmodatFlags::FollowSymlink,
    )
    .unwrap();
    println!("@ready");
    loop {
        keeper.turn(None).unwrap();
    }
}

/// What a reader has got.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    records: u64,
    lost: u64,
    unknown: u64,
}

/// Takes everything that is there; checks every record whole and every number new.
fn take(client: &mut Client, tally: &mut Tally, seen: &mut BTreeMap<(u32, u64), u64>) {
    let layout = *client.layout();
    let mut scratch = Vec::new();
    while let Some(item) = client.next().unwrap() {
        match item {
            Shared::Record {
                ring,
                number,
                record,
            } => {
                let sample = layout
                    .sample(record.body(&mut scratch))
                    .expect("no record is torn");
                assert_eq!(sample.cpu(), Some(ring.cpu));
                assert_eq!(sample.raw().unwrap()[8..16], 135u64.to_ne_bytes());
                assert!(sample.rest().is_empty());
                let last = seen.insert((ring.cpu, ring.id), number.unwrap());
                assert!(last < number, "each once and in order");
                tally.records += 1;
            }
            Shared::Lost {
                loss: Loss::Exact(n),
                ..
            } => tally.lost += n,
            Shared::Lost {
                loss: Loss::Unknown,
                ..
            }
            | Shared::NewEpoch(_) => tally.unknown += 1,
            Shared::KeeperGone => println!("@orphaned"),
        }
    }
}

/// Reads until told to stop; on every line of standard input says what it has got.
fn read(socket: &Path, stream: bool) {
    let connect = if stream {
        Client::connect_to_stream
    } else {
        Client::connect
    };
    let mut client = match connect(socket, Start::Oldest) {
        Ok(client) => client,
        Err(e) => return println!("@refused {e}"),
    };
    let caps = std::fs::read_to_string("/proc/self/status").unwrap();
    let caps = caps
        .lines()
        .find_map(|l| l.strip_prefix("CapEff:\t"))
        .unwrap()
        .to_owned();
    println!("@connected {caps} {}", client.terms().descriptors);
    let (mut tally, mut seen) = (Tally::default(), BTreeMap::new());
    let (ask, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        std::io::stdin()
            .lines()
            .map_while(Result::ok)
            .for_each(|l| drop(ask.send(l)));
    });
    loop {
        if client.wait(Some(Duration::from_millis(10))).unwrap() {
            take(&mut client, &mut tally, &mut seen);
        } else if asked.try_recv().is_ok() {
            take(&mut client, &mut tally, &mut seen);
            println!("@tally {} {} {}", tally.records, tally.lost, tally.unknown);
        }
    }
}

/// Keeper and maker, ready.
fn stage(socket: &Path) -> (Actor, Actor, String) {
    let mut maker = Actor::start(actor("maker", socket));
    let pid = maker.say();
    assert_eq!(pid[0], "pid");
    let mut keeper = Actor::start(actor("keeper", socket));
    keeper.tell(&pid[1]);
    assert_eq!(keeper.say(), ["ready"]);
    (keeper, maker, pid[1].clone())
}

fn made(maker: &mut Actor, n: u64) {
    maker.tell(&n.to_string());
    assert_eq!(maker.say(), ["made".to_owned(), n.to_string()]);
}

fn tally(reader: &mut Actor) -> Tally {
    reader.tell("");
    loop {
        let words = reader.say();
        if words[0] == "tally" {
            let n = |i: usize| words[i].parse().unwrap();
            return Tally {
                records: n(1),
                lost: n(2),
                unknown: n(3),
            };
        }
    }
}

/// The tally once it accounts for so many, or after ten seconds: a copy of the stream takes its time.
fn settled(reader: &mut Actor, total: u64) -> Tally {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let got = tally(reader);
        if got.records + got.lost >= total || Instant::now() > until {
            return got;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A directory that everybody may enter.
fn open_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(
        dir.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    dir
}

/// A user without any capability, trusted by the keeper of these tests; the one before it is not.
const NOBODY: u32 = 65534;

/// The test program where any user may run it.
fn as_user(uid: u32, mut command: Command, dir: &Path) -> Command {
    let copy = dir.join("actor");
    if !copy.exists() {
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        std::fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
    }
    let args: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
    let envs: Vec<_> = command
        .get_envs()
        .filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned())))
        .collect();
    command = Command::new(copy);
    command
        .args(args)
        .envs(envs)
        .uid(uid)
        .gid(uid)
        .current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

#[test]
fn clients_get_everything_with_and_without_capabilities() {
    if !wanted() {
        return;
    }
    let dir = open_dir();
    let socket = dir.path().join("keeper");
    let (_keeper, mut maker, _) = stage(&socket);
    made(&mut maker, 50);
    let mut first = Actor::start(actor("reader", &socket));
    let mut second = Actor::start(actor("stream", &socket));
    let mut nobody = Actor::start(as_user(NOBODY, actor("reader", &socket), dir.path()));
    let mut stranger = Actor::start(as_user(NOBODY - 1, actor("reader", &socket), dir.path()));
    assert_eq!(first.say()[2], "true");
    assert_eq!(second.say()[2], "false");
    assert_eq!(
        nobody.say(),
        ["connected", "0000000000000000", "true"],
        "no capability is needed to map"
    );
    assert_eq!(stranger.say(), ["connected", "0000000000000000", "false"]);
    for n in [1, 10, 100, 300] {
        made(&mut maker, n);
        std::thread::sleep(Duration::from_millis(20));
    }
    let all = Tally {
        records: 461,
        ..Tally::default()
    };
    for reader in [&mut first, &mut second, &mut nobody, &mut stranger] {
        assert_eq!(settled(reader, 461), all);
    }
    // More than a ring holds, while nobody can keep up: what is missing is counted, by each for itself.
    made(&mut maker, 20_000);
    for reader in [&mut first, &mut second, &mut nobody, &mut stranger] {
        let got = settled(reader, 20_461);
        assert_eq!(got.records + got.lost, 20_461, "{got:?}");
        assert_eq!(got.unknown, 0);
    }
}

/// Deaths at random moments for a bounded time: the survivors miss nothing that they do not count.
#[test]
fn violent_deaths_disturb_nobody() {
    if !wanted() {
        return;
    }
    let dir = open_dir();
    let socket = dir.path().join("keeper");
    let (mut keeper, mut maker, pid) = stage(&socket);
    let mut survivor = Actor::start(actor("reader", &socket));
    assert_eq!(survivor.say()[0], "connected");
    let mut random = std::process::id();
    let mut next = move || {
        // xorshift32: any sequence will do.
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random
    };
    let until = Instant::now() + Duration::from_secs(5);
    let mut total = 0;
    let mut deaths = 0;
    while Instant::now() < until {
        let role = if next() % 2 == 0 { "reader" } else { "stream" };
        let mut victim = Actor::start(actor(role, &socket));
        if next() % 3 > 0 {
            assert_eq!(victim.say()[0], "connected");
        }
        let n = u64::from(next() % 400);
        made(&mut maker, n);
        total += n;
        std::thread::sleep(Duration::from_micros(u64::from(next() % 5000)));
        victim.kill();
        deaths += 1;
    }
    let before = settled(&mut survivor, total);
    assert_eq!(
        before.records + before.lost,
        total,
        "{before:?} after {deaths} deaths"
    );
    // The keeper dies while events are made: the survivor reads on, unwoken by anyone but its timer.
    maker.tell("3000");
    std::thread::sleep(Duration::from_micros(u64::from(next() % 3000)));
    keeper.kill();
    assert_eq!(maker.say(), ["made", "3000"]);
    total += 3000;
    assert_eq!(survivor.say(), ["orphaned"]);
    made(&mut maker, 77);
    total += 77;
    std::thread::sleep(Duration::from_millis(200));
    let after = settled(&mut survivor, total);
    assert_eq!(after.records + after.lost, total, "{after:?}");
    assert_eq!(after.unknown, 0);
    // A new keeper takes the place of the dead one's socket.
    let mut second = Actor::start(actor("keeper", &socket));
    second.tell(&pid);
    assert_eq!(second.say(), ["ready"]);
    let mut late = Actor::start(actor("reader", &socket));
    assert_eq!(late.say()[0], "connected");
    made(&mut maker, 5);
    assert_eq!(
        settled(&mut late, 5),
        Tally {
            records: 5,
            ..Tally::default()
        }
    );
}

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
    assert_eq!(kept.fds.len(), 1 + keeper.rings().count());
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
