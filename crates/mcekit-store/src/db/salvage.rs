//! A damaged history: kept aside, and what can be read of it copied into a new one.

use std::fs;
use std::path::{Path, PathBuf};

use mcekit_source::Event;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::schema::{self, TABLES, Table};
use super::{Applied, History, failed, signed};
use crate::entry::Delivered;
use crate::{Error, Result};

/// The tables whose rows have an event's number.
const NUMBERED: [&str; 3] = ["mce_record", "rasd_event", "rasd_loss"];

/// What became of a damaged history.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvaged {
    /// Where the file as it was is kept.
    pub kept: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// How many rows could be read, and are in the new one.
    pub rows: u64,
    /// The tables that could not be read to their end.
    pub broken: Vec<&'static str>,
}

/// Renames a database, with what belongs to it, to the first name that is free: `….damaged-N`.
pub(super) fn aside(path: &Path, what: String) -> Result<Salvaged> {
    let named = |n: u64, end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".damaged-{n}{end}"));
        PathBuf::from(name)
    };
    let mut n = 1;
    while named(n, "").exists() || named(n, "-wal").exists() {
        n += 1;
    }
    for end in ["-wal", "-shm", ""] {
        let mut from = path.as_os_str().to_owned();
        from.push(end);
        match fs::rename(&from, named(n, end)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            renamed => renamed.map_err(|error| Error::io(Path::new(&from), error))?,
        }
    }
    Ok(Salvaged {
        kept: named(n, ""),
        what,
        rows: 0,
        broken: Vec::new(),
    })
}

impl History {
    /// Copies what can be read. Frames that the spool still has are looked through again: rows that are here already are
    /// told by their event's number.
    pub(super) fn salvage(&mut self, mut salvaged: Salvaged) -> Result<Salvaged> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        self.run("BEGIN IMMEDIATE")?;
        let copied = Connection::open_with_flags(&salvaged.kept, flags).map_or(Ok(()), |old| {
            TABLES
                .iter()
                .filter(|table| table.name != "rasd_applied")
                .try_for_each(|table| self.copy(&old, table, &mut salvaged))
        });
        let done = copied
            .and_then(|()| self.prepare_recheck())
            .and_then(|()| self.run("COMMIT"));
        if done.is_err() {
            // Where SQLite has rolled back by itself there is nothing left to undo.
            let _ = self.run("ROLLBACK");
        }
        done.map(|()| salvaged)
    }

    fn copy(&self, old: &Connection, table: &Table, salvaged: &mut Salvaged) -> Result<()> {
        let has = match schema::columns(old, table.name) {
            Ok(has) => has,
            Err(_) => {
                salvaged.broken.push(table.name);
                return Ok(());
            }
        };
        let columns: Vec<&str> = table
            .columns
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| has.iter().any(|has| has == name))
            .collect();
        if columns.is_empty() {
            return Ok(());
        }
        let names = columns.join(", ");
        let marks = vec!["?"; columns.len()].join(", ");
        let put = format!(
            "INSERT OR IGNORE INTO {} ({names}) VALUES ({marks})",
            table.name
        );
        let mut put = self
            .conn
            .prepare(&put)
            .map_err(|error| failed(&self.path, error))?;
        // Rows from the first on; where that ends in damage, from the last one back.
        let mut low = i64::MIN;
        for order in ["ASC", "DESC"] {
            let text = format!(
                "SELECT rowid, {names} FROM {} WHERE rowid > ?1 ORDER BY rowid {order}",
                table.name
            );
            let from = low;
            let mut last = None;
            let Ok(mut get) = old.prepare(&text) else {
                salvaged.broken.push(table.name);
                return Ok(());
            };
            let mut rows = match get.query([from]) {
                Ok(rows) => rows,
                Err(_) => break,
            };
            let whole = loop {
                let row = match rows.next() {
                    Ok(Some(row)) => row,
                    Ok(None) => break true,
                    Err(_) => break false,
                };
                let values: rusqlite::Result<Vec<Value>> =
                    (0..=columns.len()).map(|at| row.get(at)).collect();
                let Ok(mut values) = values else {
                    continue;
                };
                let Value::Integer(rowid) = values.remove(0) else {
                    break false;
                };
                // Rows out of order: pages that were not this table's, or twice.
                let forward = order == "ASC";
                if last.is_some_and(|last| {
                    if forward {
                        rowid <= last
                    } else {
                        rowid >= last
                    }
                }) {
                    break false;
                }
                last = Some(rowid);
                let new = put
                    .execute(params_from_iter(values))
                    .map_err(|error| failed(&self.path, error))?;
                salvaged.rows += new as u64;
            };
            if whole {
                break;
            }
            if order == "ASC" {
                salvaged.broken.push(table.name);
                low = last.unwrap_or(low);
            }
        }
        Ok(())
    }

    /// Notes up to which event rows may be here, and makes them quick to find.
    fn prepare_recheck(&mut self) -> Result<()> {
        let mut last = 0_i64;
        for table in NUMBERED {
            self.run(&format!(
                "CREATE INDEX IF NOT EXISTS rasd_recheck_{table} ON {table} (seq)"
            ))?;
            let max: Option<i64> = self
                .conn
                .query_row(&format!("SELECT max(seq) FROM {table}"), [], |row| {
                    row.get(0)
                })
                .map_err(|error| failed(&self.path, error))?;
            last = last.max(max.unwrap_or(0));
        }
        self.applied = Applied {
            frame: 0,
            entry: last.cast_unsigned(),
            recheck: last.cast_unsigned(),
        };
        self.applied.write(&self.conn, &self.path)
    }

    /// Once the frames are behind what was salvaged, nothing needs to be looked up any more.
    pub(super) fn recheck_ends(&mut self) -> Result<()> {
        if self.applied.recheck == 0 || self.at <= self.applied.recheck {
            return Ok(());
        }
        for table in NUMBERED {
            self.run(&format!("DROP INDEX IF EXISTS rasd_recheck_{table}"))?;
        }
        self.applied.recheck = 0;
        Ok(())
    }
}

/// Whether an event is in the history.
pub(super) fn has(conn: &Connection, delivered: &Delivered) -> rusqlite::Result<bool> {
    let [record, event, loss] = NUMBERED;
    let table = match delivered.event {
        Event::Record(_) => record,
        Event::Lost(_) => loss,
        _ => event,
    };
    conn.prepare_cached(&format!("SELECT 1 FROM {table} WHERE seq = ?1"))?
        .exists([signed(delivered.seq)])
}
