//! Where a reader is, in a form that outlives it.

use std::collections::BTreeMap;

use crate::Error;
use crate::keeper::wire::RingId;

/// Where to begin reading shared rings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the oldest record that is still there.
    Oldest,
    /// With what comes from now on.
    Now,
    /// After what a cursor says was read; what is missing between is told as loss.
    After(Cursor),
}

/// How far each ring was read, by the numbers of its records.
///
/// It is valid for one boot and for the events it was made from; what it is used on later says whether it still applies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) boot: [u8; 16],
    /// The highest number read, by CPU and event id.
    pub(crate) read: BTreeMap<(u32, u64), u64>,
}

/// More rings than any machine has CPUs.
const MOST_RINGS: usize = 1 << 16;

impl Cursor {
    /// The number after which to go on in a ring; `None` when the ring is of another event or another boot.
    #[must_use]
    pub fn position(&self, boot: [u8; 16], ring: RingId) -> Option<u64> {
        if boot == self.boot {
            self.read.get(&(ring.cpu, ring.id)).copied()
        } else {
            None
        }
    }

    /// Whether it knows the CPU, under this or another event id.
    pub(crate) fn knows_cpu(&self, cpu: u32) -> bool {
        self.read.range((cpu, 0)..=(cpu, u64::MAX)).next().is_some()
    }

    /// To be stored: 20 bytes, and 20 for each ring.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(20 + 20 * self.read.len());
        bytes.extend_from_slice(b"PfC1");
        bytes.extend_from_slice(&self.boot);
        for ((cpu, id), number) in &self.read {
            bytes.extend_from_slice(&cpu.to_le_bytes());
            bytes.extend_from_slice(&id.to_le_bytes());
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// What [`Cursor::to_bytes`] made.
    ///
    /// # Errors
    ///
    /// [`Error::Message`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = Error::Message {
            what: "the cursor is damaged",
        };
        let Some(([b'P', b'f', b'C', b'1'], rest)) = bytes.split_first_chunk::<4>() else {
            return Err(damaged);
        };
        let Some((boot, rest)) = rest.split_first_chunk::<16>() else {
            return Err(damaged);
        };
        let entries = rest.chunks_exact(20);
        if !entries.remainder().is_empty() || entries.len() > MOST_RINGS {
            return Err(damaged);
        }
        let mut read = BTreeMap::new();
        for entry in entries {
            let [a, b, c, d, id @ .., _, _, _, _, _, _, _, _] = entry else {
                return Err(damaged);
            };
            let (Ok(id), Some((_, number))) =
                (<[u8; 8]>::try_from(id), entry.split_last_chunk::<8>())
            else {
                return Err(damaged);
            };
            let ring = (u32::from_le_bytes([*a, *b, *c, *d]), u64::from_le_bytes(id));
            // Ascending and each once, or it would not come back as it is.
            if read.last_key_value().is_some_and(|(last, _)| *last >= ring) {
                return Err(damaged);
            }
            read.insert(ring, u64::from_le_bytes(*number));
        }
        Ok(Cursor { boot: *boot, read })
    }
}
