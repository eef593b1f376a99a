//! JSON objects out of a stream: one a line, several a line, one over many lines, or the members of a list.

use std::borrow::Cow;
use std::fmt;

use mcekit::{Present, Record};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::found::{Found, Place, Source};
use crate::input::Input;
use crate::run::{Run, shown};
use crate::scanner::{Met, Scanner};

/// No object of ours comes near this; a longer one is passed over.
const MAX_OBJECT: usize = 1 << 20;

/// Whether an input begins like JSON.
pub(crate) fn looks_like_json(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    let head = head.strip_prefix(b"[").unwrap_or(head);
    head.trim_ascii_start().first() == Some(&b'{')
}

/// Whether one of the whole objects that an input begins with holds a record.
///
/// Text tools print JSON too (crash logs, CPER): that is the log reader's.
pub(crate) fn has_record(mut head: &[u8]) -> bool {
    let mut scanner = Scanner::default();
    while !head.is_empty() {
        let used = match scanner.scan(head) {
            Met::Object(n) => match parse(&head[..n]) {
                Ok(Some(_)) => return true,
                _ => n,
            },
            Met::Nothing(n) | Met::Other(n) => n.max(1),
            Met::More => return false,
        };
        head = &head[used.min(head.len())..];
    }
    false
}

/// Answers every record in an input of JSON objects.
///
/// # Errors
///
/// Those of reading and answering; an object that does not read is complained about, and the next is looked for.
pub(crate) fn read(input: &mut Input, run: &mut Run) -> Result<(), Error> {
    let mut scanner = Scanner::default();
    // How far the object that begins at the input's first byte was scanned.
    let mut scanned = 0;
    let mut line = 1;
    // The rest of a line that was complained about says nothing new.
    let mut skipping = false;
    loop {
        if skipping {
            let bytes = input.bytes();
            let newline = memchr::memchr(b'\n', bytes);
            let rest = newline.unwrap_or(bytes.len());
            skipping = newline.is_none();
            input.consume(rest);
            if skipping && !input.more(run)? {
                return Ok(());
            }
            continue;
        }
        let used = match scanner.scan(&input.bytes()[scanned..]) {
            Met::Object(n) => {
                object(input, scanned + n, line, run)?;
                scanned + n
            }
            Met::Nothing(n) if n > 0 => n,
            Met::Other(n) if n > 0 => {
                let name = shown(input.name()).into_owned();
                let what = "no JSON object";
                run.complain(&Error::NotJson { name, line, what });
                skipping = true;
                0
            }
            Met::More if input.bytes().len() > MAX_OBJECT => {
                let name = shown(input.name()).into_owned();
                let what = "an object of more than a megabyte is passed over";
                run.complain(&Error::NotJson { name, line, what });
                scanner = Scanner::default();
                skipping = true;
                0
            }
            met => {
                if met == Met::More {
                    scanned = input.bytes().len();
                }
                if input.more(run)? {
                    continue;
                }
                if scanned > 0 {
                    let name = shown(input.name()).into_owned();
                    let what = "the last object has no end";
                    run.complain(&Error::NotJson { name, line, what });
                }
                return Ok(());
            }
        };
        line += memchr::memchr_iter(b'\n', &input.bytes()[..used]).count() as u64;
        input.consume(used);
        scanned = 0;
    }
}

/// Answers the object in the first `n` bytes of the input.
fn object(input: &Input, n: usize, line: u64, run: &mut Run) -> Result<(), Error> {
    let given = match parse(&input.bytes()[..n]) {
        Ok(Some(given)) => given,
        Ok(None) => return Ok(()),
        Err(source) => {
            // Objects over many lines count from their own first.
            let line = line + source.line().saturating_sub(1) as u64;
            let name = shown(input.name()).into_owned();
            run.complain(&Error::Json { name, line, source });
            return Ok(());
        }
    };
    let here = Place {
        file: input.name(),
        line: Some(line),
        offset: Some(input.offset()),
        length: Some(n as u64),
        format: "json",
        pair: None,
    };
    let texts: Vec<(&str, &str)> = given
        .texts
        .iter()
        .map(|(kind, text)| (kind.as_str(), text.as_str()))
        .collect();
    run.record(Found {
        record: given.record,
        id: given.id.as_deref(),
        source: given
            .source
            .as_deref()
            .map_or(Source::Here(here), Source::Said),
        texts: &texts,
        given: true,
    })
}

/// What of an object is ours.
#[derive(Debug, serde::Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
    texts: Option<Texts>,
}

/// An object of strings, in its order.
#[derive(Debug)]
struct Texts(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while let Some(entry) = map.next_entry()? {
            texts.push(entry);
        }
        Ok(Texts(texts))
    }
}

/// A record as JSON gave it.
#[derive(Debug)]
struct Given<'a> {
    record: Record,
    id: Option<Cow<'a, RawValue>>,
    source: Option<Cow<'a, RawValue>>,
    texts: Vec<(String, String)>,
}

/// The record in an object: its `record`, as we write it, or the object itself. `None` where there is no status.
///
/// # Errors
///
/// Where the object is no JSON, or a register does not read as a number.
fn parse(bytes: &[u8]) -> Result<Option<Given<'_>>, serde_json::Error> {
    let object: Object<'_> = serde_json::from_slice(bytes)?;
    let given = match object.record.filter(|raw| raw.get().starts_with('{')) {
        Some(raw) => Given {
            record: serde_json::from_str(raw.get())?,
            id: object.id.map(on_one_line),
            source: object.source.map(on_one_line),
            texts: object.texts.map_or_else(Vec::new, |texts| texts.0),
        },
        None => Given {
            record: serde_json::from_slice(bytes)?,
            id: object.id.map(on_one_line),
            source: None,
            texts: Vec::new(),
        },
    };
    let has_status = given.record.present().contains(Present::STATUS);
    Ok(has_status.then_some(given))
}

/// A value that is passed through, as it was but for line ends: each of our lines is one object.
fn on_one_line(value: &RawValue) -> Cow<'_, RawValue> {
    if !value.get().contains(['\n', '\r']) {
        return Cow::Borrowed(value);
    }
    let (mut in_string, mut escaped) = (false, false);
    let mut line = value.get().to_owned();
    // Line ends cannot stand in a string, so all space outside of strings may go.
    line.retain(|c| {
        let keep = in_string || !c.is_ascii_whitespace();
        if c == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = in_string && c == '\\' && !escaped;
        keep
    });
    RawValue::from_string(line).map_or(Cow::Borrowed(value), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_give_the_same_record() {
        let flat = br#"{"id":7,"status":"0x8c00","bank":3,"source":"elsewhere"}"#;
        let ours = br#"{"schema":1,"id":7,"source":{"line":2},"record":{"status":"0x8c00","bank":3},"decoded":{"bank":9}}"#;
        let (flat, ours) = (parse(flat).unwrap().unwrap(), parse(ours).unwrap().unwrap());
        assert_eq!(flat.record, ours.record);
        assert_eq!(flat.id.unwrap().get(), "7");
        assert!(flat.source.is_none());
        assert_eq!(ours.source.unwrap().get(), r#"{"line":2}"#);
    }

    #[test]
    fn what_is_passed_through_stays_on_its_line() {
        let text = "{\"id\":{ \"a b\\\\\" :\n [1,\r\n\t\" \\\" \"]},\"status\":1}";
        let given = parse(text.as_bytes()).unwrap().unwrap();
        assert_eq!(given.id.unwrap().get(), "{\"a b\\\\\":[1,\" \\\" \"]}");
    }

    #[test]
    fn objects_without_a_status_are_no_records() {
        for text in ["{}", r#"{"record":null}"#, r#"{"status":null,"bank":1}"#] {
            assert!(parse(text.as_bytes()).unwrap().is_none(), "{text}");
        }
        assert!(parse(br#"{"status":"zebra"}"#).is_err());
        assert!(parse(b"{").is_err());
    }
}
