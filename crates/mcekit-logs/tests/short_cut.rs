//! The short cut for the kernel's own lines gives what the general way gives.

use mcekit::Record;
use mcekit_logs::{generate, records};

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
