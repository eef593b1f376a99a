//! PMUs out of directories: those in `tests/pmus`, laid out as kernels do, and the ones of this machine.

use std::path::{Path, PathBuf};

use perf_ring::Error;
use perf_ring::abi::EventType;
use perf_ring::pmu::{EVENT_SOURCE, Format, Pmu, Word};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pmus")
}

fn pmu(name: &str) -> Result<Pmu, Error> {
    Pmu::read(&fixtures().join(name))
}

#[test]
fn every_fixture_is_looked_at() {
    let mut names: Vec<_> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["cpu", "damaged", "persistent", "uncore_imc_0"],
        "a new one needs a test"
    );
}

#[test]
fn terms_go_to_their_bits() {
    let cpu = pmu("cpu").unwrap();
    assert_eq!(cpu.kind, EventType::RAW);
    let loads = cpu.event("mem-loads").unwrap();
    assert_eq!(
        (loads.kind, loads.config, loads.config1),
        (EventType::RAW, 0x1cd, 3)
    );
    assert_eq!(cpu.event("cpu-cycles").unwrap().config, 0x3c);
    let wide = cpu
        .terms("event_wide=0xabc, edge ,config2=0x12,period=1000")
        .unwrap();
    assert_eq!(wide.config, 0xa_0000_00bc | 1 << 18);
    assert_eq!((wide.config2, wide.sample_period), (0x12, 1000));
    assert_eq!(
        cpu.terms("config=0xffffffffffffffff").unwrap().config,
        u64::MAX
    );
    assert_eq!(cpu.terms("").unwrap().config, 0);
}

#[test]
fn what_a_pmu_does_not_have_is_refused() {
    let cpu = pmu("cpu").unwrap();
    assert!(matches!(
        cpu.event("nothing"),
        Err(Error::NoSuchTerm { what: "event", .. })
    ));
    assert!(
        matches!(cpu.terms("cmask=1"), Err(Error::NoSuchTerm { what: "term", name, .. }) if name == "cmask")
    );
    assert!(matches!(
        cpu.terms("umask=0x100"),
        Err(Error::TermTooWide {
            value: 0x100,
            width: 8,
            ..
        })
    ));
    for text in ["umask=", "umask=x", "umask=-1", "umask=0x", "umask=0x+1"] {
        assert!(matches!(cpu.terms(text), Err(Error::Text { .. })), "{text}");
    }
    let Err(Error::Text { path, text, .. }) = pmu("damaged") else {
        panic!()
    };
    assert!(path.ends_with("damaged/format/broken") && text == "config:70-80");
    assert!(matches!(pmu("absent"), Err(Error::File { .. })));
}

#[test]
fn the_persistent_pmu_is_recognised_by_sysfs_alone() {
    let pmu = Pmu::persistent(&fixtures()).unwrap().expect("it is there");
    assert_eq!(pmu.kind, EventType(6));
    assert_eq!(
        pmu.formats["persistent"],
        Format {
            word: Word::Attr(5),
            bits: vec![(23, 23)]
        }
    );
    let attr = pmu.event("mce_record").unwrap();
    // The sixth word of the attr is its bit field; today's kernels call its bit 23 mmap2.
    assert_eq!((attr.config, attr.flags.bits()), (106, 1 << 23));
    assert!(Pmu::persistent(&fixtures().join("cpu")).unwrap().is_none());
    assert!(
        Pmu::persistent(Path::new(EVENT_SOURCE)).unwrap().is_none(),
        "no kernel of today has it"
    );
}

#[test]
fn an_uncore_pmu_says_where_to_open_it() {
    let pmu = pmu("uncore_imc_0").unwrap();
    assert_eq!(pmu.cpus.as_deref(), Some(&[0, 18][..]));
    assert_eq!(pmu.events.keys().collect::<Vec<_>>(), ["cas_count_read"]);
}

#[test]
fn formats_of_neither_grammar() {
    for text in [
        "",
        "config",
        "config:",
        "config:8-7",
        "config:0-64",
        "config5:0",
        "config0:1",
        "config:0-7,4",
        "attr:1",
        "attr18:0",
        "format:0-7",
        "config:a",
        "config:-1",
        "config:0--1",
        "config:0,",
        "config:+1",
    ] {
        assert_eq!(Format::parse(text), None, "{text:?}");
    }
    let split = Format::parse("config2:0-3,60-63\n").unwrap();
    assert_eq!((split.word, split.width()), (Word::Config(2), 8));
    assert_eq!(split.place(0xa5), Some(0xa000_0000_0000_0005));
    assert_eq!(split.place(0x100), None);
    assert_eq!(
        Format::parse("config:0-63").unwrap().place(u64::MAX),
        Some(u64::MAX)
    );
}

/// Whatever PMUs this machine has are understood.
#[test]
fn the_pmus_of_this_machine_are_read() {
    let Ok(entries) = std::fs::read_dir(EVENT_SOURCE) else {
        return eprintln!("skipped: there is no {EVENT_SOURCE}");
    };
    for entry in entries {
        let pmu = Pmu::read(&entry.unwrap().path()).unwrap();
        for name in pmu.events.keys() {
            pmu.event(name).unwrap();
        }
    }
}
