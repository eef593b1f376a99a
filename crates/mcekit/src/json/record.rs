//! [`Record`] in both directions.

use core::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Unexpected, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Count, Hex, Register};
use crate::record::{Present, Record};
use crate::regs::{
    Addr, CpuSignature, Ipid, McgCap, McgStatus, Misc, Ppin, Status, Synd, Synd1, Synd2, Vendor,
};

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = self.present().bits().count_ones() as usize;
        let mut map = serializer.serialize_map(Some(parts))?;
        // Each entry by itself, not through one function: so the writer knows each key while it is compiled.
        macro_rules! entries {
            ($as:expr, $($key:literal: $value:expr,)*) => {$(
                if let Some(value) = $value {
                    map.serialize_entry(&super::Key($key), &$as(u64::from(value)))?;
                }
            )*};
        }
        entries!(
            Hex,
            "status": self.present().contains(Present::STATUS).then(|| self.status()),
            "misc": self.misc(),
            "addr": self.addr(),
            "mcgstatus": self.mcgstatus(),
            "mcgcap": self.mcgcap(),
            "synd": self.synd(),
            "synd1": self.synd1(),
            "synd2": self.synd2(),
            "ipid": self.ipid(),
            "ip": self.ip(),
            "cs": self.cs(),
            "tsc": self.tsc(),
            "ppin": self.ppin(),
            "cpuid": self.cpuid().map(|signature| signature.0),
            "microcode": self.microcode(),
        );
        entries!(
            u64::from,
            "time": self.time(),
            "cpuvendor": self.vendor().map(|vendor| vendor.0),
            "bank": self.bank(),
            "cpu": self.cpu(),
            "socketid": self.socket(),
            "apicid": self.apicid(),
        );
        map.end()
    }
}

/// Declares the keys that a record may have, and the identifiers that stand for them.
macro_rules! keys {
    ($($key:ident = $($name:literal)|+,)*) => {
        enum Key { $($key,)* Other }

        struct KeyVisitor;

        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Key, E> {
                Ok(match name {
                    $($($name)|+ => Key::$key,)*
                    _ => Key::Other,
                })
            }
        }
    };
}

keys! {
    Status = "status",
    Misc = "misc",
    Addr = "addr",
    McgStatus = "mcgstatus",
    McgCap = "mcgcap",
    Synd = "synd",
    Synd1 = "synd1",
    Synd2 = "synd2",
    Ipid = "ipid",
    Ip = "ip",
    Cs = "cs",
    Tsc = "tsc",
    Ppin = "ppin",
    Cpuid = "cpuid",
    Microcode = "microcode",
    Time = "time" | "walltime",
    CpuVendor = "cpuvendor",
    Bank = "bank",
    Cpu = "cpu",
    SocketId = "socketid" | "socket",
    ApicId = "apicid",
    Vendor = "vendor",
    Family = "family",
    Model = "model",
    Stepping = "stepping",
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

/// A vendor by number or by name.
struct VendorName(Option<Vendor>);

impl<'de> Deserialize<'de> for VendorName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(VendorVisitor)
    }
}

struct VendorVisitor;

impl<'de> Visitor<'de> for VendorVisitor {
    type Value = VendorName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a vendor's name (intel, amd, hygon, zhaoxin …) or the kernel's number for it")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<VendorName, E> {
        match u8::try_from(value) {
            Ok(number) => Ok(VendorName(Some(Vendor(number)))),
            Err(_) => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
        }
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<VendorName, E> {
        let number = || Count::parse(name).and_then(|n| u8::try_from(n).ok());
        match Vendor::from_name(name).or_else(|| number().map(Vendor)) {
            Some(vendor) => Ok(VendorName(Some(vendor))),
            None => Err(E::invalid_value(Unexpected::Str(name), &self)),
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<VendorName, E> {
        Ok(VendorName(None))
    }

    fn visit_none<E: de::Error>(self) -> Result<VendorName, E> {
        Ok(VendorName(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<VendorName, D::Error> {
        VendorName::deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor)
    }
}

struct RecordVisitor;

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a machine-check record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
        let mut record = Record::empty();
        let (mut vendor, mut family, mut model, mut stepping) = (None, None, None, None);
        /// Sets a part of the record, unless the value was null.
        macro_rules! set {
            ($value:expr, $with:ident $(, $wrap:expr)?) => {
                if let Some(value) = $value {
                    record = record.$with($($wrap)?(value));
                }
            };
        }
        while let Some(key) = map.next_key()? {
            match key {
                Key::Status => set!(map.next_value::<Register>()?.0, with_status, Status),
                Key::Misc => set!(map.next_value::<Register>()?.0, with_misc, Misc),
                Key::Addr => set!(map.next_value::<Register>()?.0, with_addr, Addr),
                Key::McgStatus => {
                    set!(map.next_value::<Register>()?.0, with_mcgstatus, McgStatus);
                }
                Key::McgCap => set!(map.next_value::<Register>()?.0, with_mcgcap, McgCap),
                Key::Synd => set!(map.next_value::<Register>()?.0, with_synd, Synd),
                Key::Synd1 => set!(map.next_value::<Register>()?.0, with_synd1, Synd1),
                Key::Synd2 => set!(map.next_value::<Register>()?.0, with_synd2, Synd2),
                Key::Ipid => set!(map.next_value::<Register>()?.0, with_ipid, Ipid),
                Key::Ip => set!(map.next_value::<Register>()?.0, with_ip),
                Key::Cs => set!(
                    map.next_value::<Register>()?
                        .narrow("a code segment of 8 bits")?,
                    with_cs
                ),
                Key::Tsc => set!(map.next_value::<Register>()?.0, with_tsc),
                Key::Ppin => set!(map.next_value::<Register>()?.0, with_ppin, Ppin),
                Key::Cpuid => set!(
                    map.next_value::<Register>()?
                        .narrow("a CPUID signature of 32 bits")?,
                    with_cpuid,
                    CpuSignature
                ),
                Key::Microcode => set!(
                    map.next_value::<Register>()?
                        .narrow("a microcode revision of 32 bits")?,
                    with_microcode
                ),
                Key::Time => set!(map.next_value::<Count>()?.0, with_time),
                Key::CpuVendor => set!(map.next_value::<VendorName>()?.0, with_vendor),
                Key::Bank => set!(
                    map.next_value::<Count>()?.narrow("a bank from 0 to 255")?,
                    with_bank
                ),
                Key::Cpu => set!(
                    map.next_value::<Count>()?
                        .narrow("a CPU number of 32 bits")?,
                    with_cpu
                ),
                Key::SocketId => set!(
                    map.next_value::<Count>()?
                        .narrow("a socket number of 32 bits")?,
                    with_socket
                ),
                Key::ApicId => set!(
                    map.next_value::<Count>()?.narrow("an APIC id of 32 bits")?,
                    with_apicid
                ),
                Key::Vendor => vendor = map.next_value::<VendorName>()?.0,
                Key::Family => family = map.next_value::<Count>()?.narrow("a CPU family")?,
                Key::Model => model = map.next_value::<Count>()?.narrow("a CPU model")?,
                Key::Stepping => stepping = map.next_value::<Count>()?.narrow("a stepping")?,
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if let (None, Some(vendor)) = (record.vendor(), vendor) {
            record = record.with_vendor(vendor);
        }
        if let (None, Some(family), Some(model)) = (record.cpuid(), family, model) {
            let signature = CpuSignature::new(family, model, stepping.unwrap_or(0));
            record = record.with_cpuid(signature);
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn read(json: &str) -> Record {
        serde_json::from_str(json).unwrap()
    }

    fn every_part() -> Record {
        Record::new(255, Status(u64::MAX))
            .with_addr(Addr(0))
            .with_misc(Misc(2))
            .with_mcgstatus(McgStatus(3))
            .with_mcgcap(McgCap(4))
            .with_synd(Synd(5))
            .with_synd1(Synd1(6))
            .with_synd2(Synd2(7))
            .with_ipid(Ipid(8))
            .with_ip(9)
            .with_cs(0x33)
            .with_tsc(11)
            .with_time(12)
            .with_cpu(13)
            .with_socket(14)
            .with_apicid(15)
            .with_cpuid(CpuSignature(0xa00f11))
            .with_vendor(Vendor::AMD)
            .with_ppin(Ppin(17))
            .with_microcode(18)
    }

    #[test]
    fn every_part_survives() {
        let record = every_part();
        assert_eq!(record.present(), Present::all());
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(read(&json), record);
        for part in Present::all().iter() {
            let record = record.without(part);
            let json = serde_json::to_string(&record).unwrap();
            assert_eq!(read(&json), record, "{json}");
        }
    }

    #[test]
    fn registers_are_hex_strings_and_ids_are_numbers() {
        let record = Record::new(5, Status(0xbea0_0000_0000_0108))
            .with_addr(Addr(0))
            .with_vendor(Vendor::AMD)
            .with_time(7);
        assert_eq!(
            serde_json::to_string(&record).unwrap(),
            r#"{"status":"0xbea0000000000108","addr":"0x0","time":7,"cpuvendor":2,"bank":5}"#
        );
    }

    #[test]
    fn what_people_write_is_taken() {
        let expected = Record::new(5, Status(0xbea0_0000_0000_0108))
            .with_vendor(Vendor::AMD)
            .with_cpuid(CpuSignature::new(0x17, 0x31, 0));
        for json in [
            r#"{"bank":5,"status":13735978863480013064,"vendor":"amd","family":23,"model":49}"#,
            r#"{"bank":"5","status":"bea0000000000108","cpuvendor":2,"cpuid":"0x830f10"}"#,
            r#"{"bank":5.0,"status":" 0XBEA0000000000108","vendor":"AuthenticAMD","cpuid":8589072}"#,
            r#"{"id":[1,{}],"bank":"0x5","status":"0xbea0000000000108","cpuvendor":"2","cpuid":"830f10",
                "family":6,"model":1,"vendor":"intel","synd1":null,"expected":{"status":1}}"#,
        ] {
            assert_eq!(read(json), expected, "{json}");
        }
        assert_eq!(read("{}"), Record::empty());
        assert_eq!(read(r#"{"family":6}"#), Record::empty());
    }

    #[test]
    fn what_does_not_fit_is_refused_and_named() {
        for (json, complaint) in [
            (r#"{"bank":256}"#, "a bank from 0 to 255"),
            (r#"{"status":-1}"#, "-1"),
            (r#"{"status":"+1"}"#, "+1"),
            (r#"{"status":"1bea0000000000108"}"#, "1bea0000000000108"),
            (r#"{"status":"zebra"}"#, "zebra"),
            (r#"{"status":1.5}"#, "1.5"),
            (r#"{"status":1e19}"#, "floating point"),
            (r#"{"status":[]}"#, "a hex string"),
            (r#"{"vendor":"acme"}"#, "acme"),
            (r#"{"cpuid":"0x100000000"}"#, "CPUID"),
            (r#"[]"#, "a machine-check record"),
        ] {
            let error = serde_json::from_str::<Record>(json)
                .unwrap_err()
                .to_string();
            assert!(error.contains(complaint), "{json}: {error}");
        }
    }
}
