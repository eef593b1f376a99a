//! `trace_instance=` (Linux 6.3): an instance of its own from the boot on.

use tracefs::fs::{EnableState, Tracefs};

use crate::case::{Boot, Case, Cpu, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;
use crate::guest::tracing::{MCE_RECORD, records_what_is_injected};

pub(super) const CASE: Case = Case {
    name: "boot_instance_records",
    about: "an instance from the command line is recognised, and holds what came before any reader",
    kernels: &[Kernel::Stock612],
    cpus: Cpu::ALL,
    how: How::Boots(&[Boot::new(run).append("trace_instance=mce,mce:mce_record")]),
};

fn run(guest: &Guest) -> Outcome {
    let tracefs = Tracefs::find()?;
    let asked = tracefs.boot_instances()?;
    same("instances asked for", asked.len(), 1)?;
    let Some(boot) = asked.first() else {
        return Ok(());
    };
    ensure(
        boot.name == "mce" && boot.events == [MCE_RECORD] && boot.memory.is_none(),
        format!("asked for {boot:?}"),
    )?;
    let instance = tracefs.open_instance(&boot.name)?;
    let state = instance.event(&MCE_RECORD.parse()?)?.enabled()?;
    ensure(
        state == EnableState::On,
        format!("{MCE_RECORD} is {state:?}"),
    )?;
    // It is not in memory that outlives a reboot.
    same("last boot", instance.last_boot_info()?.is_some(), false)?;
    records_what_is_injected(guest, &instance)?;
    instance.remove()?;
    same("instances left", tracefs.instances()?.len(), 0)
}
