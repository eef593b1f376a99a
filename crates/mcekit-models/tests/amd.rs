//! AMD, Hygon and Zhaoxin: what other tools got wrong stays right here.
#![cfg(all(feature = "amd", feature = "zhaoxin"))]

use mcekit::table::{Banks, Class, Place, Register};
use mcekit::{Addr, CpuSignature, HwId, Ipid, Misc, Record, Status, Synd, Synd1, Synd2, Vendor};
use mcekit_models::{Explained, by_name, decode, find, models};

fn smca(family: u16, model: u8, hwid: u16, mca_type: u16, xec: u64) -> Record {
    let ipid = u64::from(mca_type) << 48 | u64::from(hwid) << 32;
    Record::new(20, Status(Status::VAL | xec << 16 | 0x0b))
        .with_vendor(Vendor::AMD)
        .with_cpuid(CpuSignature::new(family, model, 0))
        .with_ipid(Ipid(ipid))
}

fn legacy(family: u16, bank: u8, status: u64) -> Record {
    Record::new(bank, Status(Status::VAL | status))
        .with_vendor(Vendor::AMD)
        .with_cpuid(CpuSignature::new(family, 0, 0))
}

/// The text of the field of a name, if it has one.
fn text(explained: &Explained<'_>, name: &str) -> Option<&'static str> {
    explained
        .values()
        .find(|value| value.field.name() == name)
        .and_then(|value| value.text())
}

const XEC: &str = "extended error code";

#[test]
fn an_unknown_unit_says_its_numbers_and_borrows_nothing() {
    for (hwid, mca_type) in [
        (0x0b0, 0x04),
        (0x0b0, 0x20),
        (0x096, 0x02),
        (0x000, 0x01),
        (0xfff, 0xffff),
    ] {
        let record = smca(0x19, 1, hwid, mca_type, 0);
        let explained = decode(&record);
        assert!(explained.unit().is_none());
        assert_eq!(explained.bank_type(), None);
        assert_eq!(explained.unknown_hwid(), Some(HwId::new(hwid, mca_type)));
        assert!(explained.values().all(|value| value.text().is_none()));
        let shown = format!("{explained}");
        assert!(
            shown.contains(&format!("HWID {hwid:#x} McaType {mca_type:#x}")),
            "{shown}"
        );
        assert!(!shown.contains("ECC"), "{shown}");
    }
}

#[test]
fn the_generations_of_family_1ah_end_where_linux_ends_them() {
    let id = |model| find(Vendor::AMD, CpuSignature::new(0x1a, model, 0)).map(|m| m.id);
    for (model, expected) in [
        (0x4f, "granite_ridge"),
        (0x50, "zen6"),
        (0x60, "zen5"),
        (0x80, "zen6"),
        (0xaf, "zen6"),
        (0xb0, "amd_smca"),
        (0xcf, "zen6"),
        (0xd0, "zen5"),
        (0xd7, "zen5"),
        (0xd8, "zen6"),
        (0xef, "zen6"),
        (0xf0, "amd_smca"),
    ] {
        assert_eq!(id(model), Some(expected), "{model:#x}");
    }
}

#[test]
fn a_channel_has_four_chip_selects() {
    let syndv = smca(0x19, 0x11, 0x96, 0, 0);
    let syndv = syndv.with_status(Status(syndv.status().0 | Status::SYNDV));
    for (synd, chip_select, dimm) in [(0, 0, 0), (1, 1, 0), (2, 2, 1), (3, 3, 1), (7, 3, 1)] {
        let record = syndv.with_synd(Synd(synd));
        let location = decode(&record).location();
        assert_eq!(location.get(Place::ChipSelect), Some(chip_select));
        assert_eq!(location.get(Place::Dimm), Some(dimm));
    }
}

#[test]
fn no_accelerator_node_is_taken_for_a_memory_controller() {
    // An InstanceIdHi of 8 and more once turned every unknown unit into UMC V2.
    let record = smca(0x19, 0x30, 0x0b0, 0x04, 0).with_ipid(Ipid(0x0004_80b0_0000_0000));
    assert!(decode(&record).unit().is_none());
}

#[test]
fn a_code_without_a_row_is_undocumented_in_every_unit() {
    for model in models() {
        let Banks::Ipid(own, shared) = model.banks else {
            continue;
        };
        for bank in own.iter().chain(shared) {
            let Some(field) = bank.unit.fields().first() else {
                panic!("{} has no field", bank.unit.id);
            };
            assert_eq!(field.register(), Register::Status);
            for xec in 0..64 {
                let record = smca(0x19, 1, bank.hwid.hwid, bank.hwid.mca_type, xec);
                let explained = mcekit_models::decode_as(&record, model);
                let listed = explained.unit().unwrap().fields()[0]
                    .rows()
                    .find(|row| u64::from(row.value) == xec);
                assert_eq!(text(&explained, XEC), listed.map(|row| row.text));
                assert!(
                    explained
                        .values()
                        .any(|value| value.field.name() == XEC && value.raw == xec),
                    "{} {xec}",
                    bank.unit.id
                );
            }
        }
    }
}

#[test]
fn the_coherent_station_follows_erratum_1384_where_it_applies() {
    let reassigned = |family, model| {
        let record = smca(family, model, 0x2e, 2, 12);
        let explained = decode(&record);
        match text(&explained, XEC) {
            Some("probe filter protocol") => true,
            Some("counter overflow") => false,
            other => panic!("{other:?}"),
        }
    };
    for (model, expected) in [
        (0x0f, false),
        (0x10, true),
        (0x1f, true),
        (0x20, false),
        (0x5f, false),
        (0x60, true),
        (0x7b, true),
        (0x7c, false),
        (0x90, false),
        (0x9f, false),
        (0xa0, true),
        (0xaf, true),
        (0xb0, false),
    ] {
        assert_eq!(reassigned(0x19, model), expected, "19h {model:#x}");
    }
    for (model, expected) in [(0x3f, false), (0x40, true), (0x4f, true), (0x50, false)] {
        assert_eq!(reassigned(0x1a, model), expected, "1ah {model:#x}");
    }
    assert!(!reassigned(0x17, 0x31));
}

#[test]
fn mi300_has_its_own_memory_controller() {
    for (model, expected) in [
        (0x8f, "DRAM ECC"),
        (0x90, "on-die ECC of the DRAM"),
        (0x9f, "on-die ECC of the DRAM"),
        (0xa0, "DRAM ECC"),
    ] {
        let record = smca(0x19, model, 0x96, 0, 0);
        let explained = decode(&record);
        assert_eq!(text(&explained, XEC), Some(expected), "{model:#x}");
        assert_eq!(explained.bank_type(), Some("Unified Memory Controller"));
    }
}

#[test]
fn where_a_dram_error_is() {
    let ecc = |family, model, ipid| {
        Record::new(
            18,
            Status(Status::VAL | Status::SYNDV | Status::ADDRV | Status::CECC),
        )
        .with_vendor(Vendor::AMD)
        .with_cpuid(CpuSignature::new(family, model, 0))
        .with_ipid(Ipid(ipid))
        .with_addr(Addr(0x0e12_3456))
    };
    let place = |record: &Record, place| decode(record).location().get(place);

    let ddr4 = ecc(0x17, 0x31, 0x0000_0096_0025_0f00).with_synd(Synd(0x0000_0000_0000_1f53));
    assert_eq!(place(&ddr4, Place::Channel), Some(2));
    assert_eq!(place(&ddr4, Place::ChipSelect), Some(3));
    assert_eq!(place(&ddr4, Place::SubRank), Some(5));
    assert_eq!(place(&ddr4, Place::Instance), Some(0x0025_0f00));
    // Without a valid syndrome there is no chip select; with another code it means something else.
    let no_synd = ddr4.with_status(Status(ddr4.status().0 & !Status::SYNDV));
    assert_eq!(place(&no_synd, Place::ChipSelect), None);
    let other_code = ddr4.with_status(Status(ddr4.status().0 | 1 << 16));
    assert_eq!(place(&other_code, Place::ChipSelect), None);
    assert_eq!(place(&other_code, Place::Channel), Some(2));

    // On DDR5 only the chip select is known to stand there.
    let ddr5 = ecc(0x19, 0x11, 0x0000_0096_0025_0f00).with_synd(Synd(0x1f53));
    assert_eq!(place(&ddr5, Place::ChipSelect), Some(3));
    assert_eq!(place(&ddr5, Place::SubRank), None);

    // HBM of an accelerator: eight channels a controller, in two instances of four.
    let hbm = ecc(0x19, 0x30, 0x0001_8096_0075_2000);
    assert_eq!(
        decode(&hbm).bank_type(),
        Some("Unified Memory Controller V2")
    );
    assert_eq!(place(&hbm, Place::Imc), Some(3));
    assert_eq!(place(&hbm, Place::Channel), Some(6));

    // MI300: the address is one of the DRAM, unless PADDRV says that it was translated.
    let mi300 = ecc(0x19, 0x90, 0x0000_c096_0010_b000);
    assert_eq!(place(&mi300, Place::SubRank), Some(3));
    assert_eq!(place(&mi300, Place::SubChannel), Some(1));
    assert_eq!(place(&mi300, Place::Row), Some(0x0e12_3456 >> 10 & 0x7fff));
    assert_eq!(place(&mi300, Place::Bank), Some(1));
    assert_eq!(place(&mi300, Place::Column), Some(0x0b));
    let translated = mi300.with_status(Status(mi300.status().0 | Status::PADDRV));
    assert_eq!(place(&translated, Place::Row), None);
    assert_eq!(place(&translated, Place::Channel), None);
}

#[test]
fn nothing_is_read_out_of_a_register_that_is_not_valid() {
    let all = smca(0x17, 0x31, 0x96, 0, 0)
        .with_misc(Misc(u64::MAX))
        .with_addr(Addr(u64::MAX))
        .with_synd(Synd(u64::MAX))
        .with_synd1(Synd1(u64::MAX))
        .with_synd2(Synd2(u64::MAX));
    let registers: Vec<_> = decode(&all)
        .values()
        .map(|value| value.field.register())
        .collect();
    assert!(
        registers
            .iter()
            .all(|r| matches!(r, Register::Status | Register::Ipid)),
        "{registers:?}"
    );
    let counters = |record: &Record| {
        decode(record)
            .values()
            .filter(|value| value.field.register() == Register::Misc)
            .count()
    };
    let valid = all.with_status(Status(all.status().0 | Status::MISCV));
    assert_eq!(counters(&valid), 3);
    // The counter must be valid and present by its own bits as well.
    assert_eq!(counters(&valid.with_misc(Misc(1 << 63 | 0xfff << 32))), 0);
    assert_eq!(counters(&valid.with_misc(Misc(0))), 0);
}

#[test]
fn fru_text_is_no_syndrome() {
    let record = smca(0x1a, 0x02, 0x96, 0, 0)
        .with_status(Status(Status::VAL | Status::SYNDV))
        .with_synd(Synd(0))
        .with_synd1(Synd1(0x5f4d_4d49_445f_3050))
        .with_synd2(Synd2(0x3141));
    let explained = decode(&record);
    assert!(
        explained
            .values()
            .all(|value| !value.field.name().starts_with("MCA_SYND"))
    );
    assert!(format!("{explained}").contains("FRU P0_DIMM_A1"));
    let syndrome = record.with_synd1(Synd1(0x0123)).with_synd2(Synd2(0));
    let names: Vec<_> = decode(&syndrome)
        .values()
        .map(|value| value.field.name())
        .collect();
    assert!(
        names.contains(&"MCA_SYND1") && !names.contains(&"MCA_SYND2"),
        "{names:?}"
    );
}

#[test]
fn registers_that_nobody_read_explain_nothing() {
    for status in [0xdead_beef_dead_beef, 0, u64::MAX] {
        let record = smca(0x19, 1, 0x96, 0, 0).with_status(Status(status));
        assert_eq!(decode(&record).values().count(), 0, "{status:#x}");
    }
}

#[test]
fn any_bank_of_any_model_is_answered() {
    for model in models() {
        for bank in 0..=255 {
            for status in [
                Status::VAL,
                Status::VAL | u64::MAX >> 8,
                Status::VAL | 0x151,
            ] {
                let record = Record::new(bank, Status(status))
                    .with_vendor(model.vendor)
                    .with_misc(Misc(u64::MAX))
                    .with_addr(Addr(u64::MAX))
                    .with_ipid(Ipid(u64::MAX));
                let explained = mcekit_models::decode_as(&record, model);
                let shown = format!("{explained:#}");
                assert!(!shown.is_empty());
                if bank >= 64 && !matches!(model.banks, Banks::Ipid(..)) {
                    assert!(explained.unit().is_none(), "{} bank {bank}", model.id);
                }
            }
        }
    }
}

#[test]
fn old_banks_by_family() {
    let unit = |family, bank| {
        decode(&legacy(family, bank, 0))
            .unit()
            .map(|unit| unit.name)
    };
    assert_eq!(unit(0x0f, 2), Some("Bus Unit"));
    assert_eq!(unit(0x15, 2), Some("Combined Unit"));
    assert_eq!(unit(0x16, 2), Some("L2 Cache"));
    assert_eq!(unit(0x15, 5), Some("Execution Unit"));
    assert_eq!(unit(0x10, 7), None);
    assert_eq!(unit(0x10, 165), None);

    let says = |family, bank, status, name| text(&decode(&legacy(family, bank, status)), name);
    // Family 11h has no DRAM ECC.
    assert_eq!(says(0x10, 4, 0, "northbridge"), Some("DRAM ECC"));
    assert_eq!(says(0x11, 4, 0, "northbridge"), None);
    // Compute units came with family 15h.
    assert_eq!(
        says(0x15, 4, 0x19 << 16, "northbridge"),
        Some("data error of a compute unit")
    );
    assert_eq!(says(0x14, 4, 0x19 << 16, "northbridge"), None);
    // Code 0fh is two things.
    let gart = "data error met by a walk of the GART";
    assert_eq!(
        says(0x10, 4, 0x0f << 16 | 0x0011, "northbridge"),
        Some(gart)
    );
    assert_ne!(
        says(0x10, 4, 0x0f << 16 | 0x0811, "northbridge"),
        Some(gart)
    );
    assert_eq!(says(0x10, 4, 0x0f << 16 | 0x0111, "northbridge"), None);
}

#[test]
fn the_extended_code_is_as_wide_as_the_family_has_it() {
    let number = |family, model, status: u64| {
        let record = legacy(family, 5, status).with_cpuid(CpuSignature::new(family, model, 0));
        decode(&record)
            .values()
            .find(|value| value.field.name() == XEC)
            .unwrap()
            .raw
    };
    let all = 0x3f << 16;
    assert_eq!(number(0x10, 2, all), 0x0f);
    assert_eq!(number(0x15, 1, all), 0x1f);
    assert_eq!(number(0x15, 0x60, all), 0x3f);
    assert_eq!(number(0x16, 0, all), 0x1f);
    // Code 21h of family 15h model 60h is not code 1.
    let wide = legacy(0x15, 6, 0x21 << 16).with_cpuid(CpuSignature::new(0x15, 0x60, 0));
    assert_eq!(text(&decode(&wide), "floating-point unit"), None);
}

#[test]
fn an_old_bank_that_makes_no_sense_says_so() {
    // The kernel prints "corrupted" there; an undocumented code is what it is.
    for (family, bank, status) in [
        (0x0f, 0, 0x0010),
        (0x0f, 3, 0x0151),
        (0x10, 0, 0x0833),
        (0x12, 0, 0x0100),
        (0x14, 0, 0x0100),
        (0x16, 1, 0x0135),
        (0x16, 2, 0x0010),
        (0x15, 2, 0x0003_0100),
        (0x10, 4, 0x0010_0833),
        (0x10, 5, 0x000e_0833),
        (0x10, 6, 0x0006_0833),
    ] {
        let record = legacy(family, bank, status);
        let explained = decode(&record);
        let shown = format!("{explained:#}");
        assert!(
            shown.contains("undocumented"),
            "{family:#x} {bank} {status:#x}:\n{shown}"
        );
    }
}

#[test]
fn kh50000_banks() {
    let record = |bank, status, misc| {
        Record::new(bank, Status(Status::VAL | Status::MISCV | status))
            .with_vendor(Vendor::ZHAOXIN)
            .with_cpuid(CpuSignature::new(7, 0x7b, 0))
            .with_misc(Misc(misc))
    };
    let memory = record(9, 0x0001_00ca, 3 << 25 | 0x5a << 9 | 2 << 6);
    let explained = decode(&memory);
    assert_eq!(text(&explained, "channel"), Some("B3"));
    assert_eq!(text(&explained, "memory error"), Some("scrub"));
    assert_eq!(text(&explained, "controller"), Some("single-bit ECC"));
    assert_eq!(explained.location().get(Place::Rank), Some(3));
    let silent = memory.with_status(Status(memory.status().0 & !Status::MISCV));
    assert_eq!(decode(&silent).location().get(Place::Rank), None);

    // Every link that the register names, not only the highest.
    let zdi_record = record(3, 0x0009_0e0b, 0x21 << 25);
    let zdi = decode(&zdi_record);
    let links: Vec<_> = zdi.values().map(|value| value.field.name()).collect();
    assert_eq!(links, ["link error", "link 0", "link 5"]);
    // Code 0 has no row, and is shown as such.
    let beyond_record = record(1, 0x0000_0134, 0);
    let beyond = decode(&beyond_record);
    assert_eq!(text(&beyond, "PL2 cache"), None);
    assert_eq!(decode(&record(32, 0, 0)).unit().map(|unit| unit.id), None);
    let voltage_record = record(22, 2 << 24, 0);
    let voltage = decode(&voltage_record);
    assert_eq!(
        voltage.values().next().and_then(|value| value.class()),
        Some(Class::Power)
    );
}

#[test]
fn kh40000_banks() {
    let record = |bank, status, misc| {
        Record::new(bank, Status(Status::VAL | Status::MISCV | status))
            .with_vendor(Vendor::CENTAUR)
            .with_cpuid(CpuSignature::new(7, 0x5b, 0))
            .with_misc(Misc(misc))
    };
    let memory = record(10, 0x0002_0091, 2 << 25 | 0x5a << 9 | 3 << 6);
    let explained = decode(&memory);
    assert_eq!(text(&explained, "controller"), Some("multi-bit ECC"));
    assert_eq!(text(&explained, "address mode"), Some("DVAD"));
    assert_eq!(explained.location().get(Place::Rank), Some(2));
    assert_eq!(explained.location().get(Place::Channel), Some(1));

    let link = record(5, 0x0005_0e0b, 2 << 25);
    let explained = decode(&link);
    assert_eq!(
        text(&explained, "link error"),
        Some("replay timer timed out")
    );
    assert_eq!(text(&explained, "link"), Some("ZPI"));

    // Bits 31:30 say that the bits below them tell who met it.
    let cache = record(17, 0x4190_0001, 0);
    let explained = decode(&cache);
    assert_eq!(
        text(&explained, "cache error"),
        Some("single-bit ECC, data, again in the same line")
    );
    assert_eq!(decode(&record(17, 0x0190_0001, 0)).values().count(), 0);
}

#[test]
fn names_as_people_type_them() {
    for (name, id) in [
        ("zen", "zen"),
        ("Zen-2", "zen2"),
        ("ROME", "zen2"),
        ("milan", "zen3"),
        ("Genoa", "zen4"),
        ("bergamo", "zen4"),
        ("turin", "zen5"),
        ("mi300", "mi300"),
        ("Naples", "zen"),
        ("bulldozer", "amd_fam15h"),
        ("piledriver", "amd_fam15h"),
        ("k8", "k8"),
        ("opteron", "k8"),
        ("dhyana", "dhyana"),
        ("kh-40000", "kh40000"),
        ("YongFeng", "kh40000"),
        ("kh-50000", "kh50000"),
        ("17h/31h/0", "zen2"),
        ("25/1/1", "zen3"),
    ] {
        let model = by_name(name).and_then(|selection| selection.model);
        assert_eq!(model.map(|model| model.id), Some(id), "{name}");
    }
}

#[test]
fn processors_that_nobody_claims_have_their_vendors_general_model() {
    let id = |vendor, family, model| {
        find(vendor, CpuSignature::new(family, model, 0)).map(|model| model.id)
    };
    assert_eq!(id(Vendor::AMD, 0x1b, 0), Some("amd_smca"));
    assert_eq!(id(Vendor::HYGON, 0x18, 4), Some("hygon"));
    assert_eq!(id(Vendor::AMD, 5, 8), None);
    assert_eq!(id(Vendor::CENTAUR, 7, 0x7b), Some("kh50000"));
    assert_eq!(id(Vendor::ZHAOXIN, 7, 0x5b), Some("kh40000"));
    assert_eq!(id(Vendor::ZHAOXIN, 7, 0x6b), Some("zhaoxin"));
}

#[test]
fn a_load_says_whether_it_met_poison() {
    let met = |xec, synd| {
        let record = smca(0x17, 0x31, 0xb0, 0x10, xec);
        let valid = record
            .with_status(Status(record.status().0 | Status::SYNDV))
            .with_synd(Synd(synd));
        text(&decode(&valid), "met by the load")
    };
    assert_eq!(met(1, 0), Some("ECC error of the data cache"));
    assert_eq!(met(1, 1), Some("poison from outside of the core"));
    assert_eq!(met(2, 1), None);
}

#[test]
fn a_bus_error_is_no_assertion() {
    // 0e00h and 0600h differ in bit 11 only, which makes the former a bus error.
    let internal = |status| text(&decode(&legacy(0x15, 1, status)), "internal");
    assert_eq!(internal(0x0600), Some("hardware assertion"));
    assert_eq!(internal(0x0e00), None);
    assert_eq!(internal(0x0500), None);
    // Six bits of extended code reach beyond the assertions of banks 0 and 5.
    let wide = |bank, status| {
        let record = legacy(0x15, bank, status).with_cpuid(CpuSignature::new(0x15, 0x60, 0));
        text(&decode(&record), "internal")
    };
    assert_eq!(wide(5, 0x001f_0600), Some("hardware assertion"));
    assert_eq!(wide(5, 0x0020_0600), None);
    assert_eq!(wide(0, 0x0020_0600), None);
    assert_eq!(wide(1, 0x0020_0600), Some("hardware assertion"));
}

#[test]
fn fatal_errors_are_called_fatal() {
    let graded = |status: u64| {
        let record = smca(0x19, 1, 0xb0, 5, 0).with_status(Status(Status::VAL | status));
        record.decode().to_string()
    };
    assert!(graded(Status::UC | Status::PCC).starts_with("bank 20: fatal"));
    assert!(graded(Status::DEFERRED).starts_with("bank 20: uncorrected, not consumed yet"));
    assert!(graded(0).starts_with("bank 20: corrected"));
}
