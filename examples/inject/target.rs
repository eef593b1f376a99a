//! Where it goes: the device, debugfs, or a replay file.

use std::fs;
use std::path::Path;

use mcekit::wire::Mce;
use mcelog_dev::{
    Debugfs, Device, Error as DeviceError, Injection, Injector, Lengths, OpenOptions,
};

use crate::Error;
use crate::args::To;

/// The way into a kernel, or into what a reader of one would get.
pub(crate) enum Target {
    Device(Device),
    /// A device that is not there or not ours: what can be said without it.
    NoDevice,
    Debugfs(Debugfs),
    NoDebugfs,
    /// The file's content so far.
    Replay {
        bytes: Vec<u8>,
        json: bool,
    },
}

impl Target {
    /// Opens it. For a dry run, what cannot be opened is done without.
    pub(crate) fn open(to: &To, dry: bool) -> Result<Self, Error> {
        match to {
            To::Device => match OpenOptions::new().write(true).open() {
                Ok(device) => Ok(Self::Device(device)),
                Err(_) if dry => Ok(Self::NoDevice),
                Err(source) => Err(Error::Target { source }),
            },
            To::Debugfs => {
                let debugfs = Debugfs::new();
                match (debugfs.is_there(), dry) {
                    (true, _) => Ok(Self::Debugfs(debugfs)),
                    (false, true) => Ok(Self::NoDebugfs),
                    (false, false) => Err(Error::Target {
                        source: DeviceError::NoInjector,
                    }),
                }
            }
            To::Replay(path) => {
                let ending = path.extension().unwrap_or_default();
                let json = ["json", "jsonl", "ndjson"].iter().any(|e| ending == *e);
                Ok(Self::Replay {
                    bytes: Vec::new(),
                    json,
                })
            }
        }
    }

    /// Whether it would take this.
    pub(crate) fn check(&self, injection: &Injection) -> Result<(), DeviceError> {
        match self {
            Self::Device(device) => device.check(injection),
            Self::NoDevice => injection.check_for_device(Lengths::TODAY),
            Self::Debugfs(debugfs) => debugfs.check(injection),
            Self::NoDebugfs => injection.check_for_debugfs(),
            // Any record can be read from somewhere.
            Self::Replay { .. } => Ok(()),
        }
    }

    pub(crate) fn inject(&mut self, injection: &Injection) -> Result<(), DeviceError> {
        match self {
            Self::Device(device) => device.inject(injection),
            Self::Debugfs(debugfs) => debugfs.inject(injection),
            Self::Replay { bytes, json } => {
                // Nobody reads a record of a CPU that only takes part.
                if injection.record().status().val() {
                    if *json {
                        // A record is plain numbers: writing it into memory cannot fail.
                        bytes.extend(serde_json::to_vec(injection.record()).unwrap_or_default());
                        bytes.push(b'\n');
                    } else {
                        bytes.extend(Mce::from(injection.record()).to_bytes());
                    }
                }
                Ok(())
            }
            Self::NoDevice | Self::NoDebugfs => Err(DeviceError::NoInjector),
        }
    }

    /// Writes the replay file.
    pub(crate) fn finish(&self, path: &Path) -> Result<(), Error> {
        if let Self::Replay { bytes, .. } = self {
            fs::write(path, bytes).map_err(|source| Error::File {
                path: path.display().to_string(),
                source,
            })?;
        }
        Ok(())
    }
}
