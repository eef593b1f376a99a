//! `({ … })`: declarations, assignments, `if`, `switch`, and the last expression as the value.

use alloc::vec::Vec;

use super::{Ex, Parsed, Parser, What};
use crate::print::lex::{Op, Token};
use crate::print::tree::{Base, Node, Range, Reason, Stmt, Ty};

/// Most locals that one argument may have.
pub(in crate::print) const MAX_LOCALS: usize = 16;

/// A local variable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local<'f> {
    name: &'f str,
    ty: Ty,
    /// Of an array that is initialised where it is declared: its elements.
    values: Option<Range>,
}

/// Statements of one block, and the `break`s whose target is not known yet.
#[derive(Default)]
struct Code {
    stmts: Vec<Stmt>,
    breaks: Vec<usize>,
    in_switch: bool,
    depth: u16,
}

impl<'f> Parser<'f> {
    /// After `({`, to after `}`.
    pub(super) fn block(&mut self) -> Parsed {
        let mut code = Code::default();
        let outer = self.locals.len();
        let mut last = None;
        while !self.take(Op::CloseBrace) {
            last = self.statement(&mut code)?;
        }
        for local in self.locals.iter_mut().skip(outer) {
            // Out of scope; the slot stays taken.
            local.name = "";
        }
        let range = Range {
            start: self.tree.stmts.len() as u32,
            len: code.stmts.len() as u32,
        };
        self.tree.stmts.extend_from_slice(&code.stmts);
        let ty = last.unwrap_or(Ty::UNKNOWN);
        self.node(Node::Block(range), ty, code.depth)
    }

    /// One statement; the type of its value if it is an expression.
    fn statement(&mut self, code: &mut Code) -> Parsed<Option<Ty>> {
        match self.lexer.token() {
            Token::End => Err(Reason::Syntax),
            Token::Op(Op::Semicolon) => {
                self.lexer.advance();
                Ok(None)
            }
            Token::Op(Op::OpenBrace) => {
                self.lexer.advance();
                while !self.take(Op::CloseBrace) {
                    self.nested(|parser| parser.statement(code))?;
                }
                Ok(None)
            }
            Token::Name("if") => {
                self.lexer.advance();
                self.nested(|parser| parser.branch(code))?;
                Ok(None)
            }
            Token::Name("switch") => {
                self.lexer.advance();
                self.nested(|parser| parser.switch(code))?;
                Ok(None)
            }
            Token::Name("break") if code.in_switch => {
                self.lexer.advance();
                self.need(Op::Semicolon)?;
                code.breaks.push(code.stmts.len());
                code.stmts.push(Stmt::Skip(0));
                Ok(None)
            }
            Token::Name("for" | "while" | "do" | "goto" | "return" | "continue") => {
                Err(Reason::Syntax)
            }
            Token::Name(name) => {
                let at = self.lexer.at;
                if !self.is_local_name(name) && self.declaration(code)? {
                    return Ok(None);
                }
                self.lexer.seek(at);
                self.expression(code)
            }
            _ => self.expression(code),
        }
    }

    /// `x = e;`, `x.word = e;` or an expression.
    fn expression(&mut self, code: &mut Code) -> Parsed<Option<Ty>> {
        let at = self.lexer.at;
        if let Token::Name(name) = self.lexer.token()
            && let Some(slot) = self.slot(name)
        {
            self.lexer.advance();
            if self.take(Op::Dot) {
                self.name()?;
            }
            if self.take(Op::Assign) {
                let value = self.ternary()?;
                self.need(Op::Semicolon)?;
                return self.assign(code, slot, value).map(|()| None);
            }
            self.lexer.seek(at);
        }
        let ex = self.ternary()?;
        self.need(Op::Semicolon)?;
        code.depth = code.depth.max(ex.depth());
        let id = self.id(ex);
        code.stmts.push(Stmt::Expr(id));
        Ok(Some(ex.ty()))
    }

    fn assign(&mut self, code: &mut Code, slot: u8, value: Ex) -> Parsed<()> {
        let ty = self
            .locals
            .get(usize::from(slot))
            .map_or(Ty::UNKNOWN, |local| local.ty);
        let value = match ty.base() {
            Base::Int | Base::Bool if !ty.is_pointer() => self.cast(value, ty)?,
            _ => value,
        };
        let depth = value.depth();
        let id = self.id(value);
        let ex = self.node(Node::Assign(slot, id), ty, depth)?;
        code.depth = code.depth.max(ex.depth());
        let id = self.id(ex);
        code.stmts.push(Stmt::Expr(id));
        Ok(())
    }

    /// `type name [= value] [, …];`. False, with tokens consumed, if it is no declaration.
    fn declaration(&mut self, code: &mut Code) -> Parsed<bool> {
        let auto = self.lexer.token() == Token::Name("__auto_type");
        let mut ty = if auto {
            self.lexer.advance();
            Ty::UNKNOWN
        } else {
            match self.type_name(false) {
                Some(ty) => ty,
                None => return Ok(false),
            }
        };
        let Token::Name(name) = self.lexer.token() else {
            return Ok(false);
        };
        self.lexer.advance();
        if self.take(Op::OpenSquare) {
            while !self.take(Op::CloseSquare) {
                if self.lexer.token() == Token::End {
                    return Err(Reason::Syntax);
                }
                self.lexer.advance();
            }
            self.need(Op::Assign)?;
            let values = self.values()?;
            self.need(Op::Semicolon)?;
            self.declare(name, ty, Some(values))?;
            return Ok(true);
        }
        let value = if self.take(Op::Assign) {
            Some(self.ternary()?)
        } else {
            None
        };
        if auto {
            ty = value.map_or(Ty::UNKNOWN, Ex::ty);
        }
        let slot = self.declare(name, ty, None)?;
        if let Some(value) = value {
            self.assign(code, slot, value)?;
        }
        self.need(Op::Semicolon)?;
        Ok(true)
    }

    fn declare(&mut self, name: &'f str, ty: Ty, values: Option<Range>) -> Parsed<u8> {
        if self.locals.len() >= MAX_LOCALS {
            return Err(Reason::Depth);
        }
        self.locals.push(Local { name, ty, values });
        Ok((self.locals.len() - 1) as u8)
    }

    /// `{ a, b, … }`.
    fn values(&mut self) -> Parsed<Range> {
        self.need(Op::OpenBrace)?;
        let mut ids = Vec::new();
        while !self.take(Op::CloseBrace) {
            let ex = self.nested(Self::ternary)?;
            ids.push(self.id(ex));
            if !self.take(Op::Comma) && !self.is(Op::CloseBrace) {
                return Err(Reason::Syntax);
            }
        }
        Ok(self.ids(&ids))
    }

    pub(super) fn ids(&mut self, ids: &[u32]) -> Range {
        let start = self.tree.ids.len() as u32;
        self.tree.ids.extend_from_slice(ids);
        Range {
            start,
            len: ids.len() as u32,
        }
    }

    /// After `if`.
    fn branch(&mut self, code: &mut Code) -> Parsed<()> {
        self.need(Op::Open)?;
        let cond = self.ternary()?;
        self.need(Op::Close)?;
        code.depth = code.depth.max(cond.depth());
        let cond = self.id(cond);
        let test = code.stmts.len();
        code.stmts.push(Stmt::Unless(cond, 0));
        self.statement(code)?;
        if self.lexer.token() == Token::Name("else") {
            self.lexer.advance();
            let jump = code.stmts.len();
            code.stmts.push(Stmt::Skip(0));
            patch(&mut code.stmts, test);
            self.statement(code)?;
            patch(&mut code.stmts, jump);
        } else {
            patch(&mut code.stmts, test);
        }
        Ok(())
    }

    /// After `switch`. The tests of all cases come first, in their order; then the bodies.
    fn switch(&mut self, code: &mut Code) -> Parsed<()> {
        self.need(Op::Open)?;
        let value = self.ternary()?;
        self.need(Op::Close)?;
        self.need(Op::OpenBrace)?;
        let slot = self.declare("", Ty::UNKNOWN, None)?;
        self.assign(code, slot, value)?;
        let value = self.push(Node::Local(slot), value.ty());
        let mut body = Code {
            in_switch: true,
            ..Code::default()
        };
        let mut cases = Vec::new();
        let mut default = None;
        while !self.take(Op::CloseBrace) {
            match self.lexer.token() {
                Token::Name("case") => {
                    self.lexer.advance();
                    let What::Const(constant) = self.nested(Self::ternary)?.what() else {
                        return Err(Reason::Name);
                    };
                    self.need(Op::Colon)?;
                    cases.push((constant, body.stmts.len()));
                }
                Token::Name("default") => {
                    self.lexer.advance();
                    self.need(Op::Colon)?;
                    default = Some(body.stmts.len());
                }
                _ => {
                    self.statement(&mut body)?;
                }
            }
        }
        let tests = cases.len();
        for (at, (constant, place)) in cases.into_iter().enumerate() {
            code.stmts.push(Stmt::Case {
                value,
                constant,
                // Over the other tests and the jump to the default.
                skip: (tests - at + place) as u32,
            });
        }
        let end = body.stmts.len();
        code.stmts.push(Stmt::Skip(default.unwrap_or(end) as u32));
        for at in body.breaks {
            if let Some(stmt) = body.stmts.get_mut(at) {
                *stmt = Stmt::Skip((end - at - 1) as u32);
            }
        }
        code.depth = code.depth.max(body.depth);
        code.stmts.append(&mut body.stmts);
        Ok(())
    }

    fn slot(&self, name: &str) -> Option<u8> {
        self.locals
            .iter()
            .rposition(|local| local.name == name)
            .map(|slot| slot as u8)
    }

    pub(super) fn is_local_name(&self, name: &str) -> bool {
        self.slot(name).is_some()
    }

    /// A local's value.
    pub(super) fn local(&mut self, name: &str) -> Option<Ex> {
        let slot = self.slot(name)?;
        let ty = self.locals.get(usize::from(slot))?.ty;
        let id = self.push(Node::Local(slot), ty);
        Some(Ex::of(id, ty, 0))
    }

    /// `base[index]` of a local array.
    pub(super) fn local_element(&mut self, base: Ex, index: Ex) -> Option<Parsed> {
        let What::Node(id) = base.what() else {
            return None;
        };
        let (Node::Local(slot), ty) = self.tree.node(id) else {
            return None;
        };
        let values = self.locals.get(usize::from(slot))?.values?;
        let depth = index.depth();
        let index = self.id(index);
        Some(self.node(Node::Element { values, index }, ty, depth))
    }
}

/// Lets the jump at `at` skip everything since.
fn patch(stmts: &mut [Stmt], at: usize) {
    let skip = (stmts.len() - at - 1) as u32;
    if let Some(Stmt::Unless(_, target) | Stmt::Skip(target)) = stmts.get_mut(at) {
        *target = skip;
    }
}
