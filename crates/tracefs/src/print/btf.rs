//! Enumerators out of BTF, the kernel's type information (`Documentation/bpf/btf.rst`).

use alloc::vec::Vec;

use crate::{Error, Result};

const MAGIC: u16 = 0xeb9f;
const HEADER: usize = 24;

const KIND_INT: u32 = 1;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_ENUM: u32 = 6;
const KIND_FUNC_PROTO: u32 = 13;
const KIND_VAR: u32 = 14;
const KIND_DATASEC: u32 = 15;
const KIND_DECL_TAG: u32 = 17;
const KIND_ENUM64: u32 = 19;

/// The enumerators of one BTF blob, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Btf {
    strings: Vec<u8>,
    /// Where the kernel's own strings end.
    base: usize,
    /// Sorted by name: where the name is, and the value.
    rows: Vec<(u32, i64)>,
}

/// Reads a blob whose multi-byte numbers may be in either order.
struct Blob<'b> {
    bytes: &'b [u8],
    big: bool,
}

impl Blob<'_> {
    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }

    fn usize(&self, at: usize) -> Option<usize> {
        self.u32(at).and_then(|value| usize::try_from(value).ok())
    }
}

impl Btf {
    /// Reads `/sys/kernel/btf/vmlinux` or any other complete BTF.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let mut btf = Self::default();
        btf.add(bytes)?;
        btf.base = btf.strings.len();
        Ok(btf)
    }

    /// Adds a module's BTF, whose strings go on where those of the kernel end.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<()> {
        let big = match bytes.first_chunk() {
            Some(&magic) if u16::from_le_bytes(magic) == MAGIC => false,
            Some(&magic) if u16::from_be_bytes(magic) == MAGIC => true,
            _ => {
                return Err(Error::Btf {
                    at: 0,
                    why: "no BTF magic",
                });
            }
        };
        let blob = Blob { bytes, big };
        let (types, strings) = sections(&blob).ok_or(Error::Btf {
            at: HEADER,
            why: "its sections lie outside of it",
        })?;
        let mut rows = Vec::new();
        let mut at = types.start;
        while at < types.end {
            at = enumerators(&blob, at, types.end, &mut rows).ok_or(Error::Btf {
                at,
                why: "a type that is not known, or ends beyond its section",
            })?;
        }
        // Every module counts from the end of the kernel's strings; here they stand one after the
        // other.
        let moved = self.strings.len().saturating_sub(self.base) as u32;
        for (name, _) in &mut rows {
            if *name as usize >= self.base {
                *name = name.saturating_add(moved);
            }
        }
        self.strings
            .extend_from_slice(bytes.get(strings).unwrap_or_default());
        self.rows.append(&mut rows);
        self.sort();
        Ok(())
    }

    fn sort(&mut self) {
        let mut rows = core::mem::take(&mut self.rows);
        rows.sort_unstable_by(|a, b| (self.name(a.0), a.1).cmp(&(self.name(b.0), b.1)));
        rows.dedup_by(|a, b| a.1 == b.1 && self.name(a.0) == self.name(b.0));
        self.rows = rows;
    }

    fn name(&self, at: u32) -> &[u8] {
        let rest = self.strings.get(at as usize..).unwrap_or_default();
        let len = rest.iter().position(|&byte| byte == 0);
        rest.get(..len.unwrap_or(rest.len())).unwrap_or_default()
    }

    /// The value of an enumerator; none if the kernel has two of that name with two values.
    pub(super) fn value(&self, name: &str) -> Option<i64> {
        let name = name.as_bytes();
        let start = self.rows.partition_point(|row| self.name(row.0) < name);
        let mut found = self
            .rows
            .get(start..)?
            .iter()
            .take_while(|row| self.name(row.0) == name);
        let value = found.next()?.1;
        found.next().is_none().then_some(value)
    }
}

/// Where the types and the strings are.
fn sections(blob: &Blob<'_>) -> Option<(core::ops::Range<usize>, core::ops::Range<usize>)> {
    let header = blob.usize(4)?;
    let section = |at: usize| {
        let start = header.checked_add(blob.usize(at)?)?;
        let end = start.checked_add(blob.usize(at + 4)?)?;
        (end <= blob.bytes.len()).then_some(start..end)
    };
    Some((section(8)?, section(16)?))
}

/// Reads one type; where the next one begins.
fn enumerators(
    blob: &Blob<'_>,
    at: usize,
    end: usize,
    rows: &mut Vec<(u32, i64)>,
) -> Option<usize> {
    let info = blob.u32(at + 4)?;
    let count = (info & 0xffff) as usize;
    let signed = info >> 31 == 1;
    let body = at + 12;
    let row = match info >> 24 & 31 {
        KIND_INT | KIND_VAR | KIND_DECL_TAG => return within(body + 4, end),
        KIND_ARRAY => return within(body + 12, end),
        KIND_STRUCT | KIND_UNION | KIND_DATASEC | KIND_ENUM64 => 12,
        KIND_FUNC_PROTO | KIND_ENUM => 8,
        20.. => return None,
        _ => 0,
    };
    let next = within(body + count * row, end)?;
    match info >> 24 & 31 {
        KIND_ENUM => {
            for at in (body..next).step_by(row) {
                let value = blob.u32(at + 4)?;
                let value = if signed {
                    i64::from(value as i32)
                } else {
                    i64::from(value)
                };
                rows.push((blob.u32(at)?, value));
            }
        }
        KIND_ENUM64 => {
            for at in (body..next).step_by(row) {
                let (low, high) = (blob.u32(at + 4)?, blob.u32(at + 8)?);
                rows.push((
                    blob.u32(at)?,
                    (u64::from(high) << 32 | u64::from(low)) as i64,
                ));
            }
        }
        _ => {}
    }
    Some(next)
}

fn within(at: usize, end: usize) -> Option<usize> {
    (at <= end).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A blob of one enum with the rows given; `base` is where its strings begin to count.
    fn blob(rows: &[(&str, i32)], base: u32) -> Vec<u8> {
        let mut strings = Vec::new();
        if base == 0 {
            strings.push(0);
        }
        let mut types = Vec::new();
        for word in [0, KIND_ENUM << 24 | 1 << 31 | rows.len() as u32, 4] {
            types.extend_from_slice(&word.to_le_bytes());
        }
        for (name, value) in rows {
            types.extend_from_slice(&(base + strings.len() as u32).to_le_bytes());
            types.extend_from_slice(&value.to_le_bytes());
            strings.extend_from_slice(name.as_bytes());
            strings.push(0);
        }
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&MAGIC.to_le_bytes());
        bytes.extend_from_slice(&[1, 0]);
        let (types_len, strings_len) = (types.len() as u32, strings.len() as u32);
        for word in [HEADER as u32, 0, types_len, types_len, strings_len] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&types);
        bytes.extend_from_slice(&strings);
        bytes
    }

    #[test]
    fn enumerators_of_kernel_and_modules_are_found() {
        let kernel = blob(&[("ONE", 1), ("MINUS", -1), ("BOTH", 2)], 0);
        let mut btf = Btf::parse(&kernel).unwrap();
        let base = btf.base as u32;
        btf.add(&blob(&[("OF_A", 7), ("BOTH", 3)], base)).unwrap();
        btf.add(&blob(&[("OF_B", 8), ("ONE", 1)], base)).unwrap();
        assert_eq!(btf.value("ONE"), Some(1));
        assert_eq!(btf.value("MINUS"), Some(-1));
        assert_eq!(btf.value("OF_A"), Some(7));
        assert_eq!(btf.value("OF_B"), Some(8));
        assert_eq!(btf.value("BOTH"), None);
        assert_eq!(btf.value("NONE"), None);
    }

    #[test]
    fn no_cut_or_change_of_a_blob_is_more_than_an_error() {
        let bytes = blob(&[("ONE", 1), ("TWO", 2)], 0);
        for len in 0..bytes.len() {
            assert!(Btf::parse(&bytes[..len]).is_err(), "{len}");
        }
        for at in 0..bytes.len() {
            for value in [0, 0x7f, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                let _ = Btf::parse(&changed).map(|btf| btf.value("ONE"));
            }
        }
    }
}
