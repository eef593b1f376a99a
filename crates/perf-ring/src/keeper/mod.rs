//! Persistent and shared events: a process that holds events and rings while nobody looks, and hands them out.
//!
//! A ring's contents live as long as some process maps it, an event as long as some process has its descriptor or maps
//! it. The [`Keeper`] does both, for one event on every CPU, in read-only rings that are written backward: the newest
//! records are always there, and a reader that comes late finds where each begins.
//!
//! What is lost when:
//!
//! | what ends | events | records |
//! |---|---|---|
//! | a client | go on | nothing; its [`Cursor`] continues where it was |
//! | the keeper, clients stay | go on while a client holds them | nothing: each client reads on; nobody new can join |
//! | the keeper, with a descriptor store, some client stays | go on | nothing |
//! | the keeper, with a descriptor store, no client | go on counting | what was in the rings and unread: the numbers tell how many |
//! | the keeper, without either | end | everything unread, and what occurs until the next keeper: unknown |
//! | the machine | end | the same |

mod client;
mod serve;
mod socket;
mod store;
pub mod wire;

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

pub use client::Client;
use serve::Peer;
pub use socket::PeerCred;
use socket::{Inbox, listen_at, watch};
pub use store::Kept as KeptFds;
use wire::{LONGEST_TEXT, NewRing, RingId, Terms};

use crate::abi::{AttrFlags, EventAttr, SampleType};
use crate::alarm::Alarm;
pub use crate::cursor::{Cursor, Start};
use crate::follow::DELAY;
pub use crate::follow::{Loss, Shared};
use crate::pulse::Pulse;
use crate::sleep::sleep;
use crate::{Backward, Builder, Clock, Count, Error, Event, Target, Wakeup, boot, cpus, sys};

/// What a peer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// The events' descriptors, to map for itself. Whoever has them can disable the events and pause the rings, too:
    /// for those whom you trust.
    Descriptors,
    /// A copy of the stream, which can hurt nobody. If it does not read, it loses records, and is told how many.
    Stream,
    /// Nothing.
    Deny,
}

/// The default: root and the keeper's own user get descriptors, others nothing.
fn own_user(peer: PeerCred) -> Access {
    if peer.uid == 0 || peer.uid == nix::unistd::geteuid().as_raw() {
        Access::Descriptors
    } else {
        Access::Deny
    }
}

/// Tokens of the epoll instance: the listener, then rings by CPU, then peers.
const LISTENER: u64 = 0;
const RINGS: u64 = 1 << 32;
const PEERS: u64 = 1 << 33;
/// The timer's.
const ALARM: u64 = 1;

/// How often the list of CPUs is looked at.
const SCAN: Duration = Duration::from_secs(1);

/// One CPU's event, its ring mapped.
#[derive(Debug)]
struct Ring {
    ring: RingId,
    event: Event,
    reader: Backward,
    /// The event's count when it was mapped.
    base: u64,
    pulse: Pulse,
    /// Its CPU went away. What it holds can still be read, until the CPU is back.
    dead: bool,
}

impl Ring {
    const fn named(&self) -> NewRing {
        NewRing {
            ring: self.ring,
            base: self.base,
        }
    }
}

/// Holds an event on every CPU, with its ring, and shares them over a Unix socket.
///
/// It starts no thread: call [`Keeper::turn`] in a loop, or whenever its descriptor is readable and at least once a
/// second.
pub struct Keeper {
    builder: Builder,
    terms: Terms,
    sysfs: PathBuf,
    rings: Vec<Ring>,
    epoll: Epoll,
    listener: Option<OwnedFd>,
    peers: Vec<Peer>,
    policy: Box<dyn Fn(PeerCred) -> Access + Send>,
    inbox: Inbox,
    next_token: u64,
    alarm: Alarm,
    delay: Duration,
    most_peers: usize,
    departed: u64,
    scanned: Instant,
    /// The service manager's socket, once something was stored there.
    store: OnceLock<PathBuf>,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper")
            .field("name", &self.terms.name)
            .field("rings", &self.rings)
            .field("peers", &self.peers.len())
            .finish_non_exhaustive()
    }
}

impl Keeper {
    /// Opens the event on every online CPU and maps a ring of `pages` data pages for each.
    ///
    /// To what the builder asks for are added: writing backward; TIME; the READ field, so that samples are numbered, if
    /// every event makes one (a period of 1); the monotonic clock and a wake-up for every event, if there are none.
    ///
    /// `name` is what clients see, `format` the tracepoint's format file for those who cannot read tracefs; both are cut
    /// to 64 KiB.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::open`] and [`Event::map_backward`]; [`Error::File`]; [`Error::NoCpus`].
    pub fn open(builder: &Builder, pages: usize, name: &str, format: &[u8]) -> Result<Self, Error> {
        Self::open_in(Path::new("/sys"), builder, pages, name, format)
    }

    /// The same with another sysfs, whose `devices/system/cpu/online` says which CPUs to open.
    ///
    /// # Errors
    ///
    /// As [`Keeper::open`].
    pub fn open_in(
        sysfs: &Path,
        builder: &Builder,
        pages: usize,
        name: &str,
        format: &[u8],
    ) -> Result<Self, Error> {
        let mut builder = builder
            .clone()
            .backward()
            .flags(AttrFlags::SAMPLE_ID_ALL)
            .with(|attr| {
                attr.sample_type.insert(SampleType::TIME);
                if attr.sample_period == 1 && !attr.flags.contains(AttrFlags::FREQ) {
                    attr.sample_type.insert(SampleType::READ);
                }
            });
        if !builder.attr().flags.contains(AttrFlags::USE_CLOCKID) {
            builder = builder.clock(Clock::Monotonic);
        }
        if builder.attr().wakeup == 0 {
            builder = builder.wakeup(Wakeup::Events(1));
        }
        let mut keeper = Self::empty(sysfs, builder, pages, name, format)?;
        for cpu in cpus::online(sysfs)? {
            keeper.add(cpu)?;
        }
        Ok(keeper)
    }

    fn empty(
        sysfs: &Path,
        builder: Builder,
        pages: usize,
        name: &str,
        format: &[u8],
    ) -> Result<Self, Error> {
        let wrong = Error::Pages { pages };
        let count = u32::try_from(pages)
            .ok()
            .filter(|n| n.is_power_of_two())
            .ok_or(wrong)?;
        let name: String = name.chars().take(LONGEST_TEXT / 64).collect();
        let size = builder.attr().least_size();
        let terms = Terms {
            descriptors: true,
            pages: count,
            page_size: sys::page_size() as u32,
            attr: EventAttr {
                size: size.0,
                ..*builder.attr()
            },
            name,
            format: format
                .get(..LONGEST_TEXT.min(format.len()))
                .unwrap_or_default()
                .to_vec(),
            boot: boot::id()?,
        };
        let epoll =
            Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(Error::nix("epoll_create"))?;
        Ok(Keeper {
            alarm: Alarm::new(&epoll, ALARM)?,
            delay: DELAY,
            builder,
            terms,
            sysfs: sysfs.to_owned(),
            rings: Vec::new(),
            epoll,
            listener: None,
            peers: Vec::new(),
            policy: Box::new(own_user),
            inbox: Inbox::new(false),
            next_token: PEERS,
            most_peers: 64,
            departed: 0,
            scanned: Instant::now(),
            store: OnceLock::new(),
        })
    }

    fn add(&mut self, cpu: u32) -> Result<(), Error> {
        let event = self.builder.open(Target::Cpu(cpu))?;
        let pulse = Pulse::open(cpu)?;
        self.hold(cpu, event, pulse)
    }

    fn hold(&mut self, cpu: u32, event: Event, pulse: Pulse) -> Result<(), Error> {
        // Counted before it is mapped: whatever comes between is missing, and its number says so.
        let base = event.count()?.value;
        let reader = event.map_backward(self.terms.pages as usize)?;
        let ring = RingId {
            cpu,
            id: event.id()?,
        };
        watch(
            &self.epoll,
            &event,
            EpollFlags::EPOLLIN,
            RINGS | u64::from(cpu),
        )?;
        self.rings.push(Ring {
            ring,
            event,
            reader,
            base,
            pulse,
            dead: false,
        });
        Ok(())
    }

    /// Decides what each peer gets, by what the kernel says it is. By default root and the keeper's own user get
    /// descriptors and others nothing.
    #[must_use]
    pub fn policy(mut self, policy: impl Fn(PeerCred) -> Access + Send + 'static) -> Self {
        self.policy = Box::new(policy);
        self
    }

    /// The most clients at a time; 64 by default. Further ones are turned away.
    #[must_use]
    pub fn most_clients(mut self, most: usize) -> Self {
        self.most_peers = most;
        self
    }

    /// How long a record is held back, in copies of the stream, so that earlier ones of other CPUs can overtake it; 1 ms
    /// by default. A client that reads the rings itself has its own: [`Client::delay`].
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Listens at a path. A socket left there by a keeper that is gone is replaced. Who may connect at all is a matter
    /// of the directory's and the socket's permissions.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn listen(&mut self, path: &Path) -> Result<(), Error> {
        self.listen_on(listen_at(path)?)
    }

    /// Takes a listening `SOCK_SEQPACKET` Unix socket, such as one from a service manager.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn listen_on(&mut self, listener: OwnedFd) -> Result<(), Error> {
        watch(&self.epoll, &listener, EpollFlags::EPOLLIN, LISTENER)?;
        self.listener = Some(listener);
        Ok(())
    }

    /// What clients are told.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The rings that are held.
    pub fn rings(&self) -> impl Iterator<Item = RingId> {
        self.rings.iter().map(|ring| ring.ring)
    }

    /// Clients connected now.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.peers.len()
    }

    /// Events counted so far, on all CPUs that are and were there.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn count(&self) -> Result<u64, Error> {
        let mut sum = Count {
            value: self.departed,
            ..Count::default()
        };
        for ring in &self.rings {
            sum.value = sum.value.saturating_add(ring.event.count()?.value);
        }
        Ok(sum.value)
    }

    /// Waits until something is to be done, does it, and returns: takes in clients, wakes those that read rings, sends
    /// to those that read the stream, and looks for CPUs that came or went.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when waiting or accepting fails for good; those of [`Keeper::open`] for a CPU that came. What a
    /// client does wrong ends that client and is no error.
    pub fn turn(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        let nap = timeout.map_or(SCAN, |t| t.min(SCAN));
        let mut ready = [EpollEvent::empty(); 64];
        let n = sleep(&self.epoll, nap, &mut ready)?;
        let mut written = false;
        for event in ready.iter().take(n) {
            match event.data() {
                LISTENER => self.accept()?,
                ALARM => {
                    self.alarm.clear()?;
                    self.send_streams();
                }
                token if token >= PEERS => self.hear(token, event.events()),
                token => written |= self.ring_ready(token & !RINGS, event.events())?,
            }
        }
        if written {
            self.wake();
        }
        if self.scanned.elapsed() >= SCAN {
            self.rescan()?;
            self.send_streams();
        }
        self.dismiss();
        self.set_alarm()
    }

    fn ring_ready(&mut self, cpu: u64, events: EpollFlags) -> Result<bool, Error> {
        if events.intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
            for ring in self
                .rings
                .iter_mut()
                .filter(|r| u64::from(r.ring.cpu) == cpu && !r.dead)
            {
                // It would be ready for ever.
                ring.dead = true;
                self.epoll
                    .delete(&ring.event)
                    .map_err(Error::nix("epoll_ctl"))?;
            }
        }
        Ok(true)
    }

    /// Looks which CPUs are online, and opens the event on those that came.
    ///
    /// A CPU that went away keeps its ring, for readers that come late, until it is back.
    ///
    /// # Errors
    ///
    /// As [`Keeper::open`].
    pub fn rescan(&mut self) -> Result<(), Error> {
        self.scanned = Instant::now();
        let online = cpus::online(&self.sysfs)?;
        for ring in &mut self.rings {
            let alive = online.contains(&ring.ring.cpu) && ring.pulse.beats()?;
            if !ring.dead && !alive {
                ring.dead = true;
                self.epoll
                    .delete(&ring.event)
                    .map_err(Error::nix("epoll_ctl"))?;
            }
        }
        for cpu in online {
            if self.rings.iter().any(|r| r.ring.cpu == cpu && !r.dead) {
                continue;
            }
            match self.add(cpu) {
                Ok(()) => self.replaced(cpu)?,
                // It went away again.
                Err(Error::Open { source, .. }) if source.raw_os_error() == Some(libc::ENODEV) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// The newest ring of a CPU takes the place of those before it.
    fn replaced(&mut self, cpu: u32) -> Result<(), Error> {
        let mut gone = Vec::new();
        while let Some(old) = self.rings.iter().position(|r| r.ring.cpu == cpu && r.dead) {
            let old = self.rings.remove(old);
            self.departed = self.departed.saturating_add(old.event.count()?.value);
            gone.push(old.ring);
        }
        if let Some(new) = self.rings.last() {
            serve::announce(&mut self.peers, new, &gone);
        }
        // Who comes after a restart must not be given the dead event.
        self.store
            .get()
            .map_or(Ok(()), |notify| self.store_at(notify))
    }
}

impl AsFd for Keeper {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}
