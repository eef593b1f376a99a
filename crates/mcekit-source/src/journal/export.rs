//! The journal's export format (systemd.io/JOURNAL_EXPORT_FORMATS): entries of fields, an empty line behind each. A field is
//! `NAME=value`, or where the value is no plain text the name alone, then its length as 64 bits little endian, the value,
//! and a line end.

use std::mem;

/// What is kept of a field's value.
pub(super) const MAX_VALUE: usize = 64 << 10;

/// More than journald takes (`DATA_SIZE_MAX`): the stream is damaged.
const MAX_CLAIM: u64 = 1 << 30;

/// One entry, as far as it is of interest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// `__CURSOR`.
    pub(super) cursor: String,
    /// `_BOOT_ID`.
    pub(super) boot: String,
    /// `MESSAGE`.
    pub(super) message: Vec<u8>,
    /// It has `_TRANSPORT=kernel`, and no other transport.
    pub(super) kernel: Option<bool>,
    /// It names a device that the kernel speaks of, or a facility that is not the kernel's.
    pub(super) foreign: bool,
    /// It has any field.
    any: bool,
}

/// Where the parser is.
#[derive(Debug, Default)]
enum State {
    /// In a line, of which this was read; what is longer than is kept is passed over.
    #[default]
    Line,
    /// In the length of the field `line` names.
    Length { bytes: [u8; 8], got: usize },
    /// In its value.
    Value { left: u64 },
    /// The line end behind a value.
    End,
    /// Nothing fits any more: up to the next empty line.
    Lost { empty: bool },
}

/// The parser.
#[derive(Debug, Default)]
pub(super) struct Export {
    state: State,
    line: Vec<u8>,
    value: Vec<u8>,
    entry: Entry,
    /// How often the stream made no sense.
    damaged: u64,
}

impl Export {
    /// How often the stream made no sense, so that an entry was passed over.
    pub(super) const fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Reads on, and hands out whole entries.
    pub(super) fn push(&mut self, mut bytes: &[u8], sink: &mut impl FnMut(Entry)) {
        while !bytes.is_empty() {
            let used = self.step(bytes, sink);
            bytes = bytes.get(used..).unwrap_or_default();
        }
    }

    /// The stream is at its end: an entry that nothing is missing of but the empty line is one.
    pub(super) fn finish(&mut self, sink: &mut impl FnMut(Entry)) {
        if matches!(self.state, State::Line) && self.line.is_empty() {
            self.entry(sink);
        }
    }

    /// Reads at least one byte; how many it was.
    fn step(&mut self, bytes: &[u8], sink: &mut impl FnMut(Entry)) -> usize {
        match &mut self.state {
            State::Line => {
                let newline = bytes.iter().position(|&byte| byte == b'\n');
                let text = bytes.get(..newline.unwrap_or(bytes.len())).unwrap_or(bytes);
                keep(&mut self.line, text);
                if newline.is_some() {
                    self.end_of_line(sink);
                }
                text.len() + usize::from(newline.is_some())
            }
            State::Length { bytes: length, got } => {
                let mut used = 0;
                for (to, from) in length.iter_mut().skip(*got).zip(bytes) {
                    *to = *from;
                    used += 1;
                }
                *got += used;
                if *got == length.len() {
                    let left = u64::from_le_bytes(*length);
                    self.state = match left {
                        0 => State::End,
                        1..=MAX_CLAIM => State::Value { left },
                        _ => self.lose(),
                    };
                }
                used
            }
            State::Value { left } => {
                let some = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                keep(&mut self.value, bytes.get(..some).unwrap_or_default());
                *left -= some as u64;
                if *left == 0 {
                    self.state = State::End;
                }
                some
            }
            State::End => {
                if bytes.first() == Some(&b'\n') {
                    let (name, value) = (mem::take(&mut self.line), mem::take(&mut self.value));
                    self.field(&name, &value);
                    self.state = State::Line;
                } else {
                    self.state = self.lose();
                }
                1
            }
            State::Lost { empty } => {
                let Some(newline) = bytes.iter().position(|&byte| byte == b'\n') else {
                    *empty = false;
                    return bytes.len();
                };
                if newline == 0 && *empty {
                    self.state = State::Line;
                } else {
                    *empty = true;
                }
                newline + 1
            }
        }
    }

    fn end_of_line(&mut self, sink: &mut impl FnMut(Entry)) {
        let line = mem::take(&mut self.line);
        if line.is_empty() {
            self.entry(sink);
        } else if let Some(equals) = line.iter().position(|&byte| byte == b'=') {
            let (name, value) = line.split_at(equals);
            self.field(name, value.get(1..).unwrap_or_default());
        } else if line.len() < MAX_VALUE {
            self.line = line;
            self.value.clear();
            self.state = State::Length {
                bytes: [0; 8],
                got: 0,
            };
        } else {
            self.state = self.lose();
        }
    }

    fn entry(&mut self, sink: &mut impl FnMut(Entry)) {
        let entry = mem::take(&mut self.entry);
        if entry.any {
            sink(entry);
        }
    }

    /// The entry is given up.
    fn lose(&mut self) -> State {
        self.damaged += 1;
        self.entry = Entry::default();
        self.line.clear();
        self.value.clear();
        State::Lost { empty: false }
    }

    fn field(&mut self, name: &[u8], value: &[u8]) {
        let entry = &mut self.entry;
        entry.any = true;
        let text = || String::from_utf8_lossy(value).into_owned();
        match name {
            b"__CURSOR" => entry.cursor = text(),
            b"_BOOT_ID" => entry.boot = text(),
            b"MESSAGE" => entry.message = value.to_vec(),
            b"_TRANSPORT" => {
                entry.kernel = Some(value == b"kernel" && entry.kernel.unwrap_or(true));
            }
            b"_KERNEL_DEVICE" | b"_KERNEL_SUBSYSTEM" => entry.foreign = true,
            // Lines that programs write to /dev/kmsg come through the kernel's transport, too.
            b"SYSLOG_FACILITY" => entry.foreign |= value != b"0",
            _ => {}
        }
    }
}

/// Appends, up to what is kept of a value.
fn keep(to: &mut Vec<u8>, bytes: &[u8]) {
    let room = MAX_VALUE.saturating_sub(to.len()).min(bytes.len());
    to.extend_from_slice(bytes.get(..room).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(chunks: &[&[u8]]) -> (Vec<Entry>, u64) {
        let mut export = Export::default();
        let mut all = Vec::new();
        for chunk in chunks {
            export.push(chunk, &mut |entry| all.push(entry));
        }
        export.finish(&mut |entry| all.push(entry));
        (all, export.damaged())
    }

    #[test]
    fn fields_of_both_kinds() {
        let text = b"__CURSOR=s=1;i=2\n_TRANSPORT=kernel\nMESSAGE\n\x07\0\0\0\0\0\0\0two\n\nX=\nSYSLOG_FACILITY=0\n\n\n\nMESSAGE=a=b\n_TRANSPORT=stdout\n\n";
        let (all, damaged) = entries(&[text]);
        assert_eq!((all.len(), damaged), (2, 0));
        assert_eq!(all[0].cursor, "s=1;i=2");
        assert_eq!(all[0].message, b"two\n\nX=");
        assert_eq!((all[0].kernel, all[0].foreign), (Some(true), false));
        assert_eq!(all[1].message, b"a=b");
        assert_eq!(all[1].kernel, Some(false));
        let one_by_one: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(entries(&one_by_one), (all, 0));
    }

    #[test]
    fn whose_words_they_are() {
        for (fields, kernel, foreign) in [
            ("_TRANSPORT=kernel\n_TRANSPORT=syslog\n", Some(false), false),
            ("_TRANSPORT=kernel\nSYSLOG_FACILITY=3\n", Some(true), true),
            (
                "_TRANSPORT=kernel\n_KERNEL_SUBSYSTEM=usb\n",
                Some(true),
                true,
            ),
            ("TRANSPORT=kernel\n", None, false),
        ] {
            let (all, _) = entries(&[fields.as_bytes(), b"\n"]);
            assert_eq!(
                (all[0].kernel, all[0].foreign),
                (kernel, foreign),
                "{fields}"
            );
        }
    }

    #[test]
    fn damage_costs_the_entry() {
        let claim = |length: u64| [b"MESSAGE\n", &length.to_le_bytes()[..]].concat();
        let rest = b"x\nA=1\n\nMESSAGE=next\n\n";
        for bad in [claim(u64::MAX), claim(0)] {
            let (all, damaged) = entries(&[b"A=1\n", &bad, rest]);
            assert_eq!((all.len(), damaged), (1, 1));
            assert_eq!(all[0].message, b"next");
        }
        let long = vec![b'x'; 3 * MAX_VALUE];
        let (all, damaged) = entries(&[&long, b"\nA=1\n\nMESSAGE=", &long, b"\n\n"]);
        assert_eq!((all.len(), damaged), (1, 1));
        assert_eq!(all[0].message.len(), MAX_VALUE - "MESSAGE=".len());
        // An entry that the stream's end cut off.
        assert_eq!(entries(&[b"MESSAGE=one\n\nMESS"]).0.len(), 1);
        assert_eq!(entries(&[b"MESSAGE=one\n"]).0.len(), 1);
    }
}
