//! System calls: `trace` does not show them by their print fmt
//! (`print_syscall_enter()`, `print_syscall_exit()` in `kernel/trace/trace_syscalls.c`).

use alloc::vec::Vec;

use super::conversion::{Amount, MARK, Piece, Spec, What};
use super::number::Look;
use super::symbols::Symbols;
use super::tree::{Arg, Node, Range, Str, Tree, Ty};
use crate::Format;
use crate::format::{Field, Kind};

const ENTER: &str = "sys_enter_";
const EXIT: &str = "sys_exit_";

/// How `trace` shows a system call's arguments. It changed with the kernel, and nothing in the
/// format file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SystemCallStyle {
    /// `sys_read(fd: b, buf: 7ffd8d2ce1f0)`: hexadecimal without a mark, up to 6.17.
    Bare,
    /// `sys_read(fd: 11, …)` is written `fd: 0xb`; below ten in decimal. 6.18 and later.
    Marked,
}

/// The tree of a system call's line; `None` if the event is none.
pub(super) fn compile(format: &Format, style: SystemCallStyle) -> Option<Tree> {
    let name = format.name();
    let enter = name.starts_with(ENTER);
    let call = name
        .strip_prefix(ENTER)
        .or_else(|| name.strip_prefix(EXIT))?;
    let mut fields = format.event_fields();
    if !matches!(fields.next()?.name(), "__syscall_nr" | "nr") {
        return None;
    }
    let mut tree = Tree {
        text: format.shared_text(),
        symbols: Symbols::new(),
        abi: format.abi(),
        strings: Vec::new(),
        nodes: Vec::new(),
        ids: Vec::new(),
        stmts: Vec::new(),
        rows: Vec::new(),
        args: Vec::new(),
        pieces: Vec::new(),
        line: Range::default(),
    };
    literal(
        &mut tree,
        &["sys_", call, if enter { "(" } else { " -> 0x" }],
    );
    for (at, field) in fields.clone().enumerate() {
        if enter && matches!(field.kind(), Kind::Array { .. }) {
            // What an argument points to stands behind all of them, and is shown beside it.
            continue;
        }
        if enter {
            literal(
                &mut tree,
                &[if at > 0 { ", " } else { "" }, field.name(), ": "],
            );
        }
        number(&mut tree, field, style, enter);
        let pointed = fields.clone().find(|other| {
            let inner = other
                .name()
                .strip_prefix("__")
                .and_then(|n| n.strip_suffix("_val"));
            // Buffers are shown otherwise than strings, and left out here.
            inner == Some(field.name()) && is_string(format, other.name())
        });
        if let Some(pointed) = pointed {
            literal(&mut tree, &[" \""]);
            let id = node(&mut tree, Node::Data(pointed.accessor()), Ty::CHARS);
            convert(&mut tree, What::Text, id, pointed);
            literal(&mut tree, &["\""]);
        }
    }
    if enter {
        literal(&mut tree, &[")"]);
    }
    tree.line = Range {
        start: 0,
        len: tree.pieces.len() as u32,
    };
    Some(tree)
}

/// Whether the print fmt shows a field as a string.
fn is_string(format: &Format, name: &str) -> bool {
    let print = format.print_text().unwrap_or("");
    print.split("__get_str(").skip(1).any(|rest| {
        rest.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(')'))
    })
}

fn literal(tree: &mut Tree, parts: &[&str]) {
    let start = tree.strings.len();
    for part in parts {
        tree.strings.extend_from_slice(part.as_bytes());
    }
    let len = tree.strings.len() - start;
    tree.pieces.push(Piece::Literal(Str::own(start, len)));
}

fn node(tree: &mut Tree, node: Node, ty: Ty) -> u32 {
    tree.nodes.push((node, ty));
    (tree.nodes.len() - 1) as u32
}

/// An argument for what stands in the text as `field`.
fn argument(tree: &mut Tree, id: u32, field: Field<'_>) -> u32 {
    let text = tree.text.as_bytes().as_ptr() as usize;
    let start = field.name().as_ptr() as usize - text;
    tree.args.push(Arg {
        id,
        source: Range {
            start: start as u32,
            len: field.name().len() as u32,
        },
    });
    (tree.args.len() - 1) as u32
}

fn convert(tree: &mut Tree, what: What, id: u32, field: Field<'_>) {
    let arg = argument(tree, id, field);
    let spec = Spec {
        flags: 0,
        width: Amount::None,
        precision: Amount::None,
        what,
    };
    tree.pieces.push(Piece::Convert { spec, arg });
}

/// One argument's value, an `unsigned long`.
fn number(tree: &mut Tree, field: Field<'_>, style: SystemCallStyle, enter: bool) {
    let access = field.accessor();
    let id = node(tree, Node::Field(access), Ty::int(8, false));
    let arg = argument(tree, id, field);
    let size = tree.abi.word.bytes() as u8;
    let flags = if enter && style == SystemCallStyle::Marked {
        MARK
    } else {
        0
    };
    tree.pieces.push(Piece::Field {
        access,
        look: Look {
            flags,
            ..Look::plain(16)
        },
        size,
        arg,
    });
}
