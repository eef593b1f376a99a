//! What existing tools get wrong about models, each a test.

use mcekit::table::{Class, Place};
use mcekit::{CpuSignature, Ipid, McgCap, Misc, Record, Status, Synd, Vendor};
use mcekit_models::{decode, models};

const ICE_LAKE: CpuSignature = CpuSignature(0x606a6);
const SAPPHIRE_RAPIDS: CpuSignature = CpuSignature(0x806f8);
const GRANITE_RAPIDS: CpuSignature = CpuSignature(0xa06d1);
const SKYLAKE: CpuSignature = CpuSignature(0x50654);
const ZEN3: CpuSignature = CpuSignature(0xa00f11);

fn intel(cpu: CpuSignature, bank: u8, status: u64) -> Record {
    Record::new(bank, Status(status))
        .with_vendor(Vendor::INTEL)
        .with_cpuid(cpu)
}

/// The text of the first value of a field.
fn text(record: &Record, field: &str) -> Option<&'static str> {
    decode(record)
        .values()
        .find(|value| value.field.name() == field)?
        .text()
}

#[test]
fn an_undocumented_code_never_borrows_a_text() {
    // A field's width taken from the length of its table makes 0x1f02 look like 0x0002 and 0x0100 like 0x0000.
    for (cpu, bank, mscod) in [
        (GRANITE_RAPIDS, 5, 0xffff),
        (GRANITE_RAPIDS, 12, 0x000f),
        (GRANITE_RAPIDS, 19, 0x0153),
        (SAPPHIRE_RAPIDS, 13, 0x0291),
        (ICE_LAKE, 13, 0x0111 ^ 0x40),
        (SKYLAKE, 13, 0x080e),
    ] {
        let record = intel(cpu, bank, 0x9000_0000_0000_0090 | mscod << 16);
        let values: Vec<_> = decode(&record).values().collect();
        assert_eq!(values.len(), 1, "{mscod:#x}");
        assert_eq!(
            (values[0].text(), values[0].class(), values[0].raw),
            (None, None, mscod)
        );
        assert!(values[0].to_string().contains("undocumented"));
    }
}

#[test]
fn every_bank_of_every_model_is_safe() {
    for model in models() {
        for bank in 0..=255 {
            let record = Record::new(bank, Status(u64::MAX - 1)).with_vendor(model.vendor);
            let record = record.with_misc(Misc(u64::MAX));
            let explained = mcekit_models::decode_as(&record, model);
            let _ = (
                explained.values().count(),
                explained.location(),
                explained.dimm_address(),
            );
            assert!(bank < 128 || explained.bank().is_none());
        }
    }
    // The kernel itself makes up bank 255; nothing of a processor's is said about it.
    let record = intel(SKYLAKE, 255, 0x9400_0000_0001_009f);
    assert!(decode(&record).unit().is_none());
    assert_eq!(decode(&record).values().count(), 0);
}

#[test]
fn misc_is_read_only_where_it_is_valid() {
    for (cpu, bank) in [(ICE_LAKE, 13), (SAPPHIRE_RAPIDS, 13), (SAPPHIRE_RAPIDS, 31)] {
        let record = intel(cpu, bank, 0x9000_0000_0080_0090).with_misc(Misc(0x2e40_e203_622f_101e));
        assert_eq!(decode(&record).dimm_address(), None);
        assert_eq!(decode(&record).location().get(Place::Row), None);
        let valid = record.with_status(Status(0x9800_0000_0080_0090));
        assert!(decode(&valid).dimm_address().is_some());
    }
    // And on Granite Rapids only where OTHER_INFO says that it describes a DIMM.
    let record =
        intel(GRANITE_RAPIDS, 19, 0x9c00_0040_0008_0090).with_misc(Misc(0x463e_2f6c_00d9_c6bf));
    assert_eq!(decode(&record).dimm_address(), None);
}

#[test]
fn rows_of_sapphire_rapids_end_where_the_bank_begins() {
    let record = |misc| intel(SAPPHIRE_RAPIDS, 13, 0x9c00_0040_0008_0090).with_misc(Misc(misc));
    let all_but_row = decode(&record(!(0x3_ffff << 19))).dimm_address().unwrap();
    assert_eq!(all_but_row.row, Some(0));
    assert_eq!(
        (all_but_row.bank, all_but_row.bankgroup),
        (Some(3), Some(7))
    );
    let row = decode(&record(0x3_ffff << 19)).dimm_address().unwrap();
    assert_eq!(
        (row.row, row.bank, row.bankgroup),
        (Some(0x3_ffff), Some(0), Some(0))
    );
    let location = decode(&record(1 << 58)).location();
    assert_eq!(location.get(Place::Dimm), Some(1));
}

#[test]
fn an_unknown_unit_is_unknown() {
    let record = Record::new(20, Status(0x9000_0000_0000_000b))
        .with_vendor(Vendor::AMD)
        .with_cpuid(ZEN3)
        .with_ipid(Ipid(0x0042_0eee_0000_0001))
        .with_synd(Synd(0));
    let explained = decode(&record);
    assert_eq!(explained.bank_type(), None);
    let hwid = explained.unknown_hwid().unwrap();
    assert_eq!((hwid.hwid, hwid.mca_type), (0xeee, 0x42));
    assert!(explained.to_string().contains("HWID 0xeee McaType 0x42"));
    assert!(explained.values().all(|value| value.text().is_none()));
}

#[test]
fn filtered_memory_errors_count() {
    let plain = intel(SKYLAKE, 13, 0x8c00_0040_0080_0091).with_mcgcap(McgCap(0x0f00_0c14));
    let filtered = plain.with_status(Status(0x8c00_0040_0080_1091));
    let slots = |record| decode(&record).mcelog_location().collect::<Vec<_>>();
    assert_eq!(slots(plain).len(), 1);
    assert_eq!(slots(plain), slots(filtered));
    assert_eq!(
        (slots(plain)[0].channel, slots(plain)[0].corrected_count),
        (0, 1)
    );
}

#[test]
fn fillers_are_not_decoded() {
    for status in [0xdead_beef_dead_beef, u64::MAX] {
        let record = intel(ICE_LAKE, 13, status).with_misc(Misc(status));
        assert_eq!(decode(&record).values().count(), 0);
        assert_eq!(decode(&record).dimm_address(), None);
    }
}

#[test]
fn a_register_without_an_error_says_nothing() {
    let record = intel(ICE_LAKE, 13, 0x1c00_0040_0008_0090).with_misc(Misc(0x1234));
    assert_eq!(decode(&record).values().count(), 0);
}

#[test]
fn mirrors_that_corrected() {
    for (cpu, bank, misc, text) in [
        (
            CpuSignature(0x406f1),
            7,
            1 << 42,
            "mirroring. Primary channel scrubbed successfully",
        ),
        (
            CpuSignature(0x406f1),
            8,
            1 << 41,
            "mirroring with channel failover",
        ),
        (
            SKYLAKE,
            7,
            1 << 62,
            "mirroring. Primary channel scrubbed successfully",
        ),
        (SKYLAKE, 8, 3 << 62, "mirroring with channel failover"),
        (ICE_LAKE, 24, 1 << 63, "mirroring with channel failover"),
    ] {
        let record = intel(cpu, bank, 0x9800_0000_0000_0080).with_misc(Misc(misc));
        assert_eq!(decode(&record).corrected_by(), Some(text));
        let uncorrected = record.with_status(Status(0xb800_0000_0000_0080));
        assert_eq!(decode(&uncorrected).corrected_by(), None);
        let not_valid = record.with_status(Status(0x9000_0000_0000_0080));
        assert_eq!(decode(&not_valid).corrected_by(), None);
    }
}

#[test]
fn two_devices_that_failed() {
    let record = intel(CpuSignature(0x206d7), 8, 0x9c00_0040_0000_0092)
        .with_misc(Misc(0xc001_c000_0000_0086))
        .with_mcgcap(McgCap(0x0f00_0c14));
    let slots: Vec<_> = decode(&record)
        .mcelog_location()
        .map(|s| (s.channel, s.dimm, s.corrected_count))
        .collect();
    assert_eq!(slots, [(2, 1, 1), (2, 0, 1)]);
}

#[test]
fn policy_asks_for_classes() {
    let record = intel(ICE_LAKE, 13, 0x8c00_0040_0010_00c0);
    assert_eq!(
        text(&record, "mscod"),
        Some("uncorrected patrol scrub error")
    );
    assert_eq!(
        decode(&record).values().next().unwrap().class(),
        Some(Class::PatrolScrubUncorrected)
    );
}
