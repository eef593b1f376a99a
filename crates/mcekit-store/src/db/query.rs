//! Reading the history.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use mcekit::Record;
use mcekit::severity::Severity;
use mcekit::table::Place;
use mcekit_source::Identity;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::record::{self, REGISTERS};
use super::{failed, signed};
use crate::Result;

/// What to look for. Everything that is given has to agree.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Not before this time, in seconds since 1970: when it happened, or when it was received where that is not known.
    pub since: Option<u64>,
    /// Before this time.
    pub until: Option<u64>,
    /// The processor that reported.
    pub cpu: Option<u32>,
    /// The package.
    pub socket: Option<u32>,
    /// The bank.
    pub bank: Option<u8>,
    /// One of these grades, as of now: what is stored are registers, and they are graded again.
    pub severities: Vec<Severity>,
    /// The architecture's class of the error code, or a class of the model's codes: `memory-controller`, `patrol-scrub`.
    pub class: Option<String>,
    /// Where it is.
    pub places: Vec<(Place, u32)>,
    /// One error.
    pub identity: Option<Identity>,
    /// What kinds of events; none named: all. Only machine checks where anything is asked that only they have.
    pub kinds: Vec<Kind>,
    /// So many at most.
    pub limit: Option<u64>,
    /// Which come first.
    pub order: Order,
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Machine checks.
    Record,
    /// Other events of the kernel.
    Event,
    /// Losses.
    Loss,
}

/// The order of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// In the order in which they were written down.
    #[default]
    Oldest,
    /// The latest first.
    Newest,
}

/// One event of the history.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// Its number; rows that another program wrote have none.
    pub seq: Option<u64>,
    /// When it was received: seconds since 1970, and nanoseconds.
    pub received: Option<(u64, u32)>,
    /// The channel that told of it first.
    pub channel: Option<String>,
    /// The event.
    pub what: What,
}

/// What a row holds.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A machine check.
    Record {
        /// Its registers.
        record: Record,
        /// Its identity.
        identity: Option<Identity>,
        /// It happened before the machine's last start.
        earlier_boot: bool,
    },
    /// Another event.
    Event {
        /// The kernel's subsystem.
        system: String,
        /// Its name.
        name: String,
        /// The CPU that reported it.
        cpu: Option<u32>,
        /// When it happened: seconds since 1970, and nanoseconds.
        time: Option<(u64, u32)>,
        /// Its fields, as a JSON object.
        fields: String,
        /// The kernel's words.
        text: Option<String>,
    },
    /// Something is missing here.
    Lost {
        /// `exact`, `at-least` or `unknown`.
        kind: String,
        /// How many.
        count: Option<u64>,
        /// Why.
        why: String,
    },
}

/// The history, open for reading; while it is written to, too.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    conn: Connection,
}

impl Reader {
    /// Opens a history that [`History`](super::History) has begun or taken over.
    ///
    /// # Errors
    ///
    /// Where there is none, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(|error| failed(path, error))?;
        conn.busy_timeout(std::time::Duration::from_secs(5))
            .map_err(|error| failed(path, error))?;
        conn.pragma_update(None, "cache_size", -2048)
            .map_err(|error| failed(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            conn,
        })
    }

    /// Hands out the rows that a query asks for, one by one, until there are no more or `take` has enough.
    ///
    /// # Errors
    ///
    /// Those of SQLite.
    pub fn each(&self, query: &Query, mut take: impl FnMut(&Row) -> ControlFlow<()>) -> Result<()> {
        self.rows(query, &mut take)
            .map_err(|error| failed(&self.path, error))
    }

    fn rows(
        &self,
        query: &Query,
        take: &mut dyn FnMut(&Row) -> ControlFlow<()>,
    ) -> rusqlite::Result<()> {
        let mut left = query.limit.unwrap_or(u64::MAX);
        let mut statements = Vec::new();
        for kind in [Kind::Record, Kind::Event, Kind::Loss] {
            if query.wants(kind) && self.has(kind)? {
                let (text, values) = query.sql(kind);
                statements.push((kind, self.conn.prepare(&text)?, values));
            }
        }
        // Each table is in the order of its events; the next is the first of their firsts.
        let mut streams = Vec::new();
        for (kind, statement, values) in &mut statements {
            let mut rows = statement.query(params_from_iter(values.iter()))?;
            if let Some(first) = next(&mut rows, *kind, query)? {
                streams.push((first, *kind, rows));
            }
        }
        while left > 0 {
            let key = |at: &usize| {
                streams
                    .get(*at)
                    .map_or(0, |(row, _, _): &(Row, _, _)| row.seq.unwrap_or(0))
            };
            let at = match query.order {
                Order::Oldest => (0..streams.len()).min_by_key(key),
                Order::Newest => (0..streams.len()).max_by_key(key),
            };
            let Some((row, kind, rows)) = at.and_then(|at| streams.get_mut(at)) else {
                return Ok(());
            };
            if take(row).is_break() {
                return Ok(());
            }
            left -= 1;
            match (next(rows, *kind, query)?, at) {
                (Some(next), _) => *row = next,
                (None, Some(at)) => drop(streams.swap_remove(at)),
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Whether there is such a table, of ours: what only rasdaemon wrote is taken over first.
    fn has(&self, kind: Kind) -> rusqlite::Result<bool> {
        let columns = super::schema::columns(&self.conn, kind.table())?;
        Ok(columns.iter().any(|column| column == "seq"))
    }
}

impl Kind {
    const fn table(self) -> &'static str {
        match self {
            Self::Record => "mce_record",
            Self::Event => "rasd_event",
            Self::Loss => "rasd_loss",
        }
    }

    /// The columns of the event itself, behind the four that all have.
    const fn columns(self) -> &'static str {
        match self {
            Self::Record => "identity, earlier_boot",
            Self::Event => "system, name, cpu, time, time_ns, fields, text",
            Self::Loss => "kind, count, why",
        }
    }

    const fn time(self) -> &'static str {
        match self {
            Self::Record => "COALESCE(NULLIF(walltime, 0), received)",
            Self::Event => "COALESCE(time, received)",
            Self::Loss => "received",
        }
    }
}

impl Query {
    /// Whether rows of a kind can be in the answer.
    fn wants(&self, kind: Kind) -> bool {
        let only_records = self.socket.is_some()
            || self.bank.is_some()
            || !self.severities.is_empty()
            || self.class.is_some()
            || !self.places.is_empty()
            || self.identity.is_some();
        let asked = self.kinds.is_empty() || self.kinds.contains(&kind);
        let can = match kind {
            Kind::Record => true,
            Kind::Event => !only_records,
            Kind::Loss => !only_records && self.cpu.is_none(),
        };
        asked && can
    }

    /// What the database can sort out by itself.
    fn sql(&self, kind: Kind) -> (String, Vec<Value>) {
        let mut values = Vec::new();
        let mut conditions = Vec::new();
        let mut add = |condition: String, value: Value| {
            conditions.push(condition);
            values.push(value);
        };
        if let Some(since) = self.since {
            add(format!("{} >= ?", kind.time()), signed(since).into());
        }
        if let Some(until) = self.until {
            add(format!("{} < ?", kind.time()), signed(until).into());
        }
        if let Some(cpu) = self.cpu {
            add("cpu = ?".into(), cpu.into());
        }
        if kind == Kind::Record {
            if let Some(socket) = self.socket {
                add("socketid = ?".into(), socket.into());
            }
            if let Some(bank) = self.bank {
                add("bank = ?".into(), bank.into());
            }
            if let Some(identity) = self.identity {
                add("identity = ?".into(), identity.0.to_vec().into());
            }
        }
        let mut text = String::from("SELECT ");
        if kind == Kind::Record {
            text.push_str(REGISTERS);
            text.push_str(", ");
        }
        text.push_str("seq, received, received_ns, channel, ");
        text.push_str(kind.columns());
        text.push_str(" FROM ");
        text.push_str(kind.table());
        if !conditions.is_empty() {
            text.push_str(" WHERE ");
            text.push_str(&conditions.join(" AND "));
        }
        text.push_str(match self.order {
            Order::Oldest => " ORDER BY id",
            Order::Newest => " ORDER BY id DESC",
        });
        (text, values)
    }

    /// Whether a row's registers say what is asked for.
    fn agrees(&self, record: &Record) -> bool {
        let decoding = record.decode();
        if !self.severities.is_empty() && !self.severities.contains(&decoding.grade().severity) {
            return false;
        }
        if self.class.is_none() && self.places.is_empty() {
            return true;
        }
        let explained = mcekit_models::decode(record);
        if let Some(class) = &self.class
            && decoding.code.class().name() != class
            && !explained
                .values()
                .any(|value| value.class().is_some_and(|of| of.name() == class))
        {
            return false;
        }
        let location = explained.location();
        self.places
            .iter()
            .all(|&(place, n)| location.get(place) == Some(n))
    }
}

/// The next row that agrees.
fn next(rows: &mut rusqlite::Rows<'_>, kind: Kind, query: &Query) -> rusqlite::Result<Option<Row>> {
    while let Some(row) = rows.next()? {
        let row = read(row, kind);
        match &row.what {
            What::Record { record, .. } if !query.agrees(record) => {}
            _ => return Ok(Some(row)),
        }
    }
    Ok(None)
}

/// A row; what is not of its column's type is taken as absent.
fn read(row: &rusqlite::Row<'_>, kind: Kind) -> Row {
    let text = |at: usize| row.get::<_, String>(at).ok();
    let number = |at: usize| row.get::<_, i64>(at).ok().map(i64::cast_unsigned);
    let small = |at: usize| row.get::<_, u32>(at).ok();
    // The registers come first, where there are any.
    let base = match kind {
        Kind::Record => 21,
        Kind::Event | Kind::Loss => 0,
    };
    let own = base + 4;
    let what = match kind {
        Kind::Record => What::Record {
            record: record::read(row),
            identity: row.get::<_, [u8; 16]>(own).ok().map(Identity),
            earlier_boot: small(own + 1) == Some(1),
        },
        Kind::Event => What::Event {
            system: text(own).unwrap_or_default(),
            name: text(own + 1).unwrap_or_default(),
            cpu: small(own + 2),
            time: number(own + 3).zip(small(own + 4)),
            fields: text(own + 5).unwrap_or_else(|| "{}".into()),
            text: text(own + 6),
        },
        Kind::Loss => What::Lost {
            kind: text(own).unwrap_or_default(),
            count: number(own + 1),
            why: text(own + 2).unwrap_or_default(),
        },
    };
    Row {
        seq: number(base),
        received: number(base + 1).zip(small(base + 2)),
        channel: text(base + 3),
        what,
    }
}
