//! A part that has too many errors, in words and as a trigger's environment.

use std::fmt;

use mcekit::IoMca;

use crate::config::amounts::Rate;
use crate::config::kind::PartKind;
use crate::facts::{Cache, PAGE, Slot};
use crate::names::Name;

use super::elsewhere::{Origin, Registers, Transaction};

/// A part whose errors are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A DIMM, or what the registers name of it.
    Dimm(Slot),
    /// A DIMM by EDAC's name.
    Label(String),
    /// A page, and the slot that it is in.
    Page(u64, Option<Slot>),
    /// The memory of a socket.
    Socket(u32),
    /// A cache, and the socket of its CPU.
    Cache(Cache, Option<u32>),
    /// A bus, by the bank that reports it, and the transaction.
    Bus(Origin, Transaction),
    /// A PCI root port, by the bank that reports it.
    Port(Origin, IoMca),
    /// A bank that reports what is not classified.
    Unknown(Origin, Registers),
}

impl Part {
    /// The kind.
    pub(crate) const fn kind(&self) -> PartKind {
        match self {
            Self::Dimm(_) | Self::Label(_) => PartKind::Dimm,
            Self::Page(..) => PartKind::Page,
            Self::Socket(_) => PartKind::Socket,
            Self::Cache(..) => PartKind::Cache,
            Self::Bus(..) => PartKind::Bus,
            Self::Port(..) => PartKind::Iomca,
            Self::Unknown(..) => PartKind::Unknown,
        }
    }

    /// The slot that it is or lies in.
    pub(crate) const fn slot(&self) -> Option<Slot> {
        match *self {
            Self::Dimm(slot) => Some(slot),
            Self::Page(_, slot) => slot,
            _ => None,
        }
    }

    const fn advice(&self) -> &'static str {
        match self {
            Self::Dimm(_) | Self::Label(_) => "plan to replace it",
            Self::Page(..) => {
                "it can be taken out of use ([page-offline]); many such pages mean a bad DIMM"
            }
            Self::Socket(_) => "look for the DIMM that has most of them",
            Self::Cache(..) => {
                "plan to replace the processor; until then its CPUs can be taken offline"
            }
            Self::Bus(..) => "look at the links between processors, and at the devices behind them",
            Self::Port(..) => "look at the device behind it, its slot and its link (AER)",
            Self::Unknown(..) => "the records say what the hardware gave (rasd query)",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dimm(slot) if slot.dimm.is_none() => write!(f, "the DIMMs of {slot}"),
            Self::Dimm(slot) => write!(f, "the DIMM in {slot}"),
            Self::Label(label) => write!(f, "the DIMM {label}"),
            Self::Page(page, _) => write!(f, "the page at {page:#x}"),
            Self::Socket(socket) => write!(f, "the memory of socket {socket}"),
            Self::Cache(cache, _) => {
                write!(f, "the {} cache of CPU {}", cache.holds, cache.cpu)?;
                match (cache.unit, cache.bank) {
                    (Some(unit), _) => write!(f, " ({unit})"),
                    (None, Some(bank)) => write!(f, " (bank {bank})"),
                    (None, None) => Ok(()),
                }
            }
            Self::Bus(origin, _) => write!(f, "the interconnect ({origin})"),
            Self::Port(_, port) => write!(f, "the PCI root port {port}"),
            Self::Unknown(origin, _) => write!(f, "an unknown kind ({origin})"),
        }
    }
}

/// A threshold was crossed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Crossing {
    pub(crate) part: Part,
    /// By errors that were not corrected.
    pub(crate) uncorrected: bool,
    pub(crate) rate: Rate,
    /// How many errors there were in the period.
    pub(crate) count: u64,
    /// When the error was that did it, in seconds since 1970.
    pub(crate) at: u64,
    /// All that were counted of the part.
    pub(crate) corrected_total: u64,
    pub(crate) uncorrected_total: u64,
}

impl Crossing {
    /// How full the bucket is: `12 in 24h`.
    fn status(&self) -> String {
        format!("{} in {}", self.count, self.rate.per)
    }

    const fn kind(&self) -> &'static str {
        if self.uncorrected {
            "uncorrected"
        } else {
            "corrected"
        }
    }

    /// What an operator reads.
    pub(crate) fn message(&self, name: Option<&Name>) -> String {
        let name = name.map_or_else(String::new, |name| format!(" ({name})"));
        format!(
            "too many {} errors of {}{name}: {}, the threshold is {}; {}",
            self.kind(),
            self.part,
            self.status(),
            self.rate,
            self.part.advice()
        )
    }

    /// What a trigger finds in its environment, by the names that mcelog's triggers know (mcelog.triggers(5)), and a few
    /// of our own that begin with `RASD_`.
    ///
    /// `affected` are the CPUs that share a cache, with spaces between them.
    pub(crate) fn environment(
        &self,
        name: Option<&Name>,
        affected: Option<String>,
    ) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("RASD_KIND", self.part.kind().name().to_owned()),
            ("RASD_SEVERITY", self.kind().to_owned()),
            ("RASD_THRESHOLD", self.rate.to_string()),
            ("MESSAGE", self.message(name)),
            ("THRESHOLD", self.status()),
            ("THRESHOLD_COUNT", self.count.to_string()),
            (
                "TOTALCOUNT",
                if self.uncorrected {
                    self.uncorrected_total
                } else {
                    self.corrected_total
                }
                .to_string(),
            ),
            ("CECOUNT", self.corrected_total.to_string()),
            ("UCCOUNT", self.uncorrected_total.to_string()),
            ("LASTEVENT", self.at.to_string()),
            ("AGETIME", self.rate.per.at_least_a_second().to_string()),
        ];
        let mut add = |key, value: Option<String>| all.extend(value.map(|value| (key, value)));
        let number = |n: Option<u32>| n.map(|n| n.to_string());
        if let Some(name) = name {
            add("DMI_NAME", Some(name.name.clone()));
            add("DMI_LOCATION", name.location.clone());
        }
        match &self.part {
            Part::Label(label) => {
                add("LOCATION", Some(label.clone()));
                add("RASD_LABEL", Some(label.clone()));
            }
            Part::Dimm(_) | Part::Page(..) => {
                let slot = self.part.slot().unwrap_or_default();
                let part = |n: Option<u32>| number(n).unwrap_or_else(|| "?".into());
                let (channel, dimm) = (part(slot.channel), part(slot.dimm));
                let socket = part(slot.socket);
                let known = name.map_or_else(String::new, |name| match &name.location {
                    Some(location) => format!("{location} {}", name.name),
                    None => name.name.clone(),
                });
                let location = format!("SOCKET:{socket} CHANNEL:{channel} DIMM:{dimm} [{known}]");
                add("LOCATION", Some(location));
                add("SOCKETID", number(slot.socket));
                add("RASD_IMC", number(slot.imc));
                add("CHANNEL", number(slot.channel));
                add("DIMM", number(slot.dimm));
                if let Part::Page(page, _) = self.part {
                    add("RASD_PAGE", Some(format!("{page:#x}")));
                    add("RASD_PAGE_FRAME", Some(format!("{:#x}", page / PAGE)));
                }
            }
            Part::Socket(socket) => {
                add(
                    "LOCATION",
                    Some(format!("SOCKET:{socket} CHANNEL:? DIMM:? []")),
                );
                add("SOCKETID", Some(socket.to_string()));
            }
            Part::Cache(cache, socket) => {
                add("CPU", Some(cache.cpu.to_string()));
                add("SOCKETID", number(*socket));
                add("LEVEL", cache.level.map(|level| level.to_string()));
                let holds = match cache.holds {
                    "instruction" => "Instruction",
                    "data" => "Data",
                    "reserved" => "Unknown",
                    _ => "Generic",
                };
                add("TYPE", Some(holds.to_owned()));
                let affected = affected.unwrap_or_else(|| "unknown".into());
                add("AFFECTED_CPUS", Some(affected));
            }
            Part::Bus(origin, transaction) => {
                all.extend(reported(origin));
                let words = transaction.environment();
                all.extend(words.map(|(key, word)| (key, word.to_owned())));
            }
            Part::Port(origin, port) => {
                all.extend(reported(origin));
                let segment = format!("{:x}", port.segment);
                all.extend([
                    // SEG is what mcelog gives, SET what its manual page says.
                    ("SEG", segment.clone()),
                    ("SET", segment),
                    ("BUS", format!("{:02x}", port.bus)),
                    ("DEVICE", format!("{:02x}", port.device)),
                    ("FUNCTION", format!("{:x}", port.function)),
                ]);
            }
            Part::Unknown(origin, registers) => {
                all.extend(reported(origin));
                all.extend(registers.environment());
            }
        }
        all
    }
}

/// Who reported it, as mcelog's triggers find it.
fn reported(origin: &Origin) -> impl Iterator<Item = (&'static str, String)> + use<> {
    [
        ("LOCATION", origin.location()),
        ("CPU", origin.cpu.map(|cpu| cpu.to_string())),
        ("SOCKETID", origin.socket.map(|socket| socket.to_string())),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key, value?)))
}
