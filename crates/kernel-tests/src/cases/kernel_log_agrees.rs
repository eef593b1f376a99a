//! The same error in the kernel log and from `/dev/mcelog`.

use std::time::Duration;

use mcekit::{Present, Record};
use mcelog_dev::knobs::Knobs;

use crate::case::{Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::mcelog::{empty_device, next_record};
use crate::guest::{Guest, Injected};

pub(super) const CASE: Case = Case {
    name: "kernel_log_agrees",
    about: "mcekit-logs finds the device's record in the kernel log (which prints it with print_all)",
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
    same_record(&wire.record(), text.as_bytes())
}

/// The log's record of that status is the device's, in everything that both give.
fn same_record(device: &Record, text: &[u8]) -> Outcome {
    let log = mcekit_logs::records(text)
        .map(|found| found.record)
        .find(|record| record.status() == device.status())
        .ok_or_else(|| Failure::new("mcekit-logs finds no record of that status"))?;
    let both = log.present() & device.present();
    let missing = PRINTED - both;
    ensure(missing.is_empty(), format!("not in both: {missing:?}"))?;
    same("the record", log.without(!both), device.without(!both))
}

/// What the kernel prints of every record.
const PRINTED: Present = Present::STATUS
    .union(Present::BANK)
    .union(Present::ADDR)
    .union(Present::MISC)
    .union(Present::MCGSTATUS)
    .union(Present::TIME)
    .union(Present::CPU)
    .union(Present::SOCKET)
    .union(Present::APICID)
    .union(Present::CPUID)
    .union(Present::VENDOR)
    .union(Present::MICROCODE);
