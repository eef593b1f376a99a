//! The same error in the kernel log and from `/dev/mcelog`.

use std::time::Duration;

use mcelog_dev::knobs::Knobs;

use crate::case::{Case, Cpu, How, Kernel, Outcome, ensure};
use crate::guest::mcelog::{empty_device, next_record};
use crate::guest::{Guest, Injected};

pub(super) const CASE: Case = Case {
    name: "kernel_log_agrees",
    about: "with print_all the kernel log prints the record that the device hands out",
    kernels: Kernel::MCELOG,
    cpus: Cpu::ALL,
    how: How::Shared(run),
};

fn run(guest: &Guest) -> Outcome {
    let mut device = empty_device()?;
    let cpu = Knobs::new().cpu(0);
    // Where a reader takes the record, the log keeps quiet about it otherwise.
    cpu.set_print_all(true)?;
    guest.poll_banks_often()?;
    let error = Injected {
        cpu: 1,
        bank: 7,
        status: 0xcc00_0080_0001_0090,
        addr: 0x76_5432_1000,
        misc: 0x9086,
        ..Injected::default()
    };
    guest.inject(&error);
    let wire = next_record(&mut device)?;
    guest.keep("mcelog.bin", &wire.mce.to_bytes());
    let first = format!(
        "CPU {}: Machine Check: 0 Bank {}: {:016x}",
        error.cpu, error.bank, error.status
    );
    let text = guest.wait_for(
        "the record in the kernel log",
        Duration::from_secs(5),
        || {
            let log = guest.kernel_log()?;
            let from = log.find(&first);
            // The record's last line names the processor.
            Ok(from
                .map(|at| log[at..].to_owned())
                .filter(|text| text.contains("microcode")))
        },
    )?;
    cpu.set_print_all(false)?;
    guest.keep("kernel-log.txt", text.as_bytes());
    let mce = wire.mce;
    for part in [
        format!("ADDR {:x} ", mce.addr),
        format!("MISC {:x} ", mce.misc),
        format!("PROCESSOR {}:{:x} ", mce.cpuvendor, mce.cpuid),
        format!("TIME {} ", mce.time),
        format!("SOCKET {} ", mce.socketid),
        format!("APIC {:x} ", mce.apicid),
        format!("microcode {:x}", mce.microcode),
    ] {
        ensure(text.contains(&part), format!("no {part:?} in {text:?}"))?;
    }
    Ok(())
}
