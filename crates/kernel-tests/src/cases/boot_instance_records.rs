//! `trace_instance=` (Linux 6.3): an instance of its own from the boot on, and (6.12) in memory that outlives a
//! warm reboot.

use tracefs::Error;
use tracefs::fs::{EnableState, Instance, Tracefs};

use crate::case::{Boot, Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;
use crate::guest::tracing::{MCE_RECORD, records_what_is_injected};

pub(super) const CASE: Case = Case {
    name: "boot_instance_records",
    about: "an instance from the command line is recognised, and holds what came before any reader",
    kernels: Kernel::BOOT_INSTANCES,
    cpus: Cpu::ALL,
    how: How::Boots(&[
        Boot::new(run).append("trace_instance=mce,mce:mce_record"),
        Boot::new(run_reserved)
            .append("reserve_mem=4M:4096:kept trace_instance=mce@kept,mce:mce_record"),
    ]),
};

fn run(guest: &Guest) -> Outcome {
    let tracefs = Tracefs::find()?;
    let instance = from_boot(&tracefs, None)?;
    // It is not in memory that outlives a reboot.
    same("last boot", instance.last_boot_info()?.is_some(), false)?;
    records_what_is_injected(guest, &instance)?;
    instance.remove()?;
    same("instances left", tracefs.instances()?.len(), 0)
}

fn run_reserved(guest: &Guest) -> Outcome {
    let tracefs = Tracefs::find()?;
    let instance = from_boot(&tracefs, Some("kept"))?;
    same("last boot", instance.last_boot_info()?.is_some(), true)?;
    records_what_is_injected(guest, &instance)?;
    match instance.remove() {
        // 6.12 holds on to it; later kernels give it up, and the memory keeps what it has.
        Err(Error::Busy { .. }) if guest.machine().kernel == Kernel::Stock612 => Ok(()),
        Ok(()) if guest.machine().kernel != Kernel::Stock612 => Ok(()),
        other => Err(Failure::new(format!("removed: {other:?}"))),
    }
}

/// The one instance of the command line, in that memory.
fn from_boot(tracefs: &Tracefs, memory: Option<&str>) -> Result<Instance, Failure> {
    let asked = tracefs.boot_instances()?;
    let [boot] = asked.as_slice() else {
        return Err(Failure::new(format!("asked for {asked:?}")));
    };
    ensure(
        boot.name == "mce" && boot.events == [MCE_RECORD] && boot.memory.as_deref() == memory,
        format!("asked for {boot:?}"),
    )?;
    let instance = tracefs.open_instance(&boot.name)?;
    let state = instance.event(&MCE_RECORD.parse()?)?.enabled()?;
    ensure(
        state == EnableState::On,
        format!("{MCE_RECORD} is {state:?}"),
    )?;
    Ok(instance)
}
