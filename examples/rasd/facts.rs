//! What policy, outputs and metrics need of an event: how bad, how often, and of which part.

use std::fmt;

use mcekit::arch::{ErrorClass, ErrorCode, Level};
use mcekit::table::Place;
use mcekit::{Record, Severity};
use mcekit_source::{FieldValue, Generic};

use crate::explain::cpu::Tables;
use crate::explain::suspect::Suspect;
use crate::policy::elsewhere::{Elsewhere, Origin};

/// The size of the pages in which errors are counted.
pub(crate) const PAGE: u64 = 4096;

/// How an event counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// It is no error.
    Nothing,
    /// So many corrected errors.
    Corrected(u64),
    /// An error that was not corrected, whether or not something used the data.
    Uncorrected,
}

/// A memory slot, as far as the registers name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot {
    pub(crate) socket: Option<u32>,
    pub(crate) imc: Option<u32>,
    pub(crate) channel: Option<u32>,
    pub(crate) dimm: Option<u32>,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, value) in [
            ("socket", self.socket),
            ("memory controller", self.imc),
            ("channel", self.channel),
            ("slot", self.dimm),
        ] {
            if let Some(value) = value {
                write!(f, "{separator}{name} {value}")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

/// Where EDAC's own event says that an error is: its number of the memory controller, and up to three layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EdacPlace {
    pub(crate) controller: u32,
    pub(crate) layers: [Option<u32>; 3],
}

/// A cache: the unit that reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cache {
    pub(crate) cpu: u32,
    pub(crate) bank: Option<u8>,
    /// The unit by the model's tables.
    pub(crate) unit: Option<&'static str>,
    /// 0 to 2 as the register says; nothing for "any level".
    pub(crate) level: Option<u8>,
    /// What it holds: `instruction`, `data`, `generic`.
    pub(crate) holds: &'static str,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) severity: Severity,
    pub(crate) weight: Weight,
    /// The class, by the names of docs/json.md.
    pub(crate) class: &'static str,
    pub(crate) unit: Option<&'static str>,
    pub(crate) cpu: Option<u32>,
    pub(crate) bank: Option<u8>,
    pub(crate) socket: Option<u32>,
    /// It is an error of memory, or of the way to it.
    pub(crate) memory: bool,
    /// Where a slot is named.
    pub(crate) slot: Option<Slot>,
    /// The slot by EDAC's name for it.
    pub(crate) label: Option<String>,
    /// And by its numbers.
    pub(crate) edac: Option<EdacPlace>,
    /// The system physical address of a memory error.
    pub(crate) address: Option<u64>,
    pub(crate) cache: Option<Cache>,
    /// What it is where it is neither of memory nor of a cache.
    pub(crate) elsewhere: Option<Elsewhere>,
    /// When, in seconds since 1970, as far as the event says.
    pub(crate) time: Option<u64>,
}

impl Facts {
    /// Those of a machine check.
    pub(crate) fn of(record: &Record, tables: &mut Tables) -> Self {
        let decoding = record.decode();
        let explained = tables.explain(record);
        let severity = decoding.grade().severity;
        let location = explained.location();
        let suspect = Suspect::of(&decoding, &explained);
        let memory = suspect == Some(Suspect::Memory);
        let slot = Slot {
            socket: location.get(Place::Socket),
            imc: location.get(Place::Imc),
            channel: location.get(Place::Channel),
            dimm: location.get(Place::Dimm),
        };
        let class = decoding.code.class();
        let unit = explained.unit().map(|unit| unit.id);
        let readable = decoding.status().val() && !decoding.status().not_captured();
        // Scalable MCA's codes say little; its units' tables say what it is.
        let known = record.is_smca() && unit.is_some();
        let elsewhere = Elsewhere::of(record, &decoding, known);
        let cached = readable
            && !memory
            && matches!(class, ErrorClass::CacheHierarchy | ErrorClass::GenericCache);
        Self {
            severity,
            weight: match severity {
                _ if !readable => Weight::Nothing,
                Severity::No => Weight::Nothing,
                Severity::Keep => {
                    Weight::Corrected(decoding.corrected_count.map_or(1, |n| u64::from(n).max(1)))
                }
                _ => Weight::Uncorrected,
            },
            class: class.name(),
            unit,
            cpu: record.cpu(),
            bank: record.bank(),
            socket: record.socket(),
            memory,
            slot: (memory && (slot.channel.is_some() || slot.dimm.is_some())).then_some(slot),
            label: None,
            edac: None,
            address: decoding
                .address
                .filter(|address| memory && address.physical && address.lsb <= 12)
                .map(|address| address.address),
            cache: record.cpu().filter(|_| cached).map(|cpu| Cache {
                cpu,
                bank: record.bank(),
                unit,
                level: level(decoding.code),
                holds: decoding
                    .code
                    .transaction()
                    .map_or("generic", |transaction| transaction.name()),
            }),
            elsewhere: elsewhere.filter(|_| readable && !memory),
            time: record.time(),
        }
    }

    /// Those of another event; `None` for one that is not known to be an error.
    pub(crate) fn of_generic(event: &Generic) -> Option<Self> {
        let mut facts = Self {
            severity: Severity::Some,
            weight: Weight::Uncorrected,
            class: "other",
            unit: None,
            cpu: event.cpu,
            bank: None,
            socket: None,
            memory: false,
            slot: None,
            label: None,
            edac: None,
            address: None,
            cache: None,
            elsewhere: None,
            time: event.time.map(|(seconds, _)| seconds),
        };
        match event.name.as_str() {
            "mc_event" => facts.edac(event),
            // include/ras/ras_event.h: 0 recoverable, 1 fatal, 2 corrected (AER_*).
            "aer_event" => {
                facts.class = "pcie";
                facts.grade(match number(event, "severity") {
                    Some(2) => Severity::Keep,
                    Some(1) => Severity::Panic,
                    _ => Severity::Uncorrected,
                });
            }
            "memory_failure_event" => {
                facts.class = "memory-failure";
                facts.grade(Severity::ActionOptional);
            }
            // The numbers of CPER (include/linux/cper.h): 0 recoverable, 1 fatal, 2 corrected, 3 informational.
            "extlog_mem_event" => {
                facts.class = "firmware";
                facts.memory = true;
                facts.grade(match number(event, "sev") {
                    Some(3) => Severity::No,
                    Some(2) => Severity::Keep,
                    Some(1) => Severity::Panic,
                    _ => Severity::Uncorrected,
                });
            }
            // The kernel's own (include/acpi/ghes.h): 0 none, 1 corrected, 2 recoverable, 3 fatal.
            "non_standard_event" => {
                facts.class = "firmware";
                facts.grade(match number(event, "sev") {
                    Some(0) => Severity::No,
                    Some(1) => Severity::Keep,
                    Some(3) => Severity::Panic,
                    _ => Severity::Uncorrected,
                });
            }
            "arm_event" => facts.class = "arm",
            _ => return None,
        }
        Some(facts)
    }

    /// EDAC's event of a memory controller (`mc_event`, include/ras/ras_event.h): 0 corrected, 1 uncorrected, 2 deferred,
    /// 3 fatal, 4 for information (`hw_event_mc_err_type`).
    fn edac(&mut self, event: &Generic) {
        self.class = "edac-memory";
        self.memory = true;
        self.grade(match number(event, "error_type") {
            Some(0) => Severity::Keep,
            Some(2) => Severity::Deferred,
            Some(3) => Severity::Panic,
            Some(4) => Severity::No,
            _ => Severity::Uncorrected,
        });
        if let Weight::Corrected(count) = &mut self.weight {
            *count = number(event, "error_count").unwrap_or(1).max(1);
        }
        self.label = text(event, "label")
            .filter(|label| !label.is_empty())
            .map(|label| label.chars().take(128).collect());
        // A layer that is not known is -1.
        let layer = |name| number(event, name).and_then(|n| u32::try_from(n).ok());
        self.edac = layer("mc_index").map(|controller| EdacPlace {
            controller,
            layers: ["top_layer", "middle_layer", "lower_layer"].map(layer),
        });
    }

    fn grade(&mut self, severity: Severity) {
        self.severity = severity;
        self.weight = match severity {
            Severity::No => Weight::Nothing,
            Severity::Keep => Weight::Corrected(1),
            _ => Weight::Uncorrected,
        };
    }

    /// The bank that reported it.
    pub(crate) const fn origin(&self) -> Origin {
        Origin {
            cpu: self.cpu,
            socket: self.socket,
            bank: self.bank,
        }
    }

    /// The page that the error is in.
    pub(crate) fn page(&self) -> Option<u64> {
        Some(self.address? / PAGE * PAGE)
    }

    /// Whether nothing may hold it back.
    pub(crate) fn is_uncorrected(&self) -> bool {
        self.weight == Weight::Uncorrected
    }
}

fn level(code: ErrorCode) -> Option<u8> {
    code.level().map(Level::bits).filter(|&n| n < 3)
}

/// A field that is a number.
fn number(event: &Generic, name: &str) -> Option<u64> {
    event.fields.iter().find_map(|(field, value)| match value {
        FieldValue::Unsigned(n) if field == name => Some(*n),
        FieldValue::Signed(n) if field == name => u64::try_from(*n).ok(),
        _ => None,
    })
}

/// A field that is text.
fn text<'a>(event: &'a Generic, name: &str) -> Option<&'a str> {
    event.fields.iter().find_map(|(field, value)| match value {
        FieldValue::Text(text) if field == name => Some(text.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use mcekit::{Addr, CpuSignature, McgCap, Misc, Status, Vendor};
    use mcekit_source::Channel;

    use super::*;

    fn facts(record: &Record) -> Facts {
        Facts::of(record, &mut Tables::new(None))
    }

    fn skylake(bank: u8, status: u64) -> Record {
        Record::new(bank, Status(status))
            .with_vendor(Vendor::INTEL)
            .with_cpuid(CpuSignature(0x50654))
            .with_mcgcap(McgCap(0x0f00_0c14))
            .with_cpu(3)
            .with_socket(1)
            .with_time(1_795_349_361)
    }

    #[test]
    fn a_memory_error_names_its_slot_and_page() {
        // 37 corrected errors of a read on channel 1, with a physical address.
        let record = skylake(7, 0x8c00_0940_0080_0091)
            .with_addr(Addr(0x1234_5678))
            .with_misc(Misc(0x86));
        let facts = facts(&record);
        assert_eq!(facts.weight, Weight::Corrected(37));
        assert_eq!(facts.page(), Some(0x1234_5000));
        let slot = facts.slot.unwrap();
        assert_eq!((slot.socket, slot.channel), (Some(1), Some(1)));
        assert!(facts.memory && facts.cache.is_none());
    }

    #[test]
    fn an_address_that_is_not_physical_or_not_exact_has_no_page() {
        for misc in [0x46, 0x8e, 0xc6] {
            let record = skylake(7, 0x8c00_0040_0080_0091)
                .with_addr(Addr(0x1234_5678))
                .with_misc(Misc(misc));
            assert_eq!(facts(&record).page(), None, "{misc:#x}");
        }
        let without_misc = skylake(7, 0x8400_0040_0080_0091).with_addr(Addr(0x1234_5678));
        assert_eq!(facts(&without_misc).page(), None);
    }

    #[test]
    fn a_cache_is_the_unit_and_the_cpu() {
        let facts = facts(&skylake(1, 0x8000_0040_0000_0145));
        let cache = facts.cache.unwrap();
        assert_eq!((cache.cpu, cache.bank), (3, Some(1)));
        assert_eq!(cache.level, Some(1));
        assert_eq!(facts.slot, None);
    }

    #[test]
    fn what_is_not_corrected_is_uncorrected_and_what_is_not_valid_is_nothing() {
        assert!(facts(&skylake(7, 0xbd80_0000_0010_0134)).is_uncorrected());
        // UCNA: deferred.
        assert!(facts(&skylake(7, 0xa000_0000_0000_0090)).is_uncorrected());
        assert_eq!(facts(&skylake(7, 0)).weight, Weight::Nothing);
    }

    #[test]
    fn edac_names_a_dimm_and_counts() {
        let event = Generic {
            system: "ras".into(),
            name: "mc_event".into(),
            channel: Channel::Trace,
            cpu: Some(0),
            time: None,
            fields: vec![
                ("error_type".into(), FieldValue::Unsigned(0)),
                (
                    "label".into(),
                    FieldValue::Text("CPU_SrcID#0_MC#0_Chan#1_DIMM#0".into()),
                ),
                ("error_count".into(), FieldValue::Unsigned(4)),
                ("mc_index".into(), FieldValue::Unsigned(0)),
                ("top_layer".into(), FieldValue::Signed(1)),
                ("middle_layer".into(), FieldValue::Signed(0)),
                ("lower_layer".into(), FieldValue::Signed(-1)),
            ],
            text: None,
        };
        let facts = Facts::of_generic(&event).unwrap();
        assert_eq!(facts.weight, Weight::Corrected(4));
        assert_eq!(
            facts.label.as_deref(),
            Some("CPU_SrcID#0_MC#0_Chan#1_DIMM#0")
        );
        let place = EdacPlace {
            controller: 0,
            layers: [Some(1), Some(0), None],
        };
        assert_eq!(facts.edac, Some(place));
        let other = Generic {
            name: "sched_switch".into(),
            ..event
        };
        assert_eq!(Facts::of_generic(&other), None);
    }
}
