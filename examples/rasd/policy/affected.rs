//! Which CPUs share a cache (Documentation/ABI/testing/sysfs-devices-system-cpu).

use std::fs;
use std::path::Path;

use crate::facts::Cache;

/// More CPUs than these are not listed.
const MOST: usize = 4096;

/// The CPUs that share a cache, with spaces between them, as mcelog's triggers read them.
pub(crate) fn cpus(sysfs: &Path, cache: &Cache) -> Option<String> {
    let caches = sysfs.join(format!("devices/system/cpu/cpu{}/cache", cache.cpu));
    let level = cache.level?.to_string();
    (0..16).find_map(|index| {
        let read = |file: &str| {
            let path = caches.join(format!("index{index}/{file}"));
            Some(fs::read_to_string(path).ok()?.trim().to_owned())
        };
        let holds = read("type")?.to_ascii_lowercase();
        let fits = holds == "unified" || holds == cache.holds;
        (read("level")? == level && fits).then(|| list(&read("shared_cpu_list")?))?
    })
}

/// `0-2,5` as `0 1 2 5`.
fn list(ranges: &str) -> Option<String> {
    let mut cpus = Vec::new();
    for range in ranges.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        cpus.extend(
            (first..=last)
                .take(MOST - cpus.len())
                .map(|cpu| cpu.to_string()),
        );
    }
    Some(cpus.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_spelled_out_and_bounded() {
        assert_eq!(list("0-2,5").as_deref(), Some("0 1 2 5"));
        assert_eq!(list("7").as_deref(), Some("7"));
        assert_eq!(list("x"), None);
        let all = list("0-99999999999,3").unwrap();
        assert_eq!(all.split(' ').count(), MOST);
    }

    #[test]
    fn the_cache_of_the_level_and_type_is_found() {
        let sysfs = tempfile::tempdir().unwrap();
        for (index, level, holds, cpus) in [
            (0, "1", "Data", "3,7"),
            (1, "1", "Instruction", "3"),
            (2, "2", "Unified", "0-3"),
        ] {
            let dir = sysfs
                .path()
                .join(format!("devices/system/cpu/cpu3/cache/index{index}"));
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("level"), format!("{level}\n")).unwrap();
            fs::write(dir.join("type"), format!("{holds}\n")).unwrap();
            fs::write(dir.join("shared_cpu_list"), format!("{cpus}\n")).unwrap();
        }
        let cache = |level, holds| Cache {
            cpu: 3,
            bank: Some(1),
            unit: None,
            level,
            holds,
        };
        let find = |level, holds| cpus(sysfs.path(), &cache(level, holds));
        assert_eq!(find(Some(1), "data").as_deref(), Some("3 7"));
        assert_eq!(find(Some(1), "instruction").as_deref(), Some("3"));
        assert_eq!(find(Some(2), "generic").as_deref(), Some("0 1 2 3"));
        assert_eq!(find(None, "generic"), None);
    }
}
