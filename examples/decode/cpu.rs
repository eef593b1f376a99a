//! The processor that the user names.

use mcekit::table::Model;
use mcekit::{CpuSignature, Record, Vendor};
use mcekit_models::{Explained, by_name, decode, decode_as};

/// A processor by name or by number; see [`by_name`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Processor {
    model: Option<&'static Model>,
    vendor: Option<Vendor>,
    signature: Option<CpuSignature>,
}

impl Processor {
    /// The processor that a text means.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some(found) = by_name(text) else {
            return Err(
                "no processor by that name; a CPUID signature or family/model/stepping will do"
                    .into(),
            );
        };
        Ok(Self {
            model: found.model,
            vendor: found
                .vendor
                .or_else(|| vendor_of_family(found.signature?.family())),
            signature: found.signature,
        })
    }

    /// The record, with what it does not say of its processor.
    pub(crate) fn complete(&self, record: Record) -> Record {
        if record.cpuid().is_some() {
            return record;
        }
        let mut named = Record::empty();
        if let Some(signature) = self.signature {
            named = named.with_cpuid(signature);
        }
        if let Some(vendor) = self.vendor {
            named = named.with_vendor(vendor);
        }
        record.or(&named)
    }
}

/// The tables for records: those that a record asks for itself, else those of the processor that was named.
#[derive(Debug)]
pub(crate) struct Tables {
    named: Option<&'static Model>,
    /// The last answer: most logs are of one kind of processor.
    last: Option<(CpuSignature, Option<Vendor>, &'static Model)>,
}

impl Tables {
    pub(crate) fn new(processor: Option<&Processor>) -> Self {
        Self {
            named: processor.and_then(|processor| processor.model),
            last: None,
        }
    }

    /// Explains a record.
    pub(crate) fn explain<'a>(&mut self, record: &'a Record) -> Explained<'a> {
        let vendor = record.vendor();
        match (record.cpuid(), self.last, self.named) {
            (Some(cpuid), Some((last, of, model)), _) if last == cpuid && of == vendor => {
                decode_as(record, model)
            }
            (None, _, Some(model)) => decode_as(record, model),
            (cpuid, ..) => {
                let explained = decode(record);
                self.last = cpuid.zip(explained.model()).map(|(c, m)| (c, vendor, m));
                explained
            }
        }
    }
}

/// The vendor whose processors have a family, where only one has.
const fn vendor_of_family(family: u16) -> Option<Vendor> {
    match family {
        6 | 0x13 => Some(Vendor::INTEL),
        7 => Some(Vendor::ZHAOXIN),
        0x10 | 0x11 | 0x14..=0x17 | 0x19..=0x1f => Some(Vendor::AMD),
        0x18 => Some(Vendor::HYGON),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcekit::Status;

    #[test]
    fn a_record_keeps_what_it_says_itself() {
        let processor = Processor::parse("17h/31h/0").unwrap();
        let bare = Record::new(5, Status(1));
        let full = processor.complete(bare);
        assert_eq!(full.cpuid(), Some(CpuSignature(0x83_0f10)));
        assert_eq!(full.vendor(), Some(Vendor::AMD));
        let intel = bare.with_cpuid(CpuSignature(0x50654));
        assert_eq!(processor.complete(intel), intel);
    }

    #[test]
    fn what_is_remembered_is_what_would_be_found() {
        let mut tables = Tables::new(None);
        let intel = Record::new(5, Status(1))
            .with_cpuid(CpuSignature(0x50654))
            .with_vendor(Vendor::INTEL);
        let amd = intel
            .with_cpuid(CpuSignature(0xa0_0f11))
            .with_vendor(Vendor::AMD);
        let nobody = Record::new(5, Status(1));
        let foreign = intel.with_vendor(Vendor::ZHAOXIN);
        for record in [intel, intel, amd, nobody, amd, intel, foreign, intel] {
            let id = |explained: Explained<'_>| explained.model().map(|model| model.id);
            assert_eq!(id(tables.explain(&record)), id(decode(&record)));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Processor::parse("a toaster").is_err());
    }
}
