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
//! what comes from now on, and the event's count tells exactly how many are gone (at the second look that finds them
//! missing: those kernels have no membarrier). An event that was made persistent
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
/// Its samples have no time, so those of one CPU come after those of another; within a CPU they are in order. A CPU that
/// goes offline takes its event with it: those kernels do not open it again.
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::fs;
    use std::io;
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;
    use crate::abi::RecordType;
    use crate::fake::{FakeRing, Mode};
    use crate::sys::fake::{Call, Guard, Reply, install};
    use crate::{Loss, Shared};

    /// A machine of 2013: two CPUs, and the PMU of `tests/pmus` in its sysfs.
    fn sysfs() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let cpus = dir.path().join("devices/system/cpu");
        fs::create_dir_all(&cpus).unwrap();
        fs::write(cpus.join("online"), "0-1\n").unwrap();
        let pmus = dir.path().join("bus/event_source/devices");
        fs::create_dir_all(&pmus).unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pmus/persistent");
        std::os::unix::fs::symlink(fixture, pmus.join("persistent")).unwrap();
        dir
    }

    type Rings = Rc<RefCell<[FakeRing; 2]>>;

    /// That machine's kernel: opens its own event of each CPU, maps its ring read-only and in its size, reads its count.
    fn kernel() -> (Rings, Guard) {
        let rings = [(); 2].map(|()| FakeRing::new(RING, Mode::Overwrite));
        let rings = Rc::new(RefCell::new(rings));
        let (theirs, mut opened, mut turn) = (Rc::clone(&rings), Vec::new(), 0);
        let guard = install(move |call| {
            let rings = theirs.borrow();
            match call {
                Call::Open { attr, pid, cpu, .. } => {
                    let attr = EventAttr::from_bytes(&attr).unwrap();
                    // By its type, its number, and the bit that is mmap2 today.
                    let asked = (attr.kind.0, attr.config, attr.flags.bits());
                    if asked != (6, 106, 1 << 23) || pid != -1 {
                        return Err(io::Error::from_raw_os_error(libc::ENOENT));
                    }
                    opened.push(cpu);
                    Ok(Reply::Done)
                }
                Call::Map { len, writable } => {
                    if writable || len != RING + sys::page_size() {
                        return Err(io::Error::from_raw_os_error(libc::EINVAL));
                    }
                    let cpu = *opened.last().unwrap();
                    Ok(Reply::Ring(rings[usize::try_from(cpu).unwrap()].memory()))
                }
                // Both CPUs' counters in turn: the test makes the same number of events on each.
                Call::Read => {
                    turn += 1;
                    let count = rings[turn % 2].counter()().unwrap();
                    Ok(Reply::Bytes(count.to_ne_bytes().to_vec()))
                }
                // PERF_EVENT_IOC_ID came later.
                _ => Err(io::Error::from_raw_os_error(libc::ENOTTY)),
            }
        });
        (rings, guard)
    }

    /// The same error on both CPUs: a sample of nothing but RAW, of the size that `mce_record` had.
    fn errors(rings: &Rings, numbers: std::ops::Range<u64>) {
        for n in numbers {
            for ring in rings.borrow_mut().iter_mut() {
                let mut body = 92u32.to_ne_bytes().to_vec();
                body.extend_from_slice(&n.to_ne_bytes());
                body.resize(96, 0);
                ring.emit(RecordType::SAMPLE, &body);
            }
        }
    }

    /// Numbers by CPU.
    type Numbers = Vec<(u32, u64)>;

    /// What was read, and how many were lost.
    fn read(rings: &mut SharedRings) -> (Numbers, Numbers) {
        let layout = *rings.layout();
        let (mut read, mut lost) = (Vec::new(), Vec::new());
        let mut scratch = Vec::new();
        // What is missing is told at the second look: those kernels have no membarrier.
        while rings.wait(Some(Duration::ZERO)).unwrap() || rings.wait(Some(Duration::ZERO)).unwrap()
        {
            while let Some(item) = rings.next().unwrap() {
                match item {
                    Shared::Record { ring, record, .. } => {
                        let sample = layout.sample(record.body(&mut scratch)).unwrap();
                        let raw = sample.raw().unwrap();
                        assert_eq!(raw.len(), 92);
                        read.push((ring.cpu, u64::from_ne_bytes(*raw.first_chunk().unwrap())));
                    }
                    Shared::Lost {
                        ring,
                        loss: Loss::Exact(n),
                    } => lost.push((ring.cpu, n)),
                    other => panic!("{other:?}"),
                }
            }
        }
        (read, lost)
    }

    #[test]
    fn everything_since_the_boot_is_read_by_every_reader() {
        let dir = sysfs();
        let (kernel, _guard) = kernel();
        let made = made_by_the_kernel();
        errors(&kernel, 0..3);
        let open = || open_as(dir.path(), "mce_record", &made, &Start::Oldest);
        let mut first = open().unwrap().expect("the kernel has it");
        let all = |numbers: std::ops::Range<u64>| -> Vec<_> {
            let of = |cpu| numbers.clone().map(move |n| (cpu, n));
            of(0).chain(of(1)).collect()
        };
        assert_eq!(read(&mut first), (all(0..3), vec![]));
        errors(&kernel, 3..5);
        let mut second = open().unwrap().unwrap();
        assert_eq!(read(&mut second), (all(0..5), vec![]));
        assert_eq!(read(&mut first), (all(3..5), vec![]));
        // Twice around the ring of 512 KiB, wherever its end cuts a record.
        errors(&kernel, 5..10_000);
        assert_eq!(read(&mut first), (vec![], vec![(0, 9995), (1, 9995)]));
        errors(&kernel, 10_000..10_002);
        assert_eq!(read(&mut first), (all(10_000..10_002), vec![]));
        let mut late = open().unwrap().unwrap();
        assert_eq!(read(&mut late), (vec![], vec![(0, 10_002), (1, 10_002)]));
        errors(&kernel, 10_002..10_003);
        assert_eq!(read(&mut late), (all(10_002..10_003), vec![]));
    }

    #[test]
    fn a_kernel_without_them_has_none_and_other_names_are_refused() {
        let (_, _guard) = kernel();
        let empty = tempfile::tempdir().unwrap();
        let made = made_by_the_kernel();
        let open = |sysfs: &Path, name| open_as(sysfs, name, &made, &Start::Now);
        assert!(open(empty.path(), "mce_record").unwrap().is_none());
        assert!(matches!(
            open(sysfs().path(), "sched_switch"),
            Err(Error::NoSuchTerm { what: "event", .. })
        ));
        assert!(
            super::open("mce_record", &Start::Now).unwrap().is_none(),
            "no kernel of today has it"
        );
    }
}
