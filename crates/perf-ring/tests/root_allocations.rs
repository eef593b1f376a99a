//! A keeper, a client of its rings and one of its stream: on the running kernel, no record costs an allocation.
//!
//! With MCEKIT_ROOT_TESTS=1, as root; without it nothing is run, and that is said.

mod common;

use std::time::Duration;

use allocation_counter::measure;
use common::{tracefs, wanted};
use perf_ring::abi::SampleType;
use perf_ring::{Access, Builder, Client, Keeper, Shared, Start};

const RECORDS: u64 = 200;

#[test]
fn no_record_costs_an_allocation() {
    if !wanted() {
        return;
    }
    let tid = nix::unistd::gettid();
    let builder = Builder::tracepoint(&tracefs(), "raw_syscalls", "sys_enter")
        .expect("the kernel has raw_syscalls")
        .sample(SampleType::TID | SampleType::RAW)
        // The tracepoint of personality(2), called by this thread.
        .filter(&format!("id == 135 && common_pid == {tid}"));
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("keeper");
    let mut keeper = Keeper::open(&builder, 16, "x", b"")
        .unwrap()
        .policy(|_| Access::Descriptors);
    keeper.listen(&socket).unwrap();
    let mut connect = |how: fn(&std::path::Path, Start) -> Result<Client, perf_ring::Error>| {
        let path = socket.clone();
        let other = std::thread::spawn(move || how(&path, Start::Oldest));
        while !other.is_finished() {
            keeper.turn(Some(Duration::from_millis(5))).unwrap();
        }
        other.join().unwrap().unwrap()
    };
    let mut clients = [connect(Client::connect), connect(Client::connect_to_stream)];
    let mut rounds = Vec::new();
    for _ in 0..8 {
        let mut read = [0; 2];
        let counted = measure(|| {
            for _ in 0..RECORDS {
                nix::sys::personality::get().unwrap();
            }
            let mut turns = 200;
            while read != [RECORDS; 2] && turns > 0 {
                turns -= 1;
                keeper.turn(Some(Duration::from_millis(1))).unwrap();
                for (client, read) in clients.iter_mut().zip(&mut read) {
                    while let Some(item) = client.next().unwrap() {
                        assert!(matches!(item, Shared::Record { .. }), "{item:?}");
                        *read += 1;
                    }
                }
            }
        });
        rounds.push(counted.count_total);
        assert_eq!(read, [RECORDS; 2]);
    }
    // Once a second the keeper looks at the list of CPUs, and that allocates.
    rounds.sort_unstable();
    assert_eq!(rounds[..4], [0; 4], "{rounds:?}");
}
