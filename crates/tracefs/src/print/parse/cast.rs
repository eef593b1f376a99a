//! Type names: in casts, `sizeof`, `typeof` and declarations.

use super::{Ex, Parsed, Parser, What};
use crate::format::scalar;
use crate::names::Names;
use crate::print::lex::{Op, Token};
use crate::print::structs;
use crate::print::tree::{Base, Reason, Ty};

impl<'f> Parser<'f> {
    /// As [`Parser::cast_type`], of an integer type that is one word: most of them.
    #[inline]
    pub(super) fn plain_cast(&mut self) -> Option<Ty> {
        let (name, end) = self.lexer.name_in_bracket()?;
        let (size, signed) = scalar(name, self.tree.abi.word)?;
        self.lexer.go_on(end);
        Some(match name {
            "bool" | "_Bool" => Ty::BOOL,
            _ => Ty::int(u32::from(size), signed),
        })
    }

    /// At an open bracket: the type of a cast, the parser standing behind it; or `None`, nothing
    /// consumed.
    pub(super) fn cast_type(&mut self) -> Option<Ty> {
        if !self.lexer.type_follows() {
            return None;
        }
        let at = self.lexer.at;
        self.lexer.advance();
        let ty = match self.lexer.token() {
            Token::Name(_) => self.type_name(true),
            _ => None,
        };
        let found = ty.filter(|_| self.take(Op::Close)).filter(|ty| {
            // `(name)` alone may be a value in brackets; a cast has an operand behind it.
            ty.base() != Base::Unknown
                || ty.is_pointer()
                || matches!(
                    self.lexer.token(),
                    Token::Name(_)
                        | Token::Number(_)
                        | Token::Char(_)
                        | Token::Op(Op::Open | Op::Tilde | Op::Not)
                )
        });
        if found.is_none() {
            self.lexer.seek(at);
        }
        found
    }

    /// A type's name, with its stars. `None`, with tokens consumed, if it is none. A single name
    /// that is no known type counts only where a cast was looked for.
    pub(super) fn type_name(&mut self, unknown: bool) -> Option<Ty> {
        let mut words = Words::default();
        let mut base = None;
        let mut seen = false;
        while let Token::Name(name) = self.lexer.token() {
            match WORDS.get(name) {
                Some(Word::Qualifier) => self.lexer.advance(),
                Some(Word::Struct) => {
                    self.lexer.advance();
                    if self.is(Op::OpenBrace) {
                        return None;
                    }
                    let name = self.name().ok()?;
                    base = Some(
                        structs::find(name)
                            .map_or(Ty::UNKNOWN, |id| Ty::structure(id, structs::size(id))),
                    );
                    seen = true;
                }
                Some(Word::Enum) => {
                    self.lexer.advance();
                    self.name().ok()?;
                    base = Some(Ty::int(4, false));
                    seen = true;
                }
                Some(Word::TypeOf) => {
                    self.lexer.advance();
                    base = Some(self.type_of().ok()?);
                    seen = true;
                }
                Some(Word::Auto) => return None,
                Some(Word::Void) => {
                    self.lexer.advance();
                    base = Some(Ty::VOID);
                    seen = true;
                }
                Some(word) => {
                    words.take(word);
                    self.lexer.advance();
                    seen = true;
                }
                None if seen => break,
                None => {
                    let known = scalar(name, self.tree.abi.word);
                    if known.is_none()
                        && (!unknown
                            || self.is_local_name(name)
                            || self.tree.symbols.constant_value(name).is_some())
                    {
                        return None;
                    }
                    self.lexer.advance();
                    base = Some(match known {
                        Some((1, _)) if matches!(name, "bool" | "_Bool") => Ty::BOOL,
                        Some((size, signed)) => Ty::int(u32::from(size), signed),
                        None => Ty::UNKNOWN,
                    });
                    seen = true;
                }
            }
        }
        if !seen {
            return None;
        }
        let mut ty = base.unwrap_or_else(|| words.ty(self.long()));
        loop {
            if self.take(Op::Star) {
                ty = ty.pointer_to();
            } else if let Token::Name("const" | "volatile" | "__user" | "__force") =
                self.lexer.token()
            {
                self.lexer.advance();
            } else {
                return Some(ty);
            }
        }
    }

    /// After `typeof`: `(expression)` or `(type)`.
    pub(super) fn type_of(&mut self) -> Parsed<Ty> {
        self.need(Op::Open)?;
        let at = self.lexer.at;
        if let Token::Name(_) = self.lexer.token()
            && let Some(ty) = self.type_name(false)
            && self.take(Op::Close)
        {
            return Ok(ty);
        }
        self.lexer.seek(at);
        let nodes = self.tree.nodes.len();
        let ex = self.nested(Self::ternary)?;
        self.tree.nodes.truncate(nodes);
        self.need(Op::Close)?;
        Ok(ex.ty())
    }

    /// After `sizeof`.
    pub(super) fn size_of(&mut self) -> Parsed {
        let long = Ty::int(self.long(), false);
        if !self.is(Op::Open) {
            return Err(Reason::Syntax);
        }
        let at = self.lexer.at;
        self.lexer.advance();
        if matches!(self.lexer.token(), Token::Name("struct" | "union")) {
            let name_at = self.lexer.at;
            self.lexer.advance();
            if self.is(Op::OpenBrace) {
                // The kernel's way to assert while compiling: a struct of one bit-field of width
                // 0, whose size is 0.
                self.skip_braces();
                self.need(Op::Close)?;
                return Ok(Self::constant(0, long));
            }
            self.lexer.seek(name_at);
        }
        self.lexer.seek(at);
        let ty = self.type_of()?;
        match ty.bytes(self.tree.abi) {
            0 => Ok(self.unknown(Reason::Name)),
            size => Ok(Self::constant(u64::from(size), long)),
        }
    }

    /// Over `{ … }`, the parser standing at the first brace.
    fn skip_braces(&mut self) {
        let mut depth = 0usize;
        loop {
            match self.lexer.token() {
                Token::End => return,
                Token::Op(Op::OpenBrace) => depth += 1,
                Token::Op(Op::CloseBrace) => {
                    depth -= 1;
                    if depth == 0 {
                        self.lexer.advance();
                        return;
                    }
                }
                _ => {}
            }
            self.lexer.advance();
        }
    }

    /// Whether this is the value of a local that is a struct.
    pub(super) fn is_local(&self, ex: Ex) -> bool {
        match ex.what() {
            What::Node(id) => matches!(self.tree.node(id).0, crate::print::tree::Node::Local(_)),
            What::Const(_) => false,
        }
    }
}

/// What a word says in a type's name.
#[derive(Clone, Copy)]
enum Word {
    Qualifier,
    /// `struct` and `union`.
    Struct,
    Enum,
    TypeOf,
    /// `__auto_type`
    Auto,
    Void,
    Unsigned,
    Signed,
    Long,
    Short,
    Char,
    Int,
}

static WORDS: Names<Word, 64> = Names::new(&[
    ("const", Word::Qualifier),
    ("volatile", Word::Qualifier),
    ("static", Word::Qualifier),
    ("register", Word::Qualifier),
    ("__user", Word::Qualifier),
    ("__force", Word::Qualifier),
    ("__kernel", Word::Qualifier),
    ("__iomem", Word::Qualifier),
    ("__rcu", Word::Qualifier),
    ("__percpu", Word::Qualifier),
    ("__extension__", Word::Qualifier),
    ("struct", Word::Struct),
    ("union", Word::Struct),
    ("enum", Word::Enum),
    ("typeof", Word::TypeOf),
    ("__typeof__", Word::TypeOf),
    ("__typeof", Word::TypeOf),
    ("__auto_type", Word::Auto),
    ("void", Word::Void),
    ("unsigned", Word::Unsigned),
    ("signed", Word::Signed),
    ("__signed__", Word::Signed),
    ("long", Word::Long),
    ("short", Word::Short),
    ("char", Word::Char),
    ("int", Word::Int),
]);

/// `unsigned long long int` and the like, in any order.
#[derive(Default)]
struct Words {
    unsigned: bool,
    signed: bool,
    long: u8,
    short: bool,
    char: bool,
}

impl Words {
    fn take(&mut self, word: Word) {
        match word {
            Word::Unsigned => self.unsigned = true,
            Word::Signed => self.signed = true,
            Word::Long => self.long = self.long.saturating_add(1),
            Word::Short => self.short = true,
            Word::Char => self.char = true,
            _ => {}
        }
    }

    fn ty(&self, long: u32) -> Ty {
        let size = match (self.char, self.short, self.long) {
            (true, ..) => 1,
            (_, true, _) => 2,
            (_, _, 0) => 4,
            (_, _, 1) => long,
            _ => 8,
        };
        // Plain char is unsigned, as the kernel is built.
        Ty::int(
            size,
            if self.char {
                self.signed
            } else {
                !self.unsigned
            },
        )
    }
}
