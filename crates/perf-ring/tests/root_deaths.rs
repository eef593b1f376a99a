//! A keeper and its clients in processes of their own, on the running kernel: with and without capabilities, and dying.
//!
//! With MCEKIT_ROOT_TESTS=1, as root; without it nothing is run, and that is said.
//!
//! Processes are this test program started again with `PERF_RING_ROLE` set: threads cannot be killed.

mod common;
#[path = "common/keeper.rs"]
mod shared;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use common::wanted;
use perf_ring::{Access, Client, Keeper, Start};
use shared::{Tally, open_dir, personality, personality_calls, take};

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
