//! Packets with descriptors over a Unix socket.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType,
    UnixAddr, bind, connect, getsockopt, listen, recvmsg, sendmsg, socket, sockopt,
};

use crate::keeper::wire::{LONGEST, RINGS_PER_MESSAGE};
use crate::{Error, sys};

/// Who is at the other end, as the kernel saw it when the connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerCred {
    /// Process id, in our pid namespace; 0 when it is not visible there.
    pub pid: i32,
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
}

fn packets() -> Result<OwnedFd, Error> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)
        .map_err(Error::nix("making a socket"))
}

/// Binds and listens. A socket that nobody listens on any more is replaced.
pub(crate) fn listen_at(path: &Path) -> Result<OwnedFd, Error> {
    let address = UnixAddr::new(path).map_err(Error::nix("the socket's path"))?;
    let fd = packets()?;
    match bind(fd.as_raw_fd(), &address) {
        Err(Errno::EADDRINUSE) => {
            if !matches!(
                connect(packets()?.as_raw_fd(), &address),
                Err(Errno::ECONNREFUSED)
            ) {
                return Err(Error::nix("binding the socket")(Errno::EADDRINUSE));
            }
            std::fs::remove_file(path).map_err(Error::io("removing the old socket"))?;
            bind(fd.as_raw_fd(), &address).map_err(Error::nix("binding the socket"))?;
        }
        other => other.map_err(Error::nix("binding the socket"))?,
    }
    listen(&fd, Backlog::new(64).unwrap_or(Backlog::MAXCONN)).map_err(Error::nix("listening"))?;
    Ok(fd)
}

pub(crate) fn connect_to(path: &Path) -> Result<OwnedFd, Error> {
    let address = UnixAddr::new(path).map_err(Error::nix("the socket's path"))?;
    let fd = packets()?;
    connect(fd.as_raw_fd(), &address).map_err(Error::nix("connecting to the keeper"))?;
    Ok(fd)
}

/// The next connection, if there is one.
pub(crate) fn accept(listener: BorrowedFd<'_>) -> Result<Option<OwnedFd>, Error> {
    match nix::sys::socket::accept4(
        listener.as_raw_fd(),
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
    ) {
        Ok(fd) => Ok(Some(sys::adopt(fd))),
        // A client that gave up, or no descriptor left: the next turn tries again.
        Err(Errno::EAGAIN | Errno::ECONNABORTED | Errno::EINTR | Errno::EMFILE | Errno::ENFILE) => {
            Ok(None)
        }
        Err(e) => Err(Error::nix("accepting a client")(e)),
    }
}

pub(crate) fn peer(fd: BorrowedFd<'_>) -> Result<PeerCred, Error> {
    let cred = getsockopt(&fd, sockopt::PeerCredentials)
        .map_err(Error::nix("asking who the client is"))?;
    Ok(PeerCred {
        pid: cred.pid(),
        uid: cred.uid(),
        gid: cred.gid(),
    })
}

/// How a sending ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Yes,
    /// The other end does not read.
    Full,
    /// There is no other end.
    Closed,
}

/// Sends a packet, never waiting.
pub(crate) fn send(fd: BorrowedFd<'_>, packet: &[u8], fds: &[BorrowedFd<'_>]) -> Sent {
    let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control = if raw.is_empty() { &[][..] } else { &rights };
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    loop {
        return match sendmsg::<UnixAddr>(
            fd.as_raw_fd(),
            &[IoSlice::new(packet)],
            control,
            flags,
            None,
        ) {
            Ok(_) => Sent::Yes,
            Err(Errno::EINTR) => continue,
            Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM) => Sent::Full,
            Err(_) => Sent::Closed,
        };
    }
}

/// What came.
#[derive(Debug)]
pub(crate) enum Received {
    /// A packet, see [`Inbox::packet`], and its descriptors.
    Packet(Vec<OwnedFd>),
    Nothing,
    Closed,
}

/// Receives packets into a buffer that is kept.
#[derive(Debug)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    len: usize,
    control: Vec<u8>,
}

impl Inbox {
    /// For packets up to the longest of the protocol; `fds` is whether descriptors are accepted at all.
    pub(crate) fn new(fds: bool) -> Self {
        let control = if fds {
            nix::cmsg_space!([RawFd; RINGS_PER_MESSAGE])
        } else {
            Vec::new()
        };
        Inbox {
            bytes: vec![0; LONGEST + 1],
            len: 0,
            control,
        }
    }

    /// The packet that was received last.
    pub(crate) fn packet(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The next packet, if there is one. One that is cut is an error, and its descriptors are closed.
    pub(crate) fn receive(&mut self, fd: BorrowedFd<'_>) -> Result<Received, Error> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
        let mut fds = Vec::new();
        let n;
        {
            let mut parts = [IoSliceMut::new(&mut self.bytes)];
            let space = (!self.control.is_empty()).then_some(self.control.as_mut_slice());
            let got = match recvmsg::<UnixAddr>(fd.as_raw_fd(), &mut parts, space, flags) {
                Ok(got) => got,
                Err(Errno::EAGAIN | Errno::EINTR) => return Ok(Received::Nothing),
                Err(Errno::ECONNRESET | Errno::ENOTCONN | Errno::EPIPE) => {
                    return Ok(Received::Closed);
                }
                Err(e) => return Err(Error::nix("receiving")(e)),
            };
            n = got.bytes;
            let cut = got.flags.contains(MsgFlags::MSG_TRUNC);
            if let Ok(messages) = got.cmsgs() {
                for message in messages {
                    if let ControlMessageOwned::ScmRights(raw) = message {
                        fds.extend(raw.into_iter().map(sys::adopt));
                    }
                }
            }
            if cut {
                return Err(Error::Message {
                    what: "it is too long",
                });
            }
        }
        if n == 0 {
            return Ok(Received::Closed);
        }
        self.len = n;
        Ok(Received::Packet(fds))
    }
}

/// The packets of a connection wait behind one of these.
pub(crate) fn watch(
    epoll: &nix::sys::epoll::Epoll,
    fd: impl AsFd,
    events: nix::sys::epoll::EpollFlags,
    token: u64,
) -> Result<(), Error> {
    epoll
        .add(fd, nix::sys::epoll::EpollEvent::new(events, token))
        .map_err(Error::nix("epoll_ctl"))
}
