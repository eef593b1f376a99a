//! `mcekit_source::Trace` on an instance that it makes: mapped where the kernel can, as text everywhere; and what a
//! tiny ring loses.

use mcekit_source::{Trace, TraceOptions};
use tracefs::fs::Tracefs;

use crate::case::{Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;
use crate::guest::source::{Disk, each_once, numbered};
use crate::guest::tracing::written;

pub(super) const CASE: Case = Case {
    name: "source_kept_instance",
    about: "from an instance that is made and kept each error comes once, and what it loses is counted exactly",
    kernels: Kernel::ALL,
    cpus: Cpu::ALL,
    how: How::Shared(run),
};

fn run(guest: &Guest) -> Outcome {
    let tracefs = Tracefs::find()?;
    for map in [true, false] {
        let options = TraceOptions {
            map,
            ..TraceOptions::default()
        };
        let open = || Trace::keep(&tracefs, "mce-kept", &options);
        // Made, and left alone.
        drop(open().map_err(|e| Failure::new(e.to_string()))?);
        let instance = tracefs.open_instance("mce-kept")?;
        each_once(guest, || written(&instance), open)?;
        instance.remove()?;
        overflows(guest, &tracefs, map)?;
    }
    Ok(())
}

/// An error, then so much else that it is overwritten with all the rest, and another error.
fn overflows(guest: &Guest, tracefs: &Tracefs, map: bool) -> Outcome {
    let options = TraceOptions {
        map,
        buffer_kb: 8,
        ..TraceOptions::default()
    };
    let failed = |e: mcekit_source::Error| Failure::new(e.to_string());
    drop(Trace::keep(tracefs, "mce-tiny", &options).map_err(failed)?);
    let instance = tracefs.open_instance("mce-tiny")?;
    guest.inject(&numbered(0));
    guest.wait_for(
        "a record in the ring",
        std::time::Duration::from_secs(10),
        || Ok((written(&instance)? > 0).then_some(())),
    )?;
    for n in 0..3000 {
        instance.mark(&format!("mark {n:06}"))?;
    }
    let mut disk = Disk::default();
    let mut source = Trace::keep(tracefs, "mce-tiny", &options).map_err(failed)?;
    while disk.take(&mut source)? {
        disk.commit(&mut source)?;
    }
    guest.inject(&numbered(1));
    let known = disk.errors.len();
    disk.wait(&mut source, known + 1)?;
    disk.commit(&mut source)?;
    while disk.take(&mut source)? {}
    let mut overrun = 0;
    for cpu in instance.cpus()? {
        overrun += instance.stats(cpu)?.overrun;
    }
    ensure(overrun > 0, "nothing was overwritten")?;
    same("lost", disk.lost, overrun)?;
    same(
        "the last error",
        disk.errors.last(),
        Some(&numbered(1).addr),
    )?;
    drop(source);
    instance.remove()?;
    Ok(())
}
