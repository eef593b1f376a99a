//! The same formats and records through libtraceevent: field values and lines are equal, or the
//! difference is listed here with who is right.
#![cfg(feature = "libtraceevent")]

#[path = "../../crates/tracefs/tests/support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use mcekit_peers::libtraceevent::Event;
use tracefs::format::Kind;
use tracefs::page::{Layout, SubBuffer};
use tracefs::print::{PrintFmt, Symbols};
use tracefs::{Abi, Format};

/// Events whose line differs, and why; in each of them tracefs prints what the kernel's source says.
const DIFFERENT: &[(&str, &str)] = &[
    ("aer_event", ARRAY),
    ("applespi_irq_received", NOT_PARSED),
    ("ata_qc_complete_done", NOT_PARSED),
    ("bct_set", NOT_PARSED),
    ("block_rq_error", ENUMERATOR),
    ("block_rq_issue", ENUMERATOR),
    ("catpt_ipc_payload", NOT_PARSED),
    ("cxl_dram", NOT_PARSED),
    ("cxl_general_media", NOT_PARSED),
    ("cxl_generic_event", NOT_PARSED),
    ("cxl_memory_module", NOT_PARSED),
    ("cxl_overflow", EXTENDED),
    ("dma_map_sg", NOT_PARSED),
    ("dwc3_prepare_trb", NOT_PARSED),
    ("extlog_mem_event", NOT_PARSED),
    ("hfi1_txq_poll", NOT_PARSED),
    ("hrtimer_start", POINTER),
    ("intel_plane_update_arm", NOT_PARSED),
    ("ipi_send_cpumask", CPUMASK),
    ("irdma_find_node", NOT_PARSED),
    ("jbd2_run_stats", NOT_PARSED),
    ("kmalloc", POINTER),
    ("kvm_inj_exception", NOT_PARSED),
    ("kvm_mmu_unsync_page", NOT_PARSED),
    ("ma_op", NOT_PARSED),
    ("mc_event", NOT_PARSED),
    ("mce_record", NOT_PARSED),
    ("memory_failure_event", EXTENDED),
    ("mt_rx", NOT_PARSED),
    ("nfsd_copy_async", INVALID_ADDRESS),
    ("rdev_set_pmk", SUFFIX),
    ("ssam_packet_submit", VARIABLE),
    ("tcp_probe", POINTER),
    ("tps6598x_power_status", NOT_PARSED),
    ("usb_ep_enable", VARIABLE),
    ("workqueue_execute_start", POINTER),
    ("xen_mmu_set_pte", NOT_PARSED),
    ("xhci_ring_alloc", NOT_PARSED),
];

/// The whole line is given up for one argument; here only that argument is, if at all.
const NOT_PARSED: &str = "libtraceevent does not parse the print fmt";
/// `pointer_string()` in lib/vsprintf.c: sixteen digits without a prefix.
const POINTER: &str = "libtraceevent puts 0x in front of %p";
/// `__print_symbolic` takes an unsigned long: an int is carried to it with its sign.
const EXTENDED: &str = "libtraceevent does not carry the sign of an int to unsigned long";
const ENUMERATOR: &str = "libtraceevent takes an unknown enumerator for a number";
/// `trace_print_array_seq()` in kernel/trace/trace_output.c: `{0x1,0x2}`.
const ARRAY: &str = "libtraceevent prints __print_array in decimal, without braces";
/// `__get_cpumask` is `%*pb`, as `__get_bitmask` is: the running kernel prints it so.
const CPUMASK: &str = "libtraceevent prints a list of CPUs where the kernel prints hexadecimal";
/// `ip_addr_string()` in lib/vsprintf.c.
const INVALID_ADDRESS: &str = "libtraceevent prints nothing where the kernel prints (einval)";
/// The kernel skips every letter and digit after %p; `"%pMpmk_len"` is an event's own mistake.
const SUFFIX: &str = "libtraceevent prints letters after %pM, and an array in decimal";
/// `ret` and `flags` there are variables of the function that prints the event.
const VARIABLE: &str = "libtraceevent takes a variable of the kernel for zero";

fn formats() -> Vec<(String, Vec<u8>, Format)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/tracefs/fixtures/formats");
    support::files(&root)
        .into_iter()
        .filter(|path| path.ends_with("format"))
        .map(|path| {
            let text = fs::read(&path).unwrap();
            let format = Format::parse_for(&text, Abi::LE64).unwrap();
            let name = path.parent().unwrap().strip_prefix(&root).unwrap();
            (name.to_str().unwrap().to_owned(), text, format)
        })
        .collect()
}

#[test]
fn numbers_are_equal() {
    let mut compared = 0;
    for (name, text, format) in formats() {
        let Some(event) = Event::parse(&text, format.id()) else {
            continue;
        };
        for seed in 0..8 {
            let record = support::record(&format, seed);
            for field in format.fields() {
                if !matches!(field.kind(), Kind::Number | Kind::Pointer) {
                    continue;
                }
                let peer = event
                    .field(field.name())
                    .and_then(|peer| event.number(peer, &record));
                let ours = field.accessor().u64(&record).unwrap();
                // Of two fields with one name libtraceevent finds the last one.
                if format
                    .fields()
                    .filter(|other| other.name() == field.name())
                    .count()
                    > 1
                {
                    continue;
                }
                // libtraceevent leaves the sign of what is shorter than 64 bits to its caller.
                let shift = 64 - 8 * field.size();
                let peer = peer.map(|peer| peer << shift);
                assert_eq!(Some(ours << shift), peer, "{name}: {field}");
                compared += 1;
            }
        }
    }
    assert!(compared > 5000, "only {compared}");
}

#[test]
fn lines_are_equal_or_explained() {
    let mut different = BTreeMap::new();
    let mut equal = BTreeSet::new();
    for (name, text, format) in formats() {
        let event_name = format.name().to_owned();
        let Some(mut event) = Event::parse(&text, format.id()) else {
            panic!("{name}: libtraceevent refuses the whole format");
        };
        let print = PrintFmt::compile(&format, &Symbols::new()).unwrap();
        for seed in 0..8 {
            let record = support::record(&format, seed);
            let ours = print.display(&record).to_string();
            let peer = String::from_utf8_lossy(event.text(&record)).into_owned();
            if ours == peer {
                equal.insert(event_name.clone());
            } else {
                different.insert(
                    event_name.clone(),
                    format!("{name}\n  {ours:?}\n  {peer:?}"),
                );
            }
        }
    }
    for (event, why) in DIFFERENT {
        assert!(!why.is_empty());
        assert!(
            different.contains_key(*event),
            "{event} is equal now: take it off the list"
        );
    }
    let unexplained: Vec<_> = different
        .iter()
        .filter(|(event, _)| DIFFERENT.iter().all(|(listed, _)| listed != event))
        .map(|(_, text)| text)
        .collect();
    for text in &unexplained {
        println!("{text}");
    }
    assert!(
        unexplained.is_empty(),
        "{} events differ and are not listed",
        unexplained.len()
    );
    assert!(equal.len() > 20, "only {equal:?}");
}

/// Records out of the rings of real kernels.
#[test]
fn recorded_pages_give_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/tracefs");
    let pages = root.join("tests/fixtures/pages");
    let layout = Layout::new(Abi::LE64, 4096).unwrap();
    let (mut numbers, mut lines) = (0, BTreeSet::new());
    for path in support::files(&pages) {
        let dir = path.parent().unwrap().file_name().unwrap();
        let Some(kernel) = support::kernel(dir.to_str().unwrap()) else {
            continue;
        };
        if path.extension().is_none_or(|extension| extension != "page") {
            continue;
        }
        let mut events: BTreeMap<u32, (Format, Event)> = formats()
            .into_iter()
            .filter(|(name, ..)| name.split('/').next() == Some(kernel))
            .map(|(_, text, format)| {
                let event = Event::parse(&text, format.id()).unwrap();
                (format.id(), (format, event))
            })
            .collect();
        let bytes = fs::read(&path).unwrap();
        let sub = SubBuffer::parse(&bytes, &layout).unwrap();
        for record in sub.records() {
            let record = record.unwrap();
            let id = u32::from(record.event_id(sub.endian()).unwrap());
            let (format, event) = events.get_mut(&id).unwrap();
            for field in format.fields() {
                if !matches!(field.kind(), Kind::Number | Kind::Pointer) {
                    continue;
                }
                let ours = field.accessor().u64(record.data).unwrap();
                let peer = event.field(field.name()).unwrap();
                let peer = event.number(peer, record.data).unwrap();
                let shift = 64 - 8 * field.size();
                assert_eq!(ours << shift, peer << shift, "{}: {field}", path.display());
                numbers += 1;
            }
            let print = PrintFmt::compile(format, &Symbols::new()).unwrap();
            let ours = print.display(record.data).to_string();
            let peer = String::from_utf8_lossy(event.text(record.data)).into_owned();
            if ours == peer {
                lines.insert(format.name().to_owned());
            } else {
                let listed = DIFFERENT.iter().any(|(name, _)| *name == format.name());
                assert!(listed, "{}\n  {ours:?}\n  {peer:?}", path.display());
            }
        }
    }
    assert!(numbers > 100, "only {numbers}");
    println!("{numbers} numbers; equal lines of {lines:?}");
    assert!(!lines.is_empty(), "no line is equal");
}
