//! Explanations as JSON objects; see the feature `serde`.

use core::cell::Cell;

use mcekit::table::Location;
use mcekit::{Hex, HexPair, Key};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};

use crate::explained::{DimmAddress, Explained, McelogSlot, Parts};

/// `{model, unit, fields, bank_type, xec, corrected_by, fru_text, dimm_address, location}`; what is not known is left out.
impl Serialize for Explained<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        if let Some(model) = self.model() {
            object.serialize_entry(&Key("model"), model.id)?;
        }
        if let Some(unit) = self.unit() {
            object.serialize_entry(&Key("unit"), unit.id)?;
        }
        let fields = Fields(self, Cell::new(None));
        object.serialize_entry(&Key("fields"), &fields)?;
        if let Some(bank_type) = self.bank_type() {
            object.serialize_entry(&Key("bank_type"), bank_type)?;
        }
        if let Some(xec) = self.xec() {
            object.serialize_entry(&Key("xec"), &xec)?;
        }
        let summary = match fields.1.take() {
            Some(parts) => self.sum(parts),
            None => self.summary(),
        };
        if let Some(corrected_by) = summary.corrected_by {
            object.serialize_entry(&Key("corrected_by"), corrected_by)?;
        }
        if let Some(fru) = self.record().fru_text() {
            object.serialize_entry(&Key("frutext"), fru.as_str())?;
        }
        if let Some(address) = summary.address {
            object.serialize_entry(&Key("dimm_address"), &address)?;
        }
        object.serialize_entry(&Key("location"), &Place(self, summary.location))?;
        object.end()
    }
}

/// The list of the values; on the way, what they say together.
struct Fields<'a>(&'a Explained<'a>, Cell<Option<Parts>>);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let (mut result, mut parts) = (Ok(()), self.0.parts());
        // A plain loop inside, which `next` for each value is not.
        self.0.values().for_each(|value| {
            if result.is_ok() {
                parts.add(&value);
                result = list.serialize_element(&value);
            }
        });
        result?;
        self.1.set(Some(parts));
        list.end()
    }
}

/// The coordinates, and under `mcelog` the slots as mcelog numbers them.
struct Place<'a>(&'a Explained<'a>, Location);

impl Serialize for Place<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        self.1.serialize_fields(&mut object)?;
        let mut slots = self.0.mcelog_location();
        let slots = [slots.next(), slots.next()];
        if slots[0].is_some() {
            object.serialize_entry(&Key("mcelog"), &Slots(slots))?;
        }
        object.end()
    }
}

struct Slots([Option<McelogSlot>; 2]);

impl Serialize for Slots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for slot in self.0.iter().flatten() {
            list.serialize_element(slot)?;
        }
        list.end()
    }
}

/// `{channel, dimm, corrected_count}`.
impl Serialize for McelogSlot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("McelogSlot", 3)?;
        object.serialize_field("channel", &self.channel)?;
        object.serialize_field("dimm", &self.dimm)?;
        object.serialize_field("corrected_count", &self.corrected_count)?;
        object.end()
    }
}

/// Numbers in hex, as every tool that reads DIMM addresses writes them; two failed devices joined by a comma.
impl Serialize for DimmAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        // One by one, so that a writer knows each name while it is compiled.
        macro_rules! entries {
            ($($name:ident)*) => {$(
                if let Some(value) = self.$name {
                    object.serialize_entry(&Key(stringify!($name)), &Hex(value.into()))?;
                }
            )*};
        }
        entries!(bank bankgroup row column rank subrank chipselect subchan);
        match self.failed_device {
            [Some(first), Some(second)] => {
                object.serialize_entry(&Key("failed_device"), &HexPair(first, second))?;
            }
            [Some(one), None] | [None, Some(one)] => {
                object.serialize_entry(&Key("failed_device"), &Hex(one.into()))?;
            }
            [None, None] => {}
        }
        if let Some(mode) = self.ecc_mode {
            object.serialize_entry(&Key("ecc_mode"), mode)?;
        }
        if let Some(size) = self.hbm_read {
            object.serialize_entry(&Key("hbm_read"), size)?;
        }
        object.serialize_entry(&Key("transient"), &self.transient)?;
        object.end()
    }
}
