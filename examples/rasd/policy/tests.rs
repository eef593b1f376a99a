use mcekit::Severity;

use super::*;
use crate::config::Config;
use crate::names::Name;

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
        address: Some(0x1234_5678),
        cache: None,
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
    let kinds: Vec<_> = crossings.iter().map(|one| one.part.kind()).collect();
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
        .map(|one| (one.part.kind(), one.count))
        .collect();
    assert_eq!(kinds, [("dimm", 100), ("page", 100), ("socket", 100)]);
}

#[test]
fn one_uncorrected_error_is_too_many() {
    let crossings = policy().count(&facts(Weight::Uncorrected), NOW);
    let kinds: Vec<_> = crossings
        .iter()
        .map(|one| (one.part.kind(), one.uncorrected))
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
        ("LOCATION", "SOCKET:1 CHANNEL:2 DIMM:0 [P2-DIMMC1, NODE 2]"),
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
    let mut keys: Vec<_> = environment.iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), environment.len(), "a name stands there twice");
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
}
