//! Streams events of the running kernel, from an instance of its own, in time order over all CPUs.
//!
//! ```text
//! cargo run --release --example trace -- sched:sched_switch --filter 'prev_prio < 100'
//! cargo run --release --example trace -- --json mce:mce_record ras
//! cargo run --release --example trace -- --from mce            # an instance that somebody left behind
//! ```
//!
//! What is lost is said where it was lost. Ctrl-C, or the end of whoever reads the output, removes the
//! instance.

mod args;
mod events;
mod out;

use std::error::Error;
use std::io::{BufWriter, ErrorKind, Write, stdout};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use tracefs::fs::{Instance, Kind, Method, Stream, Tracefs};
use tracefs::page::Loss;

use args::Cli;
use events::Events;
use out::Out;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Some kernels lose a wake-up now and then; look this often all the same.
const LOOK: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    match Cli::get().and_then(|cli| run(&cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("trace: {error}");
            let mut source = error.source();
            while let Some(error) = source {
                eprint!(": {error}");
                source = error.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    // Before the instance is there: from here on a signal ends the loop below, and nothing else.
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block()?;
    let signals = SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;

    let tracefs = match &cli.tracefs {
        Some(root) => Tracefs::at(root)?,
        None => Tracefs::find()?,
    };
    let (instance, own) = match &cli.from {
        Some(name) => (tracefs.open_instance(name)?, false),
        None => (make(&tracefs, cli)?, true),
    };
    let mut events = Events::new(&tracefs, &instance);
    if own {
        for (pattern, filter) in cli.events() {
            events.enable(pattern, filter)?;
        }
    }
    let result = stream(cli, &instance, &mut events, &signals);
    if cli.keep && own {
        let name = instance.name().unwrap_or_default().to_owned();
        drop(instance.keep());
        eprintln!("trace: instance {name} is kept; --from {name} reads it");
    } else if own {
        // Dropping it would do the same, in silence.
        instance.remove()?;
    }
    result
}

/// Makes an instance and sets it up.
fn make(tracefs: &Tracefs, cli: &Cli) -> Result<Instance> {
    let name = match &cli.instance {
        Some(name) => name.clone(),
        None => format!("trace-{}", std::process::id()),
    };
    let instance = tracefs.create_instance(&name)?;
    instance.set_clock(&cli.clock)?;
    instance.set_buffer_size_kb(cli.buffer_kb)?;
    match instance.set_buffer_percent(0) {
        // Older than the knob: there each record wakes.
        Ok(()) | Err(tracefs::Error::Unsupported { .. }) => {}
        Err(e) => return Err(e.into()),
    }
    if cli.oldest {
        instance.set_option("overwrite", false)?;
    }
    Ok(instance)
}

/// Reads and prints until a signal, a limit, or the end of the output.
fn stream(
    cli: &Cli,
    instance: &Instance,
    events: &mut Events<'_>,
    signals: &SignalFd,
) -> Result<()> {
    let mut stream = Stream::open(instance, Method::from(cli.method))?;
    let mut out = Out::new(BufWriter::new(stdout().lock()), cli.json);
    let mut totals = Totals::default();
    let end = cli.seconds.map(|s| Instant::now() + s);
    let result = loop {
        stream.fill()?;
        match print(cli, &mut stream, events, &mut out, &mut totals) {
            Ok(true) => {}
            other => break other.map(|_| ()),
        }
        if cli.from.is_some() && totals.idle(&stream) {
            // What is left behind is read to its end, and then this is done.
            break Ok(());
        }
        let now = Instant::now();
        if end.is_some_and(|end| now >= end) {
            break Ok(());
        }
        let left = end.map_or(LOOK, |end| LOOK.min(end - now));
        if sleep(&stream, signals, left)? {
            break Ok(());
        }
    };
    // What was written until now still counts, also as lost.
    let result = result.and_then(|()| {
        if cli.from.is_none() {
            instance.set_recording(false)?;
        }
        stream.finish()?;
        print(cli, &mut stream, events, &mut out, &mut totals)?;
        Ok(())
    });
    let result = result.and_then(|()| Ok(out.flush()?));
    eprintln!("trace: {totals}");
    match result {
        // Whoever read the output has enough.
        Err(e) if is_closed(&*e) => Ok(()),
        other => other,
    }
}

/// Prints what is due; `false` once the limit is reached.
fn print(
    cli: &Cli,
    stream: &mut Stream,
    events: &mut Events<'_>,
    out: &mut Out<impl Write>,
    totals: &mut Totals,
) -> Result<bool> {
    while cli.count.is_none_or(|count| totals.records < count) {
        let Some(item) = stream.next_event() else {
            // At a terminal, or for a program that waits: now, not when the buffer is full.
            out.flush()?;
            return Ok(true);
        };
        match item.kind {
            Kind::Record(data) => {
                totals.records += 1;
                out.record(item.timestamp, item.cpu, data, events)?;
            }
            Kind::Lost(loss) => {
                totals.lose(loss);
                out.lost(item.timestamp, item.cpu, loss)?;
            }
        }
    }
    Ok(false)
}

/// Sleeps until there is something to read, a signal (then `true`), or the time is over.
fn sleep(stream: &Stream, signals: &SignalFd, time: Duration) -> Result<bool> {
    let mut fds = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    let rings = stream.cpus().iter();
    fds.extend(rings.map(|cpu| PollFd::new(cpu.as_fd(), PollFlags::POLLIN)));
    match poll(
        &mut fds,
        PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX),
    ) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(e) => return Err(e.into()),
    }
    Ok(signals.read_signal()?.is_some())
}

fn is_closed(error: &(dyn Error + 'static)) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|e| e.kind() == ErrorKind::BrokenPipe)
}

/// What is said at the end.
#[derive(Default)]
struct Totals {
    records: u64,
    lost: u64,
    /// A loss came without its number.
    more: bool,
    /// Items at the last look.
    seen: u64,
}

impl Totals {
    fn lose(&mut self, loss: Loss) {
        match loss {
            Loss::Exact(n) => self.lost += n,
            Loss::AtLeast(n) => {
                self.lost += n;
                self.more = true;
            }
            Loss::Unknown => self.more = true,
        }
    }

    /// Whether nothing has come since this was asked last.
    fn idle(&mut self, stream: &Stream) -> bool {
        let seen = self.records + self.lost + stream.held() as u64;
        std::mem::replace(&mut self.seen, seen) == seen
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let least = if self.more { "at least " } else { "" };
        write!(f, "{} records, {least}{} lost", self.records, self.lost)
    }
}
