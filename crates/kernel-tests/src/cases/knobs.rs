//! The knobs of machinecheck, on every kernel.

use std::fs;
use std::path::Path;
use std::time::Duration;

use mcelog_dev::knobs::{CpuKnobs, Knobs, MAX_TRIGGER};
use mcelog_dev::{Debugfs, Error, Injection, Injector, Raise};

use crate::case::{Case, Cpu, How, Kernel, Outcome, ensure, same};
use crate::guest::mcelog::corrected;
use crate::guest::{Guest, TRIGGER_LOG};

pub(super) const CASE: Case = Case {
    name: "knobs",
    about: "each knob reads back what was set, for one CPU or all, and an absent one is told as such",
    kernels: Kernel::ALL,
    cpus: Cpu::ALL,
    how: How::Shared(run),
};

fn run(guest: &Guest) -> Outcome {
    let knobs = Knobs::new();
    same("cpus", knobs.cpus()?.as_slice(), &[0, 1])?;
    let (first, second) = (knobs.cpu(0), knobs.cpu(1));
    same("banks", first.bank_count()?, 10)?;

    // Shared by all CPUs.
    let interval = Some(Duration::from_secs(17));
    first.set_check_interval(interval)?;
    same(
        "check_interval of the other cpu",
        second.check_interval()?,
        interval,
    )?;
    second.set_check_interval(None)?;
    same("check_interval off", first.check_interval()?, None)?;
    first.set_check_interval(Some(Duration::from_secs(300)))?;

    let before = first.monarch_timeout()?;
    let default = match guest.machine().cpu {
        Cpu::Intel => Some(Duration::from_secs(1)),
        Cpu::Amd => None,
    };
    same("monarch_timeout", before, default)?;
    let longest = Some(Duration::from_micros(2_147_483_647));
    first.set_monarch_timeout(longest)?;
    same("monarch_timeout", second.monarch_timeout()?, longest)?;
    first.set_monarch_timeout(before)?;

    type Switch = (
        &'static str,
        fn(&CpuKnobs, bool) -> Result<(), Error>,
        fn(&CpuKnobs) -> Result<bool, Error>,
    );
    let switches: [Switch; 4] = [
        ("ignore_ce", CpuKnobs::set_ignore_ce, CpuKnobs::ignore_ce),
        (
            "dont_log_ce",
            CpuKnobs::set_dont_log_ce,
            CpuKnobs::dont_log_ce,
        ),
        (
            "cmci_disabled",
            CpuKnobs::set_cmci_disabled,
            CpuKnobs::cmci_disabled,
        ),
        ("print_all", CpuKnobs::set_print_all, CpuKnobs::print_all),
    ];
    for (name, set, get) in switches {
        let before = get(&first)?;
        for on in [!before, before] {
            set(&first, on)?;
            same(name, get(&second)?, on)?;
        }
    }

    // A CPU's own.
    let before = first.bank(1)?;
    second.set_bank(1, 0xff)?;
    same("bank1 of this cpu", second.bank(1)?, 0xff)?;
    same("bank1 of the other cpu", first.bank(1)?, before)?;
    second.set_bank(1, before)?;

    absent("tolerant", &first.tolerant())?;
    absent("bank99", &first.bank(99))?;
    absent("machinecheck9", &knobs.cpu(9).check_interval())?;
    let refused = first.set_check_interval(Some(Duration::from_secs(1 << 32)));
    ensure(
        matches!(refused, Err(Error::OutOfRange { .. })),
        format!("2^32 seconds: {refused:?}"),
    )?;
    trigger(guest, &first)?;

    nobody_may_write(&first)
}

fn absent<T: std::fmt::Debug>(what: &str, got: &Result<T, Error>) -> Outcome {
    let told = matches!(got, Err(Error::NoKnob { .. }));
    ensure(told, format!("{what} is not told as absent: {got:?}"))
}

fn trigger(guest: &Guest, cpu: &CpuKnobs) -> Outcome {
    if !Kernel::MCELOG.contains(&guest.machine().kernel) {
        absent("trigger", &cpu.trigger())?;
        return absent("trigger", &cpu.set_trigger(Some(Path::new("/trigger"))));
    }
    let longest = format!("/{}", "x".repeat(MAX_TRIGGER - 1));
    cpu.set_trigger(Some(Path::new(&longest)))?;
    ensure(
        cpu.trigger()?.as_deref() == Some(Path::new(&longest)),
        "the longest name was cut",
    )?;
    cpu.set_trigger(Some(Path::new("/trigger")))?;
    Debugfs::new().inject(&Injection::new(corrected(0, 1, 0x9000)).with_raise(Raise::Log))?;
    let log = guest.wait_for("the trigger's traces", Duration::from_secs(5), || {
        Ok(fs::read_to_string(TRIGGER_LOG)
            .ok()
            .filter(|log| !log.is_empty()))
    })?;
    let want = "arguments=0 environment=0\n";
    ensure(log == want, format!("the trigger was called like {log:?}"))?;
    cpu.set_trigger(None)?;
    ensure(cpu.trigger()?.is_none(), "the trigger cannot be cleared")
}

fn nobody_may_write(cpu: &CpuKnobs) -> Outcome {
    nix::unistd::setuid(nix::unistd::Uid::from_raw(65534))?;
    let refused = cpu.set_ignore_ce(true);
    ensure(
        matches!(refused, Err(Error::Access { .. })),
        format!("as nobody: {refused:?}"),
    )
}
