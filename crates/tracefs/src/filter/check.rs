//! Holding an expression against an event's fields.

use alloc::string::ToString;

use super::parse::{is_function, is_name};
use super::{Filter, MAX_DEPTH, MAX_STRING, MAX_TEXT, Op, Operand, Take, Test};
use crate::format::{Field, Kind, Place};
use crate::{Error, Format, Result};

/// What a filter can do with a field (`enum` of `filter_assign_type` in the kernel).
enum Class {
    /// A string, wherever it is.
    Text,
    /// A pointer to a string.
    Pointer,
    /// A set of CPUs.
    CpuMask,
    /// An integer: bytes, and whether it is signed.
    Number(usize, bool),
    /// Nothing: the reason why.
    Nothing(&'static str),
}

impl Filter {
    /// Checks the expression against an event's fields and their types.
    ///
    /// Refused is what every kernel refuses, and what a kernel takes but compares with something else
    /// than one means: a number that does not fit the field, an array, a dynamic array of anything but
    /// characters. What only newer kernels have (`CPUS{…}`, `.function`) is left to the kernel.
    ///
    /// # Errors
    ///
    /// [`Error::NoField`]; [`Error::FilterType`] for a comparison that cannot be;
    /// [`Error::FilterLimit`]; [`Error::FilterSyntax`] for a built expression with an empty list.
    pub fn check(&self, format: &Format) -> Result<()> {
        self.walk(format, 0)?;
        // After the depth: printing goes as deep as the expression.
        if self.to_string().len() > MAX_TEXT {
            return Err(Error::FilterLimit {
                what: "length",
                max: MAX_TEXT,
            });
        }
        Ok(())
    }

    fn walk(&self, format: &Format, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::FilterLimit {
                what: "depth",
                max: MAX_DEPTH,
            });
        }
        match self {
            Self::Test(test) => test.check(format),
            Self::Not(inner) => inner.walk(format, depth + 1),
            Self::All(list) | Self::Any(list) if list.len() < 2 => Err(Error::FilterSyntax {
                at: 0,
                expected: "at least two terms to combine",
            }),
            Self::All(list) | Self::Any(list) => list
                .iter()
                .try_for_each(|item| item.walk(format, depth + 1)),
        }
    }
}

impl Test {
    fn check(&self, format: &Format) -> Result<()> {
        let class = classify(&self.field, format).ok_or_else(|| Error::NoField {
            event: format.name().into(),
            field: self.field.clone(),
        })?;
        match self.complaint(&class, format) {
            None => Ok(()),
            Some(why) => Err(Error::FilterType {
                field: self.field.clone(),
                why,
            }),
        }
    }

    /// Why the comparison cannot be; `None` if it can.
    fn complaint(&self, class: &Class, format: &Format) -> Option<&'static str> {
        if self.take == Take::Function {
            return self.function_complaint(class, format);
        }
        if self.take == Take::UserString && !matches!(class, Class::Pointer) {
            return Some("is no pointer to a string, as .ustring needs it");
        }
        match (class, &self.value) {
            (Class::Nothing(why), _) => Some(why),
            (_, Operand::Function(_)) => Some("needs .function to be compared with a function"),
            (Class::Text | Class::Pointer, Operand::Text(text)) => self.text_complaint(text),
            (Class::Text | Class::Pointer, _) => Some("is a string, and compares with one"),
            (_, Operand::Text(_)) => Some("is no string"),
            (Class::CpuMask | Class::Number(..), Operand::Cpus(list)) => {
                if list.is_empty() {
                    Some("is compared with no CPU")
                } else if matches!(self.op, Op::Eq | Op::Ne | Op::Bits) {
                    None
                } else {
                    Some("compares with CPUS{…} by ==, != and & only")
                }
            }
            (Class::CpuMask, Operand::Number(_)) => {
                Some("is a set of CPUs, and compares with CPUS{…}")
            }
            (Class::Number(..), Operand::Number(_)) if self.op == Op::Glob => {
                Some("is no string, as ~ needs it")
            }
            (Class::Number(size, signed), Operand::Number(value)) => {
                number_complaint(*size, *signed, *value)
            }
        }
    }

    fn text_complaint(&self, text: &str) -> Option<&'static str> {
        if !matches!(self.op, Op::Eq | Op::Ne | Op::Glob) {
            Some("is a string, and compares by ==, != and ~ only")
        } else if text.len() > MAX_STRING {
            Some("is compared with a string that is too long")
        } else if text.contains('"') && text.contains('\'') {
            Some("is compared with a string that holds both kinds of quotes")
        } else if text.contains(['\0', '\n']) {
            Some("is compared with a string of more than one line")
        } else {
            None
        }
    }

    fn function_complaint(&self, class: &Class, format: &Format) -> Option<&'static str> {
        match (class, &self.value) {
            (Class::Number(size, _), _) if *size != format.abi().word.bytes() => {
                Some("is no address, as .function needs it")
            }
            (Class::Number(..) | Class::Pointer, Operand::Function(name)) => {
                if !matches!(self.op, Op::Eq | Op::Ne) {
                    Some("compares with a function by == and != only")
                } else if name.is_empty()
                    || !name.chars().all(is_function)
                    || name.starts_with(|c: char| c.is_ascii_digit())
                {
                    Some("is compared with what cannot be a function's name")
                } else {
                    None
                }
            }
            (Class::Number(..) | Class::Pointer, Operand::Number(value)) => {
                if matches!(self.op, Op::Eq | Op::Ne) {
                    number_complaint(8, false, *value)
                } else {
                    Some("compares with a function by == and != only")
                }
            }
            _ => Some("is no address, as .function needs it"),
        }
    }
}

/// What the field of that name is. Those that every event has without naming them come last.
fn classify(name: &str, format: &Format) -> Option<Class> {
    if name.is_empty() || !name.chars().all(is_name) {
        return None;
    }
    if let Some(field) = format.field(name) {
        return Some(of_field(&field));
    }
    Some(match name {
        "CPU" | "cpu" | "common_cpu" => Class::Number(4, true),
        "COMM" | "comm" | "common_comm" => Class::Text,
        _ => return None,
    })
}

fn of_field(field: &Field<'_>) -> Class {
    match field.kind() {
        kind if kind.is_text() => Class::Text,
        Kind::Number => Class::Number(field.size(), field.is_signed()),
        Kind::Pointer if matches!(field.type_name(), "char *" | "const char *") => Class::Pointer,
        Kind::Pointer => Class::Number(field.size(), field.is_signed()),
        Kind::Array { .. } if field.declaration().contains("cpumask_t") => Class::CpuMask,
        Kind::Array {
            place: Place::Fixed,
            ..
        } => Class::Nothing("is an array, which no filter compares"),
        Kind::Array { .. } => Class::Nothing("is a dynamic array, which no filter compares"),
        Kind::Opaque => Class::Nothing("is neither a number nor a string"),
    }
}

fn number_complaint(size: usize, signed: bool, value: i128) -> Option<&'static str> {
    let bits = match size {
        1 | 2 | 4 | 8 => size * 8,
        _ => return Some("is a number of a size that no filter compares"),
    };
    let range = if signed {
        -(1i128 << (bits - 1))..1i128 << (bits - 1)
    } else {
        0..1i128 << bits
    };
    (!range.contains(&value)).then_some(if value < 0 && !signed {
        "is unsigned, and compares with no negative number"
    } else {
        "is compared with a number that does not fit it"
    })
}
