//! Expressions: C's operators by precedence.

use super::{Ex, Parsed, Parser, What};
use crate::format::{Element, Field, Kind};
use crate::print::lex::{Op, Token};
use crate::print::structs;
use crate::print::tree::{Base, Binary, Node, Reason, Ty, Unary};

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

impl<'f> Parser<'f> {
    /// `a ? b : c`, and all that binds more strongly.
    pub(super) fn ternary(&mut self) -> Parsed {
        // Most expressions are one number, one field or one call: the shorter way to them.
        let cond = match self.lexer.token {
            Token::Number { .. } | Token::Name(_) => {
                let ex = self.postfix()?;
                if matches!(
                    self.lexer.token,
                    Token::Op(Op::Comma | Op::Close | Op::CloseBrace) | Token::End
                ) {
                    return Ok(ex);
                }
                self.binary_from(ex, 1)?
            }
            _ => self.binary(1)?,
        };
        if !self.take(Op::Question) {
            return Ok(cond);
        }
        self.nested(|parser| {
            // GNU's `a ?: b`.
            let yes = if parser.is(Op::Colon) {
                cond
            } else {
                parser.ternary()?
            };
            parser.need(Op::Colon)?;
            let no = parser.ternary()?;
            parser.choose(cond, yes, no)
        })
    }

    fn choose(&mut self, cond: Ex, yes: Ex, no: Ex) -> Parsed {
        let known = |ty: Ty| ty.base != Base::Unknown;
        let ty = match (yes.ty, no.ty) {
            (yes, _) if yes.is_pointer() => yes,
            (_, no) if no.is_pointer() => no,
            (yes, no) if known(yes) && known(no) => yes.common(no, self.tree.abi),
            (yes, _) if known(yes) => yes,
            (_, no) => no,
        };
        if let What::Const(value) = cond.what {
            let chosen = if value != 0 { yes } else { no };
            if let What::Const(value) = chosen.what
                && !ty.is_pointer()
            {
                return Ok(Self::constant(value, ty));
            }
            return Ok(Ex { ty, ..chosen });
        }
        let depth = cond.depth.max(yes.depth).max(no.depth);
        let (cond, yes, no) = (self.id(cond), self.id(yes), self.id(no));
        self.node(Node::Cond(cond, yes, no), ty, depth)
    }

    /// Operators of at least this strength, left to right.
    pub(super) fn binary(&mut self, least: u8) -> Parsed {
        let left = self.unary()?;
        self.binary_from(left, least)
    }

    /// The same, the first operand parsed already.
    fn binary_from(&mut self, mut left: Ex, least: u8) -> Parsed {
        while let Token::Op(op) = self.lexer.token
            && let Some((op, strength)) = binary(op)
            && strength >= least
        {
            self.lexer.advance();
            let right = self.nested(|parser| parser.binary(strength + 1))?;
            left = self.combine(op, left, right)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let Token::Op(op) = self.lexer.token else {
            return self.postfix();
        };
        match op {
            Op::Plus => {
                self.lexer.advance();
                self.nested(Self::unary)
            }
            Op::Minus | Op::Tilde | Op::Not => {
                self.lexer.advance();
                let operand = self.nested(Self::unary)?;
                let op = match op {
                    Op::Minus => Unary::Minus,
                    Op::Tilde => Unary::Invert,
                    _ => Unary::Not,
                };
                self.apply(op, operand)
            }
            Op::And => {
                self.lexer.advance();
                self.nested(Self::address)
            }
            Op::Star => {
                self.lexer.advance();
                let pointer = self.nested(Self::unary)?;
                self.load(pointer)
            }
            Op::Open => {
                if self.lexer.name_follows()
                    && let Some(ty) = self.cast_type()
                {
                    let operand = self.nested(Self::unary)?;
                    return self.cast(operand, ty);
                }
                self.postfix()
            }
            _ => self.postfix(),
        }
    }

    /// After `&`: a place in the record.
    fn address(&mut self) -> Parsed {
        if self.lexer.token == Token::Name("REC") || self.is(Op::Open) {
            let at = self.lexer.at;
            if let Some(field) = self.record_field()
                && !matches!(
                    self.lexer.token,
                    Token::Op(Op::OpenSquare | Op::Dot | Op::Arrow)
                )
            {
                let ty = field_type(field, self.tree.abi);
                let ty = if ty.len > 0 { ty } else { ty.pointer_to() };
                return self.node(Node::Address(field.accessor()), ty, 0);
            }
            self.lexer.seek(at);
        }
        let place = self.unary()?;
        // `&p[1]` and `&p->m` were parsed as what stands there: take the load off again.
        if let What::Node(id) = place.what
            && let (Node::Load(pointer), ty) = self.tree.node(id)
        {
            return Ok(Ex {
                what: What::Node(pointer),
                ty: ty.pointer_to(),
                depth: place.depth,
            });
        }
        if place.ty.len > 0 {
            return Ok(place);
        }
        Ok(self.unknown(Reason::Memory))
    }

    /// `REC->field` or `(REC)->field`, the parser standing before it.
    fn record_field(&mut self) -> Option<Field<'f>> {
        let bracket = self.take(Op::Open);
        if self.lexer.token != Token::Name("REC") {
            return None;
        }
        self.lexer.advance();
        if bracket && !self.take(Op::Close) {
            return None;
        }
        if !self.take(Op::Arrow) {
            return None;
        }
        let name = self.name().ok()?;
        self.field(name, false)
    }

    fn postfix(&mut self) -> Parsed {
        let mut ex = self.primary()?;
        loop {
            match self.lexer.token {
                Token::Op(Op::OpenSquare) => {
                    self.lexer.advance();
                    let index = self.nested(Self::ternary)?;
                    self.need(Op::CloseSquare)?;
                    ex = self.index(ex, index)?;
                }
                Token::Op(Op::Arrow) => {
                    self.lexer.advance();
                    let member = self.name()?;
                    ex = self.member(ex, member, true)?;
                }
                Token::Op(Op::Dot) => {
                    self.lexer.advance();
                    let member = self.name()?;
                    ex = self.member(ex, member, false)?;
                }
                _ => return Ok(ex),
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        match self.lexer.token {
            Token::Number { .. } => self.number(),
            Token::Char(value) => {
                self.lexer.advance();
                Ok(Self::constant(u64::from(value), Ty::INT))
            }
            Token::Str { .. } => {
                let str = self.string().ok_or(Reason::Syntax)?;
                let ty = Ty {
                    len: str.range.len + 1,
                    ..Ty::CHARS
                };
                self.node(Node::Literal(str), ty, 0)
            }
            Token::Name(name) => self.named(name),
            Token::Op(Op::Open) => {
                self.lexer.advance();
                let inner = self.lexer.at;
                if self.take(Op::OpenBrace) {
                    let block = self.nested(Self::block)?;
                    self.need(Op::Close)?;
                    return Ok(block);
                }
                if self.lexer.token == Token::Name("REC") {
                    // `(REC)->field`, or `(REC->field)`.
                    self.lexer.advance();
                    if self.take(Op::Close) {
                        return self.record();
                    }
                    self.lexer.seek(inner);
                }
                let mut ex = self.nested(Self::ternary)?;
                while self.take(Op::Comma) {
                    ex = self.nested(Self::ternary)?;
                }
                self.need(Op::Close)?;
                Ok(ex)
            }
            _ => Err(Reason::Syntax),
        }
    }

    /// A literal number.
    pub(super) fn number(&mut self) -> Parsed {
        let Token::Number {
            value,
            unsigned,
            long,
            decimal,
        } = self.lexer.token
        else {
            return Err(Reason::Syntax);
        };
        self.lexer.advance();
        let ty = number_type(value, unsigned, long, decimal, self.long());
        Ok(Self::constant(value, ty))
    }

    /// After `REC`: `->field`.
    fn record(&mut self) -> Parsed {
        self.need(Op::Arrow)?;
        let name = self.name()?;
        match self.field(name, false) {
            Some(field) => self.field_value(field),
            None => Ok(self.unknown(Reason::Field)),
        }
    }

    fn field_value(&mut self, field: Field<'f>) -> Parsed {
        let ty = field_type(field, self.tree.abi);
        let node = match field.kind() {
            Kind::Number | Kind::Pointer => Node::Field(field.accessor()),
            Kind::Array { .. } | Kind::Opaque => Node::Data(field.accessor()),
        };
        self.node(node, ty, 0)
    }

    fn named(&mut self, name: &'f str) -> Parsed {
        let start = self.lexer.at;
        self.lexer.advance();
        if name == "REC" {
            return self.record();
        }
        if name == "sizeof" {
            return self.size_of();
        }
        if self.is(Op::Open) {
            return self.call(name, start);
        }
        if let Some(local) = self.local(name) {
            return Ok(local);
        }
        let value = match name {
            "NULL" => {
                return Ok(Ex {
                    what: What::Const(0),
                    ty: Ty::VOIDS,
                    depth: 0,
                });
            }
            "true" => Some(1),
            "false" => Some(0),
            // Some events name their macro's parameter by mistake, and so print a variable of
            // the function that prints them: TRACE_TYPE_HANDLED, and the trace options whose
            // default is print-parent.
            "ret" | "flags" => Some(1),
            _ => self.tree.symbols.constant_value(name),
        };
        Ok(match value {
            // An enumerator is an int unless it does not fit one.
            Some(value) if i32::try_from(value).is_ok() => Self::constant(value as u64, Ty::INT),
            Some(value) if u32::try_from(value).is_ok() => {
                Self::constant(value as u64, Ty::int(4, false))
            }
            Some(value) => Self::constant(value as u64, Ty::int(8, value < 0)),
            None => self.unknown(Reason::Name),
        })
    }

    pub(super) fn long(&self) -> u32 {
        self.tree.abi.word.bytes() as u32
    }

    /// `*pointer`.
    pub(super) fn load(&mut self, pointer: Ex) -> Parsed {
        let ty = pointer.ty.pointee();
        if !pointer.ty.is_pointer() || matches!(ty.base, Base::Void | Base::Unknown) {
            return Ok(self.unknown(Reason::Memory));
        }
        // An array of structs: what stands there is reached through its place.
        let depth = pointer.depth;
        let id = self.id(pointer);
        self.node(Node::Load(id), ty, depth)
    }

    /// `base[index]`.
    fn index(&mut self, base: Ex, index: Ex) -> Parsed {
        if let Some(element) = self.local_element(base, index) {
            return element;
        }
        if !base.ty.is_pointer() {
            return Ok(self.unknown(Reason::Memory));
        }
        let place = self.offset(base, index, 1)?;
        self.load(place)
    }

    /// A pointer moved by `index` elements, forwards or (`sign` = -1) backwards.
    pub(super) fn offset(&mut self, base: Ex, index: Ex, sign: i32) -> Parsed {
        let size = base.ty.pointee().bytes(self.tree.abi);
        if size == 0 {
            return Ok(self.unknown(Reason::Member));
        }
        let depth = base.depth.max(index.depth);
        let ty = Ty { len: 0, ..base.ty };
        if let What::Const(0) = index.what {
            return Ok(Ex { ty, ..base });
        }
        let scale = sign.saturating_mul(i32::try_from(size).unwrap_or(i32::MAX));
        let (base, index) = (self.id(base), self.id(index));
        self.node(Node::Offset { base, index, scale }, ty, depth)
    }

    /// `ex->member` or `ex.member`.
    fn member(&mut self, ex: Ex, member: &str, arrow: bool) -> Parsed {
        let ty = if arrow { ex.ty.pointee() } else { ex.ty };
        let Base::Struct(id) = ty.base else {
            return Ok(self.unknown(Reason::Member));
        };
        let Some(layout) = structs::member_of(id, member) else {
            return Ok(self.unknown(Reason::Member));
        };
        if layout.width > 0 {
            // A bit-field of a union that is held in a number.
            let depth = ex.depth;
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
        let (base, size, signed) = match (scalar, structs::find(layout.ty)) {
            (Some((size, signed)), _) => (Base::Int, u32::from(size), signed),
            (None, Some(inner)) => (Base::Struct(inner), structs::size(inner), false),
            (None, None) => return Ok(self.unknown(Reason::Member)),
        };
        let pointer = if arrow { ex } else { self.place_of(ex)? };
        let depth = pointer.depth;
        let base_id = self.id(pointer);
        let index = self.push(Node::Const(u64::from(layout.offset)), Ty::INT);
        let element = Ty {
            base,
            size,
            signed,
            stars: 1,
            len: layout.len,
        };
        let place = self.node(
            Node::Offset {
                base: base_id,
                index,
                scale: 1,
            },
            element,
            depth,
        )?;
        if layout.len > 0 || base != Base::Int {
            // An array decays to its place; a struct is only ever reached through it.
            return Ok(place);
        }
        self.load(place)
    }

    /// Where a struct is that was parsed as a value.
    fn place_of(&mut self, ex: Ex) -> Parsed {
        if let What::Node(id) = ex.what {
            match self.tree.node(id) {
                (Node::Load(pointer), ty) => {
                    return Ok(Ex {
                        what: What::Node(pointer),
                        ty: ty.pointer_to(),
                        depth: ex.depth,
                    });
                }
                (Node::Data(_) | Node::Offset { .. }, _) => return Ok(ex),
                _ => {}
            }
        }
        Err(Reason::Member)
    }
}

/// The type of a literal number.
fn number_type(value: u64, unsigned: bool, long: bool, decimal: bool, word: u32) -> Ty {
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
                Ty {
                    base: Base::Bool,
                    ..Ty::int(1, false)
                }
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
            Ty {
                len: field.array_len() as u32,
                ..Ty::int(size, signed).pointer_to()
            }
        }
        Kind::Opaque => {
            let name = field.type_name();
            let name = name.rsplit(' ').next().unwrap_or(name);
            Ty {
                base: structs::find(name).map_or(Base::Unknown, Base::Struct),
                size: field.size() as u32,
                ..Ty::UNKNOWN
            }
        }
    }
}
