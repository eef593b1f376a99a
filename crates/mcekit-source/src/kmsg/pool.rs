//! What the kernel lost before any channel had it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use super::{ROOM, line};
use crate::wait::Group;
use crate::{
    Caps, Channel, Cursor, Error, Event, Guarantees, Keeps, Loss, LossKnown, Lost, Result, Seek,
    Source, own,
};

/// The kernel says so where it has no room for a machine check (arch/x86/kernel/cpu/mce/genpool.c).
const FULL: &[u8] = b"MCE records pool full!";

/// Of how many such lines it left out (lib/ratelimit.c names the function).
const SUPPRESSED: (&[u8], &[u8]) = (b"mce_gen_pool_add: ", b" callbacks suppressed");

/// Machine checks that found no room in the kernel's own pool, in front of all channels: only its log tells of them.
///
/// This reads `/dev/kmsg` beside whatever gives the records, has no records itself, and gives nothing but [`Event::Lost`]. A line
/// of the log wakes nobody: look now and then.
///
/// The kernel says at most ten times in five seconds that the pool is full, and how often it did not say so only when it does
/// again: so the number is a lower bound. Lines that were overwritten between two looks are not told.
#[derive(Debug)]
pub struct McePool<R = File> {
    log: R,
    path: PathBuf,
    boot: String,
    /// Never readable.
    group: Group,
    buffer: Vec<u8>,
    /// The number behind the last line that was read.
    next: u64,
    /// Lines before this one were read by an earlier process.
    skip_before: u64,
}

impl McePool {
    /// Opens `/dev/kmsg`.
    ///
    /// # Errors
    ///
    /// As [`Kmsg::open`](crate::Kmsg::open).
    pub fn open() -> Result<Self> {
        Self::open_at(Path::new("/dev/kmsg"))
    }

    /// Opens the device at another path.
    ///
    /// # Errors
    ///
    /// As [`Kmsg::open`](crate::Kmsg::open).
    pub fn open_at(path: &Path) -> Result<Self> {
        Self::from_reader(
            super::open(path)?,
            path,
            &own::boot_id(Path::new(own::BOOT_ID))?,
        )
    }
}

impl<R: Read> McePool<R> {
    /// Reads a log that someone else opened, as [`Kmsg::from_reader`](crate::Kmsg::from_reader).
    ///
    /// # Errors
    ///
    /// [`Error::System`] where no descriptor can be made.
    pub fn from_reader(log: R, path: &Path, boot_id: &str) -> Result<Self> {
        Ok(Self {
            log,
            path: path.to_owned(),
            boot: boot_id.to_owned(),
            group: Group::new()?,
            buffer: vec![0; ROOM],
            next: 0,
            skip_before: 0,
        })
    }

    /// Reads one record of the device. `None`: there is none now.
    fn read(&mut self) -> Result<Option<u64>> {
        let got = match self.log.read(&mut self.buffer) {
            Ok(0) => return Ok(None),
            Ok(got) => got,
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::WouldBlock => Ok(None),
                    // The next line was overwritten.
                    io::ErrorKind::Interrupted | io::ErrorKind::BrokenPipe => Ok(Some(0)),
                    _ => Err(Error::io(&self.path, error)),
                };
            }
        };
        let record = self.buffer.get(..got).unwrap_or_default();
        let Some(line) = line::parse(record) else {
            return Ok(Some(0));
        };
        self.next = line.sequence.saturating_add(1);
        let new = line.trusted && line.sequence >= self.skip_before;
        Ok(Some(if new { lost(&line.text) } else { 0 }))
    }
}

/// How many machine checks a line says are lost.
fn lost(text: &[u8]) -> u64 {
    if text.ends_with(FULL) {
        return 1;
    }
    let (before, after) = SUPPRESSED;
    text.strip_prefix(before)
        .and_then(|text| text.strip_suffix(after))
        .and_then(|number| own::decimal(std::str::from_utf8(number).ok()?))
        .unwrap_or(0)
}

impl<R: Read> Source for McePool<R> {
    fn channel(&self) -> Channel {
        Channel::Kmsg
    }

    fn name(&self) -> &str {
        "mce-pool"
    }

    fn caps(&self) -> Caps {
        Caps {
            guarantees: Guarantees::WITHOUT_READER
                | Guarantees::SURVIVES_EXIT
                | Guarantees::MANY_READERS,
            keeps: Keeps::Newest,
            loss: LossKnown::Unknown,
        }
    }

    /// What all the lines together say that came since the last time.
    fn next(&mut self) -> Result<Option<Event>> {
        let mut sum: u64 = 0;
        while let Some(lost) = self.read()? {
            sum = sum.saturating_add(lost);
        }
        Ok((sum > 0).then(|| {
            Event::Lost(Lost {
                channel: Channel::Kmsg,
                loss: Loss::AtLeast(sum),
                why: "the kernel's own pool of machine checks was full (\"MCE records pool full!\"): no channel has them".into(),
            })
        }))
    }

    fn cursor(&self) -> Option<Cursor> {
        let position = self.next.max(self.skip_before).to_string();
        Some(own::cursor(
            Channel::Kmsg,
            self.name(),
            &self.boot,
            &position,
        ))
    }

    fn seek(&mut self, cursor: &Cursor) -> Result<Seek> {
        own::check(cursor, Channel::Kmsg, self.name())?;
        let next = own::decimal(cursor.position()).ok_or_else(|| own::bad_position(cursor))?;
        if cursor.epoch() != self.boot {
            return Ok(Seek::NewEpoch);
        }
        self.skip_before = next;
        Ok(Seek::Resumed)
    }

    fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        own::check(cursor, Channel::Kmsg, self.name())
    }
}

impl<R> AsFd for McePool<R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.group.as_fd()
    }
}
