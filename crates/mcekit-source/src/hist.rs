//! The histogram of a trace event.

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::epoll::EpollFlags;

use crate::wait::{Group, Timer};
use crate::{
    Caps, Channel, Cursor, Error, Event, FieldValue, Generic, Guarantees, Keeps, LossKnown, Result,
    Seek, Source, own,
};

/// The longest text that is read.
const MAX_TEXT: u64 = 1 << 20;

/// How many rows become fields; the text has all.
const MAX_ROWS: usize = 1024;

/// How often a file is looked at whose kernel does not tell of hits.
const LOOK: Duration = Duration::from_secs(1);

/// An event's `hist` file: how often the kernel met which values, counted by a `hist:` trigger that somebody has set.
///
/// An event is given when the counts changed since the last one, with the totals and a field for each row. Since Linux 6.14
/// the file can be waited for: it is readable from a hit on until it is read. (It also tells `POLLPRI`; since looking
/// alone takes that away, it is not what this waits for.) On older kernels the file is looked at once a second.
///
/// The counts stay in the kernel while the trigger is there, so nothing is lost by not reading, and there is nothing to
/// commit.
#[derive(Debug)]
pub struct Hist {
    path: PathBuf,
    name: String,
    file: File,
    group: Group,
    /// For a kernel that does not tell.
    timer: Option<Timer>,
    looked: Option<Instant>,
    /// The counts that were given last.
    given: Option<Totals>,
    boot: String,
    /// The event was removed.
    gone: bool,
}

/// What the file says of all its histograms together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    hits: u64,
    entries: u64,
    dropped: u64,
}

impl Hist {
    /// Opens a `hist` file: `…/events/mce/mce_record/hist`.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] where the event has none; [`Error::Io`].
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::Missing {
                what: format!("no {}", path.display()),
                how: "a kernel with CONFIG_HIST_TRIGGERS".into(),
            },
            _ => Error::io(path, source),
        })?;
        Self::of(path, file, None)
    }

    /// Reads a file and waits for it, or for another.
    fn of(path: &Path, file: File, waits: Option<BorrowedFd<'_>>) -> Result<Self> {
        let group = Group::new()?;
        let waits = waits.unwrap_or(file.as_fd());
        let timer = if group.add(waits, EpollFlags::EPOLLIN, 0)? {
            None
        } else {
            let timer = Timer::new()?;
            timer.every(LOOK)?;
            group.add(&timer, EpollFlags::EPOLLIN, 1)?;
            Some(timer)
        };
        Ok(Self {
            path: path.to_owned(),
            name: path.display().to_string(),
            file,
            group,
            timer,
            looked: None,
            given: None,
            boot: own::boot_id(Path::new(own::BOOT_ID))?,
            gone: false,
        })
    }

    fn read(&mut self) -> io::Result<String> {
        let mut bytes = Vec::new();
        self.file.rewind()?;
        (&self.file).take(MAX_TEXT).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether there may be something new.
    fn due(&mut self) -> Result<bool> {
        let told = match &self.timer {
            Some(timer) => timer.rang()?,
            None => !self.group.ready()?.is_empty(),
        };
        Ok(told || self.looked.is_none_or(|at| at.elapsed() >= LOOK))
    }
}

impl Source for Hist {
    fn channel(&self) -> Channel {
        Channel::Hist
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn caps(&self) -> Caps {
        Caps {
            guarantees: Guarantees::WITHOUT_READER
                | Guarantees::SURVIVES_EXIT
                | Guarantees::MANY_READERS
                | Guarantees::WAKES_ALL
                | Guarantees::KERNEL_FILTER,
            keeps: Keeps::All,
            loss: LossKnown::Exact,
        }
    }

    fn next(&mut self) -> Result<Option<Event>> {
        if self.gone || !self.due()? {
            return Ok(None);
        }
        self.looked = Some(Instant::now());
        let text = self.read().map_err(|source| {
            if !own::interrupted(&source) {
                // The event was removed (ENODEV), and would be ready for ever.
                self.gone = true;
            }
            Error::io(&self.path, source)
        });
        if self.gone
            && let Some(timer) = &self.timer
        {
            timer.stop()?;
        } else if self.gone {
            let _ = self.group.remove(&self.file);
        }
        let text = text?;
        let (totals, rows) = parse(&text);
        if self.given.unwrap_or_default() == totals {
            return Ok(None);
        }
        self.given = Some(totals);
        Ok(Some(event(&self.path, totals, rows, text)))
    }

    fn cursor(&self) -> Option<Cursor> {
        let Totals {
            hits,
            entries,
            dropped,
        } = self.given?;
        let position = format!("{hits}.{entries}.{dropped}");
        Some(own::cursor(
            Channel::Hist,
            &self.name,
            &self.boot,
            &position,
        ))
    }

    fn seek(&mut self, cursor: &Cursor) -> Result<Seek> {
        own::check(cursor, Channel::Hist, &self.name)?;
        let numbers: Option<Vec<u64>> = cursor.position().split('.').map(own::decimal).collect();
        let Some(&[hits, entries, dropped]) = numbers.as_deref() else {
            return Err(own::bad_position(cursor));
        };
        if cursor.epoch() != self.boot {
            return Ok(Seek::NewEpoch);
        }
        self.given = Some(Totals {
            hits,
            entries,
            dropped,
        });
        Ok(Seek::Resumed)
    }

    fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        own::check(cursor, Channel::Hist, &self.name)
    }

    fn ended(&self) -> bool {
        self.gone
    }
}

impl AsFd for Hist {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.group.as_fd()
    }
}

/// The sums of the totals, and the rows: keys, and what was counted for them.
fn parse(text: &str) -> (Totals, Vec<(String, String)>) {
    let (mut totals, mut rows) = (Totals::default(), Vec::new());
    for line in text.lines().map(str::trim) {
        let sum = |to: &mut u64, rest: &str| {
            *to = to.saturating_add(rest.trim().parse().unwrap_or(0));
        };
        if let Some(rest) = line.strip_prefix("Hits:") {
            sum(&mut totals.hits, rest);
        } else if let Some(rest) = line.strip_prefix("Entries:") {
            sum(&mut totals.entries, rest);
        } else if let Some(rest) = line.strip_prefix("Dropped:") {
            sum(&mut totals.dropped, rest);
        } else if line.starts_with('{')
            && let Some((keys, counts)) = line.rsplit_once('}')
            && rows.len() < MAX_ROWS
        {
            let tidy = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            rows.push((tidy(keys.trim_start_matches('{')), tidy(counts)));
        }
    }
    (totals, rows)
}

fn event(path: &Path, totals: Totals, rows: Vec<(String, String)>, text: String) -> Event {
    let mut names = path
        .parent()
        .into_iter()
        .flat_map(Path::iter)
        .rev()
        .map(|name| name.to_string_lossy().into_owned());
    let name = names.next().unwrap_or_default();
    let system = names.next().unwrap_or_default();
    let mut fields = vec![
        ("hits".into(), FieldValue::Unsigned(totals.hits)),
        ("entries".into(), FieldValue::Unsigned(totals.entries)),
        ("dropped".into(), FieldValue::Unsigned(totals.dropped)),
    ];
    fields.extend(
        rows.into_iter()
            .map(|(keys, counts)| (keys, FieldValue::Text(counts))),
    );
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok();
    Event::Generic(Generic {
        system,
        name,
        channel: Channel::Hist,
        cpu: None,
        time: now.map(|now| (now.as_secs(), now.subsec_nanos())),
        fields,
        text: Some(text),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::wait::Always;
    use crate::wait::tests::readable;

    fn text(hits: u64) -> String {
        format!(
            "# event histogram\n#\n# trigger info: hist:keys=bank,cpu:vals=hitcount:sort=hitcount:size=2048 [active]\n#\n\n\
             {{ bank:          4, cpu:          1 }} hitcount:          {hits}\n\nTotals:\n    Hits: {hits}\n    Entries: 1\n    Dropped: 2\n"
        )
    }

    fn dir() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("mce/mce_record")).unwrap();
        let path = dir.path().join("mce/mce_record/hist");
        (dir, path)
    }

    #[test]
    fn counts_and_rows() {
        let (_dir, path) = dir();
        fs::write(&path, text(3)).unwrap();
        let mut source = Hist::open(&path).unwrap();
        let Some(Event::Generic(event)) = source.next().unwrap() else {
            panic!("no event");
        };
        assert_eq!((&*event.system, &*event.name), ("mce", "mce_record"));
        assert_eq!(
            event.fields,
            [
                ("hits".into(), FieldValue::Unsigned(3)),
                ("entries".into(), FieldValue::Unsigned(1)),
                ("dropped".into(), FieldValue::Unsigned(2)),
                (
                    "bank: 4, cpu: 1".into(),
                    FieldValue::Text("hitcount: 3".into())
                ),
            ]
        );
        assert_eq!(event.text, Some(text(3)));
        assert_eq!(source.next().unwrap(), None);
        let cursor = source.cursor().unwrap();

        // Without poll in the kernel, it is looked at.
        fs::write(&path, text(4)).unwrap();
        assert!(readable(&source, 2000));
        assert!(source.next().unwrap().is_some());
        assert!(!readable(&source, 0));

        let mut again = Hist::open(&path).unwrap();
        assert_eq!(again.seek(&cursor).unwrap(), Seek::Resumed);
        assert!(again.next().unwrap().is_some(), "a hit since then");
        let mut once_more = Hist::open(&path).unwrap();
        once_more.seek(&again.cursor().unwrap()).unwrap();
        assert_eq!(once_more.next().unwrap(), None, "none since then");
        for bad in ["-", "1.2", "1.2.3.4", "1.2.x"] {
            let cursor = own::cursor(Channel::Hist, again.name(), "b", bad);
            assert!(
                matches!(again.seek(&cursor), Err(Error::Cursor(_))),
                "{bad}"
            );
        }
        let later = own::cursor(Channel::Hist, again.name(), "b", "1.2.3");
        assert_eq!(again.seek(&later).unwrap(), Seek::NewEpoch);
    }

    #[test]
    fn a_file_that_tells() {
        let (_dir, path) = dir();
        fs::write(&path, text(1)).unwrap();
        let waits = Always::new().unwrap();
        let mut source = Hist::of(&path, File::open(&path).unwrap(), Some(waits.as_fd())).unwrap();
        assert!(readable(&source, 0));
        assert!(source.next().unwrap().is_some());
        waits.stop();
        fs::write(&path, text(2)).unwrap();
        assert_eq!(source.next().unwrap(), None, "not told, not looked at");
        source.looked = Instant::now().checked_sub(2 * LOOK);
        assert!(source.next().unwrap().is_some(), "wake-ups get lost");
    }

    #[test]
    fn no_file_and_no_event_any_more() {
        let (_dir, path) = dir();
        assert!(matches!(Hist::open(&path), Err(Error::Missing { .. })));
        let mut source = Hist::open(path.parent().unwrap()).unwrap();
        assert!(matches!(source.next(), Err(Error::Io { .. })));
        assert!(source.ended() && source.next().unwrap().is_none());
    }
}
