//! One record, explained.

use core::fmt;

use mcekit::arch::{ErrorClass, ErrorCode};
use mcekit::table::{
    Bank, Field, Location, Model, Place, Register, Role, Slot, Unit, Value, Values, bits,
};
use mcekit::{CpuSignature, HwId, Record, Vendor};

use crate::registry::{find, general};

/// Explains a record with the tables of the processor that it names.
///
/// Never fails: where no processor is named, or its maker published nothing, the parts that are not known are `None`.
#[must_use]
pub fn decode(record: &Record) -> Explained<'_> {
    let model = match (record.vendor(), record.cpuid()) {
        (Some(vendor), Some(signature)) => find(vendor, signature),
        (vendor, signature) => likely(record, vendor, signature),
    };
    Explained::new(record, model)
}

/// The model of a record that names its processor in part or not at all.
#[cold]
fn likely(
    record: &Record,
    vendor: Option<Vendor>,
    signature: Option<CpuSignature>,
) -> Option<&'static Model> {
    let vendor = vendor.unwrap_or(if record.is_amd_like() {
        Vendor::AMD
    } else {
        Vendor::INTEL
    });
    match signature {
        Some(signature) => find(vendor, signature),
        // Scalable MCA names the unit in the record itself.
        None if record.is_smca() => general(vendor, 0x17),
        None => None,
    }
}

/// Explains a record with the tables of a certain model, whatever processor the record names.
#[must_use]
pub fn decode_as<'a>(record: &'a Record, model: &'static Model) -> Explained<'a> {
    Explained::new(record, Some(model))
}

/// What a bank says of which nothing is published: that there is a model-specific code, and which.
static UNPUBLISHED: &[&Field] = &[&Field::codes("mscod", Register::Status, bits(31, 16), &[])];

/// What a vendor's tables say about one record: computed, never stored.
///
/// `{}` shows it in one line, `{:#}` one fact a line.
#[derive(Clone, Copy, Debug)]
pub struct Explained<'a> {
    record: &'a Record,
    model: Option<&'static Model>,
    bank: Option<&'static Bank>,
    unit: Option<&'static Unit>,
}

impl<'a> Explained<'a> {
    #[inline]
    fn new(record: &'a Record, model: Option<&'static Model>) -> Self {
        let (bank, unit) = model.map_or((None, None), |model| model.behind(record));
        Self {
            record,
            model,
            bank,
            unit,
        }
    }

    /// The record.
    #[must_use]
    pub const fn record(&self) -> &'a Record {
        self.record
    }

    /// The processor's generation.
    #[must_use]
    pub const fn model(&self) -> Option<&'static Model> {
        self.model
    }

    /// The unit that the bank belongs to.
    #[must_use]
    pub const fn unit(&self) -> Option<&'static Unit> {
        self.unit
    }

    /// The row of the bank, where banks are told apart by number.
    #[must_use]
    pub const fn bank(&self) -> Option<&'static Bank> {
        self.bank
    }

    /// AMD scalable MCA: the name of the unit behind MCA_IPID.
    #[must_use]
    pub fn bank_type(&self) -> Option<&'static str> {
        self.record.is_smca().then_some(self.unit?.name)
    }

    /// AMD scalable MCA: the hardware id and MCA type, where no table has them.
    #[must_use]
    pub fn unknown_hwid(&self) -> Option<HwId> {
        let hwid = self.record.ipid()?.hwid();
        (self.record.is_smca() && self.unit.is_none()).then_some(hwid)
    }

    /// AMD scalable MCA: the extended error code.
    #[must_use]
    pub fn xec(&self) -> Option<u8> {
        self.record
            .is_smca()
            .then(|| self.record.status().extended_error_code())
    }

    /// What the unit's fields say, in the manual's order. Nothing, where MCi_STATUS is not valid or was not captured.
    #[must_use]
    #[inline]
    pub fn values(&self) -> Values<'a> {
        let hardware = self.bank_of_hardware();
        let mut lists: (&[_], &[_], &[_]) = (&[], &[], &[]);
        if self.readable() {
            match self.unit {
                Some(unit) if !unit.fields().is_empty() || !unit.grouped().is_empty() => {
                    (lists.0, lists.1) = (unit.fields(), unit.grouped());
                }
                _ if hardware && !self.record.is_amd_like() => lists.0 = UNPUBLISHED,
                _ => {}
            }
            if let Some(model) = self.model
                && hardware
            {
                lists.2 = model.common;
            }
        }
        Values::new(self.record, lists.0, lists.1, lists.2)
    }

    /// Where the error is, as far as the registers say.
    #[must_use]
    pub fn location(&self) -> Location {
        let mut location = self.bank_location();
        self.values().places(|place, raw| {
            if let Ok(n) = u32::try_from(raw) {
                location.set(place, n);
            }
        });
        self.locate(&mut location);
        location
    }

    /// What the registers say about the place within a DIMM: bank, row, column and who is to blame.
    #[must_use]
    pub fn dimm_address(&self) -> Option<DimmAddress> {
        self.summary().address
    }

    /// What corrected the error, where that was not ECC: `mirroring with channel failover`.
    #[must_use]
    pub fn corrected_by(&self) -> Option<&'static str> {
        self.summary().corrected_by
    }

    /// The location, for a caller that has the values of [`Self::values`] at hand.
    #[must_use]
    pub fn location_of(&self, values: impl IntoIterator<Item = Value>) -> Location {
        let mut location = self.bank_location();
        for value in values {
            place(&value, &mut location);
        }
        self.locate(&mut location);
        location
    }

    /// What the model computes beyond its tables.
    fn locate(&self, location: &mut Location) {
        if let Some(locate) = self.model.and_then(|model| model.locate)
            && self.readable()
        {
            locate(self.record, location);
        }
    }

    /// What the values say together, in one pass over them: for callers that want more than one of these.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut parts = self.parts();
        self.values().for_each(|value| parts.add(&value));
        self.sum(parts)
    }

    /// What is known before the values are asked.
    pub(crate) fn parts(&self) -> Parts {
        Parts {
            location: self.bank_location(),
            address: DimmAddress::default(),
            corrected_by: None,
            corrected: !self.record.status().uc(),
        }
    }

    /// What was gathered from the values, with what the model computes beyond its tables.
    pub(crate) fn sum(&self, mut parts: Parts) -> Summary {
        self.locate(&mut parts.location);
        Summary {
            location: parts.location,
            address: parts.address.row.map(|_| parts.address),
            corrected_by: parts.corrected_by,
        }
    }

    /// What the socket, the bank's number, the error code and MCA_IPID say about the place.
    fn bank_location(&self) -> Location {
        let mut location = Location::default();
        if let Some(socket) = self.record.socket() {
            location.set(Place::Socket, socket);
        }
        if !self.readable() {
            return location;
        }
        if let Some(bank) = self.bank {
            if let Some(imc) = bank.imc {
                location.set(Place::Imc, imc.into());
            }
            if let Some(channel) = bank.channel {
                location.set(Place::Channel, channel.into());
            }
            if let Some((place, instance)) = bank.instance {
                location.set(place, instance.into());
            }
        }
        if let Some(channel) = ErrorCode::of(self.record).channel()
            && location.get(Place::Channel).is_none()
            && self.bank_of_hardware()
        {
            location.set(Place::Channel, channel.into());
        }
        if let Some(ipid) = self.record.ipid().filter(|_| self.record.is_smca()) {
            location.set(Place::Instance, ipid.instance_id());
        }
        location
    }

    /// The slots that a memory error counts for, numbered as mcelog's memory database does.
    ///
    /// At most two: some processors cannot tell which of two DIMMs failed.
    pub fn mcelog_location(&self) -> impl Iterator<Item = McelogSlot> + use<> {
        let decoding = ErrorCode::of(self.record);
        let counts = decoding.class() == ErrorClass::MemoryController && !self.record.is_amd_like();
        let slots = match self.model.and_then(|model| model.slots) {
            _ if !counts => [None, None],
            Some(slots) => slots(self.record),
            None => [
                Some(Slot {
                    channel: decoding.channel(),
                    dimm: None,
                }),
                None,
            ],
        };
        // mcelog counts what the register says only where MCG_CAP was given and says that it is a count.
        let corrected_count = match self.record.mcgcap() {
            Some(cap) if cap.cmci_p() => self.record.status().corrected_count(),
            _ => 0,
        };
        slots.into_iter().flatten().map(move |slot| McelogSlot {
            channel: slot.channel.map_or(-1, i16::from),
            dimm: slot.dimm.map_or(-1, i16::from),
            corrected_count,
        })
    }

    /// Whether the bank is one of the processor's, not one that software made up.
    fn bank_of_hardware(&self) -> bool {
        self.record.bank().is_some_and(|bank| bank < 128)
    }

    /// Whether MCi_STATUS holds an error.
    fn readable(&self) -> bool {
        let status = self.record.status();
        status.val() && !status.not_captured()
    }
}

/// What a value adds to the location.
fn place(value: &Value, location: &mut Location) {
    if let Some(place) = value.field.place()
        && let Ok(n) = u32::try_from(value.raw)
    {
        location.set(place, n);
    }
}

/// What values say together, while they are asked one by one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    location: Location,
    address: DimmAddress,
    corrected_by: Option<&'static str>,
    /// Whether the error was corrected.
    corrected: bool,
}

impl Parts {
    pub(crate) fn add(&mut self, value: &Value) {
        match value.field.says() {
            None => return,
            Some(Role::At(_)) => place(value, &mut self.location),
            Some(Role::CorrectedBy) if self.corrected => self.corrected_by = value.text(),
            Some(_) => {}
        }
        self.address.take(value);
    }
}

/// What the values of a record say together; see [`Explained::summary`].
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// As [`Explained::location`].
    pub location: Location,
    /// As [`Explained::dimm_address`].
    pub address: Option<DimmAddress>,
    /// As [`Explained::corrected_by`].
    pub corrected_by: Option<&'static str>,
}

/// A slot as mcelog's memory database numbers it; -1 is "unknown".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct McelogSlot {
    /// The channel within the package.
    pub channel: i16,
    /// The DIMM of the channel.
    pub dimm: i16,
    /// How many corrected errors the record stands for.
    pub corrected_count: u16,
}

/// The place within a DIMM, each part only where the registers give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct DimmAddress {
    /// Bank of the group.
    pub bank: Option<u32>,
    /// Bank group.
    pub bankgroup: Option<u32>,
    /// Row.
    pub row: Option<u32>,
    /// Column.
    pub column: Option<u32>,
    /// The devices that failed; two for high-bandwidth memory.
    pub failed_device: [Option<u32>; 2],
    /// Rank.
    pub rank: Option<u32>,
    /// Sub-rank.
    pub subrank: Option<u32>,
    /// Chip select.
    pub chipselect: Option<u32>,
    /// Half of a DDR5 channel.
    pub subchan: Option<u32>,
    /// The ECC mode of the memory.
    pub ecc_mode: Option<&'static str>,
    /// The error did not repeat; no device is to blame.
    pub transient: bool,
    /// The size of a read of high-bandwidth memory.
    pub hbm_read: Option<&'static str>,
}

impl DimmAddress {
    fn take(&mut self, value: &Value) {
        let number = u32::try_from(value.raw).ok();
        match value.field.says() {
            Some(Role::At(place)) => {
                let slot = match place {
                    Place::Bank => &mut self.bank,
                    Place::BankGroup => &mut self.bankgroup,
                    Place::Row => &mut self.row,
                    Place::Column => &mut self.column,
                    Place::Chip => &mut self.failed_device[0],
                    Place::Chip2 => &mut self.failed_device[1],
                    Place::Rank => &mut self.rank,
                    Place::SubRank => &mut self.subrank,
                    Place::ChipSelect => &mut self.chipselect,
                    Place::SubChannel => &mut self.subchan,
                    _ => return,
                };
                *slot = number;
            }
            Some(Role::EccMode(unknown)) => self.ecc_mode = Some(value.text().unwrap_or(unknown)),
            Some(Role::Transient) => self.transient = value.raw != 0,
            Some(Role::HbmRead) => self.hbm_read = value.text(),
            _ => {}
        }
    }
}

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = if f.alternate() { "\n  " } else { "; " };
        match self.model {
            Some(model) => f.write_str(model.name)?,
            None => f.write_str("unknown processor")?,
        }
        if let Some(unit) = self.unit {
            f.write_str(between)?;
            write!(f, "{}", unit.id)?;
            if unit.id != unit.name {
                write!(f, ": {}", unit.name)?;
            }
        } else if let Some(hwid) = self.unknown_hwid() {
            write!(f, "{between}unknown unit, {hwid}")?;
        }
        for value in self.values() {
            write!(f, "{between}{value}")?;
        }
        let location = self.location();
        if !location.is_empty() {
            f.write_str(between)?;
            for (i, (place, value)) in location.iter().enumerate() {
                write!(
                    f,
                    "{}{} {value}",
                    if i == 0 { "" } else { ", " },
                    place.name()
                )?;
            }
        }
        if let Some(fru) = self.record.fru_text() {
            write!(f, "{between}FRU {fru}")?;
        }
        Ok(())
    }
}
