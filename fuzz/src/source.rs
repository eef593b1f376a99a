//! Targets of `mcekit-source`: cursors, the journal's stream, files to replay.

use std::fs::{self, File};
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use mcekit::wire::{LENGTHS, Mce};
use mcekit::{Addr, Record, Status};
use mcekit_logs::write::Kernel;
use mcekit_source::{
    Channel, Cursor, Erase, Error, Event, Hist, Journal, Kind, Kmsg, Mcelog, Notify, Pstore,
    Replay, Seek, Source,
};
use mcelog_dev::OpenOptions;
use mcelog_dev::fake::Fake;
use tempfile::TempDir;

/// What fits into a pipe that nobody reads.
const PIPE: usize = 60 << 10;

fn record(number: u32) -> Record {
    Record::new(4, Status(0x9c00_4000_0001_0091))
        .with_cpu(number)
        .with_addr(Addr(0x1000))
        .with_socket(0)
        .with_apicid(number)
}

fn lines() -> Vec<String> {
    let prefix = "mce: [Hardware Error]: ";
    let one = |number| {
        Kernel {
            record: &record(number),
            prefix,
        }
        .to_string()
    };
    let text: String = (0..4).map(one).collect();
    text.lines().map(str::to_owned).collect()
}

/// /dev/kmsg, with a few errors.
#[derive(Debug)]
struct Log {
    next: usize,
    lines: Vec<String>,
    pipe: PipeReader,
}

impl Read for Log {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line = self.lines.get(self.next).ok_or(io::ErrorKind::WouldBlock)?;
        let record = format!("2,{},0,-;{line}\n", self.next);
        self.next += 1;
        buffer[..record.len()].copy_from_slice(record.as_bytes());
        Ok(record.len())
    }
}

impl AsFd for Log {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

fn pipe(bytes: &[u8]) -> PipeReader {
    let (read, mut write) = io::pipe().expect("a pipe");
    write.write_all(bytes).expect("room in the pipe");
    read
}

fn journal(bytes: &[u8]) -> Journal {
    Journal::from_fd("pipe", pipe(bytes).into()).expect("a journal")
}

fn entries() -> String {
    let entry = |(number, line): (usize, &String)| {
        let time = 0x5000 + number;
        format!("__CURSOR=s=5eed;i={number:x};t={time:x}\n_TRANSPORT=kernel\nMESSAGE={line}\n\n")
    };
    lines().iter().enumerate().map(entry).collect()
}

/// A folder with a file for each source that reads one.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..3 {
            let bytes = Mce::from(&record(number)).to_bytes();
            fs::write(folder.path().join(format!("mce-erst-{number}")), bytes).expect("a file");
        }
        fs::write(folder.path().join("hist"), "Totals:\n    Hits: 3\n").expect("a file");
        fs::write(folder.path().join("flags"), "7\n").expect("a file");
        folder
    });
    folder.path()
}

/// The source that a cursor's first word names, at its start.
fn source(named: &str) -> Option<Box<dyn Source>> {
    let (channel, name) = named.split_once(':')?;
    Some(match (channel, name) {
        ("kmsg", _) => {
            let log = Log {
                next: 0,
                lines: lines(),
                pipe: pipe(b"ready"),
            };
            let kmsg = Kmsg::from_reader(log, Path::new("kmsg"), "boot").expect("a log");
            Box::new(kmsg.settle(Duration::ZERO))
        }
        ("journal", _) => Box::new(journal(entries().as_bytes())),
        ("replay", "structs") => {
            let structs: Vec<u8> = (0..4)
                .flat_map(|number| Mce::from(&record(number)).to_bytes())
                .collect();
            Box::new(Replay::of_bytes("structs", structs).expect("a replay"))
        }
        ("replay", _) => Box::new(Replay::of_bytes("text", lines().join("\n")).expect("a replay")),
        ("pstore", _) => Box::new(Pstore::of([(folder(), Erase::Never)]).expect("a folder")),
        ("notify", _) => Box::new(Notify::of("flags", [folder().join("flags")]).expect("a file")),
        ("hist", _) => Box::new(Hist::open(&folder().join("hist")).expect("a file")),
        ("mcelog", _) => {
            let fake = Fake::new();
            fake.log(&record(0));
            let device = OpenOptions::new().open_with(&fake).expect("a device");
            Box::new(Mcelog::from_device(device, false))
        }
        _ => return None,
    })
}

/// What comes, as far as it comes now.
fn drain(source: &mut dyn Source) -> Vec<Event> {
    let (mut events, mut idle) = (Vec::new(), 0);
    while idle < 3 {
        match source.next() {
            Ok(Some(event)) => events.push(event),
            Ok(None) => idle += 1,
            // A damaged input has no more errors than bytes; reading goes on behind each.
            Err(Error::Damaged { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    events
}

/// Any text, as a cursor of the source that it names: it is refused, and reading begins at the start; or reading goes on somewhere, and
/// what comes is what an uninterrupted reader gets at its end. What a source then says of its place is a cursor again.
pub fn cursor(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(cursor) = text.parse::<Cursor>() else {
        return;
    };
    assert_eq!(cursor.to_string().parse().as_ref(), Ok(&cursor));
    let (Some(mut whole), Some(mut source)) = (source(cursor.source()), source(cursor.source()))
    else {
        return;
    };
    let named = format!("{}:{}", source.channel(), source.name());
    let ours = Cursor::new(&named, cursor.epoch(), cursor.position());
    if cursor.source() != ours.source() {
        assert!(matches!(source.seek(&cursor), Err(Error::Cursor(_))));
    }
    let seek = source.seek(&ours);
    let whole = drain(&mut *whole);
    let rest = drain(&mut *source);
    match (source.channel(), seek) {
        (_, Err(error)) if !matches!(error, Error::Cursor(_)) => panic!("{error}"),
        // Its events have the time at which it was looked at, and all that differs from the cursor's is one.
        (Channel::Notify | Channel::Hist, _) => assert!(rest.len() <= 1),
        (_, Err(_) | Ok(Seek::NewEpoch)) => assert_eq!(rest, whole, "{ours}"),
        // Of a journal any entry can be the first one, also in the middle of an error.
        (Channel::Journal, _) => assert!(rest.len() <= whole.len()),
        (Channel::Pstore, _) => assert!(rest.iter().all(|event| whole.contains(event))),
        _ => assert!(whole.ends_with(&rest), "{ours}"),
    }
    if let Some(place) = source.cursor() {
        assert_eq!(place.to_string().parse(), Ok(place.clone()));
        source.commit(&place).expect("nothing is erased");
    }
}

/// Any stream, as the journal's: all at once it gives the same as in pieces.
pub fn journal_stream(data: &[u8]) {
    let Some((&piece, stream)) = data.split_first() else {
        return;
    };
    let stream = stream.get(..PIPE).unwrap_or(stream);
    let forever = Duration::from_secs(3600);
    let mut whole = journal(stream).settle(forever);
    let events = drain(&mut whole);
    assert!(whole.ended());
    let (read, mut write) = io::pipe().expect("a pipe");
    let mut pieces = Journal::from_fd("pipe", read.into())
        .expect("a journal")
        .settle(forever);
    let mut same = Vec::new();
    for chunk in stream.chunks(usize::from(piece) + 1) {
        write.write_all(chunk).expect("room in the pipe");
        while let Some(event) = pieces.next().unwrap_or_default() {
            same.push(event);
        }
    }
    drop(write);
    same.extend(drain(&mut pieces));
    assert_eq!(same, events);
    assert_eq!(pieces.untrusted(), whole.untrusted());
}

/// The `header_page` and `format` of a kernel.
fn recorded() -> &'static (Vec<u8>, Vec<u8>) {
    static FILES: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    FILES.get_or_init(|| {
        let truth = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../crates/kernel-tests/tests/truth/trace-6.12-amd");
        let read = |name: &str| {
            let mut bytes = Vec::new();
            let file = File::open(truth.join(name));
            file.and_then(|mut file| file.read_to_end(&mut bytes))
                .expect("a recorded file");
            bytes
        };
        (read("header_page"), read("format"))
    })
}

/// Any file, as any kind: it ends, and going on from behind any of its events gives the others.
pub fn replay(data: &[u8]) {
    let [kind, stop, bytes @ ..] = data else {
        return;
    };
    let open = || match kind % 5 {
        0 => Replay::of_bytes("auto", bytes),
        1 => Ok(Replay::of_bytes("text", bytes)
            .expect("a replay")
            .kind(Kind::Text)),
        2 => {
            let len = LENGTHS
                .into_iter()
                .cycle()
                .nth(usize::from(*stop))
                .unwrap_or(128);
            Ok(Replay::of_bytes("raw", bytes)
                .expect("a replay")
                .kind(Kind::Raw { len }))
        }
        3 => Ok(Replay::of_bytes("json", bytes)
            .expect("a replay")
            .kind(Kind::Json)),
        _ => {
            let (header_page, format) = recorded();
            Replay::of_pages("pages", bytes, header_page, format)
        }
    };
    let mut whole = open().expect("a replay");
    let all = drain(&mut whole);
    assert!(whole.ended());
    let mut first = open().expect("a replay");
    let mut seen = Vec::new();
    while seen.len() < usize::from(*stop) % 8 && !first.ended() {
        seen.extend(first.next().ok().flatten());
    }
    let mut rest = open().expect("a replay");
    if let Some(place) = first.cursor() {
        assert_eq!(rest.seek(&place).expect("its own cursor"), Seek::Resumed);
    }
    seen.extend(drain(&mut rest));
    assert_eq!(seen, all);
}
