//! A CPU that goes and comes back while its rings are read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use perf_ring::abi::SampleType;
use perf_ring::keeper::wire::RingId;
use perf_ring::{AllCpus, Builder, Client, Item, Keeper, Record, Shared, Start, Wakeup};

use crate::case::{Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::{Guest, Injected};

pub(super) const CASE: Case = Case {
    name: "perf_ring_hotplug",
    about: "errors of a CPU that went offline and came back arrive through a reader and a keeper, each once",
    kernels: Kernel::ALL,
    cpus: &[Cpu::Intel],
    how: How::Shared(run),
};

/// Valid, corrected, enabled, without an address: no decoder of the kernel keeps such a one to itself.
const STATUS: u64 = 0x9000_0000_0000_0136;
const SOCKET: &str = "/tmp/hotplug-keeper";
const ONLINE: &str = "/sys/devices/system/cpu/cpu1/online";
const LIMIT: Duration = Duration::from_secs(15);

/// Everybody who reads, and how often each has seen which status.
struct Readers {
    all: AllCpus,
    keeper: Keeper,
    /// Reads the keeper's rings.
    client: Client,
    /// Reads the keeper's copy of them.
    stranger: Client,
    seen: [BTreeMap<u64, u32>; 3],
    /// CPUs that went and came, as the reader was told.
    went: Vec<u32>,
    came: Vec<u32>,
    /// New events, as both clients were told: one of them by its own rings, the other by the keeper.
    epochs: Vec<RingId>,
}

impl Readers {
    fn new() -> Result<Self, Failure> {
        let event = Builder::tracepoint(Path::new("/sys/kernel/tracing"), "mce", "mce_record")?
            .sample(SampleType::CPU | SampleType::RAW)
            .wakeup(Wakeup::Events(1));
        let all = AllCpus::open(std::slice::from_ref(&event), 4)?;
        let mut keeper = Keeper::open(&event, 4, "mce:mce_record", b"")?;
        keeper.listen(Path::new(SOCKET))?;
        let client = connected(&mut keeper, Client::connect)?;
        let stranger = connected(&mut keeper, Client::connect_to_stream)?;
        Ok(Self {
            all,
            keeper,
            client,
            stranger,
            seen: Default::default(),
            went: Vec::new(),
            came: Vec::new(),
            epochs: Vec::new(),
        })
    }

    /// Takes what is there.
    fn read(&mut self) -> Outcome {
        self.all.wait(Some(Duration::from_millis(20)))?;
        let [by_all, by_client, by_stranger] = &mut self.seen;
        let mut merge = self.all.drain()?;
        while let Some(item) = merge.next() {
            match item {
                Item::Record { record, .. } => note(&record, by_all),
                Item::Went(cpu) => self.went.push(cpu),
                Item::Came(cpu) => self.came.push(cpu),
                Item::Damaged { error, .. } => return Err(error.into()),
            }
        }
        drop(merge);
        self.keeper.turn(Some(Duration::from_millis(5)))?;
        let clients = [
            (&mut self.client, by_client),
            (&mut self.stranger, by_stranger),
        ];
        for (client, seen) in clients {
            while let Some(item) = client.next()? {
                match item {
                    Shared::Record { record, .. } => note(&record, seen),
                    Shared::NewEpoch(ring) => self.epochs.push(ring),
                    other => return Err(Failure::new(format!("{other:?}"))),
                }
            }
        }
        Ok(())
    }
}

/// Connects to a keeper that has to answer meanwhile.
fn connected(
    keeper: &mut Keeper,
    connect: fn(&Path, Start) -> Result<Client, perf_ring::Error>,
) -> Result<Client, Failure> {
    let other = std::thread::spawn(move || connect(Path::new(SOCKET), Start::Oldest));
    while !other.is_finished() {
        keeper.turn(Some(Duration::from_millis(5)))?;
    }
    let client = other
        .join()
        .map_err(|_| Failure::new("connecting panicked"))?;
    Ok(client?)
}

/// Counts the statuses of ours in a record.
fn note(record: &Record<'_>, seen: &mut BTreeMap<u64, u32>) {
    let mut bytes = Vec::new();
    record.copy_to(&mut bytes);
    // The raw data begin after a 32-bit size: words of the tracepoint stand at any multiple of 4.
    for at in (0..bytes.len().saturating_sub(7)).step_by(4) {
        let word = bytes.get(at..).and_then(|rest| rest.first_chunk());
        if let Some(status) = word.map(|word| u64::from_ne_bytes(*word))
            && status & !0xff_0000 == STATUS
            && status != STATUS
        {
            *seen.entry(status).or_default() += 1;
        }
    }
}

fn run(guest: &Guest) -> Outcome {
    guest.poll_banks_often()?;
    let mut readers = Readers::new()?;
    let mut injected = BTreeMap::new();
    let mut inject = |readers: &mut Readers, cpu: u32| -> Outcome {
        let status = STATUS | (injected.len() as u64 + 1) << 16;
        injected.insert(status, 1);
        guest.inject(&Injected {
            cpu,
            bank: 1,
            status,
            ..Injected::default()
        });
        let what = format!("error {} of CPU {cpu}, with everybody", injected.len());
        guest.wait_for(&what, LIMIT, || {
            readers.read()?;
            let arrived = |seen: &BTreeMap<u64, u32>| seen.contains_key(&status);
            Ok(readers.seen.iter().all(arrived).then_some(()))
        })?;
        readers.seen.iter().try_for_each(|seen| {
            ensure(
                *seen == injected,
                format!("{seen:#x?}, and not {injected:#x?}"),
            )
        })
    };
    inject(&mut readers, 1)?;
    inject(&mut readers, 0)?;

    // Away long enough for everybody to notice.
    fs::write(ONLINE, "0")?;
    guest.wait_for("word that CPU 1 went", LIMIT, || {
        readers.read()?;
        Ok((readers.went == [1]).then_some(()))
    })?;
    inject(&mut readers, 0)?;
    fs::write(ONLINE, "1")?;
    guest.wait_for("word that CPU 1 came, and its new event", LIMIT, || {
        readers.read()?;
        Ok((readers.came == [1] && readers.epochs.len() == 2).then_some(()))
    })?;
    inject(&mut readers, 1)?;
    inject(&mut readers, 0)?;
    inject(&mut readers, 1)?;

    // Away and back before anyone looks: the list of online CPUs never shows it.
    fs::write(ONLINE, "0")?;
    fs::write(ONLINE, "1")?;
    guest.wait_for("word that CPU 1 came once more", LIMIT, || {
        readers.read()?;
        let told = readers.went == [1, 1] && readers.came == [1, 1];
        Ok((told && readers.epochs.len() == 4).then_some(()))
    })?;
    inject(&mut readers, 1)?;
    inject(&mut readers, 0)?;

    ensure(
        readers.epochs.iter().all(|ring| ring.cpu == 1),
        format!("{:?}", readers.epochs),
    )?;
    let counts = readers.all.counts()?;
    same(
        "events counted, those of the closed events too",
        counts.first().map(|count| count.value),
        Some(8),
    )?;
    same("events counted by the keeper", readers.keeper.count()?, 8)
}
