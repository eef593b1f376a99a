//! `__print_flags` and its kin (`kernel/trace/trace_output.c`).

use super::eval::{Env, Val};
use super::number::{Look, number};
use super::tree::{Arg, Id, Range, Str};
use crate::record::read_number;

impl Env<'_, '_> {
    fn hex_number(&mut self, value: u64) {
        self.out.put(b"0x");
        number(&mut self.out, value, Look::plain(16));
    }

    /// Matched bits are cleared as they are printed; what is left is printed as a number.
    pub(super) fn flags(&mut self, value: Id, delimiter: Str, table: Range, arg: Arg) {
        let Ok(mut flags) = self.number(value) else {
            return self.fallback(arg);
        };
        let tree = self.tree;
        let delimiter = tree.str(delimiter);
        let mut first = true;
        let mut unknown = false;
        for row in table.of(&tree.rows) {
            if flags == 0 || !self.step() {
                break;
            }
            unknown |= row.unknown;
            if row.unknown || flags & row.value != row.value {
                continue;
            }
            flags &= !row.value;
            if !first {
                self.out.put(delimiter);
            }
            first = false;
            self.out.put(tree.str(row.text));
        }
        if flags != 0 {
            if !first {
                self.out.put(delimiter);
            }
            self.hex_number(flags);
            // One of the names that no table has may belong to these bits.
            self.fallbacks += u32::from(unknown);
        }
    }

    pub(super) fn symbolic(&mut self, value: Id, table: Range, arg: Arg) {
        let Ok(value) = self.number(value) else {
            return self.fallback(arg);
        };
        let tree = self.tree;
        let mut unknown = false;
        for row in table.of(&tree.rows) {
            if !self.step() {
                break;
            }
            unknown |= row.unknown;
            if !row.unknown && row.value == value {
                let text = tree.str(row.text);
                if text.is_empty() {
                    // The kernel looks whether anything was printed.
                    break;
                }
                return self.out.put(text);
            }
        }
        self.hex_number(value);
        self.fallbacks += u32::from(unknown);
    }

    /// `__print_hex` and `__print_hex_str`.
    pub(super) fn hex(&mut self, data: Id, len: Id, spaced: bool, arg: Arg) {
        let (place, len) = (self.eval(data), self.number(len));
        let (Val::Data { at, end }, Ok(len)) = (place, len) else {
            return self.fallback(arg);
        };
        let len = usize::try_from(len as i32).unwrap_or(0);
        self.fallbacks += u32::from(len > end.saturating_sub(at));
        self.plain_hex(at, end, spaced.then_some(b' '), len);
    }

    /// At most `len` of the record's bytes, two digits each.
    pub(super) fn plain_hex(&mut self, at: usize, end: usize, between: Option<u8>, len: usize) {
        let end = end.min(at.saturating_add(len));
        let bytes = self.data.get(at..end).unwrap_or_default();
        for (at, byte) in bytes.iter().enumerate() {
            if let Some(between) = between.filter(|_| at > 0) {
                self.out.byte(between);
            }
            number(&mut self.out, u64::from(*byte), Look::hex_padded(2));
            if self.out.is_done() {
                return;
            }
        }
    }

    pub(super) fn array(&mut self, data: Id, count: Id, size: Id, arg: Arg) {
        let (place, count, size) = (self.eval(data), self.number(count), self.number(size));
        let (Val::Data { at, end }, Ok(count), Ok(size)) = (place, count, size) else {
            return self.fallback(arg);
        };
        let count = usize::try_from(count as i32).unwrap_or(0);
        let size = usize::try_from(size).unwrap_or(0);
        if !matches!(size, 1 | 2 | 4 | 8) {
            return self.fallback(arg);
        }
        let wanted = count.saturating_mul(size);
        let there = end.saturating_sub(at);
        self.fallbacks += u32::from(wanted > there);
        let bytes = at.saturating_add(wanted.min(there));
        let bytes = self.data.get(at..bytes).unwrap_or_default();
        let swap = self.swap();
        self.out.byte(b'{');
        for (at, element) in bytes.chunks_exact(size).enumerate() {
            if at > 0 {
                self.out.byte(b',');
            }
            self.hex_number(read_number(element, swap).unwrap_or(0));
            if self.out.is_done() {
                return;
            }
        }
        self.out.byte(b'}');
    }

    /// `__print_hex_dump` (`lib/hexdump.c`): a new line, then one per row.
    pub(super) fn hex_dump(&mut self, args: Range, arg: Arg) {
        let tree = self.tree;
        let &[prefix, kind, row, group, data, len, ascii] = args.of(&tree.ids) else {
            return self.fallback(arg);
        };
        let numbers = (
            self.number(kind),
            self.number(row),
            self.number(group),
            self.number(len),
            self.number(ascii),
        );
        let (Ok(kind), Ok(row), Ok(group), Ok(len), Ok(ascii)) = numbers else {
            return self.fallback(arg);
        };
        let Val::Data { at, end } = self.eval(data) else {
            return self.fallback(arg);
        };
        let prefix = match self.eval(prefix) {
            Val::Literal(id, from) => match tree.node(id).0 {
                super::tree::Node::Literal(str) => tree.str(str).get(from..).unwrap_or_default(),
                _ => &[],
            },
            _ => &[],
        };
        let row = if row == 32 { 32 } else { 16 };
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let there = end.saturating_sub(at);
        self.fallbacks += u32::from(len > there || kind == 1);
        let bytes = at.saturating_add(len.min(there));
        let bytes = self.data.get(at..bytes).unwrap_or_default();
        self.out.byte(b'\n');
        for (index, line) in bytes.chunks(row).enumerate() {
            self.out.put(prefix);
            match kind {
                // Where the record lay in the kernel's memory is not known.
                1 => self.out.put(b"?: "),
                2 => {
                    number(&mut self.out, (index * row) as u64, Look::hex_padded(8));
                    self.out.put(b": ");
                }
                _ => {}
            }
            self.hex_line(line, row, group, ascii != 0);
            self.out.byte(b'\n');
            if self.out.is_done() {
                return;
            }
        }
    }

    /// `hex_dump_to_buffer()`.
    fn hex_line(&mut self, line: &[u8], row: usize, group: u64, ascii: bool) {
        let group = match group {
            2 | 4 | 8 if line.len().is_multiple_of(group as usize) => group as usize,
            _ => 1,
        };
        let swap = self.swap();
        let mut column = 0;
        for (at, part) in line.chunks(group).enumerate() {
            if at > 0 {
                self.out.byte(b' ');
                column += 1;
            }
            let value = read_number(part, swap).unwrap_or(0);
            number(&mut self.out, value, Look::hex_padded(group as i32 * 2));
            column += group * 2;
        }
        if ascii {
            let text_column = row * 2 + row / group + 1;
            self.out.pad(b' ', text_column.saturating_sub(column));
            for &byte in line {
                let shown = if byte == b' ' || byte.is_ascii_graphic() {
                    byte
                } else {
                    b'.'
                };
                self.out.byte(shown);
            }
        }
    }
}
