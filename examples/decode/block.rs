//! A record as a block that a person understands: what happened, where, how bad, what to do; then the registers.

use mcekit::arch::Address;
use mcekit::{AddressMode, Present, Record};

use super::cpu::Tables;
use super::found::{Found, Source};
use super::memo::Memo;
use super::out::Out;
use super::recent::Recent;
use super::said::Said;
use super::style::{MORE, Style};
use super::time::{DAY, day};

/// Writes blocks.
#[derive(Debug)]
pub(crate) struct Blocks {
    style: Style,
    first: bool,
    said: Recent<Said>,
    processors: Memo<u32>,
    days: Memo<u64>,
}

impl Blocks {
    pub(crate) fn new(style: Style) -> Self {
        Self {
            style,
            first: true,
            said: Recent::default(),
            processors: Memo::new(),
            days: Memo::new(),
        }
    }

    /// Writes one record.
    pub(crate) fn write(&mut self, found: &Found<'_>, tables: &mut Tables, out: &mut Out) {
        if !std::mem::take(&mut self.first) {
            out.str("\n");
        }
        let record = &found.record;
        let style = self.style;
        let own;
        let said = if found.texts.iter().any(|text| is_name(text.0)) {
            let names = found.texts.iter().filter(|text| is_name(text.0));
            let message = found.texts.iter().find(|text| text.0 == "message");
            own = Said::of(
                style,
                &tables.explain(record),
                names.map(|text| text.1),
                message.map(|text| text.1),
            );
            &own
        } else {
            self.said.of(record, tables, |explained| {
                Said::of(style, explained, std::iter::empty(), None)
            })
        };
        let block = Block { style, record };
        out.bytes(said.what_and_where());
        block.address(said, out);
        block.reporter(out);
        out.bytes(said.bank_and_advice());
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
        out.bytes(said.status());
        block.registers(&mut self.processors, out);
        block.source(&found.source, out);
    }
}

/// What differs from record to record.
struct Block<'a> {
    style: Style,
    record: &'a Record,
}

impl Block<'_> {
    #[inline(always)]
    fn label(&self, label: &'static str, out: &mut Out) {
        self.style.write_label(label, out);
    }

    /// The end of the line that says where the error is.
    fn address(&self, said: &Said, out: &mut Out) {
        let status = self.record.status();
        let readable = status.val() && !status.not_captured();
        let address = Address::of(self.record).filter(|_| readable);
        if let Some(address) = &address {
            if said.where_begun {
                out.str(", ");
            } else {
                self.label("  Where       ", out);
            }
            show_address(address, said.of_channel, out);
        }
        if said.where_begun || address.is_some() {
            out.str("\n");
        }
    }

    /// The CPU that reported.
    fn reporter(&self, out: &mut Out) {
        self.label("  Reported by ", out);
        let cpu = self.record.cpu();
        if let Some(cpu) = cpu {
            out.str("CPU ").dec(cpu.into());
        }
        if let Some(apicid) = self.record.apicid() {
            if cpu.is_some() {
                out.str(", ");
            }
            out.str("APIC id ").hex(apicid.into());
        }
    }

    fn registers(&self, processors: &mut Memo<u32>, out: &mut Out) {
        let record = self.record;
        let mut row = Row {
            block: self,
            // Without a status the first row goes on behind the label.
            first: !record.present().contains(Present::STATUS),
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

/// Writes an address. AMD's memory controllers count within their channel.
fn show_address(address: &Address, of_channel: bool, out: &mut Out) {
    out.str(match (address.physical, address.mode) {
        (true, _) => "physical address ",
        _ if of_channel => "address within the channel ",
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
