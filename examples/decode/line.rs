//! A record as one JSON object; docs/json.md is its description.

use mcekit::{Decoding, Present};
use mcekit_models::Explained;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::found::Found;
use super::suspect::Suspect;

/// The version of the schema. It grows when a field changes its meaning or goes, not when one is added.
pub(crate) const SCHEMA: u32 = 1;

/// `{"schema":1,"id":…,"source":{…},"record":{…},"decoded":{…}}`.
pub(crate) struct Line<'a> {
    pub(crate) found: &'a Found<'a>,
    pub(crate) decoding: &'a Decoding,
    pub(crate) explained: &'a Explained<'a>,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", &SCHEMA)?;
        if let Some(id) = self.found.id {
            map.serialize_entry("id", id)?;
        }
        map.serialize_entry("source", &self.found.source)?;
        if !self.found.texts.is_empty() {
            map.serialize_entry("texts", &Texts(self.found.texts))?;
        }
        map.serialize_entry("record", &self.found.record)?;
        map.serialize_entry("decoded", &Decoded(self))?;
        map.end()
    }
}

/// The words of the log, by their kind.
struct Texts<'a>(&'a [(&'a str, &'a str)]);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// What the architecture and the vendor's tables say, in one object.
struct Decoded<'a>(&'a Line<'a>);

impl Serialize for Decoded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Line {
            decoding,
            explained,
            ..
        } = self.0;
        let mut map = serializer.serialize_map(None)?;
        if !decoding.record.present().contains(Present::STATUS) {
            map.serialize_entry("incomplete", &true)?;
            map.serialize_entry("location", &Location(explained, explained.location()))?;
            map.serialize_entry("text", "the text does not give MCi_STATUS")?;
            return map.end();
        }
        decoding.serialize_fields(&mut map)?;
        if let Some(model) = explained.model() {
            map.serialize_entry("model", model.id)?;
        }
        if let Some(unit) = explained.unit() {
            map.serialize_entry("unit", unit.id)?;
        }
        if let Some(bank_type) = explained.bank_type() {
            map.serialize_entry("bank_type", bank_type)?;
        }
        if let Some(xec) = explained.xec() {
            map.serialize_entry("xec", &xec)?;
        }
        let summary = explained.summary();
        if let Some(corrected_by) = summary.corrected_by {
            map.serialize_entry("corrected_by", corrected_by)?;
        }
        if let Some(address) = summary.address {
            map.serialize_entry("dimm_address", &address)?;
        }
        map.serialize_entry("location", &Location(explained, summary.location))?;
        map.serialize_entry("fields", &Fields(explained))?;
        if let Some(suspect) = Suspect::of(decoding, explained) {
            map.serialize_entry("suspect", suspect.name())?;
        }
        map.serialize_entry("text", &format_args!("{decoding}; {explained}"))?;
        map.end()
    }
}

/// The coordinates; under `mcelog` the slots as mcelog numbers them.
struct Location<'a>(&'a Explained<'a>, mcekit::table::Location);

impl Serialize for Location<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (place, value) in self.1.iter() {
            map.serialize_entry(place.name(), &value)?;
        }
        if self.0.mcelog_location().next().is_some() {
            map.serialize_entry("mcelog", &Slots(self.0))?;
        }
        map.end()
    }
}

struct Slots<'a>(&'a Explained<'a>);

impl Serialize for Slots<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.mcelog_location())
    }
}

struct Fields<'a>(&'a Explained<'a>);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for value in self.0.values() {
            list.serialize_element(&value)?;
        }
        list.end()
    }
}
