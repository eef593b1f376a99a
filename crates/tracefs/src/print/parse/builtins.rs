//! Calls: the helpers of `include/trace/stages/stage3_trace_output.h`, the compiler's builtins,
//! and whatever the tables have.

use alloc::vec::Vec;

use super::{Ex, Parsed, Parser, What};
use crate::format::{Field, Kind};
use crate::names::Names;
use crate::print::functions::{Argument, Function};
use crate::print::lex::{Op, Token};
use crate::print::tree::{Binary, Node, Range, Reason, Row, Str, Ty};

/// Most arguments that a function of the kernel may have here.
pub(in crate::print) const MAX_ARGUMENTS: usize = 24;

const NSEC_PER_SEC: u64 = 1_000_000_000;

/// What the kernel's headers and the compiler bring; others of the same sense stand beside them.
#[derive(Clone, Copy)]
enum Helper {
    GetStr,
    GetDynamicArray,
    GetDynamicArrayLen,
    GetBitmask,
    PrintFlags,
    PrintFlagsU64,
    PrintSymbolic,
    PrintSymbolicU64,
    PrintHex,
    PrintArray,
    PrintDynamicArray,
    PrintHexDump,
    PrintNsToSecs,
    JiffiesToMsecs,
    BuiltinExpect,
    BuiltinChooseExpr,
    BuiltinConstantP,
    TraceSeqBufferPtr,
    TraceSeqPrintf,
    GetBuf,
}

static HELPERS: Names<Helper, 128> = Names::new(&[
    ("__get_str", Helper::GetStr),
    ("__get_rel_str", Helper::GetStr),
    ("__get_dynamic_array", Helper::GetDynamicArray),
    ("__get_rel_dynamic_array", Helper::GetDynamicArray),
    ("__get_sockaddr", Helper::GetDynamicArray),
    ("__get_sockaddr_rel", Helper::GetDynamicArray),
    ("__get_rel_sockaddr", Helper::GetDynamicArray),
    ("__get_dynamic_array_len", Helper::GetDynamicArrayLen),
    ("__get_rel_dynamic_array_len", Helper::GetDynamicArrayLen),
    ("__get_bitmask", Helper::GetBitmask),
    ("__get_rel_bitmask", Helper::GetBitmask),
    ("__get_cpumask", Helper::GetBitmask),
    ("__get_rel_cpumask", Helper::GetBitmask),
    ("__print_flags", Helper::PrintFlags),
    ("__print_flags_u64", Helper::PrintFlagsU64),
    ("__print_symbolic", Helper::PrintSymbolic),
    ("__print_symbolic_u64", Helper::PrintSymbolicU64),
    ("__print_hex", Helper::PrintHex),
    ("__print_hex_str", Helper::PrintHex),
    ("__print_array", Helper::PrintArray),
    ("__print_dynamic_array", Helper::PrintDynamicArray),
    ("__print_hex_dump", Helper::PrintHexDump),
    ("__print_ns_to_secs", Helper::PrintNsToSecs),
    ("__print_ns_without_secs", Helper::PrintNsToSecs),
    ("jiffies_to_msecs", Helper::JiffiesToMsecs),
    ("__builtin_expect", Helper::BuiltinExpect),
    ("__builtin_choose_expr", Helper::BuiltinChooseExpr),
    ("__builtin_constant_p", Helper::BuiltinConstantP),
    ("__builtin_types_compatible_p", Helper::BuiltinConstantP),
    ("trace_seq_buffer_ptr", Helper::TraceSeqBufferPtr),
    ("trace_seq_printf", Helper::TraceSeqPrintf),
    ("__get_buf", Helper::GetBuf),
]);

impl<'f> Parser<'f> {
    /// After a function's name, at the bracket; `start` is where the name stands.
    pub(super) fn call(&mut self, name: &'f str, start: usize) -> Parsed {
        self.lexer.advance();
        let ex = self.nested(|parser| match parser.helper(name)? {
            Some(ex) => Ok(ex),
            None => parser.function(name, start),
        })?;
        self.need(Op::Close)?;
        Ok(ex)
    }

    /// Up to, not over, the closing bracket. `None` if the name is no helper's.
    fn helper(&mut self, name: &str) -> Parsed<Option<Ex>> {
        let Some(helper) = HELPERS.get(name) else {
            return Ok(None);
        };
        let ex = match helper {
            Helper::GetStr => self.dynamic(Ty::CHARS)?,
            Helper::GetDynamicArray => self.dynamic(Ty::VOIDS)?,
            Helper::GetDynamicArrayLen => {
                let node = self.dynamic_field()?.map(Node::DataLen);
                self.node_or(node, Ty::int(4, false), 0)?
            }
            Helper::GetBitmask => {
                let data = self.dynamic(Ty::VOIDS)?;
                let depth = data.depth();
                let id = self.id(data);
                self.node(Node::Bitmask(id), Ty::CHARS, depth)?
            }
            Helper::PrintFlags => self.flags(self.long())?,
            Helper::PrintFlagsU64 => self.flags(8)?,
            Helper::PrintSymbolic => self.symbolic(self.long())?,
            Helper::PrintSymbolicU64 => self.symbolic(8)?,
            Helper::PrintHex => {
                let data = self.ternary()?;
                self.need(Op::Comma)?;
                let len = self.ternary()?;
                let depth = data.depth().max(len.depth());
                let (data, len) = (self.id(data), self.id(len));
                let spaced = name == "__print_hex";
                self.node(Node::Hex { data, len, spaced }, Ty::CHARS, depth)?
            }
            Helper::PrintArray => {
                let data = self.ternary()?;
                self.need(Op::Comma)?;
                let count = self.ternary()?;
                self.need(Op::Comma)?;
                let size = self.ternary()?;
                self.array(data, count, size)?
            }
            Helper::PrintDynamicArray => {
                let at = self.lexer.at;
                let data = self.dynamic(Ty::VOIDS)?;
                self.lexer.seek(at);
                let node = self.dynamic_field()?.map(Node::DataLen);
                let len = self.node_or(node, Ty::int(4, false), 0)?;
                self.need(Op::Comma)?;
                let size = self.ternary()?;
                let count = self.combine(Binary::Div, len, size)?;
                self.array(data, count, size)?
            }
            Helper::PrintHexDump => self.hex_dump()?,
            Helper::PrintNsToSecs => {
                let value = self.ternary()?;
                let value = self.cast(value, Ty::int(8, false))?;
                let second = Self::constant(NSEC_PER_SEC, Ty::int(8, false));
                if name == "__print_ns_to_secs" {
                    self.combine(Binary::Div, value, second)?
                } else {
                    let rest = self.combine(Binary::Rem, value, second)?;
                    self.cast(rest, Ty::int(4, false))?
                }
            }
            Helper::JiffiesToMsecs => match self.tree.symbols.hz_value() {
                Some(hz @ 1..) => {
                    let jiffies = self.ternary()?;
                    let jiffies = self.cast(jiffies, Ty::int(8, false))?;
                    let thousand = Self::constant(1000, Ty::int(8, false));
                    let hz = Self::constant(u64::from(hz), Ty::int(8, false));
                    let product = self.combine(Binary::Mul, jiffies, thousand)?;
                    let msecs = self.combine(Binary::Div, product, hz)?;
                    self.cast(msecs, Ty::int(4, false))?
                }
                _ => return Ok(None),
            },
            Helper::BuiltinExpect => {
                let value = self.ternary()?;
                self.need(Op::Comma)?;
                self.ternary()?;
                value
            }
            Helper::BuiltinChooseExpr => {
                let cond = self.ternary()?;
                self.need(Op::Comma)?;
                let yes = self.ternary()?;
                self.need(Op::Comma)?;
                let no = self.ternary()?;
                match cond.what() {
                    What::Const(0) => no,
                    What::Const(_) => yes,
                    What::Node(_) => return Err(Reason::Syntax),
                }
            }
            Helper::BuiltinConstantP => {
                // Only ever in assertions that held when the kernel was compiled.
                self.skip_arguments();
                Self::constant(0, Ty::INT)
            }
            Helper::TraceSeqBufferPtr => {
                self.skip_arguments();
                self.node(Node::Sequence, Ty::CHARS, 0)?
            }
            Helper::TraceSeqPrintf => {
                self.sequence()?;
                self.need(Op::Comma)?;
                let line = self.string().ok_or(Reason::Syntax)?;
                let mut args = Vec::new();
                let mut depth = 0;
                while self.take(Op::Comma) {
                    let start = self.lexer.at;
                    let ex = self.nested(Self::ternary)?;
                    depth = depth.max(ex.depth());
                    let id = self.id(ex);
                    args.push(self.arg_from(id, start));
                }
                let first = self.tree.args.len();
                self.tree.args.append(&mut args);
                let end = self.tree.args.len();
                let pieces = self.pieces(line, first, end);
                self.node(Node::Print { pieces }, Ty::INT, depth)?
            }
            Helper::GetBuf => {
                self.skip_arguments();
                Self::constant(0, Ty::VOIDS)
            }
        };
        Ok(Some(ex))
    }

    /// The `p` of `trace_seq_printf(p, …)`.
    fn sequence(&mut self) -> Parsed<()> {
        match self.name()? {
            "p" | "s" => Ok(()),
            _ => Err(Reason::Syntax),
        }
    }

    /// A node if there is one, otherwise a field that is not there.
    fn node_or(&mut self, node: Option<Node>, ty: Ty, depth: u16) -> Parsed {
        match node {
            Some(node) => self.node(node, ty, depth),
            None => Ok(self.unknown(Reason::Field)),
        }
    }

    /// The name of a dynamic field.
    fn dynamic_field(&mut self) -> Parsed<Option<crate::record::Accessor>> {
        let name = self.name()?;
        Ok(self
            .field(name.as_bytes(), true)
            .filter(|field| matches!(field.kind(), Kind::Array { .. }))
            .map(Field::accessor))
    }

    fn dynamic(&mut self, ty: Ty) -> Parsed {
        let node = self.dynamic_field()?.map(Node::Data);
        self.node_or(node, ty, 0)
    }

    fn array(&mut self, data: Ex, count: Ex, size: Ex) -> Parsed {
        let depth = data.depth().max(count.depth()).max(size.depth());
        let (data, count, size) = (self.id(data), self.id(count), self.id(size));
        self.node(Node::Array { data, count, size }, Ty::CHARS, depth)
    }

    fn flags(&mut self, size: u32) -> Parsed {
        let ty = Ty::int(size, false);
        let value = self.ternary()?;
        let value = self.cast(value, ty)?;
        self.need(Op::Comma)?;
        let delimiter = match self.string() {
            Some(delimiter) => delimiter,
            None => {
                self.ternary()?;
                Str::default()
            }
        };
        let table = self.rows(ty)?;
        let depth = value.depth();
        let value = self.id(value);
        let flags = Node::Flags {
            value,
            delimiter,
            table,
        };
        self.node(flags, Ty::CHARS, depth)
    }

    fn symbolic(&mut self, size: u32) -> Parsed {
        let ty = Ty::int(size, false);
        let value = self.ternary()?;
        let value = self.cast(value, ty)?;
        let table = self.rows(ty)?;
        let depth = value.depth();
        let value = self.id(value);
        self.node(Node::Symbolic { value, table }, Ty::CHARS, depth)
    }

    /// `, { value, "text" } …` to the closing bracket.
    fn rows(&mut self, ty: Ty) -> Parsed<Range> {
        let start = self.tree.rows.len();
        self.tree.rows.reserve(16);
        while self.is(Op::Comma) {
            if let Some(row) = self.plain_row(ty) {
                self.tree.rows.push(row);
                continue;
            }
            self.lexer.advance();
            // A macro may leave a comma at the end.
            if self.is(Op::Close) {
                break;
            }
            self.need(Op::OpenBrace)?;
            if self.take(Op::CloseBrace) {
                continue;
            }
            let nodes = self.tree.nodes.len();
            let value = self.nested(Self::ternary)?;
            self.tree.nodes.truncate(nodes);
            self.need(Op::Comma)?;
            let text = self.row_text()?;
            self.take(Op::Comma);
            self.need(Op::CloseBrace)?;
            let Some(text) = text else {
                // `{ …, NULL }` ends the table.
                continue;
            };
            let (value, unknown) = match value.what() {
                What::Const(value) => (ty.convert(value), false),
                What::Node(_) => (0, true),
            };
            self.tree.rows.push(Row {
                value,
                text,
                unknown,
            });
        }
        Ok(Range {
            start: start as u32,
            len: (self.tree.rows.len() - start) as u32,
        })
    }

    fn row_text(&mut self) -> Parsed<Option<Str>> {
        if let Some(text) = self.string() {
            return Ok(Some(text));
        }
        let at = self.lexer.at;
        if self.take(Op::Open)
            && let Some(text) = self.string()
            && self.take(Op::Close)
        {
            return Ok(Some(text));
        }
        self.lexer.seek(at);
        match self.nested(Self::ternary)?.what() {
            What::Const(0) => Ok(None),
            _ => Err(Reason::Syntax),
        }
    }

    /// `prefix, type, rowsize, groupsize, data, len, ascii`.
    fn hex_dump(&mut self) -> Parsed {
        let mut ids = Vec::new();
        let mut depth = 0;
        for at in 0..7 {
            if at > 0 {
                self.need(Op::Comma)?;
            }
            let ex = match self.lexer.token() {
                Token::Name("DUMP_PREFIX_NONE") if at == 1 => self.value(0),
                Token::Name("DUMP_PREFIX_ADDRESS") if at == 1 => self.value(1),
                Token::Name("DUMP_PREFIX_OFFSET") if at == 1 => self.value(2),
                _ => self.ternary()?,
            };
            depth = depth.max(ex.depth());
            ids.push(self.id(ex));
        }
        let args = self.ids(&ids);
        self.node(Node::HexDump { args }, Ty::CHARS, depth)
    }

    fn value(&mut self, value: u64) -> Ex {
        self.lexer.advance();
        Self::constant(value, Ty::INT)
    }

    /// A function of the kernel, from a table or unknown.
    fn function(&mut self, name: &'f str, start: usize) -> Parsed {
        let nodes = self.tree.nodes.len();
        let mut ids = [0; MAX_ARGUMENTS];
        let mut constants = [Argument::Unknown; MAX_ARGUMENTS];
        let mut count = 0;
        let mut all_constant = true;
        let mut depth = 0;
        while !self.is(Op::Close) {
            if count > 0 {
                self.need(Op::Comma)?;
            }
            // The trace_seq that the kernel's own helpers print to.
            if self.lexer.token() == Token::Name("p") && !self.is_local_name("p") {
                self.lexer.advance();
                if !self.take(Op::Comma) {
                    break;
                }
            }
            let ex = self.ternary()?;
            let (Some(id), Some(constant)) = (ids.get_mut(count), constants.get_mut(count)) else {
                return Err(Reason::Depth);
            };
            match ex.what() {
                What::Const(value) => *constant = Argument::Number(value),
                What::Node(_) => all_constant = false,
            }
            depth = depth.max(ex.depth());
            *id = self.id(ex);
            count += 1;
        }
        let ids = ids.get(..count).unwrap_or_default();
        let Some(function) = self.tree.symbols.function_of(name) else {
            let args = self.ids(ids);
            let name = Str::text(start, name.len());
            return self.node(Node::UnknownCall { name, args }, Ty::UNKNOWN, depth);
        };
        let ty = match function {
            Function::Number {
                call, size, signed, ..
            } => {
                let ty = Ty::int(u32::from(size), signed);
                if all_constant
                    && let Some(value) = call(constants.get(..count).unwrap_or_default())
                {
                    self.tree.nodes.truncate(nodes);
                    return Ok(Self::constant(value, ty));
                }
                ty
            }
            Function::Text(_) => Ty::CHARS,
        };
        let args = self.ids(ids);
        self.node(Node::Call { function, args }, ty, depth)
    }

    /// To the closing bracket, not over it.
    fn skip_arguments(&mut self) {
        let mut depth = 0usize;
        loop {
            match self.lexer.token() {
                Token::End => return,
                Token::Op(Op::Open) => depth += 1,
                Token::Op(Op::Close) => {
                    if depth == 0 {
                        return;
                    }
                    depth -= 1;
                }
                _ => {}
            }
            self.lexer.advance();
        }
    }
}
