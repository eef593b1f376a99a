//! The parser: from the print fmt's text to a tree, one argument at a time.
//!
//! A parser method's error is a [`Reason`]. It costs the argument it is in, never the line.

mod builtins;
mod cast;
mod expr;
mod fold;
mod operand;
mod rows;
pub(super) use builtins::MAX_ARGUMENTS;
pub(super) use fold::{binary, unary};
pub(super) use statement::MAX_LOCALS;
mod statement;

use alloc::vec::Vec;
use core::num::NonZeroU64;

use super::conversion::{self, Amount, Piece, Spec};
use super::lex::{self, Lexer, Op, Token};
use super::number::Look;
use super::symbols::Symbols;
use super::tree::{Arg, Id, MAX_DEPTH, Node, Range, Reason, Str, TY_BITS, Tree, Ty};
use crate::format::{Field, Format, Kind, Place};
use crate::scan;
use crate::{Error, Result};

/// What an expression was parsed to: a constant takes no node until it is needed as one.
///
/// Two words, which are handed on in registers: anything with enumerations in it has its bytes
/// stored one by one and waited for.
#[derive(Clone, Copy)]
pub(super) struct Ex {
    /// Of a constant; otherwise the node.
    value: u64,
    /// Its type; above that how deep its tree is, whether it is a node, and a bit that is set.
    word: NonZeroU64,
}

const DEPTH: u32 = TY_BITS;
const NODE: u64 = 1 << 62;
const SET: NonZeroU64 = match NonZeroU64::new(1 << 63) {
    Some(word) => word,
    None => NonZeroU64::MIN,
};
// All depths fit.
const _: () = assert!((MAX_DEPTH as u64) << DEPTH < NODE);

impl Ex {
    /// A node.
    #[inline]
    fn of(id: Id, ty: Ty, depth: u16) -> Self {
        Self {
            value: u64::from(id),
            word: SET | (ty.bits() | u64::from(depth) << DEPTH | NODE),
        }
    }

    #[inline]
    fn constant(value: u64, ty: Ty) -> Self {
        Self {
            value,
            word: SET | ty.bits(),
        }
    }

    #[inline]
    fn what(self) -> What {
        if self.word.get() & NODE == 0 {
            What::Const(self.value)
        } else {
            What::Node(self.value as Id)
        }
    }

    #[inline]
    fn ty(self) -> Ty {
        Ty::from_bits(self.word.get())
    }

    #[inline]
    fn with_ty(self, ty: Ty) -> Self {
        let rest = self.word.get() >> TY_BITS << TY_BITS;
        Self {
            word: SET | (rest | ty.bits()),
            ..self
        }
    }

    #[inline]
    fn depth(self) -> u16 {
        ((self.word.get() & (NODE - 1)) >> DEPTH) as u16
    }
}

#[derive(Clone, Copy, Debug)]
enum What {
    Const(u64),
    Node(Id),
}

type Parsed<T = Ex> = core::result::Result<T, Reason>;

pub(super) struct Parser<'f> {
    lexer: Lexer<'f>,
    format: &'f Format,
    tree: Tree,
    /// Brackets and operators open at the moment.
    open: u16,
    locals: Vec<statement::Local<'f>>,
    /// What waits for the expression that is being read.
    waiting: Vec<expr::Waiting>,
    /// Where the next field that is named is probably found.
    next_field: usize,
}

/// Nodes and arguments that room is made for at once.
const SMALL: usize = 20;

/// Compiles the print fmt of `format`.
pub(super) fn compile(format: &Format, symbols: &Symbols) -> Result<Tree> {
    let text = format.text();
    let Some(span) = format.print_span() else {
        return Err(Error::PrintSyntax {
            at: 0,
            why: "the format file has none",
        });
    };
    let start = span.start as usize;
    let size = (span.end - span.start) as usize;
    let mut parser = Parser {
        lexer: Lexer::new(text, start),
        format,
        tree: Tree {
            text: format.shared_text(),
            symbols: symbols.clone(),
            abi: format.abi(),
            strings: Vec::new(),
            // What a small print fmt needs comes from the allocator's own lists.
            nodes: Vec::with_capacity((size / 16 + 4).min(SMALL)),
            ids: Vec::new(),
            stmts: Vec::new(),
            rows: Vec::new(),
            args: Vec::new(),
            pieces: Vec::new(),
            line: Range::default(),
        },
        open: 0,
        locals: Vec::new(),
        waiting: Vec::new(),
        next_field: format.common_fields().len(),
    };
    let line = match parser.string() {
        Some(line) => line,
        // `TP_printk("")` leaves nothing at all behind.
        None if parser.lexer.token() == Token::End => Str::default(),
        None => {
            return Err(Error::PrintSyntax {
                at: parser.lexer.at - start,
                why: "it does not begin with a string",
            });
        }
    };
    let mut args = Vec::with_capacity((size / 16 + 4).min(SMALL));
    while parser.is(Op::Comma) {
        let arg = match parser.plain_field(span.end as usize) {
            Some(arg) => arg,
            None => {
                parser.lexer.advance();
                parser.argument()
            }
        };
        args.push(arg);
    }
    if parser.lexer.token() != Token::End {
        return Err(Error::PrintSyntax {
            at: parser.lexer.at - start,
            why: "something follows the arguments",
        });
    }
    let first = parser.tree.args.len();
    if first == 0 {
        parser.tree.args = args;
    } else {
        parser.tree.args.append(&mut args);
    }
    let end = parser.tree.args.len();
    parser.tree.line = parser.pieces(line, first, end);
    Ok(parser.tree)
}

/// An argument that is not there; its index.
fn missing(nodes: &mut Vec<(Node, Ty)>, args: &mut Vec<Arg>) -> u32 {
    nodes.push((Node::Unknown(Reason::Missing), Ty::UNKNOWN));
    args.push(Arg {
        id: (nodes.len() - 1) as Id,
        source: Range::default(),
    });
    (args.len() - 1) as u32
}

/// Whether a field's data is elsewhere in the record.
#[inline]
fn is_dynamic(field: Field<'_>) -> bool {
    matches!(
        field.kind(),
        Kind::Array {
            place: Place::DataLoc | Place::RelLoc,
            ..
        }
    )
}

/// Whether a text begins with that name, and behind it a comma or nothing.
#[inline]
fn begins(text: &[u8], name: &[u8]) -> bool {
    text.split_at_checked(name.len())
        .is_some_and(|(first, after)| matches!(after, [] | [b',', ..]) && scan::same(first, name))
}

/// A conversion of a node.
fn piece(spec: Spec, arg: u32, node: Option<&(Node, Ty)>) -> Piece {
    let fixed = |amount| match amount {
        Amount::None => Some(-1),
        Amount::Fixed(value) => Some(value),
        Amount::Arg(_) => None,
    };
    if let (
        conversion::What::Number { size, base, signed },
        Some((Node::Field(access), _)),
        Some(width),
        Some(precision),
    ) = (spec.what, node, fixed(spec.width), fixed(spec.precision))
    {
        return Piece::Field {
            access: *access,
            look: Look {
                base,
                signed,
                flags: spec.flags,
                width,
                precision,
            },
            size,
            arg,
        };
    }
    Piece::Convert { spec, arg }
}

impl<'f> Parser<'f> {
    fn take(&mut self, op: Op) -> bool {
        let found = self.is(op);
        if found {
            self.lexer.advance();
        }
        found
    }

    fn need(&mut self, op: Op) -> Parsed<()> {
        if self.take(op) {
            Ok(())
        } else {
            Err(Reason::Syntax)
        }
    }

    fn is(&self, op: Op) -> bool {
        self.lexer.kind == lex::Kind::Op(op)
    }

    fn name(&mut self) -> Parsed<&'f str> {
        match self.lexer.token() {
            Token::Name(name) => {
                self.lexer.advance();
                Ok(name)
            }
            _ => Err(Reason::Syntax),
        }
    }

    /// At a comma: `REC->field` and nothing else up to the next comma or the text's `end`, which
    /// is what most arguments are. `None`, nothing consumed, if it is anything else.
    #[inline]
    fn plain_field(&mut self, end: usize) -> Option<Arg> {
        const BEFORE: &[u8; 6] = b" REC->";
        let bytes = self.format.text().as_bytes();
        let at = self.lexer.after();
        let rest = bytes.get(at..end)?;
        let (before, rest) = rest.split_first_chunk()?;
        if before != BEFORE {
            return None;
        }
        let start = at + BEFORE.len();
        let (field, len) = match self.format.field_at(self.next_field) {
            // Most lines name the fields in their order.
            Some(field) if !is_dynamic(field) && begins(rest, field.name_bytes()) => {
                self.next_field += 1;
                (field, field.name_bytes().len())
            }
            _ => {
                let len = scan::ident(rest);
                if !matches!(rest.get(len), None | Some(b',')) {
                    return None;
                }
                (self.field(rest.get(..len)?, false)?, len)
            }
        };
        let (id, _) = self.field_node(field);
        self.lexer.go_on(start + len);
        Some(self.arg_from(id, at + 1))
    }

    /// A field's value as a node.
    #[inline]
    fn field_node(&mut self, field: Field<'_>) -> (Id, Ty) {
        let ty = operand::field_type(field, self.tree.abi);
        // Two calls, so that neither node is put together before it is put in its place.
        let id = match field.kind() {
            Kind::Number | Kind::Pointer => self.push(Node::Field(field.accessor()), ty),
            Kind::Array { .. } | Kind::Opaque => self.push(Node::Data(field.accessor()), ty),
        };
        (id, ty)
    }

    /// One argument of the format string. What is not understood is skipped to the next comma.
    fn argument(&mut self) -> Arg {
        let start = self.lexer.at;
        self.open = 0;
        self.locals.clear();
        let (nodes, args) = (self.tree.nodes.len(), self.tree.args.len());
        let parsed = self.ternary().and_then(|ex| {
            if self.is(Op::Comma) || self.lexer.token() == Token::End {
                Ok(ex)
            } else {
                Err(Reason::Syntax)
            }
        });
        let id = match parsed {
            Ok(ex) => self.id(ex),
            Err(reason) => {
                self.lexer.seek(start);
                self.skip_argument();
                self.tree.nodes.truncate(nodes);
                self.tree.args.truncate(args);
                self.push(Node::Unknown(reason), Ty::UNKNOWN)
            }
        };
        self.arg_from(id, start)
    }

    /// An argument whose text began at `start` and ended before the token in hand.
    fn arg_from(&self, id: Id, start: usize) -> Arg {
        Arg {
            id,
            source: Range {
                start: start as u32,
                len: self.lexer.last_end.saturating_sub(start) as u32,
            },
        }
    }

    /// To the next comma outside of brackets, or the end.
    fn skip_argument(&mut self) {
        let mut depth = 0usize;
        loop {
            match self.lexer.token() {
                Token::End => return,
                Token::Op(Op::Comma) if depth == 0 => return,
                Token::Op(Op::Open | Op::OpenSquare | Op::OpenBrace) => depth += 1,
                Token::Op(Op::Close | Op::CloseSquare | Op::CloseBrace) => {
                    depth = depth.saturating_sub(1);
                }
                _ => {}
            }
            self.lexer.advance();
        }
    }

    /// Adjacent string literals as one. Escapes are taken out here.
    fn string(&mut self) -> Option<Str> {
        let Token::Str {
            start,
            end,
            escaped,
        } = self.lexer.token()
        else {
            return None;
        };
        self.lexer.advance();
        if !escaped && !matches!(self.lexer.token(), Token::Str { .. }) {
            return Some(Str::text(start, end - start));
        }
        let own = self.tree.strings.len();
        self.unescape(start, end);
        while let Token::Str { start, end, .. } = self.lexer.token() {
            self.lexer.advance();
            self.unescape(start, end);
        }
        Some(Str::own(own, self.tree.strings.len() - own))
    }

    fn unescape(&mut self, start: usize, end: usize) {
        let bytes = self.format.text().as_bytes();
        let raw = bytes.get(start..end).unwrap_or_default();
        super::unescape_into(raw, &mut self.tree.strings);
    }

    /// The pieces of a format string whose arguments are `first..end` of the tree's.
    fn pieces(&mut self, line: Str, first: usize, end: usize) -> Range {
        let long = self.tree.abi.word.bytes() as u8;
        let start = self.tree.pieces.len();
        let Tree {
            text,
            strings,
            pieces,
            args,
            nodes,
            ..
        } = &mut self.tree;
        let bytes = line.of(text, strings);
        let literal = |from: usize, to: usize| Piece::Literal(line.part(from, to));
        // A conversion takes an argument, or two more; between them stands something.
        pieces.reserve(2 * (end - first) + 1);
        let mut next = first;
        let mut from = 0;
        let mut at = 0;
        while let Some(percent) = scan::either(bytes.get(at..).unwrap_or_default(), b'%', b'%') {
            at += percent;
            if at > from {
                pieces.push(literal(from, at));
            }
            let conversion = conversion::parse(bytes, at + 1, long, &mut || {
                next += 1;
                if next <= end {
                    (next - 1) as u32
                } else {
                    missing(nodes, args)
                }
            });
            let Some((conversion, after)) = conversion else {
                // Here the kernel's vsnprintf gives up.
                from = bytes.len();
                break;
            };
            match conversion {
                Some((spec, arg)) => {
                    let id = args.get(arg as usize).map_or(Id::MAX, |arg| arg.id);
                    pieces.push(piece(spec, arg, nodes.get(id as usize)));
                    from = after;
                }
                // `%%`: the second one is a literal.
                None => from = after - 1,
            }
            at = after;
        }
        if bytes.len() > from {
            pieces.push(literal(from, bytes.len()));
        }
        Range {
            start: start as u32,
            len: (pieces.len() - start) as u32,
        }
    }

    #[inline(always)]
    fn push(&mut self, node: Node, ty: Ty) -> Id {
        self.tree.nodes.push((node, ty));
        (self.tree.nodes.len() - 1) as Id
    }

    /// An expression as a node.
    fn id(&mut self, ex: Ex) -> Id {
        match ex.what() {
            What::Const(value) => self.push(Node::Const(value), ex.ty()),
            What::Node(id) => id,
        }
    }

    /// A new node above others.
    #[inline(always)]
    fn node(&mut self, node: Node, ty: Ty, depth: u16) -> Parsed {
        if depth >= MAX_DEPTH {
            return Err(Reason::Depth);
        }
        Ok(Ex::of(self.push(node, ty), ty, depth + 1))
    }

    fn constant(value: u64, ty: Ty) -> Ex {
        Ex::constant(ty.convert(value), ty)
    }

    /// Something that cannot be known: it costs only what depends on it.
    fn unknown(&mut self, reason: Reason) -> Ex {
        let id = self.push(Node::Unknown(reason), Ty::UNKNOWN);
        Ex::of(id, Ty::UNKNOWN, 0)
    }

    /// Counts a level of nesting while `inner` runs.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.open >= MAX_DEPTH {
            return Err(Reason::Depth);
        }
        self.open += 1;
        let result = inner(self);
        self.open -= 1;
        result
    }

    /// A field by name: of two with one name the one that is dynamic, or the one that is not.
    fn field(&mut self, name: &[u8], dynamic: bool) -> Option<Field<'f>> {
        let is_wanted = |field: Field<'_>| is_dynamic(field) == dynamic;
        // Most lines name the fields in their order.
        if let Some(field) = self.format.field_at(self.next_field)
            && scan::same(field.name_bytes(), name)
            && is_wanted(field)
        {
            self.next_field += 1;
            return Some(field);
        }
        let mut other = None;
        let mut from = 0;
        while let Some(at) = self.format.next_named(name, from)
            && let Some(field) = self.format.field_at(at)
        {
            from = at + 1;
            if is_wanted(field) {
                self.next_field = from;
                return Some(field);
            }
            other = other.or(Some(field));
        }
        other
    }
}
