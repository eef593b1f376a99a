//! What the tests of the tables share: which file a model stands in, and files that hold what should be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mcekit::CpuSignature;
use mcekit::table::Model;
use mcekit_models::models;

/// The directories below `src/` whose files hold models, and those single files that do.
pub(crate) const VENDORS: &[&str] = &["amd", "hygon", "intel", "zhaoxin"];

/// Whether the run is to write what it would compare.
pub(crate) fn update() -> bool {
    std::env::var_os("UPDATE").is_some_and(|value| value == "1")
}

/// A path of this crate.
pub(crate) fn path(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// Compares a file with what it should be, or writes it.
pub(crate) fn golden(path: &Path, expected: &str) {
    if update() {
        fs::create_dir_all(path.parent().expect("a file in a directory")).expect("directory");
        if fs::read_to_string(path).is_ok_and(|old| old == expected) {
            return;
        }
        fs::write(path, expected).expect("file can be written");
        return;
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    if let Some((n, (a, b))) = found
        .lines()
        .chain(std::iter::repeat(""))
        .zip(expected.lines().chain(std::iter::repeat("")))
        .enumerate()
        .take(found.lines().count().max(expected.lines().count()))
        .find(|(_, (a, b))| a != b)
    {
        panic!(
            "{}:{}: is\n    {a}\nand should be\n    {b}\n\
             To accept: UPDATE=1 cargo test -p mcekit-models, and read the diff",
            path.display(),
            n + 1
        );
    }
}

/// The names of the statics that hold models in a source file.
pub(crate) fn statics(source: &str) -> Vec<String> {
    source
        .lines()
        .filter_map(|line| {
            let line = line
                .strip_prefix("pub(crate) static ")
                .or_else(|| line.strip_prefix("static "))?;
            Some(line.split_once(": Model =")?.0.to_owned())
        })
        .collect()
}

/// Every source file with models (`intel/haswell`), and its models in the order of the file.
pub(crate) fn files() -> BTreeMap<String, Vec<&'static Model>> {
    let mut files = BTreeMap::new();
    for vendor in VENDORS {
        let dir = path("src").join(vendor);
        let sources: Vec<PathBuf> = match fs::read_dir(&dir) {
            Ok(entries) => entries.map(|entry| entry.expect("entry").path()).collect(),
            Err(_) => vec![dir.with_extension("rs")],
        };
        for source in sources {
            if source.extension().is_none_or(|e| e != "rs") || source.ends_with("mod.rs") {
                continue;
            }
            let text = fs::read_to_string(&source).expect("readable source");
            let found = in_source(&text);
            if found.is_empty() {
                continue;
            }
            let stem = source.file_stem().expect("stem").to_string_lossy();
            let name = if source.parent() == Some(&dir) {
                format!("{vendor}/{stem}")
            } else {
                stem.into_owned()
            };
            files.insert(name, found);
        }
    }
    files
}

/// The models whose ids a source file defines: the first string after each static.
fn in_source(source: &str) -> Vec<&'static Model> {
    let mut found = Vec::new();
    for name in statics(source) {
        let after = source
            .split_once(&format!("static {name}: Model ="))
            .expect("the static")
            .1;
        let id = after.split('"').nth(1).expect("an id");
        let model = models().find(|model| model.id == id);
        found
            .push(model.unwrap_or_else(|| panic!("{id} is in no list: UPDATE=1 writes the lists")));
    }
    found
}

/// The signature of the first processor of a model, if it claims any.
pub(crate) fn signature(model: &Model) -> Option<CpuSignature> {
    model
        .cpus
        .first()
        .map(|cpu| CpuSignature::new(cpu.family, cpu.first_model, cpu.first_stepping))
}
