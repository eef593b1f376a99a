//! What is to be injected: registers of the command line, scenarios, JSON.

use std::fs::File;
use std::io::{self, Read};

use mcekit::{Addr, Ipid, McgStatus, Misc, Record, Status, Synd};
use mcelog_dev::scenario::{Player, parse};
use mcelog_dev::{Context, Injection, Raise};

use crate::Error;
use crate::args::Args;

/// Nobody writes longer ones by hand; what is longer is some other file.
const LONGEST: u64 = 64 << 20;

/// Everything, in the order in which it is to be injected.
pub(crate) fn injections(args: &Args, cpus: &[u32]) -> Result<Vec<Injection>, Error> {
    let mut all = Vec::new();
    if let Some(status) = args.status {
        all.extend(dressed(args, registers(args, status), cpus));
    }
    for path in &args.files {
        let bytes = read(path).map_err(|source| Error::File {
            path: path.clone(),
            source,
        })?;
        if bytes.trim_ascii_start().starts_with(b"{") {
            for record in json(path, &bytes)? {
                all.extend(dressed(args, record, cpus));
            }
        } else {
            all.extend(scenario(path, &bytes, cpus)?);
        }
    }
    if let Some(raise) = args.raise {
        all = all
            .into_iter()
            .map(|i| i.with_raise(raise.into()))
            .collect();
    }
    Ok(all)
}

fn read(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let input: &mut dyn Read = if path == "-" {
        &mut io::stdin().lock()
    } else {
        &mut File::open(path)?
    };
    input.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

fn registers(args: &Args, status: u64) -> Record {
    let mut status = Status(status);
    let mut record = Record::empty().with_cpu(args.cpu).with_bank(args.bank);
    // A register that is given is valid, as in a scenario.
    if let Some(addr) = args.addr {
        record = record.with_addr(Addr(addr));
        status.0 |= Status::ADDRV;
    }
    if let Some(misc) = args.misc {
        record = record.with_misc(Misc(misc));
        status.0 |= Status::MISCV;
    }
    if let Some(mcgstatus) = args.mcgstatus {
        record = record.with_mcgstatus(McgStatus(mcgstatus));
    }
    if let Some(synd) = args.synd {
        record = record.with_synd(Synd(synd));
        status.0 |= Status::SYNDV;
    }
    if let Some(ipid) = args.ipid {
        record = record.with_ipid(Ipid(ipid));
    }
    record.with_status(status)
}

/// A bare record with what the command line says of the way; before a broadcast exception, the other CPUs'.
fn dressed(args: &Args, record: Record, cpus: &[u32]) -> Vec<Injection> {
    let mut injection = Injection::new(record);
    if let Some(context) = args.context {
        injection = injection.with_context(context.into());
    }
    let mut injections = Vec::new();
    let broadcast = args.broadcast.map(Into::into);
    if injection.raise() == Raise::Exception
        && injection.context() != Context::Held
        && broadcast.is_some()
    {
        injection = injection.with_broadcast(broadcast);
        let others = cpus.iter().filter(|cpu| Some(**cpu) != record.cpu());
        injections.extend(others.map(|cpu| Injection::bystander(*cpu)));
    }
    injections.push(injection);
    injections
}

fn scenario(path: &str, text: &[u8], cpus: &[u32]) -> Result<Vec<Injection>, Error> {
    let steps = parse(text).map_err(|source| Error::Scenario {
        path: path.to_owned(),
        source,
    })?;
    let mut player = Player::new();
    Ok(steps
        .iter()
        .flat_map(|step| player.play(step, cpus))
        .collect())
}

fn json(path: &str, bytes: &[u8]) -> Result<Vec<Record>, Error> {
    let records = serde_json::Deserializer::from_slice(bytes).into_iter::<Record>();
    records
        .map(|record| {
            record.map_err(|e| Error::Json {
                path: path.to_owned(),
                line: e.line(),
                column: e.column(),
                text: e.to_string(),
            })
        })
        .collect()
}
