//! Records made up for any format: every field filled with something that can be told apart.
#![allow(dead_code, reason = "each test uses its own part")]

use std::path::{Path, PathBuf};

use tracefs::format::{Element, Field, Kind, Place};
use tracefs::{Abi, Endian, Format, Word};

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats")
}

/// Which formats a directory of recorded pages was recorded with; `None` if they are not at hand.
pub(crate) fn kernel(pages: &str) -> Option<&'static str> {
    Some(match pages {
        "inject-6.1" => "mcelog-6.1",
        "inject-6.12" => "mcelog-6.12",
        _ if pages.starts_with("mce-6.12") => "6.12",
        _ if pages.starts_with("mce-6.1") => "6.1",
        _ => return None,
    })
}

/// Everything below a directory, sorted.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A number in the machine's order.
pub(crate) fn store(bytes: &mut [u8], value: u64, abi: Abi) {
    let len = bytes.len();
    for (at, byte) in bytes.iter_mut().enumerate() {
        let shift = match abi.endian {
            Endian::Little => at,
            Endian::Big => len - 1 - at,
        };
        *byte = if shift < 8 {
            (value >> (8 * shift)) as u8
        } else {
            0
        };
    }
}

/// A different value for each field, from one seed; small ones are as likely as large ones.
fn value(seed: u64, at: usize) -> u64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (at as u64 + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 31;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 29;
    x >> (x & 63)
}

fn fill(bytes: &mut [u8], field: Field<'_>, element: Element, seed: u64, at: usize, abi: Abi) {
    match element {
        Element::Char => {
            let text = format!("{}-{}", field.name(), value(seed, at) & 0xff);
            let len = text.len().min(bytes.len().saturating_sub(1));
            bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
        }
        Element::Number(size) => {
            for (index, part) in bytes.chunks_mut(usize::from(size)).enumerate() {
                store(part, value(seed, at * 7 + index), abi);
            }
        }
        Element::Bitmask | Element::Opaque => {
            for (index, byte) in bytes.iter_mut().enumerate() {
                *byte = value(seed, at * 13 + index) as u8;
            }
        }
    }
}

/// A record of `format`.
pub(crate) fn record(format: &Format, seed: u64) -> Vec<u8> {
    let abi = format.abi();
    let mut data = vec![0u8; format.extent().next_multiple_of(8)];
    for (at, field) in format.fields().enumerate() {
        let range = field.offset()..field.offset() + field.size();
        match field.kind() {
            Kind::Number | Kind::Pointer => {
                let number = match field.name() {
                    "common_type" => u64::from(format.id()),
                    // Of an array that is 3 long.
                    name if name.ends_with("len") => 2,
                    _ if field.kind() == Kind::Pointer && abi.word == Word::W64 => {
                        0xffff_8880_0000_0000 | value(seed, at)
                    }
                    _ => value(seed, at),
                };
                store(&mut data[range], number, abi);
            }
            Kind::Array {
                place: Place::Fixed,
                element,
            } => fill(&mut data[range], field, element, seed, at, abi),
            Kind::Opaque => fill(&mut data[range], field, Element::Opaque, seed, at, abi),
            Kind::Array {
                place: Place::Rest,
                element,
            } => {
                let start = data.len();
                data.resize(start + 64, 0);
                fill(&mut data[start..], field, element, seed, at, abi);
            }
            Kind::Array { place, element } => {
                let start = data.len().next_multiple_of(8);
                let len = match element {
                    Element::Char => field.name().len() + 5,
                    Element::Number(size) => usize::from(size) * 3,
                    Element::Bitmask | Element::Opaque => 32,
                };
                data.resize(start + len, 0);
                fill(&mut data[start..], field, element, seed, at, abi);
                let from = match place {
                    Place::RelLoc => start - range.end,
                    _ => start,
                };
                store(&mut data[range], (len as u64) << 16 | from as u64, abi);
            }
        }
    }
    data
}
