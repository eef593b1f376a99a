//! Everything on a directory tree that stands in for tracefs.

use std::format;
use std::fs;
use std::path::Path;
use std::string::{String, ToString};
use std::vec::Vec;

use tempfile::TempDir;

use super::*;
use crate::page::Loss;

const HEADER_PAGE: &str = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\
    \tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n\
    \tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\
    \tfield: char data;\toffset:16;\tsize:240;\tsigned:0;\n";
const HEADER_EVENT: &str = "# compressed entry header\n\ttype_len    :    5 bits\n\
    \ttime_delta  :   27 bits\n\tarray       :   32 bits\n\n\tpadding     : type == 29\n\
    \ttime_extend : type == 30\n\ttime_stamp : type == 31\n\tdata max type_len  == 28\n";
const FORMAT: &str = "name: first\nID: 7\nformat:\n\
    \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\
    \tfield:int value;\toffset:4;\tsize:4;\tsigned:1;\n\nprint fmt: \"%d\", REC->value\n";

fn write(path: &Path, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A tree with two systems, three events, two CPUs and the knobs.
fn populate(root: &Path) {
    let events = root.join("events");
    write(&events.join("header_page"), HEADER_PAGE);
    write(&events.join("header_event"), HEADER_EVENT);
    for (name, id) in [("sys/first", 7), ("sys/second", 8), ("other/third", 9)] {
        let dir = events.join(name);
        write(&dir.join("id"), format!("{id}\n"));
        write(&dir.join("format"), FORMAT);
        write(&dir.join("enable"), "0\n");
        write(&dir.join("filter"), "none\n");
        write(&dir.join("trigger"), "# Available triggers:\n# traceon\n");
    }
    write(&events.join("sys/enable"), "X\n");
    write(&events.join("sys/filter"), "### global filter ###\n");
    write(&events.join("enable"), "X\n");
    for (file, text) in [
        ("tracing_on", "1\n"),
        ("trace", "old\n"),
        ("trace_marker", ""),
        ("buffer_size_kb", "7 (expanded: 1408)\n"),
        ("buffer_total_size_kb", "14 (expanded: 2816)\n"),
        ("buffer_percent", "50\n"),
        ("buffer_subbuf_size_kb", "4\n"),
        ("trace_clock", "[local] global mono\n"),
        ("options/overwrite", "1\n"),
        ("options/markers", "0\n"),
        ("error_log", ""),
    ] {
        write(&root.join(file), text);
    }
    for cpu in 0..2 {
        let dir = root.join(format!("per_cpu/cpu{cpu}"));
        write(&dir.join("buffer_size_kb"), "1408\n");
        write(&dir.join("stats"), stats(0, 0));
        write(&dir.join("trace_pipe_raw"), "");
    }
    fs::create_dir(root.join("instances")).unwrap();
}

fn stats(overrun: u64, dropped: u64) -> String {
    format!(
        "entries: 0\noverrun: {overrun}\ncommit overrun: 0\nbytes: 0\noldest event ts:     0.0\n\
         now ts:     1.0\ndropped events: {dropped}\nread events: 0\n"
    )
}

fn tree() -> (TempDir, Tracefs) {
    let dir = TempDir::new().unwrap();
    populate(dir.path());
    let tracefs = Tracefs::at(dir.path()).unwrap();
    (dir, tracefs)
}

fn read(root: &Path, name: &str) -> String {
    fs::read_to_string(root.join(name)).unwrap()
}

#[test]
fn the_mount_is_found_by_what_it_is() {
    let (dir, _) = tree();
    let place = dir.path().to_str().unwrap();
    let found = |mounts: &str| Tracefs::find_in(mounts.as_bytes());
    let tracefs = found(&format!(
        "proc /proc proc rw 0 0\nnodev {place} tracefs rw 0 0\n"
    ))
    .unwrap();
    assert_eq!(tracefs.root(), dir.path());

    // Below debugfs it is `tracing`.
    let debug = TempDir::new().unwrap();
    let debug_place = debug.path().to_str().unwrap();
    populate(&debug.path().join("tracing"));
    let mounts = format!("none {debug_place} debugfs rw 0 0\n");
    assert_eq!(found(&mounts).unwrap().root(), debug.path().join("tracing"));
    // A tracefs comes before it, wherever it stands in the list.
    let both = format!("{mounts}nodev {place} tracefs rw 0 0\n");
    assert_eq!(found(&both).unwrap().root(), dir.path());

    assert!(matches!(
        found("proc /proc proc rw 0 0\n"),
        Err(Error::NotMounted)
    ));
    let error = found("nodev /nowhere/at/all tracefs rw 0 0\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "/nowhere/at/all is not a tracing directory: it has no events"
    );
}

#[test]
fn mounts_order_and_escapes() {
    let text = b"a /x\\040y\\134z tracefs rw 0 0\nb /sys/kernel/debug debugfs rw 0 0\n\
        c /sys/kernel/tracing tracefs rw 0 0\nd /odd\\9 tracefs\ntracefs\n";
    let found = candidates(text);
    let found: Vec<_> = found.iter().map(|p| p.to_str().unwrap()).collect();
    assert_eq!(
        found,
        [
            "/sys/kernel/tracing",
            "/x y\\z",
            "/odd\\9",
            "/sys/kernel/debug/tracing"
        ]
    );
}

#[test]
fn systems_events_and_ids() {
    let (_dir, tracefs) = tree();
    assert_eq!(tracefs.systems().unwrap(), ["other", "sys"]);
    let names: Vec<String> = tracefs
        .events("sys")
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["sys:first", "sys:second"]);
    assert!(matches!(tracefs.events("none"), Err(Error::NoEvent { .. })));
    assert!(matches!(tracefs.events("../x"), Err(Error::BadName { .. })));
    assert_eq!(
        tracefs.event_by_id(9).unwrap(),
        Some("other:third".parse().unwrap())
    );
    assert_eq!(tracefs.event_by_id(10).unwrap(), None);

    let event = tracefs.top().event(&"sys/first".parse().unwrap()).unwrap();
    assert_eq!(event.id().unwrap(), 7);
    assert_eq!(event.format().unwrap().name(), "first");
    let missing = tracefs.top().event(&"sys:third".parse().unwrap());
    assert_eq!(missing.unwrap_err().to_string(), "no event sys:third");
    for bad in ["sys", "sys:", ":x", "a b:c", "..:x", "a:b:c", "a:b/c"] {
        assert!(bad.parse::<EventName>().is_err(), "{bad}");
    }
}

#[test]
fn an_event_is_enabled_filtered_and_triggered() {
    let (dir, tracefs) = tree();
    let event = tracefs.top().event(&"sys:first".parse().unwrap()).unwrap();
    let at = dir.path().join("events/sys/first");
    assert_eq!(event.enabled().unwrap(), EnableState::Off);
    event.set_enabled(true).unwrap();
    assert_eq!(event.enabled().unwrap(), EnableState::On);
    write(&at.join("enable"), "1*\n");
    assert_eq!(event.enabled().unwrap(), EnableState::On);
    write(&at.join("enable"), "?\n");
    assert!(matches!(event.enabled(), Err(Error::NotUnderstood { .. })));

    assert_eq!(event.filter().unwrap(), None);
    event.set_filter(&"value < 100".parse().unwrap()).unwrap();
    assert_eq!(read(&at, "filter"), "value < 100");
    assert_eq!(event.filter().unwrap().as_deref(), Some("value < 100"));
    // Refused before anything is written.
    let refused = event.set_filter(&"valeu < 100".parse().unwrap());
    assert!(matches!(refused, Err(Error::NoField { .. })));
    assert_eq!(read(&at, "filter"), "value < 100");
    event.clear_filter().unwrap();
    assert_eq!(read(&at, "filter"), "0");

    assert_eq!(event.triggers().unwrap(), [""; 0]);
    event.add_trigger("traceoff:1").unwrap();
    // Written behind what is there: opened the other way, the kernel would remove all triggers.
    assert!(read(&at, "trigger").ends_with("# traceon\ntraceoff:1"));
    assert_eq!(event.triggers().unwrap(), ["traceoff:1"]);
    event.remove_trigger("traceoff:1").unwrap();
    assert!(read(&at, "trigger").ends_with("!traceoff:1"));

    let top = tracefs.top();
    assert_eq!(top.system_enabled("sys").unwrap(), EnableState::Mixed);
    top.set_system_enabled("sys", true).unwrap();
    assert_eq!(read(dir.path(), "events/sys/enable"), "1");
    assert_eq!(top.all_enabled().unwrap(), EnableState::Mixed);
    top.set_all_enabled(false).unwrap();
    assert_eq!(read(dir.path(), "events/enable"), "0");
}

#[test]
fn a_systems_filter_is_held_against_each_of_its_events() {
    let (dir, tracefs) = tree();
    let second = FORMAT.replace("int value;", "int other;");
    write(&dir.path().join("events/sys/second/format"), second);
    let top = tracefs.top();
    let set = |filter: &str| top.set_system_filter("sys", &filter.parse().unwrap());
    let fitting = set("value < 100").unwrap();
    assert_eq!(fitting, ["sys:first".parse().unwrap()]);
    assert_eq!(read(dir.path(), "events/sys/filter"), "value < 100");
    assert_eq!(set("common_type > 3").unwrap().len(), 2);

    // What fits none is refused before anything is written.
    write(&dir.path().join("events/sys/filter"), "as it was");
    assert!(matches!(set("nope == 1"), Err(Error::NoField { .. })));
    assert!(matches!(
        set("value ~ \"x\""),
        Err(Error::FilterType { .. })
    ));
    assert_eq!(read(dir.path(), "events/sys/filter"), "as it was");
    let none = top.set_system_filter("none", &"value == 1".parse().unwrap());
    assert!(matches!(none, Err(Error::NoEvent { .. })));

    top.clear_system_filter("sys").unwrap();
    assert_eq!(read(dir.path(), "events/sys/filter"), "0");

    // A kernel that refuses it at each event, and calls that a success.
    let at = dir.path().join("events/sys/first/filter");
    write(&at, "value > 5\n^\nparse_error: Too deep\n");
    let refused = set("value > 5").unwrap_err();
    assert!(refused.to_string().ends_with("Too deep"), "{refused}");
}

#[test]
fn instances_are_made_opened_kept_and_removed() {
    let (dir, tracefs) = tree();
    let place = dir.path().join("instances/mine");
    assert!(matches!(
        tracefs.open_instance("mine"),
        Err(Error::NoInstance { .. })
    ));
    let made = tracefs.create_instance("mine").unwrap();
    assert_eq!(made.name(), Some("mine"));
    assert_eq!(tracefs.instances().unwrap(), ["mine"]);
    assert!(matches!(
        tracefs.create_instance("mine"),
        Err(Error::InstanceExists { .. })
    ));
    drop(made);
    assert!(!place.exists(), "made and not kept: gone");

    drop(tracefs.create_instance("mine").unwrap().keep());
    assert!(place.exists(), "kept");
    drop(tracefs.open_instance("mine").unwrap());
    assert!(place.exists(), "only opened: not ours to remove");
    tracefs.open_instance("mine").unwrap().remove().unwrap();
    assert!(!place.exists());

    let gone = tracefs.create_instance("mine").unwrap();
    fs::remove_dir(&place).unwrap();
    assert!(matches!(gone.remove(), Err(Error::NoInstance { .. })));
    assert!(matches!(
        tracefs.top().remove(),
        Err(Error::NoInstance { .. })
    ));
    for bad in ["", ".", "..", "a/b", "a b", "a\n"] {
        assert!(
            matches!(tracefs.create_instance(bad), Err(Error::BadName { .. })),
            "{bad:?}"
        );
    }
}

#[test]
fn knobs_are_read_and_written() {
    let (dir, tracefs) = tree();
    let top = tracefs.top();
    assert_eq!(
        top.buffer_size_kb().unwrap(),
        BufferSize::Unexpanded {
            now: 7,
            expanded: 1408
        }
    );
    assert_eq!(top.buffer_total_size_kb().unwrap(), 14);
    assert_eq!(top.cpu_buffer_size_kb(1).unwrap(), BufferSize::Each(1408));
    assert_eq!(top.clocks().unwrap().current, "local");
    assert_eq!(top.options().unwrap(), ["markers", "overwrite"]);
    assert!(top.option("overwrite").unwrap());
    assert_eq!(top.cpus().unwrap(), [0, 1]);
    assert_eq!(top.layout().unwrap().size(), 256);

    top.set_buffer_size_kb(64).unwrap();
    top.set_cpu_buffer_size_kb(1, 32).unwrap();
    top.set_subbuf_size_kb(8).unwrap();
    top.set_buffer_percent(0).unwrap();
    top.set_clock("mono").unwrap();
    top.set_option("overwrite", false).unwrap();
    top.set_recording(false).unwrap();
    top.mark("hello").unwrap();
    top.clear().unwrap();
    for (file, text) in [
        ("buffer_size_kb", "64"),
        ("per_cpu/cpu1/buffer_size_kb", "32"),
        ("buffer_subbuf_size_kb", "8"),
        ("buffer_percent", "0"),
        ("trace_clock", "mono"),
        ("options/overwrite", "0"),
        ("tracing_on", "0"),
        ("trace_marker", "hello"),
        ("trace", ""),
    ] {
        assert_eq!(read(dir.path(), file), text, "{file}");
    }
    assert_eq!(top.subbuf_size_kb().unwrap(), 8);
    assert_eq!(top.buffer_percent().unwrap(), 0);
    assert!(!top.recording().unwrap());

    fs::remove_file(dir.path().join("buffer_percent")).unwrap();
    assert!(matches!(
        top.set_buffer_percent(0),
        Err(Error::Unsupported { .. })
    ));
    assert!(matches!(
        top.set_option("nope", true),
        Err(Error::Unsupported { .. })
    ));
    assert_eq!(top.last_boot_info().unwrap(), None);
    write(&dir.path().join("last_boot_info"), "# Current\n");
    assert_eq!(
        top.last_boot_info().unwrap().as_deref(),
        Some("# Current\n")
    );
    assert!(matches!(top.stats(7), Err(Error::Unsupported { .. })));
}

#[test]
fn a_kernel_with_other_entries_is_found_out() {
    let (dir, tracefs) = tree();
    let other = HEADER_EVENT.replace("type == 29", "type == 28");
    write(&dir.path().join("events/header_event"), other);
    assert!(matches!(
        tracefs.top().layout(),
        Err(Error::HeaderEvent { what: "padding" })
    ));
}

#[test]
fn a_refused_filter_brings_the_kernels_words() {
    let (dir, _) = tree();
    let filter = dir.path().join("events/sys/first/filter");
    write(
        &filter,
        "nope == 1\n     ^\nparse_error: Field not found\n\n",
    );
    let words = stats::filter_complaint(dir.path(), &filter, "nope == 1");
    assert_eq!(words, "Field not found (byte 5)");
    // Where the file says nothing, the log may.
    write(&filter, "nope == 1\n");
    write(
        &dir.path().join("error_log"),
        "[  1.0] event filter parse error: error: Field not found\n  Command: nope == 1\n       ^\n",
    );
    let words = stats::filter_complaint(dir.path(), &filter, "nope == 1");
    assert_eq!(words, "Field not found");
    assert_eq!(stats::filter_complaint(dir.path(), &filter, "x == 1"), "");
}

/// A sub-buffer of 256 bytes: records of one word at these times (27 bits apart), and a lost count.
fn page(times: &[u64], lost: Option<Option<u64>>) -> Vec<u8> {
    let mut data = Vec::new();
    let mut before = times[0];
    for time in times {
        data.extend((1u32 | ((time - before) as u32) << 5).to_le_bytes());
        data.extend((*time as u32).to_le_bytes());
        before = *time;
    }
    let mut commit = data.len() as u64;
    if let Some(count) = lost {
        commit |= 1 << 31;
        if let Some(count) = count {
            commit |= 1 << 30;
            data.extend(count.to_le_bytes());
        }
    }
    let mut page = times[0].to_le_bytes().to_vec();
    page.extend(commit.to_le_bytes());
    page.extend(data);
    page.resize(256, 0);
    page
}

/// `T time`, `L loss`, each with its CPU.
fn drain(stream: &mut Stream) -> Vec<String> {
    let mut out = Vec::new();
    while let Some(event) = stream.next_event() {
        out.push(match event.kind {
            Kind::Record(data) => {
                let word = u32::from_le_bytes(data.try_into().unwrap());
                assert_eq!(
                    u64::from(word),
                    event.timestamp,
                    "bytes and time belong together"
                );
                format!("{} at {}", event.cpu, event.timestamp)
            }
            Kind::Lost(loss) => format!("{} at {} lost {loss:?}", event.cpu, event.timestamp),
        });
    }
    out
}

#[test]
fn all_cpus_come_out_in_time_order_by_read_and_by_splice() {
    for method in [Method::Read, Method::Splice] {
        let (dir, tracefs) = tree();
        let raw = |cpu| dir.path().join(format!("per_cpu/cpu{cpu}/trace_pipe_raw"));
        write(
            &raw(0),
            [page(&[10, 20], None), page(&[30, 40], Some(Some(5)))].concat(),
        );
        write(&raw(1), page(&[15, 35], None));
        let mut stream = Stream::open(&tracefs.top(), method).unwrap();
        assert_eq!(stream.fill().unwrap(), 7);
        let mut seen = drain(&mut stream);
        assert_eq!(stream.fill().unwrap(), 0);
        stream.finish().unwrap();
        seen.extend(drain(&mut stream));
        assert_eq!(
            seen,
            [
                "0 at 10",
                "1 at 15",
                "0 at 20",
                "0 at 30 lost Exact(5)",
                "0 at 30",
                "1 at 35",
                "0 at 40"
            ],
            "{method:?}"
        );
        assert_eq!(stream.late(), 0);
    }
}

/// Adds a third CPU, whose ring has been running over already.
fn cpu_comes(root: &Path, times: &[u64]) {
    let dir = root.join("per_cpu/cpu2");
    write(&dir.join("stats"), stats(3, 0));
    write(&dir.join("trace_pipe_raw"), page(times, None));
}

#[test]
fn a_cpu_that_comes_is_read_from_its_beginning() {
    let (dir, tracefs) = tree();
    let raw = |cpu| dir.path().join(format!("per_cpu/cpu{cpu}/trace_pipe_raw"));
    write(&raw(0), page(&[10], None));
    let mut stream = Stream::open(&tracefs.top(), Method::Read).unwrap();
    assert_eq!(stream.cpus().len(), 2);
    assert_eq!(stream.look_again().unwrap(), 0);
    cpu_comes(dir.path(), &[5, 15]);
    assert_eq!(stream.look_again().unwrap(), 1);
    assert_eq!(stream.look_again().unwrap(), 0, "once only");
    let cpus: Vec<u32> = stream.cpus().iter().map(CpuPages::cpu).collect();
    assert_eq!(cpus, [0, 1, 2]);
    stream.fill().unwrap();
    stream.finish().unwrap();
    assert_eq!(
        drain(&mut stream),
        ["2 at 5", "0 at 10", "2 at 15", "2 at 15 lost Exact(3)"],
        "what it lost before it was opened is a loss of this stream"
    );
}

#[test]
fn a_cpu_that_comes_is_noticed_unasked() {
    let (dir, tracefs) = tree();
    let mut stream = Stream::open(&tracefs.top(), Method::Read).unwrap();
    cpu_comes(dir.path(), &[7]);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    stream.fill().unwrap();
    assert_eq!(stream.cpus().len(), 3);

    // At the latest when all is over.
    let (dir, tracefs) = tree();
    let mut stream = Stream::open(&tracefs.top(), Method::Read).unwrap();
    cpu_comes(dir.path(), &[7]);
    stream.finish().unwrap();
    assert_eq!(drain(&mut stream), ["2 at 7", "2 at 7 lost Exact(3)"]);
}

#[test]
fn a_ring_that_cannot_be_mapped_says_so() {
    // An ordinary file can be mapped, but what is in this one is no ring.
    let (dir, tracefs) = tree();
    write(&dir.path().join("per_cpu/cpu0/trace_pipe_raw"), [0; 256]);
    assert!(matches!(
        tracefs.top().pages(0, Method::Map),
        Err(Error::Ring {
            what: "meta_page_size",
            value: 0
        })
    ));
}

/// The losses that the pages of one CPU give while its counters stand as given at each of them.
fn losses(at_open: u64, steps: &[(Option<Option<u64>>, u64)]) -> Vec<Option<Loss>> {
    let (dir, tracefs) = tree();
    let cpu = dir.path().join("per_cpu/cpu0");
    let pages: Vec<u8> = steps
        .iter()
        .flat_map(|(lost, _)| page(&[1], *lost))
        .collect();
    write(&cpu.join("trace_pipe_raw"), pages);
    write(&cpu.join("stats"), stats(at_open, 0));
    let mut pages = tracefs.top().pages(0, Method::Read).unwrap();
    let mut seen = Vec::new();
    for (_, overrun) in steps {
        write(&cpu.join("stats"), stats(*overrun, 0));
        seen.push(pages.next_page().unwrap().unwrap().lost());
    }
    seen.push(pages.untold().unwrap());
    seen
}

#[test]
fn losses_that_pages_count() {
    let seen = losses(0, &[(Some(Some(5)), 5), (None, 5), (Some(Some(2)), 7)]);
    assert_eq!(
        seen,
        [Some(Loss::Exact(5)), None, Some(Loss::Exact(2)), None]
    );
}

#[test]
fn losses_that_pages_only_flag_are_made_up_from_the_counters() {
    // The second page had no room for its 3; the third's 4 are partly known by then.
    let seen = losses(
        0,
        &[
            (Some(Some(5)), 5),
            (Some(None), 10),
            (Some(Some(4)), 12),
            (None, 12),
            (Some(Some(1)), 13),
        ],
    );
    assert_eq!(
        seen,
        [
            Some(Loss::Exact(5)),
            Some(Loss::Exact(5)),
            Some(Loss::Exact(2)),
            None,
            Some(Loss::Exact(1)),
            None
        ]
    );
}

#[test]
fn losses_of_an_instance_that_was_read_before() {
    // 100 were lost before; the last reader was told of some. The first count tells of how many.
    let seen = losses(100, &[(Some(Some(5)), 100), (Some(None), 103)]);
    assert_eq!(seen, [Some(Loss::Exact(5)), Some(Loss::Exact(3)), None]);
    // Without a count there is no telling, but from then on there is.
    let seen = losses(100, &[(Some(None), 101), (Some(None), 108)]);
    assert_eq!(seen, [Some(Loss::AtLeast(1)), Some(Loss::Exact(7)), None]);
}

#[test]
fn losses_at_the_end_and_refused_records() {
    assert_eq!(losses(0, &[(None, 4)]), [None, Some(Loss::Exact(4))]);

    let (dir, tracefs) = tree();
    let cpu = dir.path().join("per_cpu/cpu1");
    write(&cpu.join("trace_pipe_raw"), page(&[70], None));
    let mut stream = Stream::open(&tracefs.top(), Method::Read).unwrap();
    write(&cpu.join("stats"), stats(0, 6));
    stream.fill().unwrap();
    write(&cpu.join("stats"), stats(2, 7));
    stream.finish().unwrap();
    assert_eq!(
        drain(&mut stream),
        [
            "1 at 70",
            "1 at 70 lost Exact(6)",
            "1 at 70 lost Exact(1)",
            "1 at 70 lost Exact(2)"
        ]
    );
}

#[test]
fn a_broken_page_is_an_error_and_the_stream_goes_on() {
    let (dir, tracefs) = tree();
    let mut broken = page(&[5], None);
    broken[8] = 0xff;
    let good = page(&[9], None);
    write(
        &dir.path().join("per_cpu/cpu0/trace_pipe_raw"),
        [broken, good].concat(),
    );
    let mut stream = Stream::open(&tracefs.top(), Method::Read).unwrap();
    assert!(matches!(stream.fill(), Err(Error::Page { .. })));
    stream.finish().unwrap();
    assert_eq!(drain(&mut stream), ["0 at 9"]);
}
