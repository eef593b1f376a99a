//! How a configuration file becomes values: every key at its place, every mistake at its line.
//!
//! The file is walked, not deserialized: serde ends at the first mistake, and an operator wants to see them all.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A mistake in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Line, from 1.
    pub(crate) line: usize,
    /// Character of the line, from 1.
    pub(crate) column: usize,
    /// The key, with the tables that it is in: `thresholds.dimm.corrected`. Empty for what is no TOML.
    pub(crate) key: String,
    /// What is wrong, and what was expected.
    pub(crate) what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)
    }
}

/// More mistakes than these are not told: nobody reads them.
const MOST: usize = 100;

/// The mistakes of a file, by place.
#[derive(Debug)]
pub(crate) struct Problems<'a> {
    text: &'a str,
    found: Vec<(usize, Problem)>,
}

impl<'a> Problems<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self {
            text,
            found: Vec::new(),
        }
    }

    /// Notes a mistake at a byte of the text.
    pub(crate) fn add(&mut self, at: usize, key: &str, what: impl Into<String>) {
        if self.found.len() >= MOST {
            return;
        }
        let (line, column) = place(self.text.as_bytes(), at);
        let problem = Problem {
            line,
            column,
            // A key in quotes can be anything.
            key: key.chars().filter(|c| !c.is_control()).take(200).collect(),
            what: what.into(),
        };
        self.found.push((at, problem));
    }

    /// All of them, in the order of the file.
    pub(crate) fn finish(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|&(at, _)| at);
        self.found.into_iter().map(|(_, problem)| problem).collect()
    }
}

/// Line and column of a byte, from 1; columns count characters.
pub(crate) fn place(text: &[u8], at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let start = before
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |newline| newline + 1);
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let is_first = |byte: &&u8| **byte & 0xc0 != 0x80;
    let column = before.get(start..).unwrap_or_default();
    (line, column.iter().filter(is_first).count() + 1)
}

/// What a value could not be read as.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// Where, if it is not the whole value.
    pub(crate) span: Option<Range<usize>>,
    /// What is wrong.
    pub(crate) what: String,
}

impl Wrong {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            span: None,
            what: what.into(),
        }
    }
}

/// A value of a key.
pub(crate) trait Setting: Sized {
    /// What a person may write, for messages.
    fn expected() -> Cow<'static, str>;

    /// Reads it.
    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Wrong>;

    /// Writes it so that it reads as the same.
    fn write(&self, out: &mut String);
}

/// A table with keys of its own.
pub(crate) trait Section {
    /// Its keys, in the order in which they are shown.
    const KEYS: &'static [&'static str];

    /// Takes the value of one of its keys.
    fn set(
        &mut self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        path: &str,
        problems: &mut Problems<'_>,
    );

    /// Writes its values, then the tables in it.
    fn write(&self, path: &str, out: &mut String);

    /// What must hold between its values; gives the key that is wrong, and why.
    fn check(&self) -> Option<(&'static str, String)> {
        None
    }
}

/// Reads the keys of a table.
pub(crate) fn section<S: Section>(
    section: &mut S,
    table: &DeTable<'_>,
    path: &str,
    problems: &mut Problems<'_>,
) {
    for (key, value) in table {
        let name: &str = key.get_ref();
        let path = join(path, name);
        if S::KEYS.contains(&name) {
            section.set(name, value, &path, problems);
        } else {
            problems.add(key.span().start, &path, unknown(name, S::KEYS));
        }
    }
    if let Some((wrong, what)) = section.check() {
        // The key may stand there, or the table be wrong without it.
        let at = table
            .iter()
            .find(|(key, _)| **key.get_ref() == *wrong)
            .map_or(0, |(_, value)| value.span().start);
        problems.add(at, &join(path, wrong), what);
    }
}

/// Reads a key that is a table.
pub(crate) fn subsection<S: Section>(
    into: &mut S,
    value: &Spanned<DeValue<'_>>,
    path: &str,
    problems: &mut Problems<'_>,
) {
    match value.get_ref() {
        DeValue::Table(table) => section(into, table, path, problems),
        other => problems.add(
            value.span().start,
            path,
            format!(
                "expected a table, with keys such as `{}`, not {}",
                S::KEYS.first().unwrap_or(&""),
                article(other.type_str())
            ),
        ),
    }
}

/// Reads a key that is a value.
pub(crate) fn setting<T: Setting>(
    into: &mut T,
    value: &Spanned<DeValue<'_>>,
    path: &str,
    problems: &mut Problems<'_>,
) {
    match T::read(value) {
        Ok(read) => *into = read,
        Err(wrong) => problems.add(
            wrong.span.unwrap_or_else(|| value.span()).start,
            path,
            format!("{}; expected {}", wrong.what, T::expected()),
        ),
    }
}

/// Writes a key and its value.
pub(crate) fn write_setting<T: Setting>(key: &str, value: &T, out: &mut String) {
    out.push_str(key);
    out.push_str(" = ");
    value.write(out);
    out.push('\n');
}

/// Writes a table; its head only where it has values itself.
pub(crate) fn write_section<S: Section>(key: &str, section: &S, path: &str, out: &mut String) {
    let path = join(path, key);
    let mut body = String::new();
    section.write(&path, &mut body);
    if !body.starts_with('\n') {
        _ = write!(out, "\n[{path}]\n");
    }
    out.push_str(&body);
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// What is said of a key that is not known.
fn unknown(key: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|&name| (strsim::damerau_levenshtein(key, name), name))
        .min()
        .filter(|&(distance, name)| distance <= 1 + name.len() / 4);
    match near {
        Some((_, name)) => format!("no such key; did you mean `{name}`?"),
        None => format!("no such key; the keys here are `{}`", known.join("`, `")),
    }
}

/// A type of TOML with its article.
pub(crate) fn article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'i']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}

/// Writes text as a TOML string.
pub(crate) fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A table of the configuration: its struct, defaults, reading and writing, from one list of keys.
macro_rules! table {
    (
        $(#[$meta:meta])*
        $name:ident {
            $( $(#[$doc:meta])* $key:literal $field:ident: $ty:ty = $default:expr; )*
            tables {
                $( $(#[$table_doc:meta])* $table_key:literal $table_field:ident: $table_ty:ty = $table_default:expr; )*
            }
        }
        $( check $check:expr; )?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) struct $name {
            $( $(#[$doc])* pub(crate) $field: $ty, )*
            $( $(#[$table_doc])* pub(crate) $table_field: $table_ty, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $( $field: $default, )*
                    $( $table_field: $table_default, )*
                }
            }
        }

        impl $crate::config::read::Section for $name {
            const KEYS: &'static [&'static str] = &[$( $key, )* $( $table_key, )*];

            #[allow(unused_variables, reason = "a table may have no values, or no tables, in it")]
            fn set(
                &mut self,
                key: &str,
                value: &toml::Spanned<toml::de::DeValue<'_>>,
                path: &str,
                problems: &mut $crate::config::read::Problems<'_>,
            ) {
                match key {
                    $( $key => $crate::config::read::setting(&mut self.$field, value, path, problems), )*
                    $( $table_key => $crate::config::read::subsection(&mut self.$table_field, value, path, problems), )*
                    _ => {}
                }
            }

            #[allow(unused_variables, reason = "a table may have no values, or no tables, in it")]
            fn write(&self, path: &str, out: &mut String) {
                $( $crate::config::read::write_setting($key, &self.$field, out); )*
                $( $crate::config::read::write_section($table_key, &self.$table_field, path, out); )*
            }

            $(
                fn check(&self) -> Option<(&'static str, String)> {
                    let check: fn(&Self) -> Option<(&'static str, String)> = $check;
                    check(self)
                }
            )?
        }
    };
}

pub(crate) use table;
