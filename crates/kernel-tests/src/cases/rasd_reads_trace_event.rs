//! The daemon on kernels that have no boot instances: `trace_event=` in the top instance.

use crate::case::{Boot, Case, Cpu, How, Kernel, Outcome};
use crate::guest::Guest;
use crate::guest::rasd::delivers_once;

pub(super) const CASE: Case = Case {
    name: "rasd_reads_trace_event",
    about: "each error is in the daemon's database once, from before it on, on kernels without boot instances",
    kernels: &[Kernel::Stock61],
    cpus: Cpu::ALL,
    how: How::Boots(&[Boot::new(run)
        .append("trace_event=mce:mce_record trace_clock=local")
        .with_rasd()]),
};

fn run(guest: &Guest) -> Outcome {
    delivers_once(guest, &guest.mount_disk()?.join("rasd"), &[])
}
