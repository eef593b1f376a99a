//! The knobs, against a folder that looks like sysfs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use mcelog_dev::Error;
use mcelog_dev::knobs::{CpuKnobs, Knobs, MAX_TRIGGER, Tolerant};

/// Two CPUs with the knobs of a kernel of that time.
fn sysfs(files: &[(&str, &str)]) -> (tempfile::TempDir, Knobs) {
    let folder = tempfile::tempdir().unwrap();
    for cpu in ["machinecheck10", "machinecheck0"] {
        fs::create_dir(folder.path().join(cpu)).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(cpu).join(name), text).unwrap();
        }
    }
    fs::write(folder.path().join("uevent"), "").unwrap();
    let knobs = Knobs::at(folder.path());
    (folder, knobs)
}

const TODAY: &[(&str, &str)] = &[
    ("bank0", "ffffffffffffffff\n"),
    ("bank1", "3f\n"),
    ("check_interval", "300\n"),
    ("cmci_disabled", "0\n"),
    ("dont_log_ce", "0\n"),
    ("ignore_ce", "1\n"),
    ("monarch_timeout", "1000000\n"),
    ("print_all", "0\n"),
    ("trigger", "\n"),
    ("uevent", ""),
];

#[test]
fn what_the_kernel_shows() {
    let (_folder, knobs) = sysfs(TODAY);
    assert_eq!(knobs.cpus().unwrap(), [0, 10]);
    let cpu = knobs.cpu(10);
    assert_eq!(cpu.bank_count().unwrap(), 2);
    assert_eq!(
        (cpu.bank(0).unwrap(), cpu.bank(1).unwrap()),
        (u64::MAX, 0x3f)
    );
    assert_eq!(
        cpu.check_interval().unwrap(),
        Some(Duration::from_secs(300))
    );
    assert_eq!(cpu.monarch_timeout().unwrap(), Some(Duration::from_secs(1)));
    assert_eq!(cpu.trigger().unwrap(), None);
    assert!(cpu.ignore_ce().unwrap() && !cpu.dont_log_ce().unwrap());
    assert!(!cpu.cmci_disabled().unwrap() && !cpu.print_all().unwrap());
}

#[test]
fn what_is_set_is_shown() {
    let (folder, knobs) = sysfs(TODAY);
    let cpu = knobs.cpu(0);
    cpu.set_check_interval(Some(Duration::from_secs(1)))
        .unwrap();
    assert_eq!(cpu.check_interval().unwrap(), Some(Duration::from_secs(1)));
    cpu.set_check_interval(None).unwrap();
    assert_eq!(cpu.check_interval().unwrap(), None);
    cpu.set_monarch_timeout(Some(Duration::from_micros(i32::MAX as u64)))
        .unwrap();
    assert_eq!(
        cpu.monarch_timeout().unwrap(),
        Some(Duration::from_micros(2_147_483_647))
    );
    cpu.set_bank(1, 0xf0).unwrap();
    assert_eq!(cpu.bank(1).unwrap(), 0xf0);
    type Switch = (
        fn(&CpuKnobs, bool) -> Result<(), Error>,
        fn(&CpuKnobs) -> Result<bool, Error>,
    );
    let switches: [Switch; 4] = [
        (CpuKnobs::set_ignore_ce, CpuKnobs::ignore_ce),
        (CpuKnobs::set_dont_log_ce, CpuKnobs::dont_log_ce),
        (CpuKnobs::set_cmci_disabled, CpuKnobs::cmci_disabled),
        (CpuKnobs::set_print_all, CpuKnobs::print_all),
    ];
    for (set, get) in switches {
        for on in [true, false] {
            set(&cpu, on).unwrap();
            assert_eq!(get(&cpu).unwrap(), on);
        }
    }
    let longest = format!("/{}", "x".repeat(MAX_TRIGGER - 1));
    cpu.set_trigger(Some(Path::new(&longest))).unwrap();
    assert_eq!(cpu.trigger().unwrap().as_deref(), Some(Path::new(&longest)));
    cpu.set_trigger(None).unwrap();
    assert_eq!(
        fs::read_to_string(folder.path().join("machinecheck0/trigger")).unwrap(),
        "\n"
    );
}

#[test]
fn out_of_range_is_not_written() {
    let (folder, knobs) = sysfs(TODAY);
    let cpu = knobs.cpu(0);
    let out = |r: Result<(), Error>| assert!(matches!(r, Err(Error::OutOfRange { .. })), "{r:?}");
    out(cpu.set_check_interval(Some(Duration::ZERO)));
    out(cpu.set_check_interval(Some(Duration::from_millis(1500))));
    out(cpu.set_check_interval(Some(Duration::from_secs(1 << 31))));
    out(cpu.set_check_interval(Some(Duration::from_secs(1 << 32))));
    out(cpu.set_monarch_timeout(Some(Duration::ZERO)));
    out(cpu.set_monarch_timeout(Some(Duration::from_nanos(1500))));
    out(cpu.set_monarch_timeout(Some(Duration::from_micros(1 << 31))));
    out(cpu.set_monarch_timeout(Some(Duration::MAX)));
    out(cpu.set_trigger(Some(Path::new("relative"))));
    out(cpu.set_trigger(Some(Path::new("/two\nlines"))));
    out(cpu.set_trigger(Some(Path::new(&format!("/{}", "x".repeat(MAX_TRIGGER))))));
    assert!(matches!(
        Tolerant::try_from(4),
        Err(Error::OutOfRange { .. })
    ));
    for (name, text) in TODAY {
        let path = folder.path().join("machinecheck0").join(name);
        assert_eq!(fs::read_to_string(path).unwrap(), *text, "{name}");
    }
}

#[test]
fn tolerant_is_of_old_kernels() {
    let (_folder, knobs) = sysfs(TODAY);
    let error = knobs.cpu(0).tolerant().unwrap_err();
    assert!(matches!(error, Error::NoKnob { .. }), "{error}");
    let (_folder, knobs) = sysfs(&[("tolerant", "1\n")]);
    let cpu = knobs.cpu(0);
    assert_eq!(cpu.tolerant().unwrap(), Tolerant::PanicIfUnsafe);
    for n in 0..4 {
        cpu.set_tolerant(Tolerant::try_from(n).unwrap()).unwrap();
        assert_eq!(cpu.tolerant().unwrap().number(), n);
    }
}

#[test]
fn what_is_not_there_and_what_is_garbage() {
    let (folder, knobs) = sysfs(TODAY);
    let no = |r: Result<u64, Error>| assert!(matches!(r, Err(Error::NoKnob { .. })), "{r:?}");
    no(knobs.cpu(0).bank(2));
    no(knobs.cpu(1).bank(0));
    let gone = Knobs::at(folder.path().join("nowhere")).cpus();
    assert!(matches!(gone, Err(Error::NoKnob { .. })), "{gone:?}");
    let cpu = knobs.cpu(0);
    for text in ["", "junk", "-1", "99999999999999999999999"] {
        fs::write(folder.path().join("machinecheck0/check_interval"), text).unwrap();
        let got = cpu.check_interval();
        assert!(
            matches!(got, Err(Error::Unreadable { .. })),
            "{text}: {got:?}"
        );
    }
    fs::write(folder.path().join("machinecheck0/ignore_ce"), "2\n").unwrap();
    assert!(matches!(cpu.ignore_ce(), Err(Error::Unreadable { .. })));
    fs::write(
        folder.path().join("machinecheck0/trigger"),
        "x".repeat(5000),
    )
    .unwrap();
    match cpu.trigger() {
        Err(Error::Unreadable { text, .. }) => assert_eq!(text.len(), 40),
        other => panic!("{other:?}"),
    }
}
