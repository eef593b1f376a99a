//! Which reports are of one error.

use core::fmt;
use core::hash::Hasher;

use mcekit::Record;
use siphasher::sip128::{Hasher128, SipHasher13};

/// What the hardware said, as 128 bits: the same error has the same identity in every channel.
///
/// It is made of the APIC id (the CPU number where a channel has none), bank, STATUS, ADDR, MISC, SYND, IPID and the
/// time stamp counter; of the time of day where there was no time stamp. Registers that a channel does not give count as
/// the zero that the kernel writes for them.
///
/// Errors that the kernel finds by polling have no time stamp, and two of them within a second can be equal to the last
/// bit. So equal identities in *one* channel are several errors; see [`Sightings`](crate::Sightings) for how reports of
/// several channels are counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(pub [u8; 16]);

impl Identity {
    /// The identity of a record.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let mut hasher = SipHasher13::new();
        // The kind of the number goes in with it: APIC id 3 is not CPU 3.
        match (record.apicid(), record.cpu()) {
            (Some(id), _) => {
                hasher.write_u8(1);
                hasher.write_u32(id);
            }
            (None, Some(cpu)) => {
                hasher.write_u8(2);
                hasher.write_u32(cpu);
            }
            (None, None) => hasher.write_u8(0),
        }
        hasher.write_u8(record.bank().unwrap_or(u8::MAX));
        hasher.write_u64(record.status().0);
        hasher.write_u64(record.addr().map_or(0, |addr| addr.0));
        hasher.write_u64(record.misc().map_or(0, |misc| misc.0));
        hasher.write_u64(record.synd().map_or(0, |synd| synd.0));
        hasher.write_u64(record.ipid().map_or(0, |ipid| ipid.0));
        match record.tsc() {
            Some(tsc) if tsc != 0 => hasher.write_u64(tsc),
            _ => {
                hasher.write_u64(0);
                hasher.write_u64(record.time().unwrap_or(0));
            }
        }
        let hash = hasher.finish128();
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&hash.h1.to_be_bytes());
        bytes[8..].copy_from_slice(&hash.h2.to_be_bytes());
        Self(bytes)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({self})")
    }
}
