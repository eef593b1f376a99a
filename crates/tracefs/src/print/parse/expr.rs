//! Expressions: C's operators by precedence.

use super::{Ex, Parsed, Parser, SMALL, What};
use crate::format::{Element, Field, Kind};
use crate::print::lex::{self, Number, Op, Token};
use crate::print::structs;
use crate::print::symbols::Symbols;
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

    /// After `&`: `REC->field` or `(REC)->field`, if nothing of it follows.
    fn field_address(&mut self) -> Parsed<Option<Ex>> {
        if !matches!(self.lexer.token(), Token::Field(_) | Token::Op(Op::Open)) {
            return Ok(None);
        }
        let at = self.lexer.at;
        if let Some(field) = self.record_field()
            && !matches!(
                self.lexer.token(),
                Token::Op(Op::OpenSquare | Op::Dot | Op::Arrow)
            )
        {
            let ty = field_type(field, self.tree.abi);
            let ty = if ty.len() > 0 { ty } else { ty.pointer_to() };
            return self.node(Node::Address(field.accessor()), ty, 0).map(Some);
        }
        self.lexer.seek(at);
        Ok(None)
    }

    /// `REC->field` or `(REC)->field`, the parser standing before it.
    fn record_field(&mut self) -> Option<Field<'f>> {
        if let Token::Field(name) = self.lexer.token() {
            self.lexer.advance();
            return self.field(name.as_bytes(), false);
        }
        if !self.take(Op::Open) || self.lexer.token() != Token::Name("REC") {
            return None;
        }
        self.lexer.advance();
        if !self.take(Op::Close) || !self.take(Op::Arrow) {
            return None;
        }
        let name = self.name().ok()?;
        self.field(name.as_bytes(), false)
    }

    /// `&place`.
    fn address_of(&mut self, place: Ex) -> Ex {
        // `&p[1]` and `&p->m` were parsed as what stands there: take the load off again.
        if let What::Node(id) = place.what()
            && let (Node::Load(pointer), ty) = self.tree.node(id)
        {
            return Ex::of(pointer, ty.pointer_to(), place.depth());
        }
        if place.ty().len() > 0 {
            return place;
        }
        self.unknown(Reason::Memory)
    }

    /// A number, string, name or call.
    #[inline]
    fn operand(&mut self) -> Parsed {
        match self.lexer.token() {
            Token::Number(_) => self.number(),
            Token::Field(name) => {
                self.lexer.advance();
                self.named_field(name)
            }
            Token::Name(name) => self.named(name),
            Token::Char(value) => {
                self.lexer.advance();
                Ok(Self::constant(u64::from(value), Ty::INT))
            }
            Token::Str { .. } => {
                let str = self.string().ok_or(Reason::Syntax)?;
                let ty = Ty::CHARS.with_len(str.len() + 1);
                self.node(Node::Literal(str), ty, 0)
            }
            Token::Op(_) | Token::End => Err(Reason::Syntax),
        }
    }

    /// A literal number.
    pub(super) fn number(&mut self) -> Parsed {
        let Token::Number(number) = self.lexer.token() else {
            return Err(Reason::Syntax);
        };
        self.lexer.advance();
        Ok(number_constant(number, self.long()))
    }

    /// `REC->name`.
    fn named_field(&mut self, name: &str) -> Parsed {
        match self.field(name.as_bytes(), false) {
            Some(field) => self.field_value(field),
            None => Ok(self.unknown(Reason::Field)),
        }
    }

    fn field_value(&mut self, field: Field<'f>) -> Parsed {
        let (id, ty) = self.field_node(field);
        Ok(Ex::of(id, ty, 1))
    }

    fn named(&mut self, name: &'f str) -> Parsed {
        let start = self.lexer.at;
        self.lexer.advance();
        if name == "sizeof" {
            return self.size_of();
        }
        if self.is(Op::Open) {
            return self.call(name, start);
        }
        if let Some(local) = self.local(name) {
            return Ok(local);
        }
        if name == "NULL" {
            return Ok(Self::constant(0, Ty::VOIDS));
        }
        match named_constant(name, &self.tree.symbols) {
            Some(ex) => Ok(ex),
            None => Ok(self.unknown(Reason::Name)),
        }
    }

    pub(super) fn long(&self) -> u32 {
        self.tree.abi.word.bytes() as u32
    }

    /// `*pointer`.
    pub(super) fn load(&mut self, pointer: Ex) -> Parsed {
        let ty = pointer.ty().pointee();
        if !pointer.ty().is_pointer() || matches!(ty.base(), Base::Void | Base::Unknown) {
            return Ok(self.unknown(Reason::Memory));
        }
        // An array of structs: what stands there is reached through its place.
        let depth = pointer.depth();
        let id = self.id(pointer);
        self.node(Node::Load(id), ty, depth)
    }

    /// `base[index]`.
    fn index(&mut self, base: Ex, index: Ex) -> Parsed {
        if let Some(element) = self.local_element(base, index) {
            return element;
        }
        if !base.ty().is_pointer() {
            return Ok(self.unknown(Reason::Memory));
        }
        let place = self.offset(base, index, 1)?;
        self.load(place)
    }

    /// A pointer moved by `index` elements, forwards or (`sign` = -1) backwards.
    pub(super) fn offset(&mut self, base: Ex, index: Ex, sign: i32) -> Parsed {
        let size = base.ty().pointee().bytes(self.tree.abi);
        if size == 0 {
            return Ok(self.unknown(Reason::Member));
        }
        let depth = base.depth().max(index.depth());
        let ty = base.ty().with_len(0);
        if let What::Const(0) = index.what() {
            return Ok(base.with_ty(ty));
        }
        let scale = sign.saturating_mul(i32::try_from(size).unwrap_or(i32::MAX));
        let (base, index) = (self.id(base), self.id(index));
        self.node(Node::Offset { base, index, scale }, ty, depth)
    }

    /// `ex->member` or `ex.member`.
    fn member(&mut self, ex: Ex, member: &str, arrow: bool) -> Parsed {
        let ty = if arrow { ex.ty().pointee() } else { ex.ty() };
        let Base::Struct(id) = ty.base() else {
            return Ok(self.unknown(Reason::Member));
        };
        let Some(layout) = structs::member_of(id, member) else {
            return Ok(self.unknown(Reason::Member));
        };
        if layout.width > 0 {
            // A bit-field of a union that is held in a number.
            let depth = ex.depth();
            let value = self.id(ex);
            let bits = Node::Bits {
                value,
                shift: layout.offset as u8,
                width: layout.width,
            };
            return self.node(bits, Ty::int(4, false), depth);
        }
        if !arrow && self.is_local(ex) {
            return Ok(ex);
        }
        let scalar = crate::format::scalar(layout.ty, self.tree.abi.word);
        let ty = match (scalar, structs::find(layout.ty)) {
            (Some((size, signed)), _) => Ty::int(u32::from(size), signed),
            (None, Some(inner)) => Ty::structure(inner, structs::size(inner)),
            (None, None) => return Ok(self.unknown(Reason::Member)),
        };
        let pointer = if arrow { ex } else { self.place_of(ex)? };
        let depth = pointer.depth();
        let base_id = self.id(pointer);
        let index = self.push(Node::Const(u64::from(layout.offset)), Ty::INT);
        let element = ty.pointer_to().with_len(layout.len);
        let place = self.node(
            Node::Offset {
                base: base_id,
                index,
                scale: 1,
            },
            element,
            depth,
        )?;
        if layout.len > 0 || scalar.is_none() {
            // An array decays to its place; a struct is only ever reached through it.
            return Ok(place);
        }
        self.load(place)
    }

    /// Where a struct is that was parsed as a value.
    fn place_of(&mut self, ex: Ex) -> Parsed {
        if let What::Node(id) = ex.what() {
            match self.tree.node(id) {
                (Node::Load(pointer), ty) => {
                    return Ok(Ex::of(pointer, ty.pointer_to(), ex.depth()));
                }
                (Node::Data(_) | Node::Offset { .. }, _) => return Ok(ex),
                _ => {}
            }
        }
        Err(Reason::Member)
    }
}

/// An enumerator or the like, if a table has it.
pub(super) fn named_constant(name: &str, symbols: &Symbols) -> Option<Ex> {
    let value = match name {
        "true" => 1,
        "false" => 0,
        // Some events name their macro's parameter by mistake, and so print a variable of the
        // function that prints them: TRACE_TYPE_HANDLED, and the trace options whose default is
        // print-parent.
        "ret" | "flags" => 1,
        _ => symbols.constant_value(name)?,
    };
    // An enumerator is an int unless it does not fit one.
    let ty = if i32::try_from(value).is_ok() {
        Ty::INT
    } else if u32::try_from(value).is_ok() {
        Ty::int(4, false)
    } else {
        Ty::int(8, value < 0)
    };
    Some(Ex::constant(ty.convert(value as u64), ty))
}

/// A literal number, of the first type that it fits.
pub(super) fn number_constant(number: Number, word: u32) -> Ex {
    let Number {
        value,
        unsigned,
        long,
        decimal,
    } = number;
    Ex::constant(value, number_type(value, unsigned, long, decimal, word))
}

fn number_type(value: u64, unsigned: bool, long: bool, decimal: bool, word: u32) -> Ty {
    let first = if long { word } else { 4 };
    if !unsigned && value >> (first * 8 - 1) == 0 {
        return Ty::int(first, true);
    }
    let fits = |size: u32, signed: bool| {
        let bits = size * 8 - u32::from(signed);
        bits >= 64 || value >> bits == 0
    };
    let sizes: [u32; 3] = [if long { word } else { 4 }, word, 8];
    for size in sizes {
        if !unsigned && fits(size, true) {
            return Ty::int(size, true);
        }
        if (unsigned || !decimal) && fits(size, false) {
            return Ty::int(size, false);
        }
    }
    Ty::int(8, false)
}

/// The C type of a field.
pub(super) fn field_type(field: Field<'_>, abi: crate::Abi) -> Ty {
    let signed = field.is_signed();
    match field.kind() {
        Kind::Number => {
            let declared = field.declaration();
            if field.size() == 1
                && (declared.starts_with("bool ") || declared.starts_with("_Bool "))
            {
                Ty::BOOL
            } else {
                Ty::int(field.size() as u32, signed)
            }
        }
        Kind::Pointer => {
            let declared = field.declaration();
            if declared.starts_with("char") || declared.starts_with("const char") {
                Ty::CHARS
            } else {
                Ty::VOIDS
            }
        }
        Kind::Array { element, .. } => {
            let size = match element {
                Element::Char => 1,
                Element::Number(size) => u32::from(size),
                Element::Bitmask => abi.word.bytes() as u32,
                Element::Opaque => field.accessor().element_size() as u32,
            };
            Ty::int(size, signed)
                .pointer_to()
                .with_len(field.array_len() as u32)
        }
        Kind::Opaque => {
            let name = field.type_name();
            let name = name.rsplit(' ').next().unwrap_or(name);
            let ty = structs::find(name).map_or(Ty::UNKNOWN, |id| Ty::structure(id, 0));
            ty.with_size(field.size() as u32)
        }
    }
}
