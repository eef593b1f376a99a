//! `mcekit_source::Trace` on the top-level instance, for kernels that make no others while they boot.

use mcekit_source::{Trace, TraceOptions};
use tracefs::fs::Tracefs;

use crate::case::{Boot, Case, Cpu, How, Kernel, Outcome};
use crate::guest::Guest;
use crate::guest::source::each_once;
use crate::guest::tracing::written;

pub(super) const CASE: Case = Case {
    name: "source_top_instance",
    about: "with trace_event= each error comes once from the top-level instance, whenever its reader dies",
    kernels: Kernel::OLDER,
    cpus: Cpu::ALL,
    how: How::Boots(&[Boot::new(run).append("trace_event=mce:mce_record")]),
};

fn run(guest: &Guest) -> Outcome {
    let tracefs = Tracefs::find()?;
    let top = tracefs.top();
    each_once(
        guest,
        || written(&top),
        || Trace::top(&tracefs, &TraceOptions::default()),
    )
}
