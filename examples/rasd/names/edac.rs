//! The DIMMs that EDAC knows, and what they are called (Documentation/admin-guide/RAS, Documentation/ABI/testing/
//! sysfs-devices-edac).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use super::labels::{Labels, Position};
use crate::facts::{EdacPlace, Slot};

/// More memory controllers, and DIMMs of one, than these are not looked at.
const MOST: usize = 1024;

/// A DIMM that is there.
#[derive(Debug)]
struct Dimm {
    position: Position,
    label: Option<String>,
    /// Memory controller of the socket, channel and slot, as the registers number them; where that is certain.
    place: Option<(u32, u32, u32)>,
}

/// All DIMMs.
#[derive(Debug, Default)]
pub(super) struct Edac {
    dimms: Vec<Dimm>,
}

impl Edac {
    /// Looks what there is.
    pub(super) fn look(sysfs: &Path, procfs: &Path) -> Self {
        let mut controllers = Vec::new();
        for (number, path) in numbered(&sysfs.join("devices/system/edac/mc"), &["mc"]) {
            let name = line(&path.join("mc_name"));
            controllers.push((number, path, name.unwrap_or_default()));
        }
        let names: Vec<&str> = controllers
            .iter()
            .map(|(_, _, name)| name.as_str())
            .collect();
        let certain = sockets(sysfs) == 1 && are_all(&names, model(procfs));
        let mut dimms = Vec::new();
        for (number, path, name) in &controllers {
            let imc = certain.then(|| controller(name)).flatten();
            for (_, path) in numbered(path, &["dimm", "rank"]) {
                let Some(layers) = line(&path.join("dimm_location")).and_then(|text| layers(&text))
                else {
                    continue;
                };
                let place = match (imc, &layers[..]) {
                    (Some((_, imc)), [(channels, channel), (slots, slot)])
                        if channels == "channel" && slots == "slot" =>
                    {
                        Some((imc, *channel, *slot))
                    }
                    _ => None,
                };
                let layers = layers.into_iter().map(|(_, number)| number).collect();
                dimms.push(Dimm {
                    position: (*number, layers),
                    label: line(&path.join("dimm_label")),
                    place,
                });
            }
        }
        Self { dimms }
    }

    /// The label of the one DIMM that is in a slot, or alone on a channel, as the registers name it: a file's, or the
    /// kernel's.
    pub(super) fn by_slot<'a>(&'a self, slot: &Slot, labels: &'a Labels) -> Option<&'a str> {
        let (imc, channel) = (slot.imc?, slot.channel?);
        let mut found = self.dimms.iter().filter(|dimm| {
            dimm.place.is_some_and(|place| {
                (place.0, place.1) == (imc, channel) && slot.dimm.is_none_or(|slot| slot == place.2)
            })
        });
        match (found.next(), found.next()) {
            (Some(dimm), None) => labels.get(&dimm.position).or(dimm.label.as_deref()),
            _ => None,
        }
    }

    /// What a file of labels calls the DIMM of EDAC's own event. Its other name is in the event.
    pub(super) fn by_event<'a>(&self, place: &EdacPlace, labels: &'a Labels) -> Option<&'a str> {
        let mut found = self.dimms.iter().filter(|dimm| {
            let layers = &dimm.position.1;
            dimm.position.0 == place.controller
                && (0..3)
                    .all(|at| place.layers.get(at).copied().flatten() == layers.get(at).copied())
        });
        labels.get(&found.next()?.position)
    }
}

/// The folders of a folder that are named by a word and a number.
fn numbered(folder: &Path, words: &[&str]) -> Vec<(u32, std::path::PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = words.iter().find_map(|word| name.strip_prefix(word))?;
            Some((number.parse().ok()?, entry.path()))
        })
        .take(MOST)
        .collect();
    found.sort();
    found
}

/// A file's first line, if it says something.
fn line(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(256)
        .read_to_end(&mut bytes)
        .ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().next()?.trim();
    let plain = !line.is_empty() && !line.chars().any(char::is_control);
    plain.then(|| line.to_owned())
}

/// `channel 1 slot 0` as it says.
fn layers(text: &str) -> Option<Vec<(String, u32)>> {
    let mut words = text.split_whitespace();
    let mut layers = Vec::new();
    while let Some(name) = words.next() {
        layers.push((name.to_owned(), words.next()?.parse().ok()?));
    }
    (1..=3).contains(&layers.len()).then_some(layers)
}

/// `Skylake Socket#0 IMC#1`: what is in front, and the number of the memory controller (drivers/edac/skx_common.c).
fn controller(name: &str) -> Option<(&str, u32)> {
    let (kind, rest) = name.split_once(" Socket#")?;
    let (_, imc) = rest.split_once(" IMC#")?;
    Some((kind, imc.parse().ok()?))
}

/// Whether these are all memory controllers that processors of the model have. Where one is absent, the kernel numbers the
/// others anew (i10nm_edac), and the registers do not.
fn are_all(names: &[&str], model: Option<u32>) -> bool {
    let (kind, count) = match model {
        // Skylake and Cascade Lake servers.
        Some(85) => ("Skylake", 2),
        // Ice Lake, Sapphire Rapids and Emerald Rapids servers.
        Some(106 | 108 | 143 | 207) => ("Intel_10nm", 4),
        _ => return false,
    };
    let numbers: BTreeSet<u32> = names
        .iter()
        .filter_map(|name| controller(name))
        .filter(|(name, _)| *name == kind)
        .map(|(_, number)| number)
        .collect();
    names.len() == count && numbers.into_iter().eq(0..u32::try_from(count).unwrap_or(0))
}

/// How many sockets have processors. With several, which number EDAC gives to which is not said: its own was the node's
/// for long, and is another one's on large systems.
fn sockets(sysfs: &Path) -> usize {
    let cpus = numbered(&sysfs.join("devices/system/cpu"), &["cpu"]);
    let packages: BTreeSet<_> = cpus
        .iter()
        .filter_map(|(_, cpu)| line(&cpu.join("topology/physical_package_id")))
        .collect();
    packages.len()
}

/// The model of Intel's family 6 that this is.
fn model(procfs: &Path) -> Option<u32> {
    let mut bytes = Vec::new();
    let cpuinfo = File::open(procfs.join("cpuinfo")).ok()?;
    cpuinfo.take(4096).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let get = |key: &str| {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == key).then(|| value.trim())
        })
    };
    let ours = get("vendor_id")? == "GenuineIntel" && get("cpu family")? == "6";
    ours.then(|| get("model"))??.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::labels::Board;
    use super::*;

    struct Machine(tempfile::TempDir);

    impl Machine {
        /// A machine of that many sockets, with Skylake's two memory controllers each.
        fn new(sockets: u32) -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            machine.file(
                "proc/cpuinfo",
                "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\n",
            );
            for socket in 0..sockets {
                machine.file(
                    &format!("sys/devices/system/cpu/cpu{socket}/topology/physical_package_id"),
                    &format!("{socket}\n"),
                );
                for imc in 0..2 {
                    let mc = socket * 2 + imc;
                    machine.file(
                        &format!("sys/devices/system/edac/mc/mc{mc}/mc_name"),
                        &format!("Skylake Socket#{socket} IMC#{imc}\n"),
                    );
                }
            }
            machine
        }

        fn file(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn dimm(&self, mc: u32, dimm: u32, location: &str, label: &str) {
            let folder = format!("sys/devices/system/edac/mc/mc{mc}/dimm{dimm}");
            self.file(&format!("{folder}/dimm_location"), location);
            self.file(&format!("{folder}/dimm_label"), label);
        }

        fn look(&self) -> Edac {
            let path = |path: &str| self.0.path().join(path);
            Edac::look(&path("sys"), &path("proc"))
        }

        /// The labels of a file of the machine's board.
        fn labels(&self, text: &str) -> Labels {
            self.file("sys/class/dmi/id/board_vendor", "Example\n");
            self.file("sys/class/dmi/id/board_name", "XB\n");
            self.file("labels", &format!("Vendor: Example\nModel: XB\n{text}"));
            let path = |path: &str| self.0.path().join(path);
            Labels::read(&path("labels"), &Board::of(&path("sys")))
        }
    }

    fn slot(imc: u32, channel: u32, dimm: Option<u32>) -> Slot {
        Slot {
            socket: Some(0),
            imc: Some(imc),
            channel: Some(channel),
            dimm,
        }
    }

    #[test]
    fn the_one_dimm_of_a_channel_has_its_label() {
        let machine = Machine::new(1);
        machine.dimm(0, 0, "channel 0 slot 0 \n", "CPU1_A1\n");
        machine.dimm(0, 1, "channel 0 slot 1 \n", "CPU1_A2\n");
        machine.dimm(1, 4, "channel 2 slot 0 \n", "CPU1_F1\n");
        let (edac, none) = (machine.look(), Labels::default());
        let get = |slot: Slot| edac.by_slot(&slot, &none);
        assert_eq!(get(slot(1, 2, None)), Some("CPU1_F1"));
        assert_eq!(get(slot(0, 0, Some(1))), Some("CPU1_A2"));
        // Of two on a channel, the registers do not say which.
        assert_eq!(get(slot(0, 0, None)), None);
        // Nothing is there.
        assert_eq!(get(slot(1, 0, None)), None);
        assert_eq!(get(slot(1, 2, Some(1))), None);
        let unnamed = Slot {
            imc: None,
            ..slot(1, 2, None)
        };
        assert_eq!(get(unnamed), None);
    }

    #[test]
    fn what_is_not_certain_has_none() {
        // Several sockets; a memory controller that is absent; a processor whose numbers are not known.
        let two = Machine::new(2);
        let absent = Machine::new(1);
        fs::remove_dir_all(absent.0.path().join("sys/devices/system/edac/mc/mc1")).unwrap();
        let other = Machine::new(1);
        other.file(
            "proc/cpuinfo",
            "vendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t: 85\n",
        );
        // Layers that say something else, and nothing at all.
        let layers = Machine::new(1);
        layers.dimm(0, 1, "csrow 0 channel 0 \n", "A1\n");
        layers.dimm(0, 2, "channel x slot\n", "A1\n");
        for machine in [&two, &absent, &other] {
            machine.dimm(0, 0, "channel 0 slot 0 \n", "A1\n");
        }
        for machine in [two, absent, other, layers] {
            let labels = machine.labels("B1: 0.0.0\n");
            assert_eq!(machine.look().by_slot(&slot(0, 0, None), &labels), None);
        }
    }

    #[test]
    fn a_file_of_labels_comes_before_the_kernels() {
        let machine = Machine::new(2);
        machine.dimm(
            2,
            0,
            "channel 1 slot 0 \n",
            "CPU_SrcID#1_MC#0_Chan#1_DIMM#0\n",
        );
        let labels = machine.labels("P2-B1: 2.1.0\n");
        let edac = machine.look();
        let place = |controller, layers: [Option<u32>; 3]| EdacPlace { controller, layers };
        let event = place(2, [Some(1), Some(0), None]);
        assert_eq!(edac.by_event(&event, &labels), Some("P2-B1"));
        assert_eq!(edac.by_event(&event, &Labels::default()), None);
        // Which slot of the channel is not known, or it is another controller.
        let others = [
            place(2, [Some(1), None, None]),
            place(0, [Some(1), Some(0), None]),
        ];
        for other in others {
            assert_eq!(edac.by_event(&other, &labels), None);
        }
        let machine = Machine::new(1);
        machine.dimm(0, 0, "channel 1 slot 0 \n", "kernel's\n");
        let labels = machine.labels("B1: 0.1.0\n");
        let (edac, slot) = (machine.look(), slot(0, 1, None));
        assert_eq!(edac.by_slot(&slot, &labels), Some("B1"));
        assert_eq!(edac.by_slot(&slot, &Labels::default()), Some("kernel's"));
    }
}
