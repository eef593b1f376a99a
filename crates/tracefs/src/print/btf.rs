//! Enumerators out of BTF, the kernel's type information (`Documentation/bpf/btf.rst`).

use alloc::boxed::Box;
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
    strings: Box<[u8]>,
    /// Sorted by name: where the name is, and the value. A name with two values has none.
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
    /// Reads `/sys/kernel/btf/vmlinux` or any other complete (not split) BTF.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
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
        let mut btf = Self {
            strings: bytes.get(strings).unwrap_or_default().into(),
            rows,
        };
        btf.sort();
        Ok(btf)
    }

    fn sort(&mut self) {
        let mut rows = core::mem::take(&mut self.rows);
        rows.sort_unstable_by(|a, b| (self.name(a.0), a.1).cmp(&(self.name(b.0), b.1)));
        rows.dedup_by(|a, b| a.1 == b.1 && self.name(a.0) == self.name(b.0));
        // What is left twice under one name has two values.
        let mut kept: Vec<(u32, i64)> = Vec::with_capacity(rows.len());
        let mut twice = false;
        for row in rows {
            if kept
                .last()
                .is_some_and(|last| self.name(last.0) == self.name(row.0))
            {
                twice = true;
                continue;
            }
            if core::mem::take(&mut twice) {
                kept.pop();
            }
            kept.push(row);
        }
        if twice {
            kept.pop();
        }
        self.rows = kept;
    }

    fn name(&self, at: u32) -> &[u8] {
        let rest = self.strings.get(at as usize..).unwrap_or_default();
        let len = rest.iter().position(|&byte| byte == 0);
        rest.get(..len.unwrap_or(rest.len())).unwrap_or_default()
    }

    /// The value of an enumerator.
    pub(super) fn value(&self, name: &str) -> Option<i64> {
        self.rows
            .binary_search_by(|row| self.name(row.0).cmp(name.as_bytes()))
            .ok()
            .and_then(|at| self.rows.get(at))
            .map(|row| row.1)
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
