//! A record, or a loss, as a line of text or of JSON.

use std::fmt::Write as _;
use std::io::{Result, Write};

use serde::Serialize;
use tracefs::page::Loss;
use tracefs::{Endian, Record, Value};

use crate::events::Events;

/// Writes lines.
pub(crate) struct Out<W: Write> {
    to: W,
    json: bool,
    /// Used again for each record's text.
    text: String,
}

/// One line of JSON. Times are strings: as a number they lose digits in half the world's readers.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    cpu: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    /// The event's id, where it is all that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Record<'a, 'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<u64>,
    /// More may be lost than `lost` says.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    at_least: bool,
}

impl<W: Write> Out<W> {
    pub(crate) fn new(to: W, json: bool) -> Self {
        Self {
            to,
            json,
            text: String::new(),
        }
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        self.to.flush()
    }

    fn line(&mut self, line: &Line<'_>) -> Result<()> {
        serde_json::to_writer(&mut self.to, line)?;
        self.to.write_all(b"\n")
    }

    pub(crate) fn record(
        &mut self,
        time: u64,
        cpu: u32,
        data: &[u8],
        events: &mut Events<'_>,
    ) -> Result<()> {
        let id = data.first_chunk().map_or(0, |id| match Endian::NATIVE {
            Endian::Little => u16::from_le_bytes(*id),
            Endian::Big => u16::from_be_bytes(*id),
        });
        let Some(known) = events.get(id) else {
            return match self.json {
                true => self.line(&Line {
                    id: Some(id),
                    ..Line::at(time, cpu)
                }),
                false => writeln!(
                    self.to,
                    "{} [{cpu:03}] event {id}: {data:02x?}",
                    seconds(time)
                ),
            };
        };
        let record = known.format.record(data);
        if self.json {
            return self.line(&Line {
                event: Some(&known.name),
                fields: Some(record),
                ..Line::at(time, cpu)
            });
        }
        self.text.clear();
        // Writing to a String cannot fail; what cannot be shown has something else in its place.
        let _ = match &known.print {
            Some(print) => print.render(data, &mut self.text).map(drop),
            None => record
                .values()
                .try_for_each(|(field, value)| write!(self.text, "{}={value:?} ", field.name())),
        };
        let pid = record.get("common_pid").ok().and_then(Value::as_i64);
        writeln!(
            self.to,
            "{} [{cpu:03}] {:>7} {}: {}",
            seconds(time),
            pid.unwrap_or(-1),
            known.name,
            self.text.trim_end_matches('\n')
        )
    }

    pub(crate) fn lost(&mut self, time: u64, cpu: u32, loss: Loss) -> Result<()> {
        if self.json {
            return self.line(&Line {
                lost: Some(match loss {
                    Loss::Exact(n) | Loss::AtLeast(n) => n,
                    Loss::Unknown => 1,
                }),
                at_least: !matches!(loss, Loss::Exact(_)),
                ..Line::at(time, cpu)
            });
        }
        let many = match loss {
            Loss::Exact(n) => n.to_string(),
            Loss::AtLeast(n) => format!("at least {n}"),
            Loss::Unknown => "some".into(),
        };
        writeln!(self.to, "{} [{cpu:03}] LOST {many} records", seconds(time))
    }
}

impl Line<'_> {
    fn at(time: u64, cpu: u32) -> Self {
        Self {
            time: seconds(time).trim_start().into(),
            cpu,
            event: None,
            id: None,
            fields: None,
            lost: None,
            at_least: false,
        }
    }
}

/// Nanoseconds as seconds.
fn seconds(time: u64) -> String {
    format!("{:6}.{:09}", time / 1_000_000_000, time % 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_lines_too() {
        let lines = |json| {
            let mut bytes = Vec::new();
            let mut out = Out::new(&mut bytes, json);
            out.lost(1_500_000_000, 3, Loss::Exact(7)).unwrap();
            out.lost(2, 0, Loss::AtLeast(1)).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(
            lines(false),
            "     1.500000000 [003] LOST 7 records\n     0.000000002 [000] LOST at least 1 records\n"
        );
        assert_eq!(
            lines(true),
            "{\"time\":\"1.500000000\",\"cpu\":3,\"lost\":7}\n\
             {\"time\":\"0.000000002\",\"cpu\":0,\"lost\":1,\"at_least\":true}\n"
        );
    }
}
