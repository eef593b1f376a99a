//! The grammar of a scenario.

use std::fmt;

use mcekit::{
    Addr, CpuSignature, Ipid, McgCap, McgStatus, Misc, Ppin, Record, Status, Synd, Vendor,
};

use super::Step;
use super::lexer::{Kind, Lexer, Place, Token};
use crate::inject::{Broadcast, Context, Injection, Raise};

/// Where a scenario is wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in bytes.
    pub column: u32,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A byte that no scenario has.
    Character(u8),
    /// A word that means nothing here.
    UnknownWord(String),
    /// Something else stands where this is needed.
    Expected(&'static str),
    /// Not a number, or not of this radix.
    BadNumber(String),
    /// A number that is too large for what it is.
    TooLarge {
        /// The number.
        number: u64,
        /// What it is for.
        what: &'static str,
    },
    /// A bracket or mark that is not closed on its line.
    Unclosed(u8),
    /// An entry without `STATUS`; the place is the entry's start.
    NoStatus,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(byte) => write!(f, "unexpected '{}'", byte.escape_ascii()),
            Self::UnknownWord(word) => write!(f, "unknown word {word}"),
            Self::Expected(what) => write!(f, "expected {what}"),
            Self::BadNumber(text) => write!(f, "{text} is not a number"),
            Self::TooLarge { number, what } => write!(f, "{number} is too large for {what}"),
            Self::Unclosed(byte) => write!(f, "'{}' is not closed", byte.escape_ascii()),
            Self::NoStatus => f.write_str("an entry without STATUS"),
        }
    }
}

/// As much of a word as a message holds.
fn shown(word: &str) -> String {
    word.chars().take(40).collect()
}

fn at(place: Place, problem: Problem) -> SyntaxError {
    SyntaxError {
        line: place.line,
        column: place.column,
        problem,
    }
}

/// How the numbers of an entry are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    /// As in C.
    C,
    /// Hexadecimal without a mark, as the kernel's log has its registers.
    Hex,
}

fn number(text: &str, notation: Notation) -> Option<u64> {
    let marked = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match (marked, notation) {
        (Some(digits), _) => (digits, 16),
        (None, Notation::Hex) => (text, 16),
        (None, Notation::C) if text.len() > 1 && text.starts_with('0') => (text, 8),
        (None, Notation::C) => (text, 10),
    };
    u64::from_str_radix(digits, radix).ok()
}

/// Bits of `MCi_STATUS` by their words. UCNA, SRAO and SRAR are the classes of uncorrected errors that software can
/// live with (SDM vol. 3B "UCR error classification").
const STATUS: &[(&str, u64)] = &[
    ("VAL", Status::VAL),
    ("OVER", Status::OVER),
    ("UC", Status::UC),
    ("EN", Status::EN),
    ("MISCV", Status::MISCV),
    ("ADDRV", Status::ADDRV),
    ("PCC", Status::PCC),
    ("S", Status::S),
    ("AR", Status::AR),
    ("CORRECTED", Status::VAL | Status::EN),
    ("UNCORRECTED", Status::VAL | Status::UC | Status::EN),
    ("FATAL", Status::VAL | Status::UC | Status::EN | Status::PCC),
    ("UCNA", 0),
    ("SRAO", Status::S),
    ("SRAR", Status::S | Status::AR),
];

const MCGSTATUS: &[(&str, u64)] = &[
    ("RIPV", McgStatus::RIPV),
    ("EIPV", McgStatus::EIPV),
    ("MCIP", McgStatus::MCIP),
    ("LMCE", McgStatus::LMCE),
];

fn find(words: &[(&str, u64)], word: &str) -> Option<u64> {
    words
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word))
        .map(|(_, value)| *value)
}

/// The steps of a scenario, one after another. After an error nothing more.
#[derive(Clone, Debug)]
pub struct Steps<'a> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    failed: bool,
}

impl<'a> Steps<'a> {
    /// Of this text. Nothing is read yet.
    #[must_use]
    pub fn new(text: &'a [u8]) -> Self {
        let mut lexer = Lexer::new(text);
        let token = lexer.next();
        Self {
            lexer,
            token,
            failed: false,
        }
    }

    fn advance(&mut self) {
        self.token = self.lexer.next();
    }

    /// The error of a token that stands where `what` is needed.
    fn expected(&self, what: &'static str) -> SyntaxError {
        let problem = match self.token.kind {
            Kind::Other(byte) => Problem::Character(byte),
            Kind::Open(byte) => Problem::Unclosed(byte),
            _ => Problem::Expected(what),
        };
        at(self.token.place, problem)
    }

    /// Takes this word, if it is the next one.
    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.token.kind, Kind::Word(w) if w.eq_ignore_ascii_case(word));
        if found {
            self.advance();
        }
        found
    }

    fn needed(&mut self, word: &'static str) -> Result<(), SyntaxError> {
        if self.word(word) {
            Ok(())
        } else {
            Err(self.expected(word))
        }
    }

    /// Takes this mark, if it is the next one.
    fn mark(&mut self, mark: u8) -> bool {
        let found = self.token.kind == Kind::Mark(mark);
        if found {
            self.advance();
        }
        found
    }

    fn colon(&mut self) -> Result<(), SyntaxError> {
        if self.mark(b':') {
            Ok(())
        } else {
            Err(self.expected("':'"))
        }
    }

    fn number(&mut self, notation: Notation) -> Result<u64, SyntaxError> {
        let Kind::Word(text) = self.token.kind else {
            return Err(self.expected("a number"));
        };
        let number = number(text, notation)
            .ok_or_else(|| at(self.token.place, Problem::BadNumber(shown(text))))?;
        self.advance();
        Ok(number)
    }

    fn small<T: TryFrom<u64>>(
        &mut self,
        notation: Notation,
        what: &'static str,
    ) -> Result<T, SyntaxError> {
        let place = self.token.place;
        let number = self.number(notation)?;
        T::try_from(number).map_err(|_| at(place, Problem::TooLarge { number, what }))
    }

    /// Numbers and words, put together; at least one.
    fn bits(&mut self, words: &[(&str, u64)], notation: Notation) -> Result<u64, SyntaxError> {
        let mut bits = None;
        while let Kind::Word(text) = self.token.kind {
            let value = match find(words, text) {
                Some(value) => value,
                // A register of the kernel's log stands alone, and may start with a letter.
                None if text.starts_with(|c: char| c.is_ascii_digit())
                    || (bits.is_none() && notation == Notation::Hex) =>
                {
                    self.number(notation)?;
                    bits = Some(bits.unwrap_or(0) | number(text, notation).unwrap_or(0));
                    continue;
                }
                None if bits.is_none() => {
                    return Err(at(self.token.place, Problem::UnknownWord(shown(text))));
                }
                None => break,
            };
            bits = Some(bits.unwrap_or(0) | value);
            self.advance();
        }
        bits.ok_or_else(|| self.expected("a number or the name of a bit"))
    }

    fn step(&mut self) -> Result<Step, SyntaxError> {
        let place = self.token.place;
        let mut entry = Entry::default();
        if !self.word("MCE") {
            if !self.word("CPU") {
                return Err(self.expected("CPU or MCE"));
            }
            self.start(&mut entry)?;
        }
        while let Kind::Word(word) = self.token.kind {
            if word.eq_ignore_ascii_case("CPU") || word.eq_ignore_ascii_case("MCE") {
                break;
            }
            self.term(&mut entry)?;
        }
        match self.token.kind {
            Kind::Word(_) | Kind::End => {}
            _ => return Err(self.expected("a word")),
        }
        entry.finish(place)
    }

    /// What follows `CPU`.
    fn start(&mut self, entry: &mut Entry) -> Result<(), SyntaxError> {
        entry.cpu = self.small(Notation::C, "a cpu")?;
        if self.mark(b':') {
            entry.notation = Notation::Hex;
            self.needed("MACHINE")?;
            self.needed("CHECK")?;
            // The poll's records say nothing, or "Event".
            let _ = self.word("EXCEPTION") || self.word("EVENT");
            self.colon()?;
            entry.mcgstatus = Some(self.number(Notation::Hex)?);
            self.needed("BANK")?;
            entry.bank = self.small(Notation::C, "a bank")?;
            self.colon()?;
            entry.status = Some(self.number(Notation::Hex)?);
        } else if matches!(self.token.kind, Kind::Word(w) if w.starts_with(|c: char| c.is_ascii_digit()))
        {
            entry.bank = self.small(Notation::C, "a bank")?;
        }
        Ok(())
    }

    /// One word of an entry, and what belongs to it.
    fn term(&mut self, entry: &mut Entry) -> Result<(), SyntaxError> {
        let Kind::Word(word) = self.token.kind else {
            return Err(self.expected("a word"));
        };
        let place = self.token.place;
        self.advance();
        let n = entry.notation;
        let record = entry.record;
        // The kernel prints its registers in hexadecimal, and what it counts in decimal.
        match word.to_ascii_uppercase().as_str() {
            "STATUS" => entry.status = Some(self.bits(STATUS, n)?),
            "MCGSTATUS" => entry.mcgstatus = Some(self.bits(MCGSTATUS, n)?),
            "BANK" => entry.bank = self.small(Notation::C, "a bank")?,
            "ADDR" => entry.record = record.with_addr(Addr(self.number(n)?)),
            "MISC" => entry.record = record.with_misc(Misc(self.number(n)?)),
            "SYND" => entry.record = record.with_synd(Synd(self.number(n)?)),
            "IPID" => entry.record = record.with_ipid(Ipid(self.number(n)?)),
            "PPIN" => entry.record = record.with_ppin(Ppin(self.number(n)?)),
            "MCGCAP" => entry.record = record.with_mcgcap(McgCap(self.number(n)?)),
            "TSC" => entry.record = record.with_tsc(self.number(n)?),
            "TIME" => entry.record = record.with_time(self.number(Notation::C)?),
            "APICID" | "APIC" => entry.record = record.with_apicid(self.small(n, "an APIC id")?),
            "SOCKETID" | "SOCKET" => {
                entry.record = record.with_socket(self.small(Notation::C, "a socket")?);
            }
            "MICROCODE" => entry.record = record.with_microcode(self.small(n, "a revision")?),
            "PROCESSOR" => {
                let vendor = Vendor(self.small(Notation::C, "a vendor")?);
                self.colon()?;
                let signature = CpuSignature(self.small(n, "CPUID")?);
                entry.record = record.with_vendor(vendor).with_cpuid(signature);
            }
            "RIP" => self.rip(entry)?,
            "POLL" => entry.raise = Some(Raise::Poll),
            "EXCP" => entry.raise = Some(Raise::Exception),
            "IN_PROC" => entry.context = Context::Process,
            "IN_IRQ" => entry.context = Context::Irq,
            "HOLD" => entry.hold = true,
            "NOBROADCAST" => entry.alone = true,
            "IRQBROADCAST" => entry.broadcast = Some(Broadcast::Irq),
            "NMIBROADCAST" => entry.broadcast = Some(Broadcast::Nmi),
            _ => return Err(at(place, Problem::UnknownWord(shown(word)))),
        }
        Ok(())
    }

    /// What follows `RIP`.
    fn rip(&mut self, entry: &mut Entry) -> Result<(), SyntaxError> {
        if self.token.kind == Kind::Inexact {
            self.advance();
        }
        let place = self.token.place;
        let first = self.number(entry.notation)?;
        if !self.mark(b':') {
            entry.record = entry.record.with_ip(first);
            return Ok(());
        }
        let cs = u8::try_from(first).map_err(|_| {
            at(
                place,
                Problem::TooLarge {
                    number: first,
                    what: "a segment",
                },
            )
        })?;
        let ip = if self.mark(b'<') {
            // Between the brackets an address is hexadecimal in every log.
            let ip = self.number(Notation::Hex)?;
            if !self.mark(b'>') {
                return Err(self.expected("'>'"));
            }
            ip
        } else {
            self.number(entry.notation)?
        };
        if self.token.kind == Kind::Symbol {
            self.advance();
        }
        entry.record = entry.record.with_cs(cs).with_ip(ip);
        Ok(())
    }
}

impl Iterator for Steps<'_> {
    type Item = Result<Step, SyntaxError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.token.kind == Kind::End {
            return None;
        }
        let step = self.step();
        self.failed = step.is_err();
        Some(step)
    }
}

/// An entry, as far as it is read.
struct Entry {
    notation: Notation,
    cpu: u32,
    bank: u8,
    status: Option<u64>,
    mcgstatus: Option<u64>,
    record: Record,
    raise: Option<Raise>,
    context: Context,
    broadcast: Option<Broadcast>,
    hold: bool,
    alone: bool,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            notation: Notation::C,
            cpu: 0,
            bank: 0,
            status: None,
            mcgstatus: None,
            record: Record::empty(),
            raise: None,
            context: Context::Process,
            broadcast: None,
            hold: false,
            alone: false,
        }
    }
}

impl Entry {
    fn finish(self, place: Place) -> Result<Step, SyntaxError> {
        let mut status = self.status.ok_or_else(|| at(place, Problem::NoStatus))?;
        if self.record.addr().is_some() {
            status |= Status::ADDRV;
        }
        if self.record.misc().is_some() {
            status |= Status::MISCV;
        }
        let mut record = self.record.with_cpu(self.cpu).with_bank(self.bank);
        record = record.with_status(Status(status));
        if let Some(mcgstatus) = self.mcgstatus {
            record = record.with_mcgstatus(McgStatus(mcgstatus));
        }
        let mut injection = Injection::new(record);
        if let Some(raise) = self.raise {
            injection = injection.with_raise(raise);
        }
        let everywhere = injection.raise() == Raise::Exception && !self.alone && !self.hold;
        let broadcast = self.broadcast.or(everywhere.then_some(Broadcast::Irq));
        let context = if self.hold {
            Context::Held
        } else {
            self.context
        };
        injection = injection.with_context(context).with_broadcast(broadcast);
        Ok(Step {
            injection,
            everywhere,
            line: place.line,
        })
    }
}
