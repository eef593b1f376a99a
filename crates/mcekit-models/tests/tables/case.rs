//! Cases as lines of text: a record and the model that explains it. The benches read the same files.

use mcekit::{Addr, Ipid, McgCap, McgStatus, Misc, Record, Status, Synd, Synd1, Synd2, Vendor};
use mcekit_models::{Explained, by_name, decode, decode_as, models};

/// A record, and the model that explains it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Case {
    /// The record.
    pub(crate) record: Record,
    /// The model's id, for models that claim no processor.
    pub(crate) model: Option<&'static str>,
}

impl Case {
    /// The case explained.
    pub(crate) fn explain(&self) -> Explained<'_> {
        match self.model {
            Some(id) => {
                let model = models().find(|model| model.id == id).expect("model");
                decode_as(&self.record, model)
            }
            None => decode(&self.record),
        }
    }

    /// A case out of its line.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let vendor = words.next().unwrap_or_default();
        let vendor = Vendor::from_name(vendor).ok_or_else(|| format!("no vendor: {vendor}"))?;
        let mut case = Self {
            record: Record::empty().with_vendor(vendor),
            model: None,
        };
        for word in words {
            let (name, text) = word
                .split_once('=')
                .ok_or_else(|| format!("no `=`: {word}"))?;
            let number = || {
                let digits = text.strip_prefix("0x");
                let value = match digits {
                    Some(digits) => u64::from_str_radix(digits, 16),
                    None => text.parse(),
                };
                value.map_err(|e| format!("{word}: {e}"))
            };
            let r = case.record;
            case.record = match name {
                "model" => {
                    let model = models().find(|model| model.id == text);
                    case.model = Some(model.ok_or_else(|| format!("no model: {text}"))?.id);
                    r
                }
                "cpu" => {
                    let cpu = by_name(text).and_then(|s| s.signature);
                    r.with_cpuid(cpu.ok_or_else(|| format!("no processor: {text}"))?)
                }
                "bank" => r.with_bank(u8::try_from(number()?).map_err(|e| e.to_string())?),
                "status" => r.with_status(Status(number()?)),
                "misc" => r.with_misc(Misc(number()?)),
                "addr" => r.with_addr(Addr(number()?)),
                "ipid" => r.with_ipid(Ipid(number()?)),
                "synd" => r.with_synd(Synd(number()?)),
                "synd1" => r.with_synd1(Synd1(number()?)),
                "synd2" => r.with_synd2(Synd2(number()?)),
                "mcgstatus" => r.with_mcgstatus(McgStatus(number()?)),
                "mcgcap" => r.with_mcgcap(McgCap(number()?)),
                "socket" => r.with_socket(number()? as u32),
                "apicid" => r.with_apicid(number()? as u32),
                _ => return Err(format!("unknown name: {word}")),
            };
        }
        Ok(case)
    }
}
