//! Which boot this is.

use std::path::PathBuf;

use crate::{Error, pmu};

/// The kernel's id of this boot.
pub(crate) fn id() -> Result<[u8; 16], Error> {
    let path = PathBuf::from("/proc/sys/kernel/random/boot_id");
    let text = pmu::read_text(&path)?;
    let digits: Vec<u8> = text.bytes().filter(|b| *b != b'-').collect();
    let mut id = [0; 16];
    for (byte, pair) in id.iter_mut().zip(digits.chunks(2)) {
        let hex = std::str::from_utf8(pair)
            .ok()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        *byte = hex.ok_or_else(|| Error::Text {
            path: path.clone(),
            text: text.clone(),
            expected: "a boot id",
        })?;
    }
    Ok(id)
}
