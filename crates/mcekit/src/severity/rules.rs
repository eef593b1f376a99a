//! The kernel's list for Intel and those that follow it (`severities`), as data in its order.

use super::{Context, Severity};
use crate::regs::{McgStatus, Status};

/// One of the kernel's rules: two masked comparisons, of MCi_STATUS and of the circumstances.
pub(super) struct Rule {
    pub(super) severity: Severity,
    pub(super) message: &'static str,
    /// MCi_STATUS under the mask has this value.
    pub(super) status: (u64, u64),
    /// The circumstances under the mask have this value: MCG_STATUS in the low half, the bits below above it.
    pub(super) around: (u64, u64),
}

/// The processor has software error recovery.
pub(super) const SER: u64 = 1 << 32;
/// An exception is being handled.
pub(super) const EXCEPTION: u64 = 1 << 33;
/// The record is of a memory controller bank of the processors that the patrol scrub rule names.
pub(super) const SKYLAKE_SCRUB: u64 = 1 << 34;
/// Where the context stands, as a number.
pub(super) const CONTEXT: u64 = 3 << 36;

pub(super) const fn context_bits(context: Context) -> u64 {
    (context as u64) << 36
}

impl Rule {
    const fn new(severity: Severity, message: &'static str, status: (u64, u64)) -> Self {
        Self {
            severity,
            message,
            status,
            around: (0, 0),
        }
    }

    pub(super) const fn matches(&self, status: u64, around: u64) -> bool {
        status & self.status.0 == self.status.1 && around & self.around.0 == self.around.1
    }

    const fn around(mut self, mask: u64, value: u64) -> Self {
        self.around = (self.around.0 | mask, self.around.1 | value);
        self
    }

    const fn mcg(self, mask: u64, value: u64) -> Self {
        self.around(mask, value)
    }

    const fn exception(self) -> Self {
        self.around(EXCEPTION, EXCEPTION)
    }

    const fn context(self, context: Context) -> Self {
        self.around(CONTEXT, context_bits(context))
    }

    const fn ser(self) -> Self {
        self.around(SER, SER)
    }

    const fn without_ser(self) -> Self {
        self.around(SER, 0)
    }

    const fn skylake_scrub(self) -> Self {
        self.around(SKYLAKE_SCRUB, SKYLAKE_SCRUB)
    }
}

pub(super) const UC: u64 = Status::UC;
pub(super) const OVER: u64 = Status::OVER;
pub(super) const UC_AR: u64 = Status::UC | Status::AR;
pub(super) const UC_S_AR: u64 = Status::UC | Status::S | Status::AR;
pub(super) const ADDR: u64 = Status::ADDRV | Status::MISCV;
/// The error code without the filter bit.
pub(super) const MCACOD: u64 = 0xefff;
/// Memory scrubbing on any channel.
pub(super) const SCRUB: (u64, u64) = (0xeff0, 0x00c0);
/// Write-back of the last level cache.
pub(super) const L3_WRITEBACK: u64 = 0x017a;
pub(super) const DATA_LOAD: u64 = 0x0134;
pub(super) const INSTRUCTION_FETCH: u64 = 0x0150;
pub(super) const RIPV: u64 = McgStatus::RIPV;
pub(super) const SEAM_NR: u64 = McgStatus::SEAM_NR;
pub(super) const RIPV_EIPV: u64 = McgStatus::RIPV | McgStatus::EIPV;

/// The list, in the kernel's order.
pub(super) static RULES: [Rule; 28] = [
    Rule::new(Severity::No, "Invalid", (Status::VAL, 0)),
    Rule::new(Severity::No, "Not enabled", (Status::EN, 0)).exception(),
    Rule::new(
        Severity::Panic,
        "Processor context corrupt",
        (Status::PCC, Status::PCC),
    ),
    Rule::new(Severity::Panic, "MCIP not set in MCA handler", (0, 0))
        .exception()
        .mcg(McgStatus::MCIP, 0),
    Rule::new(Severity::Panic, "Neither restart nor error IP", (0, 0))
        .exception()
        .mcg(RIPV_EIPV, 0),
    Rule::new(Severity::Panic, "In kernel and no restart IP", (0, 0))
        .exception()
        .mcg(RIPV, 0)
        .context(Context::Kernel),
    Rule::new(Severity::Panic, "In kernel and no restart IP", (0, 0))
        .exception()
        .mcg(RIPV, 0)
        .context(Context::KernelRecoverable),
    Rule::new(Severity::Keep, "Corrected error", (UC, 0)).without_ser(),
    Rule::new(
        Severity::ActionOptional,
        "Action optional: memory scrubbing error",
        (UC_AR | SCRUB.0, UC | SCRUB.1),
    )
    .ser(),
    Rule::new(
        Severity::ActionOptional,
        "Action optional: last level cache writeback error",
        (UC_AR | MCACOD, UC | L3_WRITEBACK),
    )
    .ser(),
    // The patrol scrubber of these processors may report what it could not correct as corrected, with MSCOD 0x0010.
    Rule::new(
        Severity::ActionOptional,
        "Uncorrected Patrol Scrub Error",
        (UC | ADDR | 0xffff_eff0, ADDR | 0x0010_00c0),
    )
    .ser()
    .skylake_scrub(),
    Rule::new(
        Severity::Deferred,
        "Uncorrected no action required",
        (UC_S_AR, UC),
    )
    .ser(),
    Rule::new(
        Severity::Panic,
        "Illegal combination (UCNA with AR=1)",
        (OVER | UC_S_AR, UC_AR),
    )
    .ser(),
    Rule::new(Severity::Keep, "Non signaled machine check", (Status::S, 0)).ser(),
    Rule::new(
        Severity::Panic,
        "Action required with lost events",
        (OVER | UC_S_AR, OVER | UC_S_AR),
    )
    .ser(),
    Rule::new(
        Severity::Keep,
        "Action required but unaffected thread is continuable",
        (OVER | UC_S_AR | ADDR, UC_S_AR | ADDR),
    )
    .ser()
    .mcg(RIPV_EIPV, RIPV),
    Rule::new(
        Severity::ActionRequired,
        "Action required: data load in error recoverable area of kernel",
        (OVER | UC_S_AR | ADDR | MCACOD, UC_S_AR | ADDR | DATA_LOAD),
    )
    .ser()
    .context(Context::KernelRecoverable),
    Rule::new(
        Severity::ActionRequired,
        "Action required: data load error in a user process",
        (OVER | UC_S_AR | ADDR | MCACOD, UC_S_AR | ADDR | DATA_LOAD),
    )
    .ser()
    .context(Context::User),
    Rule::new(
        Severity::ActionRequired,
        "Action required: instruction fetch error in a user process",
        (
            OVER | UC_S_AR | ADDR | MCACOD,
            UC_S_AR | ADDR | INSTRUCTION_FETCH,
        ),
    )
    .ser()
    .context(Context::User),
    // A guest under TDX broke off: its memory is lost, and the kernel's is not.
    Rule::new(
        Severity::ActionRequired,
        "Data load error in SEAM non-root mode",
        (OVER | UC_S_AR | ADDR | MCACOD, UC_S_AR | ADDR | DATA_LOAD),
    )
    .ser()
    .mcg(SEAM_NR, SEAM_NR)
    .context(Context::Kernel),
    Rule::new(
        Severity::ActionRequired,
        "Instruction fetch error in SEAM non-root mode",
        (
            OVER | UC_S_AR | ADDR | MCACOD,
            UC_S_AR | ADDR | INSTRUCTION_FETCH,
        ),
    )
    .ser()
    .mcg(SEAM_NR, SEAM_NR)
    .context(Context::Kernel),
    Rule::new(
        Severity::Panic,
        "Data load in unrecoverable area of kernel",
        (OVER | UC_S_AR | ADDR | MCACOD, UC_S_AR | ADDR | DATA_LOAD),
    )
    .ser()
    .context(Context::Kernel),
    Rule::new(
        Severity::Panic,
        "Instruction fetch error in kernel",
        (
            OVER | UC_S_AR | ADDR | MCACOD,
            UC_S_AR | ADDR | INSTRUCTION_FETCH,
        ),
    )
    .ser()
    .context(Context::Kernel),
    Rule::new(
        Severity::Panic,
        "Action required: unknown MCACOD",
        (OVER | UC_S_AR, UC_S_AR),
    )
    .ser(),
    Rule::new(
        Severity::Some,
        "Action optional: unknown MCACOD",
        (OVER | UC_S_AR, UC | Status::S),
    )
    .ser(),
    Rule::new(
        Severity::Some,
        "Action optional with lost events",
        (OVER | UC_S_AR, OVER | UC | Status::S),
    )
    .ser(),
    Rule::new(
        Severity::Panic,
        "Overflowed uncorrected",
        (OVER | UC, OVER | UC),
    ),
    Rule::new(Severity::Uncorrected, "Uncorrected", (UC, UC)),
];

/// What is left when no rule matches.
pub(super) static NO_MATCH: Rule = Rule::new(Severity::Some, "No match", (0, 0));

/// The bits of MCi_STATUS and of the circumstances that decide most rules.
pub(super) const STATUS_KEY: u64 = UC_S_AR;
pub(super) const AROUND_KEY: u64 = SER | EXCEPTION;

/// Those bits as one number.
pub(super) const fn key(status: u64, around: u64) -> usize {
    let status = status >> 61 & 1 | status >> 55 & 2 | status >> 53 & 4;
    (status | (around >> 32 & 3) << 3) as usize
}

/// For each key the rules that can match there, in the kernel's order; behind them the number of rules.
pub(super) static CANDIDATES: [[u8; RULES.len() + 1]; 32] = {
    let mut lists = [[RULES.len() as u8; RULES.len() + 1]; 32];
    let mut n = 0;
    while n < 32 {
        let status = (n & 1) << 61 | (n & 2) << 55 | (n & 4) << 53;
        let around = (n >> 3) << 32;
        assert!(key(status, around) == n as usize, "a key and back");
        let (mut rule, mut at) = (0, 0);
        while rule < RULES.len() {
            let Rule {
                status: (status_mask, status_value),
                around: (around_mask, around_value),
                ..
            } = RULES[rule];
            if (status_value ^ status) & status_mask & STATUS_KEY == 0
                && (around_value ^ around) & around_mask & AROUND_KEY == 0
            {
                lists[n as usize][at] = rule as u8;
                at += 1;
            }
            rule += 1;
        }
        n += 1;
    }
    lists
};

/// The first rule that matches.
pub(super) fn first_match(status: u64, around: u64) -> &'static Rule {
    for &rule in &CANDIDATES[key(status, around)] {
        match RULES.get(usize::from(rule)) {
            Some(rule) if rule.matches(status, around) => return rule,
            Some(_) => {}
            None => break,
        }
    }
    &NO_MATCH
}
