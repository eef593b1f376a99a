//! Writing a line: its pieces, its strings, and what stands in for what is not known.

use core::fmt;

use super::conversion::{Amount, LEFT, Piece, Spec, What};
use super::eval::{Env, Val};
use super::number::{Look, number};
use super::out::Out;
use super::tree::{Arg, Id, Node, Range, Reason, Ty};

/// How deep texts may be inside of each other (`%s` in the `trace_seq_printf` of a `%s`).
const MAX_TEXTS: u32 = 4;

/// Addresses below this are no addresses (`check_pointer_msg()` in `lib/vsprintf.c`).
const PAGE_SIZE: u64 = 4096;
/// The last of them that are error numbers.
const MAX_ERRNO: u64 = 4095;

/// A conversion's flags, width and precision, with their arguments evaluated.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) flags: u8,
    /// Negative for none.
    pub(super) width: i32,
    /// Negative for none.
    pub(super) precision: i32,
}

impl Frame {
    fn limit(self) -> usize {
        usize::try_from(self.precision).unwrap_or(usize::MAX)
    }

    fn padding(self, len: usize) -> usize {
        usize::try_from(self.width).unwrap_or(0).saturating_sub(len)
    }
}

impl Env<'_, '_> {
    /// Writes literal pieces and conversions.
    pub(super) fn pieces(&mut self, pieces: Range) {
        let tree = self.tree;
        for piece in pieces.of(&tree.pieces) {
            match piece {
                Piece::Literal(str) => self.out.put(tree.str(*str)),
                Piece::Field {
                    access,
                    look,
                    size,
                    arg,
                } => match access.u64(self.data) {
                    Some(value) => {
                        let value = Ty::int(u32::from(*size), look.signed).convert(value);
                        number(&mut self.out, value, *look);
                    }
                    None => self.fallback(self.arg(*arg)),
                },
                Piece::Convert { spec, arg } => self.convert(spec, *arg),
            }
            if self.out.is_done() {
                return;
            }
        }
    }

    fn arg(&self, index: u32) -> Arg {
        self.tree.args.get(index as usize).copied().unwrap_or(Arg {
            id: Id::MAX,
            source: Range::default(),
        })
    }

    fn amount(&mut self, amount: Amount) -> i32 {
        match amount {
            Amount::None => -1,
            Amount::Fixed(value) => value,
            // No width at all where it cannot be known.
            Amount::Arg(arg) => self
                .number(self.arg(arg).id)
                .map_or(-1, |value| value as i32),
        }
    }

    #[inline]
    fn convert(&mut self, spec: &Spec, arg: u32) {
        let arg = self.arg(arg);
        let mut frame = Frame {
            flags: spec.flags,
            width: self.amount(spec.width),
            precision: self.amount(spec.precision),
        };
        if matches!(spec.width, Amount::Arg(_)) && frame.width < 0 {
            frame.width = frame.width.saturating_neg();
            frame.flags |= LEFT;
        }
        if matches!(spec.precision, Amount::Arg(_)) {
            frame.precision = frame.precision.max(0);
        }
        let value = self.eval(arg.id);
        match (spec.what, value) {
            (_, Val::Unknown(_)) => self.fallback(arg),
            (What::Number { size, base, signed }, Val::Int(value)) => {
                let look = Look {
                    base,
                    signed,
                    flags: frame.flags,
                    width: frame.width,
                    precision: frame.precision,
                };
                let value = Ty::int(u32::from(size), signed).convert(value);
                number(&mut self.out, value, look);
            }
            (What::Char, Val::Int(value)) => {
                let pad = frame.padding(1);
                if frame.flags & LEFT == 0 {
                    self.out.pad(b' ', pad);
                }
                self.out.byte(value as u8);
                if frame.flags & LEFT != 0 {
                    self.out.pad(b' ', pad);
                }
            }
            (What::Number { .. } | What::Char, _) => self.fallback(arg),
            (What::Text, value) => self.string(value, frame, arg),
            (What::Pointer(pointer), value) => self.pointer(pointer, value, frame, arg),
        }
    }

    /// `%s`.
    fn string(&mut self, value: Val, frame: Frame, arg: Arg) {
        let tree = self.tree;
        match value {
            Val::Int(address) => {
                if let Some(message) = bad_pointer(address) {
                    self.padded(message, frame);
                } else if let Some(text) = tree.symbols.string_at(address) {
                    self.padded(text, frame);
                } else {
                    self.raw_address(address);
                }
            }
            Val::Data { at, end } => {
                let bytes = self.data.get(at..end).unwrap_or_default();
                self.padded(bytes, frame);
            }
            Val::Literal(id, at) => {
                if let Node::Literal(str) = tree.node(id).0 {
                    self.padded(tree.str(str).get(at..).unwrap_or_default(), frame);
                }
            }
            Val::Text(id) => self.text(id, frame, arg),
            Val::Unknown(_) => self.fallback(arg),
        }
    }

    /// Bytes up to a NUL, cut and padded.
    pub(super) fn padded(&mut self, bytes: &[u8], frame: Frame) {
        let bytes = bytes
            .get(..frame.limit().min(bytes.len()))
            .unwrap_or_default();
        let len = bytes.iter().position(|&byte| byte == 0);
        let bytes = bytes.get(..len.unwrap_or(bytes.len())).unwrap_or_default();
        let pad = frame.padding(bytes.len());
        if frame.flags & LEFT == 0 {
            self.out.pad(b' ', pad);
        }
        self.out.put(bytes);
        if frame.flags & LEFT != 0 {
            self.out.pad(b' ', pad);
        }
    }

    /// What a node writes, cut and padded.
    fn text(&mut self, id: Id, frame: Frame, arg: Arg) {
        if frame.width > 0 && frame.flags & LEFT == 0 {
            // Its length has to be known first.
            let fallbacks = self.fallbacks;
            let outer = self.out.begin(frame.limit(), true);
            self.write(id, arg);
            let len = self.out.end(&outer);
            self.fallbacks = fallbacks;
            self.out.pad(b' ', frame.padding(len));
        }
        let outer = self.out.begin(frame.limit(), false);
        self.write(id, arg);
        let len = self.out.end(&outer);
        if frame.flags & LEFT != 0 {
            self.out.pad(b' ', frame.padding(len));
        }
    }

    fn write(&mut self, id: Id, arg: Arg) {
        let tree = self.tree;
        match tree.node(id).0 {
            Node::Flags {
                value,
                delimiter,
                table,
            } => self.flags(value, delimiter, table, arg),
            Node::Symbolic { value, table } => self.symbolic(value, table, arg),
            Node::Hex { data, len, spaced } => self.hex(data, len, spaced, arg),
            Node::Array { data, count, size } => self.array(data, count, size, arg),
            Node::HexDump { args } => self.hex_dump(args, arg),
            Node::Bitmask(data) => match self.eval(data) {
                Val::Data { at, end } => self.bitmap(at, end, end.saturating_sub(at) * 8),
                _ => self.fallback(arg),
            },
            Node::Call {
                function: super::functions::Function::Text(call),
                args,
            } => {
                let (values, count) = self.arguments(args);
                let mut writer = Writer(&mut self.out);
                if call(values.get(..count).unwrap_or_default(), &mut writer).is_err() {
                    self.fallback(arg);
                }
            }
            Node::Block(_) if self.texts < MAX_TEXTS => {
                let printing = core::mem::replace(&mut self.printing, true);
                self.texts += 1;
                self.eval(id);
                self.texts -= 1;
                self.printing = printing;
            }
            _ => self.fallback(arg),
        }
    }

    /// An address where something in the kernel's memory should have been printed.
    pub(super) fn raw_address(&mut self, address: u64) {
        self.fallbacks += 1;
        self.out.put(b"0x");
        let digits = self.tree.abi.word.bytes() as i32 * 2;
        number(&mut self.out, address, Look::hex_padded(digits));
    }

    /// What stands for an argument that cannot be rendered: a call with its values, or the
    /// argument's own text in angle brackets.
    #[cold]
    pub(super) fn fallback(&mut self, arg: Arg) {
        self.fallbacks += 1;
        let tree = self.tree;
        if let Node::UnknownCall { name, args } = tree.node(arg.id).0 {
            self.out.put(tree.str(name));
            self.out.byte(b'(');
            for (at, &id) in args.of(&tree.ids).iter().enumerate() {
                if at > 0 {
                    self.out.put(b", ");
                }
                match self.eval(id) {
                    Val::Int(value) if value < 10 => {
                        number(&mut self.out, value, Look::plain(10));
                    }
                    Val::Int(value) => {
                        self.out.put(b"0x");
                        number(&mut self.out, value, Look::plain(16));
                    }
                    Val::Data { at, end } => self.plain_hex(at, end, None, MAX_CALL_BYTES),
                    Val::Literal(..) | Val::Text(_) | Val::Unknown(_) => self.out.byte(b'?'),
                }
            }
            self.out.byte(b')');
            return;
        }
        self.out.byte(b'<');
        self.out.put(tree.source(arg.source).as_bytes());
        self.out.byte(b'>');
    }
}

/// Bytes of an array that a call's stand-in shows.
const MAX_CALL_BYTES: usize = 64;

/// What the kernel prints for an address that is none.
pub(super) fn bad_pointer(address: u64) -> Option<&'static [u8]> {
    match address {
        0 => Some(b"(null)"),
        _ if address < PAGE_SIZE || address >= 0u64.wrapping_sub(MAX_ERRNO) => Some(b"(efault)"),
        _ => None,
    }
}

/// Lets the functions of the tables write.
struct Writer<'o, 'w>(&'o mut Out<'w>);

impl fmt::Write for Writer<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.put(text.as_bytes());
        Ok(())
    }
}

/// The reasons that a tree has for each of its arguments, known before any record.
pub(super) fn reason(node: Node) -> Option<Reason> {
    match node {
        Node::Unknown(reason) => Some(reason),
        Node::UnknownCall { .. } => Some(Reason::Function),
        _ => None,
    }
}
