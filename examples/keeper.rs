//! A persistent event, shared: held by one process, read by any number.
//!
//! ```text
//! keeper SYSTEM:NAME [SOCKET]            hold the tracepoint on every CPU and share it
//! keeper --attach [SOCKET] [CURSOR]      print what there is and what comes; go on where CURSOR's file says
//! keeper --attach --stream [SOCKET]      the same from a copy of the stream
//! ```
//!
//! The keeper gives root and its own user the rings, everybody else who may open the socket a copy of the stream. Under
//! a service manager with a descriptor store it survives its own restart.

use std::error::Error;
use std::path::{Path, PathBuf};

use perf_ring::abi::SampleType;
use perf_ring::keeper::{KeptFds, PeerCred};
use perf_ring::{Access, Builder, Client, Cursor, Keeper, Shared, Start};

const TRACEFS: &str = "/sys/kernel/tracing";
const SOCKET: &str = "/run/perf-ring-keeper";

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, words): (Vec<_>, Vec<_>) = std::env::args()
        .skip(1)
        .partition(|arg| arg.starts_with("--"));
    let has = |flag: &str| flags.iter().any(|f| f == flag);
    let word = |i: usize| words.get(i).map(PathBuf::from);
    if has("--attach") {
        let socket = word(0).unwrap_or_else(|| SOCKET.into());
        return attach(&socket, word(1).as_deref(), has("--stream"));
    }
    let event = words.first().ok_or(
        "usage: keeper SYSTEM:NAME [SOCKET] | keeper --attach [--stream] [SOCKET [CURSOR]]",
    )?;
    keep(event, &word(1).unwrap_or_else(|| SOCKET.into()))
}

fn keep(event: &str, socket: &Path) -> Result<(), Box<dyn Error>> {
    let mut keeper = match Keeper::restore(&mut KeptFds::from_env())? {
        Some(keeper) => keeper,
        None => {
            let (system, name) = event
                .split_once(':')
                .ok_or("an event is named SYSTEM:NAME")?;
            let fields = SampleType::TID | SampleType::CPU | SampleType::RAW;
            let builder = Builder::tracepoint(TRACEFS.as_ref(), system, name)?.sample(fields);
            let format = std::fs::read(
                Path::new(TRACEFS)
                    .join("events")
                    .join(system)
                    .join(name)
                    .join("format"),
            )?;
            let keeper = Keeper::open(&builder, 16, event, &format)?;
            keeper.store()?;
            keeper
        }
    }
    .policy(|peer: PeerCred| {
        if peer.uid == 0 {
            Access::Descriptors
        } else {
            Access::Stream
        }
    });
    keeper.listen(socket)?;
    println!(
        "{event}: {} rings at {}",
        keeper.rings().count(),
        socket.display()
    );
    loop {
        keeper.turn(None)?;
    }
}

fn attach(socket: &Path, stored: Option<&Path>, stream: bool) -> Result<(), Box<dyn Error>> {
    let start = match stored.map(std::fs::read) {
        Some(Ok(bytes)) => Start::After(Cursor::from_bytes(&bytes)?),
        _ => Start::Oldest,
    };
    let connect = if stream {
        Client::connect_to_stream
    } else {
        Client::connect
    };
    let mut client = connect(socket, start)?;
    println!(
        "{}, a format of {} bytes",
        client.terms().name,
        client.terms().format.len()
    );
    let layout = *client.layout();
    let mut scratch = Vec::new();
    loop {
        client.wait(None)?;
        while let Some(item) = client.next()? {
            match item {
                Shared::Record {
                    ring,
                    number,
                    record,
                } => {
                    let sample = layout.parse(&record, &mut scratch)?;
                    let (time, tid) = (
                        sample.id.time.unwrap_or(0),
                        sample.id.tid.unwrap_or_default().tid,
                    );
                    println!(
                        "cpu {} number {} tid {tid} at {time}: {}",
                        ring.cpu,
                        number.unwrap_or(0),
                        record.header.kind
                    );
                }
                Shared::KeeperGone => return Ok(()),
                other => println!("{other:?}"),
            }
        }
        if let Some(path) = stored {
            // In one step: whoever is killed in between leaves the cursor as it was.
            let new = path.with_extension("new");
            std::fs::write(&new, client.cursor().to_bytes())?;
            std::fs::rename(&new, path)?;
        }
    }
}
