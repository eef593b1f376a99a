//! What is written and synced is there after a fatal machine check: what the cases about the daemon build on.

use std::fs::{self, File};
use std::io::Write as _;

use crate::case::{Boot, Case, Cpu, How, Kernel, Outcome, ensure};
use crate::guest::erst::dies;
use crate::guest::{DISK, Guest};

pub(super) const CASE: Case = Case {
    name: "disk_lasts",
    about: "a file that was synced before a fatal error is whole after the reboot",
    kernels: Kernel::OLDER,
    cpus: Cpu::ALL,
    how: How::Boots(&[Boot::new(writes).panics(), Boot::new(reads)]),
};

const WORDS: &[u8] = b"written before the end";

fn writes(guest: &Guest) -> Outcome {
    let mut file = File::create(guest.mount_disk()?.join("file"))?;
    file.write_all(WORDS)?;
    file.sync_all()?;
    File::open(DISK)?.sync_all()?;
    dies(guest)
}

fn reads(guest: &Guest) -> Outcome {
    let there = fs::read(guest.mount_disk()?.join("file"))?;
    ensure(there == WORDS, format!("the file has {there:?}"))
}
