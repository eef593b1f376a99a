//! Amounts as people write them: times, rates, sizes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::read::{Setting, Wrong, quote};
use super::values::{shown, text};

/// A number and what stands behind it.
fn number(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest.trim()))
}

/// A length of time, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(u64);

/// Units of time, the largest first, in milliseconds.
const TIMES: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Longer than any machine stands: a hundred years.
const LONGEST: u64 = 100 * 366 * 86_400_000;

impl Time {
    pub(crate) const fn seconds(n: u64) -> Self {
        Self(n * 1000)
    }

    pub(crate) const fn hours(n: u64) -> Self {
        Self(n * 3_600_000)
    }

    pub(crate) const fn get(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// Whole seconds, at least one.
    pub(crate) const fn at_least_a_second(self) -> u64 {
        if self.0 < 1000 { 1 } else { self.0 / 1000 }
    }
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (n, unit) =
            number(text).ok_or_else(|| format!("`{}` is no length of time", shown(text)))?;
        let unit = match unit {
            "min" => "m",
            unit => unit,
        };
        let Some((_, scale)) = TIMES.iter().find(|(name, _)| *name == unit) else {
            return Err(match unit {
                "" => format!("`{}` has no unit", shown(text)),
                unit => format!("`{}` is no unit of time", shown(unit)),
            });
        };
        match n.checked_mul(*scale) {
            Some(0) => Err("no time at all".into()),
            Some(ms) if ms <= LONGEST => Ok(Self(ms)),
            _ => Err(format!("`{}` is longer than a hundred years", shown(text))),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = TIMES
            .iter()
            // People say 7d, and 365d.
            .skip(1)
            .find(|(_, scale)| self.0 >= *scale && self.0.is_multiple_of(*scale))
            .unwrap_or(&("ms", 1));
        match (self.0 / unit.1, unit.0) {
            (1, "d") => f.write_str("24h"),
            (1, "m") => f.write_str("60s"),
            (n, unit) => write!(f, "{n}{unit}"),
        }
    }
}

impl Setting for Time {
    fn expected() -> Cow<'static, str> {
        "a time such as \"30s\", \"5m\" or \"24h\"".into()
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Wrong> {
        text(value)?.parse().map_err(Wrong::new)
    }

    fn write(&self, out: &mut String) {
        quote(&self.to_string(), out);
    }
}

/// So many in such a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// How many, at least one.
    pub(crate) count: u32,
    /// In what time.
    pub(crate) per: Time,
}

impl Rate {
    pub(crate) const fn new(count: u32, per: Time) -> Self {
        Self { count, per }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let no_rate = || format!("`{}` is no rate", shown(text));
        let (count, per) = text.split_once('/').ok_or_else(no_rate)?;
        match number(count) {
            Some((0, "")) => Err("a rate of 0 would never be reached".into()),
            Some((count, "")) => Ok(Self {
                count: u32::try_from(count).map_err(|_| no_rate())?,
                per: per.parse()?,
            }),
            _ => Err(no_rate()),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.count, self.per)
    }
}

impl Setting for Rate {
    fn expected() -> Cow<'static, str> {
        "a count and a time, such as \"10 / 24h\"".into()
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Wrong> {
        text(value)?.parse().map_err(Wrong::new)
    }

    fn write(&self, out: &mut String) {
        quote(&self.to_string(), out);
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub(crate) u64);

/// Units of memory, the largest first.
const SIZES: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (n, unit) = number(text).ok_or_else(|| format!("`{}` is no size", shown(text)))?;
        let scale = match unit {
            "kB" => 1000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            unit => SIZES
                .iter()
                .find(|(name, _)| *name == unit)
                .map(|&(_, scale)| scale)
                .ok_or_else(|| match unit {
                    "" => format!("`{}` has no unit", shown(text)),
                    unit => format!("`{}` is no unit of size", shown(unit)),
                })?,
        };
        n.checked_mul(scale)
            .filter(|&bytes| bytes > 0 && bytes <= 1 << 50)
            .map(Self)
            .ok_or_else(|| format!("`{}` is no size that anything has", shown(text)))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = SIZES
            .iter()
            .find(|(_, scale)| self.0 >= *scale && self.0.is_multiple_of(*scale))
            .unwrap_or(&("B", 1));
        write!(f, "{} {}", self.0 / unit.1, unit.0)
    }
}

impl Setting for Size {
    fn expected() -> Cow<'static, str> {
        "a size such as \"4 KiB\" or \"64 MiB\"".into()
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Wrong> {
        text(value)?.parse().map_err(Wrong::new)
    }

    fn write(&self, out: &mut String) {
        quote(&self.to_string(), out);
    }
}
