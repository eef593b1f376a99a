//! Every case, a file each. To add one: the file, its `mod` line and its row in [`ALL`];
//! the test below refuses a file without them.

use crate::case::Case;

mod boot_instance_records;
mod boot_trace_records;
mod boots;
mod debugfs_injects;
mod disk_lasts;
mod hist_from_boot;
mod kernel_log_agrees;
mod knobs;
mod mcelog_contract;
mod mcelog_erases_erst;
mod mcelog_opens;
mod mcelog_overflows;
mod mcelog_reads;
mod mcelog_wakes;
mod mcelog_writes;
mod perf_ring_hotplug;
mod perf_ring_reads;
mod pstore_keeps_a_panic;
mod rasd_after_fatal;
mod rasd_after_restart;
mod rasd_counts_loss;
mod rasd_reads_a_boot_instance;
mod rasd_reads_mcelog;
mod rasd_reads_perf;
mod rasd_reads_trace_event;
mod rasd_under_systemd;
mod rings_follow_cpus;
mod rings_lose_exactly;
mod source_after_restart;
mod source_boot_instance;
mod source_earlier_boot;
mod source_filters;
mod source_hist;
mod source_journal;
mod source_kept_instance;
mod source_kernel_log;
mod source_perf_and_keeper;
mod source_top_instance;

/// Every case, in the order in which a shared boot runs them.
pub const ALL: &[&Case] = &[
    &boots::CASE,
    &mcelog_contract::CASE,
    &mcelog_opens::CASE,
    &mcelog_reads::CASE,
    &mcelog_wakes::CASE,
    &mcelog_overflows::CASE,
    &mcelog_writes::CASE,
    &debugfs_injects::CASE,
    &kernel_log_agrees::CASE,
    &source_kernel_log::CASE,
    &knobs::CASE,
    &perf_ring_reads::CASE,
    &disk_lasts::CASE,
    &hist_from_boot::CASE,
    &perf_ring_hotplug::CASE,
    &mcelog_erases_erst::CASE,
    &pstore_keeps_a_panic::CASE,
    &source_earlier_boot::CASE,
    &rings_lose_exactly::CASE,
    &rings_follow_cpus::CASE,
    &boot_trace_records::CASE,
    &boot_instance_records::CASE,
    &rasd_reads_trace_event::CASE,
    &rasd_reads_a_boot_instance::CASE,
    &rasd_reads_mcelog::CASE,
    &rasd_reads_perf::CASE,
    &rasd_counts_loss::CASE,
    &rasd_after_fatal::CASE,
    &rasd_after_restart::CASE,
    &rasd_under_systemd::CASE,
    &source_filters::CASE,
    &source_hist::CASE,
    &source_journal::CASE,
    &source_kept_instance::CASE,
    &source_perf_and_keeper::CASE,
    &source_top_instance::CASE,
    &source_after_restart::CASE,
    &source_boot_instance::CASE,
];

/// The case of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Case> {
    ALL.iter().copied().find(|case| case.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::ALL;

    #[test]
    fn every_file_is_a_case_and_every_case_has_its_file() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cases");
        let files: BTreeSet<String> = fs::read_dir(folder)
            .expect("the folder of cases")
            .map(|entry| entry.expect("an entry").file_name())
            .map(|name| name.to_string_lossy().trim_end_matches(".rs").to_owned())
            .filter(|name| name != "mod")
            .collect();
        let names: BTreeSet<String> = ALL.iter().map(|case| case.name.to_owned()).collect();
        assert_eq!(files, names, "files on the left, rows of ALL on the right");
        assert_eq!(names.len(), ALL.len(), "a name stands twice in ALL");
    }

    #[test]
    fn every_case_runs_somewhere() {
        for case in ALL {
            assert!(
                crate::case::Machine::all().any(|m| case.runs_on(m)),
                "{} runs on no machine",
                case.name
            );
        }
    }
}
