//! [`Decoding`], outwards.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Hex, Key, Plain};
use crate::arch::decoding::each_flag;
use crate::arch::{Address, Decoding, ErrorClass, ErrorCode, Level, SoftwareBank, Transaction};
use crate::regs::{McgStatus, Status, Threshold};
use crate::severity::{Context, Grade, amd_status_text};

impl Serialize for Decoding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.serialize_fields(&mut map)?;
        map.serialize_entry(&Key("text"), &Text(self))?;
        map.end()
    }
}

impl Decoding {
    /// Writes the fields of the decoding into an object that the caller has begun, all but `text`: for programs that
    /// add what they know of the model.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize_fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.serialize_code(map)?;
        each_flag!(self, |name, set| map.serialize_entry(&Key(name), &set)?);
        if self.status().not_captured() {
            map.serialize_entry(&Key("not_captured"), &true)?;
        }
        if let Some(software) = self.software_bank {
            map.serialize_entry(&Key("software_bank"), &Plain(software_name(software)))?;
        }
        if self.amd_like {
            map.serialize_entry(&Key("ecc"), &self.ecc.map(|ecc| Plain(ecc.name())))?;
        }
        if let Some(threshold) = self.threshold.and_then(threshold_name) {
            map.serialize_entry(&Key("threshold"), &Plain(threshold))?;
        }
        if let Some(requester) = self.io_mca {
            map.serialize_entry(&Key("iomca"), &Text(requester))?;
        }
        if let Some(count) = self.corrected_count {
            map.serialize_entry(&Key("corrected_count"), &count)?;
        }
        if let Some(address) = &self.address {
            map.serialize_entry(&Key("address"), address)?;
        }
        if let Some(text) = self.record.fru_text() {
            map.serialize_entry(&Key("frutext"), text.as_str())?;
        }
        if let Some(mcg) = self.record.mcgstatus() {
            map.serialize_entry(&Key("mcg"), &Mcg(mcg))?;
        }
        map.serialize_entry(&Key("severity"), &Graded(self))
    }

    fn serialize_code<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let class = self.code.class();
        // AMD has no class for codes outside of its list; Intel's manual calls them unknown.
        let named = !(self.amd_like && class == ErrorClass::Unknown);
        if named {
            map.serialize_entry(&Key("class"), &Plain(class.name()))?;
        }
        match self.code {
            ErrorCode::Simple(simple) => {
                map.serialize_entry(&Key("simple"), &Plain(simple.name()))?;
            }
            ErrorCode::Internal(internal) => {
                map.serialize_entry(&Key("internal"), &Plain(internal.name()))?;
            }
            ErrorCode::InternalUnclassified(_)
            | ErrorCode::ExtendedMemory(..)
            | ErrorCode::Unknown(_) => {
                let mut code = u64::from(self.status().error_code());
                if !self.amd_like {
                    code &= !Status::FILTER;
                }
                map.serialize_entry(&Key("code"), &Hex(code))?;
            }
            _ => {}
        }
        let (mut level, mut transaction) = (self.code.level(), self.code.transaction());
        if !named {
            // As the kernel reads the low bits of any AMD code that is neither internal nor of the bus.
            let code = self.status().error_code();
            level = Some(Level::from_bits(code));
            transaction = Some(Transaction::from_bits(code >> 2));
        }
        if let Some(level) = level {
            map.serialize_entry(&Key("level"), &level.bits())?;
        }
        if let Some(transaction) = transaction {
            map.serialize_entry(&Key("transaction"), &Plain(transaction.name()))?;
        }
        if let Some(request) = self.code.request() {
            map.serialize_entry(&Key("request"), &Plain(request.name()))?;
        }
        if let ErrorCode::BusInterconnect {
            participation,
            timeout,
            memory_io,
            ..
        } = self.code
        {
            map.serialize_entry(&Key("participation"), &Plain(participation.name()))?;
            map.serialize_entry(&Key("memory_io"), &Plain(memory_io.name()))?;
            map.serialize_entry(&Key("timeout"), &timeout)?;
        }
        if let Some(op) = self.code.memory_op() {
            map.serialize_entry(&Key("memory_op"), &Plain(op.name()))?;
            map.serialize_entry(&Key("channel"), &self.code.channel())?;
            map.serialize_entry(&Key("channel_specified"), &self.code.channel().is_some())?;
        }
        Ok(())
    }
}

/// Anything that shows itself, as a string.
struct Text<T>(T);

impl<T: core::fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

const fn software_name(software: SoftwareBank) -> &'static str {
    match software {
        SoftwareBank::Thermal => "thermal",
        SoftwareBank::Threshold => "threshold",
        SoftwareBank::ThresholdDram => "threshold-dram",
        SoftwareBank::ThresholdLink => "threshold-link",
        SoftwareBank::ThresholdL3 => "threshold-l3",
        SoftwareBank::ThresholdFbdimm => "threshold-fbdimm",
        SoftwareBank::Timeout => "timeout",
        SoftwareBank::Firmware => "firmware",
        SoftwareBank::Other => "other",
    }
}

const fn threshold_name(threshold: Threshold) -> Option<&'static str> {
    match threshold {
        Threshold::NotTracked => None,
        Threshold::Green => Some("green"),
        Threshold::Yellow => Some("yellow"),
        Threshold::Reserved => Some("res3"),
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(&Key("address"), &Hex(self.address))?;
        map.serialize_entry(&Key("lsb"), &self.lsb)?;
        if let Some(mode) = self.mode {
            map.serialize_entry(&Key("mode"), &Plain(mode.name()))?;
        }
        map.serialize_entry(&Key("physical"), &self.physical)?;
        map.end()
    }
}

struct Mcg(McgStatus);

impl Serialize for Mcg {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry(&Key("ripv"), &self.0.ripv())?;
        map.serialize_entry(&Key("eipv"), &self.0.eipv())?;
        map.serialize_entry(&Key("mcip"), &self.0.mcip())?;
        map.serialize_entry(&Key("lmce"), &self.0.lmce())?;
        map.end()
    }
}

/// The grade: our word for it, the rule, what to do; then what the kernel says, context by context.
struct Graded<'a>(&'a Decoding);

impl Serialize for Graded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = &self.0.record;
        let grades = Grade::in_each_context(record);
        let grade = grades[Context::of(record) as usize];
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(&Key("grade"), &Plain(grade.severity.id()))?;
        map.serialize_entry(&Key("rule"), &Plain(grade.rule))?;
        map.serialize_entry(&Key("action"), &Plain(grade.action().name()))?;
        map.serialize_entry(&Key("kernel"), &Kernel(grades))?;
        if self.0.amd_like {
            map.serialize_entry(&Key("kernel_text"), &Plain(amd_status_text(record)))?;
        }
        map.end()
    }
}

/// A grade for each context.
struct Kernel([Grade; Context::ALL.len()]);

impl Serialize for Kernel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [poll, user, kernel, recoverable] = self.0.map(InContext);
        let mut map = serializer.serialize_map(Some(Context::ALL.len()))?;
        map.serialize_entry(&const { Key(Context::Poll.name()) }, &poll)?;
        map.serialize_entry(&const { Key(Context::User.name()) }, &user)?;
        map.serialize_entry(&const { Key(Context::Kernel.name()) }, &kernel)?;
        map.serialize_entry(
            &const { Key(Context::KernelRecoverable.name()) },
            &recoverable,
        )?;
        map.end()
    }
}

struct InContext(Grade);

impl Serialize for InContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(&Key("sev"), &Plain(self.0.severity.name()))?;
        if let Some(message) = self.0.message {
            map.serialize_entry(&Key("msg"), &Plain(message))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Addr, CpuSignature, Ipid, McgStatus, Misc, Record, Status, Vendor};
    use serde_json::{Value, json};

    fn decoded(record: &Record) -> Value {
        serde_json::to_value(record.decode()).unwrap()
    }

    /// Every field of `expected` is in `got`; where `expected` has null, `got` may have nothing.
    fn agrees(got: &Value, expected: &Value) {
        for (key, value) in expected.as_object().unwrap() {
            let found = got.get(key).unwrap_or(&Value::Null);
            if value.is_object() {
                agrees(found, value);
            } else {
                assert_eq!(found, value, "{key} in {got:#}");
            }
        }
    }

    #[test]
    fn intel_memory_error() {
        let record = Record::new(9, Status(0x8c40_0080_0010_10c1))
            .with_vendor(Vendor::INTEL)
            .with_addr(Addr(0x1_2345_6789))
            .with_misc(Misc(0x8c))
            .with_mcgstatus(McgStatus(0));
        agrees(
            &decoded(&record),
            &json!({
                "class": "memory-controller", "memory_op": "scrub", "channel": 1, "channel_specified": true,
                "level": null, "code": null, "deferred": null, "ecc": null,
                "val": true, "uc": false, "s": false, "corrected_filtering": true, "threshold": "yellow",
                "corrected_count": 2, "mcg": {"ripv": false, "lmce": false},
                "address": {"address": "0x123456000", "lsb": 12, "mode": "physical", "physical": true},
                "severity": {"grade": "corrected", "action": "watch", "kernel_text": null,
                    "kernel": {"poll": {"sev": "KEEP", "msg": "Non signaled machine check"},
                               "mc_user": {"sev": "NO", "msg": "Not enabled"}}},
            }),
        );
    }

    #[test]
    fn intel_io_and_codes() {
        let io = Record::new(6, Status(0xba00_0000_0000_0e0b)).with_misc(Misc(0x89_3d33_0000));
        agrees(
            &decoded(&io),
            &json!({"class": "bus-interconnect", "participation": "generic", "memory_io": "io", "timeout": false,
                    "request": "generic", "level": 3, "iomca": "89:3d:06.3"}),
        );
        for (status, class, code) in [
            (0x1402, "internal-unclassified", json!("0x402")),
            (0x02ce, "extended-memory", json!("0x2ce")),
            (0xd7f3, "unknown", json!("0xc7f3")),
            (0x0005, "simple", Value::Null),
        ] {
            let record = Record::new(0, Status(Status::VAL | status));
            agrees(&decoded(&record), &json!({"class": class, "code": code}));
        }
        let firmware = Record::new(255, Status(Status::VAL | 0x9f));
        agrees(
            &decoded(&firmware),
            &json!({"software_bank": "firmware", "channel": null, "channel_specified": false}),
        );
    }

    #[test]
    fn amd_errors() {
        let record = Record::new(5, Status(0xbea0_4000_0000_0108))
            .with_vendor(Vendor::AMD)
            .with_cpuid(CpuSignature::new(0x17, 0x31, 0))
            .with_ipid(Ipid(0x0005_00b0_0000_0000));
        agrees(
            &decoded(&record),
            &json!({
                "class": "cache-hierarchy", "level": 0, "transaction": "generic", "request": "generic",
                "tcc": true, "syndv": true, "ecc": "corrected", "s": null, "corrected_count": null, "threshold": null,
                "severity": {"grade": "fatal", "action": "stop", "kernel_text": "System Fatal error.",
                    "kernel": {"mc_user": {"sev": "PANIC", "msg": "Processor Context Corrupt"}}},
            }),
        );
        let internal = record.with_status(Status(Status::VAL | 0x0600));
        agrees(
            &decoded(&internal),
            &json!({"internal": "hardware-assert", "level": null}),
        );
        let nameless = record.with_status(Status(Status::VAL | 0x05ed));
        agrees(
            &decoded(&nameless),
            &json!({"class": null, "code": "0x5ed", "level": 1, "transaction": "reserved"}),
        );
        let filler = record.with_status(Status(0xdead_beef_dead_beef));
        agrees(&decoded(&filler), &json!({"not_captured": true}));
    }
}
