//! JSON objects in a stream: one a line, a list, or one behind the other.

/// Finds where an object ends, however the bytes arrive.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

/// What the scanner met.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// Nothing but space, commas and list brackets, this many bytes; then an object begins, or the bytes end.
    Nothing(usize),
    /// A whole object, this many bytes.
    Object(usize),
    /// An object that goes on beyond the bytes.
    More,
    /// Something else, up to the end of its line: this many bytes.
    Other(usize),
}

impl Scanner {
    /// Looks at bytes that begin where the last answer ended; after [`Met::More`], at new bytes only.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Met {
        if self.depth == 0 {
            let between = |b: &u8| b.is_ascii_whitespace() || matches!(b, b',' | b'[' | b']');
            match bytes.iter().position(|b| !between(b)) {
                Some(0) => {}
                Some(n) => return Met::Nothing(n),
                None => return Met::Nothing(bytes.len()),
            }
            if bytes.first() != Some(&b'{') {
                let line = bytes
                    .iter()
                    .position(|&b| b == b'\n')
                    .unwrap_or(bytes.len());
                return Met::Other(line);
            }
        }
        for (i, &byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' => self.depth += 1,
                b'}' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Met::Object(i + 1);
                    }
                }
                _ => {}
            }
        }
        Met::More
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every object of a text that arrives in pieces of `size` bytes.
    fn objects(text: &str, size: usize) -> Vec<String> {
        let bytes = text.as_bytes();
        let (mut scanner, mut at, mut scanned, mut seen) = (Scanner::default(), 0, 0, 0);
        let mut found = Vec::new();
        loop {
            match scanner.scan(&bytes[scanned..seen]) {
                Met::Object(n) => {
                    found.push(text[at..scanned + n].to_owned());
                    scanned += n;
                    at = scanned;
                }
                Met::Nothing(n) | Met::Other(n) if n > 0 => {
                    scanned += n;
                    at = scanned;
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

    #[test]
    fn objects_in_every_arrangement() {
        let expected = [r#"{"a":"}{\"","b":{"c":[{}]}}"#, r#"{"d":1}"#];
        let [a, d] = expected;
        for text in [
            format!("{a}\n{d}\n"),
            format!("{a}{d}"),
            format!("\n[ {a} ,\r\n{d}\n]"),
            format!("[{a},{d}]"),
        ] {
            for size in [1, 2, 7, 1000] {
                assert_eq!(objects(&text, size), expected, "{text} by {size}");
            }
        }
        assert_eq!(objects("no json\n{}\n", 100), ["{}"]);
    }
}
