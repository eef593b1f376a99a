//! The whole way of an error behind the spool: told, counted, held against thresholds, and acted on.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use mcekit::{Addr, CpuSignature, McgCap, Misc, Record, Status, Vendor};
use mcekit_source::{Channel, Identity, Loss, Lost, Observed};

use super::*;

fn delivered(seq: u64, page: u64) -> Delivered {
    let record = Record::new(7, Status(0x8c00_0040_0080_0091))
        .with_vendor(Vendor::INTEL)
        .with_cpuid(CpuSignature(0x50654))
        .with_mcgcap(McgCap(0x0f00_0c14))
        .with_addr(Addr(page))
        .with_misc(Misc(0x86))
        .with_cpu(3)
        .with_socket(1)
        .with_time(1_795_349_361);
    Delivered {
        seq,
        received: (1_795_349_362, 5),
        identity: Some(Identity::of(&record)),
        event: Event::Record(Observed {
            record,
            channel: Channel::Trace,
            earlier_boot: false,
        }),
    }
}

/// A monitor in a folder: a log, a trigger that notes its environment, a sysfs of its own.
fn monitor(dir: &std::path::Path) -> Monitor {
    let trigger = dir.join("trigger");
    let noted = dir.join("noted");
    let script = format!(
        "#!/bin/sh\necho \"$1 $RASD_KIND $SOCKETID/$CHANNEL $THRESHOLD\" >> {}\n",
        noted.display()
    );
    fs::write(&trigger, script).unwrap();
    fs::set_permissions(&trigger, fs::Permissions::from_mode(0o755)).unwrap();
    let memory = dir.join("sys/devices/system/memory");
    fs::create_dir_all(&memory).unwrap();
    fs::write(memory.join("soft_offline_page"), "").unwrap();
    let text = format!(
        "thresholds.dimm.trigger = [\"{trigger}\", \"an argument\"]\n\
         page-offline = {{ mode = \"soft\", sysfs = \"{dir}/sys\" }}\n\
         labels.dmi = false\n\
         labels.dimms = {{ \"1/0/1/-\" = \"P2-B\" }}\n\
         [output]\n\
         terminal.enabled = \"never\"\n\
         journal.enabled = \"never\"\n\
         log = {{ file = \"{dir}/rasd.log\", form = \"line\" }}\n",
        trigger = trigger.display(),
        dir = dir.display()
    );
    let config = Config::read(text.as_bytes()).unwrap();
    let privileged = Privileged::in_thread(&config);
    Monitor::start(
        &config,
        privileged,
        &Arc::default(),
        Purpose::Replay,
        &Stop::default(),
    )
    .unwrap()
}

#[test]
fn too_many_errors_of_a_page_are_told_and_acted_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut monitor = monitor(dir.path());
    assert_eq!(monitor.horizon(), Duration::from_secs(86_400));
    for seq in 1..=10 {
        monitor.deliver(&delivered(seq, 0x1234_5678));
    }
    let lost = Event::Lost(Lost {
        channel: Channel::Perf,
        loss: Loss::Exact(3),
        why: "overrun".into(),
    });
    monitor.deliver(&Delivered {
        event: lost,
        identity: None,
        ..delivered(11, 0)
    });
    assert!(monitor.tick(Instant::now()).is_none());
    let metrics = Arc::clone(&monitor.metrics);
    drop(monitor);
    let log = fs::read_to_string(dir.path().join("rasd.log")).unwrap();
    let of = |word: &str| log.lines().filter(|line| line.contains(word)).count();
    assert_eq!(of(" CORRECTED: memory controller error"), 10, "{log}");
    assert_eq!(of("[DIMM P2-B]"), 10, "{log}");
    assert_eq!(of("LOST: 3 events of perf: overrun"), 1, "{log}");
    assert_eq!(
        of(
            "too many corrected errors of the DIMMs of socket 1, memory controller 0, channel 1 (P2-B): 10 in 24h"
        ),
        1,
        "{log}"
    );
    assert_eq!(
        of("too many corrected errors of the page at 0x12345000"),
        1,
        "{log}"
    );
    assert_eq!(
        of("the page at 0x12345000 was taken out of use"),
        1,
        "{log}"
    );
    assert_eq!(of("trigger for the DIMMs of socket 1"), 1, "{log}");
    let noted = fs::read_to_string(dir.path().join("noted")).unwrap();
    assert_eq!(noted, "an argument dimm 1/1 10 in 24h\n");
    let page = fs::read_to_string(
        dir.path()
            .join("sys/devices/system/memory/soft_offline_page"),
    );
    assert_eq!(page.unwrap(), "0x12345000");
    let text = metrics.text();
    for line in [
        "mcekit_threshold_crossings_total{kind=\"dimm\",errors=\"corrected\"} 1",
        "mcekit_threshold_crossings_total{kind=\"page\",errors=\"corrected\"} 1",
        "mcekit_trigger_runs_total{result=\"succeeded\"} 1",
        "mcekit_pages_offlined_total{result=\"succeeded\"} 1",
        "mcekit_lost_total{channel=\"perf\"} 3",
        "mcekit_output_left_out_total{output=\"log\"} 0",
        "mcekit_wakeups_total 1",
    ] {
        assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
    }
}

#[test]
fn what_the_history_has_is_counted_and_not_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut monitor = monitor(dir.path());
    for seq in 1..=20 {
        let past = delivered(seq, 0x1234_5678);
        monitor.restore(&past.event, past.received);
    }
    monitor.deliver(&delivered(21, 0x1234_5678));
    drop(monitor);
    let log = fs::read_to_string(dir.path().join("rasd.log")).unwrap();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(!dir.path().join("noted").exists());
}

#[test]
fn every_metric_is_named_and_typed_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut monitor = monitor(dir.path());
    monitor.deliver(&delivered(1, 0));
    let text = monitor.metrics.text();
    let mut typed = std::collections::BTreeSet::new();
    let mut name = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (metric, kind) = rest.split_once(' ').unwrap();
            assert!(typed.insert(metric), "{metric} twice");
            assert_eq!(metric.ends_with("_total"), kind == "counter", "{metric}");
            name = metric;
        } else if !line.starts_with('#') {
            let sample = line.split(['{', ' ']).next().unwrap();
            assert_eq!(sample, name, "a value stands apart from its metric");
        }
    }
    assert!(typed.len() > 20);
}
