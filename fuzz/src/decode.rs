//! The program `decode`: numbers on its command line, and objects in its input.

#[path = "../../examples/decode/numbers.rs"]
mod numbers;
#[path = "../../examples/decode/scanner.rs"]
mod scanner;

use std::ops::Range;

use numbers::{narrow, number, register};
use scanner::{Met, Scanner};

/// A number is read as it was meant, in every spelling; nothing else is a number.
pub fn arguments(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let value = register(&text);
    if let Ok(value) = value {
        assert!(text.bytes().any(|byte| byte.is_ascii_hexdigit()));
        for again in [
            format!("{value:x}"),
            format!("{value:#x}"),
            format!("0X{value:016X}"),
            format!(" {:x}_{:08x} ", value >> 32, value as u32),
        ] {
            assert_eq!(register(&again), Ok(value), "{again}");
        }
        assert_eq!(number::<u64>(&value.to_string()), Ok(value));
        assert_eq!(number::<u64>(&format!("{value:#x}")), Ok(value));
    }
    assert_eq!(
        narrow::<u32>(&text).is_ok(),
        value.is_ok_and(|value| value >> 32 == 0)
    );
    if let Ok(value) = number::<u8>(&text) {
        assert_eq!(number::<u64>(&text), Ok(value.into()));
    }
}

/// The objects of a stream are the same however it arrives, lie one behind the other, and are whole.
pub fn objects(data: &[u8]) {
    let whole = ranges(data, data.len().max(1));
    for size in [1, 2, 7] {
        assert_eq!(ranges(data, size), whole, "in pieces of {size}");
    }
    let mut end = 0;
    for object in &whole {
        assert!(object.start >= end && object.len() >= 2);
        end = object.end;
        let object = &data[object.clone()];
        assert!(object.starts_with(b"{") && object.ends_with(b"}"));
        // One object, not two.
        assert_eq!(ranges(object, object.len()).len(), 1);
    }
    // What is JSON is found whole.
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(data)
        && value.is_object()
    {
        let space = |byte: &u8| byte.is_ascii_whitespace();
        let before = data.iter().take_while(|byte| space(byte)).count();
        let behind = data.iter().rev().take_while(|byte| space(byte)).count();
        let expected = before..data.len() - behind;
        assert_eq!((whole.len(), whole.first()), (1, Some(&expected)));
    }
}

/// Where the objects of a stream are, which arrives in pieces of `size` bytes.
fn ranges(bytes: &[u8], size: usize) -> Vec<Range<usize>> {
    let (mut scanner, mut start, mut scanned, mut seen) = (Scanner::default(), 0, 0, 0);
    let mut found = Vec::new();
    loop {
        match scanner.scan(&bytes[scanned..seen]) {
            Met::Object(n) => {
                scanned += n;
                found.push(start..scanned);
                start = scanned;
            }
            Met::Nothing(n) if n > 0 => {
                scanned += n;
                start = scanned;
            }
            // Up to the end of a line, which may not be there yet.
            Met::Other(n) if n > 0 && (scanned + n < seen || seen == bytes.len()) => {
                scanned += n;
                start = scanned;
            }
            met => {
                if seen == bytes.len() {
                    return found;
                }
                if met == Met::More {
                    scanned = seen;
                }
                seen = bytes.len().min(seen + size);
            }
        }
    }
}
