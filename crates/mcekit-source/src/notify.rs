//! Attributes of sysfs that tell of their changes.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::epoll::EpollFlags;

use crate::wait::{Group, Timer};
use crate::{
    Caps, Channel, Cursor, Error, Event, FieldValue, Generic, Guarantees, Keeps, LossKnown, Result,
    Seek, Source, own,
};

/// Where NVDIMMs and their buses are.
const NVDIMMS: &str = "/sys/bus/nd/devices";

/// What they tell changes of: a DIMM its health, a bus the end of an address range scrub (`drivers/acpi/nfit/core.c`).
const NFIT: [&str; 2] = ["nfit/flags", "nfit/scrub"];

/// An attribute has no more than a page.
const ROOM: usize = 4096;

/// How often all are looked at without having been woken.
const LOOK: Duration = Duration::from_secs(1);

/// The token of the timer.
const TIMER: u64 = u64::MAX;

/// Attributes that the kernel tells changes of (`sysfs_notify`): an event each time it does, with the attribute's new value.
///
/// The model is that of NVDIMM monitoring: the descriptor of `nfit/flags` is waited for with no events but `POLLPRI` and `POLLERR`,
/// and armed again by reading from its start. What is told is that something changed, not how often: between two reads a value can
/// change and change back.
///
/// A file that cannot be waited for is looked at once a second, and an event is given when its content is another.
#[derive(Debug)]
pub struct Notify {
    name: String,
    files: Vec<Attribute>,
    group: Group,
    timer: Option<Timer>,
    /// Which are to be read, and whether they told of a change.
    due: Vec<(usize, bool)>,
    looked: Instant,
    boot: String,
}

/// One attribute.
#[derive(Debug)]
struct Attribute {
    path: PathBuf,
    file: File,
    value: Vec<u8>,
    /// It is gone, and was told of.
    gone: bool,
}

impl Notify {
    /// Opens the flags of every NVDIMM (`nfit/flags`), and the scrub of their buses (`nfit/scrub`).
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] on a machine without any; as [`Notify::of`].
    pub fn nvdimms() -> Result<Self> {
        let devices = std::fs::read_dir(NVDIMMS).into_iter().flatten().flatten();
        let mut paths: Vec<_> = devices
            .flat_map(|device| NFIT.map(|attribute| device.path().join(attribute)))
            .filter(|path| path.exists())
            .collect();
        paths.sort();
        if paths.is_empty() {
            return Err(Error::Missing {
                what: format!("no nfit/flags below {NVDIMMS}"),
                how: "NVDIMMs that the firmware describes (ACPI NFIT), and CONFIG_ACPI_NFIT".into(),
            });
        }
        Self::of("nvdimm", paths)
    }

    /// Opens these attributes. The name tells this source apart from others of its kind.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] for one that cannot be opened or read; [`Error::System`].
    pub fn of<P: AsRef<Path>>(name: &str, paths: impl IntoIterator<Item = P>) -> Result<Self> {
        let group = Group::new()?;
        let mut files = Vec::new();
        let mut all_tell = true;
        for (token, path) in (0..).zip(paths) {
            let path = path.as_ref();
            let io = |source| Error::io(path, source);
            let file = File::open(path).map_err(io)?;
            // Before this read everything counts as a change.
            let value = read(&file).map_err(io)?;
            let flags = EpollFlags::EPOLLPRI | EpollFlags::EPOLLERR;
            all_tell &= group.add(&file, flags, token)?;
            files.push(Attribute {
                path: path.to_owned(),
                file,
                value,
                gone: false,
            });
        }
        let timer = if all_tell { None } else { Some(Timer::new()?) };
        if let Some(timer) = &timer {
            timer.every(LOOK)?;
            group.add(timer, EpollFlags::EPOLLIN, TIMER)?;
        }
        Ok(Self {
            name: name.to_owned(),
            files,
            group,
            timer,
            due: Vec::new(),
            looked: Instant::now(),
            boot: own::boot_id(Path::new(own::BOOT_ID))?,
        })
    }

    /// Finds what is to be read now.
    fn look(&mut self) -> Result<()> {
        for (token, _) in self.group.ready()? {
            if let Ok(index) = usize::try_from(token)
                && index < self.files.len()
            {
                self.due.push((index, true));
            }
        }
        let rang = match &self.timer {
            Some(timer) => timer.rang()?,
            None => false,
        };
        if rang || self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            for index in 0..self.files.len() {
                if !self.due.contains(&(index, true)) {
                    self.due.push((index, false));
                }
            }
        }
        Ok(())
    }

    /// Reads one, and makes an event of it if it told of a change or changed.
    fn read(&mut self, index: usize, told: bool) -> Result<Option<Event>> {
        let Some(attribute) = self.files.get_mut(index) else {
            return Ok(None);
        };
        let value = match read(&attribute.file) {
            Ok(value) => value,
            Err(_) if attribute.gone => return Ok(None),
            Err(error) => {
                // Its device is gone: it would say so for ever.
                attribute.gone = true;
                let _ = self.group.remove(&attribute.file);
                return Err(Error::io(&attribute.path, error));
            }
        };
        if !told && value == attribute.value {
            return Ok(None);
        }
        let event = event(&attribute.path, &value);
        attribute.value = value;
        Ok(Some(event))
    }

    /// What a cursor says of the values.
    fn position(&self) -> String {
        let values: Vec<_> = self
            .files
            .iter()
            .map(|file| {
                let path = file.path.as_os_str().as_encoded_bytes();
                format!("{:016x}", own::hash(&[path, &file.value]))
            })
            .collect();
        values.join(",")
    }
}

impl Source for Notify {
    fn channel(&self) -> Channel {
        Channel::Notify
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn caps(&self) -> Caps {
        Caps {
            guarantees: Guarantees::WITHOUT_READER
                | Guarantees::SURVIVES_EXIT
                | Guarantees::MANY_READERS
                | Guarantees::WAKES_ALL,
            keeps: Keeps::Newest,
            loss: LossKnown::Unknown,
        }
    }

    fn next(&mut self) -> Result<Option<Event>> {
        if self.due.is_empty() {
            self.look()?;
        }
        while let Some((index, told)) = self.due.pop() {
            if let Some(event) = self.read(index, told)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    fn cursor(&self) -> Option<Cursor> {
        Some(own::cursor(
            Channel::Notify,
            &self.name,
            &self.boot,
            &self.position(),
        ))
    }

    /// A value that is another than the cursor's is given as a change; so are all those of another boot.
    fn seek(&mut self, cursor: &Cursor) -> Result<Seek> {
        own::check(cursor, Channel::Notify, &self.name)?;
        let hashes: Vec<&str> = cursor.position().split(',').collect();
        let plain = |hash: &&str| hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        if !hashes.iter().all(plain) {
            return Err(own::bad_position(cursor));
        }
        let ours = self.position();
        for (index, now) in ours.split(',').enumerate() {
            if !hashes.contains(&now) {
                self.due.push((index, true));
            }
        }
        Ok(if cursor.epoch() == self.boot {
            Seek::Resumed
        } else {
            Seek::NewEpoch
        })
    }

    fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        own::check(cursor, Channel::Notify, &self.name)
    }
}

impl AsFd for Notify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.group.as_fd()
    }
}

/// All of an attribute, from its start: that arms it again.
fn read(file: &File) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; ROOM];
    loop {
        match file.read_at(&mut buffer, 0) {
            Err(error) if own::interrupted(&error) => {}
            got => {
                buffer.truncate(got?);
                return Ok(buffer);
            }
        }
    }
}

fn event(path: &Path, value: &[u8]) -> Event {
    let text = String::from_utf8_lossy(value).trim_end().to_owned();
    let named = path.file_name().unwrap_or(path.as_os_str());
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok();
    Event::Generic(Generic {
        system: Channel::Notify.name().into(),
        // `nfit/flags`: two parts, because the last alone says little.
        name: format!("{}/{}", folder.to_string_lossy(), named.to_string_lossy()),
        channel: Channel::Notify,
        cpu: None,
        time: now.map(|now| (now.as_secs(), now.subsec_nanos())),
        fields: vec![
            ("path".into(), FieldValue::Text(path.display().to_string())),
            (
                "value".into(),
                text.parse()
                    .map_or_else(|_| FieldValue::Text(text.clone()), FieldValue::Unsigned),
            ),
        ],
        text: Some(text),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::wait::tests::readable;

    fn value(event: Option<Event>) -> (String, FieldValue) {
        match event {
            Some(Event::Generic(event)) => (event.name, event.fields[1].1.clone()),
            other => panic!("{other:?}"),
        }
    }

    /// Looks without waiting for the time to be over.
    fn look_again(source: &mut Notify) {
        source.looked = Instant::now().checked_sub(2 * LOOK).unwrap();
    }

    #[test]
    fn a_file_that_does_not_tell_is_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("nfit")).unwrap();
        let (flags, scrub) = (dir.path().join("nfit/flags"), dir.path().join("nfit/scrub"));
        fs::write(&flags, "smart_notify\n").unwrap();
        fs::write(&scrub, "1\n").unwrap();
        let mut source = Notify::of("x", [&flags, &scrub]).unwrap();
        assert_eq!(source.next().unwrap(), None);
        look_again(&mut source);
        assert_eq!(source.next().unwrap(), None, "nothing changed");
        fs::write(&scrub, "2\n").unwrap();
        fs::write(&flags, "smart_event\n").unwrap();
        assert!(readable(&source, 2000));
        assert_eq!(
            value(source.next().unwrap()),
            ("nfit/scrub".into(), FieldValue::Unsigned(2))
        );
        let text = FieldValue::Text("smart_event".into());
        assert_eq!(value(source.next().unwrap()), ("nfit/flags".into(), text));
        assert_eq!(source.next().unwrap(), None);
        assert!(!readable(&source, 0));
    }

    #[test]
    fn what_changed_while_nobody_looked() {
        let dir = tempfile::tempdir().unwrap();
        let paths = [dir.path().join("a"), dir.path().join("b")];
        fs::write(&paths[0], "1").unwrap();
        fs::write(&paths[1], "1").unwrap();
        let cursor = Notify::of("x", &paths).unwrap().cursor().unwrap();
        fs::write(&paths[1], "7").unwrap();
        let mut source = Notify::of("x", &paths).unwrap();
        assert_eq!(source.seek(&cursor).unwrap(), Seek::Resumed);
        assert_eq!(value(source.next().unwrap()).1, FieldValue::Unsigned(7));
        assert_eq!(source.next().unwrap(), None);
        let later = own::cursor(Channel::Notify, "x", "another", cursor.position());
        assert_eq!(source.seek(&later).unwrap(), Seek::NewEpoch);
        for bad in ["-", "0123", "0123456789abcdeg"] {
            let cursor = own::cursor(Channel::Notify, "x", "b", bad);
            assert!(
                matches!(source.seek(&cursor), Err(Error::Cursor(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_file_that_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let none = Notify::of("x", [dir.path().join("none")]);
        assert!(matches!(none, Err(Error::Io { .. })));
        // It can be opened and not be read.
        assert!(matches!(
            Notify::of("x", [dir.path()]),
            Err(Error::Io { .. })
        ));
    }
}
