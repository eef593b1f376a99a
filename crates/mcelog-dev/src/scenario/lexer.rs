//! Words and marks of a scenario, with their places.

/// Where a token starts: line and column, from 1. A column is a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

/// A token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// Letters, digits and `_`: a word or a number, as the parser wants it.
    Word(&'a str),
    /// `:`, `<` or `>`.
    Mark(u8),
    /// `{...}`, a symbol's name.
    Symbol,
    /// `!INEXACT!`.
    Inexact,
    /// `{` or `!` without its end on the line.
    Open(u8),
    /// What no scenario has.
    Other(u8),
    End,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) place: Place,
}

#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    rest: &'a [u8],
    place: Place,
    /// Nothing but prefixes so far on this line.
    line_start: bool,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self {
            rest: text,
            place: Place { line: 1, column: 1 },
            line_start: true,
        }
    }

    /// Takes `n` bytes that hold no line's end.
    fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(n).unwrap_or((self.rest, &[]));
        self.rest = rest;
        let n = u32::try_from(taken.len()).unwrap_or(u32::MAX);
        self.place.column = self.place.column.saturating_add(n);
        taken
    }

    /// How long the part is from here to the mark that ends it, on this line.
    fn until(&self, end: u8) -> Option<usize> {
        let found = self
            .rest
            .iter()
            .skip(1)
            .position(|b| *b == end || *b == b'\n')?
            + 2;
        (self.rest.get(found - 1) == Some(&end)).then_some(found)
    }

    /// White space, comments, and what the kernel's log puts before a line.
    fn skip(&mut self) {
        while let [first, ..] = self.rest {
            match first {
                b'\n' => {
                    self.take(1);
                    self.place = Place {
                        line: self.place.line.saturating_add(1),
                        column: 1,
                    };
                    self.line_start = true;
                }
                b' ' | b'\t' | b'\r' => {
                    self.take(1);
                }
                b'#' => {
                    let length = self.rest.iter().position(|b| *b == b'\n');
                    self.take(length.unwrap_or(self.rest.len()));
                }
                b'[' if self.line_start => match self.until(b']') {
                    Some(length) => {
                        self.take(length);
                        if self.rest.first() == Some(&b':') {
                            self.take(1);
                        }
                    }
                    None => return,
                },
                _ if self.line_start && self.rest.starts_with(b"mce:") => {
                    self.take(4);
                }
                _ => return,
            }
        }
    }

    pub(super) fn next(&mut self) -> Token<'a> {
        self.skip();
        self.line_start = false;
        let place = self.place;
        let Some(first) = self.rest.first().copied() else {
            return Token {
                kind: Kind::End,
                place,
            };
        };
        let kind = match first {
            b':' | b'<' | b'>' => {
                self.take(1);
                Kind::Mark(first)
            }
            b'{' | b'!' => match self.until(if first == b'{' { b'}' } else { b'!' }) {
                Some(length) => {
                    self.take(length);
                    if first == b'{' {
                        Kind::Symbol
                    } else {
                        Kind::Inexact
                    }
                }
                None => {
                    self.take(1);
                    Kind::Open(first)
                }
            },
            _ if is_word(first) => {
                let length = self.rest.iter().position(|b| !is_word(*b));
                let word = self.take(length.unwrap_or(self.rest.len()));
                // Only ASCII was taken.
                Kind::Word(str::from_utf8(word).unwrap_or_default())
            }
            other => {
                self.take(1);
                Kind::Other(other)
            }
        };
        Token { kind, place }
    }
}
