//! What DIMMs are called on the board: by the configuration, and by SMBIOS.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::path::Path;

use dmidecode::{EntryPoint, Structure};

use crate::config::Labels;
use crate::config::values::SlotName;
use crate::facts::Slot;

/// A DIMM's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// What stands beside the slot.
    pub(crate) name: String,
    /// SMBIOS's bank of slots.
    pub(crate) location: Option<String>,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.location {
            Some(location) => write!(f, ", {location}"),
            None => Ok(()),
        }
    }
}

/// The addresses of a DIMM.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    first: u64,
    last: u64,
    name: Name,
}

/// Names of DIMMs.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_slot: BTreeMap<SlotName, Name>,
    ranges: Vec<Range>,
}

impl Names {
    /// The names of the configuration, and of SMBIOS if it is wanted and there is one.
    pub(crate) fn new(labels: &Labels) -> Self {
        let name = |name: &String| Name {
            name: name.clone(),
            location: None,
        };
        let by_slot = labels
            .dimms
            .0
            .iter()
            .map(|(&slot, text)| (slot, name(text)))
            .collect();
        let ranges = if labels.dmi {
            smbios(Path::new("/sys/firmware/dmi/tables")).unwrap_or_default()
        } else {
            Vec::new()
        };
        Self { by_slot, ranges }
    }

    /// The DIMM in a slot, or that has an address.
    pub(crate) fn find(&self, slot: Option<&Slot>, address: Option<u64>) -> Option<&Name> {
        slot.and_then(|slot| {
            let name = SlotName {
                socket: slot.socket?,
                imc: slot.imc,
                channel: slot.channel?,
                dimm: slot.dimm,
            };
            self.by_slot.get(&name)
        })
        .or_else(|| self.by_address(address?))
    }

    /// The one DIMM that has an address; of memory that is interleaved over several, SMBIOS cannot say which.
    fn by_address(&self, address: u64) -> Option<&Name> {
        let mut found = self
            .ranges
            .iter()
            .filter(|range| (range.first..=range.last).contains(&address));
        match (found.next(), found.next()) {
            (Some(range), None) => Some(&range.name),
            _ => None,
        }
    }
}

/// The DIMMs of SMBIOS that have addresses of their own (DMTF DSP0134, types 17 and 20).
fn smbios(tables: &Path) -> Option<Vec<Range>> {
    let entry = fs::read(tables.join("smbios_entry_point")).ok()?;
    let table = fs::read(tables.join("DMI")).ok()?;
    ranges(&entry, &table)
}

fn ranges(entry: &[u8], table: &[u8]) -> Option<Vec<Range>> {
    let entry = EntryPoint::search(entry).ok()?;
    let mut devices = HashMap::new();
    let mut mapped = Vec::new();
    for structure in entry.structures(table) {
        match structure {
            Ok(Structure::MemoryDevice(device)) => {
                let word =
                    |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
                if let Some(name) = word(device.device_locator) {
                    let location = word(device.bank_locator);
                    devices.insert(device.handle, Name { name, location });
                }
            }
            Ok(Structure::MemoryDeviceMappedAddress(map)) => mapped.push(map),
            Ok(_) => {}
            // What firmware wrote wrongly ends the table; what came before it holds.
            Err(_) => break,
        }
    }
    let range = |map: &dmidecode::MemoryDeviceMappedAddress| {
        // Addresses in KiB; all ones: they do not fit, and stand in the extended fields, in bytes.
        let (first, last) = if map.starting_address == u32::MAX {
            (map.extended_starting_address?, map.extended_ending_address?)
        } else {
            let kib = |n: u32| u64::from(n) << 10;
            (kib(map.starting_address), kib(map.ending_address) | 0x3ff)
        };
        let name = devices.get(&map.memory_device_handle)?.clone();
        Some(Range { first, last, name })
    };
    Some(mapped.iter().filter_map(range).collect())
}
