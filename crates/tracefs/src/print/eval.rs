//! Evaluating a tree for one record.

use super::functions::{Argument, Function};
use super::out::Out;
use super::parse::{self, MAX_ARGUMENTS, MAX_LOCALS};
use super::tree::{Base, Binary, Id, Node, Range, Reason, Stmt, Tree, Ty};
use crate::Endian;
use crate::record::{Accessor, read_number, sign_extend};

/// Most steps that one line may take: nodes evaluated, rows compared, elements printed. Only a
/// print fmt that was made to cost time comes near it.
pub const MAX_STEPS: u32 = 1 << 20;

/// What a node comes to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Val {
    /// A number, or an address in the kernel.
    Int(u64),
    /// A place in the record, and where what it belongs to ends.
    Data {
        at: usize,
        end: usize,
    },
    /// A string literal, and how far into it.
    Literal(Id, usize),
    /// A text that this node writes.
    Text(Id),
    Unknown(Reason),
}

/// Everything that is in hand while one record is rendered.
pub(super) struct Env<'r, 'w> {
    pub(super) tree: &'r Tree,
    pub(super) data: &'r [u8],
    pub(super) out: Out<'w>,
    pub(super) locals: [Val; MAX_LOCALS],
    pub(super) steps: u32,
    /// Arguments that could not be rendered.
    pub(super) fallbacks: u32,
    /// Addresses printed where the kernel prints symbols.
    pub(super) symbols_missing: u32,
    /// The block that is being evaluated, for `trace_seq_buffer_ptr`.
    pub(super) block: Id,
    /// Whether `trace_seq_printf` prints.
    pub(super) printing: bool,
    /// Texts that are being written inside of each other.
    pub(super) texts: u32,
}

impl<'r> Env<'r, '_> {
    /// Takes a step; false when there are none left.
    pub(super) fn step(&mut self) -> bool {
        self.steps = self.steps.saturating_sub(1);
        self.steps > 0
    }

    pub(super) fn swap(&self) -> bool {
        self.tree.abi.endian != Endian::NATIVE
    }

    pub(super) fn eval(&mut self, id: Id) -> Val {
        if !self.step() {
            return Val::Unknown(Reason::Depth);
        }
        let (node, ty) = self.tree.node(id);
        match node {
            Node::Const(value) => Val::Int(value),
            Node::Field(access) => match access.u64(self.data) {
                Some(value) => Val::Int(value),
                None => Val::Unknown(Reason::Field),
            },
            Node::Data(access) => self.place(access),
            Node::Address(access) => Val::Data {
                at: access.offset(),
                end: self.data.len(),
            },
            Node::DataLen(access) => match access.location(self.data) {
                Some((_, len)) => Val::Int(len as u64),
                None => Val::Unknown(Reason::Field),
            },
            Node::Unary(op, operand) => match self.number(operand) {
                Ok(value) => Val::Int(parse::unary(op, ty.convert(value), ty)),
                Err(reason) => Val::Unknown(reason),
            },
            Node::Binary(op, a, b) => self.binary(op, a, b, ty),
            Node::Cond(cond, yes, no) => match self.number(cond) {
                Ok(0) => self.eval(no),
                Ok(_) => self.eval(yes),
                Err(reason) => Val::Unknown(reason),
            },
            Node::Convert(operand) => match self.number(operand) {
                Ok(value) => Val::Int(ty.convert(value)),
                Err(reason) => Val::Unknown(reason),
            },
            Node::Offset { base, index, scale } => self.offset(base, index, scale),
            Node::Load(pointer) => self.load(pointer, ty),
            Node::Bits {
                value,
                shift,
                width,
            } => match self.number(value) {
                Ok(value) => {
                    Val::Int(value >> (shift & 63) & ((1u64 << (width & 63)).wrapping_sub(1)))
                }
                Err(reason) => Val::Unknown(reason),
            },
            Node::Local(slot) => self
                .locals
                .get(usize::from(slot))
                .copied()
                .unwrap_or(Val::Unknown(Reason::Name)),
            Node::Assign(slot, value) => {
                let value = self.eval(value);
                if let Some(local) = self.locals.get_mut(usize::from(slot)) {
                    *local = value;
                }
                value
            }
            Node::Element { values, index } => match self.number(index) {
                Ok(index) => {
                    let ids = values.of(&self.tree.ids);
                    match usize::try_from(index).ok().and_then(|at| ids.get(at)) {
                        Some(&id) => self.eval(id),
                        None => Val::Unknown(Reason::Memory),
                    }
                }
                Err(reason) => Val::Unknown(reason),
            },
            Node::Block(stmts) => self.block(id, stmts),
            Node::Sequence => Val::Text(self.block),
            Node::Print { pieces } => {
                if self.printing {
                    self.pieces(pieces);
                }
                Val::Int(0)
            }
            Node::Call {
                function: Function::Number { call, .. },
                args,
            } => {
                let (values, count) = self.arguments(args);
                match call(values.get(..count).unwrap_or_default()) {
                    Some(value) => Val::Int(ty.convert(value)),
                    None => Val::Unknown(Reason::Function),
                }
            }
            Node::Literal(_) => Val::Literal(id, 0),
            Node::Flags { .. }
            | Node::Symbolic { .. }
            | Node::Hex { .. }
            | Node::Array { .. }
            | Node::HexDump { .. }
            | Node::Bitmask(_)
            | Node::Call { .. } => Val::Text(id),
            Node::UnknownCall { .. } => Val::Unknown(Reason::Function),
            Node::Unknown(reason) => Val::Unknown(reason),
        }
    }

    /// A number; a pointer to something that is here counts as 1.
    pub(super) fn number(&mut self, id: Id) -> Result<u64, Reason> {
        match self.eval(id) {
            Val::Int(value) => Ok(value),
            Val::Unknown(reason) => Err(reason),
            Val::Data { .. } | Val::Literal(..) | Val::Text(_) => Ok(1),
        }
    }

    fn binary(&mut self, op: Binary, a: Id, b: Id, ty: Ty) -> Val {
        let left = match self.number(a) {
            Ok(value) => value,
            Err(reason) => return Val::Unknown(reason),
        };
        match (op, left) {
            (Binary::AndAnd, 0) => return Val::Int(0),
            (Binary::OrOr, 1..) => return Val::Int(1),
            _ => {}
        }
        let right = match self.number(b) {
            Ok(value) => value,
            Err(reason) => return Val::Unknown(reason),
        };
        let right = match op {
            Binary::Shl | Binary::Shr => right,
            _ => ty.convert(right),
        };
        Val::Int(parse::binary(op, ty.convert(left), right, ty))
    }

    fn place(&self, access: Accessor) -> Val {
        let (at, len) = match access.place(self.data) {
            Some(place) => place,
            None => return Val::Unknown(Reason::Field),
        };
        let end = at.saturating_add(len);
        if end > self.data.len() {
            return Val::Unknown(Reason::Field);
        }
        Val::Data { at, end }
    }

    fn offset(&mut self, base: Id, index: Id, scale: i32) -> Val {
        let value = self.eval(base);
        let index = match self.number(index) {
            Ok(index) => index,
            Err(reason) => return Val::Unknown(reason),
        };
        let moved = (index as i64).wrapping_mul(i64::from(scale));
        let step = |at: usize| {
            isize::try_from(moved)
                .ok()
                .and_then(|moved| at.checked_add_signed(moved))
        };
        match value {
            Val::Int(address) => Val::Int(address.wrapping_add(moved as u64)),
            Val::Data { at, end } => match step(at) {
                Some(at) => Val::Data { at, end },
                None => Val::Unknown(Reason::Memory),
            },
            Val::Literal(id, at) => match step(at) {
                Some(at) => Val::Literal(id, at),
                None => Val::Unknown(Reason::Memory),
            },
            Val::Text(_) => Val::Unknown(Reason::Memory),
            unknown @ Val::Unknown(_) => unknown,
        }
    }

    fn load(&mut self, pointer: Id, ty: Ty) -> Val {
        match self.eval(pointer) {
            Val::Data { at, end } => {
                if !matches!(ty.base(), Base::Int | Base::Bool) && !ty.is_pointer() {
                    return Val::Data { at, end };
                }
                let size = if ty.is_pointer() {
                    self.tree.abi.word.bytes()
                } else {
                    ty.size() as usize
                };
                let bytes = at
                    .checked_add(size)
                    .filter(|&stop| stop <= end)
                    .and_then(|stop| self.data.get(at..stop));
                match bytes.and_then(|bytes| read_number(bytes, self.swap())) {
                    Some(raw) if ty.is_signed() => Val::Int(sign_extend(raw, size) as u64),
                    Some(raw) => Val::Int(raw),
                    // `__get_str(x)[0]` of a string that has no byte at all.
                    None if size == 1 && at == end => Val::Int(0),
                    None => Val::Unknown(Reason::Field),
                }
            }
            Val::Literal(id, at) => match self.tree.node(id).0 {
                Node::Literal(str) => {
                    let byte = self.tree.str(str).get(at).copied().unwrap_or(0);
                    Val::Int(u64::from(byte))
                }
                _ => Val::Unknown(Reason::Memory),
            },
            Val::Int(_) | Val::Text(_) => Val::Unknown(Reason::Memory),
            unknown @ Val::Unknown(_) => unknown,
        }
    }

    /// Runs a block's statements. Its value is that of the last expression.
    fn block(&mut self, id: Id, stmts: Range) -> Val {
        let outer = core::mem::replace(&mut self.block, id);
        let stmts = stmts.of(&self.tree.stmts);
        let mut value = Val::Unknown(Reason::Syntax);
        let mut at = 0usize;
        // Jumps only go forwards.
        while let Some(stmt) = stmts.get(at) {
            at += 1;
            match *stmt {
                Stmt::Expr(id) => value = self.eval(id),
                Stmt::Skip(count) => at += count as usize,
                Stmt::Unless(cond, count) => match self.number(cond) {
                    Ok(0) => at += count as usize,
                    Ok(_) => {}
                    Err(reason) => {
                        value = Val::Unknown(reason);
                        break;
                    }
                },
                Stmt::Case {
                    value: test,
                    constant,
                    skip,
                } => match self.number(test) {
                    Ok(number) if number == constant => at += skip as usize,
                    Ok(_) => {}
                    Err(reason) => {
                        value = Val::Unknown(reason);
                        break;
                    }
                },
            }
        }
        self.block = outer;
        value
    }

    /// The arguments of a kernel function.
    pub(super) fn arguments(&mut self, args: Range) -> ([Argument<'r>; MAX_ARGUMENTS], usize) {
        let tree = self.tree;
        let mut values = [Argument::Unknown; MAX_ARGUMENTS];
        let ids = args.of(&tree.ids);
        for (value, &id) in values.iter_mut().zip(ids) {
            *value = match self.eval(id) {
                Val::Int(number) => Argument::Number(number),
                Val::Data { at, end } => {
                    Argument::Bytes(self.data.get(at..end).unwrap_or_default(), tree.abi)
                }
                Val::Literal(id, at) => match tree.node(id).0 {
                    Node::Literal(str) => {
                        Argument::Text(tree.str(str).get(at..).unwrap_or_default())
                    }
                    _ => Argument::Unknown,
                },
                Val::Text(_) | Val::Unknown(_) => Argument::Unknown,
            };
        }
        (values, ids.len().min(MAX_ARGUMENTS))
    }
}
