//! Places in the journal: an entry's `__CURSOR`, as far as its parts say which of two comes first.

use std::cmp::Ordering;
use std::sync::Arc;

/// The longest cursor of an entry that is believed.
const MAX_LEN: usize = 512;

/// Which entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// As journald writes it.
    pub(super) text: Arc<str>,
    /// The sequence's id.
    sequence: Arc<str>,
    /// The number in the sequence, from 1.
    number: u64,
    /// Microseconds since 1970.
    time: u64,
}

impl Mark {
    /// Of an entry's cursor: `s=…;i=…;…;t=…;…`. `None`: it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'|' && byte != b'+';
        if text.len() > MAX_LEN || !text.bytes().all(plain) {
            return None;
        }
        let part = |key: &str| {
            let mut parts = text.split(';');
            parts.find_map(|part| part.strip_prefix(key))
        };
        let hex = |text: &str| {
            let plain = text.bytes().all(|byte| byte.is_ascii_hexdigit());
            u64::from_str_radix(text, 16).ok().filter(|_| plain)
        };
        Some(Self {
            sequence: part("s=")?.into(),
            number: hex(part("i=")?)?,
            time: part("t=").and_then(hex).unwrap_or(0),
            text: text.into(),
        })
    }

    /// Whether it is the same entry.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.sequence == other.sequence && self.number == other.number
    }
}

impl PartialOrd for Mark {
    /// By number in one sequence. Entries of several sequences go by time, as far as that tells them apart.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self.sequence == other.sequence {
            return Some(self.number.cmp(&other.number));
        }
        match self.time.cmp(&other.time) {
            Ordering::Equal => None,
            order => Some(order),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_comes_first() {
        let mark = |text: &str| Mark::parse(text).unwrap();
        let a = mark("s=aa;i=9;b=1;m=2;t=100;x=3");
        let b = mark("s=aa;i=a;b=1;m=2;t=90;x=4");
        let other = mark("s=bb;i=1;b=1;m=2;t=95;x=5");
        assert!(a < b && b < other && other < a, "numbers, or time");
        assert_eq!(other.partial_cmp(&mark("s=aa;i=1;t=95")), None);
        assert!(a.is(&mark("s=aa;i=9;t=1")) && !a.is(&b) && !a.is(&mark("s=ab;i=9")));
        for bad in [
            "",
            "i=1",
            "s=aa",
            "s=aa;i=x",
            "s=aa;i=+1",
            "s=a a;i=1",
            "s=a|a;i=1",
        ] {
            assert_eq!(Mark::parse(bad), None, "{bad}");
        }
        assert_eq!(Mark::parse(&format!("s={};i=1", "a".repeat(600))), None);
    }
}
