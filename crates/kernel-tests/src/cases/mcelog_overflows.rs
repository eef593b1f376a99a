//! A full log keeps its oldest records and says that it dropped some.

use std::thread::sleep;
use std::time::Duration;

use mcelog_dev::{Debugfs, Event, Injection, Injector, Overflow, Raise};

use crate::case::{Case, Cpu, How, Kernel, Outcome, same};
use crate::guest::Guest;
use crate::guest::mcelog::{corrected, empty_device, nothing_more};

pub(super) const CASE: Case = Case {
    name: "mcelog_overflows",
    about: "of 40 records the first 32 are read, then one overflow; a log that is just full has none",
    kernels: Kernel::MCELOG,
    cpus: Cpu::ALL,
    how: How::Shared(run),
};

/// The kernel hands errors to its listeners from a work queue, which a burst outruns.
const PACE: Duration = Duration::from_millis(3);

fn run(_: &Guest) -> Outcome {
    let mut device = empty_device()?;
    for (errors, kept, overflow) in [
        (40, 32, true),
        (32, 32, false),
        (33, 32, true),
        (1, 1, false),
    ] {
        for n in 0..errors {
            let record = corrected(0, 1, 0x10_0000 + n * 0x1000);
            Debugfs::new().inject(&Injection::new(record).with_raise(Raise::Log))?;
            sleep(PACE);
        }
        sleep(Duration::from_millis(100));
        let (mut addrs, mut told) = (Vec::new(), Vec::new());
        while let Some(event) = device.next_event()? {
            match event {
                Event::Record(entry) => addrs.push(entry.wire().mce.addr),
                // With the number of records that came before it.
                Event::Overflow(how) => told.push((addrs.len(), how)),
            }
        }
        let want: Vec<u64> = (0..kept).map(|n| 0x10_0000 + n * 0x1000).collect();
        same("addresses", addrs.as_slice(), want.as_slice())?;
        let want = [(32, Overflow::Flagged)];
        let want: &[_] = if overflow { &want } else { &[] };
        same("overflows", told.as_slice(), want)?;
    }
    nothing_more(&mut device)
}
