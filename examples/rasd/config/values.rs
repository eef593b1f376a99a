//! The values of a configuration, as people write them: `"10 / 24h"`, `"30s"`, `"64 MiB"`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use toml::Spanned;
use toml::de::DeValue;

use super::read::{Setting, Wrong, article, quote};

/// A string, or what it is instead.
pub(super) fn text<'a>(value: &'a Spanned<DeValue<'_>>) -> Result<&'a str, Wrong> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text),
        DeValue::Integer(number) => Err(Wrong::new(format!("{number} has no unit"))),
        other => Err(Wrong::new(format!("this is {}", article(other.type_str())))),
    }
}

/// A number from 1 to `MOST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count<const MOST: u32>(u32);

impl<const MOST: u32> Count<MOST> {
    /// `n`, held between 1 and the most.
    pub(crate) const fn new(n: u32) -> Self {
        assert!(n >= 1 && n <= MOST, "a default that is not allowed");
        Self(n)
    }

    pub(crate) const fn get(self) -> usize {
        self.0 as usize
    }
}

impl<const MOST: u32> Setting for Count<MOST> {
    fn expected() -> Cow<'static, str> {
        format!("a number from 1 to {MOST}").into()
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Wrong> {
        let DeValue::Integer(number) = value.get_ref() else {
            let kind = article(value.get_ref().type_str());
            return Err(Wrong::new(format!("this is {kind}")));
        };
        u32::from_str_radix(number.as_str(), number.radix())
            .ok()
            .filter(|n| (1..=MOST).contains(n))
            .map(Self)
            .ok_or_else(|| {
                Wrong::new(format!(
                    "{} is not from 1 to {MOST}",
                    shown(number.as_str())
                ))
            })
    }

    fn write(&self, out: &mut String) {
        _ = write!(out, "{}", self.0);
    }
}

impl Setting for bool {
    fn expected() -> Cow<'static, str> {
        "true or false".into()
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Wrong> {
        match value.get_ref() {
            DeValue::Boolean(yes) => Ok(*yes),
            other => Err(Wrong::new(format!("this is {}", article(other.type_str())))),
        }
    }

    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

/// What can be switched off.
impl<T: Setting> Setting for Option<T> {
    fn expected() -> Cow<'static, str> {
        format!("{}; or \"off\"", T::expected()).into()
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Wrong> {
        match value.get_ref() {
            DeValue::String(text) if text == "off" => Ok(None),
            DeValue::Boolean(false) => Ok(None),
            _ => T::read(value).map(Some),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("\"off\""),
        }
    }
}

impl Setting for PathBuf {
    fn expected() -> Cow<'static, str> {
        "a path from the root on, such as \"/var/log/rasd.log\"".into()
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Wrong> {
        let path = Path::new(text(value)?);
        if !path.is_absolute() {
            return Err(Wrong::new("the path does not begin with `/`"));
        }
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            return Err(Wrong::new("no path can have a zero byte in it"));
        }
        Ok(path.to_owned())
    }

    fn write(&self, out: &mut String) {
        // It came out of a TOML string, or is a default: it is UTF-8.
        quote(&self.to_string_lossy(), out);
    }
}

/// Where lines go: a file, or standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Standard output.
    Stdout,
    /// A file, to which lines are added.
    File(PathBuf),
}

impl Setting for Target {
    fn expected() -> Cow<'static, str> {
        "a path from the root on, such as \"/var/log/rasd.ndjson\", or \"-\" for standard output"
            .into()
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Wrong> {
        match text(value)? {
            "-" => Ok(Self::Stdout),
            _ => PathBuf::read(value).map(Self::File),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Stdout => out.push_str("\"-\""),
            Self::File(path) => path.write(out),
        }
    }
}

/// A program and its arguments; no shell reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Argv(Vec<String>);

impl Argv {
    /// A program, by its path, and its arguments. `None` for what cannot be run.
    pub(crate) fn new(words: Vec<String>) -> Option<Self> {
        let program = words.first()?;
        let runs = program.starts_with('/') && words.iter().all(|word| !word.contains('\0'));
        runs.then_some(Self(words))
    }

    /// The program's path, and its arguments.
    pub(crate) fn parts(&self) -> (&str, &[String]) {
        self.0
            .split_first()
            .map_or(("", &[]), |(program, arguments)| (program, arguments))
    }
}

impl Setting for Argv {
    fn expected() -> Cow<'static, str> {
        "a program and its arguments, such as [\"/etc/rasd/dimm-error\", \"--page-me\"]; \
         no shell reads them, and the program is named by its whole path"
            .into()
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Wrong> {
        let DeValue::Array(items) = value.get_ref() else {
            let kind = article(value.get_ref().type_str());
            return Err(Wrong::new(format!("this is {kind}")));
        };
        let mut words = Vec::with_capacity(items.len());
        for item in items {
            match item.get_ref() {
                DeValue::String(word) => words.push(word.clone().into_owned()),
                other => {
                    return Err(Wrong {
                        span: Some(item.span()),
                        what: format!("{} is no argument", article(other.type_str())),
                    });
                }
            }
        }
        Self::new(words).ok_or_else(|| Wrong::new("this cannot be run"))
    }

    fn write(&self, out: &mut String) {
        out.push('[');
        for (i, word) in self.0.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            quote(word, out);
        }
        out.push(']');
    }
}

/// The name of a folder in another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    /// A name that is one.
    pub(crate) fn new(name: &str) -> Self {
        Self(name.into())
    }

    pub(crate) fn get(&self) -> &str {
        &self.0
    }
}

impl Setting for Name {
    fn expected() -> Cow<'static, str> {
        "a name of letters, digits, `_`, `-` and `.`, such as \"mcekit\"".into()
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Wrong> {
        let name = text(value)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let good = !name.is_empty()
            && !name.starts_with('.')
            && name.len() <= 64
            && name.chars().all(plain);
        if good {
            Ok(Self(name.into()))
        } else {
            Err(Wrong::new("this is no such name"))
        }
    }

    fn write(&self, out: &mut String) {
        quote(&self.0, out);
    }
}

/// Numbers of users or groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ids(pub(crate) BTreeSet<u32>);

impl Setting for Ids {
    fn expected() -> Cow<'static, str> {
        "numbers, such as [1000, 1001]".into()
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Wrong> {
        let DeValue::Array(items) = value.get_ref() else {
            let kind = article(value.get_ref().type_str());
            return Err(Wrong::new(format!("this is {kind}")));
        };
        items
            .iter()
            .map(|item| {
                let number = match item.get_ref() {
                    DeValue::Integer(number) => {
                        u32::from_str_radix(number.as_str(), number.radix()).ok()
                    }
                    _ => None,
                };
                number.ok_or_else(|| Wrong {
                    span: Some(item.span()),
                    what: "this is no number of a user or a group".into(),
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn write(&self, out: &mut String) {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        _ = write!(out, "[{}]", all.join(", "));
    }
}

/// Directories in which programs are looked for, as PATH has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathList(pub(crate) String);

impl Setting for PathList {
    fn expected() -> Cow<'static, str> {
        "directories from the root on, with `:` between them".into()
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Wrong> {
        let text = text(value)?;
        if text.contains('\0') || text.split(':').any(|path| !path.starts_with('/')) {
            return Err(Wrong::new(format!("`{}` is no such list", shown(text))));
        }
        Ok(Self(text.to_owned()))
    }

    fn write(&self, out: &mut String) {
        quote(&self.0, out);
    }
}

impl Setting for SocketAddr {
    fn expected() -> Cow<'static, str> {
        "an address and a port, such as \"127.0.0.1:9273\" or \"[::1]:9273\"".into()
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Wrong> {
        let text = text(value)?;
        text.parse()
            .map_err(|_| Wrong::new(format!("`{}` is no address with a port", shown(text))))
    }

    fn write(&self, out: &mut String) {
        quote(&self.to_string(), out);
    }
}

/// Which slot a name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SlotName {
    pub(crate) socket: u32,
    /// Nothing where the machine's registers name channels by socket.
    pub(crate) imc: Option<u32>,
    pub(crate) channel: u32,
    pub(crate) dimm: Option<u32>,
}

impl FromStr for SlotName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        fn part(text: &str) -> Result<Option<u32>, ()> {
            match text {
                "-" => Ok(None),
                text if text.starts_with('+') => Err(()),
                text => text.parse().map(Some).map_err(|_| ()),
            }
        }
        let parts: Vec<&str> = text.split('/').collect();
        let [socket, imc, channel, dimm] = parts[..] else {
            return Err(());
        };
        Ok(Self {
            socket: part(socket)?.ok_or(())?,
            imc: part(imc)?,
            channel: part(channel)?.ok_or(())?,
            dimm: part(dimm)?,
        })
    }
}

impl fmt::Display for SlotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |n: Option<u32>| n.map_or_else(|| "-".into(), |n| n.to_string());
        let (imc, dimm) = (part(self.imc), part(self.dimm));
        write!(f, "{}/{imc}/{}/{dimm}", self.socket, self.channel)
    }
}

/// More slots than any machine has.
const MOST_NAMES: usize = 4096;

/// The names that are printed beside the slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names(pub(crate) BTreeMap<SlotName, String>);

impl Setting for Names {
    fn expected() -> Cow<'static, str> {
        "names by slot, \"socket/controller/channel/dimm\" = \"P1-DIMMA1\" (`-` where the registers do not \
         name the controller or the slot)".into()
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Wrong> {
        let DeValue::Table(table) = value.get_ref() else {
            let kind = article(value.get_ref().type_str());
            return Err(Wrong::new(format!("this is {kind}")));
        };
        if table.len() > MOST_NAMES {
            return Err(Wrong::new("more names than any machine has slots"));
        }
        let mut names = BTreeMap::new();
        for (key, name) in table {
            let wrong = |span, what: String| Wrong {
                span: Some(span),
                what,
            };
            let slot = key.get_ref().parse::<SlotName>().map_err(|()| {
                let what = format!("`{}` is no slot", shown(key.get_ref()));
                wrong(key.span(), what)
            })?;
            let DeValue::String(text) = name.get_ref() else {
                let what = format!("{} is no name", article(name.get_ref().type_str()));
                return Err(wrong(name.span(), what));
            };
            if text.is_empty() || text.len() > 128 || text.chars().any(char::is_control) {
                let what = "a name has 1 to 128 bytes, and no control characters".into();
                return Err(wrong(name.span(), what));
            }
            // Two ways to write a slot (`0` and `00`) are one slot.
            if names.insert(slot, text.clone().into_owned()).is_some() {
                let what = format!("the slot {slot} has two names");
                return Err(wrong(key.span(), what));
            }
        }
        Ok(Self(names))
    }

    fn write(&self, out: &mut String) {
        out.push('{');
        for (i, (slot, name)) in self.0.iter().enumerate() {
            out.push_str(if i == 0 { " " } else { ", " });
            quote(&slot.to_string(), out);
            out.push_str(" = ");
            quote(name, out);
        }
        out.push_str(if self.0.is_empty() { "}" } else { " }" });
    }
}

/// At most so much of a wrong value stands in a message, and on one line.
pub(crate) fn shown(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(40)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    short
}

/// A setting of a few words.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident, $expected:literal { $( $(#[$doc:meta])* $variant:ident = $word:literal, )* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $( $(#[$doc])* $variant, )*
        }

        impl $crate::config::read::Setting for $name {
            fn expected() -> std::borrow::Cow<'static, str> {
                $expected.into()
            }

            fn read(value: &toml::Spanned<toml::de::DeValue<'_>>) -> Result<Self, $crate::config::read::Wrong> {
                use toml::de::DeValue;
                match value.get_ref() {
                    $( DeValue::String(word) if word == $word => Ok(Self::$variant), )*
                    DeValue::String(word) => Err($crate::config::read::Wrong::new(format!(
                        "`{}` is not known",
                        $crate::config::values::shown(word)
                    ))),
                    other => Err($crate::config::read::Wrong::new(format!(
                        "this is {}",
                        $crate::config::read::article(other.type_str())
                    ))),
                }
            }

            fn write(&self, out: &mut String) {
                out.push_str(match self {
                    $( Self::$variant => concat!("\"", $word, "\""), )*
                });
            }
        }
    };
}

pub(crate) use choice;
