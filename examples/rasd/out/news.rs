//! What outputs are given, and how it reads: for people as a block or a line, for programs as JSON.

use std::fmt::Write as _;

use mcekit::{Decoding, Severity};
use mcekit_source::{Event, FieldValue, Generic, Loss, Lost, Observed};
use mcekit_store::Delivered;
use serde::ser::{SerializeMap, Serializer};

use crate::config::Form;
use crate::explain::block::Blocks;
use crate::explain::cpu::Tables;
use crate::explain::found::{Found, Place, Source};
use crate::explain::line::{Line, SCHEMA};
use crate::explain::out::Out;
use crate::explain::said::word;
use crate::explain::style::{PLAIN, Style};
use crate::explain::time::utc;
use crate::explain::title::words;
use crate::facts::Facts;
use crate::notes::Priority;

use super::queue::LeftOut;

/// One thing that is told.
#[derive(Debug)]
pub(crate) enum News {
    /// An event, and the name of its DIMM.
    Event(Box<Delivered>, Option<String>),
    /// A note of the daemon's own, and when: seconds since 1970.
    Note(Priority, String, u64),
}

/// What an event is graded as, by syslog's numbers.
pub(crate) const fn priority(severity: Severity) -> Priority {
    match severity {
        Severity::Panic => Priority::Critical,
        Severity::ActionRequired | Severity::Uncorrected => Priority::Error,
        Severity::ActionOptional | Severity::Deferred | Severity::Some => Priority::Warning,
        Severity::Keep => Priority::Notice,
        Severity::No => Priority::Info,
    }
}

/// Shows news to people.
#[derive(Debug)]
pub(crate) struct Shower {
    form: Form,
    style: Style,
    blocks: Blocks,
    tables: Tables,
    out: Out,
    /// Something was shown before.
    any: bool,
    /// A block was.
    any_block: bool,
}

impl Shower {
    pub(crate) fn new(form: Form, style: Style) -> Self {
        Self {
            form,
            style,
            blocks: Blocks::new(style),
            tables: Tables::new(None),
            out: Out::memory(),
            any: false,
            any_block: false,
        }
    }

    /// Writes it as text, with its line ends.
    pub(crate) fn show(&mut self, news: &News, text: &mut Vec<u8>) {
        self.out.clear();
        match (news, self.form) {
            (News::Event(delivered, name), Form::Block) => {
                if let Event::Record(observed) = &delivered.event {
                    self.block(delivered, observed, name.as_deref());
                } else {
                    self.gap();
                    stamp(delivered.received.0, &mut self.out);
                    line(delivered, None, self.style, &mut self.tables, &mut self.out);
                    self.out.str("\n");
                }
            }
            (News::Event(delivered, name), Form::Line) => {
                let name = name.as_deref();
                let time = match &delivered.event {
                    Event::Record(observed) => observed.record.time(),
                    _ => None,
                };
                stamp(time.unwrap_or(delivered.received.0), &mut self.out);
                line(delivered, name, self.style, &mut self.tables, &mut self.out);
                self.out.str("\n");
            }
            (News::Note(priority, what, at), form) => {
                if form == Form::Block {
                    self.gap();
                }
                stamp(*at, &mut self.out);
                let colour = match priority {
                    Priority::Critical | Priority::Error => self.style.error,
                    Priority::Warning => self.style.warning,
                    Priority::Notice | Priority::Info => self.style.label,
                };
                self.out
                    .str(colour)
                    .str("rasd")
                    .str(reset(colour, self.style));
                self.out.str(": ").str(what).str("\n");
            }
        }
        self.any = true;
        text.extend_from_slice(self.out.written_since(0));
    }

    /// What is missing here because the output was too slow.
    pub(crate) fn left_out(&mut self, left_out: LeftOut, at: u64, text: &mut Vec<u8>) {
        let note = News::Note(Priority::Warning, missing(left_out), at);
        self.show(&note, text);
    }

    /// An empty line between blocks.
    fn gap(&mut self) {
        if self.any {
            self.out.str("\n");
        }
    }

    fn block(&mut self, delivered: &Delivered, observed: &Observed, name: Option<&str>) {
        let record = observed.record;
        let found = found(observed);
        // The blocks put the empty line between themselves, and do not know of other lines.
        if self.any && !std::mem::replace(&mut self.any_block, true) {
            self.out.str("\n");
        }
        self.any_block = true;
        self.blocks.write(&found, &mut self.tables, &mut self.out);
        if let Some(name) = name {
            self.style.write_label("  DIMM        ", &mut self.out);
            self.out.str(name).str("\n");
        }
        self.style.write_label("  Event       ", &mut self.out);
        self.out.str("number ").dec(delivered.seq);
        self.out.str(", from ").str(observed.channel.name());
        if observed.earlier_boot {
            self.out.str(", of an earlier boot");
        }
        if record.time().is_none() {
            self.out.str(", received ");
            utc(delivered.received.0, &mut self.out);
        }
        self.out.str("\n");
    }
}

fn stamp(seconds: u64, out: &mut Out) {
    utc(seconds, out);
    out.str(" ");
}

const fn reset(colour: &str, style: Style) -> &'static str {
    if colour.is_empty() { "" } else { style.off }
}

fn found(observed: &Observed) -> Found<'_> {
    Found {
        record: observed.record,
        id: None,
        source: Source::Here(Place {
            format: observed.channel.name(),
            ..Place::COMMAND_LINE
        }),
        texts: &[],
        given: true,
    }
}

/// What is said where something is missing.
pub(crate) fn missing(left_out: LeftOut) -> String {
    let LeftOut { ordinary, urgent } = left_out;
    let mut text = String::from("this output was too slow: ");
    if ordinary > 0 || urgent == 0 {
        _ = write!(text, "{ordinary} corrected errors or notes");
    }
    if urgent > 0 {
        let and = if ordinary > 0 { " and " } else { "" };
        _ = write!(text, "{and}{urgent} UNCORRECTED errors");
    }
    text + " are not told here; the history has them"
}

/// An event in one line, without an end: how bad, what, where, what to do.
fn line(
    delivered: &Delivered,
    name: Option<&str>,
    style: Style,
    tables: &mut Tables,
    out: &mut Out,
) {
    match &delivered.event {
        Event::Record(observed) => record_line(observed, name, style, tables, out),
        Event::Generic(event) => generic_line(event, style, out),
        Event::Lost(lost) => {
            out.str(style.warning).str("LOST").str(style.off);
            out.str(": ").show(lost.loss);
            if lost.loss == Loss::Unknown {
                out.str(" of");
            }
            out.str(" events of ");
            out.str(lost.channel.name()).str(": ").str(&lost.why);
        }
        _ => _ = out.str("an event of a kind that this program does not know"),
    }
}

fn record_line(
    observed: &Observed,
    name: Option<&str>,
    style: Style,
    tables: &mut Tables,
    out: &mut Out,
) {
    let record = &observed.record;
    let decoding = record.decode();
    let explained = tables.explain(record);
    let grade = decoding.grade();
    out.str(style.grade(grade.severity))
        .str(word(grade.severity));
    out.str(style.off)
        .str(": ")
        .str(&words(&decoding, &explained));
    if let Some(count) = decoding.corrected_count.filter(|&n| n > 1) {
        out.str(" (").dec(count.into()).str(" times)");
    }
    let mut separator = "; ";
    let mut put = |out: &mut Out, name: &str, value: Option<u64>| {
        if let Some(value) = value {
            out.str(std::mem::replace(&mut separator, ", "));
            out.str(name).str(" ").dec(value);
        }
    };
    let location = explained.location();
    for (place, value) in location
        .iter()
        .take_while(|(place, _)| *place <= mcekit::table::Place::Dimm)
    {
        put(out, place.name(), Some(value.into()));
    }
    put(out, "CPU", record.cpu().map(u64::from));
    put(out, "bank", record.bank().map(u64::from));
    if let Some(unit) = explained.unit() {
        out.str(" ").str(unit.id);
    }
    if let Some(name) = name {
        out.str(" [DIMM ").str(name).str("]");
    }
    if let Some(address) = decoding.address {
        out.str(", address ").hex(address.address);
    }
    if observed.earlier_boot {
        out.str(", of an earlier boot");
    }
    out.str("; STATUS ").register(record.status().0);
    out.str("; ").str(advice(&decoding, grade.severity));
}

const fn advice(decoding: &Decoding, severity: Severity) -> &'static str {
    match severity {
        Severity::No => "nothing to do",
        Severity::Keep | Severity::Some => match decoding.threshold {
            Some(mcekit::Threshold::Yellow) => {
                "more corrected errors than is normal: replace the part at the next occasion"
            }
            _ => "nothing to do now",
        },
        Severity::Deferred | Severity::ActionOptional => {
            "take the memory at the address out of use, replace the part if it repeats"
        }
        Severity::Uncorrected | Severity::ActionRequired => {
            "take the memory out of use and plan to replace the part"
        }
        Severity::Panic => "find and replace the failed part before the system carries load again",
    }
}

fn generic_line(event: &Generic, style: Style, out: &mut Out) {
    if let Some(facts) = Facts::of_generic(event) {
        out.str(style.grade(facts.severity))
            .str(word(facts.severity));
        out.str(style.off).str(": ");
    }
    out.str(&event.system).str(":").str(&event.name);
    if let Some(cpu) = event.cpu {
        out.str(" on CPU ").dec(cpu.into());
    }
    out.str(": ");
    if let Some(text) = &event.text {
        one_line(text, out);
        return;
    }
    for (i, (name, value)) in event.fields.iter().enumerate() {
        out.str(if i > 0 { " " } else { "" }).str(name).str("=");
        match value {
            FieldValue::Unsigned(n) if *n > 0xffff => _ = out.hex(*n),
            FieldValue::Unsigned(n) => _ = out.dec(*n),
            FieldValue::Signed(n) => _ = out.show(n),
            FieldValue::Text(text) => {
                out.str("\"");
                one_line(text, out);
                out.str("\"");
            }
            FieldValue::Bytes(bytes) => {
                for byte in bytes.iter().take(64) {
                    out.show(format_args!("{byte:02x}"));
                }
            }
        }
    }
}

/// Text of firmware and the kernel, without what would speak to a terminal.
fn one_line(text: &str, out: &mut Out) {
    for c in text.chars() {
        if c.is_control() {
            out.str(" ");
        } else {
            out.str(c.encode_utf8(&mut [0; 4]));
        }
    }
}

/// An event in one line, without colour and date: for the journal, which has its own.
pub(crate) fn plain(delivered: &Delivered, name: Option<&str>, tables: &mut Tables) -> String {
    let mut out = Out::memory();
    line(delivered, name, PLAIN, tables, &mut out);
    out.text().into_owned()
}

/// Writes news as lines of JSON (docs/json.md).
#[derive(Debug)]
pub(crate) struct Json {
    tables: Tables,
    out: Out,
}

impl Json {
    pub(crate) fn new() -> Self {
        Self {
            tables: Tables::new(None),
            out: Out::memory(),
        }
    }

    /// Writes one line with its end. Notes are not for programs.
    pub(crate) fn show(&mut self, news: &News, text: &mut Vec<u8>) {
        let News::Event(delivered, name) = news else {
            return;
        };
        self.out.clear();
        if self.event(delivered, name.as_deref()).is_some() {
            self.out.str("\n");
            text.extend_from_slice(self.out.written_since(0));
        }
    }

    /// What is missing here.
    pub(crate) fn left_out(left_out: LeftOut, text: &mut Vec<u8>) {
        let LeftOut { ordinary, urgent } = left_out;
        let line = format!(
            "{{\"schema\":{SCHEMA},\"left_out\":{{\"corrected\":{ordinary},\"uncorrected\":{urgent}}}}}\n"
        );
        text.extend_from_slice(line.as_bytes());
    }

    /// The envelope, and in it what the event is. `None` if it cannot be written as JSON, which is not the case.
    fn event(&mut self, delivered: &Delivered, name: Option<&str>) -> Option<()> {
        let (seconds, nanoseconds) = delivered.received;
        self.out.str("{\"seq\":").dec(delivered.seq);
        self.out.str(",\"received\":").dec(seconds);
        self.out.str(",\"received_ns\":").dec(nanoseconds.into());
        if let Some(identity) = delivered.identity {
            self.out.str(",\"identity\":\"").show(identity).str("\"");
        }
        if let Some(name) = name {
            self.out.str(",\"dimm\":");
            serde_json::to_writer(&mut self.out, name).ok()?;
        }
        self.out.str(",");
        // The object of the event goes on in the one that is open, so its own bracket is left out.
        match &delivered.event {
            Event::Record(observed) => {
                if observed.earlier_boot {
                    self.out.str("\"earlier_boot\":true,");
                }
                let line = Line {
                    found: &found(observed),
                    decoding: &observed.record.decode(),
                    explained: &self.tables.explain(&observed.record),
                };
                let mut object = String::new();
                mcekit::write_json(&mut object, &line).ok()?;
                self.out.str(object.strip_prefix('{')?);
            }
            Event::Generic(event) => {
                self.out.str("\"schema\":").dec(SCHEMA.into());
                self.out.str(",\"event\":");
                generic(event, &mut self.out)?;
                self.out.str("}");
            }
            Event::Lost(lost) => {
                self.out.str("\"schema\":").dec(SCHEMA.into());
                self.out.str(",\"lost\":");
                lost_object(lost, &mut self.out)?;
                self.out.str("}");
            }
            _ => return None,
        }
        Some(())
    }
}

fn generic(event: &Generic, out: &mut Out) -> Option<()> {
    let mut serializer = serde_json::Serializer::new(out);
    let mut map = serializer.serialize_map(None).ok()?;
    map.serialize_entry("channel", event.channel.name()).ok()?;
    map.serialize_entry("system", &event.system).ok()?;
    map.serialize_entry("name", &event.name).ok()?;
    if let Some(cpu) = event.cpu {
        map.serialize_entry("cpu", &cpu).ok()?;
    }
    if let Some((seconds, nanoseconds)) = event.time {
        map.serialize_entry("time", &seconds).ok()?;
        map.serialize_entry("time_ns", &nanoseconds).ok()?;
    }
    map.serialize_entry("fields", &Fields(&event.fields)).ok()?;
    if let Some(text) = &event.text {
        map.serialize_entry("text", text).ok()?;
    }
    map.end().ok()
}

struct Fields<'a>(&'a [(String, FieldValue)]);

impl serde::Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// Beyond this half of the readers lose bits.
        const EXACT: u64 = 1 << 53;
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            match value {
                FieldValue::Unsigned(n) if *n > EXACT => {
                    map.serialize_entry(name, &format_args!("{n:#x}"))?;
                }
                value => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

fn lost_object(lost: &Lost, out: &mut Out) -> Option<()> {
    let mut serializer = serde_json::Serializer::new(out);
    let mut map = serializer.serialize_map(None).ok()?;
    map.serialize_entry("channel", lost.channel.name()).ok()?;
    match lost.loss {
        Loss::Exact(n) => map.serialize_entry("exact", &n).ok()?,
        Loss::AtLeast(n) => map.serialize_entry("at_least", &n).ok()?,
        Loss::Unknown => {}
    }
    map.serialize_entry("why", &lost.why).ok()?;
    map.end().ok()
}
