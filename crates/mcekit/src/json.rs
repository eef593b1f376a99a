//! Records and decodings as JSON, or in any other format that serde knows.
//!
//! A [`Record`](crate::Record) is an object with the kernel's field names, of which absent parts are left out. Registers are
//! hex strings, because numbers of 64 bits lose bits in half the world's JSON readers; small numbers are numbers, and in
//! formats that are not for people all are. On the way in both are taken, `null` is nothing, and unknown keys are passed
//! over.
//!
//! A [`Decoding`](crate::Decoding) is computed, so it is only ever serialized. [`Decoding::serialize_fields`] lets a
//! program put its own fields into the same object.
//!
//! [`Decoding::serialize_fields`]: crate::Decoding::serialize_fields

mod decoding;
mod record;
mod stage;
mod write;

use core::fmt;

pub use write::write_json;

use serde::de::{self, Deserialize, Deserializer, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::hex::HexText;

/// A number that is written as a hex string, `"0x8c"`; in formats that are not for people, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hex(pub u64);

impl Hex {
    /// What the writer knows it by. Formats make nothing of the name of a wrapper.
    const NAME: &'static str = "mcekit::Hex";
}

impl Serialize for Hex {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Self::NAME, &Digits(self.0))
    }
}

/// What is in a [`Hex`]. The writer has the digits where they belong at once, and asks for the number.
struct Digits(u64);

impl Serialize for Digits {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(HexText::of(self.0).as_str())
        } else {
            serializer.serialize_u64(self.0)
        }
    }
}

/// Two numbers in hex, `"0xa,0x31"`; in formats that are not for people, as two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HexPair(pub u32, pub u32);

impl Serialize for HexPair {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Hex::NAME, &DigitPair(self.0, self.1))
    }
}

struct DigitPair(u32, u32);

impl Serialize for DigitPair {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&format_args!("{:#x},{:#x}", self.0, self.1))
        } else {
            (u64::from(self.0), u64::from(self.1)).serialize(serializer)
        }
    }
}

/// A key of a JSON object that is known while compiling: a plain string, in which [`write_json`] has nothing to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(pub &'static str);

impl Serialize for Key {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

/// Text that needs no escapes: a plain string, in which [`write_json`] has nothing to look for.
#[derive(Clone, Copy)]
pub(crate) struct Plain<'a>(pub(crate) &'a str);

impl Plain<'_> {
    /// What the writer knows it by. Formats make nothing of the name of a wrapper.
    const NAME: &'static str = "mcekit::Plain";
}

impl Serialize for Plain<'_> {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Self::NAME, self.0)
    }
}

/// A number as it comes in: a number, or a string of which `HEX` says how it reads without `0x`.
struct Number<const HEX: bool>(Option<u64>);

/// A register: `"8c00"` is hex.
type Register = Number<true>;

/// A count or an id: `"10"` is ten.
type Count = Number<false>;

impl<const HEX: bool> Number<HEX> {
    fn parse(text: &str) -> Option<u64> {
        let text = text.trim();
        let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => (digits, 16),
            None => (text, if HEX { 16 } else { 10 }),
        };
        // `from_str_radix` would take a sign.
        if digits.starts_with(['+', '-']) {
            return None;
        }
        u64::from_str_radix(digits, radix).ok()
    }

    /// The number, as one that is narrower.
    fn narrow<T: TryFrom<u64>, E: de::Error>(self, expected: &str) -> Result<Option<T>, E> {
        let Some(value) = self.0 else {
            return Ok(None);
        };
        match T::try_from(value) {
            Ok(narrow) => Ok(Some(narrow)),
            Err(_) => Err(E::invalid_value(Unexpected::Unsigned(value), &expected)),
        }
    }
}

impl<'de, const HEX: bool> Deserialize<'de> for Number<HEX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor::<HEX>)
    }
}

struct NumberVisitor<const HEX: bool>;

impl<'de, const HEX: bool> Visitor<'de> for NumberVisitor<HEX> {
    type Value = Number<HEX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if HEX {
            "a number or a hex string of at most 64 bits"
        } else {
            "a number, or a decimal or 0x string"
        })
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Number(Some(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        match u64::try_from(value) {
            Ok(value) => self.visit_u64(value),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(value), &self)),
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        // Above 2^53 a float no longer says which integer it was.
        let whole = value as u64;
        if whole <= 1 << 53 && whole as f64 == value {
            self.visit_u64(whole)
        } else {
            Err(E::invalid_value(Unexpected::Float(value), &self))
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        match Number::<HEX>::parse(text) {
            Some(value) => self.visit_u64(value),
            None => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Number(None))
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Number(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Number::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::{Hex, HexPair, write_json};
    use std::string::String;

    #[test]
    fn hex_as_the_formatting_machinery_writes_it() {
        for shift in 0..64 {
            for value in [
                0,
                1_u64 << shift,
                (1 << shift) - 1,
                0xfedc_ba98_7654_3210 >> shift,
            ] {
                let expected = std::format!("\"{value:#x}\"");
                assert_eq!(serde_json::to_string(&Hex(value)).unwrap(), expected);
                let mut ours = String::new();
                write_json(&mut ours, &Hex(value)).unwrap();
                assert_eq!(ours, expected);
                let (high, low) = ((value >> 32) as u32, value as u32);
                let expected = std::format!("[\"{high:#x},{low:#x}\",[{high},{low}]]");
                let pair = (HexPair(high, low), (high, low));
                assert_eq!(serde_json::to_string(&pair).unwrap(), expected);
                ours.clear();
                write_json(&mut ours, &pair).unwrap();
                assert_eq!(ours, expected);
            }
        }
    }
}
