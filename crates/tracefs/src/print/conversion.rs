//! The format string: literal pieces and conversions, as the kernel's vsnprintf reads them
//! (`lib/vsprintf.c`, `Documentation/core-api/printk-formats.rst`).

use super::number::Look;
use super::tree::Str;
use crate::record::Accessor;

/// One piece of a line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece {
    Literal(Str),
    /// A number of the record, without an argument for its width or precision: most conversions.
    Field {
        access: Accessor,
        look: Look,
        /// Bytes of the number that count.
        size: u8,
        /// The conversion all the same, for when the record is too short.
        arg: u32,
    },
    Convert {
        spec: Spec,
        /// Index into the tree's arguments.
        arg: u32,
    },
}

/// A number in the format string, or an argument (`*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    None,
    Fixed(i32),
    /// Index into the tree's arguments.
    Arg(u32),
}

/// One conversion.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub(super) flags: u8,
    pub(super) width: Amount,
    pub(super) precision: Amount,
    pub(super) what: What,
}

pub(super) const LEFT: u8 = 1;
pub(super) const PLUS: u8 = 2;
pub(super) const SPACE: u8 = 4;
pub(super) const SPECIAL: u8 = 8;
pub(super) const ZERO: u8 = 16;
pub(super) const UPPER: u8 = 32;
/// `0x` in front of what is ten or more: not printf's, but that of system calls.
pub(super) const MARK: u8 = 64;

/// What a conversion prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Bytes of the argument that count, base, whether it has a sign.
    Number {
        size: u8,
        base: u8,
        signed: bool,
    },
    Char,
    Text,
    Pointer(Pointer),
}

impl What {
    const fn number(size: u8, base: u8, signed: bool) -> Self {
        Self::Number { size, base, signed }
    }
}

/// `%p` and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pointer {
    /// `%p`, `%px`, `%pK`.
    Plain,
    /// `%pS`, `%ps`, `%pB` and their older spellings.
    Symbol {
        offset: bool,
        back: bool,
    },
    /// `%ph`, with the byte between.
    Hex(Option<u8>),
    Bitmap,
    BitmapList,
    Mac {
        between: Option<u8>,
        reversed: bool,
    },
    /// Leading zeros, reversed.
    Ip4 {
        raw: bool,
        reversed: bool,
    },
    Ip6 {
        raw: bool,
        compressed: bool,
    },
    Sockaddr {
        raw: bool,
        port: bool,
        flow: bool,
        scope: bool,
        compressed: bool,
        reversed: bool,
    },
    Uuid {
        little: bool,
        upper: bool,
    },
    /// `%pa`, `%pad`, `%pap`, `%pNF`: a number by reference.
    Address,
    /// `%pE` with the classes of characters to escape.
    Escape,
    /// `%pe`.
    Error,
    /// `%p4cc`.
    FourCc,
    /// What is printed is in the kernel's memory.
    Memory,
}

/// Reads the conversion after a `%`. `next` gives the index of the next argument. `None` at the
/// end, or where the kernel would give up as well; otherwise the conversion and where it ends,
/// or no conversion for `%%`.
pub(super) fn parse(
    text: &[u8],
    mut at: usize,
    long: u8,
    next: &mut impl FnMut() -> u32,
) -> Option<(Option<(Spec, u32)>, usize)> {
    let byte = |at: usize| text.get(at).copied().unwrap_or(0);
    // Most conversions are one letter.
    let plain = match byte(at) {
        b'd' => Some(What::number(4, 10, true)),
        b'u' => Some(What::number(4, 10, false)),
        b'x' => Some(What::number(4, 16, false)),
        b's' => Some(What::Text),
        _ => None,
    };
    if let Some(what) = plain {
        let spec = Spec {
            flags: 0,
            width: Amount::None,
            precision: Amount::None,
            what,
        };
        return Some((Some((spec, next())), at + 1));
    }
    let mut flags = 0;
    loop {
        flags |= match byte(at) {
            b'-' => LEFT,
            b'+' => PLUS,
            b' ' => SPACE,
            b'#' => SPECIAL,
            b'0' => ZERO,
            _ => break,
        };
        at += 1;
    }
    let mut amount = |at: &mut usize| {
        if byte(*at) == b'*' {
            *at += 1;
            return Amount::Arg(next());
        }
        let mut value = None;
        while let digit @ b'0'..=b'9' = byte(*at) {
            let more = i32::from(digit - b'0');
            value = Some(
                value
                    .unwrap_or(0i32)
                    .saturating_mul(10)
                    .saturating_add(more),
            );
            *at += 1;
        }
        value.map_or(Amount::None, Amount::Fixed)
    };
    let width = amount(&mut at);
    let precision = if byte(at) == b'.' {
        at += 1;
        // `%.x` has no digits: the kernel keeps the default.
        amount(&mut at)
    } else {
        Amount::None
    };
    let mut size = 4;
    match (byte(at), byte(at + 1)) {
        (b'h', b'h') => {
            size = 1;
            at += 2;
        }
        (b'h', _) => {
            size = 2;
            at += 1;
        }
        (b'l', b'l') => {
            size = 8;
            at += 2;
        }
        (b'l' | b'z' | b't' | b'Z', _) => {
            size = long;
            at += 1;
        }
        (b'L', _) => {
            size = 8;
            at += 1;
        }
        _ => {}
    }
    let number = |base, signed| What::number(size, base, signed);
    let what = match byte(at) {
        b'%' => return Some((None, at + 1)),
        b'd' | b'i' => number(10, true),
        b'u' => number(10, false),
        b'x' => number(16, false),
        b'X' => {
            flags |= UPPER;
            number(16, false)
        }
        b'o' => number(8, false),
        b'c' => What::Char,
        b's' => What::Text,
        b'p' => {
            let start = at + 1;
            let mut end = start;
            while byte(end).is_ascii_alphanumeric() {
                end += 1;
            }
            at = end - 1;
            What::Pointer(pointer(text.get(start..end).unwrap_or_default()))
        }
        _ => return None,
    };
    let spec = Spec {
        flags,
        width,
        precision,
        what,
    };
    Some((Some((spec, next())), at + 1))
}

/// What the letters after `%p` say; what follows those that mean something is skipped, as the
/// kernel does.
fn pointer(letters: &[u8]) -> Pointer {
    let at = |index: usize| letters.get(index).copied().unwrap_or(0);
    match at(0) {
        0 | b'x' | b'K' => Pointer::Plain,
        b'S' | b'F' => Pointer::Symbol {
            offset: true,
            back: false,
        },
        b's' | b'f' => Pointer::Symbol {
            offset: false,
            back: false,
        },
        b'B' => Pointer::Symbol {
            offset: true,
            back: true,
        },
        b'h' => Pointer::Hex(match at(1) {
            b'C' => Some(b':'),
            b'D' => Some(b'-'),
            b'N' => None,
            _ => Some(b' '),
        }),
        b'b' if at(1) == b'l' => Pointer::BitmapList,
        b'b' => Pointer::Bitmap,
        b'M' => Pointer::Mac {
            between: Some(if at(1) == b'F' { b'-' } else { b':' }),
            reversed: at(1) == b'R',
        },
        b'm' => Pointer::Mac {
            between: None,
            reversed: at(1) == b'R',
        },
        first @ (b'I' | b'i') => {
            let raw = first == b'i';
            match at(1) {
                b'4' => Pointer::Ip4 {
                    raw,
                    reversed: matches!(at(2), b'h' | b'l'),
                },
                b'6' => Pointer::Ip6 {
                    raw,
                    compressed: at(2) == b'c',
                },
                b'S' => {
                    let options = letters.get(2..).unwrap_or_default();
                    Pointer::Sockaddr {
                        raw,
                        port: options.contains(&b'p'),
                        flow: options.contains(&b'f'),
                        scope: options.contains(&b's'),
                        compressed: options.contains(&b'c'),
                        reversed: options.iter().any(|letter| matches!(letter, b'h' | b'l')),
                    }
                }
                _ => Pointer::Plain,
            }
        }
        b'U' => Pointer::Uuid {
            little: matches!(at(1), b'l' | b'L'),
            upper: matches!(at(1), b'L' | b'B'),
        },
        b'a' => Pointer::Address,
        b'N' if at(1) == b'F' => Pointer::Address,
        b'E' => Pointer::Escape,
        b'e' => Pointer::Error,
        b'4' if letters.starts_with(b"4cc") => Pointer::FourCc,
        b'R' | b'r' | b'V' | b'd' | b'D' | b'g' | b'C' | b'G' | b'O' | b't' | b'N' => {
            Pointer::Memory
        }
        _ => Pointer::Plain,
    }
}
