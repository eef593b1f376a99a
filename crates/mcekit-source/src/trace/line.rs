//! A line of a `trace` file.

/// One event in the kernel's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// Nanoseconds of the instance's clock; the kernel prints whole microseconds of most clocks.
    pub(super) stamp: u64,
    /// The event's name.
    pub(super) name: &'t str,
    /// What its print fmt gives.
    pub(super) text: &'t str,
}

/// The events of a `trace` or `trace_pipe` file. Comments are passed over; lines that do not begin an event belong to
/// the one before.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let mut found: Vec<Line<'_>> = Vec::new();
    let mut at = 0;
    for whole in text.split_inclusive('\n') {
        let start = at;
        at += whole.len();
        let line = whole.trim_end_matches('\n');
        // `CPU:0 [LOST 12 EVENTS]` says what the counters say.
        if line.starts_with('#') || line.starts_with("CPU:") {
            continue;
        }
        if let Some(event) = parse(line) {
            found.push(event);
        } else if let Some(last) = found.last_mut() {
            // All of `text` from where the last event's text begins, up to here.
            let begin = (last.text.as_ptr() as usize).checked_sub(text.as_ptr() as usize);
            if let Some(longer) = begin.and_then(|begin| text.get(begin..start + line.len())) {
                last.text = longer.trim_end();
            }
        }
    }
    found
}

/// `TASK-PID [CPU] FLAGS STAMP: NAME: TEXT`.
fn parse(line: &str) -> Option<Line<'_>> {
    // A task's name can hold anything, so every bracket is tried.
    line.match_indices('[').find_map(|(at, _)| {
        let (cpu, rest) = line.get(at + 1..)?.split_once(']')?;
        if cpu.len() < 3 || !cpu.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        // The flags may be missing (option irq-info off).
        let mut rest = rest.trim_start();
        let stamp = loop {
            let (word, after) = rest.split_once(' ')?;
            rest = after;
            if let Some(stamp) = word.strip_suffix(':') {
                break parse_stamp(stamp)?;
            }
            rest = rest.trim_start();
        };
        let (name, text) = match rest.split_once(": ") {
            Some(parts) => parts,
            // An empty text, at its place: a line that follows may make it longer.
            None => (rest.strip_suffix(':')?, rest.split_at(rest.len()).1),
        };
        let name = name.trim();
        (!name.is_empty() && !name.contains(' ')).then_some(Line {
            stamp,
            name,
            text: text.trim_end(),
        })
    })
}

/// `12391.472628`: seconds of a clock of nanoseconds; `123456`: a counter.
pub(super) fn parse_stamp(text: &str) -> Option<u64> {
    match text.split_once('.') {
        None => text.parse().ok(),
        Some((seconds, fraction)) if fraction.len() <= 9 && !fraction.is_empty() => {
            let nanoseconds = fraction.parse::<u64>().ok()? * 10u64.pow(9 - fraction.len() as u32);
            seconds
                .parse::<u64>()
                .ok()?
                .checked_mul(1_000_000_000)?
                .checked_add(nanoseconds)
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_of_the_kernel() {
        let text = "\
# tracer: nop
#
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
##### CPU 1 buffer started ####
CPU:1 [LOST 12 EVENTS]
          <idle>-0       [001] d.h1.    12.527850: mce_record: CPU: 1, MCGc/s: 0
 a [1] b: c: d-6567      [000] 12391.5: mark: x
   two
           <...>-12      [128] ...1. 77: aer_event:
";
        let found = lines(text);
        assert_eq!(
            found,
            [
                Line {
                    stamp: 12_527_850_000,
                    name: "mce_record",
                    text: "CPU: 1, MCGc/s: 0"
                },
                Line {
                    stamp: 12_391_500_000_000,
                    name: "mark",
                    text: "x\n   two"
                },
                Line {
                    stamp: 77,
                    name: "aer_event",
                    text: ""
                },
            ]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([ -~]{0,8}|\\[[0-9]{1,4}\\] |[0-9]{1,3}\\.[0-9]{1,6}: |[a-z]{1,4}:|\\n){0,40}") {
            for line in lines(&text) {
                prop_assert!(!line.name.is_empty());
                prop_assert!(text.contains(line.name) && text.contains(line.text));
            }
        }
    }

    #[test]
    fn an_empty_text_grows() {
        let found = lines("a-1 [000] 1.5: x:\n two\n");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].text.trim(), "two");
    }

    #[test]
    fn stamps() {
        assert_eq!(parse_stamp("1.000001"), Some(1_000_001_000));
        assert_eq!(parse_stamp("1."), None);
        assert_eq!(parse_stamp("x"), None);
        assert_eq!(parse_stamp("99999999999999999999.1"), None);
    }
}
