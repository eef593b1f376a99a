//! One run of the program: what becomes of each record, and what is said at the end.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use mcekit::Present;
use serde::Serialize;

use crate::args::{Cli, Format};
use crate::block::Blocks;
use crate::cpu::{Processor, Tables};
use crate::error::Error;
use crate::found::Found;
use crate::line::Line;
use crate::out::Out;
use crate::style::Style;
use crate::summary::Summary;
use crate::table::Table;

/// A file of a million bad lines has one message for the first of them.
const MAX_COMPLAINTS: u32 = 20;

/// Where records go.
#[derive(Debug)]
enum Answer {
    Blocks(Blocks),
    Table(Table),
    Lines,
    /// A list; whether it is still empty.
    List(bool),
    Summary(Box<Summary>, Format),
}

/// A run.
#[derive(Debug)]
pub(crate) struct Run {
    answer: Answer,
    style: Style,
    processor: Option<Processor>,
    tables: Tables,
    vendor: Option<mcekit::Vendor>,
    /// How many records were found that hold an error.
    found: u64,
    /// Whether anything went wrong that did not end the run.
    trouble: bool,
    complaints: u32,
    out: Out,
}

impl Run {
    pub(crate) fn new(cli: &Cli, out: Out) -> Self {
        let style = Style::of(cli.color);
        let answer = match cli.format {
            format if cli.summary => Answer::Summary(Box::default(), format),
            Format::Text => Answer::Blocks(Blocks::new(style)),
            Format::Table => Answer::Table(Table::new(style)),
            Format::Ndjson => Answer::Lines,
            Format::Json => Answer::List(true),
        };
        Self {
            answer,
            style,
            processor: cli.cpu,
            tables: Tables::new(cli.cpu.as_ref()),
            vendor: cli.registers.vendor,
            found: 0,
            trouble: false,
            complaints: 0,
            out,
        }
    }

    /// Answers one record.
    ///
    /// # Errors
    ///
    /// [`Error::Write`], and nothing more can be answered then.
    pub(crate) fn record(&mut self, mut found: Found<'_>) -> Result<(), Error> {
        if let Some(processor) = &self.processor {
            found.record = processor.complete(found.record);
        }
        if let (None, Some(vendor)) = (found.record.vendor(), self.vendor) {
            found.record = found.record.with_vendor(vendor);
        }
        let status = found.record.status();
        let complete = found.record.present().contains(Present::STATUS);
        if found.given || !complete || status.val() && !status.not_captured() {
            self.found += 1;
        }
        let record = &found.record;
        match &mut self.answer {
            Answer::Blocks(blocks) => blocks.write(&found, &mut self.tables, &mut self.out),
            Answer::Table(table) => {
                let explained = self.tables.explain(record);
                table.write(&found, &record.decode(), &explained, &mut self.out);
            }
            Answer::Summary(summary, _) => summary.add(record, &mut self.tables),
            Answer::Lines => {
                let line = Line {
                    found: &found,
                    decoding: &record.decode(),
                    explained: &self.tables.explain(record),
                };
                if found.is_ours() {
                    mcekit::write_json(&mut self.out, &line)
                        .map_err(|error| Error::Write(std::io::Error::other(error)))?;
                } else {
                    // JSON that is passed through is serde_json's own.
                    json(&mut self.out, &line)?;
                }
                self.out.str("\n");
            }
            Answer::List(empty) => {
                let line = Line {
                    found: &found,
                    decoding: &record.decode(),
                    explained: &self.tables.explain(record),
                };
                self.out
                    .str(if std::mem::take(empty) { "[\n" } else { ",\n" });
                let mut pretty = serde_json::Serializer::pretty(&mut self.out);
                line.serialize(&mut pretty)
                    .map_err(|error| Error::Write(error.into()))?;
            }
        }
        self.out.flush_full().map_err(Error::Write)
    }

    /// Sends on what is answered so far: nobody waits for an answer while the program waits for input.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.out.flush().map_err(Error::Write)
    }

    /// Tells of something that went wrong, and goes on.
    pub(crate) fn complain(&mut self, error: &Error) {
        self.trouble = true;
        self.complaints += 1;
        match self.complaints.cmp(&MAX_COMPLAINTS) {
            Ordering::Less => eprintln!("decode: {error}"),
            Ordering::Equal => eprintln!("decode: {error}; more errors are not shown"),
            Ordering::Greater => {}
        }
    }

    /// Tells of something that is not as it should be; the answers are complete all the same.
    pub(crate) fn warn(&self, warning: fmt::Arguments<'_>) {
        eprintln!("decode: {warning}");
    }

    /// How many records were answered.
    pub(crate) const fn found(&self) -> u64 {
        self.found
    }

    /// Whether something went wrong.
    pub(crate) const fn trouble(&self) -> bool {
        self.trouble
    }

    /// Writes what comes last.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        match &self.answer {
            Answer::List(true) => _ = self.out.str("[]\n"),
            Answer::List(false) => _ = self.out.str("\n]\n"),
            Answer::Summary(summary, format) => match format {
                Format::Text | Format::Table => summary.text(self.style, &mut self.out),
                Format::Ndjson => {
                    for group in summary.groups() {
                        json(&mut self.out, &group)?;
                        self.out.str("\n");
                    }
                }
                Format::Json => {
                    let mut pretty = serde_json::Serializer::pretty(&mut self.out);
                    summary
                        .serialize(&mut pretty)
                        .map_err(|error| Error::Write(error.into()))?;
                    self.out.str("\n");
                }
            },
            Answer::Blocks(_) | Answer::Table(_) | Answer::Lines => {}
        }
        self.flush()
    }
}

fn json(out: &mut Out, value: &impl Serialize) -> Result<(), Error> {
    serde_json::to_writer(out, value).map_err(|error| Error::Write(error.into()))
}

/// How a name stands in a message.
pub(crate) fn shown(name: Option<&str>) -> Cow<'_, str> {
    name.map_or(Cow::Borrowed("standard input"), Cow::Borrowed)
}
