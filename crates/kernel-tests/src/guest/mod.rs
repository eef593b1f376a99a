//! The guest's side: what a case may use, and the init that runs cases.

pub mod contract;
pub mod erst;
mod init;
pub mod mcelog;
pub mod rasd;
pub mod restart;
pub mod source;
pub mod systemd;
pub mod tracing;

use std::ffi::CStr;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use nix::mount::{MsFlags, mount};

pub use init::{PLAN, TRIGGER_LOG, main};

use crate::case::{Failure, Machine};

/// The daemon, in boots that ask for it ([`Boot::with_rasd`](crate::case::Boot::with_rasd)).
pub const RASD: &str = "/rasd";

/// Where the disk of a case's own boots is mounted.
pub const DISK: &str = "/disk";

/// A machine check for QEMU's monitor to put into a virtual CPU's bank.
#[derive(Clone, Copy, Debug, Default)]
pub struct Injected {
    /// On every CPU: the uncorrected errors of an Intel-like guest ask for it, those of
    /// an AMD-like one must not have it.
    pub broadcast: bool,
    /// The virtual CPU.
    pub cpu: u32,
    /// The bank.
    pub bank: u8,
    /// `MCi_STATUS`.
    pub status: u64,
    /// `MCG_STATUS`.
    pub mcg_status: u64,
    /// `MCi_ADDR`.
    pub addr: u64,
    /// `MCi_MISC`.
    pub misc: u64,
}

/// What a case has inside the guest.
#[derive(Debug)]
pub struct Guest {
    machine: Machine,
}

impl Guest {
    fn new(machine: Machine) -> Self {
        Self { machine }
    }

    /// The machine this is.
    #[must_use]
    pub fn machine(&self) -> Machine {
        self.machine
    }

    /// Has QEMU raise a machine check. A corrected one waits in its bank until the kernel
    /// polls: see [`Guest::poll_banks_often`].
    pub fn inject(&self, check: &Injected) {
        let Injected {
            broadcast,
            cpu,
            bank,
            status,
            mcg_status,
            addr,
            misc,
        } = check;
        let all = if *broadcast { "-b " } else { "" };
        println!("@mce {all}{cpu} {bank} {status:#x} {mcg_status:#x} {addr:#x} {misc:#x}");
    }

    /// Has QEMU's human monitor run any other command.
    pub fn monitor(&self, command: &str) {
        println!("@hmp {command}");
    }

    /// A measured number for the report, never a verdict: the emulation is slow.
    pub fn figure(&self, name: &str, value: f64, unit: &str) {
        println!("@figure {name} {value:.3} {unit}");
    }

    /// Hands bytes to the host, which keeps them as a file beside the transcript.
    pub fn keep(&self, name: &str, bytes: &[u8]) {
        let mut hex = String::with_capacity(bytes.len() * 2);
        for b in bytes {
            // Writing into a string cannot fail.
            let _ = write!(hex, "{b:02x}");
        }
        println!("@keep {name} {hex}");
    }

    /// Everything the kernel has logged since the boot, a line each, without prefixes.
    ///
    /// # Errors
    ///
    /// Where `/dev/kmsg` cannot be read.
    pub fn kernel_log(&self) -> Result<String, Failure> {
        let mut file = fs::OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg")?;
        let mut log = String::new();
        let mut buffer = [0; 8192];
        loop {
            match file.read(&mut buffer) {
                Ok(n) => {
                    let record = String::from_utf8_lossy(buffer.get(..n).unwrap_or_default());
                    // "level,sequence,time,flags;text", then continuation lines.
                    let text = record.split_once(';').map_or(&*record, |(_, text)| text);
                    log.push_str(text.lines().next().unwrap_or_default());
                    log.push('\n');
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(log),
                // The record was overwritten before it was read: go on with the next.
                Err(e) if e.raw_os_error() == Some(libc::EPIPE) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Mounts the disk that outlives the boots of a case, at [`DISK`].
    ///
    /// # Errors
    ///
    /// Where there is none: in a shared boot.
    pub fn mount_disk(&self) -> Result<&'static Path, Failure> {
        fs::create_dir_all(DISK)?;
        mount(
            Some("/dev/vda"),
            DISK,
            Some("ext4"),
            MsFlags::empty(),
            None::<&CStr>,
        )?;
        Ok(Path::new(DISK))
    }

    /// Tries until there is an answer.
    ///
    /// # Errors
    ///
    /// With `what`, when the time is over.
    pub fn wait_for<T>(
        &self,
        what: &str,
        limit: Duration,
        mut attempt: impl FnMut() -> Result<Option<T>, Failure>,
    ) -> Result<T, Failure> {
        let start = Instant::now();
        loop {
            if let Some(answer) = attempt()? {
                return Ok(answer);
            }
            if start.elapsed() > limit {
                return Err(Failure(format!("{what}: not within {limit:?}")));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Has the kernel look for corrected errors every second, and not every five minutes.
    ///
    /// # Errors
    ///
    /// Where the knob cannot be written.
    pub fn poll_banks_often(&self) -> Result<(), Failure> {
        let knob = Path::new("/sys/devices/system/machinecheck/machinecheck0/check_interval");
        Ok(fs::write(knob, "1\n")?)
    }
}
