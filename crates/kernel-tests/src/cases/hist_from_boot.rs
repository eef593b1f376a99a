//! A histogram that the kernel's command line asks for.

use mcekit_source::{Event, FieldValue, Generic, Hist, Source};
use tracefs::fs::Tracefs;

use crate::case::{Boot, Case, Cpu, Failure, How, Kernel, Outcome, ensure};
use crate::guest::Guest;
use crate::guest::rasd::Errors;
use crate::guest::tracing::MCE_RECORD;

pub(super) const CASE: Case = Case {
    name: "hist_from_boot",
    about: "trace_trigger= counts machine checks before anybody asks, and who asks later is told of all",
    kernels: &[Kernel::StockNew],
    cpus: Cpu::INTEL,
    // The kernel splits the parameter at commas: a histogram from boot has one key.
    how: How::Boots(&[Boot::new(run).append("trace_trigger=mce_record.hist:keys=bank")]),
};

fn run(guest: &Guest) -> Outcome {
    let top = Tracefs::find()?.top();
    let triggers = top.event(&MCE_RECORD.parse()?)?.triggers()?;
    ensure(
        triggers.iter().any(|one| one.starts_with("hist:keys=bank")),
        format!("triggers: {triggers:?}"),
    )?;
    // Banks 1, 2, 3, and 1 again.
    Errors::default().inject(4)?;
    let mut hist = Hist::open(&top.root().join("events/mce/mce_record/hist"))?;
    let hits = |event: &Generic| {
        let hits = ("hits".to_owned(), FieldValue::Unsigned(4));
        event.fields.contains(&hits)
    };
    let event = guest.wait_for(
        "four hits",
        std::time::Duration::from_secs(10),
        || match hist.next()? {
            Some(Event::Generic(event)) if hits(&event) => Ok(Some(event)),
            None | Some(Event::Generic(_)) => Ok(None),
            Some(other) => Err(Failure::new(format!("{other:?}"))),
        },
    )?;
    for (row, count) in [("bank: 1", 2), ("bank: 2", 1), ("bank: 3", 1)] {
        let field = (
            row.to_owned(),
            FieldValue::Text(format!("hitcount: {count}")),
        );
        ensure(
            event.fields.contains(&field),
            format!("{row} is to have {count}: {:?}", event.fields),
        )?;
    }
    Ok(())
}
