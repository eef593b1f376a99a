//! The keeper's side of each connection.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::epoll::{EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::socket::{Received, Sent, accept, peer, send, watch};
use super::wire::{Message, RINGS_PER_MESSAGE, RingId, Terms, encode_item};
use super::{Access, Keeper, PEERS, PeerCred, Ring};
use crate::Error;
use crate::cursor::Start;
use crate::follow::Rings;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);

/// Most packets sent to one client of the stream in one turn, so that the others get theirs.
const PORTION: usize = 256;

/// How a peer is served.
#[derive(Debug)]
enum Service {
    /// It has not said what it wants.
    Waiting(Instant),
    /// It has the rings; this wakes it.
    Mapped(EventFd),
    /// It gets a copy. `unsent` is whether the packet found no room.
    Stream {
        rings: Box<Rings>,
        packet: Vec<u8>,
        unsent: bool,
    },
    /// To be dropped.
    Over,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Peer {
    token: u64,
    socket: OwnedFd,
    cred: PeerCred,
    access: Access,
    service: Service,
}

impl Keeper {
    pub(super) fn accept(&mut self) -> Result<(), Error> {
        // A few at a time: whoever connects in a loop must not keep the others waiting.
        for _ in 0..8 {
            let Some(listener) = &self.listener else {
                return Ok(());
            };
            let Some(socket) = accept(listener.as_fd())? else {
                return Ok(());
            };
            let Ok(cred) = peer(socket.as_fd()) else {
                continue;
            };
            let access = (self.policy)(cred);
            if self.peers.len() >= self.most_peers {
                continue;
            }
            let token = self.next_token;
            self.next_token = self.next_token.checked_add(1).unwrap_or(PEERS);
            watch(&self.epoll, &socket, EpollFlags::EPOLLIN, token)?;
            self.peers.push(Peer {
                token,
                socket,
                cred,
                access,
                service: Service::Waiting(Instant::now()),
            });
        }
        Ok(())
    }

    /// A client said something, hung up, or has room again.
    pub(super) fn hear(&mut self, token: u64, events: EpollFlags) {
        let Some(peer) = self.peers.iter_mut().find(|peer| peer.token == token) else {
            return;
        };
        if events.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
            match self.inbox.receive(peer.socket.as_fd()) {
                Ok(Received::Packet(_)) if peer.waiting() => {
                    match Message::decode(self.inbox.packet()) {
                        Ok(Message::Hello { stream, start }) => {
                            let delay = self.delay;
                            peer.begin(&self.terms, &self.rings, (stream, delay), &start);
                        }
                        _ => peer.service = Service::Over,
                    }
                }
                Ok(Received::Nothing) => {}
                // Clients say one thing. Whatever else comes is no client, and only its connection suffers.
                Ok(_) | Err(_) => peer.service = Service::Over,
            }
        }
        peer.pump();
        peer.want_room(&self.epoll);
    }

    /// There are new records: everybody is told. Of several who poll one event, the kernel wakes one.
    pub(super) fn wake(&mut self) {
        for peer in &self.peers {
            if let Service::Mapped(wake) = &peer.service {
                // Full means that it has not yet looked: it is awake.
                let _ = wake.write(1);
            }
        }
        self.send_streams();
    }

    /// Sends to those that read the stream what there is. Also done now and then without a reason: it settles what is
    /// missing, and a wake-up may have been lost.
    pub(super) fn send_streams(&mut self) {
        for peer in &mut self.peers {
            peer.pump();
            peer.want_room(&self.epoll);
        }
    }

    /// Sees to it that what is held back is sent in time.
    pub(super) fn set_alarm(&mut self) -> Result<(), Error> {
        if !self.alarm.is_on() && self.peers.iter().any(Peer::holds_back) {
            self.alarm.set(self.delay)
        } else {
            Ok(())
        }
    }

    /// Drops those that hung up, broke the rules or never said a word.
    pub(super) fn dismiss(&mut self) {
        self.peers.retain(|peer| match peer.service {
            Service::Over => false,
            Service::Waiting(since) => since.elapsed() < PATIENCE,
            _ => true,
        });
    }

    /// Who is connected, and what each gets.
    pub fn peers(&self) -> impl Iterator<Item = (PeerCred, Access)> {
        self.peers.iter().map(|peer| (peer.cred, peer.access))
    }
}

/// Tells everybody of a ring that came in place of others.
pub(super) fn announce(peers: &mut [Peer], new: &Ring, gone: &[RingId]) {
    for peer in peers {
        match &mut peer.service {
            Service::Mapped(_) => {
                let rings = Message::Rings(vec![new.named()]).encode();
                let mut sent = send(peer.socket.as_fd(), &rings, &[new.event.as_fd()]);
                for ring in gone {
                    if sent == Sent::Yes {
                        sent = send(peer.socket.as_fd(), &Message::Gone(*ring).encode(), &[]);
                    }
                }
                if sent != Sent::Yes {
                    peer.service = Service::Over;
                }
            }
            Service::Stream { rings, .. } => {
                if rings
                    .add(new.named(), new.reader.share().into(), None, &Start::Oldest)
                    .is_err()
                    || send(
                        peer.socket.as_fd(),
                        &Message::Rings(vec![new.named()]).encode(),
                        &[],
                    ) != Sent::Yes
                {
                    peer.service = Service::Over;
                    continue;
                }
                gone.iter().for_each(|ring| rings.remove(*ring));
            }
            Service::Waiting(_) | Service::Over => {}
        }
    }
}

impl Peer {
    const fn waiting(&self) -> bool {
        matches!(self.service, Service::Waiting(_))
    }

    fn begin(
        &mut self,
        terms: &Terms,
        rings: &[Ring],
        (stream, delay): (bool, Duration),
        start: &Start,
    ) {
        if self.access == Access::Deny {
            // Only now: a socket that is closed with something unread in it takes back what was sent.
            send(
                self.socket.as_fd(),
                &Message::Denied { uid: self.cred.uid }.encode(),
                &[],
            );
            self.service = Service::Over;
            return;
        }
        let descriptors = self.access == Access::Descriptors && !stream;
        let copy = (!descriptors).then_some(delay);
        self.service = match self.introduce(terms, rings, copy, start) {
            Ok(Some(service)) => service,
            Ok(None) | Err(_) => Service::Over,
        };
    }

    /// Sends the terms and the rings, or for a copy of the stream, with this delay, their names. `None` when the client
    /// does not take them.
    fn introduce(
        &self,
        terms: &Terms,
        rings: &[Ring],
        copy: Option<Duration>,
        start: &Start,
    ) -> Result<Option<Service>, Error> {
        let to = self.socket.as_fd();
        let said = Message::Terms(Box::new(Terms {
            descriptors: copy.is_none(),
            ..terms.clone()
        }))
        .encode();
        let ready = Message::Ready.encode();
        if let Some(delay) = copy {
            let mut copy = Rings::new(&terms.attr, terms.boot)?;
            copy.set_delay(delay);
            for ring in rings {
                copy.add(ring.named(), ring.reader.share().into(), None, start)?;
            }
            let mut sent = send(to, &said, &[]) == Sent::Yes;
            for some in rings.chunks(RINGS_PER_MESSAGE) {
                let names = Message::Rings(some.iter().map(Ring::named).collect()).encode();
                sent = sent && send(to, &names, &[]) == Sent::Yes;
            }
            sent = sent && send(to, &ready, &[]) == Sent::Yes;
            return Ok(sent.then(|| Service::Stream {
                rings: Box::new(copy),
                packet: Vec::new(),
                unsent: false,
            }));
        }
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map_err(Error::nix("making an eventfd"))?;
        let mut sent = send(to, &said, &[wake.as_fd()]) == Sent::Yes;
        for some in rings.chunks(RINGS_PER_MESSAGE) {
            let ids = Message::Rings(some.iter().map(Ring::named).collect()).encode();
            let fds: Vec<_> = some.iter().map(|r| r.event.as_fd()).collect();
            sent = sent && send(to, &ids, &fds) == Sent::Yes;
        }
        sent = sent && send(to, &ready, &[]) == Sent::Yes;
        Ok(sent.then_some(Service::Mapped(wake)))
    }

    /// Sends a client of the stream as much as it takes. What it does not take stays in the rings, where it is
    /// overwritten in the end: then it is counted.
    fn pump(&mut self) {
        let Service::Stream {
            rings,
            packet,
            unsent,
        } = &mut self.service
        else {
            return;
        };
        for _ in 0..PORTION {
            if !*unsent {
                if rings.exhausted() && !rings.read() {
                    return;
                }
                let Some(item) = rings.next() else { continue };
                encode_item(&item, packet);
                *unsent = true;
            }
            match send(self.socket.as_fd(), packet, &[]) {
                Sent::Yes => *unsent = false,
                Sent::Full => return,
                Sent::Closed => {
                    self.service = Service::Over;
                    return;
                }
            }
        }
    }

    /// Whether records are held back for it, which nobody will wake the keeper for.
    fn holds_back(&self) -> bool {
        matches!(&self.service, Service::Stream { rings, .. } if rings.holds_back())
    }

    /// Asks to be called when there is room, while there is something to send.
    fn want_room(&mut self, epoll: &nix::sys::epoll::Epoll) {
        let Service::Stream { rings, unsent, .. } = &self.service else {
            return;
        };
        let more = *unsent || !rings.exhausted();
        let events = if more {
            EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT
        } else {
            EpollFlags::EPOLLIN
        };
        if epoll
            .modify(&self.socket, &mut EpollEvent::new(events, self.token))
            .is_err()
        {
            self.service = Service::Over;
        }
    }
}
