//! A record as a map of its fields.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::record::{Array, Record, Text, Value};

impl Serialize for Value<'_> {
    /// Numbers as numbers, text as a string (what is not UTF-8 becomes U+FFFD), arrays and bytes
    /// as sequences.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Signed(value) => serializer.serialize_i64(*value),
            Self::Text(text) => text.serialize(serializer),
            Self::Array(array) => array.serialize(serializer),
            Self::Bytes(bytes) => serializer.collect_seq(bytes.iter()),
        }
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.to_str() {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => serializer.collect_str(self),
        }
    }
}

impl Serialize for Array<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.len()))?;
        for value in self.iter() {
            seq.serialize_element(&value)?;
        }
        seq.end()
    }
}

impl Serialize for Record<'_, '_> {
    /// The event's own and common fields in the format's order; a field that the bytes do not hold
    /// is null.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.values();
        let mut map = serializer.serialize_map(Some(values.len()))?;
        for (field, value) in values {
            map.serialize_entry(field.name(), &value)?;
        }
        map.end()
    }
}
