//! JSON text into any [`fmt::Write`], without an allocation or another crate.
//!
//! What is written is what `serde_json::to_writer` writes, in a fraction of the time. Everything gives back where the
//! text ends, which is where the next piece begins.

use core::fmt::{self, Write};

use serde::ser::{
    Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::stage::{Stage, Written};
use super::{Hex, Plain};

/// Writes a value as compact JSON text.
///
/// ```
/// use mcekit::{Record, Status};
///
/// let mut out = String::new();
/// mcekit::write_json(&mut out, &Record::new(3, Status(0x8c00))).unwrap();
/// assert_eq!(out, r#"{"status":"0x8c00","bank":3}"#);
/// ```
///
/// # Errors
///
/// Those of `out`, and those that the value gives itself.
pub fn write_json<W: Write>(out: &mut W, value: &(impl Serialize + ?Sized)) -> fmt::Result {
    let mut stage = Stage::new(out);
    let at = value.serialize(Json {
        out: &mut stage,
        at: 0,
        known: Known::Nothing,
    })?;
    stage.flush(at)
}

/// What the name of its wrapper says of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Nothing,
    /// Text that needs no escapes.
    Plain,
    /// A number in hex, or several.
    Hex,
    /// One of several numbers in hex.
    HexPart,
}

/// One value.
struct Json<'w, W> {
    out: &'w mut Stage<W>,
    at: usize,
    known: Known,
}

impl<'w, W: Write> Json<'w, W> {
    const fn open(self, begin: u8) -> Members<'w, W> {
        Members {
            out: self.out,
            at: self.at,
            before: begin,
            // As it is in ASCII.
            end: begin + 2,
            variant: false,
        }
    }

    fn variant(mut self, variant: &'static str, begin: u8) -> Result<Members<'w, W>, fmt::Error> {
        self.at = self.out.key(self.at, b'{', variant)?;
        let mut members = self.open(begin);
        members.variant = true;
        Ok(members)
    }
}

impl<'w, W: Write> Serializer for Json<'w, W> {
    type Ok = usize;
    type Error = fmt::Error;
    type SerializeSeq = Members<'w, W>;
    type SerializeTuple = Members<'w, W>;
    type SerializeTupleStruct = Members<'w, W>;
    type SerializeTupleVariant = Members<'w, W>;
    type SerializeMap = Members<'w, W>;
    type SerializeStruct = Members<'w, W>;
    type SerializeStructVariant = Members<'w, W>;

    /// JSON is, but of what is written in hex the number is wanted.
    #[inline]
    fn is_human_readable(&self) -> bool {
        self.known != Known::Hex
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Written {
        if value {
            self.out.sign(self.at, b"true")
        } else {
            self.out.sign(self.at, b"false")
        }
    }

    fn serialize_i8(self, value: i8) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(mut self, value: i64) -> Written {
        if value < 0 {
            self.at = self.out.sign(self.at, b"-")?;
        }
        self.out.number(self.at, value.unsigned_abs())
    }

    fn serialize_u8(self, value: u8) -> Written {
        self.out.number(self.at, value.into())
    }

    fn serialize_u16(self, value: u16) -> Written {
        self.out.number(self.at, value.into())
    }

    fn serialize_u32(self, value: u32) -> Written {
        self.out.number(self.at, value.into())
    }

    #[inline(always)]
    fn serialize_u64(self, value: u64) -> Written {
        match self.known {
            Known::Hex => self.out.hex::<1>(self.at, value),
            Known::HexPart => self.out.hex::<0>(self.at, value),
            _ => self.out.number(self.at, value),
        }
    }

    fn serialize_f32(self, value: f32) -> Written {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Written {
        if value.is_finite() {
            self.out.shown(self.at, format_args!("{value:?}"))
        } else {
            self.serialize_unit()
        }
    }

    fn serialize_char(self, value: char) -> Written {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline(always)]
    fn serialize_str(self, value: &str) -> Written {
        if self.known == Known::Plain {
            self.out.quoted::<true>(self.at, value)
        } else {
            self.out.quoted::<false>(self.at, value)
        }
    }

    fn serialize_bytes(self, value: &[u8]) -> Written {
        self.collect_seq(value)
    }

    #[inline]
    fn serialize_none(self) -> Written {
        self.out.sign(self.at, b"null")
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        self.out.sign(self.at, b"null")
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Written {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Written {
        self.serialize_str(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        value: &T,
    ) -> Written {
        self.known = match name {
            Plain::NAME => Known::Plain,
            Hex::NAME => Known::Hex,
            _ => Known::Nothing,
        };
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        let mut members = self.open(b'{');
        members.member(variant, value)?;
        members.close()
    }

    #[inline]
    fn serialize_seq(self, _len: Option<usize>) -> Result<Members<'w, W>, fmt::Error> {
        Ok(self.open(b'['))
    }

    #[inline]
    fn serialize_tuple(self, _len: usize) -> Result<Members<'w, W>, fmt::Error> {
        if self.known == Known::Hex {
            return Ok(Members {
                end: b'"',
                ..self.open(b'"')
            });
        }
        Ok(self.open(b'['))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Members<'w, W>, fmt::Error> {
        Ok(self.open(b'['))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Members<'w, W>, fmt::Error> {
        self.variant(variant, b'[')
    }

    #[inline]
    fn serialize_map(self, _len: Option<usize>) -> Result<Members<'w, W>, fmt::Error> {
        Ok(self.open(b'{'))
    }

    #[inline]
    fn serialize_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Members<'w, W>, fmt::Error> {
        Ok(self.open(b'{'))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Members<'w, W>, fmt::Error> {
        self.variant(variant, b'{')
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Written {
        let at = self.out.sign(self.at, b"\"")?;
        let at = self.out.shown(at, value)?;
        self.out.sign(at, b"\"")
    }
}

/// What is between brackets or braces.
struct Members<'w, W> {
    out: &'w mut Stage<W>,
    at: usize,
    /// What stands before the next member: the opening bracket, then commas.
    before: u8,
    end: u8,
    /// Whether the whole is the only member of an object, which has to be closed as well.
    variant: bool,
}

impl<W: Write> Members<'_, W> {
    #[inline(always)]
    const fn take_before(&mut self) -> u8 {
        core::mem::replace(&mut self.before, b',')
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
        let before = self.take_before();
        self.at = self.out.sign(self.at, &[before])?;
        self.value(value, Known::Nothing)
    }

    #[inline(always)]
    fn member<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> fmt::Result {
        let before = self.take_before();
        self.at = self.out.key(self.at, before, key)?;
        self.value(value, Known::Nothing)
    }

    #[inline(always)]
    fn value<T: Serialize + ?Sized>(&mut self, value: &T, known: Known) -> fmt::Result {
        self.at = value.serialize(Json {
            out: self.out,
            at: self.at,
            known,
        })?;
        Ok(())
    }

    #[inline]
    fn close(mut self) -> Written {
        if self.before != b',' {
            self.at = self.out.sign(self.at, &[self.before])?;
        }
        if self.variant {
            return self.out.sign(self.at, &[self.end, b'}']);
        }
        self.out.sign(self.at, &[self.end])
    }
}

impl<W: Write> SerializeMap for Members<'_, W> {
    type Ok = usize;
    type Error = fmt::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> fmt::Result {
        let before = self.take_before();
        self.at = key.serialize(Key {
            out: self.out,
            at: self.at,
            before,
        })?;
        Ok(())
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
        self.value(value, Known::Nothing)
    }

    // Most keys are known while compiling; inlined, they are a few stores.
    #[inline(always)]
    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> fmt::Result {
        self.serialize_key(key)?;
        self.serialize_value(value)
    }

    #[inline]
    fn end(self) -> Written {
        self.close()
    }
}

/// Lists of either kind, by their names in serde.
macro_rules! list {
    ($($kind:ident :: $method:ident),*) => {$(
        impl<W: Write> $kind for Members<'_, W> {
            type Ok = usize;
            type Error = fmt::Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
                self.element(value)
            }

            #[inline]
            fn end(self) -> Written {
                self.close()
            }
        }
    )*};
}

list!(
    SerializeSeq::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

impl<W: Write> SerializeTuple for Members<'_, W> {
    type Ok = usize;
    type Error = fmt::Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
        if self.end != b'"' {
            return self.element(value);
        }
        let before = self.take_before();
        self.at = self.out.sign(self.at, &[before])?;
        self.value(value, Known::HexPart)
    }

    #[inline]
    fn end(self) -> Written {
        self.close()
    }
}

/// Structs of either kind.
macro_rules! object {
    ($($kind:ident),*) => {$(
        impl<W: Write> $kind for Members<'_, W> {
            type Ok = usize;
            type Error = fmt::Error;

            #[inline(always)]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> fmt::Result {
                self.member(key, value)
            }

            #[inline]
            fn end(self) -> Written {
                self.close()
            }
        }
    )*};
}

object!(SerializeStruct, SerializeStructVariant);

/// The key of a member: text, or a whole number in quotes. Nothing else can be one.
struct Key<'w, W> {
    out: &'w mut Stage<W>,
    at: usize,
    before: u8,
}

/// Whole numbers as keys.
macro_rules! number_key {
    ($($method:ident: $ty:ty),*) => {$(
        fn $method(self, value: $ty) -> Written {
            self.collect_str(&value)
        }
    )*};
}

/// What no key can be.
macro_rules! no_key {
    ($($method:ident($($arg:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self $(, _: $arg)*) -> Result<$ok, fmt::Error> {
            Err(fmt::Error)
        }
    )*};
}

type Never = Impossible<usize, fmt::Error>;

impl<W: Write> Serializer for Key<'_, W> {
    type Ok = usize;
    type Error = fmt::Error;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    number_key!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_bool: bool
    );

    #[inline(always)]
    fn serialize_str(self, value: &str) -> Written {
        self.out.key(self.at, self.before, value)
    }

    fn serialize_char(self, value: char) -> Written {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Written {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Written {
        Err(fmt::Error)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Written {
        let at = self.out.sign(self.at, &[self.before, b'"'])?;
        let at = self.out.shown(at, value)?;
        self.out.sign(at, b"\":")
    }

    no_key! {
        serialize_f32(f32) -> usize;
        serialize_f64(f64) -> usize;
        serialize_bytes(&[u8]) -> usize;
        serialize_none() -> usize;
        serialize_unit() -> usize;
        serialize_unit_struct(&'static str) -> usize;
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct(&'static str, usize) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::String;
    use std::vec::Vec;

    /// Every kind of value that JSON can carry.
    #[derive(Debug, Clone, serde::Serialize)]
    enum Shape {
        Unit,
        Text(String),
        Pair(u64, i64),
        Named { a: Option<bool>, b: Vec<Shape> },
        Map(std::collections::BTreeMap<String, Shape>),
        Numbered(std::collections::BTreeMap<u8, char>),
        Float(f64),
    }

    fn shape() -> impl Strategy<Value = Shape> {
        let leaf = prop_oneof![
            Just(Shape::Unit),
            any::<String>().prop_map(Shape::Text),
            "[\\x00-\\x7f]{0,20}".prop_map(Shape::Text),
            any::<(u64, i64)>().prop_map(|(a, b)| Shape::Pair(a, b)),
            any::<std::collections::BTreeMap<u8, char>>().prop_map(Shape::Numbered),
            (-1000_i32..1000).prop_map(|n| Shape::Float(f64::from(n) / 8.0)),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                (
                    any::<Option<bool>>(),
                    prop::collection::vec(inner.clone(), 0..4)
                )
                    .prop_map(|(a, b)| Shape::Named { a, b }),
                prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(Shape::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_writes_what_serde_json_writes(shape in shape()) {
            let mut ours = String::new();
            write_json(&mut ours, &shape).unwrap();
            prop_assert_eq!(ours, serde_json::to_string(&shape).unwrap());
        }
    }

    #[test]
    fn a_list_is_no_key() {
        let map = std::collections::BTreeMap::from([([1, 2], 3)]);
        assert!(write_json(&mut String::new(), &map).is_err());
    }
}
