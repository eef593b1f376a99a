use mcekit::{Addr, CpuSignature, McgCap, Misc, Record, Severity, Status, Vendor};

use super::*;
use crate::config::Config;
use crate::explain::cpu::Tables;
use crate::names::Name;
use crate::runner::wire::fit;

/// Ten corrected errors of one page, which is in one slot of one socket.
fn facts(weight: Weight) -> Facts {
    Facts {
        severity: Severity::Keep,
        weight,
        class: "memory-controller",
        unit: Some("iMC"),
        cpu: Some(3),
        bank: Some(7),
        socket: Some(1),
        memory: true,
        slot: Some(Slot {
            socket: Some(1),
            imc: Some(0),
            channel: Some(2),
            dimm: Some(0),
        }),
        label: None,
        edac: None,
        address: Some(0x1234_5678),
        cache: None,
        elsewhere: None,
        time: Some(1_795_349_361),
    }
}

fn policy() -> Policy {
    Policy::new(&Config::default().thresholds)
}

const NOW: u64 = 1_795_349_361_500;

#[test]
fn ten_corrected_errors_are_too_many_for_a_dimm_and_a_page_and_not_for_a_socket() {
    let mut policy = policy();
    let one = facts(Weight::Corrected(1));
    for _ in 0..9 {
        assert_eq!(policy.count(&one, NOW), []);
    }
    let crossings = policy.count(&one, NOW);
    let kinds: Vec<_> = crossings.iter().map(|one| one.part.kind().name()).collect();
    assert_eq!(kinds, ["dimm", "page"]);
    assert_eq!(
        crossings[0].message(None),
        "too many corrected errors of the DIMM in socket 1, memory controller 0, channel 2, slot 0: 10 in 24h, the \
         threshold is 10 / 24h; plan to replace it"
    );
    assert!(
        crossings[1]
            .message(None)
            .contains("the page at 0x12345000")
    );
}

#[test]
fn a_record_that_stands_for_many_errors_counts_as_many() {
    let crossings = policy().count(&facts(Weight::Corrected(100)), NOW);
    let kinds: Vec<_> = crossings
        .iter()
        .map(|one| (one.part.kind().name(), one.count))
        .collect();
    assert_eq!(kinds, [("dimm", 100), ("page", 100), ("socket", 100)]);
}

#[test]
fn one_uncorrected_error_is_too_many() {
    let crossings = policy().count(&facts(Weight::Uncorrected), NOW);
    let kinds: Vec<_> = crossings
        .iter()
        .map(|one| (one.part.kind().name(), one.uncorrected))
        .collect();
    assert_eq!(kinds, [("dimm", true), ("socket", true)]);
}

#[test]
fn what_an_earlier_process_told_is_counted_and_not_told_again() {
    let mut policy = policy();
    let past = (0..10).map(|_| (facts(Weight::Corrected(1)), NOW - 3_600_000));
    policy.restore(past);
    // The eleventh is told at the doubling only.
    assert_eq!(policy.count(&facts(Weight::Corrected(1)), NOW), []);
    let told = policy.count(&facts(Weight::Corrected(9)), NOW);
    assert_eq!(told.first().map(|one| one.count), Some(20));
    assert_eq!(told.first().map(|one| one.corrected_total), Some(20));
}

#[test]
fn what_it_had_counted_is_not_forgotten() {
    let mut policy = policy();
    policy.restore((0..9).map(|_| (facts(Weight::Corrected(1)), NOW)));
    assert_eq!(policy.count(&facts(Weight::Corrected(1)), NOW).len(), 2);
}

#[test]
fn pages_without_end_take_no_memory_without_end() {
    let mut policy = policy();
    for page in 0..100_000_u64 {
        let facts = Facts {
            address: Some(page * 4096),
            ..facts(Weight::Corrected(1))
        };
        policy.count(&facts, NOW);
    }
    let mut text = Text::default();
    policy.sizes().write(&mut text);
    let text = text.finish();
    for line in [
        "mcekit_parts{kind=\"dimm\"} 1",
        "mcekit_parts{kind=\"page\"} 16384",
        "mcekit_parts_forgotten_total{kind=\"page\"} 83616",
    ] {
        assert!(text.lines().any(|one| one == line), "{line} in {text}");
    }
}

#[test]
fn a_trigger_finds_what_mcelogs_triggers_find() {
    let mut policy = policy();
    let crossings = policy.count(&facts(Weight::Corrected(12)), NOW);
    let name = Name {
        name: "P2-DIMMC1".into(),
        location: Some("NODE 2".into()),
    };
    let environment = crossings[0].environment(Some(&name), None);
    let get = |key: &str| {
        let found = environment.iter().find(|(name, _)| *name == key);
        found.map(|(_, value)| value.as_str())
    };
    for (key, value) in [
        ("THRESHOLD", "12 in 24h"),
        ("THRESHOLD_COUNT", "12"),
        ("TOTALCOUNT", "12"),
        ("CECOUNT", "12"),
        ("UCCOUNT", "0"),
        ("LASTEVENT", "1795349361"),
        ("AGETIME", "86400"),
        ("LOCATION", "SOCKET:1 CHANNEL:2 DIMM:0 [NODE 2 P2-DIMMC1]"),
        ("SOCKETID", "1"),
        ("CHANNEL", "2"),
        ("DIMM", "0"),
        ("DMI_NAME", "P2-DIMMC1"),
        ("DMI_LOCATION", "NODE 2"),
        ("RASD_KIND", "dimm"),
    ] {
        assert_eq!(get(key), Some(value), "{key}");
    }
    assert!(get("MESSAGE").is_some_and(|text| text.contains("(P2-DIMMC1, NODE 2)")));
    for crossing in &crossings {
        has(&crossing.environment(Some(&name), None), &[]);
    }
}

#[test]
fn a_cache_has_its_cpu_level_and_type() {
    let cache = Facts {
        memory: false,
        slot: None,
        address: None,
        cache: Some(Cache {
            cpu: 3,
            bank: Some(1),
            unit: Some("DCU"),
            level: Some(1),
            holds: "data",
        }),
        ..facts(Weight::Corrected(20))
    };
    let crossings = policy().count(&cache, NOW);
    assert_eq!(crossings.len(), 1);
    let environment = crossings[0].environment(None, Some("3 7".into()));
    for pair in [
        ("CPU", "3"),
        ("LEVEL", "1"),
        ("TYPE", "Data"),
        ("AFFECTED_CPUS", "3 7"),
        ("SOCKETID", "1"),
    ] {
        assert!(environment.contains(&(pair.0, pair.1.into())), "{pair:?}");
    }
    has(&environment, &[]);
}

/// What Intel's Skylake servers report in a bank of a code.
fn reported(status: u64, misc: u64) -> Facts {
    let record = Record::new(6, Status(status))
        .with_vendor(Vendor::INTEL)
        .with_cpuid(CpuSignature(0x50654))
        .with_mcgcap(McgCap(0x0f00_0c14))
        .with_misc(Misc(misc))
        .with_addr(Addr(0x1000))
        .with_cpu(3)
        .with_socket(1)
        .with_time(1_795_349_361);
    Facts::of(&record, &mut Tables::new(None))
}

/// The environment of the trigger of a kind, of the first error.
fn first(facts: &Facts, kind: &str) -> Vec<(&'static str, String)> {
    let crossings = policy().count(facts, NOW);
    let of_kind = |one: &&Crossing| one.part.kind().name() == kind;
    let crossing = crossings.iter().find(of_kind);
    crossing
        .unwrap_or_else(|| panic!("no {kind} in {crossings:?}"))
        .environment(None, None)
}

#[track_caller]
fn has(environment: &[(&'static str, String)], pairs: &[(&'static str, &str)]) {
    for &(key, value) in pairs {
        let found = environment.iter().find(|(name, _)| *name == key);
        assert_eq!(found.map(|(_, value)| value.as_str()), Some(value), "{key}");
    }
    let mut keys: Vec<_> = environment.iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), environment.len(), "a name stands there twice");
    // All of it gets to the trigger.
    for (key, value) in environment {
        assert!(fit(key, value.clone()).is_some(), "{key}={value}");
    }
}

#[test]
fn a_bus_error_and_its_root_port_run_mcelogs_triggers() {
    // Uncorrected: IO MCA by 0:3d:06.3 of segment 0x89.
    let facts = reported(0xba00_0000_0000_0e0b, 0x89_3d33_0000);
    let who = [
        ("LOCATION", "CPU 3 on socket 1"),
        ("CPU", "3"),
        ("SOCKETID", "1"),
    ];
    let bus = first(&facts, "bus");
    has(&bus, &who);
    has(
        &bus,
        &[
            ("LEVEL", "Level-3"),
            ("PARTICIPATION", "Generic"),
            ("REQUEST", "Generic"),
            ("ORIGIN", "IO"),
            ("TIMEOUT", "Request-did-not-timeout"),
            ("RASD_KIND", "bus"),
        ],
    );
    let port = first(&facts, "iomca");
    has(&port, &who);
    has(
        &port,
        &[
            ("SEG", "89"),
            ("SET", "89"),
            ("BUS", "3d"),
            ("DEVICE", "06"),
            ("FUNCTION", "3"),
        ],
    );
    let crossings = policy().count(&facts, NOW);
    let message = crossings[1].message(None);
    assert!(
        message.contains("the PCI root port 89:3d:06.3"),
        "{message}"
    );
    // No other kind has it, and no root port where MISC is not valid.
    assert_eq!(crossings.len(), 2);
    let facts = reported(0xb200_0000_0000_0e0b, 0);
    assert_eq!(policy().count(&facts, NOW).len(), 1);
    // Observed by a third party, timed out, a data read of memory at level 2.
    let facts = reported(0xb200_0000_0000_0d32, 0);
    has(
        &first(&facts, "bus"),
        &[
            ("LEVEL", "Level-2"),
            ("PARTICIPATION", "Observed-error-as-third-party"),
            ("REQUEST", "Data-Read"),
            ("ORIGIN", "Memory-access"),
            ("TIMEOUT", "Request-timed-out"),
        ],
    );
}

#[test]
fn what_is_not_classified_runs_mcelogs_trigger_for_that() {
    // The internal timer, and a code that is not defined.
    for code in [0x400, 0x0042] {
        let facts = reported(0xbe00_0000_0000_0000 | code, 0x86);
        let status = format!("be000000{code:08x}");
        has(
            &first(&facts, "unknown"),
            &[
                ("LOCATION", "CPU 3 on socket 1"),
                ("STATUS", &status),
                ("MISC", "86"),
                ("ADDR", "1000"),
                ("MCGSTATUS", "0"),
                ("MCGCAP", "f000c14"),
            ],
        );
    }
    // Simple codes have their names, and are nobody's here, as in mcelog.
    assert_eq!(policy().count(&reported(0xbe00_0000_0000_0005, 0), NOW), []);
}

#[test]
fn each_further_error_is_told_if_that_is_wanted() {
    let mut thresholds = Config::default().thresholds;
    thresholds.again = Again::Each;
    let mut policy = Policy::new(&thresholds);
    let facts = reported(0xb200_0000_0000_0e0b, 0);
    for n in 1..=5 {
        let told = policy.count(&facts, NOW);
        assert_eq!(told.first().map(|one| one.count), Some(n));
    }
}
