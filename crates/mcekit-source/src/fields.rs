//! A trace event's bytes as a [`Record`] or as a [`Generic`] event: fields by name, looked up once for each format.

use mcekit::wire::{MAX_LEN, Mce, Wire};
use mcekit::{Present, Record, Synd1, Synd2, Vendor};
use tracefs::format::{Element, Field, Kind, Place};
use tracefs::print::{PrintFmt, Symbols};
use tracefs::{Accessor, Format, Value};

use crate::{Channel, FieldValue, Generic, Result};

/// How a kernel lays out `mce:mce_record`: the event is `struct mce` in another order.
///
/// Fields that came with later kernels (`synd` and `ipid` in 4.10, `ppin` and `microcode` in 6.10, `v_data` in 6.13)
/// are absent from the records of those that lack them.
#[derive(Clone, Debug)]
pub struct MceFields {
    id: u32,
    numbers: Vec<(Accessor, Number)>,
    v_data: Option<Accessor>,
    absent: Present,
}

/// Puts a number into its place of the struct.
type Number = fn(&mut Mce, u64);

/// The fields: name in the event, what they are in a record, place in the struct.
const FIELDS: [(&str, Present, Number); 19] = [
    ("status", Present::STATUS, |m, n| m.status = n),
    ("misc", Present::MISC, |m, n| m.misc = n),
    ("addr", Present::ADDR, |m, n| m.addr = n),
    ("mcgstatus", Present::MCGSTATUS, |m, n| m.mcgstatus = n),
    ("ip", Present::IP, |m, n| m.ip = n),
    ("tsc", Present::TSC, |m, n| m.tsc = n),
    ("walltime", Present::TIME, |m, n| m.time = n),
    ("cpuvendor", Present::VENDOR, |m, n| m.cpuvendor = n as u8),
    ("cpuid", Present::CPUID, |m, n| m.cpuid = n as u32),
    ("cs", Present::CS, |m, n| m.cs = n as u8),
    ("bank", Present::BANK, |m, n| m.bank = n as u8),
    ("cpu", Present::CPU, |m, n| m.extcpu = n as u32),
    ("socketid", Present::SOCKET, |m, n| m.socketid = n as u32),
    ("apicid", Present::APICID, |m, n| m.apicid = n as u32),
    ("mcgcap", Present::MCGCAP, |m, n| m.mcgcap = n),
    ("synd", Present::SYND, |m, n| m.synd = n),
    ("ipid", Present::IPID, |m, n| m.ipid = n),
    ("ppin", Present::PPIN, |m, n| m.ppin = n),
    ("microcode", Present::MICROCODE, |m, n| {
        m.microcode = n as u32;
    }),
];

impl MceFields {
    /// Looks the fields up.
    ///
    /// # Errors
    ///
    /// [`tracefs::Error::NoField`] for an event without `status` or `bank`: that is no `mce_record`.
    pub fn new(format: &Format) -> Result<Self> {
        let mut numbers = Vec::with_capacity(FIELDS.len());
        let mut absent = Present::empty();
        for (name, part, put) in FIELDS {
            match format.accessor(name) {
                Ok(accessor) => numbers.push((accessor, put)),
                Err(error) if matches!(name, "status" | "bank") => return Err(error.into()),
                Err(_) => absent |= part,
            }
        }
        Ok(Self {
            id: format.id(),
            numbers,
            v_data: format.accessor("v_data").ok(),
            absent,
        })
    }

    /// The event's id in this boot.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// The machine check in an event's bytes, from `common_type` on. `None`: they are too short for it.
    ///
    /// What the kernel left at zero is absent as in [`Wire::record`].
    #[must_use]
    pub fn record(&self, data: &[u8]) -> Option<Record> {
        let mut mce = Mce::default();
        for (accessor, put) in &self.numbers {
            put(&mut mce, accessor.u64(data)?);
        }
        let wire = Wire {
            mce,
            len: MAX_LEN,
            surplus: 0,
        };
        let record = wire.record().without(self.absent);
        Some(self.with_vendor_data(record, data))
    }

    /// SYND1 and SYND2: `struct mce_hw_err` has them as two words for its vendor, which only scalable MCA fills, and
    /// only with a valid syndrome (`mce_read_aux`, arch/x86/kernel/cpu/mce/core.c).
    fn with_vendor_data(&self, record: Record, data: &[u8]) -> Record {
        let amd = matches!(record.vendor(), Some(Vendor::AMD | Vendor::HYGON));
        if !amd || !record.is_smca() || !record.status().syndv() {
            return record;
        }
        let words = || {
            let (synd1, rest) = self.v_data?.bytes(data)?.split_first_chunk::<8>()?;
            let synd2 = rest.first_chunk::<8>()?;
            Some((u64::from_ne_bytes(*synd1), u64::from_ne_bytes(*synd2)))
        };
        match words() {
            Some((synd1, synd2)) => record.with_synd1(Synd1(synd1)).with_synd2(Synd2(synd2)),
            None => record,
        }
    }
}

/// How a kernel lays out an event of which nothing is known but its format.
#[derive(Clone, Debug)]
pub struct GenericFields {
    system: String,
    format: Format,
    print: Option<PrintFmt>,
    /// The print fmt has `%pU`: 16 characters are a UUID.
    uuids: bool,
}

impl GenericFields {
    /// Of an event of that system.
    #[must_use]
    pub fn new(system: &str, format: Format) -> Self {
        Self {
            system: system.into(),
            // An event whose print fmt is beyond us has its fields all the same.
            print: PrintFmt::compile(&format, &Symbols::new()).ok(),
            uuids: format.print_text().is_some_and(|text| text.contains("%pU")),
            format,
        }
    }

    /// The event's id in this boot.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.format.id()
    }

    /// The event in these bytes, with all its own fields (not `common_*`) and its text. A field that the bytes do not hold is left
    /// out.
    #[must_use]
    pub fn event(
        &self,
        channel: Channel,
        cpu: u32,
        time: Option<(u64, u32)>,
        data: &[u8],
    ) -> Generic {
        let fields = self
            .format
            .event_fields()
            .filter_map(|field| Some((field.name().to_owned(), self.value(field, data)?)))
            .collect();
        Generic {
            system: self.system.clone(),
            name: self.format.name().into(),
            channel,
            cpu: Some(cpu),
            time,
            fields,
            text: self
                .print
                .as_ref()
                .map(|print| print.display(data).to_string().trim_end().to_owned()),
        }
    }

    fn value(&self, field: Field<'_>, data: &[u8]) -> Option<FieldValue> {
        let accessor = field.accessor();
        let uuid = self.uuids
            && field.array_len() == 16
            && matches!(
                field.kind(),
                Kind::Array {
                    place: Place::Fixed,
                    element: Element::Char
                }
            );
        if uuid {
            return Some(FieldValue::Bytes(accessor.bytes(data)?.to_vec()));
        }
        Some(match accessor.value(data)? {
            Value::Unsigned(value) => FieldValue::Unsigned(value),
            Value::Signed(value) => FieldValue::Signed(value),
            Value::Text(text) => FieldValue::Text(text.to_string()),
            Value::Array(array) => FieldValue::Bytes(array.as_bytes().to_vec()),
            Value::Bytes(bytes) => FieldValue::Bytes(bytes.to_vec()),
            other => FieldValue::Text(other.to_string()),
        })
    }
}

/// What events of one boot are, by their ids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogue {
    mce: Option<MceFields>,
    others: Vec<GenericFields>,
}

/// An event's bytes, told apart.
#[derive(Debug)]
pub(crate) enum Known {
    Mce(Record),
    Generic(Generic),
}

impl Catalogue {
    /// Adds an event; `mce:mce_record` is recognised.
    pub(crate) fn add(&mut self, system: &str, format: Format) -> Result<()> {
        if system == "mce" && format.name() == "mce_record" {
            self.mce = Some(MceFields::new(&format)?);
        } else {
            self.others.push(GenericFields::new(system, format));
        }
        Ok(())
    }

    /// The system of an event that was added, by its name.
    pub(crate) fn system_of(&self, name: &str) -> Option<&str> {
        if name == "mce_record" && self.mce.is_some() {
            return Some("mce");
        }
        self.others
            .iter()
            .find(|other| other.format.name() == name)
            .map(|other| other.system.as_str())
    }

    /// What the bytes are. `None`: an event that was not added, or a damaged one.
    pub(crate) fn read(
        &self,
        channel: Channel,
        cpu: u32,
        time: Option<(u64, u32)>,
        data: &[u8],
    ) -> Option<Known> {
        let id = u32::from(u16::from_ne_bytes(*data.first_chunk()?));
        if let Some(mce) = self.mce.as_ref().filter(|mce| mce.id == id) {
            return mce.record(data).map(Known::Mce);
        }
        self.others
            .iter()
            .find(|other| other.id() == id)
            .map(|other| Known::Generic(other.event(channel, cpu, time, data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The event of a kernel: its fields with their sizes, in order, behind the eight common bytes.
    fn format(fields: &[(&str, &str, usize)], print: &str) -> Format {
        let mut text = String::from(
            "name: mce_record\nID: 113\nformat:\n\
             \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n",
        );
        let mut at = 8;
        for (kind, name, size) in fields {
            text += &format!("\tfield:{kind} {name};\toffset:{at};\tsize:{size};\tsigned:0;\n");
            at += size;
        }
        text += &format!("\nprint fmt: {print}\n");
        Format::parse(text.as_bytes()).unwrap()
    }

    const STATUS: u64 = 0x9c00_0000_0001_0135;

    #[test]
    fn an_old_kernels_event_lacks_what_it_lacks() {
        let format = format(
            &[("u64", "status", 8), ("u8", "bank", 1), ("u8", "cs", 1)],
            "\"\"",
        );
        let fields = MceFields::new(&format).unwrap();
        let mut data = vec![113, 0, 0, 0, 0, 0, 0, 0];
        data.extend(STATUS.to_ne_bytes());
        data.extend([5, 0x10]);
        let record = fields.record(&data).unwrap();
        assert_eq!(record.status().0, STATUS);
        assert_eq!(record.bank(), Some(5));
        assert_eq!(record.cs(), Some(0x10));
        assert_eq!(
            record.present(),
            Present::STATUS | Present::BANK | Present::CS,
            "ADDR is claimed valid, and not in the event"
        );
        assert_eq!(fields.record(&data[..12]), None);
    }

    #[test]
    fn no_field_of_the_newest_kernels_is_missed() {
        // As Linux 6.13 to 7.3 have it.
        let text = include_bytes!("../../tracefs/fixtures/formats/6.13/mce/mce_record/format");
        let fields = MceFields::new(&Format::parse(text).unwrap()).unwrap();
        assert_eq!(fields.absent, Present::empty());
        assert!(fields.v_data.is_some());
        let format = Format::parse(text).unwrap();
        let known = |name| name == "v_data" || FIELDS.iter().any(|field| field.0 == name);
        assert!(format.event_fields().all(|field| known(field.name())));
    }

    #[test]
    fn the_words_for_the_vendor_are_amds_syndromes() {
        let format = format(
            &[
                ("u64", "status", 8),
                ("u64", "synd", 8),
                ("u64", "ipid", 8),
                ("u32", "cpuid", 4),
                ("u8", "bank", 1),
                ("u8", "cpuvendor", 1),
                ("u16", "hole", 2),
                ("__data_loc u8[]", "v_data", 4),
            ],
            "\"\"",
        );
        let fields = MceFields::new(&format).unwrap();
        let event = |status: u64, vendor: u8, ipid: u64| {
            let mut data = vec![113, 0, 0, 0, 0, 0, 0, 0];
            data.extend(status.to_ne_bytes());
            data.extend(1u64.to_ne_bytes());
            data.extend(ipid.to_ne_bytes());
            data.extend(0x00a2_0f10_u32.to_ne_bytes());
            data.extend([2, vendor, 0, 0]);
            let at = data.len() as u32 + 4;
            data.extend((16 << 16 | at).to_ne_bytes());
            data.extend(0x1111u64.to_ne_bytes());
            data.extend(0x2222u64.to_ne_bytes());
            fields.record(&data).unwrap()
        };
        let syndv = STATUS | 1 << 53;
        let record = event(syndv, 2, 0x9600_0000_0000);
        assert_eq!(record.synd1(), Some(Synd1(0x1111)));
        assert_eq!(record.synd2(), Some(Synd2(0x2222)));
        for other in [
            event(syndv & !(1 << 53), 2, 0x9600_0000_0000),
            event(syndv, 0, 0x9600_0000_0000),
        ] {
            assert_eq!((other.synd1(), other.synd2()), (None, None));
        }
    }

    #[test]
    fn a_generic_event_has_every_field_and_the_kernels_text() {
        let text = b"name: non_standard_event\nID: 9\nformat:\n\
            \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\
            \tfield:char sec_type[16];\toffset:8;\tsize:16;\tsigned:1;\n\
            \tfield:u8 sev;\toffset:24;\tsize:1;\tsigned:0;\n\
            \tfield:s8 layer;\toffset:25;\tsize:1;\tsigned:1;\n\
            \tfield:__data_loc char[] fru_text;\toffset:28;\tsize:4;\tsigned:1;\n\n\
            print fmt: \"severity: %d; sec type:%pU; FRU: %s\", REC->sev, REC->sec_type, __get_str(fru_text)\n";
        let fields = GenericFields::new("ras", Format::parse(text).unwrap());
        let mut data = vec![9, 0, 0, 0, 0, 0, 0, 0];
        data.extend([0; 15]);
        data.extend([7, 2, 0xff, 0, 0]);
        data.extend((5u32 << 16 | 32).to_ne_bytes());
        data.extend(b"DIMM\0");
        let event = fields.event(Channel::Trace, 3, Some((1, 2)), &data);
        assert_eq!(
            (&*event.system, &*event.name),
            ("ras", "non_standard_event")
        );
        let mut uuid = vec![0; 15];
        uuid.push(7);
        assert_eq!(
            event.fields,
            [
                ("sec_type".into(), FieldValue::Bytes(uuid)),
                ("sev".into(), FieldValue::Unsigned(2)),
                ("layer".into(), FieldValue::Signed(-1)),
                ("fru_text".into(), FieldValue::Text("DIMM".into())),
            ]
        );
        let text = event.text.unwrap();
        assert!(
            text.starts_with("severity: 2; ") && text.ends_with("FRU: DIMM"),
            "{text}"
        );
    }
}
