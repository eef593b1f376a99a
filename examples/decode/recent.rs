//! What was worked out for the records of late.
//!
//! In a storm of errors most records say the same of the same bank, and differ in when, on which CPU and at which
//! address. What follows from the rest is worked out once, and stands while the rest comes again: every register that
//! it was worked out from is compared, MCi_MISC, MCi_ADDR and MCA_SYND in the bits that the tables look at. Memory is
//! bounded: the oldest go.

use mcekit::arch::ErrorCode;
use mcekit::table::{Field, Register, When};
use mcekit::{Present, Record};
use mcekit_models::Explained;

use super::cpu::Tables;

/// Sets; a power of two. Records that differ only in registers of which not every bit counts share one.
const SETS: usize = 128;

/// How many a set holds.
const WAYS: usize = 4;

/// Things by the records that they were worked out from.
#[derive(Debug)]
pub(crate) struct Recent<T> {
    sets: Vec<Set<T>>,
}

#[derive(Debug)]
struct Set<T> {
    entries: Vec<Entry<T>>,
    /// The one that goes when the next comes.
    oldest: usize,
}

#[derive(Debug)]
struct Entry<T> {
    key: Key,
    asked: Asked,
    known: T,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        let set = || Set {
            entries: Vec::new(),
            oldest: 0,
        };
        Self {
            sets: std::iter::repeat_with(set).take(SETS).collect(),
        }
    }
}

impl<T> Recent<T> {
    /// What is known of records like `record`: what `make` works out, now or earlier.
    ///
    /// `make` may use no part of the record that [`Key`] does not have, and MCi_MISC, MCi_ADDR and MCA_SYND only as the
    /// tables do.
    #[inline]
    pub(crate) fn of(
        &mut self,
        record: &Record,
        tables: &mut Tables,
        make: impl FnOnce(&Explained<'_>) -> T,
    ) -> &T {
        let key = Key::of(record);
        let set = &mut self.sets[key.set()];
        let known = |entry: &Entry<T>| entry.asked.agree(&entry.key, &key);
        let at = match set.entries.iter().position(known) {
            Some(at) => at,
            None => {
                let explained = tables.explain(record);
                set.add(Entry {
                    key,
                    asked: Asked::by(&explained),
                    known: make(&explained),
                })
            }
        };
        &set.entries[at].known
    }
}

impl<T> Set<T> {
    /// Adds an entry and returns where it is.
    fn add(&mut self, entry: Entry<T>) -> usize {
        if self.entries.len() < WAYS {
            self.entries.push(entry);
            return self.entries.len() - 1;
        }
        let at = self.oldest;
        self.entries[at] = entry;
        self.oldest = (at + 1) % WAYS;
        at
    }
}

/// The parts whose presence counts.
const PARTS: Present = Present::all().difference(
    Present::IP
        .union(Present::TSC)
        .union(Present::TIME)
        .union(Present::PPIN)
        .union(Present::MICROCODE),
);

/// The parts of a record that something may be worked out from. What is not there is zero; `present` tells.
#[derive(Clone, Copy, Debug)]
struct Key {
    fixed: Fixed,
    misc: u64,
    addr: u64,
    synd: u64,
}

/// Those that are compared whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fixed {
    status: u64,
    mcgstatus: u64,
    mcgcap: u64,
    ipid: u64,
    synd1: u64,
    synd2: u64,
    present: Present,
    cpuid: u32,
    socket: u32,
    small: [u8; 3],
}

impl Key {
    #[inline]
    fn of(record: &Record) -> Self {
        Self {
            fixed: Fixed {
                status: record.status().0,
                mcgstatus: record.mcgstatus().map_or(0, |r| r.0),
                mcgcap: record.mcgcap().map_or(0, |r| r.0),
                ipid: record.ipid().map_or(0, |r| r.0),
                synd1: record.synd1().map_or(0, |r| r.0),
                synd2: record.synd2().map_or(0, |r| r.0),
                present: record.present() & PARTS,
                cpuid: record.cpuid().map_or(0, |r| r.0),
                socket: record.socket().unwrap_or(0),
                small: [
                    record.bank().unwrap_or(0),
                    record.cs().unwrap_or(0),
                    record.vendor().map_or(0, |r| r.0),
                ],
            },
            misc: record.misc().map_or(0, |r| r.0),
            addr: record.addr().map_or(0, |r| r.0),
            synd: record.synd().map_or(0, |r| r.0),
        }
    }

    /// Where it belongs.
    #[inline]
    fn set(&self) -> usize {
        let bank = u64::from(self.fixed.small[0]) << 1 | u64::from(self.fixed.socket & 1);
        let mixed = (self.fixed.status ^ bank << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 48) as usize % SETS
    }
}

/// Which bits the tables look at, of the registers that differ from record to record.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    misc: u64,
    addr: u64,
    synd: u64,
    /// Nobody knows: the model computes something.
    all: bool,
}

impl Asked {
    /// What is asked of a record, and of each that agrees with it in all that is [`Fixed`].
    fn by(explained: &Explained<'_>) -> Self {
        let model = explained.model();
        let mut asked = Self {
            all: model.is_some_and(|model| model.locate.is_some()),
            ..Self::default()
        };
        let record = explained.record();
        for field in model.map_or(&[][..], |model| model.common) {
            asked.field(field, record);
        }
        if let Some(unit) = explained.unit() {
            for field in unit.fields() {
                asked.field(field, record);
            }
            for group in unit.grouped() {
                if asked.conditions(group.conditions(), record) {
                    for field in group.fields() {
                        asked.field(field, record);
                    }
                }
            }
        }
        if ErrorCode::of(record).is_io_mca() {
            asked.misc = u64::MAX;
        }
        asked
    }

    fn field(&mut self, field: &Field, record: &Record) {
        if self.conditions(field.conditions(), record) {
            for bits in field.parts() {
                self.bits(field.register(), bits.of(u64::MAX) << bits.lo());
            }
        }
    }

    /// Whether all hold: where they do not, they are all that is asked.
    fn conditions(&mut self, conditions: &[When], record: &Record) -> bool {
        for when in conditions {
            match *when {
                When::Is(register, bits, _)
                | When::Not(register, bits, _)
                | When::Within(register, bits, ..)
                | When::Outside(register, bits, ..) => {
                    self.bits(register, bits.of(u64::MAX) << bits.lo());
                }
                When::Masked(register, mask, _) => self.bits(register, mask),
                When::Class(_) | When::NotClass(_) | When::Banks(..) | When::Stepping(_) => {}
            }
        }
        conditions.iter().all(|when| when.holds(record))
    }

    fn bits(&mut self, register: Register, mask: u64) {
        match register {
            Register::Misc => self.misc |= mask,
            Register::Addr => self.addr |= mask,
            Register::Synd => self.synd |= mask,
            // Compared whole.
            Register::Status | Register::Ipid | Register::Synd1 | Register::Synd2 => {}
        }
    }

    /// Whether two records agree in all that is asked of the first.
    #[inline]
    fn agree(&self, a: &Key, b: &Key) -> bool {
        let differ = (a.misc ^ b.misc) & self.misc
            | (a.addr ^ b.addr) & self.addr
            | (a.synd ^ b.synd) & self.synd;
        !self.all && differ == 0 && a.fixed == b.fixed
    }
}

#[cfg(test)]
mod tests {
    use super::super::said::Said;
    use super::super::style::PLAIN;
    use super::*;
    use std::collections::HashSet;

    use mcekit::table::{Banks, Group, Model, Unit};
    use mcekit::{Addr, CpuSignature, HwId, Ipid, Misc, Status, Synd, Vendor};

    #[test]
    fn a_bit_that_is_not_looked_at_makes_no_difference_and_any_other_does() {
        let record = Record::new(13, Status(VALID | 0x0080_0090))
            .with_cpuid(CpuSignature(0x5_0654))
            .with_vendor(Vendor::INTEL)
            .with_misc(Misc(0));
        let mut tables = Tables::new(None);
        let asked = Asked::by(&tables.explain(&record));
        assert!(asked.misc != 0 && asked.misc != u64::MAX);
        for bit in 0..64 {
            let mut recent = Recent::default();
            recent.of(&record, &mut tables, |_| 0);
            let other = record.with_misc(Misc(1 << bit));
            let seen = recent.of(&other, &mut tables, |_| 1);
            let looked_at = asked.misc & 1 << bit != 0;
            assert_eq!(seen, &i32::from(looked_at), "bit {bit}");
        }
    }

    #[test]
    fn what_is_remembered_is_what_would_be_worked_out() {
        let mut seen = HashSet::new();
        for model in mcekit_models::models() {
            for record in records(model, &mut seen) {
                let mut tables = Tables::new(None);
                let mut recent = Recent::default();
                recent.of(&record, &mut tables, said);
                for bit in 0..64 {
                    for other in neighbours(&record, 1 << bit) {
                        let worked_out = said(&tables.explain(&other));
                        assert!(
                            *recent.of(&other, &mut tables, said) == worked_out,
                            "{}: {other:x?} after {record:x?}",
                            model.id
                        );
                    }
                }
            }
        }
    }

    const VALID: u64 = Status::VAL | Status::EN | Status::MISCV | Status::ADDRV | Status::SYNDV;

    /// All that a block says of a record which is remembered.
    fn said(explained: &Explained<'_>) -> Vec<u8> {
        let said = Said::of(PLAIN, explained, std::iter::empty(), None);
        let parts = [said.what_and_where(), said.bank_and_advice(), said.status()];
        parts.concat()
    }

    /// For each bank of a model, a record for each set of conditions that its unit has: one that fulfils them. Units
    /// that were seen are left out.
    fn records(
        model: &'static Model,
        seen: &mut HashSet<(*const Unit, *const &'static Field)>,
    ) -> Vec<Record> {
        let signature = model.cpus.first().map_or(CpuSignature(0xa0_0f11), |cpu| {
            CpuSignature::new(cpu.family, cpu.first_model, cpu.first_stepping)
        });
        let record = Record::new(4, Status(VALID))
            .with_cpuid(signature)
            .with_vendor(model.vendor)
            .with_mcgstatus(mcekit::McgStatus(0))
            .with_addr(Addr(0x1_2345_6780))
            .with_misc(Misc(0))
            .with_synd(Synd(0));
        let ipid = |id: HwId| Ipid(u64::from(id.hwid) << 32 | u64::from(id.mca_type) << 48 | 1);
        let banks: Vec<_> = match model.banks {
            Banks::Architectural => vec![record],
            Banks::Numbered(_) => (0..32).map(|bank| record.with_bank(bank)).collect(),
            Banks::Ipid(own, shared) => {
                let rows = own.iter().chain(shared);
                rows.map(|row| record.with_ipid(ipid(row.hwid))).collect()
            }
        };
        let mut records = Vec::new();
        let mut tables = Tables::new(None);
        for bank in banks {
            let mut sets: Vec<&[When]> = vec![&[]];
            if let Some(unit) = tables.explain(&bank).unit() {
                if !seen.insert((unit, model.common.as_ptr())) {
                    continue;
                }
                let grouped = unit.grouped().iter();
                sets.extend(unit.fields().iter().map(|field| field.conditions()));
                sets.extend(grouped.clone().map(Group::conditions));
                let inner = grouped.flat_map(Group::fields);
                sets.extend(inner.map(|field| field.conditions()));
            }
            sets.dedup();
            records.extend(sets.into_iter().map(|set| fulfilling(&bank, set)));
        }
        records
    }

    /// The record, changed so that the conditions hold, as far as it is a matter of bits.
    fn fulfilling(record: &Record, conditions: &[When]) -> Record {
        let mut record = *record;
        for when in conditions {
            let (register, mask, value) = match *when {
                When::Is(register, bits, value) | When::Within(register, bits, value, _) => {
                    let mask = bits.of(u64::MAX) << bits.lo();
                    (register, mask, value << bits.lo())
                }
                When::Masked(register, mask, value) => (register, mask, value),
                _ => continue,
            };
            let put = |old: u64| old & !mask | value;
            record = match register {
                Register::Status => record.with_status(Status(put(record.status().0))),
                Register::Misc => record.with_misc(Misc(put(record.misc().unwrap_or_default().0))),
                Register::Synd => record.with_synd(Synd(put(record.synd().unwrap_or_default().0))),
                _ => record,
            };
        }
        record
    }

    /// The record with each register that is not compared whole changed in one bit.
    fn neighbours(record: &Record, bit: u64) -> [Record; 3] {
        let of = |register: Option<u64>| register.unwrap_or(0) ^ bit;
        [
            record.with_misc(Misc(of(record.misc().map(|r| r.0)))),
            record.with_addr(Addr(of(record.addr().map(|r| r.0)))),
            record.with_synd(Synd(of(record.synd().map(|r| r.0)))),
        ]
        .map(|record| record.with_tsc(bit).with_time(bit).with_ip(bit))
    }
}
