//! The short cut for the kernel's own lines gives what the general way gives.

use mcekit::Record;
use mcekit_logs::{Reader, generate, records};

fn read(text: &str) -> Vec<Record> {
    records(text.as_bytes()).map(|found| found.record).collect()
}

#[test]
fn the_short_cut_and_the_general_way_agree() {
    let text = generate::all_machine_checks(7, 3_000);
    let short = read(&text);
    assert_eq!(short.len(), 3_000);
    // One blank more, and no line is as the short cut wants it.
    let general = text.replace("[Hardware Error]: ", "[Hardware Error]:  ");
    assert_eq!(read(&general), short);
}

/// Records among other lines, one of them sent to terminals too, in a text of many chunks.
#[test]
fn they_agree_among_other_lines_and_wherever_a_chunk_ends() {
    let text = generate::all_machine_checks(8, 400);
    let lines: Vec<&str> = text.lines().collect();
    let mut mixed = String::new();
    for (index, three) in lines.chunks(3).enumerate() {
        for line in three {
            mixed.push_str(line);
            mixed.push_str(if index % 50 == 7 { "\r\n" } else { "\n" });
            if index % 31 == 5 {
                mixed.push_str("[   12.000000] usb 1-1: new device\n");
            }
        }
        if index % 23 == 11 {
            mixed.push_str("Message from syslogd@host at Nov 22 18:00:00 ...\n");
            mixed.push_str(&three.join("\n"));
            mixed.push('\n');
        }
        if index % 60 == 40 {
            mixed.push_str("\n\n");
        }
    }
    let whole: Vec<_> = records(mixed.as_bytes()).collect();
    assert_eq!(whole.len(), 400);
    assert!(whole.iter().any(|found| found.pair.is_some()));
    assert!(whole.iter().all(|found| {
        let end = found.span.end as usize;
        mixed
            .as_bytes()
            .get(end)
            .is_some_and(u8::is_ascii_whitespace)
    }));
    for size in [1, 37, 311, 1000, 5000] {
        let mut found = Vec::new();
        let mut reader = Reader::new();
        for piece in mixed.as_bytes().chunks(size) {
            reader.push(piece, &mut |f| found.push(f));
        }
        reader.finish(&mut |f| found.push(f));
        assert!(found == whole, "in pieces of {size}");
    }
    let general = mixed.replace("[Hardware Error]: ", "[Hardware Error]:  ");
    let general: Vec<_> = records(general.as_bytes()).collect();
    for (short, general) in whole.iter().zip(&general) {
        assert_eq!(short.record, general.record);
        assert_eq!(short.line, general.line);
        assert_eq!(
            short.pair.as_ref().map(|pair| pair.line),
            general.pair.as_ref().map(|pair| pair.line)
        );
    }
    assert_eq!(whole.len(), general.len());
}

/// What syslogd sends to terminals stands in the log again. Among records that are read at once too, the copy is none
/// of its own, as long as the words that announce it are near.
#[test]
fn a_broadcast_among_records_is_no_record_again() {
    let text = generate::all_machine_checks(9, 12);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for filler in 0..6 {
        let mut log = lines[..24].concat();
        log.push_str("Message from syslogd@host at Nov 22 18:00:00 ...\n");
        log.push_str(&"kernel: nothing to see\n".repeat(filler));
        log.push_str(&lines[21..].concat());
        let found: Vec<_> = records(log.as_bytes()).collect();
        let general = log.replace("[Hardware Error]: ", "[Hardware Error]:  ");
        let general: Vec<_> = records(general.as_bytes()).collect();
        let lines = |found: &[mcekit_logs::Found]| -> Vec<_> {
            let pair = |found: &mcekit_logs::Found| found.pair.as_ref().map(|pair| pair.line);
            found
                .iter()
                .map(|found| (found.line, pair(found)))
                .collect()
        };
        assert_eq!(lines(&found), lines(&general), "{filler} lines between");
        let copies = usize::from(filler >= 3);
        assert_eq!(found.len(), 12 + copies, "{filler} lines between");
    }
}
