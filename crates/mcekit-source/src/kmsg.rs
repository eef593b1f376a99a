//! The kernel's log, from /dev/kmsg.

pub(crate) mod line;
mod pool;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::libc;
use nix::sys::epoll::EpollFlags;

pub use self::pool::McePool;
use crate::lines::{Item, Lines, MARGIN, Place};
use crate::wait::{Group, Silence};
use crate::{
    Caps, Channel, Cursor, Error, Event, Guarantees, Keeps, Loss, LossKnown, Lost, Observed,
    Result, Seek, Source, own,
};

/// What the kernel's log guarantees.
pub(crate) const CAPS: Caps = Caps {
    guarantees: Guarantees::FROM_BOOT
        .union(Guarantees::WITHOUT_READER)
        .union(Guarantees::SURVIVES_EXIT)
        .union(Guarantees::MANY_READERS)
        .union(Guarantees::WAKES_ALL)
        .union(Guarantees::REPEATS),
    keeps: Keeps::Newest,
    loss: LossKnown::Flag,
};

/// Longer than any record of the device (`PRINTK_MESSAGE_MAX`, formerly `CONSOLE_EXT_LOG_MAX`: 8 KiB).
const ROOM: usize = 16 << 10;

/// Machine checks that the kernel prints: `/dev/kmsg`, from its oldest line on.
///
/// An error stands on several lines, and may be printed twice (raw, and decoded by EDAC): it comes out when the log has
/// gone on for long enough, or was silent for half a second.
///
/// Only what the kernel itself prints counts. Everyone who may write to the device can put lines into the log that look
/// like a machine check, but not as the kernel (facility 0); and names that devices gave themselves are printed with the
/// device they are of. Lines of both kinds are passed over, and [`Kmsg::untrusted`] counts them.
///
/// Lines that were overwritten before they were read are a loss of unknown size: nobody knows how many of them were
/// machine checks. The reason says how many lines. Those before the first that is still there are among them: the kernel
/// numbers its lines from 0.
#[derive(Debug)]
pub struct Kmsg<R = File> {
    log: R,
    path: PathBuf,
    name: String,
    boot: String,
    group: Group,
    silence: Silence,
    buffer: Vec<u8>,
    lines: Lines<u64>,
    /// The number that the next line must have.
    expected: Option<u64>,
    /// Lines before this one were read by an earlier process.
    skip_before: u64,
    /// Whether the last line was one of the kernel's, so that a fragment belongs to it.
    ours: bool,
    /// Within the list of errors of the previous boot.
    bert: bool,
    untrusted: u64,
}

impl Kmsg {
    /// Opens `/dev/kmsg`.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] without the device; [`Error::Io`] without the right (`CAP_SYSLOG` where
    /// `kernel.dmesg_restrict` is 1).
    pub fn open() -> Result<Self> {
        Self::open_at(Path::new("/dev/kmsg"))
    }

    /// Opens the device at another path.
    ///
    /// # Errors
    ///
    /// As [`Kmsg::open`].
    pub fn open_at(path: &Path) -> Result<Self> {
        let kmsg = Self::from_reader(open(path)?, path, &own::boot_id(Path::new(own::BOOT_ID))?)?;
        Ok(kmsg.from_its_begin())
    }
}

/// Opens the device to be read without waiting.
fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)
        .map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::Missing {
                what: format!("no {}", path.display()),
                how: "a kernel with CONFIG_PRINTK, and /dev mounted".into(),
            },
            _ => Error::io(path, source),
        })
}

impl<R: Read + AsFd> Kmsg<R> {
    /// Reads a log that someone else opened, and that does not block: each read gives one record, as those of
    /// `/dev/kmsg`. The path is its name, and the boot id says when cursors are of another boot.
    ///
    /// # Errors
    ///
    /// [`Error::System`] where no descriptor can be made.
    pub fn from_reader(log: R, path: &Path, boot_id: &str) -> Result<Self> {
        let group = Group::new()?;
        group.add(log.as_fd(), EpollFlags::EPOLLIN, 0)?;
        Ok(Self {
            log,
            path: path.to_owned(),
            name: path.display().to_string(),
            boot: boot_id.to_owned(),
            silence: Silence::new(&group, 1)?,
            group,
            buffer: vec![0; ROOM],
            lines: Lines::new(),
            expected: None,
            skip_before: 0,
            ours: false,
            bert: false,
            untrusted: 0,
        })
    }

    /// For how long the log must be silent before an error that another line could still belong to is complete.
    #[must_use]
    pub fn settle(mut self, time: Duration) -> Self {
        self.silence.settle = time;
        self
    }

    /// The reader has the log from its oldest line on: lines that are missing before that are a loss.
    #[must_use]
    pub const fn from_its_begin(mut self) -> Self {
        self.expected = Some(0);
        self
    }

    /// How many lines were passed over because the kernel did not say them itself.
    pub const fn untrusted(&self) -> u64 {
        self.untrusted
    }

    /// Reads one record of the device. False: there is none now.
    fn read(&mut self) -> Result<bool> {
        let got = match self.log.read(&mut self.buffer) {
            Ok(0) => return Ok(false),
            Ok(got) => got,
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::WouldBlock => Ok(false),
                    io::ErrorKind::Interrupted => Ok(true),
                    // The next line was overwritten; the one that follows tells by its number how many were.
                    io::ErrorKind::BrokenPipe => Ok(true),
                    _ => Err(Error::io(&self.path, error)),
                };
            }
        };
        let record = self.buffer.get(..got).unwrap_or_default();
        let Some(line) = line::parse(record) else {
            return Err(Error::Damaged {
                path: self.path.clone(),
                what: format!("a record that is none, behind line {:?}", self.expected),
            });
        };
        self.silence.broken();
        if let Some(expected) = self.expected
            && line.sequence > expected
        {
            let lost = Lost {
                channel: Channel::Kmsg,
                loss: Loss::Unknown,
                why: format!(
                    "{} lines of the kernel's log were overwritten before they were read",
                    line.sequence - expected
                ),
            };
            self.lines.lost(expected, lost);
            (self.ours, self.bert) = (false, false);
        }
        self.expected = Some(line.sequence.saturating_add(1));
        if line.sequence.saturating_add(MARGIN) < self.skip_before {
            return Ok(true);
        }
        if !line.trusted {
            self.untrusted += 1;
            self.ours = false;
            return Ok(true);
        }
        if line.fragment && self.ours {
            self.lines.fragment(&line.text);
            return Ok(true);
        }
        self.bert = line::announces_bert(&line.text) || self.bert && line::of_hardware(&line.text);
        self.lines.line(line.sequence, &line.text, self.bert);
        self.ours = true;
        Ok(true)
    }
}

impl<R: Read + AsFd> Source for Kmsg<R> {
    fn channel(&self) -> Channel {
        Channel::Kmsg
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn caps(&self) -> Caps {
        CAPS
    }

    fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(item) = self.lines.take() {
                return Ok(Some(event(item, Channel::Kmsg)));
            }
            if !self.read()? {
                if self.silence.goes_on(self.lines.is_open())? {
                    self.ours = false;
                    self.lines.flush();
                }
                let item = self.lines.take();
                return Ok(item.map(|item| event(item, Channel::Kmsg)));
            }
        }
    }

    fn cursor(&self) -> Option<Cursor> {
        let Place { from, after } = self.lines.place();
        let from = from.or(self.expected)?.max(self.skip_before);
        let position = match after {
            Some((line, at)) if line >= from => format!("{from}.{line}.{at}"),
            _ => from.to_string(),
        };
        Some(own::cursor(
            Channel::Kmsg,
            &self.name,
            &self.boot,
            &position,
        ))
    }

    fn seek(&mut self, cursor: &Cursor) -> Result<Seek> {
        own::check(cursor, Channel::Kmsg, &self.name)?;
        let place = position(cursor).ok_or_else(|| own::bad_position(cursor))?;
        if cursor.epoch() != self.boot {
            return Ok(Seek::NewEpoch);
        }
        let from = place.from.unwrap_or(0);
        self.skip_before = from;
        self.lines.resume(place);
        // The first line that is there tells whether all of them are.
        self.expected = None;
        while self.expected.is_none() && self.read()? {}
        match self.expected.and_then(|next| next.checked_sub(1)) {
            Some(first) if first > from => Ok(Seek::Lapped(Loss::Unknown)),
            _ => Ok(Seek::Resumed),
        }
    }

    fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        own::check(cursor, Channel::Kmsg, &self.name)
    }
}

impl<R> AsFd for Kmsg<R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.group.as_fd()
    }
}

/// The place that a cursor names: the first line that is needed, and the last record that was handed out.
fn position(cursor: &Cursor) -> Option<Place<u64>> {
    let parts: Vec<&str> = cursor.position().splitn(4, '.').collect();
    match parts[..] {
        [from] => Some(Place {
            from: Some(own::decimal(from)?),
            after: None,
        }),
        [from, line, at] => Some(Place {
            from: Some(own::decimal(from)?),
            after: Some((own::decimal(line)?, own::decimal(at)?)),
        }),
        _ => None,
    }
}

/// What a log says, as an event of this channel.
pub(crate) fn event(item: Item, channel: Channel) -> Event {
    match item {
        Item::Lost(lost) => Event::Lost(lost),
        Item::Record(record, earlier_boot) => Event::Record(Observed {
            record,
            channel,
            earlier_boot,
        }),
    }
}
