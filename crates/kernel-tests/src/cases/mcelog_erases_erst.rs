//! A fatal machine check, the panic, the reboot, and `/dev/mcelog` handing it out and erasing it.

use std::time::Duration;

use mcelog_dev::{Device, Event, Origin};

use crate::case::{Boot, Case, Cpu, Failure, How, Kernel, Outcome, ensure};
use crate::guest::Guest;
use crate::guest::erst::{console_tells, dies, has_fatal, records};

pub(super) const CASE: Case = Case {
    name: "mcelog_erases_erst",
    about: "after the reboot the device gives the fatal error, marked as of an earlier boot, and once",
    kernels: Kernel::MCELOG,
    cpus: Cpu::ALL,
    how: How::Boots(&[
        Boot::new(dies).panics().checked(console_tells),
        Boot::new(finds),
        Boot::new(finds_no_more),
    ]),
};

fn finds(guest: &Guest) -> Outcome {
    // Looking into pstore first takes nothing away.
    let records = records()?;
    has_fatal(guest, &records)?;
    let mut device = Device::open()?;
    ensure(
        device.wait(Some(Duration::ZERO))?,
        "the device is silent about the store",
    )?;
    let mut from_device = Vec::new();
    while let Some(event) = device.next_event()? {
        match event {
            Event::Record(entry) => {
                let marked = entry.origin() == Origin::EarlierBoot;
                ensure(marked, "not marked as of an earlier boot")?;
                from_device.push(entry.bytes().to_vec());
            }
            Event::Overflow(how) => return Err(Failure::new(format!("overflow ({how:?})"))),
        }
    }
    ensure(
        from_device == records,
        "the device's records are not pstore's",
    )?;
    ensure(
        !device.wait(Some(Duration::ZERO))?,
        "the device goes on waking",
    )
}

fn finds_no_more(_: &Guest) -> Outcome {
    ensure(records()?.is_empty(), "pstore still has it")?;
    ensure(
        Device::open()?.next_event()?.is_none(),
        "the device has it again",
    )
}
