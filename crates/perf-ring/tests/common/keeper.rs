//! What the tests of keepers share: events of their own, and what a reader has got of them.

use std::collections::BTreeMap;

use perf_ring::abi::SampleType;
use perf_ring::{Builder, Client, Loss, Shared};

use super::common::tracefs;

/// The tracepoint of a harmless system call, made by one process only: its events are ours to the last one.
pub(crate) fn personality(pid: u32) -> Builder {
    let filter = format!("id == 135 && common_pid == {pid}");
    Builder::tracepoint(&tracefs(), "raw_syscalls", "sys_enter")
        .expect("the kernel has raw_syscalls")
        .sample(SampleType::CPU | SampleType::TID | SampleType::RAW)
        .filter(&filter)
}

pub(crate) fn personality_calls(n: u64) {
    for _ in 0..n {
        nix::sys::personality::get().expect("asking cannot fail");
    }
}

/// What a reader has got.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) records: u64,
    pub(crate) lost: u64,
    pub(crate) unknown: u64,
}

/// Takes everything that is there; checks every record whole and every number new.
pub(crate) fn take(client: &mut Client, tally: &mut Tally, seen: &mut BTreeMap<(u32, u64), u64>) {
    let layout = *client.layout();
    let mut scratch = Vec::new();
    while let Some(item) = client.next().unwrap() {
        match item {
            Shared::Record {
                ring,
                number,
                record,
            } => {
                let sample = layout
                    .sample(record.body(&mut scratch))
                    .expect("no record is torn");
                assert_eq!(sample.cpu(), Some(ring.cpu));
                assert_eq!(sample.raw().unwrap()[8..16], 135u64.to_ne_bytes());
                assert!(sample.rest().is_empty());
                let last = seen.insert((ring.cpu, ring.id), number.unwrap());
                assert!(last < number, "each once and in order");
                tally.records += 1;
            }
            Shared::Lost {
                loss: Loss::Exact(n),
                ..
            } => tally.lost += n,
            Shared::Lost {
                loss: Loss::Unknown,
                ..
            }
            | Shared::NewEpoch(_) => tally.unknown += 1,
            Shared::KeeperGone => println!("@orphaned"),
        }
    }
}

/// A directory that everybody may enter.
pub(crate) fn open_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(
        dir.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    dir
}
