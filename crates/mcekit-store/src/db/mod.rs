//! The history: every event that was ever written down, in SQLite, for people and their tools.
//!
//! A [`History`] follows a spool: it reads frames behind the writer, and puts many of them into one transaction together
//! with the number of the last. What is in here is here once, whatever is killed when; a segment of the spool goes only
//! after its transaction is on disk.
//!
//! Its `mce_record` has rasdaemon's columns first (`ras-mc-ctl` reads them), and the rest of the registers behind them. A
//! register that the channel did not give is NULL, so a row gives back the very record. The texts are for readers of
//! tables only.

mod generic;
mod query;
mod record;
mod salvage;
mod schema;
mod texts;

use std::path::{Path, PathBuf};
use std::time::Duration;

use mcekit_source::{Cursor, Event, Loss, Lost};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use crate::entry::{Delivered, Item};
use crate::spool::Tail;
use crate::{Error, Result};
pub use query::{Kind, Order, Query, Reader, Row, What};
pub use salvage::Salvaged;

/// A transaction takes no more events than this, so that memory and the time that a lock is held stay bounded.
const MOST: u64 = 32_768;

/// The history, open for writing.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    conn: Connection,
    texts: texts::Memo,
    clock: texts::Clock,
    location: String,
    applied: Applied,
    /// The last event that was looked at.
    at: u64,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Applied {
    /// The last frame.
    frame: u64,
    /// The last event.
    entry: u64,
    /// Up to this event, rows may be here already.
    recheck: u64,
}

impl History {
    /// Opens the history, or begins it. `wait`: how long to wait for another connection that has it locked.
    ///
    /// A database of rasdaemon's, of any age, is taken over. A damaged one is kept aside, a new one begun, and what can be
    /// read is copied into it: then the second part of the result tells what became of it.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] while it is locked, [`Error::Version`] and [`Error::Foreign`] for what is not ours to change, and
    /// those of SQLite.
    pub fn open(path: &Path, wait: Duration) -> Result<(Self, Option<Salvaged>)> {
        let what = match Self::open_sound(path, wait) {
            Err(Error::Damaged { what, .. }) => what,
            // Our own statements are right: the file has something under a name that is not what it was.
            Err(Error::Sqlite { source, .. })
                if source.sqlite_error_code() == Some(ErrorCode::Unknown) =>
            {
                source.to_string()
            }
            opened => return Ok((opened?, None)),
        };
        Self::anew(path, what, wait).map(|(history, salvaged)| (history, Some(salvaged)))
    }

    /// Begins a new history with what can be read of this one, which [`History::catch_up`] found to be damaged
    /// ([`Error::Damaged`]). `what`: the error's words.
    ///
    /// # Errors
    ///
    /// As [`History::open`].
    pub fn renew(self, what: String, wait: Duration) -> Result<(Self, Salvaged)> {
        let Self { path, conn, .. } = self;
        // What a damaged file says when it is closed is known.
        drop(conn);
        Self::anew(&path, what, wait)
    }

    fn anew(path: &Path, what: String, wait: Duration) -> Result<(Self, Salvaged)> {
        let salvaged = salvage::aside(path, what)?;
        let mut history = Self::open_sound(path, wait)?;
        let salvaged = history.salvage(salvaged)?;
        Ok((history, salvaged))
    }

    fn open_sound(path: &Path, wait: Duration) -> Result<Self> {
        let sql = |error| failed(path, error);
        format(path)?;
        let mut conn = Connection::open(path).map_err(sql)?;
        conn.busy_timeout(wait).map_err(sql)?;
        // Readers never wait for the writer, nor the writer for them.
        conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
            .map_err(sql)?;
        // A commit is on disk before the spool lets go of its frames.
        conn.pragma_update(None, "synchronous", "FULL")
            .map_err(sql)?;
        conn.pragma_update(None, "cache_size", -2048).map_err(sql)?;
        conn.query_row("PRAGMA wal_autocheckpoint = 4096", [], |_| Ok(()))
            .map_err(sql)?;
        schema::migrate(&mut conn, path)?;
        let applied = Applied::read(&conn, path)?;
        Ok(Self {
            path: path.to_owned(),
            conn,
            texts: texts::Memo::default(),
            clock: texts::Clock::default(),
            location: String::new(),
            applied,
            at: 0,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The numbers of the last frame and of the last event that are in here.
    #[must_use]
    pub const fn applied(&self) -> (u64, u64) {
        (self.applied.frame, self.applied.entry)
    }

    /// How far the sources are read, as of the last frame: for a spool that was lost.
    ///
    /// # Errors
    ///
    /// Those of SQLite.
    pub fn cursors(&self) -> Result<Vec<Cursor>> {
        let sql = |error| failed(&self.path, error);
        let mut statement = self
            .conn
            .prepare("SELECT cursor FROM rasd_cursor")
            .map_err(sql)?;
        let texts = statement
            .query_map([], |row| row.get::<_, String>(0))
            .map_err(sql)?;
        let texts: Vec<String> = texts.collect::<rusqlite::Result<_>>().map_err(sql)?;
        Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
    }

    /// Takes frames that are there, up to some ten thousand events, in one transaction. Returns how many events; `None`
    /// where there was no frame.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] and [`Error::Full`] pass, others may not. Nothing is applied then, and `tail` gives the same frames
    /// again.
    pub fn catch_up(&mut self, tail: &mut Tail) -> Result<Option<u64>> {
        let before = self.applied;
        tail.skip(before.frame);
        let done = self.transaction(tail);
        match done {
            Ok(Some(_)) => tail.applied(self.applied.frame)?,
            Ok(None) => {}
            Err(_) => {
                self.applied = before;
                tail.rewind(before.frame);
            }
        }
        done
    }

    fn transaction(&mut self, tail: &mut Tail) -> Result<Option<u64>> {
        let Some(mut frame) = tail.next_frame()? else {
            return Ok(None);
        };
        self.run("BEGIN IMMEDIATE")?;
        let first = self.applied.entry;
        let all = loop {
            let sequence = frame.sequence;
            let each = frame.each(|item| self.item(&item));
            // The frame's checksum is right and its items do not read: opening has told of it as damage.
            if let Err(error) = each
                && !matches!(error, Error::Damaged { .. })
            {
                break Err(error);
            }
            self.applied.frame = sequence;
            if self.applied.entry.saturating_sub(first) >= MOST {
                break Ok(());
            }
            match tail.next_frame() {
                Ok(Some(next)) => frame = next,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let end = all
            .and_then(|()| self.recheck_ends())
            .and_then(|()| self.applied.write(&self.conn, &self.path))
            .and_then(|()| self.run("COMMIT"));
        if let Err(error) = end {
            // Where SQLite has rolled back by itself there is nothing left to undo.
            let _ = self.run("ROLLBACK");
            return Err(error);
        }
        Ok(Some(self.applied.entry.saturating_sub(first)))
    }

    fn run(&self, text: &str) -> Result<()> {
        self.conn
            .execute_batch(text)
            .map_err(|error| failed(&self.path, error))
    }

    fn item(&mut self, item: &Item) -> Result<()> {
        let Self { conn, path, .. } = &*self;
        let sql = |error| failed(path, error);
        match item {
            Item::Entry(delivered, number) => {
                let known = delivered.seq <= self.applied.recheck
                    && salvage::has(conn, delivered).map_err(sql)?;
                if !known {
                    self.entry(delivered, *number)
                        .map_err(|error| failed(&self.path, error))?;
                }
                self.applied.entry = self.applied.entry.max(delivered.seq);
                self.at = delivered.seq;
            }
            Item::Again {
                received,
                identity,
                channel,
                number,
            } => {
                // Of a salvaged history nobody knows which of these are there; each is there once.
                let new = self.applied.recheck == 0
                    || !conn
                        .prepare_cached(
                            "SELECT 1 FROM rasd_again WHERE identity = ?1 AND channel = ?2 AND number = ?3",
                        )
                        .and_then(|mut find| {
                            find.exists(params![identity.0, channel.name(), number])
                        })
                        .map_err(sql)?;
                if new {
                    conn.prepare_cached(
                        "INSERT INTO rasd_again (received, received_ns, identity, channel, number) \
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                    )
                    .and_then(|mut insert| {
                        insert.execute(params![
                            signed(received.0),
                            received.1,
                            identity.0,
                            channel.name(),
                            number
                        ])
                    })
                    .map_err(sql)?;
                }
            }
            Item::Cursor(cursor) => {
                conn.prepare_cached(
                    "INSERT INTO rasd_cursor (source, cursor) VALUES (?1, ?2) \
                     ON CONFLICT (source) DO UPDATE SET cursor = excluded.cursor",
                )
                .and_then(|mut put| put.execute([cursor.source(), &cursor.to_string()]))
                .map_err(sql)?;
            }
            Item::Taking(_) | Item::Taken(_) => {}
        }
        Ok(())
    }

    fn entry(&mut self, delivered: &Delivered, number: u32) -> rusqlite::Result<()> {
        let (received, received_ns) = delivered.received;
        match &delivered.event {
            Event::Record(observed) => {
                let texts = self.texts.of(&observed.record);
                texts.location(&observed.record, &mut self.location);
                let seconds = observed.record.time().unwrap_or(received);
                let conn = &self.conn;
                let timestamp = self.clock.text(seconds, |at| offset(conn, at));
                record::insert(
                    conn,
                    delivered,
                    observed,
                    number,
                    timestamp,
                    &texts,
                    &self.location,
                )
            }
            Event::Generic(generic) => {
                let (seconds, _) = generic.time.unwrap_or(delivered.received);
                let conn = &self.conn;
                let timestamp = self.clock.text(seconds, |at| offset(conn, at));
                generic::insert(conn, delivered, generic, timestamp)
            }
            Event::Lost(lost) => self.lost(delivered.seq, (received, received_ns), lost),
            // What a frame gives is one of those above.
            _ => Ok(()),
        }
    }

    fn lost(&self, seq: u64, received: (u64, u32), lost: &Lost) -> rusqlite::Result<()> {
        let (kind, count) = match lost.loss {
            Loss::Exact(n) => ("exact", Some(n)),
            Loss::AtLeast(n) => ("at-least", Some(n)),
            Loss::Unknown => ("unknown", None),
        };
        self.conn
            .prepare_cached(
                "INSERT INTO rasd_loss (seq, received, received_ns, channel, kind, count, why) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                signed(seq),
                signed(received.0),
                received.1,
                lost.channel.name(),
                kind,
                count.map(signed),
                lost.why
            ])?;
        Ok(())
    }

    /// The last events' identities, channels and numbers, oldest first: what tells reports of several channels together.
    ///
    /// # Errors
    ///
    /// Those of SQLite.
    pub fn sightings(
        &self,
        most: u32,
        mut see: impl FnMut(mcekit_source::Identity, mcekit_source::Channel, u32),
    ) -> Result<()> {
        for table in ["mce_record", "rasd_again"] {
            let text = format!(
                "SELECT identity, channel, number FROM (SELECT id, identity, channel, number FROM {table} \
                 WHERE identity IS NOT NULL ORDER BY id DESC LIMIT ?1) ORDER BY id"
            );
            let sql = |error| failed(&self.path, error);
            let mut statement = self.conn.prepare(&text).map_err(sql)?;
            let mut rows = statement.query([most]).map_err(sql)?;
            while let Some(row) = rows.next().map_err(sql)? {
                let identity: Option<[u8; 16]> = row.get(0).ok();
                let channel = row.get_ref(1).ok().and_then(|value| value.as_str().ok());
                let number: Option<u32> = row.get(2).ok();
                if let (Some(identity), Some(channel), Some(number)) = (
                    identity,
                    channel.and_then(mcekit_source::Channel::by_name),
                    number,
                ) {
                    see(mcekit_source::Identity(identity), channel, number);
                }
            }
        }
        Ok(())
    }
}

impl Applied {
    /// What the database says. A row whose checksum is wrong is damage: a wrong number would pass frames over.
    fn read(conn: &Connection, path: &Path) -> Result<Self> {
        let row = conn
            .query_row(
                "SELECT frame, entry, recheck, checksum FROM rasd_applied WHERE id = 0",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .optional();
        let row: Option<(i64, i64, i64, i64)> = match row {
            Err(rusqlite::Error::InvalidColumnType(..)) => None,
            row => match row.map_err(|error| failed(path, error))? {
                None => return Ok(Self::default()),
                row => row,
            },
        };
        row.and_then(|(frame, entry, recheck, checksum)| {
            let applied = Self {
                frame: frame.cast_unsigned(),
                entry: entry.cast_unsigned(),
                recheck: recheck.cast_unsigned(),
            };
            (applied.checksum() == checksum).then_some(applied)
        })
        .ok_or_else(|| Error::Damaged {
            path: path.to_owned(),
            what: "the note of what it has does not agree with its checksum".into(),
        })
    }

    fn write(self, conn: &Connection, path: &Path) -> Result<()> {
        conn.prepare_cached(
            "INSERT OR REPLACE INTO rasd_applied (id, frame, entry, recheck, checksum) VALUES (0, ?1, ?2, ?3, ?4)",
        )
        .and_then(|mut put| {
            put.execute(params![
                signed(self.frame),
                signed(self.entry),
                signed(self.recheck),
                self.checksum()
            ])
        })
        .map(drop)
        .map_err(|error| failed(path, error))
    }

    fn checksum(self) -> i64 {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.frame.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.entry.to_le_bytes());
        bytes[16..].copy_from_slice(&self.recheck.to_le_bytes());
        crc32c::crc32c(&bytes).into()
    }
}

/// SQLite opens a file whose format versions (bytes 18 and 19) it does not know for reading only, or says that it is no
/// database: for a file that we write to, that is damage.
fn format(path: &Path) -> Result<()> {
    use std::io::Read;
    let mut head = Vec::new();
    let read = match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        opened => opened.and_then(|file| file.take(20).read_to_end(&mut head)),
    };
    read.map_err(|error| Error::io(path, error))?;
    match head.get(18..20) {
        Some(versions) if versions.iter().any(|version| !(1..=2).contains(version)) => {
            Err(Error::Damaged {
                path: path.to_owned(),
                what: "its header is not SQLite's".into(),
            })
        }
        _ => Ok(()),
    }
}

/// SQLite's numbers are signed; registers keep their bits.
const fn signed(n: u64) -> i64 {
    n.cast_signed()
}

/// By how many seconds the local clock is ahead at a time. SQLite knows the time zone.
fn offset(conn: &Connection, at: u64) -> i64 {
    let text = "SELECT CAST(strftime('%s', ?1, 'unixepoch', 'localtime') AS INTEGER) - ?1";
    conn.prepare_cached(text)
        .and_then(|mut ask| ask.query_row([signed(at)], |row| row.get(0)))
        .unwrap_or(0)
}

/// SQLite's error, by what one can do about it.
fn failed(path: &Path, error: rusqlite::Error) -> Error {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::InUse { path },
        Some(ErrorCode::DiskFull) => Error::Full {
            path,
            source: std::io::Error::new(std::io::ErrorKind::StorageFull, error),
        },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Damaged {
            path,
            what: error.to_string(),
        },
        Some(_) => Error::Sqlite {
            path,
            source: error,
        },
        // Not SQLite's, but what reads its values: they are not what was written.
        None => Error::Damaged {
            path,
            what: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests;
