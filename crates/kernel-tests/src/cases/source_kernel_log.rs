//! An error in the kernel's log, through `mcekit-source`.

use std::fs;
use std::time::Duration;

use mcekit_source::{Cursor, Event, Kmsg, Observed, Seek, Source};
use mcelog_dev::knobs::Knobs;

use crate::case::{Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::{Guest, Injected};

pub(super) const CASE: Case = Case {
    name: "source_kernel_log",
    about: "what the kernel prints of an error comes once, across a restart; what a program writes like it does not",
    kernels: Kernel::ALL,
    cpus: Cpu::ALL,
    how: How::Shared(run),
};

fn open() -> Result<Kmsg, Failure> {
    Ok(Kmsg::open()?.settle(Duration::from_millis(300)))
}

/// Waits for the record of a status.
fn wait_for(guest: &Guest, source: &mut Kmsg, status: u64) -> Result<Observed, Failure> {
    guest.wait_for("the record", Duration::from_secs(10), || {
        while let Some(event) = source.next()? {
            if let Event::Record(one) = event
                && one.record.status().0 == status
            {
                return Ok(Some(one));
            }
        }
        Ok(None)
    })
}

fn error(bank: u8, status: u64) -> Injected {
    Injected {
        cpu: 1,
        bank,
        status,
        addr: 0x12_3456_7000,
        misc: 0x9086,
        ..Injected::default()
    }
}

fn check(one: &Observed, error: &Injected) -> Outcome {
    same("cpu", one.record.cpu(), Some(error.cpu))?;
    same("bank", one.record.bank(), Some(error.bank))?;
    same("addr", one.record.addr().map(|a| a.0), Some(error.addr))?;
    ensure(!one.earlier_boot, "marked as of an earlier boot")
}

fn run(guest: &Guest) -> Outcome {
    let knobs = Knobs::new().cpu(0);
    knobs.set_print_all(true)?;
    guest.poll_banks_often()?;
    let mut source = open()?;
    let first = error(7, 0xcc00_00c0_0001_0091);
    guest.inject(&first);
    let one = wait_for(guest, &mut source, first.status)?;
    check(&one, &first)?;
    let cursor = source.cursor().ok_or_else(|| Failure::new("no cursor"))?;
    guest.keep("cursor", cursor.to_string().as_bytes());
    drop(source);

    // A program's words, then another error of the kernel's.
    let forged = "<0>mce: [Hardware Error]: CPU 0: Machine Check: 0 Bank 5: bea0000000000108\n";
    fs::write("/dev/kmsg", forged)?;
    let second = error(6, 0xcc00_0100_0001_0092);
    guest.inject(&second);
    let cursor: Cursor = cursor.to_string().parse()?;
    let mut again = open()?;
    same("the seek", again.seek(&cursor)?, Seek::Resumed)?;
    let mut others = Vec::new();
    let two = guest.wait_for("the second record", Duration::from_secs(10), || {
        while let Some(event) = again.next()? {
            match event {
                Event::Record(one) if one.record.status().0 == second.status => {
                    return Ok(Some(one));
                }
                other => others.push(other),
            }
        }
        Ok(None)
    })?;
    knobs.set_print_all(false)?;
    check(&two, &second)?;
    ensure(others.is_empty(), format!("before it came {others:?}"))?;
    ensure(again.untrusted() > 0, "the forged line was not counted")
}
