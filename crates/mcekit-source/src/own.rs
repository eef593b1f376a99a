//! What every adapter does with cursors.

use std::hash::Hasher;
use std::io;
use std::path::Path;

use siphasher::sip::SipHasher13;

use crate::{Channel, Cursor, CursorError, Error, Result};

/// The running kernel's boot id: `/proc/sys/kernel/random/boot_id`.
pub(crate) const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A cursor of this source.
pub(crate) fn cursor(channel: Channel, name: &str, epoch: &str, position: &str) -> Cursor {
    Cursor::new(&format!("{channel}:{name}"), epoch, position)
}

/// Whether a cursor is of this source.
pub(crate) fn check(cursor: &Cursor, channel: Channel, name: &str) -> Result<()> {
    let ours = self::cursor(channel, name, "", "");
    if cursor.source() == ours.source() {
        return Ok(());
    }
    Err(CursorError::OtherSource {
        found: cursor.source().chars().take(64).collect(),
        expected: ours.source().to_owned(),
    }
    .into())
}

/// The position of a cursor is not one of this source's.
pub(crate) fn bad_position(cursor: &Cursor) -> Error {
    CursorError::Position {
        source_name: cursor.source().to_owned(),
        position: cursor.position().chars().take(64).collect(),
    }
    .into()
}

/// A number as cursors have it: digits, and nothing else.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The boot id in `path`.
pub(crate) fn boot_id(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::io(path, source))?;
    Ok(text.trim().to_owned())
}

/// A hash that is the same in every process and on every machine.
pub(crate) fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = SipHasher13::new();
    for part in parts {
        hasher.write_u64(part.len() as u64);
        hasher.write(part);
    }
    hasher.finish()
}

/// Whether a call that was interrupted is to be made again.
pub(crate) fn interrupted(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
}
