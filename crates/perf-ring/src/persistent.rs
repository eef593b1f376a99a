//! The persistent events of kernels that have them built in: the patches of 2013.
//!
//! Those patches ("perf, persistent", Robert Richter's, after Borislav Petkov's of 2011 and 2012) were never merged, but
//! kernels with them exist. Such a kernel opens the event on every CPU while it boots, with a period of 1 and samples of
//! nothing but RAW, writes it into a ring of 512 KiB that overwrites its oldest records, and lists it in sysfs:
//!
//! ```text
//! /sys/bus/event_source/devices/persistent/type                 6
//! /sys/bus/event_source/devices/persistent/format/persistent    attr5:23
//! /sys/bus/event_source/devices/persistent/events/mce_record    persistent,config=106
//! ```
//!
//! Whoever opens that attr gets the kernel's own event, and may map its ring read-only. The ring is written forward, so
//! that its first lap is all that a late reader finds: until then everything since the boot is there, afterwards only
//! what comes from now on, and the event's count tells exactly how many are gone. An event that was made persistent
//! by a program (`PERF_EVENT_IOC_DETACH`) is listed by its number and laid out as that program wanted it: see [`open_as`].
//!
//! On today's kernels the same bits mean other things and are accepted in silence; hence only sysfs is asked. What keeps
//! events there is the [`keeper`](crate::keeper).

use std::path::Path;

use crate::abi::{EventAttr, SampleType};
use crate::keeper::wire::{NewRing, RingId};
use crate::pmu::Pmu;
use crate::{Builder, Error, SharedRings, Start, Target, cpus, sys};

/// Bytes of each ring's data, as those kernels make them.
const RING: usize = 512 * 1024;

/// What the kernel itself opens its persistent tracepoints with.
fn made_by_the_kernel() -> EventAttr {
    EventAttr {
        sample_type: SampleType::RAW,
        sample_period: 1,
        ..EventAttr::default()
    }
}

/// Reads a persistent tracepoint, such as `mce_record`, on every online CPU. `None` on a kernel without such events.
///
/// Its samples have no time, so those of one CPU come after those of another; within a CPU they are in order.
///
/// # Errors
///
/// Those of [`Pmu::persistent`]; [`Error::NoSuchTerm`] when the kernel keeps no such event; those of [`Builder::open`] and
/// [`Event::map_overwrite`](crate::Event::map_overwrite); [`Error::NoCpus`].
pub fn open(event: &str, start: &Start) -> Result<Option<SharedRings>, Error> {
    open_as(Path::new("/sys"), event, &made_by_the_kernel(), start)
}

/// The same with another sysfs, and for an event that was opened with `made` before it became persistent: that gives the
/// layout of its samples, and whether their loss can be counted.
///
/// # Errors
///
/// As [`open`]; [`Error::UnknownSampleType`].
pub fn open_as(
    sysfs: &Path,
    event: &str,
    made: &EventAttr,
    start: &Start,
) -> Result<Option<SharedRings>, Error> {
    let Some(pmu) = Pmu::persistent(&sysfs.join("bus/event_source/devices"))? else {
        return Ok(None);
    };
    let builder = Builder::from_attr(pmu.event(event)?);
    let mut rings = SharedRings::new(made)?;
    for cpu in cpus::online(sysfs)? {
        follow(&mut rings, &builder, cpu, start)?;
    }
    Ok(Some(rings))
}

fn follow(
    rings: &mut SharedRings,
    builder: &Builder,
    cpu: u32,
    start: &Start,
) -> Result<(), Error> {
    let event = builder.open(Target::Cpu(cpu))?;
    // The kernel's own number: those kernels are older than PERF_EVENT_IOC_ID. It has counted from 0, ring and all.
    let ring = RingId {
        cpu,
        id: builder.attr().config,
    };
    rings.add_event(
        NewRing { ring, base: 0 },
        event,
        RING / sys::page_size(),
        start,
    )
}
