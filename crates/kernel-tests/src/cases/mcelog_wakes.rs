//! A sleeping reader wakes, by every way of sleeping, and soon.

use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use mcelog_dev::{Debugfs, Device, Event, Injection, Injector, Raise};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use crate::case::{Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;
use crate::guest::mcelog::{corrected, empty_device, nothing_more};

pub(super) const CASE: Case = Case {
    name: "mcelog_wakes",
    about: "poll and epoll wake when a record comes, and only then; how long it takes is reported",
    kernels: Kernel::MCELOG,
    cpus: Cpu::ALL,
    how: How::Shared(run),
};

const ROUNDS: u32 = 20;

/// Logs an error a little later. When that was done.
fn soon(addr: u64) -> thread::JoinHandle<Result<Instant, Failure>> {
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(30));
        let begin = Instant::now();
        Debugfs::new().inject(&Injection::new(corrected(0, 1, addr)).with_raise(Raise::Log))?;
        Ok(begin)
    })
}

fn join(thread: thread::JoinHandle<Result<Instant, Failure>>) -> Result<Instant, Failure> {
    thread
        .join()
        .map_err(|_| Failure::new("the injecting thread panicked"))?
}

fn run(guest: &Guest) -> Outcome {
    let mut device = empty_device()?;
    let begin = Instant::now();
    ensure(
        !device.wait(Some(Duration::from_millis(100)))?,
        "woken by nothing",
    )?;
    ensure(
        begin.elapsed() >= Duration::from_millis(100),
        "woken too early",
    )?;

    // Microseconds from the injection to the wake-up, and from there to the record in hand.
    let (mut wake, mut read) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let addr = 0x10_0000 + u64::from(round) * 0x1000;
        let injecting = soon(addr);
        ensure(
            device.wait(Some(Duration::from_secs(5)))?,
            "poll does not wake",
        )?;
        let awake = Instant::now();
        let got = addr_of(device.next_event()?)?;
        read.push(awake.elapsed().as_secs_f64() * 1e6);
        let injected = join(injecting)?;
        wake.push(awake.saturating_duration_since(injected).as_secs_f64() * 1e6);
        same("addr", got, addr)?;
        nothing_more_now(&mut device)?;
    }
    for (name, mut times) in [("inject-to-wake", wake), ("wake-to-record", read)] {
        times.sort_by(f64::total_cmp);
        guest.figure(
            &format!("{name}-min"),
            times.first().copied().unwrap_or_default(),
            "us",
        );
        let middle = times.get(times.len() / 2).copied().unwrap_or_default();
        guest.figure(&format!("{name}-median"), middle, "us");
    }

    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let interest = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLPRI;
    epoll.add(device.as_fd(), EpollEvent::new(interest, 1))?;
    let mut events = [EpollEvent::empty()];
    same("epoll of an empty log", epoll.wait(&mut events, 50_u16)?, 0)?;
    let injecting = soon(0x5000);
    same("epoll", epoll.wait(&mut events, 5000_u16)?, 1)?;
    same("epoll's events", events[0].events(), EpollFlags::EPOLLIN)?;
    join(injecting)?;
    same("addr", addr_of(device.next_event()?)?, 0x5000)?;
    same("epoll of a drained log", epoll.wait(&mut events, 0_u16)?, 0)?;
    nothing_more(&mut device)
}

fn addr_of(event: Option<Event<'_>>) -> Result<u64, Failure> {
    match event {
        Some(Event::Record(entry)) => Ok(entry.wire().mce.addr),
        other => Err(Failure::new(format!("no record: {other:?}"))),
    }
}

fn nothing_more_now(device: &mut Device) -> Outcome {
    match device.next_event()? {
        None => Ok(()),
        Some(event) => Err(Failure::new(format!("one more: {event:x?}"))),
    }
}
