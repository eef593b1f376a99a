//! `struct mce` as it is: one record or many, of any length that a kernel ever used.

use mcekit::wire::{LENGTHS, MAX_LEN, Raw, Wire};

use crate::error::Error;
use crate::found::{Found, Place, Source};
use crate::input::Input;
use crate::run::{Run, shown};

/// Answers every struct of `len` bytes in an input.
///
/// # Errors
///
/// Those of reading and answering.
pub(crate) fn read(input: &mut Input, len: usize, run: &mut Run) -> Result<(), Error> {
    loop {
        while let Some(raw) = input.bytes().get(..len).map(Raw::new) {
            // The shortest length that is tried is one that a kernel used.
            if let Ok(raw) = raw {
                let place = Place {
                    file: input.name(),
                    line: None,
                    offset: Some(input.offset()),
                    length: Some(len as u64),
                    format: "struct-mce",
                    pair: None,
                };
                run.record(Found {
                    record: raw.record(),
                    id: None,
                    source: Source::Here(place),
                    texts: &[],
                    given: true,
                })?;
            }
            input.consume(len);
        }
        if !input.more(run)? {
            break;
        }
    }
    if !input.bytes().is_empty() {
        run.warn(format_args!(
            "{}: the last {} bytes are not a whole record of {len}",
            shown(input.name()),
            input.bytes().len()
        ));
    }
    if len > MAX_LEN {
        run.warn(format_args!(
            "{}: records of {len} bytes; this program knows the first {MAX_LEN}",
            shown(input.name())
        ));
    }
    Ok(())
}

/// How many records are looked at before a length is believed.
const LOOK: usize = 64;

/// The length of the records that `head` begins with, if records it is.
///
/// `total` is how long the input is, where that is known. Every published length is tried, the longest first: it must
/// divide the input, and every record in sight must be one that a kernel could have written.
pub(crate) fn length(head: &[u8], total: Option<u64>) -> Option<usize> {
    let fits = |len: usize| {
        let mut records = head.chunks_exact(len).take(LOOK);
        let enough = head.len() >= len;
        enough && records.all(plausible)
    };
    let divides = |len: usize| total.is_none_or(|total| total % len as u64 == 0);
    let published = || LENGTHS.into_iter().rev();
    published()
        .find(|&len| divides(len) && fits(len))
        // One struct of a kernel newer than this program: known as far as it is known.
        .or_else(|| {
            let total = usize::try_from(total?).ok()?;
            (MAX_LEN < total && total < 2 * MAX_LEN && fits(MAX_LEN)).then_some(total)
        })
        // The last record was cut off.
        .or_else(|| published().find(|&len| fits(len) && head.len() >= 2 * len))
}

/// Whether a kernel could have written these bytes: an error in MCi_STATUS, and nothing where nothing can be.
fn plausible(bytes: &[u8]) -> bool {
    let Ok(wire) = Wire::read(bytes) else {
        return false;
    };
    let mce = &wire.mce;
    let status = mce.status >> 63 == 1;
    let common = mce.finished <= 1 && mce.mcgstatus >> 32 == 0;
    if bytes.len() < 88 {
        // Reserved words then.
        return status && common && mce.time == 0 && mce.cpuid == 0 && mce.cpuvendor == 0;
    }
    let reserved_cpuid_bits = 0xf000_c000;
    status
        && common
        && mce.pad == 0
        && mce.severity <= 16
        && (mce.cpuvendor <= 16 || mce.cpuvendor == 0xff)
        && mce.cpuid & reserved_cpuid_bits == 0
        && mce.kflags >> 32 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcekit::wire::Mce;
    use mcekit::{CpuSignature, Record, Status, Vendor};

    fn records(n: usize, len: usize) -> Vec<u8> {
        let record = Record::new(4, Status(0x9c00_0040_0001_0091))
            .with_cpuid(CpuSignature(0x50654))
            .with_vendor(Vendor::INTEL)
            .with_time(1_795_349_361);
        let mut mce = Mce::from(&record);
        if len < 88 {
            (mce.cpuid, mce.time) = (0, 0);
        }
        mce.to_bytes()[..len].repeat(n)
    }

    #[test]
    fn one_record_of_every_length() {
        for len in LENGTHS {
            let bytes = records(1, len);
            assert_eq!(length(&bytes, Some(len as u64)), Some(len));
        }
    }

    #[test]
    fn many_records_of_every_length() {
        for len in LENGTHS {
            // With 8 bytes to the next length in common multiples, a few records are needed to tell.
            for n in [2, 3, 32] {
                let bytes = records(n, len);
                assert_eq!(
                    length(&bytes, Some((n * len) as u64)),
                    Some(len),
                    "{n}x{len}"
                );
            }
            assert_eq!(length(&records(32, len), None), Some(len), "{len}, a pipe");
        }
    }

    #[test]
    fn longer_than_known_and_cut_off() {
        let mut bytes = records(1, 128);
        bytes.extend_from_slice(&[7; 16]);
        assert_eq!(length(&bytes, Some(144)), Some(144));
        let bytes = records(3, 128);
        assert_eq!(length(&bytes[..300], Some(300)), Some(128));
    }

    #[test]
    fn text_is_not_a_struct() {
        let text = "[    3.057993] mce: [Hardware Error]: CPU 0: Machine Check: 0 Bank 4: 9c00004000010091\n".repeat(9);
        assert_eq!(length(text.as_bytes(), Some(text.len() as u64)), None);
        assert_eq!(length(&[0; 4096], Some(4096)), None);
        assert_eq!(length(&[0xff; 4096], Some(4096)), None);
        assert_eq!(length(b"", Some(0)), None);
    }
}
