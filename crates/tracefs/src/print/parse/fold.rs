//! Building operators: constants are computed at once, with the arithmetic of the record's
//! machine.

use super::{Ex, Parsed, Parser, What};
use crate::Abi;
use crate::print::tree::{Base, Binary, Node, Ty, Unary};

/// `op value` in the type given, which is a promoted one.
pub(in crate::print) fn unary(op: Unary, value: u64, ty: Ty) -> u64 {
    match op {
        Unary::Minus => ty.convert(value.wrapping_neg()),
        Unary::Invert => ty.convert(!value),
        Unary::Not => u64::from(value == 0),
    }
}

/// `a op b`, both already converted to `ty`. Division by zero is zero, and a shift by the width
/// or more shifts everything out: C leaves both open.
pub(in crate::print) fn binary(op: Binary, a: u64, b: u64, ty: Ty) -> u64 {
    let (sa, sb) = (a as i64, b as i64);
    let bits = u64::from(ty.size()) * 8;
    let shifted = |value: Option<u64>| value.filter(|_| b < bits);
    let order = if ty.is_signed() {
        sa.cmp(&sb)
    } else {
        a.cmp(&b)
    };
    let value = match op {
        Binary::Mul => a.wrapping_mul(b),
        Binary::Div if ty.is_signed() => sa.checked_div(sb).unwrap_or(0) as u64,
        Binary::Div => a.checked_div(b).unwrap_or(0),
        Binary::Rem if ty.is_signed() => sa.checked_rem(sb).unwrap_or(0) as u64,
        Binary::Rem => a.checked_rem(b).unwrap_or(0),
        Binary::Add => a.wrapping_add(b),
        Binary::Sub => a.wrapping_sub(b),
        Binary::Shl => shifted(a.checked_shl(b.min(64) as u32)).unwrap_or(0),
        Binary::Shr if ty.is_signed() => (sa >> b.min(63)) as u64,
        Binary::Shr => shifted(a.checked_shr(b.min(64) as u32)).unwrap_or(0),
        Binary::And => a & b,
        Binary::Xor => a ^ b,
        Binary::Or => a | b,
        Binary::Less => return u64::from(order.is_lt()),
        Binary::LessEq => return u64::from(order.is_le()),
        Binary::Greater => return u64::from(order.is_gt()),
        Binary::GreaterEq => return u64::from(order.is_ge()),
        Binary::Equal => return u64::from(a == b),
        Binary::NotEqual => return u64::from(a != b),
        Binary::AndAnd => return u64::from(a != 0 && b != 0),
        Binary::OrOr => return u64::from(a != 0 || b != 0),
    };
    ty.convert(value)
}

/// The type that an operator computes in, and that of its result.
fn types(op: Binary, a: Ty, b: Ty, abi: Abi) -> (Ty, Ty) {
    match op {
        Binary::Shl | Binary::Shr => {
            let ty = a.promoted(abi);
            (ty, ty)
        }
        Binary::Less
        | Binary::LessEq
        | Binary::Greater
        | Binary::GreaterEq
        | Binary::Equal
        | Binary::NotEqual => (a.common(b, abi), Ty::INT),
        Binary::AndAnd | Binary::OrOr => (Ty::int(8, false), Ty::INT),
        _ => {
            let ty = a.common(b, abi);
            (ty, ty)
        }
    }
}

/// `op operand` of a constant.
pub(super) fn constant(op: Unary, operand: Ex, abi: Abi) -> Option<Ex> {
    let What::Const(value) = operand.what() else {
        return None;
    };
    let ty = unary_type(op, operand.ty(), abi);
    Some(Ex::constant(unary(op, value, ty), ty))
}

/// `a op b` of constants.
pub(super) fn constants(op: Binary, a: Ex, b: Ex, abi: Abi) -> Option<Ex> {
    let (What::Const(x), What::Const(y)) = (a.what(), b.what()) else {
        return None;
    };
    let (within, result) = types(op, a.ty(), b.ty(), abi);
    let y = if matches!(op, Binary::Shl | Binary::Shr) {
        y
    } else {
        within.convert(y)
    };
    let value = binary(op, within.convert(x), y, within);
    Some(Ex::constant(result.convert(value), result))
}

/// The same for what tables are full of: bits of constants whose type no operator changes.
#[inline]
pub(super) fn alike(op: Binary, a: Ex, b: Ex) -> Option<Ex> {
    let (What::Const(x), What::Const(y)) = (a.what(), b.what()) else {
        return None;
    };
    let ty = a.ty();
    if !ty.is_arithmetic() {
        return None;
    }
    let value = match op {
        Binary::Shl if y < u64::from(ty.size()) * 8 => ty.convert(x << y),
        Binary::Or if ty == b.ty() => x | y,
        Binary::And if ty == b.ty() => x & y,
        Binary::Xor if ty == b.ty() => x ^ y,
        _ => return None,
    };
    Some(Ex::constant(value, ty))
}

/// A constant as an integer of that type.
pub(super) fn converted(operand: Ex, ty: Ty) -> Option<Ex> {
    match operand.what() {
        What::Const(value) => Some(Ex::constant(ty.convert(value), ty)),
        What::Node(_) => None,
    }
}

fn unary_type(op: Unary, operand: Ty, abi: Abi) -> Ty {
    match op {
        Unary::Not => Ty::INT,
        _ => operand.promoted(abi),
    }
}

impl Parser<'_> {
    pub(super) fn apply(&mut self, op: Unary, operand: Ex) -> Parsed {
        let abi = self.tree.abi;
        if let Some(ex) = constant(op, operand, abi) {
            return Ok(ex);
        }
        let ty = unary_type(op, operand.ty(), abi);
        let depth = operand.depth();
        let id = self.id(operand);
        self.node(Node::Unary(op, id), ty, depth)
    }

    pub(super) fn combine(&mut self, op: Binary, a: Ex, b: Ex) -> Parsed {
        let abi = self.tree.abi;
        if matches!(op, Binary::Add | Binary::Sub) {
            let sign = if op == Binary::Add { 1 } else { -1 };
            if a.ty().is_pointer() && !b.ty().is_pointer() {
                return self.offset(a, b, sign);
            }
            if b.ty().is_pointer() && !a.ty().is_pointer() && sign == 1 {
                return self.offset(b, a, sign);
            }
        }
        if let Some(ex) = constants(op, a, b, abi) {
            return Ok(ex);
        }
        match (op, a.what(), b.what()) {
            // What is decided already does not need the other side.
            (Binary::AndAnd, What::Const(0), _) => return Ok(Self::constant(0, Ty::INT)),
            (Binary::OrOr, What::Const(1..), _) => return Ok(Self::constant(1, Ty::INT)),
            _ => {}
        }
        let (within, result) = types(op, a.ty(), b.ty(), abi);
        let depth = a.depth().max(b.depth());
        let (a, b) = (self.id(a), self.id(b));
        // Compared in one type, the result is another: the node's type is the one computed in.
        let ex = self.node(Node::Binary(op, a, b), within, depth)?;
        Ok(ex.with_ty(result))
    }

    pub(super) fn cast(&mut self, operand: Ex, ty: Ty) -> Parsed {
        if ty.base() == Base::Unknown && !ty.is_pointer() {
            // A typedef that nobody knows: the value as it is.
            return Ok(operand);
        }
        if ty.base() == Base::Void && !ty.is_pointer() {
            return Ok(operand);
        }
        if ty.is_pointer() || matches!(ty.base(), Base::Struct(_)) {
            return Ok(operand.with_ty(ty));
        }
        if let Some(ex) = converted(operand, ty) {
            return Ok(ex);
        }
        if operand.ty() == ty {
            return Ok(operand);
        }
        let depth = operand.depth();
        let id = self.id(operand);
        self.node(Node::Convert(id), ty, depth)
    }
}
