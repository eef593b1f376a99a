//! Expressions: C's operators by precedence.

use super::{Ex, Parsed, Parser, SMALL, What};
use crate::print::lex::{self, Op, Token};
use crate::print::tree::{Base, Binary, MAX_DEPTH, Node, Reason, Ty, Unary};

/// A binary operator and how strongly it binds.
fn binary(op: Op) -> Option<(Binary, u8)> {
    Some(match op {
        Op::Star => (Binary::Mul, 10),
        Op::Slash => (Binary::Div, 10),
        Op::Percent => (Binary::Rem, 10),
        Op::Plus => (Binary::Add, 9),
        Op::Minus => (Binary::Sub, 9),
        Op::Shl => (Binary::Shl, 8),
        Op::Shr => (Binary::Shr, 8),
        Op::Less => (Binary::Less, 7),
        Op::LessEq => (Binary::LessEq, 7),
        Op::Greater => (Binary::Greater, 7),
        Op::GreaterEq => (Binary::GreaterEq, 7),
        Op::Equal => (Binary::Equal, 6),
        Op::NotEqual => (Binary::NotEqual, 6),
        Op::And => (Binary::And, 5),
        Op::Xor => (Binary::Xor, 4),
        Op::Or => (Binary::Or, 3),
        Op::AndAnd => (Binary::AndAnd, 2),
        Op::OrOr => (Binary::OrOr, 1),
        _ => return None,
    })
}

/// What waits for the expression that is being read.
#[derive(Clone, Copy)]
pub(super) enum Waiting {
    /// `(`
    Bracket,
    Unary(Unary),
    /// `*`
    Load,
    /// `&`
    Address,
    Cast(Ty),
    /// A left operand, its operator and how strongly it binds.
    Binary(Ex, Binary, u8),
    /// `cond ?`
    Cond(Ex),
    /// `yes :`; its condition waits below it.
    Yes(Ex),
    /// `base[`
    Index(Ex),
}

impl<'f> Parser<'f> {
    /// `a ? b : c`, and all that binds more strongly; up to what cannot belong to it.
    ///
    /// Brackets and operators wait on a stack of the parser's own: most print fmts are macros
    /// whose every step left a pair of brackets.
    pub(super) fn ternary(&mut self) -> Parsed {
        // Most expressions are one number, one field or one call.
        if let Token::Number(_) | Token::Field(_) = self.lexer.token() {
            let parsed = self.operand();
            if matches!(
                self.lexer.token(),
                Token::Op(Op::Comma | Op::Close | Op::CloseBrace) | Token::End
            ) {
                return parsed;
            }
            return self.expression_from(Some(parsed?));
        }
        self.expression_from(None)
    }

    fn expression_from(&mut self, first: Option<Ex>) -> Parsed {
        let base = self.waiting.len();
        let parsed = self.operators(first, base);
        self.waiting.truncate(base);
        parsed
    }

    #[inline(always)]
    fn wait(&mut self, waiting: Waiting) -> Parsed<()> {
        if self.waiting.len() >= usize::from(MAX_DEPTH) {
            return Err(Reason::Depth);
        }
        if self.waiting.capacity() == 0 {
            self.waiting.reserve(SMALL);
        }
        self.waiting.push(waiting);
        Ok(())
    }

    /// What waits last, if this expression left it.
    #[inline]
    fn last_waiting(&self, base: usize) -> Option<&Waiting> {
        self.waiting.get(base..).and_then(<[Waiting]>::last)
    }

    /// Operands and operators by turns; the first operand may have been read already.
    fn operators(&mut self, mut first: Option<Ex>, base: usize) -> Parsed {
        loop {
            let mut ex = match first.take() {
                Some(ex) => ex,
                None => match self.before_operand(base)? {
                    Some(ex) => ex,
                    None => continue,
                },
            };
            // Everything that can stand after an operand.
            loop {
                let op = match self.lexer.token() {
                    Token::Op(op) => op,
                    _ => Op::Other,
                };
                match op {
                    Op::OpenSquare => {
                        self.lexer.advance();
                        self.wait(Waiting::Index(ex))?;
                        break;
                    }
                    Op::Arrow | Op::Dot => {
                        self.lexer.advance();
                        let member = self.name()?;
                        ex = self.member(ex, member, op == Op::Arrow)?;
                        continue;
                    }
                    // `(((1)))`
                    Op::Close if matches!(self.last_waiting(base), Some(Waiting::Bracket)) => {
                        self.lexer.advance();
                        self.waiting.pop();
                        continue;
                    }
                    _ => {}
                }
                ex = self.prefixes(ex, base)?;
                if let Some((binary, strength)) = binary(op) {
                    ex = self.stronger(ex, strength, base)?;
                    self.lexer.advance();
                    self.wait(Waiting::Binary(ex, binary, strength))?;
                    break;
                }
                ex = self.stronger(ex, 0, base)?;
                if op == Op::Question {
                    self.lexer.advance();
                    self.wait(Waiting::Cond(ex))?;
                    // GNU's `a ?: b`.
                    if self.take(Op::Colon) {
                        self.wait(Waiting::Yes(ex))?;
                    }
                    break;
                }
                while let Some(&Waiting::Yes(yes)) = self.last_waiting(base) {
                    self.waiting.pop();
                    let Some(Waiting::Cond(cond)) = self.waiting.pop() else {
                        return Err(Reason::Syntax);
                    };
                    ex = self.choose(cond, yes, ex)?;
                    ex = self.stronger(ex, 0, base)?;
                }
                match (op, self.last_waiting(base)) {
                    (_, None) => return Ok(ex),
                    (Op::Close, Some(Waiting::Bracket)) => {
                        self.lexer.advance();
                        self.waiting.pop();
                    }
                    (Op::CloseSquare, Some(&Waiting::Index(array))) => {
                        self.lexer.advance();
                        self.waiting.pop();
                        ex = self.index(array, ex)?;
                    }
                    (Op::Colon, Some(Waiting::Cond(_))) => {
                        self.lexer.advance();
                        self.wait(Waiting::Yes(ex))?;
                        break;
                    }
                    // C's comma operator: the value is that of the last.
                    (Op::Comma, Some(Waiting::Bracket)) => {
                        self.lexer.advance();
                        break;
                    }
                    _ => return Err(Reason::Syntax),
                }
            }
        }
    }

    /// Applies the operators and casts that stand before an operand.
    #[inline]
    fn prefixes(&mut self, mut ex: Ex, base: usize) -> Parsed {
        while let Some(waiting) = self.last_waiting(base) {
            ex = match *waiting {
                Waiting::Cast(ty) => self.cast(ex, ty)?,
                Waiting::Unary(op) => self.apply(op, ex)?,
                Waiting::Load => self.load(ex)?,
                Waiting::Address => self.address_of(ex),
                _ => break,
            };
            self.waiting.pop();
        }
        Ok(ex)
    }

    /// Applies the binary operators that bind at least that strongly.
    #[inline]
    fn stronger(&mut self, mut ex: Ex, least: u8, base: usize) -> Parsed {
        while let Some(&Waiting::Binary(left, op, strength)) = self.last_waiting(base)
            && strength >= least
        {
            self.waiting.pop();
            ex = self.combine(op, left, ex)?;
        }
        Ok(ex)
    }

    fn choose(&mut self, cond: Ex, yes: Ex, no: Ex) -> Parsed {
        let known = |ty: Ty| ty.base() != Base::Unknown;
        let ty = match (yes.ty(), no.ty()) {
            (yes, _) if yes.is_pointer() => yes,
            (_, no) if no.is_pointer() => no,
            (yes, no) if known(yes) && known(no) => yes.common(no, self.tree.abi),
            (yes, _) if known(yes) => yes,
            (_, no) => no,
        };
        if let What::Const(value) = cond.what() {
            let chosen = if value != 0 { yes } else { no };
            if let What::Const(value) = chosen.what()
                && !ty.is_pointer()
            {
                return Ok(Self::constant(value, ty));
            }
            return Ok(chosen.with_ty(ty));
        }
        let depth = cond.depth().max(yes.depth()).max(no.depth());
        let (cond, yes, no) = (self.id(cond), self.id(yes), self.id(no));
        self.node(Node::Cond(cond, yes, no), ty, depth)
    }

    /// `1UL))) << (n))` behind its four brackets, which are `BIT(n)`.
    #[inline]
    fn bit(&mut self, base: usize) -> Option<Ex> {
        let (bit, end) = self.lexer.bit()?;
        let left = self.waiting.get(base..)?;
        let (rest, brackets) = left.split_last_chunk::<{ lex::BIT_BRACKETS as usize }>()?;
        let word = self.long();
        // There is room for the brackets and the operator that are not put down.
        let fits = bit < word * 8 && rest.len() + base + 8 < usize::from(MAX_DEPTH);
        if !fits || !brackets.iter().all(|open| matches!(open, Waiting::Bracket)) {
            return None;
        }
        let left = base + rest.len();
        self.waiting.truncate(left);
        self.lexer.go_on(end);
        Some(Ex::constant(1 << bit, Ty::int(word, false)))
    }

    /// An operand, or `None` after something that stands before one.
    fn before_operand(&mut self, base: usize) -> Parsed<Option<Ex>> {
        let Token::Op(op) = self.lexer.token() else {
            if let Some(bit) = self.bit(base) {
                return Ok(Some(bit));
            }
            return self.operand().map(Some);
        };
        let waiting = match op {
            Op::Open => {
                if self.lexer.word_follows()
                    && let Some(ty) = self.plain_cast().or_else(|| self.cast_type())
                {
                    Waiting::Cast(ty)
                } else {
                    self.lexer.advance();
                    if self.is(Op::OpenBrace) {
                        self.lexer.advance();
                        let block = self.nested(Self::block)?;
                        self.need(Op::Close)?;
                        return Ok(Some(block));
                    }
                    if self.lexer.token() == Token::Name("REC") {
                        // `(REC)->field`.
                        self.lexer.advance();
                        self.need(Op::Close)?;
                        self.need(Op::Arrow)?;
                        let name = self.name()?;
                        return self.named_field(name).map(Some);
                    }
                    Waiting::Bracket
                }
            }
            Op::And => {
                self.lexer.advance();
                if let Some(place) = self.field_address()? {
                    return Ok(Some(place));
                }
                Waiting::Address
            }
            _ => {
                let waiting = match op {
                    Op::Minus => Waiting::Unary(Unary::Minus),
                    Op::Tilde => Waiting::Unary(Unary::Invert),
                    Op::Not => Waiting::Unary(Unary::Not),
                    Op::Star => Waiting::Load,
                    Op::Plus => {
                        self.lexer.advance();
                        return Ok(None);
                    }
                    _ => return Err(Reason::Syntax),
                };
                self.lexer.advance();
                waiting
            }
        };
        self.wait(waiting)?;
        Ok(None)
    }
}
