//! The device keeps the contract that its fake keeps.

use std::thread::sleep;
use std::time::Duration;

use mcelog_dev::sys::Kernel as KernelDriver;
use mcelog_dev::{Debugfs, Injection, Injector, Raise};

use crate::case::{Case, Cpu, How, Kernel, Outcome};
use crate::guest::Guest;
use crate::guest::contract;
use crate::guest::mcelog::{corrected, empty_device};

pub(super) const CASE: Case = Case {
    name: "mcelog_contract",
    about: "the kernel's device and the fake one keep the same contract, by the same checks",
    kernels: Kernel::MCELOG,
    cpus: Cpu::ALL,
    how: How::Shared(run),
};

/// The kernel hands errors to its listeners from a work queue, which a burst outruns.
const PACE: Duration = Duration::from_millis(4);

fn run(_: &Guest) -> Outcome {
    drop(empty_device()?);
    contract::holds(&KernelDriver, &mut |addr| {
        let injection = Injection::new(corrected(0, 1, addr)).with_raise(Raise::Log);
        Debugfs::new().inject(&injection)?;
        sleep(PACE);
        Ok(())
    })
}
