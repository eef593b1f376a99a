//! What an input is, by its first bytes.

use std::io;

use mcekit::wire::{LENGTHS, MAX_LEN, Wire};

use super::input::Input;

/// What is looked at, at most.
const HEAD: usize = 64 << 10;

/// How many records are looked at before a length is believed.
const LOOK: usize = 64;

/// What an input turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detected {
    Text,
    /// `struct mce` of so many bytes.
    Raw(usize),
    #[cfg(feature = "json")]
    Json,
    /// Compressed, by this program.
    Compressed(&'static str),
}

/// Looks at an input of which nothing is used up.
pub(super) fn detect(input: &mut Input) -> io::Result<Detected> {
    input.fill(8)?;
    if let Some(by) = compressed(input.unread()) {
        return Ok(Detected::Compressed(by));
    }
    // The uppermost bit of the eighth byte is MCi_STATUS's VAL.
    if input.unread().get(7).is_some_and(|&byte| byte >= 0x80) {
        input.fill(HEAD)?;
        if let Some(len) = length(input.unread(), input.len()) {
            return Ok(Detected::Raw(len));
        }
    }
    #[cfg(feature = "json")]
    if input.unread().trim_ascii_start().first() == Some(&b'{') {
        input.fill(HEAD)?;
        if super::json::begins(input.unread()) {
            return Ok(Detected::Json);
        }
    }
    Ok(Detected::Text)
}

fn compressed(head: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 5] = [
        (b"\x1f\x8b", "gzip"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh", "bzip2"),
        (b"\x04\x22\x4d\x18", "lz4"),
    ];
    let (_, by) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic))?;
    Some(by)
}

/// The length of the records that an input begins with, if records they are: the longest published one that divides the
/// input, and with which all that is in sight could be a kernel's.
pub(super) fn length(head: &[u8], total: Option<u64>) -> Option<usize> {
    let fits = |len: usize| {
        let mut records = head.chunks_exact(len).take(LOOK).peekable();
        records.peek().is_some() && records.all(plausible)
    };
    let published = || LENGTHS.into_iter().rev();
    let divides = |len: usize| total.is_none_or(|total| total % len as u64 == 0);
    let later = || {
        // One record of a kernel that is newer than any known.
        let total = usize::try_from(total?).ok()?;
        (MAX_LEN < total && total < 2 * MAX_LEN && fits(MAX_LEN)).then_some(total)
    };
    published()
        .find(|&len| divides(len) && fits(len))
        .or_else(later)
        // The last one was cut off.
        .or_else(|| published().find(|&len| head.len() >= 2 * len && fits(len)))
}

/// Whether a kernel could have written this: an error, and nothing where nothing can be.
fn plausible(bytes: &[u8]) -> bool {
    let Ok(Wire { mce, len, .. }) = Wire::read(bytes) else {
        return false;
    };
    let processor = (mce.cpuvendor <= 16 || mce.cpuvendor == 0xff) && mce.cpuid & 0xf000_c000 == 0;
    let old = len >= 88 || mce.time == 0;
    mce.status >> 63 == 1
        && mce.mcgstatus >> 32 == 0
        && mce.finished <= 1
        && (mce.pad, mce.kflags >> 32) == (0, 0)
        && mce.severity <= 16
        && processor
        && old
}
