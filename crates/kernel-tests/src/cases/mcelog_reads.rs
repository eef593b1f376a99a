//! What QEMU puts into a bank comes out of `/dev/mcelog`.

use mcelog_dev::sys::Node;

use crate::case::{Case, Cpu, How, Kernel, Outcome, ensure, same};
use crate::guest::mcelog::{CORRECTED, empty_device, is_injected, next_record, nothing_more};
use crate::guest::{Guest, Injected};

pub(super) const CASE: Case = Case {
    name: "mcelog_reads",
    about: "a record read is the error that was injected, field by field; a short read loses nothing",
    kernels: Kernel::MCELOG,
    cpus: Cpu::ALL,
    how: How::Shared(run),
};

fn run(guest: &Guest) -> Outcome {
    let mut device = empty_device()?;
    guest.poll_banks_often()?;
    for (cpu, bank, status) in [
        (0, 4, CORRECTED),
        (1, 5, 0x8c00_0040_0001_0093),
        (1, 9, 0x8800_0000_0000_0151),
    ] {
        let error = Injected {
            cpu,
            bank,
            status,
            addr: if status & (1 << 58) == 0 {
                0
            } else {
                0xabc_def0_0040
            },
            misc: 0x86,
            ..Injected::default()
        };
        guest.inject(&error);
        let wire = next_record(&mut device)?;
        is_injected(guest, &wire, &error)?;
        same("severity", wire.mce.severity, 2)?;
        same("tsc", wire.record().tsc(), None)?;
        nothing_more(&mut device)?;
    }

    // Two readers share one log, and a buffer too short for it is refused.
    let mut second = empty_device()?;
    let error = Injected {
        cpu: 0,
        bank: 3,
        status: 0x9000_0000_0000_0153,
        ..Injected::default()
    };
    guest.inject(&error);
    ensure(
        device.wait(Some(std::time::Duration::from_secs(8)))?,
        "nobody was woken",
    )?;
    let node = device.into_node();
    let refused = node.read(&mut [0; 4095]).map_err(|e| e.raw_os_error());
    same("a short read", refused, Err(Some(libc::EINVAL)))?;
    is_injected(guest, &next_record(&mut second)?, &error)?;
    same("read by the other", node.read(&mut [0; 4096])?, 0)
}
