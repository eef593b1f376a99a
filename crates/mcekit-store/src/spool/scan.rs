//! A segment's bytes, wherever they are: for tools that look at a damaged one.

use super::segment::{Met, Walk};
use crate::codec::Items;
use crate::entry::Item;

/// What stands in a segment's bytes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Found {
    /// A frame with the right checksum.
    Frame {
        /// Where it begins.
        at: u64,
        /// How many bytes it has.
        len: u64,
        /// Its number.
        sequence: u64,
        /// Its items; `None` where they do not read.
        items: Option<Vec<Item>>,
    },
    /// Bytes that are no frame.
    Damage {
        /// Where they begin.
        at: u64,
        /// How many there are.
        len: u64,
        /// They are the beginning of a frame at the very end, or zeros.
        torn: bool,
    },
}

/// Hands out what stands in a segment's bytes, in their order.
pub fn scan(bytes: &[u8], mut found: impl FnMut(Found)) {
    let mut walk = Walk::new(bytes, bytes.len() as u64);
    // Reading bytes in memory cannot fail.
    while let Ok(Some(met)) = walk.next() {
        found(match met {
            Met::Damage(at, len) => Found::Damage {
                at,
                len,
                torn: false,
            },
            Met::Torn(at, len) => Found::Damage {
                at,
                len,
                torn: true,
            },
            Met::Frame(at, header) => {
                let mut items = Items::new(&walk.items, header.first);
                let mut all = Vec::new();
                let read = loop {
                    match items.next() {
                        Ok(Some(item)) => all.push(item),
                        Ok(None) => break Some(all),
                        Err(_) => break None,
                    }
                };
                Found::Frame {
                    at,
                    len: header.size(),
                    sequence: header.sequence,
                    items: read,
                }
            }
        });
    }
}
