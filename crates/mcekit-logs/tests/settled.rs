//! Up to where a reader needs its input no more: what begins behind that is found again by another reader from there on.

use mcekit_logs::generate::{Random, record};
use mcekit_logs::write::Kernel;
use mcekit_logs::{Found, HOLD_LINES, Reader};

/// Errors whose lines interleave two by two, and long stretches of other lines.
fn log() -> String {
    let mut random = Random::new(7);
    let mut text = String::new();
    for round in 0..14 {
        let prefix = "[    3.1] mce: [Hardware Error]: ";
        let mut one = || {
            Kernel {
                record: &record(&mut random),
                prefix,
            }
            .to_string()
        };
        let (a, b) = (one(), one());
        for (a, b) in a.lines().zip(b.lines()) {
            text.extend([a, "\n", b, "\n"]);
        }
        for _ in 0..(round % 3) * HOLD_LINES / 2 {
            text.push_str("[    3.2] eth0: link is up\n");
        }
    }
    text
}

fn read(text: &str) -> Vec<Found> {
    mcekit_logs::records(text.as_bytes()).collect()
}

#[test]
fn reading_goes_on_from_what_is_settled() {
    let log = log();
    let all = read(&log);
    assert!(all.len() >= 28, "{}", all.len());
    let mut reader = Reader::new();
    let mut given: Vec<Found> = Vec::new();
    let (mut before, mut pushed, mut held, mut free) = (0, 0, 0, 0);
    for line in log.split_inclusive('\n') {
        reader.push(line.as_bytes(), &mut |found| given.push(found));
        pushed += line.len() as u64;
        let settled = reader.settled();
        assert!(
            before <= settled && settled <= pushed,
            "{before} {settled} {pushed}"
        );
        before = settled;
        let at = usize::try_from(settled).expect("a place in the text");
        assert!(
            at == 0 || log.as_bytes()[at - 1] == b'\n',
            "within a line: {at}"
        );
        // What was given begins before it, and what was not begins behind it.
        let (first, rest) = all.split_at(given.len());
        assert!(first.iter().all(|found| found.span.start < settled));
        assert!(rest.iter().all(|found| found.span.start >= settled));
        held += u64::from(rest.first().is_some_and(|next| next.span.start == settled));
        // Where nothing that was given reaches beyond, a new reader finds the rest.
        if first.iter().all(|found| found.span.end <= settled) {
            let again = read(&log[at..]);
            let records = |found: &[Found]| found.iter().map(|f| f.record).collect::<Vec<_>>();
            assert_eq!(records(&again), records(rest), "from {at}");
            free += 1;
        }
    }
    assert!(held > 0 && free > 0, "{held} {free}");
}
