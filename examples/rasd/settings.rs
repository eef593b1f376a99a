//! The configuration file: where it is, and what is said of it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::config::{Config, MAX_LEN, PageOffline};
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

/// What the daemon is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To watch this machine.
    Watch,
    /// To show what it would have done with what files hold, which can be another machine's.
    Replay,
}

/// The configuration of the daemon. A replay does not take this machine's: its triggers would act on another one's errors.
///
/// # Errors
///
/// Those of [`load`].
pub(crate) fn for_daemon(named: Option<&Path>, purpose: Purpose) -> Result<Config, Error> {
    let mut config = match (named, purpose) {
        (None, Purpose::Replay) => Config::default(),
        (named, _) => load(named)?,
    };
    if purpose == Purpose::Replay {
        // The addresses may be another machine's, and the errors long past.
        if config.page_offline.mode == PageOffline::Soft {
            config.page_offline.mode = PageOffline::DryRun;
        }
        // And so may the DIMMs be: this one's names would be wrong ones.
        config.labels.edac = false;
        config.labels.dmi = false;
    }
    Ok(config)
}

/// `rasd check-config`: every mistake, or what the configuration comes to.
///
/// # Errors
///
/// Those of [`load`], and of standard output.
pub(crate) fn check(named: Option<&Path>) -> Result<(), Error> {
    let config = load(named)?;
    match io::stdout().write_all(config.to_string().as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::System {
            call: "writing the answer",
            source: error,
        }),
        _ => Ok(()),
    }
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
    fn a_replay_takes_no_page_out_of_use_and_gives_no_names_of_this_machine() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rasd.toml");
        std::fs::write(&path, "page-offline.mode = \"soft\"\n").unwrap();
        let mode = |purpose| for_daemon(Some(&path), purpose).unwrap().page_offline.mode;
        assert_eq!(mode(Purpose::Watch), PageOffline::Soft);
        assert_eq!(mode(Purpose::Replay), PageOffline::DryRun);
        let labels = for_daemon(Some(&path), Purpose::Replay).unwrap().labels;
        assert!(!labels.edac && !labels.dmi);
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
