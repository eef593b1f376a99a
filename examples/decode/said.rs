//! What is said of a record, and of every other that agrees with it in all but a few numbers.

use mcekit::arch::Ecc;
use mcekit::table::{Form, Place, Value};
use mcekit::{Decoding, Grade, Present, Record, Severity};
use mcekit_models::Explained;

use super::judgement::Judgement;
use super::out::Out;
use super::style::{MORE, Style};
use super::title::title;

/// The text of a block without what differs from record to record: address, CPU, time, registers but MCi_STATUS.
#[derive(Debug)]
pub(crate) struct Said {
    text: Out,
    /// Where the first and the second part end.
    ends: [usize; 2],
    /// Whether the first part ends within a line that says where the error is.
    pub(crate) where_begun: bool,
    /// Whether the address is one within a channel.
    pub(crate) of_channel: bool,
}

impl Said {
    /// What is said of a record. `names` are those that the log has for the part that failed, `message` is what it calls the
    /// error, for a record that has no code of its own.
    pub(crate) fn of<'a>(
        style: Style,
        explained: &Explained<'_>,
        names: impl Iterator<Item = &'a str>,
        message: Option<&str>,
    ) -> Self {
        let record = explained.record();
        let decoding = &record.decode();
        let values: Vec<_> = explained.values().collect();
        let speaker = Speaker {
            style,
            record,
            decoding,
            explained,
            grade: decoding.grade(),
            title: title(decoding, values.iter().copied()),
        };
        let mut out = Out::memory();
        speaker.headline(message, &mut out);
        speaker.what(&values, &mut out);
        let where_begun = speaker.place(&values, names, &mut out);
        let first = out.len();
        speaker.reporter(&mut out);
        if speaker.readable() {
            Judgement::of(decoding, explained, &speaker.grade).show(style, &mut out);
        }
        let second = out.len();
        speaker.status(&mut out);
        Self {
            text: out,
            ends: [first, second],
            where_begun,
            of_channel: explained
                .unit()
                .is_some_and(|unit| unit.id.starts_with("UMC")),
        }
    }

    /// What happened, and where, up to the address.
    pub(crate) fn what_and_where(&self) -> &[u8] {
        self.text.written(0..self.ends[0])
    }

    /// From the bank that reported to what to do.
    pub(crate) fn bank_and_advice(&self) -> &[u8] {
        self.text.written(self.ends[0]..self.ends[1])
    }

    /// MCi_STATUS.
    pub(crate) fn status(&self) -> &[u8] {
        self.text.written(self.ends[1]..self.text.len())
    }
}

struct Speaker<'a> {
    style: Style,
    record: &'a Record,
    decoding: &'a Decoding,
    explained: &'a Explained<'a>,
    grade: Grade,
    /// What the headline calls the error, where the architecture's words come second.
    title: Option<Value>,
}

impl Speaker<'_> {
    fn label(&self, label: &'static str, out: &mut Out) {
        self.style.write_label(label, out);
    }

    /// Whether the register holds something that was read.
    fn readable(&self) -> bool {
        let status = self.decoding.status();
        status.val() && !status.not_captured()
    }

    fn has_status(&self) -> bool {
        self.record.present().contains(Present::STATUS)
    }

    fn headline(&self, message: Option<&str>, out: &mut Out) {
        if !self.has_status() {
            out.str(self.style.warning).str("INCOMPLETE");
            out.str(self.style.off);
            out.str(": ");
            match message {
                Some(message) => out.str(message).str(", in the log's words;"),
                None => out.str("an error, of which"),
            };
            out.str(" the text does not give MCi_STATUS\n");
            return;
        }
        let severity = self.grade.severity;
        let readable = self.readable();
        out.str(
            self.style
                .grade(if readable { severity } else { Severity::No }),
        );
        out.str(if readable { word(severity) } else { "NO ERROR" });
        out.str(self.style.off).str(": ");
        if self.decoding.status().not_captured() {
            out.str("the register was not captured; a filler value stands in it");
        } else {
            if !self.decoding.status().val() {
                out.str("MCi_STATUS is not valid (VAL is 0); it would read: ");
            }
            match self.title.and_then(|title| title.text()) {
                Some(title) => self.titled(title, out),
                None => _ = out.show(self.decoding.code),
            }
        }
        out.str("\n");
    }

    /// What the unit calls the error, and the unit.
    fn titled(&self, title: &str, out: &mut Out) {
        out.str(title);
        // The tables of scalable MCA say what their code is, older ones whose it is.
        let field = self.title.map(|title| title.field.name());
        let unit = match field {
            Some("extended error code") => self.explained.unit().map(|unit| unit.name),
            other => other,
        };
        if let Some(unit) = unit {
            out.str(" (").str(unit).str(")");
        }
    }

    /// What the vendor's tables add to the headline.
    fn what(&self, values: &[Value], out: &mut Out) {
        let mut label = "  What        ";
        let mut line = |out: &mut Out| {
            self.label(std::mem::replace(&mut label, MORE), out);
        };
        let mut explained = self.explained.unit().is_some();
        if self.title.is_some() {
            line(out);
            out.show(self.decoding.code);
            out.str("\n");
        }
        if let Some(text) = self.decoding.software_text() {
            line(out);
            out.str(text).str("\n");
        }
        for value in values {
            explained = true;
            let told = self
                .title
                .is_some_and(|title| std::ptr::eq(title.field, value.field));
            if !told && value.field.place().is_none() {
                line(out);
                show_value(value, out);
                out.str("\n");
            }
        }
        if !self.readable() {
            return;
        }
        match self.decoding.ecc {
            Some(Ecc::Corrected) => {
                line(out);
                out.str("ECC corrected the error\n");
            }
            Some(Ecc::Uncorrected) => {
                line(out);
                out.str("ECC found the error and could not correct it\n");
            }
            None => {}
        }
        // Whose count it is depends on the vendor.
        let counted = self.record.vendor().is_some() && !self.decoding.status().uc();
        if let Some(count) = self.decoding.corrected_count.filter(|&n| counted && n > 1) {
            line(out);
            out.str("corrected ").dec(count.into());
            out.str(" times since the bank was last cleared\n");
        }
        if let Some(hwid) = self.explained.unknown_hwid() {
            line(out);
            out.str("a unit that no table has: ").show(hwid).str("\n");
        }
        if !explained && self.decoding.software_bank.is_none() {
            let (name, raw) = self.model_specific();
            if raw != 0 {
                line(out);
                out.str(name).str(": ").hex(raw.into()).str("\n");
            }
        }
    }

    /// The bits that only the vendor's tables explain.
    fn model_specific(&self) -> (&'static str, u16) {
        let status = self.decoding.status();
        if self.record.is_smca() {
            ("extended error code", status.extended_error_code().into())
        } else if self.decoding.amd_like {
            (
                "extended error code",
                status.extended_error_code_legacy().into(),
            )
        } else {
            ("model-specific", status.mscod())
        }
    }

    /// Where the error is, but for the address, which comes last; whether that is anything.
    fn place<'a>(
        &self,
        values: &[Value],
        names: impl Iterator<Item = &'a str>,
        out: &mut Out,
    ) -> bool {
        let location = self.explained.location_of(values.iter().copied());
        let mut open = false;
        let mut separate = |out: &mut Out| {
            if open {
                out.str(", ");
            } else {
                self.label("  Where       ", out);
                open = true;
            }
        };
        for name in names {
            separate(out);
            out.str(name).str(" (named in the log)");
        }
        if let Some(fru) = self.record.fru_text().filter(|_| self.readable()) {
            separate(out);
            out.str("FRU ").show(fru);
        }
        for (place, value) in location.iter() {
            separate(out);
            out.str(place_word(place)).str(" ");
            if matches!(place, Place::Row | Place::Column | Place::Instance) {
                out.hex(value.into());
            } else {
                out.dec(value.into());
            }
        }
        if let Some(requester) = self.decoding.io_mca {
            separate(out);
            out.str("PCI device ").show(requester);
        }
        open
    }

    /// The bank that reported, behind the CPU.
    fn reporter(&self, out: &mut Out) {
        let record = self.record;
        let mut first = record.cpu().is_none() && record.apicid().is_none();
        let mut comma = |out: &mut Out| {
            if !std::mem::take(&mut first) {
                out.str(", ");
            }
        };
        if let Some(bank) = record.bank() {
            comma(out);
            out.str("bank ").dec(bank.into());
        }
        if let Some(unit) = self.explained.unit() {
            comma(out);
            out.str(unit.id);
            if unit.name != unit.id {
                out.str(" (").str(unit.name).str(")");
            }
        }
        if let Some(model) = self.explained.model() {
            comma(out);
            out.str(model.name);
        } else if let Some(vendor) = record.vendor() {
            comma(out);
            out.str(vendor.name().unwrap_or("unknown vendor"));
        } else {
            comma(out);
            out.str(if self.decoding.amd_like {
                "AMD by its registers"
            } else {
                "a processor that is not named, so read as Intel's (--cpu or --vendor tells)"
            });
        }
        out.str("\n");
    }

    /// MCi_STATUS, with the names of its flags; or only the label of the registers.
    fn status(&self, out: &mut Out) {
        self.label("  Registers   ", out);
        if !self.has_status() {
            return;
        }
        let status = self.decoding.status();
        out.str("STATUS ").register(status.0);
        let mut separator = "  ";
        for (name, set) in self.decoding.flags() {
            if set && !status.not_captured() {
                out.str(std::mem::replace(&mut separator, " ")).upper(name);
            }
        }
        out.str("\n");
    }
}

/// The grade in a word or two, to begin with.
pub(crate) const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::No => "NO ERROR",
        Severity::Deferred => "DEFERRED",
        Severity::Keep => "CORRECTED",
        Severity::Some => "UNCLEAR",
        Severity::ActionOptional => "UNCORRECTED, ACTION OPTIONAL",
        Severity::Uncorrected => "UNCORRECTED",
        Severity::ActionRequired => "UNCORRECTED, ACTION REQUIRED",
        Severity::Panic => "FATAL",
    }
}

const fn place_word(place: Place) -> &'static str {
    match place {
        Place::Imc => "memory controller",
        Place::Dimm => "DIMM",
        Place::BankGroup => "bank group",
        Place::ChipSelect => "chip select",
        Place::Chip => "DRAM device",
        Place::Chip2 => "second DRAM device",
        Place::Cha => "CHA",
        Place::CacheIndex => "cache index",
        Place::CacheWay => "cache way",
        other => other.name(),
    }
}

fn show_value(value: &Value, out: &mut Out) {
    let name = value.field.name();
    match (value.text(), value.field.form()) {
        (Some(text), _) if text == name => _ = out.str(text),
        (Some(text), _) => _ = out.str(name).str(": ").str(text),
        (None, Form::Hex) => _ = out.str(name).str(": ").hex(value.raw),
        (None, Form::Decimal) => _ = out.str(name).str(": ").dec(value.raw),
        (None, _) => {
            out.str(name).str(": undocumented code ").hex(value.raw);
        }
    }
}
