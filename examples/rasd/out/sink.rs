//! Where news goes, each on a thread of its own: standard output, a file, the journal.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::config::Journal as JournalConfig;
use crate::notes::{Notes, Priority};

use super::journal;
use super::news::{Json, News, Shower};
use super::queue::{LeftOut, Queue, Taken};

/// How many items a thread takes at a time.
const AT_ONCE: usize = 64;

/// How long it waits to try again after it failed: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What an output has done, for metrics.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Items that were written.
    pub(crate) written: AtomicU64,
    /// Items that were left out because it was too slow.
    pub(crate) left_out: AtomicU64,
    /// Uncorrected errors among them.
    pub(crate) left_out_urgent: AtomicU64,
    /// Times that it could not be written to.
    pub(crate) failed: AtomicU64,
}

/// How news becomes bytes.
#[derive(Debug)]
pub(crate) enum Shape {
    /// For people.
    Text(Box<Shower>),
    /// For programs.
    Json(Box<Json>),
}

impl Shape {
    fn show(&mut self, news: &News, text: &mut Vec<u8>) {
        match self {
            Self::Text(shower) => shower.show(news, text),
            Self::Json(json) => json.show(news, text),
        }
    }

    fn left_out(&mut self, left_out: LeftOut, text: &mut Vec<u8>) {
        match self {
            Self::Text(shower) => shower.left_out(left_out, present(), text),
            Self::Json(_) => Json::left_out(left_out, text),
        }
    }
}

/// Where bytes or messages go.
#[derive(Debug)]
pub(crate) enum Way {
    /// A stream that is open, and its name.
    Stream(File, Shape),
    /// A file that is looked after.
    File(LogFile, Shape),
    /// The journal, or syslog.
    Journal(journal::Sender),
}

/// An output's thread.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) name: String,
    pub(crate) way: Way,
    pub(crate) queue: Arc<Queue<Arc<News>>>,
    pub(crate) counts: Arc<Counts>,
    /// To the other outputs.
    pub(crate) notes: Notes,
}

impl Drop for Sink {
    /// Whatever ended the thread: nobody shall wait for room in a queue that nobody empties.
    fn drop(&mut self) {
        self.queue.abandon();
    }
}

/// Seconds since 1970.
pub(crate) fn present() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

impl Sink {
    /// Works until the queue is closed and empty.
    pub(crate) fn work(mut self) {
        let mut bytes = Vec::new();
        loop {
            let taken = self.queue.take(AT_ONCE);
            if taken.reopen
                && let Way::File(file, _) = &mut self.way
            {
                file.close();
            }
            let closed = taken.closed;
            if !self.write(&taken, &mut bytes) || closed {
                return;
            }
        }
    }

    /// Gives whether it makes sense to go on.
    fn write(&mut self, taken: &Taken<Arc<News>>, bytes: &mut Vec<u8>) -> bool {
        let mut goes_on = true;
        bytes.clear();
        let left_out = taken.left_out;
        let told = left_out != LeftOut::default();
        match &mut self.way {
            Way::Journal(sender) => {
                let mut messages: Vec<_> = Vec::new();
                if told {
                    messages.push(sender.missing(left_out));
                }
                messages.extend(taken.items.iter().map(|news| sender.message(news)));
                for message in &messages {
                    goes_on &= self.persist(|way| match way {
                        Way::Journal(sender) => sender.send(message),
                        Way::Stream(..) | Way::File(..) => Ok(()),
                    });
                }
            }
            Way::Stream(_, shape) | Way::File(_, shape) => {
                if told {
                    shape.left_out(left_out, bytes);
                }
                for news in &taken.items {
                    shape.show(news, bytes);
                }
                let mut at = 0;
                if !bytes.is_empty() {
                    let bytes = &*bytes;
                    let notes = self.notes.clone();
                    goes_on = self.persist(|way| match way {
                        Way::Stream(file, _) => put(file, bytes, &mut at),
                        Way::File(file, _) => file.write(bytes, &mut at, &notes),
                        Way::Journal(_) => Ok(()),
                    });
                }
            }
        }
        if goes_on {
            self.queue.written();
            self.counts
                .written
                .fetch_add(taken.items.len() as u64, Ordering::Relaxed);
        }
        goes_on
    }

    /// Does it until it succeeds, or until the end comes while it fails. What comes meanwhile waits in the queue, within
    /// its bounds. Gives false if it will never succeed, or must not be tried again.
    fn persist(&mut self, mut act: impl FnMut(&mut Way) -> io::Result<()>) -> bool {
        let mut pause = RETRY.0;
        let mut failed = false;
        loop {
            let error = match act(&mut self.way) {
                Ok(()) => break,
                Err(error) => error,
            };
            self.counts.failed.fetch_add(1, Ordering::Relaxed);
            if matches!(self.way, Way::Stream(..)) && error.kind() == io::ErrorKind::BrokenPipe {
                let what = format!("{}: nobody reads it any more", self.name);
                self.notes.say(Priority::Notice, what);
                return false;
            }
            if !std::mem::replace(&mut failed, true) {
                let what = format!(
                    "{}: {error}; it is tried again, and what cannot wait so long is counted",
                    self.name
                );
                self.notes.say(Priority::Warning, what);
            }
            if self.queue.pause(pause) {
                return false;
            }
            pause = RETRY.1.min(pause * 2);
        }
        if failed {
            let what = format!("{}: it can be written again", self.name);
            self.notes.say(Priority::Notice, what);
        }
        true
    }
}

/// Writes what is left of the bytes from `at` on.
fn put(mut file: impl Write, bytes: &[u8], at: &mut usize) -> io::Result<()> {
    while let Some(rest) = bytes.get(*at..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => *at += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A file that others may move or remove.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: Option<File>,
    /// It was open before.
    begun: bool,
}

impl LogFile {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            begun: false,
        }
    }

    /// Has it opened anew at the next write.
    fn close(&mut self) {
        self.file = None;
        self.begun = false;
    }

    fn write(&mut self, bytes: &[u8], at: &mut usize, notes: &Notes) -> io::Result<()> {
        if let Some(file) = &self.file
            && !is_at(file, &self.path)
        {
            self.file = None;
        }
        let file = match &self.file {
            Some(file) => file,
            None => {
                let file = OpenOptions::new()
                    .append(true)
                    .create(true)
                    .mode(0o640)
                    .open(&self.path)?;
                // A line that was written half to the old file is written whole to the new one.
                *at = 0;
                if std::mem::replace(&mut self.begun, true) {
                    let path = self.path.display();
                    let what = format!(
                        "{path} was moved or removed while it was written; a new one was begun"
                    );
                    notes.say(Priority::Warning, what);
                }
                self.file.insert(file)
            }
        };
        put(file, bytes, at)
    }
}

/// Whether a file stands under its name still.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// The journal's sockets.
pub(crate) fn journal_sender(config: &JournalConfig) -> io::Result<journal::Sender> {
    let socket = UnixDatagram::unbound()?;
    Ok(journal::Sender::new(
        socket,
        config.socket.clone(),
        config.syslog.clone(),
    ))
}
