//! The daemon on an instance of the command line: what came before it, with it, and while it was dead.

use crate::case::{Boot, Case, Cpu, How, Kernel, Outcome};
use crate::guest::Guest;
use crate::guest::rasd::delivers_once;

pub(super) const CASE: Case = Case {
    name: "rasd_reads_a_boot_instance",
    about: "each error is in the daemon's database once: before it, with it, and while it was killed",
    kernels: Kernel::BOOT_INSTANCES,
    cpus: Cpu::ALL,
    how: How::Boots(&[Boot::new(run)
        .append("trace_instance=mce,mce:mce_record")
        .with_rasd()]),
};

fn run(guest: &Guest) -> Outcome {
    delivers_once(guest, &guest.mount_disk()?.join("rasd"), &[])
}
