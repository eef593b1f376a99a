//! The device in other people's event loops, against the fake, whose descriptor is a real one.

use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use mcekit::{Record, Status};
use mcelog_dev::fake::Fake;
use mcelog_dev::sys::Node;
use mcelog_dev::{Device, OpenOptions};

fn record() -> Record {
    Record::new(1, Status(0x9c00_0000_0000_0091)).with_cpu(0)
}

/// Takes everything. How many it was.
fn drain<N: Node>(device: &mut Device<N>) -> usize {
    let mut count = 0;
    while device.next_event().unwrap().is_some() {
        count += 1;
    }
    count
}

/// Logs a record a little later, on another thread.
fn soon(fake: &Fake) {
    let fake = fake.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        fake.log(&record());
    });
}

#[test]
fn epoll() {
    use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

    let fake = Fake::new();
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
    epoll
        .add(device.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, 7))
        .unwrap();
    let mut events = [EpollEvent::empty()];
    assert_eq!(epoll.wait(&mut events, EpollTimeout::ZERO).unwrap(), 0);
    soon(&fake);
    assert_eq!(epoll.wait(&mut events, 5000_u16).unwrap(), 1);
    assert_eq!(events[0].data(), 7);
    assert_eq!(drain(&mut device), 1);
    assert_eq!(
        epoll.wait(&mut events, EpollTimeout::ZERO).unwrap(),
        0,
        "drained is silent"
    );
}

#[test]
fn mio_source() {
    use mio::unix::SourceFd;
    use mio::{Events, Interest, Poll, Token};

    let fake = Fake::new();
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    let mut poll = Poll::new().unwrap();
    let fd = device.as_fd().as_raw_fd();
    poll.registry()
        .register(&mut SourceFd(&fd), Token(3), Interest::READABLE)
        .unwrap();
    let mut events = Events::with_capacity(4);
    soon(&fake);
    poll.poll(&mut events, Some(Duration::from_secs(5)))
        .unwrap();
    assert!(
        events
            .iter()
            .any(|e| e.token() == Token(3) && e.is_readable())
    );
    assert_eq!(drain(&mut device), 1);
}

#[test]
#[expect(
    deprecated,
    reason = "its successor is unsafe; what that asks for, an OwnedFd keeps by its type"
)]
fn tokio_async_fd() {
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    let fake = Fake::new();
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    let descriptor = device.as_fd().try_clone_to_owned().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    soon(&fake);
    let got = runtime.block_on(async {
        let wakes = AsyncFd::with_interest(descriptor, Interest::READABLE).unwrap();
        let mut got = 0;
        while got == 0 {
            let wait = tokio::time::timeout(Duration::from_secs(5), wakes.readable());
            let mut ready = wait.await.expect("a wake-up").unwrap();
            got += drain(&mut device);
            // Drained: only now may the runtime sleep again.
            ready.clear_ready();
        }
        got
    });
    assert_eq!(got, 1);
}
