//! A ring that overflows, read in every way that the kernel has.

use tracefs::Error;
use tracefs::fs::{Method, Stream, Tracefs};

use crate::case::{Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;
use crate::guest::tracing::Taken;

pub(super) const CASE: Case = Case {
    name: "rings_lose_exactly",
    about: "what a ring delivers and what it says it lost are all that was written, by read, splice and mapping",
    kernels: Kernel::ALL,
    cpus: &[Cpu::Intel],
    how: How::Shared(run),
};

fn run(guest: &Guest) -> Outcome {
    let tracefs = Tracefs::find()?;
    for overwrite in [true, false] {
        for method in [Method::Read, Method::Splice, Method::Map] {
            let instance = tracefs.create_instance("lossy")?;
            instance.set_clock("mono")?;
            instance.set_option("overwrite", overwrite)?;
            instance.set_buffer_size_kb(16)?;
            let mut stream = match Stream::open(&instance, method) {
                // Rings can be mapped since 6.10.
                Err(Error::Unsupported { .. })
                    if method == Method::Map
                        && !Kernel::BOOT_INSTANCES.contains(&guest.machine().kernel) =>
                {
                    continue;
                }
                other => other?,
            };
            let mut taken = Taken::default();
            let mut written = 0;
            for burst in [3, 900, 40, 1_200] {
                for _ in 0..burst {
                    match instance.mark(&format!("mark {written:06}")) {
                        // A full ring that keeps the oldest says so to whoever writes into it by hand.
                        Err(Error::Refused { .. }) if !overwrite => {}
                        other => other?,
                    }
                    written += 1;
                }
                stream.fill()?;
                taken.take(&mut stream)?;
            }
            instance.set_recording(false)?;
            stream.finish()?;
            taken.take(&mut stream)?;
            let what = format!("{method:?}, overwrite {overwrite}");
            same(&what, taken.records.len() as u64 + taken.lost, written)?;
            ensure(taken.lost > 0, format!("{what}: nothing was lost"))?;
            in_order(&taken).map_err(|Failure(why)| Failure(format!("{what}: {why}")))?;
            drop(stream);
            instance.remove()?;
        }
    }
    Ok(())
}

/// Whether the marks count up.
fn in_order(taken: &Taken) -> Outcome {
    let mut last = None;
    for record in &taken.records {
        let text = String::from_utf8_lossy(record);
        let number = text
            .split_once("mark ")
            .and_then(|(_, rest)| rest.get(..6))
            .ok_or_else(|| Failure::new(format!("no mark: {text:?}")))?
            .to_owned();
        ensure(
            last.as_ref().is_none_or(|last| *last < number),
            format!("{number} after {last:?}"),
        )?;
        last = Some(number);
    }
    Ok(())
}
