//! Errors that are neither of memory nor of a cache: of a bus, of a PCI root port, and what is not classified. mcelog has a
//! trigger for each.

use std::fmt;

use mcekit::arch::{ErrorClass, ErrorCode, Level, MemoryIo, Participation, Request, SoftwareBank};
use mcekit::{Decoding, IoMca, Record};

/// Where an error comes from that names no part: the bank that reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) cpu: Option<u32>,
    pub(crate) socket: Option<u32>,
    pub(crate) bank: Option<u8>,
}

impl Origin {
    /// What tells one from another. A bank of this kind belongs to its socket mostly, and any of its CPUs may report it.
    pub(crate) const fn key(&self) -> (Option<u32>, Option<u32>, Option<u8>) {
        match self.socket {
            Some(_) => (self.socket, None, self.bank),
            None => (None, self.cpu, self.bank),
        }
    }

    /// The place in mcelog's words (bus.c, unknown.c).
    pub(crate) fn location(&self) -> Option<String> {
        let cpu = self.cpu?;
        Some(match self.socket {
            Some(socket) => format!("CPU {cpu} on socket {socket}"),
            None => format!("CPU {cpu}"),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.socket, self.cpu) {
            (Some(socket), _) => write!(f, "socket {socket}")?,
            (None, Some(cpu)) => write!(f, "CPU {cpu}")?,
            (None, None) => f.write_str("a CPU that is not named")?,
        }
        match self.bank {
            Some(bank) => write!(f, ", bank {bank}"),
            None => Ok(()),
        }
    }
}

/// What the code says of a transaction on a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transaction {
    level: Level,
    participation: Participation,
    request: Request,
    memory_io: MemoryIo,
    timeout: bool,
}

impl Transaction {
    /// As mcelog's triggers find it (p4.c; the words are what scripts compare with, its misspelling among them).
    pub(crate) const fn environment(&self) -> [(&'static str, &'static str); 5] {
        [
            (
                "LEVEL",
                match self.level {
                    Level::L0 => "Level-0",
                    Level::L1 => "Level-1",
                    Level::L2 => "Level-2",
                    Level::Generic => "Level-3",
                },
            ),
            (
                "PARTICIPATION",
                match self.participation {
                    Participation::Source => "Local-CPU-originated-request",
                    Participation::Responder => "Responed-to-request",
                    Participation::Observer => "Observed-error-as-third-party",
                    Participation::Generic => "Generic",
                },
            ),
            (
                "REQUEST",
                match self.request {
                    Request::Generic => "Generic",
                    Request::Read => "Read",
                    Request::Write => "Write",
                    Request::DataRead => "Data-Read",
                    Request::DataWrite => "Data-Write",
                    Request::InstructionFetch => "Instruction-Fetch",
                    Request::Prefetch => "Prefetch",
                    Request::Eviction => "Eviction",
                    Request::Snoop => "Snoop",
                    _ => "UNKNOWN",
                },
            ),
            (
                "ORIGIN",
                match self.memory_io {
                    MemoryIo::Memory => "Memory-access",
                    MemoryIo::Reserved => "Reserved",
                    MemoryIo::Io => "IO",
                    MemoryIo::Other => "Other-transaction",
                },
            ),
            (
                "TIMEOUT",
                if self.timeout {
                    "Request-timed-out"
                } else {
                    "Request-did-not-timeout"
                },
            ),
        ]
    }
}

/// The registers of an error that is not classified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Registers {
    status: u64,
    misc: Option<u64>,
    addr: Option<u64>,
    mcgstatus: Option<u64>,
    mcgcap: Option<u64>,
}

impl Registers {
    /// As mcelog's triggers find them: in hexadecimal digits, zero for what the record has not.
    pub(crate) fn environment(&self) -> [(&'static str, String); 5] {
        let hex = |value: Option<u64>| format!("{:x}", value.unwrap_or_default());
        [
            ("STATUS", hex(Some(self.status))),
            ("MISC", hex(self.misc)),
            ("ADDR", hex(self.addr)),
            ("MCGSTATUS", hex(self.mcgstatus)),
            ("MCGCAP", hex(self.mcgcap)),
        ]
    }
}

/// What such an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    /// A bus or an interconnect; and the root port that reported it, where it is an IO MCA.
    Bus(Transaction, Option<IoMca>),
    /// Not classified.
    Unknown(Registers),
}

impl Elsewhere {
    /// What a decoding says, of an error that is none of memory's. `known`: the model's tables name it.
    pub(crate) fn of(record: &Record, decoding: &Decoding, known: bool) -> Option<Self> {
        if let ErrorCode::BusInterconnect {
            participation,
            timeout,
            request,
            memory_io,
            level,
        } = decoding.code
        {
            let transaction = Transaction {
                level,
                participation,
                request,
                memory_io,
                timeout,
            };
            return Some(Self::Bus(transaction, decoding.io_mca));
        }
        // mcelog's: the internal timer, what is internal and unclassified, codes that are not defined, and heat (p4.c).
        let unclassified = matches!(
            decoding.code.class(),
            ErrorClass::InternalTimer
                | ErrorClass::InternalUnclassified
                | ErrorClass::Internal
                | ErrorClass::Unknown
        );
        let hot = decoding.software_bank == Some(SoftwareBank::Thermal);
        (hot || unclassified && !known).then(|| {
            Self::Unknown(Registers {
                status: record.status().0,
                misc: record.misc().map(u64::from),
                addr: record.addr().map(u64::from),
                mcgstatus: record.mcgstatus().map(u64::from),
                mcgcap: record.mcgcap().map(u64::from),
            })
        })
    }
}
