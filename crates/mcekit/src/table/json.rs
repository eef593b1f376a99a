//! Values and locations as JSON; see the feature `serde`.

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::{Location, Place, Value};
use crate::json::{Hex, Key, Plain};

/// `{name, raw, text, class}`: the raw number as hex, the text and class where there are any.
impl Serialize for Value {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Value", 4)?;
        object.serialize_field("name", &Plain(self.field.name()))?;
        object.serialize_field("raw", &Hex(self.raw))?;
        let row = self.row();
        object.serialize_field("text", &row.map(|row| Plain(row.text)))?;
        object.serialize_field(
            "class",
            &row.and_then(|row| row.class)
                .map(|class| Plain(class.name())),
        )?;
        object.end()
    }
}

/// One member for each coordinate that is known, as a number.
impl Serialize for Location {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.iter().count()))?;
        self.serialize_fields(&mut object)?;
        object.end()
    }
}

impl Location {
    /// Writes the coordinates that are known into an object that the caller has begun.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize_fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        // One by one, so that a writer knows each name while it is compiled.
        macro_rules! entries {
            ($($place:ident)*) => {
                const { assert!([$(Place::$place),*].len() == Place::ALL.len()) };
                $(if let Some(value) = self.get(Place::$place) {
                    map.serialize_entry(&const { Key(Place::$place.name()) }, &value)?;
                })*
            };
        }
        entries!(
            Socket Imc Channel SubChannel Dimm Rank SubRank ChipSelect Chip Chip2 BankGroup Bank Row Column Port Cha Instance
            CacheIndex CacheWay
        );
        Ok(())
    }
}
