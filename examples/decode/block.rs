//! A record as a block that a person understands: what happened, where, how bad, what to do; then the registers.

use mcekit::arch::{Address, Ecc, ErrorCode};
use mcekit::table::{Form, Place, Value};
use mcekit::{AddressMode, Decoding, Grade, Present, Record, Severity};
use mcekit_models::Explained;

use crate::found::{Found, Source};
use crate::judgement::Judgement;
use crate::memo::Memo;
use crate::out::Out;
use crate::style::{MORE, Style};
use crate::time::{DAY, day};

/// Writes blocks.
#[derive(Debug)]
pub(crate) struct Blocks {
    style: Style,
    first: bool,
    /// Those of one record; kept for their memory.
    values: Vec<Value>,
    headlines: Memo<(ErrorCode, Severity, bool, bool, bool)>,
    judgements: Memo<Judgement>,
    flags: Memo<(u64, bool, bool)>,
    processors: Memo<u32>,
    days: Memo<u64>,
}

impl Blocks {
    pub(crate) fn new(style: Style) -> Self {
        Self {
            style,
            first: true,
            values: Vec::new(),
            headlines: Memo::new(),
            judgements: Memo::new(),
            flags: Memo::new(),
            processors: Memo::new(),
            days: Memo::new(),
        }
    }

    /// Writes one record.
    pub(crate) fn write(
        &mut self,
        found: &Found<'_>,
        decoding: &Decoding,
        explained: &Explained<'_>,
        out: &mut Out,
    ) {
        if !std::mem::take(&mut self.first) {
            out.str("\n");
        }
        let record = &found.record;
        let status = record.status();
        let block = Block {
            style: self.style,
            record,
            decoding,
            explained,
            grade: decoding.grade(),
        };
        let kind = (
            decoding.code,
            block.grade.severity,
            status.val(),
            status.not_captured(),
            block.has_status(),
        );
        self.headlines
            .write(kind, status.error_code().into(), out, |out| {
                block.headline(out);
            });
        self.values.clear();
        self.values.extend(explained.values());
        block.what(&self.values, out);
        block.place(&self.values, found.texts, out);
        block.reporter(out);
        if block.readable() {
            let judgement = Judgement::of(decoding, explained, &block.grade);
            self.judgements
                .write(judgement, judgement.mix(), out, |out| {
                    judgement.show(self.style, out);
                });
        }
        if let Some(time) = record.time() {
            block.label("  When        ", out);
            let date = time / DAY;
            self.days.write(date, date, out, |out| day(date, out));
            out.clock((time % DAY) as u32).str("\n");
        }
        let mut label = "  Log says    ";
        for (_, text) in found.texts.iter().filter(|text| !is_name(text.0)) {
            block.label(std::mem::replace(&mut label, MORE), out);
            out.str(text).str("\n");
        }
        block.label("  Registers   ", out);
        if block.has_status() {
            out.str("STATUS ").register(status.0);
            let all = (status.0, decoding.amd_like, record.is_smca());
            // The counts of corrected errors differ from record to record, and are no flags.
            let key = if decoding.amd_like {
                all
            } else {
                (status.0 & !INTEL_NO_FLAGS, all.1, all.2)
            };
            self.flags.write(key, key.0 >> 32 ^ key.0, out, |out| {
                let mut separator = "  ";
                for (name, set) in decoding.flags() {
                    if set && !status.not_captured() {
                        out.str(std::mem::replace(&mut separator, " ")).upper(name);
                    }
                }
            });
            out.str("\n");
        }
        block.registers(&mut self.processors, out);
        block.source(&found.source, out);
    }
}

/// Bits of Intel's MCi_STATUS that hold no flag: threshold, count, and the codes but for the filter bit.
const INTEL_NO_FLAGS: u64 = 0x007f_ffc0_ffff_efff;

struct Block<'a> {
    style: Style,
    record: &'a Record,
    decoding: &'a Decoding,
    explained: &'a Explained<'a>,
    grade: Grade,
}

impl Block<'_> {
    #[inline(always)]
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

    fn headline(&self, out: &mut Out) {
        if !self.has_status() {
            out.str(self.style.warning).str("INCOMPLETE");
            out.str(self.style.off);
            out.str(": an error, of which the text does not give MCi_STATUS\n");
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
            out.show(self.decoding.code);
        }
        out.str("\n");
    }

    /// What the vendor's tables add to the headline.
    fn what(&self, values: &[Value], out: &mut Out) {
        let mut label = "  What        ";
        let mut line = |out: &mut Out| {
            self.label(std::mem::replace(&mut label, MORE), out);
        };
        let mut explained = self.explained.unit().is_some();
        if let Some(text) = self.decoding.software_text() {
            line(out);
            out.str(text).str("\n");
        }
        for value in values {
            explained = true;
            if value.field.place().is_none() {
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

    fn place(&self, values: &[Value], texts: &[(&str, &str)], out: &mut Out) {
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
        for (_, text) in texts.iter().filter(|text| is_name(text.0)) {
            separate(out);
            out.str(text).str(" (named in the log)");
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
        if let Some(address) = self.decoding.address.filter(|_| self.readable()) {
            separate(out);
            let umc = self
                .explained
                .unit()
                .is_some_and(|unit| unit.id.starts_with("UMC"));
            show_address(&address, umc, out);
        }
        if open {
            out.str("\n");
        }
    }

    /// The CPU and bank that reported, and what they are.
    fn reporter(&self, out: &mut Out) {
        let record = self.record;
        self.label("  Reported by ", out);
        let empty = out.len();
        let comma = |out: &mut Out| {
            if out.len() > empty {
                out.str(", ");
            }
        };
        if let Some(cpu) = record.cpu() {
            out.str("CPU ").dec(cpu.into());
        }
        if let Some(apicid) = record.apicid() {
            comma(out);
            out.str("APIC id ").hex(apicid.into());
        }
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

    fn registers(&self, processors: &mut Memo<u32>, out: &mut Out) {
        let record = self.record;
        let mut row = Row {
            block: self,
            // Without a status the first row goes on behind the label.
            first: !self.has_status(),
            used: 0,
        };
        row.register("ADDR", record.addr().map(u64::from), out);
        row.register("MISC", record.misc().map(u64::from), out);
        row.register("SYND", record.synd().map(u64::from), out);
        row.register("IPID", record.ipid().map(u64::from), out);
        row.register("SYND1", record.synd1().map(u64::from), out);
        row.register("SYND2", record.synd2().map(u64::from), out);
        row.end(out);
        if let Some(mcg) = record.mcgstatus() {
            row.value("MCGSTATUS", out).hex(mcg.0);
            for (flag, mask) in mcekit::McgStatus::FLAGS {
                if mcg.0 & mask != 0 {
                    out.str(" ").str(flag);
                }
            }
        }
        row.number("MCGCAP", record.mcgcap().map(u64::from), out);
        row.number("IP", record.ip(), out);
        row.number("CS", record.cs().map(u64::from), out);
        row.number("TSC", record.tsc(), out);
        row.end(out);
        if let Some(cpuid) = record.cpuid() {
            row.value("CPUID", out);
            processors.write(cpuid.0, cpuid.0.into(), out, |out| {
                out.hex(cpuid.0.into());
                out.str(" (family ").hex(cpuid.family().into());
                out.str(" model ").hex(cpuid.model().into());
                out.str(" stepping ").dec(cpuid.stepping().into());
                out.str(")");
            });
        }
        row.number("microcode", record.microcode().map(u64::from), out);
        row.number("PPIN", record.ppin().map(u64::from), out);
        row.end(out);
    }

    fn source(&self, source: &Source<'_>, out: &mut Out) {
        let Source::Here(place) = source else { return };
        if place.line.is_none() && place.offset.is_none() {
            return;
        }
        self.label("  Source      ", out);
        out.str(place.file.unwrap_or("standard input"));
        if let Some(line) = place.line {
            out.str(":").dec(line);
        } else if let Some(offset) = place.offset {
            out.str(", byte ").dec(offset);
        }
        out.str(" (").str(place.format).str(")\n");
    }
}

/// Registers side by side, two or three to a line.
struct Row<'a> {
    block: &'a Block<'a>,
    first: bool,
    used: usize,
}

impl Row<'_> {
    #[inline(always)]
    fn value<'o>(&mut self, name: &str, out: &'o mut Out) -> &'o mut Out {
        if std::mem::take(&mut self.first) {
            // The label stands there already.
        } else if self.used == 0 {
            self.block.label(MORE, out);
        } else {
            out.str("  ");
        }
        self.used += 1;
        out.str(name).str(" ")
    }

    #[inline(always)]
    fn register(&mut self, name: &str, value: Option<u64>, out: &mut Out) {
        if let Some(value) = value {
            if self.used == 2 {
                self.end(out);
            }
            self.value(name, out).register(value);
        }
    }

    #[inline(always)]
    fn number(&mut self, name: &str, value: Option<u64>, out: &mut Out) {
        if let Some(value) = value {
            self.value(name, out).hex(value);
        }
    }

    #[inline(always)]
    fn end(&mut self, out: &mut Out) {
        if std::mem::take(&mut self.used) > 0 {
            out.str("\n");
        }
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

/// Writes an address. AMD's memory controllers count within their channel.
fn show_address(address: &Address, umc: bool, out: &mut Out) {
    out.str(match (address.physical, address.mode) {
        (true, _) => "physical address ",
        _ if umc => "address within the channel ",
        (false, Some(AddressMode::Linear)) => "linear address ",
        (false, Some(AddressMode::SegmentOffset)) => "segment offset ",
        (false, Some(AddressMode::Memory)) => "memory address ",
        _ => "address ",
    });
    out.hex(address.address);
    let (size, unit) = match address.lsb {
        0 => return,
        lsb @ 1..10 => (1_u64 << lsb, " bytes"),
        lsb @ 10..20 => (1 << (lsb - 10), " KiB"),
        lsb @ 20..30 => (1 << (lsb - 20), " MiB"),
        lsb => {
            out.str(" (the low ")
                .dec(lsb.into())
                .str(" bits are not valid)");
            return;
        }
    };
    out.str(" (somewhere in ").dec(size).str(unit).str(")");
}

/// Whether a text of a log names the part that failed.
fn is_name(kind: &str) -> bool {
    matches!(kind, "label" | "fru")
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
