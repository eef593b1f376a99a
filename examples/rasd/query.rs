//! `rasd query`: the history, as a table or as lines of JSON.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, stdout};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::path::Path;

use mcekit_models::Explained;
use mcekit_source::{Channel, Event, FieldValue, Generic, Loss, Lost, Observed};
use mcekit_store::db::{Kind, Order, Query, Reader, Row, What};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::args;
use crate::delivered::Delivered;
use crate::error::Error;
use crate::explain::cpu::Tables;
use crate::explain::out::Out;
use crate::explain::time::utc;
use crate::explain::title::words;
use crate::out::news::{Json, News};
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
    let mut writer = Writer::new(query.json);
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

/// The first line of the table.
pub(crate) const HEAD: &str =
    "    SEQ  TIME                     CPU  BANK  GRADE            EVENT\n";

/// Rows as text.
pub(crate) struct Writer {
    json: Option<Json>,
    text: Vec<u8>,
    tables: Tables,
}

impl Writer {
    /// As lines of JSON, or of the table.
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json: json.then(Json::new),
            text: Vec::new(),
            tables: Tables::new(None),
        }
    }

    /// Writes one row, and the end of its line.
    pub(crate) fn row(&mut self, row: &Row, out: &mut Out) {
        match &mut self.json {
            Some(json) => {
                self.text.clear();
                json.show(&News::Event(Box::new(delivered(row)), None), &mut self.text);
                out.bytes(&self.text);
            }
            None => {
                self.line(row, out);
                out.str("\n");
            }
        }
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
    let mut text = words(decoding, explained);
    if let Some(unit) = explained.unit() {
        text.insert_str(0, &format!("{}: ", unit.id));
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

/// The event of a row, as it was delivered. Rows that another program wrote have no number and no time; rasdaemon, which
/// writes such, reads the trace.
fn delivered(row: &Row) -> Delivered {
    let channel = row.channel.as_deref().and_then(Channel::by_name);
    let channel = channel.unwrap_or(Channel::Trace);
    let (identity, event) = match &row.what {
        What::Record {
            record,
            identity,
            earlier_boot,
        } => {
            let observed = Observed {
                record: *record,
                channel,
                earlier_boot: *earlier_boot,
            };
            (*identity, Event::Record(observed))
        }
        What::Event {
            system,
            name,
            cpu,
            time,
            fields,
            text,
        } => {
            let generic = Generic {
                system: system.clone(),
                name: name.clone(),
                channel,
                cpu: *cpu,
                time: *time,
                // What another program changed may be no object: then there are none.
                fields: serde_json::from_str(fields).map_or_else(|_| Vec::new(), |Fields(all)| all),
                text: text.clone(),
            };
            (None, Event::Generic(generic))
        }
        What::Lost { kind, count, why } => {
            let loss = match (kind.as_str(), count) {
                ("exact", Some(count)) => Loss::Exact(*count),
                (_, Some(count)) => Loss::AtLeast(*count),
                (_, None) => Loss::Unknown,
            };
            let why = why.clone();
            (None, Event::Lost(Lost { channel, loss, why }))
        }
    };
    Delivered {
        seq: row.seq.unwrap_or(0),
        received: row.received.unwrap_or((0, 0)),
        identity,
        event,
    }
}

/// An event's fields, in the order in which they were stored.
struct Fields(Vec<(String, FieldValue)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut all = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    all.push((name, field(value)));
                }
                Ok(Fields(all))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// A value as the history has it: numbers, text, and bytes as a list of numbers.
fn field(value: Value) -> FieldValue {
    let bytes = |list: &Vec<Value>| -> Option<Vec<u8>> {
        let byte = |value: &Value| value.as_u64().and_then(|n| u8::try_from(n).ok());
        list.iter().map(byte).collect()
    };
    if let Some(n) = value.as_u64() {
        return FieldValue::Unsigned(n);
    }
    if let Some(n) = value.as_i64() {
        return FieldValue::Signed(n);
    }
    match value {
        Value::String(text) => FieldValue::Text(text),
        Value::Array(list) if bytes(&list).is_some() => {
            FieldValue::Bytes(bytes(&list).unwrap_or_default())
        }
        other => FieldValue::Text(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_in_their_order_and_kind() {
        let text = r#"{"z":18446744073709551615,"a":-1,"m":"x","b":[1,255],"o":[256]}"#;
        let Fields(all) = serde_json::from_str(text).unwrap();
        let named = |name: &str, value| (name.to_owned(), value);
        assert_eq!(
            all,
            [
                named("z", FieldValue::Unsigned(u64::MAX)),
                named("a", FieldValue::Signed(-1)),
                named("m", FieldValue::Text("x".into())),
                named("b", FieldValue::Bytes(vec![1, 255])),
                named("o", FieldValue::Text("[256]".into())),
            ]
        );
    }
}
