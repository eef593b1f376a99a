//! A processor generation: its processors, and the unit behind each of its banks.

use super::{Field, Location, Place, Unit};
use crate::record::Record;
use crate::regs::{CpuSignature, HwId, Ipid, Vendor};

/// Processors of one family whose models and steppings lie in a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// Family, extended family added in.
    pub family: u16,
    /// First model.
    pub first_model: u8,
    /// Last model.
    pub last_model: u8,
    /// First stepping.
    pub first_stepping: u8,
    /// Last stepping.
    pub last_stepping: u8,
    /// What Linux or the vendor calls it.
    pub name: &'static str,
}

impl Cpu {
    /// One model, any stepping.
    #[must_use]
    pub const fn new(family: u16, model: u8, name: &'static str) -> Self {
        Self::models(family, model, model, name)
    }

    /// A range of models, ends included, any stepping.
    ///
    /// # Panics
    ///
    /// While compiling, where the range is empty.
    #[must_use]
    pub const fn models(family: u16, first_model: u8, last_model: u8, name: &'static str) -> Self {
        assert!(first_model <= last_model, "a range of models ascends");
        Self {
            family,
            first_model,
            last_model,
            first_stepping: 0,
            last_stepping: 15,
            name,
        }
    }

    /// The same, for a range of steppings only.
    ///
    /// # Panics
    ///
    /// While compiling, where the range is empty or beyond 15.
    #[must_use]
    pub const fn steppings(mut self, first: u8, last: u8) -> Self {
        assert!(
            first <= last && last <= 15,
            "steppings are 0 to 15 and ascend"
        );
        self.first_stepping = first;
        self.last_stepping = last;
        self
    }

    /// Whether a signature is one of these.
    #[must_use]
    pub const fn matches(&self, signature: CpuSignature) -> bool {
        let (model, stepping) = (signature.model(), signature.stepping());
        signature.family() == self.family
            && self.first_model <= model
            && model <= self.last_model
            && self.first_stepping <= stepping
            && stepping <= self.last_stepping
    }

    /// Whether some signature is one of both.
    #[must_use]
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.family == other.family
            && self.first_model <= other.last_model
            && other.first_model <= self.last_model
            && self.first_stepping <= other.last_stepping
            && other.first_stepping <= self.last_stepping
    }
}

/// A memory slot as one number of its channel within the package and one of the DIMM within the channel, the way in
/// which per-DIMM counters of monitoring programs number them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Slot {
    /// The channel within the package.
    pub channel: Option<u8>,
    /// The DIMM of the channel.
    pub dimm: Option<u8>,
}

/// One slot, two, or none.
pub type Slots = [Option<Slot>; 2];

/// Banks that belong to one unit.
#[derive(Clone, Copy, Debug)]
pub struct Bank {
    /// First bank.
    pub first: u8,
    /// Last bank.
    pub last: u8,
    /// Whose they are.
    pub unit: &'static Unit,
    /// The memory controller, where the number of the bank says so.
    pub imc: Option<u8>,
    /// The memory channel of that controller, where the number of the bank says so.
    pub channel: Option<u8>,
    /// Which of several like units it is (a port of a link, a CHA), where the number of the bank says so.
    pub instance: Option<(Place, u8)>,
}

impl Bank {
    /// One bank.
    #[must_use]
    pub const fn new(number: u8, unit: &'static Unit) -> Self {
        Self::range(number, number, unit)
    }

    /// A range of banks, ends included.
    ///
    /// # Panics
    ///
    /// While compiling, where the range is empty or reaches beyond bank 63.
    #[must_use]
    pub const fn range(first: u8, last: u8, unit: &'static Unit) -> Self {
        assert!(first <= last && last < 64, "banks are 0 to 63 and ascend");
        Self {
            first,
            last,
            unit,
            imc: None,
            channel: None,
            instance: None,
        }
    }

    /// The bank, at a memory controller.
    #[must_use]
    pub const fn imc(mut self, imc: u8) -> Self {
        self.imc = Some(imc);
        self
    }

    /// The bank, at a memory channel of its controller.
    #[must_use]
    pub const fn channel(mut self, channel: u8) -> Self {
        self.channel = Some(channel);
        self
    }

    /// The bank, at an instance of its unit.
    #[must_use]
    pub const fn instance(mut self, instance: u8) -> Self {
        self.instance = Some((Place::Instance, instance));
        self
    }

    /// The bank, at a port of its link.
    #[must_use]
    pub const fn port(mut self, port: u8) -> Self {
        self.instance = Some((Place::Port, port));
        self
    }
}

/// A scalable-MCA unit by its hardware id.
#[derive(Clone, Copy, Debug)]
pub struct SmcaBank {
    /// Hardware id and MCA type.
    pub hwid: HwId,
    /// The unit.
    pub unit: &'static Unit,
}

impl SmcaBank {
    /// The unit behind a hardware id and MCA type.
    #[must_use]
    pub const fn new(hwid: u16, mca_type: u16, unit: &'static Unit) -> Self {
        Self {
            hwid: HwId::new(hwid, mca_type),
            unit,
        }
    }

    const fn key(&self) -> u32 {
        (self.hwid.hwid as u32) << 16 | self.hwid.mca_type as u32
    }
}

/// How a generation's banks are told apart.
#[derive(Clone, Copy, Debug)]
pub enum Banks {
    /// The vendor published nothing beyond the architecture.
    Architectural,
    /// By number.
    Numbered(&'static [Bank]),
    /// By MCA_IPID: this generation's own units, then those that all share.
    Ipid(&'static [SmcaBank], &'static [SmcaBank]),
}

/// A processor generation.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Its name as programs write it: `skylake_server`.
    pub id: &'static str,
    /// Its name as people write it.
    pub name: &'static str,
    /// Other names that it goes by.
    pub aliases: &'static [&'static str],
    /// Its vendor.
    pub vendor: Vendor,
    /// Its processors. None: whatever the vendor made that no other model claims.
    pub cpus: &'static [Cpu],
    /// Its banks.
    pub banks: Banks,
    /// For banks told apart by number: the row of each bank. By MCA_IPID: rows where [`slot`] says to look first, own rows
    /// before shared ones. [`NO_ROW`] where there is none.
    rows: [u8; ROWS],
    /// Fields that every bank has.
    pub common: &'static [&'static Field],
    /// What a table cannot say about the place of an error, computed from the registers.
    pub locate: Option<fn(&Record, &mut Location)>,
    /// The slots that a memory error counts for, where the error code's channel is not the number in the package. Two
    /// where the hardware could not tell them apart.
    pub slots: Option<fn(&Record) -> Slots>,
}

impl Model {
    /// A generation without tables of its own: the architecture is all that is known.
    #[must_use]
    pub const fn architectural(
        id: &'static str,
        name: &'static str,
        aliases: &'static [&'static str],
        vendor: Vendor,
        cpus: &'static [Cpu],
    ) -> Self {
        Self {
            id,
            name,
            aliases,
            vendor,
            cpus,
            banks: Banks::Architectural,
            rows: [NO_ROW; ROWS],
            common: &[],
            locate: None,
            slots: None,
        }
    }

    /// The generation with banks told apart by number.
    ///
    /// # Panics
    ///
    /// While compiling, where the banks do not ascend or overlap.
    #[must_use]
    pub const fn with_banks(mut self, banks: &'static [Bank]) -> Self {
        let mut i = 0;
        while i < banks.len() {
            assert!(
                i == 0 || banks[i - 1].last < banks[i].first,
                "banks ascend, each once"
            );
            let mut number = banks[i].first;
            while number <= banks[i].last {
                self.rows[number as usize] = i as u8;
                number += 1;
            }
            i += 1;
        }
        self.banks = Banks::Numbered(banks);
        self
    }

    /// The generation with banks told apart by MCA_IPID: its own units, then those that all share.
    ///
    /// # Panics
    ///
    /// While compiling, where the hardware ids of a list do not ascend.
    #[must_use]
    pub const fn with_smca(
        mut self,
        own: &'static [SmcaBank],
        shared: &'static [SmcaBank],
    ) -> Self {
        check_smca(own);
        check_smca(shared);
        let (count, mut i) = (own.len() + shared.len(), 0);
        assert!(count < ROWS, "a model has at most 127 kinds of units");
        while i < count {
            // What is added first is found first: a generation's own unit, where the shared list has the id too.
            let bank = if i < own.len() {
                own[i]
            } else {
                shared[i - own.len()]
            };
            let mut slot = slot(bank.hwid);
            while self.rows[slot] != NO_ROW {
                slot = (slot + 1) % ROWS;
            }
            self.rows[slot] = i as u8;
            i += 1;
        }
        self.banks = Banks::Ipid(own, shared);
        self
    }

    /// The generation with fields that every bank has.
    #[must_use]
    pub const fn with_common(mut self, common: &'static [&'static Field]) -> Self {
        self.common = common;
        self
    }

    /// The generation with a function for what tables cannot say about the place of an error.
    #[must_use]
    pub const fn with_locate(mut self, locate: fn(&Record, &mut Location)) -> Self {
        self.locate = Some(locate);
        self
    }

    /// The generation with a function for the slots that a memory error counts for.
    #[must_use]
    pub const fn with_slots(mut self, slots: fn(&Record) -> Slots) -> Self {
        self.slots = Some(slots);
        self
    }

    /// The row of a record's bank, where banks are told apart by number.
    #[must_use]
    #[inline]
    pub fn bank(&self, record: &Record) -> Option<&'static Bank> {
        self.behind(record).0
    }

    /// The unit behind a record's bank.
    #[must_use]
    #[inline]
    pub fn unit(&self, record: &Record) -> Option<&'static Unit> {
        self.behind(record).1
    }

    /// What is behind a record's bank: its row, where banks are told apart by number, and the unit.
    #[must_use]
    #[inline]
    pub fn behind(&self, record: &Record) -> (Option<&'static Bank>, Option<&'static Unit>) {
        match self.banks {
            Banks::Architectural => (None, None),
            Banks::Numbered(banks) => {
                let row = record.bank().and_then(|n| self.rows.get(usize::from(n)));
                let bank = row.and_then(|row| banks.get(usize::from(*row)));
                (bank, bank.map(|bank| bank.unit))
            }
            Banks::Ipid(own, shared) => {
                let hwid = record.ipid().map(Ipid::hwid);
                (None, hwid.and_then(|hwid| self.smca(own, shared, hwid)))
            }
        }
    }

    #[inline]
    fn smca(
        &self,
        own: &'static [SmcaBank],
        shared: &'static [SmcaBank],
        hwid: HwId,
    ) -> Option<&'static Unit> {
        let mut slot = slot(hwid);
        // Ends at a slot that holds nothing: there are more slots than rows.
        loop {
            let row = usize::from(self.rows[slot]);
            let bank = match own.get(row) {
                Some(bank) => bank,
                None => shared.get(row.wrapping_sub(own.len()))?,
            };
            if bank.hwid == hwid {
                return Some(bank.unit);
            }
            slot = (slot + 1) % ROWS;
        }
    }
}

/// How many rows a model finds without a search; a power of two above what any has.
const ROWS: usize = 128;
const NO_ROW: u8 = 0xff;

/// Where the row of a hardware id stands, unless others with the same number came first.
const fn slot(hwid: HwId) -> usize {
    // Types of one hardware id follow each other, hardware ids spread.
    (hwid.hwid as usize)
        .wrapping_mul(SPREAD)
        .wrapping_add(hwid.mca_type as usize)
        % ROWS
}

/// An odd number that puts nearly all units that AMD has named into slots of their own.
const SPREAD: usize = 71;

const fn check_smca(banks: &[SmcaBank]) {
    let mut i = 1;
    while i < banks.len() {
        assert!(
            banks[i - 1].key() < banks[i].key(),
            "hardware ids ascend, each once"
        );
        i += 1;
    }
}
