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
    kernels: Kernel::BOOT_INSTANCES,
    cpus: Cpu::ALL,
    how: How::Boots(&[
        Boot::new(|guest| run(guest, "mapped")).append("trace_instance=mce,mce:mce_record"),
        // 6.12 maps no ring of such memory, and on no kernel it is read so.
        Boot::new(|guest| run(guest, "text"))
            .append("reserve_mem=4M:4096:kept trace_instance=mce@kept,mce:mce_record"),
    ]),
};

/// `way` is how the rings are to be looked at.
fn run(guest: &Guest, way: &str) -> Outcome {
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
    let epoch = trace.cursor().map(|cursor| cursor.epoch().to_owned());
    ensure(
        epoch.as_ref().is_some_and(|epoch| epoch.ends_with(way)),
        format!("{epoch:?} is not {way}"),
    )?;
    drop(trace);
    each_once(
        guest,
        || written(&instance),
        || Trace::open(&tracefs, "mce", &TraceOptions::default()),
    )
}
