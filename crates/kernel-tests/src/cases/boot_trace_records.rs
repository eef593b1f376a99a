//! `trace_event=` records machine checks from the boot on, before anybody reads.

use tracefs::fs::{EnableState, Tracefs};

use crate::case::{Boot, Case, Cpu, How, Kernel, Outcome, ensure};
use crate::guest::Guest;
use crate::guest::tracing::{MCE_RECORD, records_what_is_injected};

pub(super) const CASE: Case = Case {
    name: "boot_trace_records",
    about: "an error before any reader is in the ring that the command line asked for, field by field",
    kernels: Kernel::OLDER,
    cpus: Cpu::ALL,
    how: How::Boots(&[Boot::new(run).append("trace_event=mce:mce_record")]),
};

fn run(guest: &Guest) -> Outcome {
    let top = Tracefs::find()?.top();
    let state = top.event(&MCE_RECORD.parse()?)?.enabled()?;
    ensure(
        state == EnableState::On,
        format!("{MCE_RECORD} is {state:?}"),
    )?;
    records_what_is_injected(guest, &top)
}
