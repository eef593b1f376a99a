//! Format files of real kernels: every field's place, and the line of a made-up record.
//!
//! `fixtures/formats/KERNEL/SYSTEM/EVENT/` holds `format`, as the kernel wrote it, and `golden`, what is
//! to come of it. `UPDATE=1` writes the latter.

mod support;

use std::fmt::Write as _;
use std::fs;

use tracefs::print::{PrintFmt, Symbols};
use tracefs::{Abi, Format};

fn golden(format: &Format) -> String {
    let mut out = String::new();
    for field in format.event_fields() {
        writeln!(
            out,
            "{:4} {:3} {} {:?} {:?} {}",
            field.offset(),
            field.size(),
            if field.is_signed() {
                "signed  "
            } else {
                "unsigned"
            },
            field.kind(),
            field.type_name(),
            field.name(),
        )
        .unwrap();
    }
    let print = PrintFmt::compile(format, &Symbols::new()).unwrap();
    for unresolved in print.unresolved() {
        let reason = unresolved.reason.text();
        writeln!(out, "unresolved: {}: {reason}", unresolved.source).unwrap();
    }
    for seed in 1..=2 {
        let data = support::record(format, seed);
        let mut text = String::new();
        let rendered = print.render(&data, &mut text).unwrap();
        writeln!(out, "{text:?} {}", rendered.fallbacks).unwrap();
    }
    out
}

#[test]
fn formats_are_read_as_their_golden_files_say() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut count = 0;
    let mut wrong = Vec::new();
    for path in support::files(&support::fixtures()) {
        let name = path.file_name().unwrap();
        if name == "golden" {
            assert!(
                path.with_file_name("format").exists(),
                "{}: of what?",
                path.display()
            );
            continue;
        }
        assert_eq!(
            name,
            "format",
            "{} is neither format nor golden",
            path.display()
        );
        count += 1;
        let format = Format::parse_for(&fs::read(&path).unwrap(), Abi::LE64).unwrap();
        let ours = golden(&format);
        let beside = path.with_file_name("golden");
        if update {
            fs::write(&beside, ours).unwrap();
        } else if fs::read_to_string(&beside).unwrap_or_default() != ours {
            wrong.push(path);
        }
    }
    assert!(count >= 70, "only {count} fixtures");
    assert!(
        wrong.is_empty(),
        "{wrong:#?} differ; UPDATE=1 writes what they come to now"
    );
}

/// RAS, MCE, CXL and block errors: nothing of them is left as a number that the kernel names.
#[test]
fn events_of_errors_are_rendered_whole() {
    let mut seen = Vec::new();
    for path in support::files(&support::fixtures()) {
        let path = path.to_str().unwrap();
        let wanted = ["/ras/", "/mce/", "/cxl/", "/block_rq_error/"];
        if !path.ends_with("/format") || !wanted.iter().any(|part| path.contains(part)) {
            continue;
        }
        let format = Format::parse_for(&fs::read(path).unwrap(), Abi::LE64).unwrap();
        let print = PrintFmt::compile(&format, &Symbols::new()).unwrap();
        let unresolved: Vec<_> = print.unresolved().collect();
        assert!(unresolved.is_empty(), "{path}: {unresolved:?}");
        let mut text = String::new();
        for seed in 0..50 {
            let rendered = print
                .render(&support::record(&format, seed), &mut text)
                .unwrap();
            assert!(rendered.is_exact(), "{path}: {text}");
        }
        seen.push(format.name().to_owned());
    }
    for name in [
        "mce_record",
        "mc_event",
        "aer_event",
        "extlog_mem_event",
        "memory_failure_event",
        "arm_event",
        "non_standard_event",
        "cxl_general_media",
        "cxl_dram",
        "cxl_poison",
        "block_rq_error",
    ] {
        assert!(seen.iter().any(|seen| seen == name), "{name} is no fixture");
    }
}

#[test]
fn written_again_a_format_is_the_same() {
    for path in support::files(&support::fixtures()) {
        if path.ends_with("format") {
            let format = Format::parse(&fs::read(&path).unwrap()).unwrap();
            let again = Format::parse(format.to_string().as_bytes()).unwrap();
            assert_eq!(format, again, "{}", path.display());
        }
    }
}

/// What is read at one look because the kernel always writes it that way comes to the same when it
/// is written otherwise.
#[test]
fn white_space_does_not_show() {
    let without = |text: &str| text.split_whitespace().collect::<String>();
    let mut compared = 0;
    for path in support::files(&support::fixtures()) {
        if !path.ends_with("format") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let (fields, print) = text.split_once("print fmt:").unwrap();
        let wide = print.replace(", REC", ",  REC").replace(')', " )");
        let wide = format!("{fields}print fmt:{wide}");
        let seen = |text: &str| {
            let format = Format::parse_for(text.as_bytes(), Abi::LE64).unwrap();
            let print = PrintFmt::compile(&format, &Symbols::new()).unwrap();
            let mut line = String::new();
            for seed in 0..5 {
                let data = support::record(&format, seed);
                let rendered = print.render(&data, &mut line).unwrap();
                write!(line, "{rendered:?}").unwrap();
            }
            let reasons: Vec<_> = print.unresolved().map(|of| of.reason).collect();
            (without(&line), reasons)
        };
        assert_eq!(seen(&text), seen(&wide), "{}", path.display());
        compared += usize::from(text != wide);
    }
    assert!(compared >= 70, "only {compared} differ");
}

/// The same record of a machine of the other byte order comes to the same line.
#[test]
fn byte_order_does_not_show() {
    let mut compared = 0;
    for path in support::files(&support::fixtures()) {
        if !path.ends_with("format") {
            continue;
        }
        let text = fs::read(&path).unwrap();
        let little = Format::parse_for(&text, Abi::LE64).unwrap();
        let big = Format::parse_for(&text, Abi::BE64).unwrap();
        // Bytes that are looked at one by one, and numbers whose order is fixed, do differ.
        let skipped = [
            "__get_sockaddr",
            "__print_hex",
            "bswap",
            "%p",
            "print_ip_addr",
            "cper_",
        ];
        let print = little.print_text().unwrap_or("");
        if skipped.iter().any(|part| print.contains(part)) {
            continue;
        }
        let lines = [&little, &big].map(|format| {
            let print = PrintFmt::compile(format, &Symbols::new()).unwrap();
            print.display(&support::record(format, 3)).to_string()
        });
        assert_eq!(lines[0], lines[1], "{}", path.display());
        compared += 1;
    }
    assert!(compared > 40, "only {compared}");
}

/// Of a whole kernel's events, all but one in a hundred are rendered whole.
///
/// `MCEKIT_FORMATS` names a directory with any number of `format` files below it, such as a copy of
/// `/sys/kernel/tracing/events` of a kernel with all modules loaded. What is left is listed in
/// `docs/unrendered.md`.
#[test]
fn of_a_whole_kernel_99_percent_are_rendered() {
    let Some(root) = std::env::var_os("MCEKIT_FORMATS") else {
        println!("skipped: MCEKIT_FORMATS names no directory");
        return;
    };
    let symbols = Symbols::new();
    let (mut count, mut left) = (0usize, Vec::new());
    for path in support::files(root.as_ref()) {
        if !path.ends_with("format") {
            continue;
        }
        count += 1;
        let format = Format::parse_for(&fs::read(&path).unwrap(), Abi::LE64).unwrap();
        let print = PrintFmt::compile(&format, &symbols).unwrap();
        if let Some(first) = print.unresolved().next() {
            let event = path.parent().unwrap().strip_prefix(&root).unwrap();
            left.push(format!("{}: {}", event.display(), first.reason.text()));
        }
    }
    println!(
        "{} of {count} are not rendered whole:\n{}",
        left.len(),
        left.join("\n")
    );
    assert!(count > 1000, "only {count} format files");
    assert!(left.len() * 100 <= count);
}
