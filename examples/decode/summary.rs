//! Counts instead of records: by place, CPU, bank and class, with the first and the last time seen.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use mcekit::arch::{ErrorClass, ErrorCode};
use mcekit::table::Place;
use mcekit::{Context, Grade, Record, Severity};
use mcekit_models::Explained;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::cpu::Tables;
use crate::line::SCHEMA;
use crate::out::Out;
use crate::recent::Recent;
use crate::style::Style;
use crate::time::utc;

/// Groups that are kept apart; whatever comes after is counted as one.
const MAX_GROUPS: usize = 1 << 16;

/// Lines of a section that a person is shown.
const MAX_LINES: usize = 20;

/// The coordinates that tell one replaceable part from another.
const PARTS: [Place; 9] = [
    Place::Socket,
    Place::Imc,
    Place::Channel,
    Place::SubChannel,
    Place::Dimm,
    Place::Rank,
    Place::ChipSelect,
    Place::Port,
    Place::Instance,
];

/// What the records of a group have in common, beside the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Kind {
    bank: Option<u8>,
    severity: Severity,
    class: ErrorClass,
    unit: Option<&'static str>,
    place: [Option<u32>; PARTS.len()],
}

impl Kind {
    fn of(explained: &Explained<'_>) -> Self {
        let record = explained.record();
        let location = explained.location();
        Self {
            bank: record.bank(),
            severity: Grade::of(record, Context::of(record)).severity,
            class: ErrorCode::of(record).class(),
            unit: explained.unit().map(|unit| unit.id),
            place: PARTS.map(|place| location.get(place)),
        }
    }
}

/// How often, and when.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    records: u64,
    /// Errors that hardware corrected; one record may stand for many.
    corrected: u64,
    /// Records of errors that it did not correct.
    uncorrected: u64,
    first: Option<u64>,
    last: Option<u64>,
}

impl Count {
    fn of(record: &Record, severity: Severity) -> Self {
        let time = record.time();
        let corrected = matches!(severity, Severity::Keep);
        let times = record.corrected_count().map_or(1, |n| u64::from(n).max(1));
        Self {
            records: 1,
            corrected: if corrected { times } else { 0 },
            uncorrected: u64::from(!corrected && severity != Severity::No),
            first: time,
            last: time,
        }
    }

    fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.corrected += other.corrected;
        self.uncorrected += other.uncorrected;
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.last = self.last.max(other.last);
    }
}

/// Counts, in memory that does not grow with the log.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// The kinds of the records of late, with their numbers.
    recent: Recent<(Severity, Option<u32>)>,
    /// The number of each kind that is kept apart: its place in `kinds`.
    numbers: HashMap<Kind, u32>,
    kinds: Vec<Kind>,
    /// By the number of the kind and the CPU, see [`group`].
    groups: HashMap<u64, Count, BuildHasherDefault<Mixer>>,
    total: Count,
    /// Records beyond [`MAX_GROUPS`].
    others: Count,
}

impl Summary {
    /// Counts one record. Asks for no more of it than the counts need.
    pub(crate) fn add(&mut self, record: &Record, tables: &mut Tables) {
        let (numbers, kinds) = (&mut self.numbers, &mut self.kinds);
        let full = self.groups.len() >= MAX_GROUPS;
        let &(severity, number) = self.recent.of(record, tables, |explained| {
            let kind = Kind::of(explained);
            let mut number = numbers.get(&kind).copied();
            if number.is_none() && !full {
                number = Some(kinds.len() as u32);
                numbers.insert(kind, kinds.len() as u32);
                kinds.push(kind);
            }
            (kind.severity, number)
        });
        let count = Count::of(record, severity);
        self.total.add(&count);
        let group = number.map(|number| group(number, record.cpu()));
        if let Some(group) = group.and_then(|group| self.groups.get_mut(&group)) {
            group.add(&count);
        } else if let Some(group) = group.filter(|_| !full) {
            self.groups.insert(group, count);
        } else {
            self.others.add(&count);
        }
    }

    /// The groups, the worst and then the most frequent first.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<_> = self
            .groups
            .iter()
            .filter_map(|(&group, &count)| {
                let kind = *self.kinds.get((group >> CPU_BITS) as usize)?;
                let cpu = (group & !(u64::MAX << CPU_BITS)).checked_sub(1);
                let cpu = cpu.map(|cpu| cpu as u32);
                Some(Group { kind, cpu, count })
            })
            .collect();
        groups.sort_by_key(|Group { kind, cpu, count }| {
            let worst = std::cmp::Reverse((kind.severity, count.records));
            (worst, *cpu, kind.bank, kind.class, kind.unit, kind.place)
        });
        groups
    }

    /// Writes the counts for people.
    pub(crate) fn text(&self, style: Style, out: &mut Out) {
        let total = &self.total;
        if total.records == 0 {
            return;
        }
        let plural = |n: u64| if n == 1 { "" } else { "s" };
        out.dec(total.records)
            .str(" machine check")
            .str(plural(total.records));
        out.str(": ")
            .dec(total.corrected)
            .str(" error")
            .str(plural(total.corrected));
        out.str(" corrected, ")
            .dec(total.uncorrected)
            .str(" record");
        out.str(plural(total.uncorrected))
            .str(" of errors that were not");
        if let (Some(first), Some(last)) = (total.first, total.last) {
            out.str("; from ");
            utc(first, out);
            out.str(" to ");
            utc(last, out);
        }
        out.str("\n");
        let groups = self.groups();
        section("BY GRADE", &groups, style, out, |group, out| {
            _ = out.str(group.kind.severity.id());
        });
        section("BY PLACE", &groups, style, out, Group::place);
        section("BY CPU", &groups, style, out, |group, out| {
            match group.cpu {
                Some(cpu) => _ = out.str("CPU ").dec(cpu.into()),
                None => _ = out.str("not said"),
            }
        });
        section("BY BANK", &groups, style, out, |group, out| {
            match group.kind.bank {
                Some(bank) => _ = out.str("bank ").dec(bank.into()),
                None => _ = out.str("not said"),
            }
            if let Some(unit) = group.kind.unit {
                out.str(" (").str(unit).str(")");
            }
        });
        section("BY CLASS", &groups, style, out, |group, out| {
            _ = out.str(group.kind.class.name());
        });
        if self.others.records > 0 {
            out.str("\n").dec(self.others.records);
            out.str(" records more, of further groups that were not kept apart\n");
        }
    }
}

/// How many bits a CPU's number takes, with one value for "not said".
const CPU_BITS: u32 = 33;

/// A kind and a CPU as one number.
fn group(kind: u32, cpu: Option<u32>) -> u64 {
    u64::from(kind) << CPU_BITS | cpu.map_or(0, |cpu| u64::from(cpu) + 1)
}

impl Group {
    fn place(&self, out: &mut Out) {
        let mut separator = "";
        for (place, value) in PARTS.into_iter().zip(self.kind.place) {
            let Some(value) = value else { continue };
            out.str(separator).str(place.name()).str(" ");
            if place == Place::Instance {
                out.hex(value.into());
            } else {
                out.dec(value.into());
            }
            separator = ", ";
        }
        if separator.is_empty() {
            out.str("not said");
        }
    }
}

/// Writes one section: the groups added up by what `label` writes.
fn section(
    title: &str,
    groups: &[Group],
    style: Style,
    out: &mut Out,
    label: impl Fn(&Group, &mut Out),
) {
    let mut rows: Vec<(String, Severity, Count)> = Vec::new();
    let mut index = HashMap::new();
    let mut scratch = Out::memory();
    for group in groups {
        scratch.clear();
        label(group, &mut scratch);
        let name = scratch.text().into_owned();
        let at = *index.entry(name.clone()).or_insert(rows.len());
        match rows.get_mut(at) {
            // Groups come worst first.
            Some(row) => row.2.add(&group.count),
            None => rows.push((name, group.kind.severity, group.count)),
        }
    }
    rows.sort_by_key(|(_, severity, count)| std::cmp::Reverse((*severity, count.records)));
    let shown = &rows[..rows.len().min(MAX_LINES)];
    let width = shown.iter().map(|row| row.0.len()).max().unwrap_or(0);
    let width = width.max(title.len()) + 2;
    out.str("\n").str(style.label).pad(title, width);
    out.str("   RECORDS   CORRECTED  UNCORRECTED  FIRST SEEN               LAST SEEN");
    out.str(style.off).str("\n");
    for (name, severity, count) in shown {
        out.str(style.grade(*severity))
            .pad(name, width)
            .str(style.off);
        for (n, width) in [
            (count.records, 10),
            (count.corrected, 12),
            (count.uncorrected, 13),
        ] {
            scratch.clear();
            scratch.dec(n);
            out.spaces(width - scratch.len().min(width)).dec(n);
        }
        out.str("  ");
        match count.first {
            Some(time) => utc(time, out),
            None => _ = out.pad("-", 23),
        }
        out.str("  ");
        match count.last {
            Some(time) => utc(time, out),
            None => _ = out.str("-"),
        }
        out.str("\n");
    }
    if rows.len() > shown.len() {
        out.str("  and ")
            .dec((rows.len() - shown.len()) as u64)
            .str(" more; --format json has all\n");
    }
}

/// The records that agree in CPU, bank, grade, class, unit and place.
#[derive(Debug)]
pub(crate) struct Group {
    kind: Kind,
    cpu: Option<u32>,
    count: Count,
}

impl Serialize for Group {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(cpu) = self.cpu {
            map.serialize_entry("cpu", &cpu)?;
        }
        if let Some(bank) = self.kind.bank {
            map.serialize_entry("bank", &bank)?;
        }
        if let Some(unit) = self.kind.unit {
            map.serialize_entry("unit", unit)?;
        }
        map.serialize_entry("class", self.kind.class.name())?;
        map.serialize_entry("grade", self.kind.severity.id())?;
        map.serialize_entry("location", &Coordinates(&self.kind))?;
        self.count.fields(&mut map)?;
        map.end()
    }
}

impl Count {
    fn fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("records", &self.records)?;
        map.serialize_entry("corrected", &self.corrected)?;
        map.serialize_entry("uncorrected", &self.uncorrected)?;
        if let Some(first) = self.first {
            map.serialize_entry("first", &first)?;
        }
        if let Some(last) = self.last {
            map.serialize_entry("last", &last)?;
        }
        Ok(())
    }
}

struct Coordinates<'a>(&'a Kind);

impl Serialize for Coordinates<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = PARTS.into_iter().zip(self.0.place);
        serializer.collect_map(known.filter_map(|(place, value)| Some((place.name(), value?))))
    }
}

impl Serialize for Summary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", &SCHEMA)?;
        self.total.fields(&mut map)?;
        map.serialize_entry("groups", &self.groups())?;
        if self.others.records > 0 {
            map.serialize_entry("not_kept_apart", &self.others.records)?;
        }
        map.end()
    }
}

/// Mixes words well enough for a table that [`MAX_GROUPS`] bounds, at a multiplication each.
#[derive(Debug, Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        // The table takes its place from the low bits, which a multiplication mixes least.
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
