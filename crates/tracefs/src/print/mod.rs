//! `print fmt`: compiled on demand, rendered as the kernel renders it.
//!
//! ```
//! use tracefs::print::{PrintFmt, Symbols};
//!
//! let text = std::fs::read("fixtures/formats/6.1/ras/memory_failure_event/format")?;
//! let format = tracefs::Format::parse(&text)?;
//! let print = PrintFmt::compile(&format, &Symbols::new())?;
//! // common_type … common_pid, pfn, type, result
//! let mut record = vec![0u8; 24];
//! record[8] = 0x12;
//! record[20] = 1;
//! assert_eq!(
//!     print.display(&record).to_string(),
//!     "pfn 0x12: recovery action for reserved kernel page: Failed"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is understood
//!
//! The C that the kernel's macros leave behind: all operators, casts, ternaries, `sizeof`,
//! `typeof`, statement expressions with locals, `if` and `switch`, members of structs and unions
//! whose layout is known, the helpers of `stage3_trace_output.h` (`__print_flags`, …), the
//! compiler's builtins, and functions and enumerators from [`Symbols`]. Arithmetic has C's integer
//! conversions for the recording machine's [`Abi`](crate::Abi); printf has the kernel's flags and
//! `%p` extensions.
//!
//! # What cannot be known
//!
//! An argument that cannot be rendered never loses the line. In its place stand, and
//! [`Rendered::fallbacks`] counts them:
//!
//! - `name(0x1f, 2)` for a function that no table has, with its arguments' values;
//! - `0xffff888012345678` for a pointer into the kernel's memory that should have been followed
//!   (`%s` of a `char *`, `%pd`), unless [`Symbols::printk_formats`] knows the string;
//! - `0x2a` for a value of `__print_symbolic` that may belong to an enumerator that no table has;
//! - `<REC->sde->cpu>`, the argument's own text, for everything else.
//!
//! `%pS` and its kin print `name+0x10/0x80` if [`Symbols::kallsyms`] was given, otherwise the
//! address ([`Rendered::symbols_missing`]). `%p` prints the address itself, as the kernel does
//! with the option `hash-ptr` off; hashed pointers cannot be computed outside the kernel.
//!
//! [`PrintFmt::unresolved`] lists, before any record, the arguments that will never render; the
//! directory `docs` of this crate lists those of three kernels with their reasons.
//!
//! # Limits
//!
//! Nesting is at most [`MAX_DEPTH`] deep, a line at most [`MAX_LINE`] bytes long, rendered in at
//! most [`MAX_STEPS`] steps. Rendering allocates nothing.

mod btf;
mod constants;
mod conversion;
mod errno;
mod eval;
mod functions;
mod helpers;
mod lex;
mod number;
mod out;
mod parse;
mod pointer;
mod structs;
mod symbols;
mod system_call;
mod text;
mod tree;

use alloc::vec::Vec;
use core::fmt;

pub use eval::MAX_STEPS;
pub use functions::{Argument, Function, NumberFn, TextFn};
pub use out::MAX_LINE;
pub use symbols::Symbols;
pub use system_call::SystemCallStyle;
pub use tree::{MAX_DEPTH, Reason};

use crate::{Format, Result};

/// A compiled print fmt. Independent of the [`Format`] it came from; shares its text.
#[derive(Clone)]
pub struct PrintFmt {
    tree: tree::Tree,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rendered {
    /// Arguments that something else stands for: see the [module](self).
    pub fallbacks: u32,
    /// Addresses printed as numbers where the kernel prints symbols.
    pub symbols_missing: u32,
    /// The line was cut at [`MAX_LINE`], or took more than [`MAX_STEPS`].
    pub cut: bool,
}

impl Rendered {
    /// Whether the line is what the kernel prints, apart from hashed pointers.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.fallbacks == 0 && self.symbols_missing == 0 && !self.cut
    }
}

/// An argument that no record can make render.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unresolved<'p> {
    /// The part of the print fmt that is meant.
    pub source: &'p str,
    /// Why.
    pub reason: Reason,
}

impl PrintFmt {
    /// Compiles the print fmt of a format.
    ///
    /// # Errors
    /// [`Error::PrintSyntax`](crate::Error::PrintSyntax) if there is none, or its format string is
    /// not there. Whatever is wrong with an argument costs that argument alone.
    pub fn compile(format: &Format, symbols: &Symbols) -> Result<Self> {
        parse::compile(format, symbols).map(|tree| Self { tree })
    }

    /// A system call's line as `trace` shows it, which is not its print fmt: `sys_close(fd: 3)`,
    /// `sys_close -> 0x0`. `None` if the event is no system call's.
    #[must_use]
    pub fn system_call(format: &Format, style: SystemCallStyle) -> Option<Self> {
        system_call::compile(format, style).map(|tree| Self { tree })
    }

    /// Renders a record's line, without a line feed, into `out`.
    ///
    /// Bytes that are not UTF-8 become U+FFFD. A record that is too short costs the arguments
    /// whose fields it lacks.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn render(
        &self,
        data: &[u8],
        out: &mut dyn fmt::Write,
    ) -> core::result::Result<Rendered, fmt::Error> {
        let mut env = eval::Env {
            tree: &self.tree,
            data,
            out: out::Out::new(out),
            locals: [eval::Val::Unknown(Reason::Name); parse::MAX_LOCALS],
            steps: MAX_STEPS,
            fallbacks: 0,
            symbols_missing: 0,
            block: 0,
            printing: false,
            texts: 0,
        };
        env.pieces(self.tree.line);
        env.out.flush(true);
        if env.out.failed {
            return Err(fmt::Error);
        }
        Ok(Rendered {
            fallbacks: env.fallbacks,
            symbols_missing: env.symbols_missing,
            cut: env.out.cut || env.steps == 0,
        })
    }

    /// A record's line as something to print.
    #[must_use]
    pub fn display<'p>(&'p self, data: &'p [u8]) -> impl fmt::Display + use<'p> {
        Line { print: self, data }
    }

    /// The arguments that no record can make render: unknown functions, names, members, and
    /// syntax. Rows of `__print_symbolic` and `__print_flags` with unknown names count as well.
    pub fn unresolved(&self) -> impl Iterator<Item = Unresolved<'_>> {
        self.tree.args.iter().filter_map(|arg| {
            let reason = self.reason(arg.id, 0)?;
            Some(Unresolved {
                source: self.tree.source(arg.source),
                reason,
            })
        })
    }

    /// The first reason in a tree.
    fn reason(&self, id: tree::Id, depth: u16) -> Option<Reason> {
        use tree::Node;
        let node = self.tree.node(id).0;
        if let Some(reason) = text::reason(node) {
            return Some(reason);
        }
        if depth > MAX_DEPTH {
            return Some(Reason::Depth);
        }
        let any = |ids: &[tree::Id]| ids.iter().find_map(|&id| self.reason(id, depth + 1));
        match node {
            Node::Unary(_, a) | Node::Convert(a) | Node::Load(a) | Node::Assign(_, a) => any(&[a]),
            Node::Bitmask(a) | Node::Bits { value: a, .. } => any(&[a]),
            Node::Binary(_, a, b)
            | Node::Offset {
                base: a, index: b, ..
            } => any(&[a, b]),
            Node::Hex {
                data: a, len: b, ..
            } => any(&[a, b]),
            Node::Cond(a, b, c) => any(&[a, b, c]),
            Node::Array { data, count, size } => any(&[data, count, size]),
            Node::HexDump { args } | Node::Call { args, .. } => any(args.of(&self.tree.ids)),
            Node::Element { values, index } => {
                any(values.of(&self.tree.ids)).or_else(|| any(&[index]))
            }
            Node::Flags { value, table, .. } | Node::Symbolic { value, table } => {
                let rows = table.of(&self.tree.rows);
                let unknown = rows.iter().any(|row| row.unknown);
                any(&[value]).or(unknown.then_some(Reason::Name))
            }
            Node::Block(stmts) => stmts
                .of(&self.tree.stmts)
                .iter()
                .find_map(|stmt| match stmt {
                    tree::Stmt::Expr(id)
                    | tree::Stmt::Unless(id, _)
                    | tree::Stmt::Case { value: id, .. } => any(&[*id]),
                    tree::Stmt::Skip(_) => None,
                }),
            _ => None,
        }
    }
}

impl fmt::Debug for PrintFmt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrintFmt")
            .field("pieces", &self.tree.pieces.len())
            .field("args", &self.tree.args.len())
            .finish_non_exhaustive()
    }
}

struct Line<'p> {
    print: &'p PrintFmt,
    data: &'p [u8],
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print.render(self.data, f).map(|_| ())
    }
}

/// A C literal's bytes, escapes taken out.
fn unescape_into(raw: &[u8], bytes: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        if byte == b'\\' {
            let (value, end) = lex::unescape(raw, at + 1);
            bytes.push(value);
            at = end;
        } else {
            bytes.push(byte);
            at += 1;
        }
    }
}
