//! JSON text straight into any [`fmt::Write`], without a buffer, an allocation or another crate.
//!
//! What is written is what `serde_json::to_writer` writes, in a fraction of the time: keys that are Rust's own need no
//! escapes, and other text is searched for them eight bytes at a time.

use core::fmt::{self, Write};

use serde::ser::{
    Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

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
    value.serialize(Json { out })
}

/// One value.
struct Json<'w, W> {
    out: &'w mut W,
}

impl<'w, W: Write> Json<'w, W> {
    fn open(self, begin: &str, end: &'static str) -> Result<Members<'w, W>, fmt::Error> {
        self.out.write_str(begin)?;
        Ok(Members {
            out: self.out,
            first: true,
            end,
        })
    }

    fn variant(
        self,
        variant: &'static str,
        begin: &str,
        end: &'static str,
    ) -> Result<Members<'w, W>, fmt::Error> {
        self.out.write_str("{\"")?;
        self.out.write_str(variant)?;
        self.out.write_str("\":")?;
        self.open(begin, end)
    }
}

impl<'w, W: Write> Serializer for Json<'w, W> {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Members<'w, W>;
    type SerializeTuple = Members<'w, W>;
    type SerializeTupleStruct = Members<'w, W>;
    type SerializeTupleVariant = Members<'w, W>;
    type SerializeMap = Members<'w, W>;
    type SerializeStruct = Members<'w, W>;
    type SerializeStructVariant = Members<'w, W>;

    #[inline]
    fn serialize_bool(self, value: bool) -> fmt::Result {
        self.out.write_str(if value { "true" } else { "false" })
    }

    fn serialize_i8(self, value: i8) -> fmt::Result {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> fmt::Result {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> fmt::Result {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> fmt::Result {
        if value < 0 {
            self.out.write_str("-")?;
        }
        number(self.out, value.unsigned_abs())
    }

    fn serialize_u8(self, value: u8) -> fmt::Result {
        number(self.out, value.into())
    }

    fn serialize_u16(self, value: u16) -> fmt::Result {
        number(self.out, value.into())
    }

    fn serialize_u32(self, value: u32) -> fmt::Result {
        number(self.out, value.into())
    }

    fn serialize_u64(self, value: u64) -> fmt::Result {
        number(self.out, value)
    }

    fn serialize_f32(self, value: f32) -> fmt::Result {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> fmt::Result {
        if value.is_finite() {
            write!(self.out, "{value:?}")
        } else {
            self.serialize_unit()
        }
    }

    fn serialize_char(self, value: char) -> fmt::Result {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> fmt::Result {
        self.out.write_str("\"")?;
        escape(self.out, value)?;
        self.out.write_str("\"")
    }

    fn serialize_bytes(self, value: &[u8]) -> fmt::Result {
        self.collect_seq(value)
    }

    #[inline]
    fn serialize_none(self) -> fmt::Result {
        self.out.write_str("null")
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> fmt::Result {
        value.serialize(self)
    }

    fn serialize_unit(self) -> fmt::Result {
        self.out.write_str("null")
    }

    fn serialize_unit_struct(self, _name: &'static str) -> fmt::Result {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> fmt::Result {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> fmt::Result {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> fmt::Result {
        let mut members = self.open("{", "}")?;
        members.member(variant, value)?;
        members.close()
    }

    #[inline]
    fn serialize_seq(self, _len: Option<usize>) -> Result<Members<'w, W>, fmt::Error> {
        self.open("[", "]")
    }

    fn serialize_tuple(self, _len: usize) -> Result<Members<'w, W>, fmt::Error> {
        self.open("[", "]")
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Members<'w, W>, fmt::Error> {
        self.open("[", "]")
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Members<'w, W>, fmt::Error> {
        self.variant(variant, "[", "]}")
    }

    #[inline]
    fn serialize_map(self, _len: Option<usize>) -> Result<Members<'w, W>, fmt::Error> {
        self.open("{", "}")
    }

    #[inline]
    fn serialize_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Members<'w, W>, fmt::Error> {
        self.open("{", "}")
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Members<'w, W>, fmt::Error> {
        self.variant(variant, "{", "}}")
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> fmt::Result {
        self.out.write_str("\"")?;
        write!(Escaped(self.out), "{value}")?;
        self.out.write_str("\"")
    }
}

/// What is between brackets or braces.
struct Members<'w, W> {
    out: &'w mut W,
    first: bool,
    end: &'static str,
}

impl<W: Write> Members<'_, W> {
    #[inline]
    fn comma(&mut self) -> fmt::Result {
        if core::mem::take(&mut self.first) {
            return Ok(());
        }
        self.out.write_str(",")
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
        self.comma()?;
        value.serialize(Json { out: self.out })
    }

    /// A member whose key is a name in Rust, which has nothing to escape. Inlined, so that the key is a few stores.
    #[inline(always)]
    fn member<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> fmt::Result {
        self.out.write_str(if core::mem::take(&mut self.first) {
            "\""
        } else {
            ",\""
        })?;
        self.out.write_str(key)?;
        self.out.write_str("\":")?;
        value.serialize(Json { out: self.out })
    }

    #[inline]
    fn close(self) -> fmt::Result {
        self.out.write_str(self.end)
    }
}

impl<W: Write> SerializeMap for Members<'_, W> {
    type Ok = ();
    type Error = fmt::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> fmt::Result {
        self.comma()?;
        key.serialize(Key(Json { out: self.out }))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
        self.out.write_str(":")?;
        value.serialize(Json { out: self.out })
    }

    #[inline]
    fn end(self) -> fmt::Result {
        self.close()
    }
}

/// Lists of either kind, by their names in serde.
macro_rules! list {
    ($($kind:ident :: $method:ident),*) => {$(
        impl<W: Write> $kind for Members<'_, W> {
            type Ok = ();
            type Error = fmt::Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
                self.element(value)
            }

            #[inline]
            fn end(self) -> fmt::Result {
                self.close()
            }
        }
    )*};
}

list!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

/// Structs of either kind.
macro_rules! object {
    ($($kind:ident),*) => {$(
        impl<W: Write> $kind for Members<'_, W> {
            type Ok = ();
            type Error = fmt::Error;

            #[inline(always)]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> fmt::Result {
                self.member(key, value)
            }

            #[inline]
            fn end(self) -> fmt::Result {
                self.close()
            }
        }
    )*};
}

object!(SerializeStruct, SerializeStructVariant);

/// The key of a member: text, or a whole number in quotes. Nothing else can be one.
struct Key<'w, W>(Json<'w, W>);

/// Whole numbers as keys.
macro_rules! number_key {
    ($($method:ident: $ty:ty),*) => {$(
        fn $method(self, value: $ty) -> fmt::Result {
            self.0.collect_str(&value)
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

type Never = Impossible<(), fmt::Error>;

impl<W: Write> Serializer for Key<'_, W> {
    type Ok = ();
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

    #[inline]
    fn serialize_str(self, value: &str) -> fmt::Result {
        self.0.serialize_str(value)
    }

    fn serialize_char(self, value: char) -> fmt::Result {
        self.0.serialize_char(value)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> fmt::Result {
        self.0.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> fmt::Result {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> fmt::Result {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> fmt::Result {
        Err(fmt::Error)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> fmt::Result {
        self.0.collect_str(value)
    }

    no_key! {
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct(&'static str, usize) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }
}

/// Escapes whatever is written through it.
struct Escaped<'w, W>(&'w mut W);

impl<W: Write> Write for Escaped<'_, W> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text)
    }
}

/// Writes text, with escapes where it needs some.
#[inline]
fn escape(out: &mut impl Write, text: &str) -> fmt::Result {
    if !needs_escapes(text.as_bytes()) {
        return out.write_str(text);
    }
    escape_all(out, text)
}

#[cold]
fn escape_all(out: &mut impl Write, text: &str) -> fmt::Result {
    for c in text.chars() {
        match c {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            '\u{8}' => out.write_str("\\b")?,
            '\u{c}' => out.write_str("\\f")?,
            '\0'..' ' => write!(out, "\\u{:04x}", u32::from(c))?,
            _ => out.write_char(c)?,
        }
    }
    Ok(())
}

/// Whether some byte is a quote, a backslash or a control character.
#[inline]
fn needs_escapes(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    if words.iter().any(|word| special(u64::from_le_bytes(*word))) {
        return true;
    }
    match bytes.last_chunk::<8>() {
        Some(last) => special(u64::from_le_bytes(*last)),
        None => rest
            .iter()
            .any(|&byte| byte < b' ' || byte == b'"' || byte == b'\\'),
    }
}

/// The same for eight bytes at once: a subtraction borrows into the highest bit of each byte that was too small.
#[inline]
const fn special(word: u64) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const fn below(word: u64, limit: u8) -> u64 {
        word.wrapping_sub(EACH * limit as u64) & !word
    }
    let quote = word ^ (EACH * b'"' as u64);
    let backslash = word ^ (EACH * b'\\' as u64);
    (below(word, b' ') | below(quote, 1) | below(backslash, 1)) & (EACH << 7) != 0
}

/// Writes a number in decimal.
fn number(out: &mut impl Write, value: u64) -> fmt::Result {
    if value < 10 {
        return out.write_char(char::from(b'0' + value as u8));
    }
    let (mut digits, mut at, mut rest) = ([0; 20], 20, value);
    while rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    // Digits are ASCII.
    out.write_str(core::str::from_utf8(&digits[at..]).unwrap_or_default())
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

    #[test]
    fn every_byte_wherever_it_stands() {
        for byte in 0..128_u8 {
            for at in 0..20 {
                for len in at + 1..20 {
                    let mut text = std::vec![b'x'; len];
                    text[at] = byte;
                    let special = byte < b' ' || byte == b'"' || byte == b'\\';
                    assert_eq!(needs_escapes(&text), special, "{byte} at {at} of {len}");
                }
            }
        }
    }
}
