//! Values and locations as JSON; see the feature `serde`.

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::{Location, Value};
use crate::json::Hex;

/// `{name, raw, text, class}`: the raw number as hex, the text and class where there are any.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Value", 4)?;
        object.serialize_field("name", self.field.name())?;
        object.serialize_field("raw", &Hex(self.raw))?;
        let row = self.row();
        object.serialize_field("text", &row.map(|row| row.text))?;
        object.serialize_field(
            "class",
            &row.and_then(|row| row.class).map(super::Class::name),
        )?;
        object.end()
    }
}

/// One member for each coordinate that is known, as a number.
impl Serialize for Location {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (place, value) in self.iter() {
            object.serialize_entry(place.name(), &value)?;
        }
        object.end()
    }
}
