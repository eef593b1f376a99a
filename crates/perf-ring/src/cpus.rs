//! Which CPUs there are: sysfs lists such as `0-3,8`.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::pmu::read_text;

/// The highest CPU number that is believed: far above `CONFIG_NR_CPUS` of any kernel.
const MOST: u32 = 1 << 16;

/// Parses a CPU list. `None` when it is not one; an empty text is an empty list.
#[must_use]
pub fn parse_list(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    let digits = |s: &str| {
        if s.bytes().all(|b| b.is_ascii_digit()) {
            s.parse::<u32>().ok().filter(|n| *n < MOST)
        } else {
            None
        }
    };
    for range in text.trim().split(',').filter(|range| !range.is_empty()) {
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        let (low, high) = (digits(low)?, digits(high)?);
        // Ascending, so that a short text cannot make a long list.
        if low > high || cpus.last().is_some_and(|last| *last >= low) {
            return None;
        }
        cpus.extend(low..=high);
    }
    Some(cpus)
}

/// Reads a CPU list out of a file.
pub(crate) fn read_list(path: &Path) -> Result<Vec<u32>, Error> {
    let text = read_text(path)?;
    parse_list(&text).ok_or(Error::Text {
        path: path.to_owned(),
        text,
        expected: "a list of CPUs",
    })
}

/// The CPUs that are online, by the given sysfs (`/sys`).
///
/// # Errors
///
/// [`Error::File`] and [`Error::Text`]; [`Error::NoCpus`] for an empty list.
pub fn online(sysfs: &Path) -> Result<Vec<u32>, Error> {
    let path: PathBuf = sysfs.join("devices/system/cpu/online");
    let cpus = read_list(&path)?;
    if cpus.is_empty() {
        Err(Error::NoCpus { path })
    } else {
        Ok(cpus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_as_the_kernel_prints_them() {
        assert_eq!(parse_list("0-1\n"), Some(vec![0, 1]));
        assert_eq!(parse_list("0,2-4,9"), Some(vec![0, 2, 3, 4, 9]));
        assert_eq!(parse_list(""), Some(vec![]));
    }

    #[test]
    fn nothing_else() {
        for text in [
            "x",
            "3-1",
            "0-",
            "-1",
            "0,0",
            "0-99999999",
            "+1",
            "0-3,2",
            "1 2",
        ] {
            assert_eq!(parse_list(text), None, "{text}");
        }
    }
}
