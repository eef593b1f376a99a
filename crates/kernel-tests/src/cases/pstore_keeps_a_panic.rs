//! A fatal machine check, the panic, the reboot, and the file that pstore has of it.

use std::fs;

use crate::case::{Boot, Case, Cpu, How, Kernel, Outcome, ensure};
use crate::guest::Guest;
use crate::guest::erst::{PSTORE, console_tells, dies, has_fatal, records};

pub(super) const CASE: Case = Case {
    name: "pstore_keeps_a_panic",
    about: "after the reboot pstore has the fatal error's record, until its file is removed",
    kernels: &[Kernel::Stock61, Kernel::Stock612],
    cpus: Cpu::ALL,
    how: How::Boots(&[
        Boot::new(dies).panics().checked(console_tells),
        Boot::new(finds),
    ]),
};

fn finds(guest: &Guest) -> Outcome {
    has_fatal(guest, &records()?)?;
    for entry in fs::read_dir(PSTORE)? {
        fs::remove_file(entry?.path())?;
    }
    ensure(records()?.is_empty(), "pstore still has it")
}
