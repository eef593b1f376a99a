//! The expression tree of a print fmt, in arenas: a compiled one is a handful of allocations.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use super::conversion::Piece;
use super::functions::Function;
use super::symbols::Symbols;
use crate::Abi;
use crate::record::Accessor;

/// Deepest nesting of brackets, operators and calls in one argument. The deepest known is 31.
pub const MAX_DEPTH: u16 = 100;

/// Index of a node.
pub(super) type Id = u32;

/// A run of an arena.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Range {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Range {
    pub(super) fn of<T>(self, arena: &[T]) -> &[T] {
        let start = self.start as usize;
        arena
            .get(start..start + self.len as usize)
            .unwrap_or_default()
    }
}

/// Bytes of a literal: of the text itself, or of `strings` where escapes had to be taken out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Str {
    start: u32,
    /// The highest bit says that they are of `strings`.
    len: u32,
}

const OWN: u32 = 1 << 31;

impl Str {
    /// A part of the text.
    pub(super) fn text(start: usize, len: usize) -> Self {
        Self {
            start: start as u32,
            len: len as u32 & !OWN,
        }
    }

    /// A part of `strings`.
    pub(super) fn own(start: usize, len: usize) -> Self {
        Self {
            start: start as u32,
            len: len as u32 | OWN,
        }
    }

    /// A part of it.
    pub(super) fn part(self, from: usize, to: usize) -> Self {
        Self {
            start: self.start + from as u32,
            len: to.saturating_sub(from) as u32 & !OWN | self.len & OWN,
        }
    }

    pub(super) fn len(self) -> u32 {
        self.len & !OWN
    }

    /// Its bytes.
    #[inline]
    pub(super) fn of<'t>(self, text: &'t str, strings: &'t [u8]) -> &'t [u8] {
        let arena = if self.len & OWN != 0 {
            strings
        } else {
            text.as_bytes()
        };
        let start = self.start as usize;
        arena
            .get(start..start + self.len() as usize)
            .unwrap_or_default()
    }
}

/// What a C type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Void,
    Int,
    Bool,
    /// A struct or union whose layout is known: its index.
    Struct(u16),
    Unknown,
}

/// A C type, as far as arithmetic and printing need it.
///
/// One word, so that expressions are handed on in registers: size, array length, how many `*`,
/// sign, base.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ty(u64);

/// Where each of them begins. Sizes and lengths are at most
/// [`MAX_EXTENT`](crate::format::MAX_EXTENT) and a literal's NUL.
const LEN: u32 = 21;
const STARS: u32 = 42;
const SIGNED: u32 = 46;
const BASE: u32 = 47;
/// Bits from here on are left to expressions.
pub(super) const TY_BITS: u32 = 54;
const MAX_AMOUNT: u32 = (1 << LEN) - 1;
const MAX_STARS: u8 = 15;
/// The base of the first struct; the others follow, 64 at most.
const STRUCTS: u64 = 4;

impl Ty {
    const fn new(base: u64, size: u32, signed: bool, stars: u8) -> Self {
        let size = if size > MAX_AMOUNT { MAX_AMOUNT } else { size };
        Self(size as u64 | (stars as u64) << STARS | (signed as u64) << SIGNED | base << BASE)
    }
    pub(super) const fn int(size: u32, signed: bool) -> Self {
        Self::new(1, size, signed, 0)
    }
    pub(super) const INT: Self = Self::int(4, true);
    pub(super) const BOOL: Self = Self::new(2, 1, false, 0);
    pub(super) const VOID: Self = Self::new(0, 1, false, 0);
    pub(super) const UNKNOWN: Self = Self::new(3, 0, false, 0);
    pub(super) const CHARS: Self = Self::new(1, 1, false, 1);
    pub(super) const VOIDS: Self = Self::new(0, 1, false, 1);

    /// A struct or union whose layout is known, of that index.
    pub(super) fn structure(id: u16, size: u32) -> Self {
        Self::new(STRUCTS + u64::from(id & 63), size, false, 0)
    }

    /// The same, as an array of that length has it; 0 for none.
    pub(super) fn with_len(self, len: u32) -> Self {
        let without = self.0 & !(u64::from(MAX_AMOUNT) << LEN);
        Self(without | u64::from(len.min(MAX_AMOUNT)) << LEN)
    }

    /// The same base and sign, of that size.
    pub(super) fn with_size(self, size: u32) -> Self {
        Self(self.0 & !u64::from(MAX_AMOUNT) | u64::from(size.min(MAX_AMOUNT)))
    }

    pub(super) fn base(self) -> Base {
        match self.0 >> BASE {
            0 => Base::Void,
            1 => Base::Int,
            2 => Base::Bool,
            3 => Base::Unknown,
            id => Base::Struct((id - STRUCTS) as u16),
        }
    }

    /// Bytes of the base; 0 where unknown.
    pub(super) fn size(self) -> u32 {
        self.0 as u32 & MAX_AMOUNT
    }

    /// Length of the array, of which this is the decayed pointer; 0 for none.
    pub(super) fn len(self) -> u32 {
        (self.0 >> LEN) as u32 & MAX_AMOUNT
    }

    pub(super) fn is_signed(self) -> bool {
        self.0 >> SIGNED & 1 != 0
    }

    fn stars(self) -> u8 {
        (self.0 >> STARS) as u8 & MAX_STARS
    }

    fn with_stars(self, stars: u8) -> Self {
        let without = self.0 & !(u64::from(MAX_STARS) << STARS);
        Self(without | u64::from(stars.min(MAX_STARS)) << STARS).with_len(0)
    }

    /// The bits below [`TY_BITS`].
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    /// What [`Ty::bits`] gave.
    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits & ((1 << TY_BITS) - 1))
    }

    pub(super) fn is_pointer(self) -> bool {
        self.stars() > 0
    }

    /// What a pointer of this type points to.
    pub(super) fn pointee(self) -> Self {
        self.with_stars(self.stars().saturating_sub(1))
    }

    pub(super) fn pointer_to(self) -> Self {
        self.with_stars(self.stars() + 1)
    }

    /// `sizeof`; 0 where unknown.
    pub(super) fn bytes(self, abi: Abi) -> u32 {
        match (self.stars(), self.len()) {
            (0, _) => self.size(),
            (1, len @ 1..) => self.size().saturating_mul(len),
            _ => abi.word.bytes() as u32,
        }
    }

    /// Whether it is an integer that promotion leaves as it is.
    #[inline]
    pub(super) fn is_arithmetic(self) -> bool {
        let sign = 1 << SIGNED;
        let bits = self.0 & !sign;
        bits == Self::int(4, false).0 || bits == Self::int(8, false).0
    }

    /// Width and sign after C's integer promotion; pointers count as `unsigned long`.
    pub(super) fn promoted(self, abi: Abi) -> Self {
        if self.is_pointer() {
            return Self::int(abi.word.bytes() as u32, false);
        }
        match (self.base(), self.size()) {
            (Base::Int, size @ (4 | 8)) => Self::int(size, self.is_signed()),
            (Base::Unknown | Base::Struct(_), _) => Self::int(8, false),
            _ => Self::INT,
        }
    }

    /// The type that both operands of an arithmetic operator are converted to.
    pub(super) fn common(self, other: Self, abi: Abi) -> Self {
        let (a, b) = (self.promoted(abi), other.promoted(abi));
        match a.size().cmp(&b.size()) {
            Ordering::Equal => Self::int(a.size(), a.is_signed() && b.is_signed()),
            Ordering::Greater => a,
            Ordering::Less => b,
        }
    }

    /// A value cut to this type, and carried to 64 bits again by its sign.
    #[inline]
    pub(super) fn convert(self, value: u64) -> u64 {
        if self.is_pointer() {
            return value;
        }
        match (self.base(), self.size()) {
            (Base::Bool, _) => u64::from(value != 0),
            (Base::Int, size @ (1 | 2 | 4)) => {
                let unused = 64 - size * 8;
                if self.is_signed() {
                    ((value << unused) as i64 >> unused) as u64
                } else {
                    value << unused >> unused
                }
            }
            _ => value,
        }
    }
}

impl fmt::Debug for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ty")
            .field("base", &self.base())
            .field("size", &self.size())
            .field("signed", &self.is_signed())
            .field("stars", &self.stars())
            .field("len", &self.len())
            .finish()
    }
}

/// Operators on one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    Minus,
    Not,
    Invert,
}

/// Operators on two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Mul,
    Div,
    Rem,
    Add,
    Sub,
    Shl,
    Shr,
    Less,
    LessEq,
    Greater,
    GreaterEq,
    Equal,
    NotEqual,
    And,
    Xor,
    Or,
    AndAnd,
    OrOr,
}

/// One node; its type stands beside it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    Const(u64),
    Literal(Str),
    /// A number of the record.
    Field(Accessor),
    /// Where an array, string or struct of the record is.
    Data(Accessor),
    /// `&REC->field`.
    Address(Accessor),
    /// `__get_dynamic_array_len`.
    DataLen(Accessor),
    Unary(Unary, Id),
    /// `op`, converted to the type given first.
    Binary(Binary, Id, Id),
    Cond(Id, Id, Id),
    Convert(Id),
    /// A pointer and an offset in bytes from it: `Id * scale`.
    Offset {
        base: Id,
        index: Id,
        scale: i32,
    },
    /// What a pointer points to.
    Load(Id),
    /// A bit-field of a value.
    Bits {
        value: Id,
        shift: u8,
        width: u8,
    },
    Local(u8),
    /// `x = …`: the value, put into a local.
    Assign(u8, Id),
    /// One of a local array's values.
    Element {
        values: Range,
        index: Id,
    },
    Block(Range),
    /// `trace_seq_buffer_ptr(p)`: the text that the block prints.
    Sequence,
    /// `trace_seq_printf(p, …)`.
    Print {
        pieces: Range,
    },
    Flags {
        value: Id,
        delimiter: Str,
        table: Range,
    },
    Symbolic {
        value: Id,
        table: Range,
    },
    Hex {
        data: Id,
        len: Id,
        spaced: bool,
    },
    Array {
        data: Id,
        count: Id,
        size: Id,
    },
    HexDump {
        args: Range,
    },
    Bitmask(Id),
    Call {
        function: Function,
        args: Range,
    },
    /// A function that no table has.
    UnknownCall {
        name: Str,
        args: Range,
    },
    Unknown(Reason),
}

/// Why something cannot be computed from the record alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// A function of the kernel that no table has.
    Function,
    /// A name (an enumerator, a variable of the kernel) that no table has.
    Name,
    /// A member of a struct whose layout is not known.
    Member,
    /// What a pointer points to is in the kernel's memory.
    Memory,
    /// A field that the format does not have, or that is not what the helper needs.
    Field,
    /// Something that is not understood.
    Syntax,
    /// Deeper than [`MAX_DEPTH`].
    Depth,
    /// Fewer arguments than conversions.
    Missing,
}

impl Reason {
    /// The reason in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Function => "a function of the kernel that no table has",
            Self::Name => "a name that no table has",
            Self::Member => "a member of a struct whose layout is not known",
            Self::Memory => "it points into the kernel's memory",
            Self::Field => "no such field",
            Self::Syntax => "not understood",
            Self::Depth => "nested too deeply",
            Self::Missing => "no argument for this conversion",
        }
    }
}

/// A statement of a `({ … })`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stmt {
    /// An expression; the last one is the block's value.
    Expr(Id),
    /// `if (cond)`: skips that many statements if it is not so.
    Unless(Id, u32),
    /// Skips that many statements.
    Skip(u32),
    /// Compares a local with a constant: equal skips that many statements.
    Case { value: Id, constant: u64, skip: u32 },
}

/// A row of `__print_flags` or `__print_symbolic`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) value: u64,
    pub(super) text: Str,
    /// The value's name is in no table.
    pub(super) unknown: bool,
}

/// An argument of the format string: its tree, and where it stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arg {
    pub(super) id: Id,
    pub(super) source: Range,
}

/// Everything that a print fmt was compiled to.
#[derive(Clone)]
pub(super) struct Tree {
    pub(super) text: Arc<str>,
    pub(super) symbols: Symbols,
    pub(super) abi: Abi,
    pub(super) strings: Vec<u8>,
    pub(super) nodes: Vec<(Node, Ty)>,
    pub(super) ids: Vec<Id>,
    pub(super) stmts: Vec<Stmt>,
    pub(super) rows: Vec<Row>,
    pub(super) args: Vec<Arg>,
    pub(super) pieces: Vec<Piece>,
    /// The pieces of the line itself; those of `trace_seq_printf` stand beside them.
    pub(super) line: Range,
}

impl Tree {
    pub(super) fn str(&self, str: Str) -> &[u8] {
        str.of(&self.text, &self.strings)
    }

    pub(super) fn source(&self, range: Range) -> &str {
        let start = range.start as usize;
        self.text
            .get(start..start + range.len as usize)
            .unwrap_or("")
    }

    pub(super) fn node(&self, id: Id) -> (Node, Ty) {
        self.nodes
            .get(id as usize)
            .copied()
            .unwrap_or((Node::Unknown(Reason::Syntax), Ty::UNKNOWN))
    }
}
