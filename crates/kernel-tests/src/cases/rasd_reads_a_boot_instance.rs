//! The daemon on an instance of the command line: what came before it, with it, and while it was dead.

use tracefs::fs::{EnableState, Tracefs};

use crate::case::{Boot, Case, Cpu, How, Kernel, Outcome, same};
use crate::guest::Guest;
use crate::guest::rasd::delivers_once;

pub(super) const CASE: Case = Case {
    name: "rasd_reads_a_boot_instance",
    about: "each error is in the daemon's database once: before it, with it, and while it was killed",
    kernels: Kernel::BOOT_INSTANCES,
    cpus: Cpu::ALL,
    how: How::Boots(&[Boot::new(run)
        .append("trace_instance=mce,mce:mce_record,ras:*")
        .with_rasd()]),
};

fn run(guest: &Guest) -> Outcome {
    // A whole system of events can be named there.
    let instance = Tracefs::find()?.open_instance("mce")?;
    for event in ["mce:mce_record", "ras:aer_event"] {
        let state = instance.event(&event.parse()?)?.enabled()?;
        same(event, state, EnableState::On)?;
    }
    drop(instance);
    delivers_once(guest, &guest.mount_disk()?.join("rasd"), &[])
}
