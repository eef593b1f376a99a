//! The configuration file: where it is, and what is said of it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::config::{Config, MAX_LEN};
use crate::error::Error;

/// Where it is looked for. It need not be there.
const FILE: &str = "/etc/rasd.toml";

/// Reads the configuration: the file that is named, or the usual one if it is there, or nothing but defaults.
///
/// # Errors
///
/// [`Error::Usage`] with every mistake, one a line; or why a file that was named cannot be read.
pub(crate) fn load(named: Option<&Path>) -> Result<Config, Error> {
    let path = named.unwrap_or(Path::new(FILE));
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
            return Ok(Config::default());
        }
        Err(error) => return Err(Error::Usage(format!("{}: {error}", path.display()))),
    };
    Config::read(&bytes).map_err(|problems| {
        let mut text = String::new();
        for (i, problem) in problems.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            _ = write!(text, "{end}{}:{problem}", path.display());
        }
        Error::Usage(text)
    })
}

/// Reads a file, and not much more than a configuration can be of it.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_LEN as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_need_not_be_there() {
        let missing = Path::new("/nonexistent/rasd.toml");
        let error = load(Some(missing)).unwrap_err();
        assert_eq!(error.status(), 2);
        assert!(
            error
                .to_string()
                .starts_with("/nonexistent/rasd.toml: No such file")
        );
    }

    #[test]
    fn every_mistake_has_the_files_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rasd.toml");
        std::fs::write(&path, "a = 1\n[metrics]\ninterval = 3\n").unwrap();
        let error = load(Some(&path)).unwrap_err().to_string();
        let lines: Vec<_> = error.lines().collect();
        assert_eq!(lines.len(), 2, "{error}");
        let begin = |line: u32| format!("{}:{line}:", path.display());
        assert!(
            lines[0].starts_with(&begin(1)) && lines[1].starts_with(&begin(3)),
            "{error}"
        );
        // What never ends is no configuration.
        let error = load(Some(Path::new("/dev/zero"))).unwrap_err();
        assert!(error.to_string().contains("is no configuration"), "{error}");
    }
}
