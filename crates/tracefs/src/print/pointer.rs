//! `%p` and the kernel's extensions of it (`Documentation/core-api/printk-formats.rst`).

use super::conversion::{LEFT, Pointer, SPECIAL, ZERO};
use super::eval::{Env, Val};
use super::number::{Look, number};
use super::text::{Frame, bad_pointer};
use super::tree::Arg;
use crate::Endian;
use crate::record::read_number;

const AF_INET: u64 = 2;
const AF_INET6: u64 = 10;

/// Longest text that is put together before it is padded: an IPv6 address with everything.
const SCRATCH: usize = 96;

/// A text put together on the stack.
struct Scratch {
    bytes: [u8; SCRATCH],
    len: usize,
}

impl Scratch {
    fn new() -> Self {
        Self {
            bytes: [0; SCRATCH],
            len: 0,
        }
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    fn put(&mut self, text: &[u8]) {
        for &byte in text {
            self.push(byte);
        }
    }

    fn hex(&mut self, byte: u8) {
        for digit in [byte >> 4, byte & 15] {
            self.push(if digit < 10 { b'0' } else { b'a' - 10 } + digit);
        }
    }

    fn decimal(&mut self, value: u64, least: usize) {
        let mut digits = [b'0'; 20];
        let mut at = digits.len();
        let mut rest = value;
        while rest > 0 {
            at -= 1;
            if let Some(place) = digits.get_mut(at) {
                *place = b'0' + (rest % 10) as u8;
            }
            rest /= 10;
        }
        let at = at.min(digits.len() - least.clamp(1, digits.len()));
        self.put(digits.get(at..).unwrap_or_default());
    }

    fn text(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// `leading`: three digits each.
    fn ip4(&mut self, bytes: &[u8], leading: bool, reversed: bool) {
        for at in 0..4 {
            if at > 0 {
                self.push(b'.');
            }
            let at = if reversed { 3 - at } else { at };
            let byte = bytes.get(at).copied().unwrap_or(0);
            self.decimal(u64::from(byte), if leading { 3 } else { 1 });
        }
    }

    /// All digits, with or without colons.
    fn ip6(&mut self, bytes: &[u8], colons: bool) {
        for (at, pair) in bytes.chunks(2).enumerate() {
            if colons && at > 0 {
                self.push(b':');
            }
            for &byte in pair {
                self.hex(byte);
            }
        }
    }

    /// RFC 5952: the longest run of zeros as `::`, an IPv4 address at the end as such.
    fn ip6_compressed(&mut self, bytes: &[u8]) {
        let mut words = [0u16; 8];
        for (word, pair) in words.iter_mut().zip(bytes.chunks_exact(2)) {
            *word = pair
                .iter()
                .fold(0, |word, byte| word << 8 | u16::from(*byte));
        }
        let mapped = matches!(words, [0, 0, 0, 0, 0, 0xffff, _, _]);
        // RFC 5214: the interface identifier ::[02]00:5efe:a.b.c.d.
        let isatap = matches!(words, [_, _, _, _, id, 0x5efe, _, _] if id & !0x0200 == 0);
        let range = if mapped || isatap { 6 } else { 8 };
        let words = words.get(..range).unwrap_or_default();
        let run = |start: usize| {
            let rest = words.get(start..).unwrap_or_default();
            rest.iter().take_while(|&&word| word == 0).count()
        };
        let longest = (0..range).map(run).max().unwrap_or(0);
        let gap = (0..range).find(|&at| longest > 1 && run(at) == longest);
        let mut at = 0;
        let mut colon = false;
        while let Some(&word) = words.get(at) {
            if gap == Some(at) {
                self.put(b"::");
                colon = false;
                at += longest;
                continue;
            }
            if colon {
                self.push(b':');
            }
            let mut seen = false;
            for shift in [12, 8, 4, 0] {
                let digit = (word >> shift & 15) as u8;
                if digit != 0 || seen || shift == 0 {
                    seen = true;
                    self.push(if digit < 10 { b'0' } else { b'a' - 10 } + digit);
                }
            }
            colon = true;
            at += 1;
        }
        if range == 6 {
            if colon {
                self.push(b':');
            }
            self.ip4(bytes.get(12..).unwrap_or_default(), false, false);
        }
    }
}

impl Env<'_, '_> {
    /// A pointer conversion.
    pub(super) fn pointer(&mut self, pointer: Pointer, value: Val, frame: Frame, arg: Arg) {
        match (pointer, value) {
            (Pointer::Plain, Val::Int(address)) => self.plain_pointer(address, frame),
            (Pointer::Symbol { offset, back }, Val::Int(address)) => {
                self.symbol(address, offset, back, frame);
            }
            (Pointer::Error, Val::Int(address)) => self.error_pointer(address, frame, arg),
            (Pointer::Memory, Val::Int(address)) | (_, Val::Int(address)) => {
                // Width 0 of %*ph prints nothing, whatever the pointer.
                if matches!(pointer, Pointer::Hex(_)) && frame.width == 0 {
                    return;
                }
                match bad_pointer(address) {
                    Some(message) => self.padded(message, frame),
                    None => self.raw_address(address),
                }
            }
            (_, Val::Data { at, end }) if at <= end && end <= self.data.len() => {
                if !self.memory(pointer, at, end, frame) {
                    self.fallback(arg);
                }
            }
            _ => self.fallback(arg),
        }
    }

    /// `%p`: as `%px` prints it. The kernel hashes it unless the option `hash-ptr` is off.
    fn plain_pointer(&mut self, address: u64, frame: Frame) {
        let mut look = Look {
            base: 16,
            signed: false,
            flags: frame.flags,
            width: frame.width,
            precision: frame.precision,
        };
        if look.width < 0 {
            look.width = self.tree.abi.word.bytes() as i32 * 2;
            look.flags |= ZERO;
        }
        number(&mut self.out, address, look);
    }

    fn symbol(&mut self, address: u64, offset: bool, back: bool, frame: Frame) {
        // A return address may be the first byte after the function that called.
        let looked_up = address.wrapping_sub(u64::from(back));
        let tree = self.tree;
        let outer = self.out.begin(usize::MAX, false);
        let known = tree.symbols.symbol_at(looked_up);
        if let Some(symbol) = &known {
            self.out.put(symbol.name.as_bytes());
            if offset {
                self.out.put(b"+0x");
                let from = symbol.offset + u64::from(back);
                number(&mut self.out, from, Look::plain(16));
                self.out.put(b"/0x");
                number(&mut self.out, symbol.size, Look::plain(16));
            }
            if let Some(module) = symbol.module {
                self.out.byte(b' ');
                self.out.put(module.as_bytes());
            }
        } else {
            self.out.put(b"0x");
            number(&mut self.out, address, Look::plain(16));
            self.symbols_missing += 1;
        }
        let len = self.out.end(&outer);
        if frame.flags & LEFT != 0 {
            let width = usize::try_from(frame.width).unwrap_or(0);
            self.out.pad(b' ', width.saturating_sub(len));
        }
    }

    /// `%pe`: an error's name. Anything else is printed as `%p`.
    fn error_pointer(&mut self, address: u64, frame: Frame, arg: Arg) {
        let number = address.wrapping_neg();
        match number {
            1..=4095 => match super::errno::name(number as u32) {
                Some(name) => {
                    let mut text = Scratch::new();
                    text.push(b'-');
                    text.put(name.as_bytes());
                    self.padded(text.text(), frame);
                }
                None => self.fallback(arg),
            },
            _ => self.plain_pointer(address, frame),
        }
    }

    /// What is printed stands in the record. False if there is too little of it.
    fn memory(&mut self, pointer: Pointer, at: usize, end: usize, frame: Frame) -> bool {
        let data = self.data.get(at..end).unwrap_or_default();
        let mut text = Scratch::new();
        match pointer {
            Pointer::Hex(between) => {
                if frame.width == 0 {
                    return true;
                }
                let len = usize::try_from(frame.width).unwrap_or(1).clamp(1, 64);
                self.plain_hex(at, end, between, len);
                return len <= data.len();
            }
            Pointer::Bitmap | Pointer::BitmapList => {
                let bits = usize::try_from(frame.width).unwrap_or(0);
                if bits.div_ceil(8) > data.len() {
                    return false;
                }
                if pointer == Pointer::Bitmap {
                    self.bitmap(at, end, bits);
                } else {
                    self.bitmap_list(at, end, bits);
                }
                return true;
            }
            Pointer::Mac { between, reversed } => {
                let Some(bytes) = data.get(..6) else {
                    return false;
                };
                for index in 0..6 {
                    if let Some(between) = between.filter(|_| index > 0) {
                        text.push(between);
                    }
                    let index = if reversed { 5 - index } else { index };
                    text.hex(bytes.get(index).copied().unwrap_or(0));
                }
            }
            Pointer::Ip4 { raw, reversed } => {
                let Some(bytes) = data.get(..4) else {
                    return false;
                };
                text.ip4(bytes, raw, reversed);
            }
            Pointer::Ip6 { raw, compressed } => {
                let Some(bytes) = data.get(..16) else {
                    return false;
                };
                if compressed && !raw {
                    text.ip6_compressed(bytes);
                } else {
                    text.ip6(bytes, !raw);
                }
            }
            Pointer::Sockaddr { .. } => {
                if !self.socket_address(pointer, data, &mut text) {
                    return false;
                }
            }
            Pointer::Uuid { little, upper } => {
                const BIG: [usize; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
                const LITTLE: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
                if data.len() < 16 {
                    return false;
                }
                let order = if little { LITTLE } else { BIG };
                for (place, index) in order.into_iter().enumerate() {
                    if matches!(place, 4 | 6 | 8 | 10) {
                        text.push(b'-');
                    }
                    text.hex(data.get(index).copied().unwrap_or(0));
                }
                if upper {
                    text.bytes.make_ascii_uppercase();
                }
            }
            Pointer::Address => {
                let size = data.len().min(8);
                let Some(value) = read_number(data.get(..size).unwrap_or_default(), self.swap())
                else {
                    return false;
                };
                let look = Look {
                    flags: SPECIAL | ZERO,
                    ..Look::hex_padded(2 + 2 * size as i32)
                };
                number(&mut self.out, value, look);
                return true;
            }
            Pointer::Escape => {
                let len = usize::try_from(frame.width).unwrap_or(1);
                let Some(bytes) = data.get(..len) else {
                    return false;
                };
                self.escaped(bytes);
                return true;
            }
            Pointer::FourCc => {
                let Some(code) = data
                    .get(..4)
                    .and_then(|code| read_number(code, self.swap()))
                else {
                    return false;
                };
                let code = code as u32;
                for byte in (code & 0x7fff_ffff).to_le_bytes() {
                    text.push(if byte.is_ascii_graphic() || byte == b' ' {
                        byte
                    } else {
                        b'.'
                    });
                }
                let order: &[u8] = if code >> 31 == 1 { b" big" } else { b" little" };
                text.put(order);
                text.put(b"-endian (0x");
                for byte in code.to_be_bytes() {
                    text.hex(byte);
                }
                text.push(b')');
            }
            Pointer::Plain | Pointer::Symbol { .. } | Pointer::Error | Pointer::Memory => {
                return false;
            }
        }
        self.padded(text.text(), frame);
        true
    }

    fn socket_address(&self, pointer: Pointer, data: &[u8], text: &mut Scratch) -> bool {
        let Pointer::Sockaddr {
            raw,
            port,
            flow,
            scope,
            compressed,
            reversed,
        } = pointer
        else {
            return false;
        };
        let family = data
            .get(..2)
            .and_then(|bytes| read_number(bytes, self.swap()));
        let big = |range: core::ops::Range<usize>| {
            data.get(range)
                .map(|bytes| bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
        };
        match family {
            Some(AF_INET) => {
                let (Some(address), Some(number)) = (data.get(4..8), big(2..4)) else {
                    return false;
                };
                text.ip4(address, raw, reversed);
                if port {
                    text.push(b':');
                    text.decimal(number, 1);
                }
            }
            Some(AF_INET6) => {
                let (Some(address), Some(number)) = (data.get(8..24), big(2..4)) else {
                    return false;
                };
                let brackets = port || flow || scope;
                if brackets {
                    text.push(b'[');
                }
                if compressed && !raw {
                    text.ip6_compressed(address);
                } else {
                    text.ip6(address, !raw);
                }
                if brackets {
                    text.push(b']');
                }
                if port {
                    text.push(b':');
                    text.decimal(number, 1);
                }
                if flow {
                    text.push(b'/');
                    text.decimal(big(4..8).unwrap_or(0) & 0x0fff_ffff, 1);
                }
                if scope {
                    let Some(id) = data.get(24..28).and_then(|id| read_number(id, self.swap()))
                    else {
                        return false;
                    };
                    text.push(b'%');
                    text.decimal(id, 1);
                }
            }
            Some(_) => text.put(b"(einval)"),
            None => return false,
        }
        true
    }

    /// Bit `bit` of a bitmap of `long`s.
    fn bit(&self, at: usize, bit: usize) -> bool {
        let word = self.tree.abi.word.bytes();
        let byte = bit / 8;
        let byte = match self.tree.abi.endian {
            Endian::Little => byte,
            Endian::Big => byte / word * word + (word - 1 - byte % word),
        };
        let value = self.data.get(at.saturating_add(byte)).copied().unwrap_or(0);
        value >> (bit % 8) & 1 == 1
    }

    /// `%*pb`: 32 bits a number, the highest first.
    pub(super) fn bitmap(&mut self, at: usize, end: usize, bits: usize) {
        let bits = bits.min(end.saturating_sub(at) * 8);
        let chunks = bits.div_ceil(32);
        for chunk in (0..chunks).rev() {
            let width = (bits - chunk * 32).min(32);
            let value = (0..width)
                .filter(|bit| self.bit(at, chunk * 32 + bit))
                .fold(0u64, |value, bit| value | 1 << bit);
            if chunk + 1 < chunks {
                self.out.byte(b',');
            }
            let digits = width.div_ceil(4) as i32;
            number(&mut self.out, value, Look::hex_padded(digits));
            if self.out.is_done() {
                return;
            }
        }
    }

    /// `%*pbl`: ranges.
    fn bitmap_list(&mut self, at: usize, end: usize, bits: usize) {
        let bits = bits.min(end.saturating_sub(at) * 8);
        let mut bit = 0;
        let mut first = true;
        while bit < bits {
            if !self.bit(at, bit) {
                bit += 1;
                continue;
            }
            let start = bit;
            while bit < bits && self.bit(at, bit) {
                bit += 1;
            }
            if !first {
                self.out.byte(b',');
            }
            first = false;
            number(&mut self.out, start as u64, Look::plain(10));
            if bit - start > 1 {
                self.out.byte(b'-');
                number(&mut self.out, (bit - 1) as u64, Look::plain(10));
            }
        }
    }

    /// `%*pE` with its default classes: what is not printable ASCII is escaped.
    fn escaped(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                b'\n' => self.out.put(b"\\n"),
                b'\r' => self.out.put(b"\\r"),
                b'\t' => self.out.put(b"\\t"),
                0x0b => self.out.put(b"\\v"),
                0x0c => self.out.put(b"\\f"),
                b'\\' => self.out.put(b"\\\\"),
                7 => self.out.put(b"\\a"),
                0x1b => self.out.put(b"\\e"),
                0 => self.out.put(b"\\0"),
                b' '..=b'~' => self.out.byte(byte),
                _ => {
                    self.out.byte(b'\\');
                    for shift in [6, 3, 0] {
                        self.out.byte(b'0' + (byte >> shift & 7));
                    }
                }
            }
            if self.out.is_done() {
                return;
            }
        }
    }
}
