//! Records out of real kernels' rings, rendered; beside each page is the text that the kernel itself
//! gave for them (`tests/fixtures/pages/*/trace.txt`).

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use tracefs::page::{Layout, SubBuffer};
use tracefs::print::{PrintFmt, Symbols};
use tracefs::{Abi, Format};

/// The lines of `trace` without what stands before the event's name. A text may hold line feeds; the one
/// at its end the kernel does not double.
fn kernels_text(trace: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in trace.lines().filter(|line| !line.starts_with('#')) {
        let event = line
            .split_once(" [")
            .and_then(|(_, rest)| rest.split_once("] "))
            .and_then(|(_, rest)| rest.split_once(": "));
        match (event, lines.last_mut()) {
            (Some((_, event)), _) => lines.push(event.to_owned()),
            (None, Some(last)) => {
                last.push('\n');
                last.push_str(line);
            }
            (None, None) => panic!("{line:?}"),
        }
    }
    lines
}

#[test]
fn recorded_events_read_as_the_kernel_wrote_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pages");
    let layout = Layout::new(Abi::LE64, 4096).unwrap();
    let mut compared = HashMap::<String, usize>::new();
    for trace in support::files(&root) {
        if !trace.ends_with("trace.txt") {
            continue;
        }
        let dir = trace.parent().unwrap();
        let kernel = support::kernel(dir.file_name().unwrap().to_str().unwrap()).unwrap();
        let prints: HashMap<u32, (String, PrintFmt)> =
            support::files(&support::fixtures().join(kernel))
                .iter()
                .filter(|path| path.ends_with("format"))
                .map(|path| {
                    let format = Format::parse_for(&fs::read(path).unwrap(), Abi::LE64).unwrap();
                    let print = PrintFmt::compile(&format, &Symbols::new()).unwrap();
                    (format.id(), (format.name().to_owned(), print))
                })
                .collect();
        let mut ours = Vec::new();
        for page in support::files(dir) {
            if page.extension().is_none_or(|extension| extension != "page") {
                continue;
            }
            let bytes = fs::read(&page).unwrap();
            let sub = SubBuffer::parse(&bytes, &layout).unwrap();
            for record in sub.records() {
                let record = record.unwrap();
                let id = record.event_id(sub.endian()).unwrap();
                let (name, print) = &prints[&u32::from(id)];
                let mut line = format!("{name}: ");
                let rendered = print.render(record.data, &mut line).unwrap();
                assert!(rendered.is_exact(), "{line}");
                *compared.entry(name.clone()).or_default() += 1;
                ours.push((record.timestamp, line));
            }
        }
        ours.sort_by_key(|(time, _)| *time);
        let ours: Vec<_> = ours
            .into_iter()
            .map(|(_, line)| {
                line.strip_suffix('\n')
                    .map_or(line.clone(), |l| format!("{l}\n"))
            })
            .collect();
        let text = kernels_text(&fs::read_to_string(&trace).unwrap());
        assert_eq!(ours, text, "{}", dir.display());
    }
    for name in [
        "mce_record",
        "mc_event",
        "aer_event",
        "memory_failure_event",
        "arm_event",
        "non_standard_event",
    ] {
        assert!(compared.contains_key(name), "no {name} among {compared:?}");
    }
}
