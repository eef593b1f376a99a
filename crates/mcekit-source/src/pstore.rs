//! pstore, and systemd's archive of it.

mod scan;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::EpollFlags;
use nix::sys::inotify::{InitFlags, Inotify};

use crate::wait::{Always, Group};
use crate::{
    Caps, Channel, Cursor, Error, Event, Guarantees, Identity, Keeps, LossKnown, Observed, Result,
    Seek, Source, own,
};
use scan::{File, MAX_FILES};

/// What pstore guarantees.
pub(crate) const CAPS: Caps = Caps {
    guarantees: Guarantees::FROM_BOOT
        .union(Guarantees::WITHOUT_READER)
        .union(Guarantees::SURVIVES_EXIT)
        .union(Guarantees::SURVIVES_REBOOT)
        .union(Guarantees::SURVIVES_PANIC)
        .union(Guarantees::MANY_READERS)
        .union(Guarantees::REPEATS)
        .union(Guarantees::REGISTERS),
    keeps: Keeps::Oldest,
    loss: LossKnown::Unknown,
};

/// Where the kernel shows what the firmware keeps.
const PSTORE: &str = "/sys/fs/pstore";

/// Where systemd-pstore.service moves it at boot.
const ARCHIVE: &str = "/var/lib/systemd/pstore";

/// How often folders are looked through without being told of a change: pstore itself tells of none.
const LOOK: Duration = Duration::from_secs(1);

/// What becomes of a file whose record is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erase {
    /// It stays. The firmware's store can become full, and then keeps nothing new.
    Never,
    /// It is unlinked by [`Source::commit`]: in pstore that erases it from the firmware's store.
    OnCommit,
}

/// Whether kernel logs are read too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Texts {
    /// Only `mce-*` files.
    Skip,
    /// `dmesg-*` and `dmesg.txt` too. The kernel's last words hold the fatal error that has a file of its own, and several dumps
    /// the same words: an error that was met in another file is not given again.
    Read,
}

/// What an earlier boot left of itself: the fatal machine check that the kernel put into the firmware's store before it
/// panicked (`mce-erst-*`, a raw `struct mce` each), in `/sys/fs/pstore` or where systemd archived it.
///
/// A file counts by its name and contents, so that one which moves to the archive is the same. The cursor names the files
/// whose records were given: they are not given again, be they still there. [`Source::commit`] unlinks those that it names,
/// if so wanted; do it again after [`Source::seek`], for a process that died between its disk and the unlinking.
///
/// A new file in the archive wakes. One in pstore itself does not, nor does any in a kernel without inotify: it is found when
/// [`Source::next`] is called, once a second at most.
#[derive(Debug)]
pub struct Pstore {
    name: String,
    folders: Vec<(PathBuf, Erase)>,
    texts: Texts,
    follow: bool,
    group: Group,
    /// Not in every kernel, and not more than so many for a user.
    inotify: Option<Inotify>,
    /// Readable before the first look.
    first: Always,
    scanned: Option<Instant>,
    /// The files that were read, as they were then.
    known: HashMap<PathBuf, Known>,
    /// Errors that were met, in any file.
    met: HashSet<Identity>,
    ready: VecDeque<Ready>,
    /// Files of which everything was given.
    done: BTreeSet<u64>,
    /// How many records of others were.
    parts: BTreeMap<u64, u64>,
}

/// A file that was read.
#[derive(Debug)]
struct Known {
    file: File,
    id: Option<u64>,
}

#[derive(Debug)]
enum Ready {
    Record {
        seen: Box<Observed>,
        id: u64,
        /// Its number in the file, from 0, or nothing for the last one.
        number: Option<u64>,
    },
    /// All records of the file were given by others.
    Done(u64),
    Trouble(Error),
}

impl Pstore {
    /// Opens `/sys/fs/pstore` and `/var/lib/systemd/pstore`. Files of the archive are never unlinked.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] where there is neither; [`Error::System`] where no descriptor can be made.
    pub fn open(erase: Erase) -> Result<Self> {
        Self::of([(PSTORE, erase), (ARCHIVE, Erase::Never)])
    }

    /// Opens other folders, one of which at least must be there. The first one is the name.
    ///
    /// # Errors
    ///
    /// As [`Pstore::open`].
    pub fn of<P: AsRef<Path>>(folders: impl IntoIterator<Item = (P, Erase)>) -> Result<Self> {
        let folders: Vec<_> = folders
            .into_iter()
            .map(|(path, erase)| (path.as_ref().to_owned(), erase))
            .collect();
        let name = folders
            .first()
            .map(|(path, _)| path.display().to_string())
            .unwrap_or_default();
        if !folders.iter().any(|(path, _)| path.is_dir()) {
            return Err(Error::Missing {
                what: format!("no {name}"),
                how: "a kernel with CONFIG_PSTORE (and CONFIG_ACPI_APEI for the firmware's store), and pstore mounted"
                    .into(),
            });
        }
        let group = Group::new()?;
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).ok();
        let first = Always::new()?;
        if let Some(inotify) = &inotify {
            group.add(inotify, EpollFlags::EPOLLIN, 0)?;
        }
        group.add(&first, EpollFlags::EPOLLIN, 1)?;
        Ok(Self {
            name,
            folders,
            texts: Texts::Skip,
            follow: true,
            group,
            inotify,
            first,
            scanned: None,
            known: HashMap::new(),
            met: HashSet::new(),
            ready: VecDeque::new(),
            done: BTreeSet::new(),
            parts: BTreeMap::new(),
        })
    }

    /// Whether kernel logs are read too; not if nothing is said.
    #[must_use]
    pub fn texts(mut self, texts: Texts) -> Self {
        self.texts = texts;
        self
    }

    /// Only what is there now: [`Source::ended`] when that was given.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.follow = false;
        self
    }

    /// Looks through the folders for what is new.
    fn scan(&mut self) -> Result<()> {
        self.first.stop();
        self.scanned = Some(Instant::now());
        let mut found = Vec::new();
        for (folder, erase) in &self.folders {
            scan::walk(
                folder,
                *erase,
                self.texts,
                self.inotify.as_ref(),
                &mut found,
            );
        }
        // The kernel's structs first: a text is of the same error.
        found.sort_by(|a, b| a.order().cmp(&b.order()));
        let surplus = found.len().saturating_sub(MAX_FILES);
        if surplus > 0 && self.known.is_empty() {
            self.ready.push_back(Ready::Trouble(Error::Damaged {
                path: self.name.clone().into(),
                what: format!("{surplus} files more than the {MAX_FILES} that are read"),
            }));
        }
        found.truncate(MAX_FILES);
        let mut gone = std::mem::take(&mut self.known);
        for file in found {
            match gone.remove(&file.path) {
                Some(known) if known.file == file => {
                    self.known.insert(file.path.clone(), known);
                }
                _ => self.read(file),
            }
        }
        if self.done.len() > MAX_FILES {
            let there: HashSet<_> = self.known.values().filter_map(|known| known.id).collect();
            self.done.retain(|id| there.contains(id));
        }
        Ok(())
    }

    /// Reads a file and queues what it has.
    fn read(&mut self, file: File) {
        let records = match file.read() {
            Ok(Some(records)) => records,
            // Gone since it was seen.
            Ok(None) => return,
            Err(error) => {
                self.ready.push_back(Ready::Trouble(error));
                let path = file.path.clone();
                self.known.insert(path, Known { file, id: None });
                return;
            }
        };
        let id = records.id;
        let queued = self
            .ready
            .iter()
            .any(|ready| matches!(ready, Ready::Record { id: of, .. } if *of == id));
        let given = self.parts.get(&id).copied().unwrap_or(0);
        let last = (records.all.len() as u64).saturating_sub(1);
        let mut complete = false;
        for (number, record) in (0_u64..).zip(records.all) {
            let new = self.met.insert(Identity::of(&record)) || !file.is_text();
            if self.done.contains(&id) || queued || number < given || !new {
                continue;
            }
            complete = number == last;
            self.ready.push_back(Ready::Record {
                seen: Box::new(Observed {
                    record,
                    channel: Channel::Pstore,
                    earlier_boot: true,
                }),
                id,
                number: (!complete).then_some(number),
            });
        }
        if !complete && !queued && !self.done.contains(&id) {
            self.ready.push_back(Ready::Done(id));
        }
        let path = file.path.clone();
        let id = Some(id);
        self.known.insert(path, Known { file, id });
    }

    /// All of a file was given.
    fn finish(&mut self, id: u64) {
        self.parts.remove(&id);
        self.done.insert(id);
    }

    fn told(&self) -> bool {
        match self.inotify.as_ref().map(Inotify::read_events) {
            Some(Ok(events)) => !events.is_empty(),
            Some(Err(errno)) => errno != Errno::EAGAIN,
            None => false,
        }
    }
}

impl Source for Pstore {
    fn channel(&self) -> Channel {
        Channel::Pstore
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn caps(&self) -> Caps {
        CAPS
    }

    fn next(&mut self) -> Result<Option<Event>> {
        if self.ready.is_empty() {
            let told = self.told();
            let due = match self.scanned {
                None => true,
                Some(at) => self.follow && (told || at.elapsed() >= LOOK),
            };
            if due {
                self.scan()?;
            }
        }
        while let Some(ready) = self.ready.pop_front() {
            match ready {
                Ready::Record { seen, id, number } => {
                    match number {
                        Some(number) => _ = self.parts.insert(id, number + 1),
                        None => self.finish(id),
                    }
                    return Ok(Some(Event::Record(*seen)));
                }
                Ready::Done(id) => self.finish(id),
                Ready::Trouble(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn cursor(&self) -> Option<Cursor> {
        use std::fmt::Write as _;
        let mut position = String::with_capacity(17 * self.done.len() + 32);
        for id in &self.done {
            // Writing to a string does not fail.
            let _ = write!(position, "{id:016x},");
        }
        for (id, given) in &self.parts {
            let _ = write!(position, "{id:016x}.{given},");
        }
        Some(own::cursor(Channel::Pstore, &self.name, "-", &position))
    }

    fn seek(&mut self, cursor: &Cursor) -> Result<Seek> {
        own::check(cursor, Channel::Pstore, &self.name)?;
        let (done, parts) = position(cursor).ok_or_else(|| own::bad_position(cursor))?;
        (self.done, self.parts) = (done, parts);
        Ok(Seek::Resumed)
    }

    fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        own::check(cursor, Channel::Pstore, &self.name)?;
        let (done, _) = position(cursor).ok_or_else(|| own::bad_position(cursor))?;
        if self.scanned.is_none() && !done.is_empty() {
            self.scan()?;
        }
        let mut trouble = None;
        let safe = |known: &Known| {
            let erase = known.file.erase == Erase::OnCommit && !known.file.is_text();
            known.id.filter(|id| erase && done.contains(id))
        };
        let paths: Vec<_> = self
            .known
            .iter()
            .filter_map(|(path, known)| Some((path.clone(), safe(known)?)))
            .collect();
        for (path, id) in paths {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    trouble = Some(Error::io(&path, error));
                }
                _ => {
                    self.known.remove(&path);
                    if !self.known.values().any(|known| known.id == Some(id)) {
                        self.done.remove(&id);
                    }
                }
            }
        }
        trouble.map_or(Ok(()), Err)
    }

    fn ended(&self) -> bool {
        !self.follow && self.scanned.is_some() && self.ready.is_empty()
    }
}

impl AsFd for Pstore {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.group.as_fd()
    }
}

/// The files that a cursor names as given, and how many records of others were.
fn position(cursor: &Cursor) -> Option<(BTreeSet<u64>, BTreeMap<u64, u64>)> {
    let (mut done, mut parts) = (BTreeSet::new(), BTreeMap::new());
    let text = cursor.position();
    if text == "-" {
        return Some((done, parts));
    }
    for word in text.strip_suffix(',')?.split(',') {
        let (id, given) = word.split_at_checked(16)?;
        let plain = id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let id = u64::from_str_radix(id, 16).ok().filter(|_| plain)?;
        match given.strip_prefix('.') {
            Some(given) => _ = parts.insert(id, own::decimal(given)?),
            None if given.is_empty() => _ = done.insert(id),
            None => return None,
        }
    }
    Some((done, parts))
}
