//! What stands between operators: fields, names, indexes, members; and the types that constants have.

use super::{Ex, Parsed, Parser, What};
use crate::format::{Element, Field, Kind};
use crate::print::lex::{Number, Op, Token};
use crate::print::structs;
use crate::print::symbols::Symbols;
use crate::print::tree::{Base, Node, Reason, Ty};

impl<'f> Parser<'f> {
    /// After `&`: `REC->field` or `(REC)->field`, if nothing of it follows.
    pub(super) fn field_address(&mut self) -> Parsed<Option<Ex>> {
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
    pub(super) fn address_of(&mut self, place: Ex) -> Ex {
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
    pub(super) fn operand(&mut self) -> Parsed {
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
    pub(super) fn named_field(&mut self, name: &str) -> Parsed {
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
    pub(super) fn index(&mut self, base: Ex, index: Ex) -> Parsed {
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
    pub(super) fn member(&mut self, ex: Ex, member: &str, arrow: bool) -> Parsed {
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
