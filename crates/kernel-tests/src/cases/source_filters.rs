//! `mcekit_source::Filter` against the kernel: it takes every one that can be written. And what the sources set up.

use mcekit_source::probe::{Machine, OpenOptions, Place, open_best, probe};
use mcekit_source::{Field, Filter, Op, Source as _, Trace, TraceOptions};
use tracefs::fs::Tracefs;

use crate::case::{Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;
use crate::guest::tracing::MCE_RECORD;

pub(super) const CASE: Case = Case {
    name: "source_filters",
    about: "the kernel takes every filter of machine checks; an own instance has it and goes with its reader; the best \
            place is found and opened",
    kernels: Kernel::ALL,
    cpus: &[Cpu::Intel],
    how: How::Shared(run),
};

/// Expressions, one after another.
struct Made(u64);

impl Made {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let index = self.below(from.len());
        from.get(index).copied()
    }

    fn filter(&mut self, fields: &[Field], depth: u32) -> Option<Filter> {
        const OPS: [Op; 7] = [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::Bits];
        let some = |n: u32, made: &mut Self| {
            (0..n)
                .map(|_| made.filter(fields, depth - 1))
                .collect::<Option<Vec<_>>>()
        };
        Some(match self.below(if depth == 0 { 1 } else { 4 }) {
            1 => Filter::And(some(2, self)?),
            2 => Filter::Or(some(3, self)?),
            3 => Filter::Not(Box::new(self.filter(fields, depth - 1)?)),
            _ => {
                let field = self.pick(fields)?;
                // All widths, the top bit too.
                let bits = 1 + self.below(field.bits() as usize) as u32;
                Filter::Compare(field, self.pick(&OPS)?, u64::MAX >> (64 - bits))
            }
        })
    }
}

fn run(_: &Guest) -> Outcome {
    let failed = |e: mcekit_source::Error| Failure::new(e.to_string());
    let tracefs = Tracefs::find()?;
    let mut options = TraceOptions::ras();
    let given = "status & 2305843009213693952 && !(bank == 4)";
    options.filter = Some(
        given
            .parse::<Filter>()
            .map_err(|e| Failure::new(e.to_string()))?,
    );
    let mut own = Trace::own(&tracefs, "mce-own", &options).map_err(failed)?;
    ensure(own.next().map_err(failed)?.is_none(), "there is something")?;
    let event = own.instance().event(&MCE_RECORD.parse()?)?;
    same("the filter", event.filter()?.as_deref(), Some(given))?;
    let format = event.format()?;
    let has = |field: &&Field| format.field(field.name()).is_some();
    let fields: Vec<Field> = Field::ALL.iter().filter(has).copied().collect();
    ensure(fields.len() >= 17, format!("only {fields:?}"))?;
    let mut made = Made(1);
    for _ in 0..200 {
        let filter = made
            .filter(&fields, 3)
            .ok_or_else(|| Failure::new("nothing was made"))?;
        event.set_filter(&filter.to_kernel())?;
        let told = event.filter()?;
        same("the filter", told.as_deref(), Some(&*filter.to_string()))?;
    }
    let first = own.formats().first().map(|(name, _)| name.to_string());
    same("the first format", first.as_deref(), Some(MCE_RECORD))?;
    drop(own);
    ensure(
        tracefs.open_instance("mce-own").is_err(),
        "the instance outlived its reader",
    )?;

    let machine = Machine::default();
    let found = probe(&machine);
    let opened = open_best(&found, &OpenOptions::default()).map_err(failed)?;
    // A kernel without inotify has no pstore to follow, and says so.
    let tried = |(place, _): &(Place, _)| *place == Place::Pstore;
    ensure(
        matches!(&opened.place, Place::KeptInstance(_)) && opened.failed.iter().all(tried),
        format!("{opened:?} of\n{found}"),
    )?;
    let name = opened.live.name().to_owned();
    drop(opened);
    tracefs.open_instance(&name)?.remove()?;
    Ok(())
}
