//! What the cases of tracefs share.

use std::fs;
use std::time::Duration;

use tracefs::fs::{Event, Instance, Kind, Method, Stream};
use tracefs::page::Loss;
use tracefs::print::{PrintFmt, Symbols};

use super::{Guest, Injected};
use crate::case::{Failure, Outcome, ensure, same};

/// The tracepoint of machine checks.
pub const MCE_RECORD: &str = "mce:mce_record";

/// What a ring gave: the records' bytes, and how many were lost.
#[derive(Debug, Default)]
pub struct Taken {
    /// The records, in time order.
    pub records: Vec<Vec<u8>>,
    /// How many are missing.
    pub lost: u64,
}

impl Taken {
    /// Takes what is due.
    ///
    /// # Errors
    ///
    /// Where a loss has no number.
    pub fn take(&mut self, stream: &mut Stream) -> Outcome {
        while let Some(event) = stream.next_event() {
            match event.kind {
                Kind::Record(data) => self.records.push(data.to_vec()),
                Kind::Lost(Loss::Exact(n)) => self.lost += n,
                Kind::Lost(loss) => return Err(Failure::new(format!("lost {loss:?}"))),
            }
        }
        Ok(())
    }
}

/// How many events were written into an instance's rings, ever.
///
/// # Errors
///
/// As `Instance::stats`.
pub fn written(instance: &Instance) -> Result<u64, Failure> {
    let mut written = 0;
    for cpu in instance.cpus()? {
        let stats = instance.stats(cpu)?;
        written += stats.entries + stats.overrun + stats.read_events;
    }
    Ok(written)
}

/// Injects errors while nobody reads, waits until the instance has them all, and then reads them: the fields
/// are what was injected, and the text is what the kernel prints.
///
/// # Errors
///
/// With what differs.
pub fn records_what_is_injected(guest: &Guest, instance: &Instance) -> Outcome {
    let event = instance.event(&MCE_RECORD.parse()?)?;
    guest.poll_banks_often()?;
    let errors: Vec<Injected> = [(0, 4, 0x91), (1, 5, 0x93), (0, 6, 0x92)]
        .into_iter()
        .map(|(cpu, bank, code)| Injected {
            cpu,
            bank,
            status: 0x8c00_0040_0001_0000 | code,
            addr: 0xabc_def0_0000 + u64::from(bank) * 0x40,
            misc: 0x86,
            ..Injected::default()
        })
        .collect();
    for (index, error) in errors.iter().enumerate() {
        guest.inject(error);
        // One after another, so that their order is known.
        guest.wait_for("a record in the ring", Duration::from_secs(10), || {
            let mut entries = 0;
            for cpu in instance.cpus()? {
                entries += instance.stats(cpu)?.entries;
            }
            Ok((entries > index as u64).then_some(()))
        })?;
    }
    let printed = fs::read_to_string(instance.root().join("trace"))?;

    let mut stream = Stream::open(instance, Method::Read)?;
    let mut taken = Taken::default();
    stream.finish()?;
    taken.take(&mut stream)?;
    same("records", taken.records.len(), errors.len())?;
    same("lost", taken.lost, 0)?;
    let lines: Vec<&str> = printed.lines().filter(|l| !l.starts_with('#')).collect();
    same("lines", lines.len(), errors.len())?;
    for ((data, error), line) in taken.records.iter().zip(&errors).zip(lines) {
        is_injected(&event, data, error, line)?;
    }
    Ok(())
}

fn is_injected(event: &Event, data: &[u8], error: &Injected, line: &str) -> Outcome {
    let format = event.format()?;
    let number = |name: &'static str| -> Result<u64, Failure> {
        format
            .accessor(name)?
            .u64(data)
            .ok_or_else(|| Failure::new(format!("{name} is no number")))
    };
    same("common_type", number("common_type")?, event.id()?.into())?;
    for (name, want) in [
        ("cpu", error.cpu.into()),
        ("bank", error.bank.into()),
        ("status", error.status),
        ("addr", error.addr),
        ("misc", error.misc),
        ("mcgstatus", error.mcg_status),
        ("apicid", error.cpu.into()),
        ("socketid", 0),
        ("ipid", 0),
        ("synd", 0),
    ] {
        same(name, number(name)?, want)?;
    }
    ensure(number("walltime")? > 1_700_000_000, "no time of day")?;
    let text = PrintFmt::compile(&format, &Symbols::new())?
        .display(data)
        .to_string();
    ensure(
        line.ends_with(&format!(": mce_record: {text}")),
        format!("the kernel prints {line:?}, we {text:?}"),
    )
}
