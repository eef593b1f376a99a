//! The injector of the `mce-inject` module: a folder in debugfs with a file for each register, of which `bank` is the
//! trigger (`arch/x86/kernel/cpu/mce/inject.c`).

use std::path::{Path, PathBuf};

use mcekit::Present;

use crate::error::Error;
use crate::files;
use crate::inject::{Context, Injection, Injector, Raise};

/// Where the folder is, once the module is loaded and debugfs is mounted.
pub const FOLDER: &str = "/sys/kernel/debug/mce-inject";

const NAME: &str = "mce-inject in debugfs";

/// The folder of `mce-inject`.
///
/// It knows four ways: [`Raise::Log`] (`sw`), which any kernel and processor can; [`Raise::Exception`] (`hw`),
/// [`Raise::Deferred`] (`df`) and [`Raise::Threshold`] (`th`), which write the real bank registers and work on AMD
/// processors that allow it. It has no way to let the poll find an error: [`Device`](crate::Device) has.
///
/// The folder is one for the whole machine. Two processes that use it at once mix their registers.
#[derive(Clone, Debug)]
pub struct Debugfs {
    folder: PathBuf,
}

impl Default for Debugfs {
    fn default() -> Self {
        Self::new()
    }
}

impl Debugfs {
    /// The kernel's folder.
    #[must_use]
    pub fn new() -> Self {
        Self::at(FOLDER)
    }

    /// A folder elsewhere: debugfs mounted at another place, or a test's.
    #[must_use]
    pub fn at(folder: impl AsRef<Path>) -> Self {
        Self {
            folder: folder.as_ref().to_owned(),
        }
    }

    /// Whether the folder is there and open to us.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.folder.join("bank").exists()
    }

    fn write(&self, file: &str, value: &str) -> Result<(), Error> {
        files::write(&self.folder.join(file), value.as_bytes())
    }

    /// A register that not every kernel or processor has: it must read back as it was written.
    fn write_and_compare(&self, file: &str, value: u64, part: &str) -> Result<(), Error> {
        let lost = || Error::CannotCarry {
            injector: NAME,
            parts: part.to_owned(),
        };
        match self.write(file, &format!("{value:#x}\n")) {
            Err(Error::NoKnob { .. }) if value == 0 => return Ok(()),
            Err(Error::NoKnob { .. }) => return Err(lost()),
            other => other?,
        }
        let bytes = files::read(&self.folder.join(file))?;
        let text = String::from_utf8_lossy(&bytes);
        if u64::from_str_radix(text.trim().trim_start_matches("0x"), 16) == Ok(value) {
            Ok(())
        } else {
            Err(lost())
        }
    }
}

impl Injection {
    /// Whether `mce-inject` in debugfs could take it, wherever that is.
    ///
    /// # Errors
    ///
    /// [`Error::Incomplete`], [`Error::CannotRaise`], [`Error::CannotCarry`].
    pub fn check_for_debugfs(&self) -> Result<(), Error> {
        self.place()?;
        let alone = self.context() == Context::Process && self.broadcast().is_none();
        if !alone || flags(self.raise()).is_none() {
            return Err(Error::CannotRaise {
                injector: NAME,
                raise: self.raise(),
            });
        }
        self.fits(NAME, Present::SYND | Present::IPID)
    }
}

/// What the file `flags` takes.
const fn flags(raise: Raise) -> Option<&'static str> {
    match raise {
        Raise::Log => Some("sw"),
        Raise::Exception => Some("hw"),
        Raise::Deferred => Some("df"),
        Raise::Threshold => Some("th"),
        Raise::Poll => None,
    }
}

impl Injector for Debugfs {
    fn check(&self, injection: &Injection) -> Result<(), Error> {
        injection.check_for_debugfs()?;
        if !self.is_there() {
            return Err(Error::NoInjector);
        }
        Ok(())
    }

    fn inject(&mut self, injection: &Injection) -> Result<(), Error> {
        self.check(injection)?;
        let (cpu, bank) = injection.place()?;
        let flags = flags(injection.raise()).unwrap_or_default();
        let record = injection.record();
        // The newline is part of the value: the kernel cuts off the last byte.
        self.write("flags", &format!("{flags}\n"))?;
        self.write("cpu", &format!("{cpu}\n"))
            .map_err(|e| match e {
                Error::Refused { .. } => Error::CpuOffline { cpu },
                other => other,
            })?;
        // All of them, always: a register keeps what a failed injection left in it.
        self.write("status", &format!("{:#x}\n", record.status().0))?;
        self.write(
            "addr",
            &format!("{:#x}\n", record.addr().unwrap_or_default().0),
        )?;
        self.write(
            "misc",
            &format!("{:#x}\n", record.misc().unwrap_or_default().0),
        )?;
        self.write_and_compare("synd", record.synd().unwrap_or_default().0, "SYND")?;
        self.write_and_compare("ipid", record.ipid().unwrap_or_default().0, "IPID")?;
        self.write("bank", &format!("{bank}\n"))
            .map_err(|e| match e {
                Error::Refused { .. } => Error::NoBank { cpu, bank },
                other => other,
            })
    }
}
