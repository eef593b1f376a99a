//! Lines that were broken: by a mail program, a terminal, a person.

/// How many lines one line can have been broken into.
pub(crate) const MAX_LINES: u8 = 4;

/// Why a line wants the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    /// It ends in the middle of a hexadecimal number that lacks this many digits; 0 where nobody knows.
    Hex(u8),
    /// It ends before a value.
    Value,
    /// It ends with quoted-printable's soft line break.
    Soft,
    /// The symbol at the instruction pointer may stand alone on the next line.
    Symbol,
}

/// The line and its continuation as one, if `next` is one.
pub(crate) fn join(why: Join, held: &[u8], next: &[u8]) -> Option<Vec<u8>> {
    let next = unquoted(next);
    let (keep, glue): (&[u8], &[u8]) = match why {
        Join::Soft => (held.strip_suffix(b"=").unwrap_or(held), b""),
        Join::Hex(missing) => {
            let digits = hex_run(next);
            let after = next.get(digits..).unwrap_or_default();
            let ends = match missing {
                // `Feb 23` begins with digits too: after a number comes the end, or the name of a field.
                0 => {
                    let field = after.trim_ascii_start().first();
                    field.is_none_or(|b| b.is_ascii_uppercase() || *b == b'm')
                }
                n => digits == usize::from(n),
            };
            let glued = after.first().is_some_and(u8::is_ascii_alphanumeric);
            if digits == 0 || digits > 15 || glued || !ends {
                return None;
            }
            (held, b"")
        }
        Join::Value => {
            let value = next.strip_prefix(b"0x").unwrap_or(next);
            let named = matches!(
                next,
                [b'B' | b'b', b'a' | b'A', ..] | [b'C', b'P', b'U', b' ', ..]
            );
            if hex_run(value) == 0 && !named {
                return None;
            }
            (held, b" ")
        }
        Join::Symbol => {
            let brace = memchr::memchr(b'{', next)?;
            let lead = next.get(..brace)?;
            let bare = lead.is_empty() || lead.ends_with(b" ");
            if !bare
                || memchr::memchr(b'}', next).is_none()
                || memchr::memmem::find(next, b"+0x").is_none()
            {
                return None;
            }
            return Some([held.trim_ascii_end(), b" ", next.get(brace..)?].concat());
        }
    };
    let keep = if matches!(why, Join::Soft) {
        keep
    } else {
        keep.trim_ascii_end()
    };
    Some([keep, glue, next].concat())
}

/// Whether what begins with `next` is surely no continuation of a line that ends in a hexadecimal number: as [`join`]
/// would find, of what need not be a whole line.
pub(crate) fn is_apart(next: &[u8]) -> bool {
    let Some(first) = next.first() else {
        return false;
    };
    let quoted = first.is_ascii_whitespace() || matches!(first, b'>' | b'|' | b'#');
    if !quoted && !first.is_ascii_hexdigit() {
        return true;
    }
    // Dates begin with digits too: `Feb 23`, `2026-11-22`.
    memchr::memchr(b'\n', next)
        .and_then(|end| next.get(..end))
        .is_some_and(|line| join(Join::Hex(0), b"", line).is_none())
}

/// A line without the marks that a mail program puts before it.
fn unquoted(line: &[u8]) -> &[u8] {
    let mut line = line;
    loop {
        line = line.trim_ascii();
        match line {
            [b'>' | b'|' | b'#', rest @ ..] => line = rest,
            _ => return line,
        }
    }
}

fn hex_run(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_hexdigit()).count()
}
