//! What the tests of the tables share: which file a model stands in, and cases as lines of text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use mcekit::table::Model;
use mcekit::{
    Addr, CpuSignature, Ipid, McgCap, McgStatus, Misc, Record, Status, Synd, Synd1, Synd2, Vendor,
};
use mcekit_models::{Explained, by_name, decode, decode_as, models};

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

/// A record, and the model that explains it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Case {
    /// The record.
    pub(crate) record: Record,
    /// The model's id, for models that claim no processor.
    pub(crate) model: Option<&'static str>,
}

impl Case {
    /// The case explained.
    pub(crate) fn explain(&self) -> Explained<'_> {
        match self.model {
            Some(id) => {
                let model = models().find(|model| model.id == id).expect("model");
                decode_as(&self.record, model)
            }
            None => decode(&self.record),
        }
    }

    /// The case as one line.
    pub(crate) fn line(&self) -> String {
        let r = &self.record;
        let mut line = r
            .vendor()
            .and_then(Vendor::name)
            .expect("vendor")
            .to_lowercase();
        let out = &mut line;
        if let Some(id) = self.model {
            write!(out, " model={id}").unwrap();
        }
        if let Some(cpu) = r.cpuid() {
            write!(
                out,
                " cpu={:#x}/{:#x}/{}",
                cpu.family(),
                cpu.model(),
                cpu.stepping()
            )
            .unwrap();
        }
        if let Some(bank) = r.bank() {
            write!(out, " bank={bank}").unwrap();
        }
        write!(out, " status={:#x}", r.status().0).unwrap();
        let registers = [
            ("misc", r.misc().map(|v| v.0)),
            ("addr", r.addr().map(|v| v.0)),
            ("ipid", r.ipid().map(|v| v.0)),
            ("synd", r.synd().map(|v| v.0)),
            ("synd1", r.synd1().map(|v| v.0)),
            ("synd2", r.synd2().map(|v| v.0)),
            ("mcgstatus", r.mcgstatus().map(|v| v.0)),
            ("mcgcap", r.mcgcap().map(|v| v.0)),
            ("socket", r.socket().map(u64::from)),
            ("apicid", r.apicid().map(u64::from)),
        ];
        for (name, value) in registers {
            if let Some(value) = value {
                write!(out, " {name}={value:#x}").unwrap();
            }
        }
        line
    }

    /// A case out of its line.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let vendor = words.next().unwrap_or_default();
        let vendor = Vendor::from_name(vendor).ok_or_else(|| format!("no vendor: {vendor}"))?;
        let mut case = Self {
            record: Record::empty().with_vendor(vendor),
            model: None,
        };
        for word in words {
            let (name, text) = word
                .split_once('=')
                .ok_or_else(|| format!("no `=`: {word}"))?;
            let number = || {
                let digits = text.strip_prefix("0x");
                let value = match digits {
                    Some(digits) => u64::from_str_radix(digits, 16),
                    None => text.parse(),
                };
                value.map_err(|e| format!("{word}: {e}"))
            };
            let r = case.record;
            case.record = match name {
                "model" => {
                    let model = models().find(|model| model.id == text);
                    case.model = Some(model.ok_or_else(|| format!("no model: {text}"))?.id);
                    r
                }
                "cpu" => {
                    let cpu = by_name(text).and_then(|s| s.signature);
                    r.with_cpuid(cpu.ok_or_else(|| format!("no processor: {text}"))?)
                }
                "bank" => r.with_bank(u8::try_from(number()?).map_err(|e| e.to_string())?),
                "status" => r.with_status(Status(number()?)),
                "misc" => r.with_misc(Misc(number()?)),
                "addr" => r.with_addr(Addr(number()?)),
                "ipid" => r.with_ipid(Ipid(number()?)),
                "synd" => r.with_synd(Synd(number()?)),
                "synd1" => r.with_synd1(Synd1(number()?)),
                "synd2" => r.with_synd2(Synd2(number()?)),
                "mcgstatus" => r.with_mcgstatus(McgStatus(number()?)),
                "mcgcap" => r.with_mcgcap(McgCap(number()?)),
                "socket" => r.with_socket(number()? as u32),
                "apicid" => r.with_apicid(number()? as u32),
                _ => return Err(format!("unknown name: {word}")),
            };
        }
        Ok(case)
    }
}

/// The signature of the first processor of a model, if it claims any.
pub(crate) fn signature(model: &Model) -> Option<CpuSignature> {
    model
        .cpus
        .first()
        .map(|cpu| CpuSignature::new(cpu.family, cpu.first_model, cpu.first_stepping))
}
