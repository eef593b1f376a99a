//! Filter text into its tree.

use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

use super::{Filter, MAX_DEPTH, MAX_STRING, MAX_TEXT, OPS, Op, Operand, Take, Test, tidy};
use crate::{Error, Result};

impl FromStr for Filter {
    type Err = Error;

    /// Parses an expression as the `filter` file takes it: `&&` binds closer than `||`.
    ///
    /// # Errors
    ///
    /// [`Error::FilterSyntax`] with the byte; [`Error::FilterLimit`] beyond [`MAX_TEXT`], [`MAX_DEPTH`] or
    /// [`MAX_STRING`].
    fn from_str(text: &str) -> Result<Self> {
        if text.len() > MAX_TEXT {
            return Err(Error::FilterLimit {
                what: "length",
                max: MAX_TEXT,
            });
        }
        let mut parser = Parser { text, at: 0 };
        let filter = parser.any(0)?;
        match parser.peek() {
            None => Ok(filter),
            Some(')') => Err(parser.expected("an end, for `)` closes nothing")),
            Some(_) => Err(parser.expected("&&, || or an end")),
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    fn expected(&self, expected: &'static str) -> Error {
        Error::FilterSyntax {
            at: self.at,
            expected,
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character that is no blank; the blanks are passed.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        let trimmed = rest.trim_ascii_start();
        self.at += rest.len() - trimmed.len();
        trimmed.chars().next()
    }

    /// Passes that text, if it comes next.
    fn eat(&mut self, text: &str) -> bool {
        let found = self.peek().is_some() && self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Passes and gives what comes next, as long as it fulfils the condition.
    fn take(&mut self, condition: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !condition(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn any(&mut self, depth: usize) -> Result<Filter> {
        let mut list = Vec::from([self.all(depth)?]);
        while self.eat("||") {
            list.push(self.all(depth)?);
        }
        Ok(one_or(list, Filter::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Filter> {
        let mut list = Vec::from([self.term(depth)?]);
        while self.eat("&&") {
            list.push(self.term(depth)?);
        }
        Ok(one_or(list, Filter::All))
    }

    fn term(&mut self, depth: usize) -> Result<Filter> {
        if depth > MAX_DEPTH {
            return Err(Error::FilterLimit {
                what: "depth",
                max: MAX_DEPTH,
            });
        }
        if self.eat("!") {
            return Ok(!self.term(depth + 1)?);
        }
        if self.eat("(") {
            let inner = self.any(depth + 1)?;
            if !self.eat(")") {
                return Err(self.expected("&&, || or )"));
            }
            return Ok(inner);
        }
        self.test().map(Filter::Test)
    }

    fn test(&mut self) -> Result<Test> {
        self.peek();
        let field = self.take(is_name);
        if field.is_empty() {
            return Err(self.expected("the name of a field"));
        }
        let take = if self.rest().starts_with('.') {
            if self.eat(".ustring") {
                Take::UserString
            } else if self.eat(".function") {
                Take::Function
            } else {
                return Err(self.expected(".ustring or .function"));
            }
        } else {
            Take::Plain
        };
        self.peek();
        let (sign, op) = OPS
            .into_iter()
            .find(|(sign, _)| self.rest().starts_with(sign))
            .ok_or_else(|| self.expected("one of == != < <= > >= & ~"))?;
        if op == Op::Bits && self.rest().starts_with("&&") {
            return Err(self.expected("one of == != < <= > >= & ~"));
        }
        self.at += sign.len();
        let value = match self.peek() {
            Some(quote @ ('"' | '\'')) => self.string(quote)?,
            Some('-' | '0'..='9') => Operand::Number(self.number()?),
            Some('C') if self.eat("CPUS") => self.cpus()?,
            Some(c) if take == Take::Function && is_function(c) => {
                Operand::Function(String::from(self.take(is_function)))
            }
            _ => return Err(self.expected("a number, a string in quotes or CPUS{…}")),
        };
        Ok(Test {
            field: field.into(),
            take,
            op,
            value,
        })
    }

    fn string(&mut self, quote: char) -> Result<Operand> {
        let begin = self.at;
        self.at += 1;
        let text = self.take(|c| c != quote);
        if self.rest().is_empty() {
            self.at = begin;
            return Err(self.expected("a closing quote"));
        }
        self.at += 1;
        if text.len() > MAX_STRING {
            return Err(Error::FilterLimit {
                what: "length of a string",
                max: MAX_STRING,
            });
        }
        Ok(Operand::Text(text.into()))
    }

    /// A number as C writes it, decimal, octal or hexadecimal.
    fn number(&mut self) -> Result<i128> {
        let begin = self.at;
        let negative = self.rest().starts_with('-');
        self.at += usize::from(negative);
        let digits = self.take(|c| c.is_ascii_alphanumeric());
        let magnitude = match (digits.strip_prefix("0x"), digits.strip_prefix('0')) {
            (Some(hex), _) => plain(hex, 16),
            (None, Some(octal)) if !octal.is_empty() => plain(octal, 8),
            _ => plain(digits, 10),
        };
        let value = magnitude.map(|m| {
            if negative {
                -i128::from(m)
            } else {
                i128::from(m)
            }
        });
        value
            .filter(|value| *value >= i128::from(i64::MIN))
            .ok_or_else(|| {
                self.at = begin;
                self.expected("a number of 64 bits")
            })
    }

    fn cpus(&mut self) -> Result<Operand> {
        if !self.rest().starts_with('{') {
            return Err(self.expected("{"));
        }
        self.at += 1;
        let mut list = Vec::new();
        loop {
            let first = self.cpu()?;
            let last = if self.eat("-") { self.cpu()? } else { first };
            if last < first {
                return Err(self.expected("a range that ascends"));
            }
            list.push((first, last));
            if self.eat("}") {
                break;
            }
            if !self.eat(",") {
                return Err(self.expected(", or }"));
            }
        }
        tidy(&mut list);
        Ok(Operand::Cpus(list))
    }

    fn cpu(&mut self) -> Result<u32> {
        self.peek();
        let begin = self.at;
        let digits = self.take(|c| c.is_ascii_digit());
        plain(digits, 10)
            .and_then(|value| u32::try_from(value).ok())
            .ok_or_else(|| {
                self.at = begin;
                self.expected("the number of a CPU")
            })
    }
}

/// Digits only: the standard parser would take a sign too.
fn plain(digits: &str, radix: u32) -> Option<u64> {
    digits
        .chars()
        .all(|c| c.is_digit(radix))
        .then(|| u64::from_str_radix(digits, radix).ok())?
}

/// A character of a field's name.
pub(super) fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// A character of a kernel function's name; compilers add `.` and what follows it.
pub(super) fn is_function(c: char) -> bool {
    is_name(c) || c == '.'
}

fn one_or(mut list: Vec<Filter>, many: impl FnOnce(Vec<Filter>) -> Filter) -> Filter {
    match (list.len(), list.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            list.extend(last);
            many(list)
        }
    }
}
