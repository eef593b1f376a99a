//! What an error is called, in a headline.

use std::fmt::Write;

use mcekit::Decoding;
use mcekit::table::{Form, Register, Value};
use mcekit_models::Explained;

/// What the unit calls the error, where that is a better name than the architecture's.
///
/// On processors like AMD's the low half of MCi_STATUS says how the access looked: a DRAM error is a "cache hierarchy error"
/// there, or a bus error. The extended error code names the fault. Intel's architectural code does that itself.
pub(crate) fn title(decoding: &Decoding, values: impl IntoIterator<Item = Value>) -> Option<Value> {
    let status = decoding.status();
    if !decoding.amd_like || !status.val() || status.not_captured() {
        return None;
    }
    let code = |value: &Value| {
        value.field.register() == Register::Status
            && matches!(value.field.form(), Form::Code | Form::EveryCode)
    };
    values
        .into_iter()
        .find(|value| code(value) && value.field.place().is_none() && value.text().is_some())
}

/// The error in a line: what it is called, and what else the tables say in words.
pub(crate) fn words(decoding: &Decoding, explained: &Explained<'_>) -> String {
    let title = title(decoding, explained.values());
    let mut words = String::new();
    if let Some(title) = title.and_then(|title| title.text()) {
        words.push_str(title);
        words.push_str("; ");
    }
    // Writing into a string cannot fail.
    let _ = write!(words, "{}", decoding.code);
    for value in explained.values() {
        let told = title.is_some_and(|title| std::ptr::eq(title.field, value.field));
        if let Some(text) = value.text()
            && !told
            && text != "no error"
            && value.field.place().is_none()
        {
            words.push_str("; ");
            words.push_str(text);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use mcekit::{CpuSignature, Record, Status, Vendor};

    fn title(record: &Record) -> Option<&'static str> {
        super::title(&record.decode(), mcekit_models::decode(record).values())?.text()
    }

    #[test]
    fn a_dram_error_of_amd_is_called_one() {
        let northbridge = Record::new(4, Status(0x9c00_4100_0108_0a13))
            .with_vendor(Vendor::AMD)
            .with_cpuid(CpuSignature::new(0x15, 2, 0));
        assert_eq!(title(&northbridge), Some("DRAM ECC, chipkill"));
        let undocumented = northbridge.with_status(Status(0x9c00_4100_0118_0a13));
        assert_eq!(title(&undocumented), None);
        let filler = northbridge.with_status(Status(0xdead_beef_dead_beef));
        assert_eq!(title(&filler), None);
    }

    #[test]
    fn the_architecture_has_intels_names() {
        let record = Record::new(13, Status(0x8c00_0040_0008_00c0))
            .with_vendor(Vendor::INTEL)
            .with_cpuid(CpuSignature(0x50654));
        assert_eq!(title(&record), None);
    }
}
