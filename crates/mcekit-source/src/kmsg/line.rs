//! One record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg, kernel/printk/printk.c): priority, number, microseconds and
//! flags before a semicolon, the text behind it, and lines of properties after that.

use std::borrow::Cow;

/// A record taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) sequence: u64,
    /// The kernel's own, and of no device.
    pub(super) trusted: bool,
    /// It goes on with the line before.
    pub(super) fragment: bool,
    pub(super) text: Cow<'a, [u8]>,
}

/// Takes a record apart. `None`: it is none.
pub(super) fn parse(record: &[u8]) -> Option<Line<'_>> {
    let head_end = record.iter().position(|&byte| byte == b';')?;
    let (head, rest) = record.split_at(head_end);
    let rest = rest.get(1..)?;
    let head = std::str::from_utf8(head).ok()?;
    let mut fields = head.split(',');
    let priority: u64 = fields.next()?.parse().ok()?;
    let sequence: u64 = fields.next()?.parse().ok()?;
    let _microseconds: u64 = fields.next()?.parse().ok()?;
    let flags = fields.next().unwrap_or_default();
    let text_end = rest
        .iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(rest.len());
    let (text, properties) = rest.split_at(text_end);
    let facility = priority >> 3;
    let device = properties
        .split(|&byte| byte == b'\n')
        .any(|line| line.starts_with(b" DEVICE=") || line.starts_with(b" SUBSYSTEM="));
    Some(Line {
        sequence,
        trusted: facility == 0 && !device,
        // `+` is what kernels before 4.10 wrote for all but the first fragment.
        fragment: flags.contains(['c', '+']),
        text: unescape(text),
    })
}

/// Undoes `\xHH`, as which the device writes backslashes and everything that is not printable ASCII.
fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = match rest {
            [b'\\', b'x', high, low, ..] => nibble(*high).zip(nibble(*low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            out.push(high << 4 | low);
            rest = rest.get(4..).unwrap_or_default();
        } else {
            out.push(first);
            rest = tail;
        }
    }
    Cow::Owned(out)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

/// The headline of the firmware's list of what ended the previous boot (`drivers/acpi/apei/bert.c`).
pub(crate) fn announces_bert(text: &[u8]) -> bool {
    text.starts_with(b"BERT: Error records from previous boot")
}

/// A line of such a list.
pub(crate) fn of_hardware(text: &[u8]) -> bool {
    text.starts_with(b"[Hardware Error]:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_taken_apart() {
        let line = parse(b"3,1234,5678901,-,caller=T10;mce: a \\x5c tab\\x09 \\x9 end\n").unwrap();
        assert_eq!(line.sequence, 1234);
        assert!(line.trusted && !line.fragment);
        assert_eq!(&*line.text, b"mce: a \\ tab\t \\x9 end");
        assert!(parse(b"6,1,2,c;more\n").unwrap().fragment);
    }

    #[test]
    fn only_the_kernels_own_words() {
        assert!(!parse(b"11,1,2,-;as a user\n").unwrap().trusted);
        assert!(!parse(b"30,1,2,-;as a daemon\n").unwrap().trusted);
        let of_a_device = b"6,1,2,-;usb 1-1: Product: x\n SUBSYSTEM=usb\n DEVICE=c189:1\n";
        assert!(!parse(of_a_device).unwrap().trusted);
        assert!(parse(b"6,1,2,-; DEVICE=in the text\n").unwrap().trusted);
        assert!(parse(b"6,1,2,-;text\n OTHER=thing\n").unwrap().trusted);
        assert!(!parse(b"6,1,2,-;text\n DEVICE=+pci:0\n").unwrap().trusted);
    }

    #[test]
    fn what_is_no_record() {
        for bad in [
            &b""[..],
            b"6,1,2,-",
            b"x,1,2,-;a",
            b"6,-1,2,-;a",
            b"6;a",
            b"6,1;a",
            b"\xff,1,2,-;a",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
