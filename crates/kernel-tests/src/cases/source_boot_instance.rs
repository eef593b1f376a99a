//! `mcekit_source::Trace` on an instance of the command line: mapped, and in reserved memory as text.

use mcekit_source::{Guarantees, Source as _, Trace, TraceOptions};
use tracefs::fs::Tracefs;

use crate::case::{Boot, Case, Cpu, Failure, How, Kernel, Outcome, ensure};
use crate::guest::Guest;
use crate::guest::source::each_once;
use crate::guest::tracing::written;

pub(super) const CASE: Case = Case {
    name: "source_boot_instance",
    about: "from an instance of the command line each error comes once, whenever its reader dies",
    kernels: &[Kernel::Stock612],
    cpus: Cpu::ALL,
    how: How::Boots(&[
        Boot::new(run).append("trace_instance=mce,mce:mce_record"),
        Boot::new(run).append("reserve_mem=4M:4096:kept trace_instance=mce@kept,mce:mce_record"),
    ]),
};

fn run(guest: &Guest) -> Outcome {
    let tracefs = Tracefs::find()?;
    let instance = tracefs.open_instance("mce")?;
    let options = TraceOptions::ras();
    let trace = Trace::open(&tracefs, "mce", &options).map_err(|e| Failure::new(e.to_string()))?;
    ensure(
        trace
            .caps()
            .has(Guarantees::FROM_BOOT | Guarantees::REPEATS),
        format!("{:?}", trace.caps()),
    )?;
    drop(trace);
    each_once(
        guest,
        || written(&instance),
        || Trace::open(&tracefs, "mce", &TraceOptions::default()),
    )
}
