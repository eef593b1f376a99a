//! The parser of format files: one pass over the bytes, two allocations.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::types::{strip_location, strip_qualifiers, type_size};
use super::{Element, Format, Kind, MAX_EXTENT, MAX_FIELDS, MAX_TEXT, Place, Raw, Span};
use crate::record::Accessor;
use crate::scan;
use crate::{Abi, Error, Result};

/// A field line is rarely shorter than this; decides how much is reserved for fields.
const SHORT_FIELD_LINE: usize = 50;

/// What the fields of every event begin with, as kernels since 2.6.34 write it.
const COMMON: &str = "
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;
";

/// The type and name of each of them, its offset, size and sign.
const COMMON_FIELDS: [(&str, &str, u32, u32, bool); 4] = [
    ("unsigned short ", "common_type", 0, 2, false),
    ("unsigned char ", "common_flags", 2, 1, false),
    ("unsigned char ", "common_preempt_count", 3, 1, false),
    ("int ", "common_pid", 4, 4, true),
];

/// Bytes before a declaration and after it.
const COMMON_BEFORE: usize = "\n\tfield:".len();
const COMMON_AFTER: usize = ";\toffset:0;\tsize:2;\tsigned:0;".len();

pub(super) fn parse(bytes: &[u8], abi: Abi) -> Result<Format> {
    if bytes.len() > MAX_TEXT {
        return Err(Error::FormatTooLong {
            len: bytes.len(),
            max: MAX_TEXT,
        });
    }
    let text: Arc<str> = match core::str::from_utf8(bytes) {
        Ok(text) => Arc::from(text),
        Err(_) => Arc::from(String::from_utf8_lossy(bytes)),
    };
    // U+FFFD is three bytes for one: what was checked above can have grown.
    if text.len() > MAX_TEXT {
        return Err(Error::FormatTooLong {
            len: text.len(),
            max: MAX_TEXT,
        });
    }
    let mut parser = Parser {
        text: &text,
        bytes: text.as_bytes(),
        at: 0,
        abi,
    };
    let name = parser.header("name:", "name: and the event's name")?;
    if name.start == name.end {
        return Err(parser.syntax("the event's name"));
    }
    let id = parser.header("ID:", "ID: and a number")?;
    let id = id
        .of(&text)
        .parse()
        .map_err(|_| parser.syntax("ID: and a number"))?;
    parser.header("format:", "format:")?;

    let mut fields =
        Vec::with_capacity((parser.bytes.len() / SHORT_FIELD_LINE + 1).min(MAX_FIELDS));
    let mut extent = parser.common(&mut fields);
    let print = loop {
        parser.skip_space();
        if parser.take("field:") || parser.take("field special:") {
            if fields.len() == MAX_FIELDS {
                return Err(parser.syntax("no more fields"));
            }
            let field = parser.field()?;
            let start = field.access.offset();
            let end = start + field.access.size();
            if start < extent && start < end {
                parser.check_overlap(&fields, &field, start, end)?;
            }
            extent = extent.max(end);
            fields.push(field);
        } else if parser.take("print fmt:") {
            break Some(parser.rest());
        } else if parser.at == parser.bytes.len() {
            break None;
        } else {
            return Err(parser.syntax("field: or print fmt:"));
        }
    };
    let common = fields
        .iter()
        .take_while(|field| {
            let name = text.as_bytes().get(field.name.start as usize..);
            name.is_some_and(|name| name.starts_with(b"common_"))
        })
        .count();
    Ok(Format {
        name,
        id,
        abi,
        fields,
        common,
        print,
        extent,
        text,
    })
}

impl Raw {
    fn name<'t>(&self, text: &'t str) -> &'t str {
        self.name.of(text)
    }
}

struct Parser<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    abi: Abi,
}

impl<'t> Parser<'t> {
    fn line(&self, at: usize) -> usize {
        let before = self.bytes.get(..at).unwrap_or(self.bytes);
        1 + before.iter().filter(|&&byte| byte == b'\n').count()
    }

    #[cold]
    fn syntax(&self, expected: &'static str) -> Error {
        Error::FormatSyntax {
            line: self.line(self.at),
            expected,
        }
    }

    #[cold]
    fn place(&self, at: usize, field: &str, why: &'static str) -> Error {
        Error::FieldPlace {
            line: self.line(at),
            field: field.to_string(),
            why,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self
            .bytes
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word.as_bytes()));
        if found {
            self.at += word.len();
        }
        found
    }

    /// `key value` on a line of its own.
    fn header(&mut self, key: &str, expected: &'static str) -> Result<Span> {
        self.skip_space();
        if !self.take(key) {
            return Err(self.syntax(expected));
        }
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or(&[]);
        let len = scan::either(rest, b'\n', b'\n').unwrap_or(rest.len());
        self.at = start + len;
        Ok(self.trimmed(start, start + len))
    }

    fn rest(&mut self) -> Span {
        let start = self.at;
        self.at = self.bytes.len();
        self.trimmed(start, self.at)
    }

    /// The part of the text without white space around it.
    fn trimmed(&self, mut start: usize, mut end: usize) -> Span {
        let space = |at: usize| self.bytes.get(at).is_some_and(u8::is_ascii_whitespace);
        while start < end && space(start) {
            start += 1;
        }
        while start < end && space(end - 1) {
            end -= 1;
        }
        // MAX_TEXT is below 4 GiB.
        Span {
            start: start as u32,
            end: end as u32,
        }
    }

    /// The fields that all events have, if they are written as always; their extent.
    fn common(&mut self, fields: &mut Vec<Raw>) -> usize {
        let mut at = self.at;
        if !self.take(COMMON) {
            return 0;
        }
        let mut extent = 0;
        for (kind, name, offset, size, signed) in COMMON_FIELDS {
            let start = at + COMMON_BEFORE;
            let middle = start + kind.len();
            let end = middle + name.len();
            at = end + COMMON_AFTER;
            extent = offset + size;
            let kind = Kind::Number;
            let span = |start: usize| Span {
                start: start as u32,
                end: end as u32,
            };
            fields.push(Raw {
                declaration: span(start),
                name: span(middle),
                array_len: 0,
                kind,
                access: Accessor::new(kind, offset, size, 1, signed, self.abi),
            });
        }
        extent as usize
    }

    /// After `field:`.
    fn field(&mut self) -> Result<Raw> {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or(&[]);
        let Some(len) = scan::either(rest, b';', b'\n') else {
            return Err(self.syntax("; after the declaration"));
        };
        self.at = start + len;
        let declaration = self.trimmed(start, start + len);
        if !self.take(";") {
            return Err(self.syntax("; after the declaration"));
        }
        let declared = declaration.of(self.text);
        let (name, brackets) = declarator(declared);
        let shift = |span: Span| Span {
            start: declaration.start + span.start,
            end: declaration.start + span.end,
        };
        let name = shift(name);
        if name.start == name.end {
            return Err(self.syntax("a declaration with a name"));
        }
        let offset = self.number(b"offset:", "offset: and a number")?;
        let size = self.number(b"size:", "size: and a number")?;
        let end = u64::from(offset) + u64::from(size);
        if end > MAX_EXTENT as u64 {
            return Err(self.place(start, name.of(self.text), "ends beyond any record"));
        }
        self.skip_space();
        // Kernels before 2.6.32 did not say.
        let signed = if self
            .bytes
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(b"signed:"))
        {
            self.number(b"signed:", "signed:0 or signed:1")? != 0
        } else {
            false
        };
        let shape = shape(declared, brackets, size, self.abi)
            .map_err(|why| self.place(start, name.of(self.text), why))?;
        Ok(Raw {
            declaration,
            name,
            array_len: shape.len,
            kind: shape.kind,
            access: Accessor::new(
                shape.kind,
                offset,
                size,
                shape.element_size,
                signed,
                self.abi,
            ),
        })
    }

    /// `\tkey:number;`
    fn number<const N: usize>(&mut self, key: &[u8; N], expected: &'static str) -> Result<u32> {
        while let Some(b' ' | b'\t') = self.peek() {
            self.at += 1;
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.first_chunk() != Some(key) {
            return Err(self.syntax(expected));
        }
        self.at += N;
        let digits = self.bytes.get(self.at..).unwrap_or_default();
        // Most are of one digit or two.
        match digits {
            [a @ b'0'..=b'9', b';', ..] => {
                self.at += 2;
                return Ok(u32::from(a - b'0'));
            }
            [a @ b'0'..=b'9', b @ b'0'..=b'9', b';', ..] => {
                self.at += 3;
                return Ok(u32::from(a - b'0') * 10 + u32::from(b - b'0'));
            }
            _ => {}
        }
        let mut number = 0u32;
        for (len, &byte) in digits.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    number = number
                        .checked_mul(10)
                        .and_then(|n| n.checked_add(u32::from(byte - b'0')))
                        .ok_or_else(|| self.syntax("a number below 2^32"))?;
                }
                b';' if len > 0 => {
                    self.at += len + 1;
                    return Ok(number);
                }
                _ if len == 0 => return Err(self.syntax(expected)),
                _ => break,
            }
        }
        Err(self.syntax("; after the number"))
    }

    #[cold]
    fn check_overlap(&self, fields: &[Raw], field: &Raw, start: usize, end: usize) -> Result<()> {
        for other in fields {
            let begin = other.access.offset();
            if start < begin + other.access.size() && begin < end {
                return Err(Error::FieldOverlap {
                    line: self.line(field.declaration.start as usize),
                    field: field.name(self.text).to_string(),
                    other: other.name(self.text).to_string(),
                });
            }
        }
        Ok(())
    }
}

/// The name in a declaration, and what stands in the brackets after it.
fn declarator(declaration: &str) -> (Span, Option<&str>) {
    let span = |start: usize, end: usize| Span {
        start: start as u32,
        end: end as u32,
    };
    let bytes = declaration.as_bytes();
    let mut end = bytes.len();
    // A trailing attribute, or the arguments of a function pointer: `void (*name)(int)`.
    while end > 0 && bytes.get(end - 1) == Some(&b')') {
        let Some(open) = matching_open(bytes, end - 1) else {
            return (span(0, 0), None);
        };
        let before = trim_end(bytes, open);
        if bytes.get(before.wrapping_sub(1)) == Some(&b')') {
            // The name stands in the parentheses before the arguments.
            end = trim_end(bytes, before - 1);
            break;
        }
        // `__attribute__((…))`
        let attribute = scan::ident_at_end(bytes.get(..before).unwrap_or_default());
        end = trim_end(bytes, before - attribute);
    }
    let mut brackets = None;
    if end > 0 && bytes.get(end - 1) == Some(&b']') {
        let close = end;
        // All dimensions of `x[4][8]`.
        while end > 0 && bytes.get(end - 1) == Some(&b']') {
            let open = bytes
                .get(..end)
                .and_then(|part| part.iter().rposition(|&b| b == b'['));
            let Some(open) = open else {
                return (span(0, 0), None);
            };
            end = trim_end(bytes, open);
        }
        brackets = declaration.get(end..close);
    }
    let name = scan::ident_at_end(bytes.get(..end).unwrap_or_default());
    (span(end - name, end), brackets)
}

fn trim_end(bytes: &[u8], mut end: usize) -> usize {
    while end > 0 && bytes.get(end - 1).is_some_and(u8::is_ascii_whitespace) {
        end -= 1;
    }
    end
}

fn matching_open(bytes: &[u8], close: usize) -> Option<usize> {
    let mut depth = 0usize;
    for at in (0..=close).rev() {
        match bytes.get(at) {
            Some(b')') => depth += 1,
            Some(b'(') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

struct Shape {
    kind: Kind,
    len: u32,
    element_size: u8,
}

/// What a declaration and a size say together.
fn shape(
    declaration: &str,
    brackets: Option<&str>,
    size: u32,
    abi: Abi,
) -> Result<Shape, &'static str> {
    let place = match declaration.as_bytes() {
        [b'_', b'_', b'd', ..] if declaration.starts_with("__data_loc") => Some(Place::DataLoc),
        [b'_', b'_', b'r', ..] if declaration.starts_with("__rel_loc") => Some(Place::RelLoc),
        _ => None,
    };
    if let Some(place) = place {
        if size != 4 {
            return Err("a reference to data is not 4 bytes");
        }
        let base = base_type(declaration);
        let (element, element_size) = if base == "cpumask_t" {
            (Element::Bitmask, abi.word.bytes() as u8)
        } else {
            element(base, abi, None)
        };
        return Ok(Shape {
            kind: Kind::Array { place, element },
            len: 0,
            element_size,
        });
    }
    if let Some(brackets) = brackets {
        let base = base_type(declaration);
        if size == 0 {
            let (element, element_size) = element(base, abi, None);
            return Ok(Shape {
                kind: Kind::Array {
                    place: Place::Rest,
                    element,
                },
                len: 0,
                element_size,
            });
        }
        let len = dimensions(brackets);
        if len.is_some_and(|len| len == 0 || !size.is_multiple_of(len)) {
            return Err("its size is not a multiple of its length");
        }
        let measured = len.and_then(|len| u8::try_from(size / len).ok());
        let known = type_size(strip_qualifiers(base), abi.word);
        if let (Some(known), Some(len)) = (known, len)
            && u64::from(known) * u64::from(len) != u64::from(size)
        {
            return Err("its size is not that of its elements");
        }
        let (element, element_size) = element(base, abi, measured);
        return Ok(Shape {
            kind: Kind::Array {
                place: Place::Fixed,
                element,
            },
            len: len.unwrap_or(size / u32::from(element_size.max(1))),
            element_size,
        });
    }
    let pointer = size as usize == abi.word.bytes()
        && scan::either(declaration.as_bytes(), b'*', b'*').is_some();
    let kind = match size {
        _ if pointer => Kind::Pointer,
        1 | 2 | 4 | 8 => Kind::Number,
        _ => Kind::Opaque,
    };
    Ok(Shape {
        kind,
        len: 0,
        element_size: 1,
    })
}

/// The same where the type is one word: `char name[16]`, `__data_loc char[] name`.
fn plain_base_type(declaration: &str) -> Option<&str> {
    let bytes = declaration.as_bytes();
    if let Some(after) = bytes.strip_prefix(b"__data_loc ") {
        let len = scan::ident(after);
        let start = bytes.len() - after.len();
        let is_plain = len > 0 && after.get(len..)?.starts_with(b"[]");
        return is_plain.then(|| declaration.get(start..start + len))?;
    }
    let len = scan::ident(bytes);
    let [b' ', name @ ..] = bytes.get(len..)? else {
        return None;
    };
    let name_len = scan::ident(name);
    let is_plain = name_len > 0 && name.get(name_len) == Some(&b'[') && !bytes.starts_with(b"__");
    is_plain.then(|| declaration.get(..len))?
}

/// The type in front of an array's name or brackets.
fn base_type(declaration: &str) -> &str {
    if let Some(base) = plain_base_type(declaration) {
        return base;
    }
    let text = strip_location(declaration);
    let text = text.split('[').next().unwrap_or(text);
    let text = if declaration.starts_with("__") && declaration.contains("_loc") {
        // `__data_loc char[] name` and `__data_loc cpumask_t name`.
        match text.trim_end() {
            text if strip_location(declaration).contains('[') => text,
            text => text.rsplit_once(' ').map_or(text, |(base, _)| base),
        }
    } else {
        text.trim_end()
            .trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_')
    };
    strip_qualifiers(text)
}

/// What an array of that type is made of, and the size of one. `measured` is what the format
/// file's own numbers say.
fn element(base: &str, abi: Abi, measured: Option<u8>) -> (Element, u8) {
    let size = measured.or_else(|| type_size(base, abi.word));
    match size {
        Some(1) if base == "char" => (Element::Char, 1),
        Some(size @ (1 | 2 | 4 | 8)) => (Element::Number(size), size),
        Some(size) if size > 0 => (Element::Opaque, size),
        _ => (Element::Opaque, 1),
    }
}

/// `[4][8]` is 32; `None` where a dimension is a name (`[TASK_COMM_LEN]`, before 6.0).
fn dimensions(brackets: &str) -> Option<u32> {
    // Most are one short number.
    match brackets.as_bytes() {
        [b'[', a @ b'0'..=b'9', b']'] => return Some(u32::from(a - b'0')),
        [b'[', a @ b'0'..=b'9', b @ b'0'..=b'9', b']'] => {
            return Some(u32::from(a - b'0') * 10 + u32::from(b - b'0'));
        }
        _ => {}
    }
    brackets
        .split('[')
        .skip(1)
        .try_fold(1u32, |product, dimension| {
            let number = dimension.trim_end().strip_suffix(']')?.trim();
            product.checked_mul(number.parse().ok()?)
        })
}

#[cfg(test)]
mod tests {
    use super::{COMMON, parse};
    use crate::Abi;
    use alloc::format;
    use alloc::vec::Vec;

    #[test]
    fn common_fields_are_the_same_by_either_way() {
        for abi in [Abi::LE64, Abi::BE64] {
            let text = |common: &str| {
                format!(
                    "name: x\nID: 1\nformat:{common}\n\tfield:int y;\toffset:8;\tsize:4;\tsigned:1;\n"
                )
            };
            let seen = |text: &str| {
                let format = parse(text.as_bytes(), abi).unwrap();
                let fields: Vec<_> = format
                    .fields()
                    .map(|field| {
                        let (declared, name) = (field.declaration(), field.name());
                        format!(
                            "{declared:?} {name:?} {:?} {:?}",
                            field.kind(),
                            field.accessor()
                        )
                    })
                    .collect();
                (fields, format.extent(), format.common)
            };
            let usual = text(COMMON);
            let other = text(&COMMON.replacen('\n', "\n\n", 1));
            assert_eq!(seen(&usual), seen(&other));
            assert_eq!(seen(&usual).2, 4);
        }
    }
}
