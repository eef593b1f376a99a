//! The lists of modules and models, and docs/models.md, are what the files say. `UPDATE=1` writes them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mcekit::Vendor;
use mcekit::table::{Banks, Cpu, Model};
use mcekit_models::{by_name, find, models};

use crate::support::{golden, path, signature, statics};

/// The text with the lines between two markers replaced.
fn between(text: &str, marker: &str, lines: &str) -> String {
    let (before, rest) = text
        .split_once(&format!("// <{marker}>\n"))
        .unwrap_or_else(|| panic!("no marker <{marker}>"));
    let end = rest
        .find(&format!("// </{marker}>"))
        .expect("an end marker");
    let indent = rest[..end].len() - rest[..end].trim_end_matches(' ').len();
    format!(
        "{before}// <{marker}>\n{lines}{}{}",
        " ".repeat(indent),
        &rest[end..]
    )
}

#[test]
fn every_file_is_in_the_lists() {
    for vendor in ["amd", "intel", "zhaoxin"] {
        let dir = path("src").join(vendor);
        let mut names: Vec<(String, Vec<String>)> = fs::read_dir(&dir)
            .expect("directory")
            .map(|entry| entry.expect("entry").path())
            .filter(|file| file.extension().is_some_and(|e| e == "rs") && !file.ends_with("mod.rs"))
            .map(|file| {
                let text = fs::read_to_string(&file).expect("readable source");
                (
                    file.file_stem()
                        .expect("stem")
                        .to_string_lossy()
                        .into_owned(),
                    statics(&text),
                )
            })
            .filter(|(_, statics)| !statics.is_empty())
            .collect();
        names.sort();
        let (mut modules, mut list) = (String::new(), String::new());
        for (name, statics) in &names {
            writeln!(modules, "mod {name};").unwrap();
            for item in statics {
                writeln!(list, "    &{name}::{item},").unwrap();
            }
        }
        let file = dir.join("mod.rs");
        let text = fs::read_to_string(&file).expect("mod.rs");
        golden(
            &file,
            &between(&between(&text, "models", &modules), "list", &list),
        );
    }
}

/// How many codes a model has.
fn codes(model: &Model) -> usize {
    let mut units: Vec<_> = match model.banks {
        Banks::Architectural => Vec::new(),
        Banks::Numbered(banks) => banks.iter().map(|bank| bank.unit).collect(),
        Banks::Ipid(own, shared) => own.iter().chain(shared).map(|bank| bank.unit).collect(),
    };
    units.sort_by_key(|unit| std::ptr::from_ref(*unit));
    units.dedup_by_key(|unit| std::ptr::from_ref(*unit));
    units
        .iter()
        .flat_map(|unit| {
            let grouped = unit.grouped().iter().flat_map(mcekit::table::Group::fields);
            unit.fields().iter().chain(grouped)
        })
        .chain(model.common)
        .map(|field| field.rows().count())
        .sum()
}

fn banks(model: &Model) -> String {
    match model.banks {
        Banks::Architectural => "architectural decoding".to_owned(),
        Banks::Numbered(banks) => {
            let mut text = String::new();
            for bank in banks {
                let comma = if text.is_empty() { "" } else { ", " };
                if bank.first == bank.last {
                    write!(text, "{comma}{} {}", bank.first, bank.unit.id).unwrap();
                } else {
                    write!(text, "{comma}{}-{} {}", bank.first, bank.last, bank.unit.id).unwrap();
                }
            }
            text
        }
        Banks::Ipid(own, shared) => format!(
            "by MCA_IPID: {} units of its own, {} shared",
            own.len(),
            shared.len()
        ),
    }
}

fn cpu(cpu: &Cpu) -> String {
    let mut text = if cpu.first_model == cpu.last_model {
        format!("{:#x}/{:#x}", cpu.family, cpu.first_model)
    } else {
        format!(
            "{:#x}/{:#x}-{:#x}",
            cpu.family, cpu.first_model, cpu.last_model
        )
    };
    if (cpu.first_stepping, cpu.last_stepping) != (0, 15) {
        write!(
            text,
            " steppings {}-{}",
            cpu.first_stepping, cpu.last_stepping
        )
        .unwrap();
    }
    format!("{text} {}", cpu.name)
}

#[test]
fn the_page_of_models_is_current() {
    let mut page = String::from(
        "# Models\n\n\
         Written by `UPDATE=1 cargo test -p mcekit-models`; do not edit. Families and models are hexadecimal, steppings decimal.\n",
    );
    let mut vendor = None;
    for model in models() {
        if vendor != Some(model.vendor) {
            vendor = Some(model.vendor);
            let name = model.vendor.name().expect("a vendor with a name");
            write!(page, "\n## {name}\n\n| id | name | also called | processors | banks | codes |\n|---|---|---|---|---|---|\n").unwrap();
        }
        let processors = match model.cpus {
            [] => "those that no other model claims".to_owned(),
            cpus => cpus.iter().map(cpu).collect::<Vec<_>>().join("<br>"),
        };
        let aliases: Vec<_> = model
            .aliases
            .iter()
            .map(|alias| format!("`{alias}`"))
            .collect();
        writeln!(
            page,
            "| `{}` | {} | {} | {processors} | {} | {} |",
            model.id,
            model.name,
            aliases.join(" "),
            banks(model),
            codes(model)
        )
        .unwrap();
    }
    golden(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/models.md"),
        &page,
    );
}

#[test]
fn no_processor_is_claimed_twice() {
    let all: Vec<&Model> = models().collect();
    for (i, a) in all.iter().enumerate() {
        for b in &all[i..] {
            for (x, left) in a.cpus.iter().enumerate() {
                for (y, right) in b.cpus.iter().enumerate() {
                    let same = std::ptr::eq(*a, *b) && x == y;
                    assert!(
                        same || a.vendor != b.vendor || !left.overlaps(right),
                        "{} and {} both claim {}",
                        a.id,
                        b.id,
                        cpu(left)
                    );
                }
            }
        }
    }
}

#[test]
fn no_name_is_given_twice() {
    let plain = |name: &str| name.to_lowercase().replace(['-', '_', ' '], "");
    let mut names: Vec<(String, &str)> = Vec::new();
    for model in models() {
        let mut own: Vec<String> = std::iter::once(model.id)
            .chain(std::iter::once(model.name))
            .chain(model.aliases.iter().copied())
            .map(plain)
            .collect();
        own.sort();
        own.dedup();
        names.extend(own.into_iter().map(|name| (name, model.id)));
    }
    names.sort();
    for pair in names.windows(2) {
        assert_ne!(
            pair[0].0, pair[1].0,
            "both {} and {} are called so",
            pair[0].1, pair[1].1
        );
    }
}

#[test]
fn every_processor_finds_its_model() {
    for model in models() {
        for cpu in model.cpus {
            for number in [cpu.first_model, cpu.last_model] {
                for stepping in [cpu.first_stepping, cpu.last_stepping] {
                    let signature = mcekit::CpuSignature::new(cpu.family, number, stepping);
                    let found = find(model.vendor, signature).map(|m| m.id);
                    assert_eq!(found, Some(model.id), "{signature}");
                }
            }
        }
        if let Some(signature) = signature(model) {
            let text = format!("{:#x}", signature.0);
            assert_eq!(by_name(&text).and_then(|s| s.signature), Some(signature));
        }
    }
}

#[test]
fn names_that_other_tools_know() {
    // mcelog's and rasdaemon's, with the family and model that they stand for.
    for (name, family, model) in [
        ("core2", 6, 0x0f),
        ("p4", 15, 2),
        ("p6old", 6, 5),
        ("dunnington", 6, 0x1d),
        ("xeon7400", 6, 0x1d),
        ("tulsa", 15, 6),
        ("xeon71xx", 15, 6),
        ("nehalem", 6, 0x1a),
        ("westmere", 6, 0x2c),
        ("xeon75xx", 6, 0x2e),
        ("sandybridge", 6, 0x2a),
        ("sandybridge-ep", 6, 0x2d),
        ("ivybridge-ep", 6, 0x3e),
        ("haswell-ep", 6, 0x3f),
        ("xeon-v3", 6, 0x3f),
        ("broadwell-d", 6, 0x56),
        ("broadwell-ex", 6, 0x4f),
        ("knightslanding", 6, 0x57),
        ("knightsmill", 6, 0x85),
        ("skylake_server", 6, 0x55),
        ("cascadelake_server", 6, 0x55),
        ("icelake-sp", 6, 0x6a),
        ("icelake_server", 6, 0x6a),
        ("icelake-d", 6, 0x6c),
        ("snowridge", 6, 0x86),
        ("sapphirerapids_server", 6, 0x8f),
        ("emeraldrapids_server", 6, 0xcf),
        ("graniterapids", 6, 0xad),
        ("sierraforest", 6, 0xaf),
        ("clearwaterforest", 6, 0xdd),
        ("diamond_rapids", 19, 1),
        ("denverton", 6, 0x5f),
        ("atom", 6, 0x1c),
        ("skylake", 6, 0x4e),
        ("kabylake", 6, 0x9e),
        ("cometlake", 6, 0xa5),
        ("icelake", 6, 0x7d),
        ("rocketlake", 6, 0xa7),
        ("tigerlake", 6, 0x8c),
        ("lakefield", 6, 0x8a),
        ("alderlake", 6, 0xbe),
        ("raptorlake", 6, 0xba),
        ("meteorlake", 6, 0xaa),
        ("arrowlake", 6, 0xb5),
        ("lunarlake", 6, 0xbd),
        ("pantherlake", 6, 0xcc),
        ("wildcatlake", 6, 0xd5),
        ("grandridge", 6, 0xb6),
    ] {
        let named = by_name(name)
            .and_then(|s| s.model)
            .unwrap_or_else(|| panic!("{name}"));
        let found =
            find(Vendor::INTEL, mcekit::CpuSignature::new(family, model, 0)).expect("model");
        assert_eq!(named.id, found.id, "{name}");
    }
    for name in ["intel", "generic"] {
        assert_eq!(
            by_name(name).and_then(|s| s.model).map(|m| m.id),
            Some("intel")
        );
    }
}
