//! Files of sysfs and debugfs.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::error::Error;

/// Writes a value in one system call into a file that is there. (Asking for a new one gives another error in each of
/// these file systems, and none of them says that there is no such file.)
pub(crate) fn write(path: &Path, value: &[u8]) -> Result<(), Error> {
    let attempt = || -> io::Result<()> {
        let mut file = File::options().write(true).truncate(true).open(path)?;
        let took = file.write(value)?;
        if took != value.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(())
    };
    attempt().map_err(|e| Error::file(path, Some(&String::from_utf8_lossy(value)), e))
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|e| Error::file(path, None, e))
}
