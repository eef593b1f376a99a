//! Scenario files: the text that the `mce-inject` program takes, machine checks to be injected one after another.
//!
//! ```text
//! # an uncorrected error in memory that the scrubber found, on every CPU at once
//! CPU 1 BANK 9
//! STATUS UC VAL EN ADDRV MISCV S 0xc0   ADDR 0x5000000 MISC 0x8c
//! MCGSTATUS RIPV MCIP
//! ```
//!
//! Words are case-insensitive, any number of them stands on a line, `#` starts a comment. Numbers are as in C: decimal,
//! octal after `0`, hexadecimal after `0x`. An entry starts with
//!
//! - `CPU n`, `CPU n bank`, or `MCE` (CPU 0), or
//! - the first line of a machine check in the kernel's log, `CPU n: Machine Check Exception: g Bank b: s`. Then the
//!   numbers of the entry are as the kernel prints them, hexadecimal without a mark, and the kernel's prefixes are skipped.
//!
//! and goes on with
//!
//! | word | takes |
//! |---|---|
//! | `STATUS` | numbers and `VAL OVER UC EN MISCV ADDRV PCC S AR`, `CORRECTED UNCORRECTED FATAL`, `UCNA SRAO SRAR`, put together |
//! | `MCGSTATUS` | numbers and `RIPV EIPV MCIP LMCE`, put together |
//! | `BANK` | the bank's number |
//! | `ADDR`, `MISC` | the register; its valid bit is set in the status |
//! | `SYND`, `IPID`, `PPIN`, `MCGCAP`, `TSC`, `TIME`, `APICID` or `APIC`, `SOCKETID` or `SOCKET`, `MICROCODE` | a number |
//! | `RIP` | `ip`, `cs:ip` or `cs:<ip> {symbol}`, all after `!INEXACT!` if one likes |
//! | `PROCESSOR` | `vendor:cpuid` |
//! | `POLL`, `EXCP` | how it is raised; by the status, if not said |
//! | `IN_PROC`, `IN_IRQ` | in which context |
//! | `NOBROADCAST` | an exception for this CPU alone |
//! | `IRQBROADCAST`, `NMIBROADCAST` | how the others get it |
//! | `HOLD` | held until the next entry without it |
//!
//! An entry without `STATUS` is an error: it would inject nothing. (Source: the format's description in mce-inject(8).)

mod lexer;
mod parser;

use crate::inject::{Context, Injection, Raise};

pub use parser::{Problem, Steps, SyntaxError};

/// One entry of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    injection: Injection,
    everywhere: bool,
    line: u32,
}

impl Step {
    /// What is to be injected.
    #[must_use]
    pub const fn injection(&self) -> &Injection {
        &self.injection
    }

    /// Whether every other CPU is to take part in the exception.
    #[must_use]
    pub const fn everywhere(&self) -> bool {
        self.everywhere
    }

    /// Whether it waits for the next entry that does not.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.injection.context() == Context::Held
    }

    /// The line on which the entry starts, from 1.
    #[must_use]
    pub const fn line(&self) -> u32 {
        self.line
    }
}

/// Reads a whole scenario.
///
/// ```
/// let steps = mcelog_dev::scenario::parse(b"CPU 0 BANK 2\nSTATUS corrected 0x90 ADDR 0x1000\n")?;
/// let record = steps[0].injection().record();
/// assert_eq!((record.bank(), record.addr().map(|a| a.0)), (Some(2), Some(0x1000)));
///
/// let wrong = mcelog_dev::scenario::parse(b"CPU 0\nSTATUS correctd").unwrap_err();
/// assert_eq!(wrong.to_string(), "line 2, column 8: unknown word correctd");
/// # Ok::<(), mcelog_dev::scenario::SyntaxError>(())
/// ```
///
/// # Errors
///
/// The first error, with its line and column.
pub fn parse(text: &[u8]) -> Result<Vec<Step>, SyntaxError> {
    Steps::new(text).collect()
}

/// Turns the steps of a scenario into injections, in the order in which they are to be made: before an exception for
/// every CPU, one is held for each that has no entry of its own held.
#[derive(Clone, Debug, Default)]
pub struct Player {
    held: Vec<u32>,
}

impl Player {
    /// A player that holds nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The injections that a step comes to, on a machine with these CPUs.
    pub fn play(&mut self, step: &Step, cpus: &[u32]) -> Vec<Injection> {
        let target = step.injection.record().cpu();
        if step.is_held() {
            self.held.extend(target);
            return vec![step.injection];
        }
        let held = std::mem::take(&mut self.held);
        let mut injections = Vec::new();
        if step.everywhere && step.injection.raise() == Raise::Exception {
            let others = cpus
                .iter()
                .filter(|cpu| Some(**cpu) != target && !held.contains(cpu));
            injections.extend(others.map(|cpu| Injection::bystander(*cpu)));
        }
        injections.push(step.injection);
        injections
    }
}

#[cfg(test)]
mod tests;
