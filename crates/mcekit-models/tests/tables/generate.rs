//! Goals that the cases have to reach, and a case for each, made out of the tables.

use mcekit::arch::{ErrorClass, ErrorCode};
use mcekit::table::{Bank, Banks, Bits, Field, Model, Register, SmcaBank, Unit, When};
use mcekit::{Addr, CpuSignature, Ipid, Misc, Record, Status, Synd, Synd1, Synd2, Vendor};
use mcekit_models::Explained;

use crate::case::Case;
use crate::support::signature;

/// Something that a case has to show.
#[derive(Clone, Copy)]
pub(crate) struct Goal {
    model: &'static Model,
    place: Place,
    what: What,
}

/// Where a unit's banks are.
#[derive(Clone, Copy)]
enum Place {
    Bank(&'static Bank),
    Smca(&'static SmcaBank),
    /// Every bank, for the fields that all have.
    Any,
}

#[derive(Clone, Copy)]
enum What {
    /// The bank is explained as the unit's.
    Unit,
    /// A field shows this number, under these conditions of its group.
    Value(&'static Field, u64, &'static [When]),
}

impl std::fmt::Debug for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.model.id)?;
        match self.place {
            Place::Bank(bank) => write!(f, ", bank {} ({})", bank.first, bank.unit.id)?,
            Place::Smca(bank) => write!(f, ", {} ({})", bank.hwid, bank.unit.id)?,
            Place::Any => write!(f, ", any bank")?,
        }
        match self.what {
            What::Unit => write!(f, ": the unit"),
            What::Value(field, raw, when) => {
                write!(
                    f,
                    ": {} = {raw:#x} under {when:?} and {:?}",
                    field.name(),
                    field.conditions()
                )
            }
        }
    }
}

/// Everything that the cases of a file have to reach. A unit that several models or banks of the file share counts once.
pub(crate) fn goals(models: &[&'static Model]) -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut seen: Vec<*const Unit> = Vec::new();
    let mut lists = Vec::new();
    let mut common: Vec<*const Field> = Vec::new();
    for &model in models {
        let places: Vec<(Place, &'static Unit)> = match model.banks {
            Banks::Architectural => {
                goals.push(Goal {
                    model,
                    place: Place::Any,
                    what: What::Unit,
                });
                Vec::new()
            }
            Banks::Numbered(banks) => banks
                .iter()
                .map(|bank| (Place::Bank(bank), bank.unit))
                .collect(),
            // What all models share is reached in the file of AMD's general one.
            Banks::Ipid(own, shared) => {
                let general = model.cpus.is_empty() && model.vendor == Vendor::AMD;
                let shared = if general { shared } else { &[] };
                own.iter()
                    .chain(shared)
                    .map(|bank| (Place::Smca(bank), bank.unit))
                    .collect()
            }
        };
        for (place, unit) in places {
            goals.push(Goal {
                model,
                place,
                what: What::Unit,
            });
            if seen.contains(&std::ptr::from_ref(unit)) {
                continue;
            }
            seen.push(unit);
            let ungrouped: (&[When], _) = (&[], unit.fields());
            let grouped = unit
                .grouped()
                .iter()
                .map(|group| (group.conditions(), group.fields()));
            for (when, fields) in std::iter::once(ungrouped).chain(grouped) {
                // Units of one file that share a list share its cases.
                if fields.is_empty() || lists.contains(&(fields.as_ptr(), when.as_ptr())) {
                    continue;
                }
                lists.push((fields.as_ptr(), when.as_ptr()));
                for field in fields {
                    extend(&mut goals, model, place, field, when);
                }
            }
        }
        for field in model.common {
            if !common.contains(&std::ptr::from_ref(*field)) {
                common.push(*field);
                extend(&mut goals, model, Place::Any, field, &[]);
            }
        }
    }
    goals
}

/// Adds the numbers of a field that have to be shown: each row's, and where the conditions let it be, one that no row has.
fn extend(
    goals: &mut Vec<Goal>,
    model: &'static Model,
    place: Place,
    field: &'static Field,
    when: &'static [When],
) {
    let rows: Vec<u64> = field.rows().map(|row| u64::from(row.value)).collect();
    let goal = |raw| Goal {
        model,
        place,
        what: What::Value(field, raw, when),
    };
    // What the conditions alone leave in the field, and that with one further bit.
    let left = goal(0).left(field, when);
    let further = (0..field.width().min(63)).map(|bit| left ^ 1 << bit);
    let unnamed = (1..64)
        .chain([left])
        .chain(further)
        .filter(|n| !rows.contains(n) && fits(field, *n))
        .map(goal)
        .find(|goal| goal.made().is_some());
    assert!(
        unnamed.is_some() || !rows.is_empty(),
        "nothing can be shown by {:?}",
        goal(1)
    );
    goals.extend(rows.iter().map(|&raw| goal(raw)));
    goals.extend(unnamed);
}

fn fits(field: &Field, n: u64) -> bool {
    field.width() >= 64 || n >> field.width() == 0
}

impl Goal {
    /// Whether an explanation shows it.
    pub(crate) fn reached(&self, explained: &Explained<'_>) -> bool {
        if !explained
            .model()
            .is_some_and(|model| std::ptr::eq(model, self.model))
            && !matches!(self.what, What::Value(..))
        {
            return false;
        }
        match (self.what, self.place) {
            (What::Unit, Place::Bank(bank)) => {
                explained.bank().is_some_and(|b| std::ptr::eq(b, bank))
            }
            (What::Unit, Place::Smca(bank)) => explained
                .record()
                .ipid()
                .is_some_and(|ipid| ipid.hwid() == bank.hwid),
            (What::Unit, Place::Any) => true,
            (What::Value(field, raw, _), place) => {
                let unit = match place {
                    Place::Bank(bank) => Some(bank.unit),
                    Place::Smca(bank) => Some(bank.unit),
                    Place::Any => None,
                };
                unit.is_none_or(|unit| explained.unit().is_some_and(|u| std::ptr::eq(u, unit)))
                    && explained.values().any(|value| {
                        std::ptr::eq(value.field, field) && value.raw == raw << shift(field)
                    })
            }
        }
    }

    /// A record of the bank, of which nothing else is known.
    fn place(&self) -> Record {
        let cpuid = signature(self.model);
        let mut record =
            Record::new(0, Status(Status::VAL | Status::EN)).with_vendor(self.model.vendor);
        record = match cpuid {
            Some(cpuid) => record.with_cpuid(cpuid),
            None => record,
        };
        match self.place {
            Place::Bank(bank) => record = record.with_bank(bank.first),
            Place::Smca(bank) => {
                record = record.with_ipid(Ipid(
                    u64::from(bank.hwid.mca_type) << 48 | u64::from(bank.hwid.hwid) << 32,
                ));
            }
            Place::Any if matches!(self.model.banks, Banks::Ipid(..)) => {
                record = record.with_ipid(Ipid(0xb0 << 32));
            }
            Place::Any => {}
        }
        record
    }

    /// What a field holds in a record that only fulfils the conditions.
    fn left(&self, field: &Field, group: &[When]) -> u64 {
        let mut record = readable(self.place(), field.register());
        for condition in group.iter().chain(field.conditions()) {
            record = fulfil(record, condition);
        }
        field.extract(get(&record, field.register())) >> shift(field)
    }

    /// A case that shows it.
    pub(crate) fn case(&self) -> Case {
        self.made()
            .unwrap_or_else(|| panic!("no case can be made for {self:?}: write one by hand"))
    }

    fn made(&self) -> Option<Case> {
        let record = self.place();
        let model = record.cpuid().is_none().then_some(self.model.id);
        let What::Value(field, raw, group) = self.what else {
            return Some(Case { record, model });
        };
        let conditions: Vec<When> = group.iter().chain(field.conditions()).copied().collect();
        // The field's bits and the conditions can lie in each other's way: whichever order reaches the goal.
        for order in 0..3 {
            let mut tried = readable(record, field.register());
            for _ in 0..4 {
                if order == 1 {
                    tried = spell(tried, field, raw);
                }
                for condition in &conditions {
                    tried = fulfil(tried, condition);
                }
                if order != 1 {
                    tried = spell(tried, field, raw);
                }
            }
            let case = Case {
                record: tried,
                model,
            };
            if self.reached(&case.explain()) {
                return Some(case);
            }
        }
        None
    }
}

/// The number that a field's own bits spell for a value of it: fields that are shifted show a multiple.
fn shift(field: &Field) -> u32 {
    let ones = field.extract(u64::MAX);
    ones.trailing_zeros().min(63)
}

/// The record with a register present and valid.
fn readable(record: Record, register: Register) -> Record {
    let status = |record: Record, flag| record.with_status(Status(record.status().0 | flag));
    match register {
        Register::Status => record,
        Register::Misc if record.misc().is_none() => {
            status(record, Status::MISCV).with_misc(Misc(0))
        }
        Register::Addr if record.addr().is_none() => {
            status(record, Status::ADDRV).with_addr(Addr(0))
        }
        Register::Synd if record.synd().is_none() => {
            status(record, Status::SYNDV).with_synd(Synd(0))
        }
        Register::Synd1 if record.synd1().is_none() => status(record, Status::SYNDV)
            .with_synd1(Synd1(0))
            .with_synd2(Synd2(0)),
        Register::Synd2 if record.synd2().is_none() => status(record, Status::SYNDV)
            .with_synd1(Synd1(0))
            .with_synd2(Synd2(0)),
        Register::Misc => status(record, Status::MISCV),
        Register::Addr => status(record, Status::ADDRV),
        Register::Synd | Register::Synd1 | Register::Synd2 => status(record, Status::SYNDV),
        Register::Ipid => record,
    }
}

/// A register as it stands, valid or not.
fn get(record: &Record, register: Register) -> u64 {
    match register {
        Register::Status => Some(record.status().0),
        Register::Misc => record.misc().map(|r| r.0),
        Register::Addr => record.addr().map(|r| r.0),
        Register::Synd => record.synd().map(|r| r.0),
        Register::Synd1 => record.synd1().map(|r| r.0),
        Register::Synd2 => record.synd2().map(|r| r.0),
        Register::Ipid => record.ipid().map(|r| r.0),
    }
    .unwrap_or(0)
}

fn set(record: Record, register: Register, value: u64) -> Record {
    let record = readable(record, register);
    match register {
        Register::Status => record.with_status(Status(value)),
        Register::Misc => record.with_misc(Misc(value)),
        Register::Addr => record.with_addr(Addr(value)),
        Register::Synd => record.with_synd(Synd(value)),
        Register::Synd1 => record.with_synd1(Synd1(value)),
        Register::Synd2 => record.with_synd2(Synd2(value)),
        Register::Ipid => record.with_ipid(Ipid(value)),
    }
}

fn mask(bits: Bits) -> u64 {
    u64::MAX >> (64 - bits.width())
}

/// The record with some bits of a register spelling a value.
fn put(record: Record, register: Register, bits: Bits, value: u64) -> Record {
    let record = readable(record, register);
    let old = get(&record, register);
    set(
        record,
        register,
        old & !(mask(bits) << bits.lo()) | (value & mask(bits)) << bits.lo(),
    )
}

/// The record with a field's bits spelling a value.
fn spell(mut record: Record, field: &Field, raw: u64) -> Record {
    let parts: Vec<Bits> = field.parts().collect();
    let mut rest = raw;
    for &part in parts.iter().rev() {
        record = put(record, field.register(), part, rest);
        rest = rest.checked_shr(part.width()).unwrap_or(0);
    }
    record
}

/// An error code of a class.
fn sample(class: ErrorClass) -> u16 {
    match class {
        ErrorClass::Simple => 0x0001,
        ErrorClass::InternalTimer | ErrorClass::Internal => 0x0400,
        ErrorClass::InternalUnclassified => 0x0401,
        ErrorClass::GenericCache => 0x000c,
        ErrorClass::Tlb => 0x0014,
        ErrorClass::MemoryController => 0x0090,
        ErrorClass::ExtendedMemory => 0x0290,
        ErrorClass::CacheHierarchy => 0x0134,
        ErrorClass::BusInterconnect => 0x0e0f,
        ErrorClass::Unknown => 0x0200,
    }
}

/// The record changed so that a condition holds.
fn fulfil(record: Record, condition: &When) -> Record {
    if condition.holds(&record) {
        return record;
    }
    let error_code = |record: Record, code: u16| {
        record.with_status(Status(record.status().0 & !0xffff | u64::from(code)))
    };
    match *condition {
        When::Is(register, bits, wanted) => put(record, register, bits, wanted),
        When::Not(register, bits, other) => put(record, register, bits, other.wrapping_add(1)),
        When::Within(register, bits, low, _) => put(record, register, bits, low),
        When::Outside(register, bits, low, high) => {
            put(record, register, bits, if low > 0 { 0 } else { high + 1 })
        }
        When::Masked(register, mask, wanted) => {
            let record = readable(record, register);
            set(record, register, get(&record, register) & !mask | wanted)
        }
        When::Class(class) => error_code(record, sample(class)),
        When::NotClass(_) if ErrorCode::of(&record).class() == ErrorClass::Tlb => {
            error_code(record, 0x0134)
        }
        When::NotClass(_) => error_code(record, 0x0014),
        When::Banks(first, _) => record.with_bank(first),
        When::Stepping(least) => match record.cpuid() {
            Some(cpuid) => record.with_cpuid(CpuSignature(cpuid.0 & !15 | u32::from(least))),
            None => record,
        },
    }
}
