//! How bad a machine check is, by the kernel's rules, and what to do about it.
//!
//! The kernel grades every machine check (arch/x86/kernel/cpu/mce/severity.c): on Intel and those that follow it by a
//! list of rules of which the first that matches wins, on AMD by a few questions. The same rules stand here as
//! data, in the same order, as of Linux 7.3; rules are named by the kernel's messages, so that what we say can be
//! compared with what it printed. One name is that of older kernels: newer ones say "Uncorrected in kernel" for "Uncorrected" where
//! it is met there.

mod rules;

use core::fmt;

use crate::record::Record;
use crate::regs::{CpuSignature, McgStatus, Vendor};
use rules::{EXCEPTION, SER, SKYLAKE_SCRUB, context_bits, first_match};

/// The kernel's grades, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing to report.
    No,
    /// AMD deferred, Intel UCNA: uncorrected, not consumed; no action is required now.
    Deferred,
    /// Keep it in the log; hardware corrected it.
    Keep,
    /// Something that software does not know how to act on.
    Some,
    /// Action optional: software may take the memory out of use.
    ActionOptional,
    /// Uncorrected, without recovery.
    Uncorrected,
    /// Action required: the interrupted program cannot go on as it is.
    ActionRequired,
    /// The system cannot go on.
    Panic,
}

impl Severity {
    /// The kernel's short name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::No => "NO",
            Self::Deferred => "DEFERRED/UCNA",
            Self::Keep => "KEEP",
            Self::Some => "SOME",
            Self::ActionOptional => "AO",
            Self::Uncorrected => "UC",
            Self::ActionRequired => "AR",
            Self::Panic => "PANIC",
        }
    }

    /// The grade in one word, as JSON and tables carry it.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::No => "none",
            Self::Deferred => "deferred",
            Self::Keep => "corrected",
            Self::Some => "unclear",
            Self::ActionOptional => "action-optional",
            Self::Uncorrected => "uncorrected",
            Self::ActionRequired => "action-required",
            Self::Panic => "fatal",
        }
    }

    /// What it means for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::No => "not an error",
            Self::Deferred => "uncorrected, not consumed yet",
            Self::Keep => "corrected",
            Self::Some => "unclear",
            Self::ActionOptional => "uncorrected, action optional",
            Self::Uncorrected => "uncorrected",
            Self::ActionRequired => "uncorrected, action required",
            Self::Panic => "fatal",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// How the error was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// By polling, or by the corrected-error interrupt.
    Poll,
    /// By an exception that interrupted a user program.
    User,
    /// By an exception that interrupted the kernel.
    Kernel,
    /// By an exception in a part of the kernel that can recover (copying from user memory).
    KernelRecoverable,
}

impl Context {
    /// Every context, in the order in which the kernel's sources have them.
    pub const ALL: [Self; 4] = [
        Self::Poll,
        Self::User,
        Self::Kernel,
        Self::KernelRecoverable,
    ];

    /// The context as JSON carries it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::User => "mc_user",
            Self::Kernel => "mc_kernel",
            Self::KernelRecoverable => "mc_kernel_recov",
        }
    }

    /// The context that a record's own registers suggest: an exception while MCIP is set, in the program that
    /// the code segment names; polled otherwise.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        match record.mcgstatus() {
            Some(mcg) if mcg.mcip() => match record.cs() {
                Some(cs) if cs & 3 == 3 => Self::User,
                _ => Self::Kernel,
            },
            _ => Self::Poll,
        }
    }

    /// What the kernel makes of the context (`error_context`): it can recover only if it can return.
    fn effective(self, mcg: McgStatus) -> Self {
        let can_return = mcg.ripv() && mcg.eipv();
        match self {
            Self::KernelRecoverable if !can_return => Self::Kernel,
            // Polling reads the banks without the registers of any program.
            Self::Poll => Self::Kernel,
            context => context,
        }
    }
}

/// What the processor can do about errors, which changes the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Capabilities {
    /// Intel: software error recovery (MCG_CAP.SER_P).
    pub ser: bool,
    /// AMD: an overflow does not lose uncorrected errors (CPUID 8000_0007 EBX bit 0).
    pub overflow_recov: bool,
    /// AMD: uncorrected errors are contained (CPUID 8000_0007 EBX bit 1, SUCCOR).
    pub succor: bool,
}

impl Capabilities {
    /// What a record says or suggests: MCG_CAP where it is there, else what the processors of the family have.
    ///
    /// Intel family 6 has software error recovery from model 0x2e on (Nehalem-EX), later families all. AMD has
    /// both recoveries with scalable MCA.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let smca = record.is_smca();
        let ser = match (record.mcgcap(), record.cpuid()) {
            (Some(cap), _) => cap.ser_p(),
            (None, Some(cpuid)) => {
                cpuid.family() > 15 || cpuid.family() == 6 && cpuid.model() >= 0x2e
            }
            (None, None) => true,
        };
        Self {
            ser: ser && !record.is_amd_like(),
            overflow_recov: smca,
            succor: smca,
        }
    }
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Count; act when it repeats.
    Watch,
    /// Take the page out of use; replace the part if it repeats.
    Isolate,
    /// The program that used the data has to end; take the page out of use.
    EndProgram,
    /// The system has to stop; replace the part before it runs again.
    Stop,
}

impl Action {
    /// The action as JSON carries it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Watch => "watch",
            Self::Isolate => "isolate",
            Self::EndProgram => "end-program",
            Self::Stop => "stop",
        }
    }

    /// The action in a sentence.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Nothing => "nothing to do",
            Self::Watch => "corrected by hardware; count it, and replace the part if it repeats",
            Self::Isolate => "take the affected memory out of use; replace the part if it repeats",
            Self::EndProgram => {
                "the interrupted program cannot go on; take the affected memory out of use and plan to replace the part"
            }
            Self::Stop => {
                "the system cannot go on; find and replace the failed part before it carries load again"
            }
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A grade, with the rule that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grade {
    /// The grade.
    pub severity: Severity,
    /// The rule that matched.
    pub rule: &'static str,
    /// What the kernel would print about the rule; it has no message for AMD's milder ones.
    pub message: Option<&'static str>,
}

impl Grade {
    /// The grade of a record in a context, with the capabilities that the record suggests.
    #[must_use]
    pub fn of(record: &Record, context: Context) -> Self {
        Self::with_capabilities(record, context, Capabilities::of(record))
    }

    /// The grade of a record in each context, in the order of [`Context::ALL`]: for little more than one of them costs.
    #[must_use]
    pub fn in_each_context(record: &Record) -> [Self; Context::ALL.len()] {
        let capabilities = Capabilities::of(record);
        if record.is_amd_like() {
            return Context::ALL.map(|context| amd(record, context, capabilities));
        }
        let asked = Asked::of(record, capabilities);
        Context::ALL.map(|context| asked.grade(context))
    }

    /// The grade of a record in a context, on a processor with these capabilities.
    #[must_use]
    pub fn with_capabilities(
        record: &Record,
        context: Context,
        capabilities: Capabilities,
    ) -> Self {
        if record.is_amd_like() {
            amd(record, context, capabilities)
        } else {
            Asked::of(record, capabilities).grade(context)
        }
    }

    /// What to do.
    #[must_use]
    pub const fn action(&self) -> Action {
        match self.severity {
            Severity::No => Action::Nothing,
            Severity::Keep | Severity::Some => Action::Watch,
            Severity::Deferred | Severity::ActionOptional => Action::Isolate,
            Severity::Uncorrected | Severity::ActionRequired => Action::EndProgram,
            Severity::Panic => Action::Stop,
        }
    }
}

/// What the kernel's AMD decoder prints first about a record (`decode_error_status`).
#[must_use]
pub fn amd_status_text(record: &Record) -> &'static str {
    let status = record.status();
    let restartable = record.mcgstatus().is_some_and(McgStatus::ripv);
    match (status.uc(), status.pcc(), restartable) {
        (true, true, _) => "System Fatal error.",
        (true, false, true) => "Uncorrected, software restartable error.",
        (true, false, false) => "Uncorrected, software containable error.",
        (false, ..) if status.deferred() => "Deferred error, no action required.",
        (false, ..) => "Corrected error, no action required.",
    }
}

/// The questions that the kernel asks about an AMD machine check (`mce_severity_amd`).
fn amd(record: &Record, context: Context, capabilities: Capabilities) -> Grade {
    let status = record.status();
    let kernel = context.effective(record.mcgstatus().unwrap_or_default()) == Context::Kernel;
    let grade = |severity, rule| Grade {
        severity,
        rule,
        message: None,
    };
    let panic = |rule| Grade {
        severity: Severity::Panic,
        rule,
        message: Some(rule),
    };
    if status.pcc() {
        panic("Processor Context Corrupt")
    } else if status.deferred() {
        grade(Severity::Deferred, "deferred error")
    } else if !status.uc() {
        grade(Severity::Keep, "corrected error")
    } else if status.over() && !capabilities.overflow_recov {
        panic("Overflowed uncorrected error without MCA Overflow Recovery")
    } else if !capabilities.succor {
        panic("Uncorrected error without MCA Recovery")
    } else if kernel {
        panic("Uncorrected unrecoverable error in kernel context")
    } else {
        grade(
            Severity::ActionRequired,
            "uncorrected error outside of the kernel",
        )
    }
}

/// Family 6 model of Skylake-SP, Cascade Lake and Cooper Lake.
const SKYLAKE_X: u8 = 0x55;

/// Whether the kernel's rule for uncorrected patrol scrubs of Skylake-SP and its successors asks about this record.
fn skylake_scrub(record: &Record) -> bool {
    let skylake = |cpuid: CpuSignature| cpuid.model() == SKYLAKE_X && cpuid.stepping() >= 4;
    matches!(record.bank(), Some(13..=18))
        && record.cpuid().is_some_and(skylake)
        && record.vendor().is_none_or(|vendor| vendor == Vendor::INTEL)
}

/// What the kernel's list (`mce_severity_intel`) asks about a record, whatever the context.
struct Asked {
    status: u64,
    mcg: McgStatus,
    /// The circumstances without the context.
    around: u64,
}

impl Asked {
    fn of(record: &Record, capabilities: Capabilities) -> Self {
        let mcg = record.mcgstatus().unwrap_or_default();
        let mut around = mcg.0 & 0xffff_ffff;
        if capabilities.ser {
            around |= SER;
        }
        if skylake_scrub(record) {
            around |= SKYLAKE_SCRUB;
        }
        Self {
            status: record.status().0,
            mcg,
            around,
        }
    }

    /// By the first rule that matches; what has none of its own and is uncorrected in the kernel is fatal.
    fn grade(&self, context: Context) -> Grade {
        let effective = context.effective(self.mcg);
        let mut around = self.around | context_bits(effective);
        if context != Context::Poll {
            around |= EXCEPTION;
        }
        let rule = first_match(self.status, around);
        let fatal = rule.severity == Severity::Uncorrected && effective == Context::Kernel;
        Grade {
            severity: if fatal {
                Severity::Panic
            } else {
                rule.severity
            },
            rule: rule.message,
            message: Some(rule.message),
        }
    }
}

#[cfg(test)]
mod tests;
