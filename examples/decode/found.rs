//! What the readers of all formats hand on: one record, and where it stood.

use mcekit::Record;
use serde::Serialize;
use serde_json::value::RawValue;

/// A record that was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) record: Record,
    /// Passed through from JSON input.
    pub(crate) id: Option<&'a RawValue>,
    pub(crate) source: Source<'a>,
    /// What the log says beside the registers, each with its kind: the words of another decoder, a DIMM's name.
    pub(crate) texts: &'a [(&'a str, &'a str)],
    /// Whether the user gave it as a record; what stands in a log may have looked like one only.
    pub(crate) given: bool,
}

impl Found<'_> {
    /// Whether no part of it is JSON that was given to be passed through.
    pub(crate) const fn is_ours(&self) -> bool {
        self.id.is_none() && matches!(self.source, Source::Here(_))
    }
}

/// Where a record stood.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    /// Here and now.
    Here(Place<'a>),
    /// In JSON that says itself where it stood.
    Said(&'a RawValue),
}

/// A place in an input.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Place<'a> {
    /// The file; nothing for standard input and the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<&'a str>,
    /// Line, from 1 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u64>,
    /// First byte, from 0 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<u64>,
    /// How many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) length: Option<u64>,
    /// The format.
    pub(crate) format: &'a str,
    /// Where the same error was printed a second time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pair: Option<Pair<'a>>,
}

impl Place<'_> {
    /// Where registers on the command line stand.
    pub(crate) const COMMAND_LINE: Self = Self {
        file: None,
        line: None,
        offset: None,
        length: None,
        format: "command-line",
        pair: None,
    };
}

/// The second printing of an error.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Pair<'a> {
    pub(crate) line: u64,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) format: &'a str,
}

impl Serialize for Source<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Here(place) => place.serialize(serializer),
            Self::Said(said) => said.serialize(serializer),
        }
    }
}
