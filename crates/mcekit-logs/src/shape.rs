//! What the last kernel line began with, and whether another line begins the same.
//!
//! Of a prefix only the digits and the marks between them change from line to line: a time, a processor.

/// The longest prefix that is remembered, in bytes.
const MAX: usize = 128;

/// What the kernel's own text begins with; it stays as it is.
const TAG: &[u8] = b"[Hardware Error]: ";

/// A prefix.
#[derive(Debug)]
pub(crate) struct Shape {
    text: [u8; MAX],
    /// The bits of each byte that stay.
    mask: [u8; MAX],
    /// Zero: there is none.
    len: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            text: [0; MAX],
            mask: [0; MAX],
            len: 0,
        }
    }
}

impl Shape {
    /// Remembers the prefix of a line. One that says more than when and where the line was printed is not.
    pub(crate) fn learn(&mut self, prefix: &[u8]) {
        self.len = 0;
        let words: [&[u8]; 3] = [b"syslogd", b"XEN", b"EDAC"];
        let has = |word: &[u8]| memchr::memmem::find(prefix, word).is_some();
        let Some(changes) = prefix.len().checked_sub(TAG.len()) else {
            return;
        };
        let Some(text) = self.text.get_mut(..prefix.len()) else {
            return;
        };
        if !prefix.ends_with(TAG) || words.into_iter().any(has) {
            return;
        }
        text.copy_from_slice(prefix);
        for (at, (mask, byte)) in self.mask.iter_mut().zip(prefix).enumerate() {
            // From blank to question mark one is as good as the other.
            let loose = at < changes && byte & 0xe0 == 0x20;
            *mask = if loose { 0xe0 } else { 0xff };
        }
        self.len = prefix.len();
    }

    /// Whether `text` begins with something as long that ends the same: it is no continuation of the line before.
    #[inline]
    pub(crate) fn goes_on(&self, text: &[u8]) -> bool {
        text.get(..self.len)
            .is_some_and(|prefix| prefix.ends_with(b"]: "))
    }

    /// What follows the prefix in `text`, if it begins with one.
    #[inline]
    pub(crate) fn strip<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        let (line, rest) = text.split_at_checked(self.len)?;
        let (known, mask) = (self.text.get(..self.len)?, self.mask.get(..self.len)?);
        // The last eight bytes overlap those before.
        let last = differs(line.last_chunk()?, known.last_chunk()?, mask.last_chunk()?);
        let words = line.as_chunks::<8>().0.iter();
        let words = words
            .zip(known.as_chunks::<8>().0)
            .zip(mask.as_chunks::<8>().0);
        let differs = words.fold(last, |all, ((line, known), mask)| {
            all | differs(line, known, mask)
        });
        (differs == 0).then_some(rest)
    }
}

#[inline]
fn differs(line: &[u8; 8], known: &[u8; 8], mask: &[u8; 8]) -> u64 {
    (u64::from_le_bytes(*line) ^ u64::from_le_bytes(*known)) & u64::from_le_bytes(*mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_change_and_words_stay() {
        let mut shape = Shape::default();
        assert_eq!(shape.strip(b"[    1.5] mce: [Hardware Error]: CPU"), None);
        shape.learn(b"host kernel: [    1.5] mce: [Hardware Error]: ");
        for (line, rest) in [
            (
                &b"host kernel: [   12.0] mce: [Hardware Error]: CPU"[..],
                Some(&b"CPU"[..]),
            ),
            (b"hosu kernel: [   12.0] mce: [Hardware Error]: CPU", None),
            (b"host kernel: [   12.0] mcf: [Hardware Error]: CPU", None),
            (b"host kernel: [   12.\n] mce: [Hardware Error]: CPU", None),
            (b"host kernel: [   12.0] mce: [Hardware Error]:", None),
        ] {
            assert_eq!(shape.strip(line), rest);
        }
        for no in [
            &b"Message from syslogd [    1.5] mce: [Hardware Error]: "[..],
            b"(XEN) mce: [Hardware Error]: ",
            b"[    1.5] mce: ",
            b"",
        ] {
            shape.learn(no);
            assert_eq!(shape.strip(no), None);
        }
    }
}
