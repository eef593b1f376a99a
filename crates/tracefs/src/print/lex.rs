//! Tokens of a print fmt: the C that the kernel's macros leave behind.

use crate::scan;

/// How often the text may be read on average.
const MAX_READINGS: usize = 32;

const SPACE: u8 = 1;
const IDENT: u8 = 2;

/// What each byte can be part of.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_whitespace() {
            classes[byte] = SPACE;
        } else if b.is_ascii_alphanumeric() || b == b'_' {
            classes[byte] = IDENT;
        }
        byte += 1;
    }
    classes
};

/// How many bytes of a class there are in front.
#[inline]
fn run(bytes: &[u8], class: u8) -> usize {
    bytes
        .iter()
        .take_while(|&&byte| CLASSES[usize::from(byte)] == class)
        .count()
}

/// One token. Names and strings are places in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A name or keyword.
    Name(&'t str),
    /// `REC->name`: most operands.
    Field(&'t str),
    /// A number.
    Number(Number),
    /// A string literal: where its content starts and ends, and whether it holds escapes.
    Str {
        start: usize,
        end: usize,
        escaped: bool,
    },
    /// A character constant.
    Char(u8),
    /// An operator or bracket.
    Op(Op),
    /// The text's end.
    End,
}

/// Operators and brackets; of several characters the longest that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Open,
    Close,
    OpenSquare,
    CloseSquare,
    OpenBrace,
    CloseBrace,
    Comma,
    Semicolon,
    Colon,
    Question,
    Dot,
    Arrow,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Shl,
    Shr,
    Less,
    LessEq,
    Greater,
    GreaterEq,
    Equal,
    NotEqual,
    And,
    AndAnd,
    Or,
    OrOr,
    Xor,
    Not,
    Tilde,
    Assign,
    Other,
}

/// What kind of token is in hand: one byte, which is all that most questions look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Op(Op),
    Name,
    Field,
    Number,
    Str,
    Char,
    End,
}

/// Operators that are one character and begin no longer one.
const SINGLE: [Option<Op>; 256] = {
    let mut single = [None; 256];
    let ops = [
        (b'(', Op::Open),
        (b')', Op::Close),
        (b'[', Op::OpenSquare),
        (b']', Op::CloseSquare),
        (b'{', Op::OpenBrace),
        (b'}', Op::CloseBrace),
        (b',', Op::Comma),
        (b';', Op::Semicolon),
        (b':', Op::Colon),
        (b'?', Op::Question),
        (b'.', Op::Dot),
        (b'+', Op::Plus),
        (b'*', Op::Star),
        (b'/', Op::Slash),
        (b'%', Op::Percent),
        (b'^', Op::Xor),
        (b'~', Op::Tilde),
    ];
    let mut at = 0;
    while at < ops.len() {
        single[ops[at].0 as usize] = Some(ops[at].1);
        at += 1;
    }
    single
};

/// Reads tokens, one ahead.
pub(super) struct Lexer<'t> {
    text: &'t str,
    bytes: &'t [u8],
    /// Where the token in hand starts.
    pub(super) at: usize,
    /// Where the next one is looked for.
    next: usize,
    /// Bytes that were read again.
    again: usize,
    /// Where the token before the one in hand ended.
    pub(super) last_end: usize,
    /// What the token in hand is.
    pub(super) kind: Kind,
    /// Of a name or field.
    name: &'t str,
    number: Number,
    character: u8,
    /// Of a string: where it ends, and whether it holds escapes.
    end: usize,
    escaped: bool,
}

/// A literal number, and what its writing says of its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) value: u64,
    pub(super) unsigned: bool,
    pub(super) long: bool,
    pub(super) decimal: bool,
}

impl<'t> Lexer<'t> {
    /// A lexer over `text` from `at` on.
    pub(super) fn new(text: &'t str, at: usize) -> Self {
        let mut lexer = Self {
            text,
            bytes: text.as_bytes(),
            at,
            next: at,
            again: 0,
            last_end: at,
            kind: Kind::End,
            name: "",
            number: Number::default(),
            character: 0,
            end: at,
            escaped: false,
        };
        lexer.advance();
        lexer
    }

    /// Goes back, or on, to a place where a token starts. A text that makes the parser try again
    /// and again ends where it stands.
    pub(super) fn seek(&mut self, at: usize) {
        self.again += self.next.saturating_sub(at);
        self.next = if self.again > self.bytes.len().saturating_mul(MAX_READINGS) {
            self.bytes.len()
        } else {
            at
        };
        self.advance();
    }

    /// Where the token in hand ends.
    pub(super) fn after(&self) -> usize {
        self.next
    }

    /// Goes on at a place behind the token in hand.
    pub(super) fn go_on(&mut self, at: usize) {
        self.next = at.max(self.next);
        self.advance();
    }

    /// At a number: what [`bit`] finds there.
    #[inline]
    pub(super) fn bit(&self) -> Option<(u32, usize)> {
        bit(self.bytes, self.at)
    }

    /// Whether a name or number may follow the bracket in hand. Most stand before others.
    #[inline]
    pub(super) fn word_follows(&self) -> bool {
        CLASSES[usize::from(self.byte(self.next))] != 0
    }

    /// The name that stands alone in the bracket in hand, and where the bracket ends.
    #[inline]
    pub(super) fn name_in_bracket(&self) -> Option<(&'t str, usize)> {
        let at = self.next + usize::from(self.byte(self.next) == b' ');
        if self.byte(at).is_ascii_digit() {
            return None;
        }
        let end = at + scan::ident(self.bytes.get(at..)?);
        (end > at && self.byte(end) == b')').then(|| Some((self.text.get(at..end)?, end + 1)))?
    }

    /// Whether what follows the bracket in hand may be a type: a name, and behind it what can
    /// stand behind a type's first word.
    pub(super) fn type_follows(&self) -> bool {
        let at = self.next + self.run(self.next, SPACE);
        let len = self.run(at, IDENT);
        let end = at + len;
        if len == 0 || self.byte(at).is_ascii_digit() {
            return false;
        }
        match self.byte(end + self.run(end, SPACE)) {
            b')' | b'*' => true,
            b'(' => self
                .bytes
                .get(at..end)
                .is_some_and(|name| name.starts_with(b"typeof") || name.starts_with(b"__typeof")),
            next => CLASSES[usize::from(next)] == IDENT,
        }
    }

    /// How many bytes of a class there are from `at` on.
    #[inline]
    fn run(&self, at: usize, class: u8) -> usize {
        run(self.bytes.get(at..).unwrap_or_default(), class)
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The token in hand.
    #[inline(always)]
    pub(super) fn token(&self) -> Token<'t> {
        match self.kind {
            Kind::Op(op) => Token::Op(op),
            Kind::Name => Token::Name(self.name),
            Kind::Field => Token::Field(self.name),
            Kind::Number => Token::Number(self.number),
            Kind::Str => Token::Str {
                start: self.at + 1,
                end: self.end,
                escaped: self.escaped,
            },
            Kind::Char => Token::Char(self.character),
            Kind::End => Token::End,
        }
    }

    /// Reads the next token.
    pub(super) fn advance(&mut self) {
        self.last_end = self.next;
        let mut at = self.next;
        let mut first = self.byte(at);
        while CLASSES[usize::from(first)] == SPACE {
            at += 1;
            first = self.byte(at);
        }
        self.at = at;
        // Brackets and commas are most of all tokens.
        if let Some(op) = SINGLE[usize::from(first)] {
            self.kind = Kind::Op(op);
            self.next = at + 1;
        } else {
            self.longer(at, first);
        }
    }

    /// Reads a token that is more than one character, or may be.
    #[inline(never)]
    fn longer(&mut self, at: usize, first: u8) {
        (self.kind, self.next) = match first {
            b'0'..=b'9' => {
                let (number, end) = number(self.bytes, at);
                self.number = number;
                (Kind::Number, end)
            }
            b'"' => self.string(at),
            _ if CLASSES[usize::from(first)] == IDENT => self.word(at),
            b'-' | b'<' | b'>' | b'=' | b'!' | b'&' | b'|' => {
                let (op, len) = Self::longest(first, self.byte(at + 1));
                (Kind::Op(op), at + len)
            }
            b'\'' => self.character(at),
            _ if at >= self.bytes.len() => (Kind::End, at),
            _ => {
                // A whole character of the text, so that every token starts at one.
                let len = self.text.get(at..).and_then(|rest| rest.chars().next());
                (Kind::Op(Op::Other), at + len.map_or(1, char::len_utf8))
            }
        };
    }

    /// A name, or a field with the `REC->` before it.
    fn word(&mut self, at: usize) -> (Kind, usize) {
        let end = at + scan::ident(self.bytes.get(at..).unwrap_or_default());
        if let Some([b'R', b'E', b'C', b'-', b'>', first, ..]) = self.bytes.get(at..)
            && CLASSES[usize::from(*first)] == IDENT
        {
            let start = end + 2;
            let end = start + scan::ident(self.bytes.get(start..).unwrap_or_default());
            self.name = self.text.get(start..end).unwrap_or("");
            return (Kind::Field, end);
        }
        self.name = self.text.get(at..end).unwrap_or("");
        (Kind::Name, end)
    }

    /// Operators that may have a second character.
    fn longest(first: u8, second: u8) -> (Op, usize) {
        match (first, second) {
            (b'-', b'>') => (Op::Arrow, 2),
            (b'<', b'<') => (Op::Shl, 2),
            (b'>', b'>') => (Op::Shr, 2),
            (b'<', b'=') => (Op::LessEq, 2),
            (b'>', b'=') => (Op::GreaterEq, 2),
            (b'=', b'=') => (Op::Equal, 2),
            (b'!', b'=') => (Op::NotEqual, 2),
            (b'&', b'&') => (Op::AndAnd, 2),
            (b'|', b'|') => (Op::OrOr, 2),
            (b'-', _) => (Op::Minus, 1),
            (b'<', _) => (Op::Less, 1),
            (b'>', _) => (Op::Greater, 1),
            (b'=', _) => (Op::Assign, 1),
            (b'!', _) => (Op::Not, 1),
            (b'&', _) => (Op::And, 1),
            _ => (Op::Or, 1),
        }
    }

    fn string(&mut self, start: usize) -> (Kind, usize) {
        let mut at = start + 1;
        let mut escaped = false;
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let Some(stop) = scan::either(rest, b'"', b'\\') else {
                return (Kind::Op(Op::Other), self.bytes.len());
            };
            at += stop;
            if rest.get(stop) == Some(&b'"') {
                break;
            }
            escaped = true;
            at += 2;
        }
        self.end = at;
        self.escaped = escaped;
        (Kind::Str, at + 1)
    }

    fn character(&mut self, start: usize) -> (Kind, usize) {
        let (value, end) = if self.byte(start + 1) == b'\\' {
            unescape(self.bytes, start + 2)
        } else {
            (self.byte(start + 1), start + 2)
        };
        if self.byte(end) == b'\'' {
            self.character = value;
            (Kind::Char, end + 1)
        } else {
            // Whatever it is, the next token starts at a character.
            let len = self
                .text
                .get(start + 1..)
                .and_then(|rest| rest.chars().next());
            (
                Kind::Op(Op::Other),
                start + 1 + len.map_or(0, char::len_utf8),
            )
        }
    }
}

/// Whether a byte can be part of a name or number.
#[inline]
pub(super) fn is_word(byte: u8) -> bool {
    CLASSES[usize::from(byte)] == IDENT
}

/// The number at a digit, and where it ends.
#[inline]
pub(super) fn number(bytes: &[u8], start: usize) -> (Number, usize) {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let mut at = start;
    let (radix, decimal) = match (byte(at), byte(at + 1)) {
        (b'0', b'x' | b'X') => {
            at += 2;
            (16, false)
        }
        (b'0', b'b' | b'B') => {
            at += 2;
            (2, false)
        }
        (b'0', _) => (8, false),
        _ => (10, true),
    };
    let mut value = 0u64;
    loop {
        let digit = match byte(at) {
            digit @ b'0'..=b'9' => digit - b'0',
            digit @ b'a'..=b'f' if radix == 16 => digit - b'a' + 10,
            digit @ b'A'..=b'F' if radix == 16 => digit - b'A' + 10,
            _ => break,
        };
        value = value.wrapping_mul(radix).wrapping_add(u64::from(digit));
        at += 1;
    }
    let (mut unsigned, mut long) = (false, false);
    loop {
        match byte(at) {
            b'u' | b'U' => unsigned = true,
            b'l' | b'L' => long = true,
            _ => break,
        }
        at += 1;
    }
    let number = Number {
        value,
        unsigned,
        long,
        decimal,
    };
    (number, at)
}

/// What `BIT(n)` comes to behind its four brackets, `1UL))) << (n))`: the `n`, and where it ends.
/// Tables of flags are made of it.
#[inline]
pub(super) fn bit(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    const FIRST: &[u8; 8] = b"1UL))) <";
    let (first, rest) = bytes.get(at..)?.split_first_chunk()?;
    if first != FIRST {
        return None;
    }
    let at = at + FIRST.len();
    let digit = |byte: u8| u32::from(byte - b'0');
    match rest {
        [b'<', b' ', b'(', a @ b'0'..=b'9', b')', b')', ..] => Some((digit(*a), at + 6)),
        [
            b'<',
            b' ',
            b'(',
            a @ b'1'..=b'9',
            b @ b'0'..=b'9',
            b')',
            b')',
            ..,
        ] => Some((digit(*a) * 10 + digit(*b), at + 7)),
        _ => None,
    }
}

/// Brackets in front of what [`bit`] reads.
pub(super) const BIT_BRACKETS: u16 = 4;

/// The byte that an escape stands for, and where it ends; `at` is after the backslash.
pub(super) fn unescape(bytes: &[u8], at: usize) -> (u8, usize) {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    match byte(at) {
        b'n' => (b'\n', at + 1),
        b't' => (b'\t', at + 1),
        b'r' => (b'\r', at + 1),
        b'a' => (7, at + 1),
        b'b' => (8, at + 1),
        b'f' => (12, at + 1),
        b'v' => (11, at + 1),
        b'e' => (27, at + 1),
        b'x' => {
            let mut value = 0u8;
            let mut end = at + 1;
            while let Some(digit) = char::from(byte(end)).to_digit(16) {
                value = value.wrapping_shl(4) | digit as u8;
                end += 1;
            }
            (value, end)
        }
        b'0'..=b'7' => {
            let mut value = 0u8;
            let mut end = at;
            while end < at + 3
                && let Some(digit) = char::from(byte(end)).to_digit(8)
            {
                value = value.wrapping_shl(3) | digit as u8;
                end += 1;
            }
            (value, end)
        }
        other => (other, (at + 1).min(bytes.len())),
    }
}
