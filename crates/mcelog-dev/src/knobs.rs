//! The knobs of the kernel's machine-check code: `/sys/devices/system/machinecheck/machinecheckN/`.
//!
//! Each CPU has a folder, but only `bankN` is the CPU's own: the other files show one value for the whole machine under
//! every CPU's name. What a kernel does not have is [`Error::NoKnob`], what root alone may do [`Error::Access`].
//! Values that the kernel would take and misunderstand (it takes `-5` microseconds, and cuts what does not fit) are
//! [`Error::OutOfRange`], and are not written.
//!
//! | knob | since | what it does |
//! |---|---|---|
//! | `check_interval` | 2.6 | how often the banks are polled for corrected errors |
//! | `bankN` | 2.6 | which errors the bank reports (`MCi_CTL`) |
//! | `tolerant` | 2.6 to 5.17 | whether an uncorrected error stops the machine |
//! | `trigger` | 2.6.20, with `X86_MCELOG_LEGACY` | a program to run when an error was logged |
//! | `monarch_timeout` | 2.6.31 | how long CPUs wait for each other in an exception |
//! | `ignore_ce` | 2.6.32 | leave corrected errors in their banks |
//! | `dont_log_ce` | 2.6.32 | clear corrected errors without logging them |
//! | `cmci_disabled` | 2.6.32 | poll only, no interrupts for corrected errors |
//! | `print_all` | 4.15 | print records that a reader has already taken, too |
//!
//! (Sources: `Documentation/ABI/testing/sysfs-mce`, `arch/x86/kernel/cpu/mce/core.c` and their history.)

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Error;
use crate::files;

/// Where the knobs are.
pub const FOLDER: &str = "/sys/devices/system/machinecheck";

/// The longest program name that `trigger` holds, in bytes: the kernel's buffer has 128, with the end mark.
pub const MAX_TRIGGER: usize = 127;

/// A knob's text is a number or a path of 127 bytes; what is longer is none.
const MAX_TEXT: usize = 256;

/// The knobs of a machine.
#[derive(Clone, Debug)]
pub struct Knobs {
    folder: PathBuf,
}

impl Default for Knobs {
    fn default() -> Self {
        Self::new()
    }
}

impl Knobs {
    /// This machine's.
    #[must_use]
    pub fn new() -> Self {
        Self::at(FOLDER)
    }

    /// Those in a folder elsewhere: another root's sysfs, or a test's.
    #[must_use]
    pub fn at(folder: impl AsRef<Path>) -> Self {
        Self {
            folder: folder.as_ref().to_owned(),
        }
    }

    /// The CPUs that have knobs: those that are online, ascending.
    ///
    /// # Errors
    ///
    /// [`Error::NoKnob`] where the kernel has no machine-check code or it is off (`mce=off`), [`Error::Access`],
    /// [`Error::Io`].
    pub fn cpus(&self) -> Result<Vec<u32>, Error> {
        numbered(&self.folder, "machinecheck")
    }

    /// The knobs of a CPU, as the kernel counts. Whether it is there shows when one is used.
    #[must_use]
    pub fn cpu(&self, cpu: u32) -> CpuKnobs {
        CpuKnobs {
            folder: self.folder.join(format!("machinecheck{cpu}")),
        }
    }
}

/// The numbers N of the entries `prefixN` of a folder, ascending.
fn numbered(folder: &Path, prefix: &str) -> Result<Vec<u32>, Error> {
    let fail = |e| Error::file(folder, None, e);
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let name = entry.map_err(fail)?.file_name();
        let number = name
            .to_str()
            .and_then(|n| n.strip_prefix(prefix)?.parse::<u32>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// What the kernel does with an uncorrected error in its own code (`tolerant`). Gone since Linux 5.18, which always
/// does what [`Tolerant::PanicIfUnsafe`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tolerant {
    /// 0: every uncorrected error stops the machine.
    AlwaysPanic,
    /// 1, the default: stop where going on could deadlock or use bad data; otherwise kill the process that is hit.
    PanicIfUnsafe,
    /// 2: kill the process where that has any chance, log the rest.
    AvoidPanic,
    /// 3: never stop and kill nobody: for testing only, as bad data stays in use.
    NeverPanic,
}

impl Tolerant {
    const ALL: [Self; 4] = [
        Self::AlwaysPanic,
        Self::PanicIfUnsafe,
        Self::AvoidPanic,
        Self::NeverPanic,
    ];

    /// As the knob has it.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::AlwaysPanic => 0,
            Self::PanicIfUnsafe => 1,
            Self::AvoidPanic => 2,
            Self::NeverPanic => 3,
        }
    }
}

impl TryFrom<u8> for Tolerant {
    type Error = Error;

    fn try_from(number: u8) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|t| t.number() == number)
            .ok_or_else(|| Error::OutOfRange {
                knob: "tolerant",
                value: number.to_string(),
                range: "0 to 3",
            })
    }
}

/// The knobs under one CPU's name.
#[derive(Clone, Debug)]
pub struct CpuKnobs {
    folder: PathBuf,
}

/// A getter and a setter for a knob that is 0 or 1.
macro_rules! switch {
    ($(#[$doc:meta])* $get:ident, $(#[$set_doc:meta])* $set:ident) => {
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// [`Error::NoKnob`], [`Error::Access`], [`Error::Unreadable`], [`Error::Io`].
        pub fn $get(&self) -> Result<bool, Error> {
            match self.number(stringify!($get))? {
                0 => Ok(false),
                1 => Ok(true),
                other => Err(self.unreadable(stringify!($get), &other.to_string())),
            }
        }

        $(#[$set_doc])*
        ///
        /// # Errors
        ///
        /// [`Error::NoKnob`], [`Error::Access`], [`Error::Refused`], [`Error::Io`].
        pub fn $set(&self, on: bool) -> Result<(), Error> {
            self.write(stringify!($get), if on { "1" } else { "0" })
        }
    };
}

impl CpuKnobs {
    /// How often the banks are polled for corrected errors; `None` where they are not. For the whole machine.
    ///
    /// It is the longest interval and the first one: a poll that finds an error halves it (down to a hundredth of a
    /// second), one that finds none doubles it. Five minutes by default.
    ///
    /// # Errors
    ///
    /// [`Error::NoKnob`], [`Error::Access`], [`Error::Unreadable`], [`Error::Io`].
    pub fn check_interval(&self) -> Result<Option<Duration>, Error> {
        let seconds = self.number("check_interval")?;
        Ok((seconds != 0).then(|| Duration::from_secs(seconds)))
    }

    /// Sets how often the banks are polled: whole seconds, at most 2,147,483,647. `None` stops polling; corrected
    /// errors may still come by interrupt.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for a part of a second, none at all (which is what `None` is for) or too many;
    /// [`Error::NoKnob`], [`Error::Access`], [`Error::Refused`], [`Error::Io`].
    pub fn set_check_interval(&self, interval: Option<Duration>) -> Result<(), Error> {
        let seconds = match interval {
            None => 0,
            Some(i) if i.subsec_nanos() == 0 && (1..=MAX_INT).contains(&i.as_secs()) => i.as_secs(),
            Some(i) => {
                return Err(Error::OutOfRange {
                    knob: "check_interval",
                    value: format!("{i:?}"),
                    range: "whole seconds, 1 to 2147483647",
                });
            }
        };
        self.write("check_interval", &seconds.to_string())
    }

    /// How many banks this CPU has.
    ///
    /// # Errors
    ///
    /// [`Error::NoKnob`] where the CPU is not there, [`Error::Access`], [`Error::Io`].
    pub fn bank_count(&self) -> Result<u32, Error> {
        let count = numbered(&self.folder, "bank")?.len();
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Which errors this bank of this CPU reports: `MCi_CTL`, a bit each. All of them by default. Firmware has a mask
    /// of its own, which does not show here.
    ///
    /// # Errors
    ///
    /// [`Error::NoKnob`] where the CPU has no such bank or the kernel leaves it alone, [`Error::Access`],
    /// [`Error::Unreadable`], [`Error::Io`].
    pub fn bank(&self, bank: u8) -> Result<u64, Error> {
        let knob = format!("bank{bank}");
        let text = self.text(&knob)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        u64::from_str_radix(digits, 16).map_err(|_| self.unreadable(&knob, &text))
    }

    /// Sets which errors this bank of this CPU reports. An error whose bit is clear is not reported, and in some
    /// processors not contained either.
    ///
    /// # Errors
    ///
    /// [`Error::NoKnob`], [`Error::Access`], [`Error::Refused`] where the kernel leaves the bank alone, [`Error::Io`].
    pub fn set_bank(&self, bank: u8, enabled: u64) -> Result<(), Error> {
        self.write(&format!("bank{bank}"), &format!("{enabled:#x}"))
    }

    /// What the kernel does with an uncorrected error. For the whole machine.
    ///
    /// # Errors
    ///
    /// [`Error::NoKnob`] since Linux 5.18, [`Error::Access`], [`Error::Unreadable`], [`Error::Io`].
    pub fn tolerant(&self) -> Result<Tolerant, Error> {
        let number = self.number("tolerant")?;
        u8::try_from(number)
            .ok()
            .and_then(|n| Tolerant::try_from(n).ok())
            .ok_or_else(|| self.unreadable("tolerant", &number.to_string()))
    }

    /// Sets what the kernel does with an uncorrected error.
    ///
    /// # Errors
    ///
    /// [`Error::NoKnob`] since Linux 5.18, [`Error::Access`], [`Error::Refused`], [`Error::Io`].
    pub fn set_tolerant(&self, tolerant: Tolerant) -> Result<(), Error> {
        self.write("tolerant", &tolerant.number().to_string())
    }

    /// The program that runs when an error was logged, if there is one. For the whole machine.
    ///
    /// It gets no arguments and no environment at all: a shell script has the `PATH` that its shell makes up. Where it
    /// does not exist nobody says so. It runs once for a burst of errors or once for each: as the kernel comes to it.
    ///
    /// # Errors
    ///
    /// [`Error::NoKnob`] without the device, [`Error::Access`], [`Error::Unreadable`], [`Error::Io`].
    pub fn trigger(&self) -> Result<Option<PathBuf>, Error> {
        let mut bytes = self.bytes("trigger")?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        Ok((!bytes.is_empty()).then(|| OsString::from_vec(bytes).into()))
    }

    /// Sets the program that runs when an error was logged: an absolute path of at most [`MAX_TRIGGER`] bytes, or none.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for a relative or longer path (which the kernel would cut) or one with a line's end in it;
    /// [`Error::NoKnob`], [`Error::Access`], [`Error::Io`].
    pub fn set_trigger(&self, program: Option<&Path>) -> Result<(), Error> {
        let Some(program) = program else {
            return self.write("trigger", "\n");
        };
        let bytes = program.as_os_str().as_bytes();
        let plain = !bytes.iter().any(|b| matches!(b, b'\n' | b'\0'));
        if !program.is_absolute() || bytes.len() > MAX_TRIGGER || !plain {
            return Err(Error::OutOfRange {
                knob: "trigger",
                value: program.display().to_string(),
                range: "an absolute path of up to 127 bytes",
            });
        }
        // Without a line's end: the kernel's buffer has no room for one after the longest name.
        files::write(&self.folder.join("trigger"), bytes)
    }

    /// How long the first CPU in an exception waits for the others to come, and they for it; `None` where nobody waits
    /// (AMD). For the whole machine. A second by default.
    ///
    /// # Errors
    ///
    /// [`Error::NoKnob`], [`Error::Access`], [`Error::Unreadable`], [`Error::Io`].
    pub fn monarch_timeout(&self) -> Result<Option<Duration>, Error> {
        let microseconds = self.number("monarch_timeout")?;
        Ok((microseconds != 0).then(|| Duration::from_micros(microseconds)))
    }

    /// Sets how long CPUs wait for each other in an exception: whole microseconds, at most 2,147,483,647. Too short a
    /// time makes an error that could be survived fatal.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`]; [`Error::NoKnob`], [`Error::Access`], [`Error::Refused`], [`Error::Io`].
    pub fn set_monarch_timeout(&self, timeout: Option<Duration>) -> Result<(), Error> {
        let microseconds = match timeout {
            None => 0,
            Some(t)
                if t.subsec_nanos().is_multiple_of(1000)
                    && (1..=u128::from(MAX_INT)).contains(&t.as_micros()) =>
            {
                t.as_micros()
            }
            Some(t) => {
                return Err(Error::OutOfRange {
                    knob: "monarch_timeout",
                    value: format!("{t:?}"),
                    range: "whole microseconds, 1 to 2147483647",
                });
            }
        };
        self.write("monarch_timeout", &microseconds.to_string())
    }

    switch! {
        /// Whether corrected errors are ignored: neither polled for nor reported by interrupt. They stay in their
        /// banks, for firmware or for who turns this off. For the whole machine.
        ignore_ce,
        /// Sets whether corrected errors are ignored.
        set_ignore_ce
    }
    switch! {
        /// Whether corrected errors are cleared from their banks without being logged (those with an address of
        /// memory still go to who takes bad pages out of use). For the whole machine.
        dont_log_ce,
        /// Sets whether corrected errors are cleared without being logged.
        set_dont_log_ce
    }
    switch! {
        /// Whether the interrupt for corrected errors (Intel's CMCI) is off, so that only the poll finds them. For
        /// the whole machine.
        cmci_disabled,
        /// Sets whether the interrupt for corrected errors is off.
        set_cmci_disabled
    }
    switch! {
        /// Whether the kernel log prints records that a reader of the device or of a trace event has taken, too. For
        /// the whole machine.
        print_all,
        /// Sets whether the kernel log prints every record.
        set_print_all
    }

    fn unreadable(&self, knob: &str, text: &str) -> Error {
        Error::Unreadable {
            path: self.folder.join(knob),
            text: text.chars().take(40).collect(),
        }
    }

    fn bytes(&self, knob: &str) -> Result<Vec<u8>, Error> {
        let bytes = files::read(&self.folder.join(knob))?;
        if bytes.len() > MAX_TEXT {
            return Err(self.unreadable(knob, &String::from_utf8_lossy(&bytes)));
        }
        Ok(bytes)
    }

    fn text(&self, knob: &str) -> Result<String, Error> {
        let bytes = self.bytes(knob)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.trim().to_owned())
    }

    fn number(&self, knob: &str) -> Result<u64, Error> {
        let text = self.text(knob)?;
        text.parse().map_err(|_| self.unreadable(knob, &text))
    }

    fn write(&self, knob: &str, value: &str) -> Result<(), Error> {
        files::write(&self.folder.join(knob), value.as_bytes())
    }
}

/// The kernel keeps these numbers in a C `int`, and takes any.
const MAX_INT: u64 = i32::MAX as u64;
