//! Injecting, against the fake device and a folder that looks like debugfs.

use std::fs;
use std::path::Path;

use mcekit::wire::Wire;
use mcekit::{Addr, Ipid, McgStatus, Misc, Record, Status, Synd};
use mcelog_dev::fake::{Call, Fake};
use mcelog_dev::scenario::{Player, parse};
use mcelog_dev::{
    Broadcast, Context, Debugfs, Device, Error, Event, Injection, Injector, OpenOptions, Raise,
};

fn corrected() -> Record {
    Record::new(4, Status(0x9c00_4000_0001_0091))
        .with_addr(Addr(0x1234_5000))
        .with_misc(Misc(0x8c))
        .with_cpu(1)
}

fn device(fake: &Fake) -> Device<mcelog_dev::fake::FakeNode> {
    OpenOptions::new().write(true).open_with(fake).unwrap()
}

fn wires<N: mcelog_dev::sys::Node>(device: &mut Device<N>) -> Vec<Wire> {
    let mut wires = Vec::new();
    while let Some(event) = device.next_event().unwrap() {
        match event {
            Event::Record(entry) => wires.push(entry.wire()),
            Event::Overflow(how) => panic!("{how:?}"),
        }
    }
    wires
}

#[test]
fn what_is_written_is_read_back() {
    let fake = Fake::new();
    let mut device = device(&fake);
    device.inject(&Injection::new(corrected())).unwrap();
    let got = wires(&mut device);
    assert_eq!(got.len(), 1);
    let record = got[0].record();
    assert_eq!(record.status(), corrected().status());
    assert_eq!(
        (record.addr(), record.misc()),
        (corrected().addr(), corrected().misc())
    );
    assert_eq!((record.cpu(), record.bank()), (Some(1), Some(4)));
    assert_eq!((got[0].mce.finished, got[0].mce.inject_flags), (1, 0));
}

#[test]
fn an_exception_reaches_those_who_are_held() {
    let fake = Fake::new();
    let mut device = device(&fake);
    let text = b"CPU 0 BANK 2 STATUS uncorrected SRAO 0xc0 ADDR 0x1000 HOLD\n\
                 CPU 1 BANK 3 STATUS uncorrected SRAO 0xc0 ADDR 0x2000";
    let mut player = Player::new();
    for step in parse(text).unwrap() {
        for injection in player.play(&step, &[0, 1]) {
            device.inject(&injection).unwrap();
        }
    }
    let banks: Vec<u8> = wires(&mut device).iter().map(|w| w.mce.bank).collect();
    assert_eq!(banks, [3, 2]);
}

#[test]
fn a_bystander_leaves_no_record() {
    let fake = Fake::new();
    let mut device = device(&fake);
    device.inject(&Injection::bystander(0)).unwrap();
    let main = Injection::new(corrected())
        .with_raise(Raise::Exception)
        .with_broadcast(Some(Broadcast::Irq));
    device.inject(&main).unwrap();
    assert_eq!(wires(&mut device).len(), 1);
}

#[test]
fn what_cannot_work_is_refused_before_it_is_written() {
    let fake = Fake::new();
    let mut device = device(&fake);
    let mut refused = |record: Record| device.inject(&Injection::new(record)).unwrap_err();
    let bank_and_cpu_missing = Record::empty().with_status(corrected().status());
    assert!(matches!(
        refused(bank_and_cpu_missing),
        Error::Incomplete { part: "cpu" }
    ));
    assert!(matches!(
        refused(bank_and_cpu_missing.with_cpu(0)),
        Error::Incomplete { part: "bank" }
    ));
    assert!(matches!(
        refused(corrected().with_status(Status(1))),
        Error::StatusNotValid { status: 1 }
    ));
    assert!(matches!(
        refused(corrected().with_bank(10)),
        Error::NoBank { cpu: 1, bank: 10 }
    ));
    let smca = corrected().with_synd(Synd(1)).with_ipid(Ipid(2));
    match refused(smca) {
        Error::CannotCarry { parts, .. } => assert_eq!(parts, "SYND, IPID"),
        other => panic!("{other}"),
    }
    for raise in [Raise::Log, Raise::Deferred, Raise::Threshold] {
        let error = device
            .inject(&Injection::new(corrected()).with_raise(raise))
            .unwrap_err();
        assert!(matches!(error, Error::CannotRaise { .. }), "{error}");
    }
    fake.set_injector(Some(false));
    let error = device.inject(&Injection::new(corrected())).unwrap_err();
    assert!(matches!(error, Error::NoInjector), "{error}");
    fake.set_injector(None);
    device
        .inject(&Injection::new(corrected()))
        .expect("where nobody can tell, it is tried");
    assert_eq!(wires(&mut device).len(), 1, "only the last one");
}

#[test]
fn what_the_kernel_says_is_told() {
    let fake = Fake::new();
    let mut device = device(&fake);
    let error = device
        .inject(&Injection::new(corrected().with_cpu(2)))
        .unwrap_err();
    assert!(matches!(error, Error::CpuOffline { cpu: 2 }), "{error}");
    fake.fail_next(Call::Write, libc::EIO);
    let error = device.inject(&Injection::new(corrected())).unwrap_err();
    assert!(matches!(error, Error::Io { call: "write", .. }), "{error}");
    fake.set_privileged(false);
    let error = device.inject(&Injection::new(corrected())).unwrap_err();
    assert!(
        matches!(error, Error::NotPermitted { call: "write" }),
        "{error}"
    );
}

#[test]
fn a_kernel_before_injection_is_refused() {
    let fake = Fake::with_lengths(72, 32);
    let error = device(&fake)
        .inject(&Injection::new(corrected()))
        .unwrap_err();
    assert!(matches!(error, Error::CannotRaise { .. }), "{error}");
}

#[test]
fn a_longer_record_is_written_whole() {
    let fake = Fake::with_lengths(192, 32);
    let mut device = device(&fake);
    device.inject(&Injection::new(corrected())).unwrap();
    assert_eq!(wires(&mut device)[0].surplus, 64);
}

/// A folder with the files of `mce-inject`, as plain files.
fn debugfs(files: &[&str]) -> (tempfile::TempDir, Debugfs) {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        fs::write(folder.path().join(file), "").unwrap();
    }
    let debugfs = Debugfs::at(folder.path());
    (folder, debugfs)
}

const FILES: &[&str] = &[
    "flags", "cpu", "status", "addr", "misc", "synd", "ipid", "bank",
];

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

#[test]
fn debugfs_gets_every_register() {
    let (folder, mut debugfs) = debugfs(FILES);
    let record = corrected()
        .with_synd(Synd(0x55))
        .with_ipid(Ipid(0xb000_0000));
    let injection = Injection::new(record);
    for (raise, flags) in [
        (Raise::Log, "sw\n"),
        (Raise::Exception, "hw\n"),
        (Raise::Deferred, "df\n"),
        (Raise::Threshold, "th\n"),
    ] {
        debugfs.inject(&injection.with_raise(raise)).unwrap();
        assert_eq!(read(folder.path(), "flags"), flags);
    }
    for (file, value) in [
        ("cpu", "1\n"),
        ("status", "0x9c00400000010091\n"),
        ("addr", "0x12345000\n"),
        ("misc", "0x8c\n"),
        ("synd", "0x55\n"),
        ("ipid", "0xb0000000\n"),
        ("bank", "4\n"),
    ] {
        assert_eq!(read(folder.path(), file), value, "{file}");
    }
}

#[test]
fn debugfs_refuses_what_it_cannot() {
    let (folder, mut debugfs) = debugfs(FILES);
    let log = Injection::new(corrected()).with_raise(Raise::Log);
    for injection in [
        log.with_raise(Raise::Poll),
        log.with_context(Context::Irq),
        log.with_broadcast(Some(Broadcast::Nmi)),
    ] {
        let error = debugfs.inject(&injection).unwrap_err();
        assert!(matches!(error, Error::CannotRaise { .. }), "{error}");
    }
    let exception = corrected().with_mcgstatus(McgStatus(5));
    let error = debugfs
        .inject(&Injection::new(exception).with_raise(Raise::Log))
        .unwrap_err();
    assert!(matches!(error, Error::CannotCarry { .. }), "{error}");
    assert_eq!(read(folder.path(), "bank"), "", "nothing was triggered");
}

#[test]
fn debugfs_without_a_register_says_so() {
    // A kernel before 4.20 has no `synd`, one before 5.19 no `ipid`.
    let old: Vec<&str> = FILES.iter().copied().filter(|f| *f != "ipid").collect();
    let (folder, mut debugfs) = debugfs(&old);
    let log = |record| Injection::new(record).with_raise(Raise::Log);
    debugfs.inject(&log(corrected())).unwrap();
    fs::write(folder.path().join("bank"), "").unwrap();
    let error = debugfs
        .inject(&log(corrected().with_ipid(Ipid(3))))
        .unwrap_err();
    assert!(
        matches!(error, Error::CannotCarry { ref parts, .. } if parts == "IPID"),
        "{error}"
    );
    assert_eq!(read(folder.path(), "bank"), "", "nothing was triggered");
}

#[test]
fn no_debugfs_no_injector() {
    let (_folder, mut debugfs) = debugfs(&[]);
    assert!(!debugfs.is_there());
    let error = debugfs
        .inject(&Injection::new(corrected()).with_raise(Raise::Log))
        .unwrap_err();
    assert!(matches!(error, Error::NoInjector), "{error}");
}
