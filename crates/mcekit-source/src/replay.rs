//! Files, again.

mod decoder;
mod detect;
mod input;
#[cfg(feature = "json")]
mod json;
mod list;
mod pace;
mod pages;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Instant;

pub use pace::Pace;

use crate::wait::{Always, Timer};
use crate::{
    Caps, Channel, Cursor, Error, Event, Guarantees, Keeps, LossKnown, Observed, Result, Seek,
    Source, own,
};
use decoder::Decoder;
use input::{Bytes, Input};
use list::{Origin, Slot};
use pace::Pacer;
use pages::Pages;

/// What the inputs of a replay are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Kind {
    /// Whatever they turn out to be, each for itself.
    #[default]
    Auto,
    /// Text of any kind that `mcekit-logs` reads.
    Text,
    /// `struct mce`, one behind the other, each of so many bytes.
    Raw {
        /// Bytes of one: at least [`MIN_LEN`](mcekit::wire::MIN_LEN).
        len: usize,
    },
    /// Lines of JSON, with a record each.
    #[cfg(feature = "json")]
    Json,
}

/// Recorded errors as a source: for trying a program on a machine that has none, and for measuring it.
///
/// It reads every log that `mcekit-logs` reads, raw `struct mce` of every length, lines of JSON (feature `json`), and pages of a
/// trace ring (`trace_pipe_raw*` with `header_page` and `format` beside them). What a file is, it finds out. Of a directory all
/// files are read, by name, and those of the folders in it; where it has recorded pages, only these, because what lies beside
/// them is of the same errors.
///
/// Memory does not grow with the input. A cursor names a file by its name and first bytes, so that a log that grew is the
/// same file, and one that was rotated is found under its new name; files before it in the list count as read. To go on in structs,
/// pages and JSON it seeks to the place; a text is read again from its start, because the lines of a record can lie anywhere
/// before it.
#[derive(Debug)]
pub struct Replay {
    name: String,
    kind: Kind,
    slots: Vec<Slot>,
    /// The next one to be opened.
    next: usize,
    open: Option<Open>,
    /// What was decoded and is not due yet.
    held: Option<(Event, Place)>,
    /// Behind what was given.
    at: Option<(Identity, Place)>,
    pacer: Pacer,
    wake: Wake,
    ended: bool,
}

/// An input that is being read.
#[derive(Debug)]
struct Open {
    input: Input,
    decoder: Decoder,
    identity: Identity,
    path: PathBuf,
}

/// Which file: its name's hash, how many of its first bytes count, and their hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    name: u64,
    len: usize,
    head: u64,
}

/// A place in a file: a byte offset, and how many items behind it were given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    offset: u64,
    skip: u64,
}

#[derive(Debug)]
enum Wake {
    Always(Always),
    Timer(Timer),
}

impl Replay {
    /// Replays files, and the files of directories.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] for a path that is not there or a directory that cannot be read.
    pub fn open<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self> {
        let mut slots = Vec::new();
        let mut name = None;
        for path in paths {
            let path = path.as_ref();
            name.get_or_insert_with(|| path.display().to_string());
            list::add(path, &mut slots)?;
        }
        Self::of(name.unwrap_or_default(), slots)
    }

    /// Replays bytes.
    ///
    /// # Errors
    ///
    /// [`Error::System`] where no descriptor can be made.
    pub fn of_bytes(name: &str, bytes: impl Into<Vec<u8>>) -> Result<Self> {
        let origin = Origin::Memory(bytes.into());
        Self::of(name.into(), vec![Slot::new(name.into(), origin)])
    }

    /// Replays a stream, a pipe for example. [`Source::next`] waits where its read does.
    ///
    /// # Errors
    ///
    /// As [`Replay::of_bytes`].
    pub fn of_reader(name: &str, reader: impl Read + Send + 'static) -> Result<Self> {
        let origin = Origin::Stream(Box::new(reader));
        Self::of(name.into(), vec![Slot::new(name.into(), origin)])
    }

    /// Replays pages of a trace ring, with the kernel's `events/header_page` and the event's `format`.
    ///
    /// # Errors
    ///
    /// [`Error::Tracefs`] where one of the two is not what the kernel writes; as [`Replay::of_bytes`].
    pub fn of_pages(
        name: &str,
        pages: impl Into<Vec<u8>>,
        header_page: &[u8],
        format: &[u8],
    ) -> Result<Self> {
        let mut slot = Slot::new(name.into(), Origin::Memory(pages.into()));
        slot.pages = Some(Pages::new(header_page, format)?);
        Self::of(name.into(), vec![slot])
    }

    fn of(name: String, slots: Vec<Slot>) -> Result<Self> {
        Ok(Self {
            name,
            kind: Kind::Auto,
            slots,
            next: 0,
            open: None,
            held: None,
            at: None,
            pacer: Pacer::new(Pace::Fast),
            wake: Wake::Always(Always::new()?),
            ended: false,
        })
    }

    /// What the inputs are, where that is known. Recorded pages are pages all the same.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Goes at a pace. Only before the first [`Source::next`].
    ///
    /// # Errors
    ///
    /// [`Error::System`] where no timer can be made.
    pub fn paced(mut self, pace: Pace) -> Result<Self> {
        self.pacer = Pacer::new(pace);
        self.wake = if pace == Pace::Fast {
            Wake::Always(Always::new()?)
        } else {
            let timer = Timer::new()?;
            timer.after(std::time::Duration::ZERO)?;
            Wake::Timer(timer)
        };
        Ok(self)
    }

    /// The next event, due or not, and the place behind it.
    fn decode(&mut self) -> Result<Option<(Event, Place)>> {
        loop {
            if self.open.is_none() {
                if self.next >= self.slots.len() {
                    return Ok(None);
                }
                let slot = self.next;
                self.next += 1;
                self.start(slot, Place::default())?;
            }
            let Some(open) = &mut self.open else {
                continue;
            };
            match open.decoder.next(&mut open.input, &open.path) {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => self.open = None,
                Err(error) => {
                    if !matches!(error, Error::Damaged { .. }) {
                        // Trying again would give the same.
                        self.open = None;
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Opens an input at a place.
    fn start(&mut self, slot: usize, place: Place) -> Result<()> {
        let Some(slot) = self.slots.get_mut(slot) else {
            return Ok(());
        };
        let path = slot.path();
        let io = |source| Error::io(&path, source);
        let mut input = slot.open().map_err(io)?;
        let identity = identity(&slot.name, &mut input).map_err(io)?;
        let mut decoder = Decoder::new(self.kind, slot.pages.clone(), &mut input, &path)?;
        if decoder.go_to(&mut input, place, &path)? {
            self.open = Some(Open {
                input,
                decoder,
                identity,
                path,
            });
        }
        self.at = Some((identity, place));
        Ok(())
    }

    /// The input that a cursor is of, by name and contents, else by contents.
    fn find(&mut self, wanted: Identity, place: Place) -> Option<usize> {
        let named = |slot: &Slot| own::hash(&[slot.name.as_bytes()]) == wanted.name;
        let mut order: Vec<usize> = (0..self.slots.len()).collect();
        order.sort_by_key(|&index| !self.slots.get(index).is_some_and(named));
        order.into_iter().find(|&index| {
            let Some(slot) = self.slots.get_mut(index) else {
                return false;
            };
            // One that cannot be opened is none that can be gone on with.
            let Ok(mut input) = slot.open() else {
                return false;
            };
            let same = input
                .begins_with(wanted.len, wanted.head)
                .is_ok_and(|same| same)
                && input.len().is_none_or(|len| place.offset <= len);
            slot.put_back(input);
            same
        })
    }
}

impl Source for Replay {
    fn channel(&self) -> Channel {
        Channel::Replay
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn caps(&self) -> Caps {
        Caps {
            guarantees: Guarantees::FROM_BOOT
                | Guarantees::WITHOUT_READER
                | Guarantees::SURVIVES_EXIT
                | Guarantees::SURVIVES_REBOOT
                | Guarantees::SURVIVES_PANIC
                | Guarantees::MANY_READERS
                | Guarantees::REPEATS,
            keeps: Keeps::All,
            loss: LossKnown::None,
        }
    }

    fn next(&mut self) -> Result<Option<Event>> {
        if self.held.is_none() {
            self.held = self.decode()?;
        }
        let Some((event, _)) = &self.held else {
            self.ended = true;
            match &self.wake {
                Wake::Always(always) => always.stop(),
                Wake::Timer(timer) => timer.stop()?,
            }
            return Ok(None);
        };
        if let Wake::Timer(timer) = &self.wake {
            let time = match event {
                Event::Record(Observed { record, .. }) => record.time(),
                _ => None,
            };
            if let Some(left) = self.pacer.wait(time, Instant::now) {
                timer.after(left)?;
                return Ok(None);
            }
            self.pacer.gave();
        }
        Ok(self.held.take().map(|(event, place)| {
            if let Some(open) = &self.open {
                self.at = Some((open.identity, place));
            }
            event
        }))
    }

    fn cursor(&self) -> Option<Cursor> {
        let (Identity { name, len, head }, Place { offset, skip }) = self.at?;
        let epoch = format!("{name:016x}.{len}.{head:016x}");
        let position = format!("{offset}.{skip}");
        Some(own::cursor(Channel::Replay, &self.name, &epoch, &position))
    }

    fn seek(&mut self, cursor: &Cursor) -> Result<Seek> {
        own::check(cursor, Channel::Replay, &self.name)?;
        let bad = || own::bad_position(cursor);
        let wanted = parse_identity(cursor.epoch()).ok_or_else(bad)?;
        let place = parse_place(cursor.position()).ok_or_else(bad)?;
        let Some(slot) = self.find(wanted, place) else {
            return Ok(Seek::NewEpoch);
        };
        self.next = slot + 1;
        if let Err(error) = self.start(slot, place) {
            (self.next, self.open, self.at) = (0, None, None);
            return Err(error);
        }
        Ok(Seek::Resumed)
    }

    fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        own::check(cursor, Channel::Replay, &self.name)
    }

    fn ended(&self) -> bool {
        self.ended
    }
}

impl AsFd for Replay {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.wake {
            Wake::Always(always) => always.as_fd(),
            Wake::Timer(timer) => timer.as_fd(),
        }
    }
}

fn identity(name: &str, input: &mut Input) -> std::io::Result<Identity> {
    let (len, head) = input.head()?;
    Ok(Identity {
        name: own::hash(&[name.as_bytes()]),
        len,
        head,
    })
}

fn parse_identity(text: &str) -> Option<Identity> {
    let hash = |text: &str| {
        let plain = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        u64::from_str_radix(text, 16).ok().filter(|_| plain)
    };
    let (name, rest) = text.split_once('.')?;
    let (len, head) = rest.split_once('.')?;
    Some(Identity {
        name: hash(name)?,
        len: usize::try_from(own::decimal(len)?).ok()?,
        head: hash(head)?,
    })
}

fn parse_place(text: &str) -> Option<Place> {
    let (offset, skip) = text.split_once('.')?;
    Some(Place {
        offset: own::decimal(offset)?,
        skip: own::decimal(skip)?,
    })
}

/// Bytes of an input that was not opened yet.
fn bytes_of(path: &Path) -> std::io::Result<Bytes> {
    std::fs::File::open(path).map(Bytes::File)
}
