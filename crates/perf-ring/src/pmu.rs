//! PMUs that sysfs describes: their type number, the places of their terms in the attr, and their named events.
//!
//! A PMU is read from its directory, so another machine's copy of it serves as well. Two grammars of `format` files are
//! known: that of today (`config:0-7,32-35`, `config1:0`), and `attr5:23` of the persistent PMU of 2013, bit 23 of the
//! sixth 64-bit word of the attr.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::abi::{AttrSize, EventAttr, EventType};

/// Where the PMUs are.
pub const EVENT_SOURCE: &str = "/sys/bus/event_source/devices";

/// A sysfs file is a page; more is not read.
const LONGEST: u64 = 64 * 1024;

/// Reads a small text file, without the white space around it.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::File {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    File::open(path)
        .map_err(failed)?
        .take(LONGEST)
        .read_to_string(&mut text)
        .map_err(failed)?;
    Ok(text.trim().to_owned())
}

/// Which 64-bit word of the attr a term is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// `config` (0) to `config4`.
    Config(u8),
    /// A word by its number in the structure: the persistent PMU's grammar.
    Attr(u8),
}

impl Word {
    /// The number of the word in the attr.
    const fn index(self) -> usize {
        match self {
            Word::Config(0) => 1,
            Word::Config(1) => 7,
            Word::Config(2) => 8,
            Word::Config(3) => 16,
            Word::Config(_) => 17,
            Word::Attr(n) => n as usize,
        }
    }
}

const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(EventAttr, config) == 8 * Word::Config(0).index());
    assert!(offset_of!(EventAttr, config1) == 8 * Word::Config(1).index());
    assert!(offset_of!(EventAttr, config2) == 8 * Word::Config(2).index());
    assert!(offset_of!(EventAttr, config3) == 8 * Word::Config(3).index());
    assert!(offset_of!(EventAttr, config4) == 8 * Word::Config(4).index());
};

/// Where a term's value goes: bits of one word, lowest first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    /// Which word.
    pub word: Word,
    /// Inclusive ranges of bits; the value's low bits go into the first.
    pub bits: Vec<(u8, u8)>,
}

impl Format {
    /// Parses the text of a format file. `None` when it is of neither grammar.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (word, ranges) = text.trim().split_once(':')?;
        let word = if let Some(n) = word.strip_prefix("config") {
            Word::Config(if n.is_empty() {
                0
            } else {
                number(n)?.try_into().ok().filter(|n| (1..=4).contains(n))?
            })
        } else {
            let n = number(word.strip_prefix("attr")?)?;
            Word::Attr(
                u8::try_from(n)
                    .ok()
                    .filter(|n| usize::from(*n) < size_of::<EventAttr>() / 8)?,
            )
        };
        let mut bits = Vec::new();
        let mut seen = 0u64;
        for range in ranges.split(',') {
            let (low, high) = range.split_once('-').unwrap_or((range, range));
            let (low, high) = (
                u8::try_from(number(low)?).ok()?,
                u8::try_from(number(high)?).ok()?,
            );
            if low > high || high > 63 {
                return None;
            }
            let mask = mask(low, high);
            if seen & mask != 0 {
                return None;
            }
            seen |= mask;
            bits.push((low, high));
        }
        Some(Format { word, bits })
    }

    /// How many bits a value may have.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.bits
            .iter()
            .map(|(low, high)| u32::from(high - low) + 1)
            .sum()
    }

    /// All of the bits, in their places.
    #[must_use]
    pub fn mask(&self) -> u64 {
        self.bits
            .iter()
            .fold(0, |all, (low, high)| all | mask(*low, *high))
    }

    /// The value's bits in their places; `None` when it has more than the term.
    #[must_use]
    pub fn place(&self, value: u64) -> Option<u64> {
        let mut rest = value;
        let mut placed = 0;
        for (low, high) in &self.bits {
            let width = u32::from(high - low) + 1;
            placed |= (rest << low) & mask(*low, *high);
            rest = rest.checked_shr(width).unwrap_or(0);
        }
        (rest == 0).then_some(placed)
    }

    /// The value that stands in a word: the inverse of [`Format::place`].
    #[must_use]
    pub fn extract(&self, word: u64) -> u64 {
        let mut value = 0;
        let mut at = 0u32;
        for (low, high) in &self.bits {
            value |= ((word & mask(*low, *high)) >> low)
                .checked_shl(at)
                .unwrap_or(0);
            at += u32::from(high - low) + 1;
        }
        value
    }
}

const fn mask(low: u8, high: u8) -> u64 {
    (u64::MAX >> (63 - high)) & (u64::MAX << low)
}

/// Digits only: Rust's own parser would allow a sign.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        None
    } else {
        text.parse().ok()
    }
}

/// A term's value: decimal, or hexadecimal after `0x`.
fn value(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) if !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
            u64::from_str_radix(hex, 16).ok()
        }
        Some(_) => None,
        None => number(text),
    }
}

/// A PMU as sysfs describes it.
#[derive(Clone, Debug)]
pub struct Pmu {
    /// Its directory.
    pub path: PathBuf,
    /// `attr.type`.
    pub kind: EventType,
    /// Its terms.
    pub formats: BTreeMap<String, Format>,
    /// Its named events: terms separated by commas, as in the files.
    pub events: BTreeMap<String, String>,
    /// The CPUs an uncore PMU is to be opened on, where it says so.
    pub cpus: Option<Vec<u32>>,
}

impl Pmu {
    /// Reads a PMU's directory, for example `/sys/bus/event_source/devices/cpu`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when a file cannot be read, [`Error::Text`] when one is not of its grammar.
    pub fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("type");
        let text = read_text(&path)?;
        let kind = number(&text).and_then(|n| u32::try_from(n).ok());
        let kind = EventType(kind.ok_or(Error::Text {
            path,
            text,
            expected: "a PMU's type number",
        })?);
        let mut formats = BTreeMap::new();
        for (name, path, text) in files(&dir.join("format"))? {
            let format = Format::parse(&text).ok_or(Error::Text {
                path,
                text,
                expected: "a term's format",
            })?;
            formats.insert(name, format);
        }
        let mut events = BTreeMap::new();
        for (name, _, text) in files(&dir.join("events"))? {
            // mem-loads.unit, .scale, .snapshot, .per-pkg describe the event of that name.
            if !name.contains('.') {
                events.insert(name, text);
            }
        }
        let cpumask = dir.join("cpumask");
        let cpus = if cpumask.exists() {
            Some(crate::cpus::read_list(&cpumask)?)
        } else {
            None
        };
        Ok(Pmu {
            path: dir.to_owned(),
            kind,
            formats,
            events,
            cpus,
        })
    }

    /// The persistent PMU of the kernels that have one: a PMU by that name, whose format has the term `persistent`.
    ///
    /// Only sysfs tells. On other kernels the attr bits of those patches mean other things, and are accepted.
    ///
    /// # Errors
    ///
    /// As [`Pmu::read`].
    pub fn persistent(event_source: &Path) -> Result<Option<Self>, Error> {
        let dir = event_source.join("persistent");
        if !dir.join("type").exists() {
            return Ok(None);
        }
        let pmu = Self::read(&dir)?;
        Ok(pmu.formats.contains_key("persistent").then_some(pmu))
    }

    /// An attr for one of its named events.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTerm`] for a name that it does not have; else as [`Pmu::terms`].
    pub fn event(&self, name: &str) -> Result<EventAttr, Error> {
        match self.events.get(name) {
            Some(terms) => self.terms(terms),
            None => Err(self.missing("event", name)),
        }
    }

    /// An attr for terms separated by commas: `event=0x3c,umask=1`. A term without a value is 1; `config`, `config1` to
    /// `config4` and `period` are understood by every PMU.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTerm`], [`Error::TermTooWide`], [`Error::Text`] for a value that is no number.
    pub fn terms(&self, terms: &str) -> Result<EventAttr, Error> {
        let mut attr = EventAttr {
            kind: self.kind,
            ..EventAttr::default()
        };
        for term in terms
            .split(',')
            .map(str::trim)
            .filter(|term| !term.is_empty())
        {
            let (name, text) = term.split_once('=').unwrap_or((term, "1"));
            let wrong = || Error::Text {
                path: self.path.clone(),
                text: term.to_owned(),
                expected: "a term's value",
            };
            let value = value(text.trim()).ok_or_else(wrong)?;
            let whole = |n| Format {
                word: Word::Config(n),
                bits: vec![(0, 63)],
            };
            let format = match (self.formats.get(name.trim()), name.trim()) {
                (Some(format), _) => format.clone(),
                (None, "config") => whole(0),
                (None, "config1") => whole(1),
                (None, "config2") => whole(2),
                (None, "config3") => whole(3),
                (None, "config4") => whole(4),
                (None, "period") => {
                    attr.sample_period = value;
                    continue;
                }
                (None, other) => return Err(self.missing("term", other)),
            };
            let placed = format.place(value).ok_or_else(|| Error::TermTooWide {
                name: name.to_owned(),
                value,
                width: format.width(),
            })?;
            attr = set_word(&attr, format.word, format.mask(), placed)?;
        }
        Ok(attr)
    }

    fn missing(&self, what: &'static str, name: &str) -> Error {
        Error::NoSuchTerm {
            path: self.path.clone(),
            what,
            name: name.to_owned(),
        }
    }
}

/// Replaces the bits of `mask` in one word of an attr.
fn set_word(attr: &EventAttr, word: Word, mask: u64, value: u64) -> Result<EventAttr, Error> {
    let mut bytes = attr.to_bytes(AttrSize::VER9)?;
    let at = word.index() * 8;
    if let Some(slot) = bytes.get_mut(at..).and_then(|b| b.first_chunk_mut::<8>()) {
        let old = u64::from_ne_bytes(*slot);
        *slot = (old & !mask | value & mask).to_ne_bytes();
    }
    EventAttr::from_bytes(&bytes).map(|new| EventAttr {
        size: attr.size,
        ..new
    })
}

/// The files of a directory with their contents; none when there is no such directory.
fn files(dir: &Path) -> Result<Vec<(String, PathBuf, String)>, Error> {
    let failed = |source| Error::File {
        path: dir.to_owned(),
        source,
    };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let Some(name) = path.file_name().and_then(|n| n.to_str()).map(str::to_owned) else {
            continue;
        };
        let text = read_text(&path)?;
        found.push((name, path, text));
    }
    Ok(found)
}
