//! Crash logs as JSON: Intel's `{"core3": {"thread0": {"bank3": {"status": "0x…", …}}}}`, and what management
//! controllers write, `{"cpu0": {"MCA": {"core0": {"thread0": {"MC4": {"mc4_status": "0x…", …}}}}}}`.
//!
//! Newer ones say the die and the module too, `processors.cpu0.compute1.uncore.mca.bank12.instance21`, and where several
//! units share a bank's number, each instance is a record.
//!
//! Names are followed where they stand, not lines: the file may be one line. Banks whose status is not valid
//! give no record, and those that nobody read are counted.

use mcekit::{Addr, Misc, Present, Record, Status};

use super::{Family, Taken};
use crate::found::{Format, TextKind, Texts};
use crate::line::Line;
use crate::slots::{Dump, Slots, Stage};

pub(crate) const FAMILY: Family = Family {
    wakes: &[
        "\"crashlog_data\"",
        "\"crash_data\"",
        "\"bank",
        "\"mca\"",
        "\"MCA\"",
        "_status\"",
    ],
    continues: &[
        "\"MC",
        "\"mc",
        "\"core",
        "\"thread",
        "\"cpu",
        "\"pcore",
        "\"ecore",
        "\"uncore",
        "\"die",
        "\"compute",
        "\"io",
        "\"module",
        "\"arch_state\"",
        "\"instance",
        "\"status\"",
        "\"addr\"",
        "\"misc\"",
    ],
    read,
};

fn read(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let mut cursor = line.cursor();
    cursor.eat(b"\"");
    let name = cursor.word();
    if !cursor.eat(b"\"") {
        return Taken::No;
    }
    let value = cursor.separator().peek() != Some(b'{');
    let at = cursor.pos;
    if !value {
        return object(line, slots, name).map_or(Taken::No, |()| Taken::To(at));
    }
    let Some(number) = cursor.hex() else {
        return Taken::No;
    };
    let (bank, register) = match name {
        b"status" | b"addr" | b"misc" => (None, name),
        _ => {
            let Some(rest) = name
                .strip_prefix(b"mc")
                .or_else(|| name.strip_prefix(b"MC"))
            else {
                return Taken::No;
            };
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let (digits, register) = rest.split_at(digits);
            let bank = crate::line::trailing_dec(digits).and_then(|(_, n)| u8::try_from(n).ok());
            let Some(register) = register.strip_prefix(b"_") else {
                return Taken::No;
            };
            if bank.is_none() {
                return Taken::No;
            }
            (bank, register)
        }
    };
    let empty = Record::empty();
    let record = if register.eq_ignore_ascii_case(b"status") {
        empty.with_status(Status(number.value))
    } else if register.eq_ignore_ascii_case(b"addr") {
        empty.with_addr(Addr(number.value))
    } else if register.eq_ignore_ascii_case(b"misc") {
        empty.with_misc(Misc(number.value))
    } else {
        return Taken::No;
    };
    let end = line.start + cursor.pos as u64;
    let open = slots.newest(|slot| slot.format == Format::CrashLog && !slot.closed);
    let slot = match open {
        Some(slot)
            if slot.lacks(record.present())
                && (bank.is_none() || slot.record.bank() == bank || slot.lacks(Present::BANK)) =>
        {
            slot
        }
        _ => {
            let Some(bank) = bank else { return Taken::No };
            begin(line, slots, Some(bank));
            match slots.newest(|slot| slot.format == Format::CrashLog) {
                Some(slot) => slot,
                None => return Taken::No,
            }
        }
    };
    slot.set(|old| old.or(&record));
    if let Some(bank) = bank {
        slot.set(|old| old.with_bank(bank));
    }
    slot.end = end;
    slot.last_line = line.number;
    let done = slot.has(Present::STATUS) && slot.has(Present::ADDR | Present::MISC);
    if slot.has(Present::STATUS) && !slot.record.status().val() && done {
        slot.closed = true;
    }
    Taken::To(cursor.pos)
}

/// The name of an object: a place, or a bank.
fn object(line: &Line<'_>, slots: &mut Slots, name: &[u8]) -> Option<()> {
    let digits = name.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (word, number) = name.split_at_checked(name.len() - digits)?;
    let number = match number {
        [] => None,
        _ => crate::line::trailing_dec(number).and_then(|(_, n)| u32::try_from(n).ok()),
    };
    let dump = &mut slots.dump;
    match (word, number) {
        (b"cpu", Some(n)) => {
            dump.socket = Some(n);
            (dump.die, dump.kind) = (None, None);
            dump.whole();
        }
        (b"die", Some(n)) => dump.begin_die("die", n),
        (b"compute", Some(n)) => dump.begin_die("compute", n),
        (b"io", Some(n)) => dump.begin_die("io", n),
        (b"module", Some(n)) => {
            dump.whole();
            dump.module = Some(n);
        }
        // What a module's cores share.
        (b"module", None) => (dump.core, dump.thread, dump.here) = (None, None, true),
        (b"core", Some(n)) => (dump.core, dump.thread) = (Some(n), None),
        (b"thread", Some(n)) => dump.thread = Some(n),
        (b"arch_state", None) => dump.here = true,
        (b"mca" | b"MCA", None) => {
            if !std::mem::take(&mut dump.here) {
                dump.whole();
                dump.kind = dump.kind.filter(|kind| *kind == "uncore");
            }
        }
        // The next dump.
        (b"crashlog_data" | b"crash_data", None) => {
            (dump.socket, dump.die, dump.kind) = (None, None, None);
            dump.whole();
        }
        (b"pcore", _) => dump.begin_kind("pcore"),
        (b"ecore", _) => dump.begin_kind("ecore"),
        (b"uncore", _) => dump.begin_kind("uncore"),
        (b"bank" | b"MC" | b"mc", Some(n)) => begin(line, slots, Some(u8::try_from(n).ok()?)),
        (b"instance", Some(n)) => instance(line, slots, n)?,
        _ => return None,
    }
    Some(())
}

impl Dump {
    /// No module, core or thread of what the dump is about.
    const fn whole(&mut self) {
        (self.module, self.core, self.thread, self.here) = (None, None, None, false);
    }

    const fn begin_kind(&mut self, kind: &'static str) {
        self.kind = Some(kind);
        self.whole();
    }

    const fn begin_die(&mut self, word: &'static str, number: u32) {
        (self.die, self.kind) = (Some((word, number)), None);
        self.whole();
    }

    fn place(&self) -> String {
        let place = [
            self.die.map(|(word, n)| format!("{word}{n}")),
            self.kind.map(str::to_owned),
            self.module.map(|n| format!("module{n}")),
            self.core.map(|n| format!("core{n}")),
            self.thread.map(|n| format!("thread{n}")),
            self.instance.map(|n| format!("instance{n}")),
        ];
        place.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// One of several units that share a bank's number: each is a record.
fn instance(line: &Line<'_>, slots: &mut Slots, number: u32) -> Option<()> {
    let bank = slots.dump.bank?;
    slots.dump.instance = Some(number);
    let place = slots.dump.place();
    let open = slots.newest(|slot| slot.format == Format::CrashLog && !slot.closed);
    match open {
        Some(slot) if slot.lacks(Present::STATUS | Present::ADDR | Present::MISC) => {
            slot.texts = Texts::default();
            slot.texts.add(TextKind::Place, place.as_bytes());
        }
        _ => new(line, slots, Some(bank)),
    }
    Some(())
}

/// Begins the record of a bank where the dump stands.
fn begin(line: &Line<'_>, slots: &mut Slots, bank: Option<u8>) {
    (slots.dump.bank, slots.dump.instance) = (bank, None);
    new(line, slots, bank);
}

fn new(line: &Line<'_>, slots: &mut Slots, bank: Option<u8>) {
    slots.close(|slot| slot.format == Format::CrashLog);
    let dump = slots.dump;
    let mut record = Record::empty();
    if let Some(bank) = bank {
        record = record.with_bank(bank);
    }
    if let Some(socket) = dump.socket {
        record = record.with_socket(socket);
    }
    let slot = slots.begin(line, Format::CrashLog, record);
    slot.start = line.start + line.at as u64;
    slot.end = slot.start;
    slot.stage = Stage::Free;
    slot.texts.add(TextKind::Place, dump.place().as_bytes());
}
