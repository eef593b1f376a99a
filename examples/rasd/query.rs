//! `rasd query`: the history, as a table or as lines of JSON.

use std::fs::File;
use std::io::{ErrorKind, stdout};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::path::Path;

use mcekit::Record;
use mcekit_models::Explained;
use mcekit_store::db::{Kind, Order, Query, Reader, Row, What};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::args;
use crate::error::Error;
use crate::explain::cpu::Tables;
use crate::explain::found::{Found, Source};
use crate::explain::line::Line;
use crate::explain::out::Out;
use crate::explain::time::utc;
use crate::state;

impl From<&args::Query> for Query {
    fn from(args: &args::Query) -> Self {
        Self {
            since: args.since,
            until: args.until,
            cpu: args.cpu,
            socket: args.socket,
            bank: args.bank,
            severities: args.severity.clone(),
            class: args.class.clone(),
            places: args.places.clone(),
            identity: args.identity,
            kinds: args
                .kind
                .iter()
                .map(|kind| match kind {
                    args::Kind::Record => Kind::Record,
                    args::Kind::Event => Kind::Event,
                    args::Kind::Loss => Kind::Loss,
                })
                .collect(),
            limit: args.limit,
            order: if args.newest {
                Order::Newest
            } else {
                Order::Oldest
            },
        }
    }
}

/// Answers a query straight from the database of a state directory, whether the daemon runs or not.
pub(crate) fn answer(dir: &Path, query: &args::Query) -> Result<(), Error> {
    let failed = |source| Error::System {
        call: "writing the answer",
        source,
    };
    let reader = Reader::open(&state::history(dir))?;
    let fd = stdout().as_fd().try_clone_to_owned().map_err(failed)?;
    let mut out = Out::new(File::from(fd));
    if !query.json {
        out.str(HEAD);
    }
    let mut writer = Writer {
        json: query.json,
        tables: Tables::new(None),
    };
    let mut wrong = None;
    reader.each(&query.into(), |row| {
        writer.row(row, &mut out);
        match out.flush_full() {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                wrong = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    let ended = match wrong {
        Some(error) => Err(error),
        None => out.flush(),
    };
    match ended {
        // Whoever reads us has enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        ended => ended.map_err(failed),
    }
}

const HEAD: &str = "    SEQ  TIME                     CPU  BANK  GRADE            EVENT\n";

/// Rows as text.
pub(crate) struct Writer {
    json: bool,
    tables: Tables,
}

impl Writer {
    /// Writes one row, and the end of its line.
    pub(crate) fn row(&mut self, row: &Row, out: &mut Out) {
        match (&row.what, self.json) {
            (What::Record { record, .. }, true) => self.object(row, record, out),
            (_, true) => other(row, out),
            (_, false) => self.line(row, out),
        }
        out.str("\n");
    }

    /// A record as docs/json.md has it; its `source` tells of the history.
    fn object(&mut self, row: &Row, record: &Record, out: &mut Out) {
        // Numbers, names and hex digits: nothing that JSON cannot say.
        let Ok(raw) = serde_json::to_string(&Stored::of(row)).and_then(RawValue::from_string)
        else {
            return;
        };
        let found = Found {
            record: *record,
            id: None,
            source: Source::Said(&raw),
            texts: &[],
            given: true,
        };
        let explained = self.tables.explain(record);
        let line = Line {
            found: &found,
            decoding: &record.decode(),
            explained: &explained,
        };
        // The buffer takes everything.
        let _ = serde_json::to_writer(out, &line);
    }

    /// A row of the table.
    fn line(&mut self, row: &Row, out: &mut Out) {
        let start = out.len();
        let column = |out: &mut Out, width: usize| {
            let written = out.len() - start;
            out.str(&" ".repeat((width.saturating_sub(written)).max(1)));
        };
        let seq = row.seq.map_or_else(|| "-".into(), |seq| seq.to_string());
        out.str(&format!("{seq:>7}  "));
        let (time, cpu, bank) = match &row.what {
            What::Record { record, .. } => (record.time(), record.cpu(), record.bank()),
            What::Event { time, cpu, .. } => (time.map(|(seconds, _)| seconds), *cpu, None),
            What::Lost { .. } => (None, None, None),
        };
        let received = row.received.map(|(seconds, _)| seconds);
        match time.filter(|&time| time != 0).or(received) {
            Some(time) => utc(time, out),
            None => _ = out.str("-"),
        }
        column(out, 34);
        out.str(&cpu.map_or_else(String::new, |cpu| cpu.to_string()));
        column(out, 39);
        out.str(&bank.map_or_else(String::new, |bank| bank.to_string()));
        column(out, 45);
        match &row.what {
            What::Record { record, .. } => {
                let decoding = record.decode();
                out.str(decoding.grade().severity.id());
                column(out, 62);
                let explained = self.tables.explain(record);
                out.str(&text(&explained, &decoding));
            }
            What::Event {
                system,
                name,
                fields,
                text,
                ..
            } => {
                column(out, 62);
                out.str(&format!("{system}:{name} "));
                out.str(text.as_deref().unwrap_or(fields));
            }
            What::Lost { kind, count, why } => {
                out.str("lost");
                column(out, 62);
                let count = match (kind.as_str(), count) {
                    ("exact", Some(count)) => count.to_string(),
                    (_, Some(count)) => format!("at least {count}"),
                    (_, None) => "an unknown number of events".into(),
                };
                out.str(&format!("{count}: {why}"));
            }
        }
    }
}

/// What it is and where, in one line.
fn text(explained: &Explained<'_>, decoding: &mcekit::Decoding) -> String {
    let mut text = match explained.unit() {
        Some(unit) => format!("{}: {}", unit.id, decoding.code),
        None => decoding.code.to_string(),
    };
    for value in explained.values() {
        if let Some(said) = value.text().filter(|_| value.field.place().is_none()) {
            text.push_str("; ");
            text.push_str(said);
        }
    }
    let location = explained.location();
    if !location.is_empty() {
        let places: Vec<String> = location
            .iter()
            .map(|(place, n)| format!("{} {n}", place.name()))
            .collect();
        text.push_str(&format!("; {}", places.join(", ")));
    }
    text
}

/// Where a row of the history is from.
#[derive(Serialize)]
struct Stored<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    earlier_boot: bool,
}

impl<'a> Stored<'a> {
    fn of(row: &'a Row) -> Self {
        let (identity, earlier_boot) = match &row.what {
            What::Record {
                identity,
                earlier_boot,
                ..
            } => (identity.map(|identity| identity.to_string()), *earlier_boot),
            _ => (None, false),
        };
        Self {
            channel: row.channel.as_deref(),
            seq: row.seq,
            received: row.received.map(|(seconds, _)| seconds),
            identity,
            earlier_boot,
        }
    }
}

/// An event that is no machine check, or a loss.
fn other(row: &Row, out: &mut Out) {
    #[derive(Serialize)]
    struct Object<'a> {
        schema: u32,
        source: Stored<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        event: Option<Event<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        lost: Option<Lost<'a>>,
    }
    #[derive(Serialize)]
    struct Event<'a> {
        system: &'a str,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cpu: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        time: Option<u64>,
        fields: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<&'a str>,
    }
    #[derive(Serialize)]
    struct Lost<'a> {
        kind: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        count: Option<u64>,
        why: &'a str,
    }
    let mut object = Object {
        schema: crate::explain::line::SCHEMA,
        source: Stored::of(row),
        event: None,
        lost: None,
    };
    match &row.what {
        What::Event {
            system,
            name,
            cpu,
            time,
            fields,
            text,
        } => {
            object.event = Some(Event {
                system,
                name,
                cpu: *cpu,
                time: time.map(|(seconds, _)| seconds),
                // A row that another program changed may be no JSON: then its fields are null.
                fields: serde_json::from_str(fields).ok(),
                text: text.as_deref(),
            });
        }
        What::Lost { kind, count, why } => {
            object.lost = Some(Lost {
                kind,
                count: *count,
                why,
            });
        }
        What::Record { .. } => {}
    }
    // The buffer takes everything.
    let _ = serde_json::to_writer(out, &object);
}
