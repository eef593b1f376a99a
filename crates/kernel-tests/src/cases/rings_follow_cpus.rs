//! A CPU that comes for the first time while a stream is open, and one that goes and comes again.

use std::fs;
use std::time::{Duration, Instant};

use tracefs::Error;
use tracefs::fs::{Kind, Method, Stream, Tracefs};

use crate::case::{Boot, Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;

pub(super) const CASE: Case = Case {
    name: "rings_follow_cpus",
    about: "a stream delivers the records of a CPU that comes, that goes, and that comes again",
    kernels: &[Kernel::Stock61, Kernel::Stock612],
    cpus: Cpu::INTEL,
    // The second CPU is possible, and waits to be asked.
    how: How::Boots(&[Boot::new(run).append("maxcpus=1")]),
};

/// The event by which each CPU is made to tell of itself.
const EVENT: &str = "sched:sched_switch";

fn run(_: &Guest) -> Outcome {
    let tracefs = Tracefs::find()?;
    let instance = tracefs.create_instance("hotplug")?;
    instance.set_clock("mono")?;
    instance.set_buffer_percent(0)?;
    same("rings with a directory", instance.cpus()?.len(), 2)?;
    match instance.pages(1, Method::Read) {
        Err(Error::NoRing { cpu: 1 }) => {}
        other => return Err(Failure::new(format!("cpu 1 is to come: {other:?}"))),
    }
    let mut stream = Stream::open(&instance, Method::Read)?;
    same("rings at first", stream.cpus().len(), 1)?;
    // A CPU that is to come is nothing that polling reports again and again.
    ensure(
        !stream.wait(Some(Duration::from_millis(300)))?,
        "something is in a ring, and nothing was enabled",
    )?;

    let event = instance.event(&EVENT.parse()?)?;
    event.set_enabled(true)?;
    online(1, true)?;
    until_told_of(&mut stream, 1, "came")?;
    same("rings", stream.cpus().len(), 2)?;

    online(1, false)?;
    event.set_enabled(false)?;
    drain(&mut stream)?;
    event.set_enabled(true)?;
    until_told_of(&mut stream, 0, "stayed")?;

    online(1, true)?;
    until_told_of(&mut stream, 1, "came again")?;
    event.set_enabled(false)?;
    // What is in the ring of a CPU that goes is there still.
    drain(&mut stream)?;
    event.set_enabled(true)?;
    std::thread::sleep(Duration::from_millis(300));
    event.set_enabled(false)?;
    let left = instance.stats(1)?.entries;
    ensure(left > 0, "cpu 1 wrote nothing before it went")?;
    online(1, false)?;
    stream.finish()?;
    let mut seen = 0;
    while let Some(item) = stream.next_event() {
        seen += u64::from(item.cpu == 1 && matches!(item.kind, Kind::Record(_)));
    }
    same("records of the cpu that went", seen, left)?;
    drop(stream);
    online(1, true)?;
    instance.remove()?;
    Ok(())
}

fn online(cpu: u32, on: bool) -> Outcome {
    let path = format!("/sys/devices/system/cpu/cpu{cpu}/online");
    Ok(fs::write(path, if on { "1" } else { "0" })?)
}

/// Reads until a record of that CPU came.
fn until_told_of(stream: &mut Stream, cpu: u32, what: &str) -> Outcome {
    // The stream looks for new CPUs once a second.
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(10) {
        stream.wait(Some(Duration::from_millis(100)))?;
        stream.fill()?;
        let mut found = false;
        while let Some(item) = stream.next_event() {
            match item.kind {
                Kind::Record(_) => found |= item.cpu == cpu,
                Kind::Lost(loss) => return Err(Failure::new(format!("lost {loss:?}"))),
            }
        }
        if found {
            return Ok(());
        }
    }
    Err(Failure::new(format!(
        "no record of cpu {cpu}, which {what}"
    )))
}

/// Takes all that is there.
fn drain(stream: &mut Stream) -> Outcome {
    while stream.fill()? > 0 {}
    while stream.next_event().is_some() {}
    Ok(())
}
