//! Kernel filter expressions: built or parsed, checked against an event's fields, and printed as the
//! `filter` file takes them.
//!
//! The kernel evaluates the expression before it commits a record. It checks less than one would
//! like: a number that does not fit the field is cut to it in silence, and a dynamic array compares as
//! its own address. [`Filter::check`] refuses these, and all that the kernel refuses
//! (`kernel/trace/trace_events_filter.c`), with the field's name instead of a caret.
//!
//! ```
//! use tracefs::filter::{Filter, field};
//!
//! let built = field("prev_prio").lt(100).and(field("prev_comm").glob("kworker*"));
//! let parsed: Filter = r#"prev_prio < 100 && prev_comm ~ "kworker*""#.parse().unwrap();
//! assert_eq!(built, parsed);
//! assert_eq!(built.or(!field("next_pid").eq(0)).to_string(),
//!     r#"prev_prio < 100 && prev_comm ~ "kworker*" || !(next_pid == 0)"#);
//! ```

mod check;
mod parse;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Not;

/// Longest expression, in bytes: the kernel takes less than a page of 4096.
pub const MAX_TEXT: usize = 4095;

/// Deepest nesting of parentheses and negations that is parsed or checked.
pub const MAX_DEPTH: usize = 64;

/// Longest string in an expression, in bytes (`MAX_FILTER_STR_VAL`, less one for its end).
pub const MAX_STRING: usize = 255;

/// A filter expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of them, `&&`. At least two.
    All(Vec<Filter>),
    /// Any of them, `||`. At least two.
    Any(Vec<Filter>),
    /// Not that one, `!`.
    Not(Box<Filter>),
    /// One field compared with one value.
    Test(Test),
}

/// One field compared with one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// The field's name; `CPU` and `COMM` are the CPU and the task that wrote the record.
    pub field: String,
    /// How the field is taken.
    pub take: Take,
    /// The comparison.
    pub op: Op,
    /// What it is compared with.
    pub value: Operand,
}

/// How a field is taken for a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// As it is.
    Plain,
    /// `.ustring`: a pointer to a string of user space (Linux 5.17).
    UserString,
    /// `.function`: an address anywhere in that kernel function (Linux 6.4).
    Function,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `==`.
    Eq,
    /// `!=`.
    Ne,
    /// `<`.
    Lt,
    /// `<=`.
    Le,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
    /// `&`: some of these bits are set.
    Bits,
    /// `~`: the string matches the pattern, with `*`, `?` and `[…]`.
    Glob,
}

/// Operators, longer ones before those that they begin with.
const OPS: [(&str, Op); 8] = [
    ("==", Op::Eq),
    ("!=", Op::Ne),
    ("<=", Op::Le),
    ("<", Op::Lt),
    (">=", Op::Ge),
    (">", Op::Gt),
    ("&", Op::Bits),
    ("~", Op::Glob),
];

impl Op {
    /// The operator as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        OPS.iter()
            .find(|(_, op)| *op == self)
            .map_or("", |(text, _)| text)
    }
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A number, signed or unsigned, of 64 bits at most.
    Number(i128),
    /// A string. It cannot hold both kinds of quotes: there is no way to write it.
    Text(String),
    /// `CPUS{0-3,8}`: a set of CPUs, ascending and without overlap (Linux 6.6).
    Cpus(Vec<(u32, u32)>),
    /// The name of a kernel function, with [`Take::Function`].
    Function(String),
}

/// Begins a comparison of that field.
#[must_use]
pub fn field(name: &str) -> Subject {
    Subject {
        field: name.into(),
        take: Take::Plain,
    }
}

/// A field that is to be compared, see [`field`].
#[derive(Clone, Debug)]
pub struct Subject {
    field: String,
    take: Take,
}

impl Subject {
    fn test(self, op: Op, value: Operand) -> Filter {
        Filter::Test(Test {
            field: self.field,
            take: self.take,
            op,
            value,
        })
    }

    /// Takes the field as a pointer to a string of user space (`.ustring`).
    #[must_use]
    pub fn user_string(self) -> Self {
        Self {
            take: Take::UserString,
            ..self
        }
    }

    /// Equals that number or string.
    #[must_use]
    pub fn eq(self, value: impl Into<Operand>) -> Filter {
        self.test(Op::Eq, value.into())
    }

    /// Is another number or string.
    #[must_use]
    pub fn ne(self, value: impl Into<Operand>) -> Filter {
        self.test(Op::Ne, value.into())
    }

    /// Is less than that.
    #[must_use]
    pub fn lt(self, value: impl Into<i128>) -> Filter {
        self.test(Op::Lt, Operand::Number(value.into()))
    }

    /// Is less than or equals that.
    #[must_use]
    pub fn le(self, value: impl Into<i128>) -> Filter {
        self.test(Op::Le, Operand::Number(value.into()))
    }

    /// Is greater than that.
    #[must_use]
    pub fn gt(self, value: impl Into<i128>) -> Filter {
        self.test(Op::Gt, Operand::Number(value.into()))
    }

    /// Is greater than or equals that.
    #[must_use]
    pub fn ge(self, value: impl Into<i128>) -> Filter {
        self.test(Op::Ge, Operand::Number(value.into()))
    }

    /// Has some of these bits set.
    #[must_use]
    pub fn bits(self, value: impl Into<i128>) -> Filter {
        self.test(Op::Bits, Operand::Number(value.into()))
    }

    /// Matches a pattern with `*`, `?` and `[…]`.
    #[must_use]
    pub fn glob(self, pattern: &str) -> Filter {
        self.test(Op::Glob, Operand::Text(pattern.into()))
    }

    /// Is an address in that kernel function (`.function`).
    #[must_use]
    pub fn in_function(self, function: &str) -> Filter {
        Self {
            take: Take::Function,
            ..self
        }
        .test(Op::Eq, Operand::Function(function.into()))
    }

    /// Is one of these CPUs, or a set of CPUs that shares one with these.
    #[must_use]
    pub fn cpus(self, cpus: impl IntoIterator<Item = u32>) -> Filter {
        let mut list: Vec<_> = cpus.into_iter().map(|cpu| (cpu, cpu)).collect();
        tidy(&mut list);
        self.test(Op::Bits, Operand::Cpus(list))
    }
}

/// Sorts ranges of CPUs and joins those that touch.
fn tidy(list: &mut Vec<(u32, u32)>) {
    list.sort_unstable();
    list.dedup_by(|next, range| {
        let joined = next.0 <= range.1.saturating_add(1);
        if joined {
            range.1 = range.1.max(next.1);
        }
        joined
    });
}

macro_rules! number_from {
    ($($type:ty)*) => {$(
        impl From<$type> for Operand {
            fn from(value: $type) -> Self {
                Self::Number(value.into())
            }
        }
    )*};
}
number_from!(u8 u16 u32 u64 i8 i16 i32 i64);

impl From<&str> for Operand {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl Filter {
    /// Both this and the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::All(mut list) => {
                list.push(other);
                Self::All(list)
            }
            first => Self::All(Vec::from([first, other])),
        }
    }

    /// This or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Any(mut list) => {
                list.push(other);
                Self::Any(list)
            }
            first => Self::Any(Vec::from([first, other])),
        }
    }
}

impl Not for Filter {
    type Output = Self;

    fn not(self) -> Self {
        Self::Not(Box::new(self))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Test(test) => test.fmt(f),
            Self::Not(inner) => write!(f, "!({inner})"),
            Self::All(list) => join(f, list, " && ", |item| {
                matches!(item, Self::All(_) | Self::Any(_))
            }),
            Self::Any(list) => join(f, list, " || ", |item| matches!(item, Self::Any(_))),
        }
    }
}

fn join(
    f: &mut fmt::Formatter<'_>,
    list: &[Filter],
    between: &str,
    bracket: impl Fn(&Filter) -> bool,
) -> fmt::Result {
    for (index, item) in list.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        if bracket(item) {
            write!(f, "({item})")?;
        } else {
            write!(f, "{item}")?;
        }
    }
    Ok(())
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let take = match self.take {
            Take::Plain => "",
            Take::UserString => ".ustring",
            Take::Function => ".function",
        };
        write!(
            f,
            "{}{take} {} {}",
            self.field,
            self.op.as_str(),
            self.value
        )
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => value.fmt(f),
            Self::Function(name) => f.write_str(name),
            Self::Text(text) if text.contains('"') => write!(f, "'{text}'"),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Cpus(list) => {
                f.write_str("CPUS{")?;
                for (index, (first, last)) in list.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    match first == last {
                        true => write!(f, "{comma}{first}")?,
                        false => write!(f, "{comma}{first}-{last}")?,
                    }
                }
                f.write_str("}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
