//! Surviving a restart: descriptors that a service manager keeps while the keeper is away.
//!
//! The protocol is that of `sd_notify(3)` and `sd_listen_fds(3)`: a datagram `FDSTORE=1` with descriptors to
//! `$NOTIFY_SOCKET`; after the restart they are descriptors 3 and up, named in `$LISTEN_FDNAMES`. The unit needs
//! `FileDescriptorStoreMax=` of at least one more than twice the number of CPUs: with each event goes one that tells
//! whether both are still alive, or died with their CPU while the keeper was away.
//!
//! What is stored keeps the events alive, so they go on counting; a ring's contents live on only while some client has it
//! mapped. Otherwise the records that no client had read are lost, and the numbers of those that follow tell how many.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IoSlice, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, sendmsg, socket,
};

use super::Keeper;
use super::wire::{LONGEST, Message, Terms};
use crate::pulse::Pulse;
use crate::{Builder, Error, Event, sys};

/// The name of the stored description.
const TERMS: &str = "perf-ring-terms";
/// What the names of stored rings begin with; the CPU's number follows.
const RING: &str = "perf-ring-cpu";
/// And those of the events that tell whether they are alive.
const PULSE: &str = "perf-ring-pulse";

/// Descriptors that a service manager has handed to this process, by name.
#[derive(Debug, Default)]
pub struct Kept {
    /// Names and descriptors, in the order in which they came.
    pub fds: Vec<(String, OwnedFd)>,
}

impl Kept {
    /// Takes what `$LISTEN_FDS` says was handed over. Call it once, before the process opens anything: the descriptors
    /// are taken from number 3 up.
    #[must_use]
    pub fn from_env() -> Self {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
        if number("LISTEN_PID") != Some(std::process::id()) {
            return Self::default();
        }
        let n = number("LISTEN_FDS").unwrap_or(0).min(1 << 16);
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':').map(str::to_owned);
        let take = |i| {
            let fd = i32::try_from(i + 3).unwrap_or(i32::MAX);
            // One that is not open is none of ours; the flag keeps it from the programs that we run.
            nix::fcntl::fcntl(
                fd_ref(fd)?,
                nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC),
            )
            .ok()?;
            Some((names.next().unwrap_or_default(), sys::adopt(fd)))
        };
        Kept {
            fds: (0..n).filter_map(take).collect(),
        }
    }
}

/// A descriptor by number, if it is open.
fn fd_ref(fd: i32) -> Option<OpenFd> {
    Path::new("/proc/self/fd")
        .join(fd.to_string())
        .exists()
        .then_some(OpenFd(fd))
}

/// A number that was seen to be an open descriptor.
struct OpenFd(i32);

impl AsFd for OpenFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        sys::borrow(self.0)
    }
}

impl Keeper {
    /// Gives the events to the service manager at `$NOTIFY_SOCKET`. Says whether there is one.
    ///
    /// Call it once after opening. From then on, the event of a CPU that comes back takes the old one's place there.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it does not take them.
    pub fn store(&self) -> Result<bool, Error> {
        match std::env::var_os("NOTIFY_SOCKET") {
            None => Ok(false),
            Some(path) => self.store_at(Path::new(&path)).map(|()| true),
        }
    }

    /// The same with a given socket; one in the abstract namespace begins with `@`.
    ///
    /// # Errors
    ///
    /// As [`Keeper::store`].
    pub fn store_at(&self, notify: &Path) -> Result<(), Error> {
        let name = notify.as_os_str().as_encoded_bytes();
        let address = match name.split_first() {
            Some((b'@', rest)) => UnixAddr::new_abstract(rest),
            _ => UnixAddr::new(notify),
        };
        let address = address.map_err(Error::nix("the notification socket"))?;
        let fd = socket(
            AddressFamily::Unix,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC,
            None,
        )
        .map_err(Error::nix("making a socket"))?;
        let tell = |text: String, fds: &[BorrowedFd<'_>]| {
            let raw: Vec<_> = fds.iter().map(AsRawFd::as_raw_fd).collect();
            let rights = [ControlMessage::ScmRights(&raw)];
            let control = if raw.is_empty() { &[][..] } else { &rights };
            let parts = [IoSlice::new(text.as_bytes())];
            sendmsg(
                fd.as_raw_fd(),
                &parts,
                control,
                MsgFlags::MSG_NOSIGNAL,
                Some(&address),
            )
            .map(drop)
            .map_err(Error::nix("storing descriptors"))
        };
        // What is stored under these names is of this keeper, or older: it is replaced.
        tell(format!("FDSTOREREMOVE=1\nFDNAME={TERMS}"), &[])?;
        let io = Error::io("writing the description");
        let mut description = File::from(sys::memfd(c"perf-ring-terms").map_err(&io)?);
        description
            .write_all(&Message::Terms(Box::new(self.terms.clone())).encode())
            .map_err(&io)?;
        tell(format!("FDSTORE=1\nFDNAME={TERMS}"), &[description.as_fd()])?;
        for ring in self.rings.iter().filter(|ring| !ring.dead) {
            let cpu = ring.ring.cpu;
            for (name, fd) in [(RING, ring.event.as_fd()), (PULSE, ring.pulse.as_fd())] {
                tell(format!("FDSTOREREMOVE=1\nFDNAME={name}{cpu}"), &[])?;
                tell(format!("FDSTORE=1\nFDPOLL=0\nFDNAME={name}{cpu}"), &[fd])?;
            }
        }
        // The first is the only one.
        let _ = self.store.set(notify.to_owned());
        Ok(())
    }

    /// Goes on with events that were stored. `None` when nothing was; descriptors of other names stay in `kept`.
    ///
    /// CPUs that came while the keeper was away are opened; events of those that went are closed.
    ///
    /// # Errors
    ///
    /// [`Error::Message`] when the description is not one; those of [`Keeper::open`].
    pub fn restore(kept: &mut Kept) -> Result<Option<Self>, Error> {
        let Some(place) = kept.fds.iter().position(|(name, _)| name == TERMS) else {
            return Ok(None);
        };
        let (_, description) = kept.fds.remove(place);
        let terms = read_terms(description)?;
        let builder = Builder::from_attr(terms.attr);
        let mut keeper = Self::empty(
            Path::new("/sys"),
            builder,
            terms.pages as usize,
            &terms.name,
            &terms.format,
        )?;
        let (mut events, mut pulses) = (BTreeMap::new(), BTreeMap::new());
        for (name, fd) in std::mem::take(&mut kept.fds) {
            let cpu = |of: &str| -> Option<u32> { name.strip_prefix(of)?.parse().ok() };
            if let Some(cpu) = cpu(RING) {
                events.insert(cpu, fd);
            } else if let Some(cpu) = cpu(PULSE) {
                pulses.insert(cpu, fd);
            } else {
                kept.fds.push((name, fd));
            }
        }
        for (cpu, fd) in events {
            // Without its pulse, there is no telling whether it is alive: it is opened anew.
            if let Some(pulse) = pulses.remove(&cpu).map(Pulse::from_fd) {
                let event = Event::from_fd(fd, keeper.terms.attr);
                keeper.hold(cpu, event, pulse)?;
            }
        }
        // Once to see how far the pulses are, and once to see whether they go on.
        keeper.rescan()?;
        keeper.rescan()?;
        Ok(Some(keeper))
    }
}

fn read_terms(fd: OwnedFd) -> Result<Terms, Error> {
    let io = Error::io("reading the description");
    let mut file = File::from(fd);
    file.seek(SeekFrom::Start(0)).map_err(&io)?;
    let mut bytes = Vec::new();
    file.take(LONGEST as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(&io)?;
    match Message::decode(&bytes)? {
        Message::Terms(terms) => Ok(*terms),
        _ => Err(Error::Message {
            what: "the stored description is another message",
        }),
    }
}
