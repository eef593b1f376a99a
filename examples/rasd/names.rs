//! What DIMMs are called on the board: by the configuration, by EDAC and files of labels, and by SMBIOS.

mod edac;
mod labels;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dmidecode::{EntryPoint, Structure};

use crate::config::Labels;
use crate::config::values::SlotName;
use crate::facts::{EdacPlace, Slot};

use edac::Edac;
use labels::{Board, Labels as Files};

/// How old what EDAC says may be: its driver can be loaded, and its labels be set, after the daemon is there.
const FRESH: Duration = Duration::from_secs(60);

/// A DIMM's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// What stands beside the slot.
    pub(crate) name: String,
    /// SMBIOS's bank of slots.
    pub(crate) location: Option<String>,
}

impl Name {
    fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            location: None,
        }
    }
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
    edac: Edac,
    /// What files of labels call the positions that EDAC knows.
    files: Files,
    /// Where EDAC is, if it is wanted.
    sysfs: Option<PathBuf>,
    looked: Option<Instant>,
    ranges: Vec<Range>,
}

impl Names {
    /// The names of the configuration, and of EDAC and SMBIOS if they are wanted and there are any.
    pub(crate) fn new(labels: &Labels, sysfs: &Path) -> Self {
        let by_slot = labels
            .dimms
            .0
            .iter()
            .map(|(&slot, text)| (slot, Name::of(text)))
            .collect();
        let files = labels.files.as_deref().filter(|_| labels.edac);
        let ranges = if labels.dmi {
            smbios(Path::new("/sys/firmware/dmi/tables")).unwrap_or_default()
        } else {
            Vec::new()
        };
        Self {
            by_slot,
            edac: Edac::default(),
            files: files
                .map(|path| Files::read(path, &Board::of(sysfs)))
                .unwrap_or_default(),
            sysfs: labels.edac.then(|| sysfs.to_owned()),
            looked: None,
            ranges,
        }
    }

    /// Looks at EDAC again, where that is long ago.
    fn refresh(&mut self) {
        let now = Instant::now();
        let fresh = |looked: Instant| now.duration_since(looked) < FRESH;
        if let Some(sysfs) = &self.sysfs
            && !self.looked.is_some_and(fresh)
        {
            self.edac = Edac::look(sysfs, Path::new("/proc"));
            self.looked = Some(now);
        }
    }

    /// The DIMM in a slot, or that has an address.
    pub(crate) fn find(&mut self, slot: Option<&Slot>, address: Option<u64>) -> Option<Name> {
        let slot = slot.filter(|slot| slot.channel.is_some());
        slot.and_then(|slot| {
            let name = SlotName {
                socket: slot.socket?,
                imc: slot.imc,
                channel: slot.channel?,
                dimm: slot.dimm,
            };
            self.by_slot.get(&name).cloned()
        })
        .or_else(|| {
            self.refresh();
            self.edac.by_slot(slot?, &self.files).map(Name::of)
        })
        .or_else(|| self.by_address(address?).cloned())
    }

    /// The DIMM of EDAC's own event, where a file of labels names it. The event has the kernel's name for it.
    pub(crate) fn by_event(&mut self, place: &EdacPlace) -> Option<Name> {
        self.refresh();
        self.edac.by_event(place, &self.files).map(Name::of)
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

/// What a table says.
fn ranges(entry: &[u8], table: &[u8]) -> Option<Vec<Range>> {
    let entry = EntryPoint::search(entry).ok()?;
    let mut devices = HashMap::new();
    let mut mapped = Vec::new();
    // A structure has four bytes at least, so there are no more than this.
    for structure in entry.structures(table).take(table.len() / 4) {
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
            // What firmware wrote wrongly names nothing.
            Ok(_) | Err(_) => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// An entry point of version 3 for a table of this length (DSP0134, 5.2.2).
    fn entry(len: usize) -> Vec<u8> {
        let mut bytes = b"_SM3_\0\x18\x03\x02\0\x01\0".to_vec();
        bytes.extend_from_slice(&u32::try_from(len).unwrap().to_le_bytes());
        bytes.extend_from_slice(&0_u64.to_le_bytes());
        let sum = bytes.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
        bytes[5] = sum.wrapping_neg();
        bytes
    }

    /// A memory device (type 17, the 40 bytes of version 2.8), with its two names.
    fn device(handle: u16, name: &str, bank: &str) -> Vec<u8> {
        let mut bytes = vec![0; 40];
        bytes[..2].copy_from_slice(&[17, 40]);
        bytes[2..4].copy_from_slice(&handle.to_le_bytes());
        bytes[16..18].copy_from_slice(&[1, 2]);
        for text in [name, bank] {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
        bytes.push(0);
        bytes
    }

    /// Which addresses a device has, in KiB (type 20, the 35 bytes of version 2.7).
    fn mapped(device: u16, first: u32, last: u32) -> Vec<u8> {
        let mut bytes = vec![0; 35];
        bytes[..2].copy_from_slice(&[20, 35]);
        bytes[2..4].copy_from_slice(&(device + 0x100).to_le_bytes());
        bytes[4..8].copy_from_slice(&first.to_le_bytes());
        bytes[8..12].copy_from_slice(&last.to_le_bytes());
        bytes[12..14].copy_from_slice(&device.to_le_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes
    }

    #[test]
    fn smbios_names_the_one_dimm_that_has_an_address() {
        let table = [
            device(1, "P1-DIMMA1", "NODE 1 "),
            device(2, "P1-DIMMB1", "NODE 1"),
            device(3, "P1-DIMMC1", "NODE 1"),
            mapped(1, 0, (1 << 20) - 1),
            mapped(2, 1 << 20, (2 << 20) - 1),
            mapped(3, 1 << 20, (2 << 20) - 1),
        ]
        .concat();
        let mut names = Names {
            ranges: ranges(&entry(table.len()), &table).unwrap(),
            ..Names::default()
        };
        let mut find = |address| names.find(None, Some(address)).map(|name| name.to_string());
        assert_eq!(find(0x1234_5678).as_deref(), Some("P1-DIMMA1, NODE 1"));
        assert_eq!(find((1 << 30) - 1).as_deref(), Some("P1-DIMMA1, NODE 1"));
        // Interleaved over two, and beyond all.
        assert_eq!(find(1 << 30), None);
        assert_eq!(find(1 << 40), None);
    }

    #[test]
    fn what_firmware_wrote_wrongly_names_nothing() {
        let table = [device(1, "A", "B"), mapped(1, 0, 9)].concat();
        for end in 0..table.len() {
            let cut = &table[..end];
            assert!(ranges(&entry(end), cut).is_none_or(|found| found.len() <= 1));
        }
        assert_eq!(ranges(b"no entry point", &table), None);
    }

    #[test]
    fn the_configurations_names_come_first() {
        let text = b"labels = { dmi = false, edac = false, dimms = { \"1/0/2/-\" = \"P2-C\" } }";
        let labels = Config::read(text).unwrap().labels;
        let mut names = Names::new(&labels, Path::new("/nonexistent"));
        let slot = Slot {
            socket: Some(1),
            imc: Some(0),
            channel: Some(2),
            dimm: None,
        };
        let name = names.find(Some(&slot), None).unwrap();
        assert_eq!(name.to_string(), "P2-C");
        let other = Slot {
            dimm: Some(0),
            ..slot
        };
        assert_eq!(names.find(Some(&other), Some(5)), None);
    }
}
