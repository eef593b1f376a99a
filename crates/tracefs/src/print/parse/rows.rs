//! Rows of `__print_flags` and `__print_symbolic`, read from the bytes: `{ value, "text" }` with a
//! value that is made of numbers, enumerators, casts and brackets, which is nearly every row there
//! is. The others go the long way; what both read comes to the same.

use super::operand::{named_constant, number_constant};
use super::{Ex, Parser, What, fold};
use crate::Abi;
use crate::format::scalar;
use crate::print::lex;
use crate::print::symbols::Symbols;
use crate::print::tree::{Binary, MAX_DEPTH, Row, Str, Ty, Unary};
use crate::scan;

impl Parser<'_> {
    /// At a comma: the row after it, the parser standing behind it; or `None`, nothing consumed.
    pub(super) fn plain_row(&mut self, ty: Ty) -> Option<Row> {
        if !self.locals.is_empty() {
            // A name may be one of them.
            return None;
        }
        let mut reader = Reader {
            text: self.format.text(),
            at: self.lexer.after(),
            abi: self.tree.abi,
            symbols: &self.tree.symbols,
            open: 0,
        };
        reader.take(b'{')?;
        let value = reader.value()?;
        reader.take(b',')?;
        reader.take(b'"')?;
        let start = reader.at;
        let rest = reader.text.as_bytes().get(start..)?;
        let len = scan::either(rest, b'"', b'\\')?;
        reader.at += len;
        reader.take(b'"')?;
        reader.take(b'}')?;
        matches!(reader.peek(), b',' | b')').then_some(())?;
        let end = reader.at;
        let What::Const(value) = value.what() else {
            return None;
        };
        self.lexer.go_on(end);
        Some(Row {
            value: ty.convert(value),
            text: Str::text(start, len),
            unknown: false,
        })
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    abi: Abi,
    symbols: &'t Symbols,
    open: u16,
}

impl<'t> Reader<'t> {
    #[inline]
    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    /// The next byte that is no white space.
    #[inline]
    fn peek(&mut self) -> u8 {
        loop {
            let byte = self.byte(self.at);
            if byte > b' ' || !byte.is_ascii_whitespace() {
                return byte;
            }
            self.at += 1;
        }
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek() == byte).then(|| self.at += 1)
    }

    /// A row's value.
    #[inline]
    fn value(&mut self) -> Option<Ex> {
        // Most are one number.
        if self.peek().is_ascii_digit() {
            let (number, end) = lex::number(self.text.as_bytes(), self.at);
            if self.byte(end) == b',' {
                self.at = end;
                return Some(number_constant(number, self.abi.word.bytes() as u32));
            }
        }
        self.expression(0)
    }

    /// Operators that bind at least that strongly. What follows is the caller's to judge.
    fn expression(&mut self, least: u8) -> Option<Ex> {
        let left = self.operand()?;
        self.operators(left, least)
    }

    /// The same, the first operand read already.
    fn operators(&mut self, mut left: Ex, least: u8) -> Option<Ex> {
        loop {
            let (op, strength, len) = match (self.peek(), self.byte(self.at + 1)) {
                (b')' | b',', _) => return Some(left),
                (b'<', b'<') => (Binary::Shl, 8, 2),
                (b'>', b'>') => (Binary::Shr, 8, 2),
                (b'|', next) if next != b'|' => (Binary::Or, 3, 1),
                (b'&', next) if next != b'&' => (Binary::And, 5, 1),
                (b'^', _) => (Binary::Xor, 4, 1),
                (b'+', _) => (Binary::Add, 9, 1),
                (b'-', _) => (Binary::Sub, 9, 1),
                (b'*', _) => (Binary::Mul, 10, 1),
                _ => return Some(left),
            };
            if strength < least {
                return Some(left);
            }
            self.at += len;
            let right = self.expression(strength + 1)?;
            left = match fold::alike(op, left, right) {
                Some(ex) => ex,
                None => fold::constants(op, left, right, self.abi)?,
            };
        }
    }

    /// A number or enumerator, in brackets or not, with what may stand before it.
    fn operand(&mut self) -> Option<Ex> {
        let mut open = 0;
        while self.peek() == b'(' {
            self.at += 1;
            open += 1;
        }
        self.open += open + 1;
        if self.open >= MAX_DEPTH {
            return None;
        }
        let within = open;
        let mut left = match self.byte(self.at) {
            b'0'..=b'9' => {
                let word = self.abi.word.bytes() as u32;
                let bytes = self.text.as_bytes();
                if open >= lex::BIT_BRACKETS
                    && self.open + lex::BIT_BRACKETS < MAX_DEPTH
                    && let Some((bit, end)) = lex::bit(bytes, self.at)
                    && bit < word * 8
                {
                    open -= lex::BIT_BRACKETS;
                    self.at = end;
                    Ex::constant(1 << bit, Ty::int(word, false))
                } else {
                    let (number, end) = lex::number(bytes, self.at);
                    self.at = end;
                    number_constant(number, word)
                }
            }
            b'~' => {
                self.at += 1;
                let operand = self.operand()?;
                fold::constant(Unary::Invert, operand, self.abi)?
            }
            b'-' => {
                self.at += 1;
                let operand = self.operand()?;
                fold::constant(Unary::Minus, operand, self.abi)?
            }
            byte if lex::is_word(byte) => match (open > 0).then(|| self.cast_type()).flatten() {
                Some(ty) => {
                    open -= 1;
                    let operand = self.operand()?;
                    fold::converted(operand, ty)?
                }
                None => {
                    let name = self.word();
                    named_constant(name, self.symbols)?
                }
            },
            _ => return None,
        };
        while open > 0 {
            if self.peek() != b')' {
                left = self.operators(left, 0)?;
            }
            self.take(b')')?;
            open -= 1;
        }
        self.open -= within + 1;
        Some(left)
    }

    fn word(&mut self) -> &'t str {
        let start = self.at;
        self.at += scan::ident(self.text.as_bytes().get(start..).unwrap_or_default());
        self.text.get(start..self.at).unwrap_or("")
    }

    /// A type's name and the bracket behind it; or `None`, nothing consumed.
    fn cast_type(&mut self) -> Option<Ty> {
        let start = self.at;
        let mut name = self.word();
        while lex::is_word(self.peek()) {
            self.word();
            name = self.text.get(start..self.at).unwrap_or("");
        }
        // `bool` is more than an integer of one byte.
        let ty = (self.byte(self.at) == b')')
            .then(|| scalar(name, self.abi.word))
            .flatten()
            .filter(|_| !matches!(name, "bool" | "_Bool"));
        match ty {
            Some((size, signed)) => {
                self.at += 1;
                Some(Ty::int(u32::from(size), signed))
            }
            None => {
                self.at = start;
                None
            }
        }
    }
}
