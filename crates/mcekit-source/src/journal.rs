//! The journal, in its export format.

mod export;
mod mark;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::epoll::EpollFlags;

use crate::kmsg::{event, line};
use crate::lines::Lines;
use crate::wait::{Always, Group, Silence};
use crate::{
    Caps, Channel, Cursor, Error, Event, Guarantees, Keeps, Loss, LossKnown, Lost, Result, Seek,
    Source, own,
};
use export::{Entry, Export};
use mark::Mark;

/// What the journal guarantees.
pub(crate) const CAPS: Caps = Caps {
    guarantees: Guarantees::FROM_BOOT
        .union(Guarantees::WITHOUT_READER)
        .union(Guarantees::SURVIVES_EXIT)
        .union(Guarantees::SURVIVES_REBOOT)
        .union(Guarantees::MANY_READERS)
        .union(Guarantees::WAKES_ALL)
        .union(Guarantees::REPEATS),
    keeps: Keeps::Newest,
    loss: LossKnown::Unknown,
};

/// What is read at once.
const CHUNK: usize = 64 << 10;

/// Machine checks that the kernel printed, from the journal: those of earlier boots too, as far as it reaches back.
///
/// The stream comes from a file, from anyone's descriptor, or from a `journalctl` that this starts. Of it counts what the kernel
/// said itself: entries that came by its transport, with its facility, and of no device; [`Journal::untrusted`] counts the others
/// of its transport. When an error is complete is told as in [`Kmsg`](crate::Kmsg).
///
/// Where the journal does not have the entry any more at which an earlier process stopped, nobody can say what was lost; that
/// is noticed where this started `journalctl`.
#[derive(Debug)]
pub struct Journal {
    name: String,
    stream: Stream,
    group: Group,
    /// Readable until there is a stream to wait for, or always if that cannot be waited for.
    always: Always,
    silence: Silence,
    buffer: Vec<u8>,
    export: Export,
    damaged: u64,
    lines: Lines<Mark>,
    /// This boot's id, without dashes.
    boot: String,
    /// The boot of the entry that was read last.
    last_boot: String,
    /// The entry that was read last.
    last: Option<Mark>,
    /// Entries up to there are passed over.
    skip: Option<Skip>,
    /// The first entry must be this one, or something is gone.
    must_be: Option<Mark>,
    /// The position that reading began at.
    began: Option<String>,
    bert: bool,
    untrusted: u64,
    ended: bool,
}

/// Where entries come from.
#[derive(Debug)]
enum Stream {
    /// This program is still to be started.
    Program(PathBuf),
    /// It runs.
    Child(Child, File),
    Fd(File),
    Gone,
}

/// What an earlier process had read.
#[derive(Debug)]
enum Skip {
    Before(Mark),
    Through(Mark),
}

impl Journal {
    /// Starts `journalctl --follow` for the kernel's entries, and stops it when this is dropped.
    ///
    /// It is started by the first [`Source::next`] or by [`Source::seek`], from the place of the cursor on. What it complains
    /// of goes to this process's standard error.
    ///
    /// # Errors
    ///
    /// [`Error::System`] where no descriptor can be made.
    pub fn follow() -> Result<Self> {
        Self::follow_with(Path::new("journalctl"))
    }

    /// As [`Journal::follow`], with this program.
    ///
    /// # Errors
    ///
    /// As [`Journal::follow`].
    pub fn follow_with(journalctl: &Path) -> Result<Self> {
        Self::new("journalctl", Stream::Program(journalctl.to_owned()))
    }

    /// Reads a file in the export format, as `journalctl -o export` writes it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|source| Error::io(path, source))?;
        Self::from_fd(&path.display().to_string(), file.into())
    }

    /// Reads what comes out of a descriptor, which is made non-blocking. Entries that a cursor has passed are passed over.
    ///
    /// # Errors
    ///
    /// [`Error::System`].
    pub fn from_fd(name: &str, fd: OwnedFd) -> Result<Self> {
        let mut source = Self::new(name, Stream::Gone)?;
        source.wait_for(&fd)?;
        source.stream = Stream::Fd(fd.into());
        Ok(source)
    }

    fn new(name: &str, stream: Stream) -> Result<Self> {
        let group = Group::new()?;
        let always = Always::new()?;
        group.add(&always, EpollFlags::EPOLLIN, 0)?;
        Ok(Self {
            name: name.to_owned(),
            stream,
            silence: Silence::new(&group, 1)?,
            group,
            always,
            buffer: vec![0; CHUNK],
            export: Export::default(),
            damaged: 0,
            lines: Lines::new(),
            boot: own::boot_id(Path::new(own::BOOT_ID))?.replace('-', ""),
            last_boot: String::new(),
            last: None,
            skip: None,
            must_be: None,
            began: None,
            bert: false,
            untrusted: 0,
            ended: false,
        })
    }

    /// For how long the journal must be silent before an error that another line could still belong to is complete.
    #[must_use]
    pub fn settle(mut self, time: Duration) -> Self {
        self.silence.settle = time;
        self
    }

    /// How many entries of the kernel's transport were passed over because the kernel did not say them itself.
    pub const fn untrusted(&self) -> u64 {
        self.untrusted
    }

    /// Waits for a descriptor instead of always being readable.
    fn wait_for(&self, fd: &impl AsFd) -> Result<()> {
        let flags = fcntl(fd, FcntlArg::F_GETFL).map_err(|errno| Error::system("fcntl", errno))?;
        let flags = OFlag::from_bits_retain(flags) | OFlag::O_NONBLOCK;
        fcntl(fd, FcntlArg::F_SETFL(flags)).map_err(|errno| Error::system("fcntl", errno))?;
        if self.group.add(fd, EpollFlags::EPOLLIN, 2)? {
            self.always.stop();
        }
        Ok(())
    }

    /// Starts the program, from an entry on if one is given.
    fn start(&mut self, from: Option<&Mark>) -> Result<()> {
        let Stream::Program(program) = &self.stream else {
            return Ok(());
        };
        let program = program.clone();
        let mut command = Command::new(&program);
        command
            .args([
                "--output=export",
                "--follow",
                "--no-tail",
                "--no-pager",
                "--quiet",
                // What is followed is else only this boot's (seen with 252); other machines' entries, which come with it, are
                // left out by their id.
                "--merge",
            ])
            .arg("_TRANSPORT=kernel")
            .args(machine_id().map(|id| format!("_MACHINE_ID={id}")))
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(mark) = from {
            command.arg(format!("--cursor={}", mark.text));
        }
        self.must_be = from.cloned();
        // Should it fail, it would fail again.
        self.stream = Stream::Gone;
        let failed = |source| Error::io(&program, source);
        let mut child = command.spawn().map_err(failed).inspect_err(|_| {
            self.always.stop();
            self.ended = true;
        })?;
        if let Some(out) = child.stdout.take() {
            let out = OwnedFd::from(out);
            self.wait_for(&out)?;
            self.stream = Stream::Child(child, out.into());
        }
        Ok(())
    }

    /// Reads some of the stream. False: nothing comes now.
    fn read(&mut self) -> Result<bool> {
        let file = match &mut self.stream {
            Stream::Fd(file) | Stream::Child(_, file) => file,
            Stream::Program(_) | Stream::Gone => return Ok(false),
        };
        let got = match file.read(&mut self.buffer) {
            Ok(got) => got,
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => return Ok(false),
                ErrorKind::Interrupted => return Ok(true),
                _ => {
                    self.end()?;
                    return Err(Error::io(Path::new(&self.name), error));
                }
            },
        };
        self.silence.broken();
        let mut entries = Vec::new();
        if got == 0 {
            self.export.finish(&mut |entry| entries.push(entry));
        } else {
            let bytes = self.buffer.get(..got).unwrap_or_default();
            self.export.push(bytes, &mut |entry| entries.push(entry));
        }
        for entry in entries {
            self.entry(&entry);
        }
        if got == 0 {
            self.end()?;
        }
        let damaged = self.export.damaged();
        if damaged > std::mem::replace(&mut self.damaged, damaged) {
            return Err(Error::Damaged {
                path: PathBuf::from(&self.name),
                what: format!("{damaged} entries so far are not in the export format"),
            });
        }
        Ok(true)
    }

    /// Nothing more can come.
    fn end(&mut self) -> Result<()> {
        self.lines.flush();
        self.ended = true;
        self.always.stop();
        match std::mem::replace(&mut self.stream, Stream::Gone) {
            Stream::Child(mut child, file) => {
                self.group.remove(&file)?;
                let status = child.wait().map_err(|source| Error::System {
                    call: "wait",
                    source,
                })?;
                Err(Error::Damaged {
                    path: PathBuf::from(&self.name),
                    what: format!("journalctl ended ({status})"),
                })
            }
            Stream::Fd(file) => {
                // A regular file is not in the group.
                let _ = self.group.remove(&file);
                Ok(())
            }
            Stream::Program(_) | Stream::Gone => Ok(()),
        }
    }

    fn entry(&mut self, entry: &Entry) {
        if entry.kernel != Some(true) {
            return;
        }
        let Some(mark) = Mark::parse(&entry.cursor) else {
            self.untrusted += 1;
            return;
        };
        if let Some(must_be) = self.must_be.take()
            && !mark.is(&must_be)
        {
            let lost = Lost {
                channel: Channel::Journal,
                loss: Loss::Unknown,
                why: "the journal no longer has the entry that was read last".into(),
            };
            self.lines.lost(must_be, lost);
        }
        let skip = match &self.skip {
            None => false,
            Some(Skip::Before(first)) => mark < *first,
            Some(Skip::Through(last)) => mark <= *last || mark.is(last),
        };
        if skip {
            return;
        }
        self.last = Some(mark.clone());
        if entry.boot != self.last_boot {
            // Nothing goes on over a reboot.
            self.lines.flush();
            self.bert = false;
            self.last_boot.clone_from(&entry.boot);
        }
        if entry.foreign {
            self.untrusted += 1;
            return;
        }
        let text = &entry.message;
        self.bert = line::announces_bert(text) || self.bert && line::of_hardware(text);
        let earlier = self.bert || entry.boot != self.boot;
        self.lines.line(mark, text, earlier);
    }
}

/// This machine's id in the journal (machine-id(5)).
fn machine_id() -> Option<String> {
    let text = std::fs::read_to_string("/etc/machine-id").ok()?;
    let id = text.trim_end();
    let good = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then(|| id.to_owned())
}

impl Source for Journal {
    fn channel(&self) -> Channel {
        Channel::Journal
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn caps(&self) -> Caps {
        CAPS
    }

    fn next(&mut self) -> Result<Option<Event>> {
        if matches!(self.stream, Stream::Program(_)) {
            self.start(None)?;
        }
        loop {
            if let Some(item) = self.lines.take() {
                return Ok(Some(event(item, Channel::Journal)));
            }
            if !self.read()? {
                if self.silence.goes_on(self.lines.is_open())? {
                    self.lines.flush();
                }
                let item = self.lines.take();
                return Ok(item.map(|item| event(item, Channel::Journal)));
            }
        }
    }

    fn cursor(&self) -> Option<Cursor> {
        let place = self.lines.place();
        let position = match (place.from, &self.last, &self.began) {
            (Some(from), ..) => {
                let first = self.lines.margin().unwrap_or(&from);
                let start = format!("{}|{}", first.text, from.text);
                match place.after {
                    Some((line, at)) => format!("{start}|{}|{at}", line.text),
                    None => start,
                }
            }
            (None, Some(last), _) => format!("+{}", last.text),
            (None, None, Some(began)) => began.clone(),
            (None, None, None) => return None,
        };
        Some(own::cursor(Channel::Journal, &self.name, "-", &position))
    }

    fn seek(&mut self, cursor: &Cursor) -> Result<Seek> {
        own::check(cursor, Channel::Journal, &self.name)?;
        let position = cursor.position();
        let bad = || own::bad_position(cursor);
        let mark = |text: &str| Mark::parse(text).ok_or_else(bad);
        let first = if let Some(last) = position.strip_prefix('+') {
            let last = mark(last)?;
            self.skip = Some(Skip::Through(last.clone()));
            last
        } else {
            let parts: Vec<&str> = position.splitn(5, '|').collect();
            let (first, from, after) = match parts[..] {
                [first, from] => (mark(first)?, mark(from)?, None),
                [first, from, line, at] => {
                    let at = own::decimal(at).ok_or_else(bad)?;
                    (mark(first)?, mark(from)?, Some((mark(line)?, at)))
                }
                _ => return Err(bad()),
            };
            self.skip = Some(Skip::Before(first.clone()));
            let from = Some(from);
            self.lines.resume(crate::lines::Place { from, after });
            first
        };
        self.began = Some(position.to_owned());
        self.start(Some(&first))?;
        Ok(Seek::Resumed)
    }

    fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        own::check(cursor, Channel::Journal, &self.name)
    }

    fn ended(&self) -> bool {
        self.ended && self.lines.is_empty()
    }
}

impl AsFd for Journal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.group.as_fd()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Stream::Child(child, _) = &mut self.stream {
            // It may have ended by itself, and is waited for either way.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
