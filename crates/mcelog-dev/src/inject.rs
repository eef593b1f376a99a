//! Injecting: what is to be raised and how, and the device's way of doing it.

use std::fmt;

use bitflags::bitflags;
use mcekit::wire::Mce;
use mcekit::{McgStatus, Present, Record, Status};

use crate::device::{Device, Lengths};
use crate::error::Error;
use crate::sys::Node;

/// What makes the kernel see an injected error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Raise {
    /// Nothing does: the record goes straight to the kernel's listeners. For decoders and readers of logs.
    Log,
    /// The poll for corrected errors finds it in its bank.
    Poll,
    /// A machine-check exception. What is fatal is fatal: the kernel panics, unless its `fake_panic` is set.
    Exception,
    /// AMD's interrupt for deferred errors.
    Deferred,
    /// AMD's interrupt for error thresholds.
    Threshold,
}

impl fmt::Display for Raise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Log => "a log entry",
            Self::Poll => "an error for the poll to find",
            Self::Exception => "a machine-check exception",
            Self::Deferred => "a deferred-error interrupt",
            Self::Threshold => "a threshold interrupt",
        })
    }
}

/// In which context of its CPU the error strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// In none: it is put into the CPU's banks and waits there for the broadcast of another CPU's error. The kernel
    /// calls this random: the other CPU finds this one wherever it is.
    #[doc(alias = "MCJ_CTX_RANDOM")]
    Held,
    /// In the writing process.
    #[doc(alias = "MCJ_CTX_PROCESS")]
    Process,
    /// In an interrupt.
    #[doc(alias = "MCJ_CTX_IRQ")]
    Irq,
}

/// How an error reaches the CPUs for which one is [held](Context::Held).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broadcast {
    /// By an interprocessor interrupt.
    #[doc(alias = "MCJ_IRQ_BROADCAST")]
    Irq,
    /// By a non-maskable interrupt.
    #[doc(alias = "MCJ_NMI_BROADCAST")]
    Nmi,
}

bitflags! {
    /// `inject_flags` of `struct mce` (`arch/x86/include/asm/mce.h`). No bit of 0 and 1 means [`Context::Held`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct InjectFlags: u8 {
        /// [`Context::Process`].
        const PROCESS = 0x01;
        /// [`Context::Irq`].
        const IRQ = 0x02;
        /// [`Broadcast::Nmi`].
        const NMI_BROADCAST = 0x04;
        /// [`Raise::Exception`].
        const EXCEPTION = 0x08;
        /// [`Broadcast::Irq`].
        const IRQ_BROADCAST = 0x10;
    }
}

/// A machine check to inject, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injection {
    record: Record,
    raise: Raise,
    context: Context,
    broadcast: Option<Broadcast>,
}

impl Injection {
    /// As the hardware would: an uncorrected error (`MCi_STATUS.UC`) by an exception, any other one for the poll to
    /// find; in the writing process, on the record's CPU alone.
    #[must_use]
    pub const fn new(record: Record) -> Self {
        let uncorrected = record.status().0 & Status::UC != 0;
        Self {
            record,
            raise: if uncorrected {
                Raise::Exception
            } else {
                Raise::Poll
            },
            context: Context::Process,
            broadcast: None,
        }
    }

    /// What a CPU without an error of its own has when another one's is broadcast: nothing valid in its banks, and
    /// the exception's marks in MCG_STATUS (MCIP and RIPV). Held until then.
    #[must_use]
    pub const fn bystander(cpu: u32) -> Self {
        let marks = McgStatus(McgStatus::MCIP | McgStatus::RIPV);
        let record = Record::new(0, Status(0))
            .with_cpu(cpu)
            .with_mcgstatus(marks);
        Self {
            record,
            raise: Raise::Exception,
            context: Context::Held,
            broadcast: None,
        }
    }

    /// Raised in this way.
    #[must_use]
    pub const fn with_raise(mut self, raise: Raise) -> Self {
        self.raise = raise;
        self
    }

    /// In this context.
    #[must_use]
    pub const fn with_context(mut self, context: Context) -> Self {
        self.context = context;
        self
    }

    /// Reaching the CPUs for which an error is held in this way.
    #[must_use]
    pub const fn with_broadcast(mut self, broadcast: Option<Broadcast>) -> Self {
        self.broadcast = broadcast;
        self
    }

    /// On this CPU.
    #[must_use]
    pub const fn with_cpu(mut self, cpu: u32) -> Self {
        self.record = self.record.with_cpu(cpu);
        self
    }

    /// The record.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// What makes the kernel see it.
    #[must_use]
    pub const fn raise(&self) -> Raise {
        self.raise
    }

    /// In which context.
    #[must_use]
    pub const fn context(&self) -> Context {
        self.context
    }

    /// How it reaches other CPUs.
    #[must_use]
    pub const fn broadcast(&self) -> Option<Broadcast> {
        self.broadcast
    }

    /// As the kernel's struct has it.
    #[must_use]
    pub fn flags(&self) -> InjectFlags {
        let mut flags = match self.context {
            Context::Held => InjectFlags::empty(),
            Context::Process => InjectFlags::PROCESS,
            Context::Irq => InjectFlags::IRQ,
        };
        flags.set(InjectFlags::EXCEPTION, self.raise == Raise::Exception);
        flags.set(
            InjectFlags::IRQ_BROADCAST,
            self.broadcast == Some(Broadcast::Irq),
        );
        flags.set(
            InjectFlags::NMI_BROADCAST,
            self.broadcast == Some(Broadcast::Nmi),
        );
        flags
    }

    /// Where it is to strike: CPU and bank.
    pub(crate) fn place(&self) -> Result<(u32, u8), Error> {
        let cpu = self.record.cpu().ok_or(Error::Incomplete { part: "cpu" })?;
        let bank = self
            .record
            .bank()
            .ok_or(Error::Incomplete { part: "bank" })?;
        Ok((cpu, bank))
    }

    /// Fails where a register of the error would get lost on the way. Registers that are zero may.
    pub(crate) fn fits(&self, injector: &'static str, carries: Present) -> Result<(), Error> {
        let record = &self.record;
        let mut lost = Present::empty();
        lost.set(
            Present::MCGSTATUS,
            record.mcgstatus().is_some_and(|r| r.0 != 0),
        );
        lost.set(Present::SYND, record.synd().is_some_and(|r| r.0 != 0));
        lost.set(Present::SYND1, record.synd1().is_some_and(|r| r.0 != 0));
        lost.set(Present::SYND2, record.synd2().is_some_and(|r| r.0 != 0));
        lost.set(Present::IPID, record.ipid().is_some_and(|r| r.0 != 0));
        lost -= carries;
        if lost.is_empty() {
            return Ok(());
        }
        let parts: Vec<&str> = lost.iter_names().map(|(name, _)| name).collect();
        Err(Error::CannotCarry {
            injector,
            parts: parts.join(", "),
        })
    }
}

/// Something that errors can be injected through.
///
/// What the kernel knows better than the record it fills in itself: time, time stamp counter, APIC id, socket,
/// vendor, CPUID, MCG_CAP, PPIN, microcode.
pub trait Injector {
    /// Whether it would go through, as far as that can be told without doing it.
    ///
    /// # Errors
    ///
    /// [`Error::Incomplete`], [`Error::StatusNotValid`], [`Error::CannotRaise`], [`Error::CannotCarry`],
    /// [`Error::NoBank`], [`Error::NoInjector`].
    fn check(&self, injection: &Injection) -> Result<(), Error>;

    /// Checks it, and injects it: at once, or when the error is broadcast for which it is [held](Context::Held).
    ///
    /// # Errors
    ///
    /// Those of [`Injector::check`] before anything was written; [`Error::CpuOffline`], [`Error::NotPermitted`],
    /// [`Error::Io`] from the kernel.
    fn inject(&mut self, injection: &Injection) -> Result<(), Error>;
}

const DEVICE_INJECTOR: &str = "a write to the mcelog device";

/// Bytes of the shortest struct that has `inject_flags` and `extcpu`.
const INJECTABLE: usize = 88;

impl Injection {
    /// Whether a device with records of these lengths could take it, wherever that device is.
    ///
    /// # Errors
    ///
    /// [`Error::Incomplete`], [`Error::StatusNotValid`], [`Error::CannotRaise`], [`Error::CannotCarry`].
    pub fn check_for_device(&self, lengths: Lengths) -> Result<(), Error> {
        self.place()?;
        let status = self.record.status();
        let waits = self.context == Context::Held && self.raise == Raise::Exception;
        let nothing = waits && status.0 == 0;
        if !status.val() && !nothing {
            return Err(Error::StatusNotValid { status: status.0 });
        }
        let can = matches!(self.raise, Raise::Poll | Raise::Exception);
        if !can || lengths.record() < INJECTABLE {
            return Err(Error::CannotRaise {
                injector: DEVICE_INJECTOR,
                raise: self.raise,
            });
        }
        self.fits(DEVICE_INJECTOR, Present::MCGSTATUS)
    }

    /// The struct that is written: the whole record as a kernel of these lengths knows it, for of a short one it
    /// would make up the rest.
    fn to_bytes(self, lengths: Lengths) -> Vec<u8> {
        let mce = Mce {
            inject_flags: self.flags().bits(),
            finished: 0,
            ..Mce::from(&self.record)
        };
        let mut bytes = mce.to_bytes().to_vec();
        bytes.resize(lengths.record(), 0);
        bytes
    }
}

/// A write to the device. The kernel keeps what is written in place of the CPU's bank registers, and raises the poll
/// or the exception in the writing thread: it must run on the record's CPU, and is made to, for as long as it takes
/// (8 milliseconds, two ticks). Open the device with [`OpenOptions::write`](crate::OpenOptions::write).
///
/// An exception on a machine whose exceptions are broadcast (Intel, mostly) has to be held for every other CPU too,
/// or the kernel waits for them and then panics: see [`Injection::bystander`].
impl<N: Node> Injector for Device<N> {
    fn check(&self, injection: &Injection) -> Result<(), Error> {
        injection.check_for_device(self.lengths())?;
        let (cpu, bank) = injection.place()?;
        let banks = self.node().banks(cpu);
        if banks.is_some_and(|n| u32::from(bank) >= n) {
            return Err(Error::NoBank { cpu, bank });
        }
        if self.node().injector() == Some(false) {
            return Err(Error::NoInjector);
        }
        Ok(())
    }

    fn inject(&mut self, injection: &Injection) -> Result<(), Error> {
        self.check(injection)?;
        let (cpu, _) = injection.place()?;
        let bytes = injection.to_bytes(self.lengths());
        let took = self
            .node()
            .write_on(cpu, &bytes)
            .map_err(|e| match e.raw_os_error() {
                Some(libc::EINVAL) => Error::CpuOffline { cpu },
                _ => Error::call("write", e),
            })?;
        if took != bytes.len() {
            return Err(Error::ShortWrite {
                took,
                want: bytes.len(),
            });
        }
        Ok(())
    }
}
