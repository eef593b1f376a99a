//! Reading what a keeper shares.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use crate::alarm::Alarm;
use crate::cursor::{Cursor, Start};
use crate::follow::{Rings, Shared};
use crate::keeper::socket::{Inbox, Received, Sent, connect_to, send, watch};
use crate::keeper::wire::{Message, NewRing, RingId, Terms, decode_item};
use crate::sleep::sleep;
use crate::{Error, Event, Layout, sys};

const SOCKET: u64 = 0;
const WAKE: u64 = 1;
const RING: u64 = 2;
const ALARM: u64 = 3;

/// How long a keeper may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often rings are looked at that nobody wakes us for.
const LOOK: Duration = Duration::from_millis(100);

/// Where records come from.
#[derive(Debug)]
enum Channel {
    /// The rings themselves, mapped read-only. The events are held so that they go on without the keeper.
    Mapped {
        rings: Box<Rings>,
        events: Vec<(RingId, Event)>,
        wake: OwnedFd,
    },
    /// A copy, packet by packet: each is lent out of the inbox. `waiting` is whether the one there was not yet handed out.
    Stream { waiting: bool, read: Cursor },
}

/// A connection to a [`Keeper`](crate::Keeper): reads everything from where it wants to start, with exact loss.
#[derive(Debug)]
pub struct Client {
    terms: Terms,
    layout: Layout,
    start: Start,
    socket: Option<OwnedFd>,
    inbox: Inbox,
    channel: Channel,
    epoll: Epoll,
    alarm: Alarm,
    told_gone: bool,
}

impl Client {
    /// Connects, and reads by mapping the rings where the keeper allows that, else from a copy of the stream.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`]; [`Error::Io`] when nobody listens or answers; [`Error::Version`] and [`Error::Message`] when
    /// it is no keeper; [`Error::Map`].
    pub fn connect(path: &Path, start: Start) -> Result<Self, Error> {
        Self::connect_with(connect_to(path)?, start, false)
    }

    /// Connects, and reads from a copy of the stream even where the rings could be mapped.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`].
    pub fn connect_to_stream(path: &Path, start: Start) -> Result<Self, Error> {
        Self::connect_with(connect_to(path)?, start, true)
    }

    fn connect_with(socket: OwnedFd, start: Start, stream: bool) -> Result<Self, Error> {
        let hello = Message::Hello {
            stream,
            start: start.clone(),
        }
        .encode();
        if send(socket.as_fd(), &hello, &[]) != Sent::Yes {
            return Err(Error::Message {
                what: "the keeper does not listen",
            });
        }
        let epoll =
            Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(Error::nix("epoll_create"))?;
        watch(&epoll, &socket, EpollFlags::EPOLLIN, SOCKET)?;
        let mut inbox = Inbox::new(true);
        let deadline = Instant::now() + PATIENCE;
        let (message, fds) = next_message(&mut inbox, &socket, &epoll, deadline)?;
        let terms = match message {
            Message::Terms(terms) => *terms,
            Message::Denied { uid } => return Err(Error::Denied { uid }),
            _ => {
                return Err(Error::Message {
                    what: "the keeper did not begin with its terms",
                });
            }
        };
        if terms.page_size as usize != sys::page_size() {
            return Err(Error::Message {
                what: "the keeper's pages have another size",
            });
        }
        let layout = Layout::of(&terms.attr)?;
        let channel = if terms.descriptors {
            let Some(wake) = fds.into_iter().next() else {
                return Err(Error::Message {
                    what: "its wake-up descriptor is missing",
                });
            };
            watch(&epoll, &wake, EpollFlags::EPOLLIN, WAKE)?;
            Channel::Mapped {
                rings: Box::new(Rings::new(&terms.attr, terms.boot)?),
                events: Vec::new(),
                wake,
            }
        } else {
            let read = match &start {
                Start::After(cursor) if cursor.boot == terms.boot => cursor.clone(),
                _ => Cursor {
                    boot: terms.boot,
                    ..Cursor::default()
                },
            };
            Channel::Stream {
                waiting: false,
                read,
            }
        };
        let socket = Some(socket);
        let alarm = Alarm::new(&epoll, ALARM)?;
        let mut client = Client {
            terms,
            layout,
            start,
            socket,
            inbox,
            channel,
            epoll,
            alarm,
            told_gone: false,
        };
        while let Some(socket) = &client.socket {
            match next_message(&mut client.inbox, socket, &client.epoll, deadline)? {
                (Message::Ready, _) => break,
                (message, fds) => client.take(message, fds)?,
            }
        }
        // Whatever appears later is read from its beginning.
        client.start = Start::Oldest;
        Ok(client)
    }

    /// What the keeper said of its events: name, attr, format text.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// How the records are laid out.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How long a record is held back so that earlier ones of other CPUs can overtake it; 1 ms by default.
    ///
    /// Of a copy of the stream, that is for the keeper to say: [`Keeper::delay`](crate::Keeper::delay).
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        if let Channel::Mapped { rings, .. } = &mut self.channel {
            rings.set_delay(delay);
        }
        self
    }

    /// Whether the keeper has ended.
    #[must_use]
    pub const fn orphaned(&self) -> bool {
        self.socket.is_none()
    }

    fn take(&mut self, message: Message, fds: Vec<OwnedFd>) -> Result<(), Error> {
        match (message, &mut self.channel) {
            (Message::Rings(ids), Channel::Mapped { rings, events, .. }) => {
                if ids.len() != fds.len() {
                    return Err(Error::Message {
                        what: "rings and descriptors are not as many",
                    });
                }
                for (new, fd) in ids.into_iter().zip(fds) {
                    let event = Event::from_fd(fd, self.terms.attr);
                    let reader = event.map_backward(self.terms.pages as usize)?;
                    rings.add(new, reader.into(), None, &self.start)?;
                    events.push((new.ring, event));
                }
            }
            (Message::Rings(ids), Channel::Stream { read, .. }) => {
                for NewRing { ring, base } in ids {
                    read.read.entry((ring.cpu, ring.id)).or_insert(base);
                }
            }
            (Message::Gone(ring), Channel::Mapped { rings, events, .. }) => {
                rings.remove(ring);
                events.retain(|(other, _)| *other != ring);
            }
            (Message::Gone(_), Channel::Stream { .. }) => {}
            _ => {
                return Err(Error::Message {
                    what: "it does not belong here",
                });
            }
        }
        Ok(())
    }

    /// Reads what the keeper sends. Of a stream one packet is enough: the rest waits in the socket.
    fn hear(&mut self) -> Result<(), Error> {
        while let Some(socket) = &self.socket {
            if matches!(self.channel, Channel::Stream { waiting: true, .. }) {
                return Ok(());
            }
            match self.inbox.receive(socket.as_fd())? {
                Received::Nothing => return Ok(()),
                Received::Closed => self.orphan()?,
                Received::Packet(fds) => match &mut self.channel {
                    Channel::Stream { waiting, .. }
                        if decode_item(self.inbox.packet())?.is_some() =>
                    {
                        *waiting = true;
                    }
                    _ => self.take(Message::decode(self.inbox.packet())?, fds)?,
                },
            }
        }
        Ok(())
    }

    /// The keeper is gone: from now on the rings' own descriptors wake us, and a timer, since of several readers each
    /// wake-up reaches one.
    fn orphan(&mut self) -> Result<(), Error> {
        if let Some(socket) = self.socket.take() {
            self.epoll
                .delete(&socket)
                .map_err(Error::nix("epoll_ctl"))?;
        }
        if let Channel::Mapped { events, .. } = &self.channel {
            for (_, event) in events {
                watch(
                    &self.epoll,
                    event,
                    EpollFlags::EPOLLIN | EpollFlags::EPOLLET,
                    RING,
                )?;
            }
        }
        Ok(())
    }

    /// The next item; `None` when nothing is due now.
    ///
    /// # Errors
    ///
    /// [`Error::Message`] when the keeper sends what none would; the client is of no use then.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Result<Option<Shared<'_>>, Error> {
        self.hear()?;
        let gone = self.socket.is_none();
        match &mut self.channel {
            Channel::Mapped { rings, wake, .. } => {
                if rings.exhausted() {
                    self.alarm.clear()?;
                    // Before looking: what comes after the look wakes again.
                    drain_eventfd(wake);
                    if !rings.read() {
                        if rings.holds_back() {
                            self.alarm.set(rings.delay())?;
                        } else if gone && !self.told_gone {
                            self.told_gone = true;
                            return Ok(Some(Shared::KeeperGone));
                        }
                    }
                }
                Ok(rings.next())
            }
            Channel::Stream { waiting: false, .. } if gone && !self.told_gone => {
                self.told_gone = true;
                Ok(Some(Shared::KeeperGone))
            }
            Channel::Stream { waiting, read } => {
                if !std::mem::take(waiting) {
                    return Ok(None);
                }
                let item = decode_item(self.inbox.packet())?;
                if let Some(Shared::Record {
                    ring,
                    number: Some(number),
                    ..
                }) = item
                {
                    let place = read.read.entry((ring.cpu, ring.id)).or_default();
                    *place = number.max(*place);
                }
                Ok(item)
            }
        }
    }

    /// The next item with nothing held back; `None` when nothing is there: for the end. A keeper still sends the end of a
    /// copy of its stream in its own time.
    ///
    /// # Errors
    ///
    /// As [`Client::next`].
    pub fn flush(&mut self) -> Result<Option<Shared<'_>>, Error> {
        if let Channel::Mapped { rings, .. } = &mut self.channel
            && rings.exhausted()
        {
            rings.flush();
        }
        self.next()
    }

    /// Sleeps until there may be something to read, or the timeout is over; says which.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; as [`Client::next`].
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool, Error> {
        let deadline = timeout.map(|t| Instant::now() + t);
        loop {
            self.hear()?;
            let (waiting, held) = match &mut self.channel {
                Channel::Mapped { rings, .. } => {
                    (rings.read(), rings.holds_back().then(|| rings.delay()))
                }
                Channel::Stream { waiting, .. } => (*waiting, None),
            };
            if waiting || (self.orphaned() && !self.told_gone && held.is_none()) {
                return Ok(true);
            }
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(false);
            }
            let longest = if self.orphaned() {
                LOOK
            } else {
                Duration::from_secs(60)
            };
            let longest = held.map_or(longest, |delay| longest.min(delay));
            let nap = left.map_or(longest, |left| left.min(longest));
            sleep(&self.epoll, nap, &mut [EpollEvent::empty(); 8])?;
            self.alarm.clear()?;
            if let Channel::Mapped { wake, .. } = &self.channel {
                drain_eventfd(wake);
            }
        }
    }

    /// How far everything handed out so far reaches: store it, and begin [`Start::After`] it another time.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        match &self.channel {
            Channel::Mapped { rings, .. } => rings.cursor(),
            Channel::Stream { read, .. } => read.clone(),
        }
    }
}

impl AsFd for Client {
    /// Readable when the keeper woke us or sent something.
    ///
    /// After it has become readable, call [`Client::next`] until there is nothing. Once the keeper is gone, look every
    /// now and then as well: see [`Shared::KeeperGone`].
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

fn drain_eventfd(fd: &OwnedFd) {
    // Empty already, or taken by another copy of this process: either way there is nothing to do.
    let _ = nix::unistd::read(fd, &mut [0; 8]);
}

fn next_message(
    inbox: &mut Inbox,
    socket: &OwnedFd,
    epoll: &Epoll,
    deadline: Instant,
) -> Result<(Message, Vec<OwnedFd>), Error> {
    loop {
        match inbox.receive(socket.as_fd())? {
            Received::Packet(fds) => return Ok((Message::decode(inbox.packet())?, fds)),
            Received::Closed => {
                return Err(Error::Message {
                    what: "the keeper hung up",
                });
            }
            Received::Nothing => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    let source = std::io::ErrorKind::TimedOut.into();
                    return Err(Error::Io {
                        action: "waiting for the keeper",
                        source,
                    });
                }
                sleep(epoll, left, &mut [EpollEvent::empty(); 8])?;
            }
        }
    }
}
