//! Kernels in the cache of the user: fetched or built once, by the scripts in `kernels/`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io};

use super::Trouble;
use crate::case::{Kernel, Machine};

/// Seconds for getting one kernel: four times what the longest takes on two busy cores.
const MAKE_LIMIT: &str = "1200";

/// A kernel's files.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) vmlinuz: PathBuf,
    /// In the order in which the guest loads them.
    pub(super) modules: Vec<PathBuf>,
}

/// The kernels of these machines, got if they are not there.
pub(super) fn ready(machines: &[Machine]) -> Result<BTreeMap<Kernel, Files>, Trouble> {
    let cache = cache_folder()?;
    fs::create_dir_all(&cache).map_err(Trouble::while_doing(cache.display()))?;
    let mut found = BTreeMap::new();
    for machine in machines {
        if let Entry::Vacant(place) = found.entry(machine.kernel) {
            place.insert(files(&get(machine.kernel, &cache)?)?);
        }
    }
    Ok(found)
}

fn cache_folder() -> Result<PathBuf, Trouble> {
    let base = env::var_os("XDG_CACHE_HOME")
        .filter(|v| !v.is_empty())
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cache")))
        .ok_or_else(|| Trouble::new("neither XDG_CACHE_HOME nor HOME is set"))?;
    Ok(base.join("mcekit-kernels"))
}

/// The root file system with systemd, got if it is not there.
pub(super) fn systemd() -> Result<PathBuf, Trouble> {
    let cache = cache_folder()?;
    fs::create_dir_all(&cache).map_err(Trouble::while_doing(cache.display()))?;
    Ok(got(&folder().join("systemd.sh"), &[], "systemd", &cache)?.join("root"))
}

/// Where the scripts are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels")
}

fn script(kernel: Kernel) -> (PathBuf, &'static str) {
    let (name, series) = match kernel {
        Kernel::Mcelog61 => ("mcelog.sh", "6.1"),
        Kernel::Stock61 => ("stock.sh", "6.1"),
        Kernel::Stock612 => ("stock.sh", "6.12"),
        Kernel::StockNew => ("stock.sh", "new"),
    };
    (folder().join(name), series)
}

/// The kernel's folder in the cache.
fn get(kernel: Kernel, cache: &Path) -> Result<PathBuf, Trouble> {
    let (script, series) = script(kernel);
    got(&script, &[series], kernel.name(), cache)
}

/// The folder in the cache that a script makes. Runs beside this one wait for whoever gets it first.
fn got(script: &Path, which: &[&str], name: &str, cache: &Path) -> Result<PathBuf, Trouble> {
    let Some(key) = ask(script, "key", which)? else {
        // Without the archive's lists one that is there will do, and nothing else will.
        let recipe = ask(script, "recipe", which)?.unwrap_or_default();
        let folder = newest(cache, name, &recipe)?
            .ok_or_else(|| Trouble::new(format!("no {name}, and none kept")))?;
        println!("using {}", folder.display());
        return Ok(folder);
    };
    let folder = cache.join(&key);
    if folder.is_dir() {
        return Ok(folder);
    }
    let lock_path = cache.join(format!("{key}.lock"));
    let lock = File::create(&lock_path).map_err(Trouble::while_doing(lock_path.display()))?;
    lock.lock()
        .map_err(Trouble::while_doing(lock_path.display()))?;
    if folder.is_dir() {
        return Ok(folder);
    }
    println!("getting {key}");
    // Renamed into place only when whole: an interrupted run leaves no half kernel.
    let half = cache.join(format!("{key}.half"));
    remove_folder(&half).map_err(Trouble::while_doing(half.display()))?;
    let status = Command::new("timeout")
        .args(["--kill-after=10", MAKE_LIMIT])
        .arg(script)
        .arg("make")
        .args(which)
        .arg(&half)
        .stdin(Stdio::null())
        .status()
        .map_err(Trouble::while_doing(script.display()))?;
    if !status.success() {
        return Err(Trouble::new(format!("{key}: {} failed", script.display())));
    }
    fs::rename(&half, &folder).map_err(Trouble::while_doing(folder.display()))?;
    Ok(folder)
}

/// What the script says, or nothing where it fails; why is on standard error.
fn ask(script: &Path, what: &str, which: &[&str]) -> Result<Option<String>, Trouble> {
    let output = Command::new(script)
        .arg(what)
        .args(which)
        .stderr(Stdio::inherit())
        .output()
        .map_err(Trouble::while_doing(script.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok((output.status.success() && !text.is_empty()).then_some(text))
}

/// The folder of this name and recipe that was made last.
fn newest(cache: &Path, name: &str, recipe: &str) -> Result<Option<PathBuf>, Trouble> {
    let mut found = Vec::new();
    let start = format!("{name}-");
    for entry in fs::read_dir(cache).map_err(Trouble::while_doing(cache.display()))? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        if file.starts_with(&start) && file.ends_with(&format!("-{recipe}")) && path.is_dir() {
            found.push((path.metadata()?.modified()?, path));
        }
    }
    Ok(found.into_iter().max().map(|(_, path)| path))
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn files(folder: &Path) -> Result<Files, Trouble> {
    let list = folder.join("modules");
    let order = fs::read_to_string(&list).map_err(Trouble::while_doing(list.display()))?;
    Ok(Files {
        vmlinuz: folder.join("vmlinuz"),
        modules: order.lines().map(|name| folder.join(name)).collect(),
    })
}
